"""Evaluates each line of its input and says how many seconds it took. Started by the benchmark `npz`."""

import sys
import time

import numpy as np

arrays = {}


def large(size):
    arrays.clear()
    items = (np.arange(size // 4 // 16) % 977).astype("f4")
    arrays.update((name, items.copy()) for name in "abcdefghijklmnop")


def small(count):
    arrays.clear()
    arrays.update((str(n), np.full(16, n, "f8")) for n in range(count))


def take(path):
    arrays.clear()
    with np.load(path) as file:
        arrays["values"] = file["values"]


def save(path, arrays):
    np.savez(path, **arrays)


def save_compressed(path, arrays):
    np.savez_compressed(path, **arrays)


def load_all(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


def load_sum(path):
    with np.load(path) as file:
        return sum(file[name].sum() for name in file.files)


for line in sys.stdin:
    started = time.perf_counter()
    eval(line)
    print(time.perf_counter() - started, flush=True)
