//! Variants of enums: a record, or a map of one entry, as formats without enums write them.

use std::cell::Cell;

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, Unexpected, VariantAccess,
    Visitor,
};

use crate::error::{Error, Result, Step};
use crate::wire::Kind;

use super::decoder::Decoder;
use super::record::{by_name, in_order};
use super::skip;
use super::value::Value;

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
