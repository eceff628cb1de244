//! What the lock is made of. `tests/lock_model.rs` puts loom's counterparts in the place of these.

pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

pub(super) use crate::os::{sleep_on, wake_all};

/// Between a write and a read of another word, both of which are sequentially consistent: nothing is left to do.
#[inline]
pub(super) fn full_fence() {}

#[inline]
pub(super) fn spin() {
    std::hint::spin_loop();
}
