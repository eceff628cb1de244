//! Statistics of an array: two passes over its bytes in chunks, first for the range, then for the histogram.

use std::borrow::Cow;
use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_shm::{DType, DTypeKind, UntypedArray};

use crate::element::{self, Number, Scalar, with_scalar};
use crate::fault::Result;
use crate::stop;

/// How many bytes are read between two looks at Ctrl-C.
const CHUNK: usize = 4 << 20;

pub(crate) const BINS: usize = 16;

/// What is said of an array of numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stats {
    /// Of the numbers that are neither NaN nor infinite; `None` where there are none.
    pub(crate) finite: Option<Finite>,
    pub(crate) nan: u64,
    pub(crate) infinite: u64,
    /// How many elements were seen.
    pub(crate) seen: u64,
    /// Whether somebody stopped it before the end.
    pub(crate) is_partial: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finite {
    pub(crate) min: Number,
    pub(crate) max: Number,
    pub(crate) mean: f64,
    /// How many numbers lie in each of as many equal parts of the range.
    pub(crate) bins: [u64; BINS],
}

/// What the first pass sees.
struct Range<S> {
    min: Option<(S, S)>,
    /// The mean of what was seen, kept up chunk by chunk, so that no sum grows beyond a float's precision.
    mean: f64,
    finite: u64,
    nan: u64,
    infinite: u64,
}

impl<S: Scalar> Range<S> {
    fn see(&mut self, chunk: &[u8], is_swapped: bool) {
        let (mut sum, mut count) = (0.0, 0_u64);
        for bytes in chunk.chunks_exact(S::SIZE) {
            let value = S::read(bytes, is_swapped);
            if value.is_nan() {
                self.nan += 1;
            } else if value.is_infinite() {
                self.infinite += 1;
            } else {
                sum += value.to_f64();
                count += 1;
                let (min, max) = self.min.get_or_insert((value, value));
                if value < *min {
                    *min = value;
                }
                if value > *max {
                    *max = value;
                }
            }
        }
        if count > 0 {
            self.finite += count;
            let share = count as f64 / self.finite as f64;
            self.mean += (sum / count as f64 - self.mean) * share;
        }
    }
}

/// The bin of a number of a range.
fn bin(value: f64, low: f64, high: f64) -> usize {
    // Halves first: the span of the largest floats is more than a float holds.
    let span = high / 2.0 - low / 2.0;
    let share = if span > 0.0 { (value / 2.0 - low / 2.0) / span } else { 0.0 };
    #[expect(clippy::cast_sign_loss, reason = "the share is 0 to 1")]
    let bin = (share * BINS as f64) as usize;
    bin.min(BINS - 1)
}

/// Whether arrays of the dtype have statistics.
pub(crate) fn has_stats(dtype: &DType) -> bool {
    !matches!(dtype.kind(), DTypeKind::Text | DTypeKind::Bytes | DTypeKind::Raw | DTypeKind::Struct)
}

/// The statistics of an array. `None` if its elements are no numbers.
pub(crate) fn of(array: &UntypedArray, bar: &Bar) -> Result<Option<Stats>> {
    let dtype = array.dtype();
    if !has_stats(dtype) {
        return Ok(None);
    }
    // In whichever order they lie.
    let bytes =
        array.as_bytes().map_or_else(|| array.to_bytes(), |bytes| Ok(Cow::Borrowed(bytes)))?;
    Ok(with_scalar!(dtype, S => Some(of_bytes::<S>(&bytes, dtype, bar)), None))
}

fn of_bytes<S: Scalar>(bytes: &[u8], dtype: &DType, bar: &Bar) -> Stats {
    let is_swapped = element::is_swapped(dtype);
    let chunk = CHUNK / S::SIZE * S::SIZE;
    let mut range = Range::<S> { min: None, mean: 0.0, finite: 0, nan: 0, infinite: 0 };
    let mut seen = 0;
    let chunks = || bytes.chunks(chunk).take_while(|_| !stop::is_asked());
    for chunk in chunks() {
        range.see(chunk, is_swapped);
        seen += chunk.len();
        bar.advance(chunk.len());
    }
    let mut is_partial = seen < bytes.len();
    let finite = range.min.map(|(min, max)| {
        let (low, high) = (min.to_f64(), max.to_f64());
        let mut bins = [0; BINS];
        let mut counted = 0;
        // After Ctrl-C, the histogram has what there was time for: nothing.
        for chunk in chunks() {
            for bytes in chunk.chunks_exact(S::SIZE) {
                let value = S::read(bytes, is_swapped);
                if !value.is_nan() && !value.is_infinite() {
                    bins[bin(value.to_f64(), low, high)] += 1;
                }
            }
            counted += chunk.len();
            bar.advance(chunk.len());
        }
        is_partial |= counted < bytes.len();
        Finite { min: min.to_number(), max: max.to_number(), mean: range.mean, bins }
    });
    let (nan, infinite) = (range.nan, range.infinite);
    Stats { finite, nan, infinite, seen: (seen / S::SIZE) as u64, is_partial }
}

/// A histogram in one line of block characters; the tallest bin is a whole block.
pub(crate) fn sparkline(bins: &[u64]) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = bins.iter().copied().max().unwrap_or(0).max(1);
    let level = |count: u64| match count {
        0 => ' ',
        // The product of two counts may be larger than a `u64`.
        _ => LEVELS[((u128::from(count) * 8).div_ceil(u128::from(most)) as usize).clamp(1, 8) - 1],
    };
    bins.iter().map(|count| level(*count)).collect()
}

/// A progress bar on standard error, for what takes long.
pub(crate) struct Bar {
    total: u64,
    bar: OnceLock<ProgressBar>,
}

/// What takes less than a blink has no bar.
const BAR_FROM: u64 = 256 << 20;

impl Bar {
    /// A bar for passes over this many bytes.
    pub(crate) fn new(total: u64) -> Self {
        Bar { total, bar: OnceLock::new() }
    }

    pub(crate) fn advance(&self, bytes: usize) {
        if self.total < BAR_FROM {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let style = ProgressStyle::with_template(
                "{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} (Ctrl-C: end with what there is)",
            );
            let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.inc(bytes as u64);
    }

    /// Takes the bar from the terminal, before something else is written there.
    pub(crate) fn hide<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.bar.get() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

/// A number for JSON, which has neither NaN nor infinity.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum JsonNumber {
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(String),
}

impl From<Number> for JsonNumber {
    fn from(number: Number) -> Self {
        match number {
            Number::Bool(value) => JsonNumber::Bool(value),
            Number::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => JsonNumber::Int(value),
                (_, Ok(value)) => JsonNumber::UInt(value),
                _ => JsonNumber::Text(value.to_string()),
            },
            // Its shortest text is not that of the wider float.
            Number::F32(value) if value.is_finite() => {
                JsonNumber::Float(value.to_string().parse().unwrap_or_else(|_| value.into()))
            }
            other if other.to_f64().is_finite() => JsonNumber::Float(other.to_f64()),
            other => JsonNumber::Text(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_shm::Order;

    fn stats(dtype: &str, bytes: &[u8]) -> Stats {
        let dtype: DType = dtype.parse().unwrap();
        let shape = [bytes.len() / dtype.item_size()];
        let array = UntypedArray::from_owner(dtype, &shape, Order::C, bytes.to_vec()).unwrap();
        of(&array, &Bar::new(0)).unwrap().unwrap()
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let numbers = [1.0, f64::NAN, f64::INFINITY, -3.0, f64::NEG_INFINITY];
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let stats = stats("<f8", &bytes);
        assert_eq!((stats.nan, stats.infinite, stats.seen), (1, 2, 5));
        let finite = stats.finite.unwrap();
        assert_eq!((finite.min, finite.max), (Number::F64(-3.0), Number::F64(1.0)));
        assert_eq!((finite.mean, finite.bins[0], finite.bins[BINS - 1]), (-1.0, 1, 1));
    }

    #[test]
    fn large_integers_keep_their_digits() {
        let bytes: Vec<u8> =
            [u64::MAX, u64::MAX - 1].iter().flat_map(|n| n.to_le_bytes()).collect();
        let finite = stats("<u8", &bytes).finite.unwrap();
        assert_eq!(finite.min, Number::Int((u64::MAX - 1).into()));
        assert_eq!(finite.max, Number::Int(u64::MAX.into()));
    }

    #[test]
    fn other_byte_orders_and_times_are_counted() {
        assert_eq!(stats(">i2", &[1, 0, 0, 1]).finite.unwrap().max, Number::Int(256));
        let times: Vec<u8> = [5, i64::MIN].iter().flat_map(|n: &i64| n.to_le_bytes()).collect();
        let stats = stats("<M8[s]", &times);
        assert_eq!((stats.nan, stats.finite.unwrap().min), (1, Number::Int(5)));
    }

    #[test]
    fn an_array_of_one_value_or_none_has_a_histogram() {
        assert_eq!(stats("|u1", &[7, 7]).finite.unwrap().bins[0], 2);
        assert_eq!(stats("|u1", &[]).finite, None);
        let most = [f64::MIN, f64::MAX].map(f64::to_le_bytes).concat();
        let bins = stats("<f8", &most).finite.unwrap().bins;
        assert_eq!((bins[0], bins[BINS - 1]), (1, 1));
    }

    #[test]
    fn a_sparkline_shows_every_bin_that_has_a_number() {
        assert_eq!(sparkline(&[0, 1, 800, 400]), " ▁█▄");
        assert_eq!(sparkline(&[u64::MAX, 1]), "█▁");
    }
}
