//! Two readers of a [`Value`]: one that takes what it is given, as formats that describe themselves allow, and one that
//! asks for each part as what it was, as derived code does, and compares.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use crate::roundtrip::value::{Content, Fields, Told, Value, written};
use crate::support::forever::forever;

/// What a reader that does not know the type is given: newtypes are gone, tuples are sequences, structs are maps of
/// their fields' names, and variants are a name, or a map of one entry.
pub(crate) fn plain(value: &Value) -> Value {
    let all = |items: &[Value]| Value::Seq(items.iter().map(plain).collect(), Told::Right);
    let by_name = |fields: &Fields| {
        let written =
            fields.iter().filter_map(|(name, value)| Some((text(name), plain(value.as_ref()?))));
        Value::Map(written.collect(), Told::Right)
    };
    match value {
        Value::UnitStruct(_) => Value::Unit,
        Value::Some(inner) => Value::Some(Box::new(plain(inner))),
        Value::Newtype(_, inner) => plain(inner),
        Value::Seq(items, _) | Value::Tuple(items) | Value::TupleStruct(_, items) => all(items),
        Value::Map(entries, _) => Value::Map(
            entries.iter().map(|(key, value)| (plain(key), plain(value))).collect(),
            Told::Right,
        ),
        Value::Struct(_, fields) => by_name(fields),
        Value::Variant(_, _, variant, content) => {
            let content = match content {
                Content::Unit => return text(variant),
                Content::Newtype(inner) => plain(inner),
                Content::Tuple(items) => all(items),
                Content::Struct(fields) => by_name(fields),
            };
            Value::Map(vec![(text(variant), content)], Told::Right)
        }
        leaf => leaf.clone(),
    }
}

fn text(name: &str) -> Value {
    Value::Str(name.to_owned())
}

/// Takes what it is given.
struct Any;

macro_rules! leaves {
    ($($visit:ident $ty:ty, |$value:ident| $make:expr;)*) => {$(
        fn $visit<E: Error>(self, $value: $ty) -> Result<Value, E> {
            Ok($make)
        }
    )*};
}

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    leaves! {
        visit_bool bool, |value| Value::Bool(value);
        visit_i8 i8, |value| Value::I8(value);
        visit_i16 i16, |value| Value::I16(value);
        visit_i32 i32, |value| Value::I32(value);
        visit_i64 i64, |value| Value::I64(value);
        visit_i128 i128, |value| Value::I128(value);
        visit_u8 u8, |value| Value::U8(value);
        visit_u16 u16, |value| Value::U16(value);
        visit_u32 u32, |value| Value::U32(value);
        visit_u64 u64, |value| Value::U64(value);
        visit_u128 u128, |value| Value::U128(value);
        visit_f32 f32, |value| Value::F32(value.to_bits());
        visit_f64 f64, |value| Value::F64(value.to_bits());
        visit_char char, |value| Value::Char(value);
        visit_borrowed_str &'de str, |value| text(value);
        visit_borrowed_bytes &'de [u8], |value| Value::Bytes(value.to_vec());
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Unit)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        Value::deserialize(d).map(|inner| Value::Some(Box::new(inner)))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Value, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Value::Seq(items, Told::Right))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Value, M::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Value::Map(entries, Told::Right))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Any)
    }
}

/// Asks for this value, and fails with both where it gets another.
#[derive(Clone, Copy)]
pub(crate) struct Same<'a>(pub(crate) &'a Value);

impl Same<'_> {
    fn check<E: Error>(self, found: &Value) -> Result<(), E> {
        if self.0 == found {
            Ok(())
        } else {
            Err(E::custom(format_args!("{:?} became {found:?}", self.0)))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Same<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.0 {
            Value::Unit => d.deserialize_unit(self),
            Value::UnitStruct(name) => d.deserialize_unit_struct(name, self),
            Value::Bool(_) => d.deserialize_bool(self),
            Value::I8(_) => d.deserialize_i8(self),
            Value::I16(_) => d.deserialize_i16(self),
            Value::I32(_) => d.deserialize_i32(self),
            Value::I64(_) => d.deserialize_i64(self),
            Value::I128(_) => d.deserialize_i128(self),
            Value::U8(_) => d.deserialize_u8(self),
            Value::U16(_) => d.deserialize_u16(self),
            Value::U32(_) => d.deserialize_u32(self),
            Value::U64(_) => d.deserialize_u64(self),
            Value::U128(_) => d.deserialize_u128(self),
            Value::F32(_) => d.deserialize_f32(self),
            Value::F64(_) => d.deserialize_f64(self),
            Value::Char(_) => d.deserialize_char(self),
            Value::Str(_) => d.deserialize_str(self),
            Value::Bytes(_) => d.deserialize_bytes(self),
            Value::None | Value::Some(_) => d.deserialize_option(self),
            Value::Newtype(name, _) => d.deserialize_newtype_struct(name, self),
            Value::Seq(..) => d.deserialize_seq(self),
            Value::Map(..) => d.deserialize_map(self),
            Value::Tuple(items) => d.deserialize_tuple(items.len(), self),
            Value::TupleStruct(name, items) => d.deserialize_tuple_struct(name, items.len(), self),
            Value::Struct(name, fields) => d.deserialize_struct(name, written(fields), self),
            Value::Variant(name, _, variant, _) => {
                d.deserialize_enum(name, forever(Box::new([*variant])), self)
            }
        }
    }
}

fn in_order<'de, 'v, S: SeqAccess<'de>>(
    items: impl Iterator<Item = &'v Value>,
    mut seq: S,
) -> Result<(), S::Error> {
    let mut done = 0;
    for item in items {
        if seq.next_element_seed(Same(item))?.is_none() {
            return Err(S::Error::custom(format_args!(
                "there are {done} items, then nothing for {item:?}"
            )));
        }
        done += 1;
    }
    match seq.next_element::<IgnoredAny>()? {
        None => Ok(()),
        Some(_) => Err(S::Error::custom(format_args!("there are more than {done} items"))),
    }
}

/// The fields under their names, or every second of them passed over.
fn by_name<'de, M: MapAccess<'de>>(fields: &Fields, mut map: M) -> Result<(), M::Error> {
    for (number, (name, value)) in fields.iter().filter(|field| field.1.is_some()).enumerate() {
        let found: Option<&str> = map.next_key()?;
        if found != Some(name) {
            return Err(M::Error::custom(format_args!("field {name:?} became {found:?}")));
        }
        match value {
            Some(value) if number % 2 == 0 => map.next_value_seed(Same(value))?,
            _ => map.next_value::<IgnoredAny>().map(drop)?,
        }
    }
    match map.next_key::<IgnoredAny>()? {
        None => Ok(()),
        Some(_) => Err(M::Error::custom("there is a field too many")),
    }
}

fn of_fields(fields: &Fields) -> impl Iterator<Item = &Value> {
    fields.iter().filter_map(|field| field.1.as_ref())
}

impl<'de> Visitor<'de> for Same<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.check(&Value::Bool(value))
    }
    fn visit_i8<E: Error>(self, value: i8) -> Result<(), E> {
        self.check(&Value::I8(value))
    }
    fn visit_i16<E: Error>(self, value: i16) -> Result<(), E> {
        self.check(&Value::I16(value))
    }
    fn visit_i32<E: Error>(self, value: i32) -> Result<(), E> {
        self.check(&Value::I32(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.check(&Value::I64(value))
    }
    fn visit_i128<E: Error>(self, value: i128) -> Result<(), E> {
        self.check(&Value::I128(value))
    }
    fn visit_u8<E: Error>(self, value: u8) -> Result<(), E> {
        self.check(&Value::U8(value))
    }
    fn visit_u16<E: Error>(self, value: u16) -> Result<(), E> {
        self.check(&Value::U16(value))
    }
    fn visit_u32<E: Error>(self, value: u32) -> Result<(), E> {
        self.check(&Value::U32(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.check(&Value::U64(value))
    }
    fn visit_u128<E: Error>(self, value: u128) -> Result<(), E> {
        self.check(&Value::U128(value))
    }
    fn visit_f32<E: Error>(self, value: f32) -> Result<(), E> {
        self.check(&Value::F32(value.to_bits()))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.check(&Value::F64(value.to_bits()))
    }
    fn visit_char<E: Error>(self, value: char) -> Result<(), E> {
        self.check(&Value::Char(value))
    }
    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        self.check(&text(value))
    }
    fn visit_borrowed_bytes<E: Error>(self, value: &'de [u8]) -> Result<(), E> {
        self.check(&Value::Bytes(value.to_vec()))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.0 {
            Value::UnitStruct(_) => Ok(()),
            _ => self.check(&Value::Unit),
        }
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.check(&Value::None)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.0 {
            Value::Some(inner) => Same(inner).deserialize(d),
            other => Err(D::Error::custom(format_args!("{other:?} became `Some`"))),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.0 {
            Value::Newtype(_, inner) => Same(inner).deserialize(d),
            other => Err(D::Error::custom(format_args!("{other:?} became a newtype"))),
        }
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<(), S::Error> {
        match self.0 {
            Value::Seq(items, _) | Value::Tuple(items) | Value::TupleStruct(_, items) => {
                in_order(items.iter(), seq)
            }
            Value::Struct(_, fields) => in_order(of_fields(fields), seq),
            other => Err(S::Error::custom(format_args!("{other:?} became a sequence"))),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        match self.0 {
            Value::Map(entries, _) => {
                for (key, value) in entries {
                    if map.next_key_seed(Same(key))?.is_none() {
                        return Err(M::Error::custom(format_args!(
                            "the entry of {key:?} is missing"
                        )));
                    }
                    map.next_value_seed(Same(value))?;
                }
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(()),
                    Some(_) => Err(M::Error::custom("there is an entry too many")),
                }
            }
            Value::Struct(_, fields) => by_name(fields, map),
            other => Err(M::Error::custom(format_args!("{other:?} became a map"))),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let Value::Variant(_, _, name, content) = self.0 else {
            return Err(A::Error::custom(format_args!("{:?} became an enum", self.0)));
        };
        let (found, access): (String, _) = access.variant()?;
        if found != *name {
            return Err(A::Error::custom(format_args!("variant {name:?} became {found:?}")));
        }
        match content {
            Content::Unit => access.unit_variant(),
            Content::Newtype(inner) => access.newtype_variant_seed(Same(inner)),
            Content::Tuple(items) => {
                access.tuple_variant(items.len(), Same(&Value::Tuple(items.clone())))
            }
            Content::Struct(fields) => {
                let same = Value::Struct("", fields.clone());
                access.struct_variant(written(fields), Same(&same))
            }
        }
    }
}

/// A pair: the value, or whatever there is passed over, then a mark that shows whether the reader stands where it should.
pub(crate) struct ThenMark<'a>(pub(crate) Option<&'a Value>);

pub(crate) const MARK: u32 = 0x5eed_cafe;

impl<'de> DeserializeSeed<'de> for ThenMark<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_tuple(2, self)
    }
}

impl<'de> Visitor<'de> for ThenMark<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value and the mark")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        match self.0 {
            Some(value) => seq.next_element_seed(Same(value))?.unwrap_or_default(),
            None => drop(seq.next_element::<IgnoredAny>()?),
        }
        match seq.next_element()? {
            Some(MARK) => Ok(()),
            other => Err(S::Error::custom(format_args!("the mark became {other:?}"))),
        }
    }
}
