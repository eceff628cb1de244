//! Items one by one: sequences of what is routed itself, and nests of them.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::super::token::SerializeOne;
use super::{DeserializeItem, SerializeItem};

/// How an item of a nest is written and read: routed, or as serde does it.
pub(super) struct Routed;
pub(super) struct Inline;

impl<T: SerializeItem> SerializeOne<T> for Routed {
    fn serialize_one<S: Serializer>(item: &T, serializer: S) -> Result<S::Ok, S::Error> {
        item.serialize_item(serializer)
    }
}

pub(super) trait DeserializeOne<'de, T> {
    fn deserialize_one<D: Deserializer<'de>>(d: D) -> Result<T, D::Error>;
}

impl<'de, T: DeserializeItem<'de>> DeserializeOne<'de, T> for Routed {
    fn deserialize_one<D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
        T::deserialize_item(d)
    }
}

impl<'de, T: Deserialize<'de>> DeserializeOne<'de, T> for Inline {
    fn deserialize_one<D: Deserializer<'de>>(d: D) -> Result<T, D::Error> {
        T::deserialize(d)
    }
}

/// A borrowed value that serializes with its arrays placed.
pub(super) struct Item<'a, T: ?Sized>(pub(super) &'a T);

impl<T: SerializeItem> Serialize for Item<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_item(serializer)
    }
}

/// Deserializes a value with its arrays routed.
pub(super) struct ItemSeed<T>(pub(super) PhantomData<T>);

impl<'de, T: DeserializeItem<'de>> DeserializeSeed<'de> for ItemSeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<T, D::Error> {
        T::deserialize_item(d)
    }
}

/// Collects nested sequences into one row-major vector; inner axes must have the given lengths.
pub(super) fn collect_nested<'de, How: DeserializeOne<'de, T>, T, D: Deserializer<'de>>(
    inner: &[usize],
    d: D,
) -> Result<Vec<T>, D::Error> {
    let mut items = Vec::new();
    d.deserialize_seq(NestVisitor::<How, T> {
        len: None,
        inner,
        items: &mut items,
        how: PhantomData,
    })?;
    Ok(items)
}

struct NestVisitor<'n, How, T> {
    len: Option<usize>,
    inner: &'n [usize],
    items: &'n mut Vec<T>,
    how: PhantomData<How>,
}

impl<'de, How: DeserializeOne<'de, T>, T> Visitor<'de> for NestVisitor<'_, How, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len {
            Some(len) => write!(f, "a sequence of {len} items"),
            None => f.write_str("a sequence"),
        }
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let mut found = 0;
        loop {
            let step =
                NestSeed::<How, T> { inner: self.inner, items: &mut *self.items, how: PhantomData };
            if seq.next_element_seed(step)?.is_none() {
                break;
            }
            found += 1;
        }
        match self.len {
            Some(len) if len != found => Err(S::Error::invalid_length(found, &self)),
            _ => Ok(()),
        }
    }
}

struct NestSeed<'n, How, T> {
    inner: &'n [usize],
    items: &'n mut Vec<T>,
    how: PhantomData<How>,
}

impl<'de, How: DeserializeOne<'de, T>, T> DeserializeSeed<'de> for NestSeed<'_, How, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.inner.split_first() {
            None => {
                let item = How::deserialize_one(d)?;
                self.items.try_reserve(1).map_err(D::Error::custom)?;
                self.items.push(item);
                Ok(())
            }
            Some((&len, inner)) => d.deserialize_seq(NestVisitor::<How, T> {
                len: Some(len),
                inner,
                items: self.items,
                how: PhantomData,
            }),
        }
    }
}
