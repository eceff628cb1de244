//! Where an archive's bytes are read from.

use std::fs::File;
use std::io;
use std::ops::Range;

use crate::memory::Region;

/// Bytes that a caller reads by their offset: memory, or a file whose position no read moves.
pub(crate) trait ReadAt: Sync {
    /// How many bytes there are.
    fn size(&self) -> io::Result<u64>;

    /// Fills `into` with the bytes at `offset`. It is an error if there are fewer.
    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;

    /// The bytes themselves, if they lie in memory and the range is within them.
    fn slice(&self, range: Range<u64>) -> Option<&[u8]>;
}

impl ReadAt for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let end = offset.checked_add(into.len() as u64);
        let bytes = end.and_then(|end| self.slice(offset..end));
        into.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        self.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
    }
}

impl ReadAt for &[u8] {
    fn size(&self) -> io::Result<u64> {
        (**self).size()
    }

    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read_exact_at(offset, into)
    }

    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        (**self).slice(range)
    }
}

impl ReadAt for Region {
    fn size(&self) -> io::Result<u64> {
        self.bytes().size()
    }

    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.bytes().read_exact_at(offset, into)
    }

    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        self.bytes().slice(range)
    }
}

impl ReadAt for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        read_exact_at(self, offset, into)
    }

    fn slice(&self, _: Range<u64>) -> Option<&[u8]> {
        None
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut offset: u64, mut into: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !into.is_empty() {
        match file.seek_read(into, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                into = &mut into[read..];
                offset += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The file has one position, so readers take turns.
#[cfg(not(any(unix, windows)))]
fn read_exact_at(mut file: &File, offset: u64, into: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    use std::sync::{Mutex, PoisonError};
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(into)
}

/// The bytes of a range: lent by memory, or read into `room`.
pub(super) fn fetch<'a>(
    input: &'a dyn ReadAt,
    range: Range<u64>,
    room: &'a mut Vec<u8>,
) -> io::Result<&'a [u8]> {
    if let Some(bytes) = input.slice(range.clone()) {
        return Ok(bytes);
    }
    let len = usize::try_from(range.end - range.start)
        .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
    // The read overwrites the bytes that `room` already has, so they need not be zeroed again.
    room.truncate(len);
    room.try_reserve_exact(len - room.len())
        .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
    room.resize(len, 0);
    input.read_exact_at(range.start, room)?;
    Ok(room)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn memory_and_files_give_the_same() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let inputs: [&dyn ReadAt; 2] = [&&bytes[..], &file];
        for input in inputs {
            assert_eq!(input.size().unwrap(), 256);
            let mut room = Vec::new();
            assert_eq!(fetch(input, 10..20, &mut room).unwrap(), &bytes[10..20]);
            assert!(fetch(input, 256..256, &mut room).unwrap().is_empty());
            for range in [250..257, 256..257, u64::MAX - 1..u64::MAX] {
                assert!(fetch(input, range, &mut room).is_err());
            }
        }
    }
}
