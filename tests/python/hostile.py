"""Makes files that a reader must refuse out of one that is good.

    python hostile.py GOOD.npz FOLDER

GOOD has a member `a.npy`, two int32 numbers. FOLDER gets the files and `expected.json`: for each a part of the
error that is to be given.
"""

import io
import json
import pathlib
import struct
import sys
import warnings
import zipfile

import numpy as np

good = pathlib.Path(sys.argv[1]).read_bytes()
folder = pathlib.Path(sys.argv[2])
with zipfile.ZipFile(io.BytesIO(good)) as archive:
    members = {name: archive.read(name) for name in archive.namelist()}
expected = {}


def put(name, content, said):
    (folder / name).write_bytes(content)
    expected[name] = said


def pack(pairs, method=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(out, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, content in pairs:
            archive.writestr(name, content)
    return out.getvalue()


def npy(array, **options):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


def header(text, data=b"\0" * 8, version=b"\x01\x00", length=None):
    text = text.encode()
    length = len(text) if length is None else length
    size = struct.pack("<H" if version[0] == 1 else "<I", length)
    return b"\x93NUMPY" + version + size + text + data


def with_a(content):
    return pack([*((name, old) for name, old in members.items() if name != "a.npy"), ("a.npy", content)])


# What is no archive of ours.
put("empty", b"", "wrong magic")
put("text", b"not a zip archive", "wrong magic")
put("plain.npy", npy(np.arange(3)), "missing field `text`; there are `arr_0`")
put("nothing_in_it", pack([]), "missing field `text`; there are no arrays")
put("numpy", pack([("a.npy", npy(np.arange(3, dtype="i4")))]), "missing field `text`; there are `a`")

# Members.
without = [(name, content) for name, content in members.items() if name != "a.npy"]
put("member_missing", pack(without), "member `a.npy` is missing")
put("member_twice", pack([*members.items(), ("a.npy", members["a.npy"])]), "duplicate")
for index, name in enumerate(["/a", "../a", "b/../../a", "a\\b"]):
    put(f"name_{index}", pack([*members.items(), (name, b"")]), "its name")
put("method", pack(members.items(), zipfile.ZIP_BZIP2), "expected stored or deflate")
put("bomb", pack([*without, ("a.npy", npy(np.zeros(1 << 26, np.uint8)))], zipfile.ZIP_DEFLATED), "at most")
put("rest_altered", pack([("a.npy", members["a.npy"]), ("__serde_shm__.npy", npy(np.zeros(99, np.uint8)))]),
    "wrong magic")

# The .npy header.
start = "{'descr': '<i4', 'fortran_order': False, 'shape': "
put("npy_dtype", with_a(npy(np.array([1, 2], np.uint32))), "found <u4 [2]")
put("npy_shape", with_a(npy(np.array([[1], [2]], np.int32))), "found <i4 [2, 1]")
put("npy_big_endian", with_a(npy(np.array([1, 2], ">i4"))), "found >i4")
put("npy_object", with_a(npy(np.array([{}, None]), allow_pickle=True)), "never read")
put("npy_structured", with_a(npy(np.zeros(1, "i4,f4"))), "found [('f0', '<i4'), ('f1', '<f4')]")
put("npy_text", with_a(npy(np.array(["ab"]))), "found <U2")
put("npy_short", with_a(members["a.npy"][:-1]), "expected 8 bytes")
put("npy_long", with_a(members["a.npy"] + b"x"), "expected 8 bytes")
put("npy_no_header", with_a(b"\x93NUMPY"), "truncated")
put("npy_version", with_a(b"\x93NUMPY\x09\x00" + b" " * 64), "version 9.0")
put("npy_overflow", with_a(header(start + "(9223372036854775809, 2)}\n")), "overflows")
put("npy_overflow_empty", with_a(header(start + "(0, 18446744073709551615, 18446744073709551615)}\n")), "overflows")
put("npy_huge", with_a(header(start + "(1000000000000,)}\n")), "expected 4000000000000 bytes")
put("npy_axis", with_a(header(start + f"({1 << 64},)}}\n")), "does not fit")
put("npy_axes", with_a(header(start + "(" + "1," * 65 + ")}\n")), "axes")
put("npy_code", with_a(header("__import__('os').abort()\n")), "bad header")
put("npy_key_twice", with_a(header(start + "(2,), 'shape': (2,)}\n")), "twice")
put("npy_header_length", with_a(header("{}", version=b"\x02\x00", length=0xFFFFFFFF)), "a header of 4294967295 bytes")

# The zip itself. A copy in which one field is overwritten: of the first local header, or of its directory entry.
central = good.index(b"PK\x01\x02")
end = good.index(b"PK\x05\x06")


def alter(*changes):
    bad = bytearray(good)
    for at, new in changes:
        bad[at : at + len(new)] = new
    return bytes(bad)


first_len = struct.unpack_from("<I", good, central + 24)[0]
put("zip_prefix", b"PKjunk" + good, "not a whole zip archive")
put("zip_suffix", good + b"junk", "bytes stand after the archive")
put("zip_encrypted", alter((6, b"\x01"), (central + 8, b"\x01")), "encrypted")
put("zip_size_local", alter((22, b"\xff\xff")), "member `a.npy`: its own header has another size")
put("zip_size_directory", alter((central + 24, b"\xff\xff\xff\x7f")), "member `a.npy`: stored in")
put("zip_sizes_differ", alter((22, struct.pack("<I", first_len - 1)), (central + 24, struct.pack("<I", first_len - 1))),
    "stored in")
huge = b"\0\0\0\x7f"
put("zip_size_2_gib", alter(*((at, huge) for at in (18, 22, central + 20, central + 24))),
    "member `a.npy`: its data overlaps")
put("zip_name_local", alter((30, b"b")), "member `a.npy`: its own header has another name")
put("zip_offset", alter((central + 42, b"\x01")), "not a whole zip archive")
put("zip_crc", alter((14, b"????"), (central + 16, b"????")), "wrong checksum")
put("zip_count", alter((end + 8, b"\xff\x00\xff\x00")), "not a whole zip archive")
put("zip_disks", alter((end + 4, b"\x01")), "")
put("zip_cut_directory", good[: central + 30] + good[end:], "not a whole zip archive")
second = good.index(b"PK\x01\x02", central + 4)
put("zip_overlap", alter((second + 42, good[central + 42 : central + 46])), "overlaps another member")

(folder / "expected.json").write_text(json.dumps(expected))
