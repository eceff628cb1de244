//! The points of a line and the bars of a histogram, for images of arrays with one axis.

use serde_shm::UntypedArray;

use super::grid::each_number;
use crate::fault::{Fault, Result};

/// An array with one axis as a line: for each column the least and the largest number there, so that no peak is lost.
pub(super) struct Line {
    /// How many elements the array has.
    pub(super) len: usize,
    pub(super) columns: Vec<Option<(f64, f64)>>,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// How many numbers lie in each equal part of their range.
pub(super) struct Histogram {
    pub(super) bins: Vec<u64>,
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Line {
    pub(super) fn new(array: &UntypedArray, columns: usize) -> Result<Self> {
        let len = array.len();
        let mut line = Line {
            len,
            columns: vec![None; columns.min(len)],
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
        };
        let columns = line.columns.len();
        each_number(array, |index, value| {
            if value.is_finite() {
                let place = index.first().copied().unwrap_or(0);
                let (least, most) =
                    line.columns[place * columns / len].get_or_insert((value, value));
                (*least, *most) = (least.min(value), most.max(value));
                (line.low, line.high) = (line.low.min(value), line.high.max(value));
            }
        })?;
        if line.low > line.high { Err(nothing()) } else { Ok(line) }
    }
}

impl Histogram {
    pub(super) fn new(array: &UntypedArray, bins: usize) -> Result<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        each_number(array, |_, value| {
            if value.is_finite() {
                (low, high) = (low.min(value), high.max(value));
            }
        })?;
        if low > high {
            return Err(nothing());
        }
        let mut histogram = Histogram { bins: vec![0; bins], low, high };
        each_number(array, |_, value| {
            if value.is_finite() {
                let share = if high > low { super::grid::share(value, low, high) } else { 0.0 };
                #[expect(clippy::cast_sign_loss, reason = "the share is 0 to 1")]
                let bin = (share * bins as f64) as usize;
                histogram.bins[bin.min(bins - 1)] += 1;
            }
        })?;
        Ok(histogram)
    }
}

fn nothing() -> Fault {
    Fault::new("there is nothing to draw: the part has no finite number")
}
