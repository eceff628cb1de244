//! Where things lie in a live memory file: `docs/FORMAT.md`. All of it follows from what the sealed block says of the arrays, and
//! nothing is read from the file itself.

use crate::error::{Error, ErrorKind, Result};
use crate::layout::align_up;

/// How an array may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The array never changes.
    Plain = 0,
    /// The array is changed under a lock.
    Locked = 1,
    /// The array's elements are changed one by one.
    Atomic = 2,
}

impl Kind {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Kind::Plain, Kind::Locked, Kind::Atomic].into_iter().find(|kind| *kind as u8 == code)
    }

    /// The kind and the type by which such an array is read, for an error.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Kind::Plain => "an array that does not change (`ShmArray`, `Array`, a view)",
            Kind::Locked => "a locked array (`LockedArray`)",
            Kind::Atomic => "an atomic array (`AtomicArray`)",
        }
    }
}

/// How many processes, or handles of a segment, can use the locks of one memory at a time.
pub(crate) const MAX_HOLDERS: u32 = 1024;

/// Where the elements start, behind the header.
pub(crate) const DATA_START: u64 = 64;

/// The words of locks start at a multiple of this, which is a multiple of every machine's page size, so that elements and
/// words can be mapped separately.
const CONTROL_ALIGN: u64 = 1 << 16;

const LINE: u64 = 64;

/// The parts of the control area, which has the words of locks and updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ControlLayout {
    arrays: u64,
    holders: u64,
    /// Where the control area starts in the file, which is also where the part with the elements ends.
    start: u64,
}

impl ControlLayout {
    /// The layout for `arrays` arrays whose elements end at `end`.
    ///
    /// # Errors
    ///
    /// `Limit` if the area is too large for this machine.
    pub(crate) fn new(arrays: usize, end: u64) -> Result<Self> {
        let start = align_up(end, CONTROL_ALIGN).ok_or_else(too_large)?;
        let layout = ControlLayout { arrays: arrays as u64, holders: MAX_HOLDERS.into(), start };
        // With one line and one row each, no product below overflows where this does not.
        let len = layout
            .stride()
            .checked_mul(layout.holders)
            .and_then(|rows| rows.checked_add(layout.rows()));
        len.and_then(|len| start.checked_add(len)?.checked_add(CONTROL_ALIGN))
            .filter(|total| isize::try_from(*total).is_ok() && arrays < 1 << 31)
            .ok_or_else(too_large)?;
        Ok(layout)
    }

    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// The length of the control area.
    pub(crate) fn len(&self) -> u64 {
        self.rows() + self.holders * self.stride()
    }

    /// The length of the file.
    pub(crate) fn total(&self) -> u64 {
        self.start + self.len()
    }

    /// Where the rows start in the control area, which is also the length of what comes before them.
    pub(crate) fn rows(&self) -> u64 {
        LINE + LINE * self.arrays
    }

    /// The length of a holder's row: who the holder is, then its counts.
    pub(crate) fn stride(&self) -> u64 {
        LINE + (4 * self.arrays).next_multiple_of(LINE)
    }
}

/// Where things lie in the control area.
#[cfg(feature = "ndarray")]
impl ControlLayout {
    /// The layout for one array of this process alone.
    pub(super) fn private() -> Self {
        ControlLayout { arrays: 1, holders: 1, start: 0 }
    }

    pub(super) fn arrays(&self) -> usize {
        self.arrays as usize
    }

    /// Where an array's line lies.
    pub(super) fn line(array: usize) -> usize {
        (LINE + LINE * array as u64) as usize
    }

    /// Where a holder's row lies.
    pub(super) fn row(&self, slot: u32) -> usize {
        (self.rows() + u64::from(slot) * self.stride()) as usize
    }

    /// Where a holder's count of an array's readers lies.
    pub(super) fn count(&self, slot: u32, array: usize) -> usize {
        self.row(slot) + LINE as usize + 4 * array
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::Limit, "the live arrays exceed this machine's memory")
}
