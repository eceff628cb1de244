//! The types of std that `#[shm_array]` accepts: slices, vectors, boxes, fixed arrays, and these inside other containers.

mod arrays;
mod containers;
mod elements;
mod inline;
mod list;
mod nested;

use serde::de::Deserializer;
use serde::ser::Serializer;

use list::ArrayList;
use nested::{Routed, collect_nested};

use crate::layout::ShapeBuf;

use super::owner::{Family, Pointer};
use super::token::{is_bound_for_ours, nest};

pub use list::PlainArray;

pub use elements::{
    deserialize_element, deserialize_elements, deserialize_owned, deserialize_slice,
    plain_elements, serialize_element, serialize_elements, serialize_owned_elements,
};

/// Something that an impl of the traits of items must name. It is not part of the public interface: only this crate and its
/// derive may name it.
#[derive(Clone, Copy, Debug)]
pub struct Seal;

/// A type that a field with `#[shm_array]` may have, for writing. The array's elements go to the container as one aligned buffer.
///
/// It is implemented for `[A]`, `[A; N]`, `Vec<A>`, `Box`, `Arc`, `Rc`, `Cow` and references of these, ndarray's owners and
/// views, [`ShmArray`](crate::ShmArray), and these inside `Option`, `Vec`, maps and tuples. `A` is an
/// [`Element`](crate::Element) or a fixed array of elements (`Vec<[f32; 3]>` has two axes). Arrays of strings and chars are
/// accepted too, and stay inline.
///
/// ```
/// use serde_shm::array::SerializeArray;
///
/// /// A field of any type that can be marked.
/// #[derive(serde::Serialize)]
/// #[serde(bound = "T: SerializeArray")]
/// struct Signal<T> {
///     #[serde(serialize_with = "serde_shm::array::serialize")]
///     samples: T,
/// }
/// let signal = Signal { samples: vec![[0.5_f32, 1.5]; 100] }; // 100 points of two numbers
/// let block = serde_shm::Block::new(serde_shm::to_bytes(&signal)?)?;
/// assert_eq!(block.arrays()?[0].shape(), [100, 2]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array that can be placed",
    label = "`#[shm_array]` does not take this type",
    note = "it takes `Vec<A>`, `Box<[A]>`, `Arc<[A]>`, `[A; N]`, `&[A]`, `Cow<[A]>`, ndarray arrays and views, and these inside `Option`, `Vec`, `Box`, maps and tuples, where `A` is an `Element` (bool, numbers up to 64 bits, half-precision and complex numbers with their features, the types of `serde_shm::element`, structs with `#[derive(Element)]`) or a fixed array of such",
    note = "remove the mark to encode the field inline"
)]
pub trait SerializeArray {
    /// Serializes the value with its arrays placed.
    ///
    /// ```
    /// use serde::Serializer;
    /// use serde_shm::array::SerializeArray;
    ///
    /// struct Samples(Vec<f32>);
    ///
    /// impl serde::Serialize for Samples {
    ///     fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
    ///         self.0.serialize_array(serializer)
    ///     }
    /// }
    /// let block = serde_shm::Block::new(serde_shm::to_bytes(&Samples(vec![0.5; 100]))?)?;
    /// assert_eq!(block.arrays()?[0].byte_len(), 400);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Serializes a row-major block of values of this type, which has this shape.
    #[doc(hidden)]
    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        Self: Sized,
    {
        if shape.len() == 1
            && is_bound_for_ours::<S>()
            && let Some(list) = ArrayList::of(items)
        {
            return list.serialize(serializer);
        }
        nest::<Self, Routed, S>(shape, items, serializer)
    }

    /// The array, if its elements lie in memory as they are placed, and nobody shares them.
    #[doc(hidden)]
    fn plain(&self) -> Option<PlainArray<'_>> {
        None
    }

    /// Serializes values of this type that lie in what `owner` has.
    #[doc(hidden)]
    fn serialize_owned_items<F: Family, S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        _owner: &F::Of<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        Self: Sized,
    {
        Self::serialize_items(items, shape, serializer)
    }

    /// Serializes a value behind a pointer that shares it with others.
    #[doc(hidden)]
    fn serialize_pointed<P: Pointer, S: Serializer>(
        pointer: &P::To<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        (**pointer).serialize_array(serializer)
    }
}

/// A type that a field with `#[shm_array]` may have, for reading: the counterpart of [`SerializeArray`].
///
/// Owned types copy their elements out of the container once. `&[A]`, `Cow<[A]>` and ndarray's views borrow them.
///
/// ```
/// use serde_shm::array::DeserializeArray;
///
/// /// A field of any type that can be marked.
/// #[derive(serde::Deserialize)]
/// #[serde(bound(deserialize = "T: DeserializeArray<'de>"))]
/// struct Signal<T> {
///     #[serde(deserialize_with = "serde_shm::array::deserialize")]
///     samples: T,
/// }
/// # #[derive(serde::Serialize)]
/// # struct Written { #[serde(with = "serde_shm::array")] samples: Vec<u8> }
/// # let bytes = serde_shm::to_bytes(&Written { samples: vec![5; 3] })?;
/// let copied: Signal<Vec<u8>> = serde_shm::from_bytes(&bytes)?;
/// let borrowed: Signal<&[u8]> = serde_shm::from_bytes(&bytes)?;
/// assert_eq!(copied.samples, borrowed.samples);
/// assert!(bytes.as_ptr_range().contains(&borrowed.samples.as_ptr()));
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array that can be read from a container",
    label = "`#[shm_array]` does not take this type",
    note = "it takes `Vec<A>`, `Box<[A]>`, `Arc<[A]>`, `[A; N]`, `&[A]`, `Cow<[A]>`, ndarray arrays and views, and these inside `Option`, `Vec`, `Box`, maps and tuples, where `A` is an `Element` (bool, numbers up to 64 bits, half-precision and complex numbers with their features, the types of `serde_shm::element`, structs with `#[derive(Element)]`) or a fixed array of such",
    note = "remove the mark to encode the field inline"
)]
pub trait DeserializeArray<'de>: Sized {
    /// Deserializes the value.
    ///
    /// ```
    /// use serde::Deserializer;
    /// use serde_shm::array::DeserializeArray;
    ///
    /// struct Samples(Vec<u8>);
    ///
    /// impl<'de> serde::Deserialize<'de> for Samples {
    ///     fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
    ///         Vec::deserialize_array(deserializer).map(Samples)
    ///     }
    /// }
    /// # #[derive(serde::Serialize)]
    /// # struct Written(#[serde(with = "serde_shm::array")] Vec<u8>);
    /// # let bytes = serde_shm::to_bytes(&Written(vec![5; 3]))?;
    /// let samples: Samples = serde_shm::from_bytes(&bytes)?;
    /// assert_eq!(samples.0, [5; 3]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no array, or if its elements, axes or bytes do not fit the type.
    fn deserialize_array<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Deserializes a row-major block of values of this type whose inner axes have these lengths, innermost last.
    #[doc(hidden)]
    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Vec<Self>, D::Error> {
        collect_nested::<Routed, Self, D>(inner, deserializer)
    }

    #[doc(hidden)]
    fn deserialize_lent<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Lent<'de, Self>, D::Error>
    where
        Self: 'de,
    {
        <Self as DeserializeArray<'de>>::deserialize_items(inner, deserializer).map(Lent::Owned)
    }
}

/// A type of an array's items: an [`Element`](crate::Element), an array, or text, which stays inline.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_shm::array::SerializeItem;
///
/// #[derive(serde_shm::Serialize)]
/// struct Rows<T: SerializeItem> {
///     #[shm_array]
///     rows: Vec<T>,
/// }
/// let block = serde_shm::to_bytes(&Rows { rows: vec![[1_u16, 2], [3, 4], [5, 6]] })?;
/// assert_eq!(serde_shm::Block::new(block)?.arrays()?[0].shape(), [3, 2]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Use it in bounds only. Its methods are not part of the public interface and may change with any release, so do not call or
/// implement them. A type of your own gets it by `#[derive(Element)]` or by [`SerializeArray`].
///
/// The trait is sealed as far as possible: an impl has to name `serde_shm::__private`. The derive's code stands in the crate
/// of the type and implements the trait there, so a private module of this crate cannot seal it. A blanket impl for elements
/// cannot coexist with the one for arrays.
pub trait SerializeItem {
    #[doc(hidden)]
    const SEAL: Seal;

    #[doc(hidden)]
    fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    #[doc(hidden)]
    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        Self: Sized;

    #[doc(hidden)]
    fn serialize_owned_items<F: Family, S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        _owner: &F::Of<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error>
    where
        Self: Sized,
    {
        Self::serialize_items(items, shape, serializer)
    }

    /// Elements in a row as an array, if they lie in memory as they are placed.
    #[doc(hidden)]
    fn plain_items(_items: &[Self]) -> Option<PlainArray<'_>>
    where
        Self: Sized,
    {
        None
    }
}

/// The counterpart of [`SerializeItem`] for reading. It is sealed in the same way.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_shm::array::{DeserializeItem, SerializeItem};
///
/// #[derive(serde_shm::Serialize, serde_shm::Deserialize)]
/// #[serde(bound(serialize = "T: SerializeItem", deserialize = "T: DeserializeItem<'de>"))]
/// struct Rows<T> {
///     #[shm_array]
///     rows: Vec<T>,
/// }
/// let bytes = serde_shm::to_bytes(&Rows { rows: vec![[1_u16, 2], [3, 4]] })?;
/// let read: Rows<[u16; 2]> = serde_shm::from_bytes(&bytes)?;
/// assert_eq!(read.rows[1], [3, 4]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub trait DeserializeItem<'de>: Sized {
    #[doc(hidden)]
    const SEAL: Seal;

    #[doc(hidden)]
    fn deserialize_item<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    #[doc(hidden)]
    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Vec<Self>, D::Error>;

    #[doc(hidden)]
    fn deserialize_lent<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<Lent<'de, Self>, D::Error>
    where
        Self: 'de,
    {
        Self::deserialize_items(inner, deserializer).map(Lent::Owned)
    }
}

/// Items that are borrowed where that is possible. It is a `Cow` without the bound `Clone`, because an array's items cannot be
/// required to have that.
#[derive(Debug)]
pub enum Lent<'de, T> {
    /// The items where they lie.
    Borrowed(&'de [T]),
    /// A copy of the items.
    Owned(Vec<T>),
}

/// Elements and fixed arrays of them, of which a slice can be borrowed. Sealed as [`SerializeItem`] is.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_shm::array::BorrowItem;
///
/// #[derive(serde_shm::Deserialize)]
/// struct View<'a, T: BorrowItem<'a>> {
///     #[shm_array]
///     rows: &'a [T],
/// }
/// # #[derive(serde_shm::Serialize)]
/// # struct Rows { #[shm_array] rows: Vec<[u8; 2]> }
/// # let bytes = serde_shm::to_bytes(&Rows { rows: vec![[1, 2], [3, 4]] })?;
/// let view: View<'_, [u8; 2]> = serde_shm::from_bytes(&bytes)?;
/// assert_eq!(view.rows, [[1, 2], [3, 4]]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub trait BorrowItem<'de>: Sized {
    #[doc(hidden)]
    const SEAL: Seal;

    #[doc(hidden)]
    fn deserialize_slice<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        deserializer: D,
    ) -> Result<&'de [Self], D::Error>;
}

impl<T: SerializeArray> SerializeItem for T {
    const SEAL: Seal = Seal;

    fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }

    fn serialize_items<S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        <T as SerializeArray>::serialize_items(items, shape, serializer)
    }

    fn serialize_owned_items<F: Family, S: Serializer>(
        items: &[Self],
        shape: &mut ShapeBuf,
        owner: &F::Of<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        <T as SerializeArray>::serialize_owned_items::<F, S>(items, shape, owner, serializer)
    }
}

impl<'de, T: DeserializeArray<'de>> DeserializeItem<'de> for T {
    const SEAL: Seal = Seal;

    fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize_array(d)
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        <T as DeserializeArray>::deserialize_items(inner, d)
    }

    fn deserialize_lent<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Lent<'de, Self>, D::Error>
    where
        Self: 'de,
    {
        <T as DeserializeArray<'de>>::deserialize_lent(inner, d)
    }
}
