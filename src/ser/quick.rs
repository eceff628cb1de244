//! Items of a sequence or map, written by a serializer of their own that knows the layouts of records beforehand and keeps
//! no path.
//!
//! It gives an item up at the first thing that it does not know: a record of another layout than the last of its kind, an
//! array, a value that has two forms, too many levels, too little room. What it wrote is then taken back, and the item is
//! written like any other value. What is written is the same either way.

use std::cell::Cell;
use std::fmt;
use std::slice;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use crate::array::TOKEN;
use crate::os;
use crate::stack::{self, Watch};
use crate::wire::{BLOB_MIN, Kind, MAX_TUPLE, Tag, put_varint_at, zigzag};

use super::plain::may_be_array;
use super::shapes::{Key, Shapes, Step};
use super::{ANY, LEARN};

/// Items that were written and are not in the inline block yet. A small room of a fixed size is written to in fewer steps
/// than a vector.
pub(super) struct Stage {
    /// The last one is where the tag of the item goes.
    bytes: Box<Room>,
    filled: usize,
    /// How many bytes were taken back.
    wasted: usize,
}

type Room = [u8; ROOM + 1];

/// Half of it is there for the next item. One that needs more is written like any other value, and its parts are tried.
const ROOM: usize = 8 << 10;

/// So many bytes may be taken back before it matters, and what an item counts for beside its bytes.
const FREE: usize = 32 << 10;
const GIVEN_UP: usize = 16;

impl Stage {
    pub(super) fn new() -> Self {
        Stage { bytes: Box::new([0; ROOM + 1]), filled: 0, wasted: 0 }
    }

    /// How many bytes wait.
    pub(super) fn waiting(&self) -> usize {
        self.filled
    }

    /// Whether it is time to [flush](Self::flush) it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_full(&self) -> bool {
        self.filled > ROOM / 2
    }

    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        if out.capacity() - out.len() < self.filled {
            more_room(out);
        }
        out.extend_from_slice(&self.bytes[..self.filled]);
        self.filled = 0;
    }

    /// Whether so much was taken back, for so many bytes that were written, that it is better not to try. To write a byte
    /// here takes a third of the time that it takes elsewhere.
    pub(super) fn is_wasteful(&self, written: usize) -> bool {
        self.wasted > FREE + written
    }

    /// Writes an item of this slot, which stands so many levels deep, and gives its tag; or gives `None` and adds nothing.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn write<T: Serialize + ?Sized>(
        &mut self,
        shapes: &Shapes,
        watch: &mut Watch,
        slot: u8,
        depth: usize,
        value: &T,
    ) -> Option<u8> {
        self.bytes[ROOM] = slot;
        let mut quick = Quick {
            shapes,
            watch,
            room: &mut self.bytes,
            next: self.filled,
            slot: slot_of(slot),
            tag_place: ROOM,
            depth,
            gave_up: Cell::new(false),
        };
        let written = value.serialize(&mut quick).is_ok();
        let next = quick.next;
        if written && !quick.gave_up.get() {
            self.filled = next;
            return Some(self.bytes[ROOM]);
        }
        self.wasted += next - self.filled + GIVEN_UP;
        None
    }
}

/// From this size on allocators map a block by itself, and move its pages where it grows.
const MAPPED: usize = 32 << 20;

/// Doubles the room. Most of the time that a large object takes goes into its pages where they are small.
#[cold]
fn more_room(out: &mut Vec<u8>) {
    let more = out.len().max(ROOM);
    if out.capacity() < MAPPED && out.len() + more >= MAPPED {
        // It is copied whatever is done.
        let mut room = Vec::with_capacity(out.len() + more);
        os::wish_huge_pages(room.spare_capacity_mut());
        room.extend_from_slice(out);
        *out = room;
    } else {
        out.reserve(more);
        os::wish_huge_pages(out.spare_capacity_mut());
    }
}

/// What a value's slot is where it is to have this tag; see [`Step`].
const fn slot_of(tag: u8) -> u32 {
    (tag as u32) << 8
}

/// The item is given up.
#[derive(Debug)]
pub(super) struct Other;

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item is given up")
    }
}

impl std::error::Error for Other {}

impl serde::ser::Error for Other {
    /// An item that fails is written once more: its error then has its place.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Other
    }
}

type Result<T> = std::result::Result<T, Other>;

pub(super) struct Quick<'r> {
    shapes: &'r Shapes,
    watch: &'r mut Watch,
    room: &'r mut Room,
    /// Where in the room the next byte goes.
    next: usize,
    /// [`slot_of`] the next value's tag, of `ANY` or `LEARN`; anything else if the field is another than expected.
    slot: u32,
    /// Where the tag goes if it is to be learnt.
    tag_place: usize,
    depth: usize,
    /// A part failed, though its error may be dropped on the way; or one asked whether it is written for a human reader: it
    /// may have to be, which is not done here.
    gave_up: Cell<bool>,
}

impl<'r> Quick<'r> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> Result<()> {
        let start = self.next;
        if start > ROOM - N {
            return Err(Other);
        }
        self.room[start..start + N].copy_from_slice(&bytes);
        self.next = start + N;
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_varint(&mut self, number: u64) -> Result<()> {
        if number < 1 << 7 {
            return self.put([number as u8]);
        }
        self.next = put_long(self.room, self.next, number).ok_or(Other)?;
        Ok(())
    }

    /// A text or byte string behind its length.
    #[inline]
    fn put_bytes(&mut self, tag: Tag, bytes: &[u8]) -> Result<()> {
        self.tag(tag)?;
        self.put_varint(bytes.len() as u64)?;
        let room = self.room.get_mut(self.next..ROOM).and_then(|room| room.get_mut(..bytes.len()));
        room.ok_or(Other)?.copy_from_slice(bytes);
        self.next += bytes.len();
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tag(&mut self, tag: Tag) -> Result<()> {
        if self.slot == slot_of(tag as u8) { Ok(()) } else { self.other_tag(tag) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn other_tag(&mut self, tag: Tag) -> Result<()> {
        let Quick { next, slot, tag_place, .. } = *self;
        self.next = other_tag(self.room, next, slot, tag_place, tag as u8).ok_or(Other)?;
        Ok(())
    }

    /// The tag of a 64-bit number, and whether it takes eight bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wide(&mut self, varint: Tag, fixed: Tag, number: u64) -> Result<bool> {
        if self.slot == slot_of(varint as u8) {
            return Ok(false);
        }
        if self.slot == slot_of(fixed as u8) {
            return Ok(true);
        }
        let large = number >> 49 != 0;
        self.other_tag(if large { fixed } else { varint })?;
        Ok(large)
    }

    /// A value that is nothing but its tag.
    fn bare_tag(&mut self, tag: Tag) -> Result<()> {
        if self.slot == slot_of(ANY) { self.put([tag as u8]) } else { Err(Other) }
    }

    /// Writes a part of a record, sequence or map. Its error may get lost in the code of the value that holds it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn part(&mut self, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        write(self).inspect_err(|_| self.gave_up.set(true))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enter(&mut self) -> Result<()> {
        if self.depth.is_multiple_of(stack::STEP as usize) && !stack::is_allowed(self.depth)
            || self.watch.is_due::<()>() && !self.watch.look(stack::KEPT_IN_WRITING, 0)
        {
            return Err(Other);
        }
        self.depth += 1;
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn record(&mut self, key: Key) -> Result<Record<'_, 'r>> {
        let guess = self.shapes.guess(&key).ok_or(Other)?;
        self.tag(Tag::Record)?;
        self.enter()?;
        self.put_varint(guess.number.into())?;
        let steps = self.shapes.steps(guess).iter();
        Ok(Record { quick: self, steps })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn items<const N: usize>(&mut self, tag: Tag, len: Option<usize>) -> Result<Items<'_, 'r, N>> {
        let left = len.filter(|len| *len < 1 << 32).ok_or(Other)?;
        self.tag(tag)?;
        self.enter()?;
        self.put_varint((left as u64) << 1)?;
        let tags_place = self.next;
        if left > 0 {
            self.put([LEARN; N])?;
        }
        Ok(Items { quick: self, left: N * left, tags_place, slots: [slot_of(LEARN); N] })
    }
}

// What is rare is done by functions that take no reference to the serializer: where a value's own code is inlined, the
// serializer can then be kept in registers.

/// Where the next byte goes after a number of several bytes, or `None` where there is no room.
#[inline]
fn put_long(room: &mut Room, next: usize, number: u64) -> Option<usize> {
    let place = room.get_mut(next..ROOM)?;
    put_varint_at(place, number).map(|len| next + len)
}

/// The same after a tag: the value carries its own, or it is to be learnt.
#[inline(never)]
fn other_tag(room: &mut Room, next: usize, slot: u32, place: usize, tag: u8) -> Option<usize> {
    if slot == slot_of(ANY) {
        *room[..ROOM].get_mut(next)? = tag;
        return Some(next + 1);
    }
    *room.get_mut(place).filter(|_| slot == slot_of(LEARN))? = tag;
    Some(next)
}

/// A struct, tuple or variant.
pub(super) struct Record<'q, 'r> {
    quick: &'q mut Quick<'r>,
    /// The fields that are left.
    steps: slice::Iter<'r, Step>,
}

impl Record<'_, '_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        match self.steps.next() {
            Some(step) if step.name == name.as_ptr().addr() => {
                self.quick.slot = step.slot(name);
                self.quick.part(|quick| value.serialize(quick))
            }
            _ => self.quick.part(|_| Err(Other)),
        }
    }

    /// A tuple's fields have no names.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self.steps.next() {
            Some(step) => {
                self.quick.slot = step.slot("");
                self.quick.part(|quick| value.serialize(quick))
            }
            None => self.quick.part(|_| Err(Other)),
        }
    }

    fn skip(&mut self, name: &'static str) -> Result<()> {
        match self.steps.next() {
            Some(step) if step.name == name.as_ptr().addr() && step.sparse => {
                self.quick.slot = step.slot(name);
                self.quick.part(|quick| quick.bare_tag(Tag::Absent))
            }
            _ => self.quick.part(|_| Err(Other)),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn finish(self) -> Result<()> {
        self.quick.depth -= 1;
        if self.steps.len() == 0 { Ok(()) } else { Err(Other) }
    }
}

/// A sequence (`N` is 1) or map (`N` is 2) of one run.
pub(super) struct Items<'q, 'r, const N: usize> {
    quick: &'q mut Quick<'r>,
    /// How many items, or keys and values, are still to come.
    left: usize,
    /// Where the tags stand, if there are items.
    tags_place: usize,
    slots: [u32; N],
}

impl<const N: usize> Items<'_, '_, N> {
    /// The next one, which is an item, a key (0) or a value (1).
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn item<T: Serialize + ?Sized>(&mut self, which: usize, value: &T) -> Result<()> {
        if self.left == 0 || N == 2 && self.left % 2 != which {
            return self.quick.part(|_| Err(Other));
        }
        self.left -= 1;
        self.quick.slot = self.slots[which];
        if self.slots[which] != slot_of(LEARN) {
            return self.quick.part(|quick| value.serialize(quick));
        }
        let place = self.tags_place + which;
        self.quick.tag_place = place;
        self.quick.part(|quick| value.serialize(quick))?;
        self.slots[which] = slot_of(self.quick.room[place]);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn finish(self) -> Result<()> {
        self.quick.depth -= 1;
        if self.left == 0 { Ok(()) } else { Err(Other) }
    }
}

macro_rules! number {
    ($($method:ident($ty:ty) $tag:ident |$value:ident| $put:ident($bytes:expr);)*) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(self, $value: $ty) -> Result<()> {
            self.tag(Tag::$tag)?;
            self.$put($bytes)
        }
    )*};
}

impl<'q, 'r> serde::Serializer for &'q mut Quick<'r> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Items<'q, 'r, 1>;
    type SerializeTuple = Record<'q, 'r>;
    type SerializeTupleStruct = Record<'q, 'r>;
    type SerializeTupleVariant = Record<'q, 'r>;
    type SerializeMap = Items<'q, 'r, 2>;
    type SerializeStruct = Record<'q, 'r>;
    type SerializeStructVariant = Record<'q, 'r>;

    fn is_human_readable(&self) -> bool {
        self.gave_up.set(true);
        false
    }

    number! {
        serialize_bool(bool) Bool |value| put([u8::from(value)]);
        serialize_i8(i8) I8 |value| put(value.to_le_bytes());
        serialize_i16(i16) I16 |value| put_varint(zigzag(value.into()));
        serialize_i32(i32) I32 |value| put_varint(zigzag(value.into()));
        serialize_i128(i128) I128 |value| put(value.to_le_bytes());
        serialize_u8(u8) U8 |value| put([value]);
        serialize_u16(u16) U16 |value| put_varint(value.into());
        serialize_u32(u32) U32 |value| put_varint(value.into());
        serialize_u128(u128) U128 |value| put(value.to_le_bytes());
        serialize_f32(f32) F32 |value| put(value.to_le_bytes());
        serialize_f64(f64) F64 |value| put(value.to_le_bytes());
        serialize_char(char) Char |value| put_varint(u32::from(value).into());
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_i64(self, value: i64) -> Result<()> {
        let number = zigzag(value);
        if self.wide(Tag::I64, Tag::I64Fixed, number)? {
            self.put(value.to_le_bytes())
        } else {
            self.put_varint(number)
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_u64(self, value: u64) -> Result<()> {
        if self.wide(Tag::U64, Tag::U64Fixed, value)? {
            self.put(value.to_le_bytes())
        } else {
            self.put_varint(value)
        }
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        self.put_bytes(Tag::Str, value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        if value.len() >= BLOB_MIN {
            return Err(Other);
        }
        self.put_bytes(Tag::Bytes, value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_none(self) -> Result<()> {
        self.tag(Tag::Option)?;
        self.put([0])
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.tag(Tag::Option)?;
        self.enter()?;
        self.slot = slot_of(ANY);
        value.serialize(&mut *self)?;
        self.depth -= 1;
        Ok(())
    }

    fn serialize_unit(self) -> Result<()> {
        self.bare_tag(Tag::Unit)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<()> {
        self.record(Key::variant(Kind::UnitVariant, name, index, variant, 0))?.finish()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        if name == TOKEN { Err(Other) } else { value.serialize(self) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let mut record =
            self.record(Key::variant(Kind::NewtypeVariant, name, index, variant, 1))?;
        record.element(value)?;
        record.finish()
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Items<'q, 'r, 1>> {
        self.items(Tag::Seq, len)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple(self, len: usize) -> Result<Record<'q, 'r>> {
        if len > MAX_TUPLE {
            return Err(Other);
        }
        self.record(Key::tuple(len))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Record<'q, 'r>> {
        if name == TOKEN { Err(Other) } else { self.serialize_tuple(len) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Record<'q, 'r>> {
        self.record(Key::variant(Kind::TupleVariant, name, index, variant, len))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Items<'q, 'r, 2>> {
        self.items(Tag::Map, len)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Record<'q, 'r>> {
        if may_be_array(name, len) {
            return Err(Other);
        }
        self.record(Key::of_struct(name, len))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Record<'q, 'r>> {
        self.record(Key::variant(Kind::StructVariant, name, index, variant, len))
    }
}

macro_rules! fields {
    ($($tr:ident)*) => {$(
        impl $tr for Record<'_, '_> {
            type Ok = ();
            type Error = Other;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<()> {
                self.field(key, value)
            }

            fn skip_field(&mut self, key: &'static str) -> Result<()> {
                self.skip(key)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

macro_rules! elements {
    ($($tr:ident $method:ident)*) => {$(
        impl $tr for Record<'_, '_> {
            type Ok = ();
            type Error = Other;

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.element(value)
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn end(self) -> Result<()> {
                self.finish()
            }
        }
    )*};
}

fields! { SerializeStruct SerializeStructVariant }
elements! { SerializeTuple serialize_element SerializeTupleStruct serialize_field SerializeTupleVariant serialize_field }

impl SerializeSeq for Items<'_, '_, 1> {
    type Ok = ();
    type Error = Other;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.item(0, value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl SerializeMap for Items<'_, '_, 2> {
    type Ok = ();
    type Error = Other;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.item(0, key)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.item(1, value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(self) -> Result<()> {
        self.finish()
    }
}

#[cfg(test)]
mod tests;
