//! Lists of whole numbers. Each number takes as many bytes as it needs.

use std::cell::Cell;

use serde::de::{Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::{Error, Result};
use crate::wire::{Reader, Tag, unzigzag};

use super::decoder::{Decoder, in_range};
use super::elements::{ElementReader, too_many};

/// The tags of such numbers, a bit for each.
pub(super) const VARINTS: u32 = 1 << Tag::I16 as u8
    | 1 << Tag::I32 as u8
    | 1 << Tag::I64 as u8
    | 1 << Tag::U16 as u8
    | 1 << Tag::U32 as u8
    | 1 << Tag::U64 as u8;

/// Whether a run of this tag has such numbers.
#[inline]
pub(super) fn is_varint(slot: u8) -> bool {
    slot < 32 && VARINTS >> slot & 1 == 1
}

/// Calls the visitor with so many numbers of this tag, which come next. They are read by a cursor of their own, which the
/// compiler can keep in registers.
pub(super) fn visit_varints<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    count: u64,
    slot: u8,
    visitor: V,
) -> Result<V::Value> {
    let tag = decoder.tag(slot)?;
    // Each number takes at least one byte.
    let len = decoder.reader.check_left(count)?;
    let (end, left) = (Cell::new(None), Cell::new(0));
    let items = Varints { reader: decoder.reader.clone(), left: len, tag, end: &end };
    let mut result = visitor.visit_seq(ElementReader::new(items, &left));
    let Some(reader) = end.take() else {
        return result.and_then(|_| Err(Error::custom("a list was kept by its visitor")));
    };
    decoder.reader = reader;
    if left.get() != 0 {
        result = result.and_then(|_| Err(too_many(len - left.get(), len)));
    }
    result
}

struct Varints<'c, 'de> {
    reader: Reader<'de>,
    left: usize,
    tag: Tag,
    /// The reader's position in the end.
    end: &'c Cell<Option<Reader<'de>>>,
}

impl Drop for Varints<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        self.end.set(Some(self.reader.clone()));
    }
}

impl Iterator for Varints<'_, '_> {
    type Item = Result<Varint>;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.reader.listed_varint().map(|number| Varint { tag: self.tag, number }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Varints<'_, '_> {}

/// A number as its tag says.
struct Varint {
    tag: Tag,
    number: u64,
}

macro_rules! as_they_are {
    ($($method:ident $tag:ident)*) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            if self.tag == Tag::$tag {
                return Varint { tag: Tag::$tag, ..self }.visit(visitor);
            }
            self.deserialize_any(visitor)
        }
    )*};
}

impl Varint {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn visit<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Varint { tag, number } = self;
        match tag {
            Tag::U16 => visitor.visit_u16(in_range(tag, number)?),
            Tag::U32 => visitor.visit_u32(in_range(tag, number)?),
            Tag::I16 => visitor.visit_i16(in_range(tag, unzigzag(number))?),
            Tag::I32 => visitor.visit_i32(in_range(tag, unzigzag(number))?),
            Tag::I64 => visitor.visit_i64(unzigzag(number)),
            _ => visitor.visit_u64(number),
        }
    }
}

impl<'de> Deserializer<'de> for Varint {
    type Error = Error;

    #[inline(never)]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.visit(visitor)
    }

    // Most numbers are asked for as the type that their tag says.
    as_they_are! {
        deserialize_u16 U16 deserialize_u32 U32 deserialize_u64 U64
        deserialize_i16 I16 deserialize_i32 I32 deserialize_i64 I64
    }

    forward_to_deserialize_any! {
        bool i8 i128 u8 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
