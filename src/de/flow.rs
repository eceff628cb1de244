//! An array that is read as it is copied: what stands under the token, but for the bytes, which come in blocks.

use serde::de::value::{BytesDeserializer, SeqDeserializer, StrDeserializer, U8Deserializer};
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::array::FORTRAN;
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::store::Flow;

/// What is read at a time: it is still in the cache when it is copied.
const BLOCK: usize = 256 << 10;

/// Under the token: a newtype of dtype, shape, bytes and order. The bytes are a newtype of a sequence of blocks, each of
/// whole elements.
pub(super) fn visit_flow<'de, V: Visitor<'de>>(flow: Flow<'de>, visitor: V) -> Result<V::Value> {
    visitor.visit_newtype_struct(Parts(flow))
}

struct Parts<'de>(Flow<'de>);

/// The parts in their order.
struct PartsSeq<'de> {
    flow: Flow<'de>,
    part: u8,
}

/// The bytes, as a newtype of their blocks.
struct Elements<'f, 'de>(&'f mut Flow<'de>);

/// The blocks that are left.
struct Blocks<'f, 'de> {
    flow: &'f mut Flow<'de>,
    block: usize,
}

impl<'de> Deserializer<'de> for Parts<'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_seq(PartsSeq { flow: self.0, part: 0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for PartsSeq<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.part += 1;
        match self.part {
            1 => seed.deserialize(StrDeserializer::new(&self.flow.dtype.to_string())),
            2 => {
                let axes = self.flow.shape.iter().map(|axis| *axis as u64);
                seed.deserialize(SeqDeserializer::new(axes))
            }
            3 => seed.deserialize(Elements(&mut self.flow)),
            4 => {
                let order = if self.flow.order == Order::F { FORTRAN } else { 0 };
                seed.deserialize(U8Deserializer::new(order))
            }
            _ => return Ok(None),
        }
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(4_usize.saturating_sub(self.part.into()))
    }
}

impl<'de> Deserializer<'de> for Elements<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(BlocksOf(self.0))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct BlocksOf<'f, 'de>(&'f mut Flow<'de>);

impl<'de> Deserializer<'de> for BlocksOf<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let item = self.0.dtype.item_size().max(1);
        visitor.visit_seq(Blocks { flow: self.0, block: (BLOCK / item).max(1) * item })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> SeqAccess<'de> for Blocks<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.flow.bytes == 0 {
            return Ok(None);
        }
        let bytes = self.flow.feed.next(self.block)?;
        self.flow.bytes = self.flow.bytes.saturating_sub(bytes.len());
        seed.deserialize(BytesDeserializer::new(bytes)).map(Some)
    }
}
