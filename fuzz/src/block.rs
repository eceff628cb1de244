//! Blocks taken apart and put together again with lengths and checksum that fit: `docs/FORMAT.md`, written once more.

use crate::random::{Mutate, Mutator, put};

const HEADER: usize = 64;
const TRAILER: usize = 64;
const RECORD: usize = 32;

fn number(bytes: &[u8], at: usize) -> usize {
    usize::try_from(u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())).unwrap_or(usize::MAX)
}

/// The parts of a block, each without what says how long it is.
pub struct Block {
    pub header: Vec<u8>,
    /// Arrays and what stands between them, up to the inline block.
    pub arrays: Vec<u8>,
    pub inline: Vec<u8>,
    pub tables: Vec<u8>,
    pub directory: Vec<u8>,
    /// How many arrays there are, and how many of them are live.
    pub count: u64,
    pub live: u32,
}

impl Block {
    /// `None` if the lengths contradict each other.
    pub fn parse(bytes: &[u8]) -> Option<Block> {
        let trailer = bytes.len().checked_sub(TRAILER).filter(|at| *at >= HEADER)?;
        let at = |place: usize| number(bytes, trailer + place);
        let start = at(8);
        let tables = start.checked_add(at(16))?;
        let directory = tables.checked_add(at(24))?;
        if directory.checked_add(at(32))? != trailer || start < HEADER || start > tables {
            return None;
        }
        Some(Block {
            header: bytes[..HEADER].to_vec(),
            arrays: bytes[HEADER..start].to_vec(),
            inline: bytes[start..tables].to_vec(),
            tables: bytes[tables..directory].to_vec(),
            directory: bytes[directory..trailer].to_vec(),
            count: at(40) as u64,
            live: u32::from_le_bytes(bytes[trailer + 52..trailer + 56].try_into().unwrap()),
        })
    }

    pub fn build(&self) -> Vec<u8> {
        let mut out = [&self.header[..], &self.arrays].concat();
        out.resize(out.len().next_multiple_of(8), 0);
        let start = out.len();
        [&self.inline, &self.tables, &self.directory].iter().for_each(|part| out.extend(*part));
        let total = out.len() + TRAILER;
        let (inline, tables, directory) =
            (self.inline.len(), self.tables.len(), self.directory.len());
        for length in [total, start, inline, tables, directory, self.count as usize] {
            out.extend((length as u64).to_le_bytes());
        }
        out.extend([0; 4]);
        out.extend(self.live.to_le_bytes());
        out.extend(b"SHMEND\r\n");
        seal(&mut out);
        out
    }

    /// Changes one part of it.
    fn change(&mut self, mutator: &mut Mutator, room: usize) {
        match mutator.below(16) {
            0..=5 => mutator.mutate(&mut self.inline, room),
            6..=7 => mutator.mutate(&mut self.tables, room),
            8 => mutator.mutate(&mut self.directory, room),
            9..=11 => self.change_record(mutator),
            12 => mutator.mutate(&mut self.arrays, room),
            13 => self.count = self.count.wrapping_add(mutator.random.pick(&[1, u64::MAX])),
            14 => {
                // What one part ends with goes to the next one.
                if let Some(byte) = self.inline.pop() {
                    self.tables.insert(0, byte);
                } else if let Some(byte) = self.tables.pop() {
                    self.directory.insert(0, byte);
                }
            }
            _ => {
                mutator.mutate(&mut self.header, 0);
                self.header.resize(HEADER, 0);
            }
        }
    }

    /// Sets one field of one record of the directory.
    fn change_record(&mut self, mutator: &mut Mutator) {
        let records = (self.count as usize).min(self.directory.len() / RECORD);
        if records == 0 {
            return;
        }
        let start = RECORD * mutator.below(records);
        let (at, len) = mutator.random.pick(&[
            (0, 8),
            (8, 8),
            (16, 4),
            (20, 4),
            (24, 1),
            (25, 1),
            (26, 1),
            (27, 1),
            (28, 4),
            (0, 32),
        ]);
        let heap = RECORD * records;
        if len == 32 {
            // An axis, which stands in the heap.
            let axes = (self.directory.len() - heap) / 8;
            if axes > 0 {
                let at = heap + 8 * mutator.below(axes);
                self.directory[at..at + 8].copy_from_slice(&mutator.random.number().to_le_bytes());
            }
        } else if len == 1 {
            self.directory[start + at] =
                mutator.random.pick(&[0, 1, 2, 3, 10, 11, 15, 16, 64, 65, 255]);
        } else {
            let field = &mut self.directory[start + at..start + at + len];
            field.copy_from_slice(&mutator.random.number().to_le_bytes()[..len]);
        }
    }
}

/// Makes the checksum right, as far as the trailer says where to take it.
pub fn seal(block: &mut [u8]) {
    if block.len() < HEADER + TRAILER {
        return;
    }
    let trailer = block.len() - TRAILER;
    let start = number(block, trailer + 8).min(trailer);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&block[..HEADER]);
    crc.update(&block[start..trailer]);
    crc.update(&block[trailer..trailer + 48]);
    block[trailer + 48..trailer + 52].copy_from_slice(&crc.finalize().to_le_bytes());
}

/// A changed block: its parts with lengths and checksum that fit, or its bytes with a checksum, or just its bytes.
pub fn changed(block: &[u8], mutator: &mut Mutator, room: usize) -> Vec<u8> {
    let parsed = Block::parse(block);
    match (mutator.below(16), parsed) {
        (2.., Some(mut parsed)) => {
            for _ in 0..=mutator.below(3) {
                parsed.change(mutator, room);
            }
            parsed.build()
        }
        (kind, _) => {
            let mut bytes = block.to_vec();
            mutator.mutate(&mut bytes, room);
            if kind > 0 {
                seal(&mut bytes);
            }
            bytes
        }
    }
}

/// For `fuzz_mutator!`: an input that is a block.
pub fn mutate_input(data: &mut [u8], size: usize, max: usize, seed: u32, mutate: Mutate) -> usize {
    let mut mutator = Mutator::new(seed, mutate);
    let room = max.saturating_sub(size).min(256);
    let bytes = changed(&data[..size], &mut mutator, room);
    put(&bytes, data, size, max)
}
