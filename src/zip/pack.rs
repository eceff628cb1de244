//! Compresses many pieces beside each other.

use rayon::prelude::*;

use super::deflate::Deflater;

/// What is compressed by itself. Data whose kind does not change is one block of up to some 300 KB, which is quickly
/// joined with the next; against pieces of a MiB the size grows by less than a thousandth.
pub(super) const PIECE: usize = 256 << 10;

/// What is compressed and held in memory before it is written. It is the same everywhere, so that the bytes are.
pub(super) const BATCH: usize = 8 << 20;

/// Deflate is worth its time from three per cent on.
pub(super) fn is_worth(packed: u64, size: u64) -> bool {
    packed <= size - size / 33
}

/// A piece that was compressed.
pub(super) struct Packed {
    pub(super) sum: crc32fast::Hasher,
    pub(super) bytes: Vec<u8>,
}

/// Compresses pieces, each with whether its stream ends there.
pub(super) fn pack(level: u8, pieces: &[(&[u8], bool)]) -> Vec<Packed> {
    let pack = |deflater: &mut Deflater, &(data, last): &(&[u8], bool)| {
        let mut sum = crc32fast::Hasher::new();
        sum.update(data);
        let mut bytes = Vec::new();
        deflater.deflate(data, last, &mut bytes);
        Packed { sum, bytes }
    };
    match pieces {
        [one] => vec![pack(&mut Deflater::new(level), one)],
        _ => pieces.par_iter().map_init(|| Deflater::new(level), pack).collect(),
    }
}

/// The pieces of a member, or of a part of it that starts and ends with pieces of the member.
pub(super) fn pieces(data: &[u8], last: bool) -> impl Iterator<Item = (&[u8], bool)> {
    let count = data.len().div_ceil(PIECE);
    data.chunks(PIECE).enumerate().map(move |(number, piece)| (piece, last && number + 1 == count))
}

/// Whether compressing is likely worth it, from samples of data that is much longer than they are.
pub(super) fn looks_worth(level: u8, data: &[u8]) -> bool {
    const SAMPLE: usize = 32 << 10;
    const COUNT: usize = 8;
    let step = data.len() / COUNT;
    let sample = |number: usize| {
        let start = number * step + step / 2;
        (&data[start..data.len().min(start + SAMPLE)], true)
    };
    let samples: Vec<(&[u8], bool)> = (0..COUNT).map(sample).collect();
    let packed: usize = pack(level, &samples).iter().map(|packed| packed.bytes.len()).sum();
    is_worth(packed as u64, samples.iter().map(|(sample, _)| sample.len() as u64).sum())
}
