//! Room on the stack for values that nest deep.
//!
//! Serde reads and writes by recursion, through code of the user's whose frames nobody knows. So each level compares the
//! stack pointer with an address, the floor. Below it a [`Watch`] looks at what is really left, and at how much the levels
//! since the last look took; where that is short the walk goes on on a stack of its own.

use crate::error::{Error, ErrorKind, Result};
use crate::os;

pub(crate) use switch::{BUFFERED, large, limit, more};

/// Limits are multiples of it: the serializer looks at them so often.
pub(crate) const STEP: u32 = 16;

/// How deep values may nest that are read on the caller's own stack.
pub(crate) const SHALLOW: u32 = if cfg!(feature = "deep") { 64 } else { SHALLOW_ONLY };

/// How deep values may nest anywhere. What is read has to be dropped on the caller's own stack, which in a debug build
/// takes up to 840 bytes a level (a map of maps): this many fit into the 2 MiB that a thread has.
#[cfg(feature = "deep")]
pub(crate) const DEEP: u32 = 2048;

/// How deep values may nest where stacks cannot be switched.
pub(crate) const SHALLOW_ONLY: u32 = 256;

/// How deep values may nest that are gone over by a loop: as deep as others.
#[cfg(feature = "deep")]
pub(crate) const LEVELS: u32 = DEEP;
#[cfg(not(feature = "deep"))]
pub(crate) const LEVELS: u32 = SHALLOW_ONLY;

/// What is kept for the levels up to the next look and the leaves below them: in writing, where values are passed by
/// reference, and in reading, where code that is not optimised holds a value several times in each of several frames.
pub(crate) const KEPT_IN_WRITING: usize = 64 << 10;
pub(crate) const KEPT_IN_READING: usize = if cfg!(feature = "deep") { 256 << 10 } else { 64 << 10 };

/// The largest growth between two looks that was seen is kept so many times.
const TIMES: usize = 4;

/// So often a value's own size may lie in the frames that read it, those of the user's code included.
const COPIES: usize = 16;

/// Growth of the stack between one look and the next.
const STRIDE: usize = 16 << 10;

/// With less than this nothing is begun.
const LEAST: usize = 32 << 10;

/// What is known of the stack that a value is written or read on.
#[derive(Clone, Copy)]
pub(crate) struct Watch {
    /// A level that begins below this address looks.
    floor: usize,
    /// Where the first and the last look were.
    start: usize,
    last: usize,
    /// The most that the stack grew from one look to the next.
    largest: usize,
    /// Where this stack ends, more or less, once that was looked at.
    end: usize,
}

/// Of one stack the end is not always found at the same address: frames lie between.
const NEAR: usize = 4 << 10;

impl Watch {
    /// From here on. What is left need not be known for values that take little.
    pub(crate) fn begin() -> Self {
        let here = os::stack_pointer();
        Watch { floor: here - STRIDE.min(here), start: here, last: here, largest: 0, end: 0 }
    }

    /// Whether anything can be begun on this stack, of which the end is then known.
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

    /// Whether there is room for a level of these [`frames`], and for what is to be kept.
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
        // A transcoder writes while it reads: on the stack that it is read on, and not where it was begun. No distance between the
        // two says how much anything takes, and whoever is back looks first.
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

    /// The stack that one level took on average, of so many.
    pub(crate) fn each(&self, levels: u32) -> usize {
        self.start.saturating_sub(os::stack_pointer()) / levels.max(1) as usize
    }

    pub(crate) fn largest(&self) -> usize {
        self.largest
    }

    /// What is known, for a stack that goes on from here.
    pub(crate) fn elsewhere(&self) -> Self {
        Watch { largest: self.largest, ..Watch::begin() }
    }
}

/// What the frames may take in which a `T` lies.
pub(crate) const fn frames<T>() -> usize {
    size_of::<T>().saturating_mul(COPIES)
}

/// What is left of this stack, where that can be known.
pub(crate) fn left() -> Option<usize> {
    #[cfg(feature = "deep")]
    return stacker::remaining_stack();
    #[cfg(not(feature = "deep"))]
    os::stack_end().map(|end| os::stack_pointer() - end)
}

/// Whether a `T` can be begun to be read or written here.
pub(crate) fn is_begun<T>() -> bool {
    left().is_none_or(|left| left >= frames::<T>().saturating_add(LEAST))
}

/// Runs a level of this crate's own recursion, whose frames are small and whose depth is limited: after some levels on another
/// stack, where the next ones have no room on this one.
///
/// # Errors
///
/// Those of `run`; `Limit` where there is no room, and it was not run.
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

/// Whether it is time to compare so many levels with the limit.
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

    /// What a level takes of the stack that is read out of serde's buffer later, where nothing can look.
    pub(crate) const BUFFERED: usize = 128 << 10;

    /// What values are read on that nest deep: so much for each level, as it lies in a buffer and beside it. Pages that are
    /// not touched cost nothing.
    const LARGE: usize = DEEP as usize * (BUFFERED + (32 << 10)) + KEPT_IN_READING;
    const LARGEST: usize = if usize::BITS < 64 { 1 << 29 } else { (1_u64 << 32) as usize };

    /// What a part of a value is written on that comes near the stack's end.
    const MORE: usize = 8 << 20;

    /// Less does not help.
    const LEAST: usize = 1 << 20;

    /// How deep values may nest that are written.
    pub(crate) fn limit() -> u32 {
        if left().is_some() { DEEP } else { SHALLOW_ONLY }
    }

    /// Runs on a stack of this size, or of a part of it where there is not so much memory. What it makes does not come by
    /// way of this: it may be large itself.
    fn on(mut size: usize, run: &mut dyn FnMut()) -> Result<()> {
        // Where there is no memory for a stack, `stacker` panics.
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

    /// Runs on a stack for [`DEEP`] levels of so many bytes each, and says how many levels may be read. Gives the stack's
    /// size.
    pub(crate) fn large(each: usize, run: &mut dyn FnMut(u32)) -> Result<usize> {
        let size = each.saturating_mul(2 * DEEP as usize).clamp(LARGE, LARGEST);
        let before = left();
        // On a platform where stacks cannot be switched, this is still the caller's own.
        on(size, &mut || run(if left() > before { DEEP } else { SHALLOW_ONLY }))?;
        Ok(size)
    }

    /// Runs on a stack that has room for levels that take up to so many bytes.
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

    /// What a level takes of the stack that is read out of serde's buffer later, where nothing can look: as many levels as
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
        // Some 1.2 KiB a level, and 16 KiB from look to look.
        assert!((5..50).contains(&looks), "{looks}");
        assert!((STRIDE..STRIDE + 8000).contains(&watch.largest), "{}", watch.largest);
        assert!(!watch.look(1 << 40, 0) && !watch.look(0, frames::<[u8; 1 << 30]>()));
        assert!(is_begun::<u8>() && !is_begun::<[u8; 1 << 30]>());
    }

    #[cfg(feature = "deep")]
    #[test]
    fn another_stack_is_no_growth_of_this_one() {
        let mut watch = Watch::begin();
        assert!(watch.is_begun());
        let mut looked = false;
        large(0, &mut |_| {
            // Wherever it lies: each level looks there, and the first one that is back.
            looked = watch.look(KEPT_IN_WRITING, 0) && watch.is_due::<u8>();
        })
        .unwrap();
        assert!(looked && watch.largest == 0 && watch.is_due::<u8>());
        assert!(watch.look(KEPT_IN_WRITING, 0) && !watch.is_due::<u8>());
        assert!(watch.largest < STRIDE, "{}", watch.largest);
    }
}
