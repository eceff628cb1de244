"""Archives in which one member is odd and the others are not: members.py FOLDER."""

import io
import json
import pathlib
import sys
import warnings
import zipfile

import numpy as np

folder = pathlib.Path(sys.argv[1])
warnings.simplefilter("ignore")

# Names that np.savez takes and np.load gives back, each beside another array. Nothing is extracted to a path.
names = [
    "/group/data", "../up", "a/../b", "a\\b", "C:\\x", "", ".", "..", "a.", ".a", "a//b", "a..b", "/", "//", "./a", "a/.", "a\nb",
    "größe", "長さ/重さ", "a b", " ", "x" * 300, "x" * 60000, "a/" * 500 + "b", "../" * 100 + "etc/passwd", "file.npy", "~", "~1", "a~2", "__proto__",
    "con", "aux.txt", "%2e%2e/x", "a:b", "*", "\x7f", "é" * 5000, "CON/PRN", "other/../other", "__serde_shm__~1", "\ud7ff", "\U0001f600",
]
listing = []
for index, name in enumerate(names):
    path = folder / f"name-{index}.npz"
    save = np.savez_compressed if index % 2 else np.savez
    save(path, **{name: np.arange(3.0), "other": np.arange(2.0)})
    with np.load(path) as back:
        assert back["other"].tolist() == [0, 1]
        assert back[name].tolist() == [0, 1, 2]
        listing.append([path.name, back.files])
(folder / "names.json").write_text(json.dumps(listing))


def npy(array, **options):
    out = io.BytesIO()
    np.lib.format.write_array(out, np.asanyarray(array), **options)
    return out.getvalue()


def pack(name, members):
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member, content in members:
            method = zipfile.ZIP_BZIP2 if member.startswith("bzip2") else zipfile.ZIP_STORED
            archive.writestr(zipfile.ZipInfo(member), content, method)


a, b = npy(np.arange(3, dtype="i4")), npy(np.arange(4.0))
fork = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        " + bytes(100)
pack("mixed.npz", [
    ("a.npy", a), ("__MACOSX/", b""), ("__MACOSX/._a.npy", fork), ("README.txt", b"What this is\n"), ("folder/", b""),
    ("pickle.npy", npy(np.array([{"a": 1}], dtype=object), allow_pickle=True)), ("long.npy", npy(np.zeros(2, np.longdouble))),
    ("empty.npy", b""), ("cut.npy", b[:-3]), ("bzip2.npy", b), ("no_suffix", b), ("page.html.npy", b"<!DOCTYPE html><html>"),
    ("group/b.npy", b), ("x.pkl", b"\x80\x04\x95abc"), ("inner.npz", b"PK\x03\x04" + bytes(40)), ("twice.npy", a), ("twice.npy", b),
])
with np.load(folder / "mixed.npz") as back:
    assert back["no_suffix"].shape == (4,) and back["twice"].shape == (4,)
pack("suffix.npz", [("x.npy", a), ("x", b), ("y.npy", a), ("y.npy.npy", b), ("z", a), ("z.npy", b), ("t.npy", a), ("t", b"text")])
with np.load(folder / "suffix.npz") as back:
    lens = {name: len(back[name]) for name in ["x", "x.npy", "y", "y.npy", "y.npy.npy", "z", "z.npy"]}
    assert lens == {"x": 4, "x.npy": 3, "y": 3, "y.npy": 3, "y.npy.npy": 4, "z": 3, "z.npy": 4}
pack("only_pickle.npz", [("obj.npy", npy(np.array([{}], dtype=object), allow_pickle=True))])
pack("torch.pt", [("model/data.pkl", b"\x80\x02}q\x00."), ("model/byteorder", b"little"), ("model/data/0", bytes(16)), ("model/version", b"3\n")])
pack("document.docx", [("[Content_Types].xml", b"<?xml?>"), ("word/document.xml", b"<?xml?>")])
pack("texts.zip", [("a.txt", b"a"), ("b/c.csv", b"x,y")])
