//! A [`Recorder`] for burn that writes `.npz` files: each tensor is an array of its dtype and shape, which NumPy opens.
//!
//! ```
//! use burn_core as burn;
//! use burn_core::module::{Module, Param};
//! use burn_core::record::{FullPrecisionSettings, Recorder};
//! use burn_core::tensor::{Tensor, TensorData, backend::Backend};
//! use burn_ndarray::NdArray;
//! use serde_shm_burn::NpzRecorder;
//!
//! #[derive(Module, Debug)]
//! struct Dense<B: Backend> { weight: Param<Tensor<B, 2>> }
//!
//! let device = Default::default();
//! let data = || TensorData::new(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]);
//! let dense = Dense::<NdArray> { weight: Param::from_data(data(), &device) };
//! let file = std::env::temp_dir().join("serde_shm_burn.npz");
//! let recorder = NpzRecorder::<FullPrecisionSettings>::default();
//! dense.clone().save_file(&file, &recorder)?;
//!
//! let npz = serde_shm::Npz::open(&file)?; // np.load(file)["item.weight.param"]
//! assert_eq!(npz.array::<f32, ndarray::Ix2>("item.weight.param")?[[1, 2]], 6.0);
//! let again = dense.load_file(&file, &recorder, &device)?;
//! assert_eq!(again.weight.val().into_data(), data());
//! # std::fs::remove_file(file)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A save is atomic, unlike those of burn's own recorders: a process that is killed leaves the old file or the new one.
//!
//! [`to_arrays`] and [`from_arrays`] do the same for other containers, such as shared memory.

#![deny(unsafe_code)]

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use burn_core::record::{FileRecorder, PrecisionSettings, Recorder, RecorderError};
use burn_core::tensor::backend::Backend;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_shm::value::{Blob, Names, Record, Seq, Value};
use serde_shm::{Block, DType, Error, ErrorKind, Npz, Order, Result, UntypedArray};

/// The dtypes of burn that are dtypes of arrays, with their places in burn's enum.
const DTYPES: [(u32, &str, DType); 13] = [
    (0, "F64", DType::F64),
    (1, "F32", DType::F32),
    (3, "F16", DType::F16),
    (4, "BF16", DType::BF16),
    (5, "I64", DType::I64),
    (6, "I32", DType::I32),
    (7, "I16", DType::I16),
    (8, "I8", DType::I8),
    (9, "U64", DType::U64),
    (10, "U32", DType::U32),
    (11, "U16", DType::U16),
    (12, "U8", DType::U8),
    (13, "Bool", DType::BOOL),
];

/// What burn calls a tensor's data, in the order of its fields.
const DATA: (&str, [&str; 3]) = ("TensorData", ["bytes", "shape", "dtype"]);

/// Saves and loads records as `.npz` files. `S` are burn's settings of precision.
///
/// The path's extension becomes `npz`, as burn's recorders do it with theirs. The record is gathered in memory once before it is
/// written, and once when it is read.
///
/// ```
/// use burn_core::record::{FileRecorder, HalfPrecisionSettings};
/// use burn_ndarray::NdArray;
/// use serde_shm_burn::NpzRecorder;
///
/// type Half = NpzRecorder<HalfPrecisionSettings>; // floats of 16 bits in the file
/// assert_eq!(<Half as FileRecorder<NdArray>>::file_extension(), "npz");
/// ```
#[derive(Clone, Debug, Default)]
pub struct NpzRecorder<S: PrecisionSettings> {
    settings: PhantomData<S>,
}

impl<S: PrecisionSettings, B: Backend> FileRecorder<B> for NpzRecorder<S> {
    fn file_extension() -> &'static str {
        "npz"
    }
}

impl<S: PrecisionSettings, B: Backend> Recorder<B> for NpzRecorder<S> {
    type Settings = S;
    type RecordArgs = PathBuf;
    type RecordOutput = ();
    type LoadArgs = PathBuf;

    fn save_item<I: Serialize>(&self, item: I, path: PathBuf) -> Result<(), RecorderError> {
        let path = path.with_extension("npz");
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let failed = |error| RecorderError::Unknown(format!("{}: {error}", folder.display()));
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let save = |path: &Path| serde_shm::to_npz(path, &to_arrays(&item)?);
        save(&path).map_err(|error| refused(&error))
    }

    fn load_item<I: DeserializeOwned>(&self, path: &mut PathBuf) -> Result<I, RecorderError> {
        path.set_extension("npz");
        let load = |path: &Path| from_arrays(Npz::open(path)?.value()?);
        load(path).map_err(|error| refused(&error))
    }
}

fn refused(error: &Error) -> RecorderError {
    let text = format!("{error:#}");
    match error.kind() {
        ErrorKind::NotFound => RecorderError::FileNotFound(text),
        ErrorKind::Io => RecorderError::Unknown(text),
        _ => RecorderError::DeserializeError(text),
    }
}

/// A record's item with its tensors as arrays, to be written to any container.
///
/// ```
/// use burn_core::tensor::TensorData;
///
/// let data = TensorData::new(vec![1_i32, 2, 3, 4], [2, 2]);
/// let value = serde_shm_burn::to_arrays(&("ids", &data))?;
/// let block = serde_shm::Block::new(serde_shm::to_bytes(&value)?)?;
/// assert_eq!(block.arrays()?[0].shape(), [2, 2]);
/// let (name, again): (String, TensorData) = serde_shm_burn::from_arrays(block.value()?)?;
/// assert_eq!((name.as_str(), again), ("ids", data));
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// The item is gathered in memory once, and the arrays lie there. Quantized tensors stay as burn writes them, bytes beside their
/// description.
///
/// # Errors
///
/// Those of [`to_bytes`](serde_shm::to_bytes); `InvalidInput` if a tensor's bytes are not those of its shape.
pub fn to_arrays<T: Serialize + ?Sized>(item: &T) -> Result<Value> {
    let block = Block::new(serde_shm::to_bytes(item)?)?;
    each(block.value()?, &mut |value| match value {
        Value::Record(record) => tensor(record),
        other => Ok(other),
    })
}

/// The item that [`to_arrays`] made a value of. Arrays that another program wrote become tensors of their dtype.
///
/// ```
/// use burn_core::tensor::TensorData;
/// use serde_shm::{ShmArray1, UntypedArray, Value};
///
/// let array = UntypedArray::from(ShmArray1::from(vec![0.5_f32, 1.5]));
/// let data: TensorData = serde_shm_burn::from_arrays(Value::from(array))?;
/// assert_eq!(data, TensorData::new(vec![0.5_f32, 1.5], [2]));
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// `Unsupported` if an array has a dtype that burn has not; `Mismatch` if the value is no such item.
pub fn from_arrays<T: DeserializeOwned>(value: Value) -> Result<T> {
    let names = Names::of_struct(DATA.0, DATA.1);
    let value = each(value, &mut |value| match value {
        Value::Array(array) => data(&names, &array),
        other => Ok(other),
    })?;
    serde_shm::from_bytes(&serde_shm::to_bytes(&value)?)
}

/// The value with `change` applied to each part, from the innermost outwards. Lists of numbers are left as they are encoded.
fn each(value: Value, change: &mut dyn FnMut(Value) -> Result<Value>) -> Result<Value> {
    let mut inner = |value: Value| each(value, change);
    let boxed = |value: Result<Value>| value.map(Box::new);
    let whole = match value {
        Value::Optional(Some(value)) => Value::Optional(Some(boxed(inner(*value))?)),
        Value::Readable(value) => Value::Readable(boxed(inner(*value))?),
        Value::Named(name, value) => Value::Named(name, boxed(inner(*value))?),
        Value::Seq(items) if items.numbers().is_none() => {
            let all: Result<Vec<Value>> =
                items.each().map(|item| inner(item.into_owned())).collect();
            Value::Seq(Seq::from(all?))
        }
        Value::Tuple(items) => Value::Tuple(items.into_iter().map(inner).collect::<Result<_>>()?),
        Value::Map(map) => {
            let entries = map.into_iter().map(|(key, value)| Ok((key, inner(value)?)));
            Value::Map(entries.collect::<Result<Vec<_>>>()?.into())
        }
        Value::Record(record) => {
            let (names, values) = record.into_parts();
            let values: Result<Vec<Option<Value>>> =
                values.into_iter().map(|value| value.map(&mut inner).transpose()).collect();
            Value::Record(Record::with_absent(names, values?)?)
        }
        other => other,
    };
    change(whole)
}

/// The array of a tensor's data; any other record as it is.
fn tensor(record: Record) -> Result<Value> {
    let parts = || {
        let [bytes, shape, dtype] = DATA.1.map(|field| record.get(field));
        let dtype = dtype?.as_record()?.names().variant()?.to_owned();
        let (_, _, dtype) = DTYPES.into_iter().find(|(_, name, _)| *name == dtype)?;
        let Value::Seq(shape) = shape? else { return None };
        let axis = |axis: &Value| axis.as_u64().and_then(|axis| usize::try_from(axis).ok());
        let shape: Option<Vec<usize>> = shape.each().map(|found| axis(&found)).collect();
        Some((bytes?.as_bytes()?.clone(), shape?, dtype))
    };
    if record.names().name() != DATA.0 {
        return Ok(Value::Record(record));
    }
    match parts() {
        Some((bytes, shape, dtype)) => {
            Ok(UntypedArray::from_owner(dtype, &shape, Order::C, bytes)?.into())
        }
        None => Ok(Value::Record(record)),
    }
}

/// The data of a tensor, as burn reads it.
fn data(names: &Names, array: &UntypedArray) -> Result<Value> {
    let found = DTYPES.into_iter().find(|(_, _, dtype)| dtype == array.dtype());
    let Some((index, variant, _)) = found else {
        let message = format!(
            "expected an array of floats, integers or bools in this machine's byte order for burn, found {}: convert it in the \
             program that wrote it",
            array.dtype()
        );
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    let bytes = Value::Bytes(Blob::from(array.to_bytes()?.into_owned()));
    let shape: Seq = array.shape().iter().map(|axis| Value::U64(*axis as u64)).collect();
    let dtype = Record::new(Names::unit_variant("DType", index, variant), [])?;
    let record = Record::new(names.clone(), [bytes, Value::Seq(shape), Value::Record(dtype)])?;
    Ok(Value::Record(record))
}
