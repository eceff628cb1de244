//! The live arrays of one segment, as the segment's sealed block lists them.

use std::fs::File;
use std::sync::Arc;
#[cfg(feature = "ndarray")]
use std::sync::OnceLock;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, ARRAY_ALIGN};

use super::layout::{ControlLayout, DATA_START, Kind};
#[cfg(feature = "ndarray")]
use super::region::LiveRegion;

/// What the sealed block says of a live array.
#[derive(Clone, Debug)]
pub(crate) struct LiveEntry {
    /// The array's number in the directory.
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    /// Where the array's elements start in the live memory.
    pub(crate) start: u64,
}

/// The live arrays of a segment and the memory in which they lie. The memory is mapped when the first array is requested.
#[derive(Debug)]
pub(crate) struct LiveArrays {
    pub(super) entries: Vec<LiveEntry>,
    /// The memory's file, or the error that says why it is not available.
    pub(super) file: Result<Arc<File>, (ErrorKind, String)>,
    #[cfg(feature = "ndarray")]
    pub(super) mapping: Mapping,
}

/// How the memory is mapped, and the mappings: one for each kind of array, as a forked child may use that of atomic arrays and
/// not that of locked ones.
#[cfg(feature = "ndarray")]
#[derive(Debug)]
pub(super) struct Mapping {
    pub(super) layout: ControlLayout,
    pub(super) writable: bool,
    pub(super) locked: OnceLock<LiveRegion>,
    pub(super) atomic: OnceLock<LiveRegion>,
}

/// Checks what a directory says of its live arrays: each must lie behind the one before. Returns the layout of their memory.
///
/// # Errors
///
/// `Corrupt` if arrays overlap, or lie where no element may lie.
pub(crate) fn check_entries(entries: &[LiveEntry]) -> Result<ControlLayout> {
    let mut end = DATA_START;
    for entry in entries {
        let bad = |what| {
            Err(Error::corrupt(format!(
                "{}, number {}: {what}",
                entry.kind.describe(),
                entry.number
            )))
        };
        if entry.start < end || !entry.start.is_multiple_of(ARRAY_ALIGN as u64) {
            return bad("it overlaps another one or is not aligned");
        }
        let bytes = layout::byte_len(&entry.shape, entry.dtype.item_size());
        match bytes.and_then(|bytes| entry.start.checked_add(bytes as u64)) {
            Some(after) => end = after,
            None => return bad("it does not fit this machine's memory"),
        }
    }
    ControlLayout::new(entries.len(), end)
}

impl LiveArrays {
    /// `file` is live memory of the layout's length, or the reason why there is none.
    #[cfg_attr(not(feature = "ndarray"), allow(unused_variables))]
    pub(crate) fn new(
        entries: Vec<LiveEntry>,
        layout: ControlLayout,
        file: Result<Arc<File>>,
        writable: bool,
    ) -> Self {
        LiveArrays {
            entries,
            file: file.map_err(|error| (error.kind(), format!("{error:#}"))),
            #[cfg(feature = "ndarray")]
            mapping: Mapping { layout, writable, locked: OnceLock::new(), atomic: OnceLock::new() },
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn file(&self) -> Option<&Arc<File>> {
        self.file.as_ref().ok()
    }
}

/// The error for a live array that is read as an array of another kind.
pub(crate) fn other_kind(expected: Kind, found: Kind) -> Error {
    Error::mismatch(format!(
        "expected {}, found {}: the kind of an array is fixed when its segment is made",
        expected.describe(),
        found.describe()
    ))
}
