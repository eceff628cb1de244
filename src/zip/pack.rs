//! Compresses many pieces on several threads at once.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::progress::Meter;
use crate::threads;

use super::deflate::Deflater;

/// The length of a piece. Data whose kind does not change is one block of up to some 300 KB, which is quickly joined
/// with the next; against pieces of a MiB the size grows by less than a thousandth.
pub(crate) const PIECE: usize = 256 << 10;

/// How many bytes are compressed and held in memory before they are written. The number is the same on every machine, so
/// that the archive's bytes are, too.
pub(super) const BATCH: usize = 8 << 20;

/// From this many bytes on, a thread takes longer to compress them than to start.
const SHARE: u64 = 64 << 10;

/// Deflate is worth its time if it saves three per cent or more.
pub(super) fn is_worth(packed: u64, size: u64) -> bool {
    packed <= size - size / 33
}

/// How data of one kind is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) level: u8,
    /// The length of a part of a piece that is compressed by itself.
    block: usize,
}

impl Fit {
    pub(super) fn new(level: u8) -> Self {
        Fit { level, block: PIECE }
    }
}

/// A range of bytes that is compressed by itself.
#[derive(Clone, Copy)]
pub(super) struct Piece<'a> {
    data: &'a [u8],
    fit: Fit,
    /// Whether the member's stream ends here.
    last: bool,
}

/// A piece that was compressed.
pub(super) struct Packed {
    pub(super) sum: crc32fast::Hasher,
    pub(super) bytes: Vec<u8>,
}

/// Compresses pieces on several threads at once.
///
/// # Errors
///
/// `OutOfMemory`, as in every function that compresses.
pub(super) fn pack(pieces: &[Piece<'_>]) -> io::Result<Vec<Packed>> {
    pack_telling(pieces, None, &mut |_| ())
}

/// The same. Reports to `tell` how many bytes are done, and stops with any error if the meter says that the work was cancelled.
pub(super) fn pack_telling(
    pieces: &[Piece<'_>],
    meter: Option<&Meter<'_>>,
    tell: &mut dyn FnMut(usize),
) -> io::Result<Vec<Packed>> {
    let done = AtomicUsize::new(0);
    let pack = |kept: &mut Option<Deflater>, piece: &Piece<'_>| {
        if meter.is_some_and(|meter| meter.check().is_err()) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let mut sum = crc32fast::Hasher::new();
        sum.update(piece.data);
        let Fit { level, block } = piece.fit;
        if kept.as_ref().is_some_and(|deflater| deflater.level() != level) {
            *kept = None;
        }
        let mut deflater = match kept.take() {
            Some(deflater) => deflater,
            None => Deflater::new(level)?,
        };
        let mut bytes = Vec::new();
        deflate(&mut deflater, block, piece.data, piece.last, &mut bytes)?;
        *kept = Some(deflater);
        done.fetch_add(piece.data.len(), Relaxed);
        Ok(Packed { sum, bytes })
    };
    let bytes: usize = pieces.iter().map(|piece| piece.data.len()).sum();
    let threads = threads::worth(bytes as u64, SHARE);
    let mut look = || tell(done.load(Relaxed));
    let look: Option<&mut dyn FnMut()> = if meter.is_some() { Some(&mut look) } else { None };
    let pieces = pieces.iter().collect();
    threads::map_looking(threads, pieces, || None, pack, look).into_iter().collect()
}

/// Compresses data block by block to one stream.
fn deflate(
    deflater: &mut Deflater,
    block: usize,
    data: &[u8],
    last: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let (end, start) = (data.len() % block, data.len() - data.len() % block);
    let ends = if end == 0 { start.saturating_sub(block) } else { start };
    for block in data[..ends].chunks(block) {
        deflater.deflate(block, false, out)?;
    }
    deflater.deflate(&data[ends..], last, out)
}

/// The pieces of a member, or of a part of it that starts and ends with pieces of the member.
pub(super) fn pieces(data: &[u8], fit: Fit, last: bool) -> impl Iterator<Item = Piece<'_>> {
    let count = data.len().div_ceil(PIECE);
    let piece = move |(number, data)| Piece { data, fit, last: last && number + 1 == count };
    data.chunks(PIECE).enumerate().map(piece)
}

/// [`fit`] of several members.
pub(super) fn fit_all<'a>(
    level: u8,
    members: impl Iterator<Item = &'a [u8]>,
) -> io::Result<Vec<Fit>> {
    let members: Vec<&[u8]> = members.collect();
    // The choice compresses a sample of the member more than once.
    let looked_into = members.iter().filter(|data| data.len() >= PIECE).count();
    let threads = threads::worth(looked_into as u64 * SHARE, SHARE);
    threads::map(threads, members, || (), |(), data| fit(level, data)).into_iter().collect()
}

/// Chooses how to compress data of this kind, by a sample of it.
///
/// In noise, which floats and sorted numbers contain, the quick search for repeats finds as much as the thorough one.
/// Closely sorted numbers change their kind every few kilobytes, because their upper bytes change. Codes of their own for
/// each 16 KiB take a hundredth less there; libdeflate by itself makes one block of all.
pub(super) fn fit(level: u8, data: &[u8]) -> io::Result<Fit> {
    const QUICK: u8 = 4;
    const SAMPLE: usize = 32 << 10;
    const BLOCK: usize = 16 << 10;
    /// From here on the third sample costs little of the time.
    const LONG: usize = 1 << 20;
    let mut fit = Fit::new(level);
    if data.len() < PIECE || level == 0 {
        return Ok(fit);
    }
    let sample = &data[data.len() / 2..][..SAMPLE];
    let len = |level, block| {
        let mut out = Vec::new();
        deflate(&mut Deflater::new(level)?, block, sample, true, &mut out)?;
        io::Result::Ok(out.len())
    };
    let mut least = len(level, PIECE)?;
    if (QUICK + 1..10).contains(&level) {
        let quick = len(QUICK, PIECE)?;
        if quick <= least {
            (fit.level, least) = (QUICK, quick);
        }
    }
    if data.len() >= LONG && len(fit.level, BLOCK)? < least - least / 500 {
        fit.block = BLOCK;
    }
    Ok(fit)
}

/// Whether compressing is likely worth it, from samples of data that is much longer than they are.
pub(super) fn looks_worth(level: u8, data: &[u8]) -> io::Result<bool> {
    const SAMPLE: usize = 32 << 10;
    const COUNT: usize = 8;
    let step = data.len() / COUNT;
    let sample = |number: usize| {
        let start = number * step + step / 2;
        let data = &data[start..data.len().min(start + SAMPLE)];
        Piece { data, fit: Fit::new(level), last: true }
    };
    let samples: Vec<Piece<'_>> = (0..COUNT).map(sample).collect();
    let packed: usize = pack(&samples)?.iter().map(|packed| packed.bytes.len()).sum();
    Ok(is_worth(packed as u64, samples.iter().map(|sample| sample.data.len() as u64).sum()))
}

#[cfg(all(test, feature = "libdeflate"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_sorted_closely_have_codes_of_their_own() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state
        };
        // Numbers at random places, some 256 apart.
        let mut sorted: Vec<u32> = std::iter::repeat_with(|| random() >> 6).take(1 << 18).collect();
        sorted.sort_unstable();
        let sorted: Vec<u8> = sorted.into_iter().flat_map(u32::to_le_bytes).collect();
        let noise: Vec<u8> =
            std::iter::repeat_with(|| (random() >> 24) as u8).take(1 << 20).collect();
        let packed = |fit: Fit| -> usize {
            let pieces: Vec<Piece<'_>> = pieces(&sorted, fit, true).collect();
            pack(&pieces).unwrap().iter().map(|packed| packed.bytes.len()).sum()
        };
        let fitted = fit(6, &sorted).unwrap();
        assert!(fitted.block < PIECE);
        assert!(packed(fitted) < packed(Fit::new(6)) * 995 / 1000);
        assert_eq!(fit(6, &noise).unwrap().block, PIECE);
    }
}
