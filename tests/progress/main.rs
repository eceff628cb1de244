//! Progress of long work, and what is left when its function cancels it or panics: each container, written, verified and read.
//! It counts descriptors and names, so that one test runs at a time.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray", feature = "npz"))]
#![allow(missing_docs)]

mod deeds;
mod matrix;
mod rules;
mod scene;
