//! Stored members, aligned in the file.

use std::io::{self, Seek, SeekFrom, Write};

use ::zip::result::ZipError;
use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, DateTime, System, ZIP64_BYTES_THR, ZipWriter};

use crate::error::{Error, ErrorKind, Result};
use crate::layout::ARRAY_ALIGN;

/// What is written and then summed in one go: small enough for both to find it in the cache.
const BLOCK: usize = 128 << 10;

/// Writes an archive of stored members, each with its data at a multiple of 64 of the file. The same members give the
/// same bytes: no time of day gets in.
pub(crate) struct ArchiveWriter<W: Write + Seek> {
    zip: ZipWriter<Window<W>>,
}

impl<W: Write + Seek> ArchiveWriter<W> {
    /// `out` is empty and stands at its start.
    pub(crate) fn new(out: W) -> Self {
        ArchiveWriter { zip: ZipWriter::new(Window::new(out)) }
    }

    /// Starts a member of exactly `size` bytes. The name was not used before.
    pub(crate) fn begin(&mut self, name: &str, size: u64) -> Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(size >= ZIP64_BYTES_THR)
            .with_alignment(ARRAY_ALIGN as u16);
        self.zip.start_file(name, options).map_err(write_error)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        for block in bytes.chunks(BLOCK) {
            self.zip.write_all(block).map_err(|error| write_error(error.into()))?;
        }
        Ok(())
    }

    /// Takes the member that was begun back: the next one starts where it did.
    pub(crate) fn abandon(&mut self) -> Result<()> {
        self.zip.abort_file().map_err(write_error)
    }

    /// Writes the directory; gives the output and the archive's length. Bytes of an abandoned member may stand behind
    /// it, where `out` is a file that only its owner can cut.
    pub(crate) fn finish(self) -> Result<(W, u64)> {
        let window = self.zip.finish().map_err(write_error)?;
        window.finish().map_err(|error| write_error(error.into()))
    }
}

fn write_error(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => Error::io("cannot write the archive", error),
        other => Error::new(ErrorKind::Limit, format!("cannot write the archive: {other}")),
    }
}

/// The last bytes that were written, held back so that the headers that `ZipWriter` goes back to complete are mostly
/// still here: ten thousand small members then take tens of system calls and not tens of thousands. Blocks of arrays
/// go straight through.
struct Window<W> {
    out: W,
    /// Where `held` starts in `out`, and where `out` stands.
    start: u64,
    held: Vec<u8>,
    /// Where in `held` the next byte goes; patches go before its end.
    at: usize,
    /// After an error nothing more is written. `ZipWriter`'s `drop` would else complete an archive that nobody wants,
    /// and print what goes wrong then.
    failed: bool,
}

impl<W: Write + Seek> Window<W> {
    const ROOM: usize = 256 << 10;

    fn new(out: W) -> Self {
        Window { out, start: 0, held: Vec::new(), at: 0, failed: false }
    }

    fn position(&self) -> u64 {
        self.start + self.at as u64
    }

    fn settle(&mut self) -> io::Result<()> {
        self.out.write_all(&self.held)?;
        let position = self.position();
        if self.at < self.held.len() {
            self.out.seek(SeekFrom::Start(position))?;
        }
        self.start = position;
        self.at = 0;
        self.held.clear();
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() >= BLOCK {
            self.settle()?;
            self.out.write_all(bytes)?;
            self.start += bytes.len() as u64;
            return Ok(());
        }
        if self.at + bytes.len() > Self::ROOM {
            self.settle()?;
        }
        let over = bytes.len().min(self.held.len() - self.at);
        self.held[self.at..self.at + over].copy_from_slice(&bytes[..over]);
        self.held.extend_from_slice(&bytes[over..]);
        self.at += bytes.len();
        Ok(())
    }

    fn go(&mut self, position: u64) -> io::Result<()> {
        match position.checked_sub(self.start) {
            Some(at) if at <= self.held.len() as u64 => self.at = at as usize,
            _ => {
                self.settle()?;
                self.out.seek(SeekFrom::Start(position))?;
                self.start = position;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<(W, u64)> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        self.held.truncate(self.at);
        self.settle()?;
        self.out.flush()?;
        Ok((self.out, self.start))
    }

    fn guard(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        if self.failed {
            return Ok(());
        }
        act(self).inspect_err(|_| self.failed = true)
    }
}

impl<W: Write + Seek> Write for Window<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.guard(|window| window.put(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.guard(|window| {
            window.settle()?;
            window.out.flush()
        })
    }
}

impl<W: Write + Seek> Seek for Window<W> {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        // An archive ends where it is written. What an abandoned member left behind that is no part of it, and
        // `ZipWriter` must not move its directory there.
        let position = match target {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) | SeekFrom::End(by) => self.position().checked_add_signed(by),
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        self.guard(|window| window.go(position))?;
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::archive;
    use super::*;

    #[test]
    fn the_same_members_give_the_same_bytes() {
        let large = vec![2; 100_000];
        let members = [("a", &b"1"[..]), ("b", &large)];
        assert_eq!(archive(&members), archive(&members));
    }

    #[test]
    fn an_abandoned_member_leaves_no_trace() {
        let large = vec![9; 1_000_000];
        for size in [10, 70_000, 1_000_000] {
            let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()));
            writer.begin("a", 3).unwrap();
            writer.write(b"abc").unwrap();
            for part in [0, size / 2, size] {
                writer.begin("b", size as u64).unwrap();
                writer.write(&large[..part]).unwrap();
                writer.abandon().unwrap();
            }
            writer.begin("b", 1).unwrap();
            writer.write(b"z").unwrap();
            let (out, len) = writer.finish().unwrap();
            let mut bytes = out.into_inner();
            bytes.truncate(usize::try_from(len).unwrap());
            assert_eq!(bytes, archive(&[("a", b"abc"), ("b", b"z")]));
        }
    }

    /// Writes fail once `left` bytes went through.
    struct Full {
        out: Cursor<Vec<u8>>,
        left: usize,
        failures: usize,
    }

    impl Write for &mut Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.len() > self.left {
                self.failures += 1;
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.left -= bytes.len();
            self.out.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Seek for &mut Full {
        fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
            self.out.seek(target)
        }
    }

    #[test]
    fn a_full_disk_is_an_error_and_nothing_is_written_after_it() {
        let data = vec![1; 200_000];
        for left in (0..400_000).step_by(9_999) {
            let mut full = Full { out: Cursor::default(), left, failures: 0 };
            let mut writer = ArchiveWriter::new(&mut full);
            let result = (|| {
                for name in ["a", "b"] {
                    writer.begin(name, data.len() as u64)?;
                    writer.write(&data)?;
                }
                writer.finish()
            })();
            assert_eq!(result.err().unwrap().kind(), ErrorKind::Io);
            assert_eq!(full.failures, 1);
        }
    }
}
