//! Memory that is written piece by piece and then sealed.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use crate::error::Result;
use crate::segment::{Memory, SegmentWriter};

/// Memory that is written as a file is, front to back, and then sealed: for a block that comes in pieces and whose descriptor is
/// handed over, to be opened by `Segment::from_fd`.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::{MemoryWriter, Segment};
///
/// let mut memory = MemoryWriter::new()?;
/// serde_shm::to_writer(&mut memory, &["a", "b"])?; // or `write_all` of what comes from a socket
/// let descriptor = memory.seal()?;
/// let seen = Segment::from_fd(descriptor.into())?; // in life in another process
/// assert_eq!(seen.get::<[&str; 2]>()?, ["a", "b"]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Nothing looks at what is written before the memory is opened. A block that [`to_writer`](crate::to_writer) wrote has no nonce, by
/// which ids tell one segment from another: what is to be opened by id or name, [`SegmentOptions`](crate::SegmentOptions) makes, also
/// of bytes that a reader has. Live arrays are written as they are at that moment, and do not change any more.
///
/// When it is dropped without being sealed, nothing is left.
///
/// # Cost
///
/// Each piece is copied once, by `write(2)`, with no page fault. All else is seven system calls; no mapping is made.
pub struct MemoryWriter(SegmentWriter);

impl MemoryWriter {
    /// Memory in which nothing is written yet.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io) if there are no descriptors; [`Unsupported`](crate::ErrorKind::Unsupported) anywhere but on
    /// Linux.
    pub fn new() -> Result<Self> {
        Memory::create().map(MemoryWriter)
    }

    /// Seals what was written, which nobody can change or cut from then on, and gives its descriptor, for reading.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io) if there are no descriptors, or a sandbox forbids it.
    pub fn seal(self) -> Result<File> {
        Memory::seal(self.0).map(Memory::into_file)
    }
}

/// Bytes are appended. That memory or the limit on file sizes does not suffice is an error, and no signal.
impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for MemoryWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryWriter").finish_non_exhaustive()
    }
}
