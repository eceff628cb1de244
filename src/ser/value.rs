//! The serializer that serde calls for each value. It writes values without parts, options and newtypes, and begins all others.

use serde::ser::Serialize;

use crate::array::{ARRAYS, NAMED, NUMBERS, READABLE, RECORD, SPARSE, is_token};
use crate::context::announce;
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::memory::live::Kind as ArrayKind;
use crate::stack;
use crate::wire::{BLOB_MIN, MAX_TUPLE, SchemaKind, Tag, zigzag};

use super::array::{Begun, Capture};
use super::array_list::ArrayListWriter;
use super::named::{NamedRecord, NamedValue, NumberListWriter, ReadableValue};
use super::ndarray_form::{self, NdarrayForm, StructOrArray};
use super::record::{RecordWriter, TupleOrSeq, TupleStruct};
use super::room::LONGEST;
use super::schema::SchemaKey;
use super::seq_map::{MapWriter, SeqWriter};
use super::shared::MANY;
use super::{ANY, ASKED, Note, Place, Written};

impl Place<'_, '_> {
    /// Writes the value's tag, unless its slot says it already, and makes room for so many bytes behind it.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn tag(&mut self, tag: Tag, bytes: usize) -> Note {
        let (next, note) = self.writer.put_tag(self.next, self.here.get().slot(), tag as u8, bytes);
        self.next = next;
        note
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn fixed<const N: usize>(self, tag: Tag, bytes: [u8; N]) -> Written {
        self.writer.put_fixed(self.next, self.here.get().slot(), tag as u8, bytes)
    }

    fn wide_fixed(self, tag: Tag, bytes: [u8; 16]) -> Written {
        self.writer.put_wide(self.next, self.here.get().slot(), tag as u8, bytes)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn varint(self, tag: Tag, number: u64) -> Written {
        self.writer.put_number(self.next, self.here.get().slot(), tag as u8, number)
    }

    /// A 64-bit number. It takes eight bytes if the first number of its run or field was one that a varint makes no shorter.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wide(self, varint: Tag, fixed: Tag, number: u64, bytes: [u8; 8]) -> Written {
        let slot = self.here.get().slot();
        let writer = self.writer;
        let next = writer.reserve(self.next, LONGEST);
        if slot == varint as u8 {
            return Written::new(writer.put_varint(next, number));
        }
        if slot == fixed as u8 {
            return Written::new(writer.put(next, bytes));
        }
        writer.put_other_wide(next, slot, [varint, fixed], number, bytes)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn text(self, tag: Tag, bytes: &[u8]) -> Written {
        self.writer.put_text(self.next, self.here.get().slot(), tag as u8, bytes)
    }

    fn bare(self, tag: Tag) -> Written {
        let (next, note) = self.writer.put_bare_tag(self.next, self.here.get().slot(), tag as u8);
        Written::noted(next, note)
    }
}

impl Place<'_, '_> {
    /// Writes a value inside an option or a mark, if the slot does not say that, or if there may be no room for another level.
    #[inline(never)]
    pub(super) fn held<T: Serialize + ?Sized>(mut self, tag: Tag, value: &T) -> Result<Written> {
        let note = self.tag(tag, 0);
        self.inside(note, value)
    }

    /// A value under a name.
    #[inline(never)]
    pub(super) fn named<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Written> {
        let note = self.tag(Tag::Named, 0);
        self.next = self.writer.put_bytes(self.next, name.as_bytes());
        self.inside(note, value)
    }

    /// Writes the value inside an option, name or mark that was written with this note.
    fn inside<T: Serialize + ?Sized>(self, note: Note, value: &T) -> Result<Written> {
        let Place { writer, next, here, depth, .. } = self;
        if depth.options() >= stack::STEP || writer.watch.is_due::<()>() {
            writer.make_room_for_option(depth)?;
        }
        let (here, depth) = (here.get().with(ANY), depth.option());
        let written = if writer.low {
            writer.write_elsewhere(value, next, here, depth)?
        } else {
            value.serialize(writer.at(next, here, depth))?
        };
        let written = writer.settle(value, here, depth, written)?;
        Ok(Written::noted(written.next(), note))
    }
}

macro_rules! number {
    ($($method:ident($ty:ty) $tag:ident |$value:ident| $put:ident($bytes:expr);)*) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(self, $value: $ty) -> Result<Written> {
            Ok(self.$put(Tag::$tag, $bytes))
        }
    )*};
}

impl<'q, 'a> serde::Serializer for Place<'q, 'a> {
    type Ok = Written;
    type Error = Error;
    type SerializeSeq = SeqWriter<'q, 'a>;
    type SerializeTuple = TupleOrSeq<'q, 'a>;
    type SerializeTupleStruct = TupleStruct<'q, 'a>;
    type SerializeTupleVariant = RecordWriter<'q, 'a>;
    type SerializeMap = MapWriter<'q, 'a>;
    type SerializeStruct = StructOrArray<'q, 'a>;
    type SerializeStructVariant = RecordWriter<'q, 'a>;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_human_readable(&self) -> bool {
        let here = self.here.get();
        self.writer.ask(self.next, here.slot());
        self.here.set(here.with(ASKED));
        self.writer.readable
    }

    number! {
        serialize_bool(bool) Bool |value| fixed([u8::from(value)]);
        serialize_i8(i8) I8 |value| fixed(value.to_le_bytes());
        serialize_i16(i16) I16 |value| varint(zigzag(value.into()));
        serialize_i32(i32) I32 |value| varint(zigzag(value.into()));
        serialize_i128(i128) I128 |value| wide_fixed(value.to_le_bytes());
        serialize_u8(u8) U8 |value| fixed([value]);
        serialize_u16(u16) U16 |value| varint(value.into());
        serialize_u32(u32) U32 |value| varint(value.into());
        serialize_u128(u128) U128 |value| wide_fixed(value.to_le_bytes());
        serialize_f32(f32) F32 |value| fixed(value.to_le_bytes());
        serialize_f64(f64) F64 |value| fixed(value.to_le_bytes());
        serialize_char(char) Char |value| varint(u32::from(value).into());
        serialize_str(&str) Str |value| text(value.as_bytes());
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_i64(self, value: i64) -> Result<Written> {
        Ok(self.wide(Tag::I64, Tag::I64Fixed, zigzag(value), value.to_le_bytes()))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_u64(self, value: u64) -> Result<Written> {
        Ok(self.wide(Tag::U64, Tag::U64Fixed, value, value.to_le_bytes()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Written> {
        if value.len() < BLOB_MIN {
            return Ok(self.text(Tag::Bytes, value));
        }
        let dtype = crate::dtype::DType::U8;
        let mut array = Begun::begin(self, &dtype, &[value.len()], Order::C, ArrayKind::Plain)?;
        array.write(value)?;
        array.end(Tag::Blob, None)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_none(self) -> Result<Written> {
        Ok(self.fixed(Tag::Option, [0]))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written> {
        if self.here.get().slot() != Tag::Option as u8
            || self.depth.options() >= stack::STEP
            || self.writer.watch.is_due::<()>()
        {
            return self.held(Tag::Option, value);
        }
        let Place { writer, next, here, depth } = self;
        let (here, depth) = (here.get().with(ANY), depth.option());
        let written = value.serialize(writer.at(next, here, depth))?;
        writer.settle(value, here, depth, written)
    }

    fn serialize_unit(self) -> Result<Written> {
        Ok(self.bare(Tag::Unit))
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Written> {
        Ok(self.bare(Tag::Unit))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<Written> {
        let key = SchemaKey::variant(SchemaKind::UnitVariant, name, index, variant, 0);
        Ok(RecordWriter::begin(self, key)?.finish())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Written> {
        if is_token(name) {
            return announce(self.writer.arrays >= MANY, || value.serialize(self));
        }
        if self.writer.notes(name) {
            return self.newtype(name, value);
        }
        value.serialize(self)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Written> {
        let key = SchemaKey::variant(SchemaKind::NewtypeVariant, name, index, variant, 1);
        let mut record = RecordWriter::begin(self, key)?;
        record.element(value)?;
        Ok(record.finish())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_seq(self, len: Option<usize>) -> Result<SeqWriter<'q, 'a>> {
        SeqWriter::begin(self, len)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple(self, len: usize) -> Result<TupleOrSeq<'q, 'a>> {
        if len <= MAX_TUPLE {
            Ok(TupleOrSeq::Tuple(RecordWriter::begin(self, SchemaKey::tuple(len))?))
        } else {
            Ok(TupleOrSeq::Seq(Box::new(SeqWriter::begin(self, Some(len))?)))
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<TupleStruct<'q, 'a>> {
        // All private names begin with `$`. The name of a tuple struct in Rust cannot.
        if name.starts_with('$') {
            if is_token(name) {
                return Ok(TupleStruct::Array(Capture::new(self)));
            }
            match name {
                RECORD => return Ok(TupleStruct::Record(Box::new(NamedRecord::new(self, false)))),
                SPARSE => return Ok(TupleStruct::Record(Box::new(NamedRecord::new(self, true)))),
                READABLE => return Ok(TupleStruct::Readable(Box::new(ReadableValue::new(self)))),
                NAMED => return Ok(TupleStruct::Named(Box::new(NamedValue::new(self)))),
                ARRAYS => {
                    let list = ArrayListWriter::begin(self, len)?;
                    return Ok(TupleStruct::Arrays(Box::new(list)));
                }
                NUMBERS => return Ok(TupleStruct::Numbers(Box::new(NumberListWriter::new(self)))),
                _ => {}
            }
        }
        Ok(TupleStruct::Plain(self.serialize_tuple(len)?))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<RecordWriter<'q, 'a>> {
        RecordWriter::begin(
            self,
            SchemaKey::variant(SchemaKind::TupleVariant, name, index, variant, len),
        )
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_map(self, len: Option<usize>) -> Result<MapWriter<'q, 'a>> {
        MapWriter::begin(self, len)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<StructOrArray<'q, 'a>> {
        if ndarray_form::may_be_array(name, len) {
            return Ok(StructOrArray::Array(Box::new(NdarrayForm::new(self))));
        }
        Ok(StructOrArray::Struct(RecordWriter::begin(self, SchemaKey::of_struct(name, len))?))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<RecordWriter<'q, 'a>> {
        RecordWriter::begin(
            self,
            SchemaKey::variant(SchemaKind::StructVariant, name, index, variant, len),
        )
    }
}
