//! Other systems: files and directories by the standard library alone. By paths, since it has no open directories.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::super::Rights;
use super::{Status, unsupported};

/// A directory. It is looked up anew each time.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn open_through(path: &Path) -> io::Result<Self> {
        match fs::metadata(path)? {
            there if there.is_dir() => Ok(Dir(path.to_owned())),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub(crate) fn open_to_change(path: &Path) -> io::Result<Self> {
        Dir::open_through(path)
    }

    /// The names in it, in no order, without those that are no Unicode.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let name = |entry: io::Result<fs::DirEntry>| entry.map(|e| e.file_name().into_string());
        fs::read_dir(&self.0)?
            .map(name)
            .filter_map(|name| name.map(Result::ok).transpose())
            .collect()
    }

    /// Whether a name stands for this file.
    #[cfg(unix)]
    pub(crate) fn leads_to(&self, name: &str, file: &File) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let (there, file) = (fs::symlink_metadata(self.0.join(name))?, file.metadata()?);
        Ok((there.dev(), there.ino()) == (file.dev(), file.ino()))
    }

    /// Where nothing tells that, it is there: a name is not taken from a file that is open.
    #[cfg(not(unix))]
    pub(crate) fn leads_to(&self, name: &str, _: &File) -> io::Result<bool> {
        fs::symlink_metadata(self.0.join(name)).map(|_| true)
    }

    /// Opens a file for reading. What is none is not opened: one might wait for a pipe.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        let path = self.0.join(name);
        match fs::symlink_metadata(&path)? {
            there if there.is_file() => File::open(path),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// A new file under a name that is not taken.
    pub(crate) fn create(&self, name: &str, rights: Rights) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        if rights == Rights::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        #[cfg(not(unix))]
        let _ = rights;
        options.open(self.0.join(name))
    }

    /// A second name for a file; `AlreadyExists` if the name is taken.
    pub(crate) fn link(&self, old: &str, new: &str) -> io::Result<()> {
        fs::hard_link(self.0.join(old), self.0.join(new))
    }

    /// Another name for a file, in one step, in the place of what has that name.
    pub(crate) fn rename(&self, old: &str, new: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(old), self.0.join(new))
    }

    pub(crate) fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }
}

/// What only segments ask of a directory, and drafts of one that has files without a name.
macro_rules! methods {
    ($(fn $name:ident($($given:ty),*) -> $result:ty;)*) => {
        $(pub(crate) fn $name(&self $(, _: $given)*) -> io::Result<$result> { unsupported() })*
    };
}

impl Dir {
    functions! {
        fn open(&Path) -> Self;
    }

    methods! {
        fn status() -> Status;
        fn set_mode(u32) -> ();
        fn try_lock() -> bool;
        fn status_of(&str) -> Status;
        fn create_unnamed() -> File;
        fn link_unnamed(&File, &str) -> ();
    }

    pub(crate) fn unlock(&self) {}
}

/// Puts what was changed in a directory on the disk, if it is one.
#[cfg(unix)]
pub(crate) fn sync(dir: &Dir) -> io::Result<()> {
    match File::open(&dir.0)?.sync_all() {
        // Some network file systems do not flush directories and say so.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Where a directory cannot be opened as a file, the system does what it does.
#[cfg(not(unix))]
pub(crate) fn sync(_: &Dir) -> io::Result<()> {
    Ok(())
}

/// Opens what a path leads to.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}
