//! What the fuzz targets do and share; a target itself only calls it. `CONTRIBUTING.md` says how to run them.
//!
//! - `targets`: what each does with an input
//! - `block`, `zip`: inputs taken apart, changed and put together again with right checksums
//! - `value`, `array`, `expect`, `wrap`: a random value of serde's model, and a reader that asks for it and compares
//! - `faults`: a system call that fails
//! - `arrays`: what a file says of its arrays
//! - `anything`: types that are read from what may be anything
//! - `unknown`: what may be anything, read by no type and written again
//! - `scratch`: where files are put meanwhile
#![allow(clippy::missing_safety_doc)]

pub mod anything;
pub mod array;
pub mod arrays;
pub mod block;
pub mod derived;
pub mod expect;
pub mod faults;
pub mod header;
pub mod live;
pub mod random;
pub mod scratch;
pub mod targets;
pub mod unknown;
pub mod value;
pub mod wrap;
pub mod zip;
