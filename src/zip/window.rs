//! The buffer through which the writer of an archive writes.

use std::io::{self, Seek, SeekFrom, Write};

/// Pieces of this size and more go to the output at once.
pub(super) const BLOCK: usize = 128 << 10;

/// Holds the last bytes back before it writes them. A header that is completed later is mostly still here. Ten thousand
/// small members take tens of system calls and not tens of thousands.
pub(super) struct Window<W> {
    out: W,
    /// Where `held` starts in the output. The position of `out` is the same.
    start: u64,
    held: Vec<u8>,
    /// Whether a write failed. The position of `out` is then unknown, so nothing more is written.
    failed: bool,
}

impl<W: Write + Seek> Window<W> {
    const ROOM: usize = 256 << 10;

    pub(super) fn new(out: W) -> Self {
        Window { out, start: 0, held: Vec::new(), failed: false }
    }

    pub(super) fn position(&self) -> u64 {
        self.start + self.held.len() as u64
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() < BLOCK && self.held.len() + bytes.len() <= Self::ROOM {
            self.held.extend_from_slice(bytes);
            return Ok(());
        }
        self.guard(|window| {
            window.settle()?;
            if bytes.len() < BLOCK {
                window.held.extend_from_slice(bytes);
            } else {
                window.out.write_all(bytes)?;
                window.start += bytes.len() as u64;
            }
            Ok(())
        })
    }

    /// Overwrites bytes that were appended before.
    pub(super) fn patch(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        if let Some(at) = at.checked_sub(self.start) {
            let at = at as usize;
            self.held[at..at + bytes.len()].copy_from_slice(bytes);
            return Ok(());
        }
        self.guard(|window| {
            window.settle()?;
            window.out.seek(SeekFrom::Start(at))?;
            window.out.write_all(bytes)?;
            window.out.seek(SeekFrom::Start(window.start))?;
            Ok(())
        })
    }

    /// Takes back all bytes from this place on. The next bytes go there.
    pub(super) fn truncate(&mut self, at: u64) -> io::Result<()> {
        if let Some(at) = at.checked_sub(self.start) {
            self.held.truncate(at as usize);
            return Ok(());
        }
        self.held.clear();
        self.guard(|window| {
            window.out.seek(SeekFrom::Start(at))?;
            window.start = at;
            Ok(())
        })
    }

    /// Writes the held bytes. Returns the output and its end.
    pub(super) fn finish(mut self) -> io::Result<(W, u64)> {
        self.guard(|window| {
            window.settle()?;
            window.out.flush()
        })?;
        Ok((self.out, self.start))
    }

    fn settle(&mut self) -> io::Result<()> {
        if !self.held.is_empty() {
            self.out.write_all(&self.held)?;
            self.start += self.held.len() as u64;
            self.held.clear();
        }
        Ok(())
    }

    fn guard(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("an earlier write failed"));
        }
        act(self).inspect_err(|_| self.failed = true)
    }
}
