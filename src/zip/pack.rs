//! Compresses many pieces beside each other.

use rayon::prelude::*;

use super::deflate::Deflater;
use super::threads;

/// The length of a piece. Data whose kind does not change is one block of up to some 300 KB, which is quickly joined
/// with the next; against pieces of a MiB the size grows by less than a thousandth.
pub(crate) const PIECE: usize = 256 << 10;

/// What is compressed and held in memory before it is written. It is the same everywhere, so that the bytes are.
pub(super) const BATCH: usize = 8 << 20;

/// Deflate is worth its time from three per cent on.
pub(super) fn is_worth(packed: u64, size: u64) -> bool {
    packed <= size - size / 33
}

/// What is compressed by itself.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    data: &'a [u8],
    level: u8,
    /// Whether the member's stream ends here.
    last: bool,
}

/// A piece that was compressed.
pub(super) struct Packed {
    pub(super) sum: crc32fast::Hasher,
    pub(super) bytes: Vec<u8>,
}

/// Compresses pieces beside each other.
pub(super) fn pack(pieces: &[Piece<'_>]) -> Vec<Packed> {
    let pack = |kept: &mut Option<Deflater>, piece: &Piece<'_>| {
        let mut sum = crc32fast::Hasher::new();
        sum.update(piece.data);
        if kept.as_ref().is_some_and(|deflater| deflater.level() != piece.level) {
            *kept = None;
        }
        let deflater = kept.get_or_insert_with(|| Deflater::new(piece.level));
        let mut bytes = Vec::new();
        deflater.deflate(piece.data, piece.last, &mut bytes);
        Packed { sum, bytes }
    };
    if pieces.len() < 2 || !threads::available() {
        let mut kept = None;
        return pieces.iter().map(|piece| pack(&mut kept, piece)).collect();
    }
    pieces.par_iter().map_init(|| None, pack).collect()
}

/// The pieces of a member, or of a part of it that starts and ends with pieces of the member.
pub(super) fn pieces(data: &[u8], level: u8, last: bool) -> impl Iterator<Item = Piece<'_>> {
    let count = data.len().div_ceil(PIECE);
    let piece = move |(number, data)| Piece { data, level, last: last && number + 1 == count };
    data.chunks(PIECE).enumerate().map(piece)
}

/// [`fit_level`] of several members.
pub(super) fn fit_levels<'a>(level: u8, members: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let members: Vec<&[u8]> = members.collect();
    if members.len() < 2 || !threads::available() {
        return members.into_iter().map(|data| fit_level(level, data)).collect();
    }
    members.into_par_iter().map(|data| fit_level(level, data)).collect()
}

/// The level for data of this kind: in noise, as floats and sorted numbers have it, the quick search for repeats finds
/// what the thorough one does, and no worse.
pub(super) fn fit_level(level: u8, data: &[u8]) -> u8 {
    const QUICK: u8 = 4;
    const SAMPLE: usize = 32 << 10;
    if !(QUICK + 1..10).contains(&level) || data.len() < PIECE {
        return level;
    }
    let sample = &data[data.len() / 2..][..SAMPLE];
    let len = |level| {
        let mut out = Vec::new();
        Deflater::new(level).deflate(sample, true, &mut out);
        out.len()
    };
    if len(QUICK) <= len(level) { QUICK } else { level }
}

/// Whether compressing is likely worth it, from samples of data that is much longer than they are.
pub(super) fn looks_worth(level: u8, data: &[u8]) -> bool {
    const SAMPLE: usize = 32 << 10;
    const COUNT: usize = 8;
    let step = data.len() / COUNT;
    let sample = |number: usize| {
        let start = number * step + step / 2;
        Piece { data: &data[start..data.len().min(start + SAMPLE)], level, last: true }
    };
    let samples: Vec<Piece<'_>> = (0..COUNT).map(sample).collect();
    let packed: usize = pack(&samples).iter().map(|packed| packed.bytes.len()).sum();
    is_worth(packed as u64, samples.iter().map(|sample| sample.data.len() as u64).sum())
}
