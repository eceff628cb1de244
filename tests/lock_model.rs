//! The lock of live arrays under loom: every interleaving of a few threads within a bound of preemptions, with loom's
//! atomics in the place of the standard library's. The futex never times out here, so that a wake-up that is lost is
//! a deadlock, which loom reports; elements are a cell that it watches for races.
//!
//! `LOOM_MAX_PREEMPTIONS=4` looks at more.
#![allow(missing_docs)]

#[path = "../src/memory/live"]
mod live {
    #[allow(dead_code, unreachable_pub)]
    pub(super) mod lock;

    pub(super) mod sync {
        use std::cell::Cell;
        use std::time::Duration;

        pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
        use loom::sync::{Condvar, Mutex};

        loom::lazy_static! {
            static ref SLEEPERS: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
        }

        /// loom takes sequentially consistent accesses for weaker ones, and fences for what they are.
        pub(crate) fn full_fence() {
            loom::sync::atomic::fence(Ordering::SeqCst);
        }

        pub(crate) fn spin() {
            loom::thread::yield_now();
        }

        thread_local! {
            /// Whether sleepers are woken by the time alone. A model's threads are all of one thread of the system.
            pub(crate) static TIMES_OUT: Cell<bool> = const { Cell::new(false) };
        }

        pub(crate) fn sleep_on(word: &AtomicU32, value: u32, _: Duration) -> bool {
            if TIMES_OUT.get() {
                loom::thread::yield_now();
                return true;
            }
            let awake = SLEEPERS.0.lock().unwrap();
            if word.load(Ordering::SeqCst) == value {
                drop(SLEEPERS.1.wait(awake).unwrap());
            }
            false
        }

        pub(crate) fn wake_all(_: &AtomicU32) {
            let _awake = SLEEPERS.0.lock().unwrap();
            SLEEPERS.1.notify_all();
        }
    }

    /// A slot whose holder has ended, in the models that have one.
    const DEAD: u32 = 2;

    /// Slots of a model, one for each process.
    pub(super) struct Shared {
        pub(super) line: lock::LockWords,
        pub(super) counts: [sync::AtomicU32; 3],
        /// The byte that is locked to take back what somebody left.
        pub(super) changes: loom::sync::Mutex<()>,
    }

    use sync::Ordering;

    impl Shared {
        pub(super) fn new() -> Self {
            let zero = || sync::AtomicU32::new(0);
            let line = lock::LockWords {
                state: zero(),
                drain: zero(),
                dirty: zero(),
                poison: zero(),
                version: sync::AtomicU64::new(0),
                signal: zero(),
                watched: zero(),
            };
            let changes = loom::sync::Mutex::new(());
            Shared { line, counts: [zero(), zero(), zero()], changes }
        }

        /// What a holder left that has ended.
        pub(super) fn left_by(owner: bool, dirty: bool, reads: bool) -> Self {
            let shared = Shared::new();
            shared.line.state.store(u32::from(owner) * (DEAD + 1), Ordering::SeqCst);
            shared.line.dirty.store(dirty.into(), Ordering::SeqCst);
            shared.counts[DEAD as usize].store(reads.into(), Ordering::SeqCst);
            shared
        }

        /// As the crate's own, with a slot that is known to be dead in the place of the system calls that tell.
        pub(super) fn rescue(&self) {
            let Ok(_changes) = self.changes.try_lock() else { return };
            if self.line.state.load(Ordering::Acquire) & lock::OWNER == DEAD + 1 {
                lock::take_back(&self.line);
            }
            let count = &self.counts[DEAD as usize];
            if count.load(Ordering::Acquire) != 0 {
                count.store(0, Ordering::SeqCst);
            }
        }
    }
}

use std::time::Duration;

use live::Shared;
use live::lock::{self, Left, LockOutcome, LockWords, Table, Wait};
use live::sync::{AtomicU32, TIMES_OUT};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

struct Slots<'a> {
    shared: &'a Shared,
    own: u32,
}

impl Table for Slots<'_> {
    fn own(&self) -> u32 {
        self.own
    }

    fn used(&self) -> u32 {
        3
    }

    fn count(&self, slot: u32) -> &AtomicU32 {
        &self.shared.counts[slot as usize]
    }

    fn rescue(&self, _: &LockWords) {
        self.shared.rescue();
    }
}

/// Waits without end, or not at all.
struct Patient(bool);

impl Wait for Patient {
    fn next(&mut self) -> Option<Duration> {
        self.0.then_some(Duration::ZERO)
    }

    fn spins(&mut self) -> bool {
        false
    }

    fn is_starving(&self) -> bool {
        !self.0
    }
}

struct Array {
    shared: Shared,
    items: UnsafeCell<u32>,
}

// SAFETY: that the cell is accessed under the lock only is what the model checks, by loom's own cell.
#[allow(unsafe_code)]
unsafe impl Sync for Array {}

impl Array {
    fn new() -> Arc<Self> {
        Arc::new(Array { shared: Shared::new(), items: UnsafeCell::new(0) })
    }

    fn write(&self, own: u32, patient: bool) -> bool {
        let slots = Slots { shared: &self.shared, own };
        let line = &self.shared.line;
        let held = lock::write(line, &slots, &mut Patient(patient), false) == LockOutcome::Held;
        if held {
            // SAFETY: loom panics if another thread has the cell or did not synchronise with this one.
            #[allow(unsafe_code)]
            self.items.with_mut(|items| unsafe { *items += 1 });
            lock::unwrite(line, Left::Well);
        }
        held
    }

    fn read(&self, own: u32, patient: bool) -> Option<u32> {
        let slots = Slots { shared: &self.shared, own };
        let line = &self.shared.line;
        if lock::read(line, &slots, &mut Patient(patient)) != LockOutcome::Held {
            return None;
        }
        // SAFETY: as in `write`.
        #[allow(unsafe_code)]
        let seen = self.items.with(|items| unsafe { *items });
        lock::unread(line, slots.count(own));
        Some(seen)
    }
}

fn model(check: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(3);
    builder.check(check);
}

#[test]
fn two_writers_exclude_each_other_and_both_get_in() {
    model(|| {
        let array = Array::new();
        let other = array.clone();
        let writer = thread::spawn(move || assert!(other.write(1, true)));
        assert!(array.write(0, true));
        writer.join().unwrap();
        assert_eq!(array.read(0, true), Some(2));
    });
}

#[test]
fn a_writer_and_a_reader_exclude_each_other_and_both_get_in() {
    model(|| {
        let array = Array::new();
        let other = array.clone();
        let writer = thread::spawn(move || assert!(other.write(1, true)));
        assert!(array.read(0, true).unwrap() < 2);
        writer.join().unwrap();
        assert_eq!(array.read(0, true), Some(1));
    });
}

/// Two threads of one process have one slot.
#[test]
fn two_readers_of_one_slot_and_a_writer() {
    model(|| {
        let array = Array::new();
        let others: Vec<_> = [0, 1]
            .map(|slot| {
                let array = array.clone();
                thread::spawn(move || {
                    if slot == 0 {
                        array.read(0, true);
                    } else {
                        assert!(array.write(slot, true));
                    }
                })
            })
            .into();
        array.read(0, true);
        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn who_does_not_wait_gets_in_or_leaves_no_trace() {
    model(|| {
        let array = Array::new();
        let other = array.clone();
        let writer = thread::spawn(move || u32::from(other.write(1, false)));
        let wrote = u32::from(array.write(0, false));
        array.read(0, false);
        let wrote = wrote + writer.join().unwrap();
        assert_eq!(array.read(2, false), Some(wrote));
        assert!(array.write(2, false));
    });
}

/// A holder ended before it was let in, in the midst of a change, or while it read. Two that wait take it back, by turns
/// or at once, and never from each other.
#[test]
fn what_a_dead_holder_left_is_taken_back_and_nothing_else() {
    TIMES_OUT.set(true);
    let (yes, no) = (true, false);
    for (owner, dirty, reads) in [(yes, no, no), (yes, yes, no), (no, no, yes), (yes, no, yes)] {
        model(move || {
            let shared = Shared::left_by(owner, dirty, reads);
            let array = Arc::new(Array { shared, items: UnsafeCell::new(0) });
            let other = array.clone();
            let writer = thread::spawn(move || other.write(1, true));
            let wrote = array.write(0, true);
            // Who found the array torn was told, and nobody else was let in.
            assert_eq!((wrote, writer.join().unwrap()), (!dirty, !dirty));
            assert_eq!(lock::is_poisoned(&array.shared.line), dirty);
            lock::clear_poison(&array.shared.line);
            assert_eq!(array.read(0, true), Some(if dirty { 0 } else { 2 }));
        });
    }
    TIMES_OUT.set(false);
}

#[test]
fn an_update_is_not_missed_by_who_waits_for_it() {
    model(|| {
        let array = Array::new();
        let other = array.clone();
        let writer = thread::spawn(move || {
            other.write(1, true);
            lock::notify(&other.shared.line);
        });
        let mut seen = 0;
        while seen < 2 {
            let line = &array.shared.line;
            let found = lock::wait_for_update(line, seen, &mut Patient(true)).unwrap();
            assert!(found > seen);
            seen = found;
        }
        writer.join().unwrap();
    });
}
