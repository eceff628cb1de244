//! Items of a sequence that are records like the one before: written by a serializer of their own, which knows every
//! step beforehand and keeps no path.
//!
//! A [`Script`] is read off the bytes of an item that was written. The next item is compared with it as it comes; at the
//! first difference it is given up, what it wrote is taken back, and it is written like any other. What is written is
//! the same either way.

use std::cell::Cell;
use std::fmt;

use serde::ser::{
    Impossible, Serialize, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use crate::array::TOKEN;
use crate::wire::{BLOB_MIN, Kind, MAX_TUPLE, Reader, Tag, put_varint, zigzag};

use super::ANY;
use super::plain::may_be_array;
use super::shapes::{Shapes, same_str};

/// The steps of an item: at most so many, and records in it nest at most so deep.
const MOST: usize = 512;
const DEEPEST: u32 = 16;

/// What an item that is a record does, step by step.
pub(super) struct Script(Vec<Step>);

#[derive(Clone, Copy)]
enum Step {
    Begin {
        kind: Kind,
        name: &'static str,
        len: usize,
        /// The layout's number, of one byte.
        number: u8,
    },
    /// Follows the beginning of a variant.
    Variant {
        name: &'static str,
        index: u32,
    },
    Field {
        name: &'static str,
        tag: u8,
    },
    End,
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
        self.0.push(Step::Begin { kind: key.kind, name: key.name, len: key.len, number });
        if key.kind.is_variant() {
            self.0.push(Step::Variant { name: key.variant, index: key.variant_index });
        }
        for &(name, tag) in fields {
            self.0.push(Step::Field { name, tag });
            if tag == Tag::Record as u8 {
                self.record(shapes, reader, depth + 1)?;
            } else {
                pass(reader, tag)?;
            }
        }
        self.0.push(Step::End);
        Some(())
    }
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

/// Writes an item as the script says, or gives `false` and leaves `out` as it was: the item is another.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn write<T: Serialize + ?Sized>(script: &Script, out: &mut Vec<u8>, value: &T) -> bool {
    let start = out.len();
    let mut repeat =
        Repeat { out, steps: &script.0, slot: Tag::Record as u8, asked: Cell::new(false) };
    let written = value.serialize(&mut repeat).is_ok();
    if written && repeat.steps.is_empty() && !repeat.asked.get() {
        return true;
    }
    out.truncate(start);
    false
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

pub(super) struct Repeat<'r> {
    out: &'r mut Vec<u8>,
    /// The steps that are left.
    steps: &'r [Step],
    /// The tag that the next value has, or `ANY`.
    slot: u8,
    /// A value asked whether it is written for a human reader. It may have to be, which is not done here.
    asked: Cell<bool>,
}

impl<'r> Repeat<'r> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn step(&mut self) -> Result<&'r Step> {
        let (step, left) = self.steps.split_first().ok_or(Other)?;
        self.steps = left;
        Ok(step)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tag(&mut self, tag: Tag) -> Result<()> {
        if self.slot != tag as u8 {
            if self.slot != ANY {
                return Err(Other);
            }
            self.out.push(tag as u8);
        }
        Ok(())
    }

    /// The tag of a 64-bit number, and whether it takes eight bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wide(&mut self, varint: Tag, fixed: Tag, number: u64) -> Result<bool> {
        if self.slot == fixed as u8 || self.slot == ANY && number >> 49 != 0 {
            self.tag(fixed)?;
            return Ok(true);
        }
        self.tag(varint)?;
        Ok(false)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn begin(&mut self, kind: Kind, name: &'static str, len: usize) -> Result<()> {
        match *self.step()? {
            Step::Begin { kind: k, name: n, len: l, number }
                if self.slot == Tag::Record as u8
                    && k == kind
                    && l == len
                    && (kind == Kind::Tuple || same_str(n, name)) =>
            {
                self.out.push(number);
                Ok(())
            }
            _ => Err(Other),
        }
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
        match *self.step()? {
            Step::Variant { name: n, index: i } if i == index && same_str(n, variant) => Ok(()),
            _ => Err(Other),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<()> {
        match *self.step()? {
            Step::Field { name: n, tag } if same_str(n, name) => {
                self.slot = tag;
                value.serialize(&mut *self)
            }
            _ => Err(Other),
        }
    }

    /// A tuple's fields have no names.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match *self.step()? {
            Step::Field { tag, .. } => {
                self.slot = tag;
                value.serialize(&mut *self)
            }
            _ => Err(Other),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn finish(&mut self) -> Result<()> {
        if matches!(self.step()?, Step::End) { Ok(()) } else { Err(Other) }
    }
}

macro_rules! number {
    ($($method:ident($ty:ty) $tag:ident |$out:ident, $value:ident| $put:expr;)*) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(self, $value: $ty) -> Result<()> {
            self.tag(Tag::$tag)?;
            let $out = &mut *self.out;
            $put;
            Ok(())
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
        serialize_bool(bool) Bool |out, value| out.push(u8::from(value));
        serialize_i8(i8) I8 |out, value| out.push(value.cast_unsigned());
        serialize_i16(i16) I16 |out, value| put_varint(out, zigzag(value.into()));
        serialize_i32(i32) I32 |out, value| put_varint(out, zigzag(value.into()));
        serialize_i128(i128) I128 |out, value| out.extend_from_slice(&value.to_le_bytes());
        serialize_u8(u8) U8 |out, value| out.push(value);
        serialize_u16(u16) U16 |out, value| put_varint(out, value.into());
        serialize_u32(u32) U32 |out, value| put_varint(out, value.into());
        serialize_u128(u128) U128 |out, value| out.extend_from_slice(&value.to_le_bytes());
        serialize_f32(f32) F32 |out, value| out.extend_from_slice(&value.to_le_bytes());
        serialize_f64(f64) F64 |out, value| out.extend_from_slice(&value.to_le_bytes());
        serialize_char(char) Char |out, value| put_varint(out, u32::from(value).into());
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_i64(self, value: i64) -> Result<()> {
        let number = zigzag(value);
        if self.wide(Tag::I64, Tag::I64Fixed, number)? {
            self.out.extend_from_slice(&value.to_le_bytes());
        } else {
            put_varint(self.out, number);
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_u64(self, value: u64) -> Result<()> {
        if self.wide(Tag::U64, Tag::U64Fixed, value)? {
            self.out.extend_from_slice(&value.to_le_bytes());
        } else {
            put_varint(self.out, value);
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_str(self, value: &str) -> Result<()> {
        self.tag(Tag::Str)?;
        put_varint(self.out, value.len() as u64);
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        if value.len() >= BLOB_MIN {
            return Err(Other);
        }
        self.tag(Tag::Bytes)?;
        put_varint(self.out, value.len() as u64);
        self.out.extend_from_slice(value);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_none(self) -> Result<()> {
        self.tag(Tag::Option)?;
        self.out.push(0);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.tag(Tag::Option)?;
        self.slot = ANY;
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<()> {
        if self.slot != ANY {
            return Err(Other);
        }
        self.out.push(Tag::Unit as u8);
        Ok(())
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
