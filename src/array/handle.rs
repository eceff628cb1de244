//! `ShmArray`: an immutable array that keeps its container alive.

use std::fmt;
use std::ops::Deref;

use ndarray::{
    ArcArray, Array, ArrayRef, ArrayView, CowArray, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6,
    IxDyn, StrideShape,
};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

use crate::element::{Element, Misfit};
use crate::error::Error;
use crate::layout::Order;
use crate::memory::{Hold, Keeper, Region, View};

use super::item::{DeserializeArray, SerializeArray};
use super::nd::{self, dimension};
use super::owner::Shared;
use super::payload::{self, Made, own};
use super::read::Read;

/// An immutable n-dimensional array that shares its memory: with the segment or file block that it was read from, or with the
/// owned array that it was made from.
///
/// As a field it needs no mark, and its elements are placed wherever the field stands. Read with
/// [`from_shared`](crate::from_shared) or [`Segment::get`](crate::Segment::get), it is a view of the container, without a
/// copy. It is `'static`: the container's memory stays mapped for as long as any clone lives.
/// [`from_bytes`](crate::from_bytes) and other formats have no container to keep, so an array that is read with them owns a
/// copy.
///
/// A clone costs a reference count. The array derefs to [`ndarray::ArrayRef`], and cannot be written to.
///
/// ```
/// use ndarray::array;
/// use serde_shm::ShmArray2;
///
/// let weights = ShmArray2::from(array![[1.0_f32, 2.0], [3.0, 4.0]]);
/// let same = weights.clone();
/// assert_eq!(same.sum(), 10.0);
/// assert_eq!(same.as_ptr(), weights.as_ptr());
/// ```
pub struct ShmArray<A: Element, D: Dimension> {
    hold: Hold<A, NdView<D>>,
}

macro_rules! aliases {
    ($($name:ident $dim:ident $text:literal, $array:literal, $seen:literal;)*) => {$(
        #[doc = concat!("A [`ShmArray`] with ", $text, ".")]
        ///
        /// ```
        #[doc = concat!("let array = serde_shm::", stringify!($name), "::from(", $array, ");")]
        #[doc = concat!("assert_eq!(", $seen, ");")]
        /// ```
        pub type $name<A> = ShmArray<A, $dim>;
    )*};
}

aliases! {
    ShmArray0 Ix0 "no axes: one element", "ndarray::arr0(1.5)", "array[()], 1.5";
    ShmArray1 Ix1 "one axis", "vec![1, 2, 3]", "array[2], 3";
    ShmArray2 Ix2 "two axes", "ndarray::array![[1, 2], [3, 4]]", "array[[1, 0]], 3";
    ShmArray3 Ix3 "three axes", "ndarray::array![[[1, 2], [3, 4]]]", "array[[0, 1, 0]], 3";
    ShmArray4 Ix4 "four axes", "ndarray::Array4::<f32>::ones((2, 3, 4, 5))", "array.sum(), 120.0";
    ShmArray5 Ix5 "five axes", "ndarray::Array5::<u8>::zeros((2, 2, 3, 1, 4))", "array.shape(), [2, 2, 3, 1, 4]";
    ShmArray6 Ix6 "six axes", "ndarray::Array6::<u8>::zeros([2; 6])", "array.len(), 64";
    ShmArrayD IxDyn "any number of axes", "ndarray::array![[1, 2, 3]].into_dyn()", "array.shape(), [1, 3]";
}

/// The family of ndarray's views, for [`Hold`].
struct NdView<D>(std::marker::PhantomData<D>);

impl<A: Element, D: Dimension> View<A> for NdView<D> {
    type Of<'a> = ArrayView<'a, A, D>;

    fn shorten<'a, 'long: 'a>(view: &'a ArrayView<'long, A, D>) -> &'a ArrayView<'a, A, D> {
        view
    }
}

impl<A: Element, D: Dimension> ShmArray<A, D> {
    /// The array that `make` builds of the elements at that place. The inner error says that the bytes there are no elements.
    pub(super) fn of_region(
        region: Region,
        offset: usize,
        len: usize,
        make: impl for<'a> FnOnce(&'a [A]) -> Result<ArrayView<'a, A, D>, Error>,
    ) -> Result<Result<Self, Misfit>, Error> {
        let hold = Hold::<A, NdView<D>>::new(region, offset, len, make)?;
        Ok(hold.map(|hold| ShmArray { hold }))
    }

    fn in_region(
        region: Region,
        offset: usize,
        len: usize,
        shape: StrideShape<D>,
    ) -> Result<Self, Error> {
        let made = ShmArray::of_region(region, offset, len, |items| {
            ArrayView::from_shape(shape, items).map_err(Error::custom)
        });
        made?.map_err(|misfit| Error::corrupt(misfit.to_string()))
    }

    /// The array of elements that were one of this shape and order before.
    pub(super) fn of_whole(
        region: Region,
        offset: usize,
        len: usize,
        shape: &[usize],
        order: Order,
    ) -> Self {
        let shape = dimension::<D, Error>(shape, order);
        match shape.and_then(|shape| ShmArray::in_region(region, offset, len, shape)) {
            Ok(array) => array,
            // The shape, the order and the length are those of an array that exists.
            Err(error) => unreachable!("an owned array is a valid shared one: {error}"),
        }
    }

    fn from_vec(items: Vec<A>, shape: &[usize], order: Order) -> Self {
        let len = size_of_val(&items[..]);
        ShmArray::of_whole(Region::from_vec(items), 0, len, shape, order)
    }

    /// The memory in which the elements lie.
    pub(super) fn region(&self) -> &Region {
        self.hold.region()
    }

    /// A view of the array that borrows the handle.
    ///
    /// ```
    /// let array = serde_shm::ShmArray2::from(ndarray::array![[1, 2], [3, 4]]);
    /// let view: ndarray::ArrayView2<'_, i32> = array.view();
    /// assert_eq!((view.column(1).sum(), view.as_ptr()), (6, array.as_ptr())); // no copy
    /// ```
    pub fn view(&self) -> ArrayView<'_, A, D> {
        self.hold.view().view()
    }
}

impl<A: Element, D: Dimension> Deref for ShmArray<A, D> {
    type Target = ArrayRef<A, D>;

    fn deref(&self) -> &ArrayRef<A, D> {
        self.hold.view()
    }
}

impl<A: Element, D: Dimension> Clone for ShmArray<A, D> {
    fn clone(&self) -> Self {
        ShmArray { hold: self.hold.clone() }
    }
}

impl<A: Element + fmt::Debug, D: Dimension> fmt::Debug for ShmArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq for ShmArray<A, D> {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<Array<A, D>> for ShmArray<A, D> {
    fn eq(&self, other: &Array<A, D>) -> bool {
        self.view() == other.view()
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<ArrayView<'_, A, D>> for ShmArray<A, D> {
    fn eq(&self, other: &ArrayView<'_, A, D>) -> bool {
        self.view() == *other
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<ShmArray<A, D>> for Array<A, D> {
    fn eq(&self, other: &ShmArray<A, D>) -> bool {
        other == self
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<ShmArray<A, D>> for ArrayView<'_, A, D> {
    fn eq(&self, other: &ShmArray<A, D>) -> bool {
        other == self
    }
}

impl<A: Element + Eq, D: Dimension> Eq for ShmArray<A, D> {}

/// An array without elements, or with one default element if it has no axes. It is the same as the default of an owned array.
impl<A: Element + Default, D: Dimension> Default for ShmArray<A, D> {
    fn default() -> Self {
        Array::default(D::default()).into()
    }
}

/// Elements that lie without gaps in C or Fortran order are not copied; others are copied once.
impl<A: Element, D: Dimension> From<Array<A, D>> for ShmArray<A, D> {
    fn from(array: Array<A, D>) -> Self {
        let shape = array.shape().to_vec();
        let standard = array.is_standard_layout();
        let order = if !standard && array.t().is_standard_layout() { Order::F } else { Order::C };
        let len = array.len() * size_of::<A>();
        if standard || order == Order::F {
            let (items, offset) = array.into_raw_vec_and_offset();
            let start = offset.unwrap_or(0) * size_of::<A>();
            ShmArray::of_whole(Region::from_vec(items), start, len, &shape, order)
        } else {
            ShmArray::from_vec(array.iter().copied().collect(), &shape, Order::C)
        }
    }
}

impl<A: Element, D: Dimension> From<ArcArray<A, D>> for ShmArray<A, D> {
    fn from(array: ArcArray<A, D>) -> Self {
        array.into_owned().into()
    }
}

impl<A: Element, D: Dimension> From<CowArray<'_, A, D>> for ShmArray<A, D> {
    fn from(array: CowArray<'_, A, D>) -> Self {
        array.into_owned().into()
    }
}

impl<A: Element> From<Vec<A>> for ShmArray1<A> {
    fn from(items: Vec<A>) -> Self {
        Array::from_vec(items).into()
    }
}

impl<A: Element, D: Dimension> SerializeArray for ShmArray<A, D> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let share = |address, strides| {
            let keeper = Keeper::new(self.region().clone());
            Some(Shared { address, strides, keeper })
        };
        nd::serialize_shared(&self.view(), share, serializer)
    }
}

impl<A: Element, D: Dimension> Serialize for ShmArray<A, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}

impl<'de, A: Element, D: Dimension> DeserializeArray<'de> for ShmArray<A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        payload::read(d)
    }
}

impl<'de, A: Element, D: Dimension> Made<'de> for ShmArray<A, D> {
    type Read = Read<'de, A>;

    fn made<E: serde::de::Error>(read: Read<'de, A>) -> Result<Self, E> {
        let read = read.plain()?;
        let shape = dimension::<D, E>(&read.shape_of(D::NDIM), read.order)?;
        let len = size_of_val(&read.elements[..]);
        let (region, offset) = read.into_region()?;
        ShmArray::in_region(region, offset, len, shape).map_err(own)
    }
}

impl<'de, A: Element, D: Dimension> Deserialize<'de> for ShmArray<A, D> {
    fn deserialize<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        Self::deserialize_array(d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};

    #[test]
    fn owned_arrays_of_any_layout_become_handles() {
        let base = Array::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as u16);
        let address = base.as_ptr();
        let handle = ShmArray::from(base.clone());
        assert_eq!(handle, base);
        let moved = ShmArray::from(base.clone().reversed_axes());
        assert_eq!(moved, base.t());
        let mut inner = base.clone();
        inner.slice_collapse(s![1..3, ..]);
        assert_eq!(ShmArray::from(inner.clone()), inner);
        let mut gaps = base.clone();
        gaps.slice_collapse(s![.., ..;2]);
        assert_eq!(ShmArray::from(gaps.clone()), gaps);
        let mut back = base.clone();
        back.invert_axis(ndarray::Axis(0));
        assert_eq!(ShmArray::from(back.clone()), back);
        assert_eq!(ShmArray::from(base).as_ptr(), address);
        assert_eq!(ShmArray::from(Array::from_elem((), 5_u8)), Array::from_elem((), 5));
        assert_eq!(ShmArray::from(Array::<f32, _>::zeros((0, 3))).shape(), [0, 3]);
        assert_eq!(ShmArray::from(vec![1_i8, 2]), array![1, 2]);
        assert_eq!(array![1, 2], ShmArray::from(vec![1_i8, 2]));
        assert_eq!(array![1, 2].view(), ShmArray::from(vec![1_i8, 2]));
        assert_ne!(ShmArray::from(vec![1_i8, 2]), array![1, 3].view());
        assert_eq!(ShmArray2::<f32>::default(), Array::default((0, 0)));
        assert_eq!(ShmArray0::<u8>::default(), Array::from_elem((), 0));
        assert_eq!(ShmArrayD::<u8>::default(), Array::<u8, IxDyn>::default(IxDyn(&[0])));
    }
}
