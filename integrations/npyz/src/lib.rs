//! Arrays and dtypes of `serde_shm` to and from the types of `npyz`, for programs that read and write `.npy` with that crate.
//!
//! ```
//! use npyz::NpyFile;
//! use ndarray::{Ix2, array};
//! use serde_shm::ShmArray2;
//!
//! let matrix = ShmArray2::from(array![[1.0_f32, 2.0], [3.0, 4.0]]);
//! let bytes = serde_shm_npyz::write(&matrix.clone().into(), Vec::new())?; // an .npy file
//!
//! let file = NpyFile::new(&bytes[..])?;
//! assert_eq!(file.shape(), [2, 2]);
//! let array = serde_shm_npyz::read(file)?;
//! assert_eq!(array.to_shm::<f32, Ix2>()?, matrix);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Elements pass in bulk, where `npyz` itself converts them one by one: an array of any dtype is read into aligned memory once,
//! and written from where it lies.

#![deny(unsafe_code)]

use std::io::{Read, Write};

use npyz::{NpyFile, TypeStr, WriteOptions, WriterBuilder};
use serde_shm::{AlignedBytes, DType, DTypeField, Error, ErrorKind, Order, Result, UntypedArray};

/// `npyz` 0.9 cannot write a longer header than this.
const LONGEST_HEADER: usize = 60_000;

/// A dtype of `npyz`.
///
/// ```
/// let dtype = npyz::DType::new_scalar("<f4".parse()?);
/// assert_eq!(serde_shm_npyz::dtype(&dtype)?, serde_shm::DType::F32);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `Unsupported` for objects, which only a pickle holds, for dtypes that `serde_shm` does not have, and for `npyz::DType::Array` by
/// itself: fixed arrays are fields of records, and otherwise axes of the array.
pub fn dtype(dtype: &npyz::DType) -> Result<DType> {
    match dtype {
        npyz::DType::Plain(scalar) => scalar.to_string().parse(),
        npyz::DType::Record(_) => dtype.descr().parse(),
        npyz::DType::Array(..) => {
            let message = format!(
                "expected a scalar or a record, found the array {}: make its lengths axes of the array, or a field of a record",
                dtype.descr()
            );
            Err(Error::new(ErrorKind::Unsupported, message))
        }
    }
}

/// A dtype as one of `npyz`. Bytes between the fields of a struct become voids without a name, as NumPy has them.
///
/// ```
/// use serde_shm::DType;
///
/// let point: DType = "[('x', '<f4'), ('tags', '|u1', (3,))]".parse()?;
/// let dtype = serde_shm_npyz::npyz_dtype(&point)?;
/// assert_eq!(dtype.num_bytes(), Some(7));
/// assert_eq!(serde_shm_npyz::dtype(&dtype)?, point);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// bfloat16 becomes `|V2`, as in every `.npy` file.
///
/// # Errors
///
/// `Unsupported` if `npyz` has no such dtype.
pub fn npyz_dtype(dtype: &DType) -> Result<npyz::DType> {
    if dtype.kind() != serde_shm::DTypeKind::Struct {
        let text = dtype.to_string();
        // NumPy has no bfloat16, and a void no byte order.
        let text = if text.ends_with("V2") { "|V2" } else { &text };
        let scalar: TypeStr = text.parse().map_err(|error| {
            Error::new(ErrorKind::Unsupported, format!("npyz has no dtype {text}: {error}"))
        })?;
        return Ok(npyz::DType::new_scalar(scalar));
    }
    let (mut fields, mut end) = (Vec::new(), 0);
    for field in dtype.fields() {
        fields.extend(gap(field.offset() - end)?);
        fields.push(npyz::Field { name: field.name().to_owned(), dtype: field_dtype(field)? });
        end = field.offset() + field.dtype().item_size() * field.shape().iter().product::<usize>();
    }
    fields.extend(gap(dtype.item_size() - end)?);
    Ok(npyz::DType::Record(fields))
}

fn field_dtype(field: &DTypeField) -> Result<npyz::DType> {
    let mut dtype = npyz_dtype(field.dtype())?;
    for length in field.shape().iter().rev() {
        dtype = npyz::DType::Array(*length as u64, Box::new(dtype));
    }
    Ok(dtype)
}

fn gap(bytes: usize) -> Result<Option<npyz::Field>> {
    if bytes == 0 {
        return Ok(None);
    }
    let dtype = npyz_dtype(&format!("|V{bytes}").parse()?)?;
    Ok(Some(npyz::Field { name: String::new(), dtype }))
}

/// Reads the array behind a header that `npyz` has read. No more memory is taken than there are bytes.
///
/// ```
/// use npyz::{NpyFile, WriterBuilder};
///
/// let mut bytes = Vec::new();
/// let options = npyz::WriteOptions::new().default_dtype().shape(&[3]).writer(&mut bytes);
/// let mut writer = options.begin_nd()?;
/// writer.extend([1_i16, 2, 3])?;
/// writer.finish()?;
///
/// let array = serde_shm_npyz::read(NpyFile::new(&bytes[..])?)?;
/// assert_eq!(array.to_shm::<i16, ndarray::Ix1>()?, ndarray::array![1, 2, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`dtype()`]; `Corrupt` if the file ends before the array does or states a shape that no memory holds; `Io` of the reader.
/// `InvalidInput` if a bool is neither 0 nor 1.
pub fn read<R: Read>(file: NpyFile<R>) -> Result<UntypedArray> {
    let found = dtype(&file.dtype())?;
    let order = match file.order() {
        npyz::Order::C => Order::C,
        npyz::Order::Fortran => Order::F,
    };
    let shape: Option<Vec<usize>> =
        file.shape().iter().map(|axis| usize::try_from(*axis).ok()).collect();
    let len = shape.as_ref().and_then(|shape| {
        shape.iter().try_fold(found.item_size(), |len, axis| len.checked_mul(*axis))
    });
    let (Some(shape), Some(len)) = (shape, len) else {
        let message = format!("the array of shape {:?} takes more than memory holds", file.shape());
        return Err(Error::new(ErrorKind::Corrupt, message));
    };
    let mut bytes = AlignedBytes::new();
    bytes
        .extend_from_reader(file.into_inner().take(len as u64))
        .map_err(|error| Error::io("cannot read the elements of an .npy file", error))?;
    if bytes.len() < len {
        let message = format!(
            "expected {len} bytes for an array of {found} of shape {shape:?}, found {}: the file is cut",
            bytes.len()
        );
        return Err(Error::new(ErrorKind::Corrupt, message));
    }
    UntypedArray::from_owner(found, &shape, order, bytes)
}

/// Writes an array with a header of `npyz`, and gives the writer back.
///
/// ```
/// use serde_shm::ShmArray1;
///
/// let bytes = serde_shm_npyz::write(&ShmArray1::from(vec![1_u8, 2]).into(), Vec::new())?;
/// assert!(bytes.starts_with(b"\x93NUMPY") && bytes.ends_with(&[1, 2]));
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// C and Fortran order are written from where they lie. An array with gaps is packed first.
///
/// # Errors
///
/// Those of [`npyz_dtype`]; `Limit` if the descriptor of a struct is too long for `npyz`; `Io` of the writer.
pub fn write<W: Write>(array: &UntypedArray, writer: W) -> Result<W> {
    let dtype = npyz_dtype(array.dtype())?;
    let length = dtype.descr().len() + 20 * array.ndim();
    if length > LONGEST_HEADER {
        let message = format!(
            "expected a header of at most {LONGEST_HEADER} bytes for npyz, found {length}: save it with `serde_shm::to_npz`"
        );
        return Err(Error::new(ErrorKind::Limit, message));
    }
    let order = match array.order() {
        Some(Order::F) => npyz::Order::Fortran,
        _ => npyz::Order::C,
    };
    let bytes = match array.as_bytes() {
        Some(bytes) => bytes.into(),
        None => array.to_bytes()?,
    };
    let shape: Vec<u64> = array.shape().iter().map(|axis| *axis as u64).collect();
    let failed = |error| Error::io("cannot write an .npy file", error);
    let options = WriteOptions::new_header_only().dtype(dtype).shape(&shape).order(order);
    let mut writer = options.writer(writer).write_header_only().map_err(failed)?;
    writer.write_all(&bytes).map_err(failed)?;
    Ok(writer)
}
