//! Errors for want of room: their texts say what was needed, what there is, and what the user can do.

use std::fs::File;
use std::io;

use crate::error::{Error, explained};
use crate::os::{self, Lack};

/// Where something did not fit.
#[derive(Clone, Copy)]
pub(crate) enum Medium<'a> {
    /// Memory that is not on a file system, such as a memfd's.
    Memory,
    /// The file system of this file.
    FileSystem(&'a File),
    /// The file system of this directory.
    Directory(&'a os::Dir),
}

/// The error of a system call, with the explanation of [`explain`].
pub(crate) fn error(doing: &str, error: io::Error, needed: u64, place: Medium<'_>) -> Error {
    Error::io(doing, explain(error, needed, place))
}

/// The same error. If something was full or a limit was reached, the figures are added. `needed` is in bytes; it is zero
/// if the error is not about bytes.
pub(crate) fn explain(error: io::Error, needed: u64, place: Medium<'_>) -> io::Error {
    let Some(lack) = os::lack(&error) else { return error };
    let needed = match needed {
        0 => String::new(),
        bytes => format!("it takes at least {bytes} bytes; "),
    };
    let limit = |limit: Option<u64>| limit.map_or("none".to_owned(), |limit| limit.to_string());
    let there = match lack {
        Lack::Descriptors => format!(
            "the limit on descriptors (RLIMIT_NOFILE, `ulimit -n`) is {}: drop segments or raise it",
            limit(os::descriptor_limit())
        ),
        Lack::SystemDescriptors => {
            "all processes together have too many files open (/proc/sys/fs/file-max)".to_owned()
        }
        Lack::Length => {
            "the file system takes no file of that length, or the limit on the size of a file \
             (RLIMIT_FSIZE, `ulimit -f`) does not: choose another directory, or raise the limit"
                .to_owned()
        }
        Lack::Quota => "this user's quota is used up: remove files or have it raised".to_owned(),
        Lack::Memory | Lack::Space => match place {
            Medium::Memory => memory(),
            Medium::FileSystem(file) => file_system(&os::space(file)),
            Medium::Directory(dir) => file_system(&os::space(dir)),
        },
    };
    explained(error, format!("{needed}{there}"))
}

/// The error for a memfd that cannot be made. If no process here may make one, it says what to do instead.
pub(crate) fn no_memfd(doing: &str, e: io::Error) -> Error {
    if !os::is_forbidden(&e) {
        return error(doing, e, 0, Medium::Memory);
    }
    let hint = "a sandbox (seccomp) or this kernel forbids memfds; make a persistent segment instead \
                (`SegmentOptions::persist`), which is a file, or allow `memfd_create`";
    Error::io(doing, explained(e, hint.to_owned()))
}

fn memory() -> String {
    let left = match os::available_memory() {
        Some(bytes) => format!("the system has {bytes} bytes of memory left"),
        None => "how much memory is left is not known".to_owned(),
    };
    let limit = match os::address_limit() {
        Some(limit) => format!(", the limit on mappings (RLIMIT_AS, `ulimit -v`) is {limit}"),
        None => String::new(),
    };
    format!("{left}{limit}: free some, or look at the limits of the container or control group")
}

fn file_system(space: &io::Result<os::Space>) -> String {
    match space {
        Ok(os::Space { files: Some(0), .. }) => {
            "its file system has no room for another file (inodes): remove some, or choose another directory"
                .to_owned()
        }
        Ok(os::Space { bytes, .. }) => {
            format!("its file system has {bytes} bytes left: free some, or choose another directory")
        }
        Err(_) => "free some room there, or choose another directory".to_owned(),
    }
}
