//! Makes a deflate stream one that another can follow.
//!
//! `libdeflate` compresses whole buffers. The last block of its output says that it is the last, and ends at any bit.
//! Pieces that were compressed apart become one stream when both are corrected in every piece but the last. Blocks do not
//! state their lengths, so the codes of all blocks before the last must be read. This module counts the bytes that the
//! codes stand for and does not make them. A piece of even data is mostly one block, and then no codes are read.

/// Codes of up to this many bits are found by one look-up in a table.
const FAST: u32 = 11;

/// The longest code of deflate.
const LONGEST: usize = 15;

/// An entry of a table: how many bits it takes (bits 0..8), without its extra bits (8..12), and in the table of
/// literals and lengths what it stands for (16..): bytes of output without the extra bits.
const TAKES: u32 = 0xff;
const CODE_SHIFT: u32 = 8;
const OUTPUT_SHIFT: u32 = 16;
/// One or two literals, which have no distance after them.
const LITERAL: u32 = 1 << 30;
/// The end of the block, a code that is longer than `FAST`, or none.
const OTHER: u32 = 1 << 31;

/// Base and extra bits of the lengths.
const LENGTHS: [(u32, u32); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The order in which the lengths of the code of code lengths stand.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Where the last block of a stream starts and where the stream ends, in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Last {
    start: u64,
    end: u64,
}

/// Changes the whole stream in `stream[from..]`, which gives `len` bytes, so that another stream can follow: it then ends
/// at a byte, with an empty block. Returns `false`, and changes nothing, if the bytes are no such stream.
pub(super) fn open_end(stream: &mut Vec<u8>, from: usize, len: u64) -> bool {
    let Some(last) = find_last(&stream[from..], len) else {
        return false;
    };
    stream[from + (last.start / 8) as usize] &= !(1 << (last.start % 8));
    // The header of an empty stored block is three zero bits, and zeros up to the next byte. The unused bits of the
    // stream's last byte are zero.
    stream.resize(from + (last.end + 3).div_ceil(8) as usize, 0);
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    true
}

/// Finds the last block of a stream. `None` if no block is the last, or if the blocks before it give more than `most` bytes.
fn find_last(stream: &[u8], most: u64) -> Option<Last> {
    let mut bits = Bits { bytes: stream, at: 0, held: 0, count: 0 };
    let mut codes = Codes::new();
    let mut made = 0;
    loop {
        let start = bits.position();
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => {
                made += u64::from(bits.skip_stored()?);
                if last {
                    let end = bits.position();
                    return (end == stream.len() as u64 * 8).then_some(Last { start, end });
                }
                continue;
            }
            1 => codes.set_fixed()?,
            2 => codes.read(&mut bits)?,
            _ => return None,
        }
        if last && let Some(end) = find_end(stream, bits.position(), codes.end?) {
            return Some(Last { start, end });
        }
        made += skip_block(&mut bits, &codes, most)?;
        let end = bits.position();
        if made > most || end > stream.len() as u64 * 8 {
            return None;
        }
        if last {
            let clean = made == most && is_clean(stream, end);
            return clean.then_some(Last { start, end });
        }
    }
}

/// Where the last block ends. The search goes from the stream's end: up to seven zero bits follow the block's code for its
/// end, whose number of bits the caller gives. `None` if two places are possible, which is so only if the code is all zeros.
///
/// Assume two places that are `s` bits apart. The code's last `s` bits are then zero, because they follow the first place.
/// The code also equals itself moved by `s` bits. So all its bits are zero.
fn find_end(stream: &[u8], from: u64, (code, len): (u32, u32)) -> Option<u64> {
    if code == 0 {
        return None;
    }
    let whole = stream.len() as u64 * 8;
    // The last bits. Bits before the stream's start do not matter, because no place there is accepted.
    let mut tail = [0; 8];
    let known = stream.len().min(8);
    tail[8 - known..].copy_from_slice(&stream[stream.len() - known..]);
    let tail = u64::from_le_bytes(tail);
    let place = |zeros: u32| {
        let above = tail.checked_shr(64 - zeros).unwrap_or(0);
        let found = (tail >> (64 - zeros - len)) & ((1 << len) - 1);
        (above == 0 && found == u64::from(code)).then_some(whole - u64::from(zeros))
    };
    (0..8).find_map(place).filter(|end| *end >= from + u64::from(len))
}

/// Whether the stream ends in the byte of this bit, and the rest of that byte is zero.
fn is_clean(stream: &[u8], end: u64) -> bool {
    let left = stream.len() as u64 * 8 - end;
    left < 8 && stream.last().is_none_or(|byte| u64::from(byte.leading_zeros()) >= left)
}

/// Reads the codes of a block to its end. Returns how many bytes they stand for; more than `most` are an error.
fn skip_block(bits: &mut Bits<'_>, codes: &Codes, most: u64) -> Option<u64> {
    const MASK: u64 = (1 << FAST) - 1;
    let mut made = 0_u64;
    loop {
        // Four look-ups take at most 48 bits.
        bits.fill();
        let mut entry = 0;
        for _ in 0..4 {
            entry = codes.literals.fast[(bits.held & MASK) as usize];
            if entry & LITERAL == 0 {
                break;
            }
            bits.drop(entry & TAKES);
            made += u64::from(entry >> OUTPUT_SHIFT & 0x3);
        }
        if made > most {
            return None;
        }
        if entry & LITERAL != 0 {
            continue;
        }
        // A length and its distance take at most 48 bits.
        bits.fill();
        if entry & OTHER != 0 {
            let (symbol, len) = codes.literals.slow(bits.held)?;
            entry = literal_entry(symbol, len)?;
            if symbol == 256 {
                bits.drop(len);
                return Some(made);
            }
            if entry & LITERAL != 0 {
                bits.drop(entry & TAKES);
                made += 1;
                continue;
            }
        }
        let code = entry >> CODE_SHIFT & 0xf;
        let extra = (entry & TAKES) - code;
        made += u64::from(entry >> OUTPUT_SHIFT) + (bits.held >> code & ((1 << extra) - 1));
        bits.drop(entry & TAKES);
        let mut entry = codes.distances.fast[(bits.held & MASK) as usize];
        if entry & OTHER != 0 {
            let (symbol, len) = codes.distances.slow(bits.held)?;
            entry = distance_entry(symbol, len)?;
        }
        bits.drop(entry & TAKES);
    }
}

fn literal_entry(symbol: usize, len: u32) -> Option<u32> {
    match symbol {
        0..256 => Some(LITERAL | 1 << OUTPUT_SHIFT | len << CODE_SHIFT | len),
        256 => Some(OTHER),
        _ => {
            let (base, extra) = *LENGTHS.get(symbol - 257)?;
            Some(base << OUTPUT_SHIFT | len << CODE_SHIFT | (len + extra))
        }
    }
}

fn distance_entry(symbol: usize, len: u32) -> Option<u32> {
    let extra = match symbol {
        0..4 => 0,
        4..30 => symbol as u32 / 2 - 1,
        _ => return None,
    };
    Some(len + extra)
}

/// The codes of a block.
struct Codes {
    literals: Table,
    distances: Table,
    /// The code for the end of the block and its length.
    end: Option<(u32, u32)>,
}

impl Codes {
    fn new() -> Self {
        Codes { literals: Table::new(), distances: Table::new(), end: None }
    }

    /// The fixed codes, for blocks that do not bring their own.
    fn set_fixed(&mut self) -> Option<()> {
        let mut lengths = [8; 288];
        lengths[144..256].fill(9);
        lengths[256..280].fill(7);
        self.set(&lengths, &[5; 32])
    }

    /// Reads the codes that stand at the start of a block.
    fn read(&mut self, bits: &mut Bits<'_>) -> Option<()> {
        let literals = bits.take(5) as usize + 257;
        let distances = bits.take(5) as usize + 1;
        let count = bits.take(4) as usize + 4;
        let mut lengths = [0; 320];
        for &place in &ORDER[..count] {
            lengths[place] = bits.take(3) as u8;
        }
        let precode = Precode::new(&lengths[..19])?;
        let (mut lengths, mut at) = ([0_u8; 320], 0);
        while at < literals + distances {
            let (value, repeats) = match precode.next(bits)? {
                16 => (*lengths.get(at.checked_sub(1)?)?, 3 + bits.take(2)),
                17 => (0, 3 + bits.take(3)),
                18 => (0, 11 + bits.take(7)),
                len => (len, 1),
            };
            let next = at + repeats as usize;
            lengths.get_mut(at..next)?.fill(value);
            at = next;
        }
        if at > literals + distances {
            return None;
        }
        self.set(&lengths[..literals], &lengths[literals..at])
    }

    fn set(&mut self, literals: &[u8], distances: &[u8]) -> Option<()> {
        self.end = None;
        for_each_code(literals, |symbol, len, code| {
            if symbol == 256 {
                self.end = Some((code as u32, len));
            }
        })?;
        self.literals.set(literals, literal_entry)?;
        self.literals.pair();
        self.distances.set(distances, distance_entry)
    }
}

/// The code in which the lengths of the other two codes are written.
struct Precode([(u8, u8); 128]);

impl Precode {
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut table = [(0, 0); 128];
        for_each_code(lengths, |symbol, len, code| {
            for place in (code..128).step_by(1 << len) {
                table[place] = (symbol as u8, len as u8);
            }
        })?;
        Some(Precode(table))
    }

    fn next(&self, bits: &mut Bits<'_>) -> Option<u8> {
        bits.fill();
        let (symbol, len) = self.0[(bits.held & 127) as usize];
        bits.drop(len.into());
        (len > 0).then_some(symbol)
    }
}

/// A prefix code.
struct Table {
    fast: [u32; 1 << FAST],
    /// How many codes of each length there are, and their symbols in the order of the codes. Only long codes need these.
    counts: [u16; LONGEST + 1],
    symbols: [u16; 320],
}

impl Table {
    fn new() -> Self {
        Table { fast: [OTHER; 1 << FAST], counts: [0; LONGEST + 1], symbols: [0; 320] }
    }

    fn set(&mut self, lengths: &[u8], entry: impl Fn(usize, u32) -> Option<u32>) -> Option<()> {
        self.fast.fill(OTHER);
        self.counts.fill(0);
        let mut used = 0;
        for len in 1..=LONGEST as u8 {
            for (symbol, _) in lengths.iter().enumerate().filter(|(_, found)| **found == len) {
                self.symbols[used] = symbol as u16;
                self.counts[usize::from(len)] += 1;
                used += 1;
            }
        }
        for_each_code(lengths, |symbol, len, code| {
            if let (Some(entry), ..=FAST) = (entry(symbol, len), len) {
                for place in (code..1 << FAST).step_by(1 << len) {
                    self.fast[place] = entry;
                }
            }
        })
    }

    /// Joins a literal with the code that follows it, if both fit in one look-up and that code is another literal or a
    /// length without extra bits.
    fn pair(&mut self) {
        let single = self.fast;
        for (index, entry) in self.fast.iter_mut().enumerate() {
            if *entry & LITERAL == 0 {
                continue;
            }
            let len = *entry & TAKES;
            let next = single[index >> len];
            let both = len + (next & TAKES);
            if next & OTHER != 0 || both > FAST {
                continue;
            }
            if next & LITERAL != 0 {
                *entry = LITERAL | 2 << OUTPUT_SHIFT | both;
            } else if next & TAKES == next >> CODE_SHIFT & 0xf {
                *entry = (next + (1 << OUTPUT_SHIFT)) & !0xffff | both << CODE_SHIFT | both;
            }
        }
    }

    /// The symbol and the length of the code that the bits start with, of any length.
    fn slow(&self, bits: u64) -> Option<(usize, u32)> {
        let (mut code, mut first, mut index) = (0, 0, 0);
        for len in 1..=LONGEST {
            code = code << 1 | (bits >> (len - 1) & 1) as usize;
            let count = usize::from(self.counts[len]);
            if code < first + count {
                return Some((self.symbols[index + code - first].into(), len as u32));
            }
            first = (first + count) << 1;
            index += count;
        }
        None
    }
}

/// Gives each symbol that has a code, with the code's length and its bits in the order of the stream. `None` if
/// there are more codes than fit; fewer are allowed, as a distance code of one has them.
fn for_each_code(lengths: &[u8], mut give: impl FnMut(usize, u32, usize)) -> Option<()> {
    let mut next = [0_u32; LONGEST + 2];
    let mut room = 1_u32 << LONGEST;
    for len in 1..=LONGEST {
        let count = lengths.iter().filter(|&&found| usize::from(found) == len).count() as u32;
        room = room.checked_sub(count << (LONGEST - len))?;
        next[len + 1] = (next[len] + count) << 1;
    }
    for (symbol, &len) in lengths.iter().enumerate().filter(|(_, len)| **len > 0) {
        let len = u32::from(len);
        let code = &mut next[len as usize];
        give(symbol, len, (code.reverse_bits() >> (32 - len)) as usize);
        *code += 1;
    }
    Some(())
}

/// The bits of a stream; zeros follow its end.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to be held.
    at: usize,
    held: u64,
    count: u32,
}

impl Bits<'_> {
    /// Makes sure that it holds at least 56 bits.
    fn fill(&mut self) {
        let word = match self.bytes.get(self.at..self.at + 8) {
            Some(bytes) => {
                let mut word = [0; 8];
                word.copy_from_slice(bytes);
                u64::from_le_bytes(word)
            }
            None => self.tail(),
        };
        self.held |= word << self.count;
        self.at += ((63 - self.count) / 8) as usize;
        self.count |= 0x38;
    }

    #[cold]
    fn tail(&self) -> u64 {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
    }

    fn drop(&mut self, count: u32) {
        self.held >>= count;
        self.count -= count;
    }

    /// The next bits, of which there are up to 13.
    fn take(&mut self, count: u32) -> u32 {
        self.fill();
        let bits = (self.held & ((1 << count) - 1)) as u32;
        self.drop(count);
        bits
    }

    fn position(&self) -> u64 {
        self.at as u64 * 8 - u64::from(self.count)
    }

    /// Skips a stored block, whose header's bits have been read. Returns its length.
    fn skip_stored(&mut self) -> Option<u32> {
        let start = self.position().div_ceil(8) as usize;
        let head = self.bytes.get(start..start + 4)?;
        let len = u16::from_le_bytes([head[0], head[1]]);
        if len != !u16::from_le_bytes([head[2], head[3]]) {
            return None;
        }
        *self = Bits { bytes: self.bytes, at: start + 4 + usize::from(len), held: 0, count: 0 };
        Some(len.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use proptest::prelude::*;

    use super::*;

    fn inflate(stream: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(stream).read_to_end(&mut out).unwrap();
        out
    }

    fn deflate(data: &[u8], level: u32) -> Vec<u8> {
        let mut encoder =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    /// Bytes of every kind of block: repeats far and near, noise, few symbols, many.
    fn content() -> impl Strategy<Value = Vec<u8>> {
        let noise = proptest::collection::vec(any::<u8>(), 0..3000);
        let skewed = proptest::collection::vec(0_u8..7, 0..9000);
        let rare = proptest::collection::vec(
            (0_u32..1 << 20).prop_map(|x| x.leading_zeros() as u8),
            0..9000,
        );
        let run = (any::<u8>(), 0..40_000_usize).prop_map(|(byte, len)| vec![byte; len]);
        proptest::collection::vec(prop_oneof![noise, skewed, rare, run], 0..5)
            .prop_map(|parts| [parts.concat(), parts.concat()].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn streams_are_joined(parts in proptest::collection::vec((content(), 0_u32..10), 1..4)) {
            let mut joined = Vec::new();
            for (number, (part, level)) in parts.iter().enumerate() {
                let from = joined.len();
                joined.extend_from_slice(&deflate(part, *level));
                if number + 1 < parts.len() {
                    prop_assert!(open_end(&mut joined, from, part.len() as u64));
                }
            }
            let expected: Vec<u8> = parts.into_iter().flat_map(|(part, _)| part).collect();
            prop_assert_eq!(inflate(&joined), expected);
        }

        #[test]
        fn what_is_no_stream_is_left_alone(
            data in content(), at in any::<prop::sample::Index>(), mask in 1_u8.., level in 0_u32..10
        ) {
            let mut stream = deflate(&data, level);
            let place = at.index(stream.len());
            stream[place] ^= mask;
            let before = stream.clone();
            if !open_end(&mut stream, 0, data.len() as u64) {
                prop_assert_eq!(stream, before);
            }
        }
    }

    #[test]
    fn hostile_streams_end() {
        for byte in 0..=255 {
            let mut stream = vec![byte; 1000];
            open_end(&mut stream, 0, u64::from(u32::MAX));
        }
        assert!(!open_end(&mut Vec::new(), 0, 0));
        assert!(!open_end(&mut vec![3], 0, 0));
        // A block of the fixed code and an empty stored one.
        for mut stream in [vec![3, 0], vec![1, 0, 0, 0xff, 0xff]] {
            assert!(open_end(&mut stream, 0, 0));
            stream.extend_from_slice(&[3, 0]);
            assert!(inflate(&stream).is_empty());
        }
    }
}
