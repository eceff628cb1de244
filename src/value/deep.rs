//! Copies and comparisons of values, which may nest deeper than one stack holds.

use crate::stack;

use super::{Map, Record, Value};

/// Runs one level on this stack, or on another stack where little of this one is left.
fn level<R>(run: impl FnOnce() -> R) -> R {
    const ROOM: usize = 128 << 10;
    if stack::left().is_none_or(|left| left >= ROOM) {
        return run();
    }
    let (mut run, mut result) = (Some(run), None);
    // Where there is no other stack, the rest of this one must do.
    let _ = stack::more(ROOM / 8, &mut || result = run.take().map(|run| run()));
    match (result, run) {
        (Some(result), _) => result,
        (None, Some(run)) => run(),
        (None, None) => unreachable!("a level that ran has a result"),
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        match self {
            Value::Unit => Value::Unit,
            Value::Bool(value) => Value::Bool(*value),
            Value::I8(value) => Value::I8(*value),
            Value::I16(value) => Value::I16(*value),
            Value::I32(value) => Value::I32(*value),
            Value::I64(value) => Value::I64(*value),
            Value::I128(value) => Value::I128(*value),
            Value::U8(value) => Value::U8(*value),
            Value::U16(value) => Value::U16(*value),
            Value::U32(value) => Value::U32(*value),
            Value::U64(value) => Value::U64(*value),
            Value::U128(value) => Value::U128(*value),
            Value::F32(value) => Value::F32(*value),
            Value::F64(value) => Value::F64(*value),
            Value::Char(value) => Value::Char(*value),
            Value::Text(text) => Value::Text(text.clone()),
            Value::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Value::Array(array) => Value::Array(array.clone()),
            Value::Live(array) => Value::Live(array.clone()),
            Value::Optional(value) => Value::Optional(level(|| value.clone())),
            Value::Readable(value) => Value::Readable(level(|| value.clone())),
            Value::Named(name, value) => Value::Named(name.clone(), level(|| value.clone())),
            Value::Tuple(elements) => Value::Tuple(level(|| elements.clone())),
            Value::Seq(seq) => Value::Seq(level(|| seq.clone())),
            Value::Map(Map { entries, unannounced }) => {
                let entries = level(|| entries.clone());
                Value::Map(Map { entries, unannounced: *unannounced })
            }
            Value::Record(Record { names, values }) => {
                let values = level(|| values.clone());
                Value::Record(Record { names: names.clone(), values })
            }
        }
    }
}

/// Live arrays change, so two of them are equal if they are the same array.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Value::Unit, Value::Unit) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::I8(one), Value::I8(other)) => one == other,
            (Value::I16(one), Value::I16(other)) => one == other,
            (Value::I32(one), Value::I32(other)) => one == other,
            (Value::I64(one), Value::I64(other)) => one == other,
            (Value::I128(one), Value::I128(other)) => one == other,
            (Value::U8(one), Value::U8(other)) => one == other,
            (Value::U16(one), Value::U16(other)) => one == other,
            (Value::U32(one), Value::U32(other)) => one == other,
            (Value::U64(one), Value::U64(other)) => one == other,
            (Value::U128(one), Value::U128(other)) => one == other,
            (Value::F32(one), Value::F32(other)) => one == other,
            (Value::F64(one), Value::F64(other)) => one == other,
            (Value::Char(one), Value::Char(other)) => one == other,
            (Value::Text(one), Value::Text(other)) => one == other,
            (Value::Bytes(one), Value::Bytes(other)) => one == other,
            (Value::Array(one), Value::Array(other)) => one == other,
            (Value::Live(one), Value::Live(other)) => one.is_same(other),
            (Value::Optional(one), Value::Optional(other)) => level(|| one == other),
            (Value::Readable(one), Value::Readable(other)) => level(|| one == other),
            (Value::Named(name, one), Value::Named(other_name, other)) => {
                name == other_name && level(|| one == other)
            }
            (Value::Tuple(one), Value::Tuple(other)) => level(|| one == other),
            (Value::Seq(one), Value::Seq(other)) => level(|| one == other),
            (Value::Map(one), Value::Map(other)) => level(|| one == other),
            (Value::Record(one), Value::Record(other)) => level(|| one == other),
            _ => false,
        }
    }
}
