//! Elements and the words of their locks, over a mapping or the heap.
#![allow(unsafe_code)]

use std::alloc::{Layout as Allocation, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::layout::ARRAY_ALIGN;
use crate::os;

use super::holders::Holders;
use super::layout::Layout;
use super::lock::Line;

/// The memory of live arrays. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LiveRegion(Arc<Inner>);

struct Inner {
    elements: Block,
    control: Block,
    layout: Layout,
    writable: bool,
    /// No other region of this process has or had it.
    number: u64,
    /// Who uses it; `None` where it is this process alone.
    holders: Option<Holders>,
}

/// Bytes that stay where they are while this lives, that start at a multiple of 64, and to which no reference exists but
/// those that this floor makes.
enum Block {
    Map(os::LiveMap),
    Heap(Heap),
}

struct Heap {
    start: *mut u8,
    allocation: Allocation,
}

// SAFETY: it owns its memory, which is used only in the ways that `LiveRegion` permits: atomically, or under a lock.
unsafe impl Send for Heap {}
// SAFETY: the same.
unsafe impl Sync for Heap {}

impl Heap {
    fn new(len: usize) -> Self {
        let Ok(allocation) = Allocation::from_size_align(len.max(1), ARRAY_ALIGN) else {
            unreachable!("an array in memory has no more than isize::MAX bytes, and its lock few")
        };
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(allocation) };
        if start.is_null() {
            handle_alloc_error(allocation);
        }
        Heap { start, allocation }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: it was allocated so in `new`.
        unsafe { dealloc(self.start, self.allocation) };
    }
}

impl Block {
    fn start(&self) -> *mut u8 {
        match self {
            Block::Map(map) => map.start(),
            Block::Heap(heap) => heap.start,
        }
    }

    fn len(&self) -> usize {
        match self {
            Block::Map(map) => map.len(),
            Block::Heap(heap) => heap.allocation.size(),
        }
    }
}

fn new_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl LiveRegion {
    /// Memory for one array of this process, zeroed.
    pub(super) fn private(bytes: usize) -> Self {
        let layout = Layout::private();
        let control = Heap::new(layout.len() as usize);
        LiveRegion(Arc::new(Inner {
            elements: Block::Heap(Heap::new(bytes)),
            control: Block::Heap(control),
            layout,
            writable: true,
            number: new_number(),
            holders: None,
        }))
    }

    /// Maps a file whose length is that of the layout, and which cannot be cut. If it is not to be writable, the
    /// elements are mapped for reading only; the words of the locks are not, or it could not be told who reads.
    ///
    /// # Errors
    ///
    /// `Io` if there is no room in this process.
    pub(crate) fn map(file: &Arc<File>, layout: Layout, writable: bool) -> Result<Self> {
        let failed = |e| Error::io("cannot map the live arrays", e);
        let too_large = || failed(std::io::ErrorKind::OutOfMemory.into());
        let elements = usize::try_from(layout.start()).map_err(|_| too_large())?;
        let control = usize::try_from(layout.len()).map_err(|_| too_large())?;
        let elements = os::LiveMap::new(file, 0, elements, writable).map_err(failed)?;
        let control = os::LiveMap::new(file, layout.start(), control, true).map_err(failed)?;
        Ok(LiveRegion(Arc::new(Inner {
            elements: Block::Map(elements),
            control: Block::Map(control),
            layout,
            writable,
            number: new_number(),
            holders: Some(Holders::new(file.clone())),
        })))
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.0.writable
    }

    #[inline]
    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    /// Whether other processes see it.
    pub(super) fn is_shared(&self) -> bool {
        self.0.holders.is_some()
    }

    pub(super) fn holders(&self) -> Option<&Holders> {
        self.0.holders.as_ref()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.0.layout
    }

    /// Where so many items lie; `None` if they do not lie in the region's elements or not at their alignment.
    pub(super) fn items<T>(&self, start: usize, count: usize) -> Option<*mut T> {
        let elements = &self.0.elements;
        let end = count.checked_mul(size_of::<T>())?.checked_add(start)?;
        let place = elements.start().wrapping_add(start).cast::<T>();
        (end <= elements.len() && place.is_aligned()).then_some(place)
    }

    /// A word of the control area, at a multiple of its alignment.
    fn word<T>(&self, at: usize) -> &T {
        let control = &self.0.control;
        assert!(at.is_multiple_of(align_of::<T>()) && at + size_of::<T>() <= control.len());
        let place = control.start().wrapping_add(at).cast::<T>();
        // SAFETY: it lies in the control area and is aligned, as asserted, because the area starts at a multiple of 64.
        // `T` is made of atomics, see the callers, for which every byte pattern is valid; others access it only so.
        unsafe { &*place }
    }

    /// How many slots were ever used.
    pub(super) fn used(&self) -> &AtomicU32 {
        self.word(0)
    }

    pub(super) fn line(&self, array: usize) -> &Line {
        self.word(Layout::line(array))
    }

    /// Who has a slot: process, when it was started, its PID namespace.
    pub(super) fn record(&self, slot: u32) -> &[AtomicU64; 3] {
        self.word(self.layout().row(slot))
    }

    pub(super) fn count(&self, slot: u32, array: usize) -> &AtomicU32 {
        self.word(self.layout().count(slot, array))
    }
}

impl fmt::Debug for LiveRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveRegion({} bytes)", self.0.elements.len())
    }
}
