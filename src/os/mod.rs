//! The operating system, and nothing but it: sealed memory, directories of entries, locks, random bytes.
//!
//! One file per system has the same items. Errors are plain [`std::io::Error`]s; what they mean for a segment is said
//! one floor higher.

#[cfg_attr(not(target_os = "linux"), path = "stub.rs")]
mod linux;
mod stack;

pub(crate) use linux::*;
#[cfg(not(feature = "deep"))]
pub(crate) use stack::stack_end;
pub(crate) use stack::stack_pointer;

/// A caller's promise that a file does not change while it is mapped. Each lets one file be mapped.
pub(crate) struct Unchanging(());

impl Unchanging {
    /// # Safety
    ///
    /// While what is mapped by it lives, nobody may write to the file or cut it.
    #[allow(unsafe_code)]
    pub(crate) unsafe fn promised() -> Self {
        Unchanging(())
    }
}

/// What a name or a descriptor stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) kind: FileKind,
    pub(crate) owner: u32,
    /// The permission bits.
    pub(crate) mode: u32,
    pub(crate) bytes: u64,
    /// How many names it has.
    pub(crate) links: u64,
    /// Device and inode: two names with the same pair are one file.
    pub(crate) identity: (u64, u64),
    /// When its content was last written, in seconds and nanoseconds since 1970.
    pub(crate) modified: (i64, u32),
    /// When anything of it, its names included, last changed.
    pub(crate) changed: (i64, u32),
}

impl Status {
    /// Tells one file from another under the same name, also where the file system gives inode numbers anew.
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

/// What is left of a file system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Space {
    pub(crate) bytes: u64,
    /// How many more files it takes; `None` where there is no such limit.
    pub(crate) files: Option<u64>,
}

/// What a system call failed for want of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code))]
pub(crate) enum Lack {
    /// Room on the file system, or for another file there.
    Space,
    /// What this user may have of the file system.
    Quota,
    /// How long a file may be.
    Length,
    Memory,
    /// This process has as many descriptors as it may.
    Descriptors,
    /// The whole system has.
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
