//! Memory that this process fills in place, before it is sealed: mappings for writing, and what becomes of them when the memory
//! is sealed.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

use memmap2::{MmapOptions, MmapRaw};

use super::forks::OwnMapping;
use super::{again, page_size, reserve};

/// A part of a memfd that is mapped for writing. A forked child cannot use the mapping.
pub(crate) struct WritableMap {
    /// Dropped before the mapping. `None` once the mapping is private.
    own: Mutex<Option<OwnMapping>>,
    map: MmapRaw,
    /// The size of the pages in which advice is given. Larger pages are made of these.
    page: usize,
}

impl WritableMap {
    /// Maps a part that lies within the file. `start` is a multiple of the size of a page.
    pub(crate) fn new(file: &File, start: u64, len: usize) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        options.offset(start).len(len);
        let map = again(|| options.map_raw(file))?;
        let own = Mutex::new(Some(OwnMapping::new(&map)?));
        Ok(WritableMap { own, map, page: page_size() })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Gets the memory for so many bytes at this place of the mapping, so that to touch them does not fail. The bytes are zero
    /// if nobody has written them. `start` and `file` are those with which the mapping was made.
    ///
    /// # Errors
    ///
    /// If there is not enough memory.
    pub(crate) fn populate(
        &self,
        file: &File,
        start: u64,
        at: usize,
        len: usize,
    ) -> io::Result<()> {
        let (place, len) = self.pages(at, len, Rounding::Outwards);
        // SAFETY: `pages` gives a range within the mapping. The call changes no byte of it.
        let done =
            again(|| match unsafe { libc::madvise(place, len, libc::MADV_POPULATE_WRITE) } {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        match done.as_ref().map_err(io::Error::raw_os_error) {
            // Kernels before 5.14 do not know this advice. The memory is then there, but is mapped page by page.
            Err(Some(libc::EINVAL)) => {
                reserve(file, start + (at / self.page * self.page) as u64, len as u64)
            }
            // The page could not be had, and to touch it would be a SIGBUS.
            Err(Some(libc::EFAULT)) => Err(io::Error::from_raw_os_error(libc::ENOMEM)),
            _ => done,
        }
    }

    /// Asks for huge pages for the whole mapping. The kernel may not have any.
    pub(crate) fn wish_huge_pages(&self) {
        // SAFETY: the range is the mapping. The call changes no byte of it.
        unsafe {
            libc::madvise(self.start().cast(), self.len(), libc::MADV_HUGEPAGE);
        }
    }

    /// Copies bytes to this place of the mapping, for which there is memory.
    pub(crate) fn fill(&mut self, at: usize, bytes: &[u8]) {
        let room = self.len().checked_sub(at).filter(|room| *room >= bytes.len());
        assert!(room.is_some(), "bytes for a place that is not mapped");
        // SAFETY: the range lies within the mapping, which was checked just above, and nobody else uses it, as it is borrowed alone.
        // What another mapping or a borrowed slice has lies elsewhere: this one was made for writing a little while ago.
        unsafe {
            let to = self.start().wrapping_add(at);
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Gives the memory of the whole pages in this range back. Their bytes are zero from then on.
    pub(crate) fn give_up(&self, at: usize, len: usize) {
        let (start, len) = self.pages(at, len, Rounding::Inwards);
        if len > 0 {
            // SAFETY: `pages` gives a range within the mapping, and whoever owned the bytes gives them up. If the mapping is
            // private by now, the call fails and changes nothing.
            unsafe {
                libc::madvise(start, len, libc::MADV_REMOVE);
            }
        }
    }

    /// Makes the mapping private, in one step. It shows the same bytes as before; from then on, what this process writes to it
    /// stays in this process. `start` and `file` are those with which the mapping was made.
    pub(crate) fn make_private(&self, file: &File, start: u64) -> io::Result<()> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = libc::off_t::try_from(start).map_err(|_| io::ErrorKind::InvalidInput)?;
        let (at, len) = (self.start().cast(), self.len());
        let (rights, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_FIXED);
        again(|| {
            // SAFETY: the range is that of a mapping which `self.map` owns and unmaps later. The kernel exchanges it in one step: a
            // thread that reads or writes there meanwhile does so before it or after it, and finds the same bytes. Writes from
            // before it are in the file, which the new mapping shows.
            let done = unsafe { libc::mmap(at, len, rights, flags, file.as_raw_fd(), offset) };
            if done == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
        })?;
        // A forked child has a copy of its own of what is private.
        *own = None;
        Ok(())
    }

    /// The pages of a range within the mapping.
    fn pages(&self, at: usize, len: usize, rounding: Rounding) -> (*mut libc::c_void, usize) {
        let (page, end) = (self.page, at.saturating_add(len).min(self.len()));
        let (first, last) = match rounding {
            Rounding::Outwards => (at / page * page, end.next_multiple_of(page).min(self.len())),
            Rounding::Inwards => (at.next_multiple_of(page), end / page * page),
        };
        let first = first.min(last);
        (self.start().wrapping_add(first).cast(), last - first)
    }
}

/// Whether the kernel makes huge pages of shared memory where they are asked for.
pub(crate) fn has_huge_pages() -> bool {
    let found = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    found.is_ok_and(|text| !text.contains("[never]") && !text.contains("[deny]"))
}

/// What becomes of pages that lie only partly in a range.
#[derive(Clone, Copy)]
enum Rounding {
    Outwards,
    Inwards,
}
