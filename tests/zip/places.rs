//! Offsets, sizes and counts that do not fit in 32 or 16 bits, without the disk that they would take.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::zip::ZipArchive;

use crate::error::ErrorKind;
use crate::progress::{Progress, Work, metered};

use super::*;

const PAGE: usize = 1 << 16;
static ZEROS: [u8; PAGE] = [0; PAGE];

/// A file that keeps pages with something else than zeros.
#[derive(Clone, Default)]
struct Sparse {
    pages: BTreeMap<u64, Vec<u8>>,
    at: u64,
    len: u64,
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (page, start) = (self.at / PAGE as u64, (self.at % PAGE as u64) as usize);
        let bytes = &bytes[..bytes.len().min(PAGE - start)];
        if self.pages.contains_key(&page) || bytes != &ZEROS[..bytes.len()] {
            let page = self.pages.entry(page).or_insert_with(|| ZEROS.to_vec());
            page[start..start + bytes.len()].copy_from_slice(bytes);
        }
        self.at += bytes.len() as u64;
        self.len = self.len.max(self.at);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sparse {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        self.at = match target {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).unwrap(),
            SeekFrom::End(by) => self.len.checked_add_signed(by).unwrap(),
        };
        Ok(self.at)
    }
}

impl Read for Sparse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let (page, start) = (self.at / PAGE as u64, (self.at % PAGE as u64) as usize);
        let len = into.len().min(PAGE - start).min((self.len - self.at) as usize);
        let page = self.pages.get(&page).map_or(&ZEROS[..], |page| page);
        into[..len].copy_from_slice(&page[start..start + len]);
        self.at += len as u64;
        Ok(len)
    }
}

impl ReadAt for Sparse {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len)
    }
    fn read_exact_at(&self, mut offset: u64, mut into: &mut [u8]) -> io::Result<()> {
        while !into.is_empty() {
            let (page, start) = (offset / PAGE as u64, (offset % PAGE as u64) as usize);
            let len = into.len().min(PAGE - start);
            if offset + len as u64 > self.len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let page = self.pages.get(&page).map_or(&ZEROS[..], |page| page);
            into[..len].copy_from_slice(&page[start..start + len]);
            into = &mut into[len..];
            offset += len as u64;
        }
        Ok(())
    }
    fn slice(&self, _: Range<u64>) -> Option<&[u8]> {
        None
    }
}

/// Starts a member of zeros with some bytes at its start and end.
fn write_long(writer: &mut ArchiveWriter<'_, Sparse>, name: &str, size: u64) {
    let zeros = vec![0; 8 << 20];
    writer.begin(name, size).unwrap();
    writer.write(b"start").unwrap();
    let mut left = size - 8;
    while left > 0 {
        let now = left.min(zeros.len() as u64);
        writer.write(&zeros[..now as usize]).unwrap();
        left -= now;
    }
    writer.write(b"end").unwrap();
    writer.end().unwrap();
}

#[test]
fn members_and_offsets_beyond_four_gigabytes() {
    let size = (1 << 32) + 12_345;
    let mut writer = ArchiveWriter::new(Sparse::default(), STORED);
    for (name, data) in [("first", "11"), ("long", ""), ("behind", "222")] {
        if name == "long" {
            write_long(&mut writer, name, size);
            continue;
        }
        writer.begin(name, data.len() as u64).unwrap();
        writer.write(data.as_bytes()).unwrap();
        writer.end().unwrap();
    }
    let (file, len) = writer.finish().unwrap();
    assert_eq!(file.len, len);
    assert!(file.pages.len() < 10);

    let archive = Archive::open(&file).unwrap();
    assert_eq!(archive.total_size(), size + 5);
    let long = archive.member(1);
    assert_eq!((long.name, long.size, long.stored_size), ("long", size, size));
    assert_eq!(archive.head(&file, 1, 7).unwrap(), b"start\0\0");
    let place = archive.locate(&file, 1).unwrap();
    assert!(place.start.is_multiple_of(64));
    let mut end = [0; 3];
    ReadAt::read_exact_at(&file, place.end - 3, &mut end).unwrap();
    assert_eq!(&end, b"end");
    archive.verify(&file, 1, None).unwrap();
    assert_eq!(archive.load(&file, 2, 3, None, None).unwrap().bytes(), b"222");
    // More than the caller takes is an error before it is memory.
    let error = archive.load(&file, 1, 1 << 20, None, None).unwrap_err().to_string();
    assert!(error.contains("member `long`: expected at most 1048576 bytes"), "{error}");

    let mut other = ZipArchive::new(file).unwrap();
    let file = other.by_name("long").unwrap();
    assert_eq!((file.size(), file.crc32()), (size, long.crc));
    drop(file);
    let mut content = String::new();
    other.by_name("behind").unwrap().read_to_string(&mut content).unwrap();
    assert_eq!(content, "222");
}

#[test]
fn sizes_of_64_bits_are_completed_late() {
    let (noise, text) = (incompressible(5_000_000), compressible(5_000_000));
    let members: [(&str, &[u8]); 5] = [
        ("empty", b""),
        ("text", &text[..999]),
        ("long", &text),
        ("noise", &noise),
        ("last", b"7"),
    ];
    for settings in [STORED, DEFLATED] {
        let writer = ArchiveWriter::new(Cursor::new(Vec::new()), settings);
        let mut writer = writer.with_wide_from(1);
        for (name, data) in members {
            writer.begin(name, data.len() as u64).unwrap();
            writer.write(data).unwrap();
            writer.end().unwrap();
        }
        let bytes = finish(writer);
        expect(&&bytes[..], &members);
        let mut other = ZipArchive::new(Cursor::new(&bytes)).unwrap();
        for (name, data) in members {
            let mut content = Vec::new();
            other.by_name(name).unwrap().read_to_end(&mut content).unwrap();
            assert!(content == data, "{name}");
        }
        // A reader that goes by members' own headers finds the same.
        let mut rest = &bytes[..];
        for (name, data) in members {
            let mut member = ::zip::read::read_zipfile_from_stream(&mut rest).unwrap().unwrap();
            assert_eq!((member.name().unwrap().as_ref(), member.size()), (name, data.len() as u64));
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            assert!(content == data, "{name}");
        }
    }
}

#[test]
fn more_members_than_sixteen_bits_count() {
    for count in [65_534_u32, 65_535, 65_537] {
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), STORED);
        for number in 0..count {
            writer.begin(&number.to_string(), 1).unwrap();
            writer.write(&[number as u8]).unwrap();
            writer.end().unwrap();
        }
        let bytes = finish(writer);
        assert_eq!(bytes.windows(4).any(|four| four == b"PK\x06\x06"), count >= 65_535);
        let archive = Archive::open(&&bytes[..]).unwrap();
        assert_eq!(archive.len(), count as usize);
        let index = archive.find("65000").unwrap();
        assert_eq!(
            archive.load(&&bytes[..], index, 1, None, None).unwrap().bytes(),
            [65_000_u32 as u8]
        );
        // The directory is longer than what is read of it at a time.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        assert_eq!(Archive::open(&file).unwrap().len(), count as usize);
        let mut other = ZipArchive::new(Cursor::new(&bytes)).unwrap();
        assert_eq!(other.len(), count as usize);
        assert_eq!(other.by_name("65000").unwrap().size(), 1);
    }
}

#[test]
fn a_directory_that_claims_to_be_huge_costs_nothing() {
    // A terabyte of zeros, and an end that calls them a directory of members.
    let mut file = Sparse { len: 1 << 40, ..Sparse::default() };
    file.seek(SeekFrom::Start(1 << 40)).unwrap();
    let count = (1_u64 << 40) / 46;
    let mut end = b"PK\x06\x06".to_vec();
    for number in [44, 0, 0, count, count, 1 << 40, 0] {
        // Versions and disks, between the length and the counts, take four bytes less than two numbers.
        end.extend_from_slice(&u64::to_le_bytes(number));
    }
    end.drain(20..24);
    end.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    end.extend_from_slice(&(1_u64 << 40).to_le_bytes());
    end.extend_from_slice(&1_u32.to_le_bytes());
    end.extend_from_slice(
        b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0",
    );
    file.write_all(&end).unwrap();
    let error = Archive::open(&file).unwrap_err().to_string();
    assert!(error.contains("2^32 members"), "{error}");
    // Fewer members, each with room for long fields.
    for at in [24, 32] {
        file.seek(SeekFrom::Start((1 << 40) + at)).unwrap();
        file.write_all(&6_000_000_u64.to_le_bytes()).unwrap();
    }
    let error = Archive::open(&file).unwrap_err().to_string();
    assert!(error.contains("as many entries"), "{error}");
}

#[test]
fn a_file_that_is_cut_after_it_was_opened() {
    let data = compressible(20_000_000);
    for settings in [STORED, DEFLATED] {
        let bytes = archive(&[("a", &data), ("b", b"x")], settings);
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        let archive = Archive::open(&file).unwrap();
        file.set_len(1_000_000).unwrap();
        for error in [
            archive.load(&file, 0, u64::MAX, None, None).err().unwrap(),
            archive.verify(&file, 0, None).unwrap_err(),
            archive.load(&file, 1, 10, None, None).err().unwrap(),
            archive.locate(&file, 1).unwrap_err(),
        ] {
            assert!(
                error.to_string().ends_with("the file ends within it: it was cut meanwhile"),
                "{error}"
            );
        }
    }
}

/// An archive of which somebody sees how much is read.
struct Seen<'a> {
    bytes: &'a [u8],
    read: AtomicU64,
}

impl ReadAt for Seen<'_> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_exact_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        self.read.fetch_add(into.len() as u64, Relaxed);
        self.bytes.read_exact_at(offset, into)
    }

    fn slice(&self, _: Range<u64>) -> Option<&[u8]> {
        None
    }
}

/// A member of another program is one stream. To read all of it before its first byte is decompressed took half a second for
/// 90 MB, in which nobody could cancel.
#[test]
fn a_load_that_is_cancelled_reads_no_more() {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    let data: Vec<u8> = (0..17 << 20).map(|_| next()).collect();
    let bytes = archive(&[("x", &data)], Settings { deflate: Some(1), ..DEFLATED });
    let seen = Seen { bytes: &bytes, read: AtomicU64::new(0) };
    let whole = Archive::open(&seen).unwrap();
    let load = |answer: ControlFlow<()>| {
        seen.read.store(0, Relaxed);
        let progress = Progress::new(move |_, _| answer);
        metered(
            Some(&progress),
            Work::READ,
            || Ok(None),
            |meter| whole.load(&seen, 0, u64::MAX, None, meter),
        )
    };
    let error = load(ControlFlow::Break(())).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    // Before the function is first asked, some megabytes may be done.
    assert!(
        seen.read.load(Relaxed) < bytes.len() as u64 * 3 / 4,
        "{} of {}",
        seen.read.load(Relaxed),
        bytes.len()
    );
    assert!(load(ControlFlow::Continue(())).unwrap().bytes() == data);
}
