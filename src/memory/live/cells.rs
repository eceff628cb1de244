//! Elements that are accessed atomically, one by one, and in no other way.
#![allow(unsafe_code)]

use std::marker::PhantomData;
use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicIsize, AtomicU8, AtomicU16, AtomicU32,
    AtomicU64, AtomicUsize, Ordering, fence,
};

use crate::element::Element;
use crate::error::{Error, Result};

use super::lock::LockWords;
use super::region::LiveRegion;

/// An element of an [`AtomicArray`](crate::AtomicArray): `bool`, `i8` to `i64`, `u8` to `u64`, `isize`, `usize`, `f32`
/// and `f64`. Sealed.
///
/// ```
/// use std::sync::atomic::Ordering::Relaxed;
/// use ndarray::Ix1;
/// use serde_shm::{AtomicArray, AtomicElement};
///
/// fn swap<A: AtomicElement>(array: &AtomicArray<A, Ix1>, index: usize, value: A) -> serde_shm::Result<A> {
///     array.swap(index, value, Relaxed)
/// }
/// assert!(swap(&AtomicArray::from(vec![true]), 0, false)?);
/// assert_eq!(swap(&AtomicArray::from(vec![0.5]), 0, 1.0)?, 0.5);
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub trait AtomicElement: Element + PartialEq + Bits {}

/// An [`AtomicElement`] that can be added: every one but `bool`.
///
/// ```
/// use std::sync::atomic::Ordering::Relaxed;
/// use ndarray::Ix1;
/// use serde_shm::{AtomicArray, AtomicNumber};
///
/// fn add<A: AtomicNumber>(sums: &AtomicArray<A, Ix1>, index: usize, value: A) -> serde_shm::Result<A> {
///     sums.fetch_add(index, value, Relaxed)
/// }
/// let sums = AtomicArray::from(vec![0.5_f64]);
/// add(&sums, 0, 1.0)?;
/// assert_eq!(sums.load(0, Relaxed)?, 1.5);
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub trait AtomicNumber: AtomicElement + Add {}

/// An [`AtomicElement`] whose bits can be set and cleared: integers, and `bool`, which has one bit.
///
/// ```
/// use std::sync::atomic::Ordering::Relaxed;
/// use ndarray::Ix1;
/// use serde_shm::{AtomicArray, AtomicBits};
///
/// fn mark<A: AtomicBits>(marks: &AtomicArray<A, Ix1>, index: usize, bits: A) -> serde_shm::Result<A> {
///     marks.fetch_or(index, bits, Relaxed)
/// }
/// let marks = AtomicArray::from(vec![0b01_u8]);
/// assert_eq!(mark(&marks, 0, 0b10)?, 0b01);
/// assert_eq!(marks.load(0, Relaxed)?, 0b11);
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub trait AtomicBits: AtomicElement + Logic {}

/// How a type is accessed atomically.
///
/// # Safety
///
/// `Word` is an atomic type of the size of `Self`, for which every bit pattern is valid, and `load` may be called on memory that
/// cannot be written.
pub unsafe trait Bits: Copy {
    type Word: Sync + 'static;
    fn load(word: &Self::Word, order: Ordering) -> Self;
    fn store(word: &Self::Word, value: Self, order: Ordering);
    fn swap(word: &Self::Word, value: Self, order: Ordering) -> Self;
    fn compare_exchange(
        word: &Self::Word,
        current: Self,
        new: Self,
        success: Ordering,
        failure: Ordering,
    ) -> std::result::Result<Self, Self>;
    fn max(word: &Self::Word, value: Self, order: Ordering) -> Self;
    fn min(word: &Self::Word, value: Self, order: Ordering) -> Self;
}

/// How a number is added.
pub trait Add: Bits {
    /// Whether adding the number changes nothing.
    fn is_zero(self) -> bool;
    fn add(word: &Self::Word, value: Self, order: Ordering) -> Self;
    fn sub(word: &Self::Word, value: Self, order: Ordering) -> Self;
}

/// How bits are set and cleared.
pub trait Logic: Bits {
    fn and(word: &Self::Word, value: Self, order: Ordering) -> Self;
    fn or(word: &Self::Word, value: Self, order: Ordering) -> Self;
    fn xor(word: &Self::Word, value: Self, order: Ordering) -> Self;
}

macro_rules! integers {
    ($($ty:ident $word:ident;)*) => {$(
        // SAFETY: the standard library's type for this integer.
        unsafe impl Bits for $ty {
            type Word = $word;

            #[inline]
            fn load(word: &$word, order: Ordering) -> Self {
                word.load(order)
            }

            #[inline]
            fn store(word: &$word, value: Self, order: Ordering) {
                word.store(value, order);
            }

            #[inline]
            fn swap(word: &$word, value: Self, order: Ordering) -> Self {
                word.swap(value, order)
            }

            #[inline]
            fn compare_exchange(
                word: &$word,
                current: Self,
                new: Self,
                success: Ordering,
                failure: Ordering,
            ) -> std::result::Result<Self, Self> {
                word.compare_exchange(current, new, success, failure)
            }

            #[inline]
            fn max(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_max(value, order)
            }

            #[inline]
            fn min(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_min(value, order)
            }
        }

        impl Add for $ty {
            #[inline]
            fn is_zero(self) -> bool {
                self == 0
            }

            #[inline]
            fn add(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_add(value, order)
            }

            #[inline]
            fn sub(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_sub(value, order)
            }
        }

        impl Logic for $ty {
            #[inline]
            fn and(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_and(value, order)
            }

            #[inline]
            fn or(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_or(value, order)
            }

            #[inline]
            fn xor(word: &$word, value: Self, order: Ordering) -> Self {
                word.fetch_xor(value, order)
            }
        }

        impl AtomicElement for $ty {}
        impl AtomicNumber for $ty {}
        impl AtomicBits for $ty {}
    )*};
}

integers! {
    i8 AtomicI8;
    i16 AtomicI16;
    i32 AtomicI32;
    i64 AtomicI64;
    isize AtomicIsize;
    u8 AtomicU8;
    u16 AtomicU16;
    u32 AtomicU32;
    u64 AtomicU64;
    usize AtomicUsize;
}

macro_rules! floats {
    ($($ty:ident $word:ident;)*) => {$(
        // SAFETY: the bits of a float are an integer of its size, and all of them are a float.
        unsafe impl Bits for $ty {
            type Word = $word;

            #[inline]
            fn load(word: &$word, order: Ordering) -> Self {
                $ty::from_bits(word.load(order))
            }

            #[inline]
            fn store(word: &$word, value: Self, order: Ordering) {
                word.store(value.to_bits(), order);
            }

            #[inline]
            fn swap(word: &$word, value: Self, order: Ordering) -> Self {
                $ty::from_bits(word.swap(value.to_bits(), order))
            }

            #[inline]
            fn compare_exchange(
                word: &$word,
                current: Self,
                new: Self,
                success: Ordering,
                failure: Ordering,
            ) -> std::result::Result<Self, Self> {
                word.compare_exchange(current.to_bits(), new.to_bits(), success, failure)
                    .map($ty::from_bits)
                    .map_err($ty::from_bits)
            }

            #[inline]
            fn max(word: &$word, value: Self, order: Ordering) -> Self {
                $ty::from_bits(always(word.fetch_update(order, Ordering::Relaxed, |bits| {
                    Some($ty::from_bits(bits).max(value).to_bits())
                })))
            }

            #[inline]
            fn min(word: &$word, value: Self, order: Ordering) -> Self {
                $ty::from_bits(always(word.fetch_update(order, Ordering::Relaxed, |bits| {
                    Some($ty::from_bits(bits).min(value).to_bits())
                })))
            }
        }

        impl Add for $ty {
            #[inline]
            fn is_zero(self) -> bool {
                self == 0.0
            }

            #[inline]
            fn add(word: &$word, value: Self, order: Ordering) -> Self {
                $ty::from_bits(always(word.fetch_update(order, Ordering::Relaxed, |bits| {
                    Some(($ty::from_bits(bits) + value).to_bits())
                })))
            }

            #[inline]
            fn sub(word: &$word, value: Self, order: Ordering) -> Self {
                $ty::from_bits(always(word.fetch_update(order, Ordering::Relaxed, |bits| {
                    Some(($ty::from_bits(bits) - value).to_bits())
                })))
            }
        }

        impl AtomicElement for $ty {}
        impl AtomicNumber for $ty {}
    )*};
}

/// The previous value, from an exchange that is retried until it succeeds.
#[inline]
fn always<T>(found: std::result::Result<T, T>) -> T {
    match found {
        Ok(found) | Err(found) => found,
    }
}

floats! {
    f32 AtomicU32;
    f64 AtomicU64;
}

// SAFETY: a byte, of which every value is valid here: all but 0 mean true, whoever wrote them.
unsafe impl Bits for bool {
    type Word = AtomicU8;

    #[inline]
    fn load(word: &AtomicU8, order: Ordering) -> Self {
        word.load(order) != 0
    }

    #[inline]
    fn store(word: &AtomicU8, value: Self, order: Ordering) {
        word.store(value.into(), order);
    }

    #[inline]
    fn swap(word: &AtomicU8, value: Self, order: Ordering) -> Self {
        word.swap(value.into(), order) != 0
    }

    #[inline]
    fn compare_exchange(
        word: &AtomicU8,
        current: Self,
        new: Self,
        success: Ordering,
        failure: Ordering,
    ) -> std::result::Result<Self, Self> {
        let mut byte = u8::from(current);
        loop {
            match word.compare_exchange(byte, new.into(), success, failure) {
                Ok(found) => return Ok(found != 0),
                // Another byte that also means `true`.
                Err(found) if (found != 0) == current => byte = found,
                Err(found) => return Err(found != 0),
            }
        }
    }

    #[inline]
    fn max(word: &AtomicU8, value: Self, order: Ordering) -> Self {
        word.fetch_or(value.into(), order) != 0
    }

    #[inline]
    fn min(word: &AtomicU8, value: Self, order: Ordering) -> Self {
        word.fetch_and(if value { 0xff } else { 0 }, order) != 0
    }
}

impl Logic for bool {
    #[inline]
    fn and(word: &AtomicU8, value: Self, order: Ordering) -> Self {
        <bool as Bits>::min(word, value, order)
    }

    #[inline]
    fn or(word: &AtomicU8, value: Self, order: Ordering) -> Self {
        <bool as Bits>::max(word, value, order)
    }

    #[inline]
    fn xor(word: &AtomicU8, value: Self, order: Ordering) -> Self {
        let turned = |byte| Some(u8::from((byte != 0) ^ value));
        always(word.fetch_update(order, Ordering::Relaxed, turned)) != 0
    }
}

impl AtomicElement for bool {}
impl AtomicBits for bool {}

/// Elements that are accessed atomically. A region never has `Cells` of different kinds for the same bytes.
#[derive(Debug)]
pub(crate) struct Cells<A: Bits> {
    place: *const A::Word,
    count: usize,
    array: usize,
    region: LiveRegion,
    element: PhantomData<A>,
}

// SAFETY: it points to atomics, which are `Sync`, in a region that is kept.
unsafe impl<A: Bits> Send for Cells<A> {}
// SAFETY: the same.
unsafe impl<A: Bits> Sync for Cells<A> {}

impl<A: Bits> Clone for Cells<A> {
    fn clone(&self) -> Self {
        Cells { region: self.region.clone(), ..*self }
    }
}

impl<A: Bits> Cells<A> {
    /// A copy of these items, in memory of this process.
    pub(crate) fn private(items: impl ExactSizeIterator<Item = A>) -> Self {
        let count = items.len();
        let region = LiveRegion::private(count * size_of::<A>());
        let Ok(cells) = Cells::placed(region, 0, count, 0) else {
            unreachable!("the region was made for so many items")
        };
        for (word, item) in cells.words().iter().zip(items) {
            A::store(word, item, Ordering::Relaxed);
        }
        cells
    }

    /// Elements that lie in a region. The caller has checked that they are an atomic array of this type.
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
        let place = region
            .items::<A::Word>(start, count)
            .ok_or_else(|| Error::corrupt("an atomic array reaches beyond its memory"))?;
        Ok(Cells { place, count, array, region, element: PhantomData })
    }

    #[inline]
    pub(crate) fn words(&self) -> &[A::Word] {
        // SAFETY: `placed`, the only function that makes this type, asked the region for this many words at that alignment,
        // and the region is kept. Atomics of any bits are valid by `Bits`, and others may change them while they are borrowed.
        unsafe { std::slice::from_raw_parts(self.place, self.count) }
    }

    pub(crate) fn region(&self) -> &LiveRegion {
        &self.region
    }

    pub(crate) fn line(&self) -> &LockWords {
        self.region.line(self.array)
    }

    /// Only relaxed loads are certain to work on memory that cannot be written. Fences give them the stronger orderings.
    #[inline]
    pub(crate) fn load(&self, word: &A::Word, order: Ordering) -> A {
        if self.region.is_writable() {
            return A::load(word, order);
        }
        if order == Ordering::SeqCst {
            fence(Ordering::SeqCst);
        }
        let value = A::load(word, Ordering::Relaxed);
        if order != Ordering::Relaxed {
            fence(order);
        }
        value
    }

    /// # Errors
    ///
    /// `ReadOnly` if the elements cannot be changed.
    #[inline]
    pub(crate) fn writable(&self) -> Result<()> {
        if self.region.is_writable() { Ok(()) } else { Err(super::held::read_only()) }
    }
}
