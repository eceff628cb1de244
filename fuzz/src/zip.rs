//! Archives taken apart and put together again, with checksums, places and the object's own fingerprint right.

use std::io::{Read, Write};

use crate::block;
use crate::random::{Mutate, Mutator, put};

const OWN: &[u8] = b"__serde_shm__.npy";
/// No member is decompressed further than this.
const MOST: u64 = 1 << 16;

#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    pub deflated: bool,
    pub extra: Vec<u8>,
    pub content: Vec<u8>,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize)
}

/// The members of an archive whose directory ends where the file does; `None` if it cannot be followed.
pub fn parse(archive: &[u8]) -> Option<Vec<Member>> {
    let end = archive.len().checked_sub(22)?;
    archive[end..].starts_with(b"PK\x05\x06").then_some(())?;
    let mut at = u32_at(archive, end + 16)?;
    let mut members = Vec::new();
    while at < end && members.len() < 64 {
        let name_len = u16_at(archive, at + 28)?;
        let local = u32_at(archive, at + 42)?;
        let (name, extra) = (u16_at(archive, local + 26)?, u16_at(archive, local + 28)?);
        let data = local + 30 + name + extra;
        let raw = archive.get(data..data.checked_add(u32_at(archive, at + 20)?)?)?;
        let deflated = u16_at(archive, at + 10)? == 8;
        let content = if deflated {
            let mut out = Vec::new();
            flate2::read::DeflateDecoder::new(raw).take(MOST).read_to_end(&mut out).ok()?;
            out
        } else {
            raw.to_vec()
        };
        members.push(Member {
            name: archive.get(at + 46..at + 46 + name_len)?.to_vec(),
            deflated,
            extra: archive.get(local + 30 + name..data)?.to_vec(),
            content,
        });
        at += 46 + name_len + u16_at(archive, at + 30)? + u16_at(archive, at + 32)?;
    }
    Some(members)
}

pub fn build(members: &[Member]) -> Vec<u8> {
    let (mut out, mut central) = (Vec::new(), Vec::new());
    for (number, member) in members.iter().enumerate() {
        let mut member = member.clone();
        if member.name == OWN {
            fingerprint(&mut member.content, &central, number);
        }
        let at = out.len() as u32;
        let data = if member.deflated {
            let mut coder = flate2::write::DeflateEncoder::new(Vec::new(), Default::default());
            coder.write_all(&member.content).unwrap();
            coder.finish().unwrap()
        } else {
            member.content.clone()
        };
        let method = if member.deflated { 8 } else { 0 };
        let mut fields = vec![20, 0, 0, 0, method, 0, 0, 0, 0x21, 0];
        fields.extend(crc32fast::hash(&member.content).to_le_bytes());
        fields.extend((data.len() as u32).to_le_bytes());
        fields.extend((member.content.len() as u32).to_le_bytes());
        fields.extend((member.name.len() as u16).to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&fields);
        out.extend((member.extra.len() as u16).to_le_bytes());
        out.extend(&member.name);
        out.extend(&member.extra);
        out.extend(&data);
        central.extend(b"PK\x01\x02\x14\x03");
        central.extend(&fields);
        central.extend([0; 12]);
        central.extend(at.to_le_bytes());
        central.extend(&member.name);
    }
    let (start, count) = (out.len() as u32, (members.len() as u16).to_le_bytes());
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count);
    out.extend(count);
    out.extend((central.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// What the object's own block says of the directory before it.
fn fingerprint(npy: &mut [u8], central: &[u8], members: usize) {
    let Some(start) = u16_at(npy, 8).map(|len| len + 10) else { return };
    let Some(block) = npy.get_mut(start..).filter(|block| block.len() >= 128) else { return };
    block[16..32].fill(0);
    block[16..20].copy_from_slice(&crc32fast::hash(central).to_le_bytes());
    block[20..28].copy_from_slice(&(members as u64).to_le_bytes());
    block::seal(block);
}

/// A `.npy` file of this header's text and these elements.
pub fn npy(header: &[u8], data: &[u8]) -> Vec<u8> {
    let (version, mut out) = (if header.len() > 65_000 { 2 } else { 1 }, b"\x93NUMPY".to_vec());
    out.extend([version, 0]);
    match version {
        1 => out.extend((header.len() as u16).to_le_bytes()),
        _ => out.extend((header.len() as u32).to_le_bytes()),
    }
    out.extend(header);
    out.extend(data);
    out
}

fn change(members: &mut Vec<Member>, mutator: &mut Mutator, room: usize) {
    if members.is_empty() {
        return;
    }
    let at = mutator.below(members.len());
    match mutator.below(16) {
        0 => {
            members.remove(at);
        }
        1 if members.len() < 12 => members.insert(at, members[at].clone()),
        2 => mutator.mutate(&mut members[at].name, 32),
        3 => mutator.mutate(&mut members[at].extra, 16),
        4 => members[at].deflated ^= true,
        5 => {
            let other = mutator.below(members.len());
            members.swap(at, other);
        }
        6 => mutator.mutate(&mut members[at].content, room),
        7..=11 => {
            // The object itself, where there is one.
            let own = members.iter().position(|member| member.name == OWN).unwrap_or(at);
            let content = &mut members[own].content;
            let start =
                u16_at(content, 8).map_or(content.len(), |len| (len + 10).min(content.len()));
            let block = block::changed(&content[start..], mutator, room);
            content.truncate(start);
            content.extend(block);
            lengthen(content, start);
        }
        _ => {
            // The header of an array.
            let content = &mut members[at].content;
            let Some(start) = u16_at(content, 8).map(|len| len + 10) else { return };
            if start <= content.len() {
                let (mut header, data) = (content[10..start].to_vec(), content[start..].to_vec());
                mutator.mutate(&mut header, room.min(64));
                *content = npy(&header, &data);
            }
        }
    }
}

/// Makes the length that the header of an array of bytes says that of what follows it.
fn lengthen(npy: &mut [u8], start: usize) {
    let len = npy.len() - start;
    let header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (";
    if npy.get(10..).is_some_and(|rest| rest.starts_with(header)) {
        let text = format!("{len},), }}");
        let room = &mut npy[10 + header.len()..start];
        if text.len() < room.len() {
            room.fill(b' ');
            room[..text.len()].copy_from_slice(text.as_bytes());
            *room.last_mut().unwrap() = b'\n';
        }
    }
}

/// For `fuzz_mutator!`: an input that is an archive.
pub fn mutate_input(data: &mut [u8], size: usize, max: usize, seed: u32, mutate: Mutate) -> usize {
    let mut mutator = Mutator::new(seed, mutate);
    let room = max.saturating_sub(size).min(256);
    let bytes = match (mutator.below(8), parse(&data[..size])) {
        (1.., Some(mut members)) => {
            for _ in 0..=mutator.below(3) {
                change(&mut members, &mut mutator, room);
            }
            build(&members)
        }
        _ => {
            let mut bytes = data[..size].to_vec();
            mutator.mutate(&mut bytes, room);
            bytes
        }
    };
    put(&bytes, data, size, max)
}
