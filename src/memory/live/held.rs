//! Elements under the guard of their lock. Only this file makes slices of live memory.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::marker::PhantomData;
use std::sync::MutexGuard;

use crate::element::{self, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::os;

use super::holders::Slots;
use super::lock::{self, Left, LockOutcome, LockWords, Table, Wait};
use super::region::LiveRegion;

/// How a guard shows a slice. `Seen` does not name the slice's lifetime, so no reference to the slice outlives the guard.
pub(crate) trait GuardView<A: 'static> {
    type Seen: ?Sized;
    type Shared<'a>;
    type Exclusive<'a>;
    fn shared<'s>(view: &'s Self::Shared<'_>) -> &'s Self::Seen;
    fn exclusive<'s>(view: &'s Self::Exclusive<'_>) -> &'s Self::Seen;
    fn exclusive_mut<'s>(view: &'s mut Self::Exclusive<'_>) -> &'s mut Self::Seen;
}

/// Keeps a region, and with it the region's elements, for `'k`. It is either a borrow of the region or a share of it. There
/// are no other implementations: the guards rely on that, and this file alone has the trait that seals it.
pub(crate) trait KeepRegion<'k>: sealed::Sealed {
    fn region(&self) -> &LiveRegion;
}

mod sealed {
    pub(crate) trait Sealed {}
}

impl sealed::Sealed for &LiveRegion {}
impl sealed::Sealed for LiveRegion {}

impl<'k> KeepRegion<'k> for &'k LiveRegion {
    #[inline]
    fn region(&self) -> &LiveRegion {
        self
    }
}

impl KeepRegion<'static> for LiveRegion {
    #[inline]
    fn region(&self) -> &LiveRegion {
        self
    }
}

/// Elements behind a lock. A region never has elements of different kinds for the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Lockable<A> {
    region: LiveRegion,
    start: usize,
    count: usize,
    /// The index of these elements' lock among the region's.
    array: usize,
    element: PhantomData<A>,
}

impl<A: Element> Lockable<A> {
    /// A copy of these items, in memory of this process.
    pub(crate) fn private(items: &[A]) -> Self {
        let region = LiveRegion::private(size_of_val(items));
        let Some(place) = region.items::<A>(0, items.len()) else {
            unreachable!("the region was made for so many items")
        };
        // SAFETY: `items` gave room for this many elements, and nobody else knows of that room yet.
        unsafe { std::ptr::copy_nonoverlapping(items.as_ptr(), place, items.len()) };
        Lockable { region, start: 0, count: items.len(), array: 0, element: PhantomData }
    }

    /// Elements that lie in a region. The caller has checked that they are a locked array of this type.
    ///
    /// # Errors
    ///
    /// `Corrupt` if they do not lie in the region.
    pub(super) fn placed(
        region: LiveRegion,
        start: usize,
        count: usize,
        array: usize,
    ) -> Result<Self> {
        region
            .items::<A>(start, count)
            .ok_or_else(|| Error::corrupt("a locked array reaches beyond its memory"))?;
        Ok(Lockable { region, start, count, array, element: PhantomData })
    }

    pub(crate) fn region(&self) -> &LiveRegion {
        &self.region
    }

    pub(crate) fn line(&self) -> &LockWords {
        self.region.line(self.array)
    }

    fn slots(&self) -> Result<Slots<'_>> {
        Slots::new(self.region.control(), self.region.holders(), self.array)
    }

    /// Where the elements lie in this process.
    fn place(&self, slots: &Slots<'_>) -> *mut A {
        let place = match slots.elements() {
            None => self.region.items::<A>(self.start, self.count),
            Some(elements) => LiveRegion::items_in::<A>(elements, self.start, self.count),
        };
        place.unwrap_or_else(|| unreachable!("both ways to make one have looked"))
    }

    /// Checks the bytes of types for which not all bytes are valid, since other processes may have written there.
    fn check(&self, place: *mut A) -> Result<()> {
        if !self.region.is_shared() || !element::has_bools(&A::DTYPE) {
            return Ok(());
        }
        let len = self.count * size_of::<A>();
        // SAFETY: the mapping has this many bytes at this place, which are initialised whatever their values are. The lock is
        // held.
        let bytes = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), len) };
        match element::view::<A>(bytes) {
            Ok(_) => Ok(()),
            Err(misfit) => Err(Error::corrupt(misfit.to_string())),
        }
    }

    /// Takes the lock for reading; `None` if `wait` gives up. The guard shows what `make` builds until it is dropped.
    ///
    /// # Errors
    ///
    /// `Poisoned`, `Deadlock`; the errors of taking a slot, and those of `make`.
    #[inline]
    pub(crate) fn read<F: GuardView<A>>(
        &self,
        wait: &mut impl Wait,
        make: impl for<'x> FnOnce(&'x [A]) -> Result<F::Shared<'x>>,
    ) -> Result<Option<Held<'_, A, F>>> {
        self.read_keeping(&self.region, wait, make)
    }

    /// As [`read`](Self::read), with a guard that keeps the memory alive.
    pub(crate) fn read_owned<F: GuardView<A>>(
        &self,
        wait: &mut impl Wait,
        make: impl for<'x> FnOnce(&'x [A]) -> Result<F::Shared<'x>>,
    ) -> Result<Option<OwnedHeld<A, F>>> {
        self.read_keeping(self.region.clone(), wait, make)
    }

    /// Takes the lock for reading. `keeper` keeps this region alive.
    #[inline]
    fn read_keeping<'k, F: GuardView<A>, K: KeepRegion<'k>>(
        &self,
        keeper: K,
        wait: &mut impl Wait,
        make: impl for<'x> FnOnce(&'x [A]) -> Result<F::Shared<'x>>,
    ) -> Result<Option<Held<'k, A, F, K>>> {
        let slots = self.slots()?;
        let (line, key) = (self.line(), LockKey::new(&self.region, self.array));
        let turn = ThreadLock::of(key);
        match turn {
            Some(true) if wait.next().is_none() => return Ok(None),
            Some(true) => return Err(deadlock("read", "write guard")),
            _ => {}
        }
        let outcome = match turn {
            Some(_) => lock::read_again(line, &slots),
            None => lock::read(line, &slots, wait),
        };
        match outcome {
            LockOutcome::Held => {}
            LockOutcome::Busy => return Ok(None),
            LockOutcome::Poisoned => return Err(poisoned()),
            LockOutcome::Full => return Err(full()),
        }
        let place = self.place(&slots);
        let (slot, array) = (slots.own(), self.array);
        let share =
            Share { turn: ThreadLock::begin(key, false), slot, array, keeper, life: PhantomData };
        self.check(place)?;
        // SAFETY: the elements lie there, in the region that the share keeps, and are valid by `check`. The share of the lock
        // keeps writers out until it is dropped, as long as all processes keep the protocol, which the type's documentation
        // asks of them. `make` works for any lifetime and `GuardView` shows nothing of it, so that no reference outlives the
        // guard. A forked child, in which the lock is not held, has no access to the elements: `os::LiveMap::new_own`.
        let items = unsafe { std::slice::from_raw_parts(place, self.count) };
        Ok(Some(Held { view: make(items)?, share }))
    }

    /// Takes the lock for writing; see [`read`](Self::read). If `mend` is set, poison does not prevent it, and is gone when
    /// the guard is dropped.
    #[inline]
    pub(crate) fn write<F: GuardView<A>>(
        &self,
        wait: &mut impl Wait,
        mend: bool,
        make: impl for<'x> FnOnce(&'x mut [A]) -> Result<F::Exclusive<'x>>,
    ) -> Result<Option<HeldMut<'_, A, F>>> {
        self.write_keeping(&self.region, wait, mend, make)
    }

    /// As [`write`](Self::write), with a guard that keeps the memory alive.
    pub(crate) fn write_owned<F: GuardView<A>>(
        &self,
        wait: &mut impl Wait,
        mend: bool,
        make: impl for<'x> FnOnce(&'x mut [A]) -> Result<F::Exclusive<'x>>,
    ) -> Result<Option<OwnedHeldMut<A, F>>> {
        self.write_keeping(self.region.clone(), wait, mend, make)
    }

    /// Takes the lock for writing. `keeper` keeps this region alive.
    #[inline]
    fn write_keeping<'k, F: GuardView<A>, K: KeepRegion<'k>>(
        &self,
        keeper: K,
        wait: &mut impl Wait,
        mend: bool,
        make: impl for<'x> FnOnce(&'x mut [A]) -> Result<F::Exclusive<'x>>,
    ) -> Result<Option<HeldMut<'k, A, F, K>>> {
        if !self.region.is_writable() {
            return Err(read_only());
        }
        let slots = self.slots()?;
        let (line, key) = (self.line(), LockKey::new(&self.region, self.array));
        match ThreadLock::of(key) {
            Some(_) if wait.next().is_none() => return Ok(None),
            Some(true) => return Err(deadlock("write", "write guard")),
            Some(false) => return Err(deadlock("write", "read guard")),
            None => {}
        }
        match lock::write(line, &slots, wait, mend) {
            LockOutcome::Held => {}
            LockOutcome::Busy => return Ok(None),
            LockOutcome::Poisoned => return Err(poisoned()),
            // A writer is not counted, so `Full` does not occur here.
            LockOutcome::Full => return Err(full()),
        }
        let panicking = std::thread::panicking();
        let mut whole = Whole {
            turn: ThreadLock::begin(key, true),
            array: self.array,
            keeper,
            left: Left::Untouched,
            panicking,
            life: PhantomData,
        };
        let place = self.place(&slots);
        self.check(place)?;
        // SAFETY: as in `read`; the whole of the lock keeps all others out.
        let items = unsafe { std::slice::from_raw_parts_mut(place, self.count) };
        let view = make(items)?;
        whole.left = if mend { Left::Mended } else { Left::Well };
        Ok(Some(HeldMut { view, whole }))
    }
}

#[cold]
fn poisoned() -> Error {
    Error::new(
        ErrorKind::Poisoned,
        "the array is poisoned: a writer ended in the midst of a change, so that its elements may be half of one state and \
         half of another; mend them after `clear_poison`",
    )
}

#[cold]
fn full() -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "this handle of the array has {} read guards, and no more can be counted: guards were leaked \
             (`mem::forget`, a cycle of `Rc`), drop the handle that has them",
            lock::MOST_READERS
        ),
    )
}

#[cold]
fn deadlock(wanted: &str, has: &str) -> Error {
    Error::new(
        ErrorKind::Deadlock,
        format!(
            "this thread has a {has} of the array and would wait for itself with `{wanted}`; drop the guard first"
        ),
    )
}

#[cold]
pub(crate) fn read_only() -> Error {
    Error::new(
        ErrorKind::ReadOnly,
        "the array belongs to a segment that was opened by `Segment::open_read_only`, and cannot be changed through it",
    )
}

/// A lock, as a thread keeps track of it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct LockKey {
    /// The region's number, and which of its locks this is. An address would not do: after a guard was leaked, another region
    /// may come to lie at the same address.
    region: u64,
    array: usize,
    /// The process in which the lock was taken; zero for memory that each process has for itself. A forked child has copies of
    /// its parent's guards, which do not hold the lock for the child.
    process: u64,
}

impl LockKey {
    #[inline]
    fn new(region: &LiveRegion, array: usize) -> Self {
        let process = if region.is_shared() { os::process_stamp() } else { 0 };
        LockKey { region: region.number(), array, process }
    }
}

thread_local! {
    /// The locks that this thread holds, and for each whether it is for writing.
    static TURNS: RefCell<Vec<(LockKey, bool)>> = const { RefCell::new(Vec::new()) };
}

/// States that this thread holds a lock. It is not `Send`, as the guards are not.
struct ThreadLock {
    key: LockKey,
    writes: bool,
    thread: PhantomData<MutexGuard<'static, ()>>,
}

impl ThreadLock {
    /// Whether this thread holds that lock, and if so, whether for writing.
    #[inline]
    fn of(key: LockKey) -> Option<bool> {
        let find = |turns: &RefCell<Vec<_>>| {
            turns.borrow().iter().find(|(of, _)| *of == key).map(|(_, writes)| *writes)
        };
        TURNS.try_with(find).unwrap_or(None)
    }

    #[inline]
    fn begin(key: LockKey, writes: bool) -> Self {
        // The list may be gone at the end of a thread. Nothing is looked up in it then, either.
        let _ = TURNS.try_with(|turns| turns.borrow_mut().push((key, writes)));
        ThreadLock { key, writes, thread: PhantomData }
    }

    /// Whether this process took the lock.
    #[inline]
    fn is_own(&self) -> bool {
        self.key.process == 0 || self.key.process == os::process_stamp()
    }

    /// # Panics
    ///
    /// If this process is a forked child that inherited the guard, because the lock is the parent's.
    #[inline]
    fn check_own(&self) {
        if !self.is_own() {
            inherited();
        }
    }

    /// Whether this process took the lock and must give it back.
    #[inline]
    fn end(&self) -> bool {
        let _ = TURNS.try_with(|turns| {
            let mut turns = turns.borrow_mut();
            if let Some(place) = turns.iter().rposition(|turn| *turn == (self.key, self.writes)) {
                turns.swap_remove(place);
            }
        });
        self.is_own()
    }
}

#[cold]
fn inherited() -> ! {
    panic!(
        "a forked child used a guard of a `LockedArray` that it inherited: the lock is its parent's; drop the guard, and \
         take the lock anew through the array"
    );
}

struct Share<'k, K: KeepRegion<'k>> {
    turn: ThreadLock,
    /// The slot that this process had when it took the lock. The process keeps the slot as long as the region is kept.
    slot: u32,
    array: usize,
    keeper: K,
    life: PhantomData<&'k ()>,
}

impl<'k, K: KeepRegion<'k>> Drop for Share<'k, K> {
    #[inline]
    fn drop(&mut self) {
        if self.turn.end() {
            let region = self.keeper.region();
            lock::unread(region.line(self.array), region.control().count(self.slot, self.array));
        }
    }
}

struct Whole<'k, K: KeepRegion<'k>> {
    turn: ThreadLock,
    array: usize,
    keeper: K,
    left: Left,
    /// Whether the thread was already panicking when it took the lock.
    panicking: bool,
    life: PhantomData<&'k ()>,
}

impl<'k, K: KeepRegion<'k>> Drop for Whole<'k, K> {
    #[inline]
    fn drop(&mut self) {
        if self.turn.end() {
            let torn = !self.panicking && std::thread::panicking();
            let line = self.keeper.region().line(self.array);
            lock::unwrite(line, if torn { Left::Torn } else { self.left });
        }
    }
}

/// A view under a read lock.
pub(crate) struct Held<'k, A: 'static, F: GuardView<A>, K: KeepRegion<'k> = &'k LiveRegion> {
    /// Declared before the share of the lock, hence dropped before it.
    view: F::Shared<'k>,
    share: Share<'k, K>,
}

/// A view under a read lock that keeps the memory alive.
pub(crate) type OwnedHeld<A, F> = Held<'static, A, F, LiveRegion>;

impl<'k, A, F: GuardView<A>, K: KeepRegion<'k>> Held<'k, A, F, K> {
    #[inline]
    pub(crate) fn seen(&self) -> &F::Seen {
        self.share.turn.check_own();
        F::shared(&self.view)
    }
}

/// A view under a write lock.
pub(crate) struct HeldMut<'k, A: 'static, F: GuardView<A>, K: KeepRegion<'k> = &'k LiveRegion> {
    view: F::Exclusive<'k>,
    whole: Whole<'k, K>,
}

/// A view under a write lock that keeps the memory alive.
pub(crate) type OwnedHeldMut<A, F> = HeldMut<'static, A, F, LiveRegion>;

impl<'k, A, F: GuardView<A>, K: KeepRegion<'k>> HeldMut<'k, A, F, K> {
    #[inline]
    pub(crate) fn seen(&self) -> &F::Seen {
        self.whole.turn.check_own();
        F::exclusive(&self.view)
    }

    #[inline]
    pub(crate) fn seen_mut(&mut self) -> &mut F::Seen {
        self.whole.turn.check_own();
        F::exclusive_mut(&mut self.view)
    }
}
