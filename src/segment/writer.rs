//! How a segment is filled: by `write(2)` into a file that nobody else knows yet.

use std::fs::File;
use std::io::{self, Write};

use crate::os;

use super::room::{self, Place};

/// A memfd or a file without a name that is being written: no page faults, and a full memory is an error and not
/// SIGBUS. When it is dropped, nothing is left.
pub(crate) struct SegmentWriter {
    file: File,
    written: u64,
    /// What RLIMIT_FSIZE allows. The kernel would answer a write beyond it with a signal that kills.
    limit: Option<u64>,
    /// Whether its bytes are those of a file system, and not memory's alone.
    on_file_system: bool,
}

impl SegmentWriter {
    pub(super) fn memory(file: File) -> Self {
        SegmentWriter { file, written: 0, limit: os::file_size_limit(), on_file_system: false }
    }

    pub(super) fn file(file: File) -> Self {
        SegmentWriter { on_file_system: true, ..SegmentWriter::memory(file) }
    }

    pub(super) fn into_file(self) -> File {
        self.file
    }
}

impl Write for SegmentWriter {
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
        let place = if self.on_file_system { Place::FileSystem(&self.file) } else { Place::Memory };
        let written = (&self.file).write(bytes).map_err(|e| room::explain(e, end, place))?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
