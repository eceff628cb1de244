//! Statistics of an array: two passes over its bytes in chunks, first for the range, then for the histogram.

use std::borrow::Cow;

use serde::Serialize;
use serde_shm::{DType, DTypeKind, UntypedArray};

use crate::bar::Bar;
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
#[derive(Clone, Copy)]
struct Range<S> {
    ends: Option<(S, S)>,
    /// The mean of what was seen, kept up chunk by chunk, so that no sum grows beyond a float's precision.
    mean: f64,
    finite: u64,
    nan: u64,
    infinite: u64,
    /// How many bytes were seen.
    bytes: usize,
}

impl<S: Scalar> Range<S> {
    const EMPTY: Self = Range { ends: None, mean: 0.0, finite: 0, nan: 0, infinite: 0, bytes: 0 };

    /// What one chunk has.
    fn of(chunk: &[u8], is_swapped: bool) -> Self {
        let values = || chunk.chunks_exact(S::SIZE).map(|bytes| S::read(bytes, is_swapped));
        let (mut nan, mut infinite) = (0, 0);
        let Some(first) = values().find(|value| !value.is_nan() && !value.is_infinite()) else {
            for value in values() {
                nan += u64::from(value.is_nan());
                infinite += u64::from(value.is_infinite());
            }
            return Range { nan, infinite, bytes: chunk.len(), ..Range::EMPTY };
        };
        // Sums side by side do not wait for one another.
        let mut lanes = [(first, first, 0.0, 0_u64); LANES];
        let mut see = |lane: &mut (S, S, f64, u64), bytes: &[u8]| {
            let value = S::read(bytes, is_swapped);
            let (is_nan, is_infinite) = (value.is_nan(), value.is_infinite());
            nan += u64::from(is_nan);
            infinite += u64::from(is_infinite);
            let is_finite = !(is_nan || is_infinite);
            let counted = if is_finite { value } else { first };
            lane.0 = if counted < lane.0 { counted } else { lane.0 };
            lane.1 = if counted > lane.1 { counted } else { lane.1 };
            lane.2 += if is_finite { value.to_f64() } else { 0.0 };
            lane.3 += u64::from(is_finite);
        };
        let groups = chunk.chunks_exact(LANES * S::SIZE);
        let rest = groups.remainder();
        for group in groups {
            for (lane, bytes) in lanes.iter_mut().zip(group.chunks_exact(S::SIZE)) {
                see(lane, bytes);
            }
        }
        rest.chunks_exact(S::SIZE).for_each(|bytes| see(&mut lanes[0], bytes));
        let (mut min, mut max, mut sum, mut finite) = (first, first, 0.0, 0);
        for (least, most, part, count) in lanes {
            min = if least < min { least } else { min };
            max = if most > max { most } else { max };
            sum += part;
            finite += count;
        }
        let mean = sum / finite as f64;
        Range { ends: Some((min, max)), mean, finite, nan, infinite, bytes: chunk.len() }
    }

    fn add(&mut self, other: Self) {
        self.nan += other.nan;
        self.infinite += other.infinite;
        self.bytes += other.bytes;
        let Some((least, most)) = other.ends else { return };
        let (min, max) = self.ends.unwrap_or((least, most));
        self.ends =
            Some((if least < min { least } else { min }, if most > max { most } else { max }));
        self.finite += other.finite;
        self.mean += (other.mean - self.mean) * (other.finite as f64 / self.finite as f64);
    }
}

const LANES: usize = 4;

/// Finds the bins of the numbers of a range.
#[derive(Clone, Copy)]
struct Bins {
    low: f64,
    scale: f64,
}

impl Bins {
    /// Halves, since the span of the largest floats is more than a float holds.
    fn new(low: f64, high: f64) -> Self {
        let span = high / 2.0 - low / 2.0;
        let scale = if span > 0.0 { BINS as f64 / span } else { 0.0 };
        // The least of floats have a span whose inverse is infinite.
        Bins { low: low / 2.0, scale: if scale.is_finite() { scale } else { 0.0 } }
    }

    #[inline]
    fn of(self, value: f64) -> usize {
        #[expect(clippy::cast_sign_loss, reason = "no number of the range is below its least")]
        let bin = ((value * 0.5 - self.low) * self.scale) as usize;
        bin.min(BINS - 1)
    }
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
    let see = |chunk: &[u8]| Range::<S>::of(chunk, is_swapped);
    let range = in_parts(bytes, S::SIZE, bar, Range::EMPTY, see, Range::add);
    let mut is_partial = range.bytes < bytes.len();
    let finite = range.ends.map(|(min, max)| {
        let place = Bins::new(min.to_f64(), max.to_f64());
        let see = |chunk: &[u8]| {
            let mut bins = [0; BINS];
            for bytes in chunk.chunks_exact(S::SIZE) {
                let value = S::read(bytes, is_swapped);
                if !value.is_nan() && !value.is_infinite() {
                    bins[place.of(value.to_f64())] += 1;
                }
            }
            (bins, chunk.len())
        };
        let add = |(bins, seen): &mut ([u64; BINS], usize), (more, len): ([u64; BINS], usize)| {
            bins.iter_mut().zip(more).for_each(|(bin, more)| *bin += more);
            *seen += len;
        };
        // After Ctrl-C, the histogram has what there was time for.
        let (bins, seen) = in_parts(bytes, S::SIZE, bar, ([0; BINS], 0), see, add);
        is_partial |= seen < bytes.len();
        Finite { min: min.to_number(), max: max.to_number(), mean: range.mean, bins }
    });
    let (nan, infinite) = (range.nan, range.infinite);
    Stats { finite, nan, infinite, seen: (range.bytes / S::SIZE) as u64, is_partial }
}

/// Bytes fewer than this are not worth a thread.
const PARALLEL_FROM: usize = 64 << 20;
const MOST_THREADS: usize = 8;

/// Goes over the bytes in chunks of whole elements, on several threads if they are many, until Ctrl-C.
fn in_parts<T: Copy + Send + Sync>(
    bytes: &[u8],
    size: usize,
    bar: &Bar,
    empty: T,
    see: impl Fn(&[u8]) -> T + Sync,
    add: impl Fn(&mut T, T) + Sync,
) -> T {
    let chunk = CHUNK / size * size;
    let go = |part: &[u8]| {
        let mut total = empty;
        for chunk in part.chunks(chunk).take_while(|_| !stop::is_asked()) {
            add(&mut total, see(chunk));
            bar.advance(chunk.len());
        }
        total
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
    if threads == 1 || bytes.len() < PARALLEL_FROM {
        return go(bytes);
    }
    let part = bytes.len().div_ceil(threads).next_multiple_of(chunk);
    std::thread::scope(|scope| {
        let workers: Vec<_> = bytes.chunks(part).map(|part| scope.spawn(|| go(part))).collect();
        let mut total = empty;
        for worker in workers {
            match worker.join() {
                Ok(part) => add(&mut total, part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        total
    })
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

    /// As many bytes as threads share; the parts meet where a NaN is.
    #[test]
    fn threads_see_what_one_sees() {
        let count = PARALLEL_FROM / 8 + 5;
        let mut bytes: Vec<u8> = Vec::with_capacity(count * 8);
        for number in 0..count {
            let value = if number % 1_000_003 == 7 { f64::NAN } else { number as f64 };
            bytes.extend(value.to_le_bytes());
        }
        let nan = (0..count).filter(|number| number % 1_000_003 == 7).count();
        let stats = stats("<f8", &bytes);
        assert_eq!((stats.nan, stats.seen, stats.is_partial), (nan as u64, count as u64, false));
        let finite = stats.finite.unwrap();
        assert_eq!((finite.min, finite.max), (Number::F64(0.0), Number::F64((count - 1) as f64)));
        assert!((finite.mean - count as f64 / 2.0).abs() < 2.0, "{}", finite.mean);
        assert_eq!(finite.bins.iter().sum::<u64>(), (count - nan) as u64);
    }
}
