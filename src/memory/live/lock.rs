//! The lock of a live array: readers share it, a writer has it alone, across threads and processes alike.
//!
//! Each holder has a *slot*, and in the slot, for each array, a count of its readers. A reader raises its own count and then
//! looks for a writer. A writer puts its slot into the state and then looks at all counts. Both steps are sequentially
//! consistent, so at least one of the two sees the other. A reader that sees a writer steps back.
//!
//! So each word that says who holds the lock belongs to a slot. When the holder has died, a waiter takes the lock back:
//! [`Table::rescue`].
//!
//! No waiter sleeps for long without looking again, so a wake-up that is lost because its sender died causes a delay and nothing
//! else.

use std::time::Duration;

use super::sync::{AtomicU32, AtomicU64, Ordering, full_fence, sleep_on, spin, wake_all};

/// The bits for the writer's slot plus one; zero if there is no writer.
pub(super) const OWNER: u32 = 0xffff;

/// A waiter sleeps until the state changes.
const WAITING: u32 = 1 << 31;

/// A waiter has waited for so long that newcomers let it go first.
const STARVING: u32 = 1 << 30;

/// How many read guards of an array one slot can have; [`std::sync::Arc`] has the same limit. A count that wrapped around to zero
/// would let a writer in beside its readers. Each thread raises the count by one before it notices the limit. The limit is so far
/// below the wrap that no machine has enough threads to reach it.
pub(super) const MOST_READERS: u32 = 1 << 31;

/// The words of one array's lock, in a cache line of their own. If all are zero, nobody uses the array.
#[repr(C, align(64))]
pub(crate) struct LockWords {
    /// `OWNER`, `WAITING`, `STARVING`.
    pub(super) state: AtomicU32,
    /// Is raised when a reader leaves while a writer waits for it.
    pub(super) drain: AtomicU32,
    /// Not zero while a writer may be changing elements.
    pub(super) dirty: AtomicU32,
    /// Not zero after a writer ended in the midst of a change.
    pub(super) poison: AtomicU32,
    /// How often the array was updated.
    pub(super) version: AtomicU64,
    /// Is raised when an update wakes the threads that wait for one.
    pub(super) signal: AtomicU32,
    /// Not zero if a thread waits for an update.
    pub(super) watched: AtomicU32,
}

/// The slots, as one of them sees them, for one array.
pub(crate) trait Table {
    /// The caller's own slot.
    fn own(&self) -> u32;

    /// Slots from this one on were never used.
    fn used(&self) -> u32;

    /// The number of a slot's readers.
    fn count(&self, slot: u32) -> &AtomicU32;

    /// Takes back what holders had that have ended.
    fn rescue(&self, line: &LockWords);
}

/// How long a waiter waits.
pub(crate) trait Wait {
    /// How long to sleep next, or `None` to give up.
    fn next(&mut self) -> Option<Duration>;

    /// Whether to look once more without sleeping.
    fn spins(&mut self) -> bool;

    /// Whether the waiter has waited for so long that it goes first.
    fn is_starving(&self) -> bool;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockOutcome {
    Held,
    /// Not held: a writer ended in the midst of a change.
    Poisoned,
    /// Not held: others did not give the lock back in time.
    Busy,
    /// Not held: the slot has as many read guards as it can have.
    Full,
}

fn may_enter(state: u32, wait: &impl Wait) -> bool {
    state & OWNER == 0 && (state & STARVING == 0 || wait.is_starving())
}

/// Waits for the writer to leave. Returns false when it is time to give up.
fn pause(line: &LockWords, table: &impl Table, wait: &mut impl Wait) -> bool {
    if wait.spins() {
        spin();
        return true;
    }
    let Some(time) = wait.next() else { return false };
    let state = line.state.load(Ordering::Relaxed);
    if may_enter(state, wait) {
        return true;
    }
    let marked = state | WAITING | if wait.is_starving() { STARVING } else { 0 };
    let marks =
        line.state.compare_exchange(state, marked, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    if marks && sleep_on(&line.state, marked, time) {
        table.rescue(line);
    }
    true
}

/// Takes the lock for reading.
pub(crate) fn read(line: &LockWords, table: &impl Table, wait: &mut impl Wait) -> LockOutcome {
    let count = table.count(table.own());
    let mut rescued = false;
    loop {
        if may_enter(line.state.load(Ordering::Relaxed), wait) {
            let before = count.fetch_add(1, Ordering::SeqCst);
            full_fence();
            if before >= MOST_READERS {
                unread(line, count);
                return LockOutcome::Full;
            }
            let state = line.state.load(Ordering::SeqCst);
            if state & OWNER == 0 {
                if state & STARVING != 0 {
                    line.state.fetch_and(!STARVING, Ordering::Relaxed);
                }
                if line.poison.load(Ordering::Relaxed) == 0 {
                    return LockOutcome::Held;
                }
                unread(line, count);
                return LockOutcome::Poisoned;
            }
            unread(line, count);
        }
        if !pause(line, table, wait) {
            if rescued {
                return LockOutcome::Busy;
            }
            // The holder may be dead. A caller that does not wait must find that out as well.
            rescued = true;
            table.rescue(line);
        }
    }
}

/// Takes the lock for reading once more, for a thread that already has it. A waiting writer cannot be let in before both are
/// given back, so there is no check for one.
pub(crate) fn read_again(line: &LockWords, table: &impl Table) -> LockOutcome {
    let count = table.count(table.own());
    if count.fetch_add(1, Ordering::Relaxed) < MOST_READERS {
        return LockOutcome::Held;
    }
    unread(line, count);
    LockOutcome::Full
}

/// Gives a read lock back.
pub(crate) fn unread(line: &LockWords, count: &AtomicU32) {
    count.fetch_sub(1, Ordering::SeqCst);
    full_fence();
    if line.state.load(Ordering::SeqCst) & OWNER != 0 {
        line.drain.fetch_add(1, Ordering::Release);
        wake_all(&line.drain);
    }
}

/// Takes the lock for writing. If `mend` is set, also that of a poisoned array.
pub(crate) fn write(
    line: &LockWords,
    table: &impl Table,
    wait: &mut impl Wait,
    mend: bool,
) -> LockOutcome {
    let owner = table.own() + 1;
    let mut rescued = false;
    loop {
        let state = line.state.load(Ordering::Relaxed);
        if may_enter(state, wait) {
            let taken = state & WAITING | owner;
            let order = (Ordering::SeqCst, Ordering::Relaxed);
            if line.state.compare_exchange(state, taken, order.0, order.1).is_ok() {
                break;
            }
        } else if !pause(line, table, wait) {
            if rescued {
                return LockOutcome::Busy;
            }
            rescued = true;
            table.rescue(line);
        }
    }
    full_fence();
    loop {
        let seen = line.drain.load(Ordering::Acquire);
        if !(0..table.used()).any(|slot| table.count(slot).load(Ordering::SeqCst) != 0) {
            break;
        }
        if wait.spins() {
            spin();
        } else if let Some(time) = wait.next() {
            if sleep_on(&line.drain, seen, time) {
                table.rescue(line);
            }
        } else if rescued {
            release(line);
            return LockOutcome::Busy;
        } else {
            rescued = true;
            table.rescue(line);
        }
    }
    if !mend && line.poison.load(Ordering::Relaxed) != 0 {
        release(line);
        return LockOutcome::Poisoned;
    }
    // An exchange and not a store, so that no write to an element can come before it.
    line.dirty.swap(1, Ordering::AcqRel);
    LockOutcome::Held
}

/// The state in which a writer leaves the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Unchanged: the writer got no access to them.
    Untouched,
    Well,
    /// Valid again, whatever they were before.
    Mended,
    /// In the midst of a change.
    Torn,
}

/// Gives a write lock back. It counts an update if the elements may have changed.
pub(crate) fn unwrite(line: &LockWords, left: Left) {
    match left {
        Left::Untouched | Left::Well => {}
        Left::Mended => line.poison.store(0, Ordering::Relaxed),
        Left::Torn => line.poison.store(1, Ordering::Relaxed),
    }
    // The update is counted first. If its writer ends here, the update is not lost, and the change counts as one that was not
    // finished.
    let wakes = left != Left::Untouched && count_update(line);
    line.dirty.store(0, Ordering::Release);
    release(line);
    if wakes {
        wake_watchers(line);
    }
}

/// Removes the owner from the state.
fn release(line: &LockWords) {
    if line.state.fetch_and(STARVING, Ordering::SeqCst) & WAITING != 0 {
        wake_all(&line.state);
    }
}

/// Takes a write lock from an owner that has ended. Nobody else may do so at the same time.
pub(super) fn take_back(line: &LockWords) {
    if line.dirty.load(Ordering::Acquire) != 0 {
        line.poison.store(1, Ordering::Relaxed);
        line.dirty.store(0, Ordering::Release);
    }
    release(line);
}

fn count_update(line: &LockWords) -> bool {
    line.version.fetch_add(1, Ordering::SeqCst);
    full_fence();
    line.watched.load(Ordering::SeqCst) != 0 && line.watched.swap(0, Ordering::SeqCst) != 0
}

fn wake_watchers(line: &LockWords) {
    line.signal.fetch_add(1, Ordering::Release);
    wake_all(&line.signal);
}

/// Counts an update and wakes the threads that wait for one.
pub(crate) fn notify(line: &LockWords) {
    if count_update(line) {
        wake_watchers(line);
    }
}

pub(crate) fn is_poisoned(line: &LockWords) -> bool {
    line.poison.load(Ordering::Relaxed) != 0
}

pub(crate) fn clear_poison(line: &LockWords) {
    line.poison.store(0, Ordering::Relaxed);
}

pub(crate) fn version(line: &LockWords) -> u64 {
    line.version.load(Ordering::Acquire)
}

/// Waits until there was another update than `seen`. Returns its number, or `None` if there was no other in time.
pub(crate) fn wait_for_update(line: &LockWords, seen: u64, wait: &mut impl Wait) -> Option<u64> {
    loop {
        let signal = line.signal.load(Ordering::Acquire);
        let found = version(line);
        if found != seen {
            return Some(found);
        }
        line.watched.store(1, Ordering::SeqCst);
        full_fence();
        if line.version.load(Ordering::SeqCst) == seen {
            sleep_on(&line.signal, signal, wait.next()?);
        }
    }
}
