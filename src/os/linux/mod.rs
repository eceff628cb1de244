//! Linux: memfds and their seals, `/proc`, files without a name, locks, limits. Safe wrappers of system calls.
//!
//! A call that a signal interrupts is made again.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use memmap2::{Mmap, MmapOptions};
use rustix::fs::{AtFlags, CWD, FileType, MemfdFlags, Mode, OFlags, SealFlags, Stat};
use rustix::io::{Errno, retry_on_intr};

use super::{FileKind, Lack, Rights, Space, Stamp, Status, Unchanging, Unsealed};

#[cfg(feature = "ndarray")]
mod arena;
#[cfg(feature = "ndarray")]
mod forks;
mod live;
#[cfg(feature = "ndarray")]
mod locks;
mod pages;
mod processes;
#[cfg(feature = "workers")]
mod workers;
#[cfg(feature = "ndarray")]
pub(crate) use arena::{WritableMap, has_huge_pages};
#[cfg(feature = "ndarray")]
pub(crate) use forks::process_stamp;
pub(crate) use live::*;
#[cfg(feature = "ndarray")]
pub(crate) use locks::*;
pub(crate) use pages::*;
pub(crate) use processes::*;
#[cfg(feature = "workers")]
pub(crate) use workers::*;

/// The name of the memory in `/proc/PID/maps` and `/proc/PID/fd`.
const MEMORY_NAME: &str = "serde_shm";

/// Flags for reading. Opening neither waits for a pipe nor takes a terminal, whatever the path leads to.
const READ: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const PRIVATE_DIR: Mode = Mode::RWXU;

/// The seals that memory must have before it is borrowed. Without `SHRINK` a process could take pages away, and without
/// `WRITE` it could change them.
const NEEDED_SEALS: SealFlags = SealFlags::SHRINK.union(SealFlags::WRITE);

/// How often sealing is tried again, a millisecond each, while somebody has the memory mapped for writing.
const BUSY_TRIES: u32 = 1000;

/// A read-only mapping of bytes that do not change: sealed memory, or a file that a caller has promised not to change.
pub(crate) struct ReadOnlyMap(Mmap);

impl Deref for ReadOnlyMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Makes anonymous memory that can be written, and sealed later.
pub(crate) fn create_memory() -> io::Result<File> {
    create_memfd(MEMORY_NAME)
}

fn create_memfd(name: &str) -> io::Result<File> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let create = |flags| retry_on_intr(|| rustix::fs::memfd_create(name, flags));
    let memory = match create(flags | MemfdFlags::NOEXEC_SEAL) {
        // Kernels before 6.3 do not know this flag; later ones may demand it.
        Err(Errno::INVAL) => create(flags)?,
        other => other?,
    };
    Ok(File::from(memory))
}

/// Whether the system call itself is refused: a sandbox (seccomp) gives these errors, and a kernel without the call gives
/// the last one.
pub(crate) fn is_forbidden(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::ACCESS | Errno::NOSYS))
}

/// Memory that no process can change or cut any more.
pub(crate) struct SealedMemory {
    file: File,
    len: u64,
    stamp: Stamp,
}

/// The seals of a file; `None` if it is of a kind that cannot be sealed.
fn seals(file: &File) -> io::Result<Option<SealFlags>> {
    match retry_on_intr(|| rustix::fs::fcntl_get_seals(file)) {
        Ok(seals) => Ok(Some(seals)),
        Err(Errno::INVAL | Errno::BADF) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

impl SealedMemory {
    /// Seals the memory for good, for all processes, and returns it read-only.
    pub(crate) fn seal(memory: File) -> io::Result<Self> {
        let seals = NEEDED_SEALS | SealFlags::GROW | SealFlags::SEAL;
        let mut tries = 0;
        while let Err(error) = retry_on_intr(|| rustix::fs::fcntl_add_seals(&memory, seals)) {
            // A child that was forked just now has the memory mapped for writing for another moment, until its handler runs, and a
            // device may still read into it.
            if error != Errno::BUSY || tries == BUSY_TRIES {
                return Err(error.into());
            }
            tries += 1;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        // Kernels before 6.7 map a write-sealed memfd only through a descriptor that was opened for reading. Without
        // /proc the first descriptor is used: later kernels map it, and handing it over does not need /proc.
        let file = read_only(&memory).unwrap_or(memory);
        SealedMemory::check(file)?.map_err(|_| io::ErrorKind::InvalidData.into())
    }

    /// Checks that a file is sealed memory; the inner error says that it is not.
    pub(crate) fn check(file: File) -> io::Result<Result<Self, Unsealed>> {
        let seals = seals(&file)?;
        let status = file_status(&file)?;
        Ok(match seals {
            Some(seals) if seals.contains(NEEDED_SEALS) => {
                Ok(SealedMemory { file, len: status.bytes, stamp: status.stamp() })
            }
            // Files of a tmpfs have seals, too: they start with only the seal against sealing.
            Some(seals) if seals != SealFlags::SEAL => Err(Unsealed::Memory),
            _ => Err(Unsealed::Other(status.kind)),
        })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// A stamp that no other memory has, because the kernel numbers memfds one after the other.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }

    /// Maps the whole memory. No page is read.
    pub(crate) fn map(&self) -> io::Result<ReadOnlyMap> {
        let len = usize::try_from(self.len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        // SAFETY: `check`, which alone makes this type, found the file sealed against writing and shrinking, which
        // cannot be undone, and only then asked for its length: no process can change these bytes or take them away.
        again(|| Ok(ReadOnlyMap(unsafe { MmapOptions::new().len(len).map(&self.file) }?)))
    }
}

/// Opens an open file again, for reading only: the result is a new description of it.
pub(crate) fn read_only(file: &File) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(File::from(retry_on_intr(|| rustix::fs::open(&path, READ, Mode::empty()))?))
}

/// Maps the first `len` bytes of a file.
pub(crate) fn map_file(file: &File, len: usize, _: Unchanging) -> io::Result<ReadOnlyMap> {
    // SAFETY: `Mmap::map` demands that nobody changes or cuts the file. The caller of `Unchanging::promised` promised
    // just that, and each `Unchanging` serves for one mapping.
    again(|| Ok(ReadOnlyMap(unsafe { MmapOptions::new().len(len).map(file) }?)))
}

/// Does what `retry_on_intr` does, for calls of the standard library and of `memmap2`.
fn again<T>(call: impl Fn() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// Fills the buffer from this offset of the file.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    file.read_exact_at(buffer, offset)
}

/// Writes all bytes at this offset of the file.
#[cfg(feature = "ndarray")]
pub(crate) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    file.write_all_at(bytes, offset)
}

/// Reads from this offset of the file, as many bytes as one call gives.
pub(crate) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

/// The number by which this process knows an open file.
pub(crate) fn descriptor(file: &File) -> u32 {
    file.as_raw_fd().unsigned_abs()
}

/// Opens for reading what a process's descriptor stands for.
///
/// This opens nothing that belongs to another user, unless this user is privileged: `O_NOATIME` makes the kernel refuse
/// the call before a device or a pipe notices it.
pub(crate) fn open_descriptor(process: u32, descriptor: u32) -> io::Result<File> {
    let path = format!("/proc/{process}/fd/{descriptor}");
    let flags = READ | OFlags::NOATIME;
    match retry_on_intr(|| rustix::fs::open(&path, flags, Mode::empty())) {
        Ok(file) => Ok(File::from(file)),
        Err(error) => Err(of_ending(process, error.into())),
    }
}

/// The kind of file that a process's descriptor stands for.
pub(crate) fn descriptor_kind(process: u32, descriptor: u32) -> io::Result<FileKind> {
    Ok(status(&rustix::fs::stat(format!("/proc/{process}/fd/{descriptor}"))?).kind)
}

/// The effective user, in whose name this process makes and opens files.
pub(crate) fn user() -> u32 {
    // SAFETY: the call takes no argument and changes nothing. `rustix` has it, too, but panics if a sandbox makes it
    // fail.
    unsafe { libc::geteuid() }
}

/// The number of this thread, which no other thread of this PID namespace has; zero if a sandbox forbids the call.
pub(crate) fn thread_number() -> u32 {
    // SAFETY: the call takes no argument and changes nothing. `rustix` has it, too, but panics if a sandbox makes it
    // fail.
    u32::try_from(unsafe { libc::gettid() }).unwrap_or(0)
}

/// The size beyond which the kernel answers a write to a file or a memfd with the signal SIGXFSZ.
pub(crate) fn file_size_limit() -> Option<u64> {
    limit(libc::RLIMIT_FSIZE)
}

/// What was lacking when a system call failed, if that was the reason.
pub(crate) fn lack(error: &io::Error) -> Option<Lack> {
    match Errno::from_io_error(error)? {
        Errno::NOSPC => Some(Lack::Space),
        Errno::DQUOT => Some(Lack::Quota),
        Errno::FBIG => Some(Lack::Length),
        Errno::NOMEM => Some(Lack::Memory),
        Errno::MFILE => Some(Lack::Descriptors),
        Errno::NFILE => Some(Lack::SystemDescriptors),
        _ => None,
    }
}

/// How many descriptors this process may have.
pub(crate) fn descriptor_limit() -> Option<u64> {
    limit(libc::RLIMIT_NOFILE)
}

/// How much memory this process may map.
pub(crate) fn address_limit() -> Option<u64> {
    limit(libc::RLIMIT_AS)
}

/// A limit of this process. `rustix` has this call, too, but panics if it fails, as it may under a sandbox.
fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut found = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `found` is a place for a `rlimit`, which the call fills or leaves as it is.
    let failed = unsafe { libc::getrlimit(resource, &raw mut found) } != 0;
    (!failed && found.rlim_cur != libc::RLIM_INFINITY).then_some(found.rlim_cur)
}

/// Whether this process can map this many bytes of memory.
#[cfg(feature = "deep")]
pub(crate) fn can_map(bytes: usize) -> bool {
    memmap2::MmapMut::map_anon(bytes).is_ok()
}

/// The memory that the machine has, in bytes; `None` where a sandbox does not let the call through. `sysconf` would make the same call, and
/// calculate with whatever the stack holds if the call fails.
pub(crate) fn total_memory() -> Option<u64> {
    let mut told = std::mem::MaybeUninit::<libc::sysinfo>::uninit();
    // SAFETY: the call writes what it tells to `told`, which has the right type and is larger than that, and nothing else.
    if unsafe { libc::sysinfo(told.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: the call succeeded, so that it has filled all fields.
    let told = unsafe { told.assume_init() };
    #[allow(clippy::useless_conversion)] // It is a `u32` where pointers are as short.
    let units = u64::from(told.totalram);
    units.checked_mul(told.mem_unit.into())
}

/// The size of a page of memory, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: the call takes a number, returns a number and changes nothing.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(64 << 10)
}

/// The memory that the system can still give, in bytes.
pub(crate) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    kib.checked_mul(1024)
}

/// The free room of the file system that has this file or directory.
pub(crate) fn space(of: impl AsFd) -> io::Result<Space> {
    let found = retry_on_intr(|| rustix::fs::fstatvfs(&of))?;
    Ok(Space {
        bytes: found.f_bavail.saturating_mul(found.f_frsize),
        files: (found.f_files > 0).then_some(found.f_favail),
    })
}

/// Random bytes that nobody can foresee, even if a sandbox forbids `getrandom`.
pub(crate) fn random() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut filled = 0;
    while filled < bytes.len() {
        let flags = rustix::rand::GetRandomFlags::empty();
        match retry_on_intr(|| rustix::rand::getrandom(&mut bytes[filled..], flags)) {
            Ok(more) => filled += more,
            Err(error) if is_forbidden(&error.into()) => {
                let device = Path::new("/dev/urandom");
                open_file(device)?.read_exact(&mut bytes)?;
                return Ok(bytes);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(bytes)
}

/// The default directory for the folder of segments' names.
pub(crate) fn default_base() -> PathBuf {
    PathBuf::from("/dev/shm")
}

/// Makes a directory that only this user can enter.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::mkdir(path, PRIVATE_DIR))?)
}

/// Gives the owner of a directory of this user the rights that are missing. Returns whether any were missing. A symbolic
/// link is not followed.
pub(crate) fn mend_directory(path: &Path) -> io::Result<bool> {
    // Such a descriptor does not need any right to the directory itself.
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?;
    let found = status(&retry_on_intr(|| rustix::fs::fstat(&dir))?);
    let owners = PRIVATE_DIR.as_raw_mode();
    if found.owner != user() || found.mode & owners == owners {
        return Ok(false);
    }
    // `fchmod` refuses such a descriptor, and the path may lead elsewhere by now.
    let path = format!("/proc/self/fd/{}", dir.as_raw_fd());
    retry_on_intr(|| rustix::fs::chmod(&path, PRIVATE_DIR))?;
    Ok(true)
}

/// Opens a file for reading. A symbolic link is not followed.
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let flags = READ | OFlags::NOFOLLOW;
    Ok(File::from(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?))
}

/// Sets the permission bits of a file.
pub(crate) fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    Ok(retry_on_intr(|| rustix::fs::fchmod(file, Mode::from_raw_mode(mode)))?)
}

/// Flushes the changes in a directory to the disk, if it is on one.
pub(crate) fn sync(dir: &Dir) -> io::Result<()> {
    match retry_on_intr(|| rustix::fs::fsync(dir)) {
        // Some network file systems do not flush directories, and return an error that says so.
        Err(Errno::INVAL | Errno::OPNOTSUPP) => Ok(()),
        // The directory was opened without the right to read it: `Dir::open_to_change`.
        Err(Errno::BADF) => Err(Errno::ACCESS.into()),
        other => Ok(other?),
    }
}

/// An open directory. Names are looked up in the open directory and not by path, so that it stays the directory that was
/// checked.
pub(crate) struct Dir(File);

impl AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Dir {
    /// Opens a directory. A symbolic link is not followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Dir::open_by(path, OFlags::RDONLY | OFlags::NOFOLLOW)
    }

    /// Opens a directory. A symbolic link is followed.
    pub(crate) fn open_through(path: &Path) -> io::Result<Self> {
        Dir::open_by(path, OFlags::RDONLY)
    }

    /// The same, even if this user may put files into the directory but not list it.
    #[cfg(feature = "npz")]
    pub(crate) fn open_to_change(path: &Path) -> io::Result<Self> {
        Dir::open_through(path).or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Dir::open_by(path, OFlags::PATH),
            _ => Err(error),
        })
    }

    fn open_by(path: &Path, flags: OFlags) -> io::Result<Self> {
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Dir(File::from(retry_on_intr(|| rustix::fs::open(path, flags, Mode::empty()))?)))
    }

    pub(crate) fn status(&self) -> io::Result<Status> {
        file_status(&self.0)
    }

    /// Sets the directory's permission bits.
    pub(crate) fn set_mode(&self, mode: u32) -> io::Result<()> {
        set_mode(&self.0, mode)
    }

    /// Takes the directory's own lock; false if somebody else has it. The lock is free again when this `Dir` is dropped.
    pub(crate) fn try_lock(&self) -> io::Result<bool> {
        super::try_lock(&self.0)
    }

    /// Frees the lock at once, even if a child that was forked meanwhile has a copy of the descriptor.
    pub(crate) fn unlock(&self) {
        super::unlock(&self.0);
    }

    /// The names in the directory, in no particular order, without those that are not UTF-8.
    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.0)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// The status of a name. A symbolic link is not followed.
    pub(crate) fn status_of(&self, name: &str) -> io::Result<Status> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(status(&retry_on_intr(|| rustix::fs::statat(&self.0, name, flags))?))
    }

    /// Whether a name stands for this file.
    pub(crate) fn leads_to(&self, name: &str, file: &File) -> io::Result<bool> {
        Ok(self.status_of(name)?.identity == file_status(file)?.identity)
    }

    /// Opens a file for reading. A symbolic link is not followed.
    pub(crate) fn open_file(&self, name: &str) -> io::Result<File> {
        let flags = READ | OFlags::NOFOLLOW;
        let open = || rustix::fs::openat(&self.0, name, flags, Mode::empty());
        Ok(File::from(retry_on_intr(open)?))
    }

    /// Makes a new file without a name, for this user only. `Unsupported` if the file system does not have such files.
    pub(crate) fn create_unnamed(&self) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&self.0, OsStr::new("."), flags, PRIVATE_FILE);
        match retry_on_intr(open) {
            Ok(file) => Ok(File::from(file)),
            // A kernel or file system that does not know the flag takes this for opening a directory for writing, which
            // is an error.
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                Err(io::ErrorKind::Unsupported.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Makes a new file under a name that is not taken.
    pub(crate) fn create(&self, name: &str, rights: Rights) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = match rights {
            Rights::Owner => PRIVATE_FILE,
            #[cfg(feature = "npz")]
            Rights::Umask => Mode::from_raw_mode(0o666),
        };
        let open = || rustix::fs::openat(&self.0, name, flags, mode);
        Ok(File::from(retry_on_intr(open)?))
    }

    /// Gives a name to a file made by [`Dir::create_unnamed`]; `AlreadyExists` if the name is taken.
    pub(crate) fn link_unnamed(&self, file: &File, name: &str) -> io::Result<()> {
        let link = |from, path: &[u8], flags| {
            retry_on_intr(|| {
                rustix::fs::linkat(from, OsStr::from_bytes(path), &self.0, name, flags)
            })
        };
        // This does not need /proc, but before Linux 6.10 it needs a privilege; without the privilege the error says that
        // there is no such file.
        match link(file.as_fd(), b"", AtFlags::EMPTY_PATH) {
            Err(Errno::NOENT | Errno::PERM) => {
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                Ok(link(CWD, path.as_bytes(), AtFlags::SYMLINK_FOLLOW)?)
            }
            done => Ok(done?),
        }
    }

    /// Gives a file a second name; `AlreadyExists` if the name is taken.
    pub(crate) fn link(&self, old: &str, new: &str) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(retry_on_intr(|| rustix::fs::linkat(&self.0, old, &self.0, new, flags))?)
    }

    /// Gives a file another name, in one step, and replaces the file that has that name.
    pub(crate) fn rename(&self, old: &str, new: &OsStr) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::renameat(&self.0, old, &self.0, new))?)
    }

    pub(crate) fn unlink(&self, name: &str) -> io::Result<()> {
        Ok(retry_on_intr(|| rustix::fs::unlinkat(&self.0, name, AtFlags::empty()))?)
    }
}

/// The status of the file that a path stands for. A symbolic link is not followed.
pub(crate) fn path_status(path: &Path) -> io::Result<Status> {
    Ok(status(&retry_on_intr(|| rustix::fs::lstat(path))?))
}

/// The status of an open file.
pub(crate) fn file_status(file: &File) -> io::Result<Status> {
    Ok(status(&retry_on_intr(|| rustix::fs::fstat(file))?))
}

// The types of these fields differ between architectures.
#[allow(clippy::unnecessary_cast, clippy::cast_sign_loss, clippy::cast_lossless)]
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
        links: stat.st_nlink as u64,
        identity: (stat.st_dev, stat.st_ino),
        modified: (stat.st_mtime as i64, stat.st_mtime_nsec as u32),
        changed: (stat.st_ctime as i64, stat.st_ctime_nsec as u32),
    }
}

/// Opens the file to which a path leads, and follows links. This does not wait for a pipe without a writer.
#[cfg(feature = "npz")]
pub(crate) fn open_to_read(path: &Path) -> io::Result<File> {
    Ok(File::from(retry_on_intr(|| rustix::fs::open(path, READ, Mode::empty()))?))
}
