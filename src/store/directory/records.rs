//! The directory of versions 1 and 2: a record for each array, then a heap with their dimensions and paths.

use super::form;
use super::path::{ArrayPath, SeriesStep};
use super::{Fault, ListedArray, numbers};

// A record, little-endian:
//   0 offset u64 | 8 bytes u64 | 16 heap u32 | 20 path length u32 | 24 dtype u8 | 25 flags u8 | 26 ndim u8 | 27 kind u8 |
//   28 descriptor length u32, zero in version 1
const OFFSET: usize = 0;
const BYTES: usize = OFFSET + 8;
const HEAP: usize = BYTES + 8;
const PATH_LEN: usize = HEAP + 4;
const FORM: usize = PATH_LEN + 4;
const KIND: usize = FORM + 3;
const DESCRIPTOR: usize = FORM + 4;
const RECORD: usize = DESCRIPTOR + 4;

/// A directory of version 1 or 2.
#[derive(Clone, Copy, Debug)]
pub(super) struct Records<'a> {
    rows: &'a [[u8; RECORD]],
    heap: &'a [u8],
    version: u16,
}

impl<'a> Records<'a> {
    /// `None` if the bytes are too few for this many records.
    pub(super) fn parse(bytes: &'a [u8], count: u64, version: u16) -> Option<Self> {
        let len = usize::try_from(count).ok()?.checked_mul(RECORD)?;
        let (records, heap) = bytes.split_at_checked(len)?;
        Some(Records { rows: records.as_chunks().0, heap, version })
    }

    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    fn record(&self, number: u64) -> Result<&'a [u8; RECORD], Fault> {
        let record = usize::try_from(number).ok().and_then(|at| self.rows.get(at));
        record.ok_or(Fault::NotThere)
    }

    /// The axes, the path and the descriptor.
    fn parts(&self, record: &[u8; RECORD]) -> Result<[&'a [u8]; 3], Fault> {
        let len = |at| numbers::<4>(record, at) as usize;
        let split = || {
            let dims = usize::from(record[FORM + 2]) * 8;
            let (dims, rest) = self.heap.get(len(HEAP)..)?.split_at_checked(dims)?;
            let (path, rest) = rest.split_at_checked(len(PATH_LEN))?;
            Some([dims, path, rest.get(..len(DESCRIPTOR))?])
        };
        split().ok_or(Fault::Outside)
    }

    pub(super) fn path(&self, number: u64) -> Result<ArrayPath<'a>, Fault> {
        let [_, path, _] = self.parts(self.record(number)?)?;
        let before = std::str::from_utf8(path).map_err(|_| Fault::NoText)?;
        Ok(ArrayPath { before, step: SeriesStep::None, after: "" })
    }

    /// The numbers of the arrays that lie in live memory. Version 1 has no such arrays.
    pub(super) fn live(&self) -> impl Iterator<Item = u64> {
        let is_live = self.version > 1;
        let numbers = 0..self.rows.len();
        numbers.filter(move |at| is_live && self.rows[*at][KIND] != 0).map(|at| at as u64)
    }

    pub(super) fn entry(&self, number: u64) -> Result<ListedArray, Fault> {
        let record = self.record(number)?;
        let [dims, path, descriptor] = self.parts(record)?;
        std::str::from_utf8(path).map_err(|_| Fault::NoText)?;
        let form = [FORM, FORM + 1, FORM + 2, FORM + 3].map(|at| record[at]);
        let form = form::decode(form, descriptor, self.version).map_err(Fault::Other)?;
        let offset = numbers::<8>(record, OFFSET);
        let axes = dims.as_chunks().0.iter().map(|axis| Some(u64::from_le_bytes(*axis)));
        let entry = ListedArray::of(form, axes, offset)?;
        let claimed = numbers::<8>(record, BYTES);
        if claimed != entry.bytes as u64 {
            return Err(Fault::Other(format!(
                "shape {:?} of {} takes {} bytes, but the directory says {claimed}",
                entry.shape, entry.dtype, entry.bytes
            )));
        }
        Ok(entry)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::ArrayHead;
    use super::super::build::Head;
    use super::*;

    /// The bytes of a directory of version 2, for these arrays at these places.
    pub(in super::super) fn encode<'a>(
        arrays: impl Iterator<Item = (ArrayHead<'a>, u64)>,
    ) -> Vec<u8> {
        let (mut records, mut heap) = (Vec::new(), Vec::new());
        for (head, offset) in arrays {
            let (form, descriptor) = form::encode(&Head::of(&head, offset));
            records.extend_from_slice(&offset.to_le_bytes());
            records.extend_from_slice(&(head.bytes as u64).to_le_bytes());
            records.extend_from_slice(&(heap.len() as u32).to_le_bytes());
            records.extend_from_slice(&(head.path.len() as u32).to_le_bytes());
            records.extend_from_slice(&form);
            records.extend_from_slice(&(descriptor.len() as u32).to_le_bytes());
            for axis in head.shape {
                heap.extend_from_slice(&(*axis as u64).to_le_bytes());
            }
            heap.extend_from_slice(head.path.as_bytes());
            heap.extend_from_slice(descriptor.as_bytes());
        }
        [records, heap].concat()
    }
}
