//! Objects of unknown type: what was read as a value and is written again is the same object, in the same bytes.
//!
//! Seconds by default; `PROPTEST_CASES=100000 cargo test --release -p serde_shm_matrix --test values value::` looks for longer.
#![cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#![allow(missing_docs, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

mod any;
mod archives;
mod binding;
mod buffers;
mod deep;
mod foreign;
mod fuzz_seeds;
mod hostile;
mod kept;
mod live;
mod named;
mod named_hostile;
mod paths;
mod rebuilt;
mod typed;

pub(crate) use binding::play;
