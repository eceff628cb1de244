//! Everything serde can say comes back: its attributes and its data model, in every container, with the arrays routed.
//!
//! A type with arrays in it is declared twice, under serde's own derive and under this crate's, by a macro that is given
//! the derives and the mark. `support::check` sends a value through every container. `arrays` and `items` write blocks alone, with
//! few features or none, and so on every system.
#![allow(missing_docs)]

#[cfg(feature = "ndarray")]
mod arrays;
mod items;

#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod borrowed;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod combined;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod containers;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod deep;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod errors;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod evolution;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod fields;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod forms;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod model;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod std_types;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod support;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod targets;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod variants;
#[cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
mod visitors;
