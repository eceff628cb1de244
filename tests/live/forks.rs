//! Children that are forked: they have copies of their parent's handles, guards and descriptors.
#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ndarray::Ix1;
use serde_shm::{AtomicArray, ErrorKind, LockedArray, Segment, UntypedLive};

use crate::child::{self, Child};
use crate::locks::{LONG, shared};

/// Runs `child` in a child, whose status is what it gives.
pub(crate) fn fork(child: impl FnOnce() -> i32) -> libc::pid_t {
    // SAFETY: the roles below have no other thread that works: the test harness waits for theirs.
    match unsafe { libc::fork() } {
        0 => {
            let status = child();
            // SAFETY: it ends the process without destructors, which are the parent's.
            unsafe { libc::_exit(status) }
        }
        pid => {
            assert!(pid > 0);
            pid
        }
    }
}

pub(crate) fn reap(pid: libc::pid_t) -> i32 {
    let mut status = 0;
    // SAFETY: `status` is an integer of its own, for the call to fill.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    libc::WEXITSTATUS(status)
}

/// How a child ended: its exit code, or the signal.
fn end_of(pid: libc::pid_t) -> Result<i32, i32> {
    let mut status = 0;
    // SAFETY: `status` is an integer of its own, for the call to fill.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) {
        Err(libc::WTERMSIG(status))
    } else {
        Ok(libc::WEXITSTATUS(status))
    }
}

/// Whether it panics, and says why.
fn is_refused(use_it: impl FnOnce()) -> bool {
    let caught = catch_unwind(AssertUnwindSafe(use_it));
    caught.is_err_and(|why| {
        why.downcast_ref::<String>().is_some_and(|text| text.contains("forked child"))
            || why.downcast_ref::<&str>().is_some_and(|text| text.contains("forked child"))
    })
}

/// In a role: what a child does with guards that it inherited, and with what was borrowed from them.
pub(crate) fn inherited(id: &str, how: &str) {
    let array: LockedArray<u32, Ix1> = serde_shm::from_shared(id).unwrap();
    match how {
        "write" => {
            let mut guard = array.write().unwrap();
            guard[0] = 5;
            let pid = fork(|| {
                let reads = is_refused(|| assert!(guard.sum() > 0));
                let writes = is_refused(|| guard[0] = 9);
                i32::from(!(reads && writes))
            });
            child::say(end_of(pid) == Ok(0) && guard[0] == 5);
        }
        "read" => {
            let guard = array.read().unwrap();
            let pid = fork(|| i32::from(!is_refused(|| assert!(guard.sum() > 0))));
            child::say(end_of(pid) == Ok(0) && guard[0] == 1);
        }
        // Guards that keep their array, whose type is not known.
        "untyped-write" => {
            let any: UntypedLive = serde_shm::from_shared(id).unwrap();
            let mut guard = any.write().unwrap();
            guard.set(&[0], &5_u32.to_le_bytes()).unwrap();
            let pid = fork(|| {
                let reads = is_refused(|| assert!(!guard.view().is_empty()));
                let writes = is_refused(|| guard.set(&[0], &9_u32.to_le_bytes()).unwrap());
                let all = is_refused(|| guard.bytes_mut().unwrap().fill(9));
                i32::from(!(reads && writes && all))
            });
            let seen = guard.view().view::<u32, Ix1>().unwrap()[0];
            child::say(end_of(pid) == Ok(0) && seen == 5);
        }
        "untyped-read" => {
            let any: UntypedLive = serde_shm::from_shared(id).unwrap();
            let guard = any.read().unwrap();
            let pid = fork(|| i32::from(!is_refused(|| assert!(!guard.view().is_empty()))));
            let seen = guard.view().view::<u32, Ix1>().unwrap()[0];
            child::say(end_of(pid) == Ok(0) && seen == 1);
        }
        // What was borrowed before the fork is asked nothing when it is used.
        "borrowed" => {
            let mut guard = array.write().unwrap();
            let mut view = guard.view_mut();
            let pid = fork(|| {
                // What the child maps next must not come to lie there.
                let maps: Vec<_> = (0..64).map(|_| vec![1_u8; 256 << 10]).collect();
                view[0] = 9;
                i32::from(maps.len() == 64)
            });
            child::say(end_of(pid) == Err(libc::SIGSEGV) && view[0] == 1);
        }
        "borrowed-read" => {
            let guard = array.read().unwrap();
            let view = guard.view();
            let pid = fork(|| i32::from(view.sum() > 0));
            child::say(end_of(pid) == Err(libc::SIGSEGV) && view[0] == 1);
        }
        // The array itself serves in a child, and in the child's child, and can be dropped there.
        "handles" => {
            array.write().unwrap()[1] = 5;
            let pid = fork(|| {
                array.write().unwrap()[1] += 1;
                let other = array.clone();
                let pid = fork(|| {
                    other.write().unwrap()[1] += 1;
                    drop(other);
                    0
                });
                end_of(pid).unwrap_or(1)
            });
            let well = end_of(pid) == Ok(0);
            child::say(well && array.write_timeout(LONG).unwrap().unwrap()[1] == 7);
        }
        // As a daemon is made: the parent ends, and its child's child goes on with the guard.
        "daemon" => {
            let mut guard = array.write().unwrap();
            guard[0] = 5;
            fork(|| {
                // SAFETY: it changes the session of this process, and no memory.
                assert_ne!(unsafe { libc::setsid() }, -1);
                fork(|| {
                    child::wait();
                    child::say(is_refused(|| guard[0] = 9));
                    0
                });
                0
            });
            child::say("forked");
            // SAFETY: it ends the process without destructors: the lock is left as it is.
            unsafe { libc::_exit(0) }
        }
        other => panic!("{other}"),
    }
}

/// In a role: a child that is forked takes a lock of its own, and what it inherited does not keep its parent's.
pub(crate) fn forked(id: &str, how: &str) {
    let array: LockedArray<u32, Ix1> = serde_shm::from_shared(id).unwrap();
    drop(array.read().unwrap()); // it has its slot
    match how {
        // The child writes and dies; the parent is told.
        "child-dies" => {
            let pid = fork(|| {
                let mut guard = array.write().unwrap();
                guard[1] = 9;
                std::mem::forget(guard);
                0
            });
            reap(pid);
            child::say(array.write().unwrap_err().kind() == ErrorKind::Poisoned);
        }
        // The child has a copy of the parent's guard, drops it, and the lock stays the parent's.
        "copy" => {
            let mut copy = ManuallyDrop::new(array.write().unwrap());
            let pid = fork(|| {
                // SAFETY: it is dropped once in each process.
                unsafe { ManuallyDrop::drop(&mut copy) };
                array.try_write().unwrap().is_some().into()
            });
            child::say(reap(pid) == 0);
            drop(ManuallyDrop::into_inner(copy));
        }
        // The child knows of its parent's share, and must not take a second one on the strength of it.
        "share" => {
            let guard = array.read().unwrap();
            let (mut parent, mut child) = std::os::unix::net::UnixStream::pair().unwrap();
            let pid = fork(|| {
                child.read_exact(&mut [0]).unwrap();
                array.try_read().unwrap().is_some().into()
            });
            drop(guard);
            let guard = array.write().unwrap();
            parent.write_all(&[1]).unwrap();
            child::say(reap(pid) == 0);
            drop(guard);
        }
        // An array of this process alone is the child's own from then on, with the lock that was taken.
        "private" => {
            let array = LockedArray::from(vec![1_u32; 4]);
            let mut copy = ManuallyDrop::new(array.write().unwrap());
            let pid = fork(|| {
                copy[0] = 2;
                let is_held = array.try_read().unwrap().is_none();
                // SAFETY: it is dropped once in each process.
                unsafe { ManuallyDrop::drop(&mut copy) };
                i32::from(!is_held || array.read().unwrap()[0] != 2)
            });
            let is_well = reap(pid) == 0;
            drop(ManuallyDrop::into_inner(copy));
            child::say(is_well && array.read().unwrap()[0] == 1);
        }
        // The parent is killed with the lock in its hands; the child lives on and has all its descriptors.
        "parent-dies" => {
            let guard = array.write().unwrap();
            fork(|| {
                child::say("held");
                std::thread::sleep(LONG);
                0
            });
            std::thread::sleep(LONG);
            drop(guard);
        }
        other => panic!("{other}"),
    }
}

/// A crate that makes a daemon forks, and its call is safe: the child went on with the write guard that it had, while
/// another process had the lock.
#[test]
fn a_guard_that_a_child_inherited_is_of_no_use_there() {
    for how in
        ["write", "read", "untyped-write", "untyped-read", "borrowed", "borrowed-read", "handles"]
    {
        let (segment, _array) = shared();
        let mut child = Child::start("inherited", &[segment.id(), how]);
        assert_eq!(child.line(), "true", "{how}");
        child.finish();
    }
}

#[test]
fn a_daemon_does_not_write_through_the_guard_of_who_started_it() {
    let (segment, array) = shared();
    let mut child = Child::start("inherited", &[segment.id(), "daemon"]);
    assert_eq!(child.line(), "forked");
    // Who had the lock has gone; its child's child has its descriptors and its guard.
    let error = array.write_timeout(LONG).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned);
    let guard = array.mend().unwrap();
    assert_eq!(guard[0], 5);
    child.let_go();
    assert_eq!(child.line(), "true");
    assert_eq!(guard[0], 5);
    drop(guard);
    drop(array.write_timeout(Duration::from_secs(1)).unwrap().unwrap());
}

/// Atomic arrays have no guards: a child's are its parent's, also beside a locked array in the same object.
#[test]
fn an_atomic_array_is_shared_with_a_forked_child() {
    let object = (AtomicArray::from(vec![1_u32; 4]), LockedArray::from(vec![1_u32; 4]));
    let segment = serde_shm::to_shared(&object).unwrap();
    let mut child = Child::start("counts", &[segment.id()]);
    assert_eq!(child.line(), "2 2");
    child.finish();
}

pub(crate) fn counts(id: &str) {
    type Object = (AtomicArray<u32, Ix1>, LockedArray<u32, Ix1>);
    let segment = Segment::open(id).unwrap();
    let (atomic, locked): Object = segment.get().unwrap();
    let pid = fork(|| {
        atomic.fetch_add(0, 1, Relaxed).unwrap();
        locked.write().unwrap()[0] += 1;
        0
    });
    assert_eq!(end_of(pid), Ok(0));
    child::say(format_args!("{} {}", atomic.load(0, Relaxed).unwrap(), locked.read().unwrap()[0]));
}

#[test]
fn forked_children_have_locks_of_their_own() {
    for how in ["child-dies", "copy", "share", "private"] {
        let (segment, _array) = shared();
        let mut child = Child::start("forked", &[segment.id(), how]);
        assert_eq!(child.line(), "true", "{how}");
        child.finish();
    }
}

#[test]
fn a_lock_whose_holder_was_killed_is_free_though_a_forked_child_lives() {
    for reap in [true, false] {
        let (segment, array) = shared();
        let mut child = Child::start("forked", &[segment.id(), "parent-dies"]);
        assert_eq!(child.line(), "held");
        assert!(array.try_write().unwrap().is_none());
        if reap {
            child.kill();
            let error = array.write_timeout(LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Poisoned);
        } else {
            // A zombie.
            child.kill_only();
            let error = array.write_timeout(LONG).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Poisoned);
            child.kill();
        }
    }
}
