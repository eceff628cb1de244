//! Pools of this binary, and a look at processes from outside.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_shm::Segment;
use serde_shm::workers::{self, Pool};

pub(crate) fn pool(segment: &Segment) -> Pool {
    Pool::new(segment).unwrap().command(workers::test_command("tasks::serve").unwrap())
}

pub(crate) fn signal(process: u32, signal: u32) {
    let pid = Pid::from_raw(process.cast_signed()).unwrap();
    let signal = [Signal::KILL, Signal::STOP, Signal::TERM, Signal::CONT]
        .into_iter()
        .find(|known| known.as_raw().unsigned_abs() == signal)
        .unwrap();
    kill_process(pid, signal).unwrap();
}

/// The links behind a process's descriptors, its own listing of them left out.
pub(crate) fn descriptors(process: u32) -> Vec<String> {
    std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .map(|link| link.display().to_string())
        .filter(|link| !link.contains("/fd"))
        .collect()
}

fn sockets() -> Vec<u32> {
    let link = |number: &u32| std::fs::read_link(format!("/proc/self/fd/{number}"));
    (3..100)
        .filter(|number| {
            link(number).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
        })
        .collect()
}

/// In a worker: ends all connections under those who have them.
#[allow(unsafe_code)]
pub(crate) fn shut_sockets() {
    use std::os::fd::BorrowedFd;
    for number in sockets() {
        // SAFETY: it is open, and stays so for this call.
        let socket = unsafe { BorrowedFd::borrow_raw(number.cast_signed()) };
        rustix::net::shutdown(socket, rustix::net::Shutdown::Both).unwrap();
    }
}

/// In a worker: makes a file when the process exits.
#[allow(unsafe_code)]
pub(crate) fn make_at_exit(path: String) {
    static PATH: OnceLock<String> = OnceLock::new();
    extern "C" fn make() {
        let _ = PATH.get().map(std::fs::File::create);
    }
    PATH.set(path).unwrap();
    // SAFETY: the function does not unwind.
    assert_eq!(unsafe { libc::atexit(make) }, 0);
}

/// In a worker: says something where only frames belong.
#[allow(unsafe_code)]
pub(crate) fn write_to_sockets(bytes: &[u8]) {
    use std::os::fd::BorrowedFd;
    for number in sockets().into_iter().take(1) {
        // SAFETY: it is open, and stays so for this call.
        let socket = unsafe { BorrowedFd::borrow_raw(number.cast_signed()) };
        rustix::io::write(socket, bytes).unwrap();
    }
}

/// The letter that `/proc` has for what a process is doing; none if it has gone.
pub(crate) fn state(process: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat[stat.rfind(')')? + 2..].chars().next()
}

pub(crate) fn is_gone(process: u32) -> bool {
    matches!(state(process), None | Some('Z' | 'X'))
}

/// Waits for what takes its time, and fails if it takes too long.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "not within 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
