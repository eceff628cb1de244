//! A buffer that several owners share is placed once, wherever they stand in an object, and read back by whoever asks for it.
#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod forged;
#[path = "../support/memory.rs"]
mod memory;
mod owners;
mod places;
#[path = "../support/mod.rs"]
mod support;
mod temporaries;
mod values;
mod wrapper;
