//! Live memory: memory files that several processes write to.

use std::fs::File;
use std::io;
#[cfg(feature = "ndarray")]
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, Mode, OFlags, SealFlags};
use rustix::io::retry_on_intr;

use super::{Status, create_memfd, file_status, of_ending, seals};

const MEMORY_NAME: &str = "serde_shm-live";

/// The seals that live memory must have before it is mapped. Without `SHRINK` a process could take its pages away. It
/// cannot have `WRITE`, because processes write to it.
const NEEDED_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

/// Makes anonymous memory for live arrays.
pub(crate) fn create_live() -> io::Result<File> {
    create_memfd(MEMORY_NAME)
}

/// Writes the first bytes of live memory, and fixes its length for good: it stays writable, but no process can cut it.
/// The caller has checked the length against the limit on the size of files, because the kernel would answer a longer one
/// with a signal that kills.
pub(crate) fn seal_live(memory: &File, header: &[u8], len: u64) -> io::Result<()> {
    memory.write_all_at(header, 0)?;
    retry_on_intr(|| rustix::fs::ftruncate(memory, len))?;
    let seals = NEEDED_SEALS | SealFlags::SEAL;
    Ok(retry_on_intr(|| rustix::fs::fcntl_add_seals(memory, seals))?)
}

/// The status of live memory; `None` if the file is something else, or can be cut.
pub(crate) fn check_live(file: &File) -> io::Result<Option<Status>> {
    match seals(file)? {
        Some(seals) if seals.contains(NEEDED_SEALS) && !seals.contains(SealFlags::WRITE) => {
            Ok(Some(file_status(file)?))
        }
        _ => Ok(None),
    }
}

/// Reserves memory for this range, so that touching it later does not fail.
pub(crate) fn reserve(file: &File, start: u64, len: u64) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::fallocate(file, FallocateFlags::empty(), start, len))?)
}

/// Flags for opening live memory. Opening neither waits for a device nor takes a terminal.
const READ_WRITE: OFlags =
    OFlags::RDWR.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Opens for reading and writing what a process's descriptor stands for. The result is a description of its own.
pub(crate) fn open_live(process: u32, descriptor: u32) -> io::Result<File> {
    // As in `open_descriptor`, files of another user, devices and pipes do not notice it.
    open(&format!("/proc/{process}/fd/{descriptor}"), READ_WRITE | OFlags::NOATIME)
        .map_err(|error| of_ending(process, error))
}

fn open(path: &str, flags: OFlags) -> io::Result<File> {
    Ok(File::from(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?))
}

/// Makes another description of live memory that this process has open, even if the memory was made before this process
/// became another user.
#[cfg(feature = "ndarray")]
pub(crate) fn reopen_live(file: &File) -> io::Result<File> {
    open(&format!("/proc/self/fd/{}", file.as_raw_fd()), READ_WRITE)
}
