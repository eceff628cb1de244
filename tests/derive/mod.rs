//! The derives: every attribute of serde's, every shape of a type, and what is routed.

#![cfg(all(feature = "derive", feature = "ndarray"))]

mod containers;
mod fields;
mod generics;
mod lints;
mod remote;
mod routing;
mod support;
mod variants;
