//! The bytes of an array that is read as it is copied: they come in blocks.

use serde::de::value::BytesDeserializer;
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::{Error, Result};
use crate::store::Feed;

/// What is read at a time: it is still in the cache when it is copied.
const BLOCK: usize = 256 << 10;

/// The blocks that are left, each of whole elements.
pub(super) struct Blocks<'de> {
    feed: Box<dyn Feed + 'de>,
    left: usize,
    block: usize,
}

impl<'de> Blocks<'de> {
    /// `bytes` in all, of elements of `item` bytes.
    pub(super) fn new(item: usize, bytes: usize, feed: Box<dyn Feed + 'de>) -> Self {
        let item = item.max(1);
        Blocks { feed, left: bytes, block: (BLOCK / item).max(1) * item }
    }
}

/// The bytes, as a newtype of a sequence of their blocks.
pub(super) struct Flowing<'f, 'de>(pub(super) &'f mut Blocks<'de>);

impl<'de> Deserializer<'de> for Flowing<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(Sequence(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Sequence<'f, 'de>(&'f mut Blocks<'de>);

impl<'de> Deserializer<'de> for Sequence<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(self.0)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for &mut Blocks<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = self.feed.next(self.block)?;
        self.left = self.left.saturating_sub(bytes.len());
        seed.deserialize(BytesDeserializer::new(bytes)).map(Some)
    }
}
