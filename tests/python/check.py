"""Checks that NumPy sees in an .npz file exactly the arrays that a manifest lists.

    python check.py FILE.npz MANIFEST.json [ALIGN]

The manifest maps each member's name to its dtype, shape, whether it is stored in Fortran order, and its bytes in the
order in which they lie in the file. The zip directory is read by Python too: every member is
stored, with a right checksum, at a multiple of ALIGN (64) of the file, and its array's data as well.
"""

import json
import struct
import sys
import zipfile

import numpy as np

LOCAL_HEADER = 30
REST = "__serde_shm__"


def check_layout(path, align):
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        assert archive.testzip() is None, "a checksum is wrong"
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED, info.filename
            assert info.date_time == (1980, 1, 1, 0, 0, 0), info.filename
            file.seek(info.header_offset)
            header = file.read(LOCAL_HEADER)
            name_len, extra_len = struct.unpack_from("<HH", header, 26)
            start = info.header_offset + LOCAL_HEADER + name_len + extra_len
            assert start % align == 0, (info.filename, start)
            file.seek(start)
            prefix = file.read(10)
            assert prefix[:8] == b"\x93NUMPY\x01\x00", info.filename
            data = start + len(prefix) + struct.unpack_from("<H", prefix, 8)[0]
            assert data % align == 0, (info.filename, data)
        assert archive.namelist()[-1] == REST + ".npy"


def check_arrays(path, manifest):
    with np.load(path) as arrays:
        assert sorted(arrays.files) == sorted([*manifest, REST]), arrays.files
        rest = arrays[REST]
        assert rest.dtype == np.uint8 and rest.ndim == 1, REST
        for name, expected in manifest.items():
            array = arrays[name]
            assert array.dtype.str == expected["dtype"], (name, array.dtype)
            assert list(array.shape) == expected["shape"], (name, array.shape)
            differs = array.size > 0 and sum(axis > 1 for axis in array.shape) > 1
            if differs:
                assert array.flags.f_contiguous == expected["fortran"], name
                assert array.flags.c_contiguous != expected["fortran"], name
            order = "F" if expected["fortran"] else "C"
            assert array.tobytes(order) == bytes(expected["bytes"]), name


if __name__ == "__main__":
    with open(sys.argv[2]) as manifest:
        check_arrays(sys.argv[1], json.load(manifest))
    check_layout(sys.argv[1], int(sys.argv[3]) if len(sys.argv) > 3 else 64)
