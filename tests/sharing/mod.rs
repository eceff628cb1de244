//! A buffer that several owners share is placed once, and read back by whoever asks for it. Each place where they may stand in an
//! object, with each type of reader, is in `tests/places.rs`.
#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod forged;
mod once;
mod owners;
mod temporaries;
mod values;
mod wrapper;

const LEN: usize = 5_000;

fn numbers() -> ndarray::Array1<f32> {
    (0..LEN).map(|n| n as f32).collect()
}
