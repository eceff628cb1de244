//! Files that are written: the one way that all of them are, and what errors say of limits and of room.
//!
//! Segments, persistent segments, the entries of names and `.npz` files are written through [`FileWriter`] and nothing
//! else, and memory that gets its length without being written asks [`check_size`]: the kernel answers a file beyond
//! RLIMIT_FSIZE, a memfd too, with a signal that kills. Those that get a name are [`Draft`]s until they are whole.

pub(crate) mod draft;
mod recent;
pub(crate) mod room;
mod sync;
mod writer;

pub(crate) use draft::Draft;
pub(crate) use recent::Recent;
pub(crate) use sync::sync;
pub(crate) use writer::{FileWriter, check_size};
