//! `LockedArray`: what a writer does is seen whole or not at all.

use ndarray::{Array1, Ix1};
use serde_shm::LockedArray;

use crate::child::{self, Child};

/// More than a page, so that a torn write would be seen.
pub(crate) const LEN: usize = 1031;

/// How often something is done: less in a debug build, as often as `SERDE_SHM_LIVE_ROUNDS` says if it is set.
pub(crate) fn rounds(release: usize, debug: usize) -> usize {
    let default = if cfg!(debug_assertions) { debug } else { release };
    match std::env::var("SERDE_SHM_LIVE_ROUNDS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    }
}

pub(crate) fn writer(id: &str, rounds: usize) {
    let (array, _): (LockedArray<u64, Ix1>, u64) = serde_shm::from_shared(id).unwrap();
    for _ in 0..rounds {
        let mut guard = array.write().unwrap();
        let next = guard[0] + 1;
        for item in guard.iter_mut() {
            assert_eq!(*item, next - 1, "a writer found another one's work half done");
            *item = next;
        }
    }
}

/// Reads until the sum says that all writers are done.
pub(crate) fn reader(id: &str) {
    let (array, total): (LockedArray<u64, Ix1>, u64) = serde_shm::from_shared(id).unwrap();
    let (mut last, mut seen) = (0, 0_u64);
    while last < total {
        let guard = array.read().unwrap();
        let first = guard[0];
        assert!(guard.iter().all(|item| *item == first), "a reader found a torn state");
        assert!(first >= last, "a reader went back in time");
        last = first;
        seen += 1;
    }
    child::say(seen);
}

#[test]
fn four_writers_and_four_readers_see_all_elements_equal() {
    let rounds = rounds(25_000, 25_000);
    let object = (LockedArray::from(Array1::<u64>::zeros(LEN)), 4 * rounds as u64);
    let segment = serde_shm::to_shared(&object).unwrap();
    let mut readers: Vec<Child> = (0..4).map(|_| Child::start("reader", &[segment.id()])).collect();
    let count = rounds.to_string();
    let writers: Vec<Child> =
        (0..4).map(|_| Child::start("writer", &[segment.id(), &count])).collect();
    for writer in writers {
        writer.finish();
    }
    for reader in &mut readers {
        let seen: u64 = reader.line().parse().unwrap();
        assert!(seen > 0);
    }
    for reader in readers {
        reader.finish();
    }
    let (array, total): (LockedArray<u64, Ix1>, u64) = segment.get().unwrap();
    assert!(array.read().unwrap().iter().all(|item| *item == total));
    assert_eq!(array.version(), total);
}

#[test]
fn threads_of_one_process_keep_it_too() {
    let rounds = rounds(20_000, 2_000);
    for array in [
        LockedArray::from(Array1::<u64>::zeros(LEN)),
        serde_shm::to_shared(&LockedArray::from(Array1::<u64>::zeros(LEN))).unwrap().get().unwrap(),
    ] {
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        *array.write().unwrap() += 1;
                    }
                });
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let guard = array.read().unwrap();
                        assert!(guard.iter().all(|item| *item == guard[0]));
                    }
                });
            }
        });
        assert_eq!(array.read().unwrap()[LEN - 1], 3 * rounds as u64);
    }
}

/// A writer in a tight loop does not keep others out, and neither do readers that are never all gone.
#[test]
fn nobody_starves() {
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
    use std::time::{Duration, Instant};

    let array: LockedArray<u64, Ix1> =
        serde_shm::to_shared(&LockedArray::from(vec![0_u64; 64])).unwrap().get().unwrap();
    for greedy_writes in [true, false] {
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !stop.load(Relaxed) {
                        if greedy_writes {
                            array.write().unwrap()[0] += 1;
                        } else {
                            let guard = array.read().unwrap();
                            std::thread::sleep(Duration::from_micros(200));
                            drop(guard);
                        }
                    }
                });
            }
            let mut longest = Duration::ZERO;
            for _ in 0..50 {
                let start = Instant::now();
                drop(array.read_timeout(Duration::from_secs(30)).unwrap().unwrap());
                drop(array.write_timeout(Duration::from_secs(30)).unwrap().unwrap());
                longest = longest.max(start.elapsed());
            }
            stop.store(true, Relaxed);
            assert!(longest < Duration::from_secs(5), "somebody waited for {longest:?}");
        });
    }
}
