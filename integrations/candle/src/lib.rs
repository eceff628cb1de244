//! Candle's tensors as arrays of `serde_shm`, and a `VarMap` from and to archives and shared memory.
//!
//! A tensor is written from where it lies. Read, it is copied once, since candle's tensors on the CPU own a `Vec`, and candle may change
//! it: a tensor cannot lie in memory that others see.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use serde_shm::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Layer {
//!     name: String,
//!     #[serde(with = "serde_shm_candle")]
//!     weight: Tensor, // placed
//! }
//! let layer = Layer { name: "in".into(), weight: Tensor::arange(0_f32, 6., &Device::Cpu)?.reshape((2, 3))? };
//! let block = serde_shm::Block::new(serde_shm::to_bytes(&layer)?)?;
//! assert_eq!(block.array::<f32, ndarray::Ix2>("weight")?[[1, 2]], 5.0);
//! let again: Layer = block.get()?;
//! assert_eq!(again.weight.to_vec2::<f32>()?, layer.weight.to_vec2::<f32>()?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`TensorRef`] writes a tensor anywhere else, [`tensor`] makes one of an array, and [`Tensors`] are those of a model by their names.
//!
//! The dtypes are `U8`, `U32`, `I16`, `I32`, `I64`, `BF16`, `F16`, `F32` and `F64`. Others are refused with what to do. Tensors of another
//! device than the CPU are refused: `to_device(&Device::Cpu)` brings them here.

#![deny(unsafe_code)]

mod tensors;

use std::fmt::Display;

use candle_core::{CpuStorage, DType, Device, Layout, Shape, Storage, Tensor, WithDType};
use ndarray::{ArrayView, ArrayViewD, IxDyn, ShapeBuilder};
use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};
use serde_shm::array::SerializeArray;
use serde_shm::{DType as Found, Element, Error, ErrorKind, Result, UntypedArray};

pub use tensors::{Tensors, VarMapRef};

/// A tensor as an array, to be written: in a tuple, a list or a map, or by itself.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use serde_shm_candle::TensorRef;
///
/// let tensor = Tensor::ones((2, 3), candle_core::DType::F64, &Device::Cpu)?;
/// let bytes = serde_shm::to_bytes(&[("ones", TensorRef(&tensor))])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is written from where it lies, with any strides. While it is written, `Var::set` of that variable waits.
#[derive(Clone, Copy, Debug)]
pub struct TensorRef<'a>(pub &'a Tensor);

/// The elements of a tensor, where they lie.
fn view<'a, A>(items: &'a [A], layout: &Layout) -> Result<ArrayViewD<'a, A>> {
    // Without elements, strides and offset mean nothing, but they would be checked.
    if layout.shape().elem_count() == 0 {
        return ArrayView::from_shape(IxDyn(layout.dims()), &[]).map_err(refused);
    }
    let items = &items[layout.start_offset()..];
    let shape = IxDyn(layout.dims()).strides(IxDyn(layout.stride()));
    ArrayView::from_shape(shape, items).map_err(|error| {
        let message = format!("cannot see a tensor of shape {:?}: {error}", layout.dims());
        Error::new(ErrorKind::InvalidInput, message)
    })
}

impl Serialize for TensorRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (storage, layout) = self.0.storage_and_layout();
        macro_rules! by_type {
            ($($name:ident)*) => {
                match &*storage {
                    $(Storage::Cpu(CpuStorage::$name(items)) => {
                        view(items, layout).map_err(S::Error::custom)?.serialize_array(serializer)
                    })*
                    Storage::Cpu(other) => {
                        use candle_core::backend::BackendStorage;
                        Err(S::Error::custom(unsupported(&format!("{:?}", other.dtype()))))
                    }
                    _ => Err(S::Error::custom(
                        "expected a tensor on the CPU, found one on another device: bring it here by `to_device(&Device::Cpu)`",
                    )),
                }
            };
        }
        by_type!(U8 U32 I16 I32 I64 BF16 F16 F32 F64)
    }
}

/// Serializes a field: for `#[serde(with = "serde_shm_candle")]`. See [`TensorRef`].
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Layer<'a> {
///     #[serde(serialize_with = "serde_shm_candle::serialize")]
///     weight: &'a candle_core::Tensor,
/// }
/// ```
///
/// # Errors
///
/// If the tensor is on another device than the CPU or its dtype is not one of the [list](crate); those of the serializer.
pub fn serialize<S: Serializer>(tensor: &Tensor, serializer: S) -> Result<S::Ok, S::Error> {
    TensorRef(tensor).serialize(serializer)
}

/// Deserializes a field as a tensor on the CPU: for `#[serde(with = "serde_shm_candle")]`.
///
/// ```
/// #[derive(serde::Deserialize)]
/// struct Layer {
///     #[serde(deserialize_with = "serde_shm_candle::deserialize")]
///     weight: candle_core::Tensor,
/// }
/// ```
///
/// # Errors
///
/// If the field is no array; those of [`tensor`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tensor, D::Error> {
    let array = UntypedArray::deserialize(deserializer)?;
    tensor(&array, &Device::Cpu).map_err(D::Error::custom)
}

/// An array as a tensor on a device. The elements are copied once; to another device than the CPU, as candle does it.
///
/// ```
/// use candle_core::Device;
/// use serde_shm::ShmArray2;
///
/// let matrix = ShmArray2::from(ndarray::array![[1.0_f32, 2.0], [3.0, 4.0]]);
/// let tensor = serde_shm_candle::tensor(&matrix.into(), &Device::Cpu)?;
/// assert_eq!(tensor.to_vec2::<f32>()?, [[1.0, 2.0], [3.0, 4.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The tensor is in row-major order, whatever the array's order, strides, alignment and byte order are.
///
/// # Errors
///
/// `Unsupported` for a dtype that is not one of the [list](crate); `InvalidInput` with candle's own text if it refuses the tensor.
pub fn tensor(array: &UntypedArray, device: &Device) -> Result<Tensor> {
    let found = array.dtype();
    macro_rules! by_type {
        ($($dtype:ident: $ty:ty,)*) => {
            $(if is(found, &Found::$dtype) {
                return made::<$ty>(array, device);
            })*
        };
    }
    by_type! {
        U8: u8, U32: u32, I16: i16, I32: i32, I64: i64, BF16: half::bf16, F16: half::f16, F32: f32, F64: f64,
    }
    Err(Error::new(ErrorKind::Unsupported, unsupported(&found.to_string())))
}

/// Whether the elements are of this type, in any byte order.
fn is(found: &Found, wanted: &Found) -> bool {
    let name = |dtype: &Found| dtype.to_string().trim_start_matches(['<', '>']).to_owned();
    found == wanted || name(found) == name(wanted)
}

fn made<A: Element + WithDType>(array: &UntypedArray, device: &Device) -> Result<Tensor> {
    let shape = array.shape();
    let of = |view: ArrayViewD<'_, A>| match view.as_slice() {
        Some(items) => Tensor::from_slice(items, shape, device),
        None => Tensor::from_vec(view.iter().copied().collect(), shape, device),
    };
    let tensor = match array.view().view::<A, IxDyn>() {
        Ok(view) => of(view),
        // Elements that do not lie aligned, or are in the other byte order.
        Err(error) => match array.to_dyn()?.view::<A>() {
            Some(view) => of(view),
            None => return Err(error),
        },
    };
    tensor.map_err(refused)
}

fn unsupported(found: &str) -> String {
    let mend = match found {
        "|b1" => "make it one of u8",
        "F8E4M3" | "F6E2M3" | "F6E3M2" | "F4" | "F8E8M0" => "widen it by `to_dtype(DType::F16)`",
        _ => "convert it, as `array_as::<f32, _>` does, or `array_as::<i64, _>`",
    };
    format!(
        "expected elements u8, u32, i16, i32, i64, bf16, f16, f32 or f64 for candle, found {found}: {mend}"
    )
}

fn refused(error: impl Display) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("candle: {error}"))
}

/// The error that names what a tensor should be and what it is.
fn misfit(name: &str, wanted: (&Shape, DType), found: (&Shape, DType)) -> Error {
    let message = format!(
        "expected a tensor of {:?} and shape {:?}, found one of {:?} and shape {:?}: the model was made with other sizes, \
         or the array is to be converted first",
        wanted.1,
        wanted.0.dims(),
        found.1,
        found.0.dims()
    );
    Error::new(ErrorKind::Mismatch, message).at_field(name)
}
