//! Reads a value: without loss from a container of this crate, else from whatever a format says of itself.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use crate::array::BufferedArray;
use crate::context;

use super::{Blob, Map, Names, Record, Value};

/// The name under which a field of type [`Value`] is requested. Like the token of arrays, it contains this crate's version.
pub(crate) const VALUE: &str = concat!("$serde_shm::Value/", env!("CARGO_PKG_VERSION"));

/// A list makes room for at most this many items beforehand.
const ROOM: usize = 1 << 12;

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        AnyValue { is_inside: false, ticket: None }.deserialize(deserializer)
    }
}

/// Takes the value that this crate's deserializer has made, or what another deserializer says of it.
///
/// An array that serde's buffer keeps comes as a list whose first item is a ticket for the array. A ticket is wrapped in two
/// more newtypes than other items are: the buffer takes one off when it is asked for a newtype, and the visitor meets the
/// other inside.
#[derive(Clone, Copy)]
struct AnyValue<'t> {
    /// Whether the newtype that was asked for has been taken off.
    is_inside: bool,
    /// Where the number of a ticket goes.
    ticket: Option<&'t Cell<Option<u64>>>,
}

impl<'de> DeserializeSeed<'de> for AnyValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE, self)
    }
}

macro_rules! numbers {
    ($($method:ident $ty:ty, $name:ident;)*) => {$(
        fn $method<E: Error>(self, value: $ty) -> Result<Value, E> {
            Ok(Value::$name(value))
        }
    )*};
}

impl<'de> Visitor<'de> for AnyValue<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    numbers! {
        visit_bool bool, Bool;
        visit_i8 i8, I8;
        visit_i16 i16, I16;
        visit_i32 i32, I32;
        visit_i64 i64, I64;
        visit_i128 i128, I128;
        visit_u8 u8, U8;
        visit_u16 u16, U16;
        visit_u32 u32, U32;
        visit_u64 u64, U64;
        visit_u128 u128, U128;
        visit_f32 f32, F32;
        visit_f64 f64, F64;
        visit_char char, Char;
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
        Ok(Value::Text(text.into()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Value, E> {
        Blob::of_read(bytes).map(Value::Bytes).map_err(E::custom)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Value, E> {
        Ok(Value::Bytes(bytes.into()))
    }

    /// Formats such as JSON write `null` for `None`.
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Unit)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Optional(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Ok(Value::Optional(Some(Box::new(Value::deserialize(d)?))))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        if !self.is_inside {
            return match context::take_value().and_then(|value| value.downcast().ok()) {
                Some(value) => Ok(*value),
                None => d.deserialize_any(AnyValue { is_inside: true, ..self }),
            };
        }
        let value = Value::deserialize(d)?;
        if let (Some(ticket), Value::U64(number)) = (self.ticket, &value) {
            ticket.set(Some(*number));
        }
        Ok(value)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Value, S::Error> {
        let ticket = Cell::new(None);
        let first = AnyValue { is_inside: false, ticket: Some(&ticket) };
        let Some(first) = seq.next_element_seed(first)? else { return Ok(Vec::new().into()) };
        if let Some(ticket) = ticket.get()
            && let Some(array) = BufferedArray::of_ticket(ticket, &mut seq)?
        {
            return Ok(match array {
                BufferedArray::Plain(array) => array.into(),
                BufferedArray::Live(array) => array.into(),
            });
        }
        let mut items = Vec::with_capacity(seq.size_hint().map_or(1, |more| (more + 1).min(ROOM)));
        items.push(first);
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(0).min(ROOM));
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(Map::from(entries)))
    }

    /// A variant in a format that marks variants, but does not say how many values one holds: it becomes a map of one entry,
    /// or its name.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (name, content) = data.variant::<String>()?;
        let value: Value = content.newtype_variant()?;
        let names = Names::newtype_variant("", 0, &name);
        Record::new(names, [value]).map(Value::Record).map_err(A::Error::custom)
    }
}
