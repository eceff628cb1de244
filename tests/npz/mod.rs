//! `.npz` files: NumPy opens ours, we open NumPy's, saving is all or nothing, and no file can harm.
//!
//! Tests that need NumPy run the Python that `SERDE_SHM_PYTHON` names. Without it they are skipped, which they say;
//! with `CI` set, a skip is a failure.
#![cfg(all(feature = "npz", feature = "ndarray", feature = "derive"))]
#![allow(missing_docs)]

mod altered;
mod blocks;
#[cfg(target_os = "linux")]
mod child;
mod costs;
mod durable;
mod examples;
mod foreign;
#[cfg(target_os = "linux")]
mod forks;
mod headers;
mod hostile;
#[cfg(target_os = "linux")]
mod killed;
#[cfg(target_os = "linux")]
mod lack;
mod layout;
mod members;
mod numpy;
pub(crate) mod support;
mod ways;
