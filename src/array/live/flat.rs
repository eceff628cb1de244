//! The elements of an atomic array as one row.

use std::fmt;
use std::sync::atomic::Ordering;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::live::{AtomicBits, AtomicElement, AtomicNumber, Cells};

/// The elements of an [`AtomicArray`](crate::AtomicArray) in row-major order, by one index: [`AtomicArray::flat`].
///
/// [`AtomicArray::flat`]: crate::AtomicArray::flat
///
/// ```
/// use std::sync::atomic::Ordering::Relaxed;
/// let array = serde_shm::AtomicArray::from(ndarray::array![[1_u32, 2], [3, 4]]);
/// let flat = array.flat();
/// assert_eq!(flat.fetch_add(2, 10, Relaxed)?, 3);
/// assert_eq!(array.load((1, 0), Relaxed)?, 13);
/// assert_eq!(flat.load(4, Relaxed).unwrap_err().kind(), serde_shm::ErrorKind::InvalidInput);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// The operations are those of the standard library's atomics, with the same orderings. An index that is out of range, or an
/// ordering that an operation does not have, gives an error and no panic.
#[derive(Clone, Copy)]
pub struct FlatAtomic<'a, A: AtomicElement> {
    pub(super) cells: &'a Cells<A>,
}

impl<A: AtomicElement> fmt::Debug for FlatAtomic<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlatAtomic").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cold]
pub(super) fn out_of_range(index: impl fmt::Debug, shape: impl fmt::Debug) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("index {index:?} is out of range for an array of shape {shape:?}"),
    )
}

#[cold]
fn no_order(operation: &str, order: Ordering) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("there is no {operation} of the ordering {order:?}: see `std::sync::atomic`"),
    )
}

#[inline]
fn check_load(order: Ordering) -> Result<()> {
    match order {
        Ordering::Relaxed | Ordering::Acquire | Ordering::SeqCst => Ok(()),
        _ => Err(no_order("load", order)),
    }
}

#[inline]
fn check_store(order: Ordering) -> Result<()> {
    match order {
        Ordering::Relaxed | Ordering::Release | Ordering::SeqCst => Ok(()),
        _ => Err(no_order("store", order)),
    }
}

impl<'a, A: AtomicElement> FlatAtomic<'a, A> {
    #[inline]
    fn word(self, index: usize) -> Result<&'a A::Word> {
        self.cells.words().get(index).ok_or_else(|| out_of_range(index, [self.len()]))
    }

    /// The atomic word of an element, for a change.
    #[inline]
    fn word_mut(self, index: usize) -> Result<&'a A::Word> {
        self.cells.writable()?;
        self.word(index)
    }

    /// The number of elements.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.len(), 3);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[allow(clippy::len_without_is_empty)]
    #[inline]
    pub fn len(&self) -> usize {
        self.cells.words().len()
    }

    /// Whether there is no element.
    ///
    /// ```
    /// let array = serde_shm::AtomicArray::from(Vec::<u32>::new());
    /// assert!(array.flat().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of an element.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.load(2, Relaxed)?, 3);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the index is out of range, or the ordering is not valid for a load.
    #[inline]
    pub fn load(&self, index: usize, order: Ordering) -> Result<A> {
        check_load(order)?;
        Ok(self.cells.load(self.word(index)?, order))
    }

    /// Sets an element.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// flat.store(0, 7, Relaxed)?;
    /// assert_eq!(flat.load(0, Relaxed)?, 7);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the index is out of range, or the ordering is not valid for a
    /// store. This and all methods below that change an element also give [`ReadOnly`](crate::ErrorKind::ReadOnly) if the
    /// segment was opened by [`Segment::open_read_only`](crate::Segment::open_read_only).
    #[inline]
    pub fn store(&self, index: usize, value: A, order: Ordering) -> Result<()> {
        check_store(order)?;
        A::store(self.word_mut(index)?, value, order);
        Ok(())
    }

    /// Sets an element and returns its previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.swap(0, 7, Relaxed)?, 1);
    /// assert_eq!(flat.load(0, Relaxed)?, 7);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`store`](Self::store), but every ordering is valid.
    #[inline]
    pub fn swap(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::swap(self.word_mut(index)?, value, order))
    }

    /// Sets an element if it has the expected value. The inner result is the element's previous value: `Ok` if it was the
    /// expected one, `Err` if it was another. Floats are compared by their bits: a NaN equals itself, `0.0` and `-0.0` differ.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.compare_exchange(0, 1, 7, Relaxed, Relaxed)?, Ok(1));
    /// assert_eq!(flat.compare_exchange(0, 1, 8, Relaxed, Relaxed)?, Err(7)); // it is 7 by now
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap); also `InvalidInput` if the ordering for failure is not valid for a load.
    #[inline]
    pub fn compare_exchange(
        &self,
        index: usize,
        current: A,
        new: A,
        success: Ordering,
        failure: Ordering,
    ) -> Result<std::result::Result<A, A>> {
        check_load(failure)?;
        Ok(A::compare_exchange(self.word_mut(index)?, current, new, success, failure))
    }

    /// Sets an element to the larger of its value and the given one, and returns its previous value. A NaN is ignored, and
    /// `true` is larger than `false`.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_max(1, 9, Relaxed)?, 2);
    /// assert_eq!(flat.load(1, Relaxed)?, 9);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_max(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::max(self.word_mut(index)?, value, order))
    }

    /// Sets an element to the smaller of its value and the given one, and returns its previous value. A NaN is ignored, as in
    /// [`fetch_max`](Self::fetch_max).
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_min(1, 0, Relaxed)?, 2);
    /// assert_eq!(flat.load(1, Relaxed)?, 0);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_min(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::min(self.word_mut(index)?, value, order))
    }

    pub(super) fn fill(self, value: A) -> Result<()> {
        self.cells.writable()?;
        for word in self.cells.words() {
            A::store(word, value, Ordering::Relaxed);
        }
        Ok(())
    }

    /// All values, each loaded by itself.
    pub(super) fn values(self) -> impl ExactSizeIterator<Item = A> + 'a {
        let cells = self.cells;
        cells.words().iter().map(|word| A::load(word, Ordering::Relaxed))
    }
}

impl<A: AtomicNumber> FlatAtomic<'_, A> {
    /// Adds to an element and returns its previous value. Integers wrap around at their limits.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_add(1, 5, Relaxed)?, 2);
    /// assert_eq!(flat.load(1, Relaxed)?, 7);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_add(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::add(self.word_mut(index)?, value, order))
    }

    /// Subtracts from an element and returns its previous value. Integers wrap around at their limits.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_sub(1, 2, Relaxed)?, 2);
    /// assert_eq!(flat.load(1, Relaxed)?, 0);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_sub(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::sub(self.word_mut(index)?, value, order))
    }

    /// Adds each item to the element at its place, until either ends. An item that is zero costs no access to the element.
    pub(super) fn add_all<'b>(self, items: impl Iterator<Item = &'b A>) -> Result<()> {
        self.cells.writable()?;
        for (word, item) in self.cells.words().iter().zip(items) {
            if !item.is_zero() {
                A::add(word, *item, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

impl<A: AtomicBits> FlatAtomic<'_, A> {
    /// Clears the bits of an element that are not set in the value (bitwise AND), and returns the previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_and(2, 0b10, Relaxed)?, 0b11);
    /// assert_eq!(flat.load(2, Relaxed)?, 0b10);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_and(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::and(self.word_mut(index)?, value, order))
    }

    /// Sets the bits of an element that are set in the value (bitwise OR), and returns the previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_or(0, 0b10, Relaxed)?, 0b01);
    /// assert_eq!(flat.load(0, Relaxed)?, 0b11);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_or(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::or(self.word_mut(index)?, value, order))
    }

    /// Flips the bits of an element that are set in the value (bitwise XOR), and returns the previous value.
    ///
    /// ```
    /// use std::sync::atomic::Ordering::Relaxed;
    /// let array = serde_shm::AtomicArray::from(vec![1_u32, 2, 3]);
    /// let flat = array.flat();
    /// assert_eq!(flat.fetch_xor(2, 0b01, Relaxed)?, 0b11);
    /// assert_eq!(flat.load(2, Relaxed)?, 0b10);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`swap`](Self::swap).
    #[inline]
    pub fn fetch_xor(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::xor(self.word_mut(index)?, value, order))
    }
}
