//! Bytes of which each was changed, and values that nest or lie.
#![allow(missing_docs)]

/// `exhaustive` changes a small object in each container in every small way; `frames` and `nesting` are deep, `misuse` is code that
/// asks out of turn. The rest of the folder is in `suite`.
#[cfg(all(feature = "derive", feature = "ndarray"))]
mod corrupt {
    mod exhaustive;
    #[allow(dead_code)]
    pub(crate) mod forge;
    mod frames;
    mod misuse;
    #[allow(dead_code)]
    pub(crate) mod model;
    mod nesting;
}
mod support;
