"""Checks that NumPy opens an archive of many arrays, each of which holds its own number, and the rest.

    python many.py FILE.npz COUNT
"""

import sys

import numpy as np

count = int(sys.argv[2])
with np.load(sys.argv[1]) as arrays:
    assert len(arrays.files) == count + 1, len(arrays.files)
    for number in [0, 1, 65_533, 65_534, 65_535, 65_536, count - 1]:
        array = arrays[str(number)]
        assert array.dtype == np.uint32 and array.tolist() == [number], (number, array)
