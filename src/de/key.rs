//! Keys of maps. A key answers a request for a number by a number, a request for text by text, and a request for anything by what
//! was written. So types that know only text for keys can read a map with numbers for keys, and the other way round.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::array::is_private;
use crate::context;
use crate::error::{Error, Found, Result};
use crate::wire::{Tag, scalar_text};

use super::value::EncodedValue;

/// A key in the inline block.
pub(super) struct MapKey<'d, 's, 'de>(pub(super) EncodedValue<'d, 's, 'de>);

impl<'de> MapKey<'_, '_, 'de> {
    /// The text of a key that is a number, a bool or a char; the key itself if it is anything else.
    fn text(self) -> Result<std::result::Result<String, Self>> {
        let MapKey(mut value) = self;
        let tag = value.tag()?;
        let mut reader = value.decoder.reader.clone();
        if tag != Tag::Str
            && let Some(text) = scalar_text(&mut reader, tag)
        {
            value.decoder.reader = reader;
            return Ok(Ok(text));
        }
        Ok(Err(MapKey(EncodedValue { slot: tag as u8, ..value })))
    }

    #[inline(never)]
    fn other_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.text()? {
            Ok(text) => visitor.visit_string(text),
            Err(MapKey(value)) => value.deserialize_str(visitor),
        }
    }
}

/// Requests for values that may have been written as their text.
macro_rules! parsed {
    ($($method:ident $tag:ident;)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let MapKey(mut value) = self;
            if value.slot == Tag::$tag as u8 {
                return value.$method(visitor);
            }
            match value.tag()? {
                Tag::Str => TextKey(value.decoder.reader.text()?).$method(visitor),
                tag => EncodedValue { slot: tag as u8, ..value }.$method(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for MapKey<'_, '_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if context::is_text_key(typeid::of::<V>()) {
            return self.other_text(visitor);
        }
        let MapKey(EncodedValue { decoder, slot }) = self;
        EncodedValue { decoder, slot }.deserialize_any(visitor).inspect_err(|error: &Error| {
            if error.is_refusal_of(Found::Scalar) {
                context::learn_text_key(typeid::of::<V>());
            }
        })
    }

    parsed! {
        deserialize_bool Bool;
        deserialize_i8 I8;
        deserialize_i16 I16;
        deserialize_i32 I32;
        deserialize_i64 I64;
        deserialize_i128 I128;
        deserialize_u8 U8;
        deserialize_u16 U16;
        deserialize_u32 U32;
        deserialize_u64 U64;
        deserialize_u128 U128;
        deserialize_f32 F32;
        deserialize_f64 F64;
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let MapKey(value) = self;
        if value.slot == Tag::Str as u8 {
            return value.deserialize_str(visitor);
        }
        MapKey(value).other_text(visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.option::<V, true>(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        if is_private(name) {
            return self.0.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_bytes(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_bytes(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.0.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_char(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_unit(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_identifier(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.0.deserialize_ignored_any(visitor)
    }
}

/// A key that is text: the name of a field, or of an array in an archive. A request for a number or a bool parses the text.
pub(super) struct TextKey<'de>(pub(super) &'de str);

impl<'de> TextKey<'de> {
    fn parsed<T, V>(
        &self,
        visitor: V,
        visit: impl FnOnce(V, T) -> Result<V::Value>,
    ) -> Result<V::Value>
    where
        T: std::str::FromStr,
        V: Visitor<'de>,
    {
        match self.0.parse() {
            Ok(value) => visit(visitor, value),
            // The visitor may know another form of the value that it asks for.
            Err(_) => visitor.visit_borrowed_str(self.0),
        }
    }
}

macro_rules! parsed_text {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.parsed(visitor, V::$visit)
        }
    )*};
}

impl<'de> Deserializer<'de> for TextKey<'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.0)
    }

    parsed_text! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8
        deserialize_i16 visit_i16
        deserialize_i32 visit_i32
        deserialize_i64 visit_i64
        deserialize_i128 visit_i128
        deserialize_u8 visit_u8
        deserialize_u16 visit_u16
        deserialize_u32 visit_u32
        deserialize_u64 visit_u64
        deserialize_u128 visit_u128
        deserialize_f32 visit_f32
        deserialize_f64 visit_f64
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}
