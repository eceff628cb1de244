//! Maps and records: values whose parts have keys or names.

use std::ops::{Deref, DerefMut};

use crate::error::{Error, ErrorKind, Result};

use super::{Names, Value};

/// A map: keys of any sort with their values, in the order in which they were written. It is a slice of pairs; `Vec::from`
/// makes a `Vec` of it, which can grow.
///
/// ```
/// use serde_shm::value::{Map, Value};
///
/// let map: Map = [("a", 1_u8), ("b", 2)].map(|(key, value)| (Value::from(key), Value::from(value))).into_iter().collect();
/// assert_eq!(map.get("b"), Some(&Value::U8(2)));
/// assert_eq!(map.len(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Map {
    pub(super) entries: Box<[(Value, Value)]>,
    /// As in a list: the writer did not know the length beforehand.
    pub(super) unannounced: bool,
}

impl Map {
    /// The value of the key that is this text, a number or char whose text is this, or such a bool. It looks at one entry
    /// after the other, so the time grows with the number of entries. If several entries have the key, it gives the first.
    ///
    /// ```
    /// use serde_shm::value::{Map, Value};
    ///
    /// let map: Map = [(Value::from(7_u8), Value::from("seven"))].into_iter().collect();
    /// assert_eq!(map.get("7").and_then(Value::as_str), Some("seven"));
    /// assert_eq!(map.get("8"), None);
    /// ```
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(found, _)| found.is_key(key)).map(|(_, value)| value)
    }

    /// The value of this key, to be changed; keys are found as in [`get`](Self::get).
    ///
    /// ```
    /// use serde_shm::value::{Map, Value};
    ///
    /// let mut map: Map = [(Value::from("a"), Value::from(1_u8))].into_iter().collect();
    /// *map.get_mut("a").unwrap() = Value::from("one");
    /// assert_eq!(map.get("a"), Some(&Value::from("one")));
    /// ```
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.entries.iter_mut().find(|(found, _)| found.is_key(key)).map(|(_, value)| value)
    }
}

/// Maps are compared by their entries, in their order, and not by how they were written.
impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}

impl Deref for Map {
    type Target = [(Value, Value)];

    fn deref(&self) -> &Self::Target {
        &self.entries
    }
}

impl DerefMut for Map {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.entries
    }
}

impl From<Vec<(Value, Value)>> for Map {
    fn from(entries: Vec<(Value, Value)>) -> Self {
        Map { entries: entries.into(), unannounced: false }
    }
}

impl From<Map> for Vec<(Value, Value)> {
    fn from(map: Map) -> Self {
        map.entries.into()
    }
}

impl FromIterator<(Value, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Value, Value)>>(entries: I) -> Self {
        Vec::from_iter(entries).into()
    }
}

impl IntoIterator for Map {
    type Item = (Value, Value);
    type IntoIter = std::vec::IntoIter<(Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Map {
    type Item = &'a (Value, Value);
    type IntoIter = std::slice::Iter<'a, (Value, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

/// A struct or an enum's variant: its names, and a value for each field that was written.
///
/// ```
/// use serde_shm::value::{Names, Record, Value};
///
/// let names = Names::of_struct("Point", ["x", "y"]);
/// let point = Record::new(names, [Value::from(1_u8), Value::from(2_u8)])?;
/// assert_eq!(point.get("y"), Some(&Value::U8(2)));
/// assert_eq!(point.fields().map(|(name, _)| name).collect::<Vec<_>>(), [Some("x"), Some("y")]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub(super) names: Names,
    pub(super) values: Box<[Option<Value>]>,
}

impl Record {
    /// A record with a value for each field.
    ///
    /// ```
    /// use serde_shm::{ErrorKind, value::{Names, Record, Value}};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let point = Record::new(names.clone(), [Value::F32(0.5), Value::F32(2.0)])?;
    /// assert_eq!(point.get("x"), Some(&Value::F32(0.5)));
    /// let short = Record::new(names, [Value::F32(0.5)]).unwrap_err();
    /// assert_eq!(short.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are more or fewer values than fields.
    pub fn new(names: Names, values: impl IntoIterator<Item = Value>) -> Result<Self> {
        Record::with_absent(names, values.into_iter().map(Some))
    }

    /// A record in which `None` stands for a field that is not written, as with `skip_serializing_if`.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "label"]);
    /// let point = Record::with_absent(names, [Some(Value::from(1_u8)), None])?;
    /// assert_eq!(serde_json::to_string(&Value::from(point)).unwrap(), r#"{"x":1}"#);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are more or fewer values than fields, or if a field without a name has no value.
    pub fn with_absent(
        names: Names,
        values: impl IntoIterator<Item = Option<Value>>,
    ) -> Result<Self> {
        let values: Box<[Option<Value>]> = values.into_iter().collect();
        let (found, expected) = (values.len(), names.len());
        if found != expected {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("expected {expected} values for the fields of {names}, found {found}"),
            ));
        }
        let place = values.iter().position(Option::is_none);
        if let Some(place) = place.filter(|place| names.field(*place).is_none()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "expected a value for field {place} of {names}: it has no name by which it could be left out"
                ),
            ));
        }
        Ok(Record { names, values })
    }

    /// The names of the record and its fields.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let point = Record::new(names, [Value::F32(0.5), Value::F32(2.0)])?;
    /// assert_eq!((point.names().name(), point.names().field(1)), ("Point", Some("y")));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The value of the field with this name; `None` if there is no such field, or it was not written.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let point = Record::new(names, [Value::F32(0.5), Value::F32(2.0)])?;
    /// assert_eq!((point.get("y"), point.get("z")), (Some(&Value::F32(2.0)), None));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It compares one name after the other.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.values.get(self.names.place_of(field)?)?.as_ref()
    }

    /// The value of the field with this name, to be changed.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let mut point = Record::new(names, [Value::F32(0.5), Value::F32(2.0)])?;
    /// *point.get_mut("y").unwrap() = Value::F32(3.0);
    /// assert_eq!(point.get("y"), Some(&Value::F32(3.0)));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn get_mut(&mut self, field: &str) -> Option<&mut Value> {
        self.values.get_mut(self.names.place_of(field)?)?.as_mut()
    }

    /// The value of the field at this place; `None` if there is no such field, or it was not written.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let point = Record::new(names, [Value::F32(0.5), Value::F32(2.0)])?;
    /// assert_eq!((point.value(1), point.value(2)), (Some(&Value::F32(2.0)), None));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn value(&self, place: usize) -> Option<&Value> {
        self.values.get(place)?.as_ref()
    }

    /// The fields that were written, with their names. The fields of a newtype or tuple variant have `None` for a name.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let point = Record::new(names, [Value::F32(0.5), Value::F32(2.0)])?;
    /// let fields: Vec<_> = point.fields().collect();
    /// assert_eq!(fields[1], (Some("y"), &Value::F32(2.0)));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = (Option<&str>, &Value)> {
        let values = self.values.iter().enumerate();
        values.filter_map(|(place, value)| Some((self.names.field(place), value.as_ref()?)))
    }

    /// Takes the record apart: its names, and for each field its value, or `None` if it was not written.
    ///
    /// ```
    /// use serde_shm::value::{Names, Record, Value};
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// let point = Record::new(names, [Value::F32(0.5), Value::F32(2.0)])?;
    /// let (names, values) = point.into_parts();
    /// assert_eq!((names.name(), &values[1]), ("Point", &Some(Value::F32(2.0))));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn into_parts(self) -> (Names, Vec<Option<Value>>) {
        (self.names, self.values.into())
    }
}
