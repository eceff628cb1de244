//! Objects of unknown type: what was read as a value and is written again is the same object, in the same bytes.
#![cfg(all(feature = "ndarray", feature = "derive", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]

mod deep;
mod kept;
