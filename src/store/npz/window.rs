//! Small members of a file that are asked for one after the other: they are read many at a time.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, TryLockError};

use crate::dtype::DType;
use crate::error::Result;
use crate::memory::{Fresh, Region};
use crate::zip::ReadAt;

use super::super::{Placed, PlacedHead};
use super::members::{Input, LoadedMember, Members, read_error};

/// A member of more than this is read by itself.
const MOST: u64 = 32 << 10;

/// How many bytes are read at a time: at first, and in the end.
const FIRST: u64 = 64 << 10;
const LAST: u64 = 1 << 20;

/// The part of the file that was read last.
#[derive(Default)]
pub(super) struct Window(Mutex<ReadLast>);

#[derive(Default)]
struct ReadLast {
    start: u64,
    bytes: Option<Region>,
    /// Where the member ends that was asked for last. The next one begins there, if they are asked for in their order.
    next: u64,
    /// How many bytes are read next.
    size: u64,
}

impl Window {
    /// The part of the file in which these bytes lie, and where it starts. `None` if they are better read by themselves: they are many,
    /// or do not lie behind those that were asked for last, or another thread reads now.
    pub(super) fn part(
        &self,
        input: &dyn ReadAt,
        size: u64,
        place: &Range<u64>,
    ) -> io::Result<Option<(Region, u64)>> {
        if place.end - place.start > MOST {
            return Ok(None);
        }
        // Another thread may be reading, or a fork may have left it behind: nobody waits for it.
        let mut part = match self.0.try_lock() {
            Ok(part) => part,
            Err(TryLockError::Poisoned(part)) => part.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(None),
        };
        let is_next = std::mem::replace(&mut part.next, place.end) == place.start;
        if let Some(bytes) = &part.bytes {
            let end = part.start + bytes.bytes().len() as u64;
            if part.start <= place.start && place.end <= end {
                return Ok(Some((bytes.clone(), part.start)));
            }
        }
        if !is_next {
            part.size = FIRST;
            return Ok(None);
        }
        let end = size.min(place.start + part.size.max(FIRST));
        if end < place.end {
            return Ok(None);
        }
        // Arrays are aligned in the file as they are to be in memory.
        let start = place.start / 64 * 64;
        let mut fresh = Fresh::new((end - start) as usize)?;
        input.read_exact_at(start, fresh.bytes_mut())?;
        let region = fresh.into_region();
        (part.start, part.bytes) = (start, Some(region.clone()));
        part.size = (2 * part.size.max(FIRST)).min(LAST);
        Ok(Some((region, start)))
    }
}

impl Members {
    /// The array of a small member of which the object knows all, and which was not loaded before. `None` if it is to be loaded as others
    /// are. The archive is as this crate wrote it, so that the member's own header says what `head` does, which is made if it is needed.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the member is not what the directory says, `Io` if the file cannot be read.
    pub(super) fn known_array(
        &self,
        index: usize,
        dtype: &DType,
        len: usize,
        head: impl FnOnce() -> Arc<PlacedHead>,
    ) -> Result<Option<Placed<'_>>> {
        let content = &self.contents[index];
        if content.get().is_some() {
            return Ok(None);
        }
        let Some((region, place)) = self.read_with_others(index)? else { return Ok(None) };
        let start = place.end.checked_sub(len).filter(|start| *start > place.start);
        let Some(data) = start.map(|start| start..place.end) else { return Ok(None) };
        if !dtype.is_aligned(&region.bytes()[data.clone()]) {
            return Ok(None);
        }
        self.keep(index, LoadedMember { head: head(), data, region: Some(region) });
        Ok(content.get().map(|content| self.placed(content)))
    }

    /// A small stored member that was read together with those that follow it: all of what was read, and where the member's content
    /// lies there. `None` if it is better read by itself.
    fn read_with_others(&self, index: usize) -> Result<Option<(Region, Range<usize>)>> {
        let (Input::File(file), Some(archive)) = (&self.input, &self.archive) else {
            return Ok(None);
        };
        // What is read beside members would count against nobody's limit.
        if self.limit != u64::MAX || self.is_deflated(index) {
            return Ok(None);
        }
        let whole = archive.whole(index);
        let part = self.window.part(file, self.size, &whole).map_err(read_error)?;
        let Some((region, start)) = part else { return Ok(None) };
        let at = (whole.start - start) as usize;
        let bytes = &region.bytes()[at..at + (whole.end - whole.start) as usize];
        let Range { start, end } = archive.stored_in(index, bytes)?;
        Ok(Some((region, at + start..at + end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_in_order_is_read_at_once() {
        let file: Vec<u8> = (0..300_000_u32).map(|at| (at / 7) as u8).collect();
        let size = file.len() as u64;
        let window = Window::default();
        let part = |start: u64, end: u64| {
            let found = window.part(&&file[..], size, &(start..end)).unwrap();
            found.map(|(region, at)| {
                let (bytes, range) = (region.bytes(), (start - at) as usize..(end - at) as usize);
                assert_eq!(bytes[range], file[start as usize..end as usize]);
                at..at + bytes.len() as u64
            })
        };
        // The first one, and one that is not next.
        assert_eq!(part(100, 200), None);
        assert_eq!(part(300, 400), None);
        assert_eq!(part(400, 500), Some(384..400 + FIRST));
        assert_eq!(part(500, 700), Some(384..400 + FIRST));
        // Back and forth, and then behind the end of what was read: more is read at a time.
        assert_eq!(part(400, 500), Some(384..400 + FIRST));
        assert_eq!(part(65_000, 65_936), Some(384..400 + FIRST));
        let next = part(65_936, 66_000).unwrap();
        assert_eq!(next, 65_920..65_936 + 2 * FIRST);
        // Many bytes, and what follows them, which is read by itself once more.
        assert_eq!(part(66_000, 66_001 + MOST), None);
        assert_eq!(part(66_001 + MOST, 66_002 + MOST), Some(next));
        // The end of the file.
        assert_eq!(part(299_000, 299_500), None);
        assert_eq!(part(299_500, 300_000), Some(299_456..300_000));
        assert!(window.part(&&file[..], size + 100, &(300_000..300_050)).is_err());
    }
}
