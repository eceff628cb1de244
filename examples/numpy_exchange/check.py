"""Checks what the Rust program made of the file that write.py wrote.

    python3 check.py GIVEN ANSWER
"""

import sys

import numpy as np

given, answer = np.load(sys.argv[1]), np.load(sys.argv[2])

hidden = np.tanh(given["samples"].astype(np.float64) @ given["layers.0.weight"] + given["layers.0.bias"])
expected = (hidden @ given["layers.1.weight"] + given["layers.1.bias"])[:, 0]

assert answer["predictions"].dtype == np.float64, answer["predictions"].dtype
assert answer["predictions"].shape == (1000,), answer["predictions"].shape
np.testing.assert_allclose(answer["predictions"], expected, rtol=1e-12)
np.testing.assert_array_equal(answer["used"], given["valid"])
np.testing.assert_allclose(answer["means.area"], given["samples"][given["valid"]][:, 0].mean(), rtol=1e-5)
assert {f"means.{name}" for name in given["columns"]} <= set(answer.files), answer.files
print(f"{sys.argv[2]}: {len(answer.files)} arrays, all as expected")
