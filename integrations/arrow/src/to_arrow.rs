//! Arrays as columns.

use std::sync::Arc;

use arrow_array::types::{
    DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType, DurationSecondType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray,
    PrimitiveArray,
};
use arrow_buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow_schema::Field;
use serde_shm::{
    DType, DTypeKind, Element, Error, ErrorKind, Order, Result, ShmArray1, TimeBase, UntypedArray,
};

/// An array as a column without nulls, which keeps the array's memory. Of several axes, the first is the rows, and each further one a
/// `FixedSizeList`.
///
/// ```
/// use arrow_array::cast::AsArray;
/// use arrow_array::types::Float32Type;
/// use arrow_array::Array;
/// use serde_shm::{ShmArray2, UntypedArray};
///
/// let matrix = ShmArray2::from(ndarray::array![[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let column = serde_shm_arrow::column(&matrix.clone().into())?;
/// let rows = column.as_fixed_size_list();
/// assert_eq!((rows.len(), rows.value_length()), (2, 3));
/// let numbers = rows.values().as_primitive::<Float32Type>();
/// assert_eq!(numbers.values().as_ptr(), matrix.as_ptr()); // no copy
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// An array that lies in Fortran order, with gaps or not aligned, and one of bools, is copied once.
///
/// # Errors
///
/// [`Unsupported`](ErrorKind::Unsupported) for a dtype that Arrow has not (complex numbers, bfloat16, structs, `U`, other units of time) and
/// for the byte order of another machine; [`InvalidInput`](ErrorKind::InvalidInput) for an array without axes;
/// [`Limit`](ErrorKind::Limit) for an inner axis or an element of more than 2^31 - 1. The error says what to do.
pub fn column(array: &UntypedArray) -> Result<ArrayRef> {
    let Some((rows, inner)) = array.shape().split_first() else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "expected an array of at least one axis, the rows, found one without axes: a column of one row is `ShmArray1::from(vec![number])`",
        ));
    };
    let mut column = values(array)?;
    // From the innermost lists outwards: of the shape [2, 3, 4], six lists of four, then two lists of three.
    for (axis, length) in inner.iter().enumerate().rev() {
        let lists = inner[..axis].iter().product::<usize>() * rows;
        let field = Arc::new(Field::new_list_field(column.data_type().clone(), false));
        let list = FixedSizeListArray::try_new_with_length(
            field,
            small(*length, "an inner axis")?,
            column,
            None,
            lists,
        );
        column = Arc::new(list.map_err(refused)?);
    }
    Ok(column)
}

/// An array of numbers as a column of a primitive type whose values are these numbers, without a copy: also dates, decimals and
/// times, which have no dtype.
///
/// ```
/// use arrow_array::types::Date32Type;
/// use serde_shm::ShmArray1;
///
/// let days = ShmArray1::from(vec![0, 20_000]);
/// let dates = serde_shm_arrow::primitive::<Date32Type>(&days);
/// assert_eq!(dates.values().as_ptr(), days.as_ptr());
/// assert_eq!(dates.value_as_date(1).unwrap().to_string(), "2024-10-04");
/// ```
///
/// An array with gaps is copied.
pub fn primitive<T>(array: &ShmArray1<T::Native>) -> PrimitiveArray<T>
where
    T: ArrowPrimitiveType,
    T::Native: Element,
{
    if array.as_slice().is_none_or(<[T::Native]>::is_empty) {
        return PrimitiveArray::new(array.to_vec().into(), None);
    }
    let buffer = kept(UntypedArray::from(array.clone()));
    PrimitiveArray::new(ScalarBuffer::new(buffer, 0, array.len()), None)
}

/// The owner of a buffer's bytes.
struct Owner(UntypedArray);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes().unwrap_or_default()
    }
}

/// The bytes of an array without gaps as a buffer that keeps the array.
fn kept(array: UntypedArray) -> Buffer {
    bytes::Bytes::from_owner(Owner(array)).into()
}

/// The elements in row-major order, at an address for elements of this alignment.
fn buffer(array: &UntypedArray, align: usize) -> Result<Buffer> {
    let fits = |bytes: &[u8]| !bytes.is_empty() && bytes.as_ptr().addr().is_multiple_of(align);
    if array.order() == Some(Order::C) && array.as_bytes().is_some_and(fits) {
        return Ok(kept(array.clone()));
    }
    Ok(Buffer::from(&*array.to_bytes()?))
}

fn numbers<T: ArrowPrimitiveType>(array: &UntypedArray) -> Result<ArrayRef> {
    let buffer = buffer(array, align_of::<T::Native>())?;
    let values = ScalarBuffer::new(buffer, 0, array.len());
    Ok(Arc::new(PrimitiveArray::<T>::new(values, None)))
}

/// All elements as a column, row by row.
fn values(array: &UntypedArray) -> Result<ArrayRef> {
    let dtype = array.dtype();
    if !dtype.is_native() {
        return Err(unsupported(
            dtype,
            "read it as an array of its type, as `array_as` does, which turns the bytes",
        ));
    }
    let unit = dtype.unit().filter(|unit| unit.count() == 1).map(serde_shm::TimeUnit::base);
    match dtype.kind() {
        DTypeKind::Bool => {
            let bytes = array.to_bytes()?;
            let bits: BooleanBuffer = bytes.iter().map(|byte| *byte != 0).collect();
            Ok(Arc::new(BooleanArray::new(bits, None)))
        }
        DTypeKind::Raw | DTypeKind::Bytes => {
            let width = small(dtype.item_size(), "an element")?;
            let (buffer, len) = (buffer(array, 1)?, array.len());
            let column = FixedSizeBinaryArray::try_new_with_len(width, buffer, None, len);
            Ok(Arc::new(column.map_err(refused)?))
        }
        DTypeKind::Datetime => match unit {
            Some(TimeBase::Second) => numbers::<TimestampSecondType>(array),
            Some(TimeBase::Millisecond) => numbers::<TimestampMillisecondType>(array),
            Some(TimeBase::Microsecond) => numbers::<TimestampMicrosecondType>(array),
            Some(TimeBase::Nanosecond) => numbers::<TimestampNanosecondType>(array),
            _ => Err(unsupported(dtype, "convert it to [s], [ms], [us] or [ns]")),
        },
        DTypeKind::Timedelta => match unit {
            Some(TimeBase::Second) => numbers::<DurationSecondType>(array),
            Some(TimeBase::Millisecond) => numbers::<DurationMillisecondType>(array),
            Some(TimeBase::Microsecond) => numbers::<DurationMicrosecondType>(array),
            Some(TimeBase::Nanosecond) => numbers::<DurationNanosecondType>(array),
            _ => Err(unsupported(dtype, "convert it to [s], [ms], [us] or [ns]")),
        },
        _ if *dtype == DType::I8 => numbers::<Int8Type>(array),
        _ if *dtype == DType::I16 => numbers::<Int16Type>(array),
        _ if *dtype == DType::I32 => numbers::<Int32Type>(array),
        _ if *dtype == DType::I64 => numbers::<Int64Type>(array),
        _ if *dtype == DType::U8 => numbers::<UInt8Type>(array),
        _ if *dtype == DType::U16 => numbers::<UInt16Type>(array),
        _ if *dtype == DType::U32 => numbers::<UInt32Type>(array),
        _ if *dtype == DType::U64 => numbers::<UInt64Type>(array),
        _ if *dtype == DType::F16 => numbers::<Float16Type>(array),
        _ if *dtype == DType::F32 => numbers::<Float32Type>(array),
        _ if *dtype == DType::F64 => numbers::<Float64Type>(array),
        DTypeKind::Complex => {
            Err(unsupported(dtype, "save real and imaginary parts as two arrays"))
        }
        DTypeKind::Struct => {
            Err(unsupported(dtype, "take its fields one by one: `to_dyn`, then `DynArray::field`"))
        }
        DTypeKind::Text => Err(unsupported(
            dtype,
            "take its texts with `to_dyn`, and make a `StringArray` of them",
        )),
        _ => Err(unsupported(dtype, "widen it to f32: `array_as::<f32, _>`")),
    }
}

fn unsupported(dtype: &DType, mend: &str) -> Error {
    let message = format!(
        "expected an array of numbers, bools, times or bytes in this machine's byte order, found {dtype}: {mend}"
    );
    Error::new(ErrorKind::Unsupported, message)
}

/// Arrow counts list lengths and the bytes of elements by `i32`.
fn small(length: usize, of: &str) -> Result<i32> {
    i32::try_from(length).map_err(|_| {
        let message = format!(
            "expected {of} of at most {} for Arrow, found {length}: use more axes",
            i32::MAX
        );
        Error::new(ErrorKind::Limit, message)
    })
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub(crate) fn refused(error: arrow_schema::ArrowError) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("Arrow refuses the column: {error}"))
}
