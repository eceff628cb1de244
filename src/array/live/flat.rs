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
/// The operations are those of the standard library's atomics, with the same orderings; an index that is out of range,
/// and an ordering that an operation does not have, is an error and not a panic.
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

    /// The word of an element that can be changed.
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
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the index is out of range or the ordering none of a load.
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
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) as in [`load`](Self::load); here and below
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly) if the segment was opened for reading.
    #[inline]
    pub fn store(&self, index: usize, value: A, order: Ordering) -> Result<()> {
        check_store(order)?;
        A::store(self.word_mut(index)?, value, order);
        Ok(())
    }

    /// Sets an element and gives its value before.
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
    /// As [`store`](Self::store), but any ordering will do.
    #[inline]
    pub fn swap(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::swap(self.word_mut(index)?, value, order))
    }

    /// Sets an element if it has the value that is expected; the inner result is its value before, an `Err` if it was
    /// another. Floats are compared by their bits: a NaN equals itself, `0.0` and `-0.0` differ.
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
    /// As [`swap`](Self::swap); the failure's ordering must be one of a load.
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

    /// Sets an element to the larger of its value and this one, and gives its value before. A float that is NaN counts
    /// for nothing, and `true` is larger than `false`.
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
    /// As [`swap`](Self::swap).
    #[inline]
    pub fn fetch_max(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::max(self.word_mut(index)?, value, order))
    }

    /// Sets an element to the smaller of its value and this one, as [`fetch_max`](Self::fetch_max) to the larger.
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
    /// As [`swap`](Self::swap).
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
    /// Adds to an element and gives its value before. Integers wrap around at their limits.
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
    /// As [`swap`](Self::swap).
    #[inline]
    pub fn fetch_add(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::add(self.word_mut(index)?, value, order))
    }

    /// Subtracts from an element and gives its value before. Integers wrap around at their limits.
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
    /// As [`swap`](Self::swap).
    #[inline]
    pub fn fetch_sub(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::sub(self.word_mut(index)?, value, order))
    }

    /// Adds the items to the elements, as far as both go. What is zero costs no access.
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
    /// Clears the bits of an element that the value does not have, and gives its value before.
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
    /// As [`swap`](Self::swap).
    #[inline]
    pub fn fetch_and(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::and(self.word_mut(index)?, value, order))
    }

    /// Sets the bits of an element that the value has, and gives its value before.
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
    /// As [`swap`](Self::swap).
    #[inline]
    pub fn fetch_or(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::or(self.word_mut(index)?, value, order))
    }

    /// Turns the bits of an element over that the value has, and gives its value before.
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
    /// As [`swap`](Self::swap).
    #[inline]
    pub fn fetch_xor(&self, index: usize, value: A, order: Ordering) -> Result<A> {
        Ok(A::xor(self.word_mut(index)?, value, order))
    }
}
