//! A value's tag behind the names before it, and a scalar as text: a map's key in a path, or where a key must be text.

use super::number::{Reader, unzigzag};
use super::tag::Tag;

/// The tag of a value, behind the names that the value stands under. `None` if the bytes are not such a value.
pub(crate) fn behind_names(reader: &mut Reader<'_>, mut tag: Tag) -> Option<Tag> {
    while tag == Tag::Named {
        let len = reader.length("name").ok()?;
        reader.take(len).ok()?;
        tag = Tag::from_byte(reader.byte().ok()?)?;
    }
    Some(tag)
}

/// The text of a string, number, bool or char. `None` for anything else, and for bytes that are not a value.
pub(crate) fn scalar_text(reader: &mut Reader<'_>, mut tag: Tag) -> Option<String> {
    tag = behind_names(reader, tag)?;
    while tag == Tag::Readable {
        let inner = Tag::from_byte(reader.byte().ok()?)?;
        tag = behind_names(reader, inner)?;
    }
    Some(match tag {
        Tag::Str => reader.text().ok()?.to_owned(),
        Tag::U8 => reader.byte().ok()?.to_string(),
        Tag::I8 => reader.byte().ok()?.cast_signed().to_string(),
        Tag::U16 | Tag::U32 | Tag::U64 => reader.varint().ok()?.to_string(),
        Tag::I16 | Tag::I32 | Tag::I64 => unzigzag(reader.varint().ok()?).to_string(),
        Tag::U64Fixed => u64::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::I64Fixed => i64::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::U128 => u128::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::I128 => i128::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::F32 => f32::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::F64 => f64::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::Bool => (reader.byte().ok()? != 0).to_string(),
        Tag::Char => char::from_u32(u32::try_from(reader.varint().ok()?).ok()?)?.to_string(),
        _ => return None,
    })
}
