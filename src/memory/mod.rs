//! Memory that views borrow: a block that is aligned, a region that is shared, a view that keeps its region.

mod aligned;
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
#[cfg(feature = "npz")]
pub(crate) use fresh::Fresh;
#[cfg(feature = "ndarray")]
pub(crate) use hold::{Hold, View};
pub(crate) use keeper::{Keep, Keeper};
pub(crate) use region::Region;

/// Half of the machine's memory, 4 GiB where that is not known: what reading takes at most where nobody says how much.
pub(crate) fn half_of_machine() -> u64 {
    static HALF: OnceLock<u64> = OnceLock::new();
    *HALF.get_or_init(|| os::total_memory().map_or(4 << 30, |bytes| bytes / 2))
}
