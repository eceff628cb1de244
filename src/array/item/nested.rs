//! Items one by one: sequences of values that are arrays themselves, and nests of them.

use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use super::super::nested::{Rows, TakeItem};
use super::super::token::SerializeOne;
use super::{DeserializeItem, SerializeItem};

/// How an item of a nest is written and read: with its arrays placed, or as serde does it.
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

/// Deserializes a value with its arrays placed.
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
    let mut items = Collected::<How, T> { items: Vec::new(), how: PhantomData };
    Rows::of(inner, &mut items).deserialize(d)?;
    Ok(items.items)
}

struct Collected<How, T> {
    items: Vec<T>,
    how: PhantomData<How>,
}

impl<'de, How: DeserializeOne<'de, T>, T> TakeItem<'de> for Collected<How, T> {
    fn take<D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        let item = How::deserialize_one(d)?;
        self.items.try_reserve(1).map_err(D::Error::custom)?;
        self.items.push(item);
        Ok(())
    }
}
