//! Other systems: there are no sealed memfds, so there are no segments. Every way into one answers `Unsupported`.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::error::explained;

use super::{FileKind, Lack, Space, Stamp, Status, Unchanging};

fn unsupported<T>() -> io::Result<T> {
    Err(explained(
        io::ErrorKind::Unsupported.into(),
        "shared memory segments need sealed memfds, which only Linux has; \
         use `to_bytes` or `to_npz` here, and `from_bytes` or `from_npz`"
            .to_owned(),
    ))
}

/// Nobody has one.
pub(crate) enum ReadOnlyMap {}

impl Deref for ReadOnlyMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match *self {}
    }
}

#[cfg(feature = "deep")]
pub(crate) fn can_map(_: usize) -> bool {
    true
}

pub(crate) fn total_memory() -> Option<u64> {
    None
}

pub(crate) fn create_memory() -> io::Result<File> {
    unsupported()
}

/// Nobody has one.
pub(crate) enum SealedMemory {}

#[allow(dead_code)]
pub(crate) enum Unsealed {
    Memory,
    Other(FileKind),
}

impl SealedMemory {
    pub(crate) fn seal(_: File) -> io::Result<Self> {
        unsupported()
    }

    pub(crate) fn check(_: File) -> io::Result<Result<Self, Unsealed>> {
        unsupported()
    }

    pub(crate) fn len(&self) -> u64 {
        match *self {}
    }

    pub(crate) fn stamp(&self) -> Stamp {
        match *self {}
    }

    pub(crate) fn file(&self) -> &File {
        match *self {}
    }

    pub(crate) fn into_file(self) -> File {
        match self {}
    }

    pub(crate) fn map(&self) -> io::Result<ReadOnlyMap> {
        match *self {}
    }
}

pub(crate) fn read_only(_: &File) -> io::Result<File> {
    unsupported()
}

pub(crate) fn map_file(_: &File, _: usize, _: Unchanging) -> io::Result<ReadOnlyMap> {
    unsupported()
}

pub(crate) fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    unsupported()
}

pub(crate) fn read_some_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    unsupported()
}

pub(crate) fn descriptor(_: &File) -> u32 {
    0
}

pub(crate) fn open_descriptor(_: u32, _: u32) -> io::Result<File> {
    unsupported()
}

pub(crate) fn descriptor_kind(_: u32, _: u32) -> io::Result<FileKind> {
    unsupported()
}

pub(crate) fn process_is_shown(_: u32) -> bool {
    false
}

pub(crate) fn process_exists(_: u32) -> bool {
    false
}

pub(crate) fn proc_is_own() -> bool {
    false
}

pub(crate) fn started(_: u32) -> io::Result<u64> {
    unsupported()
}

pub(crate) fn thread_number() -> u32 {
    0
}

pub(crate) fn process_namespace() -> io::Result<u64> {
    unsupported()
}

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn file_size_limit() -> Option<u64> {
    None
}

pub(crate) fn is_forbidden(_: &io::Error) -> bool {
    false
}

pub(crate) fn lack(_: &io::Error) -> Option<Lack> {
    None
}

pub(crate) fn descriptor_limit() -> Option<u64> {
    None
}

pub(crate) fn address_limit() -> Option<u64> {
    None
}

pub(crate) fn available_memory() -> Option<u64> {
    None
}

pub(crate) fn space<T>(_: T) -> io::Result<Space> {
    unsupported()
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

pub(crate) fn mend_directory(_: &Path) -> io::Result<bool> {
    unsupported()
}

pub(crate) fn open_file(_: &Path) -> io::Result<File> {
    unsupported()
}

pub(crate) fn try_lock<T>(_: T) -> io::Result<bool> {
    unsupported()
}

pub(crate) fn try_share_lock(_: &File) -> io::Result<bool> {
    unsupported()
}

pub(crate) fn unlock<T>(_: T) {}

pub(crate) fn set_mode(_: &File, _: u32) -> io::Result<()> {
    unsupported()
}

pub(crate) fn sync(_: &Dir) -> io::Result<()> {
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

    pub(crate) fn open_through(_: &Path) -> io::Result<Self> {
        unsupported()
    }

    pub(crate) fn status(&self) -> io::Result<Status> {
        match *self {}
    }

    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        match *self {}
    }

    pub(crate) fn unlock(&self) {
        match *self {}
    }

    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        match *self {}
    }

    pub(crate) fn status_of(&self, _: &str) -> io::Result<Status> {
        match *self {}
    }

    pub(crate) fn set_mode(&self, _: u32) -> io::Result<()> {
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

/// Opens what a path leads to.
#[cfg(feature = "npz")]
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    File::open(path)
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

/// The names in a folder, in no order, without those that are not UTF-8.
#[cfg(feature = "npz")]
pub(crate) fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let name =
        |entry: io::Result<std::fs::DirEntry>| entry.map(|entry| entry.file_name().into_string());
    std::fs::read_dir(folder)?
        .map(name)
        .filter_map(|name| name.map(Result::ok).transpose())
        .collect()
}

/// There is no such wish here.
pub(crate) fn wish_huge_pages<T>(_: &mut [std::mem::MaybeUninit<T>]) {}

pub(crate) fn create_live() -> io::Result<File> {
    unsupported()
}

pub(crate) fn seal_live(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    unsupported()
}

pub(crate) fn check_live(_: &File) -> io::Result<Option<Status>> {
    unsupported()
}

pub(crate) fn reserve(_: &File, _: u64, _: u64) -> io::Result<()> {
    unsupported()
}

pub(crate) fn open_live(_: u32, _: u32) -> io::Result<File> {
    unsupported()
}

#[cfg(feature = "ndarray")]
pub(crate) use locks::*;

/// What arrays that change need: among the threads of this process there are such.
#[cfg(feature = "ndarray")]
mod locks {
    use std::fs::File;
    use std::io;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::unsupported;

    /// Nobody has one.
    pub(crate) enum LiveMap {}

    impl LiveMap {
        pub(crate) fn new(_: &File, _: u64, _: usize, _: bool) -> io::Result<Self> {
            unsupported()
        }

        pub(crate) fn new_own(_: &File, _: u64, _: usize, _: bool) -> io::Result<Self> {
            unsupported()
        }

        pub(crate) fn start(&self) -> *mut u8 {
            match *self {}
        }

        pub(crate) fn len(&self) -> usize {
            match *self {}
        }
    }

    pub(crate) fn reopen_live(_: &File) -> io::Result<File> {
        unsupported()
    }

    pub(crate) fn try_lock_byte(_: &File, _: u64) -> io::Result<bool> {
        unsupported()
    }

    pub(crate) fn unlock_byte(_: &File, _: u64) {}

    pub(crate) fn is_byte_locked(_: &File, _: u64) -> io::Result<bool> {
        unsupported()
    }

    /// There is no futex: who waits looks again after a millisecond at most.
    pub(crate) fn sleep_on(word: &AtomicU32, value: u32, most: Duration) -> bool {
        if word.load(Ordering::Acquire) == value {
            std::thread::sleep(most.min(Duration::from_millis(1)));
        }
        false
    }

    pub(crate) fn wake_all(_: &AtomicU32) {}

    pub(crate) fn time_namespace() -> io::Result<u64> {
        unsupported()
    }

    pub(crate) fn has_ended(_: u32, _: Option<u64>) -> bool {
        false
    }

    pub(crate) fn process_stamp() -> u64 {
        std::process::id().into()
    }
}

/// Nobody has one.
#[cfg(feature = "workers")]
pub(crate) enum Line {}

#[cfg(feature = "workers")]
#[allow(dead_code, clippy::unused_self)]
impl Line {
    pub(crate) fn pair() -> io::Result<(Line, Line)> {
        unsupported()
    }

    pub(crate) fn identity(&self) -> io::Result<u64> {
        match *self {}
    }

    pub(crate) fn into_stdin(self) -> std::process::Stdio {
        match self {}
    }

    pub(crate) fn is_stdin(_: u64) -> bool {
        false
    }

    pub(crate) fn take_stdin() -> io::Result<Self> {
        unsupported()
    }

    pub(crate) fn again(&self) -> io::Result<Self> {
        match *self {}
    }

    pub(crate) fn send(&self, _: &[io::IoSlice<'_>], _: &[File]) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn receive(&self, _: &mut [u8], _: &mut Vec<File>) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn receive_to(&self, _: &mut Vec<u8>, _: u64) -> io::Result<usize> {
        match *self {}
    }

    pub(crate) fn wait_for_end(&self) -> io::Result<()> {
        match *self {}
    }
}

/// Nobody has one.
#[cfg(feature = "workers")]
pub(crate) enum Watch {}

#[cfg(feature = "workers")]
impl Watch {
    pub(crate) fn of(_: &std::process::Child) -> Option<Self> {
        None
    }
}

#[cfg(feature = "workers")]
#[allow(dead_code)]
pub(crate) struct Waiting<'a> {
    pub(crate) line: Option<(&'a Line, bool)>,
    pub(crate) watch: Option<&'a Watch>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) ended: bool,
}

#[cfg(feature = "workers")]
pub(crate) fn wait_any(_: &mut [Waiting<'_>], _: Option<std::time::Duration>) -> io::Result<()> {
    unsupported()
}

#[cfg(feature = "workers")]
pub(crate) fn die_with(_: u32) -> bool {
    false
}

#[cfg(feature = "workers")]
pub(crate) fn end_now() {
    std::process::abort();
}

#[cfg(feature = "workers")]
pub(crate) fn this_program() -> io::Result<std::process::Command> {
    unsupported()
}
