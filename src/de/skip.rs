//! Skips a value that the type ignores.

use crate::error::{Error, Result};
use crate::wire::Tag;

use super::decoder::{ANY, Decoder};

/// Skips the value of this slot. Arrays cost nothing: only their number is read.
pub(super) fn value(decoder: &mut Decoder<'_, '_>, slot: u8) -> Result<()> {
    let tag = decoder.tag(slot)?;
    let reader = &mut decoder.reader;
    match tag {
        Tag::Unit => {}
        Tag::Bool | Tag::I8 | Tag::U8 => {
            reader.byte()?;
        }
        Tag::I16
        | Tag::I32
        | Tag::I64
        | Tag::U16
        | Tag::U32
        | Tag::U64
        | Tag::Char
        | Tag::Array
        | Tag::Ndarray
        | Tag::Blob => {
            reader.varint()?;
        }
        Tag::F32 => {
            reader.take(4)?;
        }
        Tag::F64 | Tag::I64Fixed | Tag::U64Fixed => {
            reader.take(8)?;
        }
        Tag::I128 | Tag::U128 => {
            reader.take(16)?;
        }
        Tag::Str => {
            reader.text()?;
        }
        Tag::Bytes => {
            let len = reader.length("byte string")?;
            reader.take(len)?;
        }
        Tag::Option => match reader.byte()? {
            0 => {}
            slot => value(&mut *decoder.descend_option::<()>()?, slot)?,
        },
        Tag::Readable => value(&mut *decoder.descend_option::<()>()?, ANY)?,
        Tag::Seq => runs::<1>(&mut *decoder.descend::<()>()?)?,
        Tag::Map => runs::<2>(&mut *decoder.descend::<()>()?)?,
        Tag::Record => {
            let number = decoder.record_number()?;
            record(&mut *decoder.descend::<()>()?, number)?;
        }
        Tag::Absent | Tag::Any | Tag::Named => {
            return Err(Error::corrupt(format!("{} stands where a value should", tag.name())));
        }
    }
    Ok(())
}

fn runs<const N: usize>(decoder: &mut Decoder<'_, '_>) -> Result<()> {
    loop {
        let (count, more, slots) = decoder.run_header::<N>()?;
        for _ in 0..count {
            for slot in slots {
                value(decoder, slot)?;
            }
        }
        if !more {
            return Ok(());
        }
    }
}

/// Skips the fields of a record.
pub(super) fn record(decoder: &mut Decoder<'_, '_>, number: usize) -> Result<()> {
    let len = decoder.schema(number).0.len;
    for field in 0..len {
        let mut slot = decoder.schema(number).1.tags[field];
        if slot == ANY {
            slot = decoder.reader.byte()?;
        }
        if slot != Tag::Absent as u8 {
            value(decoder, slot)?;
        }
    }
    Ok(())
}
