//! What the member of an array is called.

use std::fmt::Display;

/// The name of the array that holds the inline block, as bytes. No other array gets this name.
pub(crate) const REST: &str = "__serde_shm__";

pub(crate) fn file_name(array: impl Display) -> String {
    format!("{array}.npy")
}
