//! What is known of other processes: from the kernel by their numbers, and more from `/proc`, if it belongs to this PID
//! namespace.

use std::io;

use rustix::io::{Errno, retry_on_intr};
use rustix::process::Pid;

/// Whether `/proc` shows that process.
pub(crate) fn process_is_shown(process: u32) -> bool {
    rustix::fs::stat(format!("/proc/{process}")).is_ok()
}

/// Whether there is such a process in this PID namespace, even if `/proc` hides it.
pub(crate) fn process_exists(process: u32) -> bool {
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) != Err(Errno::SRCH))
}

/// Whether `/proc` shows the processes of this PID namespace under their numbers. In a namespace that was made without a
/// `/proc` of its own (`unshare --pid`), it shows those of an outer namespace, where the same numbers belong to other
/// processes.
pub(crate) fn proc_is_own() -> bool {
    // The line has this process's numbers, from the namespace that /proc belongs to down to the process's own. It is not
    // enough to compare one number, which can be the same in both.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    match status.lines().find_map(|line| line.strip_prefix("NSpid:")) {
        Some(numbers) => numbers.split_ascii_whitespace().count() == 1,
        // Before Linux 4.1.
        None => std::fs::read_link("/proc/self")
            .is_ok_and(|link| link.to_str() == Some(&std::process::id().to_string())),
    }
}

/// When a process was started, in ticks since the machine was started, as this time namespace counts them. The number and
/// the start time together tell a process from all others.
///
/// # Errors
///
/// `NotFound` if there is no such process, or `/proc` hides it; `Unsupported` if `/proc` shows other processes.
pub(crate) fn started(process: u32) -> io::Result<u64> {
    let text = if process == std::process::id() {
        std::fs::read("/proc/self/stat")
    } else if proc_is_own() {
        std::fs::read(format!("/proc/{process}/stat"))
    } else {
        Err(io::ErrorKind::Unsupported.into())
    }?;
    field(&text, 22)
        .and_then(|started| started.parse().ok())
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The error of opening another process's descriptor. If that process has begun to end, or has ended and its parent has
/// not waited for it yet, the error becomes `NotFound`; for users other than root the kernel says instead that the
/// process may not be looked at.
pub(super) fn of_ending(process: u32, error: io::Error) -> io::Error {
    /// The kernel's process flag `PF_EXITING`.
    const EXITING: u64 = 4;
    if error.kind() != io::ErrorKind::PermissionDenied {
        return error;
    }
    let text = std::fs::read(format!("/proc/{process}/stat")).unwrap_or_default();
    let flags = field(&text, 9).and_then(|flags| flags.parse::<u64>().ok());
    match flags {
        Some(flags) if flags & EXITING != 0 => Errno::NOENT.into(),
        _ => error,
    }
}

/// A field of `/proc/PID/stat` after the second one. The first field has the number 1.
fn field(stat: &[u8], number: usize) -> Option<&str> {
    // The second field is the program's name in parentheses, which may have any characters.
    let after_name = stat.iter().rposition(|byte| *byte == b')').map(|at| &stat[at + 1..])?;
    std::str::from_utf8(after_name).ok()?.split_ascii_whitespace().nth(number.checked_sub(3)?)
}

/// The PID namespace of this process, in which alone process numbers are valid.
pub(crate) fn process_namespace() -> io::Result<u64> {
    Ok(retry_on_intr(|| rustix::fs::stat("/proc/self/ns/pid"))?.st_ino)
}

/// The time namespace of this process, in which alone the times of [`started`] can be compared; zero if the kernel does
/// not have time namespaces (before 5.6).
#[cfg(feature = "ndarray")]
pub(crate) fn time_namespace() -> io::Result<u64> {
    match retry_on_intr(|| rustix::fs::stat("/proc/self/ns/time")) {
        Err(Errno::NOENT) => Ok(0),
        found => Ok(found?.st_ino),
    }
}
