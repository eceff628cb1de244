"""Headers of .npy files in hundreds of spellings, and what NumPy makes of each: headers.py FILE.json."""

import io
import itertools
import json
import struct
import sys
import warnings

import numpy as np

warnings.simplefilter("ignore")
DATA = bytes(range(1, 256)) * 40

# Where this crate reads less than NumPy, and why. docs/FORMAT.md has the same list.
LESS = {
    "long double": "its form differs between machines",
    "sub-array": "the dtype of an array that is itself a sub-array",
    "zero count": "times counted in steps of zero or less",
    "escape": "names by Unicode's names, `\\N{DASH}`, and halves of surrogates",
    "odd field": "fields in a set or a dictionary, or a field that is a string of two letters",
    "odd tuple": "a tuple of two dtypes",
}
# Where it reads more.
MORE = {
    "blank end": "blanks behind the last end of a line, which Python's parser of version 3 headers takes for a line that is indented",
    "long header": "NumPy asks before it reads more than 10,000 bytes",
    "empty items": "sub-arrays of items without bytes, which NumPy writes and does not read",
}

cases = []


def canonical(dtype):
    """The dtype as this crate writes it: without titles, gaps as voids."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        text, inner = canonical(base)
        return text, shape + inner
    if dtype.names is None:
        return dtype.str, ()
    fields, at = [], 0
    for name in dtype.names:
        field, offset = dtype.fields[name][:2]
        if offset > at:
            fields.append(("", f"|V{offset - at}"))
        text, shape = canonical(field)
        fields.append((name, text, shape) if shape else (name, text))
        at = offset + field.itemsize
    if dtype.itemsize > at:
        fields.append(("", f"|V{dtype.itemsize - at}"))
    return fields, ()


def text_of(dtype):
    text, shape = canonical(dtype)
    assert shape == ()
    return text if isinstance(text, str) else repr(text)


def add(text, version=1, encoding="latin1", less=None, more=None, length=None):
    if isinstance(text, str) and any(ord(char) > 255 for char in text):
        version, encoding = 3, "utf8"
    raw = text.encode(encoding) if isinstance(text, str) else text
    size = len(raw) if length is None else length
    head = b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", size)
    file = head + raw + DATA
    case = {"header": raw.decode("latin1"), "version": version, "more": more}
    try:
        array = np.lib.format.read_array(io.BytesIO(file), allow_pickle=False)
    except Exception as error:
        case["error"] = f"{type(error).__name__}: {error}"[:200]
    else:
        case["less"] = less
        case["dtype"] = text_of(array.dtype).encode("utf8", "replace").decode()
        case["shape"] = list(array.shape)
        case["fortran"] = bool(array.flags.f_contiguous and not array.flags.c_contiguous)
        case["bytes"] = list(array.tobytes(order="A"))[:64]
    # The numbers of the file itself, for the reader.
    case["file"] = list(head + raw)
    cases.append(case)


def descr(text, **options):
    add(f"{{'descr': {text}, 'fortran_order': False, 'shape': (2,), }}\n", **options)


def shape(text, **options):
    add(f"{{'descr': '|u1', 'fortran_order': False, 'shape': {text}, }}\n", **options)


# Every letter and name with every byte order and size.
letters = "?bBhHiIlLqQpPnNefdgFDGSUVOMmcaTxyzZKrtuw"
for order, letter, size in itertools.product(["", "<", ">", "=", "|", "!", "~"], letters, ["", "0", "1", "2", "4", "8", "16"]):
    code = f"{letter}{size}"
    less = "long double" if code in ("g", "G", "f16", "c32") else None
    descr(repr(f"{order}{code}"), less=less)
names = sorted(name for name in np.sctypeDict if isinstance(name, str))
for name in [*names, "float_", "complex_", "int0", "bool8", "Float32", "string", "unicode_", "long_", "number", "generic", "f", "np.float32", "StringDType"]:
    long = name in ("longdouble", "clongdouble", "float128", "complex256")
    for order in ["", "<", ">", "="]:
        descr(repr(order + name), less="long double" if long else None)
for text in [
    "i04", "i 4", "i+4", "i4 ", " i4", "i-4", "i4x", "f4f4", "S05", "S +5", "S-1", "U 3", "U536870911", "U536870912", "S2147483648", "V99999999999999999999",
    "", "<", "<<i4", "|i4", "|f8", "|U2", "=S3", "d8", "e2", "l8", "?1", "b2", "i3", "f3", "f12", "c4", "a", "a0", "a7", "<a7", "c1", "O4", "O8", "|O8", "O5", "é4", "i４",
    "<V2", ">V2", "V2", "|V2", "=V2", "<V3", "M8", "m8", "M4", "M16", "<M", "<datetime64", "datetime64[ns]", ">datetime64[25s]", "timedelta64[D]", "=m8[s]", "|M8[us]",
    "datetime64 [ns]", "datetime", "datetime32", "M8 [s]", "M 8", "datetime6", "timedelta6",
]:
    descr(repr(text))
# Not `s/0`, which ends NumPy 2.4 by SIGFPE.
for unit in [
    "generic", "Y", "M", "W", "D", "h", "m", "s", "ms", "us", "μs", "ns", "ps", "fs", "as", "B", "S", "d", "min", "", "5", "5s", "25s", "07s", "+5s", " 5s", "5 s", "-1s",
    "2147483647s", "1s", "5generic", "s/1", "s/2", "s/3", "s/4", "s/7", "2s/8", "D/24", "D/7", "Y/12", "Y/52", "Y/5", "M/4", "M/30", "W/7", "W/168", "h/60", "m/60",
    "ms/1000", "us/1000", "ns/1000", "ps/1000", "fs/1000", "fs/1000000", "as/2", "generic/2", "s/2/2", "s/ 2", "s/+2", "/2", "[s]", "s]", "ns, 2",
]:
    descr(repr(f"M8[{unit}]"), encoding="utf8", version=3)
for unit in ["0s", "s/-2"]:
    descr(f"'M8[{unit}]'", less="zero count")

# Lists of dtypes in one string.
for text in [
    "f4,f4", "f4, i2", "f4 ,i2", "f4 , i2 ", "f4,", ",f4", "f4,,f4", "f4;f4", " f4,f4", "<f4,>i4,=u2,|u1", "(2,)f4", "(2,3)f4,i1", "2f4,i1", "i1,2f4", "i1,(2,)f4", "i1,(2)f4",
    "i1,( 2 , 3 )f4", "i1,<2f4", "i1,2<f4", "i1,<2>f4", "i1,<2<f4", "i1,=2|f4", "i1, 2 f4", "i1,2 3f4", "i1,2,3f4", "S5,U3,V2", "2S5,i1", "M8[ns],m8[D]", "M8[25s],i1", "M8[s/2],i1",
    "f4,float32", "float32,i1", "int,bool", "?,?", "i1,O", "i1,(0,)f4", "i1,0f4", "i1,()f4", "i1,(2,3", "i1,x9", "i1,f4[2]", "i1,[f4]", "f4,f4:x", "i1,-2f4", "i1,(-2,)f4", "i1,1f4",
    "i1,(1,)f4", "i1,f4,f4,f4", "i1,3S0", "i1,S", "i1,U,V", "i1,<M8", "i1,f16" , "i1,datetime64[s]", "i1, ", "i1,\tf4", "i1\t,f4",
]:
    descr(repr(text), less="long double" if "f16" in text else None)
for text in ["3f4", "(2,)f4", "(2,3)f4", "1f4", "2S5", "0f4", "(1,)f4", "(0,)i4"]:
    descr(repr(text), less="sub-array")
for text in ["()f4", "<()f4", "(2)", "3", "(-1,)f4", "-1f4", "()", "(,)f4", "3 f4x"]:
    descr(repr(text))

# Structs.
for text in [
    "[('a', '<f4')]", "[('a', '<f4'), ('b', '>i2')]", "[('a', 'f4'), ('b', 'int16')]", "[('a', '<f4', (2,))]", "[('a', '<f4', 2)]", "[('a', '<f4', ())]", "[('a', '<f4', [2, 3])]",
    "[('a', '<f4', 1)]", "[('a', '<f4', (1,))]", "[('a', '<f4', True)]", "[('a', '<f4', (True, 2))]", "[('a', '<f4', 0)]", "[('a', '<f4', (0,))]", "[('a', '<f4', -1)]", "[('a', '<f4', (2.0,))]", "[('a', '<f4', '2')]",
    "[('a', '<f4', None)]", "[['a', '<f4']]", "[['a', '<f4', (2,)]]", "[('a',)]", "[('a', '<f4', (2,), 3)]", "[]", "[()]", "[('', '|V4'), ('a', '<i4')]", "[('a', '<i4'), ('', '|V4')]",
    "[('', '|V4')]", "[('', '<i4')]", "[('', '<i4'), ('', '<i4')]", "[('', '<i4', (2,))]", "[('', '|V2', (2,)), ('a', '|u1')]", "[('', '<V2'), ('a', '|u1')]", "[('', [('x', '|u1')]), ('a', '|u1')]",
    "[('a', '<f4'), ('a', '<f4')]", "[(('t', 'a'), '<f4')]", "[(('t', 'a'), '<f4'), (('u', 'b'), '<f4')]", "[(('t', 'a'), '<f4'), (('t', 'b'), '<f4')]", "[(('a', 'a'), '<f4')]",
    "[(('b', 'a'), '<f4'), ('b', '<f4')]", "[(('t', ''), '<f4')]", "[(('', 'a'), '<f4')]", "[((None, 'a'), '<f4')]", "[((1, 'a'), '<f4')]", "[(('t', 'a', 'b'), '<f4')]", "[(['t', 'a'], '<f4')]",
    "[(1, '<f4')]", "[(b'a', '<f4')]", "[('a', b'<f4')]", "[(None, '<f4')]", "[('a', None)]", "[('a', 4)]",
    "[('a', [('b', '<f4')])]", "[('a', [('b', '<f4'), ('c', '|S3')], (2,))]", "[('a', ('<f4', (2,)))]", "[('a', ('<f4', 2))]", "[('a', ('<f4', (2,)), (3,))]", "[('a', (('<f4', (2,)), (3,)), (4,))]",
    "[('a', ('<f4',))]", "[('a', ('<f4', (2,), 9))]", "[('a', '|S0')]", "[('a', '|S0', 5)]", "[('a', 'S', 5)]", "[('a', '<U0', 3)]", "[('a', 'U', 3)]", "[('a', '>U', 3)]", "[('a', 'V', 3)]",
    "[('a', '|S2', 3)]", "[('a', '<M8[ns]'), ('b', '<m8')]", "[('a', '|O')]", "[('a', '<f4'), 'b']", "[('größe', '<f4')]", r"[('\xe9', '<f4')]", r"[('\u9577', '<f4')]", "[(u'a', '<f4')]", "[(r'a\\b', '<f4')]",
    "[('a' 'b', '<f4')]", "[(\"it's\", '<f4')]", "[('a\\n', '<f4')]", "[(' ', '<f4')]", "[('a.b/c', '<f4')]", "[('a', 'f4,i4')]", "[('a', '2f4')]", "[('a', '(2,3)f4', 2)]", "[('a', '<f4'),]", "[('a','<f4',),]",
    "[(('a'), ('<f4'))]", "(('<f4'))", "('<f4')", "([('a', '<f4')])", "[('a', '<f4'), # note\n ('b', '<f4')]", "[('a',\n'<f4')]", "(('a', '<f4'),)", "(('a', '<f4'), ('b', '<f4'))",
    "{'names': ['a'], 'formats': ['<f4']}", "None", "4", "True", "b'<f4'", "u'<f4'", "r'<f4'", "br'<f4'", "f'<f4'", "'<' 'f4'", "'''<f4'''", "\"<f4\"", r"'\x3cf4'", r"'<f\x34'", "'<f4\\\n'",
    "'<f4\\n'", "'<f4'.upper()", "'<f4' + ''", "['<f4']", "[[]]", "()", "('<f4',)", "__import__('os')", "[1]", "['a', '<f4']", "[[['a', 'b'], '<f4']]",
]:
    version = 3 if "größe" in text else 1
    descr(text, version=version, encoding="utf8" if version == 3 else "latin1")
descr("[('a', '|S0', (3,))]", more="empty items")
descr("[('a', '<U0', (3, 2))]", more="empty items")
for text in ["('<f4', (2,))", "('<f4', 2)", "('<f4', (1,))", "('<f4', (0,))", "[('a', '<f4')], (2,)"]:
    descr(text if text.startswith("(") else f"({text})", less="sub-array")
descr("('<f4', ())")
for text in ["('<i4', '<f4')", "('<i4', 'i2,i2')"]:
    descr(text, less="odd tuple")
for text in ["['ab']", "['ai', 'bi']", "{('a', '<f4'): 1}", "{('a', '<f4')}", "[('a', {})]"]:
    descr(text, less="odd field")
for text in [r"[('\N{DASH}', '<f4')]", r"[('\N{HYPHEN-MINUS}', '<f4')]", r"[('\ud800', '<f4')]"]:
    descr(text, less="escape")

# Shapes.
for text in [
    "()", "(2,)", "(2, 3)", "(2,3,)", "( 2 , 3 )", "(0,)", "(0, 5)", "(5, 0)", "(1, 1, 1)", "((2),)", "((2, 3))", "(((2,)))", "(2)", "2", "[2]", "[2, 3]", "None", "True", "{2}", "{2: 3}", "'2'", "(2 3)", "(,)", "(2,,3)",
    "(2", "2,", "(2,),", "(True,)", "(False,)", "(True, 2)", "(None,)", "('2',)", "(2.0,)", "(2e0,)", "(2j,)", "(+2,)", "(-0,)", "(- 2,)", "(--2,)", "(~2,)", "(-True,)", "(+True,)", "(1+1,)", "(1+1j,)", "(2*3,)", "(2**3,)", "(int(2),)",
    "(0x10,)", "(0X1f,)", "(0x_1f,)", "(0x,)", "(0xg,)", "(0b11,)", "(0B_1,)", "(0b2,)", "(0o17,)", "(0O7,)", "(0o8,)", "(017,)", "(00,)", "(0_0,)", "(1_0,)", "(1__0,)", "(_1,)", "(1_,)", "(0x1_0,)", "(0_x1,)",
    "(2L,)", "(2 L,)", "(2L, 3L)", "(0x2L,)", "(2l,)", "(2LL,)", "(2La,)", "(2 L L,)", "(2,) # note", "(2, # note\n 3)", "(2,\\\n3)", "(2,\r\n3)", "(2,\x0c3)", "(2,\x0b3)", "(2,\u00a03)", "(２,)", "(2;)", "(2,)\\\n", "((2,),)", "([2],)", "(2, (3,))",
    "(9223372036854775807,)", "(9223372036854775808,)", "(18446744073709551616,)", "(4294967296, 4294967296)", "(4611686018427387904, 4)", "(3037000500, 3037000500)", "(10000,)", "(10200,)", "(10201,)", "(0, 9223372036854775807)",
    "(" + "1," * 32 + ")", "(" + "1," * 33 + ")", "(" + "1," * 64 + ")", "(" + "1," * 65 + ")", "(" * 50 + "2," + ")" * 50, "...", "(...,)", "(2,).__class__", "lambda: 2", "(2 if 1 else 3,)", "(*(2,),)", "(x,)", "(b'2',)", "frozenset((2,))",
]:
    for version in [1, 3]:
        shape(text, version=version, encoding="utf8" if version == 3 or not text.isascii() else "latin1")
for text in ["(-1,)", "(-1, 2)", "(2, -1)", "(-1, -1)", "(-2,)", "(-5, 0)"]:
    shape(text)

# The dictionary.
good = "'descr': '|u1', 'fortran_order': False, 'shape': (2,)"
for text in [
    "{%s}", "{%s, }", "{%s,}", "  {%s}", "\t{%s}", "\n{%s}", "\n\n{%s}", " \n{%s}", "\n {%s}", "\n\t{%s}", "# note\n{%s}", "#\n  {%s}", "{%s}\n\n", "{%s}   ", "{%s} \n ", "{%s}\n  \n", "{%s} # note", "{%s}\n# note\n", "({%s})", "(({%s}))", "({%s},)", "{%s},", "[{%s}]",
    "{%s}{}", "{%s} {}", "{%s};", "{%s}\n;", "{%s}\n{}", "{%s}\n1", "{%s\n}", "{\n%s\n}", "{\n\n  %s # note\n,}", "{%s, 'x': 1}", "{%s, 'shape': (3,)}", "{'shape': 7, %s}", "{'shape': (7,), %s}", "{%s, 'descr': '<i2'}", "{%s, u'descr': '<i2'}", "{%s, b'descr': '<i2'}",
    "{%s, 1: 2}", "{%s, **{}}", "{%s\x00}", "\x00{%s}", "{%s}\x00", "{%s}\x0c", "\x0c{%s}", "{%s}\\\n", "\\\n{%s}", "{%s", "%s}", "%s", "", " ", "\n", "{}", "dict(%s)", "{%s, ,}", "{,%s}", "{%s,,}", "{%s}\r\n", "{%s}\r", "\ufeff{%s}", "-{%s}", "not {%s}", "{%s} or 1", "{%s}.copy()",
]:
    for version in [1, 3]:
        full = text.replace("%s", good)
        add(full, version=version, encoding="utf8" if version == 3 or not full.isascii() else "latin1",
            more="blank end" if text == "{%s} \n " else None)
for key in ["'descr'", "'fortran_order'", "'shape'"]:
    add("{" + ", ".join(part for part in ["'descr': '|u1'", "'fortran_order': False", "'shape': (2,)"] if not part.startswith(key)) + "}")
for order in ["True", "False", "true", "0", "1", "None", "'False'", "(True)", "(True,)", "not True", "True, ", "+True", "b'C'", "TRUE", "True or False", "1 == 1"]:
    add(f"{{'descr': '<u2', 'fortran_order': {order}, 'shape': (2, 3)}}")
    add(f"{{'shape': (2, 3), 'fortran_order': {order}, 'descr': '<u2'}}", version=2)
add("{" + good + "}" + " " * 20000, more="long header")
add("{'descr': [" + ", ".join(f"('f{n}', '|u1')" for n in range(1000)) + "], 'fortran_order': False, 'shape': (1,)}", more="long header")
add(b"{'descr': [('\xff\xfe', '|u1')], 'fortran_order': False, 'shape': (2,)}", version=3)
add(b"{'descr': [('\xff\xfe', '|u1')], 'fortran_order': False, 'shape': (2,)}", version=2)
for version in [0, 4, 9]:
    add("{" + good + "}", version=version)
add("{" + good + "}", length=10)
add("{" + good + "}", length=0)

with open(sys.argv[1], "w") as out:
    json.dump({"less": LESS, "more": MORE, "data": list(DATA), "cases": cases}, out)
read = sum("dtype" in case for case in cases)
print(len(cases), "headers,", read, "read by NumPy", np.__version__)
