//! NumPy's descriptors: `<f4`, `<M8[ns]`, `[('x', '<f4'), ('pos', '<f4', (3,))]`.

use std::collections::HashSet;
use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, MAX_NDIM};

use super::literal::{self, Literal};
use super::structure::{Field, Structure};
use super::time::TimeUnit;
use super::{DType, Kind, SCALARS};

/// How deep structs and sub-arrays may nest.
const MAX_NESTING: usize = 32;

/// How many fields a dtype may have, those of nested structs included.
const MAX_FIELDS: usize = 1 << 16;

const PICKLE: &str =
    "an array of Python objects is a pickle, which is never read: save it with a number dtype";

/// Reads a descriptor as [`DType`]'s `Display` writes it.
pub(super) fn descriptor(text: &str) -> Result<DType> {
    if !text.trim_start().starts_with(['[', '(']) {
        return simple(text);
    }
    let mut literal = Literal::new(text);
    let dtype = read(&mut literal)?;
    literal.end()?;
    Ok(dtype)
}

/// Reads the descriptor of an array where it stands in a header: a quoted string or a list of fields.
pub(crate) fn read(literal: &mut Literal<'_>) -> Result<DType> {
    if literal.peek() == Some(b'(') {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the dtype of an array cannot be a sub-array itself: expected a string or a list of fields",
        ));
    }
    let mut budget = Budget { fields: MAX_FIELDS };
    Ok(budget.item(literal, 0)?.0)
}

struct Budget {
    fields: usize,
}

impl Budget {
    /// A dtype, and the axes if it is a sub-array.
    fn item(&mut self, literal: &mut Literal<'_>, depth: usize) -> Result<(DType, Vec<usize>)> {
        if depth > MAX_NESTING {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("structs nest more than {MAX_NESTING} levels deep"),
            ));
        }
        match literal.peek() {
            Some(b'[') => Ok((self.structure(literal, depth)?, Vec::new())),
            Some(b'(') => {
                literal.expect(b'(')?;
                let (dtype, inner) = self.item(literal, depth + 1)?;
                literal.expect(b',')?;
                let mut shape = axes(literal)?;
                literal.take(b',');
                literal.expect(b')')?;
                shape.extend(inner);
                Ok((dtype, shape))
            }
            _ => Ok((simple(&literal.string()?)?, Vec::new())),
        }
    }

    fn structure(&mut self, literal: &mut Literal<'_>, depth: usize) -> Result<DType> {
        literal.expect(b'[')?;
        let mut fields = Vec::new();
        let mut names = HashSet::new();
        let mut size = 0_usize;
        while !literal.take(b']') {
            if self.fields == 0 {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("a dtype of more than {MAX_FIELDS} fields"),
                ));
            }
            self.fields -= 1;
            literal.expect(b'(')?;
            let name = name(literal)?;
            literal.expect(b',')?;
            let at = |error: Error| {
                Error::new(error.kind(), format!("field `{}`: {error}", name.escape_debug()))
            };
            let (dtype, inner) = self.item(literal, depth + 1).map_err(at)?;
            let mut shape = Vec::new();
            if literal.take(b',') && literal.peek() != Some(b')') {
                shape = axes(literal)?;
                literal.take(b',');
            }
            literal.expect(b')')?;
            if literal.peek() != Some(b']') {
                literal.expect(b',')?;
            }
            shape.extend(inner);
            if shape.len() > MAX_NDIM {
                return Err(at(Error::new(
                    ErrorKind::Limit,
                    format!("a sub-array of more than {MAX_NDIM} axes"),
                )));
            }
            let bytes = layout::byte_len(&shape, dtype.item_size());
            let end = bytes.and_then(|bytes| size.checked_add(bytes));
            let Some(end) = end.filter(|end| isize::try_from(*end).is_ok()) else {
                return Err(at(Error::corrupt(format!("shape {shape:?} of {dtype} overflows"))));
            };
            // A void without a name is a gap.
            let gap = name.is_empty() && matches!(dtype.kind, Kind::Raw(_));
            if !gap {
                if !names.insert(name.clone()) {
                    return Err(Error::corrupt(format!(
                        "the field `{}` is twice in the dtype",
                        name.escape_debug()
                    )));
                }
                fields.push(Field::owned(name, dtype, shape, size));
            }
            size = end;
        }
        Ok(DType { kind: Kind::Struct(Structure::shared(fields, size)), big_endian: false })
    }
}

/// A field's name: a string, or the second of two where the first is its title.
fn name(literal: &mut Literal<'_>) -> Result<String> {
    if !literal.take(b'(') {
        return Ok(literal.string()?.into_owned());
    }
    literal.string()?;
    literal.expect(b',')?;
    let name = literal.string()?.into_owned();
    literal.take(b',');
    literal.expect(b')')?;
    Ok(name)
}

/// The axes of a sub-array: a tuple or one length.
fn axes(literal: &mut Literal<'_>) -> Result<Vec<usize>> {
    if literal.peek() == Some(b'(') { literal.shape() } else { Ok(vec![literal.length()?]) }
}

/// A dtype without fields: `<f4`, `|S5`, `<M8[25s]`.
fn simple(text: &str) -> Result<DType> {
    let unknown = || {
        let names = "bool, i8 to i64, u8 to u64, f16 to f64, bf16, complex64, complex128, datetime64, timedelta64, \
                     S, U, V or a list of fields";
        Error::new(ErrorKind::Unsupported, format!("dtype {text:?} is not one of {names}"))
    };
    let mut chars = text.chars();
    let first = chars.next();
    let big_endian = match first {
        Some('<' | '|') => false,
        Some('>') => true,
        Some('=') => cfg!(target_endian = "big"),
        Some('O') => return Err(Error::new(ErrorKind::Unsupported, PICKLE)),
        _ => return Err(unknown()),
    };
    let name = chars.as_str();
    let dtype = |kind| Ok(DType { kind, big_endian }.normal());
    if let Some(row) = SCALARS.iter().find(|row| row.numpy == name && row.numpy != "V2") {
        return dtype(Kind::Scalar(row.scalar));
    }
    // NumPy's own voids have no byte order. This is what the bfloat16 of other libraries is saved as.
    if matches!(text, "<V2" | ">V2") {
        return dtype(Kind::Scalar(super::Scalar::BF16));
    }
    let Some(code) = name.chars().next().filter(char::is_ascii) else { return Err(unknown()) };
    let rest = &name[1..];
    let width = || match rest {
        "" => Some(0),
        _ if rest.bytes().all(|byte| byte.is_ascii_digit()) => rest
            .parse()
            .ok()
            .filter(|n: &usize| n.checked_mul(4).is_some_and(|n| isize::try_from(n).is_ok())),
        _ => None,
    };
    match code {
        'O' => Err(Error::new(ErrorKind::Unsupported, PICKLE)),
        'f' | 'c' | 'g' | 'G' if width().is_some_and(|bytes| bytes > 8) || name == "g" => {
            Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "dtype {text:?} is a long double, whose form differs between machines: save it as float64 or complex128"
                ),
            ))
        }
        'S' | 'a' => dtype(Kind::Bytes(width().ok_or_else(unknown)?)),
        'U' => dtype(Kind::Text(width().ok_or_else(unknown)?)),
        'V' => dtype(Kind::Raw(width().ok_or_else(unknown)?)),
        'M' | 'm' => {
            let unit = rest.strip_prefix('8').and_then(TimeUnit::parse).ok_or_else(unknown)?;
            dtype(if code == 'M' { Kind::Datetime(unit) } else { Kind::Timedelta(unit) })
        }
        _ => Err(unknown()),
    }
}

/// The list of a struct's fields, gaps included, as `numpy.lib.format` writes it.
pub(super) fn write_fields(structure: &Structure, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("[")?;
    let mut at = 0;
    let mut comma = "";
    for field in structure.fields() {
        if field.offset() > at {
            write!(f, "{comma}('', '|V{}')", field.offset() - at)?;
            comma = ", ";
        }
        write!(f, "{comma}(")?;
        literal::quote(field.name(), f)?;
        match field.dtype().kind {
            Kind::Struct(_) => write!(f, ", {}", field.dtype())?,
            _ => write!(f, ", '{}'", field.dtype())?,
        }
        match field.shape() {
            [] => {}
            [one] => write!(f, ", ({one},)")?,
            axes => {
                f.write_str(", (")?;
                for (index, axis) in axes.iter().enumerate() {
                    write!(f, "{}{axis}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(")")?;
            }
        }
        f.write_str(")")?;
        comma = ", ";
        at = field.offset() + field.bytes();
    }
    if structure.size() > at {
        write!(f, "{comma}('', '|V{}')", structure.size() - at)?;
    }
    f.write_str("]")
}
