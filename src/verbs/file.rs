//! Files that hold an object: one that appears only when it is whole, since it is written beside its place and then renamed; and how
//! one is opened or mapped.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, FileWriter};
use crate::memory::Region;
use crate::os::{self, Dir, Rights};

/// Drafts are called `.NAME.XXXXXX.serde_shm.tmp`.
const SUFFIX: &str = ".serde_shm.tmp";

/// A file that is being written. If it is dropped before it is put in its place, it is removed. It has a name of its own
/// from the start, so that in the end one rename is enough.
pub(super) struct FileDraft {
    draft: files::Draft<Dir>,
    name: OsString,
}

impl FileDraft {
    /// Makes an empty file in the folder of `target`, with the mode that the target has or would get. Also removes drafts
    /// that killed processes left in the folder.
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
        let cannot = |error| Error::io("cannot create a file in this folder", error);
        let dir = Dir::open_to_change(folder(target)).map_err(cannot)?;
        files::draft::sweep(&dir, is_draft);
        // File systems take names of at most 255 bytes, and a character has at most four.
        let beginning: String = name.to_string_lossy().chars().take(50).collect();
        let rights = if kept.is_some() { Rights::Owner } else { Rights::Umask };
        let draft_name = || format!(".{beginning}.{}{SUFFIX}", six_characters());
        let draft = files::Draft::create_beside_others(dir, draft_name, rights).map_err(cannot)?;
        if let Some(permissions) = kept {
            draft
                .file()
                .set_permissions(permissions)
                .map_err(|error| Error::io("cannot keep the mode of the file", error))?;
        }
        Ok(FileDraft { draft, name: name.to_owned() })
    }

    /// A writer that starts at the beginning of the file.
    pub(super) fn writer(&self) -> FileWriter<&File> {
        self.draft.writer()
    }

    /// Puts the file in its place, cut to `len` bytes. With `fsync`, the file is on the disk before it appears, and its
    /// name is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// `Io`. The target is then as it was, unless only the last flush failed, whose error says so.
    pub(super) fn publish(self, len: u64, fsync: bool) -> Result<()> {
        let file = self.draft.file();
        file.set_len(len).map_err(|error| Error::io("cannot cut the file to its length", error))?;
        if fsync {
            files::sync(file).map_err(|error| Error::io("cannot flush the file", error))?;
        }
        self.draft.rename_to(&self.name).map_err(rename_error)?;
        if fsync {
            os::sync(self.draft.dir()).map_err(|error| {
                Error::io(
                    "the new file is in place, but its folder cannot be flushed to the disk",
                    error,
                )
            })?;
        }
        Ok(())
    }
}

/// Opens a file and returns its length too. A pipe or a device is an error, and this does not wait for it.
pub(super) fn open_file(path: &Path) -> Result<(File, u64)> {
    let cannot = |error| Error::io("cannot open the file", error);
    let file = os::open_to_read(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_file() {
        return Ok((file, metadata.len()));
    }
    Err(Error::new(ErrorKind::InvalidInput, "expected a file, found a folder, a pipe or a device"))
}

/// The mapping of a whole file.
pub(super) fn map_whole(file: &File, len: u64, promise: os::Unchanging) -> Result<Region> {
    let cannot = |error| Error::io("cannot map the file", error);
    let len = usize::try_from(len).map_err(|_| cannot(io::ErrorKind::OutOfMemory.into()))?;
    os::map_file(file, len, promise).map(Region::from_map).map_err(cannot)
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

/// Six characters that are hard to guess: a program that guessed them could make a file of that name first.
fn six_characters() -> String {
    const CHARACTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut hasher = DefaultHasher::new();
    // The addresses of the stack and of the program are chosen anew for each process.
    let places = ((&raw const count).addr(), (&raw const COUNT).addr());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    (std::process::id(), std::thread::current().id(), places, count, now).hash(&mut hasher);
    let mut bits = hasher.finish();
    let mut next = || {
        let character = CHARACTERS[(bits % 62) as usize];
        bits /= 62;
        char::from(character)
    };
    std::array::from_fn::<char, 6, _>(|_| next()).iter().collect()
}

/// Whether this is the name of a draft.
fn is_draft(name: &str) -> bool {
    let random = || name.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.');
    random().is_some_and(|(name, random)| {
        !name.is_empty()
            && random.len() == 6
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// The permissions of the file that will be replaced, if there is one, without set-user-id bits and the like.
fn kept_permissions(path: &Path) -> Result<Option<Permissions>> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("cannot look at the file", error)),
    };
    if !metadata.is_file() {
        // A rename over /dev/null would take it from every process.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_drafts_are_swept() {
        for name in [".a.npz.x1Y2z3.serde_shm.tmp", ".b..0aZ9bY.serde_shm.tmp"] {
            assert!(is_draft(name), "{name}");
        }
        for name in [
            "a.npz",
            "a.npz.x1Y2z3.serde_shm.tmp",
            ".x1Y2z3.serde_shm.tmp",
            ".a.npz.x1Y2z.serde_shm.tmp",
            ".a.npz.x1Y2z3.serde_shm.tmp.bak",
            ".a.npz.x1Y2_3.serde_shm.tmp",
        ] {
            assert!(!is_draft(name), "{name}");
        }
    }

    #[test]
    fn a_draft_that_lives_is_not_swept_and_one_that_was_left_is() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.npz");
        let alive = FileDraft::beside(&target).unwrap();
        let left = folder.path().join(".a.npz.abc123.serde_shm.tmp");
        fs::write(&left, b"half").unwrap();
        let other = folder.path().join(".a.npz.abc123.tmp");
        fs::write(&other, b"mine").unwrap();
        drop(FileDraft::beside(&target).unwrap());
        assert!(!left.exists());
        assert!(other.exists());
        alive.publish(0, false).unwrap();
        assert!(target.exists());
    }
}
