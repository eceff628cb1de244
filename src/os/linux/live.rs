//! Live memory: files that processes write to together.

use std::fs::File;
use std::io;
#[cfg(feature = "ndarray")]
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags};
use rustix::io::retry_on_intr;

use super::{Status, create_memfd, file_status, of_ending, seals};

const MEMORY_NAME: &str = "serde_shm-live";

/// What live memory must be sealed against before it is mapped: `SHRINK` would take its pages away. `WRITE` it cannot have.
const NEEDED_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// Anonymous memory for live arrays.
pub(crate) fn create_live() -> io::Result<File> {
    create_memfd(MEMORY_NAME)
}

/// Gives live memory its first bytes, and its length for good: it stays writable, but nobody can cut it. The length is within
/// the limit on the size of files: the kernel would answer another with a signal that kills.
pub(crate) fn seal_live(memory: &File, header: &[u8], len: u64) -> io::Result<()> {
    memory.write_all_at(header, 0)?;
    retry_on_intr(|| rustix::fs::ftruncate(memory, len))?;
    let seals = NEEDED_SEALS | SealFlags::SEAL;
    Ok(retry_on_intr(|| rustix::fs::fcntl_add_seals(memory, seals))?)
}

/// What live memory is; `None` if the file is something else, or can be cut.
pub(crate) fn check_live(file: &File) -> io::Result<Option<Status>> {
    match seals(file)? {
        Some(seals) if seals.contains(NEEDED_SEALS) && !seals.contains(SealFlags::WRITE) => {
            Ok(Some(file_status(file)?))
        }
        _ => Ok(None),
    }
}

/// Sets room aside, so that touching it later does not fail.
pub(crate) fn reserve(file: &File, start: u64, len: u64) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), start, len))?)
}

/// How live memory is opened: neither waiting for a device nor taking a terminal.
const READ_WRITE: OFlags =
    OFlags::RDWR.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Opens what the descriptor of a process stands for, for reading and writing: a description of its own.
pub(crate) fn open_live(process: u32, descriptor: u32) -> io::Result<File> {
    // Nothing of another user, and no device or pipe, learns of it: see `open_descriptor`.
    open(&format!("/proc/{process}/fd/{descriptor}"), READ_WRITE | OFlags::NOATIME)
        .map_err(|error| of_ending(process, error))
}

fn open(path: &str, flags: OFlags) -> io::Result<File> {
    Ok(File::from(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?))
}

/// Another description of live memory that is open here: also of memory that was made before this process became another
/// user.
#[cfg(feature = "ndarray")]
pub(crate) fn reopen_live(file: &File) -> io::Result<File> {
    open(&format!("/proc/self/fd/{}", file.as_raw_fd()), READ_WRITE)
}
