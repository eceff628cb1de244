//! One element of an array of any dtype: a number, a time, text, bytes, or a struct of these.

use std::borrow::Cow;

use serde::de::value::{SeqDeserializer, U16Deserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;

use crate::array::{text, unpadded};
use crate::context;
use crate::dtype::{DType, Field, Kind, Scalar, Structure};
use crate::error::{Error, Result};
use crate::layout;

use super::bounds::Bounds;
use super::buffer::is_buffer;
use super::items;
use super::wrapped::Wrapped;

/// The bytes of one element, and what they are.
#[derive(Clone, Copy)]
pub(super) struct Element<'p, 'de> {
    pub(super) dtype: &'p DType,
    /// As many as an element of the dtype has.
    pub(super) bytes: &'de [u8],
    pub(super) bounds: &'p Bounds,
}

impl<'p, 'de> Element<'p, 'de> {
    /// The first `N` bytes in little-endian order.
    fn number<const N: usize>(&self, start: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[start..start + N]);
        if self.dtype.is_big_endian() {
            bytes.reverse();
        }
        bytes
    }

    fn visit_scalar<V: Visitor<'de>>(&self, scalar: Scalar, visitor: V) -> Result<V::Value> {
        match scalar {
            Scalar::Bool => match self.bytes[0] {
                0 | 1 => visitor.visit_bool(self.bytes[0] == 1),
                byte => Err(Error::corrupt(format!(
                    "invalid bool: expected a byte 0 or 1, found {byte}"
                ))),
            },
            Scalar::I8 => visitor.visit_i8(i8::from_le_bytes(self.number(0))),
            Scalar::I16 => visitor.visit_i16(i16::from_le_bytes(self.number(0))),
            Scalar::I32 => visitor.visit_i32(i32::from_le_bytes(self.number(0))),
            Scalar::I64 => visitor.visit_i64(i64::from_le_bytes(self.number(0))),
            Scalar::U8 => visitor.visit_u8(self.bytes[0]),
            Scalar::U16 => visitor.visit_u16(u16::from_le_bytes(self.number(0))),
            Scalar::U32 => visitor.visit_u32(u32::from_le_bytes(self.number(0))),
            Scalar::U64 => visitor.visit_u64(u64::from_le_bytes(self.number(0))),
            Scalar::F32 => visitor.visit_f32(f32::from_le_bytes(self.number(0))),
            Scalar::F64 => visitor.visit_f64(f64::from_le_bytes(self.number(0))),
            Scalar::F16 | Scalar::BF16 if context::is_half_bits() && is_buffer::<V>() => {
                visitor.visit_newtype_struct(U16Deserializer::new(self.bits()))
            }
            Scalar::F16 => visitor.visit_f32(crate::dtype::f16_to_f32(self.bits())),
            Scalar::BF16 => visitor.visit_f32(crate::dtype::bf16_to_f32(self.bits())),
            Scalar::C64 => visitor.visit_seq(SeqDeserializer::new(
                [0, 4].map(|start| f32::from_le_bytes(self.number(start))).into_iter(),
            )),
            Scalar::C128 => visitor.visit_seq(SeqDeserializer::new(
                [0, 8].map(|start| f64::from_le_bytes(self.number(start))).into_iter(),
            )),
        }
    }

    fn bits(&self) -> u16 {
        u16::from_le_bytes(self.number(0))
    }

    fn fields(&self, structure: &'p Structure) -> Fields<'p, 'de> {
        let left = structure.fields().iter();
        Fields { bytes: self.bytes, bounds: self.bounds, left, value: None }
    }

    fn mismatch<V: Visitor<'de>>(&self, visitor: &V) -> Error {
        Error::invalid_type(
            Unexpected::Other(&format!("an element of {}", self.dtype.rust_name())),
            visitor,
        )
    }
}

impl<'de> Deserializer<'de> for Element<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            Kind::Scalar(scalar) => self.visit_scalar(*scalar, visitor),
            Kind::Datetime(_) | Kind::Timedelta(_) => {
                visitor.visit_i64(i64::from_le_bytes(self.number(0)))
            }
            Kind::Bytes(_) | Kind::Text(_) => match text(self.dtype, self.bytes)? {
                Some(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
                Some(Cow::Owned(text)) => visitor.visit_string(text),
                None => visitor.visit_borrowed_bytes(unpadded(self.bytes)),
            },
            Kind::Raw(_) => visitor.visit_borrowed_bytes(self.bytes),
            Kind::Struct(structure) => visitor.visit_map(self.fields(structure)),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            Kind::Bytes(_) => visitor.visit_borrowed_bytes(unpadded(self.bytes)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            Kind::Bytes(_) if text(self.dtype, self.bytes)?.is_none() => {
                Err(Error::invalid_type(Unexpected::Other("bytes that are not UTF-8"), &visitor))
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            Kind::Bytes(_) => {
                visitor.visit_seq(SeqDeserializer::new(unpadded(self.bytes).iter().copied()))
            }
            Kind::Raw(_) => visitor.visit_seq(SeqDeserializer::new(self.bytes.iter().copied())),
            Kind::Struct(structure) => visitor.visit_seq(self.fields(structure)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match (self.dtype.scalar(), name) {
            // The form that the crate `half` has in serde: the bits.
            (Some(Scalar::F16), "f16") | (Some(Scalar::BF16), "bf16") => {
                visitor.visit_newtype_struct(U16Deserializer::new(self.bits()))
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match text(self.dtype, self.bytes)? {
            Some(name) => visitor.visit_enum(name.into_deserializer()),
            None => Err(self.mismatch(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct map struct identifier
    }
}

/// The fields of a struct, by name or in their order.
struct Fields<'p, 'de> {
    bytes: &'de [u8],
    bounds: &'p Bounds,
    left: std::slice::Iter<'p, Field>,
    value: Option<&'p Field>,
}

impl<'p, 'de> Fields<'p, 'de> {
    fn value<T: DeserializeSeed<'de>>(&self, field: &'p Field, seed: T) -> Result<T::Value> {
        let bytes = &self.bytes[field.offset()..field.offset() + field.bytes()];
        if bytes.is_empty() {
            self.bounds.take_rows(1)?;
        }
        let part = Part { dtype: field.dtype(), shape: field.shape(), bytes, bounds: self.bounds };
        seed.deserialize(Wrapped::new(part)).map_err(|error| error.at_field(field.name()))
    }
}

impl<'de> MapAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.value.is_some() {
            return Err(items::untaken());
        }
        self.value = self.left.next();
        match self.value {
            Some(field) => {
                let name = self.bounds.hand_out(field.name())?;
                seed.deserialize(name.into_deserializer()).map(Some)
            }
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match self.value.take() {
            Some(field) => self.value(field, seed),
            None => Err(items::unnamed()),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

impl<'de> SeqAccess<'de> for Fields<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match self.left.next() {
            Some(field) => self.value(field, seed).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// A field's value: an element, or a sub-array down to one.
#[derive(Clone, Copy)]
struct Part<'p, 'de> {
    dtype: &'p DType,
    shape: &'p [usize],
    bytes: &'de [u8],
    bounds: &'p Bounds,
}

impl<'p, 'de> Part<'p, 'de> {
    fn element(&self) -> Option<Element<'p, 'de>> {
        let Part { dtype, bytes, bounds, .. } = *self;
        self.shape.is_empty().then_some(Element { dtype, bytes, bounds })
    }

    fn rows<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.bytes.is_empty() {
            self.bounds.take_rows(self.shape[0])?;
        }
        visitor.visit_seq(PartRows { left: self.shape[0], part: self })
    }
}

macro_rules! to_element_or_rows {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            match self.element() {
                Some(element) => element.$method($($arg,)* visitor),
                None => self.rows(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Part<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    to_element_or_rows! {
        deserialize_any();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_newtype_struct(name: &'static str);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct map struct identifier
    }
}

struct PartRows<'p, 'de> {
    part: Part<'p, 'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for PartRows<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let shape = &self.part.shape[1..];
        // The parser has checked the product.
        let len = layout::byte_len(shape, self.part.dtype.item_size()).unwrap_or(0);
        let (bytes, rest) = self.part.bytes.split_at_checked(len).unwrap_or_default();
        self.part.bytes = rest;
        let index = self.part.shape[0] - left - 1;
        let row = Part { shape, bytes, ..self.part };
        seed.deserialize(Wrapped::new(row)).map(Some).map_err(|error| error.at_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}
