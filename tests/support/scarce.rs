//! An allocator that fails at one large request.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Requests of so many bytes and more are large: no text, name or list of a few entries takes them.
const LARGE: usize = 36 << 10;

/// How many large requests there were since counting began; it does not go on while it is `OFF`.
static COUNT: AtomicUsize = AtomicUsize::new(OFF);
static FAILS: AtomicUsize = AtomicUsize::new(0);
const OFF: usize = usize::MAX;

struct Scarce;

#[global_allocator]
static ALLOCATOR: Scarce = Scarce;

fn is_refused(size: usize) -> bool {
    if size < LARGE || COUNT.load(Ordering::Relaxed) == OFF {
        return false;
    }
    COUNT.fetch_add(1, Ordering::Relaxed) + 1 == FAILS.load(Ordering::Relaxed)
}

// SAFETY: every call goes to the system's allocator with the arguments unchanged, or gives null, which says that there is no
// memory.
unsafe impl GlobalAlloc for Scarce {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_refused(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if is_refused(size) {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(block, layout, size) }
    }
}

/// What a call gives while its large request of that number fails (0: none does), and how many such requests there were, of
/// all threads.
pub(crate) fn failing<R>(number: usize, call: impl FnOnce() -> R) -> (R, usize) {
    FAILS.store(number, Ordering::Relaxed);
    COUNT.store(0, Ordering::Relaxed);
    let result = call();
    (result, COUNT.swap(OFF, Ordering::Relaxed))
}
