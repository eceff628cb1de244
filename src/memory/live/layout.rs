//! Where things lie in a live memory file: `docs/FORMAT.md`. All of it follows from what the sealed block says of the
//! arrays; nothing in the file itself is asked.

use crate::error::{Error, ErrorKind, Result};
use crate::layout::align_up;

/// What an array is to those that read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// It never changes.
    Plain = 0,
    /// It is changed under a lock.
    Locked = 1,
    /// Its elements are changed one by one.
    Atomic = 2,
}

impl Kind {
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        [Kind::Plain, Kind::Locked, Kind::Atomic].into_iter().find(|kind| *kind as u8 == code)
    }

    /// For an error: the kind, and the type that it is asked for by.
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

/// Where elements start: behind the header.
pub(crate) const DATA_START: u64 = 64;

/// Words of locks start at a multiple of this, which is one of any machine's pages: elements and words are mapped apart.
const CONTROL_ALIGN: u64 = 1 << 16;

const LINE: u64 = 64;

/// The parts of the control area, which has the words of locks and updates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ControlLayout {
    arrays: u64,
    holders: u64,
    /// Where it starts in the file, which is where the elements' part ends.
    start: u64,
}

impl ControlLayout {
    /// For so many arrays, whose elements end there.
    ///
    /// # Errors
    ///
    /// `Limit` if it is too large for this machine.
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

    /// The length of a holder's row: who it is, then its counts.
    pub(crate) fn stride(&self) -> u64 {
        LINE + (4 * self.arrays).next_multiple_of(LINE)
    }
}

/// Where things are in the control area.
#[cfg(feature = "ndarray")]
impl ControlLayout {
    /// For one array of this process alone.
    pub(super) fn private() -> Self {
        ControlLayout { arrays: 1, holders: 1, start: 0 }
    }

    pub(super) fn arrays(&self) -> usize {
        self.arrays as usize
    }

    /// Where an array's line is.
    pub(super) fn line(array: usize) -> usize {
        (LINE + LINE * array as u64) as usize
    }

    /// Where a holder's row is.
    pub(super) fn row(&self, slot: u32) -> usize {
        (self.rows() + u64::from(slot) * self.stride()) as usize
    }

    /// Where a holder's count of an array's readers is.
    pub(super) fn count(&self, slot: u32, array: usize) -> usize {
        self.row(slot) + LINE as usize + 4 * array
    }
}

fn too_large() -> Error {
    Error::new(ErrorKind::Limit, "the live arrays exceed this machine's memory")
}
