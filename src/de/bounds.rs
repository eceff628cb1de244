//! Limits of one reading, for work that the container's bytes do not limit: rows and elements without bytes, and names that are
//! given again and again. Also, how much of the stack the reading may take.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{FREE_ROWS, ROWS_PER_BYTE};
use crate::stack::{self, BUFFERED, Watch};

/// How many bytes the names that are handed out may take: for each byte of the inline block, for each byte of an array, and some
/// in any case.
const NAMES_PER_BYTE: usize = 256;
const NAMES_PER_ARRAY_BYTE: usize = 64;
const FREE_NAMES: usize = 1 << 20;

/// What is left of the limits.
pub(super) struct Bounds {
    rows: Cell<usize>,
    names: Cell<usize>,
    watch: Cell<Watch>,
    /// How many levels of serde's buffer stand around the value that is being read.
    buffered: Cell<u32>,
    /// How many bytes each level took, if the stack ran short or values nested deeper than may be read on it.
    short: Cell<Option<usize>>,
}

impl Bounds {
    pub(super) fn new() -> Self {
        Bounds {
            rows: Cell::new(FREE_ROWS),
            names: Cell::new(FREE_NAMES),
            watch: Cell::new(Watch::begin()),
            buffered: Cell::new(0),
            short: Cell::new(None),
        }
    }

    /// If a larger stack is needed, how many bytes each level takes.
    pub(super) fn wants_stack(&self) -> Option<usize> {
        self.short.get()
    }

    /// Whether the stack must be checked by [`look`](Self::look) before a `T` is read.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_due<T>(&self) -> bool {
        // Only the floor of the watch is read here.
        self.watch.get().is_due::<T>()
    }

    /// An error if the stack has no room to read a value whose functions take `frames` bytes, at this number of levels.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&self, frames: usize, levels: u32) -> Result<()> {
        let mut watch = self.watch.get();
        let has_room = watch.look(stack::KEPT_IN_READING, frames);
        self.watch.set(watch);
        if has_room { Ok(()) } else { Err(self.too_low(levels)) }
    }

    /// Checks the stack before a large `T` is read. Its fields check too late, because its own frames are on the stack by then.
    #[inline]
    pub(super) fn look_if_large<T>(&self, levels: u32) -> Result<()> {
        const LARGE: usize = 256;
        if size_of::<T>() >= LARGE && self.is_due::<T>() {
            self.look(stack::frames::<T>(), levels)
        } else {
            Ok(())
        }
    }

    /// The error of a stack that is too small. Notes that a larger one is needed.
    pub(super) fn too_low(&self, levels: u32) -> Error {
        self.short.set(Some(self.watch.get().each(levels)));
        stack::too_low()
    }

    /// The error of values that nest deeper than may be read on this stack. On a large one they may nest deeper.
    #[cold]
    pub(super) fn too_deep(&self, limit: u32) -> Error {
        if limit == stack::SHALLOW {
            self.short.set(Some(self.watch.get().each(limit)));
        }
        stack::too_deep(limit)
    }

    /// Begins a level of a value that serde's buffer takes in. When serde reads the buffer out, further up this stack, nothing can
    /// check the stack. So there must be room for all levels of the buffer beforehand.
    #[inline(never)]
    pub(super) fn enter_buffer(&self) -> Result<()> {
        let levels = self.buffered.get() + 1;
        self.check_levels(levels as usize)?;
        self.buffered.set(levels);
        Ok(())
    }

    pub(super) fn is_in_buffer(&self) -> bool {
        self.buffered.get() > 0
    }

    pub(super) fn leave_buffer(&self) {
        self.buffered.set(self.buffered.get() - 1);
    }

    /// An error if the stack has no room for so many levels that do not check it themselves.
    pub(super) fn check_levels(&self, levels: usize) -> Result<()> {
        let needed = levels.saturating_mul(BUFFERED).saturating_add(stack::KEPT_IN_READING);
        if stack::left().is_none_or(|left| left >= needed) {
            return Ok(());
        }
        Err(self.too_low(levels as u32))
    }

    /// Raises the limit of names for an inline block of so many bytes.
    pub(super) fn add_inline(&self, bytes: usize) {
        self.add(bytes, NAMES_PER_BYTE);
    }

    /// Raises the limit of names for an array of so many bytes.
    pub(super) fn add_array(&self, bytes: usize) {
        self.add(bytes, NAMES_PER_ARRAY_BYTE);
    }

    fn add(&self, bytes: usize, names: usize) {
        let more = |left: usize, each: usize| left.saturating_add(bytes.saturating_mul(each));
        self.rows.set(more(self.rows.get(), ROWS_PER_BYTE));
        self.names.set(more(self.names.get(), names));
    }

    /// Counts rows or elements that take no bytes, before they are walked. Nothing else limits their number, which the container
    /// merely claims.
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

    /// Counts a name that is handed out. A record of one byte can have a long name, and a reader that copies names copies it for
    /// each record.
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
