//! Structs, tuples and variants: a layout's number, then the fields without their tags.
//!
//! The number stands first but is known last: which tags the fields have shows only as they come. So the layout of the
//! previous record of that kind is taken for granted and its number written; where a field turns out otherwise it
//! carries its own tag, and the number is corrected at the end. A field that ever differed is `Any` from then on, so a
//! shape of n fields has at most n + 1 layouts.

use serde::ser::{Serialize, SerializeStructVariant, SerializeTupleVariant};

use crate::error::{Error, Result};
use crate::store::Sink;
use crate::wire::{Kind, Tag, put_padded, put_varint, varint_len};

use super::capture::Capture;
use super::levels::{Rare, What};
use super::run::Seq;
use super::shapes::{Guess, Key, same_str};
use super::{ANY, LEARN, Serializer};

/// A record that is being written.
pub(super) struct Record<'a, S> {
    ser: &'a mut Serializer<S>,
    at: At,
}

/// Where a record stands. What is rare is done with a copy of it, so that it stays in registers where serde's calls are
/// inlined: in memory it was read back before its stores had settled, which cost more than writing a small struct.
#[derive(Clone, Copy)]
struct At {
    /// The number of the record's [`Level`](super::levels::Level).
    index: usize,
    /// The field that the guess expects next, and the end of its fields. Nothing is expected from there on.
    next: usize,
    end: usize,
    /// The length of `Serializer::noted` at the start.
    base: usize,
    /// The level has a `Rare` of this record.
    rare: bool,
}

impl<'a, S: Sink> Record<'a, S> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn begin(ser: &'a mut Serializer<S>, key: Key) -> Result<Self> {
        let at = match ser.shapes.guess(&key) {
            Some(guess) if ser.is_usual(guess.number) => ser.begin_usual(guess),
            // In parts, so that the key is in memory only where it has to be.
            _ => ser.begin_other(key.kind, key.name, key.variant_index, key.variant, key.len)?,
        };
        Ok(Record { ser, at })
    }

    /// Sets the slot for the next field. A tuple's fields have no names.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn expect(&mut self, name: &'static str) {
        if self.at.next < self.at.end
            && let Some((known, tag)) = self.ser.shapes.field(self.at.next)
            && same_str(known, name)
        {
            self.ser.slot = tag;
            self.ser.here = self.at.next;
        } else {
            self.at = self.ser.expect_other(self.at, name);
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn wrote(&mut self) {
        if self.ser.noted.len() != self.at.base {
            self.at = self.ser.wrote_otherwise(self.at);
        }
        self.at.next += 1;
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<()> {
        self.expect(name);
        if let Err(error) = self.ser.put(value) {
            return Err(self.ser.fail_here(self.at.index, self.at.next, error));
        }
        self.wrote();
        Ok(())
    }

    /// A tuple's next element, or what a newtype variant holds.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.field("", value)
    }

    /// A field that the struct has and does not write.
    pub(super) fn skip(&mut self, name: &'static str) {
        self.at = self.ser.mark_sparse(self.at);
        self.expect(name);
        self.ser.bare_tag(Tag::Absent);
        self.wrote();
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn finish(self) {
        if self.at.rare || self.at.next != self.at.end {
            self.ser.correct(self.at);
        }
        self.ser.leave(self.at.index);
    }
}

impl<S: Sink> Serializer<S> {
    /// Whether a record can be begun without looking any further.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_usual(&self, number: u32) -> bool {
        let slot = self.slot;
        (slot == Tag::Record as u8 || slot == ANY) && number < 0x80 && !self.is_due()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn begin_usual(&mut self, guess: Guess) -> At {
        if self.slot == ANY {
            self.out.push(Tag::Record as u8);
        }
        let index = self.enter(What::Record(guess.number), self.out.len());
        self.out.push(guess.number as u8);
        At { index, next: guess.start, end: guess.end, base: self.noted.len(), rare: false }
    }

    #[inline(never)]
    fn begin_other(
        &mut self,
        kind: Kind,
        name: &'static str,
        variant_index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<At> {
        let key = Key { kind, name, variant, variant_index, len };
        self.tag(Tag::Record);
        self.make_room()?;
        let start = self.out.len();
        if let Some(guess) = self.shapes.guess_other(&key) {
            let index = self.enter(What::Record(guess.number), start);
            put_varint(&mut self.out, guess.number.into());
            let base = self.noted.len();
            return Ok(At { index, next: guess.start, end: guess.end, base, rare: false });
        }
        let index = self.enter(What::New, start);
        self.levels[index].rare = Some(Box::new(Rare::new(key, 1)));
        self.out.push(0);
        Ok(At { index, next: 0, end: 0, base: self.noted.len(), rare: true })
    }

    /// Sets the slot for a field that is not seen at once to be the one expected.
    #[inline(never)]
    fn expect_other(&mut self, mut at: At, name: &'static str) -> At {
        self.here = at.next;
        if at.next < at.end
            && let Some((known, tag)) = self.shapes.field(at.next)
            && known == name
        {
            self.slot = tag;
            return at;
        }
        at = self.diverge(at);
        if let Some(rare) = &mut self.levels[at.index].rare {
            rare.names.push(name);
        }
        self.slot = LEARN;
        at
    }

    /// The field has another tag than the guess says, or there is no guess.
    #[inline(never)]
    fn wrote_otherwise(&mut self, mut at: At) -> At {
        if let Some(guess) = self.guess(at) {
            self.noted.truncate(at.base);
            self.rare(&mut at, guess).differ.push(at.next - guess.start);
        }
        at
    }

    fn mark_sparse(&mut self, mut at: At) -> At {
        if let Some(guess) = self.guess(at) {
            if !guess.sparse {
                self.rare(&mut at, guess).sparse = true;
            }
        } else if let Some(rare) = &mut self.levels[at.index].rare {
            rare.sparse = true;
        }
        at
    }

    /// The layout that is taken for granted, until a field has another name than it says.
    fn guess(&self, at: At) -> Option<Guess> {
        match self.levels[at.index].what {
            What::Record(number) => Some(self.shapes.layout(number).guess),
            _ => None,
        }
    }

    /// The rare part of a record that has a guess.
    fn rare(&mut self, at: &mut At, guess: Guess) -> &mut Rare {
        let rare = &mut self.levels[at.index].rare;
        if !at.rare {
            at.rare = true;
            *rare = None;
        }
        let key = &self.shapes.layout(guess.number).key;
        rare.get_or_insert_with(|| Box::new(Rare::new(*key, varint_len(guess.number.into()))))
    }

    /// Gives up the guess: what was written so far becomes the start of a layout of its own.
    fn diverge(&mut self, mut at: At) -> At {
        let Some(guess) = self.guess(at) else { return at };
        self.rare(&mut at, guess);
        let fields = self.shapes.fields(guess.start..at.next);
        self.noted.truncate(at.base);
        self.noted.extend(fields.iter().map(|(_, tag)| *tag));
        let level = &mut self.levels[at.index];
        level.what = What::New;
        if let Some(rare) = &mut level.rare {
            rare.names = fields.iter().map(|(name, _)| *name).collect();
            rare.sparse |= guess.sparse;
            for field in rare.differ.drain(..) {
                self.noted[at.base + field] = ANY;
            }
        }
        at.end = 0;
        at
    }

    /// Writes the number of the layout that a record really has.
    #[inline(never)]
    fn correct(&mut self, mut at: At) {
        if self.failed {
            // Some part of it is missing: there is nothing to be right about.
            return;
        }
        at = self.diverge(at);
        let level = &mut self.levels[at.index];
        let Some(rare) = level.rare.take() else { return };
        let tags = self.noted.drain(at.base..);
        let fields: Vec<_> = rare.names.iter().copied().zip(tags).collect();
        let number = self.shapes.intern(&rare.key, &fields, rare.sparse);
        let (start, needed) = (level.start, varint_len(number.into()));
        if needed > rare.width {
            self.out.splice(start..start, std::iter::repeat_n(0, needed - rare.width));
        }
        put_padded(&mut self.out[start..start + needed.max(rare.width)], number.into());
    }
}

impl<S: Sink> SerializeStructVariant for Record<'_, S> {
    type Ok = ();
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
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

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

impl<S: Sink> SerializeTupleVariant for Record<'_, S> {
    type Ok = ();
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

/// A short tuple is a record, a long one (`[T; 1000]` is a tuple to serde) a sequence.
pub(super) enum TupleOrSeq<'a, S> {
    Tuple(Record<'a, S>),
    /// Boxed, since it would keep short tuples in memory.
    Seq(Box<Seq<'a, S>>),
}

impl<S: Sink> serde::ser::SerializeTuple for TupleOrSeq<'_, S> {
    type Ok = ();
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match self {
            TupleOrSeq::Tuple(record) => record.element(value),
            TupleOrSeq::Seq(seq) => seq.element(value),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
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
