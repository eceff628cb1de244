//! The live arrays of a segment: where their memory comes from when it is opened.

use std::fs::File;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::live::{LiveArrays, check_entries};
use crate::os;
use crate::segment::{self, SegmentId};
use crate::store::check_live_header;

use super::content::Content;

/// What may be done with live arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// Whether they may be changed.
    pub(crate) writable: bool,
    /// Whether memory of another user is taken.
    pub(crate) trusts_owner: bool,
}

impl Access {
    pub(crate) const FULL: Access = Access { writable: true, trusts_owner: false };
}

/// Where the memory of live arrays comes from.
pub(super) enum LiveFrom<'a> {
    /// It was made here, if there are such arrays.
    Made(Option<File>),
    /// It is to be opened by what the id says.
    Id(&'a SegmentId),
    /// A descriptor was handed over, or none.
    #[cfg(any(unix, feature = "workers"))]
    Handed(Option<File>),
}

/// The error for a block with live arrays that is to be copied without them.
#[cold]
pub(super) fn elements_elsewhere() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the object has live arrays (`LockedArray`, `AtomicArray`), whose elements lie beside the block and not in it, and whose \
         locks need the segment's descriptors: keep the `Segment`, or read the object and write it anew, by `to_bytes` with plain \
         arrays or by `SegmentOptions::create` with live ones",
    )
}

/// The arrays that change, if there are such. That their memory cannot be had is an error when one is asked for.
///
/// # Errors
///
/// `Corrupt` if what the sealed block says of them contradicts itself.
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
    // What was made here is this process's, whoever that is by now.
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
