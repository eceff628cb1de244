//! The memory of a segment: written once, sealed, mapped; or found by id, and refused unless it is sealed.

use std::fs::File;
use std::io::{self, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::memory::Region;
use crate::os::{self, FileKind};

use super::id::{Nonce, SegmentId};

/// Memory that is being written, by `write(2)`: no page faults, and a full memory is an error and not SIGBUS. When it
/// is dropped, nothing is left.
pub(crate) struct MemoryWriter {
    file: File,
    written: u64,
    /// What RLIMIT_FSIZE allows. The kernel would answer a write beyond it with a signal that kills.
    limit: Option<u64>,
}

impl MemoryWriter {
    pub(crate) fn create() -> Result<Self> {
        let file = os::create_memory().map_err(|e| Error::io("cannot create a memfd", e))?;
        Ok(MemoryWriter { file, written: 0, limit: os::file_size_limit() })
    }

    /// Seals what was written: from here on it cannot change, and therefore can be mapped.
    pub(crate) fn seal(self) -> Result<Memory> {
        let file = os::seal(self.file).map_err(|e| Error::io("cannot seal the memfd", e))?;
        Ok(Memory { file })
    }
}

impl Write for MemoryWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.written.saturating_add(bytes.len() as u64);
        if let Some(limit) = self.limit.filter(|limit| end > *limit) {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "the segment takes at least {end} bytes, but the limit on file sizes \
                     (RLIMIT_FSIZE, `ulimit -f`) is {limit}; raise it"
                ),
            ));
        }
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sealed memory, held by a descriptor of this process.
pub(crate) struct Memory {
    file: File,
}

impl Memory {
    /// Opens what the id's descriptor stands for. That it is the segment that was meant, only its nonce can say.
    ///
    /// # Errors
    ///
    /// `NotFound` if the maker or its descriptor is gone, or the descriptor stands for something else by now; `Io` if
    /// the maker may not be looked at.
    pub(crate) fn open(id: &SegmentId) -> Result<Self> {
        let SegmentId { process, descriptor, .. } = *id;
        let status = os::descriptor_status(process, descriptor)
            .map_err(|e| unreachable_maker(process, descriptor, e))?;
        if status.kind != FileKind::Regular {
            return Err(taken(id, status.kind.describe()));
        }
        let file = os::open_descriptor(process, descriptor)
            .map_err(|e| unreachable_maker(process, descriptor, e))?;
        Ok(Memory { file })
    }

    /// Maps the whole memory. No page is read.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it is a memfd that somebody can still change, `NotFound` if it is none, `Io` if there is no room
    /// in this process.
    pub(crate) fn map(&self, id: &SegmentId) -> Result<Region> {
        let map = os::map(&self.file).map_err(|e| Error::io("cannot map the segment", e))?;
        match map {
            Some(map) => Ok(Region::from_map(map)),
            None if os::is_sealable(&self.file) => Err(Error::corrupt(format!(
                "refused: descriptor {} of process {} is not a sealed memfd: expected the seals SHRINK and WRITE, \
                 without which its bytes could change while they are borrowed",
                id.descriptor, id.process
            ))),
            None => Err(taken(id, "a file that is not a sealed memfd")),
        }
    }

    /// The id by which other processes find this descriptor, for as long as this process holds it.
    pub(crate) fn id(&self, nonce: Nonce) -> SegmentId {
        SegmentId { process: std::process::id(), descriptor: os::descriptor(&self.file), nonce }
    }

    #[cfg_attr(not(unix), allow(dead_code))]
    pub(crate) fn file(&self) -> &File {
        &self.file
    }
}

/// The descriptor exists but is not the segment.
fn taken(id: &SegmentId, found: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!(
            "the segment has gone: descriptor {} of process {} now belongs to something else, {found}",
            id.descriptor, id.process
        ),
    )
}

/// The memory is a whole segment with another nonce.
pub(crate) fn other_segment(id: &SegmentId) -> Error {
    taken(id, "a segment with another nonce")
}

fn unreachable_maker(process: u32, descriptor: u32, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound if os::process_is_visible(process) => Error::new(
            ErrorKind::NotFound,
            format!(
                "the segment has gone: its maker, process {process}, has dropped it (it has no descriptor {descriptor})"
            ),
        )
        .with_source(error),
        io::ErrorKind::NotFound => Error::new(
            ErrorKind::NotFound,
            format!(
                "the segment's maker, process {process}, has gone, and the segment with it; or it cannot be seen \
                 from here, because it runs in another PID namespace (a container) or /proc hides it (`hidepid`)"
            ),
        )
        .with_source(error),
        io::ErrorKind::PermissionDenied => Error::io(
            format!(
                "process {process}, the segment's maker, may not be looked at (another user, or not dumpable); \
                 a segment is for the processes of one user"
            ),
            error,
        ),
        _ => Error::io(format!("cannot open descriptor {descriptor} of process {process}"), error),
    }
}
