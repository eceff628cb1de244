//! Values without parts, as a walk over an encoded object comes to them.

use crate::error::Result;
use crate::value::{Number, Walk};
use crate::wire::{Reader, Tag, unzigzag};

use super::number;

/// Stands for the end of a value that has parts, which is not read.
pub(super) const PARTS: usize = usize::MAX;

/// Tells of a value that starts so many bytes further on, and gives where it ends. If the value has parts, gives `PARTS`.
///
/// Only one number changes from value to value. A reader that is passed and returned would be stored in parts and loaded as a
/// whole, which costs more than to read a number.
#[inline(always)]
pub(super) fn leaf<'de, W: Walk<'de>>(
    reader: &Reader<'de>,
    at: usize,
    walk: &mut W,
    tag: Tag,
) -> Result<usize> {
    macro_rules! fixed {
        ($name:ident $ty:ty) => {
            if let Some(bytes) = reader.array_at(at) {
                walk.number(Number::$name(<$ty>::from_le_bytes(bytes)))?;
                return Ok(at + size_of::<$ty>());
            }
        };
    }
    macro_rules! varint {
        ($name:ident, |$number:ident| $from:expr) => {
            if let Some([byte]) = reader.array_at(at)
                && byte < 0x80
            {
                let $number = u64::from(byte);
                walk.number(Number::$name($from))?;
                return Ok(at + 1);
            }
        };
    }
    match tag {
        Tag::F32 => fixed!(F32 f32),
        Tag::F64 => fixed!(F64 f64),
        Tag::U8 => fixed!(U8 u8),
        Tag::I8 => fixed!(I8 i8),
        Tag::I64Fixed => fixed!(I64 i64),
        Tag::U64Fixed => fixed!(U64 u64),
        Tag::U16 => varint!(U16, |number| number as u16),
        Tag::U32 => varint!(U32, |number| number as u32),
        Tag::U64 => varint!(U64, |number| number),
        Tag::I16 => varint!(I16, |number| unzigzag(number) as i16),
        Tag::I32 => varint!(I32, |number| unzigzag(number) as i32),
        Tag::I64 => varint!(I64, |number| unzigzag(number)),
        _ => {}
    }
    other_leaf(reader, at, walk, tag)
}

/// Whether a value of this tag has no parts, and no option, name or mark around it.
fn is_leaf(tag: Tag) -> bool {
    (Tag::Unit as u8..=Tag::Bytes as u8).contains(&(tag as u8))
}

/// The same for a value that is long or rare, or ends too soon.
#[inline(never)]
pub(super) fn other_leaf<'de, W: Walk<'de>>(
    reader: &Reader<'de>,
    at: usize,
    walk: &mut W,
    tag: Tag,
) -> Result<usize> {
    let mut rest = reader.clone();
    rest.take(at)?;
    if let Some(number) = number::read(&mut rest, tag)? {
        walk.number(number)?;
        return Ok(reader.left() - rest.left());
    }
    match tag {
        Tag::Str => {
            walk.text(rest.text()?)?;
        }
        Tag::Option => {
            // An option around a value with parts is told of together with that value.
            let (inner, start) = match rest.array_at(0) {
                Some([0]) => {
                    walk.none()?;
                    return Ok(at + 1);
                }
                Some([slot]) => match Tag::from_byte(slot) {
                    Some(tag) if is_leaf(tag) => (tag, at + 1),
                    _ => return Ok(PARTS),
                },
                None => return Ok(PARTS),
            };
            walk.some()?;
            return other_leaf(reader, start, walk, inner);
        }
        Tag::Bool => {
            walk.bool(rest.bool()?)?;
        }
        Tag::Unit => {
            walk.unit()?;
        }
        Tag::Char => {
            walk.char(rest.char()?)?;
        }
        Tag::Bytes => {
            let len = rest.length("byte string")?;
            walk.bytes(rest.take(len)?)?;
        }
        _ => return Ok(PARTS),
    }
    Ok(reader.left() - rest.left())
}
