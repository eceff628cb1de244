//! An array whose element type is not known before it is read.

mod read;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

use ndarray::{ArrayD, ArrayViewD, IxDyn};
use serde::ser::{Serialize, Serializer};

use crate::dtype::{DType, DTypeRepr, Field, Scalar, TimeUnit, match_number};
use crate::element::{self, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::store::Placed;

use super::ShmArray;
use super::element::{Rows, text, unpadded};
use super::item::SerializeArray;
use super::lossless::{elements, misfit};
use super::nd::dimension;
use super::token::{Plain, nest, serialize_raw};
use super::untyped::{UntypedArray, UntypedView, checked_len};

/// An owned array of any dtype: for programs that read arrays whose element type they do not know.
///
/// As a field it takes any array, and is written as an array of the same dtype:
///
/// ```
/// use ndarray::array;
/// use serde_shm::{DynArray, ShmArray2};
///
/// let bytes = serde_shm::to_bytes(&ShmArray2::from(array![[1_u16, 2], [3, 4]])).unwrap();
/// let any: DynArray = serde_shm::from_bytes(&bytes).unwrap();
/// assert_eq!((any.to_dtype().to_string().as_str(), any.shape()), ("<u2", &[2, 2][..]));
/// assert_eq!(any.view::<u16>().unwrap()[[1, 0]], 3);
/// assert!(any.view::<f32>().is_none());
/// ```
///
/// Reading an array copies its elements once and converts them to this machine's byte order. Strings become `String`s. Without
/// the features `half` and `complex`, arrays of those kinds of number are [`RawArray`]s.
///
/// In other formats, the elements have the types that the format gives them: JSON gives bools, `i64`, `u64`, `f64` and text.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum DynArray {
    /// `|b1`
    Bool(ArrayD<bool>),
    /// `|i1`
    I8(ArrayD<i8>),
    /// `<i2`
    I16(ArrayD<i16>),
    /// `<i4`
    I32(ArrayD<i32>),
    /// `<i8`
    I64(ArrayD<i64>),
    /// `|u1`
    U8(ArrayD<u8>),
    /// `<u2`
    U16(ArrayD<u16>),
    /// `<u4`
    U32(ArrayD<u32>),
    /// `<u8`
    U64(ArrayD<u64>),
    /// `<f2`
    #[cfg(feature = "half")]
    F16(ArrayD<half::f16>),
    /// `<V2`; NumPy has no bfloat16
    #[cfg(feature = "half")]
    BF16(ArrayD<half::bf16>),
    /// `<f4`
    F32(ArrayD<f32>),
    /// `<f8`
    F64(ArrayD<f64>),
    /// `<c8`
    #[cfg(feature = "complex")]
    Complex64(ArrayD<num_complex::Complex32>),
    /// `<c16`
    #[cfg(feature = "complex")]
    Complex128(ArrayD<num_complex::Complex64>),
    /// `<M8[..]`: a number of units since 1970; `i64::MIN` is not a time (NaT).
    Datetime(ArrayD<i64>, TimeUnit),
    /// `<m8[..]`: a number of units; `i64::MIN` is not a time (NaT).
    Timedelta(ArrayD<i64>, TimeUnit),
    /// `<U..`
    Text(ArrayD<String>),
    /// `|S..`, without the NULs at the end
    Bytes(ArrayD<Vec<u8>>),
    /// Structs, voids, and numbers for which this build has no type.
    Raw(RawArray),
}

/// An array of structs, or of elements for which there is no Rust type. It has the bytes of its elements as they lie in
/// memory, row by row.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_shm::{DynArray, Element};
///
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Point {
///     id: u32,
///     at: [f32; 2],
/// }
/// let points = ndarray::arr1(&[Point { id: 7, at: [0.5, 1.0] }]);
/// let bytes = serde_shm::to_bytes(&serde_shm::ShmArray1::from(points)).unwrap();
/// let DynArray::Raw(any) = serde_shm::from_bytes(&bytes).unwrap() else { panic!() };
/// let at = any.field("at").unwrap().unwrap();
/// assert_eq!((at.shape(), at.view::<f32>().unwrap()[[0, 1]]), (&[1, 2][..], 1.0));
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct RawArray {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl RawArray {
    /// Makes an array of any dtype of the bytes of its elements: row by row, [`DType::item_size`] bytes each, in the dtype's
    /// byte order. It is for programs that pass on arrays of other programs or languages. The array is written as one of this
    /// dtype, and its bytes are not copied before.
    ///
    /// ```
    /// use serde_shm::{DynArray, RawArray};
    ///
    /// let bytes = [1_u8, 0, 0, 0, 2, 0, 0, 0];
    /// let raw = RawArray::new("<u4".parse()?, [2], bytes)?;
    /// let block = serde_shm::to_bytes(&DynArray::Raw(raw))?;
    /// let numbers: serde_shm::ShmArray1<u32> = serde_shm::from_bytes(&block)?;
    /// assert_eq!(numbers[1], 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If the dtype is one of numbers or text, `DynArray::try_from` makes an array of numbers or text of it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are more or fewer bytes than the dtype and shape need, or if a bool is neither 0 nor 1; `Limit`
    /// for more than 64 axes, or for more than 65,536 elements that take no bytes.
    pub fn new(
        dtype: DType,
        shape: impl Into<Vec<usize>>,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<Self> {
        let (shape, bytes) = (shape.into(), bytes.into());
        UntypedView::new(dtype.clone(), &shape, Order::C, &bytes)?;
        Ok(RawArray { dtype, shape, bytes })
    }

    pub(super) fn into_parts(self) -> (DType, Vec<usize>, Vec<u8>) {
        (self.dtype, self.shape, self.bytes)
    }

    /// The dtype. Its fields may be in either byte order.
    ///
    /// ```
    /// let raw = serde_shm::RawArray::new("|V3".parse()?, [2], *b"abcdef")?;
    /// assert_eq!((raw.dtype().to_string().as_str(), raw.dtype().item_size()), ("|V3", 3));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The length of each axis.
    ///
    /// ```
    /// let raw = serde_shm::RawArray::new("|V3".parse()?, [2, 1], *b"abcdef")?;
    /// assert_eq!(raw.shape(), [2, 1]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order, [`DType::item_size`] bytes each.
    ///
    /// ```
    /// let raw = serde_shm::RawArray::new("|V3".parse()?, [2], *b"abcdef")?;
    /// assert_eq!(raw.as_bytes().chunks(raw.dtype().item_size()).nth(1), Some(&b"def"[..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A copy of one field of all elements. The axes of a field that is a sub-array follow those of the array. `None` if there
    /// is no field with that name.
    ///
    /// ```
    /// use serde_shm::RawArray;
    ///
    /// let dtype = "[('id', '|u1'), ('at', '<u2', (2,))]".parse()?; // a struct of 5 bytes
    /// let raw = RawArray::new(dtype, [2], [7, 1, 0, 2, 0, 8, 3, 0, 4, 0])?;
    /// let at = raw.field("at").unwrap()?;
    /// assert_eq!(at.view::<u16>().unwrap(), ndarray::arr2(&[[1, 2], [3, 4]]).into_dyn());
    /// assert!(raw.field("speed").is_none());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Corrupt` if a bool is neither 0 nor 1, or if a text has a value that is no character; `Limit` if the array's and the
    /// field's axes together are more than 64; `Io` if there is no memory for the copy.
    pub fn field(&self, name: &str) -> Option<Result<DynArray>> {
        let field = self.dtype.fields().iter().find(|field| field.name() == name)?;
        Some(self.copy_field(field).map_err(|error| error.at_field(name)))
    }

    fn copy_field(&self, field: &Field) -> Result<DynArray> {
        let shape = [&self.shape, field.shape()].concat();
        checked_len(field.dtype(), &shape)?;
        let count = self.bytes.len() / self.dtype.item_size().max(1);
        let mut bytes = element::room(count * field.bytes()).map_err(misfit)?;
        if field.bytes() > 0 {
            for item in self.bytes.chunks_exact(self.dtype.item_size()) {
                bytes.extend_from_slice(&item[field.offset()..field.offset() + field.bytes()]);
            }
        }
        DynArray::from_placed(&Placed::free(field.dtype().clone(), shape, Order::C, &bytes))
    }
}

impl fmt::Debug for RawArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawArray({}, shape {:?})", self.dtype, self.shape)
    }
}

/// Calls `$body` with the array of elements; `$rest` are the arms for the other variants.
macro_rules! with_numbers {
    ($self:expr, $array:ident => $body:expr, $($rest:tt)*) => {
        match $self {
            DynArray::Bool($array) => $body,
            DynArray::I8($array) => $body,
            DynArray::I16($array) => $body,
            DynArray::I32($array) => $body,
            DynArray::I64($array) => $body,
            DynArray::U8($array) => $body,
            DynArray::U16($array) => $body,
            DynArray::U32($array) => $body,
            DynArray::U64($array) => $body,
            #[cfg(feature = "half")]
            DynArray::F16($array) => $body,
            #[cfg(feature = "half")]
            DynArray::BF16($array) => $body,
            DynArray::F32($array) => $body,
            DynArray::F64($array) => $body,
            #[cfg(feature = "complex")]
            DynArray::Complex64($array) => $body,
            #[cfg(feature = "complex")]
            DynArray::Complex128($array) => $body,
            $($rest)*
        }
    };
}

impl DynArray {
    /// Copies an array out of a container.
    ///
    /// # Errors
    ///
    /// `Corrupt` if a bool is neither 0 nor 1, or if a text has a value that is no character.
    pub(crate) fn from_placed(placed: &Placed<'_>) -> Result<Self> {
        fn numbers<A: Element>(placed: &Placed<'_>) -> Result<ArrayD<A>> {
            array(placed, elements(placed)?)
        }
        checked_len(&placed.dtype, &placed.shape)?;
        let dtype = &placed.dtype;
        Ok(match dtype.inner() {
            DTypeRepr::Scalar(scalar) => match_number! { *scalar, Number => {
                    numbers::<Number>(placed)?.into()
                },
                Scalar::Bool => DynArray::Bool(numbers(placed)?),
                #[cfg(feature = "half")]
                Scalar::F16 => DynArray::F16(numbers(placed)?),
                #[cfg(feature = "half")]
                Scalar::BF16 => DynArray::BF16(numbers(placed)?),
                #[cfg(not(feature = "half"))]
                Scalar::F16 | Scalar::BF16 => DynArray::raw(placed)?,
                #[cfg(feature = "complex")]
                Scalar::C64 => DynArray::Complex64(numbers(placed)?),
                #[cfg(feature = "complex")]
                Scalar::C128 => DynArray::Complex128(numbers(placed)?),
                #[cfg(not(feature = "complex"))]
                Scalar::C64 | Scalar::C128 => DynArray::raw(placed)?,
            },
            DTypeRepr::Datetime(unit) => DynArray::Datetime(numbers(placed)?, *unit),
            DTypeRepr::Timedelta(unit) => DynArray::Timedelta(numbers(placed)?, *unit),
            DTypeRepr::Text(_) => {
                let one =
                    |bytes| text(dtype, bytes).map(|text| text.unwrap_or_default().into_owned());
                DynArray::Text(array(placed, all(placed, one)?)?)
            }
            DTypeRepr::Bytes(_) => {
                let one = |bytes| element::copied(unpadded(bytes)).map_err(misfit);
                DynArray::Bytes(array(placed, all(placed, one)?)?)
            }
            DTypeRepr::Raw(_) | DTypeRepr::Struct(_) => DynArray::raw(placed)?,
        })
    }

    fn raw(placed: &Placed<'_>) -> Result<Self> {
        let mut bytes = element::room(placed.bytes.len()).map_err(misfit)?;
        if placed.order == Order::C {
            bytes.extend_from_slice(placed.bytes);
        } else {
            let item = placed.dtype.item_size();
            let strides = layout::strides(&placed.shape, placed.order);
            for place in layout::row_major(&placed.shape, &strides) {
                bytes.extend_from_slice(&placed.bytes[place * item..(place + 1) * item]);
            }
        }
        let (dtype, shape) = (placed.dtype.clone(), placed.shape.clone());
        Ok(DynArray::Raw(RawArray { dtype, shape, bytes }))
    }

    /// The dtype of the elements. For strings it has the width of the longest one, so the call looks at all of them. For other
    /// elements it costs nothing.
    ///
    /// ```
    /// use serde_shm::DynArray;
    ///
    /// let words = ndarray::arr1(&["to".to_owned(), "three".to_owned()]).into_dyn();
    /// assert_eq!(DynArray::Text(words).to_dtype().to_string(), "<U5");
    /// ```
    pub fn to_dtype(&self) -> DType {
        fn of<A: Element>(_: &ArrayD<A>) -> DType {
            A::DTYPE
        }
        with_numbers! { self, array => of(array),
            DynArray::Datetime(_, unit) => DType::datetime(*unit),
            DynArray::Timedelta(_, unit) => DType::timedelta(*unit),
            DynArray::Text(texts) => Padded::dtype(texts),
            DynArray::Bytes(all) => Padded::dtype(all),
            DynArray::Raw(raw) => raw.dtype.clone(),
        }
    }

    /// The length of each axis.
    ///
    /// ```
    /// let any = serde_shm::DynArray::from(ndarray::arr2(&[[1_u8, 2, 3]]).into_dyn());
    /// assert_eq!(any.shape(), [1, 3]);
    /// ```
    pub fn shape(&self) -> &[usize] {
        with_numbers! { self, array => array.shape(),
            DynArray::Datetime(array, _) | DynArray::Timedelta(array, _) => array.shape(),
            DynArray::Text(array) => array.shape(),
            DynArray::Bytes(array) => array.shape(),
            DynArray::Raw(raw) => &raw.shape,
        }
    }

    /// The same array as bytes. Elements that lie in C or Fortran order are not copied, unless they are strings.
    pub(super) fn into_untyped(self) -> Result<UntypedArray> {
        let dtype = match &self {
            DynArray::Datetime(_, unit) => Some(DType::datetime(*unit)),
            DynArray::Timedelta(_, unit) => Some(DType::timedelta(*unit)),
            _ => None,
        };
        let array: UntypedArray = with_numbers! { self, array => ShmArray::from(array).into(),
            DynArray::Datetime(array, _) | DynArray::Timedelta(array, _) => {
                ShmArray::from(array).into()
            }
            DynArray::Text(texts) => untyped_strings(&texts)?,
            DynArray::Bytes(all) => untyped_strings(&all)?,
            DynArray::Raw(raw) => raw.into(),
        };
        Ok(match dtype {
            Some(dtype) => array.with_dtype(dtype),
            None => array,
        })
    }

    /// The elements, if they have this type. Times are `i64`, strings `String`, bytes `Vec<u8>`. Nothing is copied.
    ///
    /// ```
    /// use serde_shm::DynArray;
    ///
    /// let any = DynArray::from(ndarray::arr1(&[0.5_f32, 1.5]).into_dyn());
    /// assert_eq!(any.view::<f32>().unwrap().sum(), 2.0);
    /// assert!(any.view::<f64>().is_none()); // nothing is converted
    /// let words = DynArray::Text(ndarray::arr1(&["to".to_owned()]).into_dyn());
    /// assert_eq!(words.view::<String>().unwrap()[0], "to");
    /// ```
    pub fn view<A: 'static>(&self) -> Option<ArrayViewD<'_, A>> {
        let array: &dyn Any = with_numbers! { self, array => array,
            DynArray::Datetime(array, _) | DynArray::Timedelta(array, _) => array,
            DynArray::Text(array) => array,
            DynArray::Bytes(array) => array,
            DynArray::Raw(_) => return None,
        };
        array.downcast_ref::<ArrayD<A>>().map(|array| array.view())
    }
}

fn array<A>(placed: &Placed<'_>, items: Vec<A>) -> Result<ArrayD<A>> {
    let shape = dimension::<IxDyn, Error>(&placed.shape, placed.order)?;
    ArrayD::from_shape_vec(shape, items).map_err(|error| Error::corrupt(error.to_string()))
}

/// Collects what `one` makes of each element, in memory order. It also works for elements that take no bytes.
fn all<'a, A>(placed: &Placed<'a>, one: impl Fn(&'a [u8]) -> Result<A>) -> Result<Vec<A>> {
    let (item, bytes) = (placed.dtype.item_size(), placed.bytes);
    let count = layout::count(&placed.shape).unwrap_or(0);
    let mut items = element::room(count).map_err(misfit)?;
    for index in 0..count {
        items.push(one(&bytes[index * item..(index + 1) * item])?);
    }
    Ok(items)
}

/// Placed text and bytes may take up to this many bytes for padding, whatever share of the whole that is.
const PADDING: usize = 64 << 20;

impl Serialize for DynArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let times = |array: &ArrayD<i64>, serializer: S| {
            let items: Cow<'_, [i64]> = match array.as_slice() {
                Some(items) => items.into(),
                None => array.iter().copied().collect(),
            };
            let bytes = element::packed(&items);
            serialize_raw(
                Rows { dtype: &self.to_dtype(), shape: array.shape(), bytes: &bytes },
                serializer,
            )
        };
        with_numbers! { self, array => array.serialize_array(serializer),
            DynArray::Datetime(array, _) | DynArray::Timedelta(array, _) => times(array, serializer),
            DynArray::Text(texts) => strings(texts, serializer),
            DynArray::Bytes(all) => strings(all, serializer),
            DynArray::Raw(raw) => {
                let RawArray { dtype, shape, bytes } = raw;
                serialize_raw(Rows { dtype, shape, bytes }, serializer)
            }
        }
    }
}

/// Strings of one kind.
trait Padded: Serialize + Clone {
    /// The dtype that holds all of them.
    fn dtype(all: &ArrayD<Self>) -> DType;

    /// Its length in bytes.
    fn len(&self) -> usize;

    /// Writes the string to `out`, which has zeros in it.
    fn put(&self, out: &mut [u8]);
}

impl Padded for String {
    fn dtype(all: &ArrayD<Self>) -> DType {
        DType::text(all.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1))
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn put(&self, out: &mut [u8]) {
        for (unit, char) in out.as_chunks_mut::<4>().0.iter_mut().zip(self.chars()) {
            element::put(u32::from(char), unit);
        }
    }
}

impl Padded for Vec<u8> {
    fn dtype(all: &ArrayD<Self>) -> DType {
        DType::bytes(all.iter().map(Vec::len).max().unwrap_or(0).max(1))
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn put(&self, out: &mut [u8]) {
        out[..self.len()].copy_from_slice(self);
    }
}

/// Strings in rows as wide as the longest one; `None` if most of that would be padding.
fn padded<T: Padded>(texts: &ArrayD<T>) -> Option<(DType, Vec<u8>)> {
    let dtype = T::dtype(texts);
    let size = layout::byte_len(texts.shape(), dtype.item_size())?;
    if size > PADDING && size / 16 > texts.iter().map(T::len).sum() {
        return None;
    }
    let mut bytes = vec![0; size];
    for (text, out) in texts.iter().zip(bytes.chunks_exact_mut(dtype.item_size())) {
        text.put(out);
    }
    Some((dtype, bytes))
}

/// Serializes strings as an array as wide as the longest one, or inline if most of that would be padding.
fn strings<T: Padded, S: Serializer>(texts: &ArrayD<T>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some((dtype, bytes)) = padded(texts) else {
        let items: Vec<T> = texts.iter().cloned().collect();
        return nest::<T, Plain, S>(texts.shape(), &items, serializer);
    };
    serialize_raw(Rows { dtype: &dtype, shape: texts.shape(), bytes: &bytes }, serializer)
}

/// Strings as an array as wide as the longest one.
fn untyped_strings<T: Padded>(texts: &ArrayD<T>) -> Result<UntypedArray> {
    let Some((dtype, bytes)) = padded(texts) else {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "an array of {} of shape {:?} would be padding for the most part; keep it as a `DynArray`",
                T::dtype(texts),
                texts.shape()
            ),
        ));
    };
    UntypedArray::from_vec(dtype, texts.shape().to_vec(), Order::C, bytes)
}

/// The dtype and the shape; for numbers also the elements, as far as ndarray shows them.
impl fmt::Debug for DynArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DynArray({}, shape {:?}", self.to_dtype(), self.shape())?;
        with_numbers! { self, array => write!(f, ", {array}")?,
            DynArray::Datetime(array, _) | DynArray::Timedelta(array, _) => write!(f, ", {array}")?,
            DynArray::Text(_) | DynArray::Bytes(_) | DynArray::Raw(_) => {}
        }
        f.write_str(")")
    }
}

/// An array of numbers, times or text, if the dtype is one of these, at the cost of a copy. Structs, voids, and numbers for which
/// this build has no type stay raw.
impl TryFrom<RawArray> for DynArray {
    type Error = Error;

    /// # Errors
    ///
    /// `Corrupt` if a text has a value that is no character.
    fn try_from(raw: RawArray) -> Result<Self> {
        DynArray::from_placed(&Placed::free(raw.dtype, raw.shape, Order::C, &raw.bytes))
    }
}

macro_rules! from {
    ($($(#[$attr:meta])* $variant:ident $ty:ty;)*) => {$(
        $(#[$attr])*
        impl From<ArrayD<$ty>> for DynArray {
            fn from(array: ArrayD<$ty>) -> Self {
                DynArray::$variant(array)
            }
        }
    )*};
}

from! {
    Bool bool;
    I8 i8;
    I16 i16;
    I32 i32;
    I64 i64;
    U8 u8;
    U16 u16;
    U32 u32;
    U64 u64;
    #[cfg(feature = "half")]
    F16 half::f16;
    #[cfg(feature = "half")]
    BF16 half::bf16;
    F32 f32;
    F64 f64;
    #[cfg(feature = "complex")]
    Complex64 num_complex::Complex32;
    #[cfg(feature = "complex")]
    Complex128 num_complex::Complex64;
    Text String;
    Bytes Vec<u8>;
}
