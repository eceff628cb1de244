//! What the lock is made of. `tests/lock_model.rs` replaces these with loom's counterparts.

pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

pub(super) use crate::os::{sleep_on, wake_all};

/// A fence between a write and a read of another word. Both are sequentially consistent, so there is nothing to do.
#[inline]
pub(super) fn full_fence() {}

#[inline]
pub(super) fn spin() {
    std::hint::spin_loop();
}
