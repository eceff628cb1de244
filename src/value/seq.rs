//! Lists of values. A list may stay encoded until somebody looks at it.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use super::Value;
use super::number::{NumberList, Numbers};

/// A list of values. It is a slice; `Vec::from` makes a `Vec` of it, which can grow.
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
/// A list that was read from a container is kept as it was read until somebody looks at it as a slice. A list of numbers is kept
/// as [`numbers`](Seq::numbers). A list of 32 or more other items, with no array among them, is kept as a copy of its encoded
/// bytes. Looking at such a list as a slice turns all items into values, which are then kept. [`each`](Seq::each) goes over the
/// list one value at a time, without keeping the values.
#[derive(Default)]
pub struct Seq {
    kept: Kept,
    /// The writer did not know the length beforehand. The list is written again without it, as long lists have other bytes then.
    unannounced: bool,
}

enum Kept {
    Values(Box<[Value]>),
    Encoded(Box<Encoded>),
    Numbers(Box<Listed>),
}

impl Default for Kept {
    fn default() -> Self {
        Kept::Values(Box::default())
    }
}

struct Encoded {
    list: EncodedList,
    /// The items as values, once somebody has looked at them.
    values: OnceLock<Box<[Value]>>,
}

/// A list of numbers.
struct Listed {
    numbers: NumberList,
    values: OnceLock<Box<[Value]>>,
}

impl Listed {
    fn values(&self) -> &[Value] {
        self.values.get_or_init(|| self.numbers.as_numbers().values().collect())
    }
}

/// A list as it is encoded. Its bytes have been checked.
#[derive(Clone)]
pub(crate) struct EncodedList {
    pub(crate) bytes: Arc<[u8]>,
    /// The tables that its records refer to.
    pub(crate) tables: Arc<[u8]>,
    pub(crate) len: usize,
    pub(crate) unannounced: bool,
    /// In how many kept lists this one lies, itself included.
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

    pub(super) fn of_numbers(numbers: NumberList, unannounced: bool) -> Self {
        let listed = Listed { numbers, values: OnceLock::new() };
        Seq { kept: Kept::Numbers(Box::new(listed)), unannounced }
    }

    pub(super) fn encoded(list: EncodedList) -> Self {
        let unannounced = list.unannounced;
        let encoded = Encoded { list, values: OnceLock::new() };
        Seq { kept: Kept::Encoded(Box::new(encoded)), unannounced }
    }

    /// The length, if it is to be told before the list is written.
    pub(super) fn announced(&self) -> Option<usize> {
        (!self.unannounced).then(|| self.len())
    }

    /// How many items the list has. Does not read the items.
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// let bytes = serde_shm::to_bytes(&vec!["a"; 1000])?;
    /// let Value::Seq(seq) = serde_shm::from_bytes(&bytes)? else { panic!() };
    /// assert_eq!(seq.len(), 1000);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        match &self.kept {
            Kept::Values(items) => items.len(),
            Kept::Encoded(encoded) => encoded.list.len,
            Kept::Numbers(listed) => listed.numbers.as_numbers().len(),
        }
    }

    /// Whether the list has no items.
    ///
    /// ```
    /// use serde_shm::value::{Seq, Value};
    ///
    /// assert!(Seq::default().is_empty());
    /// assert!(!Seq::from(vec![Value::from(1_u8)]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All items, as a slice. For a list that is still encoded, the first call turns all items into values.
    ///
    /// ```
    /// use serde_shm::value::Value;
    ///
    /// let bytes = serde_shm::to_bytes(&vec!["a"; 1000])?;
    /// let Value::Seq(seq) = serde_shm::from_bytes(&bytes)? else { panic!() };
    /// assert_eq!(seq.as_slice()[998..], [Value::from("a"), Value::from("a")]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_slice(&self) -> &[Value] {
        match &self.kept {
            Kept::Values(items) => items,
            Kept::Encoded(encoded) => encoded.values(),
            Kept::Numbers(listed) => listed.values(),
        }
    }

    /// The items as numbers, if the list was read from a container and all items are numbers of one width, or bools. Costs
    /// nothing.
    ///
    /// ```
    /// use serde_shm::value::{Numbers, Value};
    ///
    /// let bytes = serde_shm::to_bytes(&vec![1_i64, -2, 3])?;
    /// let Value::Seq(seq) = serde_shm::from_bytes(&bytes)? else { panic!() };
    /// assert_eq!(seq.numbers(), Some(Numbers::I64(&[1, -2, 3])));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn numbers(&self) -> Option<Numbers<'_>> {
        match &self.kept {
            Kept::Numbers(listed) => Some(listed.numbers.as_numbers()),
            _ => None,
        }
    }

    /// One item after the other. If the list is still encoded, each item is made when it is reached, and is not kept: looking
    /// at the first of a million items costs little.
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
            Kept::Numbers(listed) => {
                let numbers = listed.numbers.as_numbers();
                Box::new(
                    (0..numbers.len())
                        .filter_map(move |place| numbers.value(place))
                        .map(Cow::Owned),
                )
            }
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
            Kept::Numbers(listed) => Seq::of_numbers(listed.numbers.clone(), self.unannounced),
        }
    }
}

/// Lists are compared by their items, and not by how they were written.
impl PartialEq for Seq {
    fn eq(&self, other: &Self) -> bool {
        if let (Some(one), Some(other)) = (self.numbers(), other.numbers()) {
            return one == other;
        }
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
        if !matches!(self.kept, Kept::Values(_)) {
            let unannounced = self.unannounced;
            *self = Seq::of_items(std::mem::take(self).into(), unannounced);
        }
        match &mut self.kept {
            Kept::Values(items) => items,
            Kept::Encoded(_) | Kept::Numbers(_) => &mut [],
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
            Kept::Numbers(listed) => match listed.values.into_inner() {
                Some(values) => values.into(),
                None => listed.numbers.as_numbers().values().collect(),
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
