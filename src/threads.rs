//! Work that threads share, for as long as one call takes.
//!
//! The threads are started by the call and have ended when it returns. A pool that outlived it would be waited for in vain
//! by a forked child: `fork` copies the pool's memory and none of its threads. To start a thread takes some 30 µs, so
//! that work is shared only where each thread has more of it than that.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};

/// How many threads run at a time, the caller's among them.
pub(crate) fn available() -> usize {
    // Not a `OnceLock`: a child that is forked while another thread sets one would wait for that thread.
    static AVAILABLE: AtomicUsize = AtomicUsize::new(0);
    match AVAILABLE.load(Relaxed) {
        0 => {
            let found = thread::available_parallelism().map_or(1, usize::from);
            AVAILABLE.store(found, Relaxed);
            found
        }
        known => known,
    }
}

/// How many threads share work of `all` bytes, if it is worth a thread from `each` bytes on: at least one.
pub(crate) fn worth(all: u64, each: u64) -> usize {
    match usize::try_from(all / each).unwrap_or(usize::MAX) {
        0 | 1 => 1,
        most => most.min(available()),
    }
}

/// Does the work of all items, on up to `threads` threads, each of which takes the next item when it is done with one.
/// What an item gives stands where the item stood. `room` makes what a thread needs for all of its items.
///
/// Where the system gives fewer threads, or none, those that there are do all of it: the caller's is one of them.
pub(crate) fn map<T: Send, S, R: Send>(
    threads: usize,
    items: Vec<T>,
    room: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(items.len());
    if threads < 2 {
        let mut room = room();
        return items.into_iter().map(|item| work(&mut room, item)).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    let help = || {
        let mut room = room();
        let mut done = Vec::new();
        loop {
            // Given back before the work begins.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, item)) = next else { return done };
            done.push((place, work(&mut room, item)));
        }
    };
    let mut done = thread::scope(|scope| {
        let start = |_| Builder::new().name("serde_shm".to_owned()).spawn_scoped(scope, help).ok();
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let mut done = help();
        for other in others {
            done.append(&mut other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_where_their_items_stood() {
        for threads in [0, 1, 2, 3, 40] {
            for count in [0, 1, 2, 33] {
                let items: Vec<usize> = (0..count).collect();
                // The first takes longest, and is done last where there are others to help.
                let work = |(): &mut (), item: usize| {
                    if item == 0 {
                        thread::sleep(std::time::Duration::from_millis(2));
                    }
                    item * 2
                };
                let expected: Vec<usize> = (0..count).map(|item| item * 2).collect();
                assert_eq!(map(threads, items, || (), work), expected);
            }
        }
    }

    #[test]
    fn every_thread_has_a_room_and_the_caller_is_one_of_them() {
        let rooms = AtomicUsize::new(0);
        let caller = thread::current().id();
        let work = |room: &mut usize, ()| {
            thread::sleep(std::time::Duration::from_millis(20));
            (*room, thread::current().id())
        };
        let done = map(3, vec![(); 6], || rooms.fetch_add(1, Relaxed), work);
        assert_eq!(rooms.into_inner(), 3);
        assert!(done.iter().any(|(_, id)| *id == caller));
        assert!(done.iter().any(|(_, id)| *id != caller));
    }

    #[test]
    fn little_work_is_done_by_the_caller() {
        assert_eq!(worth(0, 100), 1);
        assert_eq!(worth(199, 100), 1);
        assert_eq!(worth(200, 100), available().min(2));
        assert_eq!(worth(u64::MAX, 1), available());
    }

    #[test]
    #[should_panic(expected = "no more")]
    fn a_panic_of_another_thread_is_the_callers() {
        let caller = thread::current().id();
        let work = |(): &mut (), ()| {
            thread::sleep(std::time::Duration::from_millis(20));
            assert!(thread::current().id() == caller, "no more");
        };
        map(2, vec![(); 4], || (), work);
    }
}
