"""Makes files that a reader must refuse out of one that is good.

    python hostile.py GOOD.npz FOLDER

GOOD has a member `a.npy`, two int32 numbers. FOLDER gets the files and `expected.json`: for each a part of the
error that is to be given. `odd.json` lists files that are odd, but can be understood in one way only.
"""

import io
import json
import pathlib
import struct
import sys
import warnings
import zipfile
import zlib

import numpy as np

good = pathlib.Path(sys.argv[1]).read_bytes()
folder = pathlib.Path(sys.argv[2])
with zipfile.ZipFile(io.BytesIO(good)) as archive:
    members = {name: archive.read(name) for name in archive.namelist()}
expected = {}
odd = []


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


def fine(name, content):
    (folder / name).write_bytes(content)
    odd.append(name)


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
# Nothing is written to a name, so that it may be any.
for index, name in enumerate(["/a", "../a", "b/../../a", "a\\b"]):
    fine(f"name_{index}", pack([*members.items(), (name, b"")]))
put("method", pack(members.items(), zipfile.ZIP_BZIP2), "expected stored or deflate")
put("bomb", pack([*without, ("a.npy", npy(np.zeros(1 << 26, np.uint8)))], zipfile.ZIP_DEFLATED), "at most")
put("rest_altered", pack([("a.npy", members["a.npy"]), ("__serde_shm__.npy", npy(np.zeros(99, np.uint8)))]),
    "wrong magic")

# The .npy header.
elements = struct.pack("<ii", 1, -2)
start = "{'descr': '<i4', 'fortran_order': False, 'shape': "
put("npy_dtype", with_a(npy(np.array([1, 2], np.uint32))), "found <u4 [2]")
put("npy_shape", with_a(npy(np.array([[1], [2]], np.int32))), "found <i4 [2, 1]")
put("npy_big_endian", with_a(npy(np.array([1, 2], ">i4"))), "found >i4")
put("npy_object", with_a(npy(np.array([{}, None]), allow_pickle=True)), "never read")
put("npy_structured", with_a(npy(np.zeros(1, "i4,f4"))), "found [('f0', '<i4'), ('f1', '<f4')]")
put("npy_text", with_a(npy(np.array(["ab"]))), "found <U2")
put("npy_short", with_a(members["a.npy"][:-1]), "expected 8 bytes")
fine("npy_long", with_a(members["a.npy"] + b"x"))
put("npy_no_header", with_a(b"\x93NUMPY"), "truncated")
put("npy_version", with_a(b"\x93NUMPY\x09\x00" + b" " * 64), "version 9.0")
put("npy_overflow", with_a(header(start + "(9223372036854775809, 2)}\n")), "overflows")
put("npy_overflow_empty", with_a(header(start + "(0, 18446744073709551615, 18446744073709551615)}\n")), "overflows")
put("npy_huge", with_a(header(start + "(1000000000000,)}\n")), "expected 4000000000000 bytes")
put("npy_axis", with_a(header(start + f"({1 << 64},)}}\n")), "does not fit")
put("npy_axes", with_a(header(start + "(" + "1," * 65 + ")}\n")), "axes")
put("npy_code", with_a(header("__import__('os').abort()\n")), "bad header")
fine("npy_key_twice", with_a(header(start + "(3,), 'shape': (2,)}\n", elements)))
fine("npy_plus", with_a(header(start + "(+2,)}\n", elements)))
fine("npy_hex", with_a(header(start + "(0x2,)}\n", elements)))
fine("npy_comment", with_a(header(start + "(2,)} # ", elements)))
fine("npy_spelled", with_a(header("{'descr': 'int32', 'fortran_order': False, 'shape': (2,)}", elements)))
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

# Headers of a .npy that lie, each in a whole archive.
put("npy_length_zero", with_a(header("{}", length=0)), "member `a.npy`: bad header")
put("npy_length_short", with_a(header(start + "(2,)}", length=20)), "member `a.npy`: bad header")
put("npy_length_long", with_a(header(start + "(2,)}", length=200)), "member `a.npy`: truncated")
put("npy_length_max", with_a(header(start + "(2,)}", length=65535)), "member `a.npy`: truncated")
put("npy_length_v2", with_a(header(start + "(2,)}", version=b"\x02\x00", length=1 << 20)), "member `a.npy`: truncated")
put("npy_length_v3", with_a(header(start + "(2,)}", version=b"\x03\x00", length=1 << 31)), "a header of 2147483648 bytes")
for version in [b"\x00\x00", b"\x04\x00", b"\xff\xff", b"\x01\x01", b"\x02\x01"]:
    put(f"npy_version_{version.hex()}", with_a(header(start + "(2,)}", version=version)), "member `a.npy`: .npy version")
put("npy_magic", with_a(b"\x93NUMPX" + members["a.npy"][6:]), "member `a.npy`: wrong magic")
put("npy_nothing", with_a(b""), "member `a.npy`")
put("npy_latin", with_a(b"\x93NUMPY\x03\x00\x04\x00\x00\x00\xff\xfe\xfd\xfc" + b"\0" * 8), "not UTF-8")
for cut in [1, 5, 6, 7, 8, 9, 10, 11, 60, 127]:
    put(f"npy_cut_{cut}", with_a(members["a.npy"][:cut]), "member `a.npy`")

descriptors = {
    "empty": "''", "space": "' '", "question": "'<?'", "unknown": "'<z4'", "size": "'<i3'", "size_zero": "'<i0'",
    "huge_size": "'|S99999999999999999999'", "large_size": "'|V9223372036854775807'",
    "bytes_order": "'xi4'", "twice": "'<<i4'", "trailing": "'<i4 '", "nul": "'<i4\\x00'", "newline": "'<i4\\n'",
    "unicode": "'<ï4'", "quote": "'<i4", "list_empty_name": "[('', '<i4'), ('', '<i4')]", "list_twice": "[('a', '<i4'), ('a', '<i4')]",
    "list_open": "[('a', '<i4')", "list_number": "[1, 2]", "list_object": "[('a', '|O')]", "tuple": "('<i4', (2,))",
    "none": "None", "number": "4", "dict": "{'names': ['a'], 'formats': ['<i4']}", "object": "'|O'", "object_8": "'|O8'",
    "sub_overflow": "[('a', '<i4', (9223372036854775807, 4))]", "sub_negative": "[('a', '<i4', (-1,))]",
    "datetime": "'<M8[xx]'", "datetime_open": "'<M8['", "datetime_many": "'<M8[99999999999999999999s]'", "long_double": "'<f16'",
    "call": "__import__('os').system('touch pwned')", "deep": "[" * 500 + "]" * 500,
    "deep_structs": "[('a', " * 200 + "'<i4'" + ")]" * 200,
}
for name, text in descriptors.items():
    text = "{'descr': " + text + ", 'fortran_order': False, 'shape': (2,)}\n"
    put("npy_descr_" + name, with_a(header(text)), "member `a.npy`")

shapes = {
    "none": "None", "number": "2", "list": "[2]", "float": "(2.0,)", "negative": "(-2,)", "negative_two": "(-1, -2)",
    "true": "(True,)", "text": "('2',)", "expression": "(1+1,)", "power": "(2**63,)", "hex": "(0xffffffffffffffff,)",
    "product": "(4294967296, 4294967296)", "product_2": "(4611686018427387904, 2)", "product_zero": "(4294967296, 4294967296, 0)",
    "more": "(3,)", "less": "(1,)", "empty": "(0,)", "scalar": "()", "wide": "(2," + "1," * 31 + ")", "nested": "((2,),)",
    "million": "(" + "1," * 20000 + ")", "open": "(2,", "underscore": "(2_0,)", "space": "(1 0,)",
}
for name, text in shapes.items():
    put("npy_shape_" + name, with_a(header(start + text + "}\n")), "member `a.npy`")
for name, text in {"order_number": "{'descr': '<i4', 'fortran_order': 1, 'shape': (2,)}",
                   "order_missing": "{'descr': '<i4', 'shape': (2,)}", "key": "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
                   "set": "{'descr'}", "two": "{}{}", "binary": "\x00\x01\x02"}.items():
    put("npy_" + name, with_a(header(text)), "member `a.npy`")


# Zip archives by hand, field by field.
class Member:
    def __init__(self, name, content, **fields):
        self.name, self.content = name.encode(), content
        self.fields = dict(method=0, flags=0, crc=zlib.crc32(content), size=len(content), extra=b"", data=content)
        self.fields.update(fields)
        self.fields.setdefault("stored", len(self.fields["data"]))


def local(member, **changed):
    f = member.fields | changed
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, f["flags"], f["method"], 0, 33, f["crc"], f["stored"], f["size"],
                       len(member.name), len(f["extra"])) + member.name + f["extra"]


def entry(member, place, **changed):
    f = member.fields | changed
    return struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\x01\x02", 20, 20, f["flags"], f["method"], 0, 33, f["crc"], f["stored"],
                       f["size"], len(member.name), len(f["extra"]), 0, f.get("disk", 0), 0, 0, f.get("at", place)) + member.name + f["extra"]


def archive_of(list_of_members, end_size=None, end_count=None, end_start=None, tail=b"", comment=b""):
    out, directory = b"", b""
    for member in list_of_members:
        at = len(out)
        out += local(member, **member.fields.get("local", {})) + member.fields["data"] + member.fields.get("after", b"")
        directory += entry(member, at, **member.fields.get("entry", {}))
    count = len(list_of_members) if end_count is None else end_count
    return out + directory + tail + struct.pack(
        "<4sHHHHIIH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory) if end_size is None else end_size,
        len(out) if end_start is None else end_start, len(comment)) + comment


names = list(members)
rest = [Member(name, members[name]) for name in names if name != "a.npy"]
a = members["a.npy"]


def one(**fields):
    return archive_of([Member("a.npy", a, **fields), *rest])


def deflate(content, level=6):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


fine("hand_plain", one())
fine("hand_deflated", one(method=8, data=deflate(a)))
fine("hand_deflated_0", one(method=8, data=deflate(a, 0)))
fine("hand_comment", archive_of([Member("a.npy", a), *rest], comment=b"a comment PK\x05\x06 of its own"))
fine("hand_extra", one(extra=struct.pack("<HH4s", 0x5455, 4, b"abcd")))
fine("hand_gap", one(after=b"\0" * 100))
descriptor = struct.pack("<4sIII", b"PK\x07\x08", zlib.crc32(a), len(a), len(a))
fine("hand_descriptor", one(flags=8, local=dict(crc=0, size=0, stored=0), after=descriptor))
fine("hand_descriptor_bare", one(flags=8, local=dict(crc=0, size=0, stored=0), after=descriptor[4:]))
wide = struct.pack("<HHQQ", 1, 16, len(a), len(a))
fine("hand_zip64_small", one(local=dict(size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=wide),
                             entry=dict(size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=wide)))
fine("hand_folder", archive_of([Member("group/", b""), Member("a.npy", a), *rest]))

for method in [1, 6, 9, 12, 14, 93, 95, 97, 98, 99, 0xFFFF]:
    put(f"method_{method}", one(method=method), "member `a.npy`: compressed by method")
for flag in [1, 1 << 6, 1 << 13]:
    put(f"encrypted_{flag}", one(flags=flag), "member `a.npy`: it is encrypted")
put("patched", one(flags=1 << 5), "member `a.npy`: it is a patch")
put("deflated_said", one(method=8), "member `a.npy`")
put("deflated_cut", one(method=8, data=deflate(a)[:-1]), "member `a.npy`")
put("deflated_more", one(method=8, data=deflate(a + b"x")), "member `a.npy`: expected")
put("deflated_less", one(method=8, data=deflate(a[:-1])), "member `a.npy`: expected")
put("deflated_nothing", one(method=8, data=b""), "member `a.npy`")
put("deflated_reserved", one(method=8, data=b"\x07" + b"\0" * 60), "member `a.npy`")
put("deflated_crc", one(method=8, data=deflate(a), crc=1), "member `a.npy`: wrong checksum")
put("stored_crc", one(crc=1), "member `a.npy`: wrong checksum")
for name, size in {"zero": 0, "less": len(a) - 1, "more": len(a) + 1, "gib": 1 << 30, "max": 0xFFFFFFFE}.items():
    put("size_" + name, one(size=size), "member `a.npy`: stored in")
    put("size_deflated_" + name, one(method=8, data=deflate(a), size=size), "member `a.npy`")
    put("size_both_" + name, one(size=size, stored=size), "")
put("zip64_missing", one(size=0xFFFFFFFF, stored=0xFFFFFFFF), "member `a.npy`: its extra fields")
lie = struct.pack("<HHQQ", 1, 16, 1 << 60, 1 << 60)
put("zip64_lie", one(local=dict(size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=lie),
                     entry=dict(size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=lie)), "member `a.npy`: its data overlaps")
lie = struct.pack("<HHQQ", 1, 16, (1 << 64) - 1, (1 << 64) - 1)
put("zip64_max", one(entry=dict(size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=lie)), "member `a.npy`: its data overlaps")
put("zip64_deflated", one(method=8, data=deflate(a), entry=dict(size=0xFFFFFFFF, extra=struct.pack("<HHQ", 1, 8, 1 << 40))),
    "member `a.npy`")
put("zip64_short", one(entry=dict(size=0xFFFFFFFF, stored=0xFFFFFFFF, extra=wide[:-1])), "member `a.npy`: its extra fields")
put("extra_broken", one(extra=b"\x01\x00\xff\xff"), "member `a.npy`: its")
put("split", one(disk=1), "member `a.npy`: it lies in another part")
for name, changed in {"method": dict(method=8), "name_length": dict(extra=b""), "crc": dict(crc=5), "size": dict(size=5),
                      "stored": dict(stored=5), "encrypted": dict(flags=1)}.items():
    if name != "name_length":
        put("local_" + name, one(local=changed), "member `a.npy`: its own header has another")
put("at_elsewhere", one(at=4), "")
put("at_itself", archive_of([*rest, Member("a.npy", a, entry=dict(at=0))]), "overlaps")
put("at_far", archive_of([*rest, Member("a.npy", a, entry=dict(at=0xFFFFFF00))]), "member `a.npy`")
put("nested", archive_of([*rest, Member("a.npy", local(Member("b.npy", a)) + a, entry=dict(at=0))]), "overlaps")
put("twice", archive_of([Member("a.npy", a), Member("a.npy", a), *rest]), "member `a.npy`: there are two")
put("rest_twice", archive_of([Member("a.npy", a), *rest, *rest]), "member `__serde_shm__.npy`: there are two")
put("count_less", archive_of([Member("a.npy", a), *rest], end_count=1), "not a whole zip archive")
put("count_more", archive_of([Member("a.npy", a), *rest], end_count=3), "not a whole zip archive")
put("count_max", archive_of([Member("a.npy", a), *rest], end_count=65535), "not a whole zip archive")
put("directory_size", archive_of([Member("a.npy", a), *rest], end_size=0x7FFFFFFF), "not a whole zip archive")
put("directory_start", archive_of([Member("a.npy", a), *rest], end_start=0xFFFFFFFE), "not a whole zip archive")
put("directory_zero", archive_of([Member("a.npy", a), *rest], end_size=0, end_start=0, end_count=0), "not a whole zip archive")
wide_end = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1 << 50, 1 << 50, 1 << 60, 0)
locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(archive_of([Member("a.npy", a), *rest])) - 22, 1)
put("zip64_end_lie", archive_of([Member("a.npy", a), *rest], tail=wide_end + locator), "not a whole zip archive")
put("zip64_end_far", archive_of([Member("a.npy", a), *rest], tail=struct.pack("<4sIQI", b"PK\x06\x07", 0, 1 << 63, 1)),
    "not a whole zip archive")
for name, text in {"absolute": "/etc/a.npy", "up": "../a.npy", "inner_up": "a/../../b.npy", "drive": "C:\\a.npy", "nul": "a\0.npy",
                   "back": "..\\a.npy", "empty": ""}.items():
    fine("traversal_" + name, archive_of([Member("a.npy", a), Member(text, b""), *rest]))
put("name_utf8", archive_of([Member("a.npy", a), *rest]).replace(b"a.npy", b"\xff.npy"), "")
fine("folder_content", archive_of([Member("a.npy", a), Member("x/", b"content"), *rest]))
for cut in range(1, 60, 7):
    put(f"cut_end_{cut}", good[:-cut], "not a whole zip archive")
for at in [central - 1, central, central + 1, (central + end) // 2, end - 1, end]:
    put(f"cut_at_{at}", good[:at], "not a whole zip archive")
put("only_end", good[end:], "not a whole zip archive")
put("only_directory", good[central:], "not a whole zip archive")
put("concatenated", good + good, "not a whole zip archive")

(folder / "odd.json").write_text(json.dumps(odd))
(folder / "expected.json").write_text(json.dumps(expected))
