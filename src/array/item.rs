//! What `#[shm_array]` takes of std: slices, vectors, boxes, fixed arrays, and these inside other containers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};

use crate::element::Element;

use super::read::Read;
use super::token::{self, SerializeOne, nest};

/// A type that `#[shm_array]` takes on a field, for writing: its elements go to the container as one aligned buffer.
///
/// Implemented for `[A]`, `[A; N]`, `Vec<A>`, `Box`, `Arc`, `Rc`, `Cow` and references of these, ndarray's owners and
/// views, [`ShmArray`](crate::ShmArray), and these inside `Option`, `Vec`, maps and tuples. `A` is an
/// [`Element`] or a fixed array of such (`Vec<[f32; 3]>` has two axes). Arrays of strings and chars are taken too and
/// stay inline.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array that can be placed",
    label = "`#[shm_array]` does not take this type",
    note = "it takes `Vec<A>`, `Box<[A]>`, `Arc<[A]>`, `[A; N]`, `&[A]`, `Cow<[A]>`, ndarray arrays and views, and these inside `Option`, `Vec`, `Box`, maps and tuples, where `A` is bool, a number up to 64 bits or a fixed array of such",
    note = "remove the mark to encode the field inline"
)]
pub trait SerializeArray {
    /// Serializes the value with its arrays placed.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Serializes a row-major block of such values, of this shape.
    #[doc(hidden)]
    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut Vec<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        Self: Sized,
    {
        nest::<Self, Routed, S>(shape, items, serializer)
    }
}

/// A type that `#[shm_array]` takes on a field, for reading: the counterpart of [`SerializeArray`].
///
/// Owned types copy their elements out of the container once. `&[A]`, `Cow<[A]>` and ndarray's views borrow them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array that can be read from a container",
    label = "`#[shm_array]` does not take this type",
    note = "it takes `Vec<A>`, `Box<[A]>`, `Arc<[A]>`, `[A; N]`, `&[A]`, `Cow<[A]>`, ndarray arrays and views, and these inside `Option`, `Vec`, `Box`, maps and tuples, where `A` is bool, a number up to 64 bits or a fixed array of such",
    note = "remove the mark to encode the field inline"
)]
pub trait DeserializeArray<'de>: Sized {
    /// Deserializes the value.
    ///
    /// # Errors
    ///
    /// If there is no such array, or its elements, axes or bytes do not fit the type.
    fn deserialize_array<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Deserializes a row-major block of such values whose inner axes have these lengths, innermost last.
    #[doc(hidden)]
    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Vec<Self>, D::Error> {
        collect_nested::<Routed, Self, D>(inner, deserializer)
    }
}

/// What may stand in an array's place for an element: an [`Element`], an array, or text that stays inline.
pub trait SerializeItem {
    #[doc(hidden)]
    fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    #[doc(hidden)]
    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut Vec<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        Self: Sized;
}

/// The counterpart of [`SerializeItem`] for reading.
pub trait DeserializeItem<'de>: Sized {
    #[doc(hidden)]
    fn deserialize_item<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    #[doc(hidden)]
    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Vec<Self>, D::Error>;

    /// The same, borrowed where that is possible.
    #[doc(hidden)]
    fn deserialize_cow<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Cow<'de, [Self]>, D::Error>
    where
        Self: Clone,
    {
        Self::deserialize_items(inner, deserializer).map(Cow::Owned)
    }
}

/// Elements and fixed arrays of them: what a slice can be borrowed of.
pub trait BorrowItem<'de>: Sized {
    #[doc(hidden)]
    fn deserialize_slice<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<&'de [Self], D::Error>;
}

/// The axes that an array must have: any first one, then these, outermost last in `inner`'s reverse.
fn expect(inner: &[usize]) -> Vec<Option<usize>> {
    std::iter::once(None).chain(inner.iter().copied().map(Some)).collect()
}

macro_rules! elements {
    ($($ty:ty)*) => {$(
        impl SerializeItem for $ty {
            fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn serialize_items<S: Serializer>(
                items: &[Self],
                shape: &mut Vec<usize>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                token::serialize(shape, items, serializer)
            }
        }

        impl<'de> DeserializeItem<'de> for $ty {
            fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::deserialize(d)
            }

            fn deserialize_items<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<Vec<Self>, D::Error> {
                Self::deserialize_cow(inner, d).map(Cow::into_owned)
            }

            fn deserialize_cow<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<Cow<'de, [Self]>, D::Error> {
                let read = Read::<$ty>::deserialize(d)?;
                check_axes(&read, inner)?;
                Ok(read.row_major())
            }
        }

        impl<'de> BorrowItem<'de> for $ty {
            fn deserialize_slice<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<&'de [Self], D::Error> {
                let read = Read::<$ty>::deserialize(d)?;
                check_axes(&read, inner)?;
                if read.order == crate::layout::Order::F && !inner.is_empty() {
                    return Err(D::Error::custom(
                        "cannot borrow this array as a slice of rows: it is in Fortran order; use a `Vec` or an `ArrayView`",
                    ));
                }
                read.borrowed("&[A]", "`Vec<A>`, `Cow<[A]>` or `ShmArray`")
            }
        }
    )*};
}

elements!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64);

fn check_axes<A: Element, E: Error>(read: &Read<'_, A>, inner: &[usize]) -> Result<(), E> {
    // An empty sequence of another format does not tell its inner axes.
    if read.shape == [0] {
        return Ok(());
    }
    read.check_shape(&expect(inner))
}

/// Text and numbers that are no elements: an array of them is encoded inline.
macro_rules! inline {
    ($($ty:ty)*) => {$(
        impl SerializeItem for $ty {
            fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn serialize_items<S: Serializer>(
                items: &[Self],
                shape: &mut Vec<usize>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                nest::<Self, token::Plain, S>(shape, items, serializer)
            }
        }
    )*};
}

macro_rules! inline_read {
    ($($ty:ty)*) => {$(
        impl<'de> DeserializeItem<'de> for $ty {
            fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::deserialize(d)
            }

            fn deserialize_items<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<Vec<Self>, D::Error> {
                collect_nested::<Inline, Self, D>(inner, d)
            }
        }
    )*};
}

inline!(char String &str Cow<'_, str> i128 u128);
inline_read!(char String i128 u128);

impl<'de: 'a, 'a> DeserializeItem<'de> for &'a str {
    fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize(d)
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        collect_nested::<Inline, Self, D>(inner, d)
    }
}

impl<'de: 'a, 'a> DeserializeItem<'de> for Cow<'a, str> {
    fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize(d)
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        collect_nested::<Inline, Self, D>(inner, d)
    }
}

impl<T: SerializeArray> SerializeItem for T {
    fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }

    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut Vec<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        <T as SerializeArray>::serialize_items(items, shape, serializer)
    }
}

impl<'de, T: DeserializeArray<'de>> DeserializeItem<'de> for T {
    fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_array(d)
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        <T as DeserializeArray>::deserialize_items(inner, d)
    }
}

/// How an item of a nest is written and read: routed, or as serde does it.
struct Routed;
struct Inline;

impl<T: SerializeItem> SerializeOne<T> for Routed {
    fn serialize_one<S: Serializer>(item: &T, serializer: S) -> Result<S::Ok, S::Error> {
        item.serialize_item(serializer)
    }
}

trait DeserializeOne<'de, T> {
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
struct Item<'a, T: ?Sized>(&'a T);

impl<T: SerializeItem> Serialize for Item<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_item(serializer)
    }
}

/// Deserializes a value with its arrays routed.
struct ItemSeed<T>(PhantomData<T>);

impl<'de, T: DeserializeItem<'de>> DeserializeSeed<'de> for ItemSeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<T, D::Error> {
        T::deserialize_item(d)
    }
}

/// Collects nested sequences into one row-major vector; inner axes must have the given lengths.
fn collect_nested<'de, How: DeserializeOne<'de, T>, T, D: Deserializer<'de>>(
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
                self.items.push(How::deserialize_one(d)?);
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

impl<T: SerializeItem> SerializeArray for [T] {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize_items(self, &mut vec![self.len()], serializer)
    }
}

impl<T: SerializeItem, const N: usize> SerializeArray for [T; N] {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize_array(serializer)
    }

    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut Vec<usize>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if N == 0 {
            // Placed, such rows would be no bytes, and nothing would tell how many there are.
            return nest::<Self, Routed, S>(shape, items, serializer);
        }
        shape.push(N);
        T::serialize_items(items.as_flattened(), shape, serializer)
    }
}

impl<'de, T: DeserializeItem<'de>, const N: usize> DeserializeArray<'de> for [T; N] {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let items = T::deserialize_items(&mut Vec::new(), d)?;
        let found = items.len();
        <[T; N]>::try_from(items).map_err(|_| {
            D::Error::invalid_length(found, &format!("an array of {N} elements").as_str())
        })
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        if N == 0 {
            return collect_nested::<Routed, Self, D>(inner, d);
        }
        inner.push(N);
        let mut flat = T::deserialize_items(inner, d)?.into_iter();
        let mut rows = Vec::with_capacity(flat.len() / N);
        while flat.len() > 0 {
            let mut row = Vec::with_capacity(N);
            row.extend(flat.by_ref().take(N));
            rows.push(row.try_into().map_err(|_| D::Error::custom("a row is cut short"))?);
        }
        Ok(rows)
    }
}

impl<'de, T: BorrowItem<'de>, const N: usize> BorrowItem<'de> for [T; N] {
    fn deserialize_slice<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<&'de [Self], D::Error> {
        inner.push(N);
        Ok(T::deserialize_slice(inner, d)?.as_chunks().0)
    }
}

impl<T: SerializeItem> SerializeArray for Vec<T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize_array(serializer)
    }
}

impl<'de, T: DeserializeItem<'de>> DeserializeArray<'de> for Vec<T> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_items(&mut Vec::new(), d)
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(
        impl<T: SerializeArray + ?Sized> SerializeArray for $pointer<T> {
            fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                (**self).serialize_array(serializer)
            }
        }

        impl<'de, T: DeserializeArray<'de>> DeserializeArray<'de> for $pointer<T> {
            fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                T::deserialize_array(d).map($pointer::new)
            }
        }
    )*};
}

pointers!(Box, Rc, Arc);

impl<'de, T: DeserializeItem<'de>> DeserializeArray<'de> for Box<[T]> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_items(&mut Vec::new(), d).map(Vec::into_boxed_slice)
    }
}

macro_rules! shared {
    ($($pointer:ident),*) => {$(
        impl<'de, T: DeserializeItem<'de> + Clone + 'de> DeserializeArray<'de> for $pointer<[T]> {
            fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                // Straight from the container into the shared allocation: one copy.
                Ok(match T::deserialize_cow(&mut Vec::new(), d)? {
                    Cow::Borrowed(items) => $pointer::from(items),
                    Cow::Owned(items) => $pointer::from(items),
                })
            }
        }
    )*};
}

shared!(Rc, Arc);

impl<T: SerializeArray + ?Sized> SerializeArray for &T {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize_array(serializer)
    }
}

impl<'de: 'a, 'a, T: BorrowItem<'de> + 'de> DeserializeArray<'de> for &'a [T] {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_slice(&mut Vec::new(), d)
    }
}

impl<T: SerializeArray + ToOwned + ?Sized> SerializeArray for Cow<'_, T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize_array(serializer)
    }
}

impl<'de: 'a, 'a, T: DeserializeItem<'de> + Clone + 'de> DeserializeArray<'de> for Cow<'a, [T]> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_cow(&mut Vec::new(), d)
    }
}

impl<T: SerializeArray> SerializeArray for Option<T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => serializer.serialize_some(&Item(value)),
            None => serializer.serialize_none(),
        }
    }
}

struct OptionVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeArray<'de>> Visitor<'de> for OptionVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an optional array")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        T::deserialize_array(d).map(Some)
    }
}

impl<'de, T: DeserializeArray<'de>> DeserializeArray<'de> for Option<T> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_option(OptionVisitor(PhantomData))
    }
}

fn serialize_map<'a, K: Serialize + 'a, V: SerializeArray + 'a, S: Serializer>(
    len: usize,
    entries: impl Iterator<Item = (&'a K, &'a V)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(len))?;
    for (key, value) in entries {
        map.serialize_entry(key, &Item(value))?;
    }
    map.end()
}

struct MapVisitor<M, K, V>(PhantomData<(M, K, V)>);

impl<'de, M, K, V> Visitor<'de> for MapVisitor<M, K, V>
where
    M: Default + Extend<(K, V)>,
    K: Deserialize<'de>,
    V: DeserializeArray<'de>,
{
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of arrays")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut entries = M::default();
        while let Some(key) = map.next_key()? {
            entries.extend([(key, map.next_value_seed(ItemSeed(PhantomData))?)]);
        }
        Ok(entries)
    }
}

impl<K: Serialize, V: SerializeArray, H> SerializeArray for HashMap<K, V, H> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_map(self.len(), self.iter(), serializer)
    }
}

impl<'de, K, V, H> DeserializeArray<'de> for HashMap<K, V, H>
where
    K: Deserialize<'de> + Eq + Hash,
    V: DeserializeArray<'de>,
    H: BuildHasher + Default,
{
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(MapVisitor::<Self, K, V>(PhantomData))
    }
}

impl<K: Serialize, V: SerializeArray> SerializeArray for BTreeMap<K, V> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_map(self.len(), self.iter(), serializer)
    }
}

impl<'de, K, V> DeserializeArray<'de> for BTreeMap<K, V>
where
    K: Deserialize<'de> + Ord,
    V: DeserializeArray<'de>,
{
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(MapVisitor::<Self, K, V>(PhantomData))
    }
}

macro_rules! tuples {
    ($($len:literal: $($name:ident $index:tt)*;)*) => {$(
        impl<$($name: SerializeItem),*> SerializeArray for ($($name,)*) {
            fn serialize_array<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let mut tuple = serializer.serialize_tuple($len)?;
                $(tuple.serialize_element(&Item(&self.$index))?;)*
                tuple.end()
            }
        }

        impl<'de, $($name: DeserializeItem<'de>),*> DeserializeArray<'de> for ($($name,)*) {
            fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
                struct TupleVisitor<T>(PhantomData<T>);

                impl<'de, $($name: DeserializeItem<'de>),*> Visitor<'de> for TupleVisitor<($($name,)*)> {
                    type Value = ($($name,)*);

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a tuple of {} elements", $len)
                    }

                    fn visit_seq<Z: SeqAccess<'de>>(self, mut seq: Z) -> Result<Self::Value, Z::Error> {
                        Ok(($(
                            match seq.next_element_seed(ItemSeed::<$name>(PhantomData))? {
                                Some(item) => item,
                                None => return Err(Z::Error::invalid_length($index, &self)),
                            },
                        )*))
                    }
                }

                d.deserialize_tuple($len, TupleVisitor(PhantomData))
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
}
