//! The directory of arrays: what each is, where it lies in the container and where it stands in the object.

mod build;
mod form;
#[cfg(any(feature = "ndarray", test))]
mod index;
mod path;
mod records;
mod series;
mod set;
#[cfg(test)]
mod tests;

use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::{self, Order};
use crate::memory::live::{Kind, LiveEntry};

use self::form::CodedHead;
use self::records::Records;
use self::series::SeriesTable;

pub(crate) use build::DirectoryBuilder;
pub(in crate::store) use build::Head;
#[cfg(feature = "ndarray")]
pub(crate) use index::{PathIndex, look_through};
pub(crate) use path::ArrayPath;

/// What the directory says of one array: checked in itself, not yet against the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListedArray {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    pub(crate) kind: Kind,
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
}

/// What is wrong with a directory, found when a reader asks for an array.
#[derive(Debug)]
enum Fault {
    NotThere,
    Outside,
    NoText,
    Other(String),
}

impl ListedArray {
    /// An axis that is not there stands outside the directory.
    fn of(
        form: CodedHead,
        axes: impl ExactSizeIterator<Item = Option<u64>>,
        offset: u64,
    ) -> Result<Self, Fault> {
        let CodedHead { dtype, order, kind } = form;
        let mut shape = Vec::with_capacity(axes.len());
        for len in axes {
            let len = len.ok_or(Fault::Outside)?;
            shape.push(usize::try_from(len).map_err(|_| {
                Fault::Other(format!("an axis of {len} does not fit this machine"))
            })?);
        }
        let bytes = layout::byte_len(&shape, dtype.item_size())
            .ok_or_else(|| Fault::Other(format!("shape {shape:?} overflows")))?;
        Ok(ListedArray { dtype, shape, order, kind, offset, bytes })
    }
}

/// Where an array of a series starts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Like {
    number: u64,
    /// Arrays with the same number here differ only in their places.
    pub(crate) alike: usize,
    pub(crate) offset: u64,
    /// How many arrays of the next numbers follow, and how far each lies behind the one before it.
    more: u64,
    pitch: u64,
}

impl Like {
    /// The array of this number, if it is the next one and lies where the series says.
    #[inline]
    pub(crate) fn next(self, number: u64) -> Option<Self> {
        let more = self.more.checked_sub(1)?;
        // A sum that exceeds 64 bits is an error when the array is looked up in the usual way.
        let offset = self.offset.checked_add(self.pitch)?;
        (self.number + 1 == number).then_some(Like { number, offset, more, ..self })
    }
}

/// A directory that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Directory<'a>(Table<'a>);

#[derive(Clone, Copy, Debug)]
enum Table<'a> {
    Records(Records<'a>),
    Series(SeriesTable<'a>),
}

impl<'a> Directory<'a> {
    /// # Errors
    ///
    /// `Corrupt` if the bytes are no directory of this many arrays.
    pub(crate) fn parse(bytes: &'a [u8], count: u64, version: u16) -> Result<Self> {
        let table = if version < 3 {
            Records::parse(bytes, count, version).map(Table::Records)
        } else {
            SeriesTable::parse(bytes, count, version).map(Table::Series)
        };
        table.map(Directory).ok_or_else(|| {
            let len = bytes.len();
            Error::corrupt(format!("a directory of {len} bytes is not one of {count} arrays"))
        })
    }

    pub(crate) fn len(&self) -> u64 {
        match &self.0 {
            Table::Records(table) => table.len(),
            Table::Series(table) => table.len(),
        }
    }

    /// # Errors
    ///
    /// `Corrupt` if there is no such array, or if its path is not valid.
    pub(crate) fn path(&self, number: u64) -> Result<ArrayPath<'a>> {
        let path = match &self.0 {
            Table::Records(table) => table.path(number),
            Table::Series(table) => table.path(number),
        };
        path.map_err(|fault| self.fault(number, fault))
    }

    /// Calls `put` with the number and path of each array that has one, in their order.
    #[cfg(any(feature = "ndarray", test))]
    fn each_path(&self, mut put: impl FnMut(u64, ArrayPath<'a>)) {
        match &self.0 {
            Table::Records(table) => {
                for number in 0..table.len() {
                    if let Ok(path) = table.path(number) {
                        put(number, path);
                    }
                }
            }
            Table::Series(table) => table.each_path(put),
        }
    }

    /// The paths of all arrays that have one.
    #[cfg(feature = "ndarray")]
    pub(crate) fn paths(self) -> impl Iterator<Item = ArrayPath<'a>> {
        (0..self.len()).filter_map(move |number| self.path(number).ok())
    }

    /// # Errors
    ///
    /// `Corrupt` if there is no such array, or if its description contradicts itself.
    pub(crate) fn entry(&self, number: u64) -> Result<ListedArray> {
        let entry = match &self.0 {
            Table::Records(table) => table.entry(number),
            Table::Series(table) => table.find(number).and_then(|found| table.entry(found)),
        };
        entry.map_err(|fault| self.fault(number, fault))
    }

    /// Where the array of this number starts, if the directory describes it together with others.
    ///
    /// # Errors
    ///
    /// `Corrupt` if there is no such array.
    pub(crate) fn like(&self, number: u64) -> Result<Option<Like>> {
        let Table::Series(table) = &self.0 else { return Ok(None) };
        table.like(number).map_err(|fault| self.fault(number, fault))
    }

    /// How many arrays lie in live memory and not in the container.
    pub(crate) fn count_live(&self) -> u64 {
        match &self.0 {
            Table::Records(table) => table.live().count() as u64,
            Table::Series(table) => table.count_live(),
        }
    }

    /// The arrays in live memory. The caller has compared [`count_live`](Self::count_live) with the trailer's number.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the description of one of them contradicts itself.
    pub(crate) fn live(&self) -> Result<Vec<LiveEntry>> {
        let live = |number| {
            let ListedArray { kind, dtype, shape, offset: start, .. } = self.entry(number)?;
            if kind == Kind::Plain {
                let what = "it is of a series that changes and of one that does not".to_owned();
                return Err(self.fault(number, Fault::Other(what)));
            }
            Ok(LiveEntry { number, kind, dtype, shape, start })
        };
        match &self.0 {
            Table::Records(table) => table.live().map(live).collect(),
            Table::Series(table) => table.live().into_iter().map(live).collect(),
        }
    }

    #[cold]
    fn fault(&self, number: u64, fault: Fault) -> Error {
        let what = match fault {
            Fault::NotThere => {
                let len = self.len();
                return Error::corrupt(format!("array number {number} of {len} is asked for"));
            }
            Fault::NoText => "its path is not UTF-8".to_owned(),
            Fault::Outside => "its dimensions or path lie outside the directory".to_owned(),
            Fault::Other(what) => what,
        };
        let path = match &self.0 {
            Table::Records(table) => table.path(number),
            Table::Series(table) => table.path(number),
        };
        match path {
            Ok(path) => Error::corrupt(format!("array `{path}`: {what}")),
            Err(_) => Error::corrupt(format!("array number {number}: {what}")),
        }
    }
}

/// A little-endian number of `N` bytes of a record.
fn numbers<const N: usize>(record: &[u8], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(&record[at..at + N]);
    u64::from_le_bytes(wide)
}
