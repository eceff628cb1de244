//! Other systems: there are no sealed memfds, so there are no segments. Every way into one answers `Unsupported`.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use super::Status;

fn unsupported<T>() -> io::Result<T> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "shared memory segments need sealed memfds, which only Linux has; \
         use `to_bytes` or `to_npz` here, and `from_bytes` or `from_npz`",
    ))
}

/// Nobody has one.
pub(crate) enum SealedMap {}

impl Deref for SealedMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match *self {}
    }
}

pub(crate) fn create_memory() -> io::Result<File> {
    unsupported()
}

pub(crate) fn seal(_: File) -> io::Result<File> {
    unsupported()
}

pub(crate) fn map(_: &File) -> io::Result<Option<SealedMap>> {
    unsupported()
}

pub(crate) fn is_sealable(_: &File) -> bool {
    false
}

pub(crate) fn descriptor(_: &File) -> u32 {
    0
}

pub(crate) fn descriptor_status(_: u32, _: u32) -> io::Result<Status> {
    unsupported()
}

pub(crate) fn open_descriptor(_: u32, _: u32) -> io::Result<File> {
    unsupported()
}

pub(crate) fn process_is_visible(_: u32) -> bool {
    false
}

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn file_size_limit() -> Option<u64> {
    None
}

pub(crate) fn random() -> io::Result<[u8; 16]> {
    unsupported()
}

pub(crate) fn default_base() -> PathBuf {
    std::env::temp_dir()
}

pub(crate) fn make_dir(_: &Path) -> io::Result<()> {
    unsupported()
}

pub(crate) fn path_status(_: &Path) -> io::Result<Status> {
    unsupported()
}

pub(crate) fn file_status(_: &File) -> io::Result<Status> {
    unsupported()
}

/// Nobody has one.
pub(crate) enum Dir {}

impl Dir {
    pub(crate) fn open(_: &Path) -> io::Result<Self> {
        unsupported()
    }

    pub(crate) fn status(&self) -> io::Result<Status> {
        match *self {}
    }

    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn status_of(&self, _: &str) -> io::Result<Status> {
        match *self {}
    }

    pub(crate) fn open_file(&self, _: &str) -> io::Result<File> {
        match *self {}
    }

    pub(crate) fn create_unnamed(&self) -> io::Result<File> {
        match *self {}
    }

    pub(crate) fn create(&self, _: &str) -> io::Result<File> {
        match *self {}
    }

    pub(crate) fn link_unnamed(&self, _: &File, _: &str) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn link(&self, _: &str, _: &str) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        match *self {}
    }

    pub(crate) fn unlink(&self, _: &str) -> io::Result<()> {
        match *self {}
    }
}

/// Nobody has them: the allocator's memory does.
#[cfg(feature = "npz")]
pub(crate) enum Pages {}

#[cfg(feature = "npz")]
impl Pages {
    pub(crate) fn new(_: usize) -> io::Result<Option<Self>> {
        Ok(None)
    }
}

#[cfg(feature = "npz")]
impl Deref for Pages {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match *self {}
    }
}

#[cfg(feature = "npz")]
impl std::ops::DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        match *self {}
    }
}

/// A mapped file; there is none here.
#[cfg(feature = "npz")]
pub(crate) enum FileMap {}

#[cfg(feature = "npz")]
impl Deref for FileMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match *self {}
    }
}

/// # Safety
///
/// None here: nothing is mapped.
#[cfg(feature = "npz")]
#[allow(unsafe_code)]
pub(crate) unsafe fn map_file(_: &File) -> io::Result<FileMap> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "files are mapped on Linux only so far; use `Npz::open`",
    ))
}

/// Opens a regular file to look at it; a link is not followed.
#[cfg(feature = "npz")]
pub(crate) fn open_plain(path: &std::path::Path) -> io::Result<File> {
    if std::fs::symlink_metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}
