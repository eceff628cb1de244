//! Room on the stack for values that nest deep.
//!
//! Serde reads and writes by recursion, through code of the user's whose frames nobody knows. So room is looked for
//! every [`STEP`] levels, and where it is short the walk goes on on a stack of its own.

use crate::error::{Error, ErrorKind};

/// Levels between one look at the stack and the next. Limits are multiples of it.
pub(crate) const STEP: u32 = 16;

/// How deep values may nest on the caller's own stack.
pub(crate) const SHALLOW: u32 = 64;

/// How deep values may nest anywhere. What is read has to be dropped on the caller's own stack, which in a debug build
/// takes up to 840 bytes a level (a map of maps): this many fit into the 2 MiB that a thread has.
#[cfg(feature = "deep")]
pub(crate) const DEEP: u32 = 2048;

/// How deep values may nest where stacks cannot be switched.
pub(crate) const SHALLOW_ONLY: u32 = 256;

/// Whether it is time to look at limit and stack, so many levels deep.
#[inline]
pub(crate) fn is_step(depth: u32) -> bool {
    depth.is_multiple_of(STEP) && depth != 0
}

/// Whether the next step's levels can be written from here, so many levels deep, as they are.
#[inline(never)]
pub(crate) fn is_fit(depth: usize) -> bool {
    depth == 0 || depth < limit() as usize && !is_low()
}

#[cold]
pub(crate) fn too_deep(limit: u32) -> Error {
    Error::new(ErrorKind::Limit, format!("the object nests deeper than {limit} levels"))
}

#[cfg(feature = "deep")]
mod switch {
    use crate::error::{Error, ErrorKind, Result};
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

    /// Two steps' levels, of 16 KiB each: a part that is written on another stack leaves the levels above it on this one.
    const LOW: usize = 512 << 10;

    /// What is left so that a thread which was made small still gets its shallow values read and written in place.
    const LOW_IN_PLACE: usize = 128 << 10;

    /// [`super::DEEP`] levels of 32 KiB each; pages that are not touched cost nothing.
    const LARGE: usize = (super::DEEP as usize) << 15;

    /// What a part of a value is written on that comes near the stack's end.
    const MORE: usize = 8 << 20;

    /// Whether less than so many bytes are left, where that can be known.
    fn is_below(bytes: usize) -> bool {
        stacker::remaining_stack().is_some_and(|left| left < bytes)
    }

    /// Whether this stack may not do for what is written in the next two steps.
    pub(crate) fn is_low() -> bool {
        is_below(LOW)
    }

    /// Whether this stack may not do for what is read in the next step.
    pub(crate) fn is_short() -> bool {
        is_below(LOW_IN_PLACE)
    }

    /// How deep values may nest that are written.
    pub(crate) fn limit() -> u32 {
        if stacker::remaining_stack().is_some() { super::DEEP } else { super::SHALLOW_ONLY }
    }

    fn on<R>(size: usize, run: impl FnOnce() -> R) -> Result<R> {
        let mut started = false;
        let result = catch_unwind(AssertUnwindSafe(|| {
            stacker::grow(size, || {
                started = true;
                run()
            })
        }));
        match result {
            Ok(result) => Ok(result),
            Err(panic) if started => resume_unwind(panic),
            Err(_) => Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the object nests deep, and there is no memory for a stack of {size} bytes"
                ),
            )),
        }
    }

    /// Runs on a stack for [`super::DEEP`] levels, and says how many levels there is room for.
    pub(crate) fn large<R>(run: impl FnOnce(u32) -> R) -> Result<R> {
        on(LARGE, || {
            // On a platform where stacks cannot be switched, this is still the caller's own.
            let large = stacker::remaining_stack().is_some_and(|left| left > LARGE / 2);
            run(if large { super::DEEP } else { super::SHALLOW_ONLY })
        })
    }

    /// Runs on a stack that has room.
    pub(crate) fn more<R>(run: impl FnOnce() -> R) -> Result<R> {
        let run = || if is_low() { None } else { Some(run()) };
        on(MORE, run)?.ok_or_else(|| {
            Error::new(ErrorKind::Limit, "the object nests too deep for this thread's stack")
        })
    }
}

#[cfg(not(feature = "deep"))]
#[allow(clippy::unnecessary_wraps)] // As the other half of the file has them.
mod switch {
    use crate::error::Result;

    pub(crate) fn is_low() -> bool {
        false
    }

    pub(crate) fn is_short() -> bool {
        false
    }

    pub(crate) fn limit() -> u32 {
        super::SHALLOW_ONLY
    }

    pub(crate) fn large<R>(run: impl FnOnce(u32) -> R) -> Result<R> {
        Ok(run(super::SHALLOW_ONLY))
    }

    pub(crate) fn more<R>(run: impl FnOnce() -> R) -> Result<R> {
        Ok(run())
    }
}

pub(crate) use switch::{is_low, is_short, large, limit, more};
