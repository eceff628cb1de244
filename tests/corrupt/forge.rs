//! Blocks made and altered by hand: the layout as docs/FORMAT.md has it, written a second time.

use std::ops::Range;

use serde_shm::AlignedBytes;

pub(crate) const HEADER: usize = 64;
pub(crate) const TRAILER: usize = 64;
/// A record of the directory, behind the eight bytes that say how many there are.
pub(crate) const RECORD: usize = 48;

/// The bytes of values without fields that the tests need.
pub(crate) mod tag {
    pub(crate) const UNIT: u8 = 0x01;
    pub(crate) const BOOL: u8 = 0x02;
    pub(crate) const U8: u8 = 0x08;
    pub(crate) const U32: u8 = 0x0a;
    pub(crate) const CHAR: u8 = 0x0f;
    pub(crate) const STR: u8 = 0x12;
    pub(crate) const OPTION: u8 = 0x14;
    pub(crate) const SEQ: u8 = 0x15;
    pub(crate) const MAP: u8 = 0x16;
    pub(crate) const RECORD: u8 = 0x17;
    pub(crate) const ARRAY: u8 = 0x18;
    pub(crate) const ABSENT: u8 = 0x1b;
    pub(crate) const ANY: u8 = 0x1c;
    pub(crate) const READABLE: u8 = 0x1d;
    pub(crate) const NAMED: u8 = 0x1e;
}

/// CRC-32 as zip has it.
pub(crate) fn crc32(parts: &[&[u8]]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let (mut crc, mut bit) = (byte as u32, 0);
            while bit < 8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    let mut crc = !0;
    for byte in parts.iter().copied().flatten() {
        crc = crc >> 8 ^ TABLE[usize::from(crc as u8 ^ byte)];
    }
    !crc
}

pub(crate) fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

pub(crate) fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Where the parts of a block lie.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) inline: Range<usize>,
    pub(crate) tables: Range<usize>,
    pub(crate) directory: Range<usize>,
    pub(crate) trailer: usize,
    pub(crate) arrays: Vec<Range<usize>>,
}

impl Parts {
    pub(crate) fn of(block: &[u8]) -> Parts {
        let trailer = block.len() - TRAILER;
        let at = |place: usize| number(block, trailer + place) as usize;
        let inline = at(8)..at(8) + at(16);
        let tables = inline.end..inline.end + at(24);
        let directory = tables.end..tables.end + at(32);
        assert_eq!((directory.end, at(0)), (trailer, block.len()));
        let arrays = if block[8] < 3 {
            let record = |index: usize| {
                let start = directory.start + index * 32;
                let offset = number(block, start) as usize;
                offset..offset + number(block, start + 8) as usize
            };
            (0..at(40)).map(record).collect()
        } else {
            let arrays = arrays_of(&block[directory.clone()]);
            assert_eq!(arrays.len(), at(40));
            arrays
        };
        Parts { inline, tables, directory, trailer, arrays }
    }

    /// The record of the only series.
    pub(crate) fn record(&self) -> usize {
        self.directory.start + 8
    }

    pub(crate) fn is_array(&self, at: usize) -> bool {
        self.arrays.iter().any(|array| array.contains(&at))
    }

    /// Between the arrays: nobody reads it.
    pub(crate) fn is_padding(&self, at: usize) -> bool {
        (HEADER..self.inline.start).contains(&at) && !self.is_array(at)
    }
}

/// Where the arrays of a directory of version 3 lie, in the order of their numbers.
fn arrays_of(directory: &[u8]) -> Vec<Range<usize>> {
    let mut arrays = std::collections::BTreeMap::new();
    if directory.is_empty() {
        return Vec::new();
    }
    let series = number(directory, 0) as usize;
    let heap = &directory[8 + series * RECORD..];
    for record in directory[8..].chunks_exact(RECORD).take(series) {
        let short = |at: usize| u32::from_le_bytes(record[at..at + 4].try_into().unwrap()) as usize;
        let (first, items, mut at) = (short(16), short(20), short(24));
        let mut take = |count: usize, width: u8| -> Vec<usize> {
            let width = 1 << (width & 3);
            let bytes = &heap[at..at + count * width];
            at += bytes.len();
            let wide =
                |few: &[u8]| few.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            bytes.chunks_exact(width).map(wide).collect()
        };
        let (ndim, columns, widths) = (usize::from(record[42]), record[46], record[47]);
        let rows = if columns & 4 == 0 { 1 } else { items };
        let axes = take(ndim * rows, widths);
        let past = take(if columns & 8 == 0 { 0 } else { items }, widths >> 4);
        let descriptor = std::str::from_utf8(&heap[at..at + short(36)]).unwrap();
        let size = match record[40] {
            255 => descriptor.parse::<serde_shm::DType>().unwrap().item_size(),
            code => [0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8, 2, 2, 8, 16][usize::from(code)],
        };
        for item in 0..items {
            let row = if columns & 4 == 0 { 0 } else { item * ndim };
            let bytes = axes[row..row + ndim].iter().product::<usize>() * size;
            let past = past.get(item).copied().unwrap_or(item * number(record, 8) as usize);
            let start = number(record, 0) as usize + past;
            arrays.insert(first + item * usize::from(record[44]), start..start + bytes);
        }
    }
    arrays.into_values().collect()
}

/// Makes the checksum right again, as far as the trailer says where to take it.
pub(crate) fn seal(block: &mut [u8]) {
    let trailer = block.len() - TRAILER;
    let start = usize::try_from(number(block, trailer + 8)).unwrap_or(usize::MAX).min(trailer);
    let crc = crc32(&[&block[..HEADER], &block[start..trailer], &block[trailer..trailer + 48]]);
    block[trailer + 48..trailer + 52].copy_from_slice(&crc.to_le_bytes());
}

/// An array as the directory has it, true or not.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) path: &'static str,
    pub(crate) dtype: u8,
    pub(crate) flags: u8,
    pub(crate) shape: Vec<u64>,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl Record {
    pub(crate) fn new(path: &'static str, dtype: u8, shape: &[u64], bytes: u64) -> Record {
        Record { path, dtype, flags: 0, shape: shape.to_vec(), offset: HEADER as u64, bytes }
    }
}

/// A struct, tuple or variant with one layout.
pub(crate) struct Shape {
    pub(crate) kind: u8,
    pub(crate) name: &'static str,
    pub(crate) variant: &'static str,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) tags: Vec<u8>,
}

pub(crate) const STRUCT: u8 = 0;
pub(crate) const TUPLE: u8 = 1;
pub(crate) const NEWTYPE_VARIANT: u8 = 3;

impl Shape {
    pub(crate) fn record(name: &'static str, fields: &[(&'static str, u8)]) -> Shape {
        let (fields, tags) = fields.iter().copied().unzip();
        Shape { kind: STRUCT, name, variant: "", fields, tags }
    }
}

pub(crate) fn tables(shapes: &[Shape]) -> Vec<u8> {
    let mut out = varint(shapes.len() as u64);
    let text = |out: &mut Vec<u8>, text: &str| {
        out.extend(varint(text.len() as u64));
        out.extend_from_slice(text.as_bytes());
    };
    for shape in shapes {
        out.push(shape.kind);
        if shape.kind != TUPLE {
            text(&mut out, shape.name);
        }
        if shape.kind >= 2 {
            out.push(0);
            text(&mut out, shape.variant);
        }
        out.extend(varint(shape.tags.len() as u64));
        if shape.kind == STRUCT || shape.kind == 5 {
            shape.fields.iter().for_each(|field| text(&mut out, field));
        }
    }
    out.extend(varint(shapes.len() as u64));
    for (number, shape) in shapes.iter().enumerate() {
        out.extend(varint(number as u64));
        out.push(0);
        out.extend_from_slice(&shape.tags);
    }
    out
}

/// A whole block of version 2 with the checksum that fits it. `data` starts at byte 64.
pub(crate) fn block(data: &[u8], inline: &[u8], tables: &[u8], records: &[Record]) -> AlignedBytes {
    let (mut directory, mut heap) = (Vec::new(), Vec::new());
    for record in records {
        directory.extend_from_slice(&record.offset.to_le_bytes());
        directory.extend_from_slice(&record.bytes.to_le_bytes());
        directory.extend_from_slice(&(heap.len() as u32).to_le_bytes());
        directory.extend_from_slice(&(record.path.len() as u32).to_le_bytes());
        directory.extend_from_slice(&[
            record.dtype,
            record.flags,
            record.shape.len() as u8,
            0,
            0,
            0,
            0,
            0,
        ]);
        record.shape.iter().for_each(|axis| heap.extend_from_slice(&axis.to_le_bytes()));
        heap.extend_from_slice(record.path.as_bytes());
    }
    directory.extend(heap);
    let mut out = b"\x89SHM\r\n\x1a\n\x02\0".to_vec();
    out.resize(HEADER, 0);
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(8), 0);
    let start = out.len();
    out.extend_from_slice(inline);
    out.extend_from_slice(tables);
    out.extend_from_slice(&directory);
    let total = out.len() + TRAILER;
    let lengths = [total, start, inline.len(), tables.len(), directory.len(), records.len()];
    for length in lengths {
        out.extend_from_slice(&(length as u64).to_le_bytes());
    }
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(b"SHMEND\r\n");
    seal(&mut out);
    AlignedBytes::copy_from(&out)
}

/// The same bytes as a block of another version.
pub(crate) fn of_version(block: &[u8], version: u8) -> AlignedBytes {
    let mut block = block.to_vec();
    block[8] = version;
    seal(&mut block);
    AlignedBytes::copy_from(&block)
}

/// A block without arrays and without shapes.
pub(crate) fn inline(inline: &[u8]) -> AlignedBytes {
    block(&[], inline, &[0, 0], &[])
}
