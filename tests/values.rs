//! Objects of any type: as themselves and as values.
#![allow(missing_docs)]

#[cfg(all(
    feature = "half",
    feature = "complex",
    feature = "derive",
    feature = "ndarray",
    feature = "npz",
    target_os = "linux"
))]
#[path = "../fuzz/src/anything.rs"]
#[allow(dead_code, unreachable_pub, clippy::pedantic)]
mod anything;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#[path = "support/child.rs"]
mod child;
/// Bytes are put together here as there.
#[cfg(all(feature = "derive", feature = "ndarray"))]
mod corrupt {
    #[allow(dead_code)]
    pub(crate) mod forge;
}
#[cfg(all(feature = "derive", feature = "ndarray"))]
#[allow(clippy::cast_sign_loss, clippy::cast_possible_wrap)]
mod roundtrip {
    mod borrowed;
    pub(crate) mod cases;
    pub(crate) mod expect;
    mod golden;
    pub(crate) mod model;
    mod typed;
    pub(crate) mod value;
    mod values;
}
mod support;
mod value;

#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
use value::play;

/// What the fuzzer's types are made of.
#[cfg(all(
    feature = "half",
    feature = "complex",
    feature = "derive",
    feature = "ndarray",
    feature = "npz",
    target_os = "linux"
))]
mod array {
    /// A struct of another layout than its fields follow one another.
    #[derive(
        Clone, Copy, Debug, serde_shm::Element, PartialEq, ::serde::Serialize, ::serde::Deserialize,
    )]
    #[repr(C)]
    pub(crate) struct Point {
        pub(crate) on: bool,
        pub(crate) at: [f32; 2],
        pub(crate) id: u16,
    }
}
