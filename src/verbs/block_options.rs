//! Options for writing and reading blocks.

use std::io::{Read, Write};

use serde::ser::Serialize;

use crate::error::Result;
use crate::memory::{self, AlignedBytes, Region};
use crate::progress::{Progress, ProgressAnswer, Work, metered};
use crate::ser;
use crate::store::{BlockSink, BytesSink, Nonce, Tally};

use super::Block;
use super::bytes::read_block;

/// How to write a block, or read one: with a function that is told how far it is and may cancel, and within a limit.
///
/// ```
/// use serde_shm::BlockOptions;
///
/// let options = BlockOptions::new().limit(1 << 20).progress(|done, all| eprintln!("{done} of {all} bytes"));
/// let mut file = Vec::new();
/// options.to_writer(&mut file, &["a", "b"])?;
/// assert_eq!(options.read(&file[..])?.get::<[&str; 2]>()?, ["a", "b"]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockOptions<'p> {
    limit: Option<u64>,
    progress: Option<Progress<'p>>,
}

impl<'p> BlockOptions<'p> {
    /// The options of [`to_bytes`](crate::to_bytes), [`to_writer`](crate::to_writer) and [`from_reader`](crate::from_reader).
    ///
    /// ```
    /// let bytes = serde_shm::BlockOptions::new().to_bytes("text")?;
    /// assert_eq!(bytes, serde_shm::to_bytes("text")?);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn new() -> Self {
        BlockOptions::default()
    }

    /// How many bytes a reader may give. By default as many as half of the machine's memory has.
    ///
    /// ```
    /// let bytes = serde_shm::to_bytes(&vec![1_u64; 1000])?;
    /// let error = serde_shm::BlockOptions::new().limit(100).read(&bytes[..]).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Limit);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = Some(bytes);
        self
    }

    /// Calls `report` while a block is written or read, for a progress bar, and lets it cancel that. Its arguments are the bytes
    /// of arrays that were written so far and the bytes of all arrays; in the last call both are equal.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let last = AtomicU64::new(0);
    /// let options = serde_shm::BlockOptions::new().progress(|done, all| {
    ///     last.store(done, Relaxed);
    ///     if all > 1 << 30 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) } // too much for this program
    /// });
    /// # #[cfg(feature = "ndarray")] {
    /// options.to_bytes(&serde_shm::ShmArray1::from(vec![0.5_f64; 1000]))?;
    /// assert_eq!(last.load(Relaxed), 8000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that writes or reads makes the calls, one after the other: one for some 8 MiB, or more where the work is slow, and
    /// one at the end.
    ///
    /// # Cost
    ///
    /// To know the bytes of all arrays beforehand, a value is serialized twice, the first time without a look at elements that lie
    /// side by side. A writer gets an array in pieces of 8 MiB, and without a function in one. How much a reader will give
    /// nobody knows: there both arguments are the bytes that came.
    ///
    /// # Errors
    ///
    /// Writing and reading then also return [`Cancelled`](crate::ErrorKind::Cancelled).
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'p,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Serializes an object to one block of bytes, as [`to_bytes`](crate::to_bytes) does.
    ///
    /// ```
    /// let bytes = serde_shm::BlockOptions::new().to_bytes(&("answer", 42_u8))?;
    /// assert_eq!(serde_shm::from_bytes::<(&str, u8)>(&bytes)?, ("answer", 42));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`to_bytes`](crate::to_bytes).
    pub fn to_bytes<T: Serialize + ?Sized>(&self, value: &T) -> Result<AlignedBytes> {
        let all = || ser::to_sink(value, Tally::sharing()).map(Some);
        metered(self.progress.as_ref(), Work::GATHER, all, |meter| {
            ser::to_sink(value, BytesSink::new(meter))
        })
    }

    /// Serializes an object to a writer, as [`to_writer`](crate::to_writer) does.
    ///
    /// ```
    /// let mut file = Vec::new();
    /// serde_shm::BlockOptions::new().to_writer(&mut file, "text")?;
    /// assert_eq!(serde_shm::from_bytes::<&str>(&file)?, "text");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`to_writer`](crate::to_writer). After an error the writer may have got a part of a block, also if the function
    /// cancelled: at its last call the writer may have got all of it.
    pub fn to_writer<W: Write, T: Serialize + ?Sized>(&self, writer: W, value: &T) -> Result<()> {
        let all = || ser::to_sink(value, Tally::sharing()).map(Some);
        metered(self.progress.as_ref(), Work::WRITE, all, |meter| {
            let sink = BlockSink::new(writer, Nonce::default()).with_meter(meter);
            ser::to_sink(value, sink).map(drop)
        })
    }

    /// Reads a block from a reader, up to its end, into one aligned block of memory.
    ///
    /// ```
    /// let sent = serde_shm::to_bytes(&["a", "b"])?;
    /// let block = serde_shm::BlockOptions::new().read(&sent[..])?;
    /// assert_eq!(block.get::<[&str; 2]>()?, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`from_reader`](crate::from_reader), except those of the object's type.
    pub fn read(&self, reader: impl Read) -> Result<Block> {
        let limit = self.limit.unwrap_or_else(memory::half_of_machine);
        let read = metered(
            self.progress.as_ref(),
            Work::OPEN,
            || Ok(None),
            |meter| read_block(reader, limit, meter),
        );
        Block::of_bytes(Region::from_block(read?))
    }
}
