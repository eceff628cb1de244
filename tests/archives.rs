//! Archives and NumPy's files, and arrays whose type is known to none but them.
#![allow(missing_docs)]

#[cfg(all(feature = "npz", feature = "ndarray", feature = "derive", target_os = "linux"))]
#[path = "support/child.rs"]
mod child;
mod npz;
mod support;
mod untyped;

#[cfg(all(feature = "npz", feature = "ndarray", feature = "derive", target_os = "linux"))]
use npz::play;
