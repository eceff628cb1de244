//! The other spellings of a dtype that NumPy accepts: `float32`, `f4`, `<f`, `3f4`, `f4, (2,)i4`.

use std::ffi::c_long;

use crate::error::{Error, Result};
use crate::layout::MAX_NDIM;

use super::DType;
use super::literal::{self, Literal};
use super::parse::{Budget, plain, unknown};
use super::time::TimeUnit;

/// NumPy's names, and its letters, which may have a byte order before them.
const NAMES: &[(&str, &str)] = &[
    ("bool", "b1"),
    ("bool_", "b1"),
    ("int8", "i1"),
    ("byte", "i1"),
    ("uint8", "u1"),
    ("ubyte", "u1"),
    ("int16", "i2"),
    ("short", "i2"),
    ("uint16", "u2"),
    ("ushort", "u2"),
    ("int32", "i4"),
    ("intc", "i4"),
    ("uint32", "u4"),
    ("uintc", "u4"),
    ("int64", "i8"),
    ("longlong", "i8"),
    ("uint64", "u8"),
    ("ulonglong", "u8"),
    ("long", LONG),
    ("ulong", ULONG),
    ("int", POINTER),
    ("int_", POINTER),
    ("intp", POINTER),
    ("uint", UPOINTER),
    ("uintp", UPOINTER),
    ("float16", "f2"),
    ("half", "f2"),
    ("float32", "f4"),
    ("single", "f4"),
    ("float64", "f8"),
    ("float", "f8"),
    ("double", "f8"),
    ("longdouble", "f16"),
    ("float128", "f16"),
    ("complex64", "c8"),
    ("csingle", "c8"),
    ("complex128", "c16"),
    ("complex", "c16"),
    ("cdouble", "c16"),
    ("clongdouble", "c32"),
    ("complex256", "c32"),
    ("str", "U0"),
    ("str_", "U0"),
    ("unicode", "U0"),
    ("bytes", "S0"),
    ("bytes_", "S0"),
    ("void", "V0"),
    ("object", "O"),
    ("object_", "O"),
];

const LETTERS: &[(char, &str)] = &[
    ('?', "b1"),
    ('b', "i1"),
    ('B', "u1"),
    ('h', "i2"),
    ('H', "u2"),
    ('i', "i4"),
    ('I', "u4"),
    ('l', LONG),
    ('L', ULONG),
    ('q', "i8"),
    ('Q', "u8"),
    ('p', POINTER),
    ('P', UPOINTER),
    ('n', POINTER),
    ('N', UPOINTER),
    ('e', "f2"),
    ('f', "f4"),
    ('d', "f8"),
    ('g', "f16"),
    ('F', "c8"),
    ('D', "c16"),
    ('G', "c32"),
    ('S', "S0"),
    ('a', "S0"),
    ('U', "U0"),
    ('V', "V0"),
    ('c', "S1"),
    ('M', "M8"),
    ('m', "m8"),
    ('O', "O"),
];

// The size of C's types on this machine, as NumPy has it.
const LONG: &str = if size_of::<c_long>() == 8 { "i8" } else { "i4" };
const ULONG: &str = if size_of::<c_long>() == 8 { "u8" } else { "u4" };
const POINTER: &str = if size_of::<usize>() == 8 { "i8" } else { "i4" };
const UPOINTER: &str = if size_of::<usize>() == 8 { "u8" } else { "u4" };

const NATIVE: char = if cfg!(target_endian = "big") { '>' } else { '<' };

/// Reads a descriptor as NumPy does, and the axes if it is a sub-array.
pub(super) fn read(text: &str, budget: &mut Budget) -> Result<(DType, Vec<usize>)> {
    if has_commas(text) { commas(text, budget) } else { Ok((single(text)?, Vec::new())) }
}

/// Reads a dtype without commas, in the strict parser's spelling or another one of NumPy's.
fn single(text: &str) -> Result<DType> {
    let order = text.chars().next().filter(|char| "<>=|".contains(*char));
    let rest = &text[order.map_or(0, char::len_utf8)..];
    let order = match order {
        Some(order @ ('<' | '>')) => order,
        _ => NATIVE,
    };
    let code = code(text, rest).ok_or_else(|| unknown(text))?;
    // To NumPy these have no byte order. A program that names a bfloat16 so means one.
    if code == "V2" && !text.starts_with(['<', '>']) {
        return plain("|V2");
    }
    plain(&format!("{order}{code}")).map_err(|error| Error::new(error.kind(), error.to_string()))
}

/// The kind and size that a text without its byte order stands for.
fn code(text: &str, rest: &str) -> Option<String> {
    for (name, kind) in [("datetime64", 'M'), ("timedelta64", 'm')] {
        if let Some(unit) = rest.strip_prefix(name) {
            return time(kind, unit);
        }
    }
    let mut chars = rest.chars();
    let kind = chars.next()?;
    let tail = chars.as_str();
    if tail.is_empty() && !(kind == 'a' && text.len() > 1) {
        return LETTERS
            .iter()
            .find(|(letter, _)| *letter == kind)
            .map(|(_, code)| (*code).to_owned());
    }
    if let (true, Some(unit)) = (matches!(kind, 'M' | 'm'), tail.strip_prefix('8')) {
        return time(kind, unit);
    }
    if let Some(size) = c_number(tail) {
        let known = match kind {
            'b' => size == 1,
            'i' | 'u' => matches!(size, 1 | 2 | 4 | 8),
            'f' => matches!(size, 2 | 4 | 8 | 16),
            'c' => matches!(size, 8 | 16 | 32),
            'S' | 'a' | 'V' => i32::try_from(size).is_ok(),
            'U' => size <= i32::MAX as u64 / 4,
            'O' => matches!(size, 4 | 8),
            'M' | 'm' => size == 8,
            _ => false,
        };
        let kind = if kind == 'a' { 'S' } else { kind };
        let code = || if kind == 'O' { "O".to_owned() } else { format!("{kind}{size}") };
        return known.then(code);
    }
    // Names cannot have a byte order before them.
    let name = NAMES.iter().find(|(name, _)| *name == text);
    name.map(|(_, code)| (*code).to_owned())
}

fn time(kind: char, unit: &str) -> Option<String> {
    let unit = TimeUnit::parse_ratio(unit)?;
    Some(if unit == TimeUnit::GENERIC { format!("{kind}8") } else { format!("{kind}8[{unit}]") })
}

/// Reads a number as C's `strtol` does, to the end of the text.
pub(super) fn c_number(text: &str) -> Option<u64> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let digits = text.strip_prefix('+').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok()).flatten()
}

/// Whether NumPy takes the text for a list of dtypes, or for a repeated dtype.
fn has_commas(text: &str) -> bool {
    let rest = text.strip_prefix(['<', '>', '=', '|']).unwrap_or(text);
    if rest.starts_with(|char: char| char.is_ascii_digit()) || rest.starts_with("()") {
        return true;
    }
    let mut brackets = 0_i32;
    text.bytes().skip(1).any(|byte| {
        match byte {
            b'[' => brackets += 1,
            b']' => brackets -= 1,
            _ => {}
        }
        byte == b',' && brackets == 0
    })
}

/// Reads a list such as `f4, (2,3)i4, 2S5`, which is a struct with the fields `f0`, `f1`, `f2`. One item without a comma is a
/// repeated dtype.
fn commas(text: &str, budget: &mut Budget) -> Result<(DType, Vec<usize>)> {
    let fault = || unknown(text);
    let mut items = Vec::new();
    let mut is_list = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (first, more) = split_order(rest);
        let blanks = more.len() - more.trim_start_matches(' ').len();
        let open = more[blanks..].starts_with('(');
        let inner = blanks + usize::from(open);
        let digits =
            more[inner..].bytes().take_while(|byte| b" ,0123456789".contains(byte)).count();
        let mut end = inner + digits;
        end += usize::from(more[end..].starts_with(')'));
        end += more[end..].len() - more[end..].trim_start_matches(' ').len();
        let (repeats, more) = more.split_at(end);
        let (second, more) = split_order(more);
        let letters = more
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'?'))
            .count();
        let mut end = letters;
        if let Some(bracket) = more[end..].strip_prefix('[') {
            let unit = bracket
                .bytes()
                .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b','))
                .count();
            if bracket[unit..].starts_with(']') {
                end += unit + 2;
            }
        }
        let (code, more) = more.split_at(end);
        let same = |order: char| if order == '=' { NATIVE } else { order };
        let order = match (first, second) {
            (Some(first), Some(second)) if same(first) != same(second) => return Err(fault()),
            (first, second) => second.or(first),
        };
        let space = more.trim_start();
        rest = if space.is_empty() {
            space
        } else {
            is_list = true;
            space.strip_prefix(',').ok_or_else(fault)?.trim_start()
        };
        let item = match order {
            Some(order @ ('<' | '>')) => format!("{order}{code}"),
            _ => code.to_owned(),
        };
        let shape = match repeats {
            "" => None,
            repeats if repeats.trim().is_empty() => return Err(fault()),
            repeats => Some(format!("({repeats})")),
        };
        items.push((item, shape));
    }
    let read = |(item, shape): (String, Option<String>)| {
        let dtype = single(&item)?;
        match shape {
            None => Ok((dtype, Vec::new())),
            Some(shape) => {
                let shape = literal::parse(&shape, false).map_err(|_| fault())?;
                super::parse::repeated(dtype, Vec::new(), &shape)
            }
        }
    };
    if !is_list {
        return read(items.pop().ok_or_else(fault)?);
    }
    let fields = items.into_iter().enumerate().map(|(number, item)| {
        let (dtype, shape) = read(item)?;
        Ok((format!("f{number}"), dtype, shape))
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    Ok((budget.fields(fields)?, Vec::new()))
}

fn split_order(text: &str) -> (Option<char>, &str) {
    match text.chars().next().filter(|char| "<>=|".contains(*char)) {
        Some(order) => (Some(order), &text[1..]),
        None => (None, text),
    }
}

/// Reads the lengths of axes from a tuple, a list or one number.
pub(super) fn axes(shape: &Literal<'_>) -> Result<Vec<usize>> {
    let items = match shape {
        Literal::Tuple(items) | Literal::List(items) => &items[..],
        one => std::slice::from_ref(one),
    };
    if items.len() > MAX_NDIM {
        return Err(Error::corrupt(format!("more than {MAX_NDIM} axes")));
    }
    items.iter().map(length).collect()
}

/// The length of an axis.
pub(crate) fn length(value: &Literal<'_>) -> Result<usize> {
    let number = match value {
        Literal::Int(number) => *number,
        Literal::OtherInt(text) if !text.starts_with('-') => {
            return Err(Error::corrupt(format!("an axis of {text} does not fit this machine")));
        }
        other => {
            return Err(Error::corrupt(format!(
                "bad header: expected the length of an axis, found {}",
                other.describe()
            )));
        }
    };
    usize::try_from(number)
        .map_err(|_| Error::corrupt(format!("an axis of {number} does not fit this machine")))
}
