//! Variants of enums: a record, or a map of one entry, as formats without enums write them.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, Unexpected, VariantAccess,
    Visitor,
};

use crate::error::{Error, Result, Step};
use crate::wire::SchemaKind;

use super::decoder::Decoder;
use super::record::{by_name, in_order, in_variant, variant_in_order};
use super::skip;
use super::value::EncodedValue;

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
        let name = self.decoder.schema(self.number).0.variant;
        seed.deserialize(BorrowedStrDeserializer::new(self.decoder.bounds.hand_out(name)?))
            .map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if self.stage != Stage::Content {
            return Err(Error::custom("a variant's content is asked for before its name"));
        }
        self.stage = Stage::Done;
        let (schema, _) = self.decoder.schema(self.number);
        let variant = schema.variant;
        seed.deserialize(VariantContent { decoder: &mut *self.decoder, number: self.number })
            .map_err(|error| error.at(Step::Variant(variant.to_owned())))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(usize::from(self.stage == Stage::Name))
    }
}

/// The content of a variant as a value of its own: what a newtype variant holds, a tuple, or a struct.
struct VariantContent<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
}

impl VariantContent<'_, '_, '_> {
    fn newtype(&self) -> Option<u8> {
        (self.decoder.kind(self.number) == SchemaKind::NewtypeVariant)
            .then(|| self.decoder.tags(self.number)[0])
    }
}

macro_rules! content {
    ($($method:ident($($arg:ident: $ty:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            match self.newtype() {
                Some(slot) => EncodedValue { decoder: self.decoder, slot }.$method($($arg,)* visitor),
                None => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for VariantContent<'_, '_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        self.newtype().is_some_and(|slot| self.decoder.is_readable(slot))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let (schema, _) = self.decoder.schema(self.number);
        match (self.newtype(), schema.kind.is_named()) {
            (Some(slot), _) => {
                EncodedValue { decoder: self.decoder, slot }.deserialize_any(visitor)
            }
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
            return EncodedValue { decoder: self.decoder, slot }.deserialize_option(visitor);
        }
        let VariantContent { decoder, number } = self;
        let mut level = decoder.descend_option::<V::Value>()?;
        visitor.visit_some(VariantContent { decoder: &mut level, number })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match self.newtype() {
            Some(slot) => EncodedValue { decoder: self.decoder, slot }
                .deserialize_newtype_struct(name, visitor),
            None => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        skip::record(self.decoder, self.number)?;
        visitor.visit_unit()
    }
}

/// A variant that is a record of this number.
pub(super) fn visit_record<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    number: usize,
    visitor: V,
) -> Result<V::Value> {
    let mut record = VariantRecord { decoder, number, is_taken: false };
    visitor.visit_enum(RecordVariant(&mut record))
}

/// A variant that is a map of one entry, which comes next.
pub(super) fn visit_entry<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    visitor: V,
) -> Result<V::Value> {
    let (count, more, [key, value]) = decoder.run_header::<2>()?;
    if (count, more) != (1, false) {
        return Err(Error::invalid_type(Unexpected::Map, &"an enum: a map of one entry"));
    }
    let mut entry = VariantEntry { decoder, key, value, is_taken: false };
    let mut result = visitor.visit_enum(EntryVariant(&mut entry));
    if !entry.is_taken {
        result = untaken(result);
    }
    result
}

/// An error if the visitor succeeded without taking the content, which would otherwise be read as the next value.
#[cold]
fn untaken<T>(result: Result<T>) -> Result<T> {
    result.and_then(|_| Err(Error::custom("a variant is taken without its content")))
}

/// A record that is a variant.
struct VariantRecord<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    number: usize,
    /// Whether the visitor has asked for the content.
    is_taken: bool,
}

/// Notes a content that the visitor has left, because it would be read as the next value. This gives no error at once, because
/// the visitor's result is returned without a look at it.
impl Drop for VariantRecord<'_, '_, '_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn drop(&mut self) {
        if !self.is_taken {
            // A unit variant has no content.
            let fields = self.decoder.schema(self.number).0.len;
            if fields != 0 {
                self.decoder.note_untaken(self.number, fields);
            }
        }
    }
}

/// This is only a reference, because it is returned beside the variant's name. To move a larger value as a whole, after it was
/// stored in parts, costs more than to read the name.
struct RecordVariant<'v, 'd, 's, 'de>(&'v mut VariantRecord<'d, 's, 'de>);

impl<'de> EnumAccess<'de> for RecordVariant<'_, '_, '_, 'de> {
    type Error = Error;
    type Variant = Self;

    #[inline]
    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let VariantRecord { decoder, number, .. } = &*self.0;
        let name = decoder.bounds.hand_out(decoder.schema(*number).0.variant)?;
        let name = seed.deserialize(BorrowedStrDeserializer::new(name))?;
        Ok((name, self))
    }
}

impl<'de> RecordVariant<'_, '_, '_, 'de> {
    /// Reads the variant's content. An error in it names the variant.
    #[inline]
    fn inside<R>(self, read: impl FnOnce(VariantContent<'_, '_, 'de>) -> Result<R>) -> Result<R> {
        let VariantRecord { decoder, number, is_taken } = self.0;
        *is_taken = true;
        read(VariantContent { decoder, number: *number })
            .map_err(|error| in_variant(error, decoder, *number))
    }

    #[inline]
    fn kind(&self) -> SchemaKind {
        self.0.decoder.kind(self.0.number)
    }

    fn found(&self) -> Unexpected<'static> {
        match self.kind() {
            SchemaKind::UnitVariant => Unexpected::UnitVariant,
            SchemaKind::NewtypeVariant => Unexpected::NewtypeVariant,
            SchemaKind::TupleVariant => Unexpected::TupleVariant,
            _ => Unexpected::StructVariant,
        }
    }
}

impl<'de> VariantAccess<'de> for RecordVariant<'_, '_, '_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        self.0.is_taken = true;
        match self.kind() {
            SchemaKind::UnitVariant => Ok(()),
            // `#[serde(other)]` takes any variant for a unit variant, so the content is skipped.
            _ => skip::record(self.0.decoder, self.0.number),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        match self.kind() {
            SchemaKind::UnitVariant => Err(Error::invalid_type(self.found(), &"newtype variant")),
            SchemaKind::NewtypeVariant => self.inside(|VariantContent { decoder, number }| {
                let slot = decoder.tags(number)[0];
                seed.deserialize(EncodedValue { decoder, slot })
            }),
            // A variant may have had fields when it was written, and now hold a struct or tuple of the same fields.
            _ => self.inside(|content| seed.deserialize(content)),
        }
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        match self.kind() {
            SchemaKind::UnitVariant => Err(Error::invalid_type(self.found(), &visitor)),
            SchemaKind::TupleVariant if self.0.decoder.tags(self.0.number).len() == len => {
                self.0.is_taken = true;
                variant_in_order(self.0.decoder, self.0.number, visitor)
            }
            SchemaKind::TupleVariant => {
                self.inside(|VariantContent { decoder, number }| in_order(decoder, number, visitor))
            }
            _ => self.inside(|content| content.deserialize_seq(visitor)),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.kind() {
            SchemaKind::UnitVariant => Err(Error::invalid_type(self.found(), &visitor)),
            SchemaKind::StructVariant if self.0.decoder.is_in_order(self.0.number, fields) => {
                self.0.is_taken = true;
                variant_in_order(self.0.decoder, self.0.number, visitor)
            }
            _ => self.inside(|content| content.deserialize_struct("", fields, visitor)),
        }
    }
}

/// An entry of a map that is a variant.
struct VariantEntry<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    key: u8,
    value: u8,
    /// Whether the visitor has asked for the value.
    is_taken: bool,
}

struct EntryVariant<'v, 'd, 's, 'de>(&'v mut VariantEntry<'d, 's, 'de>);

impl<'de> EnumAccess<'de> for EntryVariant<'_, '_, '_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self)> {
        let key = EncodedValue { decoder: &mut *self.0.decoder, slot: self.0.key };
        Ok((seed.deserialize(key)?, self))
    }
}

impl<'v, 's, 'de> EntryVariant<'v, '_, 's, 'de> {
    fn content(self) -> EncodedValue<'v, 's, 'de> {
        let VariantEntry { decoder, value, is_taken, .. } = self.0;
        *is_taken = true;
        EncodedValue { decoder, slot: *value }
    }
}

impl<'de> VariantAccess<'de> for EntryVariant<'_, '_, '_, 'de> {
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
