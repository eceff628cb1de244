//! A value, read: lossless from a container of this crate, else out of whatever a format says of itself.

use std::fmt;

use serde::de::{
    Deserialize, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use crate::array::UntypedArray;
use crate::context;

use super::{Blob, Map, Names, PlacedArray, Record, Value};

/// The name under which a value is asked for. It has this crate's version in it, as the token of arrays.
pub(crate) const VALUE: &str = concat!("$serde_shm::Value/", env!("CARGO_PKG_VERSION"));

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Serde's buffer would take a newtype that is an array for the one that is asked for, and give what is in it.
        if is_serdes_buffer::<D>() && context::has_buffered_arrays() {
            return deserializer.deserialize_any(Any);
        }
        deserializer.deserialize_newtype_struct(VALUE, Whole)
    }
}

/// Whether it gives what serde's buffer keeps: serde gives no other way to ask.
fn is_serdes_buffer<D>() -> bool {
    let name = std::any::type_name::<D>();
    name.starts_with("serde")
        && (name.contains("ContentDeserializer<") || name.contains("ContentRefDeserializer<"))
}

macro_rules! whole {
    ($($method:ident $ty:ty;)*) => {$(
        fn $method<E: Error>(self, value: $ty) -> Result<Value, E> {
            Any.$method(value)
        }
    )*};
}

/// Takes the value that our deserializer has made, or what another one gives.
struct Whole;

impl<'de> Visitor<'de> for Whole {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        match context::take_value().and_then(|value| value.downcast().ok()) {
            Some(value) => Ok(*value),
            None => d.deserialize_any(Any),
        }
    }

    // A format that drops newtypes altogether calls these, as do serde's own deserializers of one value, which many formats have
    // for keys.
    whole! {
        visit_bool bool;
        visit_i8 i8;
        visit_i16 i16;
        visit_i32 i32;
        visit_i64 i64;
        visit_i128 i128;
        visit_u8 u8;
        visit_u16 u16;
        visit_u32 u32;
        visit_u64 u64;
        visit_u128 u128;
        visit_f32 f32;
        visit_f64 f64;
        visit_char char;
        visit_str &str;
        visit_string String;
        visit_bytes &[u8];
        visit_borrowed_bytes &'de [u8];
        visit_byte_buf Vec<u8>;
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Any.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Any.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Any.visit_some(d)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        Any.visit_enum(data)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Value, S::Error> {
        Any.visit_seq(seq)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Value, M::Error> {
        Any.visit_map(map)
    }
}

/// Takes what a format says of a value.
struct Any;

macro_rules! numbers {
    ($($method:ident $ty:ty, $name:ident;)*) => {$(
        fn $method<E: Error>(self, value: $ty) -> Result<Value, E> {
            Ok(Value::$name(value))
        }
    )*};
}

impl<'de> Visitor<'de> for Any {
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

    /// What such a format writes for none: JSON's `null`.
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Unit)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Optional(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Ok(Value::Optional(Some(Box::new(Value::deserialize(d)?))))
    }

    /// An array that serde's buffer keeps is in a newtype; other newtypes are what they hold.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        if context::has_buffered_arrays() {
            let array = UntypedArray::from_newtype(d)?;
            return Ok(Value::Array(PlacedArray::from(array)));
        }
        Value::deserialize(d)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Value, S::Error> {
        let mut items = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1 << 12));
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::from(items))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut entries = Vec::with_capacity(map.size_hint().unwrap_or(0).min(1 << 12));
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(Map::from(entries)))
    }

    /// A variant in a format that says which values are such, but not how many things it holds: a map of one entry, or its name.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (name, content) = data.variant::<String>()?;
        let value: Value = content.newtype_variant()?;
        let names = Names::newtype_variant("", 0, &name);
        Record::new(names, [value]).map(Value::Record).map_err(A::Error::custom)
    }
}
