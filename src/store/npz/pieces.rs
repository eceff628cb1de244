//! What the block of an archive says of its members beside the directory: pieces that can be decompressed beside each other, and
//! whether the members are as they were written.

use crate::error::{Error, Result};
use crate::store::Nonce;
use crate::wire::{Reader, put_varint};
use crate::zip::Pieces;

/// The nonce of an archive's block: the checksum and the number of the directory's entries before the block's own. While the
/// archive's directory still has both, the members are as they were written.
pub(crate) fn fingerprint(sum: u32, count: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..4].copy_from_slice(&sum.to_le_bytes());
    nonce[4..12].copy_from_slice(&count.to_le_bytes());
    nonce
}

/// The pieces of members, by the numbers of their arrays.
pub(super) fn encode_pieces(members: &[(u64, Pieces)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if members.is_empty() {
        return bytes;
    }
    put_varint(&mut bytes, members.len() as u64);
    for (number, Pieces { piece, packed }) in members {
        put_varint(&mut bytes, *number);
        put_varint(&mut bytes, *piece as u64);
        put_varint(&mut bytes, packed.len() as u64);
        for &len in packed {
            put_varint(&mut bytes, len.into());
        }
    }
    bytes
}

/// The same pieces again.
///
/// # Errors
///
/// `Corrupt` if the bytes are cut off or have a number that fits nothing.
pub(crate) fn decode_pieces(bytes: &[u8]) -> Result<Vec<(u64, Pieces)>> {
    let mut reader = Reader::new(bytes);
    let mut members = Vec::new();
    if bytes.is_empty() {
        return Ok(members);
    }
    let fault = || Error::corrupt("the table of pieces has a length that fits nothing");
    // Each number takes at least one byte. So no more numbers are kept than there are bytes, whatever the counts say.
    for _ in 0..reader.varint()? {
        let number = reader.varint()?;
        let piece = usize::try_from(reader.varint()?).map_err(|_| fault())?;
        let count = reader.varint()?;
        let mut packed = Vec::new();
        for _ in 0..count {
            packed.push(u32::try_from(reader.varint()?).map_err(|_| fault())?);
        }
        members.push((number, Pieces { piece, packed }));
    }
    Ok(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_back_and_altered_ones_do_not_panic() {
        let members = [(0, vec![1, 300, u32::MAX]), (7, vec![5, 6])];
        let members = members.map(|(number, packed)| (number, Pieces { piece: 1 << 18, packed }));
        let bytes = encode_pieces(&members);
        let back = decode_pieces(&bytes).unwrap();
        assert_eq!(format!("{back:?}"), format!("{members:?}"));
        assert!(decode_pieces(&[]).unwrap().is_empty());
        for at in 0..bytes.len() {
            assert!(decode_pieces(&bytes[..at]).is_err() || at == 0);
            for byte in [0, 1, 127, 128, 255] {
                let mut bad = bytes.clone();
                bad[at] = byte;
                let _ = decode_pieces(&bad);
            }
        }
    }
}
