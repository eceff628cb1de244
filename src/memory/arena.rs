//! The memory of a segment that is built in place: a memfd of which arrays take their places, each mapped for writing.
//!
//! A place never moves, and is given to one array alone. When the memory is sealed, its mappings become private: arrays that
//! still live keep their elements, and what is written to them from then on stays in this process.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::{Deref, DerefMut, Range};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{ArrayRef, ArrayViewMut, Dimension, StrideShape};

use crate::element::{self, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::files::check_size;
use crate::files::room::{self, Medium};
use crate::layout::{ARRAY_ALIGN, align_up};
use crate::os::{self, WritableMap};

use super::Region;

/// Small arrays take their places in parts of this length, which are mapped as a whole.
const CHUNK: usize = 4 << 20;

/// An array of at least so many bytes has a mapping of its own.
const LARGE: usize = 1 << 20;

/// The memory for small arrays is got in steps of this length.
const STEP: usize = 256 << 10;

/// Where huge pages begin.
const HUGE: u64 = 2 << 20;

/// Memory in which arrays are built.
pub(crate) struct ArenaMemory {
    file: File,
    /// Whether the memory still belongs to its arrays alone. Shared with the chunks.
    is_open: Arc<AtomicBool>,
    /// The process that made it. A forked child cannot use the mappings.
    process: u64,
    huge_pages: bool,
    parts: Mutex<Parts>,
}

struct Parts {
    chunks: Vec<Arc<ArenaChunk>>,
    /// The chunk in which the next small arrays lie.
    small: Option<SmallChunk>,
    /// The length of the file.
    len: u64,
    /// Where the last place ends.
    end: u64,
}

struct SmallChunk {
    chunk: Arc<ArenaChunk>,
    /// How many of its bytes are given to arrays, and for how many there is memory.
    used: usize,
    ready: usize,
}

/// A part of the memory that is mapped as a whole.
struct ArenaChunk {
    map: WritableMap,
    /// Where the part starts in the file.
    start: u64,
    is_open: Arc<AtomicBool>,
    process: u64,
}

/// A range of the memory that belongs to one array.
struct ArenaPlace {
    /// `None` if the array has no bytes.
    chunk: Option<Arc<ArenaChunk>>,
    at: usize,
    len: usize,
}

impl ArenaMemory {
    /// Takes an empty memfd. With `huge_pages` large arrays are put where huge pages may begin, and such pages are asked for.
    pub(crate) fn new(file: File, huge_pages: bool) -> Self {
        // The first page is left to the block's header.
        let first = os::page_size() as u64;
        let parts = Parts { chunks: Vec::new(), small: None, len: first, end: first };
        ArenaMemory {
            file,
            is_open: Arc::new(AtomicBool::new(true)),
            process: os::process_stamp(),
            huge_pages,
            parts: Mutex::new(parts),
        }
    }

    /// A place for so many bytes. `fill` says whether the bytes are written to the file; otherwise there is memory, and it is zero.
    fn place(&self, len: usize, fill: Option<&[u8]>) -> Result<ArenaPlace> {
        self.check_process()?;
        if len == 0 {
            return Ok(ArenaPlace { chunk: None, at: 0, len });
        }
        let lacks =
            |error| room::error("cannot make room in the arena", error, len as u64, Medium::Memory);
        let place = if len >= LARGE {
            let chunk = self.lock().chunk(self, len).map_err(lacks)?;
            ArenaPlace { chunk: Some(chunk), at: 0, len }
        } else {
            self.lock().small(self, len).map_err(lacks)?
        };
        let Some(chunk) = &place.chunk else { return Ok(place) };
        if let Some(bytes) = fill {
            os::write_at(&self.file, bytes, chunk.start + place.at as u64).map_err(lacks)?;
        } else if len >= LARGE {
            chunk.map.populate(&self.file, chunk.start, place.at, len).map_err(lacks)?;
        }
        Ok(place)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Parts> {
        // What is in it is changed last in each step, so a panic leaves nothing half changed.
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    ///
    /// `Unsupported` in a forked child.
    fn check_process(&self) -> Result<()> {
        if self.process == os::process_stamp() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            "this arena belongs to the process from which this one was forked: make one here",
        ))
    }

    /// Takes the memory from its arrays: from now on what an array gives up stays as it is.
    ///
    /// # Errors
    ///
    /// `Unsupported` in a forked child; `Io` if a system call fails.
    pub(crate) fn close(self) -> Result<ClosedArena> {
        self.check_process()?;
        let ArenaMemory { file, is_open, parts, .. } = self;
        is_open.store(false, Ordering::Release);
        let parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let Parts { chunks, end, len, .. } = parts;
        let end = align_up(end, ARRAY_ALIGN as u64).unwrap_or(end);
        // The kernel looks through all pages, even where it cuts none.
        if len != end {
            file.set_len(end).map_err(|e| Error::io("cannot cut the arena to its length", e))?;
        }
        Ok(ClosedArena { file, chunks, end })
    }
}

impl Parts {
    /// A new chunk of its own, mapped.
    fn chunk(&mut self, memory: &ArenaMemory, len: usize) -> io::Result<Arc<ArenaChunk>> {
        let is_huge = memory.huge_pages && len as u64 >= HUGE;
        let page = if is_huge { HUGE } else { os::page_size() as u64 };
        let too_large = || io::Error::from(io::ErrorKind::OutOfMemory);
        let start = align_up(self.len, page).ok_or_else(too_large)?;
        let end = start
            .checked_add(len as u64)
            .and_then(|end| align_up(end, page))
            .ok_or_else(too_large)?;
        check_size(end)?;
        memory.file.set_len(end)?;
        let map = WritableMap::new(&memory.file, start, (end - start) as usize)?;
        if is_huge {
            map.wish_huge_pages();
        }
        let (is_open, process) = (Arc::clone(&memory.is_open), memory.process);
        let chunk = Arc::new(ArenaChunk { map, start, is_open, process });
        self.chunks.push(Arc::clone(&chunk));
        self.len = end;
        if len >= LARGE {
            self.end = start + len as u64;
        }
        Ok(chunk)
    }

    /// A place in the chunk for small arrays, with memory.
    fn small(&mut self, memory: &ArenaMemory, len: usize) -> io::Result<ArenaPlace> {
        let small = match self.small.take() {
            Some(small) if small.used + len <= small.chunk.map.len() => small,
            _ => {
                let chunk = self.chunk_for_small(memory)?;
                SmallChunk { chunk, used: 0, ready: 0 }
            }
        };
        let small = self.small.insert(small);
        let SmallChunk { chunk, used, ready } = small;
        if *used + len > *ready {
            let more = (*used + len - *ready).next_multiple_of(STEP).min(chunk.map.len() - *ready);
            chunk.map.populate(&memory.file, chunk.start, *ready, more)?;
            *ready += more;
        }
        let place = ArenaPlace { chunk: Some(Arc::clone(chunk)), at: *used, len };
        let end = chunk.start + (*used + len) as u64;
        // A chunk is a multiple of 64 bytes long.
        *used = (*used + len).next_multiple_of(ARRAY_ALIGN);
        self.end = self.end.max(end);
        Ok(place)
    }

    fn chunk_for_small(&mut self, memory: &ArenaMemory) -> io::Result<Arc<ArenaChunk>> {
        let end = self.end;
        let chunk = self.chunk(memory, CHUNK)?;
        self.end = end;
        Ok(chunk)
    }
}

impl ArenaPlace {
    fn address(&self) -> *mut u8 {
        self.chunk
            .as_ref()
            .map_or(std::ptr::null_mut(), |chunk| chunk.map.start().wrapping_add(self.at))
    }
}

/// The memory goes back to the system, and the bytes are zero from then on: nobody finds there what the array had.
impl Drop for ArenaPlace {
    fn drop(&mut self) {
        let Some(chunk) = &self.chunk else { return };
        if !chunk.is_open.load(Ordering::Acquire) || chunk.process != os::process_stamp() {
            return;
        }
        chunk.map.give_up(self.at, self.len);
        let (page, end) = (os::page_size(), self.at + self.len);
        let first = self.at.next_multiple_of(page).min(end);
        let last = (end / page * page).max(first);
        for part in [self.at..first, last..end] {
            // SAFETY: the range lies in the place, which lies in the chunk and belongs to this array alone, and the array is being
            // dropped. The mapping is there as long as the chunk is, and may be written in this process, which was checked above.
            unsafe { chunk.map.start().wrapping_add(part.start).write_bytes(0, part.len()) };
        }
    }
}

/// An array in the memory of an arena, with the place that it owns.
pub(crate) struct ArenaHold<A: Element, D: Dimension> {
    /// Declared before `place`, hence dropped before it.
    view: ArrayViewMut<'static, A, D>,
    place: ArenaPlace,
}

impl<A: Element, D: Dimension> ArenaHold<A, D> {
    /// An array of `count` elements whose bytes are zero.
    ///
    /// # Errors
    ///
    /// `Io` if there is not enough memory; `Unsupported` if the elements have padding.
    pub(crate) fn zeroed(
        memory: &ArenaMemory,
        count: usize,
        shape: StrideShape<D>,
    ) -> Result<Self> {
        check_padding::<A>()?;
        let len = count.checked_mul(size_of::<A>()).ok_or_else(too_many)?;
        Self::new(memory.place(len, None)?, count, shape)
    }

    /// An array of these elements.
    ///
    /// # Errors
    ///
    /// Those of [`zeroed`](Self::zeroed).
    pub(crate) fn copied(memory: &ArenaMemory, items: &[A], shape: StrideShape<D>) -> Result<Self> {
        // Pages that are written through the file need not be cleared before.
        if let Some(bytes) = element::bytes(items).filter(|bytes| bytes.len() >= LARGE) {
            return Self::new(memory.place(bytes.len(), Some(bytes))?, items.len(), shape);
        }
        let mut hold = Self::zeroed(memory, items.len(), shape)?;
        let to = hold.as_slice_memory_order_mut().ok_or_else(too_many)?;
        to.copy_from_slice(items);
        Ok(hold)
    }

    /// `place` has `count` elements' bytes, which are zero or those of elements of this type.
    fn new(place: ArenaPlace, count: usize, shape: StrideShape<D>) -> Result<Self> {
        let start = place.address().cast::<A>();
        let items: &'static mut [A] = if count == 0 {
            &mut []
        } else if place.len / size_of::<A>() == count && start.is_aligned() {
            // SAFETY: the place has as many bytes as the elements take and starts where one may lie, which was checked just above. The
            // callers, which are above, have bytes there that are zero or those of elements; `Element` says that either are valid.
            // The place belongs to this array alone, and its chunk stays mapped while the place lives, which is kept in the
            // same value as the view and dropped after it. The lifetime does not get out: the view is shown as an `ArrayRef` only,
            // for as long as this value is borrowed.
            unsafe { std::slice::from_raw_parts_mut(start, count) }
        } else {
            return Err(too_many());
        };
        let view = ArrayViewMut::from_shape(shape, items)
            .map_err(|error| Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        Ok(ArenaHold { view, place })
    }

    /// The place of the elements, as memory that nobody changes any more, with the place of the first element in it.
    pub(crate) fn into_region(self) -> (Region, usize) {
        let first = self.view.as_ptr().addr();
        let ArenaHold { view, place } = self;
        drop(view);
        let start = first.saturating_sub(place.address().addr());
        (Region::from_arena(FrozenPlace(place)), start)
    }
}

impl<A: Element, D: Dimension> Deref for ArenaHold<A, D> {
    type Target = ArrayRef<A, D>;

    fn deref(&self) -> &ArrayRef<A, D> {
        &self.view
    }
}

impl<A: Element, D: Dimension> DerefMut for ArenaHold<A, D> {
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        &mut self.view
    }
}

/// # Errors
///
/// `Unsupported` if the elements have padding. Whatever is in the padding of a value would get into the segment with it.
fn check_padding<A: Element>() -> Result<()> {
    if element::bytes::<A>(&[]).is_some() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "expected elements without padding in an arena, found {}: give the padding a field, or put an owned array into \
             the value, which `publish` copies",
            A::DTYPE
        ),
    ))
}

#[cold]
fn too_many() -> Error {
    Error::new(ErrorKind::Limit, "an array exceeds this machine's memory")
}

/// A place to which nobody writes any more.
pub(super) struct FrozenPlace(ArenaPlace);

impl FrozenPlace {
    pub(super) fn bytes(&self) -> &[u8] {
        if self.0.len == 0 {
            return &[];
        }
        // SAFETY: the place has so many bytes, and stays mapped as long as it lives. They are initialised: the kernel cleared them, and
        // elements without padding were written there, as `check_padding` demands. Nobody writes to them: the view through which somebody could was
        // dropped before this was made.
        unsafe { std::slice::from_raw_parts(self.0.address(), self.0.len) }
    }
}

/// Memory to which the rest of a segment is written.
pub(crate) struct ClosedArena {
    file: File,
    /// All chunks, so that each is still mapped.
    chunks: Vec<Arc<ArenaChunk>>,
    end: u64,
}

impl ClosedArena {
    /// Where the last place ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The addresses that lie in the memory, ascending, and where each range starts in the file.
    pub(crate) fn places(&self) -> Vec<(Range<usize>, u64)> {
        let range = |chunk: &Arc<ArenaChunk>| {
            let start = chunk.map.start().addr();
            let len = usize::try_from(self.end.saturating_sub(chunk.start)).unwrap_or(usize::MAX);
            (start..start + len.min(chunk.map.len()), chunk.start)
        };
        let mut places: Vec<_> = self.chunks.iter().map(range).collect();
        places.sort_unstable_by_key(|(addresses, _)| addresses.start);
        places
    }

    /// Makes all mappings private, so that the memory can be sealed.
    ///
    /// # Errors
    ///
    /// `Io` if a system call fails.
    pub(crate) fn make_private(&self) -> Result<()> {
        for chunk in &self.chunks {
            chunk.map.make_private(&self.file, chunk.start).map_err(|e| {
                room::error("cannot give up writing to the arena", e, 0, Medium::Memory)
            })?;
        }
        Ok(())
    }
}
