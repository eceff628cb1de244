//! The walk over a value: everything but arrays is encoded inline, arrays go to the sink.
//!
//! `record` writes structs, tuples and variants, `run` writes sequences and maps, `quick` their items where nothing about them is new; `capture` takes arrays over from their payload, `plain` recognises ndarray's own serde form; `shapes` gives
//! each struct shape its number, `levels` has what is known of those that are open, `path` names the place of an array.

mod capture;
mod levels;
mod numbers;
mod path;
mod plain;
mod quick;
mod record;
mod refuse;
mod run;
mod shapes;

use std::cell::Cell;

use serde::ser::Serialize;

use crate::array::TOKEN;
use crate::context::announce;
use crate::error::{Error, ErrorKind, Result};
use crate::stack::{self, Watch};
use crate::store::Sink;
use crate::wire::{BLOB_MIN, Kind, MAX_TUPLE, Tag, put_varint, zigzag};

use levels::{Level, What};
use plain::StructOrArray;
use quick::Stage;
use record::{Record, TupleOrSeq, TupleStruct};
use run::{Map, Seq};
use shapes::{Key, Shapes};

/// Writes a value to a sink.
///
/// # Errors
///
/// Those of the sink, those that the value's `Serialize` reports, and `Limit` if it nests too deep.
pub(crate) fn to_sink<T: Serialize + ?Sized, S: Sink>(value: &T, sink: S) -> Result<S::Output> {
    let mut serializer = Serializer::new(sink);
    serializer.low = !stack::is_begun::<()>();
    serializer.put(value)?;
    serializer.finish()
}

/// The next value's tag is not known beforehand: it is not written but noted on `Serializer::noted`.
const LEARN: u8 = 0;
const ANY: u8 = Tag::Any as u8;

/// A value of two forms, compact and readable, is written in the readable one if the compact one takes no more bytes.
const READABLE_MAX: usize = 64;

/// Where the serializer stood before a value that asks for whom it is written.
struct Before {
    arrays: u64,
    slot: u8,
    out: usize,
    noted: usize,
}

struct Serializer<S> {
    sink: S,
    /// The sink's headroom, then the inline block so far.
    out: Vec<u8>,
    /// What the reader will take the next value for: a tag that is not written again, `LEARN`, or `ANY`.
    slot: u8,
    /// Tags of values whose slot was `LEARN`, or was another tag: the value then carries its own, and whoever set
    /// the slot finds out by the length of this stack.
    noted: Vec<u8>,
    shapes: Shapes,
    /// Where items of the innermost sequence or map wait, once there was one of several.
    stage: Option<Stage>,
    /// The records, sequences and maps that are being written, outermost first, behind one for the root; and room for as
    /// many as ever nested.
    levels: Vec<Level>,
    /// The number of the innermost, and the field, item or entry that is being written of it.
    active: usize,
    here: usize,
    /// Options that stand around the current value: counted by themselves, so that a tree of optional nodes is as
    /// deep as its nodes are.
    options: u32,
    watch: Watch,
    /// The stack is low: the next value is written on another one.
    low: bool,
    /// Where values stand that have asked whether they are written for a human reader. They ask before they write.
    asked: Cell<Vec<Before>>,
    /// What they are told.
    readable: bool,
    /// How many arrays were begun.
    arrays: u64,
    /// Some value failed. If its parent dropped the error, what is written makes no sense.
    failed: bool,
}

impl<S: Sink> Serializer<S> {
    fn new(sink: S) -> Self {
        Serializer {
            sink,
            out: vec![0; S::HEADROOM],
            slot: ANY,
            noted: Vec::new(),
            shapes: Shapes::default(),
            stage: None,
            levels: Vec::new(),
            active: 0,
            here: 0,
            options: 0,
            watch: Watch::begin(),
            low: false,
            asked: Cell::default(),
            readable: false,
            arrays: 0,
            failed: false,
        }
    }

    fn finish(self) -> Result<S::Output> {
        if self.failed || self.active != 0 {
            return Err(Error::new(
                ErrorKind::Message,
                "a part of the object failed to serialize and its error was dropped",
            ));
        }
        self.sink.finish(self.out, &self.shapes.encode())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tag(&mut self, tag: Tag) {
        if self.slot != tag as u8 {
            self.other_tag(tag as u8);
        }
    }

    #[inline(never)]
    fn other_tag(&mut self, tag: u8) {
        if self.slot != ANY {
            self.noted.push(tag);
        }
        if self.slot != LEARN {
            self.out.push(tag);
        }
    }

    /// The tag of a value that has nothing but its tag. It is always written, so that every item of a run and every
    /// field of a record takes a byte at least, and no few bytes can claim a number of values that never ends.
    fn bare_tag(&mut self, tag: Tag) {
        if self.slot != ANY {
            self.noted.push(ANY);
        }
        self.out.push(tag as u8);
    }

    /// Writes a value where the serializer stands.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let asked = self.asked.get_mut().len();
        if self.low {
            self.put_elsewhere(value)?;
        } else {
            value.serialize(&mut *self)?;
        }
        if self.asked.get_mut().len() == asked { Ok(()) } else { self.put_readable(value, asked) }
    }

    #[cold]
    fn put_elsewhere<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.low = false;
        let outer = self.watch;
        let mut written = Ok(());
        let switched = stack::more(outer.largest(), &mut || {
            self.watch = outer.elsewhere();
            written = value.serialize(&mut *self);
        });
        self.watch = outer;
        match switched {
            Ok(()) => written,
            Err(error) => Err(self.fail(error)),
        }
    }

    /// The value has asked whether it is written for a human reader: it has two forms. Serde's buffer, through which
    /// it may have to be read (`flatten`, `untagged`, tags), always asks for the readable one. So what is short is
    /// written in that form and marked; a long value stays compact, since its text may be many times as long.
    #[cold]
    #[inline(never)]
    fn put_readable<T: Serialize + ?Sized>(&mut self, value: &T, asked: usize) -> Result<()> {
        // What follows is what the value asked itself; its parts have had their answers.
        let before = self.asked.get_mut().drain(asked..).next();
        let Some(before) = before else { return Ok(()) };
        if !self.readable {
            if self.arrays != before.arrays || self.out.len() - before.out > READABLE_MAX {
                return Ok(());
            }
            self.out.truncate(before.out);
            self.noted.truncate(before.noted);
            self.slot = before.slot;
            self.readable = true;
            value.serialize(&mut *self)?;
            self.readable = false;
            self.asked.get_mut().truncate(asked);
        }
        self.mark_readable(&before);
        Ok(())
    }

    /// Puts the mark in front of the value that was written last.
    fn mark_readable(&mut self, before: &Before) {
        let was_noted = self.noted.get(before.noted).copied();
        self.noted.truncate(before.noted);
        // The value's own tag, if it was left out.
        let own = match (before.slot, was_noted) {
            (ANY, _) | (_, Some(ANY)) => None,
            (LEARN, noted) => noted,
            (_, Some(_)) => None,
            (slot, None) => Some(slot),
        };
        let value = self.out.split_off(before.out);
        self.slot = before.slot;
        self.tag(Tag::Readable);
        self.out.extend(own);
        self.out.extend_from_slice(&value);
    }

    /// Whether it is time to look at limit and stack: there is no room for another level in the one or the other.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_due(&self) -> bool {
        self.active + 1 >= self.levels.len() || self.watch.is_due::<()>()
    }

    /// Begins a record, sequence or map, for which there is room. Gives its number among the levels.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enter(&mut self, what: What, start: usize) -> usize {
        let (outer, index) = (self.active, self.active + 1);
        self.active = index;
        self.levels[outer].at = self.here;
        let level = &mut self.levels[index];
        level.what = what;
        level.start = start;
        index
    }

    /// Begins a sequence or map.
    #[inline]
    fn descend(&mut self, what: What) -> Result<usize> {
        if self.is_due() {
            self.make_room()?;
        }
        Ok(self.enter(what, 0))
    }

    /// Is there a limit, and is there room for the next few levels?
    #[inline(never)]
    fn make_room(&mut self) -> Result<()> {
        let index = self.active;
        if index + 1 >= self.levels.len() {
            self.check_depth(index as u32)?;
            self.levels.resize_with(index + 1 + stack::STEP as usize, Level::default);
        }
        if self.watch.is_due::<()>() {
            self.low = !self.watch.look(stack::KEPT_IN_WRITING, 0);
        }
        Ok(())
    }

    #[cold]
    fn check_depth(&mut self, depth: u32) -> Result<()> {
        let limit = stack::limit();
        if depth > 0 && depth >= limit { Err(self.fail(stack::too_deep(limit))) } else { Ok(()) }
    }

    /// The same for an option.
    #[cold]
    #[inline(never)]
    fn make_room_for_option(&mut self) -> Result<()> {
        if stack::is_step(self.options) {
            self.check_depth(self.options)?;
        }
        if self.watch.is_due::<()>() {
            self.low = !self.watch.look(stack::KEPT_IN_WRITING, 0);
        }
        Ok(())
    }

    /// Writes an item quickly if that can be, and gives its tag. It then waits to be flushed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn quick<T: Serialize + ?Sized>(&mut self, slot: u8, value: &T) -> Option<u8> {
        self.stage.as_mut()?.write(&self.shapes, &mut self.watch, slot, self.active, value)
    }

    /// Makes room for an item that is to wait.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn make_way(&mut self) {
        if let Some(stage) = &mut self.stage
            && stage.is_full()
        {
            stage.flush(&mut self.out);
        }
    }

    /// How much was written, with what waits.
    fn position(&self) -> usize {
        self.out.len() + self.stage.as_ref().map_or(0, Stage::waiting)
    }

    /// Brings what waits to where the rest is.
    fn flush(&mut self) {
        if let Some(stage) = &mut self.stage {
            stage.flush(&mut self.out);
        }
    }

    /// Whether items are tried quickly: not where too many were given up for what was written.
    #[inline]
    fn may_be_quick(&self) -> bool {
        let Some(stage) = &self.stage else { return false };
        !self.low && !stage.is_wasteful(self.out.len())
    }

    /// The same after so many items.
    #[inline]
    fn may_be_quick_after(&mut self, items: usize) -> bool {
        if items > 0 && self.stage.is_none() {
            self.stage = Some(Stage::new());
        }
        self.may_be_quick()
    }

    /// Ends what was begun as this level.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn leave(&mut self, index: usize) {
        // Else a part was begun and never ended.
        self.failed |= self.active != index;
        self.active = index - 1;
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        self.failed = true;
        error
    }

    /// A failed child's error, with the step of the path at which it stands; that level is left behind.
    #[cold]
    #[inline(never)]
    fn fail_here(&mut self, index: usize, at: usize, mut error: Error) -> Error {
        self.failed = true;
        self.active = index - 1;
        self.levels[index].at = at;
        for part in self.steps(index).into_iter().rev().flatten() {
            error = error.at(part);
        }
        error
    }

    /// Writes bytes as an array of `u8` and refers to it.
    fn place_blob(&mut self, bytes: &[u8]) -> Result<()> {
        let mut array = capture::Begun::begin(
            self,
            &crate::dtype::DType::U8,
            &[bytes.len()],
            crate::layout::Order::C,
            crate::memory::live::Kind::Plain,
        )?;
        array.write(bytes)?;
        array.end(Tag::Blob)
    }
}

impl<'a, S: Sink> serde::Serializer for &'a mut Serializer<S> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Seq<'a, S>;
    type SerializeTuple = TupleOrSeq<'a, S>;
    type SerializeTupleStruct = TupleStruct<'a, S>;
    type SerializeTupleVariant = Record<'a, S>;
    type SerializeMap = Map<'a, S>;
    type SerializeStruct = StructOrArray<'a, S>;
    type SerializeStructVariant = Record<'a, S>;

    fn is_human_readable(&self) -> bool {
        let mut asked = self.asked.take();
        asked.push(Before {
            arrays: self.arrays,
            slot: self.slot,
            out: self.out.len(),
            noted: self.noted.len(),
        });
        self.asked.set(asked);
        self.readable
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<()> {
        self.tag(Tag::Bool);
        self.out.push(u8::from(value));
        Ok(())
    }

    #[inline]
    fn serialize_i8(self, value: i8) -> Result<()> {
        self.tag(Tag::I8);
        self.out.push(value.cast_unsigned());
        Ok(())
    }

    #[inline]
    fn serialize_i16(self, value: i16) -> Result<()> {
        self.tag(Tag::I16);
        put_varint(&mut self.out, zigzag(value.into()));
        Ok(())
    }

    #[inline]
    fn serialize_i32(self, value: i32) -> Result<()> {
        self.tag(Tag::I32);
        put_varint(&mut self.out, zigzag(value.into()));
        Ok(())
    }

    #[inline]
    fn serialize_i64(self, value: i64) -> Result<()> {
        let number = zigzag(value);
        if self.use_fixed(Tag::I64, Tag::I64Fixed, number) {
            self.out.extend_from_slice(&value.to_le_bytes());
        } else {
            put_varint(&mut self.out, number);
        }
        Ok(())
    }

    fn serialize_i128(self, value: i128) -> Result<()> {
        self.tag(Tag::I128);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<()> {
        self.tag(Tag::U8);
        self.out.push(value);
        Ok(())
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<()> {
        self.tag(Tag::U16);
        put_varint(&mut self.out, value.into());
        Ok(())
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<()> {
        self.tag(Tag::U32);
        put_varint(&mut self.out, value.into());
        Ok(())
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<()> {
        if self.use_fixed(Tag::U64, Tag::U64Fixed, value) {
            self.out.extend_from_slice(&value.to_le_bytes());
        } else {
            put_varint(&mut self.out, value);
        }
        Ok(())
    }

    fn serialize_u128(self, value: u128) -> Result<()> {
        self.tag(Tag::U128);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f32(self, value: f32) -> Result<()> {
        self.tag(Tag::F32);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    #[inline]
    fn serialize_f64(self, value: f64) -> Result<()> {
        self.tag(Tag::F64);
        self.out.extend_from_slice(&value.to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<()> {
        self.tag(Tag::Char);
        put_varint(&mut self.out, u32::from(value).into());
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<()> {
        self.tag(Tag::Str);
        put_varint(&mut self.out, value.len() as u64);
        self.out.extend_from_slice(value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<()> {
        if value.len() >= BLOB_MIN {
            return self.place_blob(value);
        }
        self.tag(Tag::Bytes);
        put_varint(&mut self.out, value.len() as u64);
        self.out.extend_from_slice(value);
        Ok(())
    }

    #[inline]
    fn serialize_none(self) -> Result<()> {
        self.tag(Tag::Option);
        self.out.push(0);
        Ok(())
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<()> {
        self.tag(Tag::Option);
        self.slot = ANY;
        if stack::is_step(self.options) || self.watch.is_due::<()>() {
            self.make_room_for_option()?;
        }
        self.options += 1;
        self.put(value)?;
        self.options -= 1;
        Ok(())
    }

    fn serialize_unit(self) -> Result<()> {
        self.bare_tag(Tag::Unit);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<()> {
        self.serialize_unit()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<()> {
        Record::begin(self, Key::variant(Kind::UnitVariant, name, index, variant, 0))?.finish();
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        if name == TOKEN { announce(|| value.serialize(self)) } else { value.serialize(self) }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        let key = Key::variant(Kind::NewtypeVariant, name, index, variant, 1);
        let mut record = Record::begin(self, key)?;
        record.element(value)?;
        record.finish();
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<Seq<'a, S>> {
        self.tag(Tag::Seq);
        Seq::begin(self, len)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple(self, len: usize) -> Result<TupleOrSeq<'a, S>> {
        if len <= MAX_TUPLE {
            Ok(TupleOrSeq::Tuple(Record::begin(self, Key::tuple(len))?))
        } else {
            Ok(TupleOrSeq::Seq(Box::new(self.serialize_seq(Some(len))?)))
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_tuple_struct(self, name: &'static str, len: usize) -> Result<TupleStruct<'a, S>> {
        if name == TOKEN {
            return Ok(TupleStruct::Array(capture::Capture::new(self)));
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
    ) -> Result<Record<'a, S>> {
        Record::begin(self, Key::variant(Kind::TupleVariant, name, index, variant, len))
    }

    #[inline]
    fn serialize_map(self, len: Option<usize>) -> Result<Map<'a, S>> {
        self.tag(Tag::Map);
        Map::begin(self, len)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct(self, name: &'static str, len: usize) -> Result<StructOrArray<'a, S>> {
        if plain::may_be_array(name, len) {
            return Ok(StructOrArray::Array(Box::new(plain::PlainArray::new(self))));
        }
        Ok(StructOrArray::Struct(Record::begin(self, Key::of_struct(name, len))?))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Record<'a, S>> {
        Record::begin(self, Key::variant(Kind::StructVariant, name, index, variant, len))
    }
}

impl<S: Sink> Serializer<S> {
    /// Whether a 64-bit number is written in eight bytes: where a run or field of such began with one that a varint
    /// makes no shorter.
    #[inline]
    fn use_fixed(&mut self, varint: Tag, fixed: Tag, number: u64) -> bool {
        if self.slot == varint as u8 {
            return false;
        }
        if self.slot == fixed as u8 {
            return true;
        }
        let large = number >> 49 != 0;
        self.other_tag(if large { fixed as u8 } else { varint as u8 });
        large
    }
}
