//! Objects as one block of bytes: in memory, or through a writer and a reader.

use std::io::{Read, Write};

use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::{AlignedBytes, Region};
use crate::progress::Meter;
use crate::store::{BlockSink, BlockSource, BytesSink, HEADER, Nonce, check_head};
use crate::{de, memory, ser};

/// Serializes an object to one block of bytes, in the layout that a segment has (`docs/FORMAT.md`).
///
/// ```
/// let bytes = serde_shm::to_bytes(&("answer", 42_u8)).unwrap();
/// let (name, number): (&str, u8) = serde_shm::from_bytes(&bytes).unwrap();
/// assert_eq!((name, number), ("answer", 42));
/// ```
///
/// Each array is copied once, from where it lies. The block grows by doubling. From 1 MiB on the allocator grows it,
/// which may move pages instead of bytes. An array that is larger than the block so far makes room for itself. The
/// `Serialize` of each part of the object is called once. Only a part that asks whether it is written for a human reader
/// (`is_human_readable`) may be called twice, and must then write the same both times.
///
/// # Errors
///
/// Those that the object's `Serialize` reports; [`Limit`](crate::ErrorKind::Limit) if the object nests deeper than 2,048
/// levels.
pub fn to_bytes<T: Serialize + ?Sized>(value: &T) -> Result<AlignedBytes> {
    ser::to_sink(value, BytesSink::new(None))
}

/// Deserializes an object from a block of bytes. The object may borrow text and arrays from the block.
///
/// ```
/// let bytes = serde_shm::to_bytes(&vec!["a", "b"]).unwrap();
/// let text: Vec<&str> = serde_shm::from_bytes(&bytes).unwrap();
/// assert!(bytes.as_ptr_range().contains(&text[1].as_ptr()));
/// ```
///
/// Views of arrays need a block that starts at a multiple of 64, as [`AlignedBytes`] and memory maps do. At another
/// address, reading a view is an error, and owned types copy. A [`ShmArray`](crate::ShmArray) owns a copy, because this
/// function cannot know how long the block lives; a `ShmArray` that is read from a [`Block`](crate::Block) shares the
/// block's memory.
///
/// # Errors
///
/// [`Corrupt`](crate::ErrorKind::Corrupt) if the bytes are not a whole block or were altered outside array data,
/// [`Version`](crate::ErrorKind::Version) if a later version of the format wrote them,
/// [`Mismatch`](crate::ErrorKind::Mismatch) if the object is not a `T`: the error names the field.
pub fn from_bytes<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T> {
    de::from_source(&BlockSource::parse(bytes)?, None)
}

/// Serializes an object to a writer, from front to back in one pass. The writer gets the bytes that [`to_bytes`] gives,
/// and the block is never in memory as a whole.
///
/// ```
/// let mut file = Vec::new();
/// serde_shm::to_writer(&mut file, &[1.5, 2.5]).unwrap();
/// let numbers: [f64; 2] = serde_shm::from_reader(&file[..]).unwrap();
/// assert_eq!(numbers, [1.5, 2.5]);
/// ```
///
/// The writer gets each array in one piece, and everything else is gathered first, so the writer needs no buffer of its
/// own. It is flushed at the end.
///
/// # Errors
///
/// Those of the writer and of [`to_bytes`]. The bytes that were written before an error are not a whole block.
pub fn to_writer<W: Write, T: Serialize + ?Sized>(writer: W, value: &T) -> Result<()> {
    ser::to_sink(value, BlockSink::new(writer, Nonce::default())).map(drop)
}

/// Deserializes an object from a reader, which is read to its end into one aligned block.
///
/// [`ShmArray`](crate::ShmArray)s share that block and keep it alive; other owned arrays are copied out of it.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use serde_shm::ShmArray1;
/// let bytes = serde_shm::to_bytes(&ShmArray1::from(vec![1_u32; 1000])).unwrap();
/// let array: ShmArray1<u32> = serde_shm::from_reader(&bytes[..]).unwrap();
/// assert_eq!(array.sum(), 1000);
/// # }
/// ```
///
/// Input that does not begin like a block is an error after 64 bytes. A block's length stands at its end, so this
/// function cannot know beforehand how much it will read. It reads at most half of the machine's memory (4 GiB if the
/// size of the memory is not known); [`from_reader_limited`] takes another limit.
///
/// # Errors
///
/// Those of the reader and of [`from_bytes`]; [`Limit`](crate::ErrorKind::Limit) if the reader gives more bytes than the
/// limit.
pub fn from_reader<R: Read, T: DeserializeOwned>(reader: R) -> Result<T> {
    from_reader_limited(reader, memory::half_of_machine())
}

/// [`from_reader`] with a limit that the caller chooses: how many bytes the reader may give.
///
/// ```
/// let bytes = serde_shm::to_bytes(&vec![1_u64; 1000]).unwrap();
/// let numbers: Vec<u64> = serde_shm::from_reader_limited(&bytes[..], 1 << 20).unwrap();
/// assert_eq!(numbers.len(), 1000);
/// let error = serde_shm::from_reader_limited::<_, Vec<u64>>(&bytes[..], 100).unwrap_err();
/// assert_eq!(error.kind(), serde_shm::ErrorKind::Limit);
/// ```
///
/// # Errors
///
/// Those of [`from_reader`].
pub fn from_reader_limited<R: Read, T: DeserializeOwned>(reader: R, limit: u64) -> Result<T> {
    let region = Region::from_block(read_block(reader, limit, None)?);
    de::from_source(&BlockSource::parse(region.bytes())?, Some(&region))
}

/// Reads to the end of a reader. Only the first bytes are checked.
pub(super) fn read_block(
    reader: impl Read,
    limit: u64,
    meter: Option<&Meter<'_>>,
) -> Result<AlignedBytes> {
    // One byte more, so that input beyond the limit is noticed.
    let mut reader = reader.take(limit.saturating_add(1));
    let cannot = |error| Error::io("cannot read the container", error);
    let mut head = Vec::with_capacity(HEADER);
    reader.by_ref().take(HEADER as u64).read_to_end(&mut head).map_err(cannot)?;
    if head.len() as u64 <= limit {
        check_head(&head)?;
    }
    let expected = (64 << 10).min(usize::try_from(limit).unwrap_or(usize::MAX));
    let block = AlignedBytes::read_to_end(&head, reader, expected, meter).map_err(cannot)?;
    if block.len() as u64 > limit {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the reader gives more than {limit} bytes; `from_reader_limited` takes another limit"
            ),
        ));
    }
    Ok(block)
}
