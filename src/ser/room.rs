//! Where the serializer writes bytes: a room of a fixed size, whose end the compiler knows. The room is emptied into the inline
//! block.
//!
//! The position of the next byte in the room is passed from call to call, and never kept in memory. A position that was read back
//! before its store had settled cost more than the write itself. Rare code empties the room and works on the inline block.

use crate::os;
use crate::wire::{Tag, medium_varint, put_varint, put_varint_at, short_varint};

use super::{ANY, ASKED, LEARN, Note, Writer, Written};

/// The size of the room. A small room stays in the processor's first cache, and costs little to make.
pub(super) const ROOM: usize = 2 << 10;

/// The bytes that a length or another number of variable length takes at most.
pub(super) const LONGEST: usize = 10;

/// How many bytes a value takes at most between its tag and its parts: those of a number of 128 bits.
const MOST: usize = 16;

/// From this size on allocators map a block by itself, and move its pages where it grows.
const MAPPED: usize = 32 << 20;

/// How many bytes the inline block grows by at least. Most objects are small.
const MORE: usize = 512;

impl Writer<'_> {
    /// The position of the next byte in the inline block.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn position(&self, next: usize) -> usize {
        self.out.len() + next
    }

    /// The position in the room at which so many bytes may be put.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn reserve(&mut self, next: usize, bytes: usize) -> usize {
        if next <= ROOM - bytes {
            return next;
        }
        self.flush(next);
        0
    }

    /// Empties the room: the next byte goes to its start.
    #[cold]
    #[inline(never)]
    pub(super) fn flush(&mut self, next: usize) {
        append(&mut self.out, &self.room[..next]);
    }

    /// Puts bytes for which there is room.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn put<const N: usize>(&mut self, next: usize, bytes: [u8; N]) -> usize {
        if let Some(place) = self.room.get_mut(next..next + N) {
            place.copy_from_slice(&bytes);
        }
        next + N
    }

    /// Puts a number for which there is room.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn put_varint(&mut self, next: usize, number: u64) -> usize {
        if number < 1 << 7 {
            self.put(next, [number as u8])
        } else if let Some((bytes, len)) = short_varint(number) {
            self.put(next, bytes);
            next + len
        } else {
            self.put_long_varint(next, number)
        }
    }

    #[inline(never)]
    fn put_long_varint(&mut self, next: usize, number: u64) -> usize {
        if let Some((bytes, len)) = medium_varint(number) {
            self.put(next, bytes);
            return next + len;
        }
        let len = self.room.get_mut(next..).and_then(|place| put_varint_at(place, number));
        next + len.unwrap_or_default()
    }

    /// Puts a text or byte string behind its length.
    #[inline]
    pub(super) fn put_bytes(&mut self, next: usize, bytes: &[u8]) -> usize {
        if bytes.len() > (ROOM - LONGEST).saturating_sub(next) {
            self.put_apart(next, bytes);
            return 0;
        }
        let next = self.put_varint(next, bytes.len() as u64);
        if let Some(place) = self.room.get_mut(next..next + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        next + bytes.len()
    }

    /// Puts bytes that are too long for the room straight into the inline block.
    #[cold]
    #[inline(never)]
    fn put_apart(&mut self, next: usize, bytes: &[u8]) {
        self.flush(next);
        put_varint(&mut self.out, bytes.len() as u64);
        append(&mut self.out, bytes);
    }

    /// Writes over a byte that is in the room or in the inline block.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn set_byte(&mut self, position: usize, byte: u8) {
        let place = match position.checked_sub(self.out.len()) {
            Some(next) => self.room.get_mut(next),
            None => self.out.get_mut(position),
        };
        if let Some(place) = place {
            *place = byte;
        }
    }

    /// Writes a value of so many bytes behind its tag, unless its slot says the tag already.
    ///
    /// If the slot does not say the tag, a separate function writes the whole value; the functions below do the same. So less code is
    /// inlined into serde's calls, and the compiler knows the value's note.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn put_fixed<const N: usize>(
        &mut self,
        next: usize,
        slot: u8,
        tag: u8,
        bytes: [u8; N],
    ) -> Written {
        if slot == tag {
            let next = self.reserve(next, N);
            return Written::new(self.put(next, bytes));
        }
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&bytes);
        self.other_fixed(next, slot, tag, u64::from_le_bytes(wide), N)
    }

    #[inline(never)]
    fn other_fixed(&mut self, next: usize, slot: u8, tag: u8, bytes: u64, len: usize) -> Written {
        let (next, note) = self.any_tag(next, slot, tag);
        self.put(next, bytes.to_le_bytes());
        Written::noted(next + len, note)
    }

    /// The same for 128 bits, which are rare.
    #[inline(never)]
    pub(super) fn put_wide(&mut self, next: usize, slot: u8, tag: u8, bytes: [u8; 16]) -> Written {
        let (next, note) = self.put_tag(next, slot, tag, bytes.len());
        Written::noted(self.put(next, bytes), note)
    }

    /// Writes a value that is a number of variable length behind its tag.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn put_number(&mut self, next: usize, slot: u8, tag: u8, number: u64) -> Written {
        if slot == tag {
            let next = self.reserve(next, LONGEST);
            return Written::new(self.put_varint(next, number));
        }
        self.other_number(next, slot, tag, number)
    }

    #[inline(never)]
    fn other_number(&mut self, next: usize, slot: u8, tag: u8, number: u64) -> Written {
        let (next, note) = self.any_tag(next, slot, tag);
        Written::noted(self.put_varint(next, number), note)
    }

    /// Writes a 64-bit number whose tag its slot does not say. It may be long.
    #[inline(never)]
    pub(super) fn put_other_wide(
        &mut self,
        next: usize,
        slot: u8,
        [varint, fixed]: [Tag; 2],
        number: u64,
        bytes: [u8; 8],
    ) -> Written {
        let is_fixed = match if slot == ASKED { self.asked_slot() } else { slot } {
            asked if asked == varint as u8 => false,
            asked => asked == fixed as u8 || number >> 49 != 0,
        };
        if is_fixed {
            self.put_fixed(next, slot, fixed as u8, bytes)
        } else {
            self.put_number(next, slot, varint as u8, number)
        }
    }

    /// Writes a value that is bytes behind their number, behind its tag.
    #[inline]
    pub(super) fn put_text(&mut self, next: usize, slot: u8, tag: u8, bytes: &[u8]) -> Written {
        if slot == tag {
            return Written::new(self.put_bytes(next, bytes));
        }
        self.other_text(next, slot, tag, bytes)
    }

    #[inline(never)]
    fn other_text(&mut self, next: usize, slot: u8, tag: u8, bytes: &[u8]) -> Written {
        let (next, note) = self.any_tag(next, slot, tag);
        Written::noted(self.put_bytes(next, bytes), note)
    }

    /// Writes the tag of a value that has parts, and makes room for so many bytes behind it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn put_tag(
        &mut self,
        next: usize,
        slot: u8,
        tag: u8,
        bytes: usize,
    ) -> (usize, Note) {
        let next = self.reserve(next, bytes);
        if slot == tag {
            (next, Note::NONE)
        } else {
            let (next, note) = self.other_tag(next, slot, tag);
            (next.min(ROOM - bytes), note)
        }
    }

    /// Writes the tag of a value that is likely to carry its own tag, and makes room for any number behind it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn any_tag(&mut self, next: usize, slot: u8, tag: u8) -> (usize, Note) {
        if slot != ANY {
            return self.other_tag(next, slot, tag);
        }
        let next = self.reserve(next, 1 + MOST);
        (self.put(next, [tag]), Note::NONE)
    }

    /// The same for a value that may need a note.
    #[inline(never)]
    fn other_tag(&mut self, next: usize, slot: u8, tag: u8) -> (usize, Note) {
        let next = self.reserve(next, 1 + MOST);
        match slot {
            ANY => (self.put(next, [tag]), Note::NONE),
            LEARN => (next, Note::of(tag)),
            ASKED => {
                let slot = self.asked_slot();
                let (next, note) = self.put_tag(next, slot, tag, MOST);
                (next, note.asked())
            }
            _ => (self.put(next, [tag]), Note::of(tag)),
        }
    }

    /// Writes the tag of a value that has nothing but its tag. It is always written. So every item of a run and every field of a
    /// record takes at least one byte, and a few bytes cannot claim an endless number of values.
    pub(super) fn put_bare_tag(&mut self, next: usize, slot: u8, tag: u8) -> (usize, Note) {
        let next = self.reserve(next, 1);
        let next = self.put(next, [tag]);
        match slot {
            ANY => (next, Note::NONE),
            ASKED if self.asked_slot() == ANY => (next, Note::NONE.asked()),
            ASKED => (next, Note::of(ANY).asked()),
            _ => (next, Note::of(ANY)),
        }
    }
}

fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    if out.capacity() - out.len() < bytes.len() {
        grow(out, bytes.len());
    }
    out.extend_from_slice(bytes);
}

/// Doubles the inline block's room. Most of the time that a large object takes goes into its pages where they are small.
#[cold]
fn grow(out: &mut Vec<u8>, needed: usize) {
    let more = out.len().max(needed).max(MORE);
    if out.capacity() < MAPPED && out.len() + more >= MAPPED {
        // The block is copied in any case.
        let mut room = Vec::with_capacity(out.len() + more);
        os::wish_huge_pages(room.spare_capacity_mut());
        room.extend_from_slice(out);
        *out = room;
    } else {
        out.reserve(more);
        os::wish_huge_pages(out.spare_capacity_mut());
    }
}
