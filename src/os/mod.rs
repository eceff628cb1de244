//! The operating system, and nothing but it: sealed memory, directories of entries, locks, random bytes.
//!
//! One file per system has the same items. Errors are plain [`std::io::Error`]s; what they mean for a segment is said
//! one floor higher.

#[cfg_attr(not(target_os = "linux"), path = "stub.rs")]
mod linux;

pub(crate) use linux::*;

/// What a name or a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) kind: FileKind,
    pub(crate) owner: u32,
    /// The permission bits.
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    /// Device and inode: two names with the same pair are one file.
    pub(crate) identity: (u64, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
