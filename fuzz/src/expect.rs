//! Asks for a [`Value`] part by part as derived code does, and compares.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};

use crate::value::{BytesAs, Content, Fields, Value, constant, written};

thread_local! {
    /// Values are compared by what they are worth, as formats give them that know no widths, and one kind of nothing.
    static BY_WORTH: Cell<bool> = const { Cell::new(false) };
}

/// Runs `read` with values compared by what they are worth.
pub fn by_worth<R>(read: impl FnOnce() -> R) -> R {
    BY_WORTH.set(true);
    let result = read();
    BY_WORTH.set(false);
    result
}

/// Asks for this value, and fails with both where it gets another.
#[derive(Clone, Copy)]
pub struct Same<'a>(pub &'a Value);

/// A number as it was found.
#[derive(Clone, Copy, Debug)]
enum Number {
    Signed(i128, &'static str),
    Unsigned(u128, &'static str),
    F32(f32),
    F64(f64),
}

impl Same<'_> {
    fn is(self) -> Option<Number> {
        use Number::{F32, F64, Signed, Unsigned};
        Some(match self.0 {
            Value::I8(n) => Signed((*n).into(), "i8"),
            Value::I16(n) => Signed((*n).into(), "i16"),
            Value::I32(n) => Signed((*n).into(), "i32"),
            Value::I64(n) => Signed((*n).into(), "i64"),
            Value::I128(n) => Signed(*n, "i128"),
            Value::U8(n) => Unsigned((*n).into(), "u8"),
            Value::U16(n) => Unsigned((*n).into(), "u16"),
            Value::U32(n) => Unsigned((*n).into(), "u32"),
            Value::U64(n) => Unsigned((*n).into(), "u64"),
            Value::U128(n) => Unsigned(*n, "u128"),
            Value::F32(bits) => F32(f32::from_bits(*bits)),
            Value::F64(bits) => F64(f64::from_bits(*bits)),
            _ => return None,
        })
    }

    fn number<E: Error>(self, found: Number) -> Result<(), E> {
        use Number::{F32, F64, Signed, Unsigned};
        let exact = match (self.is(), found) {
            (Some(Signed(a, of)), Signed(b, kind)) => a == b && of == kind,
            (Some(Unsigned(a, of)), Unsigned(b, kind)) => a == b && of == kind,
            (Some(F32(a)), F32(b)) => a.to_bits() == b.to_bits(),
            (Some(F64(a)), F64(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        };
        let whole = |number| match number {
            Signed(n, _) => Some((n < 0, n.unsigned_abs())),
            Unsigned(n, _) => Some((false, n)),
            F32(_) | F64(_) => None,
        };
        let worth = || match (self.is()?, found) {
            (F32(a), F64(b)) => Some(a.to_bits() == (b as f32).to_bits()),
            // JSON has one zero less, and writes a float that is whole as it likes.
            (F64(a), number) if whole(number).is_some() => {
                let (negative, n) = whole(number)?;
                Some(a == if negative { -(n as f64) } else { n as f64 })
            }
            (F32(a), number) if whole(number).is_some() => {
                let (negative, n) = whole(number)?;
                Some(a == if negative { -(n as f32) } else { n as f32 })
            }
            (a, b) => Some(whole(a)? == whole(b)?),
        };
        if exact || BY_WORTH.get() && worth() == Some(true) {
            return Ok(());
        }
        self.other(found)
    }

    fn other<E: Error>(self, found: impl fmt::Debug) -> Result<(), E> {
        Err(E::custom(format_args!("{:?} became {found:?}", self.0)))
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
            Value::Bytes(bytes, read) => {
                let found: Vec<u8> = match read {
                    BytesAs::Bytes => return d.deserialize_bytes(self),
                    BytesAs::List => Deserialize::deserialize(d)?,
                    BytesAs::Marked => serde_shm::array::deserialize(d)?,
                };
                if found == *bytes { Ok(()) } else { self.other(found) }
            }
            Value::Address(address) => {
                let found = std::net::IpAddr::deserialize(d)?;
                if found == *address { Ok(()) } else { self.other(found) }
            }
            Value::None | Value::Some(_) => d.deserialize_option(self),
            Value::Newtype(name, _) => d.deserialize_newtype_struct(name, self),
            Value::Seq(..) => d.deserialize_seq(self),
            Value::Map(..) => d.deserialize_map(self),
            Value::Tuple(items) => d.deserialize_tuple(items.len(), self),
            Value::TupleStruct(name, items) => d.deserialize_tuple_struct(name, items.len(), self),
            Value::Struct(name, fields) => d.deserialize_struct(name, written(fields), self),
            Value::Variant(name, _, variant, _) => {
                d.deserialize_enum(name, constant(vec![*variant]), self)
            }
            Value::Array(array) => array.compare(d),
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
            return Err(S::Error::custom(format_args!("{done} items, then nothing for {item:?}")));
        }
        done += 1;
    }
    match seq.next_element::<IgnoredAny>()? {
        None => Ok(()),
        Some(_) => Err(S::Error::custom(format_args!("there are more than {done} items"))),
    }
}

/// A name of a field, borrowed or not.
struct FieldName(String);

impl<'de> Deserialize<'de> for FieldName {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = FieldName;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<FieldName, E> {
                Ok(FieldName(name.to_owned()))
            }
        }
        d.deserialize_identifier(Text)
    }
}

/// The fields under their names, in any order.
fn by_name<'de, M: MapAccess<'de>>(fields: &Fields, mut map: M) -> Result<(), M::Error> {
    let mut seen = 0;
    while let Some(FieldName(name)) = map.next_key()? {
        let Some((_, Some(value))) = fields.iter().find(|field| field.0 == name) else {
            return Err(M::Error::custom(format_args!("there is a field {name:?} too many")));
        };
        map.next_value_seed(Same(value))?;
        seen += 1;
    }
    let all = written(fields).len();
    if seen == all {
        return Ok(());
    }
    Err(M::Error::custom(format_args!("{all} fields became {seen}")))
}

macro_rules! numbers {
    ($($visit:ident $ty:ty, $number:ident($as:ty);)*) => {$(
        fn $visit<E: Error>(self, value: $ty) -> Result<(), E> {
            self.number(Number::$number(<$as>::from(value), stringify!($ty)))
        }
    )*};
}

impl<'de> Visitor<'de> for Same<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.0 {
            Value::Bool(wanted) if *wanted == value => Ok(()),
            _ => self.other(value),
        }
    }

    numbers! {
        visit_i8 i8, Signed(i128);
        visit_i16 i16, Signed(i128);
        visit_i32 i32, Signed(i128);
        visit_i64 i64, Signed(i128);
        visit_i128 i128, Signed(i128);
        visit_u8 u8, Unsigned(u128);
        visit_u16 u16, Unsigned(u128);
        visit_u32 u32, Unsigned(u128);
        visit_u64 u64, Unsigned(u128);
        visit_u128 u128, Unsigned(u128);
    }

    fn visit_f32<E: Error>(self, value: f32) -> Result<(), E> {
        self.number(Number::F32(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.number(Number::F64(value))
    }

    fn visit_char<E: Error>(self, value: char) -> Result<(), E> {
        match self.0 {
            Value::Char(wanted) if *wanted == value => Ok(()),
            _ => self.other(value),
        }
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        match self.0 {
            Value::Str(wanted) if wanted == value => Ok(()),
            Value::Char(wanted) if BY_WORTH.get() && value.chars().eq([*wanted]) => Ok(()),
            _ => self.other(value),
        }
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<(), E> {
        match self.0 {
            Value::Bytes(wanted, _) if wanted == value => Ok(()),
            _ => self.other(value),
        }
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.0 {
            Value::Unit | Value::UnitStruct(_) => Ok(()),
            Value::None if BY_WORTH.get() => Ok(()),
            _ => self.other(()),
        }
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        match self.0 {
            Value::None => Ok(()),
            Value::Unit | Value::UnitStruct(_) if BY_WORTH.get() => Ok(()),
            _ => self.other("none"),
        }
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.0 {
            Value::Some(inner) => Same(inner).deserialize(d),
            _ => self.other("some"),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.0 {
            Value::Newtype(_, inner) => Same(inner).deserialize(d),
            _ => self.other("a newtype"),
        }
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        match self.0 {
            Value::Seq(items, _) | Value::Tuple(items) | Value::TupleStruct(_, items) => {
                in_order(items.iter(), seq)
            }
            Value::Struct(_, fields) => {
                in_order(fields.iter().filter_map(|field| field.1.as_ref()), seq)
            }
            Value::Bytes(wanted, _) if BY_WORTH.get() => {
                let mut found = Vec::new();
                while let Some(byte) = seq.next_element::<u8>()? {
                    found.push(byte);
                }
                if found == *wanted { Ok(()) } else { self.other(found) }
            }
            _ => self.other("a sequence"),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        match self.0 {
            Value::Map(entries, _) => {
                for (key, value) in entries {
                    if map.next_key_seed(Same(key))?.is_none() {
                        return Err(M::Error::custom(format_args!("{key:?} is missing")));
                    }
                    map.next_value_seed(Same(value))?;
                }
                match map.next_key::<IgnoredAny>()? {
                    None => Ok(()),
                    Some(_) => Err(M::Error::custom("there is an entry too many")),
                }
            }
            Value::Struct(_, fields) => by_name(fields, map),
            _ => self.other("a map"),
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let Value::Variant(_, _, name, content) = self.0 else {
            return self.other("an enum");
        };
        let (FieldName(found), access) = access.variant()?;
        if found != *name {
            return self.other(found);
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
