//! A list of arrays that is handed over as one, so that what the arrays have in common is said once.

use serde::ser::{Error, SerializeTupleStruct, Serializer};

use crate::dtype::DType;
use crate::layout::Order;
use crate::memory::live::Kind;

use super::super::token::{ARRAYS, Bytes, Descriptor};
use super::SerializeArray;

/// An array whose elements nobody shares and that lie in memory as they are placed. It has few axes.
#[derive(Clone, Copy, Debug)]
pub struct PlainArray<'a> {
    dtype: &'static DType,
    order: Order,
    /// The axes, with zeros behind them.
    axes: [usize; 4],
    count: usize,
    bytes: &'a [u8],
}

impl<'a> PlainArray<'a> {
    /// `None` if the shape has too many axes.
    #[inline]
    pub(crate) fn new(
        dtype: &'static DType,
        order: Order,
        shape: &[usize],
        bytes: &'a [u8],
    ) -> Option<Self> {
        let mut axes = [0; 4];
        axes.get_mut(..shape.len())?.copy_from_slice(shape);
        Some(PlainArray { dtype, order, axes, count: shape.len(), bytes })
    }

    fn shape(&self) -> &[usize] {
        &self.axes[..self.count]
    }

    /// Whether the two differ in their axes and elements alone. They are of one type.
    #[inline]
    fn is_like(&self, other: &Self) -> bool {
        (self.order, self.count) == (other.order, other.count)
    }
}

/// Several arrays of one type that have all in common but their axes.
pub(super) struct ArrayList<'a, T> {
    first: PlainArray<'a>,
    items: &'a [T],
}

impl<'a, T: SerializeArray> ArrayList<'a, T> {
    /// `None` if the items are no such arrays, or only one.
    pub(super) fn of(items: &'a [T]) -> Option<Self> {
        let [first, others @ ..] = items else { return None };
        let first = first.plain()?;
        let is_like = |item: &T| item.plain().is_some_and(|item| item.is_like(&first));
        let are_like = !others.is_empty() && others.iter().all(is_like);
        are_like.then_some(ArrayList { first, items })
    }

    pub(super) fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PlainArray { dtype, order, .. } = self.first;
        let mut list = serializer.serialize_tuple_struct(ARRAYS, self.items.len())?;
        let first = Descriptor::encode(dtype, order, self.first.shape(), Kind::Plain, false);
        list.serialize_field(&Bytes(&first))?;
        let mut axes = self.first.axes;
        for item in self.items {
            let Some(item) = item.plain() else { return Err(S::Error::custom(CHANGED)) };
            if item.axes != axes {
                item.shape().iter().try_for_each(|axis| list.serialize_field(&(*axis as u64)))?;
                axes = item.axes;
            }
            list.serialize_field(&Bytes(item.bytes))?;
        }
        list.end()
    }
}

const CHANGED: &str = "an array of a list has changed while the list was written";
