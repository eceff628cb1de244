//! Memory that is filled once and then shared.

use std::io;

use super::{AlignedBytes, Region};
use crate::os::Pages;

/// From this size on, pages come from the system, as huge pages if it has them. Otherwise half of the time of reading a file into
/// memory is spent on page faults.
const LARGE: usize = 4 << 20;

/// Zeroed memory at a multiple of 64, which is filled and then becomes a region.
pub(crate) enum Fresh {
    Block(AlignedBytes),
    Pages(Pages),
}

impl Fresh {
    /// # Errors
    ///
    /// `OutOfMemory` if there is not enough memory.
    pub(crate) fn new(len: usize) -> io::Result<Self> {
        if len >= LARGE
            && let Some(pages) = Pages::new(len)?
        {
            return Ok(Fresh::Pages(pages));
        }
        Ok(Fresh::Block(AlignedBytes::zeroed(len)?))
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        match self {
            Fresh::Block(block) => block.bytes_mut(),
            Fresh::Pages(pages) => pages,
        }
    }

    pub(crate) fn into_region(self) -> Region {
        match self {
            Fresh::Block(block) => Region::from_block(block),
            Fresh::Pages(pages) => Region::from_pages(pages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_memory_is_zero_aligned_and_kept() {
        for len in [0, 1, 65, LARGE - 1, LARGE, LARGE + 1] {
            let mut fresh = Fresh::new(len).unwrap();
            assert_eq!(fresh.bytes_mut().len(), len);
            assert!(fresh.bytes_mut().iter().all(|&byte| byte == 0));
            fresh.bytes_mut().fill(7);
            let region = fresh.into_region();
            assert!(region.bytes().iter().all(|&byte| byte == 7));
            assert!(len == 0 || region.bytes().as_ptr().addr().is_multiple_of(64));
        }
        assert!(Fresh::new(usize::MAX / 2).is_err());
        assert!(Fresh::new(usize::MAX).is_err());
    }
}
