//! Structs, tuples and variants: a layout's number, then the fields without their tags.
//!
//! The number stands first but is known last: which tags the fields have shows only as they come. So the layout of the
//! previous record of that kind is taken for granted and its number written; where a field turns out otherwise it
//! carries its own tag, and the number is corrected at the end. A field that ever differed is `Any` from then on, so a
//! shape of n fields has at most n + 1 layouts.

use serde::ser::{Serialize, SerializeStructVariant, SerializeTupleVariant};

use crate::error::{Error, Result};
use crate::store::Sink;
use crate::wire::{Tag, put_padded, put_varint, varint_len};

use super::capture::Capture;
use super::frame::{Frame, Rare};
use super::path::Step;
use super::run::Seq;
use super::shapes::{Key, same_str};
use super::{LEARN, Serializer};

/// A record that is being written. What it knows stands in the serializer: serde moves this value, and moving what was
/// written a moment ago costs more than writing a small struct.
pub(super) struct Record<'a, S> {
    ser: &'a mut Serializer<S>,
    /// The number of its [`Frame`].
    index: usize,
}

impl<'a, S: Sink> Record<'a, S> {
    #[inline]
    pub(super) fn begin(ser: &'a mut Serializer<S>, key: Key) -> Result<Self> {
        ser.tag(Tag::Record);
        ser.descend()?;
        let at = ser.out.len();
        let base = ser.noted.len();
        let guess = ser.shapes.guess(&key);
        let rare = if let Some(guess) = &guess {
            put_varint(&mut ser.out, guess.number.into());
            None
        } else {
            ser.out.push(0);
            Some(Box::new(Rare::new(key, 1)))
        };
        let index = ser.active;
        ser.active += 1;
        if index == ser.records.len() {
            ser.records.push(Frame::default());
        }
        // Field by field into the place where it stays: a frame that is built elsewhere and copied is read back before
        // its stores have settled.
        let frame = &mut ser.records[index];
        frame.guess = guess;
        frame.at = at;
        frame.done = 0;
        frame.base = base;
        frame.rare = rare;
        ser.path.push(Step::Record(index));
        Ok(Record { ser, index })
    }

    /// Sets the slot for the next field. A tuple's fields have no names.
    #[inline]
    fn expect(&mut self, name: &'static str) {
        let frame = &mut self.ser.records[self.index];
        if let Some(guess) = &frame.guess
            && let Some(&(known, tag)) = guess.fields.get(frame.done)
            && (same_str(known, name) || known == name)
        {
            self.ser.slot = tag;
            return;
        }
        frame.diverge(&mut self.ser.noted);
        frame.rare().names.push(name);
        self.ser.slot = LEARN;
    }

    #[inline]
    fn wrote(&mut self) {
        let frame = &mut self.ser.records[self.index];
        if frame.guess.is_some() && self.ser.noted.len() != frame.base {
            self.ser.noted.truncate(frame.base);
            let done = frame.done;
            frame.rare().differ.push(done);
        }
        frame.done += 1;
    }

    #[inline]
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.expect(name);
        if let Err(error) = self.ser.put(value) {
            return Err(self.ser.fail_here(error));
        }
        self.wrote();
        Ok(())
    }

    /// A field that the struct has and does not write.
    pub(super) fn skip(&mut self, name: &'static str) {
        let frame = &mut self.ser.records[self.index];
        if frame.guess.as_ref().is_none_or(|guess| !guess.sparse) {
            frame.rare().sparse = true;
        }
        self.expect(name);
        self.ser.bare_tag(Tag::Absent);
        self.wrote();
    }

    /// A tuple's next element, or what a newtype variant holds.
    #[inline]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.expect("");
        if let Err(error) = self.ser.put(value) {
            return Err(self.ser.fail_here(error));
        }
        self.wrote();
        Ok(())
    }

    #[inline]
    pub(super) fn finish(self) {
        let frame = &self.ser.records[self.index];
        let as_guessed = frame.guess.as_ref().is_some_and(|guess| guess.fields.len() == frame.done);
        if !as_guessed || frame.rare.is_some() {
            correct(self.ser, self.index);
        }
        self.ser.active = self.index;
        self.ser.path.pop();
        self.ser.depth -= 1;
    }
}

/// Writes the number of the layout that the record really has.
#[cold]
fn correct<S>(ser: &mut Serializer<S>, index: usize) {
    if ser.failed {
        // Some part of it is missing: there is nothing to be right about.
        return;
    }
    let frame = &mut ser.records[index];
    frame.diverge(&mut ser.noted);
    let tags = ser.noted.split_off(frame.base);
    let at = frame.at;
    let rare = frame.rare();
    let fields = rare.names.iter().copied().zip(tags).collect();
    let width = rare.width;
    let number = ser.shapes.intern(&rare.key, fields, rare.sparse);
    let needed = varint_len(number.into());
    if needed > width {
        ser.out.splice(at..at, std::iter::repeat_n(0, needed - width));
    }
    put_padded(&mut ser.out[at..at + needed.max(width)], number.into());
}

impl<S: Sink> SerializeStructVariant for Record<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        self.field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<()> {
        self.skip(key);
        Ok(())
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

impl<S: Sink> SerializeTupleVariant for Record<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

/// A short tuple is a record, a long one (`[T; 1000]` is a tuple to serde) a sequence.
pub(super) enum TupleOrSeq<'a, S> {
    Tuple(Record<'a, S>),
    Seq(Seq<'a, S>),
}

impl<S: Sink> serde::ser::SerializeTuple for TupleOrSeq<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self {
            TupleOrSeq::Tuple(record) => record.element(value),
            TupleOrSeq::Seq(seq) => seq.element(value),
        }
    }

    #[inline]
    fn end(self) -> Result<()> {
        match self {
            TupleOrSeq::Tuple(record) => record.finish(),
            TupleOrSeq::Seq(seq) => seq.finish(),
        }
        Ok(())
    }
}

/// A tuple struct, or under our token an array that is handed over.
pub(super) enum TupleStruct<'a, S> {
    Plain(TupleOrSeq<'a, S>),
    Array(Capture<'a, S>),
}

impl<S: Sink> serde::ser::SerializeTupleStruct for TupleStruct<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self {
            TupleStruct::Plain(tuple) => {
                serde::ser::SerializeTuple::serialize_element(tuple, value)
            }
            TupleStruct::Array(capture) => capture.part(value),
        }
    }

    fn end(self) -> Result<()> {
        match self {
            TupleStruct::Plain(tuple) => serde::ser::SerializeTuple::end(tuple),
            TupleStruct::Array(capture) => capture.finish(),
        }
    }
}
