"""Arrays of every dtype that NumPy saves without a pickle, for Rust to read and to save again.

    python dtypes.py write FILE.npz     every dtype, byte order, order in memory and rank
    python dtypes.py compare A.npz B.npz     B holds what A does, maybe of another width or byte order
    python dtypes.py structs FILE.npz   structs that lie packed, aligned, turned around and in another order
    python dtypes.py check FILE.npz     what the test in structs.rs saved
"""

import sys
import zipfile

import numpy as np

SHAPES = [(), (1,), (7,), (0,), (3, 4), (2, 0, 3), (2, 3, 4), (2, 1, 3, 2), (1, 2, 1, 2, 3), (1, 2, 1, 2, 1, 3)]
SCALARS = (
    ["?", "i1", "u1", "S1", "S5", "V1", "V3", "V10"]
    + [order + kind for order in "<>" for kind in ["i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]]
    + [order + kind + unit for order in "<>" for kind in ["M8", "m8"] for unit in
       ["", "[Y]", "[M]", "[W]", "[D]", "[h]", "[m]", "[25s]", "[ms]", "[us]", "[ns]", "[ps]", "[fs]", "[as]"]]
    + [order + "U" + width for order in "<>" for width in ["1", "6"]]
)
STRUCTS = [
    [("x", "<f4"), ("y", ">f8"), ("ok", "?")],
    [("pos", "<f4", (3,)), ("m", ">i2", (2, 2)), ("label", "<U3"), ("raw", "S4")],
    [("t", "<M8[ns]"), ("dt", ">m8[25s]"), ("c", ">c8"), ("h", "<f2"), ("void", "V5")],
    [("inner", [("a", "<i4"), ("b", [("deep", ">u2", (2,))], (3,))]), ("größe 'n\\", "<i8")],
    [("長さ", "<i2")],
    [(("a title", "name"), "<f4"), ("n", "u1")],
]


def dtypes():
    found = [np.dtype(text) for text in SCALARS] + [np.dtype(fields) for fields in STRUCTS]
    found.append(np.dtype(STRUCTS[0], align=True))
    found.append(np.dtype({"names": ["a", "b"], "formats": ["u1", "<i4"], "offsets": [3, 8], "itemsize": 20}))
    return found


def fill(dtype, shape, random):
    """Bytes of every kind where all are valid, else values."""
    array = np.zeros(shape, dtype)
    if dtype.names is not None:
        for name in dtype.names:
            inner = dtype[name]
            base, sub = (inner.base, inner.shape) if inner.subdtype else (inner, ())
            array[name] = fill(base, tuple(shape) + sub, random)
        return array
    count = int(np.prod(shape))
    if dtype.kind == "b":
        values = random.integers(0, 2, count).astype(bool)
    elif dtype.kind == "U":
        alphabet = list("aé長😀 \x00z")
        width = dtype.itemsize // 4
        values = ["".join(random.choice(alphabet, random.integers(0, width + 1))) for _ in range(count)]
    elif dtype.kind == "S":
        values = [random.bytes(int(random.integers(0, dtype.itemsize + 1))) for _ in range(count)]
    else:
        values = np.frombuffer(random.bytes(count * dtype.itemsize), dtype)
    flat = np.array(values, dtype) if count else np.zeros(0, dtype)
    return flat.reshape(shape)


def write(path):
    random = np.random.default_rng(1)
    arrays = {}
    for number, dtype in enumerate(dtypes()):
        for rank, shape in enumerate(SHAPES):
            array = fill(dtype, shape, random)
            arrays[f"{number}_{rank}_C"] = np.ascontiguousarray(array).reshape(shape)
            arrays[f"{number}_{rank}_F"] = np.asfortranarray(array).reshape(shape, order="F")
    np.savez(path, **arrays)


def same(a, b, name):
    assert a.shape == b.shape, (name, a.shape, b.shape)
    if a.dtype.names is not None:
        assert a.dtype.names == b.dtype.names, (name, a.dtype, b.dtype)
        assert a.dtype.itemsize == b.dtype.itemsize, (name, a.dtype, b.dtype)
        for field in a.dtype.names:
            assert a.dtype.fields[field][1] == b.dtype.fields[field][1], (name, field)
            same(a[field], b[field], f"{name}.{field}")
        return
    if a.dtype.kind in "US":
        assert a.dtype.kind == b.dtype.kind, (name, a.dtype, b.dtype)
        assert (a == b).all(), name
        return
    native = a.dtype.newbyteorder("=")
    assert native == b.dtype.newbyteorder("="), (name, a.dtype, b.dtype)
    if a.dtype.kind in "mM":
        # NumPy 2.4 does not turn the bytes of times without a unit.
        a, b = (np.ascontiguousarray(times).view(times.dtype.byteorder.replace("|", "=") + "i8") for times in (a, b))
        native = np.dtype("i8")
    # Not-a-numbers have a payload, which must not change either.
    assert a.astype(native).tobytes() == b.astype(native).tobytes(), name


def compare(first, second):
    with np.load(first) as a, np.load(second) as b:
        names = sorted(a.files)
        assert names == sorted(name for name in b.files if name != "__serde_shm__"), b.files
        assert len(names) > 1500, len(names)
        for name in names:
            same(a[name], b[name], name)


POINT = [("x", "<f4"), ("y", "<f8"), ("ok", "?")]


def structs(path):
    packed = np.array([(0.5 * n, -n, n % 3 == 0) for n in range(5)], POINT)
    aligned = packed.astype(np.dtype(POINT, align=True))
    big = packed.astype([("x", ">f4"), ("y", ">f8"), ("ok", "?")])
    moved = np.zeros(5, [("ok", "?"), ("y", "<f8"), ("x", ">f4")])
    for name in moved.dtype.names:
        moved[name] = packed[name]
    lacking = packed[["x", "y"]].astype([("x", "<f4"), ("y", "<f8")])
    more = np.zeros(5, POINT + [("z", "<i4")])
    other = packed.astype([("x", "<f4"), ("y", "<f4"), ("ok", "?")])
    bad = aligned.copy()
    bad.view(np.uint8).reshape(5, -1)[3, 16] = 7
    np.savez(
        path, packed=packed, aligned=aligned, big=big, moved=moved, lacking=lacking, more=more, other=other, bad=bad,
        time=np.array(["1970-01-02", "NaT"], "M8[D]"), nanos=np.array([1, 2], ">m8[ns]"),
        void=np.array([0x3FC0, 0xC000], "<u2").view("V2"), text=np.array(["ab", "größe"]), data=np.array([b"ab", b"\xff\x01"]),
        one=np.array("only"),
    )


def check(path):
    with np.load(path) as file:
        points = file["points"]
        assert points.dtype == np.dtype(POINT, align=True), points.dtype
        assert points.dtype.itemsize == 24
        assert list(points["x"]) == [0, 0.5, 1, 1.5] and list(points["ok"]) == [True, False, False, True]
        with zipfile.ZipFile(path) as archive:
            raw = np.frombuffer(archive.read("points.npy")[-96:], np.uint8).reshape(4, 24)
        assert not raw[:, 4:8].any() and not raw[:, 17:].any(), "padding is zero"
        assert file["times"].dtype == np.dtype("<M8[ns]")
        assert file["times"][0] == np.datetime64(1_500_000_000, "ns") and np.isnat(file["times"][1])
        assert file["spans"].dtype == np.dtype("<m8[D]") and file["spans"][0] == np.timedelta64(-3, "D")
        assert list(file["names"]) == ["größe", "x"] and file["names"].dtype == np.dtype("<U6")
        assert list(file["codes"]) == [b"ab", b"\xff"] and file["codes"].dtype == np.dtype("S3")
        assert file["half"].dtype == np.dtype("<f2") and list(file["half"]) == [1.5, -2]
        assert file["brain"].dtype == np.dtype("V2")
        assert list(file["brain"].view("<u2")) == [0x3FC0, 0xC000]
        assert file["complex"].dtype == np.dtype("<c8") and list(file["complex"]) == [1 + 2j, -1j]
        assert file["wide"].dtype == np.dtype("<c16") and file["wide"].flags.f_contiguous


if __name__ == "__main__":
    {"write": write, "compare": compare, "structs": structs, "check": check}[sys.argv[1]](*sys.argv[2:])
