//! NumPy's files, files of models, and arrays whose type is known to none but them.
#![allow(missing_docs)]

#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#[path = "support/child.rs"]
mod child;
/// NumPy opens ours, we open NumPy's, saving is all or nothing, and no file can harm. What they exchange at all, what a save leaves, and the examples are in `suite`.
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz"))]
mod npz {
    mod altered;
    mod blocks;
    mod costs;
    pub(crate) mod foreign;
    #[cfg(target_os = "linux")]
    pub(crate) mod forks;
    mod headers;
    mod hostile;
    #[cfg(target_os = "linux")]
    pub(crate) mod killed;
    #[cfg(target_os = "linux")]
    pub(crate) mod lack;
    mod layout;
    mod members;
    mod numpy;
    pub(crate) mod support;
    mod ways;
}
mod support;
/// Safetensors files: ours are opened by the crate `safetensors`, its are opened by us, and none can harm.
#[cfg(all(feature = "derive", feature = "ndarray", feature = "safetensors"))]
mod tensors {
    mod foreign;
    mod hostile;
    mod own;
    mod support;
}
mod untyped;

/// What a child process runs that is killed, or has limits.
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
fn play(role: &str, args: &[&str]) {
    use crate::npz::{forks, killed, lack};

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
