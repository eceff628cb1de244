//! Memory that is written piece by piece and then sealed.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};

use crate::error::Result;
use crate::segment::{Memory, SegmentWriter};

/// Memory that a program writes like a file, from front to back, and then seals. It is for a block that comes in pieces:
/// the program hands the descriptor of the sealed memory to another process, which opens it by `Segment::from_fd`.
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
/// The bytes are checked only when the memory is opened. A block that [`to_writer`](crate::to_writer) wrote has no nonce,
/// which an id needs to tell one segment from another. To make a segment that can be opened by id or name, use
/// [`SegmentOptions`](crate::SegmentOptions), which also makes segments of bytes and readers. A live array is written
/// with the elements that it has at that moment; the copy does not change any more.
///
/// If the writer is dropped without being sealed, the memory is freed.
///
/// # Cost
///
/// Each piece is copied once, by `write(2)`, without page faults. Everything else takes seven system calls. The memory is
/// not mapped.
pub struct MemoryWriter(SegmentWriter);

impl MemoryWriter {
    /// Makes memory in which nothing has been written yet.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io) if there is no free descriptor; [`Unsupported`](crate::ErrorKind::Unsupported) on
    /// systems other than Linux.
    pub fn new() -> Result<Self> {
        Memory::create().map(MemoryWriter)
    }

    /// Seals the memory and returns its descriptor, open for reading. From then on no process can change or cut the
    /// memory.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io) if there is no free descriptor, or a sandbox forbids the call.
    pub fn seal(self) -> Result<File> {
        Memory::seal(self.0).map(Memory::into_file)
    }
}

/// Appends bytes. Too little memory, or a limit on file sizes that is too low, gives an error and not a signal.
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
