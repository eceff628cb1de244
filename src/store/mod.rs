//! The containers: the traits that the serializer writes to and the deserializer reads from, and one file per container. This
//! module knows nothing of serde. It deals in bytes, dtypes and shapes only.

mod block;
#[cfg(feature = "npz")]
mod by_name;
mod bytes;
mod directory;
#[cfg(feature = "npz")]
mod external;
#[cfg(feature = "npz")]
mod names;
#[cfg(feature = "npz")]
mod npz;
mod shared;
mod tally;
#[cfg(feature = "safetensors")]
mod tensors;

use std::ops::Deref;
#[cfg(feature = "npz")]
use std::ops::Range;
use std::sync::Arc;

use crate::dtype::DType;
#[cfg(feature = "npz")]
use crate::error::Error;
use crate::error::Result;
use crate::layout::{self, MAX_NDIM, Order};
#[cfg(feature = "npz")]
use crate::memory::Fresh;
use crate::memory::Region;
use crate::memory::live::{Kind, LiveArrays, other_kind};
#[cfg(feature = "npz")]
use crate::os;
use crate::progress::Meter;
#[cfg(feature = "npz")]
use crate::progress::STEP;
#[cfg(feature = "npz")]
use crate::zip::ReadAt;

#[cfg(feature = "ndarray")]
pub(crate) use block::VERSION;
pub(crate) use block::{
    BlockParts, BlockSink, BlockSource, HEADER, KEPT, Nonce, TRAILER, check_head, put_nonce,
};
#[cfg(feature = "npz")]
pub(crate) use by_name::{NamedArrays, Node, Tree};
pub(crate) use bytes::BytesSink;
pub(crate) use directory::{ArrayPath, ListedArray};
#[cfg(feature = "npz")]
pub(crate) use npz::{Input, MappedFile, Members, NpzSink, NpzSource, Other, Rest, WatchedMembers};
pub(crate) use shared::{LivePart, SharedSink, check_live_header};
pub(crate) use tally::Tally;
#[cfg(feature = "safetensors")]
pub(crate) use tensors::{
    ObjectText, SurveySink, TensorInput, TensorSink, TensorSource, Tensors, WatchedTensors,
};

/// What a sink is told of an array before its bytes come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrayHead<'a> {
    /// The array's place in the object, such as `layers.0.weight`.
    pub(crate) path: &'a str,
    /// Whether the path of the array that was begun last differs in its last step alone, where it has the number before.
    pub(crate) follows: bool,
    pub(crate) dtype: &'a DType,
    pub(crate) shape: &'a [usize],
    pub(crate) order: Order,
    /// The array's kind in a container that can hold live arrays. In other containers, it is a plain array.
    pub(crate) kind: Kind,
    /// `layout::byte_len` of shape and dtype: how many bytes the sink will be given.
    pub(crate) bytes: usize,
}

/// A container that is being written, front to back, in one pass. Arrays come one after the other, whole.
///
/// The serializer knows no more of a container than this, so that a type is compiled once for all containers.
pub(crate) trait Sink {
    /// Starts an array.
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()>;

    /// Tells the sink that so many bytes will come in parts. Only a sink in memory needs to know, so that it need not move its bytes
    /// as it grows.
    fn expect(&mut self, _bytes: usize) {}

    /// The array's next bytes; all calls together give `head.bytes`.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Ends the array and gives its number, by which the inline block refers to it.
    fn end(&mut self) -> Result<u64>;

    /// Adds an array of this shape that has all else in common with the one that was ended last, whose path it
    /// [follows](ArrayHead::follows), and gives its number. `None` if the sink must be told of it as of any other.
    fn next(&mut self, _shape: &[usize], _bytes: &[u8]) -> Result<Option<u64>> {
        Ok(None)
    }

    /// Gives up the array that was begun. The bytes that were written of it may stay as dead space.
    fn abandon(&mut self) -> Result<()>;

    /// The place of the array that was ended last. `None` if no other array of the container may lie at the same place.
    fn last_place(&self) -> Option<u64> {
        None
    }

    /// Adds an array that lies at the place of another one of the same dtype, shape and order, and gives its number. `None` if the
    /// array must be written again. The place is one that [`last_place`](Self::last_place) gave.
    fn repeat(&mut self, _head: &ArrayHead<'_>, _place: u64) -> Result<Option<u64>> {
        Ok(None)
    }
}

/// A sink, as the code that makes it knows it.
pub(crate) trait Finish: Sink {
    /// What the sink gives when the container is complete.
    type Output;

    /// Bytes that the serializer leaves free in front of the inline block, for what the sink may put there.
    const HEADROOM: usize = 0;

    /// Writes everything but the arrays, and completes the container. `inline` starts after the headroom.
    fn finish(self, inline: Vec<u8>, tables: &[u8]) -> Result<Self::Output>;
}

/// All that a container says of an array except its place.
#[derive(Clone, Debug)]
pub(crate) struct PlacedHead {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    pub(crate) standing: Standing,
    /// How many bytes its elements take. `None` if it has too many axes, or more bytes than this machine can count.
    pub(crate) bytes: Option<usize>,
    /// That of an element, a power of two.
    pub(crate) alignment: usize,
}

/// An array as it lies in a container. Arrays that are alike share their head.
#[derive(Clone, Debug)]
pub(crate) struct Placed<'de> {
    pub(crate) head: Arc<PlacedHead>,
    /// `layout::byte_len` of shape and dtype: checked by the source. Empty for a live array.
    pub(crate) bytes: &'de [u8],
    /// The memory in which the bytes lie, if it is not the container's own.
    pub(crate) region: Option<Region>,
}

impl Deref for Placed<'_> {
    type Target = PlacedHead;

    fn deref(&self) -> &PlacedHead {
        &self.head
    }
}

impl PlacedHead {
    pub(crate) fn new(
        dtype: DType,
        shape: Vec<usize>,
        order: Order,
        standing: Standing,
    ) -> Arc<Self> {
        let bytes = layout::byte_len(&shape, dtype.item_size()).filter(|_| shape.len() <= MAX_NDIM);
        let alignment = dtype.alignment();
        Arc::new(PlacedHead { dtype, shape, order, standing, bytes, alignment })
    }

    /// The head of an array that can be read as any kind of array.
    pub(crate) fn free(dtype: DType, shape: Vec<usize>, order: Order) -> Arc<Self> {
        PlacedHead::new(dtype, shape, order, Standing::Free)
    }
}

impl<'de> Placed<'de> {
    /// An array that can be read as any kind of array, in memory of the container.
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
    /// The array can be read as any kind of array.
    Free,
    /// An array of a segment that does not change.
    Fixed,
    /// A live array of this kind, with its number in the directory. Its elements are in other memory.
    Live(Kind, u64),
}

/// An array that is read as it is copied.
pub(crate) struct ArrayStream<'de> {
    /// The array without its bytes.
    pub(crate) placed: Placed<'de>,
    /// How many bytes will come.
    pub(crate) len: usize,
    pub(crate) bytes: Box<dyn ByteStream + 'de>,
}

impl<'de> ArrayStream<'de> {
    /// `len` bytes that `bytes` gives, and that the meter counts.
    fn new(
        placed: Placed<'de>,
        len: usize,
        bytes: impl ByteStream + 'de,
        meter: Option<Arc<Meter<'de>>>,
    ) -> Self {
        let bytes: Box<dyn ByteStream + 'de> = match meter {
            Some(meter) => Box::new(CountedStream { bytes, meter }),
            None => Box::new(bytes),
        };
        ArrayStream { placed, len, bytes }
    }
}

/// A stream whose bytes are counted.
struct CountedStream<'de, B> {
    bytes: B,
    meter: Arc<Meter<'de>>,
}

impl<B: ByteStream> ByteStream for CountedStream<'_, B> {
    fn next(&mut self, most: usize) -> Result<&[u8]> {
        let bytes = self.bytes.next(most)?;
        self.meter.add(bytes.len() as u64)?;
        Ok(bytes)
    }
}

/// Bytes that lie in memory, as a stream: for a caller that copies them, piece by piece where somebody counts.
struct LentStream<'de>(&'de [u8]);

impl ByteStream for LentStream<'_> {
    fn next(&mut self, most: usize) -> Result<&[u8]> {
        let (next, left) = self.0.split_at(most.min(self.0.len()));
        self.0 = left;
        Ok(next)
    }
}

/// An array of at least so many bytes is copied as it is read. A smaller one is read at once.
const STREAMED: u64 = 256 << 10;

/// Reads these bytes of a file into memory of their own, in pieces if a meter counts them.
#[cfg(feature = "npz")]
fn read_whole(input: &dyn ReadAt, place: Range<u64>, meter: Option<&Meter<'_>>) -> Result<Region> {
    let failed = |error| Error::io("cannot read the file", error);
    let len = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
    let mut fresh = Fresh::new(len).map_err(failed)?;
    let step = if meter.is_some() { STEP as usize } else { os::PIECE };
    let mut at = place.start;
    for piece in fresh.bytes_mut().chunks_mut(step) {
        os::populate(piece);
        input.read_exact_at(at, piece).map_err(failed)?;
        at += piece.len() as u64;
        if let Some(meter) = meter {
            meter.add(piece.len() as u64)?;
        }
    }
    Ok(fresh.into_region())
}

/// What is known of an array that was not read.
#[cfg(feature = "npz")]
pub(crate) struct Info {
    pub(crate) path: String,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    pub(crate) seat: Seat,
}

/// Where an array's elements lie in a file.
#[cfg(feature = "npz")]
pub(crate) struct Seat {
    /// `None` if the elements are compressed, or if nothing that was read tells their place.
    pub(crate) range: Option<Range<u64>>,
    /// Whether the elements can be used where they lie, apart from their byte order; or, in a file, read without conversion.
    pub(crate) in_place: bool,
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

    /// How many bytes its arrays can have together, if each byte counts once.
    fn array_bytes(&self) -> u64;

    /// How many bytes of arrays a reader may copy out of the container in one reading, if arrays may share their bytes. `None` if no
    /// arrays do, so that all arrays together have at most [`array_bytes`](Self::array_bytes).
    fn copy_limit(&self) -> Option<u64> {
        None
    }

    /// The live arrays, if the container has any.
    fn live(&self) -> Option<&'de Arc<LiveArrays>> {
        None
    }

    /// Where the array of this number stands in the object.
    fn path(&self, number: u64) -> Result<ArrayPath<'de>>;

    /// The array of this number, with everything but its elements checked.
    fn array(&self, number: u64) -> Result<Placed<'de>>;

    /// The same array as a stream, for a caller that copies it anyway, so that it is not in memory twice. `None` if it lies in memory,
    /// or is better loaded.
    fn array_to_copy(&self, _number: u64) -> Result<Option<ArrayStream<'de>>> {
        Ok(None)
    }
}
