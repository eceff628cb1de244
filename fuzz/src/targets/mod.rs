//! What each target does with an input. It stands here so that what is compiled for a type is compiled once for all targets:
//! no function of these modules is generic that a target calls.

pub mod foreign;
pub mod from_bytes;
pub mod names;
pub mod npy_header;
pub mod npz;
pub mod numpy_differential;
pub mod round_trip;
pub mod segment;
