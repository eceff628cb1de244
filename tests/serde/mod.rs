//! Everything serde can say comes back: its attributes and its data model, in every container, with the arrays routed.
//!
//! A type with arrays in it is declared twice, under serde's own derive and under this crate's, by a macro that is given
//! the derives and the mark. [`support::check`] sends a value through every container.
#![cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]

mod borrowed;
mod combined;
mod containers;
mod deep;
mod errors;
mod evolution;
mod fields;
mod forms;
mod model;
mod std_types;
mod support;
mod targets;
mod variants;
mod visitors;
