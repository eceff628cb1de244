//! Processes whose `/proc` or clock is not that of the holder of a lock: numbers and times that are not comparable are not
//! compared, or the lock of a holder that lives is taken away.
#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use ndarray::Ix1;
use serde_shm::LockedArray;

use crate::child::{self, Child};
use crate::forks::{fork, reap};

/// Not in every version of `libc`.
const CLONE_NEWTIME: i32 = 0x80;

/// A role as number 1 of a PID namespace whose `/proc` is the outer one's.
fn unshared(how: &str) {
    let is_root = rustix::process::geteuid().is_root();
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(if is_root { &[][..] } else { &["--map-root-user"] });
        command.args(["--pid", "--fork", "--mount"]);
        command
    };
    let works = unshare().arg("true").stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: `unshare --pid` is not allowed here, nothing was tested");
        assert!(std::env::var_os("CI").is_none() || !is_root, "root in CI should be allowed to");
        return;
    }
    Child::run(child::command_by(unshare(), "namespace", &[how]));
}

pub(crate) fn run(how: &str) {
    let segment = serde_shm::to_shared(&LockedArray::from(vec![1_u32; 4])).unwrap();
    let array: LockedArray<u32, Ix1> = segment.get().unwrap();
    match how {
        "proc" => holder_with_another_proc(&array),
        "time" => holder_with_another_clock(&array),
        other => panic!("{other}"),
    }
}

/// The holder is number 1 and has a `/proc` of its own; who waits sees another number 1.
fn holder_with_another_proc(array: &LockedArray<u32, Ix1>) {
    assert_eq!(std::process::id(), 1);
    let (mut near, mut far) = UnixStream::pair().unwrap();
    let pid = fork(|| {
        far.read_exact(&mut [0]).unwrap();
        i32::from(!matches!(array.try_write(), Ok(None)))
    });
    // SAFETY: it concerns the mounts that this thread sees, and no memory.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0);
    let private =
        rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("proc", "/proc", "proc", flags, None).unwrap();
    let guard = array.write().unwrap();
    near.write_all(&[1]).unwrap();
    assert_eq!(reap(pid), 0, "the lock of a holder that lives was taken away");
    drop(guard);
}

/// The holder's time namespace is another: the same process was started at another time there.
fn holder_with_another_clock(array: &LockedArray<u32, Ix1>) {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    let pid = fork(|| {
        // SAFETY: it concerns the clocks that the next child sees, and no memory.
        let unshared = unsafe { libc::unshare(CLONE_NEWTIME) };
        if unshared != 0 {
            return 77;
        }
        if std::fs::write("/proc/self/timens_offsets", "boottime 1000000 0").is_err() {
            return 78;
        }
        reap(fork(|| {
            let guard = array.write().unwrap();
            far.write_all(&[1]).unwrap();
            far.read_exact(&mut [0]).unwrap();
            drop(guard);
            0
        }))
    });
    drop(far);
    match near.read_exact(&mut [0]) {
        Ok(()) => {
            let seen = array.try_write();
            assert!(matches!(seen, Ok(None)), "the lock of a holder that lives was taken away");
            near.write_all(&[1]).unwrap();
            assert_eq!(reap(pid), 0);
        }
        // The kernel has no time namespaces (before 5.6).
        Err(_) => assert_eq!(reap(pid), 77),
    }
}

/// `unshare --pid` without a mount of `/proc`: the number of a holder was looked up among other processes, and a lock
/// taken from a writer that was at work.
#[test]
fn a_holder_is_not_looked_up_in_the_proc_of_other_processes() {
    unshared("proc");
}

#[test]
fn a_holder_of_another_time_namespace_is_not_taken_for_a_later_process() {
    unshared("time");
}
