//! Every request that a placed array answers: under the token its bytes, to a plain `Vec` nested sequences, to a plain
//! ndarray its own serde form, to a byte buffer its bytes. So a field may gain or lose its mark, or change between
//! `Vec`, `Array` and `ShmArray`, without a new format.

use std::io;

use serde::de::value::{
    BorrowedBytesDeserializer, BorrowedStrDeserializer, SeqDeserializer, U8Deserializer,
};
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde::forward_to_deserialize_any;

use crate::context;
use crate::dtype::{DType, Scalar};
use crate::element;
use crate::error::{Error, Result};
use crate::layout::{self, Order};
use crate::store::{Flow, Placed};

use super::bounds::Bounds;
use super::element::Element;
use super::flow::{Blocks, Flowing};
use super::items;
use super::wrapped::Wrapped;

/// Under the token: a newtype of the bytes, still borrowed. What else the reader of arrays must know goes past serde.
pub(super) fn visit_token<'de, V: Visitor<'de>>(
    placed: Placed<'de>,
    visitor: V,
) -> Result<V::Value> {
    let bytes = placed.bytes;
    let is_bool = placed.dtype.scalar() == Some(Scalar::Bool);
    let visit = || visitor.visit_newtype_struct(BorrowedBytesDeserializer::new(bytes));
    context::handing(head(placed), visit).map_err(|error: Error| {
        // The visitor's error knows no kinds: what is no bool is no type that was not asked for.
        if is_bool && bytes.iter().any(|byte| *byte > 1) { error.into_corrupt() } else { error }
    })
}

/// Under the token, an array that is read as it is copied: the same, but for the bytes, which come in blocks.
pub(super) fn visit_flow<'de, V: Visitor<'de>>(flow: Flow<'de>, visitor: V) -> Result<V::Value> {
    let Flow { placed, bytes, feed } = flow;
    let mut blocks = Blocks::new(placed.dtype.item_size(), bytes, feed);
    context::handing(head(placed), || visitor.visit_newtype_struct(Flowing(&mut blocks)))
}

/// All of an array but its bytes.
fn head(placed: Placed<'_>) -> Placed<'static> {
    let Placed { dtype, shape, order, standing, .. } = placed;
    Placed { dtype, shape, order, bytes: &[], standing, region: None }
}

/// As ndarray's own form.
pub(super) fn visit_plain<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    bounds: &Bounds,
    visitor: V,
) -> Result<V::Value> {
    placed.check_plain()?;
    check_levels(placed, bounds)?;
    visitor.visit_map(Plain { placed, bounds, field: Field::V, is_named: false })
}

/// As a sequence, nested by axis; an array without axes is its element.
pub(super) fn visit_nested<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    bounds: &Bounds,
    visitor: V,
) -> Result<V::Value> {
    placed.check_plain()?;
    check_levels(placed, bounds)?;
    let strides = layout::strides(&placed.shape, placed.order);
    Part { placed, bounds, strides: &strides, axis: 0, start: 0 }.deserialize_any(visitor)
}

/// Rows and structs within one another are read without a look at the stack: it is looked at beforehand, if they are many.
pub(super) fn check_levels(placed: &Placed<'_>, bounds: &Bounds) -> Result<()> {
    const FEW: usize = 6;
    let levels = placed.shape.len() + placed.dtype.levels();
    if levels > FEW { bounds.check_levels(levels) } else { Ok(()) }
}

/// As bytes, if its elements are.
pub(super) fn visit_bytes<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    visitor: V,
) -> Result<V::Value> {
    placed.check_plain()?;
    if placed.dtype.item_size() != 1 {
        return Err(mismatch(placed, &visitor));
    }
    check_memory::<V::Value>(placed.bytes.len())?;
    visitor.visit_borrowed_bytes(placed.bytes)
}

/// From here on a claim of memory is looked at before it is handed to code that cannot fail where there is none.
const LARGE: usize = 16 << 20;

/// An error where a `T`, made of so many bytes, would find no memory: sealed memory and files may have holes.
fn check_memory<T>(bytes: usize) -> Result<()> {
    if bytes < LARGE || !is_collected::<T>() {
        return Ok(());
    }
    element::check_room(bytes).map_err(|misfit| {
        let none = io::Error::new(io::ErrorKind::OutOfMemory, misfit.to_string());
        Error::io("cannot copy the array", none)
    })
}

/// Whether a `T` is memory of its own, of as many elements as there are: `Vec` and what is like it. It cannot fail where there
/// is no memory. Of a type that is called otherwise only the memory is not looked at beforehand.
fn is_collected<T>() -> bool {
    let name = std::any::type_name::<T>();
    ["alloc::", "std::collections::", "serde_bytes::bytebuf::"].iter().any(|s| name.starts_with(s))
}

/// Bytes, to a visitor that may copy them.
#[inline]
pub(super) fn lend_bytes<'de, V: Visitor<'de>>(bytes: &'de [u8], visitor: V) -> Result<V::Value> {
    check_memory::<V::Value>(bytes.len())?;
    visitor.visit_borrowed_bytes(bytes)
}

/// `{v, dim, data}`.
struct Plain<'p, 'de> {
    placed: &'p Placed<'de>,
    bounds: &'p Bounds,
    field: Field,
    /// The field's name was given, and its value comes next.
    is_named: bool,
}

#[derive(Clone, Copy)]
enum Field {
    V,
    Dim,
    Data,
    End,
}

impl<'de> MapAccess<'de> for Plain<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let name = match self.field {
            _ if self.is_named => return Err(items::untaken()),
            Field::V => "v",
            Field::Dim => "dim",
            Field::Data => "data",
            Field::End => return Ok(None),
        };
        self.is_named = true;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !std::mem::take(&mut self.is_named) {
            return Err(items::unnamed());
        }
        let field = self.field;
        self.field = match field {
            Field::V => Field::Dim,
            Field::Dim => Field::Data,
            Field::Data | Field::End => Field::End,
        };
        match field {
            Field::V => seed.deserialize(U8Deserializer::new(1)),
            Field::Dim => {
                let axes = self.placed.shape.iter().map(|axis| *axis as u64);
                seed.deserialize(SeqDeserializer::new(axes))
            }
            Field::Data | Field::End => {
                seed.deserialize(Flat { placed: self.placed, bounds: self.bounds })
            }
        }
    }
}

/// All elements in row-major order, as one sequence.
struct Flat<'p, 'de> {
    placed: &'p Placed<'de>,
    bounds: &'p Bounds,
}

impl<'de> Deserializer<'de> for Flat<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Flat { placed, bounds } = self;
        // The byte length was checked against the shape.
        let count = layout::count(&placed.shape).unwrap_or(0);
        let in_order =
            placed.order == Order::C || placed.shape.iter().filter(|n| **n > 1).count() < 2;
        if in_order {
            return visit_adjacent(placed, bounds, 0, count, visitor);
        }
        let strides = layout::strides(&placed.shape, placed.order);
        let walk = RowMajor::new(0, &placed.shape, &strides);
        visit_elements(&placed.dtype, placed.bytes, bounds, walk, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// A part of an array: the whole, a row of it, down to one element.
#[derive(Clone, Copy)]
struct Part<'p, 'de> {
    placed: &'p Placed<'de>,
    bounds: &'p Bounds,
    strides: &'p [usize],
    axis: usize,
    start: usize,
}

impl<'de> Deserializer<'de> for Part<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Part { placed, bounds, start, .. } = self;
        let Placed { dtype, bytes, .. } = placed;
        let Some((&len, inner)) = placed.shape[self.axis..].split_first() else {
            let walk = RowMajor::new(start, &[], &[]);
            return match (Elements { dtype, bytes, bounds, walk }).take_element() {
                Some(element) => element.deserialize_any(visitor),
                None => Err(Error::custom("an array without elements has none")),
            };
        };
        let step = self.strides[self.axis];
        if inner.is_empty() && step == 1 {
            return visit_adjacent(placed, bounds, start, len, visitor);
        }
        if inner.is_empty() {
            let walk =
                RowMajor::new(start, std::slice::from_ref(&len), std::slice::from_ref(&step));
            return visit_elements(dtype, bytes, bounds, walk, visitor);
        }
        if bytes.is_empty() {
            bounds.take_rows(len)?;
        }
        visit_all(Rows { part: self, step, left: len }, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

struct Rows<'p, 'de> {
    part: Part<'p, 'de>,
    step: usize,
    left: usize,
}

impl<'de> SeqAccess<'de> for &mut Rows<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        let row = Part { axis: self.part.axis + 1, ..self.part };
        self.part.start += self.step;
        let index = self.part.placed.shape[self.part.axis] - left - 1;
        seed.deserialize(Wrapped::new(row)).map(Some).map_err(|error| error.at_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// Which element comes next, by its place among the elements.
trait Places {
    /// Where there are no more places, that, or one where no element is.
    fn next_place(&mut self) -> Option<usize>;
    fn left(&self) -> usize;
    /// How many places were given.
    fn done(&self) -> usize;
}

/// All elements as they lie.
struct Adjacent {
    next: usize,
    len: usize,
}

impl Places for Adjacent {
    #[inline]
    fn next_place(&mut self) -> Option<usize> {
        // Their end is the end of their bytes: to look for it once for each element is enough.
        let place = self.next;
        self.next += 1;
        Some(place)
    }

    fn left(&self) -> usize {
        self.len.saturating_sub(self.next)
    }

    fn done(&self) -> usize {
        self.next
    }
}

/// Elements of an array in another order, row by row.
struct RowMajor<'p> {
    start: usize,
    shape: &'p [usize],
    strides: &'p [usize],
    index: Vec<usize>,
    left: usize,
    len: usize,
}

impl<'p> RowMajor<'p> {
    fn new(start: usize, shape: &'p [usize], strides: &'p [usize]) -> Self {
        // The byte length was checked against the shape.
        let len = layout::count(shape).unwrap_or(0);
        RowMajor { start, shape, strides, index: vec![0; shape.len()], left: len, len }
    }
}

impl Places for RowMajor<'_> {
    fn next_place(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let place: usize = self.index.iter().zip(self.strides).map(|(i, stride)| i * stride).sum();
        for (i, axis) in self.index.iter_mut().zip(self.shape).rev() {
            *i += 1;
            if *i < *axis {
                break;
            }
            *i = 0;
        }
        Some(self.start + place)
    }

    fn left(&self) -> usize {
        self.left
    }

    fn done(&self) -> usize {
        self.len - self.left
    }
}

/// Calls the visitor with a sequence of numbers that were packed one after the other.
pub(super) fn visit_packed<'de, V: Visitor<'de>>(
    dtype: &DType,
    bytes: &'de [u8],
    bounds: &Bounds,
    len: usize,
    visitor: V,
) -> Result<V::Value> {
    visit_elements(dtype, bytes, bounds, Adjacent { next: 0, len }, visitor)
}

/// Calls the visitor with a sequence of so many elements that lie together.
fn visit_adjacent<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    bounds: &Bounds,
    start: usize,
    len: usize,
    visitor: V,
) -> Result<V::Value> {
    let item = placed.dtype.item_size();
    let bytes = placed.bytes.get(start * item..(start + len) * item).unwrap_or_default();
    visit_elements(&placed.dtype, bytes, bounds, Adjacent { next: 0, len }, visitor)
}

/// Calls the visitor with a sequence, of which it must take all: what it left would be lost without a word.
#[inline]
fn visit_all<'de, S, V>(mut items: S, visitor: V) -> Result<V::Value>
where
    S: Counted,
    for<'s> &'s mut S: SeqAccess<'de, Error = Error>,
    V: Visitor<'de>,
{
    let value = visitor.visit_seq(&mut items)?;
    let (done, left) = items.count();
    if left > 0 {
        return Err(Error::mismatch(format!("expected {done} elements, found {}", done + left)));
    }
    Ok(value)
}

/// A sequence that knows how many items it gave, and how many are left.
trait Counted {
    fn count(&self) -> (usize, usize);
}

impl<I, W: Places, F> Counted for Typed<'_, I, W, F> {
    fn count(&self) -> (usize, usize) {
        (self.walk.done(), self.walk.left())
    }
}

impl<W: Places> Counted for Elements<'_, '_, W> {
    fn count(&self) -> (usize, usize) {
        (self.walk.done(), self.walk.left())
    }
}

impl Counted for Rows<'_, '_> {
    fn count(&self) -> (usize, usize) {
        (self.part.placed.shape[self.part.axis] - self.left, self.left)
    }
}

/// Calls the visitor with a sequence of elements of the array's own type: the type is chosen once, not for each.
fn visit_elements<'de, V: Visitor<'de>>(
    dtype: &DType,
    bytes: &'de [u8],
    bounds: &Bounds,
    walk: impl Places,
    visitor: V,
) -> Result<V::Value> {
    if dtype.item_size() == 0 {
        bounds.take_rows(walk.left())?;
    }
    check_memory::<V::Value>(bytes.len())?;
    if dtype.is_big_endian() {
        return visit_all(Elements { dtype, bytes, bounds, walk }, visitor);
    }
    macro_rules! typed {
        ($($dtype:ident $read:expr;)*) => {{
            match dtype.scalar() {
                Some(Scalar::Bool) => match element::view(bytes) {
                    Ok(items) => visit_all(Typed { items, walk, read: Ok::<bool, _> }, visitor),
                    // The first of them is an error with its place.
                    Err(_) => visit_all(Typed { items: bytes, walk, read: bool_of }, visitor),
                },
                $(Some(Scalar::$dtype) => {
                    let read = |item| Ok($read(item));
                    visit_all(Typed { items: bytes.as_chunks().0, walk, read }, visitor)
                })*
                _ => visit_all(Elements { dtype, bytes, bounds, walk }, visitor),
            }
        }};
    }
    typed! {
        I8 i8::from_le_bytes;
        I16 i16::from_le_bytes;
        I32 i32::from_le_bytes;
        I64 i64::from_le_bytes;
        U8 u8::from_le_bytes;
        U16 u16::from_le_bytes;
        U32 u32::from_le_bytes;
        U64 u64::from_le_bytes;
        F32 f32::from_le_bytes;
        F64 f64::from_le_bytes;
    }
}

fn bool_of(byte: u8) -> Result<bool> {
    match byte {
        0 | 1 => Ok(byte == 1),
        _ => Err(Error::corrupt(format!("invalid bool: expected a byte 0 or 1, found {byte}"))),
    }
}

/// Elements of one type.
struct Typed<'de, I, W, F> {
    items: &'de [I],
    walk: W,
    read: F,
}

impl<'de, I, W, F, A> SeqAccess<'de> for &mut Typed<'de, I, W, F>
where
    I: Copy,
    W: Places,
    F: Fn(I) -> Result<A>,
    A: IntoDeserializer<'de, Error>,
{
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(place) = self.walk.next_place() else { return Ok(None) };
        let Some(item) = self.items.get(place) else { return Ok(None) };
        let element = (self.read)(*item);
        match element.and_then(|one| seed.deserialize(Wrapped::new(one.into_deserializer()))) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.at_index(self.walk.done() - 1)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.walk.left())
    }
}

/// Elements of any type and byte order.
struct Elements<'p, 'de, W> {
    dtype: &'p DType,
    bytes: &'de [u8],
    bounds: &'p Bounds,
    walk: W,
}

impl<'p, 'de, W: Places> Elements<'p, 'de, W> {
    fn take_element(&mut self) -> Option<Element<'p, 'de>> {
        if self.walk.left() == 0 {
            return None;
        }
        let place = self.walk.next_place()?;
        let item = self.dtype.item_size();
        let bytes = self.bytes.get(place * item..(place + 1) * item)?;
        Some(Element { dtype: self.dtype, bytes, bounds: self.bounds })
    }
}

impl<'de, W: Places> SeqAccess<'de> for &mut Elements<'_, 'de, W> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let index = self.walk.done();
        let Some(element) = self.take_element() else { return Ok(None) };
        seed.deserialize(Wrapped::new(element)).map(Some).map_err(|error| error.at_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.walk.left())
    }
}

/// The error for an array that was asked for as something else.
pub(super) fn mismatch<'de, V: Visitor<'de>>(placed: &Placed<'de>, visitor: &V) -> Error {
    let found = format!("an array of {} (shape {:?})", placed.dtype.rust_name(), placed.shape);
    Error::invalid_type(Unexpected::Other(&found), visitor)
}
