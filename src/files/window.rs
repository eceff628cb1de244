//! Fills memory through a mapping, for huge pages: the kernel makes them for mappings that ask for them, and not for `write(2)`.

use std::fs::File;
use std::io;

use crate::os::WritableMap;

/// How much is mapped at a time.
const WINDOW: u64 = 64 << 20;

/// The part of a file that is mapped for writing.
#[derive(Default)]
pub(super) struct HugeWindow {
    map: Option<(u64, WritableMap)>,
}

impl HugeWindow {
    /// Writes bytes at this place of the file, as many as the window has room for, and gives their number. The file is as long as the
    /// bytes behind which nothing was written, `len`, or longer by these.
    pub(super) fn write(
        &mut self,
        file: &File,
        at: u64,
        bytes: &[u8],
        len: u64,
    ) -> io::Result<usize> {
        let start = at / WINDOW * WINDOW;
        let place = (at - start) as usize;
        let count = bytes.len().min(WINDOW as usize - place);
        if at + count as u64 > len {
            file.set_len(at + count as u64)?;
        }
        let map = match self.map.take() {
            Some((same, map)) if same == start => map,
            other => {
                drop(other);
                let map = WritableMap::new(file, start, WINDOW as usize)?;
                map.wish_huge_pages();
                map
            }
        };
        let (_, map) = self.map.insert((start, map));
        map.populate(file, start, place, count)?;
        map.fill(place, &bytes[..count]);
        Ok(count)
    }

    /// Unmaps what is mapped, so that the file can be sealed.
    pub(super) fn close(&mut self) {
        self.map = None;
    }
}
