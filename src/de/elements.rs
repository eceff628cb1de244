//! The elements or rows of an array, one after the other.

use std::cell::Cell;
use std::io;

use serde::de::{DeserializeSeed, Deserializer, IntoDeserializer, SeqAccess, Visitor};

use crate::dtype::{Scalar, match_number};
use crate::element;
use crate::error::{Error, Result};
use crate::layout;

use super::bounds::Bounds;
use super::buffer::is_buffer;
use super::part::Part;
use super::transparent::Transparent;

/// Items, and what reads one of them. A visitor is given all of it, so that where it stands is in registers while it goes on:
/// behind a reference each step would be a store.
pub(super) struct Elements<'c, I: ExactSizeIterator, F> {
    items: I,
    len: usize,
    read: F,
    /// How many the visitor has left, once it is done.
    left: &'c Cell<usize>,
}

impl<'c, I: ExactSizeIterator, F> Elements<'c, I, F> {
    pub(super) fn new(items: I, read: F, left: &'c Cell<usize>) -> Self {
        left.set(items.len());
        Elements { len: items.len(), items, read, left }
    }
}

impl<I: ExactSizeIterator, F> Drop for Elements<'_, I, F> {
    #[inline]
    fn drop(&mut self) {
        self.left.set(self.items.len());
    }
}

impl<'de, I, F, D> SeqAccess<'de> for Elements<'_, I, F>
where
    I: ExactSizeIterator,
    F: Fn(I::Item) -> Result<D>,
    D: Deserializer<'de, Error = Error>,
{
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        match (self.read)(item).and_then(|one| seed.deserialize(Transparent::new(one))) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.at_index(self.len - self.items.len() - 1)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// Calls the visitor with a sequence, of which it must take all: what it left would be lost without a word.
#[inline]
pub(super) fn visit_all<'de, I, F, D, V>(items: I, read: F, visitor: V) -> Result<V::Value>
where
    I: ExactSizeIterator,
    F: Fn(I::Item) -> Result<D>,
    D: Deserializer<'de, Error = Error>,
    V: Visitor<'de>,
{
    let (len, left) = (items.len(), Cell::new(0));
    let mut result = visitor.visit_seq(Elements::new(items, read, &left));
    if left.get() != 0 {
        result = result.and_then(|_| Err(too_many(len - left.get(), len)));
    }
    result
}

#[cold]
pub(super) fn too_many(taken: usize, found: usize) -> Error {
    Error::mismatch(format!("expected {taken} elements, found {found}"))
}

/// The elements of a part as one sequence: row by row, or those along its only axis.
pub(super) fn visit_elements<'de, V: Visitor<'de>>(
    part: Part<'_, 'de>,
    visitor: V,
) -> Result<V::Value> {
    let Part { dtype, shape, strides, bytes, bounds } = part;
    let item = dtype.item_size();
    // The byte length was checked against the shape.
    let len = layout::count(shape).unwrap_or(0);
    if item == 0 {
        bounds.take_rows(len)?;
    }
    check_memory::<V::Value>(len.saturating_mul(item))?;
    let is_adjacent = strides.is_empty() || strides == [1] || len < 2;
    let any = |place: usize| Ok(part.element_at(place));
    if is_adjacent {
        let bytes = bytes.get(..len * item).unwrap_or_default();
        let Some(scalar) = dtype.scalar().filter(|_| !dtype.is_big_endian()) else {
            return visit_all(0..len, any, visitor);
        };
        return match_number! { scalar, Number => {
                let read = |bytes: &_| Ok(number(Number::from_le_bytes(*bytes)));
                visit_all(bytes.as_chunks().0.iter(), read, visitor)
            },
            Scalar::Bool => match element::view::<bool>(bytes) {
                Ok(items) => visit_all(items.iter(), |item| Ok(number(*item)), visitor),
                // The first that is no bool is an error with its place.
                Err(_) => visit_all(0..len, any, visitor),
            },
            _ => visit_all(0..len, any, visitor),
        };
    }
    let places = layout::row_major(shape, strides);
    let Some(scalar) = dtype.scalar().filter(|_| !dtype.is_big_endian()) else {
        return visit_all(places, any, visitor);
    };
    match_number! { scalar, Number => {
            let items = bytes.as_chunks().0;
            let read = |place: usize| Ok(number(Number::from_le_bytes(items[place])));
            visit_all(places, read, visitor)
        },
        _ => visit_all(places, any, visitor),
    }
}

fn number<'de, T: IntoDeserializer<'de, Error>>(value: T) -> T::Deserializer {
    value.into_deserializer()
}

/// From here on a claim of memory is looked at before it is handed to code that cannot fail where there is none.
const LARGE: usize = 16 << 20;

/// An error where a `T`, made of so many bytes, would find no memory: sealed memory and files may have holes. What owns memory
/// has something to drop; to such a type the elements are handed only where it could hold them all.
fn check_memory<T>(bytes: usize) -> Result<()> {
    if bytes < LARGE || !std::mem::needs_drop::<T>() {
        return Ok(());
    }
    element::check_room(bytes).map_err(|misfit| {
        Error::io(format!("cannot copy the array: {misfit}"), io::ErrorKind::OutOfMemory)
    })
}

/// Bytes, to a visitor that may copy them.
#[inline]
pub(super) fn lend_bytes<'de, V: Visitor<'de>>(bytes: &'de [u8], visitor: V) -> Result<V::Value> {
    // Serde's buffer keeps them as they lie.
    if !is_buffer::<V>() {
        check_memory::<V::Value>(bytes.len())?;
    }
    visitor.visit_borrowed_bytes(bytes)
}

/// Calls the visitor with numbers that were packed one after the other.
pub(super) fn visit_packed<'de, V: Visitor<'de>>(
    dtype: &crate::dtype::DType,
    bytes: &'de [u8],
    bounds: &Bounds,
    len: usize,
    visitor: V,
) -> Result<V::Value> {
    let shape = &[len];
    visit_elements(Part { dtype, shape, strides: &[], bytes, bounds }, visitor)
}
