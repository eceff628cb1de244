//! Values of two forms, compact and readable.
//!
//! A value that has two forms asks whether it is written for a human reader before it writes anything. It may have to be read
//! through serde's buffer (`flatten`, `untagged`, tags), which always asks for the readable form. So a short value is asked once
//! more, and written in the readable form, with a mark. A long value stays compact, because its text may be many times as long.

use serde::ser::Serialize;

use crate::error::Result;
use crate::wire::Tag;

use super::frames::{Depth, Here};
use super::{ANY, ASKED, LEARN, Note, Writer, Written};

/// A value is written in the readable form if the compact one takes no more bytes.
const READABLE_MAX: usize = 64;

/// Where the serializer stood before a value that asks whether it is written for a human reader.
#[derive(Clone, Copy)]
pub(super) struct Before {
    arrays: u64,
    slot: u8,
    position: usize,
}

impl Writer<'_> {
    /// Notes that the value in this slot asks.
    #[cold]
    #[inline(never)]
    pub(super) fn ask(&self, next: usize, slot: u8) {
        // Values inside this one ask for themselves. A value that this one hands itself over to does not.
        if slot != ASKED {
            let mut asked = self.asked.take();
            asked.push(Before { arrays: self.arrays, slot, position: self.position(next) });
            self.asked.set(asked);
        }
    }

    /// The slot that the value had which asked last.
    #[cold]
    #[inline(never)]
    pub(super) fn asked_slot(&mut self) -> u8 {
        self.asked.get_mut().last().map_or(ANY, |before| before.slot)
    }
}

impl Writer<'_> {
    /// Writes a value in its readable form if it has asked, and is short.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn settle<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        here: Here,
        depth: Depth,
        written: Written,
    ) -> Result<Written> {
        if !written.note().has_asked() {
            return Ok(written);
        }
        self.write_readable(value, written.next(), here, depth, written.note().tag())
    }

    #[cold]
    #[inline(never)]
    fn write_readable<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        next: usize,
        here: Here,
        depth: Depth,
        mut tag: Option<u8>,
    ) -> Result<Written> {
        self.flush(next);
        let note = tag.map_or(Note::NONE, Note::of);
        let Some(before) = self.asked.get_mut().pop().filter(|_| !self.failed) else {
            return Ok(Written::noted(0, note));
        };
        if !self.readable {
            let others = self.asked.get_mut().len();
            let written = self.out.len().saturating_sub(before.position);
            if self.arrays != before.arrays || written > READABLE_MAX {
                return Ok(Written::noted(0, note));
            }
            self.out.truncate(before.position);
            self.readable = true;
            let written = value.serialize(self.at(0, here.with(before.slot), depth));
            self.readable = false;
            let written = written?;
            self.flush(written.next());
            self.asked.get_mut().truncate(others);
            tag = written.note().tag();
        }
        Ok(self.mark_readable(before, tag))
    }

    /// Puts the mark in front of the value that was written last.
    fn mark_readable(&mut self, before: Before, noted: Option<u8>) -> Written {
        // The value's own tag, if it was left out.
        let own = match (before.slot, noted) {
            (ANY, _) | (_, Some(ANY)) => None,
            (LEARN, noted) => noted,
            (_, Some(_)) => None,
            (slot, None) => Some(slot),
        };
        let at = before.position.min(self.out.len());
        let value = self.out.split_off(at);
        let (next, note) = self.put_tag(0, before.slot, Tag::Readable as u8, 0);
        self.flush(next);
        self.out.extend(own);
        self.out.extend_from_slice(&value);
        Written::noted(0, note)
    }
}
