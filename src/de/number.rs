//! Numbers as they are encoded, and as a visitor gets them that asks for something else than the number's own type.

use serde::de::Visitor;

use crate::error::Result;
use crate::value::Number;
use crate::wire::{Reader, Tag, unzigzag};

use super::decoder::in_range;

/// The number of this tag that comes next; `None` if it is no tag of a number.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn read(reader: &mut Reader<'_>, tag: Tag) -> Result<Option<Number>> {
    let number = match tag {
        Tag::I8 => Number::I8(reader.byte()?.cast_signed()),
        Tag::I16 => Number::I16(in_range(tag, unzigzag(reader.varint()?))?),
        Tag::I32 => Number::I32(in_range(tag, unzigzag(reader.varint()?))?),
        Tag::I64 => Number::I64(unzigzag(reader.varint()?)),
        Tag::I64Fixed => Number::I64(i64::from_le_bytes(reader.array()?)),
        Tag::I128 => Number::I128(i128::from_le_bytes(reader.array()?)),
        Tag::U8 => Number::U8(reader.byte()?),
        Tag::U16 => Number::U16(in_range(tag, reader.varint()?)?),
        Tag::U32 => Number::U32(in_range(tag, reader.varint()?)?),
        Tag::U64 => Number::U64(reader.varint()?),
        Tag::U64Fixed => Number::U64(u64::from_le_bytes(reader.array()?)),
        Tag::U128 => Number::U128(u128::from_le_bytes(reader.array()?)),
        Tag::F32 => Number::F32(f32::from_le_bytes(reader.array()?)),
        Tag::F64 => Number::F64(f64::from_le_bytes(reader.array()?)),
        _ => return Ok(None),
    };
    Ok(Some(number))
}

/// Calls the visitor with a number, in its width. Unoptimised, to read it is not code for each visitor; optimised, the two are one.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn visit<'de, V: Visitor<'de>>(number: Number, visitor: V) -> Result<V::Value> {
    match number {
        Number::I8(number) => visitor.visit_i8(number),
        Number::I16(number) => visitor.visit_i16(number),
        Number::I32(number) => visitor.visit_i32(number),
        Number::I64(number) => visitor.visit_i64(number),
        Number::I128(number) => visitor.visit_i128(number),
        Number::U8(number) => visitor.visit_u8(number),
        Number::U16(number) => visitor.visit_u16(number),
        Number::U32(number) => visitor.visit_u32(number),
        Number::U64(number) => visitor.visit_u64(number),
        Number::U128(number) => visitor.visit_u128(number),
        Number::F32(number) => visitor.visit_f32(number),
        Number::F64(number) => visitor.visit_f64(number),
    }
}
