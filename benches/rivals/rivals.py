"""NumPy, joblib and shared_memory_wrapper on a model of float32 arrays: what each takes to write, and to load and sum.

Called by the program of this package with a number of bytes and of rounds. Prints one line of JSON for each peer: its name, and for
both steps the median and the least of processor time in ms, and the median ratio to the yardstick. A peer whose package is missing
is a line that says so.
"""

import importlib.metadata
import json
import mmap
import os
import statistics
import sys
import tempfile
import time

import numpy as np

ARRAYS = 16


def timed(step, *args):
    begun = time.process_time_ns()
    step(*args)
    return (time.process_time_ns() - begun) / 1e6


def version(peer):
    return importlib.metadata.version(peer.package) if hasattr(peer, "package") else ""


def total(arrays):
    return sum(float(array.sum(dtype=np.float64)) for array in arrays)


class Bare:
    name = "write, mmap"

    def write(self, path, model):
        with open(path, "wb", buffering=0) as file:
            for array in model.values():
                file.write(array.data)

    def read(self, path, model):
        with open(path, "rb") as file:
            memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        whole = np.frombuffer(memory, np.float32)
        return total(np.split(whole, len(model)))


class Savez:
    name = "NumPy {version}, savez and load"
    package = "numpy"

    def write(self, path, model):
        with open(path, "wb") as file:
            np.savez(file, **model)

    def read(self, path, model):
        with np.load(path) as file:
            return total(file[name] for name in model)


class Joblib:
    name = "joblib {version}, dump and load with mmap_mode"
    package = "joblib"

    def __init__(self):
        import joblib

        self.joblib = joblib

    def write(self, path, model):
        self.joblib.dump(model, path)

    def read(self, path, model):
        return total(self.joblib.load(path, mmap_mode="r").values())


class Wrapper:
    name = "shared_memory_wrapper {version}, to_file and from_file"
    package = "shared_memory_wrapper"

    def __init__(self):
        import shared_memory_wrapper

        self.wrapper = shared_memory_wrapper

    def write(self, path, model):
        self.wrapper.to_file(dict(model), str(path))

    def read(self, path, model):
        return total(self.wrapper.from_file(str(path)).values())


def main():
    size, rounds = int(sys.argv[1]), int(sys.argv[2])
    generator = np.random.default_rng(1)
    length = size // 4 // ARRAYS
    model = {f"layer_{at}": generator.random(length, np.float32) for at in range(ARRAYS)}
    peers = []
    for kind in (Bare, Savez, Joblib, Wrapper):
        try:
            peers.append(kind())
        except ImportError as error:
            print(json.dumps({"skipped": f"{kind.package}: {error.name} is not installed"}))
    times = {peer.name: {"write": [], "read": []} for peer in peers}
    expected = total(model.values())
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for turn in range(rounds):
            for at in range(len(peers)):
                peer = peers[(at + turn) % len(peers)]
                path = os.path.join(folder, f"model-{turn}-{at}")
                times[peer.name]["write"].append(timed(peer.write, path, model))
                times[peer.name]["read"].append(timed(peer.read, path, model))
                assert abs(peer.read(path, model) - expected) < 1e-6 * expected, peer.name
                for name in os.listdir(folder):
                    os.unlink(os.path.join(folder, name))
    for peer in peers:
        row = {"name": peer.name.format(version=version(peer))}
        for step, all_times in times[peer.name].items():
            ratios = [own / bare for own, bare in zip(all_times, times[Bare.name][step])]
            row[step] = [statistics.median(all_times), min(all_times), statistics.median(ratios)]
        print(json.dumps(row))


main()
