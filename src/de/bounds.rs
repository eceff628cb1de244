//! What one reading may do for which no bytes stand: rows and elements without any, and names that are given again and
//! again.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{FREE_ROWS, ROWS_PER_BYTE};

/// Names may take so many bytes for each byte of the inline block, for each byte of an array, and these beside.
const NAMES_PER_BYTE: usize = 256;
const NAMES_PER_ARRAY_BYTE: usize = 64;
const FREE_NAMES: usize = 1 << 20;

/// What is left of it.
pub(super) struct Bounds {
    rows: Cell<usize>,
    names: Cell<usize>,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Bounds { rows: Cell::new(FREE_ROWS), names: Cell::new(FREE_NAMES) }
    }

    /// The inline block has so many bytes.
    pub(super) fn add_inline(&self, bytes: usize) {
        self.add(bytes, NAMES_PER_BYTE);
    }

    /// An array of so many bytes is read.
    pub(super) fn add_array(&self, bytes: usize) {
        self.add(bytes, NAMES_PER_ARRAY_BYTE);
    }

    fn add(&self, bytes: usize, names: usize) {
        let more = |left: usize, each: usize| left.saturating_add(bytes.saturating_mul(each));
        self.rows.set(more(self.rows.get(), ROWS_PER_BYTE));
        self.names.set(more(self.names.get(), names));
    }

    /// Counts rows or elements that take no bytes, before they are walked: their number is bounded by nothing but its own
    /// claim.
    ///
    /// # Errors
    ///
    /// `Limit`.
    pub(super) fn take_rows(&self, count: usize) -> Result<()> {
        let left = self.rows.get().checked_sub(count).ok_or_else(|| {
            Error::new(
                ErrorKind::Limit,
                format!(
                    "{count} rows or elements without bytes: expected at most {FREE_ROWS} in an object, and \
                     {ROWS_PER_BYTE} for each of its bytes; read it as an array, or pass it over"
                ),
            )
        })?;
        self.rows.set(left);
        Ok(())
    }

    /// Counts a name that is handed out. A record of a byte can have a long name, and a reader that copies names would
    /// copy it for each.
    ///
    /// # Errors
    ///
    /// `Limit`.
    #[inline]
    pub(super) fn hand_out<'n>(&self, name: &'n str) -> Result<&'n str> {
        match self.names.get().checked_sub(name.len()) {
            Some(left) => {
                self.names.set(left);
                Ok(name)
            }
            None => Err(too_many_names()),
        }
    }
}

#[cold]
fn too_many_names() -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "the names of fields and variants take more than {NAMES_PER_BYTE} times the inline block, and \
             {NAMES_PER_ARRAY_BYTE} times the arrays"
        ),
    )
}
