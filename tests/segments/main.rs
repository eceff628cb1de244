//! Segments among real processes: this test binary starts itself again, see `child`.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod anonymous;
mod child;
mod hostile;
mod limits;
mod model;
mod named;
mod republish;
