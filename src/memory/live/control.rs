//! Memory that is changed in place, and the words of the locks in it.
#![allow(unsafe_code)]

use std::alloc::{Layout as Allocation, alloc_zeroed, dealloc, handle_alloc_error};
use std::sync::atomic::{AtomicU32, AtomicU64};

use crate::layout::ARRAY_ALIGN;
use crate::os;

use super::layout::ControlLayout;
use super::lock::LockWords;

/// Bytes that stay where they are while this value lives, and that start at a multiple of 64. The only references to them are
/// those that this floor makes.
pub(super) enum LiveMemory {
    Map(os::LiveMap),
    Heap(Heap),
}

pub(super) struct Heap {
    start: *mut u8,
    allocation: Allocation,
}

// SAFETY: it owns its memory, which is used only in the ways that `LiveRegion` permits: atomically, or under a lock.
unsafe impl Send for Heap {}
// SAFETY: as for `Send` above.
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
        // SAFETY: `new` allocated it with this layout.
        unsafe { dealloc(self.start, self.allocation) };
    }
}

impl LiveMemory {
    pub(super) fn zeroed(len: usize) -> Self {
        LiveMemory::Heap(Heap::new(len))
    }

    pub(super) fn start(&self) -> *mut u8 {
        match self {
            LiveMemory::Map(map) => map.start(),
            LiveMemory::Heap(heap) => heap.start,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            LiveMemory::Map(map) => map.len(),
            LiveMemory::Heap(heap) => heap.allocation.size(),
        }
    }
}

/// The words of the locks of all arrays of a region: a line for each array, and for each slot its holder and the holder's counts.
pub(super) struct Control {
    block: LiveMemory,
    layout: ControlLayout,
}

impl Control {
    /// `block` has as many bytes as the layout says.
    pub(super) fn new(block: LiveMemory, layout: ControlLayout) -> Self {
        Control { block, layout }
    }

    pub(super) fn layout(&self) -> &ControlLayout {
        &self.layout
    }

    /// A word of the control area. `at` is a multiple of the word's alignment.
    fn word<T>(&self, at: usize) -> &T {
        let control = &self.block;
        assert!(at.is_multiple_of(align_of::<T>()) && at + size_of::<T>() <= control.len());
        let place = control.start().wrapping_add(at).cast::<T>();
        // SAFETY: the word lies in the control area and is aligned, as asserted, because the area starts at a multiple of 64.
        // `T` is made of atomics, see the callers, for which every byte pattern is valid; other code accesses the word only as
        // such.
        unsafe { &*place }
    }

    /// How many slots were ever used.
    pub(super) fn used(&self) -> &AtomicU32 {
        self.word(0)
    }

    pub(super) fn line(&self, array: usize) -> &LockWords {
        self.word(ControlLayout::line(array))
    }

    /// The holder of a slot: its process, when that was started, its PID namespace and its time namespace.
    pub(super) fn record(&self, slot: u32) -> &[AtomicU64; 4] {
        self.word(self.layout.row(slot))
    }

    pub(super) fn count(&self, slot: u32, array: usize) -> &AtomicU32 {
        self.word(self.layout.count(slot, array))
    }
}
