//! `LockedArray`: many readers at a time, or one writer.

use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use ndarray::{Array, ArrayRef, ArrayView, ArrayViewMut, Dimension, Ix1};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Error as _, Serialize, Serializer};

use crate::element::Element;
use crate::error::{Error, Result};
use crate::memory::live::{self, GuardView, Held, HeldMut, Kind, LiveArrays, Lockable, Patience};
use crate::store::Standing;

use super::super::item::{DeserializeArray, SerializeArray};
use super::super::nd;
use super::super::payload::{self, Made, kind_error};
use super::super::read::Read;
use super::super::token;

/// An array that many processes share and change in place under a lock.
///
/// Made from an owned array, it lies in memory of this process, and the threads of this process share it. When an object with
/// such a field is put into a segment ([`to_shared`](crate::to_shared)), the array is copied to memory that all processes share.
/// Processes that read it from there, by [`from_shared`](crate::from_shared) or [`Segment::get`](crate::Segment::get), have the
/// same elements and the same lock. The array of the object that was published is separate from these. A clone is another handle
/// of the same array.
///
/// As a field, the array needs no mark, and it works in maps, vectors and options.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use ndarray::Array2;
/// use serde_shm::{LockedArray, Segment};
/// use ndarray::Ix2;
///
/// let segment = serde_shm::to_shared(&LockedArray::from(Array2::<f64>::zeros((2, 3))))?;
/// let here: LockedArray<f64, Ix2> = segment.get()?;
/// let there: LockedArray<f64, Ix2> = serde_shm::from_shared(segment.id())?; // in another process
/// here.write()?.row_mut(1).fill(2.0);
/// assert_eq!(there.read()?.sum(), 6.0);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # The lock
///
/// Many readers may hold the lock at a time, or one writer alone, across threads and processes. A waiting writer keeps new
/// readers out. A thread that has waited for some milliseconds goes before those that come later. Taking a free lock and
/// giving it back costs no system call. Before its first lock, each handle of a segment makes about ten system calls.
///
/// A process that dies does not keep the lock: those that wait notice its end within some ten milliseconds. If a writer dies, the
/// array is *poisoned*, as it is after a panic under a write guard: its elements may be half of one state and half of another.
/// Every lock then gives an error until somebody calls [`clear_poison`](Self::clear_poison) or [`mend`](Self::mend).
///
/// As with the standard library's locks, a leaked guard keeps its lock, and threads that wait for each other's locks wait for
/// ever. Nothing here may be used in a signal handler.
///
/// A forked child can take locks of its own through the arrays that it inherited. A *guard* that it inherited from a segment's
/// array panics when it is used, since the lock is the parent's; dropping it does nothing. The memory that was borrowed from a
/// guard before the fork is not accessible in the child: touching it ends the child (SIGSEGV).
///
/// # What it relies on
///
/// The lock relies on every process of this user to write to the memory under the lock only. A process with `unsafe` code or bad
/// intent can write without the lock. References then change that Rust assumes to be constant. Bounds and shapes do not rely on
/// this, and neither does [`AtomicArray`](crate::AtomicArray). Arrays that do not change have no such limit, as
/// [`ShmArray`](crate::ShmArray)s are sealed.
///
/// If other processes have the array, and its elements are bools or structs with bools, each lock checks these: a byte that is
/// neither 0 nor 1 is an error.
///
/// # In other containers
///
/// In bytes, `.npz` files and other formats it is written as an ordinary array, under a read lock. From there, an ordinary array
/// can be read as a `LockedArray`, which then lies in memory of this process. From a segment, only an array that was put there as
/// a `LockedArray` can be read as one, and it can be read as nothing else. Elements lie in row-major order.
pub struct LockedArray<A: Element, D: Dimension> {
    items: Lockable<A>,
    dim: D,
}

/// ndarray's views under a guard.
struct NdGuardView<D>(PhantomData<D>);

impl<A: 'static, D: Dimension> GuardView<A> for NdGuardView<D> {
    type Seen = ArrayRef<A, D>;
    type Shared<'a> = ArrayView<'a, A, D>;
    type Exclusive<'a> = ArrayViewMut<'a, A, D>;

    #[inline]
    fn shared<'s>(view: &'s ArrayView<'_, A, D>) -> &'s ArrayRef<A, D> {
        view
    }

    #[inline]
    fn exclusive<'s>(view: &'s ArrayViewMut<'_, A, D>) -> &'s ArrayRef<A, D> {
        view
    }

    #[inline]
    fn exclusive_mut<'s>(view: &'s mut ArrayViewMut<'_, A, D>) -> &'s mut ArrayRef<A, D> {
        view
    }
}

/// A read guard of a [`LockedArray`]: derefs to [`ndarray::ArrayRef`]. Dropping it gives the lock back.
///
/// ```
/// let array = serde_shm::LockedArray::from(ndarray::array![[1, 2], [3, 4]]);
/// let guard = array.read()?;
/// assert_eq!(guard.row(1).sum(), 7); // all that ndarray reads with
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct LockedReadGuard<'a, A: Element, D: Dimension> {
    held: Held<'a, A, NdGuardView<D>>,
}

/// A write guard of a [`LockedArray`]: derefs to [`ndarray::ArrayRef`], mutably. Dropping it counts an update and gives the lock
/// back.
///
/// ```
/// let array = serde_shm::LockedArray::from(ndarray::array![[1, 2], [3, 4]]);
/// let mut guard = array.write()?;
/// guard.row_mut(0).fill(0);
/// guard[[1, 1]] += 10;
/// drop(guard);
/// assert_eq!(*array.read()?, ndarray::array![[0, 0], [3, 14]]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct LockedWriteGuard<'a, A: Element, D: Dimension> {
    held: HeldMut<'a, A, NdGuardView<D>>,
}

impl<A: Element, D: Dimension> Deref for LockedReadGuard<'_, A, D> {
    type Target = ArrayRef<A, D>;

    #[inline]
    fn deref(&self) -> &ArrayRef<A, D> {
        self.held.seen()
    }
}

impl<A: Element, D: Dimension> Deref for LockedWriteGuard<'_, A, D> {
    type Target = ArrayRef<A, D>;

    #[inline]
    fn deref(&self) -> &ArrayRef<A, D> {
        self.held.seen()
    }
}

impl<A: Element, D: Dimension> DerefMut for LockedWriteGuard<'_, A, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        self.held.seen_mut()
    }
}

impl<A: Element + fmt::Debug, D: Dimension> fmt::Debug for LockedReadGuard<'_, A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<A: Element + fmt::Debug, D: Dimension> fmt::Debug for LockedWriteGuard<'_, A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<A: Element, D: Dimension> LockedArray<A, D> {
    /// Takes the lock for reading, and waits while a writer has it.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// let (one, two) = (array.read()?, array.read()?); // readers share, also on one thread
    /// assert_eq!(one.sum() + two[0], 7);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Poisoned`](crate::ErrorKind::Poisoned) if a writer ended in the midst of a change;
    /// [`Deadlock`](crate::ErrorKind::Deadlock) if this thread has a write guard of this handle's array;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if another program put a byte that is not a bool into an array of bools.
    ///
    /// The first lock of a segment's handle also gives [`Io`](crate::ErrorKind::Io) or [`Limit`](crate::ErrorKind::Limit) if
    /// there are no descriptors, `/proc` is missing, or 1,024 handles use the segment's locks. `Limit` is also the error if
    /// this handle's array has 2^31 read guards, which is possible only if guards leak.
    pub fn read(&self) -> Result<LockedReadGuard<'_, A, D>> {
        self.read_within(&mut Patience::endless())?.ok_or_else(gave_up)
    }

    /// Takes the lock for reading without waiting: `None` if a writer has it.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// let guard = array.write()?;
    /// assert!(array.try_read()?.is_none());
    /// drop(guard);
    /// assert!(array.try_read()?.is_some());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A writer that has died does not count. Checking that takes a few system calls, and only if the lock is held.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), except `Deadlock`.
    pub fn try_read(&self) -> Result<Option<LockedReadGuard<'_, A, D>>> {
        self.read_within(&mut Patience::none())
    }

    /// Takes the lock for reading, and waits no longer than `timeout`: `None` if a writer did not give it back in time.
    ///
    /// ```
    /// use std::time::Duration;
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// assert!(array.read_timeout(Duration::from_millis(10))?.is_some());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn read_timeout(&self, timeout: Duration) -> Result<Option<LockedReadGuard<'_, A, D>>> {
        self.read_within(&mut super::patience(timeout))
    }

    /// Takes the lock for writing, and waits while readers or a writer have it.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// *array.write()? += 10;
    /// assert_eq!(*array.read()?, ndarray::array![11, 12, 13]);
    ///
    /// let guard = array.read()?;
    /// assert_eq!(array.write().unwrap_err().kind(), serde_shm::ErrorKind::Deadlock);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read); [`Deadlock`](crate::ErrorKind::Deadlock) also if this thread has a read guard;
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the segment was opened by
    /// [`Segment::open_read_only`](crate::Segment::open_read_only).
    pub fn write(&self) -> Result<LockedWriteGuard<'_, A, D>> {
        self.write_within(&mut Patience::endless(), false)?.ok_or_else(gave_up)
    }

    /// Takes the lock for writing without waiting: `None` if anybody has it.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// let guard = array.read()?;
    /// assert!(array.try_write()?.is_none());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), except `Deadlock`.
    pub fn try_write(&self) -> Result<Option<LockedWriteGuard<'_, A, D>>> {
        self.write_within(&mut Patience::none(), false)
    }

    /// Takes the lock for writing, and waits no longer than `timeout`: `None` if others did not give it back in time.
    ///
    /// ```
    /// use std::time::Duration;
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// if let Some(mut guard) = array.write_timeout(Duration::from_millis(10))? {
    ///     guard[0] = 5;
    /// }
    /// assert_eq!(array.read()?[0], 5);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    pub fn write_timeout(&self, timeout: Duration) -> Result<Option<LockedWriteGuard<'_, A, D>>> {
        self.write_within(&mut super::patience(timeout), false)
    }

    /// Takes the lock for writing to mend the elements, also if the array is poisoned. Dropping the guard ends the poisoning.
    ///
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// let _ = catch_unwind(AssertUnwindSafe(|| {
    ///     let mut guard = array.write().unwrap();
    ///     guard[0] = 7;
    ///     panic!("in the midst of a change");
    /// }));
    /// array.mend()?.fill(0);
    /// assert_eq!(array.read()?.sum(), 0);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Between [`clear_poison`](Self::clear_poison) and a [`write`](Self::write) that follows, others can see the elements;
    /// here they cannot. If this thread panics or this process ends before the guard is dropped, the array is poisoned again.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), except `Poisoned`.
    pub fn mend(&self) -> Result<LockedWriteGuard<'_, A, D>> {
        self.write_within(&mut Patience::endless(), true)?.ok_or_else(gave_up)
    }

    fn read_within(&self, wait: &mut Patience) -> Result<Option<LockedReadGuard<'_, A, D>>> {
        let dim = self.dim.clone();
        let held = self
            .items
            .read::<NdGuardView<D>>(wait, |items| shaped(ArrayView::from_shape(dim, items)))?;
        Ok(held.map(|held| LockedReadGuard { held }))
    }

    fn write_within(
        &self,
        wait: &mut Patience,
        mend: bool,
    ) -> Result<Option<LockedWriteGuard<'_, A, D>>> {
        let dim = self.dim.clone();
        let held = self.items.write::<NdGuardView<D>>(wait, mend, |items| {
            shaped(ArrayViewMut::from_shape(dim, items))
        })?;
        Ok(held.map(|held| LockedWriteGuard { held }))
    }

    /// Whether a writer ended in the midst of a change. Another thread or process may change this at any time.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// assert!(!array.is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        live::is_poisoned(self.items.line())
    }

    /// Ends the poisoning: the caller declares that the elements are valid as they are, or that the next holder of the lock
    /// mends them.
    ///
    /// ```
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    /// use serde_shm::{ErrorKind, LockedArray};
    ///
    /// let array = LockedArray::from(ndarray::array![1, 2, 3]);
    /// let _ = catch_unwind(AssertUnwindSafe(|| {
    ///     let mut guard = array.write().unwrap();
    ///     guard[0] = 7;
    ///     panic!("in the midst of a change");
    /// }));
    /// assert_eq!(array.read().unwrap_err().kind(), ErrorKind::Poisoned);
    /// array.clear_poison()?;
    /// array.write()?.fill(0);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It takes effect for all handles in all processes at once. To mend the elements before anybody sees them, use
    /// [`mend`](Self::mend).
    ///
    /// # Errors
    ///
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the segment was opened by
    /// [`Segment::open_read_only`](crate::Segment::open_read_only).
    pub fn clear_poison(&self) -> Result<()> {
        if !self.items.region().is_writable() {
            return Err(live::read_only());
        }
        live::clear_poison(self.items.line());
        Ok(())
    }

    /// How often the array was updated since it was made or published: once for each write guard that was dropped.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// let before = array.version();
    /// array.write()?.fill(0);
    /// assert_eq!(array.version(), before + 1);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn version(&self) -> u64 {
        live::version(self.items.line())
    }

    /// Waits until the version is another than `seen`. Returns the new version, or `None` if the time ran out first.
    ///
    /// ```
    /// use std::time::Duration;
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// let seen = array.version();
    /// assert_eq!(array.wait_for_update(seen, Duration::from_millis(1))?, None);
    /// let other = array.clone();
    /// let writer = std::thread::spawn(move || other.write().unwrap().fill(0));
    /// assert_eq!(array.wait_for_update(seen, Duration::from_secs(60))?, Some(seen + 1));
    /// # writer.join().unwrap();
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It takes no lock, so there may be newer versions by the time the caller takes one. The waiting thread sleeps, and an
    /// update wakes it within some ten microseconds.
    ///
    /// # Errors
    ///
    /// It gives no error today; the result leaves room for errors.
    pub fn wait_for_update(&self, seen: u64, timeout: Duration) -> Result<Option<u64>> {
        let line = self.items.line();
        Ok(live::wait_for_update(line, seen, &mut super::patience(timeout).watching()))
    }

    /// The length of each axis.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![[1, 2, 3]]);
    /// assert_eq!(array.shape(), [1, 3]);
    /// ```
    pub fn shape(&self) -> &[usize] {
        self.dim.slice()
    }

    /// Whether the array belongs to a segment that was opened for reading only.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use ndarray::Ix1;
    /// use serde_shm::{LockedArray, Segment};
    ///
    /// let made = serde_shm::to_shared(&LockedArray::from(vec![1, 2]))?;
    /// let seen: LockedArray<i32, Ix1> = Segment::open_read_only(made.id())?.get()?;
    /// assert!(seen.is_read_only() && seen.read().is_ok() && seen.write().is_err());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_read_only(&self) -> bool {
        !self.items.region().is_writable()
    }
}

fn shaped<T>(view: std::result::Result<T, ndarray::ShapeError>) -> Result<T> {
    view.map_err(|error| Error::corrupt(error.to_string()))
}

/// A wait without a time limit does not give up.
#[cold]
pub(super) fn gave_up() -> Error {
    Error::new(crate::error::ErrorKind::Io, "the lock was not had")
}

/// Copies the elements, in row-major order.
impl<A: Element, D: Dimension> From<Array<A, D>> for LockedArray<A, D> {
    fn from(array: Array<A, D>) -> Self {
        let dim = array.raw_dim();
        let rows = array.as_standard_layout();
        LockedArray { items: Lockable::private(rows.as_slice().unwrap_or_default()), dim }
    }
}

impl<A: Element> From<Vec<A>> for LockedArray<A, Ix1> {
    fn from(items: Vec<A>) -> Self {
        LockedArray { dim: ndarray::Dim([items.len()]), items: Lockable::private(&items) }
    }
}

/// Another handle of the same array.
impl<A: Element, D: Dimension> Clone for LockedArray<A, D> {
    fn clone(&self) -> Self {
        LockedArray { items: self.items.clone(), dim: self.dim.clone() }
    }
}

impl<A: Element, D: Dimension> fmt::Debug for LockedArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockedArray")
            .field("dtype", &A::DTYPE)
            .field("shape", &self.shape())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

/// Takes a read lock, and waits for it.
impl<A: Element, D: Dimension> SerializeArray for LockedArray<A, D> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let guard = self.read().map_err(|error| super::into_format(&error, S::Error::custom))?;
        let items = guard.as_slice().unwrap_or_default();
        token::serialize_as(Kind::Locked, self.shape(), items, serializer)
    }
}

impl<A: Element, D: Dimension> Serialize for LockedArray<A, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}

impl<'de, A: Element, D: Dimension> DeserializeArray<'de> for LockedArray<A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        payload::read(d)
    }
}

impl<'de, A: Element, D: Dimension> Made<'de> for LockedArray<A, D> {
    type Read = Read<'de, A>;

    fn made<E: serde::de::Error>(read: Read<'de, A>) -> Result<Self, E> {
        match read.standing {
            Standing::Live(Kind::Locked, number) => super::live_arrays(Kind::Locked)
                .and_then(|arrays| attached(&arrays, number))
                .map_err(|error| super::into_format(&error, E::custom)),
            Standing::Live(kind, _) => Err(kind_error(Kind::Locked, kind)),
            Standing::Fixed => Err(kind_error(Kind::Locked, Kind::Plain)),
            Standing::Free => nd::owned(read).map(Array::<A, D>::into),
        }
    }
}

/// The live array of the segment's directory with this number.
pub(super) fn attached<A: Element, D: Dimension>(
    arrays: &LiveArrays,
    number: u64,
) -> Result<LockedArray<A, D>> {
    let (shape, items) = arrays.locked(number)?;
    Ok(LockedArray { items, dim: super::dimension(shape)? })
}

impl<'de, A: Element, D: Dimension> Deserialize<'de> for LockedArray<A, D> {
    fn deserialize<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        Self::deserialize_array(d)
    }
}
