//! `LockedArray`: many read, or one writes.

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

/// An array that is changed in place under a lock, and seen by every process that has it.
///
/// Made from an owned array, it lies in memory of this process, and its threads share it. As a field of an object that is
/// put into a segment ([`to_shared`](crate::to_shared)) it is copied to memory that all processes share: those that
/// read it from there, by [`from_shared`](crate::from_shared) or [`Segment::get`](crate::Segment::get), have the same
/// elements and the same lock. The object that was published stays on its own. A clone is another handle of the same
/// array. It needs no mark as a field, and works in maps, vectors and options.
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
/// Readers share, a writer excludes, between processes and between threads alike. A writer that waits keeps new readers
/// out, and who has waited for some milliseconds goes before who comes then. Taking a lock that is free and giving it
/// back costs no system call; before its first lock, each handle of a segment makes some ten.
///
/// A process that dies takes no lock with it. Whoever waits finds out within some ten milliseconds. If it was writing,
/// the array is *poisoned*, as it is after a panic under a write guard: it may be half of one state and half of
/// another, and every lock is an error until [`clear_poison`](Self::clear_poison).
///
/// As with the standard library's locks, a guard that is leaked keeps its lock, threads that wait for each other's
/// locks wait for ever, and nothing here may be used in a signal handler.
///
/// A forked child takes locks of its own through the arrays that it inherited. A *guard* that it inherited from a segment's
/// array panics when it is used, since the lock is its parent's; dropping it does nothing. What was borrowed from a guard
/// before the fork leads nowhere in the child: touching it ends the child (SIGSEGV).
///
/// # What it relies on
///
/// That no other process of this user writes to the memory without the lock. A process that does, which takes malice
/// or `unsafe` code, can make references change that Rust takes for unchanging. Arrays that do not change have no such
/// limit: [`ShmArray`](crate::ShmArray)s are sealed. Bounds and shapes do not rely on it, and neither does
/// [`AtomicArray`](crate::AtomicArray). Arrays of bools, and of structs with bools, are looked through at each lock
/// where other processes have them: a byte that is neither 0 nor 1 is an error.
///
/// # In other containers
///
/// In bytes, `.npz` files and other formats it is an ordinary array, written under a read lock, and an ordinary array is
/// read as one: in memory of this process. From a segment only what was put there as a `LockedArray` is read as one, and
/// as nothing else. Elements lie in row-major order.
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

/// A share of a [`LockedArray`]'s lock: derefs to [`ndarray::ArrayRef`]. The lock is given back when it is dropped.
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

/// The whole of a [`LockedArray`]'s lock: derefs to [`ndarray::ArrayRef`], mutably. When it is dropped, the change counts
/// as an update, and the lock is given back.
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
    /// Takes a share of the lock, and waits for a writer to leave.
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
    /// [`Io`](crate::ErrorKind::Io) or [`Limit`](crate::ErrorKind::Limit) at the first lock of a segment's handle, if
    /// there are no descriptors, `/proc` is missing, or 1,024 handles use the segment's locks; `Limit` also if this handle's
    /// array has 2^31 read guards, which takes a leak;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if another program put a byte that is no bool into an array of bools.
    pub fn read(&self) -> Result<LockedReadGuard<'_, A, D>> {
        self.read_within(&mut Patience::endless())?.ok_or_else(gave_up)
    }

    /// The same without waiting: `None` if there is a writer.
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
    /// A writer that has died does not count. To find that out costs a few system calls where the lock is held.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), but for a deadlock.
    pub fn try_read(&self) -> Result<Option<LockedReadGuard<'_, A, D>>> {
        self.read_within(&mut Patience::none())
    }

    /// The same with a limit to the waiting: `None` if a writer did not leave in time.
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

    /// Takes the whole of the lock, and waits for readers and a writer to leave.
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

    /// The same without waiting: `None` if anybody has the lock.
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
    /// Those of [`write`](Self::write), but for a deadlock.
    pub fn try_write(&self) -> Result<Option<LockedWriteGuard<'_, A, D>>> {
        self.write_within(&mut Patience::none(), false)
    }

    /// The same with a limit to the waiting: `None` if others did not leave in time.
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

    /// Takes the whole of the lock to mend the elements: also if the array is poisoned, which it no longer is when the
    /// guard is dropped.
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
    /// Unlike [`clear_poison`](Self::clear_poison) followed by [`write`](Self::write), it lets nobody see the elements in
    /// between. If this thread panics or this process ends before the guard is dropped, the array is poisoned again.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), but for poison.
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

    /// Whether a writer ended in the midst of a change. Another thread or process may change that at any time.
    ///
    /// ```
    /// let array = serde_shm::LockedArray::from(ndarray::array![1, 2, 3]);
    /// assert!(!array.is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        live::is_poisoned(self.items.line())
    }

    /// Declares the elements to be well as they are, or as they will be made by who locks next.
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
    /// It holds for all handles in all processes at once. To mend the elements before anybody sees them, use
    /// [`mend`](Self::mend).
    ///
    /// # Errors
    ///
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the segment was opened for reading.
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

    /// Waits until the version is another than the one that was seen last: the new one, or `None` if the time ran out.
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
    /// It takes no lock: by the time one is taken there may be newer versions. Who waits sleeps and is woken by the
    /// update, within some ten microseconds.
    ///
    /// # Errors
    ///
    /// None today; the result leaves room for them.
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

    /// Whether it belongs to a segment that was opened for reading.
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

/// Who waits without limit does not give up.
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

/// Under a read lock, which is waited for.
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

/// The live array of this number.
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
