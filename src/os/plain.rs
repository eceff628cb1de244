//! Systems other than Linux: files and directories by the standard library alone. It does not have open directories, so
//! these functions use paths.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::super::Rights;
use super::{Status, unsupported};

/// A directory, which each call looks up anew by its path.
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

    /// The names in the directory, in no particular order, without those that are not Unicode.
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

    /// Systems that cannot tell do not let a name be taken from an open file, so the answer is yes.
    #[cfg(not(unix))]
    pub(crate) fn leads_to(&self, name: &str, _: &File) -> io::Result<bool> {
        fs::symlink_metadata(self.0.join(name)).map(|_| true)
    }

    /// Opens a file for reading. Anything but a regular file is refused, because opening a pipe may wait.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        let path = self.0.join(name);
        match fs::symlink_metadata(&path)? {
            there if there.is_file() => File::open(path),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Makes a new file under a name that is not taken.
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

    /// Gives a file a second name; `AlreadyExists` if the name is taken.
    pub(crate) fn link(&self, old: &str, new: &str) -> io::Result<()> {
        fs::hard_link(self.0.join(old), self.0.join(new))
    }

    /// Gives a file another name, in one step, and replaces the file that has that name.
    pub(crate) fn rename(&self, old: &str, new: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(old), self.0.join(new))
    }

    pub(crate) fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }
}

/// The functions that only segments need, or drafts on file systems that have files without a name.
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

/// Flushes the changes in a directory to the disk, if it is on one.
#[cfg(unix)]
pub(crate) fn sync(dir: &Dir) -> io::Result<()> {
    match File::open(&dir.0)?.sync_all() {
        // Some network file systems do not flush directories, and return an error that says so.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        result => result,
    }
}

/// Does nothing on a system that cannot open a directory as a file.
#[cfg(not(unix))]
pub(crate) fn sync(_: &Dir) -> io::Result<()> {
    Ok(())
}

/// Opens the file to which a path leads.
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
}
