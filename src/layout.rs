//! Shapes, orders and byte lengths. The only place that multiplies sizes.

use std::ops::Deref;

/// More axes than NumPy allows or any real array has. It bounds what a container may claim.
pub(crate) const MAX_NDIM: usize = 64;

/// How many rows and elements without bytes an object may have where they are walked one by one. No bytes stand behind them, so
/// their number is only a claim, and each may become a map in memory.
pub(crate) const FREE_ROWS: usize = 1 << 16;

/// How many more rows and elements without bytes are allowed for each byte that is there.
pub(crate) const ROWS_PER_BYTE: usize = 16;

/// The alignment of large arrays, so that vector instructions and cache lines find them aligned.
pub(crate) const ARRAY_ALIGN: usize = 64;

/// Which axis varies fastest in memory.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use serde_shm::{DType, Order, UntypedView};
///
/// let of = |order| UntypedView::new(DType::U8, &[2, 3], order, b"abcdef");
/// assert_eq!(of(Order::C)?.element_bytes(&[0, 1]), Some(&b"b"[..])); // rows: abc, def
/// assert_eq!(of(Order::F)?.element_bytes(&[0, 1]), Some(&b"c"[..])); // rows: ace, bdf
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Row-major: the last axis varies fastest (C).
    C,
    /// Column-major: the first axis varies fastest (Fortran).
    F,
}

/// A shape that is gathered from the outermost axis to the innermost. Few axes take no memory of their own.
#[derive(Clone, Debug)]
pub struct ShapeBuf {
    few: [usize; 4],
    len: usize,
    /// All of them, once they are more than a few.
    many: Vec<usize>,
}

impl ShapeBuf {
    pub(crate) fn of(first: usize) -> Self {
        ShapeBuf { few: [first, 0, 0, 0], len: 1, many: Vec::new() }
    }

    pub(crate) fn push(&mut self, axis: usize) {
        if let Some(place) = self.few.get_mut(self.len) {
            *place = axis;
        } else {
            if self.many.is_empty() {
                self.many.extend_from_slice(&self.few);
            }
            self.many.push(axis);
        }
        self.len += 1;
    }
}

impl Deref for ShapeBuf {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        self.few.get(..self.len).unwrap_or(&self.many)
    }
}

/// The number of elements of a shape.
///
/// `None` if the product of the axes that are not zero overflows `isize`. This also concerns empty arrays, which may have a zero
/// axis beside a huge one: neither NumPy nor ndarray accepts that.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    let mut nonzero: usize = 1;
    let mut empty = false;
    for &axis in shape {
        if axis == 0 {
            empty = true;
        } else {
            nonzero = nonzero.checked_mul(axis)?;
        }
    }
    isize::try_from(nonzero).ok()?;
    Some(if empty { 0 } else { nonzero })
}

/// The number of bytes of an array of this shape; `None` if it does not fit in `isize`.
pub(crate) fn byte_len(shape: &[usize], item: usize) -> Option<usize> {
    let bytes = count(shape)?.checked_mul(item)?;
    isize::try_from(bytes).ok()?;
    Some(bytes)
}

/// The strides, in elements, of a contiguous array. The caller has checked the shape with [`count`].
pub(crate) fn strides(shape: &[usize], order: Order) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    if count(shape) == Some(0) {
        return strides;
    }
    let mut step = 1_usize;
    let mut place = |axis: usize| {
        strides[axis] = step;
        step = step.saturating_mul(shape[axis]);
    };
    match order {
        Order::C => (0..shape.len()).rev().for_each(&mut place),
        Order::F => (0..shape.len()).for_each(&mut place),
    }
    strides
}

/// The places of the elements of an array with these strides, in row-major order. The caller has checked the shape with
/// [`count`].
pub(crate) fn row_major<'a>(shape: &'a [usize], strides: &'a [usize]) -> RowMajor<'a> {
    let (&row, outer) = shape.split_last().unwrap_or((&1, &[]));
    let (&step, outer_strides) = strides.split_last().unwrap_or((&0, &[]));
    RowMajor {
        outer: (outer, outer_strides),
        index: vec![0; outer.len()],
        row,
        step,
        place: 0,
        left_in_row: row,
        left: count(shape).unwrap_or(0),
    }
}

/// The iterator that [`row_major`] gives.
pub(crate) struct RowMajor<'a> {
    /// The axes without the last one, and their strides.
    outer: (&'a [usize], &'a [usize]),
    /// The index of the current row along these axes.
    index: Vec<usize>,
    row: usize,
    step: usize,
    /// The place of the next element.
    place: usize,
    left_in_row: usize,
    left: usize,
}

impl RowMajor<'_> {
    fn next_row(&mut self) {
        for (i, axis) in self.index.iter_mut().zip(self.outer.0).rev() {
            *i += 1;
            if *i < *axis {
                break;
            }
            *i = 0;
        }
        self.place = self.index.iter().zip(self.outer.1).map(|(i, stride)| i * stride).sum();
        self.left_in_row = self.row;
    }
}

impl Iterator for RowMajor<'_> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        if self.left_in_row == 0 {
            self.next_row();
        }
        let place = self.place;
        self.left_in_row -= 1;
        // Behind the last element, the place is not used.
        self.place = self.place.wrapping_add(self.step);
        Some(place)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RowMajor<'_> {}

/// The next multiple of `align`, which is a power of two.
pub(crate) fn align_up(position: u64, align: u64) -> Option<u64> {
    debug_assert!(align.is_power_of_two());
    Some(position.checked_add(align - 1)? & !(align - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_that_overflow_are_refused_even_beside_a_zero_axis() {
        assert_eq!(count(&[]), Some(1));
        assert_eq!(count(&[3, 0, 5]), Some(0));
        assert_eq!(count(&[usize::MAX / 2 + 2, 2]), None);
        assert_eq!(count(&[0, usize::MAX, usize::MAX]), None);
        assert_eq!(byte_len(&[1 << 60], 8), None);
        assert_eq!(byte_len(&[1 << 59], 8), Some(1 << 62));
    }

    #[test]
    fn strides_of_both_orders() {
        assert_eq!(strides(&[2, 3, 4], Order::C), [12, 4, 1]);
        assert_eq!(strides(&[2, 3, 4], Order::F), [1, 2, 6]);
        assert_eq!(strides(&[2, 0], Order::C), [0, 0]);
    }

    #[test]
    fn places_in_row_major_order() {
        let places = |shape: &[usize], order| -> Vec<usize> {
            row_major(shape, &strides(shape, order)).collect()
        };
        assert_eq!(places(&[2, 3], Order::F), [0, 2, 4, 1, 3, 5]);
        assert_eq!(places(&[2, 3], Order::C), [0, 1, 2, 3, 4, 5]);
        assert_eq!(places(&[], Order::F), [0]);
        assert_eq!(places(&[2, 0], Order::F), [0_usize; 0]);
    }

    #[test]
    fn alignment() {
        assert_eq!(align_up(0, 64), Some(0));
        assert_eq!(align_up(1, 64), Some(64));
        assert_eq!(align_up(u64::MAX, 64), None);
    }
}
