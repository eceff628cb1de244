"""Writes files as other programs write them, without this crate's own member.

    python foreign.py FOLDER
"""

import io
import os
import pathlib
import pickle
import sys
import zipfile

import numpy as np

folder = pathlib.Path(sys.argv[1])


def at(name):
    return folder / (name + ".npz")


def pack(name, pairs, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(at(name), "w", method) as archive:
        for member, content in pairs:
            if isinstance(content, np.ndarray):
                out = io.BytesIO()
                np.lib.format.write_array(out, content)
                content = out.getvalue()
            archive.writestr(member, content)


layers = {f"layers.{n}.weight": np.full((2, 3), n, "f4") for n in range(12)}
layers |= {f"layers.{n}.bias": np.full(3, n, "f4") for n in range(12)}
np.savez(at("dots"), name=np.array("net"), epoch=np.int64(7), **layers)
np.savez_compressed(at("dots_compressed"), name=np.array("net"), epoch=np.int64(7), **layers)
np.savez(at("slashes"), name=np.array("net"), epoch=np.int64(7),
         **{key.replace(".", "/"): value for key, value in layers.items()})
pack("deflated", [(key + ".npy", value) for key, value in layers.items()]
     + [("name.npy", np.array("net")), ("epoch.npy", np.array(7))], zipfile.ZIP_DEFLATED)

# Arrays without names.
np.savez(at("positional"), *[np.full(n + 1, n) for n in range(12)])
np.savez(at("one"), np.arange(3.0))
np.savez(at("one_and_named"), np.arange(3.0), other=np.arange(2))
pack("gap", [("0.npy", np.zeros(1)), ("2.npy", np.zeros(1))])
pack("leading_zero", [("0.npy", np.zeros(1)), ("00.npy", np.zeros(1))])

# Scalars.
for code in ["?", "i1", "i2", "<i4", ">i4", "i8", ">i8", "u1", "u2", "u4", ">u4", "u8", "f2", ">f2", "f4", ">f4", "f8", ">f8"]:
    np.savez(at("scalar_" + code.replace("<", "l").replace(">", "b").replace("?", "bool")), value=np.array(1, code))
np.savez(at("scalar_negative"), value=np.int64(-1))
np.savez(at("scalar_large"), value=np.uint64(2**64 - 1))
np.savez(at("scalar_float"), value=np.float64(0.1))
np.savez(at("scalar_text"), value=np.array("é"))
np.savez(at("scalar_bytes"), value=np.array(b"x"))
np.savez(at("scalar_one_element"), value=np.array([5]))
np.savez(at("strings"), text=np.array(["a", "größe", "", "🦀", "x" * 50]), bytes=np.array([b"a", b"bcd", b""]),
         big=np.array(["ab", "c"]).astype(">U2"), table=np.array([["a", "b"], ["c", "d"]]), empty=np.array([], "U3"))

# Enums.
np.savez(at("enum_text"), op=np.array("Stop"), ops=np.array(["Stop", "Go"]))
np.savez(at("enum_group"), **{"op.Move.dx": np.float64(1.5), "op.Move.dy": np.float64(-2.0)})
np.savez(at("enum_newtype"), **{"op.Scale": np.float64(3.0)})
np.savez(at("enum_tuple"), **{"op.Pair.0": np.int64(1), "op.Pair.1": np.int64(2)})
np.savez(at("enum_two"), **{"op.Scale": np.float64(3.0), "op.Move.dx": np.float64(1.5), "op.Move.dy": np.float64(0)})
np.savez(at("tagged"), **{"op.kind": np.array("Move"), "op.dx": np.float64(1.5), "op.dy": np.float64(-2.0)})

# Names that stand for one place, or for an array and a group.
np.savez(at("array_and_group"), a=np.zeros(2), **{"a.b": np.ones(3)})
np.savez(at("two_separators"), **{"a.b": np.zeros(2), "a/b": np.ones(2)})
np.savez(at("keys"), **{"10": np.array([10]), "7": np.array([7]), "100": np.array([100])})
np.savez(at("words"), **{"x y": np.zeros(1), "größe": np.ones(1), "a-b": np.zeros(2)})
pack("odd_names", [(".npy", np.zeros(1)), ("..npy", np.ones(1)), ("a..npy", np.ones(2)), ("b.npy.npy", np.ones(3))])

# What is no array.
pack("others", [("README.txt", b"hello"), ("a.npy", np.arange(3)), ("meta.json", b"{}"), ("folder/", b""),
                ("data.pkl", b"\x80\x04."), ("b.npy", np.arange(2))])
pack("empty", [])


class Evil:
    def __reduce__(self):
        return (open, (str(folder / "pickled"), "w"))


np.savez(at("object"), good=np.arange(3), bad=np.array([Evil()], dtype=object))
if "arr" in sys.modules:
    os.abort()
with open(folder / "object.npy", "wb") as out:
    np.save(out, np.array([Evil()], dtype=object), allow_pickle=True)
(folder / "pickle.npy").write_bytes(pickle.dumps(Evil()))
assert not (folder / "pickled").exists()

# A state dict as people save it, with what training needs beside it.
rng = np.random.default_rng(1)
state = {
    "conv1.weight": rng.normal(size=(8, 3, 3, 3)).astype("f4"),
    "conv1.bias": np.zeros(8, "f4"),
    "bn1.running_mean": np.zeros(8, "f4"),
    "bn1.num_batches_tracked": np.int64(1200),
    "blocks.0.attn.qkv.weight": rng.normal(size=(12, 4)).astype("f2"),
    "blocks.1.attn.qkv.weight": rng.normal(size=(12, 4)).astype("f2"),
    "optimizer/lr": np.float32(0.01),
    "optimizer/betas": np.array([0.9, 0.999]),
    "step": np.array(5),
}
np.savez(at("state"), **state)

points = np.array([(1, 2.5, (3, 4)), (5, 6.5, (7, 8))], dtype=[("id", "<i4"), ("x", "<f8"), ("ij", "<i2", (2,))])
np.savez(at("structured"), points=points, one=points[0])
np.savez(at("times"), when=np.array(["2026-01-01", "NaT"], "datetime64[s]"), span=np.timedelta64(90, "m"))
np.savez(at("complex"), z=np.array([1 + 2j, 3 - 4j]), one=np.complex64(1 - 1j))
np.savez(at("strided"), a=np.arange(24).reshape(4, 6)[::2, ::3], b=np.broadcast_to(np.arange(3), (2, 3)),
         f=np.asfortranarray(np.arange(6).reshape(2, 3)))
