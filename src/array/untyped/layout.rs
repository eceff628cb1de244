//! Where the elements of an array of any dtype lie in its bytes, and the walk over them.

use std::fmt;
use std::ops::Range;

use crate::dtype::DType;
use crate::element::{self, Misfit};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, FREE_ROWS, MAX_NDIM, Order};

/// Dtype, shape and strides of an array, checked against the length of its bytes.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    /// In bytes.
    pub(crate) strides: Vec<isize>,
    /// The order in which the elements lie without gaps, if they do.
    pub(crate) order: Option<Order>,
    /// Where the first element starts, counted from the start of the lowest one.
    start: usize,
    /// The bytes of all elements, counting bytes twice that belong to two elements.
    bytes: usize,
}

fn refused(kind: ErrorKind, text: String) -> Error {
    Error::new(kind, text)
}

/// The number of bytes of all elements, for an array that may be walked element by element.
pub(crate) fn checked_len(dtype: &DType, shape: &[usize]) -> Result<usize> {
    if shape.len() > MAX_NDIM {
        return Err(refused(
            ErrorKind::Limit,
            format!("{} axes, more than {MAX_NDIM}", shape.len()),
        ));
    }
    // A count that overflows is too large, too.
    if dtype.item_size() == 0 && layout::count(shape).is_none_or(|count| count > FREE_ROWS) {
        return Err(refused(
            ErrorKind::Limit,
            format!(
                "an array of {dtype} of shape {shape:?} has more than {FREE_ROWS} elements without bytes"
            ),
        ));
    }
    layout::byte_len(shape, dtype.item_size()).ok_or_else(|| {
        refused(
            ErrorKind::InvalidInput,
            format!("an array of {dtype} of shape {shape:?} takes more than memory holds"),
        )
    })
}

/// Whether the elements lie without gaps, with the axes from the fastest one on.
fn is_contiguous(axes: impl Iterator<Item = (usize, isize)>, item: usize) -> bool {
    let mut step = item;
    for (len, stride) in axes {
        if len == 1 {
            continue;
        }
        if usize::try_from(stride) != Ok(step) {
            return false;
        }
        step = step.saturating_mul(len);
    }
    true
}

impl Layout {
    /// The layout of elements without gaps, which must take exactly the given number of bytes.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if they take more or fewer; `Limit` for too many axes, or too many elements without bytes.
    pub(crate) fn contiguous(
        dtype: DType,
        shape: Vec<usize>,
        order: Order,
        found: usize,
    ) -> Result<Self> {
        let bytes = checked_len(&dtype, &shape)?;
        if bytes != found {
            return Err(refused(
                ErrorKind::InvalidInput,
                format!(
                    "expected {bytes} bytes for an array of {dtype} of shape {shape:?}, found {found}"
                ),
            ));
        }
        // All elements together take no more bytes than an `isize` holds.
        let in_bytes = |stride: usize| (stride * dtype.item_size()).cast_signed();
        let strides: Vec<isize> =
            layout::strides(&shape, order).into_iter().map(in_bytes).collect();
        Ok(Layout::new(dtype, shape, strides, 0, bytes))
    }

    /// The layout of elements in C order, whatever number of bytes they take.
    ///
    /// # Errors
    ///
    /// Those of [`contiguous`](Self::contiguous).
    pub(crate) fn whole(dtype: DType, shape: Vec<usize>) -> Result<Self> {
        let bytes = checked_len(&dtype, &shape)?;
        Layout::contiguous(dtype, shape, Order::C, bytes)
    }

    /// The layout of elements with any strides, the first one at this offset, and the part of the bytes in which they lie.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if an element does not lie in the bytes, or if there are not as many strides as axes; `Limit` for too
    /// many axes, or too many elements without bytes.
    pub(crate) fn strided(
        dtype: DType,
        shape: Vec<usize>,
        strides: Vec<isize>,
        offset: usize,
        found: usize,
    ) -> Result<(Self, Range<usize>)> {
        if strides.len() != shape.len() {
            return Err(refused(
                ErrorKind::InvalidInput,
                format!(
                    "expected a stride for each axis of shape {shape:?}, found strides {strides:?}"
                ),
            ));
        }
        let bytes = checked_len(&dtype, &shape)?;
        Layout::placed(dtype, shape, strides, offset, found, bytes)
    }

    /// As [`strided`](Self::strided), for as many axes as strides, and for elements whose number of bytes is known.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if an element does not lie in the bytes.
    pub(crate) fn placed(
        dtype: DType,
        shape: Vec<usize>,
        strides: Vec<isize>,
        offset: usize,
        found: usize,
        bytes: usize,
    ) -> Result<(Self, Range<usize>)> {
        if shape.contains(&0) {
            return Ok((Layout::new(dtype, shape, strides, 0, bytes), 0..0));
        }
        let reach = || {
            let (mut low, mut high) = (isize::try_from(offset).ok()?, 0_isize);
            for (len, stride) in shape.iter().zip(&strides) {
                let last = isize::try_from(len - 1).ok()?;
                let far = if last == 0 { 0 } else { last.checked_mul(*stride)? };
                low = low.checked_add(far.min(0))?;
                high = high.checked_add(far.max(0))?;
            }
            let end = offset.checked_add_signed(high)?.checked_add(dtype.item_size())?;
            let start = usize::try_from(low).ok()?;
            (end <= found).then_some(start..end)
        };
        let Some(range) = reach() else {
            return Err(refused(
                ErrorKind::InvalidInput,
                format!(
                    "an element of an array of {dtype} of shape {shape:?} with strides {strides:?} from byte {offset} on \
                     lies outside of the {found} bytes that were given"
                ),
            ));
        };
        Ok((Layout::new(dtype, shape, strides, offset - range.start, bytes), range))
    }

    fn new(
        dtype: DType,
        shape: Vec<usize>,
        strides: Vec<isize>,
        start: usize,
        bytes: usize,
    ) -> Self {
        let item = dtype.item_size();
        let axes = || shape.iter().copied().zip(strides.iter().copied());
        let order = if bytes == 0 || is_contiguous(axes().rev(), item) {
            Some(Order::C)
        } else {
            is_contiguous(axes(), item).then_some(Order::F)
        };
        Layout { dtype, shape, strides, order, start, bytes }
    }

    /// The same array, with its elements read as those of another dtype of the same size.
    pub(crate) fn with_dtype(&self, dtype: DType) -> Self {
        let Layout { shape, strides, start, bytes, .. } = self;
        Layout::new(dtype, shape.clone(), strides.clone(), *start, *bytes)
    }

    /// Shows dtype, shape and strides, under this type name.
    pub(crate) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layout { dtype, shape, strides, .. } = self;
        write!(f, "{name}({dtype}, shape {shape:?}, strides {strides:?})")
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// The number of bytes of all elements.
    pub(crate) fn byte_len(&self) -> usize {
        self.bytes
    }

    /// Where an element starts; `None` if no element has this index.
    pub(crate) fn place(&self, index: &[usize]) -> Option<usize> {
        if index.len() != self.shape.len() {
            return None;
        }
        let mut place = self.start;
        for ((at, len), stride) in index.iter().zip(&self.shape).zip(&self.strides) {
            if at >= len {
                return None;
            }
            place = place.wrapping_add_signed(stride.wrapping_mul(at.cast_signed()));
        }
        Some(place)
    }

    /// How many axes are left outside of a run, and how many bytes a run takes. A run is made of elements that lie one after
    /// the other along the inner axes.
    pub(crate) fn runs(&self) -> (usize, usize) {
        let (mut axes, mut run) = (self.shape.len(), self.dtype.item_size());
        while axes > 0 {
            let (len, stride) = (self.shape[axes - 1], self.strides[axes - 1]);
            if len != 1 && usize::try_from(stride) != Ok(run) {
                break;
            }
            run = run.saturating_mul(len);
            axes -= 1;
        }
        (axes, run)
    }

    /// The runs in row-major order, with this many axes outside of a run, as rows along the last of these.
    pub(crate) fn rows(&self, axes: usize) -> Rows<'_> {
        let (outer, step, count) = match axes.checked_sub(1) {
            Some(last) => (last, self.strides[last], self.shape[last]),
            None => (0, 0, 1),
        };
        let is_empty = self.shape.contains(&0);
        Rows {
            shape: &self.shape[..outer],
            strides: &self.strides[..outer],
            index: vec![0; outer],
            next: (!is_empty).then_some(Row { start: self.start, step, count }),
        }
    }

    /// An error if a bool among the elements is neither 0 nor 1.
    pub(crate) fn check_values(&self, span: &[u8]) -> Result<(), Misfit> {
        if !element::has_bools(&self.dtype) || self.bytes == 0 {
            return Ok(());
        }
        if self.order.is_some() {
            return element::check_values(&self.dtype, span);
        }
        // Elements that repeat along an axis of stride 0 are checked once.
        let once = |(len, stride): (&usize, &isize)| if *stride == 0 { 1 } else { *len };
        let shape: Vec<usize> = self.shape.iter().zip(&self.strides).map(once).collect();
        let bytes = shape.iter().product::<usize>() * self.dtype.item_size();
        let seen = Layout::new(self.dtype.clone(), shape, self.strides.clone(), self.start, bytes);
        let (axes, run) = seen.runs();
        let mut before = 0;
        for start in seen.rows(axes).flat_map(Row::starts) {
            let bytes = span.get(start..start + run).unwrap_or_default();
            element::check_values(&self.dtype, bytes).map_err(|misfit| match misfit {
                Misfit::Bool { index, field, byte } => {
                    Misfit::Bool { index: before + index, field, byte }
                }
                other => other,
            })?;
            before += run / self.dtype.item_size();
        }
        Ok(())
    }

    /// Packs the elements in row-major order into `block`, and calls `put` whenever it has about the given number of bytes.
    /// The caller takes the bytes that are left in the block at the end.
    pub(crate) fn pack<E>(
        &self,
        span: &[u8],
        block: &mut Vec<u8>,
        limit: usize,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.bytes == 0 {
            return Ok(());
        }
        let (axes, run) = self.runs();
        for row in self.rows(axes) {
            if run >= limit {
                for start in row.starts() {
                    put(span.get(start..start + run).unwrap_or_default())?;
                }
                continue;
            }
            let mut row = row;
            while row.count > 0 {
                let room = (limit - block.len()) / run;
                if room == 0 {
                    put(block)?;
                    block.clear();
                    continue;
                }
                let (part, rest) = row.split(room);
                part.copy(span, run, block);
                row = rest;
            }
        }
        Ok(())
    }
}

/// Runs that lie at equal distances.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    start: usize,
    step: isize,
    count: usize,
}

impl Row {
    /// Where each run starts.
    pub(crate) fn starts(self) -> impl Iterator<Item = usize> {
        let Row { start, step, count } = self;
        (0..count).map(move |at| start.wrapping_add_signed(step.wrapping_mul(at.cast_signed())))
    }

    /// The first `most` runs, or all if there are fewer, and the rest.
    fn split(self, most: usize) -> (Row, Row) {
        let Row { start, step, count } = self;
        let first = count.min(most);
        let start_of_rest = start.wrapping_add_signed(step.wrapping_mul(first.cast_signed()));
        (Row { count: first, ..self }, Row { start: start_of_rest, step, count: count - first })
    }

    fn copy(self, span: &[u8], run: usize, block: &mut Vec<u8>) {
        /// Packs runs of a length that the compiler knows.
        fn each<const N: usize>(row: Row, span: &[u8], out: &mut [u8]) {
            for (start, out) in row.starts().zip(out.as_chunks_mut::<N>().0) {
                if let Some(run) = span.get(start..).and_then(<[u8]>::first_chunk::<N>) {
                    *out = *run;
                }
            }
        }
        let before = block.len();
        block.resize(before + self.count * run, 0);
        let out = &mut block[before..];
        match run {
            1 => each::<1>(self, span, out),
            2 => each::<2>(self, span, out),
            4 => each::<4>(self, span, out),
            8 => each::<8>(self, span, out),
            16 => each::<16>(self, span, out),
            _ => {
                for (start, out) in self.starts().zip(out.chunks_exact_mut(run)) {
                    if let Some(run) = span.get(start..start + run) {
                        out.copy_from_slice(run);
                    }
                }
            }
        }
    }
}

/// The rows of a layout, one after the other.
pub(crate) struct Rows<'l> {
    shape: &'l [usize],
    strides: &'l [isize],
    index: Vec<usize>,
    next: Option<Row>,
}

impl Iterator for Rows<'_> {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        let row = self.next?;
        let mut start = row.start;
        self.next = None;
        for axis in (0..self.shape.len()).rev() {
            let stride = self.strides[axis];
            self.index[axis] += 1;
            start = start.wrapping_add_signed(stride);
            if self.index[axis] < self.shape[axis] {
                self.next = Some(Row { start, ..row });
                break;
            }
            let back = stride.wrapping_mul(self.shape[axis].cast_signed());
            start = start.wrapping_add_signed(back.wrapping_neg());
            self.index[axis] = 0;
        }
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strided(shape: &[usize], strides: &[isize], offset: usize, len: usize) -> Result<Layout> {
        Layout::strided(DType::U16, shape.to_vec(), strides.to_vec(), offset, len)
            .map(|(layout, _)| layout)
    }

    #[test]
    fn runs_are_as_long_as_they_can_be() {
        assert_eq!(strided(&[2, 3], &[6, 2], 0, 12).unwrap().runs(), (0, 12));
        assert_eq!(strided(&[2, 3], &[8, 2], 0, 14).unwrap().runs(), (1, 6));
        assert_eq!(strided(&[2, 3], &[2, 4], 0, 12).unwrap().runs(), (2, 2));
        assert_eq!(strided(&[2, 1, 3], &[6, 99, 2], 0, 12).unwrap().runs(), (0, 12));
        let orders = [
            (&[6, 2], Some(Order::C)),
            (&[2, 4], Some(Order::F)),
            (&[8, 2], None),
            (&[6, -2], None),
            (&[0, 2], None),
        ];
        for (strides, order) in orders {
            assert_eq!(strided(&[2, 3], strides, 4, 18).unwrap().order, order, "{strides:?}");
        }
    }

    #[test]
    fn an_element_outside_is_refused_however_far_it_is() {
        for (shape, strides, offset) in [
            (&[2, 3][..], &[6, 2][..], 1),
            (&[2], &[-2], 1),
            (&[3], &[isize::MAX], 0),
            (&[3, 3], &[isize::MAX / 2, isize::MIN / 2], 0),
            (&[2], &[isize::MIN], 0),
            (&[], &[], 11),
            (&[], &[], usize::MAX),
            (&[usize::MAX / 4 + 1], &[0], 0),
            (&[1 << 40, 1 << 40], &[0, 0], 0),
        ] {
            let error = strided(shape, strides, offset, 12).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{shape:?} {strides:?}: {error}");
        }
        assert_eq!(strided(&[2, 3], &[6], 0, 12).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(strided(&[1; 65], &[0; 65], 0, 12).unwrap_err().kind(), ErrorKind::Limit);
        assert!(strided(&[1, 2], &[isize::MAX, -2], 10, 12).is_ok());
        assert!(strided(&[0, 9], &[isize::MAX, 5], usize::MAX, 0).is_ok());
    }
}
