//! The live arrays of a segment: where their memory comes from when the segment is opened.

use std::fs::File;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::live::{LiveArrays, check_entries};
use crate::os;
use crate::segment::{self, SegmentId};
use crate::store::check_live_header;

use super::content::Content;

/// What a handle may do with live arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Whether the handle may change them.
    pub(crate) writable: bool,
    /// Whether the handle accepts memory that another user made.
    pub(crate) trusts_owner: bool,
}

impl Access {
    pub(crate) const FULL: Access = Access { writable: true, trusts_owner: false };
}

/// Where the memory of live arrays comes from.
pub(super) enum LiveFrom<'a> {
    /// This process has just made it, if the object has live arrays.
    Made(Option<File>),
    /// The id names the process and the descriptor by which it is opened.
    Id(&'a SegmentId),
    /// Another process handed over its descriptor, or (`None`) that of the sealed memory alone.
    #[cfg(any(unix, feature = "workers"))]
    Handed(Option<File>),
}

/// The error for copying a block without the elements of its live arrays.
#[cold]
pub(super) fn elements_elsewhere() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the object has live arrays (`LockedArray`, `AtomicArray`), whose elements lie beside the block and not in it, and whose \
         locks need the segment's descriptors: keep the `Segment`, or read the object and write it anew, by `to_bytes` with plain \
         arrays or by `SegmentOptions::create` with live ones",
    )
}

/// The live arrays, if the object has any. If their memory cannot be opened, asking for one of the arrays returns the
/// error.
///
/// # Errors
///
/// `Corrupt` if the sealed block's description of the live arrays contradicts itself.
pub(super) fn live_arrays(
    content: &Content,
    from: LiveFrom<'_>,
    access: Access,
) -> Result<Option<Arc<LiveArrays>>> {
    if !content.has_live() {
        return Ok(None);
    }
    if matches!(from, LiveFrom::Made(None)) {
        return Err(elements_elsewhere());
    }
    let entries = content.block()?.live_entries()?;
    let layout = check_entries(&entries)?;
    let missing = |text: &'static str| Error::new(ErrorKind::NotFound, text);
    // Memory that this process made is its own, even if the process has changed its user since.
    let trusts_owner = access.trusts_owner || matches!(from, LiveFrom::Made(_));
    let file = match from {
        LiveFrom::Made(file) => file.map(Arc::new).ok_or_else(|| missing("it was not made")),
        LiveFrom::Id(id) => segment::open_live(id),
        #[cfg(any(unix, feature = "workers"))]
        LiveFrom::Handed(file) => file.map(Arc::new).ok_or_else(|| {
            missing(
                "its descriptor was not handed over: use `Segment::live_fd` there and `Segment::from_fds` here",
            )
        }),
    };
    let file = file.and_then(|file| {
        segment::check_live(&file, &layout, trusts_owner)?;
        check_live_header(content.nonce(), &entries, |bytes| os::read_at(&file, bytes, 0))?;
        segment::remember_live(content.nonce(), &file);
        Ok(file)
    });
    Ok(Some(Arc::new(LiveArrays::new(entries, layout, file, access.writable))))
}
