//! Shared memory and its names. This module handles bytes only and does not use serde.
//!
//! A segment is a sealed memfd ([`memfd`]). Any process of the same user finds it by an id ([`id`]), which names a
//! descriptor that some process holds. A named segment also has an entry ([`entry`]) in the user's own folder
//! ([`folder`]): a small file under the name ([`name`]), which has the id. The kernel frees the memory with its last
//! user, and the lock on the entry with its maker; neither needs a destructor to run. A persistent segment is a file
//! ([`stored`]) under the name.
//!
//! Files are [`Draft`](crate::files::Draft)s until they are whole. [`publish`] gives them their name, [`lookup`] follows
//! a name, and [`census`] looks at all names. If several processes miss a name, one of them has the [`turn`] to make the
//! segment.

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

/// A segment that is being written: memory, or a file without a name. If the writer is dropped, nothing is left.
pub(crate) type SegmentWriter = FileWriter<File>;

/// Checks that this system has segments. Every function that opens a segment or looks at names calls this first.
///
/// # Errors
///
/// `Unsupported` on a system without segments.
pub(crate) fn check_supported() -> Result<()> {
    os::check_segments().map_err(|e| Error::io("there are no segments here", e))
}
