"""Reads the arrays of a block by docs/FORMAT.md alone, and compares them with those of an archive of the same object.

    python block.py FILE.block FILE.npz
"""

import ast
import struct
import sys
import zlib

import numpy as np

CODES = "|b1 |i1 <i2 <i4 <i8 |u1 <u2 <u4 <u8 <f4 <f8 <f2 V2 <c8 <c16".split()


def numbers(block, at, count, width):
    """So many little-endian numbers of `1 << width` bytes, and where they end."""
    size = 1 << width
    taken = [int.from_bytes(block[at + i * size : at + (i + 1) * size], "little") for i in range(count)]
    return taken, at + count * size


def directory_of(block):
    assert block[:8] == b"\x89SHM\r\n\x1a\n" and block[-8:] == b"SHMEND\r\n"
    assert struct.unpack_from("<HH", block, 8) == (3, 0)
    end = len(block) - 64
    length, start, inline, tables, directory, arrays, crc, _ = struct.unpack_from("<6QII", block, end)
    assert length == len(block) and start + inline + tables + directory == end
    assert zlib.crc32(block[:64] + block[start : end + 48]) == crc
    return block[end - directory : end], arrays


def arrays_of(block):
    directory, count = directory_of(block)
    found = {}
    if not directory:
        assert count == 0
        return found
    (series,) = struct.unpack_from("<Q", directory)
    heap = directory[8 + 48 * series :]
    steps = []
    for number in range(series):
        record = struct.unpack_from("<2Q6I8B", directory, 8 + 48 * number)
        offset, pitch, first, items, at, before, after, descriptor = record[:8]
        code, flags, ndim, kind, stride, place, columns, widths = record[8:]
        assert kind == 0
        axes, at = numbers(heap, at, ndim * (items if columns & 4 else 1), widths & 3)
        past, at = numbers(heap, at, items if columns & 8 else 0, widths >> 4 & 3)
        text = heap[at : at + descriptor].decode()
        at += descriptor
        prefix, suffix = heap[at : at + before].decode(), heap[at + before : at + before + after].decode()
        at += before + after
        if place == 0 and columns & 1:
            (start,), at = numbers(heap, at, 1, 3)
            steps = [str(start + item) for item in range(items)]
        elif place == 0 and columns & 2:
            ends, at = numbers(heap, at, items, 2)
            names = heap[at : at + ends[-1]].decode("utf-8")
            names = names.encode()
            steps = [names[a:b].decode() for a, b in zip([0] + ends, ends)]
        elif place == 0:
            assert items == 1
            steps = [""]
        if code == 255:
            dtype = np.lib.format.descr_to_dtype(ast.literal_eval(text) if text[0] == "[" else text)
        else:
            dtype = np.dtype(CODES[code - 1]).newbyteorder(">" if flags & 2 else "=")
        for item in range(items):
            shape = axes[item * ndim : (item + 1) * ndim] if columns & 4 else axes
            place_in_block = offset + (past[item] if columns & 8 else item * pitch)
            size = int(np.prod(shape, dtype=int)) * dtype.itemsize
            elements = np.frombuffer(block[place_in_block : place_in_block + size], dtype)
            array = elements.reshape(shape, order="F" if flags & 1 else "C")
            found[first + item * stride] = (prefix + steps[item] + suffix, array)
    assert sorted(found) == list(range(count))
    return dict(found.values())


arrays = arrays_of(open(sys.argv[1], "rb").read())
theirs = np.load(sys.argv[2])
names = set(theirs.files) - {"__serde_shm__"}
assert set(arrays) == names, set(arrays) ^ names
for name, array in arrays.items():
    other = theirs[name]
    assert array.dtype == other.dtype and array.shape == other.shape, name
    # NumPy copies no bytes between fields.
    for field in array.dtype.names or [...]:
        assert array[field].tobytes() == other[field].tobytes(), (name, field)
