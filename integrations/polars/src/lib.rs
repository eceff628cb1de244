//! Numeric columns of polars as arrays of `serde_shm`, and arrays as columns.
//!
//! Memory is handed over: the other side keeps its owner, and no element is copied. So a frame can be published in shared memory, and
//! another process gets a frame whose columns lie there.
//!
//! ```
//! # #[cfg(target_os = "linux")] {
//! use polars_core::prelude::*;
//! use serde_shm::Segment;
//! use serde_shm_polars::Columns;
//!
//! let id = Series::new("id".into(), [1_u32, 2, 3]);
//! let price = Series::new("price".into(), [0.5, 1.5, 2.5]);
//! let frame = DataFrame::new_infer_height(vec![id.into(), price.into()])?;
//!
//! // A map of arrays under the names of the columns: other programs read it without polars.
//! let segment = serde_shm::to_shared(&Columns::of(&frame)?)?;
//! assert_eq!(segment.array::<f64, ndarray::Ix1>("price")?.sum(), 4.5);
//!
//! // In another process: the columns lie in the segment, and keep it.
//! let columns: Columns = Segment::open(segment.id())?.get()?;
//! assert!(columns.frame()?.equals(&frame));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | polars | array | copied |
//! |---|---|---|
//! | `Int8` to `Int64`, `UInt8` to `UInt64`, `Float32`, `Float64` | the same numbers | no; once if the column has several chunks |
//! | `Datetime` without a time zone, `Duration` | `datetime64`, `timedelta64` of that unit | the same |
//! | `Boolean` | `bool` | once, since polars' are bits |
//!
//! An array that has gaps, is not aligned or is in the other byte order is copied once into its column. NumPy's "not a time" is a number
//! like others to polars, the smallest one.
//!
//! Everything else is refused, with what to do instead: an array has no place for nulls, texts are no arrays, and a dtype has no time
//! zone.

#![deny(unsafe_code)]

mod columns;

use bytemuck::Pod;
use ndarray::Ix1;
use polars_arrow::array::{BooleanArray, PrimitiveArray};
use polars_arrow::bitmap::Bitmap;
use polars_buffer::Buffer;
use polars_core::prelude::{
    ArrowDataType, BooleanChunked, CompatLevel, DataType, IntoSeries, PlSmallStr, PolarsError,
    PolarsNumericType, Series, TimeUnit,
};
use polars_core::prelude::{
    ChunkedArray, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use serde_shm::{
    DType, DTypeKind, Element, Error, ErrorKind, Order, Result, ShmArray1, TimeBase, UntypedArray,
};

pub use columns::Columns;

/// The elements of a column as bytes.
struct Bytes<T: Pod>(Buffer<T>);

impl<T: Pod> AsRef<[u8]> for Bytes<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(self.0.as_slice())
    }
}

/// The elements of an array, which it has in one piece.
struct Items<A: Element>(ShmArray1<A>);

impl<A: Element> AsRef<[A]> for Items<A> {
    fn as_ref(&self) -> &[A] {
        self.0.as_slice().unwrap_or_default()
    }
}

/// A column as an array that keeps the column's memory.
///
/// ```
/// use polars_core::prelude::*;
///
/// let column = Series::new("price".into(), [0.5_f32, 1.5]);
/// let array = serde_shm_polars::array(&column)?;
/// assert_eq!(array.as_bytes().unwrap().as_ptr(), column.f32()?.cont_slice()?.as_ptr().cast()); // no copy
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`Unsupported`](ErrorKind::Unsupported) for a type that the [table](crate) does not have,
/// [`InvalidInput`](ErrorKind::InvalidInput) if there are nulls. The error says what to do.
pub fn array(column: &Series) -> Result<UntypedArray> {
    if column.null_count() > 0 {
        let message = format!(
            "expected a column without nulls, found {} nulls in {} rows of {}: fill them (`fill_null`), or save `is_not_null` as a \
             second column",
            column.null_count(),
            column.len(),
            column.dtype()
        );
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Nanoseconds => "ns",
        TimeUnit::Microseconds => "us",
        TimeUnit::Milliseconds => "ms",
    };
    let order = if cfg!(target_endian = "big") { '>' } else { '<' };
    let physical = column.to_physical_repr();
    match column.dtype() {
        DataType::Int8 => numbers(physical.i8(), DType::I8),
        DataType::Int16 => numbers(physical.i16(), DType::I16),
        DataType::Int32 => numbers(physical.i32(), DType::I32),
        DataType::Int64 => numbers(physical.i64(), DType::I64),
        DataType::UInt8 => numbers(physical.u8(), DType::U8),
        DataType::UInt16 => numbers(physical.u16(), DType::U16),
        DataType::UInt32 => numbers(physical.u32(), DType::U32),
        DataType::UInt64 => numbers(physical.u64(), DType::U64),
        DataType::Float32 => numbers(physical.f32(), DType::F32),
        DataType::Float64 => numbers(physical.f64(), DType::F64),
        DataType::Datetime(found, None) => {
            numbers(physical.i64(), format!("{order}M8[{}]", unit(found)).parse()?)
        }
        DataType::Duration(found) => {
            numbers(physical.i64(), format!("{order}m8[{}]", unit(found)).parse()?)
        }
        DataType::Boolean => {
            let bools = column.bool().map_err(refused)?;
            let bytes: Vec<u8> =
                bools.downcast_iter().flat_map(|chunk| chunk.values_iter()).map(u8::from).collect();
            UntypedArray::from_owner(DType::BOOL, &[column.len()], Order::C, bytes)
        }
        other => Err(unsupported(other)),
    }
}

fn numbers<T: PolarsNumericType>(
    column: std::result::Result<&ChunkedArray<T>, PolarsError>,
    dtype: DType,
) -> Result<UntypedArray>
where
    T::Native: Pod,
{
    let column = column.map_err(refused)?.rechunk();
    let buffer = column.downcast_iter().next().map(|chunk| chunk.values().clone());
    let len = column.len();
    UntypedArray::from_owner(dtype, &[len], Order::C, Bytes(buffer.unwrap_or_default()))
}

/// An array of one axis as a column without nulls, which keeps the array's memory.
///
/// ```
/// use serde_shm::ShmArray1;
///
/// let prices = ShmArray1::from(vec![0.5, 1.5]);
/// let column = serde_shm_polars::series("price", &prices.clone().into())?;
/// assert_eq!(column.f64()?.cont_slice()?.as_ptr(), prices.as_ptr()); // no copy
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`InvalidInput`](ErrorKind::InvalidInput) for an array of another number of axes,
/// [`Unsupported`](ErrorKind::Unsupported) for a dtype that the [table](crate) does not have. The error says what to do.
pub fn series(name: &str, array: &UntypedArray) -> Result<Series> {
    if array.ndim() != 1 {
        let message = format!(
            "expected an array of one axis for a column, found one of shape {:?}: make a column of each of its columns",
            array.shape()
        );
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let (name, dtype) = (PlSmallStr::from_str(name), array.dtype());
    let unit = dtype.unit().filter(|unit| unit.count() == 1).map(serde_shm::TimeUnit::base);
    let unit = match unit {
        Some(TimeBase::Nanosecond) => Some(TimeUnit::Nanoseconds),
        Some(TimeBase::Microsecond) => Some(TimeUnit::Microseconds),
        Some(TimeBase::Millisecond) => Some(TimeUnit::Milliseconds),
        _ => None,
    };
    macro_rules! by_type {
        ($($dtype:ident: $ty:ty,)*) => {
            $(if is(dtype, &DType::$dtype) {
                return made::<$ty>(name, array).map(IntoSeries::into_series);
            })*
        };
    }
    by_type! {
        I8: Int8Type, I16: Int16Type, I32: Int32Type, I64: Int64Type,
        U8: UInt8Type, U16: UInt16Type, U32: UInt32Type, U64: UInt64Type,
        F32: Float32Type, F64: Float64Type,
    }
    match (dtype.kind(), unit) {
        (DTypeKind::Datetime, Some(unit)) => {
            Ok(made::<Int64Type>(name, array)?.into_datetime(unit, None).into_series())
        }
        (DTypeKind::Timedelta, Some(unit)) => {
            Ok(made::<Int64Type>(name, array)?.into_duration(unit).into_series())
        }
        (DTypeKind::Bool, _) => {
            let bits: Bitmap = array.to_bytes()?.iter().map(|byte| *byte != 0).collect();
            let chunk = BooleanArray::new(ArrowDataType::Boolean, bits, None);
            Ok(BooleanChunked::with_chunk(name, chunk).into_series())
        }
        (kind, _) => {
            let mend = match kind {
                DTypeKind::Datetime | DTypeKind::Timedelta => "convert it to [ms], [us] or [ns]",
                DTypeKind::Float => "widen it: `array_as::<f32, _>`",
                DTypeKind::Complex => "make two columns, of real and imaginary parts",
                DTypeKind::Struct => {
                    "make a column of each field: `to_dyn`, then `DynArray::field`"
                }
                _ => "take its elements with `to_dyn`, and make a column of texts or bytes",
            };
            let message = format!(
                "expected an array of numbers, bools or times for polars, found {dtype}: {mend}"
            );
            Err(Error::new(ErrorKind::Unsupported, message))
        }
    }
}

/// Whether the elements are of this type, in any byte order.
fn is(found: &DType, wanted: &DType) -> bool {
    let name = |dtype: &DType| dtype.to_string().trim_start_matches(['<', '>']).to_owned();
    found == wanted || name(found) == name(wanted)
}

fn made<T: PolarsNumericType>(name: PlSmallStr, array: &UntypedArray) -> Result<ChunkedArray<T>>
where
    T::Native: Element,
{
    let buffer = match array.to_shm::<T::Native, Ix1>() {
        Ok(items) if items.as_slice().is_some() => Buffer::from_owner(Items(items)),
        // With gaps.
        Ok(items) => Buffer::from_vec(items.to_vec()),
        // Elements that do not lie aligned, or are in the other byte order.
        Err(error) => match array.to_dyn()?.view::<T::Native>() {
            Some(view) => Buffer::from_vec(view.iter().copied().collect()),
            None => return Err(error),
        },
    };
    let dtype = T::get_static_dtype().to_arrow(CompatLevel::newest());
    let chunk = PrimitiveArray::try_new(dtype, buffer, None).map_err(refused)?;
    Ok(ChunkedArray::with_chunk(name, chunk))
}

fn unsupported(found: &DataType) -> Error {
    let mend = match found {
        DataType::String => "a field `Vec<String>` holds texts, and stays inline",
        DataType::Datetime(..) => {
            "take the time zone off (`replace_time_zone`), and save it beside the array"
        }
        DataType::Date | DataType::Time => "take it as its numbers: `to_physical_repr`",
        DataType::List(_) => "save its values and its lengths as two columns",
        _ => "cast it to one of these",
    };
    let message = format!(
        "expected a column of numbers, bools, datetimes or durations, found {found}: {mend}"
    );
    Error::new(ErrorKind::Unsupported, message)
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn refused(error: PolarsError) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("polars: {error}"))
}
