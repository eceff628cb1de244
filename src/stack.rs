//! Room on the stack for values that nest deep.
//!
//! Serde reads and writes by recursion, through the user's code, whose stack frames have unknown sizes. So each level compares
//! the stack pointer with an address, the floor. A level below the floor calls a [`Watch`]. The watch finds out how much stack
//! is left, and how much the levels since its last look took. If too little is left, the walk continues on another stack.

use crate::error::{Error, ErrorKind, Result};
use crate::os;

pub(crate) use switch::{BUFFERED, large, limit, more};

/// Limits are multiples of this, as the serializer checks them once in so many levels.
pub(crate) const STEP: u32 = 16;

/// How deep values may nest that are read on the caller's own stack.
pub(crate) const SHALLOW: u32 = if cfg!(feature = "deep") { 64 } else { SHALLOW_ONLY };

/// How deep values may nest anywhere. A value that was read is dropped on the caller's own stack. In a debug build, this takes
/// up to 840 bytes a level (for a map of maps), so that this many levels fit into a thread's 2 MiB.
#[cfg(feature = "deep")]
pub(crate) const DEEP: u32 = 2048;

/// How deep values may nest on platforms where stacks cannot be switched.
pub(crate) const SHALLOW_ONLY: u32 = 256;

/// How deep values may nest that a loop walks over: as deep as others.
#[cfg(feature = "deep")]
pub(crate) const LEVELS: u32 = DEEP;
#[cfg(not(feature = "deep"))]
pub(crate) const LEVELS: u32 = SHALLOW_ONLY;

/// What is kept free for the levels up to the next look and the leaves below them. Writing passes values by reference. Reading
/// needs more, as code without optimisation holds a value several times in each of several frames.
pub(crate) const KEPT_IN_WRITING: usize = 64 << 10;
pub(crate) const KEPT_IN_READING: usize = if cfg!(feature = "deep") { 256 << 10 } else { 64 << 10 };

/// How many times the largest growth seen between two looks is kept free.
const TIMES: usize = 4;

/// How many copies of a value may lie in the frames that read it, those of the user's code included.
const COPIES: usize = 16;

/// How much the stack may grow between one look and the next.
const STRIDE: usize = 16 << 10;

/// Nothing is begun with less stack than this.
const LEAST: usize = 32 << 10;

/// What is known of the stack on which a value is written or read.
#[derive(Clone, Copy)]
pub(crate) struct Watch {
    /// A level that begins below this address must look.
    floor: usize,
    /// The addresses of the first and the last look.
    start: usize,
    last: usize,
    /// The most that the stack grew from one look to the next.
    largest: usize,
    /// About where this stack ends, once somebody has looked.
    end: usize,
}

/// The end of one stack is not always found at the same address, since frames lie between.
const NEAR: usize = 4 << 10;

impl Watch {
    /// Begins a watch at this place of the stack. How much is left is not determined, as values that take little do not need it.
    pub(crate) fn begin() -> Self {
        let here = os::stack_pointer();
        Watch { floor: here - STRIDE.min(here), start: here, last: here, largest: 0, end: 0 }
    }

    /// Determines this stack's end, and says whether there is enough stack to begin anything.
    pub(crate) fn is_begun(&mut self) -> bool {
        let Some(left) = left() else { return true };
        self.end = os::stack_pointer().saturating_sub(left);
        left >= LEAST
    }

    /// Whether a level that reads or writes a `T` begins below the floor.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn is_due<T>(&self) -> bool {
        os::stack_pointer().saturating_sub(frames::<T>()) < self.floor
    }

    /// Whether there is room for a level of these [`frames`], and for what must be kept free.
    #[cold]
    #[inline(never)]
    pub(crate) fn look(&mut self, kept: usize, frames: usize) -> bool {
        let here = os::stack_pointer();
        let Some(left) = left() else {
            self.floor = 0;
            return true;
        };
        let end = here.saturating_sub(left);
        if self.end == 0 {
            self.end = end;
        }
        // A transcoder writes while it reads, on the stack on which it reads, and not on the one where the writing began. The
        // distance between two stacks says nothing about how much a level takes. So the first level after a return looks
        // first.
        let is_here = self.end.abs_diff(end) < NEAR;
        if is_here {
            self.largest = self.largest.max(self.last.saturating_sub(here));
        }
        let needed = kept.max(TIMES.saturating_mul(self.largest)).saturating_add(frames);
        let Some(spare) = left.checked_sub(needed) else { return false };
        if is_here {
            self.last = here;
            self.floor = here - frames - spare.min(STRIDE);
        } else {
            self.floor = usize::MAX;
        }
        true
    }

    /// How much stack one of `levels` levels took on average.
    pub(crate) fn each(&self, levels: u32) -> usize {
        self.start.saturating_sub(os::stack_pointer()) / levels.max(1) as usize
    }

    pub(crate) fn largest(&self) -> usize {
        self.largest
    }

    /// The same knowledge, for a stack that goes on from here.
    pub(crate) fn elsewhere(&self) -> Self {
        Watch { largest: self.largest, ..Watch::begin() }
    }
}

/// How much stack the frames may take that hold a `T`.
pub(crate) const fn frames<T>() -> usize {
    size_of::<T>().saturating_mul(COPIES)
}

/// How much of this stack is left, if that can be known.
pub(crate) fn left() -> Option<usize> {
    #[cfg(feature = "deep")]
    return stacker::remaining_stack();
    #[cfg(not(feature = "deep"))]
    os::stack_end().map(|end| os::stack_pointer() - end)
}

/// Whether there is enough stack to begin to read or write a `T` here.
pub(crate) fn is_begun<T>() -> bool {
    left().is_none_or(|left| left >= frames::<T>().saturating_add(LEAST))
}

/// Runs a level of this crate's own recursion, whose frames are small and whose depth is limited. Once in some levels it
/// checks this stack, and runs the level on another one if the next levels have no room here.
///
/// # Errors
///
/// Those of `run`; `Limit` if there is no room, in which case `run` was not called.
pub(crate) fn at_level<R>(depth: usize, run: impl FnOnce() -> Result<R>) -> Result<R> {
    const LOOKS: usize = 8;
    const ROOM: usize = 64 << 10;
    if depth == 0 || !depth.is_multiple_of(LOOKS) || left().is_none_or(|left| left >= ROOM) {
        return run();
    }
    let (mut run, mut result) = (Some(run), None);
    more(ROOM / TIMES, &mut || result = run.take().map(|run| run()))?;
    result.unwrap_or_else(|| Err(too_low()))
}

/// Whether this depth is one at which the limit is checked.
#[inline]
pub(crate) fn is_step(depth: u32) -> bool {
    depth.is_multiple_of(STEP) && depth != 0
}

#[cold]
pub(crate) fn too_deep(limit: u32) -> Error {
    Error::new(ErrorKind::Limit, format!("the object nests deeper than {limit} levels"))
}

#[cold]
pub(crate) fn too_low() -> Error {
    let left = left().unwrap_or(0);
    let mend = if cfg!(feature = "deep") {
        "there is no memory for a larger one"
    } else {
        "use a thread with a larger one, or the feature `deep`"
    };
    Error::new(
        ErrorKind::Limit,
        format!(
            "the object nests too deep for the {left} bytes that are left of this stack; {mend}"
        ),
    )
}

#[cfg(feature = "deep")]
mod switch {
    use crate::error::{Error, ErrorKind, Result};
    use crate::os;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    use super::{DEEP, KEPT_IN_READING, SHALLOW_ONLY, left};

    /// How much stack a level takes that is later read from serde's buffer, where this crate cannot look.
    pub(crate) const BUFFERED: usize = 128 << 10;

    /// The size of the stack on which deep values are read: for each level, what it takes in a buffer and beside it. Pages
    /// that are not touched cost nothing.
    const LARGE: usize = DEEP as usize * (BUFFERED + (32 << 10)) + KEPT_IN_READING;
    const LARGEST: usize = if usize::BITS < 64 { 1 << 29 } else { (1_u64 << 32) as usize };

    /// The size of the stack on which a part of a value is written when the current stack nears its end.
    const MORE: usize = 8 << 20;

    /// A stack smaller than this does not help.
    const LEAST: usize = 1 << 20;

    /// How deep values may nest that are written.
    pub(crate) fn limit() -> u32 {
        if left().is_some() { DEEP } else { SHALLOW_ONLY }
    }

    /// Runs on a stack of this size, or of a part of it if memory is short. `run` does not return its result, since that may
    /// itself be large.
    fn on(mut size: usize, run: &mut dyn FnMut()) -> Result<()> {
        // `stacker` panics if there is no memory for a stack.
        while size > LEAST && !os::can_map(size) {
            size /= 4;
        }
        let mut started = false;
        let result = catch_unwind(AssertUnwindSafe(|| {
            stacker::grow(size.max(LEAST), || {
                started = true;
                run();
            });
        }));
        match result {
            Ok(()) => Ok(()),
            Err(panic) if started => resume_unwind(panic),
            Err(_) => Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the object nests deep, and there is no memory for a stack of {size} bytes"
                ),
            )),
        }
    }

    /// Runs on a stack for [`DEEP`] levels of `each` bytes, and tells `run` how many levels it may read. Returns the stack's
    /// size.
    pub(crate) fn large(each: usize, run: &mut dyn FnMut(u32)) -> Result<usize> {
        let size = each.saturating_mul(2 * DEEP as usize).clamp(LARGE, LARGEST);
        let before = left();
        on(size, &mut || {
            let left = left();
            // On a platform where stacks cannot be switched, this is still the caller's own stack. It may be large enough.
            let has_room = left > before || left.is_some_and(|left| left >= size / 2);
            run(if has_room { DEEP } else { SHALLOW_ONLY });
        })?;
        Ok(size)
    }

    /// Runs on a stack that has room for levels of up to `largest` bytes.
    pub(crate) fn more(largest: usize, run: &mut dyn FnMut()) -> Result<()> {
        let mut has_room = false;
        let least = super::KEPT_IN_WRITING.max(super::TIMES.saturating_mul(largest));
        on(MORE.max(largest.saturating_mul(64)), &mut || {
            has_room = left().is_none_or(|left| left >= least);
            if has_room {
                run();
            }
        })?;
        if has_room { Ok(()) } else { Err(super::too_low()) }
    }
}

#[cfg(not(feature = "deep"))]
#[allow(clippy::unnecessary_wraps)] // As the other half of the file has them.
mod switch {
    use crate::error::Result;

    /// How much stack a level takes that is later read from serde's buffer, where this crate cannot look. As many levels as
    /// may be read fit into 2 MiB.
    pub(crate) const BUFFERED: usize = 6 << 10;

    pub(crate) fn limit() -> u32 {
        super::SHALLOW_ONLY
    }

    pub(crate) fn large(_: usize, _: &mut dyn FnMut(u32)) -> Result<usize> {
        Err(super::too_low())
    }

    pub(crate) fn more(_: usize, _: &mut dyn FnMut()) -> Result<()> {
        Err(super::too_low())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_less_in_each_frame() {
        #[inline(never)]
        fn deeper(levels: u32, watch: &mut Watch, looks: &mut u32) -> usize {
            let room = std::hint::black_box([levels; 300]);
            if watch.is_due::<u8>() {
                *looks += 1;
                assert!(watch.look(KEPT_IN_WRITING, 0));
            }
            let left = left().unwrap();
            if levels == 0 {
                return left;
            }
            let below = deeper(levels - 1, watch, looks);
            assert!(below < left && room[7] == levels);
            below
        }
        let (mut watch, mut looks) = (Watch::begin(), 0);
        deeper(200, &mut watch, &mut looks);
        // A level takes about 1.2 KiB, and there are 16 KiB from look to look.
        assert!((5..50).contains(&looks), "{looks}");
        assert!((STRIDE..STRIDE + 8000).contains(&watch.largest), "{}", watch.largest);
        assert!(!watch.look(1 << 40, 0) && !watch.look(0, frames::<[u8; 1 << 30]>()));
        assert!(is_begun::<u8>() && !is_begun::<[u8; 1 << 30]>());
    }

    /// Such a thread read 256 levels only, as its own stack was larger than the one that was made for deep objects.
    #[cfg(feature = "deep")]
    #[test]
    fn a_thread_with_a_large_stack_reads_as_deep_as_others() {
        for size in [1 << 20, 64 << 20, 1 << 30] {
            let read = || {
                let mut levels = 0;
                large(0, &mut |most| levels = most).unwrap();
                levels
            };
            let thread = std::thread::Builder::new().stack_size(size).spawn(read).unwrap();
            assert_eq!(thread.join().unwrap(), DEEP, "{size}");
        }
    }

    #[cfg(feature = "deep")]
    #[test]
    fn another_stack_is_no_growth_of_this_one() {
        let mut watch = Watch::begin();
        assert!(watch.is_begun());
        let mut looked = false;
        large(0, &mut |_| {
            // Wherever a level lies: each level looks on the other stack, and so does the first one that is back.
            looked = watch.look(KEPT_IN_WRITING, 0) && watch.is_due::<u8>();
        })
        .unwrap();
        assert!(looked && watch.largest == 0 && watch.is_due::<u8>());
        assert!(watch.look(KEPT_IN_WRITING, 0) && !watch.is_due::<u8>());
        assert!(watch.largest < STRIDE, "{}", watch.largest);
    }
}
