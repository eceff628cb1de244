//! The zip container of an .npz file: a writer whose stored members lie aligned in the file, and a reader that
//! believes nothing that it can check. Both know bytes only, and nothing of objects.

mod content;
mod deflate;
mod directory;
mod pack;
mod parts;
mod records;
mod source;
#[cfg(feature = "libdeflate")]
mod splice;
mod window;
mod write;

pub(crate) use content::Stream;
pub(crate) use directory::{Archive, TAIL};
pub(crate) use pack::PIECE;
pub(crate) use parts::Pieces;
pub(crate) use records::name_fault;
pub(crate) use source::ReadAt;
pub(crate) use write::{ArchiveWriter, Settings};

// These tests see private items, so they are modules of this crate; their files stand among the other tests.
#[cfg(test)]
#[path = "../../tests/zip/mod.rs"]
mod tests;
