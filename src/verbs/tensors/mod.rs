//! Saves an object to a safetensors file, and loads it.

mod handle;
mod options;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;

pub use handle::Safetensors;
pub use options::SafetensorsOptions;

/// Saves a value to a safetensors file, which every program opens that reads such files: each array is a tensor, named by its path in
/// the value.
///
/// In Python, `safetensors.torch.load_file("m.safetensors")["layers.0.weight"]` gives the array of the field `weight` of the first of
/// the `layers`. A value that is itself an array is named `arr_0`. Everything that is not array data is in the file's metadata, under
/// the key `serde_shm`, as text; beside it stands `format`: `pt`, which some programs ask for. [`from_safetensors`] reads the value back.
///
/// Tensors are row-major and little-endian: an array in column-major order is written row by row, and is row-major when it is read.
/// The file appears in one step, as that of [`to_npz`](crate::to_npz) does. Saving the same value gives the same bytes.
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_shm::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, PartialEq, Debug)]
/// struct Model {
///     name: String,
///     #[shm_array]
///     weights: Vec<f32>,
/// }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// let model = Model { name: "small".into(), weights: vec![0.5; 1000] };
/// serde_shm::to_safetensors(&path, &model)?;
/// let back: Model = serde_shm::from_safetensors(&path)?;
/// assert_eq!(back, model);
///
/// let bytes = std::fs::read(&path).unwrap();
/// let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap(); // as any other program
/// assert_eq!(tensors.tensor("weights").unwrap().shape(), [1000]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Cost
///
/// The header stands before the tensors, so the value is serialized twice: first for the header, without a look at the elements of
/// arrays that lie in one piece, then for the file. Each array is written once, from where it lies. One in column-major or big-endian
/// order is copied to memory, and written from there. There are two calls of `fsync`, which wait for the disk if the file is on one.
///
/// # What is not promised
///
/// A safetensors file has no checksum for its tensors. What [`to_npz`](crate::to_npz) does not promise of owners, links and processes
/// that are killed holds here, too.
///
/// # Errors
///
/// `Unsupported` if an array has a dtype that safetensors does not have: complex numbers of 16 bytes, times, strings and structs;
/// `Limit` if what is not array data takes more than 100 MB as text; `Message` if the value is not the same when it is serialized a
/// second time; `Io` if the folder cannot be written or the disk is full; `InvalidInput` if `path` names a folder or a device; what
/// the value's `Serialize` reports. After an error the old file is as it was, except if only the last flush of the folder fails, which
/// the error says.
pub fn to_safetensors<T: Serialize + ?Sized>(path: impl AsRef<Path>, value: &T) -> Result<()> {
    SafetensorsOptions::new().save(path, value)
}

/// Loads a value from a safetensors file that [`to_safetensors`] saved, or from one of another program, whose tensors it finds by their
/// names.
///
/// The value owns its data. The file may be replaced or removed at any time afterwards. [`Safetensors::get`] says how names become
/// fields.
///
/// ```
/// # #[cfg(all(feature = "derive", feature = "ndarray"))] {
/// use ndarray::{Array1, Array2};
/// use safetensors::tensor::{Dtype, TensorView};
///
/// #[derive(serde_shm::Deserialize)]
/// struct Layer { weight: Array2<f32>, #[serde(default)] bias: Option<Array1<f32>> }
/// #[derive(serde_shm::Deserialize)]
/// struct Model { layers: Vec<Layer>, #[serde(rename = "lm_head", default)] head: Option<Array1<f32>> }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// // As a program that trains a model leaves it.
/// let weight = TensorView::new(Dtype::F32, vec![1, 2], &[0; 8]).unwrap();
/// safetensors::serialize_to_file([("layers.0.weight", weight)], None, &path).unwrap();
///
/// let model: Model = serde_shm::from_safetensors(&path)?;
/// assert_eq!(model.layers[0].weight.shape(), [1, 2]);
/// assert!(model.layers[0].bias.is_none() && model.head.is_none());
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Cost
///
/// This reads the header, and then each tensor that `T` has, once. Numbers are read straight into a `Vec` or an owned ndarray. Tensors
/// that `T` does not have are not read.
///
/// # Errors
///
/// `NotFound` or `Io` if the file cannot be read; `Corrupt` if it is no safetensors file or was cut, or if what
/// [`to_safetensors`] saved contradicts itself; `Unsupported` if a tensor that `T` has is of a dtype that this crate does not have, as
/// floats of 8 bits; `Mismatch` if the file is whole but does not hold a `T`. Elements that were altered are other elements: the
/// format has no checksum.
pub fn from_safetensors<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    span!("load", path = %path.as_ref().display());
    Safetensors::open(path)?.get()
}
