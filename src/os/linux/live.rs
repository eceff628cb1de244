//! Live memory: files that processes write to together.

use std::fs::File;
use std::io;

use rustix::fs::{FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags};
use rustix::io::{Errno, retry_on_intr};

use super::{file_size_limit, file_status, seals};

const MEMORY_NAME: &str = "serde_shm-live";

/// What live memory must be sealed against before it is mapped: `SHRINK` would take its pages away. `WRITE` it cannot have.
const NEEDED_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// Anonymous memory for live arrays.
pub(crate) fn create_live() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let create = |flags| retry_on_intr(|| rustix::fs::memfd_create(MEMORY_NAME, flags));
    let memory = match create(flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know this flag; those after may demand it.
        Err(Errno::INVAL) => create(flags)?,
        other => other?,
    };
    Ok(File::from(memory))
}

/// Gives live memory its length for good: it stays writable, but nobody can cut it.
pub(crate) fn seal_live(memory: &File, len: u64) -> io::Result<()> {
    if file_size_limit().is_some_and(|limit| len > limit) {
        // The kernel would answer with a signal that kills.
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    retry_on_intr(|| rustix::fs::ftruncate(memory, len))?;
    let seals = NEEDED_SEALS | SealFlags::SEAL;
    Ok(retry_on_intr(|| rustix::fs::fcntl_add_seals(memory, seals))?)
}

/// The length of live memory; `None` if it is something else, or can be cut.
pub(crate) fn check_live(file: &File) -> io::Result<Option<u64>> {
    match seals(file)? {
        Some(seals) if seals.contains(NEEDED_SEALS) && !seals.contains(SealFlags::WRITE) => {
            Ok(Some(file_status(file)?.bytes))
        }
        _ => Ok(None),
    }
}

/// Sets room aside, so that touching it later does not fail.
pub(crate) fn reserve(file: &File, start: u64, len: u64) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), start, len))?)
}

/// Opens what the descriptor of a process stands for, for reading and writing: a description of its own.
pub(crate) fn open_live(process: u32, descriptor: u32) -> io::Result<File> {
    open(&format!("/proc/{process}/fd/{descriptor}"))
}

pub(super) fn open(path: &str) -> io::Result<File> {
    // Nothing of another user, and no device or pipe, learns of it: see `open_descriptor`.
    let flags =
        OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOATIME;
    Ok(File::from(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?))
}
