//! ndarray's owners and views as array fields.

use std::any::TypeId;
use std::borrow::Cow;

use ndarray::{
    ArcArray, Array, ArrayBase, ArrayRef, ArrayView, ArrayViewD, ArrayViewMut, Axis, CowArray,
    Data, Dimension, OwnedArcRepr, ShapeBuilder, Slice, StrideShape,
};
use serde::de::{Deserializer, Error};
use serde::ser::Serializer;

use crate::dtype::DType;
use crate::element::{self, Element, Fit, Misfit, fit, mismatch};
use crate::error;
use crate::layout::Order;
use crate::memory::Keeper;
use crate::store::Placed;

use super::item::{DeserializeArray, PlainArray, SerializeArray};
use super::owner::Shared;
use super::read::{Read, shape_error};
use super::token::{self, Elements};

/// Elements with gaps between them are packed in blocks of about this many bytes: large enough for one system call each, and
/// small enough for the cache.
const BLOCK: usize = 256 << 10;

struct Strided<'a, A, D> {
    view: ArrayView<'a, A, D>,
}

impl<A: Element, D: Dimension> Strided<'_, A, D> {
    fn contiguous(&self) -> Option<(Order, &[A])> {
        contiguous(&self.view)
    }
}

/// The elements as a slice, if they lie in memory without gaps in one of the two orders.
fn contiguous<A, S: Data<Elem = A>, D: Dimension>(
    array: &ArrayBase<S, D>,
) -> Option<(Order, &[A])> {
    if let Some(items) = array.as_slice() {
        return Some((Order::C, items));
    }
    // With its axes reversed, a Fortran array is a C array over the same memory.
    let slice = array.as_slice_memory_order()?;
    let mut axes = array.strides().iter().zip(array.shape());
    let is_forward = axes.all(|(stride, axis)| *axis <= 1 || *stride > 0);
    (is_forward && array.t().is_standard_layout()).then_some((Order::F, slice))
}

impl<A: Element, D: Dimension> Elements<A> for Strided<'_, A, D> {
    fn order(&self) -> Order {
        self.contiguous().map_or(Order::C, |(order, _)| order)
    }

    fn blocks<E>(&self, mut put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self.contiguous() {
            Some((_, items)) => element::blocks(items, put),
            None => pack(&self.view.view().into_dyn(), &mut Vec::new(), &mut put),
        }
    }

    fn row_major(&self) -> Cow<'_, [A]> {
        match self.view.as_slice() {
            Some(items) => Cow::Borrowed(items),
            None => Cow::Owned(self.view.iter().copied().collect()),
        }
    }
}

/// Packs a strided view into row-major blocks. ndarray fills each block axis by axis, which is faster than element by element.
fn pack<A: Element, E>(
    view: &ArrayViewD<'_, A>,
    buffer: &mut Vec<A>,
    put: &mut impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if view.is_empty() {
        return Ok(());
    }
    if let Some(items) = view.as_slice() {
        return element::blocks(items, put);
    }
    let limit = (BLOCK / size_of::<A>()).max(1);
    if view.len() <= limit {
        if buffer.len() < view.len() {
            // The value is overwritten below, so any element of the view will do.
            let Some(first) = view.first() else { return Ok(()) };
            buffer.resize(view.len(), *first);
        }
        let block = &mut buffer[..view.len()];
        // The buffer has the view's length, so the shape always fits.
        if let Ok(mut packed) = ArrayViewMut::from_shape(view.raw_dim(), &mut *block) {
            packed.assign(view);
        }
        return element::blocks(block, put);
    }
    let rows = view.len_of(Axis(0));
    let each = view.len() / rows;
    if each > limit {
        for row in 0..rows {
            pack(&view.index_axis(Axis(0), row), buffer, put)?;
        }
        return Ok(());
    }
    let step = (limit / each).max(1);
    for start in (0..rows).step_by(step) {
        let end = (start + step).min(rows);
        let part = view.slice_axis(Axis(0), Slice::from(start..end));
        pack(&part, buffer, put)?;
    }
    Ok(())
}

fn serialize<A: Element, D: Dimension, S: Serializer>(
    view: ArrayView<'_, A, D>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shape = view.raw_dim();
    token::serialize(shape.slice(), Strided { view }, serializer)
}

/// Serializes an array that has a shared owner: `keep` gets the place of the first element, and the strides if there are gaps.
pub(super) fn serialize_shared<A: Element, D: Dimension, S: Serializer>(
    view: &ArrayView<'_, A, D>,
    keep: impl Fn(usize, Vec<isize>) -> Option<Shared>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let shape = view.raw_dim();
    let address = view.as_ptr().addr();
    let elements = Strided { view: view.view() };
    let kept = || {
        let items = Strided { view: view.view() };
        let strides = match items.contiguous() {
            Some(_) => Vec::new(),
            None => {
                view.strides().iter().map(|stride| stride * size_of::<A>().cast_signed()).collect()
            }
        };
        keep(address, strides)
    };
    token::serialize_shared(shape.slice(), elements, kept, serializer)
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> SerializeArray for ArrayBase<S, D> {
    fn serialize_array<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        if typeid::of::<S>() != TypeId::of::<OwnedArcRepr<A>>() {
            return serialize(self.view(), serializer);
        }
        let share = |address, strides| {
            // For an `ArcArray` this is a clone. For other arrays it is a copy, whose elements lie elsewhere.
            let share = self.to_shared().into_dyn();
            let is_clone = share.as_ptr().addr() == address;
            is_clone.then(|| Shared { address, strides, keeper: Keeper::new(Some(share)) })
        };
        serialize_shared(&self.view(), share, serializer)
    }

    fn plain(&self) -> Option<PlainArray<'_>> {
        let is_shared = typeid::of::<S>() == TypeId::of::<OwnedArcRepr<A>>();
        let (order, items) = if is_shared { None } else { contiguous(self) }?;
        PlainArray::new(const { &A::DTYPE }, order, self.shape(), element::bytes(items)?)
    }
}

impl<A: Element, D: Dimension> SerializeArray for ArrayRef<A, D> {
    fn serialize_array<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serialize(self.view(), serializer)
    }
}

/// The shape as a `D`, with the order of its elements.
pub(super) fn dimension<D: Dimension, E: Error>(
    shape: &[usize],
    order: Order,
) -> Result<StrideShape<D>, E> {
    if let Some(axes) = D::NDIM.filter(|axes| *axes != shape.len()) {
        return Err(shape_error(shape, &vec![None; axes]));
    }
    let mut dimension = D::zeros(shape.len());
    dimension.slice_mut().copy_from_slice(shape);
    Ok(dimension.set_f(order == Order::F).into())
}

impl<'de, A: Element, D: Dimension> DeserializeArray<'de> for Array<A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        owned(Read::<A>::to_own(d)?)
    }
}

/// The elements that were read, in memory of their own.
pub(super) fn owned<A: Element, D: Dimension, E: Error>(
    read: Read<'_, A>,
) -> Result<Array<A, D>, E> {
    let shape = dimension::<D, E>(&read.shape_of(D::NDIM), read.order)?;
    let items = read.into_owned()?;
    Array::from_shape_vec(shape, items).map_err(Error::custom)
}

impl<'de, A: Element, D: Dimension> DeserializeArray<'de> for ArcArray<A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        Array::deserialize_array(d).map(Array::into_shared)
    }
}

impl<'de: 'a, 'a, A: Element, D: Dimension> DeserializeArray<'de> for CowArray<'a, A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        let read = Read::<A>::deserialize(d)?;
        let shape = dimension::<D, Z::Error>(&read.shape_of(D::NDIM), read.order)?;
        Ok(match read.elements {
            Cow::Borrowed(items) => {
                ArrayView::from_shape(shape, items).map_err(Error::custom)?.into()
            }
            Cow::Owned(items) => Array::from_shape_vec(shape, items).map_err(Error::custom)?.into(),
        })
    }
}

impl<'de: 'a, 'a, A: Element, D: Dimension> DeserializeArray<'de> for ArrayView<'a, A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        let read = Read::<A>::deserialize(d)?;
        let shape = dimension::<D, Z::Error>(&read.shape_of(D::NDIM), read.order)?;
        let items = read.borrowed("ArrayView", "`Array`, `CowArray` or `ShmArray`")?;
        ArrayView::from_shape(shape, items).map_err(Error::custom)
    }
}

/// An error unless elements of this dtype are valid elements of the Rust type as they are. It says what to do if they could be
/// converted.
pub(super) fn check_same<A: Element>(
    dtype: &DType,
    shape: &[usize],
    mend: &str,
) -> error::Result<()> {
    match fit(dtype, &A::DTYPE) {
        Ok(Fit::Same) => Ok(()),
        Ok(Fit::Converted(_, why)) => {
            Err(error::Error::mismatch(format!("cannot view this array: {why}; {mend}")))
        }
        Err(why) => {
            let (found, wanted) = mismatch(dtype, shape, &A::DTYPE, &why);
            Err(error::Error::mismatch(format!("expected {wanted}, found {found}")))
        }
    }
}

/// The error for bytes that cannot be seen as a slice of elements where they lie.
pub(super) fn unseen(misfit: &Misfit, mend: &str) -> error::Error {
    match misfit {
        // The owner of the memory has chosen where it lies.
        Misfit::Align { .. } => error::Error::mismatch(format!(
            "cannot view this array: {misfit}; {mend}, or move the bytes into `AlignedBytes`"
        )),
        _ => error::Error::corrupt(misfit.to_string()),
    }
}

/// One array of a container as a view. Nothing else is read.
pub(crate) fn view<'a, A: Element, D: Dimension>(
    path: &str,
    placed: &Placed<'a>,
) -> error::Result<ArrayView<'a, A, D>> {
    const MEND: &str = "read it into an owned type";
    let named = |error: error::Error| error.at_field(path);
    check_same::<A>(&placed.dtype, &placed.shape, MEND).map_err(named)?;
    let shape = dimension::<D, error::Error>(&placed.shape, placed.order).map_err(named)?;
    let items = element::view(placed.bytes).map_err(|misfit| named(unseen(&misfit, MEND)))?;
    ArrayView::from_shape(shape, items)
        .map_err(|error| named(error::Error::corrupt(error.to_string())))
}
