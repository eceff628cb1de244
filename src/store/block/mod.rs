//! The block: header, arrays, inline block, tables, directory, trailer. A segment's content, and what `to_bytes` gives.
//!
//! Everything but the arrays stands at the end, so that a block can be written in one pass to anything that takes bytes. `sink`
//! writes a block, `parts` checks one and says where its parts lie, and `source` reads one that was checked.

use crate::error::Error;

mod parts;
mod sink;
mod source;

pub(crate) use crate::segment::Nonce;
pub(crate) use parts::{BlockParts, KEPT, check_head};
pub(crate) use sink::BlockSink;
pub(crate) use source::BlockSource;

/// The version that is written.
pub(crate) const VERSION: u16 = 3;

/// The oldest version that is read.
const OLDEST: u16 = 1;

const MAGIC: [u8; 8] = *b"\x89SHM\r\n\x1a\n";
const END_MAGIC: [u8; 8] = *b"SHMEND\r\n";

/// The arrays are not in the block but beside it, as members of an archive.
pub(super) const FLAG_EXTERNAL: u16 = 1;

// The header: 0 magic | 8 version u16 | 10 flags u16 | 12 zero | 16 nonce | 32 zero
const H_VERSION: usize = MAGIC.len();
const H_FLAGS: usize = H_VERSION + 2;
const H_NONCE: usize = H_FLAGS + 2 + 4;
pub(crate) const HEADER: usize = 64;

// The trailer: 0 total | 8 inline start | 16 inline | 24 tables | 32 directory | 40 arrays | 48 crc u32 | 52 live arrays u32 | 56 magic
const T_TOTAL: usize = 0;
const T_START: usize = T_TOTAL + 8;
const T_INLINE: usize = T_START + 8;
const T_TABLES: usize = T_INLINE + 8;
const T_DIRECTORY: usize = T_TABLES + 8;
const T_ARRAYS: usize = T_DIRECTORY + 8;
const T_CRC: usize = T_ARRAYS + 8;
const T_LIVE: usize = T_CRC + 4;
const T_MAGIC: usize = T_LIVE + 4;
pub(crate) const TRAILER: usize = 64;

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The difference that a changed header makes to its block's checksum.
pub(crate) struct HeaderChange(u32);

/// Gives a header another nonce.
pub(crate) fn put_nonce(header: &mut [u8; HEADER], nonce: Nonce) -> HeaderChange {
    let before = checksum(&[header]);
    header[H_NONCE..H_NONCE + nonce.len()].copy_from_slice(&nonce);
    HeaderChange(before ^ checksum(&[header]))
}

impl HeaderChange {
    /// Gives the trailer of that block the checksum that belongs to the new header, without reading the bytes between. A checksum that
    /// was wrong stays wrong.
    pub(crate) fn apply(&self, trailer: &mut [u8; TRAILER]) {
        // The checksum covers the header and so many bytes behind it. If the lengths are wrong, it is not known what it covers.
        let rest = number(trailer, T_TOTAL).wrapping_sub(number(trailer, T_START));
        let behind = rest.wrapping_sub((TRAILER - T_CRC) as u64);
        // A CRC is linear: it changes by the change of its first part's CRC, shifted by the length of the bytes that follow.
        let mut change = crc32fast::Hasher::new_with_initial_len(self.0, 0);
        change.combine(&crc32fast::Hasher::new_with_initial_len(0, behind));
        let change = change.finalize().to_le_bytes();
        for (byte, change) in trailer[T_CRC..T_CRC + 4].iter_mut().zip(change) {
            *byte ^= change;
        }
    }
}

fn number(trailer: &[u8; TRAILER], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide.copy_from_slice(&trailer[at..at + 8]);
    u64::from_le_bytes(wide)
}

fn truncated(len: u64) -> Error {
    Error::corrupt(format!("truncated: the block ends at byte {len} without its trailer"))
}
