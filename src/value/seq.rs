//! Lists of values: as values, or as they are encoded until somebody looks.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use super::Value;

/// A list of values. It is a slice; `Vec::from` makes a list of it that can grow.
///
/// ```
/// use serde_shm::value::{Seq, Value};
///
/// let seq: Seq = (1_u8..4).map(Value::from).collect();
/// let mut items = Vec::from(seq);
/// items.push(Value::from("four"));
/// assert_eq!(Value::from(items).to_string(), r#"[1, 2, 3, "four"]"#);
/// ```
///
/// A list of 32 items or more that was read from a container and has no arrays in it stays as it is encoded there, a copy of some
/// bytes, until it is looked at as a slice: then all of it is made values, which are kept. [`each`](Seq::each) goes over such a list
/// without that, one value at a time.
#[derive(Default)]
pub struct Seq {
    kept: Kept,
    /// Its length was not known when it was written, and is not to be now: long lists have other bytes then.
    unannounced: bool,
}

enum Kept {
    Values(Box<[Value]>),
    Encoded(Box<Encoded>),
}

impl Default for Kept {
    fn default() -> Self {
        Kept::Values(Box::default())
    }
}

struct Encoded {
    list: EncodedList,
    /// The same, once somebody has looked.
    values: OnceLock<Box<[Value]>>,
}

/// A list as it is encoded, of which all is right.
#[derive(Clone)]
pub(crate) struct EncodedList {
    pub(crate) bytes: Arc<[u8]>,
    /// The tables that its records refer to.
    pub(crate) tables: Arc<[u8]>,
    pub(crate) len: usize,
    pub(crate) unannounced: bool,
    /// In how many lists it lies that are kept, itself included.
    pub(crate) levels: u8,
    /// Reads the items.
    pub(crate) read: for<'a> fn(&'a EncodedList) -> Box<dyn Iterator<Item = Value> + 'a>,
}

impl EncodedList {
    fn items(&self) -> Box<dyn Iterator<Item = Value> + '_> {
        (self.read)(self)
    }
}

impl Encoded {
    fn values(&self) -> &[Value] {
        self.values.get_or_init(|| self.list.items().collect())
    }
}

impl Seq {
    pub(super) fn of_items(items: Vec<Value>, unannounced: bool) -> Self {
        Seq { kept: Kept::Values(items.into()), unannounced }
    }

    pub(super) fn encoded(list: EncodedList) -> Self {
        let unannounced = list.unannounced;
        let encoded = Encoded { list, values: OnceLock::new() };
        Seq { kept: Kept::Encoded(Box::new(encoded)), unannounced }
    }

    /// The length, if it is to be known where the list is written.
    pub(super) fn announced(&self) -> Option<usize> {
        (!self.unannounced).then(|| self.len())
    }

    /// How many items it has. Looks at none.
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::Values(items) => items.len(),
            Kept::Encoded(encoded) => encoded.list.len,
        }
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All items, as a slice. The first time of a list that is as it was encoded, this makes values of all of it.
    pub fn as_slice(&self) -> &[Value] {
        match &self.kept {
            Kept::Values(items) => items,
            Kept::Encoded(encoded) => encoded.values(),
        }
    }

    /// One item after the other. Of a list that is as it was encoded each is made as it is reached, and not kept: to see the first
    /// of a million costs little.
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// let bytes = serde_shm::to_bytes(&(0..1_000_000_u32).collect::<Vec<_>>())?;
    /// let Value::Seq(seq) = serde_shm::from_bytes(&bytes)? else { panic!() };
    /// assert_eq!(seq.each().take(3).map(|item| item.as_u64().unwrap()).sum::<u64>(), 3);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn each(&self) -> Box<dyn Iterator<Item = Cow<'_, Value>> + '_> {
        match &self.kept {
            Kept::Values(items) => Box::new(items.iter().map(Cow::Borrowed)),
            Kept::Encoded(encoded) => match encoded.values.get() {
                Some(values) => Box::new(values.iter().map(Cow::Borrowed)),
                None => Box::new(encoded.list.items().map(Cow::Owned)),
            },
        }
    }
}

impl Clone for Seq {
    fn clone(&self) -> Self {
        match &self.kept {
            Kept::Values(items) => {
                Seq { kept: Kept::Values(items.clone()), unannounced: self.unannounced }
            }
            Kept::Encoded(encoded) => Seq::encoded(encoded.list.clone()),
        }
    }
}

/// What a list has in it, not how it was written.
impl PartialEq for Seq {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.each().zip(other.each()).all(|(one, other)| one == other)
    }
}

impl fmt::Debug for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::show::list(self, f)
    }
}

impl Deref for Seq {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        self.as_slice()
    }
}

impl DerefMut for Seq {
    fn deref_mut(&mut self) -> &mut [Value] {
        if let Kept::Encoded(_) = self.kept {
            let unannounced = self.unannounced;
            *self = Seq::of_items(std::mem::take(self).into(), unannounced);
        }
        match &mut self.kept {
            Kept::Values(items) => items,
            Kept::Encoded(_) => &mut [],
        }
    }
}

impl From<Vec<Value>> for Seq {
    fn from(items: Vec<Value>) -> Self {
        Seq::of_items(items, false)
    }
}

impl From<Seq> for Vec<Value> {
    fn from(seq: Seq) -> Self {
        match seq.kept {
            Kept::Values(items) => items.into(),
            Kept::Encoded(encoded) => match encoded.values.into_inner() {
                Some(values) => values.into(),
                None => encoded.list.items().collect(),
            },
        }
    }
}

impl FromIterator<Value> for Seq {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Vec::from_iter(items).into()
    }
}

impl IntoIterator for Seq {
    type Item = Value;
    type IntoIter = std::vec::IntoIter<Value>;

    fn into_iter(self) -> Self::IntoIter {
        Vec::from(self).into_iter()
    }
}

impl<'a> IntoIterator for &'a Seq {
    type Item = &'a Value;
    type IntoIter = std::slice::Iter<'a, Value>;

    fn into_iter(self) -> Self::IntoIter {
        self.as_slice().iter()
    }
}
