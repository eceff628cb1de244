//! A buffer that several owners share is placed once, wherever they stand in an object, and read back by whoever asks for it.
#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod forged;
mod owners;
mod places;
mod temporaries;
mod values;
mod wrapper;
