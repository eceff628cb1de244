//! Children that are forked: they have copies of their parent's handles, guards and descriptors.
#![allow(unsafe_code)]

use std::io::{Read, Write};
use std::mem::ManuallyDrop;

use ndarray::Ix1;
use serde_shm::{ErrorKind, LockedArray};

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
