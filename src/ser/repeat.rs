//! Items of a sequence that are records like the one before: written by a serializer of their own, which knows every
//! step beforehand and keeps no path.
//!
//! A [`Script`] is read off the bytes of an item that was written. The next item is compared with it as it comes; at the
//! first difference it is given up, what it wrote is taken back, and it is written like any other. What is written is
//! the same either way.

use std::cell::Cell;
use std::fmt;
use std::slice;

use serde::ser::{
    Impossible, Serialize, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use crate::array::TOKEN;
use crate::wire::{BLOB_MIN, Kind, MAX_TUPLE, Reader, Tag, put_varint_at, zigzag};

use super::ANY;
use super::plain::may_be_array;
use super::shapes::Shapes;

/// The steps of an item: at most so many, and records in it nest at most so deep.
const MOST: usize = 512;
const DEEPEST: u32 = 16;

/// What an item that is a record does, step by step.
pub(super) struct Script(Vec<Step>);

/// What serde is to say next, packed so that it takes two comparisons.
#[derive(Clone, Copy)]
struct Step {
    /// The address of the name. Equal addresses are equal names; equal names may have several addresses, and the item is
    /// then written like any other.
    name: usize,
    /// What it is, the kind or tag, and the name's length; see [`pack`].
    what: u32,
    /// Of a beginning the number of fields and the layout's number, of one byte; of a variant its index.
    more: u32,
}

const BEGIN: u8 = 1;
/// Follows the beginning of a variant.
const VARIANT: u8 = 2;
const FIELD: u8 = 3;
const END: u8 = 4;

/// Names are no longer than this.
const MAX_NAME: usize = u16::MAX as usize;

/// `detail` is a kind or a tag.
#[cfg_attr(not(debug_assertions), inline(always))]
fn pack(what: u8, detail: u8, name: &str) -> u32 {
    (name.len() as u32) << 16 | u32::from(detail) << 8 | u32::from(what)
}

/// What a value's slot is where it is to have this tag.
const fn slot_of(tag: u8) -> u32 {
    (tag as u32) << 8
}

impl Step {
    fn new(what: u8, detail: u8, name: &'static str, more: u32) -> Option<Self> {
        let step = Step { name: name.as_ptr().addr(), what: pack(what, detail, name), more };
        (name.len() <= MAX_NAME).then_some(step)
    }
}

impl Script {
    /// The script of the record that these bytes begin with, if it consists of numbers, texts and records of such.
    pub(super) fn read(shapes: &Shapes, bytes: &[u8]) -> Option<Self> {
        let mut script = Script(Vec::new());
        script.record(shapes, &mut Reader::new(bytes), 0)?;
        Some(script)
    }

    fn record(&mut self, shapes: &Shapes, reader: &mut Reader<'_>, depth: u32) -> Option<()> {
        let number = u8::try_from(reader.varint().ok()?).ok().filter(|number| *number < 0x80)?;
        let known = shapes.known(number.into())?;
        let (key, fields) = (known.key, shapes.fields(known.guess.start..known.guess.end));
        if depth == DEEPEST || self.0.len() + fields.len() + 3 > MOST {
            return None;
        }
        let more = begin_with(key.len)? | u32::from(number);
        // A tuple has no name, whatever the shape's key says.
        let name = if key.kind == Kind::Tuple { "" } else { key.name };
        self.0.push(Step::new(BEGIN, key.kind as u8, name, more)?);
        if key.kind.is_variant() {
            self.0.push(Step::new(VARIANT, 0, key.variant, key.variant_index)?);
        }
        for &(name, tag) in fields {
            self.0.push(Step::new(FIELD, tag, name, 0)?);
            if tag == Tag::Record as u8 {
                self.record(shapes, reader, depth + 1)?;
            } else {
                pass(reader, tag)?;
            }
        }
        self.0.push(Step::new(END, 0, "", 0)?);
        Some(())
    }
}

/// The step of a beginning with so many fields, but for the layout's number.
#[cfg_attr(not(debug_assertions), inline(always))]
fn begin_with(len: usize) -> Option<u32> {
    if len < 1 << 24 { Some((len as u32) << 8) } else { None }
}

/// Passes over a value that is no record and has no parts.
fn pass(reader: &mut Reader<'_>, mut tag: u8) -> Option<()> {
    loop {
        if tag == ANY {
            tag = reader.byte().ok()?;
        }
        let bytes = match Tag::from_byte(tag)? {
            Tag::Unit => 0,
            Tag::Bool | Tag::I8 | Tag::U8 => 1,
            Tag::I16 | Tag::I32 | Tag::I64 | Tag::U16 | Tag::U32 | Tag::U64 | Tag::Char => {
                reader.varint().ok()?;
                0
            }
            Tag::F32 => 4,
            Tag::F64 | Tag::I64Fixed | Tag::U64Fixed => 8,
            Tag::I128 | Tag::U128 => 16,
            Tag::Str | Tag::Bytes => reader.length("text").ok()?,
            Tag::Option => match reader.byte().ok()? {
                0 => 0,
                inner => {
                    tag = inner;
                    continue;
                }
            },
            _ => return None,
        };
        reader.take(bytes).ok()?;
        return Some(());
    }
}

/// Items that were written and are not in the inline block yet.
pub(super) struct Stage {
    bytes: [u8; ROOM],
    filled: usize,
}

/// So many bytes are there for items that wait, and at least half of them for the next one. A power of two, so that the
/// address of a place is known to be in it by one comparison.
const ROOM: usize = 8 << 10;

impl Stage {
    pub(super) fn new() -> Box<Self> {
        Box::new(Stage { bytes: [0; ROOM], filled: 0 })
    }

    /// Whether it is time to [flush](Self::flush) it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is_full(&self) -> bool {
        self.filled > ROOM / 2
    }

    pub(super) fn flush(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..self.filled]);
        self.filled = 0;
    }

    /// Writes an item as the script says, or gives `false` and adds nothing: the item is another, or is too long.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn write<T: Serialize + ?Sized>(&mut self, script: &Script, value: &T) -> bool {
        let mut repeat = Repeat {
            steps: script.0.iter(),
            room: &mut self.bytes,
            next: self.filled,
            slot: slot_of(Tag::Record as u8),
            asked: Cell::new(false),
        };
        let written = value.serialize(&mut repeat).is_ok();
        if written && repeat.steps.len() == 0 && !repeat.asked.get() {
            self.filled = repeat.next;
            return true;
        }
        false
    }
}

/// The item is not as the script says.
#[derive(Debug)]
pub(super) struct Other;

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an item differs from the one before")
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

struct Repeat<'r> {
    /// The steps that are left.
    steps: slice::Iter<'r, Step>,
    room: &'r mut [u8; ROOM],
    /// Where in it the next byte goes.
    next: usize,
    /// [`slot_of`] the next value's tag, or of `ANY`; anything else if the field is another than expected.
    slot: u32,
    /// A value asked whether it is written for a human reader. It may have to be, which is not done here.
    asked: Cell<bool>,
}

impl<'r> Repeat<'r> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn step(&mut self) -> Result<&'r Step> {
        self.steps.next().ok_or(Other)
    }

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
        self.put_long(number)
    }

    #[inline]
    fn put_long(&mut self, number: u64) -> Result<()> {
        let place = self.room.get_mut(self.next..).ok_or(Other)?;
        self.next += put_varint_at(place, number).ok_or(Other)?;
        Ok(())
    }

    /// A text or byte string behind its length.
    #[inline]
    fn put_bytes(&mut self, tag: Tag, bytes: &[u8]) -> Result<()> {
        self.tag(tag)?;
        self.put_varint(bytes.len() as u64)?;
        let place = self.room.get_mut(self.next..).and_then(|room| room.get_mut(..bytes.len()));
        place.ok_or(Other)?.copy_from_slice(bytes);
        self.next += bytes.len();
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tag(&mut self, tag: Tag) -> Result<()> {
        if self.slot == slot_of(tag as u8) { Ok(()) } else { self.own_tag(tag) }
    }

    /// The value carries its tag.
    #[inline(never)]
    fn own_tag(&mut self, tag: Tag) -> Result<()> {
        if self.slot != slot_of(ANY) {
            return Err(Other);
        }
        self.put([tag as u8])
    }

    /// The tag of a 64-bit number, and whether it takes eight bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wide(&mut self, varint: Tag, fixed: Tag, number: u64) -> Result<bool> {
        if self.slot == slot_of(varint as u8) {
            return Ok(false);
        }
        let is_fixed =
            self.slot == slot_of(fixed as u8) || self.slot == slot_of(ANY) && number >> 49 != 0;
        self.tag(if is_fixed { fixed } else { varint })?;
        Ok(is_fixed)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn begin(&mut self, kind: Kind, name: &'static str, len: usize) -> Result<()> {
        let slot = self.slot;
        let step = self.step()?;
        if slot != slot_of(Tag::Record as u8)
            || step.what != pack(BEGIN, kind as u8, name)
            || Some(step.more & !0xff) != begin_with(len)
            || kind != Kind::Tuple && step.name != name.as_ptr().addr()
        {
            return Err(Other);
        }
        self.put([step.more as u8])
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn variant(
        &mut self,
        kind: Kind,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<()> {
        self.begin(kind, name, len)?;
        let step = self.step()?;
        if step.what != pack(VARIANT, 0, variant)
            || step.more != index
            || step.name != variant.as_ptr().addr()
        {
            return Err(Other);
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        let step = self.step()?;
        if step.name != name.as_ptr().addr() {
            return Err(Other);
        }
        // What is not the field that is expected leaves a slot that no value has.
        self.slot = step.what ^ pack(FIELD, 0, name);
        value.serialize(&mut *self)
    }

    /// A tuple's fields have no names.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let step = self.step()?;
        self.slot = step.what ^ pack(FIELD, 0, "");
        value.serialize(&mut *self)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn finish(&mut self) -> Result<()> {
        if self.step()?.what == pack(END, 0, "") { Ok(()) } else { Err(Other) }
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

impl serde::Serializer for &mut Repeat<'_> {
    type Ok = ();
    type Error = Other;
    type SerializeSeq = Impossible<(), Other>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Impossible<(), Other>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    fn is_human_readable(&self) -> bool {
        self.asked.set(true);
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
        self.slot = slot_of(ANY);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        self.own_tag(Tag::Unit)
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
        self.variant(Kind::UnitVariant, name, index, variant, 0)?;
        self.finish()
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
        self.variant(Kind::NewtypeVariant, name, index, variant, 1)?;
        self.element(value)?;
        self.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(Other)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple(self, len: usize) -> Result<Self> {
        if len > MAX_TUPLE {
            return Err(Other);
        }
        self.begin(Kind::Tuple, "", len)?;
        Ok(self)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<Self> {
        if name == TOKEN { Err(Other) } else { self.serialize_tuple(len) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self> {
        self.variant(Kind::TupleVariant, name, index, variant, len)?;
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Err(Other)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self> {
        if may_be_array(name, len) {
            return Err(Other);
        }
        self.begin(Kind::Struct, name, len)?;
        Ok(self)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self> {
        self.variant(Kind::StructVariant, name, index, variant, len)?;
        Ok(self)
    }
}

macro_rules! fields {
    ($($tr:ident)*) => {$(
        impl $tr for &mut Repeat<'_> {
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

            fn skip_field(&mut self, _: &'static str) -> Result<()> {
                Err(Other)
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
        impl $tr for &mut Repeat<'_> {
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
