//! A file that appears whole: written beside its place, then renamed there.
//!
//! The temporary file is locked for as long as its writer lives. The kernel drops the lock with the process, so that
//! the next save in the folder can tell what a killed one left behind.

use std::fs::{self, File, Permissions};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, FileWriter};
use crate::os;

/// Temporary files are called `.NAME.XXXXXX.serde_shm.tmp`.
const SUFFIX: &str = ".serde_shm.tmp";

/// A file that is being written, and is gone if it is dropped before it is put in its place.
pub(super) struct ArchiveDraft {
    temporary: NamedTempFile,
    target: PathBuf,
}

impl ArchiveDraft {
    /// Makes an empty file in the folder of `target`, with the mode that the file there has or would get, and removes
    /// those that killed processes left in the folder.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the target is a folder or a device, `Io` if no file can be made in its folder.
    pub(super) fn beside(target: &Path) -> Result<Self> {
        let Some(name) = target.file_name() else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "expected the path of a file, found that of a folder",
            ));
        };
        let kept = kept_permissions(target)?;
        sweep(folder(target));
        // The longest name that file systems take is 255 bytes, and a character has four at most.
        let name: String = name.to_string_lossy().chars().take(50).collect();
        let temporary = create(folder(target), &format!(".{name}."), kept.is_none())
            .map_err(|error| Error::io("cannot create a file in this folder", error))?;
        if let Some(permissions) = kept {
            temporary
                .as_file()
                .set_permissions(permissions)
                .map_err(|error| Error::io("cannot keep the mode of the file", error))?;
        }
        Ok(ArchiveDraft { temporary, target: target.to_owned() })
    }

    /// What writes it, from its start.
    pub(super) fn writer(&self) -> FileWriter<&File> {
        FileWriter::file(self.temporary.as_file())
    }

    /// Puts the file in its place, cut to `len` bytes. With `fsync` it is on the disk before it appears, and its name is
    /// when this returns.
    ///
    /// # Errors
    ///
    /// `Io`; what was there before is then still there, but for the last flush, whose error says so.
    pub(super) fn publish(self, len: u64, fsync: bool) -> Result<()> {
        let file = self.temporary.as_file();
        file.set_len(len).map_err(|error| Error::io("cannot cut the file to its length", error))?;
        if fsync {
            files::sync(file).map_err(|error| Error::io("cannot flush the file", error))?;
        }
        let parent = folder(&self.target).to_owned();
        self.temporary.persist(&self.target).map_err(|error| rename_error(error.error))?;
        if fsync {
            sync_folder(&parent).map_err(|error| {
                Error::io(
                    "the new file is in place, but its folder cannot be flushed to the disk",
                    error,
                )
            })?;
        }
        Ok(())
    }
}

fn rename_error(error: io::Error) -> Error {
    let doing = match error.kind() {
        io::ErrorKind::Unsupported
        | io::ErrorKind::CrossesDevices
        | io::ErrorKind::InvalidInput => {
            "this file system cannot rename a file to the name of another, which saving needs so that no half-written \
             file is ever seen; save to another one, or write `to_bytes` there"
        }
        _ => "cannot rename the temporary file to this name",
    };
    Error::io(doing, error)
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A new file, locked. `open` gives it the mode that the umask leaves, or it is its owner's only.
fn create(folder: &Path, prefix: &str, by_umask: bool) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(prefix).suffix(SUFFIX);
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if by_umask { 0o666 } else { 0o600 });
    #[cfg(not(unix))]
    let _ = by_umask;
    loop {
        let mut number = None;
        let open =
            |path: &Path| options.open(path).inspect_err(|error| number = error.raw_os_error());
        let made = builder.make_in(folder, open);
        // The library's error has the path, which is named anyway, and not the system's number.
        let temporary = made.map_err(|error| number.map_or(error, io::Error::from_raw_os_error))?;
        // Where files cannot be locked, none is ever taken for one that was left behind.
        if temporary.as_file().lock().is_err() || is_at(temporary.as_file(), temporary.path()) {
            return Ok(temporary);
        }
        // Somebody who sweeps had the lock before its maker did, and removed it.
    }
}

/// Removes the temporary files of processes that are no more. One that cannot be looked at stays: it is not this
/// save's business.
fn sweep(folder: &Path) {
    for name in os::names_in(folder).unwrap_or_default() {
        if is_temporary(&name) {
            let path = folder.join(name);
            let Ok(file) = os::open_plain(&path) else { continue };
            if file.try_lock().is_ok() && is_at(&file, &path) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// Whether it is a name that `create` gives.
fn is_temporary(name: &str) -> bool {
    let random = || name.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.');
    random().is_some_and(|(name, random)| {
        !name.is_empty()
            && random.len() == 6
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Whether this path still leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => (file.dev(), file.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_drafts_are_swept() {
        for name in [".a.npz.x1Y2z3.serde_shm.tmp", ".b..0aZ9bY.serde_shm.tmp"] {
            assert!(is_temporary(name), "{name}");
        }
        for name in [
            "a.npz",
            "a.npz.x1Y2z3.serde_shm.tmp",
            ".x1Y2z3.serde_shm.tmp",
            ".a.npz.x1Y2z.serde_shm.tmp",
            ".a.npz.x1Y2z3.serde_shm.tmp.bak",
            ".a.npz.x1Y2_3.serde_shm.tmp",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
    }

    #[test]
    fn a_draft_that_lives_is_not_swept_and_one_that_was_left_is() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.npz");
        let alive = ArchiveDraft::beside(&target).unwrap();
        let left = folder.path().join(".a.npz.abc123.serde_shm.tmp");
        fs::write(&left, b"half").unwrap();
        let other = folder.path().join(".a.npz.abc123.tmp");
        fs::write(&other, b"mine").unwrap();
        drop(ArchiveDraft::beside(&target).unwrap());
        assert!(!left.exists());
        assert!(other.exists());
        alive.publish(0, false).unwrap();
        assert!(target.exists());
    }
}
