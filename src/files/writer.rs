//! Fills files by `write(2)`, before other processes can find them.

use std::borrow::Borrow;
use std::fs::File;
use std::io::{self, Write};
#[cfg(feature = "npz")]
use std::io::{Seek, SeekFrom};

use crate::error::explained;
use crate::os;

use super::room::{self, Medium};
#[cfg(feature = "ndarray")]
use super::window::HugeWindow;

/// Writes a memfd, or a file that does not have its own name yet. There are no page faults, and a full memory, a full
/// disk or a limit gives an error and not a signal. The writer's owner must remove a file that is given up.
pub(crate) struct FileWriter<F = File> {
    file: F,
    /// The position of the next bytes, and the length of the file so far.
    at: u64,
    len: u64,
    /// The limit RLIMIT_FSIZE, if there is one.
    limit: Option<u64>,
    /// Whether the file takes room on a file system, and not in memory alone.
    on_file_system: bool,
    /// Set if the memory is to have huge pages.
    #[cfg(feature = "ndarray")]
    window: Option<HugeWindow>,
}

impl<F: Borrow<File>> FileWriter<F> {
    /// A writer for empty memory.
    pub(crate) fn memory(file: F) -> Self {
        let limit = os::file_size_limit();
        FileWriter {
            file,
            at: 0,
            len: 0,
            limit,
            on_file_system: false,
            #[cfg(feature = "ndarray")]
            window: None,
        }
    }

    /// The same, in huge pages as far as the kernel has free ones.
    #[cfg(feature = "ndarray")]
    pub(crate) fn huge_memory(file: F) -> Self {
        FileWriter { window: Some(HugeWindow::default()), ..FileWriter::memory(file) }
    }

    /// A writer for memory whose first bytes are there already: it goes on behind them.
    #[cfg(feature = "ndarray")]
    pub(crate) fn memory_behind(at: u64, file: F) -> io::Result<Self> {
        std::io::Seek::seek(&mut file.borrow(), std::io::SeekFrom::Start(at))?;
        Ok(FileWriter { at, len: at, ..FileWriter::memory(file) })
    }

    /// A writer for an empty file on a file system.
    pub(crate) fn file(file: F) -> Self {
        FileWriter { on_file_system: true, ..FileWriter::memory(file) }
    }

    pub(crate) fn into_file(self) -> F {
        self.file
    }
}

impl<F: Borrow<File>> Write for FileWriter<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.at.saturating_add(bytes.len() as u64);
        within(self.limit, end)?;
        let mut file = self.file.borrow();
        let place = if self.on_file_system { Medium::FileSystem(file) } else { Medium::Memory };
        let needed = self.len.max(end);
        #[cfg(feature = "ndarray")]
        let written = match &mut self.window {
            Some(window) => window.write(file, self.at, bytes, self.len),
            None => file.write(bytes),
        };
        #[cfg(not(feature = "ndarray"))]
        let written = file.write(bytes);
        let written = written.map_err(|error| room::explain(error, needed, place))?;
        self.at += written as u64;
        self.len = self.len.max(self.at);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        #[cfg(feature = "ndarray")]
        if let Some(window) = &mut self.window {
            window.close();
        }
        Ok(())
    }
}

#[cfg(feature = "npz")]
impl<F: Borrow<File>> Seek for FileWriter<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = self.file.borrow().seek(to)?;
        Ok(self.at)
    }
}

/// # Errors
///
/// `FileTooLarge` if this process may not make a file of `len` bytes.
pub(crate) fn check_size(len: u64) -> io::Result<()> {
    within(os::file_size_limit(), len)
}

fn within(limit: Option<u64>, len: u64) -> io::Result<()> {
    match limit {
        Some(limit) if len > limit => Err(too_large(limit, len)),
        _ => Ok(()),
    }
}

#[cold]
fn too_large(limit: u64, len: u64) -> io::Error {
    explained(
        io::ErrorKind::FileTooLarge.into(),
        format!(
            "it takes at least {len} bytes, but the limit on the size of a file, or of memory that is one \
             (RLIMIT_FSIZE, `ulimit -f`), is {limit}; raise it"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_the_end_of_what_is_written() {
        assert!(within(None, u64::MAX).is_ok());
        assert!(within(Some(10), 10).is_ok());
        let error = within(Some(10), 11).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert!(error.to_string().contains("at least 11 bytes"), "{error}");
        assert!(within(Some(0), 0).is_ok());
        assert!(within(Some(0), 1).is_err());
    }

    /// Whether the kernel has huge pages or not, what is written through a window is what is in the memory.
    #[cfg(all(target_os = "linux", feature = "ndarray"))]
    #[test]
    fn memory_that_is_filled_through_a_window_has_what_was_written() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut out = FileWriter::huge_memory(os::create_memory().unwrap());
        let mut expected = Vec::new();
        for len in [1, 100, 4096, 2_500_000, 7].into_iter().chain([3_000_000; 25]) {
            out.write_all(&bytes[..len]).unwrap();
            expected.extend_from_slice(&bytes[..len]);
        }
        out.flush().unwrap();
        out.write_all(b"more").unwrap();
        expected.extend_from_slice(b"more");
        let memory = os::SealedMemory::seal(out.into_file()).unwrap();
        assert!(*memory.map().unwrap() == *expected);
        // A limit is an error before anything is mapped.
        let mut out =
            FileWriter { limit: Some(10), ..FileWriter::huge_memory(os::create_memory().unwrap()) };
        assert_eq!(out.write_all(&bytes).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[cfg(feature = "npz")]
    #[test]
    fn what_is_written_over_is_no_growth() {
        let mut out =
            FileWriter { limit: Some(8), ..FileWriter::file(tempfile::tempfile().unwrap()) };
        out.write_all(b"12345678").unwrap();
        assert!(out.write_all(b"9").is_err());
        assert_eq!(out.seek(SeekFrom::Start(2)).unwrap(), 2);
        out.write_all(b"abcdef").unwrap();
        out.seek(SeekFrom::Start(7)).unwrap();
        assert!(out.write_all(b"gh").is_err());
        assert_eq!(out.into_file().metadata().unwrap().len(), 8);
    }
}
