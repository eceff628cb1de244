//! Shared memory and the names for it: bytes only, no serde.
//!
//! A segment is a sealed memfd ([`memfd`]), which any process of the same user finds through the id ([`id`]) of a
//! descriptor that somebody holds. A named segment is the same memory, and beside it an entry ([`entry`]) in the
//! user's own folder ([`folder`]): a small file under the name ([`name`]), with the id in it. The kernel frees the
//! memory with its last user, and the lock on the entry with its maker: neither needs a destructor to run.

mod entry;
mod folder;
mod id;
mod memfd;
mod name;

pub(crate) use entry::{Published, ensure_free, follow, publish};
pub(crate) use folder::Folder;
pub(crate) use id::{Nonce, SegmentId};
pub(crate) use memfd::{Memory, MemoryWriter, other_segment};
pub(crate) use name::Name;
