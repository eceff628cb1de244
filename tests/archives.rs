//! Archives and NumPy's files, and arrays whose type is known to none but them.
#![allow(missing_docs)]

mod npz;
mod support;
mod untyped;
