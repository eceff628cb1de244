//! Writes a value.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer,
};

use crate::array::{READABLE, TOKEN, is_bound_for_ours};
use crate::context::take_announced;

use super::Value;

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unit => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::I8(value) => serializer.serialize_i8(*value),
            Value::I16(value) => serializer.serialize_i16(*value),
            Value::I32(value) => serializer.serialize_i32(*value),
            Value::I64(value) => serializer.serialize_i64(*value),
            Value::I128(value) => serializer.serialize_i128(*value),
            Value::U8(value) => serializer.serialize_u8(*value),
            Value::U16(value) => serializer.serialize_u16(*value),
            Value::U32(value) => serializer.serialize_u32(*value),
            Value::U64(value) => serializer.serialize_u64(*value),
            Value::U128(value) => serializer.serialize_u128(*value),
            Value::F32(value) => serializer.serialize_f32(*value),
            Value::F64(value) => serializer.serialize_f64(*value),
            Value::Char(value) => serializer.serialize_char(*value),
            Value::Text(text) => serializer.serialize_str(text),
            Value::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Value::Optional(None) => serializer.serialize_none(),
            Value::Optional(Some(value)) => serializer.serialize_some(&**value),
            Value::Seq(seq) => {
                if let (Some(numbers), Some(_)) = (seq.numbers(), seq.announced()) {
                    return numbers.serialize(serializer);
                }
                let mut items = serializer.serialize_seq(seq.announced())?;
                seq.each().try_for_each(|item| items.serialize_element(&*item))?;
                items.end()
            }
            Value::Tuple(elements) => {
                let mut tuple = serializer.serialize_tuple(elements.len())?;
                elements.iter().try_for_each(|element| tuple.serialize_element(element))?;
                tuple.end()
            }
            Value::Map(map) => {
                let len = (!map.unannounced).then_some(map.len());
                let mut entries = serializer.serialize_map(len)?;
                map.iter().try_for_each(|(key, value)| entries.serialize_entry(key, value))?;
                entries.end()
            }
            Value::Record(record) => record.names.serialize_sparse(serializer, &record.values),
            Value::Readable(value) => serializer.serialize_newtype_struct(TOKEN, &Readable(value)),
            Value::Named(name, value) => name.value(&**value).serialize(serializer),
            Value::Live(array) => array.serialize(serializer),
            Value::Array(array) => array.serialize_as(array.is_ndarray_form, serializer),
        }
    }
}

/// A value in its form for human readers. Other formats get the value alone.
struct Readable<'a>(&'a Value);

impl Serialize for Readable<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if take_announced() || is_bound_for_ours::<S>() {
            let mut readable = serializer.serialize_tuple_struct(READABLE, 1)?;
            readable.serialize_field(self.0)?;
            return readable.end();
        }
        self.0.serialize(serializer)
    }
}
