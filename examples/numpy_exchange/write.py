"""Writes what a Python program would hand over: a data set, a model's layers and some settings, in one .npz file.

    python3 write.py FILE
"""

import sys

import numpy as np

rng = np.random.default_rng(7)
np.savez_compressed(
    sys.argv[1],
    name=np.array("house prices"),
    created=np.datetime64("2026-11-22T12:00:00", "s"),
    samples=rng.normal(size=(1000, 8)).astype(np.float32),
    prices=rng.normal(size=1000),
    columns=np.array(["area", "rooms", "age", "floor", "lat", "lon", "north", "größe"]),
    valid=rng.random(1000) < 0.9,
    **{
        "settings.rate": np.float64(0.01),
        "settings.rounds": np.int64(200),
        "layers.0.weight": rng.normal(size=(8, 4)),
        "layers.0.bias": np.zeros(4),
        "layers.1.weight": np.asfortranarray(rng.normal(size=(4, 1))),
        "layers.1.bias": np.zeros(1, dtype=">f8"),
    },
)
