//! An object into an .npz file and back.

mod archive;
mod file;
#[cfg(all(test, target_os = "linux", feature = "ndarray", target_pointer_width = "64"))]
mod large;
mod options;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;

pub use archive::{Npz, OtherMember};
pub use options::{Compression, NpzOptions};

/// Saves a value to an `.npz` file, which NumPy opens: each array is there under its path in the value.
///
/// In Python `np.load("epoch-7.npz")["weights"]` gives the array of the field `weights`, with its dtype, shape and
/// order; arrays further in are named like `layers.0.bias`, and a value that is itself an array `arr_0`. All that is
/// not array data is in one more member, `__serde_shm__`, of bytes. The value comes back by [`from_npz`].
///
/// The file appears, or replaces the one before it, in one step: it is written under another name in the same
/// folder (`.NAME.XXXXXX.serde_shm.tmp`), flushed to the disk and renamed. Who reads meanwhile sees the old file or
/// the new one, whole, and an object that was loaded from the old one is not touched. The permissions of a file that is
/// replaced are kept; a new one has those that the umask leaves. The same value gives the same bytes.
///
/// ```
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
/// # let path = folder.path().join("model.npz");
/// let model = Model { name: "small".into(), weights: vec![0.5; 1000] };
/// serde_shm::to_npz(&path, &model)?;
/// let back: Model = serde_shm::from_npz(&path)?;
/// assert_eq!(back, model);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Cost
///
/// Each array is written once, from where it lies, in blocks of 128 KiB that are summed on the way: a few per cent
/// more than a plain write of the same bytes. Memory for what is not array data, and 256 KiB beside it. Two `fsync`, which on
/// a disk wait for it.
///
/// # What is not promised
///
/// Owner, group, access lists and extended attributes of a file that is replaced are not kept. A symbolic link at
/// `path` is itself replaced by the file, as `rename` does, and what it points at stays as it is: give
/// [`std::fs::canonicalize`]'s path to write there. A process that is killed meanwhile leaves its temporary file, which
/// the next save in that folder removes.
///
/// # Errors
///
/// `Io` if the folder cannot be written or the disk is full; `InvalidInput` if `path` names a folder or a device;
/// what the value's `Serialize` reports. The old file is then as it was and the temporary one is gone. There is one
/// exception, and the error says so: if only the last flush of the folder fails, the new file is there, but may not
/// survive a power failure.
pub fn to_npz<T: Serialize + ?Sized>(path: impl AsRef<Path>, value: &T) -> Result<()> {
    NpzOptions::new().save(path, value)
}

/// Loads a value from an `.npz` file: one that [`to_npz`] saved, or one of NumPy's, whose arrays are found by their names.
///
/// The value is owned: an array of type [`ShmArray`](crate::ShmArray) keeps the memory that it was read into, others are read
/// or copied to where they stay. The file may be replaced or removed at any time after.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("counts.npz");
/// serde_shm::to_npz(&path, &vec![("a", 1_u32), ("b", 2)])?;
/// let counts: Vec<(String, u32)> = serde_shm::from_npz(&path)?;
/// assert_eq!(counts[1], ("b".to_owned(), 2));
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Cost
///
/// The directory at the file's end is read, and then each array that `T` has, once; its checksum is summed on the way. Numbers are
/// read straight into a `Vec` or an owned ndarray; bools, structs and compressed arrays are copied once more. Arrays that `T` does
/// not have are not read.
///
/// # What is not promised
///
/// Members that the value did not have when it was saved are ignored.
///
/// # Errors
///
/// `NotFound` or `Io` if the file cannot be read; `Corrupt` if it was cut or altered, with the member's name;
/// `Unsupported` if a member is encrypted or compressed by another method than deflate; `Mismatch` if the file is whole but is no
/// `T`. No array is given whose checksum is wrong, whatever the file holds.
pub fn from_npz<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    Npz::open(path)?.get()
}
