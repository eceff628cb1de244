//! An array of one or two axes as numbers in a grid that is no larger than can be shown.

use serde_shm::{DType, Order, UntypedArray};

use super::index::each_element;
use super::no_numbers;
use crate::element::{self, Scalar, with_scalar};
use crate::fault::{Fault, Result};
use crate::{stop, text};

/// Numbers in rows. Where several elements share a place, it has their mean; NaN where all of them are NaN.
pub(super) struct Grid {
    pub(super) width: usize,
    pub(super) height: usize,
    values: Vec<f64>,
    /// The least and the largest finite number.
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Grid {
    pub(super) fn new(array: &UntypedArray, width: usize, height: usize) -> Result<Self> {
        let (rows, columns) = match array.shape() {
            [] => (1, 1),
            [columns] => (1, *columns),
            [rows, columns] => (*rows, *columns),
            shape => {
                return Err(Fault::new(format_args!(
                    "an image has two axes, and the shape is {shape:?}; pick two with a slice: `w[0]`"
                )));
            }
        };
        if rows * columns == 0 {
            return Err(Fault::new(format_args!(
                "there is nothing to draw: the shape is {:?}",
                array.shape()
            )));
        }
        let (width, height) = (columns.min(width), rows.min(height));
        let mut sums = vec![(0.0, 0_u32); width * height];
        each_number(array, |index, value| {
            let (row, column) = match index {
                [] => (0, 0),
                [column] => (0, *column),
                [row, column, ..] => (*row, *column),
            };
            if value.is_finite() {
                let place = row * height / rows * width + column * width / columns;
                sums[place].0 += value;
                sums[place].1 += 1;
            }
        })?;
        let values: Vec<f64> = sums
            .into_iter()
            .map(|(sum, count)| if count == 0 { f64::NAN } else { sum / f64::from(count) })
            .collect();
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (low, high) =
            (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
        Ok(Grid { width, height, values, low, high })
    }

    /// Where the number of a place lies between the least and the largest, from 0 to 1; `None` for NaN.
    pub(super) fn share(&self, row: usize, column: usize) -> Option<f64> {
        let value = *self.values.get(row * self.width + column)?;
        value.is_finite().then(|| share(value, self.low, self.high))
    }
}

/// Where a number lies in a range. The halves of the largest floats are no farther apart than a float holds.
pub(super) fn share(value: f64, low: f64, high: f64) -> f64 {
    let span = high / 2.0 - low / 2.0;
    if span > 0.0 { ((value / 2.0 - low / 2.0) / span).clamp(0.0, 1.0) } else { 0.5 }
}

/// Calls `see` with each element's index and number, in the order in which they lie.
pub(super) fn each_number(array: &UntypedArray, mut see: impl FnMut(&[usize], f64)) -> Result<()> {
    let dtype: &DType = array.dtype();
    let is_swapped = element::is_swapped(dtype);
    let (Some(bytes), Some(order)) = (array.as_bytes(), array.order()) else {
        return each_element(array, |index, bytes| {
            let number = text::number(dtype, bytes).ok_or_else(|| no_numbers(array))?;
            see(index, number.to_f64());
            Ok(())
        });
    };
    /// So many elements are seen between two looks at Ctrl-C.
    const LOOK: usize = 1 << 20;
    let shape = array.shape();
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    if order == Order::C {
        axes.reverse();
    }
    let mut index = vec![0; shape.len()];
    with_scalar!(dtype, S => {
        for (place, bytes) in bytes.chunks_exact(S::SIZE).enumerate() {
            if place % LOOK == 0 && stop::is_asked() {
                return Err(Fault::stopped("nothing was drawn"));
            }
            let value = <S as Scalar>::read(bytes, is_swapped);
            see(&index, if value.is_nan() { f64::NAN } else { value.to_f64() });
            for axis in &axes {
                index[*axis] += 1;
                if index[*axis] < shape[*axis] {
                    break;
                }
                index[*axis] = 0;
            }
        }
        Ok(())
    }, Err(no_numbers(array)))
}
