//! Dtypes beyond the plain numbers: structs, times, strings, complex numbers, floats of two bytes.

#![cfg(all(feature = "derive", feature = "ndarray"))]

#[cfg(all(feature = "half", feature = "complex", feature = "npz"))]
mod byte_order;
mod derived;
mod hostile;
#[cfg(all(feature = "half", feature = "complex", feature = "npz"))]
mod numpy;
mod raw;
mod structs;
