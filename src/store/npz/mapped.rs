//! A file that is mapped for its arrays. Everything else is read from the file, because that costs less than to touch a page.

use std::fs::File;
use std::io;
use std::ops::Range;

use crate::memory::Region;
use crate::zip::{ReadAt, TAIL};

/// A file, a mapping of it, and the file's last bytes, where an archive has its directory.
pub(crate) struct MappedFile {
    file: File,
    region: Region,
    tail_start: u64,
    tail: Box<[u8]>,
}

impl MappedFile {
    /// `region` is the mapping of the whole file, of which the end is read.
    pub(crate) fn new(file: File, region: Region) -> io::Result<Self> {
        let size = region.bytes().len() as u64;
        let tail_start = size.saturating_sub(TAIL);
        let mut tail = vec![0; (size - tail_start) as usize].into_boxed_slice();
        ReadAt::read_exact_at(&file, tail_start, &mut tail)?;
        Ok(MappedFile { file, region, tail_start, tail })
    }

    pub(super) fn region(&self) -> &Region {
        &self.region
    }
}

impl ReadAt for MappedFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.region.bytes().len() as u64)
    }

    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        ReadAt::read_exact_at(&self.file, offset, into)
    }

    /// Of the tail alone.
    fn slice(&self, range: Range<u64>) -> Option<&[u8]> {
        let start = range.start.checked_sub(self.tail_start)?;
        let end = range.end.checked_sub(self.tail_start)?;
        self.tail.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}
