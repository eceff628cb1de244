//! Bad input gets an error: never a panic, a hang or an allocation out of proportion, and never a wrong value.
//!
//! `altered` damages whole blocks, with the checksum left or made right again, and `exhaustive` a small object in each
//! container in every small way; `forged` makes bad ones by hand, each for one lie, and holds every error to its kind and
//! text. `hollow`, `holes` and `readers` claim more than there is; `misuse` is code that asks out of turn.
#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(missing_docs, clippy::cast_precision_loss)]

mod altered;
mod bounds;
mod exhaustive;
pub(crate) mod forge;
mod forged;
mod frames;
#[cfg(target_os = "linux")]
mod holes;
#[cfg(feature = "npz")]
mod hollow;
mod misuse;
mod model;
mod nesting;
mod readers;
mod series;
