//! The bytes of an array that is read as it is copied: they come in blocks.

use serde::de::value::BytesDeserializer;
use serde::de::{DeserializeSeed, SeqAccess};

use crate::error::{Error, Result};
use crate::store::ByteStream;

/// What is read at a time: it is still in the cache when it is copied.
const BLOCK: usize = 256 << 10;

/// The blocks that are left, each of whole elements.
pub(super) struct Blocks<'de> {
    bytes: Box<dyn ByteStream + 'de>,
    left: usize,
    block: usize,
}

impl<'de> Blocks<'de> {
    /// `len` bytes in all, of elements of `item` bytes.
    pub(super) fn new(item: usize, len: usize, bytes: Box<dyn ByteStream + 'de>) -> Self {
        let item = item.max(1);
        Blocks { bytes, left: len, block: (BLOCK / item).max(1) * item }
    }
}

impl<'de> SeqAccess<'de> for Blocks<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = self.bytes.next(self.block).map_err(Error::into_serde)?;
        self.left = self.left.saturating_sub(bytes.len());
        seed.deserialize(BytesDeserializer::new(bytes)).map(Some)
    }
}
