//! Saves an object to an `.npz` file, and loads it.

mod archive;
mod counted;
#[cfg(all(test, target_os = "linux", feature = "ndarray", target_pointer_width = "64"))]
mod large;
mod options;
mod other;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Result;

pub use archive::Npz;
pub use options::{Compression, NpzOptions};
pub use other::OtherMember;

/// Saves a value to an `.npz` file, which NumPy can open: each array is a member of the file, named by its path in the
/// value.
///
/// In Python, `np.load("epoch-7.npz")["weights"]` gives the array of the field `weights`, with its dtype, shape and
/// order. An array deeper in the value has a name like `layers.0.bias`, and a value that is itself an array is named
/// `arr_0`. Everything that is not array data is in one more member, `__serde_shm__`, an array of bytes. [`from_npz`]
/// reads the value back.
///
/// The file appears, or replaces the old one, in one step: it is written under another name in the same folder
/// (`.NAME.XXXXXX.serde_shm.tmp`), flushed to the disk and renamed. A process that reads meanwhile sees either the old
/// file or the new one, whole. An object that was loaded from the old file does not change. A file that replaces another
/// keeps its permissions; a new file gets those that the umask leaves. Saving the same value gives the same bytes.
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
/// # let path = folder.path().join("model.npz");
/// let model = Model { name: "small".into(), weights: vec![0.5; 1000] };
/// serde_shm::to_npz(&path, &model)?;
/// let back: Model = serde_shm::from_npz(&path)?;
/// assert_eq!(back, model);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Cost
///
/// Each array is written once, from where it lies, in blocks of 128 KiB, whose checksum is computed on the way. This
/// takes a few per cent longer than a plain write of the same bytes. Saving needs memory for what is not array data, and
/// 256 KiB beside it. It makes two calls of `fsync`, which wait for the disk if the file is on one.
///
/// # What is not promised
///
/// A file that replaces another does not keep its owner, group, access lists and extended attributes. If `path` is a
/// symbolic link, the file replaces the link itself, as `rename` does, and the link's target stays as it is; to write to
/// the target, pass the path that [`std::fs::canonicalize`] gives. A process that is killed while it saves leaves its
/// temporary file, which the next save in that folder removes.
///
/// # Errors
///
/// `Io` if the folder cannot be written or the disk is full; `InvalidInput` if `path` names a folder or a device; what
/// the value's `Serialize` reports. After an error the old file is as it was, and the temporary file is gone. There is
/// one exception, and the error says so: if only the last flush of the folder fails, the new file is in place, but may
/// not survive a power failure.
pub fn to_npz<T: Serialize + ?Sized>(path: impl AsRef<Path>, value: &T) -> Result<()> {
    NpzOptions::new().save(path, value)
}

/// Loads a value from an `.npz` file that [`to_npz`] saved, or from one of NumPy's, whose arrays it finds by their names.
///
/// The value owns its data. A [`ShmArray`](crate::ShmArray) keeps the memory into which it was read; arrays of other
/// types are read or copied into their own memory. The file may be replaced or removed at any time afterwards.
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
/// This reads the directory at the file's end, and then each array that `T` has, once, and verifies its checksum on the
/// way. Numbers are read straight into a `Vec` or an owned ndarray; bools, structs and compressed arrays are copied once
/// more. Arrays that `T` does not have are not read.
///
/// # What is not promised
///
/// Members that were not part of the value when it was saved are ignored.
///
/// # Errors
///
/// `NotFound` or `Io` if the file cannot be read; `Corrupt` if it was cut or altered (the text names the member);
/// `Unsupported` if a member is encrypted, or compressed by another method than deflate; `Mismatch` if the file is whole
/// but does not hold a `T`. This never returns an array whose checksum is wrong, whatever the file holds.
pub fn from_npz<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    span!("load", path = %path.as_ref().display());
    Npz::open(path)?.get()
}
