//! Shared memory and the names for it: bytes only, no serde.
//!
//! A segment is a sealed memfd ([`memfd`]), which any process of the same user finds through the id ([`id`]) of a
//! descriptor that somebody holds. A named segment is the same memory, and beside it an entry ([`entry`]) in the
//! user's own folder ([`folder`]): a small file under the name ([`name`]), with the id in it. The kernel frees the
//! memory with its last user, and the lock on the entry with its maker: neither needs a destructor to run. A persistent
//! segment is a file ([`stored`]) under the name.
//!
//! Files are [`Draft`](crate::files::Draft)s until they are whole; [`publish`] gives them their name, [`lookup`] follows it, [`census`] looks
//! at all of them. Of many processes that miss a name, one has the [`turn`] to make what it stands for.

use std::fs::File;

use crate::error::{Error, Result};
use crate::files::FileWriter;
use crate::os;

mod census;
mod entry;
mod folder;
mod id;
mod live;
mod lookup;
mod maker;
mod memfd;
mod name;
mod publish;
mod session;
mod stored;
mod turn;

pub(crate) use census::{NameInfo, free_memory, list, reap, remove, remove_session};
pub(crate) use entry::Entry;
pub(crate) use folder::Folder;
pub(crate) use id::{Nonce, SegmentId};
pub(crate) use live::{check_live, create_live, open_live, remember_live, seal_live};
pub(crate) use lookup::{Target, follow};
pub(crate) use memfd::{Memory, other_segment};
pub(crate) use name::SegmentName;
pub(crate) use publish::{Published, ensure_free, publish, remove_if};
pub(crate) use stored::{Shelf, Stored, Unstored};
pub(crate) use turn::{Turn, take_turn};

/// A segment that is being written: memory, or a file without a name. When it is dropped, nothing is left.
pub(crate) type SegmentWriter = FileWriter<File>;

/// Every way into a segment, and to the names of segments, asks this first.
///
/// # Errors
///
/// `Unsupported` where there are none.
pub(crate) fn check_supported() -> Result<()> {
    os::check_segments().map_err(|e| Error::io("there are no segments here", e))
}
