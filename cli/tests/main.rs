//! The tool as a user runs it: real processes, real segments, and files of NumPy's.
#![allow(missing_docs)]

mod bad;
mod convert;
mod copy;
mod diff;
mod inspect;
mod list;
mod picture;
mod show;
mod stop;
mod support;
