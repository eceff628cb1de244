//! NumPy's descriptors: `<f4`, `<M8[ns]`, `[('x', '<f4'), ('pos', '<f4', (3,))]`.

use std::collections::HashSet;
use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, MAX_NDIM};
use crate::stack;

use super::literal::{self, Literal};
use super::structure::{Field, Structure};
use super::time::TimeUnit;
use super::{DType, DTypeRepr, SCALARS, spelling};

/// How deep structs and sub-arrays may nest.
const MAX_NESTING: usize = 32;

/// How many fields a dtype may have, those of nested structs included.
const MAX_FIELDS: usize = 1 << 16;

const PICKLE: &str =
    "an array of Python objects is a pickle, which is never read: save it with a number dtype";

/// Reads a descriptor as [`DType`]'s `Display` writes it.
pub(super) fn descriptor(text: &str) -> Result<DType> {
    if !text.trim_start().starts_with(['[', '(']) {
        return plain(text);
    }
    Budget::new(false).array(&literal::parse(text, false)?)
}

/// Reads a descriptor in any spelling that NumPy accepts.
pub(super) fn numpys(text: &str) -> Result<DType> {
    let descriptor = if text.trim_start().starts_with(['[', '(']) {
        literal::parse(text, false)?
    } else {
        Literal::Text(text.into())
    };
    Budget::new(true).array(&descriptor)
}

/// Reads the descriptor in an array's header, a string or a list of fields, as NumPy reads it.
#[cfg(feature = "npz")]
pub(crate) fn read(descriptor: &Literal<'_>) -> Result<DType> {
    Budget::new(true).array(descriptor)
}

/// What may still be read: the number of fields that are left.
pub(super) struct Budget {
    fields: usize,
    /// Whether NumPy's other spellings are accepted.
    numpy: bool,
}

impl Budget {
    fn new(numpy: bool) -> Self {
        Budget { fields: MAX_FIELDS, numpy }
    }

    fn array(&mut self, descriptor: &Literal<'_>) -> Result<DType> {
        match self.item(descriptor, 0)? {
            (dtype, axes) if axes.is_empty() => Ok(dtype),
            _ => Err(Error::new(
                ErrorKind::Unsupported,
                "the dtype of an array cannot be a sub-array itself: expected a string or a list of fields",
            )),
        }
    }

    /// Reads a dtype, and the axes if it is a sub-array.
    fn item(&mut self, descriptor: &Literal<'_>, depth: usize) -> Result<(DType, Vec<usize>)> {
        if depth > MAX_NESTING {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("structs nest more than {MAX_NESTING} levels deep"),
            ));
        }
        stack::at_level(depth, || self.item_at(descriptor, depth))
    }

    fn item_at(&mut self, descriptor: &Literal<'_>, depth: usize) -> Result<(DType, Vec<usize>)> {
        match descriptor {
            Literal::List(fields) => Ok((self.structure(fields, depth)?, Vec::new())),
            Literal::Tuple(parts) if parts.len() > 1 => {
                let (dtype, inner) = self.item(&parts[0], depth + 1)?;
                repeated(dtype, inner, &parts[1])
            }
            Literal::Text(text) if self.numpy => spelling::read(text, self),
            Literal::Text(text) => Ok((plain(text)?, Vec::new())),
            other => Err(Error::corrupt(format!(
                "bad header: expected a dtype, a string or a list of fields, found {}",
                other.describe()
            ))),
        }
    }

    fn structure(&mut self, fields: &[Literal<'_>], depth: usize) -> Result<DType> {
        let mut structure = Builder::default();
        for field in fields {
            let (Literal::Tuple(parts) | Literal::List(parts)) = field else {
                return Err(Error::corrupt(format!(
                    "bad header: expected a field, ('name', dtype) or ('name', dtype, shape), found {}",
                    field.describe()
                )));
            };
            let (name, descriptor, shape) = match &parts[..] {
                [name, descriptor] => (name, descriptor, None),
                [name, descriptor, shape] => (name, descriptor, Some(shape)),
                _ => {
                    return Err(Error::corrupt(format!(
                        "bad header: expected a field of two or three parts, found {}",
                        parts.len()
                    )));
                }
            };
            let (title, name) = names(name)?;
            let at = |error: Error| {
                Error::new(error.kind(), format!("field `{}`: {error}", name.escape_debug()))
            };
            let (dtype, axes) = self
                .item(descriptor, depth + 1)
                .and_then(|(dtype, inner)| match shape {
                    Some(shape) => repeated(dtype, inner, shape),
                    None => Ok((dtype, inner)),
                })
                .map_err(at)?;
            self.count()?;
            structure.push(title, name, dtype, axes)?;
        }
        Ok(structure.finish())
    }

    /// A struct with these fields.
    pub(super) fn fields(&mut self, fields: Vec<(String, DType, Vec<usize>)>) -> Result<DType> {
        let mut structure = Builder::default();
        for (name, dtype, axes) in fields {
            self.count()?;
            structure.push(None, &name, dtype, axes)?;
        }
        Ok(structure.finish())
    }

    fn count(&mut self) -> Result<()> {
        match self.fields.checked_sub(1) {
            Some(left) => self.fields = left,
            None => {
                return Err(Error::new(
                    ErrorKind::Limit,
                    format!("a dtype of more than {MAX_FIELDS} fields"),
                ));
            }
        }
        Ok(())
    }
}

/// Puts the fields of a struct one behind the other.
#[derive(Default)]
struct Builder {
    fields: Vec<Field>,
    names: HashSet<String>,
    size: usize,
}

impl Builder {
    fn push(
        &mut self,
        title: Option<&str>,
        name: &str,
        dtype: DType,
        shape: Vec<usize>,
    ) -> Result<()> {
        let at = |kind, what: String| {
            Err(Error::new(kind, format!("field `{}`: {what}", name.escape_debug())))
        };
        if shape.len() > MAX_NDIM {
            return at(ErrorKind::Limit, format!("a sub-array of more than {MAX_NDIM} axes"));
        }
        let bytes = layout::byte_len(&shape, dtype.item_size());
        let end = bytes.and_then(|bytes| self.size.checked_add(bytes));
        let Some(end) = end.filter(|end| isize::try_from(*end).is_ok()) else {
            return at(ErrorKind::Corrupt, format!("shape {shape:?} of {dtype} overflows"));
        };
        // A field without a name is a gap if NumPy has a void there: bytes, also those of a bfloat16, and any sub-array.
        let void = matches!(dtype.kind, DTypeRepr::Raw(_) | DTypeRepr::Scalar(super::Scalar::BF16));
        if !name.is_empty() || title.is_some() || shape.is_empty() && !void {
            for name in title.into_iter().chain([name]) {
                if !self.names.insert(name.to_owned()) {
                    return Err(Error::corrupt(format!(
                        "the field `{}` is twice in the dtype",
                        name.escape_debug()
                    )));
                }
            }
            self.fields.push(Field::owned(name.to_owned(), dtype, shape, self.size));
        }
        self.size = end;
        Ok(())
    }

    fn finish(self) -> DType {
        let kind = DTypeRepr::Struct(Structure::shared(self.fields, self.size));
        DType { kind, big_endian: false }
    }
}

/// A field's title, if it has one that is text, and its name: a string, or the second of two.
fn names<'v>(name: &'v Literal<'_>) -> Result<(Option<&'v str>, &'v str)> {
    match name {
        Literal::Text(name) => Ok((None, name)),
        Literal::Tuple(both) => match &both[..] {
            [Literal::Text(title), Literal::Text(name)] => Ok((Some(title), name)),
            [_, Literal::Text(name)] => Ok((None, name)),
            _ => Err(Error::corrupt("bad header: expected a title and a name")),
        },
        other => {
            let found = other.describe();
            Err(Error::corrupt(format!("bad header: expected the name of a field, found {found}")))
        }
    }
}

/// A dtype as a sub-array of this shape. For text or bytes without a width, one number is the width.
pub(super) fn repeated(
    dtype: DType,
    inner: Vec<usize>,
    shape: &Literal<'_>,
) -> Result<(DType, Vec<usize>)> {
    let DType { kind, big_endian } = dtype;
    let kind = match (kind, shape) {
        (
            kind @ (DTypeRepr::Bytes(0) | DTypeRepr::Text(0) | DTypeRepr::Raw(0)),
            Literal::Int(width),
        ) if inner.is_empty() => {
            let code = match kind {
                DTypeRepr::Bytes(_) => 'S',
                DTypeRepr::Text(_) => 'U',
                _ => 'V',
            };
            let order = if big_endian { '>' } else { '<' };
            return Ok((plain(&format!("{order}{code}{width}"))?, inner));
        }
        (kind, _) => kind,
    };
    let mut axes = spelling::axes(shape)?;
    axes.extend(inner);
    Ok((DType { kind, big_endian }, axes))
}

/// The error for a text that is no dtype.
#[cold]
pub(super) fn unknown(text: &str) -> Error {
    let names = "bool, i8 to i64, u8 to u64, f16 to f64, bf16, complex64, complex128, datetime64, timedelta64, \
                 S, U, V or a list of fields";
    Error::new(ErrorKind::Unsupported, format!("dtype {text:?} is not one of {names}"))
}

/// Reads a dtype without fields: `<f4`, `|S5`, `<M8[25s]`.
pub(super) fn plain(text: &str) -> Result<DType> {
    let unknown = || unknown(text);
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
        return dtype(DTypeRepr::Scalar(row.scalar));
    }
    // NumPy's own voids have no byte order. Other libraries save bfloat16 as a void with one.
    if matches!(text, "<V2" | ">V2") {
        return dtype(DTypeRepr::Scalar(super::Scalar::BF16));
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
        // NumPy's old letter `a`, which needs a width.
        'S' | 'a' if code == 'S' || !rest.is_empty() => {
            dtype(DTypeRepr::Bytes(width().ok_or_else(unknown)?))
        }
        'U' => dtype(DTypeRepr::Text(width().ok_or_else(unknown)?)),
        'V' => dtype(DTypeRepr::Raw(width().ok_or_else(unknown)?)),
        'M' | 'm' => {
            let unit = rest.strip_prefix('8').and_then(TimeUnit::parse).ok_or_else(unknown)?;
            dtype(if code == 'M' { DTypeRepr::Datetime(unit) } else { DTypeRepr::Timedelta(unit) })
        }
        _ => Err(unknown()),
    }
}

/// Writes the list of a struct's fields, gaps included, as `numpy.lib.format` does.
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
            DTypeRepr::Struct(_) => write!(f, ", {}", field.dtype())?,
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
