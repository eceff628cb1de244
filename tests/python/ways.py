"""Writes arrays that are aligned or not, in both byte orders and both orders.

    python ways.py FILE.npz stored|deflated|mixed
"""

import sys
import zipfile

import numpy as np

numbers = np.arange(20.0).reshape(4, 5)
arrays = {
    "little": np.arange(1000, dtype="<u4"),
    "big": np.arange(1000, dtype=">u4"),
    "c": numbers,
    "fortran": np.asfortranarray(numbers),
    "big_fortran": np.asfortranarray(numbers).astype(">f8"),
    "odd": np.arange(21, dtype="<u8").reshape(3, 7),
}
if sys.argv[2] == "mixed":
    with zipfile.ZipFile(sys.argv[1], "w") as archive:
        for number, (name, array) in enumerate(arrays.items()):
            method = zipfile.ZIP_DEFLATED if number % 2 else zipfile.ZIP_STORED
            info = zipfile.ZipInfo(name + ".npy")
            info.compress_type = method
            with archive.open(info, "w") as member:
                np.lib.format.write_array(member, array)
elif sys.argv[2] == "stored":
    np.savez(sys.argv[1], **arrays)
else:
    np.savez_compressed(sys.argv[1], **arrays)
