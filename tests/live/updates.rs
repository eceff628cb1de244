//! Waiting for a change.

use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use ndarray::Ix1;
use serde_shm::{AtomicArray, LockedArray};

use crate::child::Child;

const LONG: Duration = Duration::from_secs(60);
const ROUNDS: u64 = 2000;

type Pair = (LockedArray<u64, Ix1>, AtomicArray<u64, Ix1>);

/// Answers each update of the first array by one of the second.
pub(crate) fn notify(id: &str) {
    let (asked, answered): Pair = serde_shm::from_shared(id).unwrap();
    let mut seen = 0;
    while seen < ROUNDS {
        seen = asked.wait_for_update(seen, LONG).unwrap().expect("no update came");
        assert_eq!(asked.read().unwrap()[0], seen);
        answered.store(0, seen, Relaxed).unwrap();
        answered.notify().unwrap();
    }
}

/// Each waits for the other, so that an update that is missed ends in a time-out.
#[test]
fn two_processes_wait_for_each_other_and_miss_nothing() {
    let object = (LockedArray::from(vec![0_u64; 4]), AtomicArray::from(vec![0_u64]));
    let segment = serde_shm::to_shared(&object).unwrap();
    let (asked, answered): Pair = segment.get().unwrap();
    let child = Child::start("notify", &[segment.id()]);
    for round in 1..=ROUNDS {
        asked.write().unwrap().fill(round);
        assert_eq!(asked.version(), round);
        assert_eq!(answered.wait_for_update(round - 1, LONG).unwrap(), Some(round));
        assert_eq!(answered.load(0, Relaxed).unwrap(), round);
    }
    child.finish();
}

#[test]
fn many_threads_wait_for_one_update() {
    let array = AtomicArray::from(vec![0_i32]);
    std::thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..8).map(|_| scope.spawn(|| array.wait_for_update(0, LONG).unwrap())).collect();
        std::thread::sleep(Duration::from_millis(20));
        array.notify().unwrap();
        assert!(waiting.into_iter().all(|waiter| waiter.join().unwrap() == Some(1)));
    });
    // What is past is not waited for.
    assert_eq!(array.wait_for_update(0, LONG).unwrap(), Some(1));
    let start = Instant::now();
    assert_eq!(array.wait_for_update(1, Duration::from_millis(25)).unwrap(), None);
    assert!(start.elapsed() >= Duration::from_millis(25));
    assert_eq!(array.wait_for_update(1, Duration::ZERO).unwrap(), None);
    array.notify().unwrap();
    assert_eq!(array.wait_for_update(1, Duration::MAX).unwrap(), Some(2));
}
