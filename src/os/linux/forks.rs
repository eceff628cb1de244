//! Forked children: a number that tells a process from its parent, and mappings that a child must not use.
#![allow(unsafe_code)]

use std::io;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use memmap2::MmapRaw;

/// A number of this process alone: a forked child gets another one.
#[inline]
pub(crate) fn process_stamp() -> u64 {
    let page = PAGE.load(Ordering::Acquire);
    if !page.is_null() {
        // SAFETY: `find_stamp` alone stores a pointer there, to a word of a page that stays mapped for good.
        let stamp = unsafe { &*page }.load(Ordering::Relaxed);
        if stamp > NO_PAGE {
            return stamp;
        }
    }
    find_stamp(page)
}

/// A word in a page that the kernel clears in a forked child.
static PAGE: AtomicPtr<AtomicU64> = AtomicPtr::new(ptr::null_mut());

/// Used instead on kernels without such pages (before 4.14). The process number then serves as the stamp.
static NONE: AtomicU64 = AtomicU64::new(NO_PAGE);
const NO_PAGE: u64 = 1;

#[cold]
fn find_stamp(page: *mut AtomicU64) -> u64 {
    if page.is_null() {
        let page = wiped_page().unwrap_or((&raw const NONE).cast_mut());
        // If another thread was faster, its page counts. This page is then leaked; it is only one.
        let _ = PAGE.compare_exchange(ptr::null_mut(), page, Ordering::AcqRel, Ordering::Acquire);
        return process_stamp();
    }
    // SAFETY: the pointer comes from `PAGE`, as above.
    let word = unsafe { &*page };
    match word.load(Ordering::Relaxed) {
        0 => new_stamp(word),
        NO_PAGE => u64::from(std::process::id()) | 1 << 63,
        stamp => stamp,
    }
}

fn wiped_page() -> Option<*mut AtomicU64> {
    let page = MmapRaw::from(memmap2::MmapMut::map_anon(size_of::<AtomicU64>()).ok()?);
    let start = page.as_mut_ptr();
    // SAFETY: the page was mapped above for this alone; the advice concerns children only.
    let failed = unsafe { libc::madvise(start.cast(), page.len(), libc::MADV_WIPEONFORK) } != 0;
    if failed {
        return None;
    }
    std::mem::forget(page);
    Some(start.cast())
}

fn new_stamp(word: &AtomicU64) -> u64 {
    // Without random bytes, the process number still tells a process from its parent.
    let bytes = super::random().unwrap_or_default();
    let mut stamp = u64::from_le_bytes(*bytes.first_chunk().unwrap_or(&[0; 8]));
    stamp ^= u64::from(std::process::id()) << 16;
    let stamp = stamp.max(NO_PAGE + 1) & !(1 << 63) | 2;
    match word.compare_exchange(0, stamp, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => stamp,
        Err(stamp) => stamp,
    }
}

/// A mapping of this process alone: in a child that `fork` makes, touching it is a SIGSEGV.
///
/// The child keeps the address range, with nothing behind it. So nothing else can get the addresses to which its inherited
/// references point, and when the child unmaps the range, it unmaps nothing else. `MADV_DONTFORK` would leave a hole instead.
/// The child does not count among those who map the memory for writing, so that its parent can seal the memory. A child that was
/// made without the C library's `fork` (by a direct `clone`) keeps the mapping usable.
pub(super) struct OwnMapping(&'static MappingPlace);

/// A place in the list of such mappings. Places are never freed, so that a child can go through the list whatever other
/// threads of its parent were doing.
struct MappingPlace {
    /// Null if the place is free.
    start: AtomicPtr<libc::c_void>,
    len: AtomicUsize,
    next: *const MappingPlace,
}

// SAFETY: `next` is set before the place is shared, and never changed.
unsafe impl Sync for MappingPlace {}

unsafe extern "C" {
    /// A function of POSIX, which older versions of the crate `libc` do not have for Linux.
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> libc::c_int;
}

static FIRST: AtomicPtr<MappingPlace> = AtomicPtr::new(ptr::null_mut());

/// Free places of the list. No thread waits for this lock, because a child may have been forked while another thread held
/// it.
static FREE: Mutex<Vec<&'static MappingPlace>> = Mutex::new(Vec::new());

/// Whether `hide_all` is registered to run in children.
static FORKS_ARE_SEEN: AtomicBool = AtomicBool::new(false);

impl OwnMapping {
    /// Adds a mapping to the list. The result must be dropped before the mapping is unmapped.
    pub(super) fn new(map: &MmapRaw) -> io::Result<Self> {
        if !FORKS_ARE_SEEN.load(Ordering::Acquire) {
            // Two threads may do this at once: hiding a mapping twice does no harm. SAFETY: `hide_all` makes no call but
            // `mmap` and `abort`, which a forked child may make.
            let failed = unsafe { pthread_atfork(None, None, Some(hide_all)) };
            if failed != 0 {
                return Err(io::Error::from_raw_os_error(failed));
            }
            FORKS_ARE_SEEN.store(true, Ordering::Release);
        }
        let free = FREE.try_lock().ok().and_then(|mut free| free.pop());
        let place = free.unwrap_or_else(new_place);
        place.len.store(map.len(), Ordering::Relaxed);
        place.start.store(map.as_mut_ptr().cast(), Ordering::Release);
        Ok(OwnMapping(place))
    }
}

fn new_place() -> &'static MappingPlace {
    let (start, len) = (AtomicPtr::new(ptr::null_mut()), AtomicUsize::new(0));
    let place = Box::leak(Box::new(MappingPlace { start, len, next: ptr::null() }));
    let mut next = FIRST.load(Ordering::Relaxed);
    loop {
        place.next = next;
        match FIRST.compare_exchange_weak(next, place, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return place,
            Err(first) => next = first,
        }
    }
}

impl Drop for OwnMapping {
    fn drop(&mut self) {
        self.0.start.store(ptr::null_mut(), Ordering::Release);
        if let Ok(mut free) = FREE.try_lock() {
            free.push(self.0);
        }
    }
}

/// Runs in a child, before `fork` returns there.
unsafe extern "C" fn hide_all() {
    let mut next: *const MappingPlace = FIRST.load(Ordering::Acquire);
    // SAFETY: a place that is in the list is never freed.
    while let Some(place) = unsafe { next.as_ref() } {
        let start = place.start.load(Ordering::Acquire);
        if !start.is_null() {
            let (len, none) = (place.len.load(Ordering::Relaxed), libc::PROT_NONE);
            let flags =
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED | libc::MAP_NORESERVE;
            // SAFETY: the range is a mapping of this crate's own, because the mapping's owner takes it off the list
            // before it unmaps it. References to the mapping cannot be used after this, which is intended.
            let hidden = unsafe { libc::mmap(start, len, none, flags, -1, 0) };
            if hidden == libc::MAP_FAILED {
                // A sandbox forbids the call. The child could then write where only the holder of a lock may, so it must
                // end. SAFETY: it can be called at any time.
                unsafe { libc::abort() }
            }
        }
        next = place.next;
    }
}
