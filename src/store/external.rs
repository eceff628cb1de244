//! The block of an archive, whose arrays are its members.

use crate::error::{Error, Result};
use crate::wire::{Reader, put_varint};
use crate::zip::Pieces;

use super::block::{BlockSink, FLAG_EXTERNAL};
use super::directory::DirectoryBuilder;
use super::{ArrayHead, Nonce, Sink};

/// The block of an archive: everything but the arrays, whose order, dtypes and shapes it names.
pub(crate) struct ExternalBlock {
    directory: DirectoryBuilder,
    pieces: Vec<(u64, Pieces)>,
}

impl ExternalBlock {
    pub(crate) fn new() -> Self {
        ExternalBlock { directory: DirectoryBuilder::default(), pieces: Vec::new() }
    }

    /// Adds an array, and the pieces in which its member was compressed.
    pub(crate) fn push(&mut self, head: &ArrayHead<'_>, pieces: Pieces) -> Result<u64> {
        let number = self.directory.push(head, 0)?;
        if pieces.packed.len() > 1 {
            self.pieces.push((number, pieces));
        }
        Ok(number)
    }

    /// The nonce is the [`fingerprint`] of the archive's directory.
    pub(crate) fn finish(self, inline: &[u8], tables: &[u8], nonce: Nonce) -> Result<Vec<u8>> {
        let mut sink = BlockSink::with_flags(Vec::new(), nonce, FLAG_EXTERNAL);
        sink.directory = self.directory;
        if !self.pieces.is_empty() {
            sink.write(&encode_pieces(&self.pieces))?;
        }
        sink.complete(inline, tables)
    }
}

/// The nonce of an archive's block: the checksum and the number of the directory's entries before the block's own. While the
/// archive's directory still has both, the members are as they were written.
pub(crate) fn fingerprint(sum: u32, count: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..4].copy_from_slice(&sum.to_le_bytes());
    nonce[4..12].copy_from_slice(&count.to_le_bytes());
    nonce
}

fn encode_pieces(members: &[(u64, Pieces)]) -> Vec<u8> {
    let mut bytes = Vec::new();
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

/// The pieces of members, by the numbers of their arrays. They stand where other blocks have their arrays.
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
