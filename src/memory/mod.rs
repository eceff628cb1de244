//! Memory that views borrow: a block that is aligned, a region that is shared, a view that keeps its region.

mod aligned;
#[cfg(feature = "ndarray")]
mod hold;
mod region;

pub use aligned::AlignedBytes;
#[cfg(feature = "ndarray")]
pub(crate) use hold::{Hold, View};
pub(crate) use region::Region;
