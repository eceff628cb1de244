//! What ends a lock, and what the next one is told: drop, panic, kill, exit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use ndarray::{Array1, Array2, Ix1, Ix2, array};
use serde_shm::{Element, ErrorKind, LockedArray, Segment};

use crate::child::{self, Child};

pub(crate) const LONG: Duration = Duration::from_secs(60);

pub(crate) fn shared() -> (Segment, LockedArray<u32, Ix1>) {
    let segment = serde_shm::to_shared(&LockedArray::from(vec![1_u32; 100])).unwrap();
    let array = segment.get().unwrap();
    (segment, array)
}

/// Takes a lock and holds it until it ends in the way that is asked for.
pub(crate) fn hold(id: &str, how: &str) {
    let array: LockedArray<u32, Ix1> = serde_shm::from_shared(id).unwrap();
    if how.starts_with("read") {
        let guard = array.read().unwrap();
        child::say("held");
        child::wait();
        drop(guard);
        return;
    }
    let mut guard = array.write().unwrap();
    guard[0] = 77;
    child::say("held");
    child::wait();
    match how {
        "write" => drop(guard),
        "exit" => std::process::exit(0),
        "leak" => {
            std::mem::forget(guard);
            drop(array);
            child::say("leaked");
            std::thread::sleep(LONG);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn who_dies_while_writing_poisons_and_who_dies_while_reading_does_not() {
    let (segment, array) = shared();
    for (how, poisons) in [("read", false), ("write", true)] {
        let mut child = Child::start("hold", &[segment.id(), how]);
        assert_eq!(child.line(), "held");
        assert!(array.try_write().unwrap().is_none());
        assert!(array.write_timeout(Duration::from_millis(30)).unwrap().is_none());
        assert_eq!(array.try_read().unwrap().is_some(), how == "read");
        child.kill();
        // At once: that the holder is dead is found out where it stands in the way, without a wait.
        let next = array.try_write();
        if poisons {
            assert_eq!(next.unwrap_err().kind(), ErrorKind::Poisoned);
            assert_eq!(array.try_read().unwrap_err().kind(), ErrorKind::Poisoned);
            assert!(array.is_poisoned());
            array.clear_poison().unwrap();
            assert_eq!(array.read().unwrap()[0], 77);
        } else {
            drop(next.unwrap().expect("a dead reader is in the way"));
        }
    }
    // One that leaves in order, and one that ends without destructors.
    let mut child = Child::start("hold", &[segment.id(), "write"]);
    child.line();
    child.finish();
    drop(array.try_write().unwrap().unwrap());
    let mut child = Child::start("hold", &[segment.id(), "exit"]);
    child.line();
    child.finish();
    assert_eq!(array.write().unwrap_err().kind(), ErrorKind::Poisoned);
    drop(array.mend().unwrap());
    assert!(!array.is_poisoned());
}

#[test]
fn a_waiting_reader_and_writer_are_let_in_when_the_holder_is_killed() {
    let (segment, array) = shared();
    let mut child = Child::start("hold", &[segment.id(), "write"]);
    child.line();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| array.read_timeout(LONG).map(|guard| guard.is_some()));
        let writer = scope.spawn(|| array.write_timeout(LONG).map(|guard| guard.is_some()));
        std::thread::sleep(Duration::from_millis(50));
        child.kill();
        for waiter in [reader, writer] {
            let error = waiter.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Poisoned);
        }
    });
}

#[test]
fn a_guard_that_is_leaked_with_its_array_is_given_up_by_the_process() {
    let (segment, array) = shared();
    let mut child = Child::start("hold", &[segment.id(), "leak"]);
    child.line();
    // The child goes on when its stdin ends; it stays alive.
    child.let_go();
    assert_eq!(array.write_timeout(LONG).unwrap_err().kind(), ErrorKind::Poisoned);
    child.kill();
}

#[test]
fn a_panic_under_a_write_guard_poisons_and_under_a_read_guard_does_not() {
    let (_segment, shared) = shared();
    for array in [LockedArray::from(vec![1_u32, 2]), shared] {
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = array.read().unwrap();
            panic!("while reading");
        }));
        drop(array.write().unwrap());
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _guard = array.write().unwrap();
            panic!("while writing");
        }));
        let error = array.write().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned);
        assert!(error.to_string().contains("clear_poison"), "{error}");
        array.clear_poison().unwrap();
        // A guard that is dropped while a panic is under way that was so before it was taken.
        struct Late<'a>(&'a LockedArray<u32, Ix1>);
        impl Drop for Late<'_> {
            fn drop(&mut self) {
                self.0.write().unwrap()[0] = 5;
            }
        }
        let _ = catch_unwind(AssertUnwindSafe(|| {
            let _late = Late(&array);
            panic!("elsewhere");
        }));
        assert_eq!(array.read().unwrap()[0], 5);
    }
}

#[test]
fn a_thread_that_would_wait_for_itself_is_told() {
    let (_segment, shared) = shared();
    for array in [LockedArray::from(vec![1_u32, 2]), shared] {
        let first = array.read().unwrap();
        let second = array.clone();
        let again = second.read().unwrap();
        assert_eq!(array.write().unwrap_err().kind(), ErrorKind::Deadlock);
        assert_eq!(array.write_timeout(LONG).unwrap_err().kind(), ErrorKind::Deadlock);
        assert!(array.try_write().unwrap().is_none());
        drop((first, again));
        let guard = array.write().unwrap();
        assert_eq!(array.read().unwrap_err().kind(), ErrorKind::Deadlock);
        assert_eq!(array.write().unwrap_err().kind(), ErrorKind::Deadlock);
        assert!(array.try_read().unwrap().is_none());
        let error = serde_json::to_string(&array).unwrap_err();
        assert!(error.to_string().contains("write guard"), "{error}");
        drop(guard);
        drop(array.write().unwrap());
    }
}

/// Memory comes again: the lock of a later array may lie where that of a leaked guard did.
#[test]
fn a_leaked_guard_is_not_taken_for_one_of_a_later_array() {
    for leaks_writer in [false, true] {
        for _ in 0..20 {
            let first = LockedArray::from(vec![1_u32; 8]);
            if leaks_writer {
                std::mem::forget(first.write().unwrap());
            } else {
                std::mem::forget(first.read().unwrap());
            }
            drop(first);
            let next = LockedArray::from(vec![1_u32; 8]);
            if leaks_writer {
                drop(next.read().unwrap());
                drop(next.write().unwrap());
                continue;
            }
            std::thread::scope(|scope| {
                let (held, is_held) = std::sync::mpsc::channel();
                let (done, is_done) = std::sync::mpsc::channel::<()>();
                let array = &next;
                scope.spawn(move || {
                    let guard = array.write().unwrap();
                    held.send(()).unwrap();
                    let _ = is_done.recv();
                    drop(guard);
                });
                is_held.recv().unwrap();
                assert!(array.try_read().unwrap().is_none(), "two have the lock");
                drop(done);
            });
        }
    }
}

/// A reader takes a second share while a writer waits: it must not wait behind the writer that waits for it.
#[test]
fn a_second_share_is_not_kept_back_by_a_waiting_writer() {
    let (_segment, array) = shared();
    let first = array.read().unwrap();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| drop(array.write().unwrap()));
        std::thread::sleep(Duration::from_millis(30));
        let second = array.read().unwrap();
        drop((first, second));
        writer.join().unwrap();
    });
}

#[test]
fn guards_are_arrays_of_any_shape_and_element() {
    #[derive(Clone, Copy, Debug, PartialEq, Element)]
    #[repr(C)]
    struct Agent {
        id: u16,
        alive: bool,
        at: [f64; 2],
    }
    let agents = Array2::from_elem((2, 3), Agent { id: 1, alive: true, at: [0.5, 1.5] });
    let array = LockedArray::from(agents.clone());
    let seen: LockedArray<Agent, Ix2> = serde_shm::to_shared(&array).unwrap().get().unwrap();
    assert_eq!(*seen.read().unwrap(), agents);
    seen.write().unwrap()[[1, 2]].alive = false;
    assert!(!seen.read().unwrap()[[1, 2]].alive);
    seen.write().unwrap().row_mut(0).fill(Agent { id: 2, alive: true, at: [0.0; 2] });
    assert_eq!(seen.read().unwrap().iter().filter(|agent| agent.id == 2).count(), 3);
    let turned = LockedArray::from(array![[1, 2, 3], [4, 5, 6]].reversed_axes());
    assert_eq!(*turned.read().unwrap(), array![[1, 4], [2, 5], [3, 6]]);
    let sliced = Array1::from_iter(0..10).slice_move(ndarray::s![..;-3]);
    assert_eq!(*LockedArray::from(sliced).read().unwrap(), array![9, 6, 3, 0]);
    let none = LockedArray::from(Array2::<f32>::zeros((0, 4)));
    let none: LockedArray<f32, Ix2> = serde_shm::to_shared(&none).unwrap().get().unwrap();
    assert_eq!(none.write().unwrap().shape(), [0, 4]);
}

const fn is_send_sync<T: Send + Sync>() {}
const _: () = is_send_sync::<LockedArray<f32, Ix2>>();
const _: () = is_send_sync::<serde_shm::AtomicArray<f32, Ix2>>();
