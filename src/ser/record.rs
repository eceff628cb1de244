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
use super::path::Step;
use super::run::Seq;
use super::shapes::{Key, same_str};
use super::{ANY, LEARN, Serializer};

pub(super) struct Record<'a, S> {
    ser: &'a mut Serializer<S>,
    key: Key,
    /// Where the layout's number stands, and in how many bytes.
    at: usize,
    width: usize,
    /// The layout that is taken for granted, until a field has another name than it says.
    guess: Option<u32>,
    /// How many fields were written.
    done: usize,
    /// The length of `Serializer::noted` at the start.
    base: usize,
    /// Fields that turned out otherwise than the guess says.
    differ: Vec<usize>,
    /// The fields' names, once there is no guess.
    names: Vec<&'static str>,
    sparse: bool,
}

impl<'a, S: Sink> Record<'a, S> {
    #[inline]
    pub(super) fn begin(ser: &'a mut Serializer<S>, key: Key) -> Result<Self> {
        ser.tag(Tag::Record);
        ser.descend()?;
        ser.path.push();
        let at = ser.out.len();
        let base = ser.noted.len();
        let guess = ser.shapes.guess(&key);
        put_varint(&mut ser.out, guess.unwrap_or(0).into());
        let width = ser.out.len() - at;
        Ok(Record {
            ser,
            key,
            at,
            width,
            guess,
            done: 0,
            base,
            differ: Vec::new(),
            names: Vec::new(),
            sparse: false,
        })
    }

    /// Sets the slot for the next field. A tuple's fields have no names.
    #[inline]
    fn expect(&mut self, name: &'static str) {
        if let Some(guess) = self.guess {
            let (names, layout) = self.ser.shapes.layout(guess);
            let known = match names.get(self.done) {
                Some(known) => same_str(known, name) || *known == name,
                None => names.is_empty() && !self.key.kind.is_named(),
            };
            match layout.tags.get(self.done) {
                Some(&tag) if known => {
                    self.ser.slot = tag;
                    return;
                }
                _ => self.diverge(),
            }
        }
        self.names.push(name);
        self.ser.slot = LEARN;
    }

    /// Gives up the guess: what was written so far becomes the start of a layout of its own.
    #[cold]
    fn diverge(&mut self) {
        let Some(guess) = self.guess.take() else { return };
        let (names, layout) = self.ser.shapes.layout(guess);
        self.names = names.iter().take(self.done).copied().collect();
        let mut tags = layout.tags[..self.done].to_vec();
        self.sparse |= layout.sparse;
        for &field in &self.differ {
            tags[field] = ANY;
        }
        self.differ.clear();
        self.ser.noted.truncate(self.base);
        self.ser.noted.extend_from_slice(&tags);
        self.names.resize(self.done, "");
    }

    #[inline]
    fn wrote(&mut self) {
        if self.guess.is_some() && self.ser.noted.len() != self.base {
            self.ser.noted.truncate(self.base);
            self.differ.push(self.done);
        }
        self.done += 1;
    }

    #[inline]
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.expect(name);
        self.ser.path.set(Step::Field(name));
        if let Err(error) = value.serialize(&mut *self.ser) {
            return Err(self.ser.fail_here(error));
        }
        self.wrote();
        Ok(())
    }

    /// A field that the struct has and does not write.
    pub(super) fn skip(&mut self, name: &'static str) {
        self.sparse = true;
        self.expect(name);
        self.ser.bare_tag(Tag::Absent);
        self.wrote();
    }

    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.expect("");
        self.ser.path.set(Step::Index(self.done));
        if let Err(error) = value.serialize(&mut *self.ser) {
            return Err(self.ser.fail_here(error));
        }
        self.wrote();
        Ok(())
    }

    /// The content of a newtype variant, whose step is the variant's name.
    pub(super) fn newtype<T: Serialize + ?Sized>(
        &mut self,
        variant: &'static str,
        value: &T,
    ) -> Result<()> {
        self.expect("");
        self.ser.path.set(Step::Variant(variant));
        if let Err(error) = value.serialize(&mut *self.ser) {
            return Err(self.ser.fail_here(error));
        }
        self.wrote();
        Ok(())
    }

    #[inline]
    pub(super) fn finish(mut self) -> Result<()> {
        let as_guessed = self.guess.is_some_and(|guess| {
            let (_, layout) = self.ser.shapes.layout(guess);
            layout.tags.len() == self.done && (layout.sparse || !self.sparse)
        });
        if !as_guessed || !self.differ.is_empty() {
            self.correct();
        }
        self.ser.path.pop();
        self.ser.depth -= 1;
        Ok(())
    }

    /// Writes the number of the layout that the record really has.
    #[cold]
    fn correct(&mut self) {
        self.diverge();
        let tags = self.ser.noted.split_off(self.base);
        let names = std::mem::take(&mut self.names);
        let number = self.ser.shapes.intern(&self.key, names, tags, self.sparse);
        let width = varint_len(number.into());
        if width > self.width {
            let more = width - self.width;
            self.ser.out.splice(self.at..self.at, std::iter::repeat_n(0, more));
            self.width = width;
        }
        put_padded(&mut self.ser.out[self.at..self.at + self.width], number.into());
    }
}

/// The step of a field in a variant is two: the variant's name and the field's.
impl<S: Sink> SerializeStructVariant for Record<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        self.ser.path.set(Step::Variant(self.key.variant));
        self.ser.path.push();
        if let Err(error) = self.field(key, value) {
            return Err(self.ser.fail_here(error));
        }
        self.ser.path.pop();
        Ok(())
    }

    fn skip_field(&mut self, key: &'static str) -> Result<()> {
        self.skip(key);
        Ok(())
    }

    fn end(self) -> Result<()> {
        self.finish()
    }
}

impl<S: Sink> SerializeTupleVariant for Record<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.ser.path.set(Step::Variant(self.key.variant));
        self.ser.path.push();
        if let Err(error) = self.element(value) {
            return Err(self.ser.fail_here(error));
        }
        self.ser.path.pop();
        Ok(())
    }

    fn end(self) -> Result<()> {
        self.finish()
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
            TupleStruct::Plain(tuple) => serde::ser::SerializeTuple::serialize_element(tuple, value),
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
