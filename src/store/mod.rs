//! Where an object goes and comes from: the traits that the serializer writes to and the deserializer reads from,
//! and one file per container. No serde here: bytes, dtypes and shapes only.

mod block;
mod bytes;
mod directory;
#[cfg(feature = "npz")]
mod external;
#[cfg(feature = "npz")]
mod npz;
mod shared;
#[cfg(feature = "npz")]
mod tally;

use std::ops::Deref;
use std::sync::Arc;

use crate::dtype::DType;
use crate::error::Result;
use crate::layout::Order;
use crate::memory::Region;
use crate::memory::live::{Kind, LiveArrays, other_kind};

#[cfg(feature = "ndarray")]
pub(crate) use block::VERSION;
pub(crate) use block::{
    BlockParts, BlockSink, BlockSource, HEADER, KEPT, Nonce, TRAILER, check_head, put_nonce,
};
pub(crate) use bytes::BytesSink;
pub(crate) use directory::{ArrayPath, ListedArray};
#[cfg(feature = "npz")]
pub(crate) use npz::{
    Info, Input, MappedFile, Members, Node, NpzSink, NpzSource, Other, Rest, Tree,
};
pub(crate) use shared::{LivePart, SharedSink, check_live_header};
#[cfg(feature = "npz")]
pub(crate) use tally::Tally;

/// What a sink is told of an array before its bytes come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrayHead<'a> {
    /// The place in the object, `layers.0.weight`.
    pub(crate) path: &'a str,
    pub(crate) dtype: &'a DType,
    pub(crate) shape: &'a [usize],
    pub(crate) order: Order,
    /// What it is to be in a container that can hold arrays which change; elsewhere it is a plain one.
    pub(crate) kind: Kind,
    /// `layout::byte_len` of shape and dtype: what the sink will be given.
    pub(crate) bytes: usize,
}

/// A container that is being written, front to back, in one pass. Arrays come one after the other, whole.
pub(crate) trait Sink {
    /// What is there in the end.
    type Output;

    /// Bytes that the serializer leaves free in front of the inline block, for what the sink may put there.
    const HEADROOM: usize = 0;

    /// Starts an array.
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()>;

    /// So many bytes will come in parts. Only memory needs to know, so as not to move what is there as it grows.
    fn expect(&mut self, _bytes: usize) {}

    /// The array's next bytes; all calls together give `head.bytes`.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Ends the array and gives its number, by which the inline block refers to it.
    fn end(&mut self) -> Result<u64>;

    /// Gives up the array that was begun: what was written of it is dead space at most.
    fn abandon(&mut self) -> Result<()>;

    /// Where the array lies that was ended last; `None` if no other array of the container may lie there, too.
    fn last_place(&self) -> Option<u64> {
        None
    }

    /// Adds an array that lies where another one of the same dtype, shape and order does, and gives its number; `None` if it is
    /// to be written again. The place is one that [`last_place`](Self::last_place) gave.
    fn repeat(&mut self, _head: &ArrayHead<'_>, _place: u64) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Writes what is not array data and completes the container. `inline` starts after the headroom.
    fn finish(self, inline: Vec<u8>, tables: &[u8]) -> Result<Self::Output>;
}

/// All that a container says of an array but its place.
#[derive(Clone, Debug)]
pub(crate) struct PlacedHead {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    pub(crate) standing: Standing,
}

/// An array as it lies in a container. What is said of arrays that are alike is held once.
#[derive(Clone, Debug)]
pub(crate) struct Placed<'de> {
    pub(crate) head: Arc<PlacedHead>,
    /// `layout::byte_len` of shape and dtype: checked by the source. Empty for a live array.
    pub(crate) bytes: &'de [u8],
    /// The memory in which the bytes lie, where it is not the container's own.
    pub(crate) region: Option<Region>,
}

impl Deref for Placed<'_> {
    type Target = PlacedHead;

    fn deref(&self) -> &PlacedHead {
        &self.head
    }
}

impl PlacedHead {
    /// Of an array of which anything can be made.
    pub(crate) fn free(dtype: DType, shape: Vec<usize>, order: Order) -> Arc<Self> {
        Arc::new(PlacedHead { dtype, shape, order, standing: Standing::Free })
    }
}

impl<'de> Placed<'de> {
    /// An array of which anything can be made, in memory of the container.
    pub(crate) fn free(dtype: DType, shape: Vec<usize>, order: Order, bytes: &'de [u8]) -> Self {
        Placed { head: PlacedHead::free(dtype, shape, order), bytes, region: None }
    }
}

impl PlacedHead {
    /// # Errors
    ///
    /// `Mismatch` if it is a live array, whose elements are not here.
    pub(crate) fn check_plain(&self) -> Result<()> {
        match self.standing {
            Standing::Live(kind, _) => Err(other_kind(Kind::Plain, kind)),
            _ => Ok(()),
        }
    }
}

/// Whether an array's kind is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Elements of which anything can be made.
    Free,
    /// An array of a segment that does not change.
    Fixed,
    /// An array of this number in the directory that changes: its elements are not here.
    Live(Kind, u64),
}

/// An array that is read as it is copied.
pub(crate) struct ArrayStream<'de> {
    /// All of it but the bytes.
    pub(crate) placed: Placed<'de>,
    /// So many bytes will come.
    pub(crate) len: usize,
    pub(crate) bytes: Box<dyn ByteStream + 'de>,
}

/// Bytes that come block by block.
pub(crate) trait ByteStream {
    /// The next `most` bytes, or all that are left if those are fewer.
    ///
    /// # Errors
    ///
    /// `Io` if they cannot be read; `Corrupt`, with the last of them, if the checksum is wrong.
    fn next(&mut self, most: usize) -> Result<&[u8]>;
}

/// A container that is read.
pub(crate) trait Source<'de> {
    /// The version of the format in which the object is encoded.
    fn version(&self) -> u16;

    /// The encoded object.
    fn inline(&self) -> &'de [u8];

    /// The tables of shapes and layouts that it refers to.
    fn tables(&self) -> &'de [u8];

    /// How many bytes its arrays can have together, without any counted twice.
    fn array_bytes(&self) -> u64;

    /// How many bytes of arrays readers may copy out of it in one reading, if arrays may share their bytes; `None` if none do,
    /// so that all that are referred to together have [`array_bytes`](Self::array_bytes) at most.
    fn copy_limit(&self) -> Option<u64> {
        None
    }

    /// The arrays that change, if the container has such.
    fn live(&self) -> Option<&'de Arc<LiveArrays>> {
        None
    }

    /// Where the array of this number stands in the object.
    fn path(&self, number: u64) -> Result<ArrayPath<'de>>;

    /// The array of this number, with everything but its elements checked.
    fn array(&self, number: u64) -> Result<Placed<'de>>;

    /// The same as it is read, for one who copies it anyway, so that it is not in memory twice. `None` if it lies in
    /// memory, or is better loaded.
    fn array_to_copy(&self, _number: u64) -> Result<Option<ArrayStream<'de>>> {
        Ok(None)
    }
}
