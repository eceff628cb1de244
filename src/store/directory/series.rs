//! The directory of version 3: a record for each series of arrays that are alike and whose paths differ in one step, then a heap
//! with what they share and columns of what differs. The n-th array is found without reading those before it.

use crate::error::{Error, ErrorKind, Result};

use super::build::Head;
use super::form::{self, CodedHead, FormBytes};
use super::path::{ArrayPath, SeriesStep};
use super::set::{Series, SetBuilder, Steps};
use super::{Fault, Like, ListedArray, numbers};

// A record, little-endian:
//   0 offset u64 | 8 pitch u64 | 16 first number u32 | 20 items u32 | 24 heap u32 | 28 before u32 | 32 after u32 |
//   36 descriptor u32 | 40 form (dtype u8, flags u8, ndim u8, kind u8) | 44 stride u8 | 45 place u8 | 46 columns u8 | 47 widths u8
const OFFSET: usize = 0;
const PITCH: usize = OFFSET + 8;
const FIRST: usize = PITCH + 8;
const ITEMS: usize = FIRST + 4;
const HEAP: usize = ITEMS + 4;
const BEFORE: usize = HEAP + 4;
const AFTER: usize = BEFORE + 4;
const DESCRIPTOR: usize = AFTER + 4;
const FORM: usize = DESCRIPTOR + 4;
const STRIDE: usize = FORM + size_of::<FormBytes>();
const PLACE: usize = STRIDE + 1;
const COLUMNS: usize = PLACE + 1;
const WIDTHS: usize = COLUMNS + 1;
const RECORD: usize = WIDTHS + 1;

/// How many series there are, ahead of the records.
const COUNT: usize = 8;

/// The step that differs is a number that counts up.
const NUMBERED: u8 = 1;
/// It is a name, from a column.
const NAMED: u8 = 2;
/// The shapes are in a column.
const SHAPES: u8 = 4;
/// The offsets are in a column.
const OFFSETS: u8 = 8;
const ALL: u8 = NUMBERED | NAMED | SHAPES | OFFSETS;

/// A directory of version 3.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeriesTable<'a> {
    records: &'a [[u8; RECORD]],
    heap: &'a [u8],
    count: u64,
    version: u16,
}

/// An array of a series.
#[derive(Clone, Copy)]
pub(super) struct FoundItem<'a> {
    record: &'a [u8; RECORD],
    /// The record of the first series of its set, which has the column of names.
    leader: &'a [u8; RECORD],
    item: usize,
    /// How many arrays follow before those of the next series.
    before_next: u64,
}

impl FoundItem<'_> {
    /// A number that is the same for all arrays that differ only in their places.
    fn alike(&self) -> Option<usize> {
        (self.record[COLUMNS] & SHAPES == 0).then_some(self.record.as_ptr().addr())
    }

    /// How many arrays follow with the next numbers, and how far each lies behind the one before it.
    fn regular(&self) -> (u64, u64) {
        if self.record[STRIDE] != 1 || self.record[COLUMNS] & OFFSETS != 0 {
            return (0, 0);
        }
        let more = numbers::<4>(self.record, ITEMS) - self.item as u64 - 1;
        (more.min(self.before_next), numbers::<8>(self.record, PITCH))
    }
}

/// The parts that a series has in the heap.
struct Parts<'a> {
    axes: Column<'a>,
    offsets: Column<'a>,
    descriptor: &'a [u8],
    before: &'a [u8],
    after: &'a [u8],
    /// The column of names and what follows it, or the first number.
    rest: &'a [u8],
}

/// The paths of a series.
#[derive(Clone, Copy)]
struct Paths<'a> {
    items: usize,
    before: &'a str,
    steps: PathSteps<'a>,
    after: &'a str,
}

#[derive(Clone, Copy)]
enum PathSteps<'a> {
    None,
    /// From this one on.
    Numbers(u64),
    /// Where each ends, and all of them.
    Names(&'a [[u8; 4]], &'a [u8]),
}

impl<'a> Paths<'a> {
    fn path(&self, item: usize) -> Result<ArrayPath<'a>, Fault> {
        if item >= self.items {
            return Err(Fault::NotThere);
        }
        let step = match self.steps {
            PathSteps::None if item > 0 => {
                return Err(Fault::Other("several arrays have one path".to_owned()));
            }
            PathSteps::None => SeriesStep::None,
            PathSteps::Numbers(first) => {
                let number = first.checked_add(item as u64);
                SeriesStep::Number(number.ok_or_else(|| {
                    Fault::Other("the number in its path exceeds 64 bits".to_owned())
                })?)
            }
            PathSteps::Names(ends, text) => {
                let end = |at: usize| ends.get(at).map(|end| u32::from_le_bytes(*end) as usize);
                let start = item.checked_sub(1).map_or(Some(0), end);
                let name = start.and_then(|start| text.get(start..end(item)?));
                SeriesStep::Name(utf8(name.ok_or(Fault::Outside)?)?)
            }
        };
        Ok(ArrayPath { before: self.before, step, after: self.after })
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| Fault::NoText)
}

impl<'a> SeriesTable<'a> {
    /// `None` if the bytes are no directory of this many arrays.
    pub(super) fn parse(bytes: &'a [u8], count: u64, version: u16) -> Option<Self> {
        let Some((series, rest)) = bytes.split_first_chunk::<COUNT>() else {
            let is_empty = bytes.is_empty() && count == 0;
            return is_empty.then_some(SeriesTable { records: &[], heap: &[], count, version });
        };
        let len = usize::try_from(u64::from_le_bytes(*series)).ok()?.checked_mul(RECORD)?;
        let (records, heap) = rest.split_at_checked(len)?;
        let table = SeriesTable { records: records.as_chunks().0, heap, count, version };
        let last = table.records.last().map_or(0, |last| {
            let stride = u64::from(last[STRIDE]);
            let first = numbers::<4>(last, FIRST).saturating_sub(last[PLACE].into());
            first + numbers::<4>(last, ITEMS) * stride
        });
        (last == count).then_some(table)
    }

    pub(super) fn len(&self) -> u64 {
        self.count
    }

    /// The series that has the array of this number. It is the last series whose first number is not beyond this one, or
    /// another series of the same set, because the arrays of a set take turns.
    pub(super) fn find(&self, number: u64) -> Result<FoundItem<'a>, Fault> {
        if number >= self.count {
            return Err(Fault::NotThere);
        }
        let after = self.records.partition_point(|record| numbers::<4>(record, FIRST) <= number);
        let found = || {
            let last = after.checked_sub(1)?;
            let leader = last.checked_sub(self.records[last][PLACE].into())?;
            let first = numbers::<4>(&self.records[leader], FIRST);
            let past = number.checked_sub(first)?;
            let stride = u64::from(self.records[leader][STRIDE]);
            let (item, place) = (past.checked_div(stride)?, past.checked_rem(stride)?);
            let leader = &self.records[leader..];
            let record = leader.get(place as usize)?;
            let is_right = u64::from(record[PLACE]) == place
                && u64::from(record[STRIDE]) == stride
                && record[ITEMS..HEAP] == leader[0][ITEMS..HEAP]
                && numbers::<4>(record, FIRST) == first + place
                && item < numbers::<4>(record, ITEMS);
            let end = self.records.get(after).map_or(self.count, |next| numbers::<4>(next, FIRST));
            let before_next = end.saturating_sub(number + 1);
            let item = item as usize;
            is_right.then_some(FoundItem { record, leader: &leader[0], item, before_next })
        };
        found().ok_or_else(|| Fault::Other("no series of the directory has it".to_owned()))
    }

    fn parts(&self, record: &[u8; RECORD]) -> Result<Parts<'a>, Fault> {
        let (columns, widths) = (record[COLUMNS], record[WIDTHS]);
        let is_known = columns & !ALL == 0 && columns & (NUMBERED | NAMED) != NUMBERED | NAMED;
        if !is_known || widths & !0x33 != 0 {
            return Err(Fault::Other(format!("unknown columns {columns:#04x} {widths:#04x}")));
        }
        let split = || {
            let len = |at| numbers::<4>(record, at) as usize;
            let (shapes, offsets) = (columns & SHAPES != 0, columns & OFFSETS != 0);
            let axes = if shapes { len(ITEMS) } else { 1 }.checked_mul(record[FORM + 2].into())?;
            let offsets = if offsets { len(ITEMS) } else { 0 };
            let rest = self.heap.get(len(HEAP)..)?;
            let (axes, rest) = Column::split(rest, axes, widths)?;
            let (offsets, rest) = Column::split(rest, offsets, widths >> 4)?;
            let (descriptor, rest) = rest.split_at_checked(len(DESCRIPTOR))?;
            let (before, rest) = rest.split_at_checked(len(BEFORE))?;
            let (after, rest) = rest.split_at_checked(len(AFTER))?;
            Some(Parts { axes, offsets, descriptor, before, after, rest })
        };
        split().ok_or(Fault::Outside)
    }

    pub(super) fn path(&self, number: u64) -> Result<ArrayPath<'a>, Fault> {
        let found = self.find(number)?;
        self.paths(found)?.path(found.item)
    }

    /// Calls `put` with the number and path of each array that has a path. What the arrays of a series share is read once.
    #[cfg(any(feature = "ndarray", test))]
    pub(super) fn each_path(&self, mut put: impl FnMut(u64, ArrayPath<'a>)) {
        let mut number = 0;
        while number < self.count {
            let Ok(found) = self.find(number) else {
                number += 1;
                continue;
            };
            // From here to the end all arrays are of this set, if they are of any.
            let end = number + 1 + found.before_next;
            let first = numbers::<4>(found.leader, FIRST);
            let stride = u64::from(found.leader[STRIDE]);
            let mut series: Vec<Option<Paths<'a>>> = vec![None; stride as usize];
            for number in number..end {
                let (item, place) = ((number - first) / stride, (number - first) % stride);
                let paths = &mut series[place as usize];
                if paths.is_none() {
                    *paths = self.find(number).and_then(|found| self.paths(found)).ok();
                }
                let path = paths.as_ref().map(|paths| paths.path(item as usize));
                if let Some(Ok(path)) = path {
                    put(number, path);
                }
            }
            number = end;
        }
    }

    /// The paths of a series that has been found.
    fn paths(&self, FoundItem { record, leader, .. }: FoundItem<'_>) -> Result<Paths<'a>, Fault> {
        let parts = self.parts(record)?;
        if record[COLUMNS] & (NUMBERED | NAMED) != leader[COLUMNS] & (NUMBERED | NAMED) {
            return Err(Fault::Other("the series of its set differ in their columns".to_owned()));
        }
        let items = numbers::<4>(leader, ITEMS) as usize;
        let steps = if leader[COLUMNS] & NUMBERED != 0 {
            let first = self.parts(leader)?.rest.first_chunk().ok_or(Fault::Outside)?;
            PathSteps::Numbers(u64::from_le_bytes(*first))
        } else if leader[COLUMNS] & NAMED != 0 {
            let rest = self.parts(leader)?.rest;
            let split = items.checked_mul(4).and_then(|ends| rest.split_at_checked(ends));
            let (ends, text) = split.ok_or(Fault::Outside)?;
            PathSteps::Names(ends.as_chunks().0, text)
        } else {
            PathSteps::None
        };
        let (before, after) = (utf8(parts.before)?, utf8(parts.after)?);
        Ok(Paths { items, before, steps, after })
    }

    fn live_series(&self) -> impl Iterator<Item = &'a [u8; RECORD]> {
        self.records.iter().filter(|record| record[FORM + 3] != 0)
    }

    /// How many arrays lie in live memory. No two series have one of the same number, or a look at the numbers finds it.
    pub(super) fn count_live(&self) -> u64 {
        let items = self.live_series().map(|record| numbers::<4>(record, ITEMS));
        items.fold(0, u64::saturating_add)
    }

    /// Their numbers, as many as [`count_live`](Self::count_live) says.
    pub(super) fn live(&self) -> Vec<u64> {
        let of_series = |record: &[u8; RECORD]| {
            let first = numbers::<4>(record, FIRST);
            let stride = u64::from(record[STRIDE]);
            (0..numbers::<4>(record, ITEMS)).map(move |item| first + item * stride)
        };
        let mut numbers: Vec<_> = self.live_series().flat_map(of_series).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Where the array starts.
    #[inline]
    pub(super) fn offset(
        &self,
        FoundItem { record, item, .. }: FoundItem<'_>,
    ) -> Result<u64, Fault> {
        let past = if record[COLUMNS] & OFFSETS == 0 {
            (item as u64).checked_mul(numbers::<8>(record, PITCH))
        } else {
            Some(self.parts(record)?.offsets.get(item).ok_or(Fault::Outside)?)
        };
        let offset = past.and_then(|past| numbers::<8>(record, OFFSET).checked_add(past));
        offset.ok_or_else(|| Fault::Other("its offset exceeds 64 bits".to_owned()))
    }

    /// Where an array lies, if its series describes other arrays, too.
    pub(super) fn like(&self, number: u64) -> Result<Option<Like>, Fault> {
        let found = self.find(number)?;
        let Some(alike) = found.alike() else { return Ok(None) };
        let (more, pitch) = found.regular();
        Ok(Some(Like { number, alike, offset: self.offset(found)?, more, pitch }))
    }

    pub(super) fn entry(&self, found: FoundItem<'_>) -> Result<ListedArray, Fault> {
        let FoundItem { record, item, .. } = found;
        let parts = self.parts(record)?;
        for text in [parts.before, parts.after] {
            std::str::from_utf8(text).map_err(|_| Fault::NoText)?;
        }
        let form = [FORM, FORM + 1, FORM + 2, FORM + 3].map(|at| record[at]);
        let form: CodedHead =
            form::decode(form, parts.descriptor, self.version).map_err(Fault::Other)?;
        let (ndim, columns) = (usize::from(record[FORM + 2]), record[COLUMNS]);
        let first = if columns & SHAPES == 0 { 0 } else { item * ndim };
        let axes = (first..first + ndim).map(|at| parts.axes.get(at));
        ListedArray::of(form, axes, self.offset(found)?)
    }
}

/// Little-endian numbers of one width.
#[derive(Clone, Copy)]
struct Column<'a> {
    bytes: &'a [u8],
    /// Its binary logarithm.
    width: u8,
}

impl<'a> Column<'a> {
    /// The first `count` numbers, and the bytes behind them. Only the last two bits of the width count.
    fn split(bytes: &'a [u8], count: usize, width: u8) -> Option<(Self, &'a [u8])> {
        let width = width & 3;
        let (bytes, rest) = bytes.split_at_checked(count.checked_mul(1 << width)?)?;
        Some((Column { bytes, width }, rest))
    }

    #[inline]
    fn get(self, at: usize) -> Option<u64> {
        Some(match self.width {
            0 => (*self.bytes.get(at)?).into(),
            1 => u16::from_le_bytes(*self.bytes.as_chunks().0.get(at)?).into(),
            2 => u32::from_le_bytes(*self.bytes.as_chunks().0.get(at)?).into(),
            _ => u64::from_le_bytes(*self.bytes.as_chunks().0.get(at)?),
        })
    }

    /// The smallest width that holds these numbers.
    fn width_of(numbers: impl Iterator<Item = u64>) -> u8 {
        match numbers.fold(0, |all, number| all | number) {
            0..0x100 => 0,
            0x100..0x1_0000 => 1,
            0x1_0000..0x1_0000_0000 => 2,
            _ => 3,
        }
    }

    fn put(heap: &mut Vec<u8>, numbers: impl Iterator<Item = u64>, width: u8) {
        for number in numbers {
            heap.extend_from_slice(&number.to_le_bytes()[..1 << width]);
        }
    }
}

/// A directory of version 3 that is being written, series by series.
#[derive(Default)]
pub(super) struct SeriesWriter {
    /// How many there are, in eight bytes.
    count: [u8; COUNT],
    records: Vec<u8>,
    heap: Vec<u8>,
    /// The number of the next array.
    next: u64,
}

impl SeriesWriter {
    pub(super) fn push_one(&mut self, head: &Head) -> Result<()> {
        let series = Series {
            head,
            before: &head.path,
            after: "",
            items: 1,
            stride: 1,
            place: 0,
            pitch: 0,
            offsets: None,
            shapes: None,
            steps: &Steps::None,
        };
        self.put(&series)?;
        self.next += 1;
        Ok(())
    }

    pub(super) fn push(&mut self, run: &SetBuilder) -> Result<()> {
        for series in run.series() {
            self.put(&series)?;
            if series.place + 1 == series.stride {
                self.next += (series.items * series.stride) as u64;
            }
        }
        Ok(())
    }

    fn put(&mut self, series: &Series<'_>) -> Result<()> {
        let &Series { head, before, after, items, stride, place, pitch, offsets, shapes, steps } =
            series;
        let too_large = |_| {
            Error::new(ErrorKind::Limit, "the paths and shapes of the arrays exceed 4 GiB together")
        };
        let short = |len: usize| u32::try_from(len).map_err(too_large);
        let (form, descriptor) = form::encode(head);
        let (heap, axes) = (short(self.heap.len())?, shapes.unwrap_or(&head.shape));
        let axes = || axes.iter().map(|axis| *axis as u64);
        let offset = offsets.and_then(|all| all.iter().min()).unwrap_or(&head.offset);
        let past = || offsets.into_iter().flatten().map(|its| its - offset);
        let widths = [Column::width_of(axes()), Column::width_of(past())];
        Column::put(&mut self.heap, axes(), widths[0]);
        Column::put(&mut self.heap, past(), widths[1]);
        for text in [&descriptor, before, after] {
            self.heap.extend_from_slice(text.as_bytes());
        }
        let mut columns = match steps {
            Steps::None => 0,
            Steps::Numbers(first) => {
                if place == 0 {
                    self.heap.extend_from_slice(&first.to_le_bytes());
                }
                NUMBERED
            }
            Steps::Names(ends, names) => {
                if place == 0 {
                    self.heap.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
                    self.heap.extend_from_slice(names.as_bytes());
                }
                NAMED
            }
        };
        columns |= if shapes.is_some() { SHAPES } else { 0 };
        columns |= if offsets.is_some() { OFFSETS } else { 0 };
        let pitch = if offsets.is_some() { 0 } else { pitch };
        for number in [*offset, pitch] {
            self.records.extend_from_slice(&number.to_le_bytes());
        }
        let first = self.next as usize + place;
        for len in [first, items, heap as usize, before.len(), after.len(), descriptor.len()] {
            self.records.extend_from_slice(&short(len)?.to_le_bytes());
        }
        self.records.extend_from_slice(&form);
        let widths = widths[0] | widths[1] << 4;
        self.records.extend_from_slice(&[stride as u8, place as u8, columns, widths]);
        self.count = (u64::from_le_bytes(self.count) + 1).to_le_bytes();
        Ok(())
    }

    /// The number of series, the records and the heap; nothing if there is no series.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        let count: &[u8] = if self.records.is_empty() { &[] } else { &self.count };
        [count, &self.records, &self.heap]
    }
}
