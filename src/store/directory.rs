//! The directory of arrays: a table of records of one size, then a heap with their dimensions and paths, so that the
//! n-th is found without reading those before it.

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, MAX_NDIM, Order};
use crate::memory::live::{Kind, LiveEntry};

use super::ArrayHead;

// A record, little-endian:
//   0 offset u64 | 8 bytes u64 | 16 heap u32 | 20 path length u32 | 24 dtype u8 | 25 flags u8 | 26 ndim u8 | 27 kind u8 |
//   28 descriptor length u32, zero in version 1
const OFFSET: usize = 0;
const BYTES: usize = OFFSET + 8;
const HEAP: usize = BYTES + 8;
const PATH_LEN: usize = HEAP + 4;
const DTYPE: usize = PATH_LEN + 4;
const FLAGS: usize = DTYPE + 1;
const NDIM: usize = FLAGS + 1;
const KIND: usize = NDIM + 1;
const DESCRIPTOR: usize = KIND + 1;
const RECORD: usize = DESCRIPTOR + 4;

const FLAG_FORTRAN: u8 = 1;
const FLAG_BIG_ENDIAN: u8 = 2;

/// The last of the dtype codes that version 1 has.
const LAST_OF_VERSION_1: u8 = 11;

/// The dtype is not one of the codes: its descriptor stands in the heap behind the path.
const DESCRIBED: u8 = 255;

/// The code of a dtype; with its descriptor, where it has no code of its own.
fn code(dtype: &DType) -> (u8, String) {
    match dtype.scalar() {
        Some(scalar) => (scalar as u8, String::new()),
        None => (DESCRIBED, dtype.to_string()),
    }
}

/// A directory that is being written.
#[derive(Default)]
pub(crate) struct DirectoryBuilder {
    records: Vec<u8>,
    heap: Vec<u8>,
    count: u64,
}

impl DirectoryBuilder {
    /// Adds an array whose bytes start at `offset` of the container; its number is returned.
    pub(crate) fn push(&mut self, head: &ArrayHead<'_>, offset: u64) -> Result<u64> {
        let too_large =
            || Error::new(ErrorKind::Limit, "the paths of the arrays exceed 4 GiB together");
        let start = u32::try_from(self.heap.len()).map_err(|_| too_large())?;
        let path_len = u32::try_from(head.path.len()).map_err(|_| too_large())?;
        if head.shape.len() > MAX_NDIM {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("an array has {} axes, more than {MAX_NDIM}", head.shape.len()),
            ));
        }
        let (code, descriptor) = code(head.dtype);
        let descriptor_len = u32::try_from(descriptor.len()).map_err(|_| too_large())?;
        let mut flags = 0;
        if head.order == Order::F {
            flags |= FLAG_FORTRAN;
        }
        if head.dtype.is_big_endian() && code != DESCRIBED {
            flags |= FLAG_BIG_ENDIAN;
        }
        self.records.extend_from_slice(&offset.to_le_bytes());
        self.records.extend_from_slice(&(head.bytes as u64).to_le_bytes());
        self.records.extend_from_slice(&start.to_le_bytes());
        self.records.extend_from_slice(&path_len.to_le_bytes());
        self.records.extend_from_slice(&[code, flags, head.shape.len() as u8, head.kind as u8]);
        self.records.extend_from_slice(&descriptor_len.to_le_bytes());
        for &axis in head.shape {
            self.heap.extend_from_slice(&(axis as u64).to_le_bytes());
        }
        self.heap.extend_from_slice(head.path.as_bytes());
        self.heap.extend_from_slice(descriptor.as_bytes());
        self.count += 1;
        Ok(self.count - 1)
    }

    /// Takes the last array back.
    pub(crate) fn pop(&mut self) {
        let last = self.records.len().saturating_sub(RECORD);
        if let Some(record) = self.records[last..].first_chunk() {
            self.heap.truncate(number::<4>(record, HEAP) as usize);
            self.records.truncate(last);
            self.count -= 1;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn parts(&self) -> (&[u8], &[u8]) {
        (&self.records, &self.heap)
    }
}

/// What the directory says of one array: checked in itself, not yet against the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) path: &'a str,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    pub(crate) kind: Kind,
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
}

/// A directory that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directory<'a> {
    records: &'a [u8],
    heap: &'a [u8],
    version: u16,
}

impl<'a> Directory<'a> {
    /// # Errors
    ///
    /// `Corrupt` if the bytes are too few for so many records.
    pub(crate) fn parse(bytes: &'a [u8], count: u64, version: u16) -> Result<Self> {
        let (records, heap) = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(RECORD))
            .and_then(|len| bytes.split_at_checked(len))
            .ok_or_else(|| {
                Error::corrupt(format!(
                    "a directory of {} bytes cannot hold {count} arrays",
                    bytes.len()
                ))
            })?;
        Ok(Directory { records, heap, version })
    }

    /// Of records and a heap that were written here.
    pub(super) fn of_parts(records: &'a [u8], heap: &'a [u8], version: u16) -> Self {
        Directory { records, heap, version }
    }

    pub(crate) fn len(&self) -> u64 {
        (self.records.len() / RECORD) as u64
    }

    fn record(&self, number: u64) -> Option<&'a [u8; RECORD]> {
        self.records.as_chunks().0.get(usize::try_from(number).ok()?)
    }

    #[cfg(any(feature = "ndarray", test))]
    /// The number of the array at this path. Only the records and paths are read.
    pub(crate) fn find(&self, path: &str) -> Option<u64> {
        (0..self.len()).find(|&number| {
            self.record(number).and_then(|record| self.path(record)) == Some(path.as_bytes())
        })
    }

    /// The paths of all arrays.
    #[cfg(feature = "ndarray")]
    pub(crate) fn paths(&self) -> Vec<&'a str> {
        (0..self.len()).filter_map(|number| Some(self.entry(number).ok()?.path)).collect()
    }

    /// The axes, the path and the descriptor.
    fn heap_range(&self, record: &[u8; RECORD]) -> Option<[&'a [u8]; 3]> {
        let start = number::<4>(record, HEAP) as usize;
        let dims = usize::from(record[NDIM]) * 8;
        let path = number::<4>(record, PATH_LEN) as usize;
        let descriptor = number::<4>(record, DESCRIPTOR) as usize;
        let (dims, rest) = self.heap.get(start..)?.split_at_checked(dims)?;
        let (path, rest) = rest.split_at_checked(path)?;
        Some([dims, path, rest.get(..descriptor)?])
    }

    #[cfg(any(feature = "ndarray", test))]
    fn path(&self, record: &[u8; RECORD]) -> Option<&'a [u8]> {
        Some(self.heap_range(record)?[1])
    }

    fn dtype(&self, record: &[u8; RECORD], descriptor: &[u8]) -> Result<DType, String> {
        let code = record[DTYPE];
        let big_endian = record[FLAGS] & FLAG_BIG_ENDIAN != 0;
        if code != DESCRIBED && !descriptor.is_empty() {
            return Err("it has both a dtype code and a descriptor".to_owned());
        }
        if self.version >= 2 && code == DESCRIBED {
            if big_endian {
                return Err("its descriptor already says the byte order".to_owned());
            }
            let text = std::str::from_utf8(descriptor)
                .map_err(|_| "its dtype's descriptor is not UTF-8".to_owned())?;
            return DType::from_descriptor(text).map_err(|error| error.to_string());
        }
        let last = if self.version == 1 { LAST_OF_VERSION_1 } else { DESCRIBED };
        DType::from_code(code, big_endian)
            .filter(|_| code <= last)
            .ok_or_else(|| format!("unknown dtype code {code}"))
    }

    /// Whether the elements of an array are not in the block but in live memory. Version 1 has no such.
    fn is_live(&self, number: u64) -> bool {
        self.version > 1 && self.record(number).is_some_and(|record| record[KIND] != 0)
    }

    /// How many such arrays there are.
    pub(crate) fn count_live(&self) -> u64 {
        (0..self.len()).filter(|number| self.is_live(*number)).count() as u64
    }

    /// Those arrays.
    ///
    /// # Errors
    ///
    /// `Corrupt` if a record of one contradicts itself.
    pub(crate) fn live(&self) -> Result<Vec<LiveEntry>> {
        let mut entries = Vec::new();
        for number in (0..self.len()).filter(|number| self.is_live(*number)) {
            let Entry { kind, dtype, shape, offset: start, .. } = self.entry(number)?;
            entries.push(LiveEntry { number, kind, dtype, shape, start });
        }
        Ok(entries)
    }

    /// # Errors
    ///
    /// `Corrupt` if there is no such array or its record contradicts itself.
    pub(crate) fn entry(&self, index: u64) -> Result<Entry<'a>> {
        let record = self.record(index).ok_or_else(|| {
            Error::corrupt(format!("array number {index} of {} is asked for", self.len()))
        })?;
        let bad = |what: String| Error::corrupt(format!("array number {index}: {what}"));
        let [dims, path, descriptor] = self
            .heap_range(record)
            .ok_or_else(|| bad("its dimensions or path lie outside the directory".to_owned()))?;
        let path =
            std::str::from_utf8(path).map_err(|_| bad("its path is not UTF-8".to_owned()))?;
        let bad = |what: String| Error::corrupt(format!("array `{path}`: {what}"));
        let flags = record[FLAGS];
        if flags & !(FLAG_FORTRAN | FLAG_BIG_ENDIAN) != 0 {
            return Err(bad(format!("unknown flags {flags:#04x}")));
        }
        let dtype = self.dtype(record, descriptor).map_err(bad)?;
        let kind = match self.version {
            1 => Kind::Plain,
            _ => Kind::from_code(record[KIND])
                .ok_or_else(|| bad(format!("unknown kind {}", record[KIND])))?,
        };
        if usize::from(record[NDIM]) > MAX_NDIM {
            return Err(bad(format!("{} axes, more than {MAX_NDIM}", record[NDIM])));
        }
        let mut shape = Vec::with_capacity(dims.len() / 8);
        for axis in dims.as_chunks::<8>().0 {
            let axis = u64::from_le_bytes(*axis);
            shape.push(
                usize::try_from(axis)
                    .map_err(|_| bad(format!("an axis of {axis} does not fit this machine")))?,
            );
        }
        let claimed = number::<8>(record, BYTES);
        let bytes = layout::byte_len(&shape, dtype.item_size())
            .ok_or_else(|| bad(format!("shape {shape:?} overflows")))?;
        if claimed != bytes as u64 {
            return Err(bad(format!(
                "shape {shape:?} of {dtype} takes {bytes} bytes, but the directory says {claimed}"
            )));
        }
        let order = if flags & FLAG_FORTRAN != 0 { Order::F } else { Order::C };
        if kind != Kind::Plain && (order != Order::C || !dtype.is_native()) {
            return Err(bad("a live array in another order than this machine's".to_owned()));
        }
        Ok(Entry { path, dtype, shape, order, kind, offset: number::<8>(record, OFFSET), bytes })
    }
}

fn number<const N: usize>(record: &[u8; RECORD], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(&record[at..at + N]);
    u64::from_le_bytes(wide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_and_altered_ones_do_not_panic() {
        let mut builder = DirectoryBuilder::default();
        for (path, shape, order) in
            [("a", &[2_usize, 3][..], Order::C), ("b.0", &[], Order::F), ("c", &[0, 7], Order::C)]
        {
            let bytes = layout::byte_len(shape, 4).unwrap();
            let head =
                ArrayHead { path, dtype: &DType::F32, shape, order, kind: Kind::Plain, bytes };
            builder.push(&head, 64).unwrap();
        }
        let (records, heap) = builder.parts();
        let whole = [records, heap].concat();
        let directory = Directory::parse(&whole, 3, 1).unwrap();
        assert_eq!(directory.find("b.0"), Some(1));
        assert_eq!(directory.find("nope"), None);
        let entry = directory.entry(0).unwrap();
        assert_eq!((entry.path, &entry.shape[..], entry.bytes), ("a", &[2, 3][..], 24));
        assert_eq!(directory.entry(1).unwrap().order, Order::F);
        assert!(directory.entry(3).is_err());
        assert!(Directory::parse(&whole, u64::MAX, 1).is_err());
        for at in 0..whole.len() {
            for byte in [0, 1, 4, 63, 127, 255] {
                let mut bad = whole.clone();
                bad[at] = byte;
                let directory = Directory::parse(&bad, 3, 1).unwrap();
                for number in 0..3 {
                    let _ = directory.entry(number);
                }
                directory.find("b.0");
            }
        }
    }

    #[test]
    fn every_dtype_comes_back_but_to_version_1_only_those_that_it_has() {
        let mut builder = DirectoryBuilder::default();
        let dtypes = [
            "<f4",
            "<f2",
            ">V2",
            "<c8",
            ">c16",
            "<M8[25s]",
            "|S5",
            "<U0",
            "|V10",
            "[('x', '<f4'), ('pos', '>i2', (3,))]",
        ];
        let dtypes = dtypes.map(|text| DType::from_descriptor(text).unwrap());
        for (number, dtype) in dtypes.iter().enumerate() {
            let bytes = dtype.item_size() * 3;
            let head = ArrayHead {
                path: "a",
                dtype,
                shape: &[3],
                order: Order::C,
                kind: Kind::Plain,
                bytes,
            };
            assert_eq!(builder.push(&head, 64).unwrap(), number as u64);
        }
        let (records, heap) = builder.parts();
        let whole = [records, heap].concat();
        let directory = Directory::parse(&whole, 10, 2).unwrap();
        let older = Directory::parse(&whole, 10, 1).unwrap();
        for (number, dtype) in dtypes.iter().enumerate() {
            assert_eq!(directory.entry(number as u64).unwrap().dtype, *dtype);
            assert_eq!(older.entry(number as u64).is_ok(), number == 0);
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 13, 16, b'(', b'9', 127, 255] {
                let mut bad = whole.clone();
                bad[at] = byte;
                let directory = Directory::parse(&bad, 10, 2).unwrap();
                for number in 0..10 {
                    let _ = directory.entry(number);
                }
            }
        }
        for _ in 1..10 {
            builder.pop();
        }
        assert_eq!(builder.parts().1.len(), 9);
    }
}
