//! Archives made by hand and mended: zip as docs/FORMAT.md has it, written a second time.

use std::io::Read;
use std::ops::Range;

use crate::corrupt::forge::{HEADER, TRAILER, crc32, seal};

const OWN: &str = "__serde_shm__.npy";

/// Where a member lies in an archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) method: u16,
    /// Its header.
    pub(super) local: Range<usize>,
    /// Its data, compressed or not.
    pub(super) data: Range<usize>,
    /// Its record in the directory.
    pub(super) central: Range<usize>,
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()))
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The members of a small archive that is as it should be.
pub(super) fn members(archive: &[u8]) -> Vec<Member> {
    let end = archive.len() - 22;
    assert_eq!(&archive[end..end + 4], b"PK\x05\x06");
    let mut at = u32_at(archive, end + 16);
    let mut members = Vec::new();
    while at < end {
        let (name, extra, comment) =
            (u16_at(archive, at + 28), u16_at(archive, at + 30), u16_at(archive, at + 32));
        let local = u32_at(archive, at + 42);
        let data = local + 30 + u16_at(archive, local + 26) + u16_at(archive, local + 28);
        let next = at + 46 + name + extra + comment;
        members.push(Member {
            name: String::from_utf8(archive[at + 46..at + 46 + name].to_vec()).unwrap(),
            method: u16_at(archive, at + 10) as u16,
            local: local..data,
            data: data..data + u32_at(archive, at + 20),
            central: at..next,
        });
        at = next;
    }
    members
}

/// A member's content; `None` if it cannot be decompressed any more.
pub(super) fn content(archive: &[u8], member: &Member) -> Option<Vec<u8>> {
    let data = &archive[member.data.clone()];
    if member.method == 0 {
        return Some(data.to_vec());
    }
    let mut content = Vec::new();
    flate2::read::DeflateDecoder::new(data).take(1 << 20).read_to_end(&mut content).ok()?;
    Some(content)
}

/// Makes the checksums right again of members that lie where they lay: first that of the object's own block, with the
/// fingerprint of the directory in it, then those of the archive.
pub(super) fn mend(archive: &mut [u8], members: &[Member]) {
    let end = members.last().map_or(0, |member| member.central.end);
    if archive.len() < end {
        return;
    }
    for member in members {
        if member.name == OWN && member.method == 0 {
            put_block(archive, members, member);
        }
        if let Some(content) = content(archive, member) {
            let crc = crc32(&[&content]).to_le_bytes();
            let (local, central) = (member.local.start + 14, member.central.start + 16);
            archive[local..local + 4].copy_from_slice(&crc);
            archive[central..central + 4].copy_from_slice(&crc);
        }
    }
}

fn put_block(archive: &mut [u8], members: &[Member], own: &Member) {
    let Some(first) = members.first() else { return };
    let mut print = [0; 16];
    let directory = &archive[first.central.start..own.central.start];
    print[..4].copy_from_slice(&crc32(&[directory]).to_le_bytes());
    print[4..12].copy_from_slice(&(members.len() as u64 - 1).to_le_bytes());
    let data = &mut archive[own.data.clone()];
    let start = npy_len(data);
    let block = &mut data[start..];
    if block.len() >= HEADER + TRAILER {
        block[16..32].copy_from_slice(&print);
        seal(block);
    }
}

/// Where the elements of a `.npy` file start.
pub(super) fn npy_len(npy: &[u8]) -> usize {
    if npy.len() < 10 { npy.len() } else { (10 + u16_at(npy, 8)).min(npy.len()) }
}

/// An archive of these members, as this crate writes it, but for the places at which elements lie.
pub(super) fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (name, content) in members {
        let (at, crc) = (out.len() as u32, crc32(&[content]));
        let len = content.len() as u32;
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        fields.extend(crc.to_le_bytes());
        fields.extend(len.to_le_bytes());
        fields.extend(len.to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend(name.as_bytes());
        out.extend(*content);
        central.extend(b"PK\x01\x02\x14\x03");
        central.extend(&fields);
        central.extend([0; 10]);
        central.extend(at.to_le_bytes());
        central.extend(name.as_bytes());
    }
    let (start, count) = (out.len() as u32, (members.len() as u16).to_le_bytes());
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend((central.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    let made = self::members(&out);
    mend(&mut out, &made);
    out
}
