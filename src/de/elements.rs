//! The elements or rows of an array, one after the other.

use std::cell::Cell;
use std::io;

use serde::de::value::U32Deserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IntoDeserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::dtype::{DType, Scalar};
use crate::element;
use crate::error::{Error, Result};
use crate::layout;
use crate::value::Number;

use super::bounds::Bounds;
use super::buffer::is_buffer;
use super::number;
use super::part::{Part, Parts};
use super::transparent::Transparent;

/// An element or a row, as it is handed to a seed.
pub(super) trait Item<'de> {
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value>;
}

/// A row, or an element whose type is looked at each time.
impl<'de> Item<'de> for Part<'_, 'de> {
    #[inline]
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(Transparent::new(self))
    }
}

impl<'de, D: Deserializer<'de, Error = Error>> Item<'de> for Result<D> {
    #[inline]
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        self.and_then(|one| seed.deserialize(Transparent::new(one)))
    }
}

/// Items, one after the other. A visitor is given this by value, so that its position is in registers: behind a reference, each
/// step would be a store.
pub(super) struct ElementReader<'c, I: ExactSizeIterator> {
    items: I,
    len: usize,
    /// How many items the visitor has left, once it is done.
    left: &'c Cell<usize>,
}

impl<'c, I: ExactSizeIterator> ElementReader<'c, I> {
    pub(super) fn new(items: I, left: &'c Cell<usize>) -> Self {
        left.set(items.len());
        ElementReader { len: items.len(), items, left }
    }
}

impl<I: ExactSizeIterator> Drop for ElementReader<'_, I> {
    #[inline]
    fn drop(&mut self) {
        self.left.set(self.items.len());
    }
}

impl<'de, I: ExactSizeIterator<Item: Item<'de>>> SeqAccess<'de> for ElementReader<'_, I> {
    type Error = Error;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        match item.read(seed) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.at_index(self.len - self.items.len() - 1)),
        }
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// Calls the visitor with a sequence. It must take all items: an item that it leaves would be lost without an error.
#[inline]
pub(super) fn visit_all<'de, I, V>(items: I, visitor: V) -> Result<V::Value>
where
    I: ExactSizeIterator<Item: Item<'de>>,
    V: Visitor<'de>,
{
    let (len, left) = (items.len(), Cell::new(0));
    let result = visitor.visit_seq(ElementReader::new(items, &left));
    if left.get() != 0 && result.is_ok() {
        return Err(too_many(len - left.get(), len));
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
    let scalar = number_of(dtype);
    if strides.is_empty() || strides == [1] || len < 2 {
        let Some(scalar) = scalar else {
            return visit_all(Parts::elements(part, len), visitor);
        };
        let bytes = bytes.get(..len * item).unwrap_or_default();
        return match item {
            1 => visit_all(adjacent::<1>(scalar, bytes), visitor),
            2 => visit_all(adjacent::<2>(scalar, bytes), visitor),
            4 => visit_all(adjacent::<4>(scalar, bytes), visitor),
            _ => visit_all(adjacent::<8>(scalar, bytes), visitor),
        };
    }
    visit_all(apart(&part, scalar), visitor)
}

/// The type of elements that are numbers or bools, in little-endian order.
fn number_of(dtype: &DType) -> Option<Scalar> {
    dtype.scalar().filter(|scalar| !dtype.is_big_endian() && NumberElement::takes(*scalar))
}

// These are functions and not closures: a closure in a function that knows the visitor would be compiled for each visitor, and so
// would the type of the sequence.

#[inline]
pub(super) fn adjacent<const N: usize>(
    scalar: Scalar,
    bytes: &[u8],
) -> impl ExactSizeIterator<Item = Adjacent<'_, N>> {
    bytes.as_chunks().0.iter().map(move |bytes| Adjacent { scalar, bytes })
}

#[inline]
fn apart<'a, 'p, 'de>(
    part: &'a Part<'p, 'de>,
    scalar: Option<Scalar>,
) -> impl ExactSizeIterator<Item = Apart<'a, 'p, 'de>> {
    let places = layout::row_major(part.shape, part.strides);
    places.map(move |place| Apart { scalar, part, place })
}

/// A number or bool among others that lie side by side. There is one type of sequence for each width, and not for each scalar, because
/// the compiler makes a reader for each such type and each type that is read from lists.
pub(super) struct Adjacent<'b, const N: usize> {
    scalar: Scalar,
    bytes: &'b [u8; N],
}

/// An element among others that do not lie side by side.
struct Apart<'a, 'p, 'de> {
    /// The element's type, if it is a number or a bool.
    scalar: Option<Scalar>,
    part: &'a Part<'p, 'de>,
    place: usize,
}

/// A little-endian number of at most eight bytes, or a bool.
pub(super) struct NumberElement<'b> {
    pub(super) scalar: Scalar,
    pub(super) bytes: &'b [u8],
}

macro_rules! numbers {
    ($($name:ident $number:ident),*) => {
        impl<'b, const N: usize> Adjacent<'b, N> {
            /// Reads a type that is as large as the number: it is taken for a number of its size. The compiler knows which that is when it
            /// knows the type, and a reader that a `const` rules out is not compiled.
            #[inline]
            fn read_as_large<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
                let Adjacent { scalar, bytes } = self;
                if const { N == 1 }
                    && scalar == Scalar::Bool
                    && let [byte @ (0 | 1)] = bytes[..]
                {
                    return seed.deserialize(Transparent::new((byte == 1).into_deserializer()));
                }
                $(
                    if const { size_of::<$number>() == N }
                        && scalar == Scalar::$name
                        && let Some(bytes) = bytes.first_chunk()
                    {
                        let number = $number::from_le_bytes(*bytes);
                        return seed.deserialize(Transparent::new(number.into_deserializer()));
                    }
                )*
                seed.deserialize(Transparent::new(NumberElement { scalar, bytes }))
            }
        }

        impl<'de> Apart<'_, '_, 'de> {
            #[inline]
            fn read_as_large<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
                let Apart { scalar, part, place } = self;
                $(
                    if const { size_of::<T::Value>() == size_of::<$number>() }
                        && scalar == Some(Scalar::$name)
                        && let Some(bytes) = part.bytes.as_chunks().0.get(place)
                    {
                        let number = $number::from_le_bytes(*bytes);
                        return seed.deserialize(Transparent::new(number.into_deserializer()));
                    }
                )*
                part.element_at(place).read(seed)
            }
        }

        impl NumberElement<'_> {
            fn takes(scalar: Scalar) -> bool {
                matches!(scalar, Scalar::Bool $(| Scalar::$name)*)
            }

            /// `None` for a bool.
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn number(&self) -> Result<Option<Number>> {
                match self.scalar {
                    $(Scalar::$name => {
                        let bytes = self.bytes.first_chunk().ok_or_else(no_number)?;
                        Ok(Some(Number::$name($number::from_le_bytes(*bytes))))
                    })*
                    _ => Ok(None),
                }
            }

            fn bool(&self) -> Result<bool> {
                match (self.scalar, self.bytes.first()) {
                    (Scalar::Bool, Some(byte @ (0 | 1))) => Ok(*byte == 1),
                    (Scalar::Bool, Some(byte)) => Err(no_bool(*byte)),
                    _ => Err(no_number()),
                }
            }
        }

        impl<'de> Deserializer<'de> for NumberElement<'_> {
            type Error = Error;

            #[inline]
            fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
                match self.number()? {
                    Some(number) => number::visit(number, visitor),
                    None => visitor.visit_bool(self.bool()?),
                }
            }

            /// As serde's own numbers do, a `u32` gives the index of a variant.
            fn deserialize_enum<V: Visitor<'de>>(
                self,
                name: &'static str,
                variants: &'static [&'static str],
                visitor: V,
            ) -> Result<V::Value> {
                match (self.scalar, self.bytes.first_chunk()) {
                    (Scalar::U32, Some(bytes)) => index(*bytes).deserialize_enum(name, variants, visitor),
                    _ => self.deserialize_any(visitor),
                }
            }

            forward_to_deserialize_any! {
                i8 i16 i32 i64 u8 u16 u32 u64 f32 f64
                bool i128 u128 char str string bytes byte_buf option unit unit_struct
                newtype_struct seq tuple tuple_struct map struct identifier ignored_any
            }
        }
    };
}

numbers! {
    F64 f64, F32 f32, I64 i64, I32 i32, I16 i16, I8 i8, U64 u64, U32 u32, U16 u16, U8 u8
}

impl<'de, const N: usize> Item<'de> for Adjacent<'_, N> {
    #[inline]
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        if const { size_of::<T::Value>() == N } {
            return self.read_as_large(seed);
        }
        let Adjacent { scalar, bytes } = self;
        seed.deserialize(Transparent::new(NumberElement { scalar, bytes }))
    }
}

impl<'de> Item<'de> for Apart<'_, '_, 'de> {
    #[inline]
    fn read<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        if const { matches!(size_of::<T::Value>(), 1 | 2 | 4 | 8) } {
            return self.read_as_large(seed);
        }
        self.part.element_at(self.place).read(seed)
    }
}

/// The index of a variant.
pub(super) fn index(bytes: [u8; 4]) -> U32Deserializer<Error> {
    u32::from_le_bytes(bytes).into_deserializer()
}

#[cold]
fn no_bool(byte: u8) -> Error {
    Error::corrupt(format!("invalid bool: expected a byte 0 or 1, found {byte}"))
}

#[cold]
fn no_number() -> Error {
    Error::custom("an array without elements has none")
}

/// From so many bytes on, the memory is checked before elements are handed to code that cannot fail if there is none left.
const LARGE: usize = 16 << 20;

/// An error if there is no memory for a `T` made of so many bytes. Sealed memory and files may have holes, so that they claim more
/// bytes than there is memory. Only a type that owns memory has something to drop, so only for such a type the memory is checked.
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
    dtype: &DType,
    bytes: &'de [u8],
    bounds: &Bounds,
    len: usize,
    visitor: V,
) -> Result<V::Value> {
    let shape = &[len];
    visit_elements(Part { dtype, shape, strides: &[], bytes, bounds }, visitor)
}

#[cfg(all(test, feature = "ndarray"))]
mod tests {
    use std::fmt::Debug;

    use ndarray::{Array2, ShapeBuilder};
    use serde::de::DeserializeOwned;
    use serde::{Deserialize, Serialize};

    use crate::{DType, Order, ShmArray, UntypedView, from_bytes, to_bytes};

    #[derive(Debug, Deserialize, PartialEq)]
    struct Wrapped<T>(T);

    #[derive(Debug, Deserialize, PartialEq)]
    enum Small {
        A,
        B,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[repr(u32)]
    enum Wide {
        A,
        B,
    }

    /// Both as it lies side by side and as it lies apart, and as a list that was packed.
    fn comes_as<A: crate::Element + Serialize, T: DeserializeOwned + PartialEq + Debug>(
        written: [A; 4],
        expected: fn() -> [T; 4],
    ) {
        let shape = (2, 2);
        let rows = Array2::from_shape_vec(shape, written.to_vec()).unwrap();
        let [a, b, c, d] = written;
        let columns = Array2::from_shape_vec(shape.f(), vec![a, c, b, d]).unwrap();
        let [a, b, c, d] = expected();
        let nested = vec![vec![a, b], vec![c, d]];
        for array in [rows, columns] {
            let bytes = to_bytes(&ShmArray::from(array)).unwrap();
            assert_eq!(from_bytes::<Vec<Vec<T>>>(&bytes).unwrap(), nested, "{}", A::DTYPE);
        }
        let list = to_bytes(&written.to_vec()).unwrap();
        assert_eq!(from_bytes::<Vec<T>>(&list).unwrap(), expected(), "{}", A::DTYPE);
        // The same numbers in the other byte order, in rows and in columns.
        let dtype = DType::from_descriptor(&A::DTYPE.to_string().replace('<', ">")).unwrap();
        let swapped = |items: [A; 4]| {
            let mut bytes = crate::element::bytes(&items).unwrap().to_vec();
            bytes.chunks_exact_mut(size_of::<A>()).for_each(<[u8]>::reverse);
            bytes
        };
        let [a, b, c, d] = written;
        for (order, items) in [(Order::C, [a, b, c, d]), (Order::F, [a, c, b, d])] {
            let bytes = swapped(items);
            let view = UntypedView::new(dtype.clone(), &[2, 2], order, &bytes).unwrap();
            let [a, b, c, d] = expected();
            let nested = vec![vec![a, b], vec![c, d]];
            let block = to_bytes(&view).unwrap();
            assert_eq!(from_bytes::<Vec<Vec<T>>>(&block).unwrap(), nested, "{dtype} {order:?}");
        }
    }

    /// What is read is as large as the number, larger or smaller, bare or wrapped.
    #[test]
    fn each_number_comes_as_types_of_every_size() {
        macro_rules! numbers {
            ($($number:ident)*) => {$({
                fn four() -> [$number; 4] {
                    ["0", "1", "2", "100"].map(|n| n.parse().unwrap())
                }
                let written = four();
                comes_as(written, four);
                comes_as(written, || four().map(Wrapped));
                comes_as(written, || four().map(Some));
                comes_as(written, || four().map(|n| serde_json::json!(n)));
                comes_as(written, || [0.0_f64, 1.0, 2.0, 100.0]);
                comes_as(written, || [0.0_f32, 1.0, 2.0, 100.0]);
            })*};
        }
        numbers! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 }
        fn bools() -> [bool; 4] {
            [true, false, false, true]
        }
        comes_as(bools(), bools);
        comes_as(bools(), || bools().map(Wrapped));
        comes_as(bools(), || bools().map(Some));
        comes_as(bools(), || bools().map(|is| serde_json::json!(is)));
        macro_rules! whole {
            ($($number:ident)*) => {$(
                let written: [$number; 4] = [0, 1, 2, 100];
                comes_as(written, || [0_u8, 1, 2, 100]);
                comes_as(written, || [0_i16, 1, 2, 100]);
                comes_as(written, || [0_u32, 1, 2, 100]);
                comes_as(written, || [0_i64, 1, 2, 100]);
                comes_as(written, || [0_u128, 1, 2, 100]);
            )*};
        }
        whole! { i8 i16 i32 i64 u8 u16 u32 u64 }
    }

    /// A `u32` is the index of a variant, whether the enum has its size or not, wherever it lies.
    #[test]
    fn indices_are_variants_of_enums_of_any_size() {
        let rows = Array2::from_shape_vec((2, 2), vec![0_u32, 1, 1, 0]).unwrap();
        for array in [rows.clone(), rows.reversed_axes()] {
            let bytes = to_bytes(&ShmArray::from(array)).unwrap();
            let small = [[Small::A, Small::B], [Small::B, Small::A]];
            assert_eq!(from_bytes::<[[Small; 2]; 2]>(&bytes).unwrap(), small);
            let wide = [[Wide::A, Wide::B], [Wide::B, Wide::A]];
            assert_eq!(from_bytes::<[[Wide; 2]; 2]>(&bytes).unwrap(), wide);
        }
    }

    /// Half of a complex number was lost without a word.
    #[test]
    #[cfg(feature = "complex")]
    fn a_complex_number_is_taken_as_a_whole() {
        let numbers = vec![num_complex::Complex32::new(1.0, 2.0)];
        let bytes = to_bytes(&crate::ShmArray1::from(numbers)).unwrap();
        assert_eq!(from_bytes::<Vec<(f32, f32)>>(&bytes).unwrap(), [(1.0, 2.0)]);
        let error = from_bytes::<Vec<(f32,)>>(&bytes).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Mismatch);
        assert!(error.to_string().contains("expected 1 elements, found 2"), "{error}");
    }
}
