//! Work that threads share for the time of one call.
//!
//! The call starts the threads, and they have ended when it returns. A pool that lived longer would fail in a forked child:
//! `fork` copies the pool's memory, but none of its threads, so the child would wait for them in vain. Starting a thread takes
//! some 30 µs, so work is shared only if each thread has more work than that.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Builder};
use std::time::Duration;

/// How often a thread that waits for the others looks.
const TICK: Duration = Duration::from_millis(5);

/// How many threads run at a time, the caller's among them.
pub(crate) fn available() -> usize {
    // No `OnceLock`: a child that is forked while another thread initialises one would wait for that thread.
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

/// How many threads should share work of `all` bytes, if another thread pays off from `each` bytes on. At least one.
pub(crate) fn worth(all: u64, each: u64) -> usize {
    match usize::try_from(all / each).unwrap_or(usize::MAX) {
        0 | 1 => 1,
        most => most.min(available()),
    }
}

/// Works on all items with up to `threads` threads. Each thread takes the next item when it is done with one. Each result
/// stands at the place of its item. `room` makes what a thread needs for all of its items.
///
/// If the system gives fewer threads, or none, the threads that there are do all the work. The caller's thread is one of them.
pub(crate) fn map<T: Send, S, R: Send>(
    threads: usize,
    items: Vec<T>,
    room: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> R + Sync,
) -> Vec<R> {
    map_looking(threads, items, room, work, None)
}

/// The same. The caller's thread calls `look` behind each item that it is done with, and from time to time while it waits for the
/// other threads.
pub(crate) fn map_looking<T: Send, S, R: Send>(
    threads: usize,
    items: Vec<T>,
    room: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> R + Sync,
    mut look: Option<&mut dyn FnMut()>,
) -> Vec<R> {
    let threads = threads.min(items.len());
    if threads < 2 {
        let mut room = room();
        let each = |item| {
            let result = work(&mut room, item);
            if let Some(look) = &mut look {
                look();
            }
            result
        };
        return items.into_iter().map(each).collect();
    }
    let queue = Mutex::new(items.into_iter().enumerate());
    let help = |mut look: Option<&mut dyn FnMut()>| {
        let mut room = room();
        let mut done = Vec::new();
        loop {
            // The lock is released before the work begins.
            let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, item)) = next else { return done };
            done.push((place, work(&mut room, item)));
            if let Some(look) = &mut look {
                look();
            }
        }
    };
    let mut done = thread::scope(|scope| {
        let help = &help;
        let start = |_| {
            let help = move || help(None);
            Builder::new().name("serde_shm".to_owned()).spawn_scoped(scope, help).ok()
        };
        let others: Vec<_> = (1..threads).map_while(start).collect();
        let mut done = help(look.as_mut().map(|look| &mut **look as &mut dyn FnMut()));
        for other in others {
            while let Some(look) = look.as_mut().filter(|_| !other.is_finished()) {
                thread::sleep(TICK);
                look();
            }
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
                // The first item takes longest. It is done last if there are other threads to help.
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
