//! What one reading may do for which no bytes stand: rows and elements without any, names that are given again and again;
//! and what it may take of the stack.

use std::cell::Cell;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{FREE_ROWS, ROWS_PER_BYTE};
use crate::stack::{self, BUFFERED, Watch};

/// Names may take so many bytes for each byte of the inline block, for each byte of an array, and these beside.
const NAMES_PER_BYTE: usize = 256;
const NAMES_PER_ARRAY_BYTE: usize = 64;
const FREE_NAMES: usize = 1 << 20;

/// What is left of it.
pub(super) struct Bounds {
    rows: Cell<usize>,
    names: Cell<usize>,
    watch: Cell<Watch>,
    /// How deep what is being read lies in serde's buffer.
    buffered: Cell<u32>,
    /// The stack ran short, or values nested deeper than may be read on it; so much each level took.
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

    /// Whether a larger stack is needed, for levels of so many bytes.
    pub(super) fn wants_stack(&self) -> Option<usize> {
        self.short.get()
    }

    /// Whether to [`look`](Self::look) at the stack before a `T` is read.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_due<T>(&self) -> bool {
        // Of the whole, only the floor is read.
        self.watch.get().is_due::<T>()
    }

    /// An error where there is no room on the stack to read a value of these frames, so many levels deep.
    #[cold]
    #[inline(never)]
    pub(super) fn look(&self, frames: usize, levels: u32) -> Result<()> {
        let mut watch = self.watch.get();
        let has_room = watch.look(stack::KEPT_IN_READING, frames);
        self.watch.set(watch);
        if has_room { Ok(()) } else { Err(self.too_low(levels)) }
    }

    /// Looks before a large `T` is read, whose frames would be in the way already where its fields look.
    #[inline]
    pub(super) fn look_if_large<T>(&self, levels: u32) -> Result<()> {
        const LARGE: usize = 256;
        if size_of::<T>() >= LARGE && self.is_due::<T>() {
            self.look(stack::frames::<T>(), levels)
        } else {
            Ok(())
        }
    }

    /// An error of a stack that does not do, which is noted.
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

    /// Begins a level of what serde's buffer takes in. Nothing can look at the stack when it is read out of it, which happens
    /// further up this stack: so there must be room for all its levels beforehand.
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

    /// An error where there is no room for so many levels of which none looks.
    pub(super) fn check_levels(&self, levels: usize) -> Result<()> {
        let needed = levels.saturating_mul(BUFFERED).saturating_add(stack::KEPT_IN_READING);
        if stack::left().is_none_or(|left| left >= needed) {
            return Ok(());
        }
        Err(self.too_low(levels as u32))
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
