//! Linux: memfds and their seals, `/proc/PID/fd`, files without a name, locks. Safe wrappers of system calls.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use memmap2::{Mmap, MmapOptions};
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, MemfdFlags, Mode, OFlags, SealFlags, Stat,
};
use rustix::io::Errno;

use super::{FileKind, Status};

/// What `/proc/PID/maps` and `/proc/PID/fd` show.
const MEMORY_NAME: &str = "serde_shm";

/// Neither blocks on a pipe nor takes a terminal, whatever the path leads to.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const PRIVATE_DIR: Mode = Mode::RWXU;

/// A mapping of memory that nobody can change or cut any more.
pub(crate) struct SealedMap(Mmap);

impl Deref for SealedMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Anonymous memory that can be written, and sealed later.
pub(crate) fn create_memory() -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memory = match rustix::fs::memfd_create(MEMORY_NAME, flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know this flag; those after may demand it.
        Err(Errno::INVAL) => rustix::fs::memfd_create(MEMORY_NAME, flags)?,
        other => other?,
    };
    Ok(File::from(memory))
}

/// Seals the memory for good, against everybody, and gives it back read-only.
pub(crate) fn seal(memory: File) -> io::Result<File> {
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&memory, seals)?;
    // Kernels before 6.7 map a write-sealed memfd only through a descriptor that was opened for reading. Where /proc
    // is missing the first descriptor serves: later kernels take it, and handing it over needs no /proc.
    Ok(open_descriptor(std::process::id(), descriptor(&memory)).unwrap_or(memory))
}

/// Maps sealed memory; `None` if it can still be written or cut by somebody, or is no such memory.
pub(crate) fn map(memory: &File) -> io::Result<Option<SealedMap>> {
    match MmapOptions::new().map_if_safe(memory) {
        Ok(map) => Ok(Some(SealedMap(map))),
        Err(error) if error.not_safe() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the file is a memfd that could have been sealed.
pub(crate) fn is_sealable(file: &File) -> bool {
    // Files of a tmpfs answer too: those are born with nothing but the seal against sealing.
    rustix::fs::fcntl_get_seals(file).is_ok_and(|seals| seals != SealFlags::SEAL)
}

/// The number by which this process knows an open file.
pub(crate) fn descriptor(file: &File) -> u32 {
    file.as_raw_fd().unsigned_abs()
}

fn descriptor_path(process: u32, descriptor: u32) -> String {
    format!("/proc/{process}/fd/{descriptor}")
}

/// What the descriptor of a process stands for.
pub(crate) fn descriptor_status(process: u32, descriptor: u32) -> io::Result<Status> {
    Ok(status(&rustix::fs::stat(descriptor_path(process, descriptor))?))
}

/// Opens what the descriptor of a process stands for, for reading. Look at its status first: opening a device may
/// have effects.
pub(crate) fn open_descriptor(process: u32, descriptor: u32) -> io::Result<File> {
    let path = descriptor_path(process, descriptor);
    Ok(File::from(rustix::fs::open(path, READ, Mode::empty())?))
}

/// Whether this process sees that process at all.
pub(crate) fn process_is_visible(process: u32) -> bool {
    rustix::fs::stat(format!("/proc/{process}")).is_ok()
}

/// The user in whose name files are made and opened.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The size beyond which a write is answered by the signal SIGXFSZ; memfds count as files.
pub(crate) fn file_size_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Fsize).current
}

/// Random bytes that nobody can foresee.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        let flags = rustix::rand::GetRandomFlags::empty();
        match rustix::rand::getrandom(&mut bytes[filled..], flags) {
            Ok(read) => filled += read,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

/// Where entries of named segments are kept unless the user says otherwise.
pub(crate) fn default_base() -> PathBuf {
    PathBuf::from("/dev/shm")
}

/// Makes a directory that only this user can enter.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::mkdir(path, PRIVATE_DIR)?)
}

/// An open directory. Names are looked up in it and not by path, so that it stays the one that was checked.
pub(crate) struct Dir(OwnedFd);

impl Dir {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Dir(rustix::fs::open(path, flags, Mode::empty())?))
    }

    pub(crate) fn status(&self) -> io::Result<Status> {
        Ok(status(&rustix::fs::fstat(&self.0)?))
    }

    /// Takes the directory's own lock; false if somebody has it. It is free again when this `Dir` is dropped.
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        match rustix::fs::flock(&self.0, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::WOULDBLOCK) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The status of a name, not following a symbolic link.
    pub(crate) fn status_of(&self, name: &str) -> io::Result<Status> {
        Ok(status(&rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        let flags = READ | OFlags::NOFOLLOW;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, Mode::empty())?))
    }

    /// A new file without a name, for this user only. `Unsupported` where the file system has no such files.
    pub(crate) fn create_unnamed(&self) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.0, OsStr::new("."), flags, PRIVATE_FILE) {
            Ok(file) => Ok(File::from(file)),
            // A kernel or file system that does not know the flag sees a directory opened for writing.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A new file under a name that is not taken, for this user only.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(&self.0, name, flags, PRIVATE_FILE)?))
    }

    /// Gives a name to a file made by [`Dir::create_unnamed`]; `AlreadyExists` if the name is taken.
    pub(crate) fn link_unnamed(&self, file: &File, name: &str) -> io::Result<()> {
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(rustix::fs::linkat(CWD, path, &self.0, name, AtFlags::SYMLINK_FOLLOW)?)
    }

    /// A second name for a file; `AlreadyExists` if the name is taken.
    pub(crate) fn link(&self, old: &str, new: &str) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.0, old, &self.0, new, AtFlags::empty())?)
    }

    /// Another name for a file, in one step, in the place of what has that name.
    pub(crate) fn rename(&self, old: &str, new: &str) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, old, &self.0, new)?)
    }

    pub(crate) fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }
}

/// The status of what a path stands for, not following a symbolic link.
pub(crate) fn path_status(path: &Path) -> io::Result<Status> {
    Ok(status(&rustix::fs::lstat(path)?))
}

/// The status of an open file.
pub(crate) fn file_status(file: &File) -> io::Result<Status> {
    Ok(status(&rustix::fs::fstat(file)?))
}

fn status(stat: &Stat) -> Status {
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => FileKind::Regular,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Pipe,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice | FileType::BlockDevice => FileKind::Device,
        FileType::Unknown => FileKind::Other,
    };
    Status {
        kind,
        owner: stat.st_uid,
        mode: Mode::from_raw_mode(stat.st_mode).as_raw_mode(),
        bytes: u64::try_from(stat.st_size).unwrap_or(0),
        identity: (stat.st_dev, stat.st_ino),
    }
}

/// Fresh memory of this process only, zeroed, with huge pages where the system has them to give.
#[cfg(feature = "npz")]
pub(crate) struct Pages(memmap2::MmapMut);

#[cfg(feature = "npz")]
impl Pages {
    /// `None` where the system gives no pages this way.
    pub(crate) fn new(len: usize) -> io::Result<Option<Self>> {
        let map = memmap2::MmapMut::map_anon(len)?;
        // A wish: kernels without huge pages refuse it, and nothing is lost.
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Some(Pages(map)))
    }
}

#[cfg(feature = "npz")]
impl Deref for Pages {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(feature = "npz")]
impl std::ops::DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// A file's bytes, mapped: its pages are read as they are touched.
#[cfg(feature = "npz")]
pub(crate) struct FileMap(memmap2::Mmap);

#[cfg(feature = "npz")]
impl Deref for FileMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// # Safety
///
/// Nobody writes into the file or cuts it while the map lives.
#[cfg(feature = "npz")]
#[allow(unsafe_code)]
pub(crate) unsafe fn map_file(file: &File) -> io::Result<FileMap> {
    // SAFETY: the caller promises what `memmap2` asks for: the file stays as it is.
    unsafe { memmap2::Mmap::map(file) }.map(FileMap)
}

/// Opens a regular file to look at it: no link is followed, and a pipe or device that has the name is not waited for.
#[cfg(feature = "npz")]
pub(crate) fn open_plain(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (READ | OFlags::NOFOLLOW).bits().cast_signed();
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}
