//! Elements as items of an array: the path that handles them in bulk.

use std::borrow::Cow;

use serde::de::{DeserializeSeed, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::element::{self, Element};
use crate::layout::{Order, ShapeBuf};

use super::super::element::{ElementRef, Fill};
use super::super::owner::{Family, Shared};
use super::super::read::Read;
use super::super::token;
use super::{BorrowItem, DeserializeItem, Lent, PlainArray, Seal, SerializeItem};

/// The axes that an array must have: any first one, then those of `inner`.
fn expect(inner: &[usize]) -> Vec<Option<usize>> {
    std::iter::once(None).chain(inner.iter().copied().map(Some)).collect()
}

fn check_axes<A: Element, E: Error>(read: &Read<'_, A>, inner: &[usize]) -> Result<(), E> {
    // An empty sequence of another format does not show its inner axes.
    if read.shape == [0] {
        return Ok(());
    }
    read.check_shape(&expect(inner))
}

/// Serializes one element by itself, which stays inline.
#[allow(clippy::missing_errors_doc)] // The derive's code calls these.
pub fn serialize_element<A: Element, S: Serializer>(
    item: &A,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let bytes = element::packed(std::slice::from_ref(item));
    ElementRef { dtype: &A::DTYPE, bytes: &bytes }.serialize(serializer)
}

/// Serializes a row-major block of elements of this shape.
#[allow(clippy::missing_errors_doc)]
pub fn serialize_elements<A: Element, S: Serializer>(
    items: &[A],
    shape: &[usize],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    token::serialize(shape, items, serializer)
}

/// Serializes a row-major block of elements that lie in what `owner` has.
#[allow(clippy::missing_errors_doc)]
pub fn serialize_owned_elements<F: Family, A: Element, S: Serializer>(
    items: &[A],
    shape: &[usize],
    owner: &F::Of<A>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let keep = || {
        let (address, strides) = (items.as_ptr().addr(), Vec::new());
        Some(Shared { address, strides, keeper: F::share::<A>(owner).0 })
    };
    token::serialize_shared(shape, items, keep, serializer)
}

/// Elements in a row as an array.
#[must_use]
#[inline]
pub fn plain_elements<A: Element>(items: &[A]) -> Option<PlainArray<'_>> {
    PlainArray::new(const { &A::DTYPE }, Order::C, &[items.len()], element::bytes(items)?)
}

/// Reads one element, as [`serialize_element`] writes it.
#[allow(clippy::missing_errors_doc)]
pub fn deserialize_element<'de, A: Element, D: Deserializer<'de>>(d: D) -> Result<A, D::Error> {
    let mut bytes = vec![0; size_of::<A>()];
    Fill { dtype: &A::DTYPE, out: &mut bytes, bits: false }.deserialize(d)?;
    let items = element::collect(&bytes, None).map_err(D::Error::custom)?;
    items.first().copied().ok_or_else(|| D::Error::custom("an element is missing"))
}

/// Reads a row-major block of elements whose inner axes have these lengths.
#[allow(clippy::missing_errors_doc)]
pub fn deserialize_elements<'de, A: Element, D: Deserializer<'de>>(
    inner: &[usize],
    d: D,
) -> Result<Lent<'de, A>, D::Error> {
    let read = Read::<A>::deserialize(d)?;
    check_axes(&read, inner)?;
    Ok(match read.row_major()?.elements {
        Cow::Borrowed(items) => Lent::Borrowed(items),
        Cow::Owned(items) => Lent::Owned(items),
    })
}

/// Reads such a block into memory of its own.
#[allow(clippy::missing_errors_doc)]
pub fn deserialize_owned<'de, A: Element, D: Deserializer<'de>>(
    inner: &[usize],
    d: D,
) -> Result<Vec<A>, D::Error> {
    let read = Read::<A>::to_own(d)?;
    check_axes(&read, inner)?;
    read.row_major()?.into_owned()
}

/// Borrows such a block where it lies.
#[allow(clippy::missing_errors_doc)]
pub fn deserialize_slice<'de, A: Element, D: Deserializer<'de>>(
    inner: &[usize],
    d: D,
) -> Result<&'de [A], D::Error> {
    let read = Read::<A>::deserialize(d)?;
    check_axes(&read, inner)?;
    if read.order == Order::F && !inner.is_empty() {
        return Err(D::Error::custom(
            "cannot borrow this array as a slice of rows: it is in Fortran order; use a `Vec` or an `ArrayView`",
        ));
    }
    read.borrowed("&[A]", "`Vec<A>`, `Cow<[A]>` or `ShmArray`")
}

macro_rules! elements {
    ($($(#[$attr:meta])* [$($generics:tt)*] $ty:ty;)*) => {$(
        $(#[$attr])*
        impl<$($generics)*> SerializeItem for $ty {
            const SEAL: Seal = Seal;

            fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serialize_element(self, serializer)
            }

            fn serialize_items<S: Serializer>(
                items: &[Self],
                shape: &mut ShapeBuf,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serialize_elements(items, shape, serializer)
            }

            fn serialize_owned_items<F: Family, S: Serializer>(
                items: &[Self],
                shape: &mut ShapeBuf,
                owner: &F::Of<Self>,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                serialize_owned_elements::<F, _, S>(items, shape, owner, serializer)
            }

            #[inline]
            fn plain_items(items: &[Self]) -> Option<PlainArray<'_>> {
                plain_elements(items)
            }
        }

        $(#[$attr])*
        impl<'de, $($generics)*> DeserializeItem<'de> for $ty {
            const SEAL: Seal = Seal;

            fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                deserialize_element(d)
            }

            fn deserialize_items<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<Vec<Self>, D::Error> {
                deserialize_owned(inner, d)
            }

            fn deserialize_lent<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<Lent<'de, Self>, D::Error>
            where
                Self: 'de,
            {
                deserialize_elements(inner, d)
            }
        }

        $(#[$attr])*
        impl<'de, $($generics)*> BorrowItem<'de> for $ty {
            const SEAL: Seal = Seal;

            fn deserialize_slice<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<&'de [Self], D::Error> {
                deserialize_slice(inner, d)
            }
        }
    )*};
}

elements! {
    [] bool;
    [] i8;
    [] i16;
    [] i32;
    [] i64;
    [] isize;
    [] u8;
    [] u16;
    [] u32;
    [] u64;
    [] usize;
    [] f32;
    [] f64;
    #[cfg(feature = "half")]
    [] half::f16;
    #[cfg(feature = "half")]
    [] half::bf16;
    #[cfg(feature = "complex")]
    [] num_complex::Complex32;
    #[cfg(feature = "complex")]
    [] num_complex::Complex64;
    [U: element::Unit] element::Datetime64<U>;
    [U: element::Unit] element::Timedelta64<U>;
    [const N: usize] element::FixedBytes<N>;
    [const N: usize] element::FixedStr<N>;
    #[cfg(feature = "bytemuck")]
    [T: bytemuck::Pod + Send + Sync, K: element::NamesDType<T>] element::AsElement<T, K>;
}
