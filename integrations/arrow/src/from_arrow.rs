//! Columns as arrays.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer};
use arrow_schema::{DataType, TimeUnit};
use serde_shm::{DType, Error, ErrorKind, Order, Result, ShmArray1, UntypedArray};

/// A column as an array that keeps the column's memory. Each level of `FixedSizeList` is an axis.
///
/// ```
/// use arrow_array::{Array, Float32Array};
///
/// let column = Float32Array::from(vec![0.5, 1.5]);
/// let array = serde_shm_arrow::array(&column)?;
/// assert_eq!(array.as_bytes().unwrap().as_ptr(), column.values().inner().as_ptr()); // no copy
/// assert_eq!(array.to_shm::<f32, ndarray::Ix1>()?.sum(), 2.0);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// [`Unsupported`](ErrorKind::Unsupported) for a type that the [table](crate) does not have,
/// [`InvalidInput`](ErrorKind::InvalidInput) if the column or what its lists hold has nulls. The error says what to do.
pub fn array(column: &dyn Array) -> Result<UntypedArray> {
    convert(column, false)
}

/// The values of a column that may have nulls, and which of them are valid. At a null, the value is whatever lies there.
///
/// ```
/// use arrow_array::Int32Array;
///
/// let column = Int32Array::from(vec![Some(1), None, Some(3)]);
/// let (values, valid) = serde_shm_arrow::with_validity(&column)?;
/// assert_eq!(values.shape(), [3]);
/// assert_eq!(valid, ndarray::array![true, false, true]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// The values are not copied; which are valid is one byte for each row, made of Arrow's bits.
///
/// # Errors
///
/// Those of [`array()`]; nulls within the lists of a `FixedSizeList` are refused.
pub fn with_validity(column: &dyn Array) -> Result<(UntypedArray, ShmArray1<bool>)> {
    let valid = match column.nulls() {
        Some(nulls) => nulls.iter().collect(),
        None => vec![true; column.len()],
    };
    Ok((convert(column, true)?, valid.into()))
}

/// The lists around a column are taken off, one axis for each.
fn convert(column: &dyn Array, may_be_null: bool) -> Result<UntypedArray> {
    let mut shape = vec![column.len()];
    if !may_be_null {
        check_nulls(column)?;
    }
    let Some(list) = column.as_fixed_size_list_opt() else { return values(column, &shape) };
    let mut length = list.value_length().as_usize();
    let mut inner: ArrayRef = list.values().slice(0, list.len() * length);
    shape.push(length);
    loop {
        check_nulls(&inner)?;
        let Some(list) = inner.as_fixed_size_list_opt() else { return values(&inner, &shape) };
        length = list.value_length().as_usize();
        shape.push(length);
        inner = list.values().slice(0, list.len() * length);
    }
}

fn check_nulls(column: &dyn Array) -> Result<()> {
    // A column of the type `Null` has no buffer of nulls.
    let count = column.logical_null_count();
    if count == 0 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidInput,
        format!(
            "expected a column without nulls, found {count} nulls in {} rows of {}: fill them, or save `with_validity`, \
             which gives the values and which of them are valid",
            column.len(),
            column.data_type()
        ),
    ))
}

fn values(column: &dyn Array, shape: &[usize]) -> Result<UntypedArray> {
    macro_rules! numbers {
        ($($data_type:pat => $ty:ty, $dtype:expr;)*) => {
            match column.data_type() {
                $($data_type => of::<$ty>(column, $dtype, shape),)*
                DataType::Boolean => {
                    let bools: &BooleanBuffer = column.as_boolean().values();
                    let bytes: Vec<u8> = bools.iter().map(u8::from).collect();
                    UntypedArray::from_owner(DType::BOOL, shape, Order::C, bytes)
                }
                DataType::FixedSizeBinary(width) => {
                    let dtype = format!("|V{width}").parse()?;
                    let values = column.as_fixed_size_binary();
                    let len = values.len() * values.value_size();
                    owned(dtype, shape, values.values(), len)
                }
                other => Err(unsupported(other)),
            }
        };
    }
    let time = |name: &str, unit: &TimeUnit| {
        let unit = match unit {
            TimeUnit::Second => "s",
            TimeUnit::Millisecond => "ms",
            TimeUnit::Microsecond => "us",
            TimeUnit::Nanosecond => "ns",
        };
        let order = if cfg!(target_endian = "big") { '>' } else { '<' };
        format!("{order}{name}[{unit}]").parse::<DType>()
    };
    numbers! {
        DataType::Int8 => Int8Type, DType::I8;
        DataType::Int16 => Int16Type, DType::I16;
        DataType::Int32 => Int32Type, DType::I32;
        DataType::Int64 => Int64Type, DType::I64;
        DataType::UInt8 => UInt8Type, DType::U8;
        DataType::UInt16 => UInt16Type, DType::U16;
        DataType::UInt32 => UInt32Type, DType::U32;
        DataType::UInt64 => UInt64Type, DType::U64;
        DataType::Float16 => Float16Type, DType::F16;
        DataType::Float32 => Float32Type, DType::F32;
        DataType::Float64 => Float64Type, DType::F64;
        DataType::Timestamp(unit @ TimeUnit::Second, None) => TimestampSecondType, time("M8", unit)?;
        DataType::Timestamp(unit @ TimeUnit::Millisecond, None) => TimestampMillisecondType, time("M8", unit)?;
        DataType::Timestamp(unit @ TimeUnit::Microsecond, None) => TimestampMicrosecondType, time("M8", unit)?;
        DataType::Timestamp(unit @ TimeUnit::Nanosecond, None) => TimestampNanosecondType, time("M8", unit)?;
        DataType::Duration(unit @ TimeUnit::Second) => DurationSecondType, time("m8", unit)?;
        DataType::Duration(unit @ TimeUnit::Millisecond) => DurationMillisecondType, time("m8", unit)?;
        DataType::Duration(unit @ TimeUnit::Microsecond) => DurationMicrosecondType, time("m8", unit)?;
        DataType::Duration(unit @ TimeUnit::Nanosecond) => DurationNanosecondType, time("m8", unit)?;
    }
}

fn of<T: ArrowPrimitiveType>(
    column: &dyn Array,
    dtype: DType,
    shape: &[usize],
) -> Result<UntypedArray> {
    let values = column.as_primitive::<T>().values();
    owned(dtype, shape, values.inner(), size_of_val::<[T::Native]>(values))
}

/// An array of the first bytes of a buffer, which may have more. The array keeps the buffer.
fn owned(dtype: DType, shape: &[usize], buffer: &Buffer, len: usize) -> Result<UntypedArray> {
    UntypedArray::from_owner(dtype, shape, Order::C, buffer.slice_with_length(0, len))
}

fn unsupported(found: &DataType) -> Error {
    let mend = match found {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            "a field `Vec<String>` holds texts, and stays inline"
        }
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            "pad the values to one length, and make them `FixedSizeBinary`"
        }
        DataType::Timestamp(_, Some(_)) => {
            "take the time zone off (`with_timezone_opt`), and save it beside the array"
        }
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => {
            "save the values and the offsets as two arrays, or make the lists a `FixedSizeList`"
        }
        DataType::Date32 | DataType::Time32(_) | DataType::Decimal32(..) => {
            "take it as its numbers: `reinterpret_cast::<Int32Type>`"
        }
        DataType::Date64 | DataType::Time64(_) | DataType::Decimal64(..) => {
            "take it as its numbers: `reinterpret_cast::<Int64Type>`"
        }
        DataType::Dictionary(..) => "save its keys and its values as two arrays",
        DataType::Struct(_) => "save its fields as arrays of their own",
        _ => "cast it to one of these",
    };
    let message = format!(
        "expected a column of numbers, bools, timestamps, durations, `FixedSizeBinary` or a `FixedSizeList` of these, found \
         {found}: {mend}"
    );
    Error::new(ErrorKind::Unsupported, message)
}
