//! The arrays themselves: slices, vectors, fixed arrays, and pointers to them.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use serde::de::{Deserializer, Error};
use serde::ser::Serializer;

use crate::element;
use crate::layout::ShapeBuf;

use super::super::owner::{ArcPointer, Family, Pointer, RcPointer, Rows, ToArray, ToSlice, ToVec};
use super::super::payload::count;
use super::super::token::nest;
use super::nested::{Routed, collect_nested};
use super::{
    BorrowItem, DeserializeArray, DeserializeItem, Lent, PlainArray, Seal, SerializeArray,
    SerializeItem,
};

impl<T: SerializeItem> SerializeArray for [T] {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize_items(self, &mut ShapeBuf::of(self.len()), serializer)
    }

    #[inline]
    fn plain(&self) -> Option<PlainArray<'_>> {
        T::plain_items(self)
    }

    fn serialize_pointed<P: Pointer, S: Serializer>(
        pointer: &P::To<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        owned::<ToSlice<P>, T, S>(pointer, pointer, serializer)
    }
}

/// Serializes all items of what `owner` has.
fn owned<F: Family, T: SerializeItem, S: Serializer>(
    items: &[T],
    owner: &F::Of<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    T::serialize_owned_items::<F, S>(items, &mut ShapeBuf::of(items.len()), owner, serializer)
}

impl<T: SerializeItem, const N: usize> SerializeArray for [T; N] {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self[..].serialize_array(serializer)
    }

    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if N == 0 {
            // If such rows were placed, they would have no bytes, and nothing would say how many there are.
            return nest::<Self, Routed, S>(shape, items, serializer);
        }
        shape.push(N);
        T::serialize_items(items.as_flattened(), shape, serializer)
    }

    fn serialize_owned_items<F: Family, S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        owner: &F::Of<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if N == 0 {
            return <Self as SerializeArray>::serialize_items(items, shape, serializer);
        }
        shape.push(N);
        T::serialize_owned_items::<Rows<F, N>, S>(items.as_flattened(), shape, owner, serializer)
    }

    fn serialize_pointed<P: Pointer, S: Serializer>(
        pointer: &P::To<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        owned::<ToArray<P, N>, T, S>(&pointer[..], pointer, serializer)
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
        rows(T::deserialize_items(inner, d)?)
    }

    fn deserialize_lent<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Lent<'de, Self>, D::Error>
    where
        Self: 'de,
    {
        if N == 0 {
            return <Self as DeserializeArray<'de>>::deserialize_items(inner, d).map(Lent::Owned);
        }
        inner.push(N);
        Ok(match T::deserialize_lent(inner, d)? {
            Lent::Borrowed(flat) => Lent::Borrowed(flat.as_chunks().0),
            Lent::Owned(flat) => Lent::Owned(rows(flat)?),
        })
    }
}

/// Items as rows of `N`, which is not zero.
fn rows<T, E: Error, const N: usize>(flat: Vec<T>) -> Result<Vec<[T; N]>, E> {
    let mut flat = flat.into_iter();
    let mut rows = element::room(flat.len() / N).map_err(E::custom)?;
    while flat.len() > 0 {
        let mut row = Vec::with_capacity(N);
        row.extend(flat.by_ref().take(N));
        rows.push(row.try_into().map_err(|_| E::custom("a row is cut short"))?);
    }
    Ok(rows)
}

impl<'de, T: BorrowItem<'de>, const N: usize> BorrowItem<'de> for [T; N] {
    const SEAL: Seal = Seal;

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

    #[inline]
    fn plain(&self) -> Option<PlainArray<'_>> {
        T::plain_items(self)
    }

    fn serialize_pointed<P: Pointer, S: Serializer>(
        pointer: &P::To<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        owned::<ToVec<P>, T, S>(pointer, pointer, serializer)
    }
}

impl<'de, T: DeserializeItem<'de>> DeserializeArray<'de> for Vec<T> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_items(&mut Vec::new(), d)
    }
}

impl<T: SerializeArray + ?Sized> SerializeArray for Box<T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize_array(serializer)
    }

    #[inline]
    fn plain(&self) -> Option<PlainArray<'_>> {
        (**self).plain()
    }
}

impl<T: SerializeArray + ?Sized> SerializeArray for Arc<T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize_pointed::<ArcPointer, S>(self, serializer)
    }
}

impl<T: SerializeArray + ?Sized> SerializeArray for Rc<T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        T::serialize_pointed::<RcPointer, S>(self, serializer)
    }
}

macro_rules! pointers {
    ($($pointer:ident),*) => {$(

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
                // The elements are copied once, from the container straight into the shared allocation.
                Ok(match T::deserialize_lent(&mut Vec::new(), d)? {
                    Lent::Borrowed(items) => {
                        count(size_of_val(items))?;
                        element::check_room(size_of_val(items)).map_err(D::Error::custom)?;
                        $pointer::from(items)
                    }
                    Lent::Owned(items) => $pointer::from(items),
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

    #[inline]
    fn plain(&self) -> Option<PlainArray<'_>> {
        (**self).plain()
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

    #[inline]
    fn plain(&self) -> Option<PlainArray<'_>> {
        (**self).plain()
    }
}

impl<'de: 'a, 'a, T: DeserializeItem<'de> + Clone + 'de> DeserializeArray<'de> for Cow<'a, [T]> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(match T::deserialize_lent(&mut Vec::new(), d)? {
            Lent::Borrowed(items) => Cow::Borrowed(items),
            Lent::Owned(items) => Cow::Owned(items),
        })
    }
}
