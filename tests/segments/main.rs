//! Segments among real processes: this test binary starts itself again, see `child`.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod anonymous;
mod child;
mod copies;
mod descriptors;
mod ends;
mod held;
mod hostile;
mod housekeeping;
mod limits;
mod model;
mod named;
mod offers;
mod persistent;
mod places;
mod republish;
mod sandbox;
mod turns;
