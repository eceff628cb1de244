//! System calls, and nothing else: sealed memory, directories of entries, locks, random bytes.
//!
//! Linux has a file of its own. On other systems a stub defines the same names. Errors are plain [`std::io::Error`]s; the
//! modules that call this one say what an error means for a segment.

use std::fs::{File, TryLockError};
use std::io;

use crate::error::explained;

#[cfg_attr(not(target_os = "linux"), path = "stub.rs")]
mod linux;
mod stack;

pub(crate) use linux::*;
#[cfg(not(feature = "deep"))]
pub(crate) use stack::stack_end;
pub(crate) use stack::stack_pointer;

/// A caller's promise that a file does not change while it is mapped. Each value allows one mapping.
pub(crate) struct Unchanging(());

impl Unchanging {
    /// # Safety
    ///
    /// While the mapping that is made with this value lives, nobody may write to the file or cut it.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn promised() -> Self {
        Unchanging(())
    }
}

/// # Errors
///
/// `Unsupported` on a system without segments. Every function that makes or opens a segment calls this first.
pub(crate) fn check_segments() -> io::Result<()> {
    if cfg!(target_os = "linux") { Ok(()) } else { Err(no_segments()) }
}

#[cold]
fn no_segments() -> io::Error {
    explained(
        io::ErrorKind::Unsupported.into(),
        "shared memory segments need sealed memfds, which only Linux has; \
         use `to_bytes` or `to_npz` here, and `from_bytes` or `from_npz`"
            .to_owned(),
    )
}

/// Takes the lock of an open file; false if somebody else has it. The lock is free again when the last copy of the
/// descriptor is closed, in any process.
pub(crate) fn try_lock(file: &File) -> io::Result<bool> {
    tried(|| file.try_lock())
}

/// Takes a share of the lock of an open file, beside other shares; false if somebody has the whole lock.
pub(crate) fn try_share_lock(file: &File) -> io::Result<bool> {
    tried(|| file.try_lock_shared())
}

fn tried(lock: impl Fn() -> Result<(), TryLockError>) -> io::Result<bool> {
    loop {
        match lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Frees the lock of a file at once, even if a child that was forked meanwhile has a copy of the descriptor.
pub(crate) fn unlock(file: &File) {
    // It does no harm if the file was not locked.
    while file.unlock().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {}
}

/// Which users may open a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    Owner,
    /// All users whom the umask does not exclude.
    #[cfg(feature = "npz")]
    Umask,
}

/// The status of the file that a name or a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) kind: FileKind,
    pub(crate) owner: u32,
    /// The permission bits.
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    /// How many names the file has.
    pub(crate) links: u64,
    /// Device and inode: two names with the same pair are one file.
    pub(crate) identity: (u64, u64),
    /// When its content was last written, in seconds and nanoseconds since 1970.
    pub(crate) modified: (i64, u32),
    /// When anything of the file, including its names, last changed.
    pub(crate) changed: (i64, u32),
}

impl Status {
    /// A stamp that tells one file from another under the same name, even if the file system reuses inode numbers.
    pub(crate) fn stamp(&self) -> Stamp {
        Stamp { identity: self.identity, bytes: self.bytes, changed: self.changed }
    }
}

/// See [`Status::stamp`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    identity: (u64, u64),
    bytes: u64,
    changed: (i64, u32),
}

impl Stamp {
    pub(crate) fn identity(&self) -> (u64, u64) {
        self.identity
    }
}

/// The free room of a file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    pub(crate) bytes: u64,
    /// How many more files it can take; `None` if there is no such limit.
    pub(crate) files: Option<u64>,
}

/// What was lacking when a system call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
pub(crate) enum Lack {
    /// Room on the file system, or for another file there.
    Space,
    /// This user's quota on the file system.
    Quota,
    /// The file would be longer than a file may be.
    Length,
    Memory,
    /// This process has as many descriptors as it may have.
    Descriptors,
    /// The whole system has as many open files as it may have.
    SystemDescriptors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
pub(crate) enum FileKind {
    Regular,
    Directory,
    Symlink,
    Pipe,
    Socket,
    Device,
    Other,
}

impl FileKind {
    /// The kind in a sentence: "it is …".
    pub(crate) fn describe(self) -> &'static str {
        match self {
            FileKind::Regular => "a regular file",
            FileKind::Directory => "a directory",
            FileKind::Symlink => "a symbolic link",
            FileKind::Pipe => "a pipe",
            FileKind::Socket => "a socket",
            FileKind::Device => "a device",
            FileKind::Other => "a file of an unknown kind",
        }
    }
}

/// Why memory must not be borrowed.
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
pub(crate) enum Unsealed {
    /// A memfd that somebody can still change or cut.
    Memory,
    /// A file of another kind, which cannot be sealed.
    Other(FileKind),
}

/// What `wait_any` waits for at one process, and what it has found.
#[cfg(feature = "workers")]
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
pub(crate) struct Waiting<'a> {
    /// The connection, unless it has ended, and whether there is something to send.
    pub(crate) line: Option<(&'a Line, bool)>,
    pub(crate) watch: Option<&'a Watch>,
    /// There are bytes to receive, or the connection has ended.
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    pub(crate) ended: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};

    #[test]
    fn who_asks_for_a_segment_where_there_are_none_is_told_what_to_use() {
        assert_eq!(check_segments().is_ok(), cfg!(target_os = "linux"));
        let error = Error::io("there are no segments here", no_segments());
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("which only Linux has; use `to_bytes`"), "{error}");
    }
}
