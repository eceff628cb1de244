//! How all files are written, and what errors say of limits and room.
//!
//! Segments, persistent segments, the entries of names and `.npz` files are written through [`FileWriter`] alone. Code
//! that sets the length of memory without writing it calls [`check_size`] first. The reason for both is that the kernel
//! kills a process by a signal if it makes a file, or a memfd, longer than RLIMIT_FSIZE. Files that get a name are
//! [`Draft`]s until they are whole.

pub(crate) mod draft;
mod recent;
pub(crate) mod room;
mod sync;
#[cfg(feature = "ndarray")]
mod window;
mod writer;

pub(crate) use draft::Draft;
pub(crate) use recent::Recent;
pub(crate) use sync::sync;
pub(crate) use writer::{FileWriter, check_size};
