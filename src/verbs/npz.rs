//! An object into an .npz file and back.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::{Builder, NamedTempFile};

use crate::de::from_source;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{AlignedBytes, Region};
use crate::ser::to_sink;
use crate::store::{NpzSink, NpzSource, Opened};

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
/// [`std::fs::canonicalize`]'s path to write there. A process that is killed meanwhile leaves its temporary file.
///
/// # Errors
///
/// `Io` if the folder cannot be written or the disk is full; `InvalidInput` if `path` names a folder or a device;
/// what the value's `Serialize` reports. The old file is then as it was and the temporary one is gone. There is one
/// exception, and the error says so: if only the last flush of the folder fails, the new file is there, but may not
/// survive a power failure.
pub fn to_npz<T: Serialize + ?Sized>(path: impl AsRef<Path>, value: &T) -> Result<()> {
    let path = path.as_ref();
    save(path, value).map_err(|error| error.in_container(path.display()))
}

/// Loads a value from an `.npz` file that [`to_npz`] saved.
///
/// The value is owned: arrays of type [`ShmArray`](crate::ShmArray) lie in the one block that the file was read
/// into and keep it alive, others are copied out of it. The file may be replaced or removed at any time after.
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
/// The whole file is read into memory. Each array that `T` has is then summed once, and copied if it is not a
/// `ShmArray`; one that another program compressed is decompressed first. Arrays that `T` does not have are neither
/// summed nor copied.
///
/// # What is not promised
///
/// Members that the value did not have when it was saved are ignored. Files that NumPy wrote by itself are not read
/// yet.
///
/// # Errors
///
/// `NotFound` or `Io` if the file cannot be read; `Corrupt` if it was cut or altered, with the member's name;
/// `Unsupported` if another program wrote it or it is encrypted; `Mismatch` if it is whole but no `T`. No array is
/// given whose checksum is wrong, whatever the file holds.
pub fn from_npz<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<T> {
    let path = path.as_ref();
    load(path).map_err(|error| error.in_container(path.display()))
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = File::open(path).map_err(|error| Error::io("cannot open the file", error))?;
    let block = read(file).map_err(|error| Error::io("cannot read the file", error))?;
    let region = Region::from_block(block);
    let archive = Opened::open(region.bytes())?;
    let source = NpzSource::new(region.bytes(), &archive)?;
    from_source(&source, Some(&region))
}

/// The whole file. Room is made at once for what it says to hold, which saves the copies of a block that grows; where
/// a sparse file claims more than there is memory for, that is an error.
fn read(file: File) -> io::Result<AlignedBytes> {
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    AlignedBytes::read_to_end(file, expected)
}

fn save<T: Serialize + ?Sized>(path: &Path, value: &T) -> Result<()> {
    let temporary = beside(path)?;
    let file = temporary.as_file();
    let (_, len) = to_sink(value, NpzSink::new(file))?;
    // An array that was given up at the end may have left bytes there.
    file.set_len(len)
        .and_then(|()| file.sync_all())
        .map_err(|error| Error::io("cannot flush the file", error))?;
    temporary
        .persist(path)
        .map_err(|error| Error::io("cannot rename the temporary file to this name", error.error))?;
    sync_folder(folder(path)).map_err(|error| {
        Error::io("the new file is in place, but its folder cannot be flushed to the disk", error)
    })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file in the same folder, with the mode that the file at `path` has or would get.
fn beside(path: &Path) -> Result<NamedTempFile> {
    // The longest name that file systems take is 255 bytes, and a character has four at most.
    const ROOM: usize = 50;
    let Some(name) = path.file_name() else {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "expected the path of a file, found that of a folder",
        ));
    };
    let name: String = name.to_string_lossy().chars().take(ROOM).collect();
    let kept = kept_permissions(path)?;
    let mut builder = Builder::new();
    let prefix = format!(".{name}.");
    builder.prefix(&prefix).suffix(".serde_shm.tmp");
    // Without a mode the file is its owner's only; it gets its own while it is still empty and unknown.
    #[cfg(unix)]
    if kept.is_none() {
        // `open` takes the umask from this, and no other thread can come between.
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    }
    let temporary = builder
        .tempfile_in(folder(path))
        .map_err(|error| Error::io("cannot create a file in this folder", error))?;
    if let Some(permissions) = kept {
        temporary
            .as_file()
            .set_permissions(permissions)
            .map_err(|error| Error::io("cannot keep the mode of the file", error))?;
    }
    Ok(temporary)
}

/// The permissions of the file that will be replaced, if there is one; set-user-id bits and the like are dropped.
fn kept_permissions(path: &Path) -> Result<Option<Permissions>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("cannot look at the file", error)),
    };
    if !metadata.is_file() {
        // To rename over /dev/null would take it from everybody.
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "expected a file or a name that is free, found a folder or a device",
        ));
    }
    let permissions = metadata.permissions();
    #[cfg(unix)]
    let permissions = {
        use std::os::unix::fs::PermissionsExt;
        Permissions::from_mode(permissions.mode() & 0o777)
    };
    Ok(Some(permissions))
}

/// A rename is on the disk once the folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        // Some network file systems do not flush folders and say so.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Elsewhere a folder cannot be opened as a file; the system does what it does.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
