//! Archives of any content, which the public interface neither writes nor reads: writer and reader together, against hostile bytes
//! and other programs, at offsets that no disk here holds. A module of the library, see `src/zip/mod.rs`.

mod hostile;
mod oracle;
mod places;
mod writing;

use std::io::Cursor;

use crate::error::Result;
use crate::memory::Region;

use super::{Archive, ArchiveWriter, PIECE, Pieces, ReadAt, Settings};

const STORED: Settings = Settings { align: 64, deflate: None };
const DEFLATED: Settings = Settings { align: 64, deflate: Some(6) };

/// An archive in memory, of these members.
fn archive(members: &[(&str, &[u8])], settings: Settings) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), settings);
    for (name, data) in members {
        writer.begin(name, data.len() as u64).unwrap();
        writer.write(data).unwrap();
        writer.end().unwrap();
    }
    finish(writer)
}

/// What was written; bytes of abandoned members behind it are cut.
fn finish(writer: ArchiveWriter<'_, Cursor<Vec<u8>>>) -> Vec<u8> {
    let (out, len) = writer.finish().unwrap();
    let mut bytes = out.into_inner();
    bytes.truncate(usize::try_from(len).unwrap());
    bytes
}

/// The same bytes as memory that lends itself, and as a file.
fn both_ways(bytes: &[u8], check: impl Fn(&dyn ReadAt)) {
    check(&bytes);
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
    check(&file);
}

/// All members, each read in every way there is.
fn read_all(input: &dyn ReadAt) -> Result<Vec<(String, Vec<u8>)>> {
    let archive = Archive::open(input)?;
    let indices: Vec<usize> = (0..archive.len()).collect();
    let mut members = Vec::new();
    for (index, content) in
        archive.load_many(input, &indices, 1 << 30, |_| None, None).into_iter().enumerate()
    {
        let content: Region = content?;
        let member = archive.member(index);
        assert_eq!(archive.find(member.name) == Some(index), !archive.is_shadowed(index));
        assert_eq!(content.bytes().len() as u64, member.size);
        assert!(content.bytes().is_empty() || content.bytes().as_ptr().addr().is_multiple_of(64));
        archive.verify(input, index, None)?;
        let (place, head) = archive.peek(input, index, 100)?;
        assert_eq!(place, archive.locate(input, index)?);
        assert_eq!(place.end - place.start, member.stored_size);
        assert_eq!(head, content.bytes()[..head.len()]);
        assert_eq!(head.len(), content.bytes().len().min(100));
        members.push((member.name.to_owned(), content.bytes().to_vec()));
    }
    assert_eq!(archive.find("no such name"), None);
    Ok(members)
}

fn expect(input: &dyn ReadAt, expected: &[(&str, &[u8])]) {
    let found = read_all(input).unwrap();
    let found: Vec<(&str, &[u8])> =
        found.iter().map(|(name, data)| (&name[..], &data[..])).collect();
    assert!(found == expected, "{} members", found.len());
}

/// Numbers that look random and are the same each time.
fn noise(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

/// Bytes that do not shrink.
fn incompressible(len: usize) -> Vec<u8> {
    let mut next = noise(len as u64);
    (0..len).map(|_| (next() >> 24) as u8).collect()
}

/// Bytes that shrink to about a third, in blocks of several kinds.
fn compressible(len: usize) -> Vec<u8> {
    let mut next = noise(len as u64 + 7);
    (0..len)
        .map(|at| match at / 50_000 % 3 {
            0 => (next() >> 60) as u8,
            1 => (at / 100) as u8,
            _ => b"weights and biases "[at % 19] ^ ((next() >> 40) as u8 & 1),
        })
        .collect()
}
