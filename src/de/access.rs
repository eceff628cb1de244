//! Items one after the other: sequences, maps, structs by position or by name, variants.

use std::cell::Cell;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, Unexpected,
    VariantAccess, Visitor,
};

use crate::error::{Error, Result, Step};
use crate::wire::{Kind, Tag, scalar_text};

use super::decoder::{ANY, Decoder};
use super::key::{Key, TextKey};
use super::{Value, by_name, in_order, skip};

/// The runs of a sequence (`N` is 1) or map (`N` is 2).
pub(super) struct Items<'d, 's, 'de, const N: usize> {
    decoder: &'d mut Decoder<'s, 'de>,
    left: u64,
    more: bool,
    slots: [u8; N],
    done: usize,
    /// A map's key as text, for the path of an error in its value.
    key: KeyText<'de>,
    /// A map's key was given, and its value comes next.
    at_value: bool,
}

/// The error of a visitor that asks for a value before its key.
#[cold]
pub(super) fn unnamed() -> Error {
    Error::custom("a value is asked for before its key")
}

/// The error of a visitor that asks for a key, or ends, before it has taken the value of the last.
#[cold]
pub(super) fn untaken() -> Error {
    Error::custom("a key is taken without its value")
}

/// What is needed to name a key.
enum KeyText<'de> {
    Unknown,
    At(crate::wire::Reader<'de>, u8),
}

impl<'d, 's, 'de, const N: usize> Items<'d, 's, 'de, N> {
    pub(super) fn begin(
        decoder: &'d mut Decoder<'s, 'de>,
        (left, more, slots): (u64, bool, [u8; N]),
    ) -> Result<Self> {
        let key = KeyText::Unknown;
        let mut items = Items { decoder, left, more, slots, done: 0, key, at_value: false };
        items.next_run()?;
        Ok(items)
    }

    /// Reads headers until a run has items or there is none left.
    #[inline(never)]
    fn next_run(&mut self) -> Result<()> {
        while self.left == 0 && self.more {
            (self.left, self.more, self.slots) = self.decoder.run_header()?;
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn advance(&mut self) -> Result<bool> {
        if self.left == 0 {
            if !self.more {
                return Ok(false);
            }
            self.next_run()?;
            if self.left == 0 {
                return Ok(false);
            }
        }
        self.left -= 1;
        self.done += 1;
        Ok(true)
    }

    /// A length that is worth an allocation: no more items than bytes are left.
    fn hint(&self) -> Option<usize> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if self.more { None } else { Some(left.min(self.decoder.reader.left())) }
    }

    /// What the visitor did not take is an error: it would be lost without a word.
    pub(super) fn finish(mut self) -> Result<()> {
        if self.at_value {
            return Err(untaken());
        }
        if self.left == 0 && !self.more {
            return Ok(());
        }
        if self.advance()? {
            let done = self.done - 1;
            let left = self.left + 1;
            return Err(Error::mismatch(format!(
                "expected {done} elements, found at least {}",
                done as u64 + left
            )));
        }
        Ok(())
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'_, '_, 'de, 1> {
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.advance()? {
            return Ok(None);
        }
        self.decoder.look_if_large::<T::Value>()?;
        let value = Value { decoder: &mut *self.decoder, slot: self.slots[0] };
        match seed.deserialize(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.at_index(self.done - 1)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, '_, 'de, 2> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.at_value {
            return Err(untaken());
        }
        if !self.advance()? {
            return Ok(None);
        }
        self.at_value = true;
        self.key = KeyText::At(self.decoder.reader.clone(), self.slots[0]);
        let key = Value { decoder: &mut *self.decoder, slot: self.slots[0] };
        match seed.deserialize(Key(key)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(error.at(Step::Key(None, self.done - 1))),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !std::mem::take(&mut self.at_value) {
            return Err(unnamed());
        }
        self.decoder.look_if_large::<V::Value>()?;
        let value = Value { decoder: &mut *self.decoder, slot: self.slots[1] };
        seed.deserialize(value).map_err(|error| error.at(self.key_step()))
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl Items<'_, '_, '_, 2> {
    /// The current key as a step of a path.
    #[cold]
    fn key_step(&self) -> Step {
        let mut text = None;
        if let KeyText::At(reader, slot) = &self.key {
            let mut reader = reader.clone();
            let tag = if *slot == ANY { reader.byte().ok() } else { Some(*slot) };
            text = tag.and_then(Tag::from_byte).and_then(|tag| scalar_text(&mut reader, tag));
        }
        Step::Key(text, self.done - 1)
    }
}

/// A record's fields by position.
pub(super) struct FieldsInOrder<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    /// The tags of the fields that are left.
    tags: &'de [u8],
}

impl<'d, 's, 'de> FieldsInOrder<'d, 's, 'de> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn new(decoder: &'d mut Decoder<'s, 'de>, number: usize, tags: &'de [u8]) -> Self {
        FieldsInOrder { decoder, number, tags }
    }

    /// How many were not taken.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn left(&self) -> usize {
        self.tags.len()
    }
}

/// The fields of a record that was entered. What is left of them is noted where it is too late to say it in the place.
pub(super) struct Entered<'d, 's, 'de>(pub(super) FieldsInOrder<'d, 's, 'de>);

impl Drop for Entered<'_, '_, '_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop(&mut self) {
        let Entered(fields) = self;
        if !fields.tags.is_empty() {
            fields.decoder.note_left(fields.number, fields.tags.len());
        }
        fields.decoder.leave();
    }
}

impl<'de> SeqAccess<'de> for &mut Entered<'_, '_, 'de> {
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        (&mut self.0).next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.left())
    }
}

/// The error of a field that was read last, with its place.
#[cold]
#[inline(never)]
fn in_field(error: Error, decoder: &mut Decoder<'_, '_>, number: usize, left: usize) -> Error {
    decoder.note_failure();
    let shape = decoder.layout(number).0;
    let at = shape.len - left - 1;
    match shape.fields.get(at) {
        Some(name) => error.at_field(name),
        None => error.at_index(at),
    }
}

impl<'de> SeqAccess<'de> for &mut FieldsInOrder<'_, '_, 'de> {
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((&slot, tags)) = self.tags.split_first() else { return Ok(None) };
        self.tags = tags;
        self.decoder.look_if_large::<T::Value>()?;
        match seed.deserialize(Value { decoder: &mut *self.decoder, slot }) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(in_field(error, self.decoder, self.number, tags.len())),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.tags.len())
    }
}

/// A record's fields by name, without those that were not written.
pub(super) struct FieldsByName<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    done: usize,
    /// The tag of the field whose name was given last.
    slot: Option<u8>,
}

impl<'d, 's, 'de> FieldsByName<'d, 's, 'de> {
    pub(super) fn new(decoder: &'d mut Decoder<'s, 'de>, number: usize) -> Self {
        FieldsByName { decoder, number, done: 0, slot: None }
    }

    fn next_name(&mut self) -> Result<Option<&'de str>> {
        loop {
            let (shape, layout) = self.decoder.layout(self.number);
            let Some(&tag) = layout.tags.get(self.done) else { return Ok(None) };
            // A layout of a named kind has a name for each tag; the tables were checked.
            let name = shape.fields.get(self.done).copied().unwrap_or_default();
            self.done += 1;
            let tag = if tag == ANY { self.decoder.reader.byte()? } else { tag };
            if tag != Tag::Absent as u8 {
                self.slot = Some(tag);
                return self.decoder.bounds.hand_out(name).map(Some);
            }
        }
    }

    pub(super) fn finish(mut self) -> Result<()> {
        // A visitor that stops early has all it wants: the rest is passed over, as unknown fields are.
        if let Some(slot) = self.slot.take() {
            skip::value(self.decoder, slot)?;
        }
        while self.next_name()?.is_some() {
            if let Some(slot) = self.slot.take() {
                skip::value(self.decoder, slot)?;
            }
        }
        Ok(())
    }
}

impl<'de> MapAccess<'de> for &mut FieldsByName<'_, '_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.slot.is_some() {
            return Err(untaken());
        }
        match self.next_name()? {
            Some(name) => seed.deserialize(TextKey(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let Some(slot) = self.slot.take() else {
            return Err(unnamed());
        };
        self.decoder.look_if_large::<V::Value>()?;
        match seed.deserialize(Value { decoder: &mut *self.decoder, slot }) {
            Ok(value) => Ok(value),
            Err(error) => {
                let (shape, _) = self.decoder.layout(self.number);
                Err(error.at_field(shape.fields.get(self.done - 1).copied().unwrap_or_default()))
            }
        }
    }
}

/// A variant as a map of one entry, from its name to its content.
pub(super) struct SingleEntry<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    stage: Stage,
}

#[derive(PartialEq)]
enum Stage {
    Name,
    Content,
    Done,
}

impl<'d, 's, 'de> SingleEntry<'d, 's, 'de> {
    pub(super) fn new(decoder: &'d mut Decoder<'s, 'de>, number: usize) -> Self {
        SingleEntry { decoder, number, stage: Stage::Name }
    }

    pub(super) fn finish(&self) -> Result<()> {
        match self.stage {
            Stage::Done => Ok(()),
            _ => Err(Error::custom("a variant was not read to its end")),
        }
    }
}

impl<'de> MapAccess<'de> for &mut SingleEntry<'_, '_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.stage != Stage::Name {
            return Ok(None);
        }
        self.stage = Stage::Content;
        let name = self.decoder.layout(self.number).0.variant;
        seed.deserialize(BorrowedStrDeserializer::new(self.decoder.bounds.hand_out(name)?))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if self.stage != Stage::Content {
            return Err(Error::custom("a variant's content is asked for before its name"));
        }
        self.stage = Stage::Done;
        let (shape, _) = self.decoder.layout(self.number);
        let variant = shape.variant;
        seed.deserialize(Content { decoder: &mut *self.decoder, number: self.number })
            .map_err(|error| error.at(Step::Variant(variant.to_owned())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.stage == Stage::Name))
    }
}

/// The content of a variant as a value of its own: what a newtype variant holds, a tuple, or a struct.
struct Content<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
}

impl Content<'_, '_, '_> {
    fn newtype(&self) -> Option<u8> {
        let (shape, layout) = self.decoder.layout(self.number);
        (shape.kind == Kind::NewtypeVariant).then(|| layout.tags[0])
    }
}

macro_rules! content {
    ($($method:ident($($arg:ident: $ty:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            match self.newtype() {
                Some(slot) => Value { decoder: self.decoder, slot }.$method($($arg,)* visitor),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Content<'_, '_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        self.newtype().is_some_and(|slot| self.decoder.is_readable(slot))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let (shape, _) = self.decoder.layout(self.number);
        match (self.newtype(), shape.kind.is_named()) {
            (Some(slot), _) => Value { decoder: self.decoder, slot }.deserialize_any(visitor),
            (None, true) => by_name(self.decoder, self.number, visitor),
            (None, false) => in_order(self.decoder, self.number, visitor),
        }
    }

    content! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_seq() deserialize_tuple(len: usize)
        deserialize_tuple_struct(name: &'static str, len: usize) deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
        deserialize_identifier()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Some(slot) = self.newtype() {
            return Value { decoder: self.decoder, slot }.deserialize_option(visitor);
        }
        let Content { decoder, number } = self;
        decoder.descend_option(|decoder| visitor.visit_some(Content { decoder, number }))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match self.newtype() {
            Some(slot) => {
                Value { decoder: self.decoder, slot }.deserialize_newtype_struct(name, visitor)
            }
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        skip::record(self.decoder, self.number)?;
        visitor.visit_unit()
    }
}

/// How a variant is encoded.
pub(super) enum Variant {
    /// As a record of this layout.
    Record(usize),
    /// As a map of one entry.
    Entry,
}

pub(super) fn variant<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    variant: &Variant,
    visitor: V,
) -> Result<V::Value> {
    // What a visitor leaves would be taken for what comes next.
    let taken = Cell::new(false);
    let value = match variant {
        &Variant::Record(number) => {
            let value = visitor.visit_enum(RecordVariant {
                decoder: &mut *decoder,
                number,
                taken: &taken,
            })?;
            // Of a unit variant nothing is left.
            taken.set(taken.get() || decoder.layout(number).0.len == 0);
            value
        }
        Variant::Entry => {
            let (count, more, [key, value]) = decoder.run_header::<2>()?;
            if (count, more) != (1, false) {
                return Err(Error::invalid_type(Unexpected::Map, &"an enum: a map of one entry"));
            }
            visitor.visit_enum(EntryVariant { decoder, key, value, taken: &taken })?
        }
    };
    if taken.get() {
        Ok(value)
    } else {
        Err(Error::custom("a variant is taken without its content"))
    }
}

struct RecordVariant<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    taken: &'d Cell<bool>,
}

impl<'de> EnumAccess<'de> for RecordVariant<'_, '_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let name = self.decoder.layout(self.number).0.variant;
        let name = self.decoder.bounds.hand_out(name)?;
        let name = seed.deserialize(BorrowedStrDeserializer::new(name))?;
        Ok((name, self))
    }
}

impl<'de> RecordVariant<'_, '_, 'de> {
    /// Reads what the variant holds; an error in it names the variant.
    #[inline]
    fn inside<R>(self, read: impl FnOnce(Content<'_, '_, 'de>) -> Result<R>) -> Result<R> {
        let RecordVariant { decoder, number, taken } = self;
        taken.set(true);
        read(Content { decoder: &mut *decoder, number })
            .map_err(|error| error.at(Step::Variant(decoder.layout(number).0.variant.to_owned())))
    }

    fn found(&self) -> Unexpected<'static> {
        match self.decoder.layout(self.number).0.kind {
            Kind::UnitVariant => Unexpected::UnitVariant,
            Kind::NewtypeVariant => Unexpected::NewtypeVariant,
            Kind::TupleVariant => Unexpected::TupleVariant,
            _ => Unexpected::StructVariant,
        }
    }
}

impl<'de> VariantAccess<'de> for RecordVariant<'_, '_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        self.taken.set(true);
        match self.decoder.layout(self.number).0.kind {
            Kind::UnitVariant => Ok(()),
            // `#[serde(other)]` takes any variant for a unit one: its content is passed over.
            _ => skip::record(self.decoder, self.number),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        match self.decoder.layout(self.number).0.kind {
            Kind::UnitVariant => Err(Error::invalid_type(self.found(), &"newtype variant")),
            // A variant that held its fields itself may have come to hold a struct or tuple of the same.
            _ => self.inside(|content| seed.deserialize(content)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        match self.decoder.layout(self.number).0.kind {
            Kind::UnitVariant => Err(Error::invalid_type(self.found(), &visitor)),
            _ => self.inside(|content| content.deserialize_seq(visitor)),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let kind = self.decoder.layout(self.number).0.kind;
        match kind {
            Kind::UnitVariant => Err(Error::invalid_type(self.found(), &visitor)),
            Kind::StructVariant if self.decoder.is_in_order(self.number, fields) => {
                self.inside(|content| in_order(content.decoder, content.number, visitor))
            }
            _ => self.inside(|content| content.deserialize_struct("", fields, visitor)),
        }
    }
}

/// A variant that is a map of one entry.
struct EntryVariant<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    key: u8,
    value: u8,
    taken: &'d Cell<bool>,
}

impl<'de> EnumAccess<'de> for EntryVariant<'_, '_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let name = seed.deserialize(Value { decoder: &mut *self.decoder, slot: self.key })?;
        Ok((name, self))
    }
}

impl<'d, 's, 'de> EntryVariant<'d, 's, 'de> {
    fn content(self) -> Value<'d, 's, 'de> {
        self.taken.set(true);
        Value { decoder: self.decoder, slot: self.value }
    }
}

impl<'de> VariantAccess<'de> for EntryVariant<'_, '_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        serde::de::Deserialize::deserialize(self.content())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.content())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.content().deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.content().deserialize_struct("", fields, visitor)
    }
}
