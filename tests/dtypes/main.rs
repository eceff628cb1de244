//! Dtypes beyond the plain numbers: structs, times, strings, complex numbers, floats of two bytes.

#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

#[cfg(all(feature = "half", feature = "complex", feature = "npz"))]
mod byte_order;
/// Bytes are put together here as there.
#[cfg(all(feature = "half", feature = "complex", feature = "npz"))]
#[path = "../corrupt"]
mod corrupt {
    #[allow(dead_code)]
    pub(crate) mod forge;
}
mod derived;
mod hostile;
#[cfg(all(feature = "half", feature = "complex", feature = "npz"))]
mod numpy;
#[cfg(all(feature = "bytemuck", feature = "npz"))]
mod pod;
mod raw;
mod structs;
#[path = "../support/mod.rs"]
mod support;
