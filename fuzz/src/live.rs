//! The memory of live arrays as the block says it must be, and inputs of blocks with bytes that are changed there.

use sha2::{Digest, Sha256};

use crate::block::{self, Block};
use crate::random::{Mutate, Mutator, put};

const RECORD: usize = 32;
const HOLDERS: u64 = 1024;

/// The dtypes that have a code, by it, as they are written in a header; a zero has none.
const DTYPES: [&str; 16] = [
    "", "|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f4", "<f8", "<f2", "<V2",
    "<c8", "<c16",
];

/// Where the parts of a live memory lie, and what its header says of them.
pub struct Memory {
    arrays: u64,
    control: u64,
    digest: [u8; 32],
    pub total: u64,
}

impl Memory {
    /// `None` if the block has no live arrays, or such as no memory can hold.
    pub fn of(block: &Block) -> Option<Memory> {
        let records = usize::try_from(block.count).ok()?.checked_mul(RECORD)?;
        let (records, heap) = block.directory.split_at_checked(records)?;
        let (mut arrays, mut end, mut said) = (0_u64, 64, Vec::new());
        for (number, record) in records.chunks_exact(RECORD).enumerate() {
            if record[27] == 0 {
                continue;
            }
            let at = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
            let short =
                |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap()) as usize;
            end = end.max(at(0).checked_add(at(8))?);
            arrays += 1;
            let axes = heap.get(short(16)..)?.get(..8 * usize::from(record[26]))?;
            let path = short(16) + axes.len();
            let described = heap.get(path..)?.get(short(20)..)?.get(..short(28))?;
            let descriptor = match DTYPES.get(usize::from(record[24])) {
                Some(text) => text.as_bytes(),
                None => described,
            };
            let kind = u64::from(record[27]);
            let axes_len = u64::from(record[26]);
            for number in [number as u64, kind, at(0), descriptor.len() as u64, axes_len] {
                said.extend(number.to_le_bytes());
            }
            said.extend(axes);
            said.extend(descriptor);
        }
        if arrays == 0 || end > 1 << 30 {
            return None;
        }
        let control = end.next_multiple_of(1 << 16);
        let row = 64 + (4 * arrays).next_multiple_of(64);
        let total = control + 64 + 64 * arrays + HOLDERS * row;
        Some(Memory { arrays, control, digest: Sha256::digest(&said).into(), total })
    }

    /// The header that belongs to a block of this nonce.
    pub fn header(&self, nonce: &[u8; 16]) -> Vec<u8> {
        [b"\x89SHL\r\n\x1a\n\x02\0\0\0\0\0\0\0", &nonce[..], &self.digest].concat()
    }

    /// The place of a changed byte: in the header, in the elements, or among the words of the locks.
    pub fn place(&self, kind: u8, at: u16) -> u64 {
        let at = u64::from(at);
        match kind % 4 {
            0 => at % 64,
            1 => 64 + at % 256,
            2 => self.control + at % (64 + 64 * self.arrays),
            _ => self.control + at % 4096,
        }
    }
}

/// A block, and changed bytes of four each: `[block, changes.., number of changes]`.
pub fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (count, rest) = data.split_last()?;
    Some(rest.split_at(rest.len().checked_sub(4 * usize::from(*count % 16))?))
}

pub fn join(block: &[u8], patches: &[u8]) -> Vec<u8> {
    let count = (patches.len() / 4).min(15);
    [block, &patches[..4 * count], &[count as u8]].concat()
}

/// For `fuzz_mutator!`.
pub fn mutate_input(data: &mut [u8], size: usize, max: usize, seed: u32, mutate: Mutate) -> usize {
    let mut mutator = Mutator::new(seed, mutate);
    let room = max.saturating_sub(size).min(256);
    let Some((block, patches)) = split(&data[..size]) else { return size };
    let (mut block, mut patches) = (block.to_vec(), patches.to_vec());
    if mutator.below(4) == 0 {
        mutator.mutate(&mut patches, 8.min(room));
    } else {
        block = block::changed(&block, &mut mutator, room);
    }
    put(&join(&block, &patches), data, size, max)
}
