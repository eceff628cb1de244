//! Memory that views borrow: a block that is aligned, a region that is shared, a view that keeps its region.

mod aligned;
#[cfg(feature = "npz")]
mod fresh;
#[cfg(feature = "ndarray")]
mod hold;
pub(crate) mod live;
mod region;

pub use aligned::AlignedBytes;
#[cfg(feature = "npz")]
pub(crate) use fresh::Fresh;
#[cfg(feature = "ndarray")]
pub(crate) use hold::{Hold, View};
pub(crate) use region::Region;
