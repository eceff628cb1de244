//! Structs, tuples and variants. A record is written as the number of its field tags, and then its fields without their tags.
//!
//! The number is written first but known last, because the fields' tags are known only as the fields come. So the serializer
//! guesses the row of field tags that the previous record of that kind had, and writes its number. A field that differs from the
//! guess carries its own tag, and the number is corrected at the end. Such a field is `Any` from then on. So a schema of n
//! fields has at most n + 1 rows of field tags.

use std::slice;

use serde::ser::{Serialize, SerializeStructVariant, SerializeTupleVariant};

use crate::error::Result;
use crate::wire::{Reader, SchemaKind, Tag, put_padded, put_varint, varint_len};

use super::array::Capture;
use super::array_list::ArrayListWriter;
use super::frames::{Depth, FramePart, Here, Rare};
use super::named::{NamedRecord, NamedValue, NumberListWriter, ReadableValue};
use super::room::LONGEST;
use super::schema::{FieldStep, Guess, SchemaKey};
use super::seq_map::SeqWriter;
use super::{ANY, LEARN, Note, Place, Writer, Written, may_nest};

/// A record that is being written.
pub(super) struct RecordWriter<'q, 'a> {
    writer: &'q mut Writer<'a>,
    next: usize,
    at: At<'a>,
    depth: Depth,
}

/// The state of a record that is being written. Cold functions take a copy of it, so that it stays in registers where serde's
/// calls are inlined. In memory, it was read back before its stores had settled, which cost more than to write a small struct.
#[derive(Clone)]
struct At<'a> {
    /// The fields that the guess expects next. It is empty behind the last field, and if there is no guess.
    steps: slice::Iter<'a, FieldStep>,
    /// Where the number of the field tags stands in the inline block; above that what is rare, so that one comparison tells whether
    /// there is anything of it: what whoever has the record is to be told, `RARE` and `HIDDEN`.
    start: u64,
}

/// Where a position ends and a note starts.
const NOTE: u32 = 48;
/// The record's frame has a `Rare` of this record.
const RARE: u64 = 1 << 62;
/// The stack is low. No field is expected, so that the next one takes the cold way, which checks the stack.
const HIDDEN: u64 = 1 << 63;

impl At<'_> {
    fn position(&self) -> usize {
        (self.start & ((1 << NOTE) - 1)) as usize
    }

    fn note(&self) -> Note {
        Note((self.start >> NOTE) as u8)
    }

    fn is(&self, what: u64) -> bool {
        self.start & what != 0
    }
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn start(position: usize, note: Note) -> u64 {
    position as u64 | u64::from(note.0) << NOTE
}

impl<'q, 'a> RecordWriter<'q, 'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn begin(place: Place<'q, 'a>, key: SchemaKey<'a>) -> Result<Self> {
        let Place { writer, next, here, depth } = place;
        let here = here.get();
        match writer.schemas.guess(&key) {
            Some(&guess) if writer.has_room(depth) => {
                let depth = writer.enter(here, depth);
                let (next, note) = writer.put_tag(next, here.slot(), Tag::Record as u8, LONGEST);
                let start = start(writer.position(next), note);
                let next = writer.put_varint(next, guess.number.into());
                Ok(RecordWriter {
                    writer,
                    next,
                    at: At { steps: guess.steps.iter(), start },
                    depth,
                })
            }
            _ => {
                // In parts, so that the key is in memory only where it has to be.
                let SchemaKey { kind, name, variant_index, variant, len } = key;
                let before = writer.at(next, here, depth);
                let at = begin_other(before, kind, name, variant_index, variant, len)?;
                Ok(RecordWriter { writer, next: 0, at, depth: depth.level() })
            }
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        self.writer.readable
    }

    pub(super) fn writer(&mut self) -> &mut Writer<'a> {
        self.writer
    }

    /// The place for the next field. A tuple's fields have no names.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn place(&mut self, name: &'a str) -> Place<'_, 'a> {
        let (here, _) = self.expect(name, true);
        self.writer.at(self.next, here, self.depth)
    }

    /// The next field, and whether it was not recognised at once as the expected one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn expect(&mut self, name: &'a str, named: bool) -> (Here, bool) {
        let mut steps = self.at.steps.clone();
        if let Some(step) = steps.next()
            && (!named || step.is(name))
        {
            self.at.steps = steps;
            return (step.here, false);
        }
        let (at, here) = self.writer.expect_other(self.next, self.at.clone(), self.depth, name);
        (self.at, self.next) = (at, 0);
        (here, true)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn write<T: Serialize + ?Sized>(
        &mut self,
        name: &'a str,
        named: bool,
        value: &T,
    ) -> Result<()> {
        let (here, other) = self.expect(name, named);
        if other && self.writer.low {
            let at = self.at.clone();
            self.at = self.writer.write_low(value, self.next, at, self.depth, here)?;
            self.next = 0;
            return Ok(());
        }
        let written = value.serialize(self.writer.at(self.next, here, self.depth));
        self.wrote(value, written)
    }

    /// A field was written, or failed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn wrote<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        written: Result<Written>,
    ) -> Result<()> {
        match written {
            Ok(written) if !written.is_noted() => self.next = written.next(),
            written => {
                let at = self.at.clone();
                self.at = self.writer.settle_field(value, self.next, at, self.depth, written)?;
                self.next = 0;
            }
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn field<T: Serialize + ?Sized>(&mut self, name: &'a str, value: &T) -> Result<()> {
        self.write(name, true, value)
    }

    /// Writes a tuple's next element, or the value of a newtype variant.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.write("", false, value)
    }

    /// A field that the struct has and does not write.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn skip(&mut self, name: &'a str) {
        let mut steps = self.at.steps.clone();
        if let Some(step) = steps.next()
            && step.is(name)
            && step.may_be_absent
        {
            self.at.steps = steps;
            let next = self.writer.reserve(self.next, 1);
            self.next = self.writer.put(next, [Tag::Absent as u8]);
        } else {
            self.at = self.writer.skip_other(self.next, self.at.clone(), self.depth, name);
            self.next = 0;
        }
    }

    /// Ends the record. This takes a reference and does not move the record: to load it as a whole, soon after it was stored in parts,
    /// costs more than to write a small struct.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn finish(&mut self) -> Written {
        if self.at.start >> NOTE != 0 || self.at.steps.len() != 0 {
            return self.writer.finish_other(self.next, self.at.clone(), self.depth);
        }
        Written::new(self.next)
    }
}

/// Begins a record that has no guess, or whose names are at other addresses, or for which there may be no room.
#[cold]
#[inline(never)]
fn begin_other<'a>(
    place: Place<'_, 'a>,
    kind: SchemaKind,
    name: &'a str,
    variant_index: u32,
    variant: &'a str,
    len: usize,
) -> Result<At<'a>> {
    let Place { writer, next, here, depth } = place;
    let here = here.get();
    let key = SchemaKey { kind, name, variant, variant_index, len };
    let (next, note) = writer.put_tag(next, here.slot(), Tag::Record as u8, 0);
    writer.flush(next);
    writer.make_room(depth)?;
    let depth = writer.enter(here, depth);
    let start = start(writer.out.len(), note);
    let Some(guess) = writer.schemas.guess_other(&key) else {
        if let Some(level) = writer.frames.get_mut(depth.levels()) {
            level.rare = Some(Box::new(Rare {
                key,
                guess: None,
                width: 1,
                differ: Vec::new(),
                fields: Vec::new(),
                sparse: false,
            }));
        }
        writer.out.push(0);
        return Ok(At { steps: [].iter(), start: start | RARE });
    };
    put_varint(&mut writer.out, guess.number.into());
    if writer.low {
        if let Some(level) = writer.frames.get_mut(depth.levels()) {
            level.done = 0;
        }
        return Ok(At { steps: [].iter(), start: start | HIDDEN });
    }
    Ok(At { steps: guess.steps.iter(), start })
}

/// All of these functions empty the room first.
impl<'a> Writer<'a> {
    /// The slot of a field that was not recognised at once as the expected one.
    #[cold]
    #[inline(never)]
    fn expect_other(
        &mut self,
        next: usize,
        at: At<'a>,
        depth: Depth,
        name: &'a str,
    ) -> (At<'a>, Here) {
        self.flush(next);
        self.expect_flushed(at, depth, name)
    }

    fn expect_flushed(&mut self, mut at: At<'a>, depth: Depth, name: &'a str) -> (At<'a>, Here) {
        at = self.unhide(at, depth);
        if let Some(step) = at.steps.as_slice().first()
            && let FramePart::Field(number) = step.here.part()
            && self.schemas.field(number) == Some(name)
        {
            at.steps.next();
            return (at, step.here);
        }
        at = self.diverge(at, depth);
        if let Some(rare) = self.rare_at(depth) {
            rare.fields.push((name, LEARN));
        }
        self.new_fields += 1;
        (at, Here::new_field(self.new_fields))
    }

    /// The field that was written last.
    fn last_field(&self, at: &At<'a>, depth: Depth) -> Here {
        let guess = self.guess_of(at, depth);
        let done = guess.map_or(&[][..], |guess| {
            let left = at.steps.len().min(guess.steps.len());
            &guess.steps[..guess.steps.len() - left]
        });
        done.last().map_or(Here::new_field(0), |step| step.here)
    }

    /// Notes the tag of a field, if it differs from the guess or there is no guess.
    fn note_field(&mut self, mut at: At<'a>, depth: Depth, tag: u8) -> At<'a> {
        if let Some(guess) = self.guess_of(&at, depth) {
            let field = (guess.steps.len() - at.steps.len()).saturating_sub(1);
            if let Some(rare) = self.rare(&mut at, depth, guess) {
                rare.differ.push(field);
            }
        } else if let Some((_, noted)) = self.rare_at(depth).and_then(|rare| rare.fields.last_mut())
        {
            *noted = tag;
        }
        at
    }

    /// Notes a field that is not written, if the row of field tags does not say so.
    #[cold]
    #[inline(never)]
    fn skip_other(&mut self, next: usize, mut at: At<'a>, depth: Depth, name: &'a str) -> At<'a> {
        self.flush(next);
        if let Some(guess) = self.guess_of(&at, depth) {
            if !guess.sparse
                && let Some(rare) = self.rare(&mut at, depth, guess)
            {
                rare.sparse = true;
            }
        } else if let Some(rare) = self.rare_at(depth) {
            rare.sparse = true;
        }
        let (mut at, here) = self.expect_flushed(at, depth, name);
        let (next, note) = self.put_bare_tag(0, here.slot(), Tag::Absent as u8);
        self.flush(next);
        if let Some(tag) = note.tag() {
            at = self.note_field(at, depth, tag);
        }
        if self.low { self.hide(at, depth) } else { at }
    }

    fn rare_at(&mut self, depth: Depth) -> Option<&mut Rare<'a>> {
        self.frames.get_mut(depth.levels())?.rare.as_deref_mut()
    }

    /// Expects the fields again that were hidden.
    fn unhide(&mut self, mut at: At<'a>, depth: Depth) -> At<'a> {
        if at.is(HIDDEN) {
            at.start &= !HIDDEN;
            let steps = self.guess_of(&at, depth).map_or(&[][..], |guess| guess.steps);
            let done = self.frames.get(depth.levels()).map_or(0, |level| level.done);
            at.steps = steps.get(done..).unwrap_or_default().iter();
        }
        at
    }

    /// Hides the fields that are left, so that none of them is expected and the next one checks the stack.
    fn hide(&mut self, mut at: At<'a>, depth: Depth) -> At<'a> {
        if !at.is(HIDDEN)
            && let Some(guess) = self.guess_of(&at, depth)
            && let Some(level) = self.frames.get_mut(depth.levels())
        {
            level.done = guess.steps.len() - at.steps.len().min(guess.steps.len());
            at.start |= HIDDEN;
            at.steps = [].iter();
        }
        at
    }

    /// The row of field tags that is taken for granted, until a field has another name than it says.
    fn guess_of(&self, at: &At<'_>, depth: Depth) -> Option<Guess<'a>> {
        let number = if at.is(RARE) {
            self.frames.get(depth.levels())?.rare.as_ref()?.guess?
        } else {
            let number = Reader::new(self.out.get(at.position()..)?).varint().ok()?;
            u32::try_from(number).ok()?
        };
        Some(self.schemas.row(number)?.guess)
    }

    /// The rare part of a record that has a guess.
    fn rare(&mut self, at: &mut At<'_>, depth: Depth, guess: Guess<'_>) -> Option<&mut Rare<'a>> {
        let key = self.schemas.row(guess.number)?.key;
        let rare = &mut self.frames.get_mut(depth.levels())?.rare;
        if !at.is(RARE) {
            at.start |= RARE;
            *rare = Some(Box::new(Rare {
                key,
                guess: Some(guess.number),
                width: varint_len(guess.number.into()),
                differ: Vec::new(),
                fields: Vec::new(),
                sparse: false,
            }));
        }
        rare.as_deref_mut()
    }

    /// Gives up the guess: what was written so far becomes the start of a row of field tags of its own.
    fn diverge(&mut self, mut at: At<'a>, depth: Depth) -> At<'a> {
        let Some(guess) = self.guess_of(&at, depth) else { return at };
        let done = guess.steps.len() - at.steps.len().min(guess.steps.len());
        let fields = self.schemas.fields(guess, done).to_vec();
        if let Some(rare) = self.rare(&mut at, depth, guess) {
            rare.guess = None;
            rare.fields = fields;
            rare.sparse |= guess.sparse;
            for field in rare.differ.drain(..) {
                if let Some((_, tag)) = rare.fields.get_mut(field) {
                    *tag = ANY;
                }
            }
        }
        at.steps = [].iter();
        at
    }

    /// Ends a record that differs from its guess, has fewer fields than expected, or has a note for the code around it.
    #[inline(never)]
    fn finish_other(&mut self, next: usize, at: At<'a>, depth: Depth) -> Written {
        let note = at.note();
        if at.is(RARE | HIDDEN) || at.steps.len() != 0 {
            self.correct(next, at, depth);
            return Written::noted(0, note);
        }
        Written::noted(next, note)
    }

    /// Writes the number of the row of field tags that a record really has.
    fn correct(&mut self, next: usize, mut at: At<'a>, depth: Depth) {
        self.flush(next);
        at = self.unhide(at, depth);
        if self.failed || !at.is(RARE) && at.steps.len() == 0 {
            // A part of the record is missing, so that no number would be right. Or the number is right already.
            return;
        }
        at = self.diverge(at, depth);
        let Some(level) = self.frames.get_mut(depth.levels()) else { return };
        let Some(rare) = level.rare.take() else { return };
        let number = self.schemas.intern(&rare.key, &rare.fields, rare.sparse);
        let (start, needed) = (at.position(), varint_len(number.into()));
        if needed > rare.width {
            self.out.splice(start..start, std::iter::repeat_n(0, needed - rare.width));
        }
        if let Some(place) = self.out.get_mut(start..start + needed.max(rare.width)) {
            put_padded(place, number.into());
        }
    }
}

impl<'a> Writer<'a> {
    /// Writes a field while the stack is low. If the field may have parts, it is written on another stack. The fields that follow are
    /// hidden again, so that they come here, too.
    #[cold]
    #[inline(never)]
    fn write_low<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        next: usize,
        at: At<'a>,
        depth: Depth,
        here: Here,
    ) -> Result<At<'a>> {
        let written = if may_nest(here.slot()) {
            self.write_elsewhere(value, next, here, depth)
        } else {
            value.serialize(self.at(next, here, depth))
        };
        let at = self.settle_field(value, next, at, depth, written)?;
        Ok(if self.low { self.hide(at, depth) } else { at })
    }

    /// Handles a field that is not what its slot says, has asked whether it is written for a human reader, or has failed.
    #[cold]
    #[inline(never)]
    fn settle_field<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        next: usize,
        at: At<'a>,
        depth: Depth,
        written: Result<Written>,
    ) -> Result<At<'a>> {
        self.flush(written.as_ref().map_or(next, |written| written.next()));
        let here = self.last_field(&at, depth);
        let settled = written
            .and_then(|written| self.settle(value, here, depth, Written::noted(0, written.note())));
        match settled {
            Ok(written) => {
                self.flush(written.next());
                Ok(match written.note().tag() {
                    Some(tag) => self.note_field(at, depth, tag),
                    None => at,
                })
            }
            Err(error) => Err(self.fail_at(here, depth, error)),
        }
    }
}

impl SerializeStructVariant for RecordWriter<'_, '_> {
    type Ok = Written;
    type Error = crate::Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.field(key, value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn skip_field(&mut self, key: &'static str) -> Result<()> {
        self.skip(key);
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(mut self) -> Result<Written> {
        Ok(self.finish())
    }
}

impl SerializeTupleVariant for RecordWriter<'_, '_> {
    type Ok = Written;
    type Error = crate::Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(mut self) -> Result<Written> {
        Ok(self.finish())
    }
}

/// A short tuple is written as a record, a long one (`[T; 1000]` is a tuple to serde) as a sequence. `repr(u8)` gives the choice a
/// byte of its own, here and in similar enums, so that the compiler knows it where it knows the tuple's length.
#[repr(u8)]
pub(super) enum TupleOrSeq<'q, 'a> {
    Tuple(RecordWriter<'q, 'a>),
    /// Boxed, since it would keep short tuples in memory.
    Seq(Box<SeqWriter<'q, 'a>>),
}

impl<'a> TupleOrSeq<'_, 'a> {
    pub(super) fn is_readable(&self) -> bool {
        match self {
            TupleOrSeq::Tuple(record) => record.is_readable(),
            TupleOrSeq::Seq(seq) => seq.is_readable(),
        }
    }

    pub(super) fn place(&mut self) -> Place<'_, 'a> {
        match self {
            TupleOrSeq::Tuple(record) => record.place(""),
            TupleOrSeq::Seq(seq) => seq.place(),
        }
    }

    pub(super) fn wrote<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        written: Result<Written>,
    ) -> Result<()> {
        match self {
            TupleOrSeq::Tuple(record) => record.wrote(value, written),
            TupleOrSeq::Seq(seq) => seq.wrote(value, written),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn finish(&mut self) -> Written {
        match self {
            TupleOrSeq::Tuple(record) => record.finish(),
            TupleOrSeq::Seq(seq) => seq.finish(),
        }
    }
}

impl serde::ser::SerializeTuple for TupleOrSeq<'_, '_> {
    type Ok = Written;
    type Error = crate::Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self {
            TupleOrSeq::Tuple(record) => record.element(value),
            TupleOrSeq::Seq(seq) => seq.element(value),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(mut self) -> Result<Written> {
        Ok(self.finish())
    }
}

/// A tuple struct, or a value that is handed over under a private name.
#[repr(u8)]
pub(super) enum TupleStruct<'q, 'a> {
    Plain(TupleOrSeq<'q, 'a>),
    Array(Capture<'q, 'a>),
    // Boxed, since they would keep plain ones in memory.
    Record(Box<NamedRecord<'q, 'a>>),
    Readable(Box<ReadableValue<'q, 'a>>),
    Named(Box<NamedValue<'q, 'a>>),
    Numbers(Box<NumberListWriter<'q, 'a>>),
    Arrays(Box<ArrayListWriter<'q, 'a>>),
}

impl serde::ser::SerializeTupleStruct for TupleStruct<'_, '_> {
    type Ok = Written;
    type Error = crate::Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self {
            TupleStruct::Plain(tuple) => {
                serde::ser::SerializeTuple::serialize_element(tuple, value)
            }
            TupleStruct::Array(capture) => capture.part(value),
            TupleStruct::Record(record) => record.part(value),
            TupleStruct::Readable(readable) => readable.part(value),
            TupleStruct::Named(named) => named.part(value),
            TupleStruct::Numbers(numbers) => numbers.part(value),
            TupleStruct::Arrays(arrays) => arrays.part(value),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(mut self) -> Result<Written> {
        match self {
            TupleStruct::Plain(ref mut tuple) => Ok(tuple.finish()),
            TupleStruct::Array(capture) => capture.finish(),
            TupleStruct::Record(record) => record.finish(),
            TupleStruct::Readable(readable) => readable.finish(),
            TupleStruct::Named(named) => named.finish(),
            TupleStruct::Numbers(numbers) => numbers.finish(),
            TupleStruct::Arrays(arrays) => arrays.finish(),
        }
    }
}
