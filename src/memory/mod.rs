//! Memory that views borrow: aligned blocks, shared regions, and views that keep their region.

mod aligned;
#[cfg(feature = "ndarray")]
mod arena;
#[cfg(feature = "npz")]
mod fresh;
#[cfg(feature = "ndarray")]
mod hold;
mod keeper;
pub(crate) mod live;
mod region;

use std::sync::OnceLock;

use crate::os;

pub use aligned::AlignedBytes;
#[cfg(feature = "ndarray")]
pub(crate) use arena::{ArenaHold, ArenaMemory};
#[cfg(feature = "npz")]
pub(crate) use fresh::Fresh;
#[cfg(feature = "ndarray")]
pub(crate) use hold::{Hold, View};
pub(crate) use keeper::{Keep, Keeper};
pub(crate) use region::Region;

/// Half of the machine's memory, or 4 GiB if that is not known. It is the limit for reading if the caller gives no other.
pub(crate) fn half_of_machine() -> u64 {
    static HALF: OnceLock<u64> = OnceLock::new();
    *HALF.get_or_init(|| os::total_memory().map_or(4 << 30, |bytes| bytes / 2))
}
