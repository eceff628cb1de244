//! A value of any serde shape, written as serde says it and in ways that derived code never does: sequences of mixed
//! items, lengths that are wrong, structs of one name with other fields, fields that are skipped.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use proptest::collection::vec;
use proptest::prelude::*;
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

pub(crate) type Name = &'static str;

/// What is told of a length beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    Right,
    Nothing,
    This(usize),
}

impl Told {
    fn of(self, len: usize) -> Option<usize> {
        match self {
            Told::Right => Some(len),
            Told::Nothing => None,
            Told::This(told) => Some(told),
        }
    }
}

/// Floats are their bits: a NaN is equal to itself and to no other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Unit,
    UnitStruct(Name),
    Bool(bool),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(u32),
    F64(u64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    None,
    Some(Box<Value>),
    Newtype(Name, Box<Value>),
    Seq(Vec<Value>, Told),
    Map(Vec<(Value, Value)>, Told),
    Tuple(Vec<Value>),
    TupleStruct(Name, Vec<Value>),
    Struct(Name, Fields),
    Variant(Name, u32, Name, Content),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Unit,
    Newtype(Box<Value>),
    Tuple(Vec<Value>),
    Struct(Fields),
}

/// A field that is `None` is skipped.
pub(crate) type Fields = Vec<(Name, Option<Value>)>;

/// The names of the fields that are written, as derived code has them: a constant of the program.
pub(crate) fn written(fields: &Fields) -> &'static [Name] {
    static KNOWN: LazyLock<Mutex<HashMap<Vec<Name>, &'static [Name]>>> =
        LazyLock::new(Mutex::default);
    let names: Vec<Name> =
        fields.iter().filter(|field| field.1.is_some()).map(|field| field.0).collect();
    let mut known = KNOWN.lock().unwrap();
    known.entry(names).or_insert_with_key(|names| Vec::leak(names.clone()))
}

/// Bytes, not a sequence of numbers.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Unit => s.serialize_unit(),
            Value::UnitStruct(name) => s.serialize_unit_struct(name),
            Value::Bool(value) => s.serialize_bool(*value),
            Value::I8(value) => s.serialize_i8(*value),
            Value::I16(value) => s.serialize_i16(*value),
            Value::I32(value) => s.serialize_i32(*value),
            Value::I64(value) => s.serialize_i64(*value),
            Value::I128(value) => s.serialize_i128(*value),
            Value::U8(value) => s.serialize_u8(*value),
            Value::U16(value) => s.serialize_u16(*value),
            Value::U32(value) => s.serialize_u32(*value),
            Value::U64(value) => s.serialize_u64(*value),
            Value::U128(value) => s.serialize_u128(*value),
            Value::F32(bits) => s.serialize_f32(f32::from_bits(*bits)),
            Value::F64(bits) => s.serialize_f64(f64::from_bits(*bits)),
            Value::Char(value) => s.serialize_char(*value),
            Value::Str(text) => s.serialize_str(text),
            Value::Bytes(bytes) => Bytes(bytes).serialize(s),
            Value::None => s.serialize_none(),
            Value::Some(inner) => s.serialize_some(&**inner),
            Value::Newtype(name, inner) => s.serialize_newtype_struct(name, &**inner),
            Value::Seq(items, told) => {
                let mut seq = s.serialize_seq(told.of(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Value::Map(entries, told) => {
                let mut map = s.serialize_map(told.of(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_key(key)?;
                    map.serialize_value(value)?;
                }
                map.end()
            }
            Value::Tuple(items) => {
                let mut tuple = s.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Value::TupleStruct(name, items) => {
                let mut tuple = s.serialize_tuple_struct(name, items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_field(item))?;
                tuple.end()
            }
            Value::Struct(name, fields) => {
                let mut record = s.serialize_struct(name, written(fields).len())?;
                for (field, value) in fields {
                    match value {
                        Some(value) => record.serialize_field(field, value)?,
                        None => record.skip_field(field)?,
                    }
                }
                record.end()
            }
            Value::Variant(name, index, variant, content) => match content {
                Content::Unit => s.serialize_unit_variant(name, *index, variant),
                Content::Newtype(inner) => {
                    s.serialize_newtype_variant(name, *index, variant, &**inner)
                }
                Content::Tuple(items) => {
                    let mut tuple =
                        s.serialize_tuple_variant(name, *index, variant, items.len())?;
                    items.iter().try_for_each(|item| tuple.serialize_field(item))?;
                    tuple.end()
                }
                Content::Struct(fields) => {
                    let len = written(fields).len();
                    let mut record = s.serialize_struct_variant(name, *index, variant, len)?;
                    for (field, value) in fields {
                        match value {
                            Some(value) => record.serialize_field(field, value)?,
                            None => record.skip_field(field)?,
                        }
                    }
                    record.end()
                }
            },
        }
    }
}

/// A few names, so that the same ones come again with other fields.
fn name() -> impl Strategy<Value = Name> {
    prop::sample::select(vec!["S", "T", "", "3d", "Ärger", "Array"])
}

fn fields(value: BoxedStrategy<Value>) -> BoxedStrategy<Fields> {
    let names = vec!["a", "b", "c", "v", "dim", "data", "", "größe"];
    let some = prop::sample::subsequence(names, 0..=8).prop_shuffle();
    (some, vec(prop::option::weighted(0.9, value), 8))
        .prop_map(|(names, values)| names.into_iter().zip(values).collect())
        .boxed()
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![
        4 => Just(Told::Right),
        1 => Just(Told::Nothing),
        1 => prop::sample::select(vec![0, 1, 2, 3, 5, 64, 70, usize::MAX]).prop_map(Told::This),
    ]
}

fn leaf() -> BoxedStrategy<Value> {
    // Small and large ones of each width: both ways to write a 64-bit number occur, also in one run.
    let small = || any::<u8>().prop_map(u64::from);
    prop_oneof![
        Just(Value::Unit),
        name().prop_map(Value::UnitStruct),
        any::<bool>().prop_map(Value::Bool),
        any::<i8>().prop_map(Value::I8),
        any::<i16>().prop_map(Value::I16),
        any::<i32>().prop_map(Value::I32),
        prop_oneof![any::<i64>(), any::<i8>().prop_map(i64::from)].prop_map(Value::I64),
        any::<i128>().prop_map(Value::I128),
        any::<u8>().prop_map(Value::U8),
        any::<u16>().prop_map(Value::U16),
        any::<u32>().prop_map(Value::U32),
        prop_oneof![any::<u64>(), small(), small().prop_map(|n| 1 << (n % 64))]
            .prop_map(Value::U64),
        any::<u128>().prop_map(Value::U128),
        any::<u32>().prop_map(Value::F32),
        prop::sample::select(vec![0x7fc0_0001, 0xff80_0001, 0x8000_0000]).prop_map(Value::F32),
        any::<u64>().prop_map(Value::F64),
        prop::sample::select(vec![0x7ff8_dead_beef_0001, 0x7ff0_0000_0000_0001, 1 << 63])
            .prop_map(Value::F64),
        any::<char>().prop_map(Value::Char),
        "\\PC{0,12}".prop_map(Value::Str),
        vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
        vec(any::<u8>(), 250..270).prop_map(Value::Bytes),
        Just(Value::None),
    ]
    .boxed()
}

fn nested(inner: &BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let boxed = || inner.clone().prop_map(Box::new);
    let items = |max: usize| vec(inner.clone(), 0..=max);
    // The same item several times, with perhaps another between them: runs of one type, and runs that change.
    let run = (inner.clone(), inner.clone(), 0_usize..8, 0_usize..9).prop_map(
        |(item, other, len, at)| {
            let mut run = vec![item; len];
            if at < len {
                run[at] = other;
            }
            run
        },
    );
    let content = prop_oneof![
        Just(Content::Unit),
        boxed().prop_map(Content::Newtype),
        items(4).prop_map(Content::Tuple),
        fields(inner.clone()).prop_map(Content::Struct),
    ];
    prop_oneof![
        boxed().prop_map(Value::Some),
        (name(), boxed()).prop_map(|(name, inner)| Value::Newtype(name, inner)),
        (items(6), told()).prop_map(|(items, told)| Value::Seq(items, told)),
        (run.clone(), told()).prop_map(|(items, told)| Value::Seq(items, told)),
        (vec((inner.clone(), inner.clone()), 0..5), told())
            .prop_map(|(entries, told)| Value::Map(entries, told)),
        (run.clone(), run, told()).prop_map(|(keys, values, told)| {
            Value::Map(keys.into_iter().zip(values).collect(), told)
        }),
        items(20).prop_map(Value::Tuple),
        (name(), items(20)).prop_map(|(name, items)| Value::TupleStruct(name, items)),
        (name(), fields(inner.clone())).prop_map(|(name, fields)| Value::Struct(name, fields)),
        (name(), 0_u32..3, name(), content).prop_map(|(name, index, variant, content)| {
            Value::Variant(name, index, variant, content)
        }),
    ]
    .boxed()
}

pub(crate) fn value() -> BoxedStrategy<Value> {
    leaf().prop_recursive(5, 60, 6, |inner| nested(&inner)).boxed()
}
