//! Bytes that somebody changed, and elements of every dtype.
#![allow(missing_docs)]

mod corrupt;
mod dtypes;
mod support;
