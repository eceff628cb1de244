//! What an archive is written through.

use std::io::{self, Seek, SeekFrom, Write};

/// Pieces from this size on go straight through.
pub(super) const BLOCK: usize = 128 << 10;

/// The last bytes that were written, held back: headers that are completed later are mostly still here, and ten
/// thousand small members take tens of system calls and not tens of thousands.
pub(super) struct Window<W> {
    out: W,
    /// Where `held` starts in `out`, which stands there.
    start: u64,
    held: Vec<u8>,
    /// After an error nothing more is written: where `out` stands is not known.
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

    /// Writes over bytes that were appended before.
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

    /// Takes back what was appended from there on: the next bytes go there.
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

    /// Writes what is held; gives the output and where it ends.
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
