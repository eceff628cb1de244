//! `AtomicArray`: every element is changed by itself.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ndarray::{Array, ArrayRef, Dimension, Ix1, NdIndex};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::element;
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::memory::live::{self, AtomicBits, AtomicElement, AtomicNumber, Cells, Kind, LiveArrays};
use crate::store::Standing;

use super::super::item::{DeserializeArray, SerializeArray};
use super::super::nd;
use super::super::payload::{self, Made, kind_error};
use super::super::read::Read;
use super::super::token::{self, Elements};
use super::flat::{FlatAtomic, out_of_range};

/// How many bytes are loaded at once where the elements are written somewhere.
const BLOCK: usize = 64 << 10;

/// An array that many processes share and change in place. Each element is read and changed atomically, by itself.
///
/// It is meant for counters, histograms, and gradients that many processes add to. There is no lock, so nobody waits. A process
/// that dies leaves no element half changed.
///
/// Made from an owned array, it lies in memory of this process, and the threads of this process share it. When an object with
/// such a field is put into a segment ([`to_shared`](crate::to_shared)), the array is copied to memory that all processes share.
/// Processes that read it from there, by [`from_shared`](crate::from_shared) or [`Segment::get`](crate::Segment::get), have the
/// same elements. The array of the object that was published is separate from these. A clone is another handle of the same array.
///
/// As a field, the array needs no mark, and it works in maps, vectors and options.
/// is another handle of the same array. It needs no mark as a field, and works in maps, vectors and options.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::sync::atomic::Ordering::Relaxed;
/// use ndarray::{Array1, Ix1};
/// use serde_shm::AtomicArray;
///
/// let segment = serde_shm::to_shared(&AtomicArray::from(Array1::<u64>::zeros(16)))?;
/// let here: AtomicArray<u64, Ix1> = segment.get()?;
/// let there: AtomicArray<u64, Ix1> = serde_shm::from_shared(segment.id())?; // in another process
/// here.fetch_add(3, 1, Relaxed)?;
/// there.fetch_add(3, 1, Relaxed)?;
/// assert_eq!(here.load(3, Relaxed)?, 2);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Elements are `bool`, integers up to 64 bits, `f32` and `f64`. The operations are those of the standard library's
/// atomics, with the same orderings. Operations that those lack for floats are done by compare-exchange. An index that is out of
/// range gives an error and no panic. Any bytes that other processes write are read as some value, because every bit pattern is
/// one; of a `bool`, every byte but 0 is `true`.
///
/// In bytes, `.npz` files and other formats it is written as an ordinary array, of a [`snapshot`](Self::snapshot). From there, an
/// ordinary array can be read as an `AtomicArray`, which then lies in memory of this process. From a segment, only an array that
/// was put there as an `AtomicArray` can be read as one, and it can be read as nothing else. Elements lie in row-major order.
pub struct AtomicArray<A: AtomicElement, D: Dimension> {
    cells: Cells<A>,
    dim: D,
    strides: D,
}

impl<A: AtomicElement, D: Dimension> AtomicArray<A, D> {
    fn new(cells: Cells<A>, dim: D) -> Self {
        let strides = dim.default_strides();
        AtomicArray { cells, dim, strides }
    }

    /// The place of an element in row-major order.
    #[inline]
    fn place(&self, index: impl NdIndex<D>) -> Result<usize> {
        match index.index_checked(&self.dim, &self.strides) {
            Some(place) => Ok(place.unsigned_abs()),
            None => Err(out_of_range(index, self.shape())),
        }
    }

    /// The elements as one row, by one index in row-major order.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(ndarray::array![[1_i16, 2], [3, 4]]);
    /// assert_eq!(array.flat().load(3, Relaxed)?, 4);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[inline]
    pub fn flat(&self) -> FlatAtomic<'_, A> {
        FlatAtomic { cells: &self.cells }
    }

    /// The length of each axis.
    ///
    /// ```
    /// assert_eq!(serde_shm::AtomicArray::from(vec![1_u8, 2]).shape(), [2]);
    /// ```
    pub fn shape(&self) -> &[usize] {
        self.dim.slice()
    }

    /// The value of an element.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(ndarray::array![[1.5_f32, 2.5]]);
    /// assert_eq!(array.load((0, 1), Relaxed)?, 2.5);
    /// assert!(array.load([1, 0], Relaxed).is_err());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the index is out of range, or the ordering is not valid for a load.
    #[inline]
    pub fn load(&self, index: impl NdIndex<D>, order: Ordering) -> Result<A> {
        self.flat().load(self.place(index)?, order)
    }

    /// Sets an element.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::{Acquire, Release};
    /// let array = serde_shm::AtomicArray::from(vec![false; 3]);
    /// array.store(1, true, Release)?;
    /// assert!(array.load(1, Acquire)?);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the index is out of range, or the ordering is not valid for a
    /// store. This and all methods below that change an element also give [`ReadOnly`](crate::ErrorKind::ReadOnly) if the
    /// segment was opened by [`Segment::open_read_only`](crate::Segment::open_read_only).
    #[inline]
    pub fn store(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<()> {
        self.flat().store(self.place(index)?, value, order)
    }

    /// Sets an element and returns its previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::AcqRel;
    /// let array = serde_shm::AtomicArray::from(vec![1_u8, 2]);
    /// assert_eq!(array.swap(0, 9, AcqRel)?, 1);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store), but every ordering is valid.
    #[inline]
    pub fn swap(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().swap(self.place(index)?, value, order)
    }

    /// Sets an element if it has the expected value. The inner result is the element's previous value: `Ok` if it was the
    /// expected one, `Err` if it was another.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::{AcqRel, Acquire};
    /// let array = serde_shm::AtomicArray::from(vec![1.0_f64]);
    /// assert_eq!(array.compare_exchange(0, 1.0, 2.0, AcqRel, Acquire)?, Ok(1.0));
    /// assert_eq!(array.compare_exchange(0, 1.0, 3.0, AcqRel, Acquire)?, Err(2.0));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Floats are compared by their bits: a NaN equals itself, `0.0` and `-0.0` differ.
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap); also `InvalidInput` if the ordering for failure is not valid for a load.
    #[inline]
    pub fn compare_exchange(
        &self,
        index: impl NdIndex<D>,
        current: A,
        new: A,
        success: Ordering,
        failure: Ordering,
    ) -> Result<std::result::Result<A, A>> {
        self.flat().compare_exchange(self.place(index)?, current, new, success, failure)
    }

    /// Sets an element to the larger of its value and the given one, and returns its previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_i64]);
    /// assert_eq!(array.fetch_max(0, 5, Relaxed)?, 1);
    /// assert_eq!(array.fetch_max(0, 3, Relaxed)?, 5);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A NaN is ignored, and `true` is larger than `false`.
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_max(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_max(self.place(index)?, value, order)
    }

    /// Sets an element to the smaller of its value and the given one, and returns its previous value. A NaN is ignored, as in
    /// [`fetch_max`](Self::fetch_max).
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1.0_f32]);
    /// array.fetch_min(0, -0.5, Relaxed)?;
    /// assert_eq!(array.load(0, Relaxed)?, -0.5);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_min(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_min(self.place(index)?, value, order)
    }

    /// Sets all elements to a value, one after the other.
    ///
    /// ```
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2]);
    /// array.fill(7)?;
    /// assert_eq!(array.snapshot(), ndarray::array![7, 7]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store).
    pub fn fill(&self, value: A) -> Result<()> {
        self.flat().fill(value)
    }

    /// The values, copied to an array of this process.
    ///
    /// ```
    /// let array = serde_shm::AtomicArray::from(ndarray::array![[1_u32, 2]]);
    /// assert_eq!(array.snapshot(), ndarray::array![[1, 2]]);
    /// ```
    ///
    /// Each element is a value that the element had during the call. If others change elements meanwhile, the values need not be
    /// those of one moment. The loads are relaxed: if it matters which other writes are seen, synchronise by other means, such as
    /// [`wait_for_update`](Self::wait_for_update).
    ///
    /// # Panics
    ///
    /// Never: the shape is one that fits the number of elements.
    pub fn snapshot(&self) -> Array<A, D> {
        let values = self.flat().values().collect();
        match Array::from_shape_vec(self.dim.clone(), values) {
            Ok(array) => array,
            Err(error) => unreachable!("an array's shape fits its elements: {error}"),
        }
    }

    /// How often [`notify`](Self::notify) was called since the array was made or published.
    ///
    /// ```
    /// assert_eq!(serde_shm::AtomicArray::from(vec![1_u8]).version(), 0);
    /// ```
    pub fn version(&self) -> u64 {
        live::version(self.cells.line())
    }

    /// Counts an update, and wakes those that wait for one. Changing an element does neither.
    ///
    /// ```
    /// let array = serde_shm::AtomicArray::from(vec![1_u8]);
    /// array.notify()?;
    /// assert_eq!(array.version(), 1);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A thread that sees the update also sees what was stored before it. The call takes some nanoseconds, and a system call if
    /// anybody waits.
    ///
    /// # Errors
    ///
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the segment was opened by
    /// [`Segment::open_read_only`](crate::Segment::open_read_only).
    pub fn notify(&self) -> Result<()> {
        self.cells.writable()?;
        live::notify(self.cells.line());
        Ok(())
    }

    /// Waits until the version is another than `seen`. Returns the new version, or `None` if the time ran out first.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use std::time::Duration;
    ///
    /// let array = serde_shm::AtomicArray::from(vec![0_u64]);
    /// let other = array.clone();
    /// let worker = std::thread::spawn(move || {
    ///     other.store(0, 42, Relaxed)?;
    ///     other.notify()
    /// });
    /// assert_eq!(array.wait_for_update(0, Duration::from_secs(60))?, Some(1));
    /// assert_eq!(array.load(0, Relaxed)?, 42);
    /// # worker.join().unwrap()?;
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It gives no error today; the result leaves room for errors.
    pub fn wait_for_update(&self, seen: u64, timeout: Duration) -> Result<Option<u64>> {
        let line = self.cells.line();
        Ok(live::wait_for_update(line, seen, &mut super::patience(timeout).watching()))
    }

    /// Whether the array belongs to a segment that was opened for reading only.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use ndarray::Ix1;
    /// use serde_shm::{AtomicArray, Segment};
    ///
    /// let made = serde_shm::to_shared(&AtomicArray::from(vec![1, 2]))?;
    /// let seen: AtomicArray<i32, Ix1> = Segment::open_read_only(made.id())?.get()?;
    /// assert!(seen.is_read_only() && seen.store(0, 5, Relaxed).is_err());
    /// assert_eq!(seen.load(0, Relaxed)?, 1);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_read_only(&self) -> bool {
        !self.cells.region().is_writable()
    }
}

impl<A: AtomicNumber, D: Dimension> AtomicArray<A, D> {
    /// Adds to an element and returns its previous value. Integers wrap around at their limits.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1.5_f64, 250.0]);
    /// assert_eq!(array.fetch_add(0, 1.0, Relaxed)?, 1.5);
    /// let bytes = serde_shm::AtomicArray::from(vec![250_u8]);
    /// bytes.fetch_add(0, 10, Relaxed)?;
    /// assert_eq!(bytes.load(0, Relaxed)?, 4);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_add(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_add(self.place(index)?, value, order)
    }

    /// Subtracts from an element and returns its previous value. Integers wrap around at their limits.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![3_u64]);
    /// assert_eq!(array.fetch_sub(0, 1, Relaxed)?, 3);
    /// assert_eq!(array.load(0, Relaxed)?, 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_sub(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_sub(self.place(index)?, value, order)
    }

    /// Adds an array of the same shape, element by element. A worker can so add what it has counted on its own to an array
    /// that all share.
    ///
    /// ```
    /// let array = serde_shm::AtomicArray::from(ndarray::array![1_u32, 2, 3]);
    /// array.add_from(&ndarray::array![10, 0, 30])?;
    /// assert_eq!(array.snapshot(), ndarray::array![11, 2, 33]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// `other` may be an array or a view of any layout. Each addition is atomic, the whole is not. Zeros in `other` are
    /// skipped, so that adding an array of mostly zeros costs little more than reading it.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the shapes differ; else those of [`swap`](Self::swap).
    pub fn add_from(&self, other: &ArrayRef<A, D>) -> Result<()> {
        if other.shape() != self.shape() {
            return Err(Error::mismatch(format!(
                "expected an array of shape {:?} to add, found {:?}",
                self.shape(),
                other.shape()
            )));
        }
        match other.as_slice() {
            Some(items) => self.flat().add_all(items.iter()),
            None => self.flat().add_all(other.iter()),
        }
    }
}

impl<A: AtomicBits, D: Dimension> AtomicArray<A, D> {
    /// Clears the bits of an element that are not set in the value (bitwise AND), and returns the previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::AcqRel;
    /// let array = serde_shm::AtomicArray::from(vec![0b1110_u8]);
    /// assert_eq!(array.fetch_and(0, 0b0111, AcqRel)?, 0b1110);
    /// assert_eq!(array.load(0, std::sync::atomic::Ordering::Acquire)?, 0b0110);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_and(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_and(self.place(index)?, value, order)
    }

    /// Sets the bits of an element that are set in the value (bitwise OR), and returns the previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::AcqRel;
    /// let done = serde_shm::AtomicArray::from(vec![false; 3]);
    /// let is_first = !done.fetch_or(1, true, AcqRel)?;
    /// assert!(is_first);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_or(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_or(self.place(index)?, value, order)
    }

    /// Flips the bits of an element that are set in the value (bitwise XOR), and returns the previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::AcqRel;
    /// let array = serde_shm::AtomicArray::from(vec![true, true]);
    /// assert_eq!(array.fetch_xor(1, true, AcqRel)?, true);
    /// assert_eq!(array.snapshot(), ndarray::array![true, false]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_xor(&self, index: impl NdIndex<D>, value: A, order: Ordering) -> Result<A> {
        self.flat().fetch_xor(self.place(index)?, value, order)
    }
}

/// Copies the elements, in row-major order.
impl<A: AtomicElement, D: Dimension> From<Array<A, D>> for AtomicArray<A, D> {
    fn from(array: Array<A, D>) -> Self {
        let cells = Cells::private(array.iter().copied());
        AtomicArray::new(cells, array.raw_dim())
    }
}

impl<A: AtomicElement> From<Vec<A>> for AtomicArray<A, Ix1> {
    fn from(items: Vec<A>) -> Self {
        AtomicArray::new(Cells::private(items.iter().copied()), ndarray::Dim([items.len()]))
    }
}

/// Another handle of the same array.
impl<A: AtomicElement, D: Dimension> Clone for AtomicArray<A, D> {
    fn clone(&self) -> Self {
        AtomicArray::new(self.cells.clone(), self.dim.clone())
    }
}

impl<A: AtomicElement, D: Dimension> fmt::Debug for AtomicArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AtomicArray")
            .field("dtype", &A::DTYPE)
            .field("shape", &self.shape())
            .finish_non_exhaustive()
    }
}

/// The values, loaded block by block.
impl<A: AtomicElement> Elements<A> for FlatAtomic<'_, A> {
    fn order(&self) -> Order {
        Order::C
    }

    fn blocks<E>(
        &self,
        mut put: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut values = self.values();
        let mut block = Vec::new();
        while values.len() > 0 {
            block.clear();
            block.extend(values.by_ref().take(BLOCK / size_of::<A>()));
            element::blocks(&block, &mut put)?;
        }
        Ok(())
    }

    fn row_major(&self) -> Cow<'_, [A]> {
        Cow::Owned(self.values().collect())
    }
}

impl<A: AtomicElement, D: Dimension> SerializeArray for AtomicArray<A, D> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        token::serialize_as(Kind::Atomic, self.shape(), self.flat(), serializer)
    }
}

impl<A: AtomicElement, D: Dimension> Serialize for AtomicArray<A, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}

impl<'de, A: AtomicElement, D: Dimension> DeserializeArray<'de> for AtomicArray<A, D> {
    fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        payload::read(d)
    }
}

impl<'de, A: AtomicElement, D: Dimension> Made<'de> for AtomicArray<A, D> {
    type Read = Read<'de, A>;

    fn made<E: serde::de::Error>(read: Read<'de, A>) -> Result<Self, E> {
        match read.standing {
            Standing::Live(Kind::Atomic, number) => super::live_arrays(Kind::Atomic)
                .and_then(|arrays| attached(&arrays, number))
                .map_err(|error| super::into_format(&error, E::custom)),
            Standing::Live(kind, _) => Err(kind_error(Kind::Atomic, kind)),
            Standing::Fixed => Err(kind_error(Kind::Atomic, Kind::Plain)),
            Standing::Free => nd::owned(read).map(Array::<A, D>::into),
        }
    }
}

/// The live array of the segment's directory with this number.
pub(super) fn attached<A: AtomicElement, D: Dimension>(
    arrays: &LiveArrays,
    number: u64,
) -> Result<AtomicArray<A, D>> {
    let (shape, cells) = arrays.atomic(number)?;
    Ok(AtomicArray::new(cells, super::dimension(shape)?))
}

impl<'de, A: AtomicElement, D: Dimension> Deserialize<'de> for AtomicArray<A, D> {
    fn deserialize<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
        Self::deserialize_array(d)
    }
}
