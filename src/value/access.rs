//! Access to what is in a value: by path, by place, as a Rust type.

use std::borrow::Cow;
use std::ops::{Index, IndexMut};

use crate::array::{UntypedArray, UntypedLive};

use super::{Blob, Map, PlacedArray, Record, RecordKind, Seq, Value};

impl Value {
    /// The part at this path, or `None` if there is no such part. A path has the names of fields and variants, the keys of
    /// maps and the places in lists, joined by dots, as the paths of arrays do (`layers.0.weight`). It has no steps for
    /// options, names and marks of a readable form.
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// let value: Value = serde_json::from_str(r#"{"layers": [{"name": "in"}, {"name": "out"}]}"#).unwrap();
    /// assert_eq!(value.get("layers.1.name").and_then(Value::as_str), Some("out"));
    /// assert_eq!(value.get("layers.2"), None);
    /// ```
    ///
    /// A variant's fields are found with the variant's name before them and without it. A key with a dot in it has `%2E` here,
    /// as in the paths of arrays: control characters and `. / \ % # ~ :` are written `%XX`. A key that is no text, number,
    /// bool or char is named by the place of its entry: `#0` is the first. An array that is the whole object is `arr_0`.
    pub fn get(&self, path: &str) -> Option<&Value> {
        if path.is_empty() || self.is_named(path) {
            return Some(self);
        }
        let start = At::Value(self);
        Some(path.split('.').try_fold(start, At::step)?.value())
    }

    /// The part at this path, to be changed. Paths are those of [`get`](Self::get).
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// let mut value: Value = serde_json::from_str(r#"{"layers": [{"name": "in"}]}"#).unwrap();
    /// *value.get_mut("layers.0.name").unwrap() = Value::from("out");
    /// assert_eq!(value["layers.0.name"].as_str(), Some("out"));
    /// ```
    pub fn get_mut(&mut self, path: &str) -> Option<&mut Value> {
        if path.is_empty() || self.is_named(path) {
            return Some(self);
        }
        // The places are found first: a step that leads to the name of a variant leads to no place.
        let mut at = At::Value(&*self);
        let mut way = Vec::new();
        for step in path.split('.') {
            let place = at.place(step)?;
            at = at.part(place)?;
            way.extend(place.part());
        }
        way.into_iter().try_fold(self, Value::part_mut)
    }

    /// Whether the path is that of an array that is the whole object.
    fn is_named(&self, path: &str) -> bool {
        path == "arr_0"
            && matches!(self.inner(), Value::Array(_) | Value::Live(_) | Value::Bytes(_))
    }

    /// The value inside options, names and marks.
    fn inner(&self) -> &Value {
        match self {
            Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
                value.inner()
            }
            value => value,
        }
    }

    fn inner_mut(&mut self) -> &mut Value {
        match self {
            Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
                value.inner_mut()
            }
            value => value,
        }
    }

    fn part(&self, place: usize) -> Option<&Value> {
        match self.inner() {
            Value::Seq(seq) => seq.get(place),
            Value::Tuple(elements) => elements.get(place),
            Value::Map(map) => map.entries.get(place).map(|(_, value)| value),
            Value::Record(record) => record.value(place),
            _ => None,
        }
    }

    fn part_mut(&mut self, place: usize) -> Option<&mut Value> {
        match self.inner_mut() {
            Value::Seq(seq) => seq.get_mut(place),
            Value::Tuple(elements) => elements.get_mut(place),
            Value::Map(map) => map.entries.get_mut(place).map(|(_, value)| value),
            Value::Record(record) => record.values.get_mut(place)?.as_mut(),
            _ => None,
        }
    }

    /// Whether it is a key that stands in a path by its text, and not by its place.
    fn has_text(&self) -> bool {
        match self {
            Value::Text(_) | Value::Bool(_) | Value::Char(_) => true,
            Value::Named(_, value) => value.has_text(),
            Value::Readable(value) => {
                matches!(value.behind_names(), Value::F32(_) | Value::F64(_)) || value.has_text()
            }
            Value::Optional(_) => false,
            value => value.as_i128().is_some() || value.as_u128().is_some(),
        }
    }

    fn behind_names(&self) -> &Value {
        match self {
            Value::Named(_, value) => value.behind_names(),
            value => value,
        }
    }

    /// Whether it is a key that is this text.
    pub(super) fn is_key(&self, key: &str) -> bool {
        match self.inner() {
            Value::Text(text) => **text == *key,
            Value::Bool(value) => key == if *value { "true" } else { "false" },
            Value::Char(value) => key.chars().eq([*value]),
            Value::F32(value) => key == value.to_string(),
            Value::F64(value) => key == value.to_string(),
            value => {
                value.as_u128().is_some_and(|number| key == number.to_string())
                    || value.as_i128().is_some_and(|number| key == number.to_string())
            }
        }
    }

    /// The bool, if it is one.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&true)?)?.value()?;
    /// assert_eq!(value.as_bool(), Some(true));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_bool(&self) -> Option<bool> {
        match self.inner() {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, if the value is one that fits into an `i64`.
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// assert_eq!(Value::U8(7).as_i64(), Some(7));
    /// assert_eq!(Value::U64(u64::MAX).as_i64(), None);
    /// assert_eq!(Value::F64(7.0).as_i64(), None);
    /// ```
    pub fn as_i64(&self) -> Option<i64> {
        self.as_i128()?.try_into().ok()
    }

    /// The integer, if the value is one that fits into a `u64`.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&7_u8)?)?.value()?;
    /// assert_eq!(value.as_u64(), Some(7));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_u64(&self) -> Option<u64> {
        self.as_u128()?.try_into().ok()
    }

    /// The integer, if the value is one that fits into an `i128`.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&-7_i8)?)?.value()?;
    /// assert_eq!((value.as_i128(), value.as_u64()), (Some(-7), None));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_i128(&self) -> Option<i128> {
        Some(match *self.inner() {
            Value::I8(value) => value.into(),
            Value::I16(value) => value.into(),
            Value::I32(value) => value.into(),
            Value::I64(value) => value.into(),
            Value::I128(value) => value,
            Value::U8(value) => value.into(),
            Value::U16(value) => value.into(),
            Value::U32(value) => value.into(),
            Value::U64(value) => value.into(),
            Value::U128(value) => value.try_into().ok()?,
            _ => return None,
        })
    }

    /// The integer, if the value is one that fits into a `u128`.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&u128::MAX)?)?.value()?;
    /// assert_eq!(value.as_u128(), Some(u128::MAX));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_u128(&self) -> Option<u128> {
        match *self.inner() {
            Value::U128(value) => Some(value),
            _ => self.as_i128()?.try_into().ok(),
        }
    }

    /// The number as a float, if the value is a float, or an integer that a float holds without loss.
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// assert_eq!(Value::F32(0.5).as_f64(), Some(0.5));
    /// assert_eq!(Value::I32(-3).as_f64(), Some(-3.0));
    /// assert_eq!(Value::U64(u64::MAX).as_f64(), None);
    /// ```
    pub fn as_f64(&self) -> Option<f64> {
        match *self.inner() {
            Value::F32(value) => Some(value.into()),
            Value::F64(value) => Some(value),
            _ => {
                const EXACT: i64 = 1 << f64::MANTISSA_DIGITS;
                let value = self.as_i64().filter(|value| (-EXACT..=EXACT).contains(value))?;
                Some(value as f64)
            }
        }
    }

    /// The char, if it is one.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&'é')?)?.value()?;
    /// assert_eq!(value.as_char(), Some('é'));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_char(&self) -> Option<char> {
        match self.inner() {
            Value::Char(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if the value is one; the name, if it is a unit variant.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&"text")?)?.value()?;
    /// assert_eq!(value.as_str(), Some("text"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_str(&self) -> Option<&str> {
        match self.inner() {
            Value::Text(text) => Some(text),
            Value::Record(record) if record.names.kind() == RecordKind::UnitVariant => {
                record.names.variant()
            }
            _ => None,
        }
    }

    /// The byte string, if it is one.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(serde_bytes::Bytes::new(b"abc"))?)?.value()?;
    /// assert_eq!(value.as_bytes().map(|bytes| &bytes[..]), Some(&b"abc"[..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_bytes(&self) -> Option<&Blob> {
        match self.inner() {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The items, if the value is a list, a tuple, or a tuple variant that has all its values.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&("a", 1))?)?.value()?;
    /// assert_eq!(value.as_slice().map(<[Value]>::len), Some(2));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_slice(&self) -> Option<&[Value]> {
        match self.inner() {
            Value::Seq(seq) => Some(seq),
            Value::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// The map, if it is one.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let map = std::collections::BTreeMap::from([("a", 1_u8)]);
    /// let value: Value = Block::new(serde_shm::to_bytes(&map)?)?.value()?;
    /// assert_eq!(value.as_map().and_then(|map| map.get("a")), Some(&Value::U8(1)));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_map(&self) -> Option<&Map> {
        match self.inner() {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The struct or variant, if it is one.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// #[derive(serde::Serialize)]
    /// struct Point { x: f32 }
    /// let value: Value = Block::new(serde_shm::to_bytes(&Point { x: 0.5 })?)?.value()?;
    /// assert_eq!(value.as_record().map(|record| record.names().name()), Some("Point"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_record(&self) -> Option<&Record> {
        match self.inner() {
            Value::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The array, if the value is one that is not changed in place.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&ndarray::array![1_u8, 2])?)?.value()?;
    /// assert_eq!(value.as_array().unwrap().shape(), [2]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_array(&self) -> Option<&PlacedArray> {
        match self.inner() {
            Value::Array(array) => Some(array),
            _ => None,
        }
    }

    /// The array, if it is one that is changed in place.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{LiveKind, LockedArray};
    /// let value = serde_shm::to_shared(&LockedArray::from(vec![1, 2]))?.value()?;
    /// assert_eq!(value.as_live().map(|array| array.kind()), Some(LiveKind::Locked));
    /// assert!(value.as_array().is_none());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_live(&self) -> Option<&UntypedLive> {
        match self.inner() {
            Value::Live(array) => Some(array),
            _ => None,
        }
    }

    /// Whether it is an option without a value, at any level, or a unit.
    ///
    /// ```
    /// use serde_shm::{Block, Value};
    /// let value: Value = Block::new(serde_shm::to_bytes(&None::<u8>)?)?.value()?;
    /// assert!(value.is_none());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_none(&self) -> bool {
        matches!(self.inner(), Value::Optional(None) | Value::Unit)
    }
}

/// Where the steps of a path have led so far.
#[derive(Clone, Copy)]
enum At<'v> {
    Value(&'v Value),
    /// To the name of this variant. The next step names one of its fields.
    Variant(&'v Value),
}

/// Where one step of a path leads.
#[derive(Clone, Copy)]
enum PartPlace {
    Part(usize),
    Variant,
}

impl PartPlace {
    fn part(self) -> Option<usize> {
        match self {
            PartPlace::Part(place) => Some(place),
            PartPlace::Variant => None,
        }
    }
}

impl<'v> At<'v> {
    fn value(self) -> &'v Value {
        let (At::Value(value) | At::Variant(value)) = self;
        value
    }

    fn step(self, step: &str) -> Option<Self> {
        self.part(self.place(step)?)
    }

    fn part(self, place: PartPlace) -> Option<Self> {
        Some(match place {
            PartPlace::Part(place) => At::Value(self.value().part(place)?),
            PartPlace::Variant => At::Variant(self.value()),
        })
    }

    fn place(self, step: &str) -> Option<PartPlace> {
        let text = unescaped(step);
        Some(PartPlace::Part(match self.value().inner() {
            Value::Seq(_) | Value::Tuple(_) => text.parse().ok()?,
            Value::Map(map) => map.place(step, &text)?,
            Value::Record(record) => {
                let names = &record.names;
                let is_variant = matches!(self, At::Value(_)) && names.variant() == Some(&text);
                match names.kind() {
                    RecordKind::NewtypeVariant if is_variant => 0,
                    _ if is_variant => return Some(PartPlace::Variant),
                    RecordKind::TupleVariant | RecordKind::NewtypeVariant => text.parse().ok()?,
                    _ => names.place_of(&text)?,
                }
            }
            _ => return None,
        }))
    }
}

impl Map {
    /// The place of the entry to which a step leads: the first entry with this key. A step with a `#` leads to the entry of that
    /// number, if the entry's key has no text.
    fn place(&self, step: &str, text: &str) -> Option<usize> {
        let number = step.strip_prefix('#').and_then(|number| number.parse::<usize>().ok());
        number
            .filter(|number| self.entries.get(*number).is_some_and(|(key, _)| !key.has_text()))
            .or_else(|| self.iter().position(|(key, _)| key.is_key(text)))
    }
}

/// The text of a path's step, with its `%XX` turned back into characters.
fn unescaped(step: &str) -> Cow<'_, str> {
    if !step.contains('%') {
        return step.into();
    }
    if step == "%" {
        return "".into();
    }
    let mut bytes = Vec::with_capacity(step.len());
    let mut rest = step.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.first_chunk::<2>().filter(|_| *first == b'%');
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        if let Some(byte) = code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).map_or(step.into(), Cow::Owned)
}

/// The part at a path.
///
/// ```
/// use serde_shm::value::Value;
///
/// let value: Value = serde_json::from_str(r#"{"sizes": [3, 4]}"#).unwrap();
/// assert_eq!(value["sizes"][1].as_u64(), Some(4));
/// ```
///
/// # Panics
///
/// If there is no such part; [`Value::get`] gives `None` instead.
impl Index<&str> for Value {
    type Output = Value;

    fn index(&self, path: &str) -> &Value {
        match self.get(path) {
            Some(value) => value,
            None => panic!("there is no `{path}` in {self}"),
        }
    }
}

impl IndexMut<&str> for Value {
    fn index_mut(&mut self, path: &str) -> &mut Value {
        assert!(self.get(path).is_some(), "there is no `{path}` in {self}");
        match self.get_mut(path) {
            Some(value) => value,
            None => panic!("there is no `{path}`"),
        }
    }
}

/// The item at this place of a list or tuple.
///
/// # Panics
///
/// If there is no such item.
impl Index<usize> for Value {
    type Output = Value;

    fn index(&self, place: usize) -> &Value {
        match self.as_slice().and_then(|items| items.get(place)) {
            Some(value) => value,
            None => panic!("there is no item {place} in {self}"),
        }
    }
}

macro_rules! from {
    ($($ty:ty, $name:ident;)*) => {$(
        impl From<$ty> for Value {
            fn from(value: $ty) -> Self {
                Value::$name(value.into())
            }
        }
    )*};
}

from! {
    bool, Bool;
    i8, I8;
    i16, I16;
    i32, I32;
    i64, I64;
    i128, I128;
    u8, U8;
    u16, U16;
    u32, U32;
    u64, U64;
    u128, U128;
    f32, F32;
    f64, F64;
    char, Char;
    &str, Text;
    String, Text;
    Box<str>, Text;
    Blob, Bytes;
    Vec<Value>, Seq;
    Seq, Seq;
    Map, Map;
    Record, Record;
    PlacedArray, Array;
    UntypedArray, Array;
}

impl From<UntypedLive> for Value {
    fn from(array: UntypedLive) -> Self {
        Value::Live(Box::new(array))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        Value::Optional(value.map(|value| Box::new(value.into())))
    }
}
