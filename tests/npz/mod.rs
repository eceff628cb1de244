//! `.npz` files: NumPy opens ours, we open NumPy's, saving is all or nothing, and no file can harm.
//!
//! Tests that need NumPy run the Python that `SERDE_SHM_PYTHON` names. Without it they are skipped, which they say;
//! with `CI` set, a skip is a failure.
#![cfg(all(feature = "npz", feature = "ndarray", feature = "derive"))]
#![allow(missing_docs)]

mod altered;
mod blocks;
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

/// What a child process runs that is killed, or has limits.
#[cfg(target_os = "linux")]
pub(crate) fn play(role: &str, args: &[&str]) {
    match (role, args) {
        ("save", [path]) => killed::save_for_ever(path.as_ref()),
        ("too-large", [path]) => killed::save_too_much(path.as_ref()),
        ("little-memory", [path]) => lack::save_and_load_in_little(path.as_ref()),
        ("size-limit", [path]) => killed::save_within_limits(path.as_ref()),
        ("no-fsync", [path]) => killed::save_without_fsync(path.as_ref()),
        ("fork", [path]) => forks::use_all_after_fork(path.as_ref()),
        ("no-threads", [path]) => forks::use_all_without_threads(path.as_ref()),
        ("umask", [path]) => killed::save_with_umask(path.as_ref()),
        other => panic!("no such role: {other:?}"),
    }
}
