//! What the derives take: every attribute of a container, every shape of a type, and what is routed.
#![allow(missing_docs)]

/// Attributes of fields and variants are in `suite`.
#[cfg(all(feature = "derive", feature = "ndarray"))]
mod derive {
    mod containers;
    mod generics;
    mod lints;
    mod remote;
    mod routing;
    #[allow(dead_code)]
    pub(crate) mod support;
}
