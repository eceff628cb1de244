//! One value of the inline block, which answers every request by what its tag says.

use std::borrow::Cow;

#[cfg(feature = "ndarray")]
use serde::de::value::UnitDeserializer;
use serde::de::{Deserializer, Error as _, Unexpected, Visitor};

use crate::array::{is_private, is_token};
use crate::context::{self, Form, Handed};
use crate::dtype::DType;
use crate::error::{Error, Result};
#[cfg(feature = "ndarray")]
use crate::value::{Builder, VALUE};
use crate::wire::{Schema, SchemaKind, Tag, unzigzag};

use super::array::{self, Array};
use super::buffer::{self, is_buffer};
use super::decoder::{ANY, Copied, Decoder, in_range, one_more};
use super::elements::{lend_bytes, visit_packed};
use super::items::{visit_entries, visit_items};
#[cfg(feature = "ndarray")]
use super::kept::Kept;
use super::key::MapKey;
use super::ndarray_form::{self, NDARRAY_FIELDS, is_ndarray_form, visit_rows};
use super::number;
use super::record::{by_name, entered, in_order};
use super::skip;
use super::variant::{self, SingleEntry};
use super::varints::{is_varint, visit_varints};
#[cfg(feature = "ndarray")]
use super::walk;

/// One value to be read. `slot` is its tag, or `ANY` where it carries its own.
pub(super) struct EncodedValue<'d, 's, 'de> {
    pub(super) decoder: &'d mut Decoder<'s, 'de>,
    pub(super) slot: u8,
}

impl<'d, 'de> EncodedValue<'d, '_, 'de> {
    /// The value's tag, without the options around the value: a value that is asked for as itself may have been written as an
    /// option.
    #[inline]
    pub(super) fn tag(&mut self) -> Result<Tag> {
        let tag = self.decoder.tag(self.slot)?;
        if matches!(tag, Tag::Option | Tag::Readable) { self.inner_tag(tag) } else { Ok(tag) }
    }

    /// The same, where most values have this tag, and their slot says so.
    #[inline]
    fn tag_or(&mut self, likely: Tag) -> Result<Tag> {
        if self.slot == likely as u8 { Ok(likely) } else { self.tag() }
    }

    #[cold]
    fn inner_tag(&mut self, mut tag: Tag) -> Result<Tag> {
        let mut passed = 0;
        loop {
            tag = match tag {
                Tag::Option => match self.decoder.reader.byte()? {
                    0 => return Err(Error::invalid_type(Unexpected::Option, &"a value")),
                    slot => self.decoder.tag(slot)?,
                },
                Tag::Readable => self.decoder.tag(ANY)?,
                tag => return Ok(tag),
            };
            passed = one_more(passed)?;
        }
    }

    /// Gives the value as what it is. For a list or an array this is not the quickest way: requests that lists and arrays usually
    /// answer have one of their own, and the compiler makes this one for every visitor.
    fn any<V: Visitor<'de>>(self, tag: Tag, visitor: V) -> Result<V::Value> {
        let decoder = self.decoder;
        match tag {
            Tag::Unit => visitor.visit_unit(),
            Tag::Bool => visitor.visit_bool(decoder.bool()?),
            Tag::I128 | Tag::U128 if is_buffer::<V>() => Err(buffer::no_room()),
            Tag::Char => visitor.visit_char(decoder.char()?),
            Tag::Str => visitor.visit_borrowed_str(decoder.reader.text()?),
            Tag::Bytes => lend_bytes(decoder.bytes()?, visitor),
            Tag::Option => match decoder.reader.byte()? {
                0 => visitor.visit_none(),
                slot => {
                    let decoder = &mut decoder.descend_option::<V::Value>()?;
                    visitor.visit_some(EncodedValue { decoder, slot })
                }
            },
            Tag::Seq => {
                let mut level = decoder.descend::<V::Value>()?;
                let header = level.run_header()?;
                visit_items(&mut level, header, visitor)
            }
            Tag::Map => {
                let mut level = decoder.descend::<V::Value>()?;
                let header = level.run_header()?;
                visit_entries(&mut level, header, visitor)
            }
            Tag::Record => {
                let number = decoder.record_number()?;
                EncodedValue { decoder, slot: ANY }.record(number, visitor)
            }
            Tag::Array | Tag::Ndarray => {
                EncodedValue { decoder, slot: ANY }.array::<V>(tag)?.only(visitor)
            }
            Tag::Blob => lend_bytes(decoder.array()?.bytes, visitor),
            tag => match number::read(&mut decoder.reader, tag)? {
                Some(number) => number::visit(number, visitor),
                None => Err(no_value(tag)),
            },
        }
    }

    /// The array that this tag says comes next. Its name is looked up for a visitor that fills serde's buffer.
    fn array<V>(self, tag: Tag) -> Result<Array<'d, 'de>> {
        self.array_for(is_buffer::<V>(), tag)
    }

    fn array_for(self, is_buffer: bool, tag: Tag) -> Result<Array<'d, 'de>> {
        let decoder = self.decoder;
        let (placed, name, usual) = match tag {
            Tag::Bytes => (decoder.short_array()?, Cow::Borrowed(decoder.field), Form::Bytes),
            tag => {
                let (placed, name) = if is_buffer {
                    let (placed, path) = decoder.lent_array_and_path()?;
                    (placed, Cow::Owned(path.to_string()))
                } else {
                    (decoder.array()?, Cow::Borrowed(""))
                };
                let usual = match tag {
                    Tag::Blob => Form::Bytes,
                    Tag::Ndarray => Form::Ndarray,
                    _ => Form::Token,
                };
                (placed, name, usual)
            }
        };
        Ok(Array::new(placed, name, usual, &decoder.bounds))
    }

    #[inline(never)]
    fn any_struct<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match self.tag()? {
            Tag::Record => {
                let number = self.decoder.record_number()?;
                if self.decoder.is_in_order(number, fields) {
                    in_order(&mut *self.decoder.descend::<V::Value>()?, number, visitor)
                } else {
                    self.record(number, visitor)
                }
            }
            Tag::Seq if fields == NDARRAY_FIELDS => {
                ndarray_form::visit_list(&mut *self.decoder.descend::<V::Value>()?, visitor)
            }
            tag => self.any_map(tag, visitor),
        }
    }

    /// Hands a value that is not a record to a visitor of a map.
    fn any_map<V: Visitor<'de>>(self, tag: Tag, visitor: V) -> Result<V::Value> {
        match tag {
            Tag::Array | Tag::Ndarray | Tag::Blob | Tag::Bytes => {
                self.array::<V>(tag)?.deserialize_map(visitor)
            }
            tag => self.any(tag, visitor),
        }
    }

    #[inline(never)]
    fn any_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.tag()? {
            // All byte fields are read as arrays, whatever their length: those of more than a few bytes are arrays.
            tag @ (Tag::Array | Tag::Ndarray | Tag::Blob | Tag::Bytes) => {
                self.array::<V>(tag)?.deserialize_seq(visitor)
            }
            Tag::Record => {
                let number = self.decoder.record_number()?;
                if is_ndarray_form(self.decoder.schema(number).0) {
                    return visit_rows(&mut *self.decoder.descend::<V::Value>()?, number, visitor);
                }
                self.record(number, visitor)
            }
            Tag::Seq => visit_seq(self.decoder, visitor),
            tag => self.any(tag, visitor),
        }
    }

    /// Answers a request for a newtype of a private name, for example of a type of another crate.
    #[inline(never)]
    fn private<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        #[cfg(feature = "ndarray")]
        if name == VALUE {
            return self.unknown(visitor);
        }
        // An option is kept, because the newtype may hold an option.
        let tag = self.decoder.tag(self.slot)?;
        if tag == Tag::Record {
            let start = self.decoder.reader.clone();
            let number = self.decoder.record_number()?;
            let (schema, _) = self.decoder.schema(number);
            // A type may be written in one form and asked for in another: `RawValue` is written as a struct and asked for as a newtype.
            if schema.kind == SchemaKind::Struct && schema.name == name {
                return by_name(&mut *self.decoder.descend::<V::Value>()?, number, visitor);
            }
            self.decoder.reader = start;
        }
        visitor.visit_newtype_struct(EncodedValue { slot: tag as u8, ..self })
    }

    /// Makes a value of unknown type. It goes past serde.
    #[cfg(feature = "ndarray")]
    fn unknown<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let mut builder = Builder::default();
        walk::value::<_, Kept>(self.decoder, self.slot, &mut builder)?;
        visit_unknown(builder, visitor)
    }

    /// An array, under the token.
    #[inline(never)]
    fn token<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let tag = self.tag_or(Tag::Array)?;
        match tag {
            Tag::Array | Tag::Ndarray | Tag::Blob if context::take_copies() => {
                match self.decoder.array_to_copy()? {
                    Copied::Placed(placed) => array::visit_token(placed, visitor),
                    Copied::Stream(stream) => array::visit_stream(stream, visitor),
                }
            }
            Tag::Array | Tag::Ndarray | Tag::Blob => {
                array::visit_token(self.decoder.lent_array()?, visitor)
            }
            Tag::Bytes => array::visit_token(self.decoder.short_array()?, visitor),
            // The array was not placed. The reader of arrays takes nested numbers and the ndarray form, too.
            tag => {
                let value = EncodedValue { decoder: self.decoder, slot: tag as u8 };
                context::handing(Handed::Inline, || visitor.visit_newtype_struct(value))
            }
        }
    }

    /// An option, around a value or a key.
    pub(super) fn option<V: Visitor<'de>, const KEY: bool>(self, visitor: V) -> Result<V::Value> {
        let mut tag = if self.slot == Tag::Option as u8 {
            Tag::Option
        } else {
            self.decoder.tag(self.slot)?
        };
        // A type of two forms may be an option in one of them.
        let mut passed = 0;
        while tag == Tag::Readable && self.decoder.peek_tag().is_some_and(is_optional) {
            passed = one_more(passed)?;
            tag = self.decoder.tag(ANY)?;
        }
        let slot = match tag {
            Tag::Option => match self.decoder.reader.byte()? {
                0 => return visitor.visit_none(),
                slot => slot,
            },
            // A format without options writes a unit for `None`.
            Tag::Unit => return visitor.visit_none(),
            // This counts as a level, although no option was written. Otherwise a type that holds itself in an option would go on
            // for ever.
            tag => tag as u8,
        };
        let decoder = &mut self.decoder.descend_option::<V::Value>()?;
        let value = EncodedValue { decoder, slot };
        if KEY { visitor.visit_some(MapKey(value)) } else { visitor.visit_some(value) }
    }

    /// A value whose slot does not say the tag that was asked for.
    #[inline(never)]
    fn other<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let tag = self.tag()?;
        self.any(tag, visitor)
    }

    /// Gives a record as a format without types would: a struct as a map, a unit variant as its name, another variant as a map of
    /// one entry. Serde's buffer behind `flatten` and `untagged` understands this.
    fn record<V: Visitor<'de>>(self, number: usize, visitor: V) -> Result<V::Value> {
        let schema = self.decoder.schema(number).0;
        let (kind, name, is_form) = (schema.kind, schema.variant, is_ndarray_form(schema));
        if kind == SchemaKind::UnitVariant {
            return visitor.visit_borrowed_str(self.decoder.bounds.hand_out(name)?);
        }
        let mut level = self.decoder.descend::<V::Value>()?;
        match kind {
            SchemaKind::Struct
                if is_form
                    && is_buffer::<V>()
                    && buffer::form_in_place(level.field) == Form::Elements =>
            {
                visit_rows(&mut level, number, visitor)
            }
            SchemaKind::Struct => by_name(&mut level, number, visitor),
            SchemaKind::Tuple => in_order(&mut level, number, visitor),
            _ => {
                let mut entry = SingleEntry::new(&mut level, number);
                let value = visitor.visit_map(&mut entry)?;
                entry.finish()?;
                Ok(value)
            }
        }
    }
}

#[cold]
fn no_value(tag: Tag) -> Error {
    Error::corrupt(format!("{} stands where a value should", tag.name()))
}

#[cold]
fn no_variant<'de, V: Visitor<'de>>(schema: &Schema<'_>, visitor: &V) -> Error {
    let what = if schema.kind == SchemaKind::Struct { "struct" } else { "tuple" };
    let found = format!("{what} {}", schema.name);
    Error::invalid_type(Unexpected::Other(found.trim_end()), visitor)
}

/// Calls the visitor of a value of unknown type. The value that was built goes past serde.
#[cfg(feature = "ndarray")]
pub(super) fn visit_unknown<'de, V: Visitor<'de>>(
    builder: Builder<'_>,
    visitor: V,
) -> Result<V::Value> {
    let value = Box::new(builder.finish()?);
    context::handing_value(value, || visitor.visit_newtype_struct(UnitDeserializer::new()))
}

/// A sequence, of which the visitor must take all.
fn visit_seq<'de, V: Visitor<'de>>(decoder: &mut Decoder<'_, 'de>, visitor: V) -> Result<V::Value> {
    let mut level = decoder.descend::<V::Value>()?;
    let header = level.run_header()?;
    // Numbers of one width are read as the elements of an array are, without the decoder between them.
    if let (count, false, [slot]) = header
        && let Some(dtype) = packed(slot)
    {
        let (bytes, len) = level.packed(count, dtype.item_size())?;
        return visit_packed(&dtype, bytes, &level.bounds, len, visitor);
    }
    if let (count, false, [slot]) = header
        && is_varint(slot)
    {
        return visit_varints(&mut level, count, slot, visitor);
    }
    visit_items(&mut level, header, visitor)
}

/// The dtype of numbers that take the same bytes as those of an array.
#[inline]
fn packed(slot: u8) -> Option<DType> {
    match Tag::from_byte(slot)? {
        Tag::Bool => Some(DType::BOOL),
        Tag::I8 => Some(DType::I8),
        Tag::U8 => Some(DType::U8),
        Tag::F32 => Some(DType::F32),
        Tag::F64 => Some(DType::F64),
        Tag::I64Fixed => Some(DType::I64),
        Tag::U64Fixed => Some(DType::U64),
        _ => None,
    }
}

fn is_optional(tag: Tag) -> bool {
    matches!(tag, Tag::Option | Tag::Unit | Tag::Readable)
}

macro_rules! plain {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
            let tag = self.tag()?;
            self.any(tag, visitor)
        }
    )*};
}

macro_rules! number {
    ($($method:ident $visit:ident $($tag:ident |$decoder:ident| $read:expr),+;)*) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            // Most values have the tag that is asked for, and their slot says so.
            $(if self.slot == Tag::$tag as u8 {
                let $decoder = self.decoder;
                return visitor.$visit($read);
            })+
            self.other(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for EncodedValue<'_, '_, 'de> {
    type Error = Error;

    /// What the value itself says. A type that has only one form never asks.
    fn is_human_readable(&self) -> bool {
        self.decoder.is_readable(self.slot)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let mut tag = self.decoder.tag(self.slot)?;
        let mut passed = 0;
        while tag == Tag::Readable {
            passed = one_more(passed)?;
            tag = self.decoder.tag(ANY)?;
        }
        self.decoder.look_if_large::<V::Value>()?;
        match tag {
            Tag::Seq | Tag::Map | Tag::Record | Tag::Option => {
                let EncodedValue { decoder, slot } = self;
                let fills_buffer = decoder.enter_buffer::<V>()?;
                let result = match tag {
                    Tag::Seq => visit_seq(decoder, visitor),
                    tag => EncodedValue { decoder: &mut *decoder, slot }.any(tag, visitor),
                };
                if fills_buffer {
                    decoder.bounds.leave_buffer();
                }
                result
            }
            Tag::Bytes if !is_buffer::<V>() => {
                array::visit_any_bytes(self.decoder.bytes()?, visitor)
            }
            Tag::Bytes | Tag::Blob | Tag::Array | Tag::Ndarray => {
                self.array::<V>(tag)?.deserialize_any(visitor)
            }
            tag => self.any(tag, visitor),
        }
    }

    plain! {
        deserialize_i128 deserialize_u128 deserialize_char deserialize_unit deserialize_identifier
    }

    // Types of which large objects have many values have code of their own here, so that the visitor's call can be inlined.
    number! {
        deserialize_bool visit_bool Bool |d| d.bool()?;
        deserialize_i8 visit_i8 I8 |d| d.reader.byte()?.cast_signed();
        deserialize_i16 visit_i16 I16 |d| in_range(Tag::I16, unzigzag(d.reader.varint()?))?;
        deserialize_u16 visit_u16 U16 |d| in_range(Tag::U16, d.reader.varint()?)?;
        deserialize_u8 visit_u8 U8 |d| d.reader.byte()?;
        deserialize_u32 visit_u32 U32 |d| in_range(Tag::U32, d.reader.varint()?)?;
        deserialize_u64 visit_u64 U64 |d| d.reader.varint()?, U64Fixed |d| u64::from_le_bytes(d.reader.array()?);
        deserialize_i32 visit_i32 I32 |d| in_range(Tag::I32, unzigzag(d.reader.varint()?))?;
        deserialize_i64 visit_i64 I64 |d| unzigzag(d.reader.varint()?), I64Fixed |d| i64::from_le_bytes(d.reader.array()?);
        deserialize_f32 visit_f32 F32 |d| f32::from_le_bytes(d.reader.array()?);
        deserialize_f64 visit_f64 F64 |d| f64::from_le_bytes(d.reader.array()?);
    }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.slot == Tag::Str as u8 {
            return visitor.visit_borrowed_str(self.decoder.reader.text()?);
        }
        self.other(visitor)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        match self.tag()? {
            tag @ (Tag::Array | Tag::Ndarray) => self.array::<V>(tag)?.deserialize_bytes(visitor),
            Tag::Seq => visit_seq(self.decoder, visitor),
            tag => self.any(tag, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.decoder.look_if_large::<V::Value>()?;
        self.option::<V, false>(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        if is_token(name) {
            return self.token(visitor);
        }
        if is_private(name) {
            return self.private(name, visitor);
        }
        self.decoder.look_if_large::<V::Value>()?;
        visitor.visit_newtype_struct(self)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.slot == Tag::Seq as u8 {
            return visit_seq(self.decoder, visitor);
        }
        self.any_seq(visitor)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.decoder.look_if_large::<V::Value>()?;
        if self.slot == Tag::Record as u8
            && let Some(record) = self.decoder.enter_tuple::<V::Value>(len)
        {
            return entered(self.decoder, record, visitor);
        }
        self.any_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value> {
        let tag = self.tag_or(Tag::Map)?;
        self.any_map(tag, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.decoder.look_if_large::<V::Value>()?;
        if self.slot == Tag::Record as u8
            && let Some(record) = self.decoder.enter_struct::<V::Value>(fields)
        {
            return entered(self.decoder, record, visitor);
        }
        self.any_struct(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.decoder.look_if_large::<V::Value>()?;
        match self.tag_or(Tag::Record)? {
            Tag::Record => {
                let number = self.decoder.record_number()?;
                if !self.decoder.kind(number).is_variant() {
                    return Err(no_variant(self.decoder.schema(number).0, &visitor));
                }
                variant::visit_record(&mut *self.decoder.descend::<V::Value>()?, number, visitor)
            }
            // A format without enums writes a name, or a map of one entry.
            Tag::Str => visitor.visit_enum(serde::de::value::BorrowedStrDeserializer::new(
                self.decoder.reader.text()?,
            )),
            Tag::Map => variant::visit_entry(&mut *self.decoder.descend::<V::Value>()?, visitor),
            tag @ (Tag::Array | Tag::Ndarray) => {
                self.array::<V>(tag)?.deserialize_enum(name, variants, visitor)
            }
            tag => self.any(tag, visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        skip::value(self.decoder, self.slot)?;
        visitor.visit_unit()
    }
}
