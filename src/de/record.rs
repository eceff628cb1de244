//! The fields of a record. They are handed over by position, which most structs take, or by name.

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result, Step};
use crate::wire::Tag;

use super::decoder::{self, ANY, Decoder};
use super::items::{unnamed, untaken};
use super::key::TextKey;
use super::skip;
use super::value::EncodedValue;

/// A record's fields as a map of their names.
pub(super) fn by_name<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    number: usize,
    visitor: V,
) -> Result<V::Value> {
    let mut fields = FieldsByName::new(decoder, number);
    let value = visitor.visit_map(&mut fields)?;
    fields.finish()?;
    Ok(value)
}

/// A record's fields as a sequence.
#[inline]
pub(super) fn in_order<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    number: usize,
    visitor: V,
) -> Result<V::Value> {
    let tags = decoder.tags(number);
    let mut fields = FieldsInOrder::new(decoder, number, tags);
    let mut result = visitor.visit_seq(&mut fields);
    let left = fields.left();
    if left != 0 {
        decoder.learn_left(number);
        result = result.and_then(|_| Err(decoder::too_many(decoder, number, left)));
    }
    result
}

/// Hands the fields of a record that was entered to a visitor that takes exactly so many. The visitor's result is returned
/// without a look at it: if a value was stored in parts, to move it as a whole costs more than to read a small struct.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn entered<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    (number, tags): (usize, &'de [u8]),
    visitor: V,
) -> Result<V::Value> {
    visitor.visit_seq(&mut Entered::<true>(FieldsInOrder::new(decoder, number, tags)))
}

/// The same for a variant's fields. An error in one of them names the variant, too.
#[inline]
pub(super) fn variant_in_order<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    number: usize,
    visitor: V,
) -> Result<V::Value> {
    let tags = decoder.tags(number);
    visitor.visit_seq(&mut Entered::<false>(FieldsInOrder::new(decoder, number, tags)))
}

/// A record's fields by position.
struct FieldsInOrder<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    /// The tags of the fields that are left.
    tags: &'de [u8],
}

impl<'d, 's, 'de> FieldsInOrder<'d, 's, 'de> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(decoder: &'d mut Decoder<'s, 'de>, number: usize, tags: &'de [u8]) -> Self {
        FieldsInOrder { decoder, number, tags }
    }

    /// How many fields were not taken.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn left(&self) -> usize {
        self.tags.len()
    }
}

/// Fields that are counted when the visitor is done, when it is too late to return an error: the decoder notes how many are
/// left. With `ENTERED`, they are those of a record that was entered and is left at their end, otherwise those of a variant.
struct Entered<'d, 's, 'de, const ENTERED: bool>(FieldsInOrder<'d, 's, 'de>);

impl<const ENTERED: bool> Drop for Entered<'_, '_, '_, ENTERED> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop(&mut self) {
        let Entered(fields) = self;
        if !fields.tags.is_empty() {
            fields.decoder.note_left(fields.number, fields.tags.len());
        }
        if ENTERED {
            fields.decoder.leave();
        }
    }
}

impl<'de, const ENTERED: bool> SeqAccess<'de> for &mut Entered<'_, '_, 'de, ENTERED> {
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        match (&mut self.0).next_element_seed(seed) {
            Err(error) if !ENTERED => Err(in_variant(error, self.0.decoder, self.0.number)),
            result => result,
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.left())
    }
}

/// An error in the content of a variant.
#[cold]
#[inline(never)]
pub(super) fn in_variant(error: Error, decoder: &Decoder<'_, '_>, number: usize) -> Error {
    error.at(Step::Variant(decoder.schema(number).0.variant.to_owned()))
}

/// The error of the field that was read last, with the field's place.
#[cold]
#[inline(never)]
fn in_field(error: Error, decoder: &mut Decoder<'_, '_>, number: usize, left: usize) -> Error {
    decoder.note_failure();
    let schema = decoder.schema(number).0;
    let at = schema.len - left - 1;
    match schema.fields.get(at) {
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
        match seed.deserialize(EncodedValue { decoder: &mut *self.decoder, slot }) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(in_field(error, self.decoder, self.number, tags.len())),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.tags.len())
    }
}

/// A record's fields by name. Fields that were not written are left out.
struct FieldsByName<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    done: usize,
    name: &'de str,
    /// The tag of the field whose name was given last.
    slot: Option<u8>,
}

impl<'d, 's, 'de> FieldsByName<'d, 's, 'de> {
    fn new(decoder: &'d mut Decoder<'s, 'de>, number: usize) -> Self {
        FieldsByName { decoder, number, done: 0, name: "", slot: None }
    }

    fn next_name(&mut self) -> Result<Option<&'de str>> {
        loop {
            let (schema, tags) = self.decoder.schema(self.number);
            let Some(&tag) = tags.tags.get(self.done) else { return Ok(None) };
            // A schema of a named kind has a name for each tag; the tables were checked.
            let name = schema.fields.get(self.done).copied().unwrap_or_default();
            self.done += 1;
            let tag = if tag == ANY { self.decoder.reader.byte()? } else { tag };
            if tag != Tag::Absent as u8 {
                self.slot = Some(tag);
                self.name = name;
                return self.decoder.bounds.hand_out(name).map(Some);
            }
        }
    }

    fn finish(mut self) -> Result<()> {
        // A visitor that stops early has all that it wants. The rest is skipped, as unknown fields are.
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
        let outer = std::mem::replace(&mut self.decoder.field, self.name);
        let value = seed.deserialize(EncodedValue { decoder: &mut *self.decoder, slot });
        self.decoder.field = outer;
        value.map_err(|error| error.at_field(self.name))
    }
}
