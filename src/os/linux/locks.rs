//! What locks in live memory need: mappings that other processes write to, locks on single bytes of a file, futexes, and
//! whether a process has ended.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use memmap2::{MmapOptions, MmapRaw};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::{Pid, PidfdFlags};
use rustix::thread::futex;

use super::forks::OwnMapping;
use super::{again, process_exists, started};

/// A mapped part of a live memory file. This module never makes a slice of it, because other processes write to it.
pub(crate) struct LiveMap {
    /// Dropped before the mapping.
    own: Option<OwnMapping>,
    map: MmapRaw,
}

impl LiveMap {
    /// Maps a part that lies within the file. The file cannot be cut, which [`check_live`] has checked.
    pub(crate) fn new(file: &File, start: u64, len: usize, writable: bool) -> io::Result<Self> {
        let mut options = MmapOptions::new();
        options.offset(start).len(len);
        let map = || if writable { options.map_raw(file) } else { options.map_raw_read_only(file) };
        Ok(LiveMap { own: None, map: again(map)? })
    }

    /// The same, but a forked child cannot use the mapping.
    pub(crate) fn new_own(file: &File, start: u64, len: usize, writable: bool) -> io::Result<Self> {
        let mut map = LiveMap::new(file, start, len, writable)?;
        map.own = Some(OwnMapping::new(&map.map)?);
        Ok(map)
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }
}

fn byte_lock(file: &File, command: i32, kind: i32, byte: u64) -> io::Result<libc::flock> {
    let start = libc::off_t::try_from(byte).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: start,
        l_len: 1,
        l_pid: 0,
    };
    loop {
        // SAFETY: the commands for locks take a `flock`, which `lock` is, and which the call may fill.
        let done = unsafe { libc::fcntl(file.as_raw_fd(), command, &raw mut lock) };
        if done != -1 {
            return Ok(lock);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Locks a byte of the file for this description of the file; false if another description has the lock. The kernel frees
/// the lock when the last copy of the description's descriptor is closed, at the latest when the process ends, however it
/// ends.
pub(crate) fn try_lock_byte(file: &File, byte: u64) -> io::Result<bool> {
    match byte_lock(file, libc::F_OFD_SETLK, libc::F_WRLCK, byte) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn unlock_byte(file: &File, byte: u64) {
    // Unlocking a byte that is not locked does nothing, and nothing else can fail.
    let _ = byte_lock(file, libc::F_OFD_SETLK, libc::F_UNLCK, byte);
}

/// Whether another description of the file has the byte locked.
pub(crate) fn is_byte_locked(file: &File, byte: u64) -> io::Result<bool> {
    let found = byte_lock(file, libc::F_OFD_GETLK, libc::F_WRLCK, byte)?;
    Ok(i32::from(found.l_type) != libc::F_UNLCK)
}

/// Sleeps while the word has this value, until another thread or process wakes it, but at most for `most`. Returns
/// whether the time ran out. It may return early. The word may lie in memory that processes share.
pub(crate) fn sleep_on(word: &AtomicU32, value: u32, most: Duration) -> bool {
    let most = most.min(Duration::from_secs(3600));
    let timeout = Timespec {
        tv_sec: i64::try_from(most.as_secs()).unwrap_or(3600),
        tv_nsec: most.subsec_nanos().into(),
    };
    futex::wait(word, futex::Flags::empty(), value, Some(&timeout)) == Err(Errno::TIMEDOUT)
}

/// Wakes all threads, of any process, that sleep on the word.
pub(crate) fn wake_all(word: &AtomicU32) {
    let _ = futex::wake(word, futex::Flags::empty(), i32::MAX.unsigned_abs());
}

/// Whether the process with this number and start time has ended: it is gone, it is a zombie without threads, or another
/// process has its number by now. The last is checked only if the start time is known. If this process cannot find out,
/// the answer is false.
pub(crate) fn has_ended(process: u32, start: Option<u64>) -> bool {
    if !process_exists(process) {
        return true;
    }
    let Some(pid) = i32::try_from(process).ok().and_then(Pid::from_raw) else { return false };
    let handle = match retry_on_intr(|| rustix::process::pidfd_open(pid, PidfdFlags::empty())) {
        Ok(handle) => handle,
        Err(error) => return error == Errno::SRCH,
    };
    // The start time is read after the handle was made, so the handle belongs to the process of that start time or to a
    // later one.
    if start.is_some_and(|start| started(process).is_ok_and(|found| found != start)) {
        return true;
    }
    let mut polled = [PollFd::new(&handle, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    retry_on_intr(|| rustix::event::poll(&mut polled, Some(&now))) == Ok(1)
}
