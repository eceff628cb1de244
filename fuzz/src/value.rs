//! A value of any shape that serde knows, with arrays in it, out of a fuzzer's bytes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex};

use arbitrary::{Result, Unstructured};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::array::Array;

pub type Name = &'static str;

/// What is told of a length beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Told {
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

/// What bytes are asked for as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BytesAs {
    Bytes,
    List,
    Marked,
}

/// Floats are their bits: a NaN is equal to itself and to no other.
#[derive(Clone, Debug)]
pub enum Value {
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
    Bytes(Vec<u8>, BytesAs),
    /// Its type asks whether the format is for human readers.
    Address(IpAddr),
    None,
    Some(Box<Value>),
    Newtype(Name, Box<Value>),
    Seq(Vec<Value>, Told),
    Map(Vec<(Value, Value)>, Told),
    Tuple(Vec<Value>),
    TupleStruct(Name, Vec<Value>),
    Struct(Name, Fields),
    Variant(Name, u32, Name, Content),
    Array(Array),
}

#[derive(Clone, Debug)]
pub enum Content {
    Unit,
    Newtype(Box<Value>),
    Tuple(Vec<Value>),
    Struct(Fields),
}

/// A field that is `None` is skipped.
pub type Fields = Vec<(Name, Option<Value>)>;

/// Names as derived code has them: a constant of the program.
pub fn constant(names: Vec<Name>) -> &'static [Name] {
    static KNOWN: LazyLock<Mutex<HashMap<Vec<Name>, &'static [Name]>>> =
        LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    known.entry(names).or_insert_with_key(|names| Vec::leak(names.clone()))
}

/// The names of the fields that are written.
pub fn written(fields: &Fields) -> &'static [Name] {
    constant(fields.iter().filter(|field| field.1.is_some()).map(|field| field.0).collect())
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
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
            Value::Bytes(bytes, _) => s.serialize_bytes(bytes),
            Value::Address(address) => address.serialize(s),
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
            Value::Array(array) => array.serialize(s),
        }
    }
}

/// A few names, so that the same ones come again with other fields.
const NAMES: [Name; 6] = ["S", "T", "", "3d", "Ärger", "Array"];
const FIELDS: [Name; 10] = ["a", "b", "c", "v", "dim", "data", "", "größe", "x.y", "type"];

/// What a generator makes values of, and what it leaves out.
#[derive(Clone, Copy)]
pub struct Make {
    /// Lengths that are told wrong, and arrays that are read in another form than they were written in: what only this
    /// crate's containers bear.
    pub lies: bool,
    /// Values nest so deep.
    pub depth: u32,
}

impl Make {
    fn deeper(self) -> Self {
        Make { depth: self.depth - 1, ..self }
    }

    pub fn value(self, u: &mut Unstructured<'_>) -> Result<Value> {
        if self.depth == 0 || u.ratio(1, 4)? {
            return self.leaf(u);
        }
        let make = self.deeper();
        Ok(match u.int_in_range(0..=11)? {
            0 => Value::Some(Box::new(make.value(u)?)),
            1 => Value::Newtype(u.choose(&NAMES)?, Box::new(make.value(u)?)),
            2 => Value::Seq(make.items(u, 6)?, self.told(u)?),
            3 => Value::Seq(make.run(u)?, self.told(u)?),
            4 => {
                let keys = make.run(u)?;
                let entries = keys.into_iter().map(|key| Ok((key, make.value(u)?)));
                Value::Map(entries.collect::<Result<_>>()?, self.told(u)?)
            }
            5 => Value::Map(make.run(u)?.into_iter().zip(make.run(u)?).collect(), self.told(u)?),
            6 => Value::Tuple(make.items(u, if make.depth == 0 { 20 } else { 4 })?),
            7 => {
                let most = if make.depth == 0 { 18 } else { 3 };
                Value::TupleStruct(u.choose(&NAMES)?, make.items(u, most)?)
            }
            8 => Value::Struct(u.choose(&NAMES)?, make.fields(u)?),
            9 => make.variant(u)?,
            10 => make.table(u)?,
            _ => Value::Array(Array::arbitrary(u, self.lies)?),
        })
    }

    /// What can stand under `flatten` and within a tagged enum: something with names.
    pub fn named(self, u: &mut Unstructured<'_>) -> Result<Value> {
        let make = self.deeper();
        Ok(match u.int_in_range(0..=3)? {
            0 => {
                let fields = make.fields(u)?.into_iter();
                let text = |name: Name| Value::Str(name.to_owned());
                let entries = fields.filter_map(|(name, value)| Some((text(name), value?)));
                Value::Map(entries.collect(), self.told(u)?)
            }
            1 => make.variant(u)?,
            _ => Value::Struct(u.choose(&NAMES)?, make.fields(u)?),
        })
    }

    fn told(self, u: &mut Unstructured<'_>) -> Result<Told> {
        if !self.lies {
            return Ok(Told::Right);
        }
        Ok(match u.int_in_range(0..=5)? {
            0..=3 => Told::Right,
            4 => Told::Nothing,
            _ => Told::This(*u.choose(&[0, 1, 2, 3, 5, 64, 70])?),
        })
    }

    fn items(self, u: &mut Unstructured<'_>, most: usize) -> Result<Vec<Value>> {
        let len = u.int_in_range(0..=most)?;
        (0..len).map(|_| self.value(u)).collect()
    }

    /// The same item several times, with perhaps another between them: runs of one type, and runs that change.
    fn run(self, u: &mut Unstructured<'_>) -> Result<Vec<Value>> {
        // Long runs are of leaves, lest a few bytes make a value of millions.
        let lens: &[usize] =
            if self.depth == 0 { &[0, 1, 2, 3, 5, 7, 64, 65] } else { &[0, 1, 2, 3] };
        let mut run = vec![self.value(u)?; *u.choose(lens)?];
        if let Some(last) = run.len().checked_sub(1)
            && u.ratio(1, 2)?
        {
            let at = u.int_in_range(0..=last)?;
            run[at] = self.value(u)?;
        }
        Ok(run)
    }

    /// Structs of the same fields, the values of which are leaves of their own: the rows of a table.
    fn table(self, u: &mut Unstructured<'_>) -> Result<Value> {
        let (name, fields) = (*u.choose(&NAMES)?, self.fields(u)?);
        let len = *u.choose(if self.depth == 0 { &[1, 2, 3, 8, 40] } else { &[1, 2, 3, 3, 3] })?;
        let row = |_| {
            let value = |(name, value): &(Name, Option<Value>)| {
                let value = match value {
                    Some(_) if u.ratio(1, 4)? => Some(self.leaf(u)?),
                    other => other.clone(),
                };
                Ok((*name, value))
            };
            Ok(Value::Struct(name, fields.iter().map(value).collect::<Result<_>>()?))
        };
        Ok(Value::Seq((0..len).map(row).collect::<Result<_>>()?, self.told(u)?))
    }

    fn fields(self, u: &mut Unstructured<'_>) -> Result<Fields> {
        let which: u16 = u.arbitrary()?;
        let mut fields = Fields::new();
        for (bit, name) in FIELDS.iter().enumerate() {
            if which >> bit & 1 == 1 {
                let value = if u.ratio(1, 10)? { None } else { Some(self.value(u)?) };
                fields.push((name, value));
            }
        }
        if which >> 15 == 1 {
            fields.reverse();
        }
        Ok(fields)
    }

    fn variant(self, u: &mut Unstructured<'_>) -> Result<Value> {
        let content = match u.int_in_range(0..=3)? {
            0 => Content::Unit,
            1 => Content::Newtype(Box::new(self.value(u)?)),
            2 => Content::Tuple(self.items(u, 4)?),
            _ => Content::Struct(self.fields(u)?),
        };
        let (name, variant) = (u.choose(&NAMES)?, u.choose(&NAMES)?);
        Ok(Value::Variant(name, u.int_in_range(0..=2)?, variant, content))
    }

    fn leaf(self, u: &mut Unstructured<'_>) -> Result<Value> {
        // Small and large ones of each width: both ways to write a number occur, also in one run.
        let small = u.ratio(1, 2)?;
        Ok(match u.int_in_range(0..=22)? {
            0 => Value::Unit,
            1 => Value::UnitStruct(u.choose(&NAMES)?),
            2 => Value::Bool(u.arbitrary()?),
            3 => Value::I8(u.arbitrary()?),
            4 => Value::I16(if small { u.arbitrary::<i8>()?.into() } else { u.arbitrary()? }),
            5 => Value::I32(if small { u.arbitrary::<i8>()?.into() } else { u.arbitrary()? }),
            6 => Value::I64(if small { u.arbitrary::<i8>()?.into() } else { u.arbitrary()? }),
            7 => Value::I128(u.arbitrary()?),
            8 => Value::U8(u.arbitrary()?),
            9 => Value::U16(if small { u.arbitrary::<u8>()?.into() } else { u.arbitrary()? }),
            10 => Value::U32(if small { u.arbitrary::<u8>()?.into() } else { u.arbitrary()? }),
            11 => Value::U64(if small { u.arbitrary::<u8>()?.into() } else { u.arbitrary()? }),
            12 => Value::U128(u.arbitrary()?),
            13 => Value::F32(if small { 0x3f00_0000 } else { u.arbitrary()? }),
            14 => Value::F64(if small { 1 << 62 } else { u.arbitrary()? }),
            15 => Value::Char(u.arbitrary()?),
            16 => Value::Str(u.arbitrary::<&str>()?.chars().take(40).collect()),
            17 | 18 => {
                let len = *u.choose(&[0, 1, 3, 20, 255, 256, 257])?;
                let (first, read) = (u.arbitrary::<u8>()?, u.int_in_range(0..=3)?);
                let bytes = (0..len).map(|at| first.wrapping_add(at as u8)).collect();
                let read = [BytesAs::Bytes, BytesAs::Bytes, BytesAs::List, BytesAs::Marked][read];
                Value::Bytes(bytes, read)
            }
            19 => {
                let bytes: [u8; 16] = u.arbitrary()?;
                let short: [u8; 4] = *bytes.first_chunk().unwrap();
                Value::Address(if small { short.into() } else { bytes.into() })
            }
            20 => Value::None,
            _ => Value::Array(Array::arbitrary(u, self.lies)?),
        })
    }
}

/// Every value in it, itself included, each with whether it stands in a variant of a tuple or a struct.
pub fn walk<'v>(value: &'v Value, see: &mut dyn FnMut(&'v Value, bool)) {
    fn inner<'v>(value: &'v Value, within: bool, see: &mut dyn FnMut(&'v Value, bool)) {
        see(value, within);
        let mut fields = |fields: &'v Fields, within| {
            fields.iter().filter_map(|field| field.1.as_ref()).for_each(|v| inner(v, within, see));
        };
        match value {
            Value::Some(one) | Value::Newtype(_, one) => inner(one, within, see),
            Value::Seq(items, _) | Value::Tuple(items) | Value::TupleStruct(_, items) => {
                items.iter().for_each(|item| inner(item, within, see));
            }
            Value::Map(entries, _) => entries.iter().for_each(|(key, value)| {
                inner(key, within, see);
                inner(value, within, see);
            }),
            Value::Struct(_, all) => fields(all, within),
            Value::Variant(_, _, _, content) => match content {
                Content::Unit => {}
                Content::Newtype(one) => inner(one, within, see),
                Content::Tuple(items) => items.iter().for_each(|item| inner(item, true, see)),
                Content::Struct(all) => fields(all, true),
            },
            _ => {}
        }
    }
    inner(value, false, see);
}

/// Whether any value in it is such.
pub fn any(value: &Value, is: impl Fn(&Value) -> bool) -> bool {
    let mut found = false;
    walk(value, &mut |value, _| found |= is(value));
    found
}
