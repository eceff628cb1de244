//! A part of an array of any dtype, down to one element: a number, a time, text, bytes, or a struct of these.

use std::borrow::Cow;

use serde::de::value::U16Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};

use crate::array::{text, unpadded};
use crate::context;
use crate::dtype::{DType, DTypeRepr, Field, Scalar, Structure};
use crate::error::{Error, Result};
use crate::layout;

use super::bounds::Bounds;
use super::buffer::is_buffer;
use super::elements::{NumberElement, adjacent, index, too_many, visit_all, visit_elements};
use super::items;
use super::transparent::Transparent;

/// A whole array, a row of it, a sub-array of a struct's field, or an element.
#[derive(Clone, Copy)]
pub(super) struct Part<'p, 'de> {
    pub(super) dtype: &'p DType,
    /// The axes that are left; an element has no axis.
    pub(super) shape: &'p [usize],
    /// The strides of these axes, in elements. Empty if the rows lie one after the other.
    pub(super) strides: &'p [usize],
    /// The bytes from the first element on, at least to the end of the last.
    pub(super) bytes: &'de [u8],
    pub(super) bounds: &'p Bounds,
}

impl<'p, 'de> Part<'p, 'de> {
    /// The element at this place among those that lie here.
    pub(super) fn element_at(&self, place: usize) -> Self {
        let item = self.dtype.item_size();
        let bytes = self.bytes.get(place * item..(place + 1) * item).unwrap_or_default();
        Part { shape: &[], strides: &[], bytes, ..*self }
    }

    /// Gives the part as a sequence along its first axis, the elements of numbers in the quickest way.
    fn visit_quickly<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.shape {
            [_, _, ..] => self.visit_rows(visitor),
            _ => visit_elements(self, visitor),
        }
    }

    /// Gives the part as a sequence along its first axis.
    fn visit_rows<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.bytes.is_empty() {
            self.bounds.take_rows(self.shape[0])?;
        }
        visit_all(Parts::rows(self), visitor)
    }

    /// Exactly the bytes of the element, or `None` if the part has axes, or an array without elements stands here.
    fn element(&self) -> Option<PartElement<'p, 'de>> {
        let bytes = self.bytes.get(..self.dtype.item_size())?;
        self.shape.is_empty().then_some(PartElement {
            dtype: self.dtype,
            bytes,
            bounds: self.bounds,
        })
    }
}

/// The rows of a part along its first axis, or all of its elements if they lie side by side. There is one type for both, because the
/// compiler makes a reader for each such type and each type that is read.
pub(super) struct Parts<'p, 'de> {
    /// What each of them is, with the bytes of all.
    each: Part<'p, 'de>,
    left: usize,
    /// Where the next one begins, and how far it is from one to the next.
    start: usize,
    step: usize,
    /// Whether there is nothing of another one between its bytes.
    is_whole: bool,
}

impl<'p, 'de> Parts<'p, 'de> {
    /// So many elements.
    pub(super) fn elements(part: Part<'p, 'de>, len: usize) -> Self {
        let each = Part { shape: &[], strides: &[], ..part };
        Parts { each, left: len, start: 0, step: part.dtype.item_size(), is_whole: true }
    }

    /// The part must have an axis.
    fn rows(part: Part<'p, 'de>) -> Self {
        let (item, shape) = (part.dtype.item_size(), &part.shape[1..]);
        let (strides, step) = match part.strides.split_first() {
            Some((stride, strides)) => (strides, stride.saturating_mul(item)),
            // The product was checked with the byte length of the whole array.
            None => (part.strides, layout::byte_len(shape, item).unwrap_or(0)),
        };
        let (each, is_whole) = (Part { shape, strides, ..part }, part.strides.is_empty());
        Parts { each, left: part.shape[0], start: 0, step, is_whole }
    }
}

impl<'p, 'de> Iterator for Parts<'p, 'de> {
    type Item = Part<'p, 'de>;

    #[inline]
    fn next(&mut self) -> Option<Part<'p, 'de>> {
        self.left = self.left.checked_sub(1)?;
        // Rows without bytes may be as far from each other as one likes.
        let (start, next) = (self.start, self.start.saturating_add(self.step));
        let end = if self.is_whole { next } else { self.each.bytes.len() };
        self.start = next;
        Some(Part { bytes: self.each.bytes.get(start..end).unwrap_or_default(), ..self.each })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Parts<'_, '_> {}

/// The bytes of one element, and what they are.
#[derive(Clone, Copy)]
struct PartElement<'p, 'de> {
    dtype: &'p DType,
    bytes: &'de [u8],
    bounds: &'p Bounds,
}

impl<'p, 'de> PartElement<'p, 'de> {
    /// The first `N` bytes from `start` on, in little-endian order.
    fn number<const N: usize>(&self, start: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[start..start + N]);
        if self.dtype.is_big_endian() {
            bytes.reverse();
        }
        bytes
    }

    fn visit<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            DTypeRepr::Scalar(scalar) => self.visit_scalar(*scalar, visitor),
            DTypeRepr::Datetime(_) | DTypeRepr::Timedelta(_) => {
                visitor.visit_i64(i64::from_le_bytes(self.number(0)))
            }
            DTypeRepr::Bytes(_) | DTypeRepr::Text(_) => match text(self.dtype, self.bytes)? {
                Some(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
                Some(Cow::Owned(text)) => visitor.visit_string(text),
                None => visitor.visit_borrowed_bytes(unpadded(self.bytes)),
            },
            DTypeRepr::Raw(_) => visitor.visit_borrowed_bytes(self.bytes),
            DTypeRepr::Struct(structure) => visitor.visit_map(self.fields(structure)),
        }
    }

    fn visit_scalar<V: Visitor<'de>>(&self, scalar: Scalar, visitor: V) -> Result<V::Value> {
        match scalar {
            Scalar::F16 | Scalar::BF16 if context::is_half_bits() && is_buffer::<V>() => {
                visitor.visit_newtype_struct(U16Deserializer::new(self.bits()))
            }
            Scalar::F16 => visitor.visit_f32(crate::dtype::f16_to_f32(self.bits())),
            Scalar::BF16 => visitor.visit_f32(crate::dtype::bf16_to_f32(self.bits())),
            Scalar::C64 => {
                let parts = [self.number::<4>(0), self.number(4)];
                visit_all(adjacent::<4>(Scalar::F32, parts.as_flattened()), visitor)
            }
            Scalar::C128 => {
                let parts = [self.number::<8>(0), self.number(8)];
                visit_all(adjacent::<8>(Scalar::F64, parts.as_flattened()), visitor)
            }
            _ if self.dtype.is_big_endian() => {
                let mut bytes = [0; 8];
                let bytes = &mut bytes[..self.bytes.len()];
                bytes.copy_from_slice(self.bytes);
                bytes.reverse();
                NumberElement { scalar, bytes }.deserialize_any(visitor)
            }
            _ => NumberElement { scalar, bytes: self.bytes }.deserialize_any(visitor),
        }
    }

    fn visit_bytes<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            DTypeRepr::Bytes(_) => visitor.visit_borrowed_bytes(unpadded(self.bytes)),
            _ => self.visit(visitor),
        }
    }

    fn visit_str<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            DTypeRepr::Bytes(_) if text(self.dtype, self.bytes)?.is_none() => {
                Err(Error::invalid_type(Unexpected::Other("bytes that are not UTF-8"), &visitor))
            }
            _ => self.visit(visitor),
        }
    }

    fn visit_seq<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        match self.dtype.inner() {
            DTypeRepr::Bytes(_) => {
                visit_all(adjacent::<1>(Scalar::U8, unpadded(self.bytes)), visitor)
            }
            DTypeRepr::Raw(_) => visit_all(adjacent::<1>(Scalar::U8, self.bytes), visitor),
            DTypeRepr::Struct(structure) => {
                let mut fields = self.fields(structure);
                let value = visitor.visit_seq(&mut fields)?;
                let (len, left) = (structure.fields().len(), fields.left.len());
                if left == 0 { Ok(value) } else { Err(too_many(len - left, len)) }
            }
            _ => self.visit(visitor),
        }
    }

    fn visit_newtype<V: Visitor<'de>>(&self, name: &str, visitor: V) -> Result<V::Value> {
        match (self.dtype.scalar(), name) {
            // The crate `half` writes the bits, in a newtype.
            (Some(Scalar::F16), "f16") | (Some(Scalar::BF16), "bf16") => {
                visitor.visit_newtype_struct(U16Deserializer::new(self.bits()))
            }
            _ => {
                let PartElement { dtype, bytes, bounds } = *self;
                let part = Part { dtype, shape: &[], strides: &[], bytes, bounds };
                visitor.visit_newtype_struct(Transparent::new(part))
            }
        }
    }

    fn visit_enum<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        if self.dtype.scalar() == Some(Scalar::U32) {
            return visitor.visit_enum(index(self.number(0)));
        }
        match text(self.dtype, self.bytes)? {
            Some(name) => visitor.visit_enum(name.into_deserializer()),
            None => Err(Error::invalid_type(
                Unexpected::Other(&format!("an element of {}", self.dtype.rust_name())),
                &visitor,
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
}

/// Requests that an element answers in its own way, and a part with axes as the sequence that it is. The quick way to visit it is many
/// functions for each visitor, and only requests have it that sequences usually answer.
macro_rules! answers {
    ($rows:ident: $($method:ident($($arg:ident: $ty:ty),*) $visit:ident($($passed:ident),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            match self.element() {
                Some(element) => element.$visit($($passed,)* visitor),
                None if self.shape.is_empty() => Err(no_element()),
                None => self.$rows(visitor),
            }
        }
    )*};
}

#[cold]
fn no_element() -> Error {
    Error::custom("an array without elements has none")
}

impl<'de> Deserializer<'de> for Part<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    answers! { visit_quickly:
        deserialize_any() visit();
        deserialize_bytes() visit_bytes();
        deserialize_byte_buf() visit_bytes();
        deserialize_seq() visit_seq();
        deserialize_tuple(_len: usize) visit_seq();
        deserialize_tuple_struct(_name: &'static str, _len: usize) visit_seq();
    }

    answers! { visit_rows:
        deserialize_bool() visit();
        deserialize_i8() visit();
        deserialize_i16() visit();
        deserialize_i32() visit();
        deserialize_i64() visit();
        deserialize_i128() visit();
        deserialize_u8() visit();
        deserialize_u16() visit();
        deserialize_u32() visit();
        deserialize_u64() visit();
        deserialize_u128() visit();
        deserialize_f32() visit();
        deserialize_f64() visit();
        deserialize_char() visit();
        deserialize_str() visit_str();
        deserialize_string() visit_str();
        deserialize_unit() visit();
        deserialize_unit_struct(_name: &'static str) visit();
        deserialize_map() visit();
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str]) visit();
        deserialize_identifier() visit();
        deserialize_newtype_struct(name: &'static str) visit_newtype(name);
        deserialize_enum(_name: &'static str, _variants: &'static [&'static str]) visit_enum();
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(Transparent::new(self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
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
        let (dtype, shape) = (field.dtype(), field.shape());
        let part = Part { dtype, shape, strides: &[], bytes, bounds: self.bounds };
        seed.deserialize(Transparent::new(part)).map_err(|error| error.at_field(field.name()))
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

impl<'de> SeqAccess<'de> for &mut Fields<'_, 'de> {
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
