//! Large content, which several threads read or decompress a part of each, and what is told to a meter meanwhile.

use std::io;
use std::ops::Range;

use crate::error::Result;
use crate::os;
use crate::progress::Meter;
use crate::threads;

use super::deflate::inflate;
use super::source::ReadAt;

/// How many bytes are read and then summed at a time, so that the checksum finds them in the processor's cache.
pub(super) const BLOCK: usize = 64 << 10;

/// From this size on several threads read a stored member; each takes one part after the other.
const LARGE: usize = 16 << 20;
pub(super) const PART: usize = os::PIECE;

/// From this many bytes on, a thread takes longer to decompress them than to start.
pub(super) const SHARE: u64 = 128 << 10;

/// Where a member's compressed bytes can be parted, so that several threads decompress the parts. It does not come from the
/// archive's records and is no more than a hint: a member that it is wrong about is decompressed in one go.
#[derive(Debug)]
pub(crate) struct Pieces {
    /// How many bytes each part gives. The last may give fewer.
    pub(crate) piece: usize,
    /// How many compressed bytes each part takes.
    pub(crate) packed: Vec<u32>,
}

/// A final empty block. A piece that another follows ends at a byte and has no such block.
const FINAL: [u8; 5] = [1, 0, 0, 0xff, 0xff];

/// # Errors
///
/// `Cancelled` if the work was cancelled.
pub(super) fn check(meter: Option<&Meter<'_>>) -> Result<()> {
    meter.map_or(Ok(()), Meter::check)
}

/// Counts bytes that are done, if there is a meter.
pub(super) fn count(meter: Option<&Meter<'_>>, bytes: usize) -> Result<()> {
    meter.map_or(Ok(()), |meter| meter.add(bytes as u64))
}

/// Calls `work` with what asks the progress function from time to time, if there is one. Threads that work see by the meter that
/// they shall stop.
pub(super) fn looking<R>(
    meter: Option<&Meter<'_>>,
    work: impl FnOnce(Option<&mut dyn FnMut()>) -> R,
) -> R {
    let Some(meter) = meter else { return work(None) };
    work(Some(&mut || drop(meter.ask())))
}

/// Decompresses the pieces of a member on several threads and returns the checksum of the whole. `None` if the hint about
/// the pieces is wrong, or if they cannot be read.
pub(super) fn inflate_pieces(
    input: &dyn ReadAt,
    data: &Range<u64>,
    pieces: &Pieces,
    into: &mut [u8],
    meter: Option<&Meter<'_>>,
) -> Option<u32> {
    let Pieces { piece, packed } = pieces;
    let total: u64 = packed.iter().map(|&len| u64::from(len)).sum();
    if *piece == 0 || into.len().div_ceil(*piece) != packed.len() || total != data.end - data.start
    {
        return None;
    }
    let mut at = data.start;
    let threads = threads::worth(into.len() as u64, SHARE);
    let jobs: Vec<(&mut [u8], Range<u64>)> = into
        .chunks_mut(*piece)
        .zip(packed)
        .map(|(into, &len)| {
            let start = at;
            at += u64::from(len);
            (into, start..at)
        })
        .collect();
    let inflate = |room: &mut Vec<u8>, (into, place): (&mut [u8], Range<u64>)| {
        // The pieces that are left are many, and nobody wants them any more.
        check(meter).ok()?;
        room.clear();
        // A piece cannot be longer than compressing this many bytes can make it, whatever the hint says.
        let len = usize::try_from(place.end - place.start).ok()?;
        if len > into.len() + into.len() / 8 + BLOCK {
            return None;
        }
        room.try_reserve(len + FINAL.len()).ok()?;
        room.resize(len, 0);
        input.read_exact_at(place.start, room).ok()?;
        if place.end != data.end {
            room.extend_from_slice(&FINAL);
        }
        inflate(room, into).ok()?;
        let mut sum = crc32fast::Hasher::new();
        sum.update(into);
        count(meter, into.len()).ok()?;
        Some(sum)
    };
    let mut sum = crc32fast::Hasher::new();
    let made = looking(meter, |look| threads::map_looking(threads, jobs, Vec::new, inflate, look));
    for piece in made {
        sum.combine(&piece?);
    }
    Some(sum.finalize())
}

/// Fills `into` and sums it, block by block. If it is large, several threads fill a part each, because most of the time
/// goes into the page faults of fresh memory.
pub(super) fn read_summed(
    input: &dyn ReadAt,
    at: u64,
    into: &mut [u8],
    meter: Option<&Meter<'_>>,
) -> io::Result<crc32fast::Hasher> {
    let read = |(): &mut (), (number, part): (usize, &mut [u8])| {
        let mut sum = crc32fast::Hasher::new();
        let mut at = at + (number * PART) as u64;
        os::populate(part);
        for block in part.chunks_mut(BLOCK) {
            input.read_exact_at(at, block)?;
            sum.update(block);
            at += block.len() as u64;
            // The meter has the error.
            count(meter, block.len()).map_err(|_| io::ErrorKind::Interrupted)?;
        }
        Ok(sum)
    };
    let threads =
        if into.len() < LARGE { 1 } else { threads::worth(into.len() as u64, PART as u64) };
    let parts = into.chunks_mut(PART).enumerate().collect();
    let sums = looking(meter, |look| threads::map_looking(threads, parts, || (), read, look));
    let sums: io::Result<Vec<_>> = sums.into_iter().collect();
    let mut sum = crc32fast::Hasher::new();
    for part in sums? {
        sum.combine(&part);
    }
    Ok(sum)
}
