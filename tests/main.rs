//! The quick tests of each promise, in one program: what they are generic over is compiled and linked once. Tests that fork, start
//! themselves again by the dozen or count descriptors are programs beside it. What takes a compiler or a processor minutes is in the
//! packages of `tests/matrix` and `tests/sweeps`, and some folders are spread over programs: the roots of these say which file is where.
//! `README.md` here says which promise is held where.
#![allow(missing_docs)]

#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod array_lists;
mod block;
/// Bytes that somebody changed, or made for one lie: an error, in bounded time and memory, and never a wrong value.
#[cfg(all(feature = "derive", feature = "ndarray"))]
mod corrupt {
    mod altered;
    mod bounds;
    #[allow(dead_code)]
    pub(crate) mod forge;
    mod forged;
    #[cfg(target_os = "linux")]
    mod holes;
    #[cfg(feature = "npz")]
    mod hollow;
    #[allow(dead_code)]
    pub(crate) mod model;
    mod readers;
    mod series;
}
/// The attributes of fields and variants under the derives.
#[cfg(all(feature = "derive", feature = "ndarray"))]
mod derive {
    mod fields;
    #[allow(dead_code)]
    pub(crate) mod support;
    mod variants;
}
mod docs;
mod format;
mod guide;
mod kmer_count_example;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod large_arrays;
/// `.npz` files, with NumPy and without.
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz"))]
mod npz {
    mod durable;
    mod examples;
    mod exchange;
    #[allow(dead_code)]
    pub(crate) mod support;
}
mod safety;
mod share_example;
mod sharing;
mod support;
mod traits;
