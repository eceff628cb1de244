//! What is written is read again, and an archive is written well or not at all.

use std::io::{self, Seek, SeekFrom, Write};

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;

#[test]
fn members_come_back_aligned() {
    let (large, packed) = (incompressible(300_000), compressible(5_000_000));
    for align in [1, 64, 256, 4096, 32768] {
        for deflate in [None, Some(0), Some(1), Some(6), Some(9), Some(255)] {
            if deflate.is_some() && align != 256 && deflate != Some(6) {
                continue;
            }
            let members: [(&str, &[u8]); 6] = [
                ("a", b""),
                ("b/c.npy", &large),
                ("é", b"12345"),
                ("d", &packed[..70_000]),
                ("e", &packed),
                ("f", &large[..99]),
            ];
            let bytes = archive(&members, Settings { align, deflate });
            both_ways(&bytes, |input| expect(input, &members));
            let archive = Archive::open(&&bytes[..]).unwrap();
            for index in 0..archive.len() {
                if !archive.member(index).deflated {
                    let place = archive.locate(&&bytes[..], index).unwrap();
                    assert_eq!(place.start % u64::from(align), 0);
                }
            }
        }
    }
}

#[test]
fn the_same_members_give_the_same_bytes() {
    let large = compressible(9_000_000);
    for settings in [STORED, DEFLATED] {
        let members = [("a", &b"1"[..]), ("b", &large), ("c", &large[..100])];
        assert!(archive(&members, settings) == archive(&members, settings));
    }
}

#[test]
fn what_does_not_shrink_is_stored() {
    let (noise, text) = (incompressible(9_000_000), compressible(9_000_000));
    // One that shrinks at its start only: known at hand, it is stored in the end.
    let half = [&text[..1_000_000], &incompressible(20_000_000)[..]].concat();
    for len in [0, 1, 50, 5_000, 1_000_000, 9_000_000] {
        let bytes = archive(&[("n", &noise[..len]), ("t", &text[..len]), ("h", &half)], DEFLATED);
        let archive = Archive::open(&&bytes[..]).unwrap();
        assert!(!archive.member(0).deflated);
        assert_eq!(archive.member(1).deflated, len >= 50);
        assert!(!archive.member(2).deflated);
        assert!(archive.member(1).stored_size <= len as u64);
        expect(&&bytes[..], &[("n", &noise[..len]), ("t", &text[..len]), ("h", &half)]);
    }
}

#[test]
fn how_a_member_is_cut_into_calls_does_not_matter_to_a_reader() {
    let (text, noise) = (compressible(20_000_000), incompressible(20_000_000));
    for data in [text, noise] {
        for cuts in
            [vec![], vec![128], vec![100, 300_000], vec![8 << 20], vec![(8 << 20) + 1, 17_000_000]]
        {
            let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), DEFLATED);
            writer.begin("a", data.len() as u64).unwrap();
            let mut at = 0;
            for cut in cuts.into_iter().chain([data.len()]) {
                writer.write(&data[at..cut]).unwrap();
                at = cut;
            }
            writer.end().unwrap();
            let bytes = finish(writer);
            expect(&&bytes[..], &[("a", &data)]);
        }
    }
}

/// A member: its bytes, how they are cut, whether it is given up after some of them.
type Edit = (Vec<u8>, Vec<prop::sample::Index>, Option<prop::sample::Index>);

fn steps() -> impl Strategy<Value = Vec<Edit>> {
    let len = prop_oneof![4 => 0..2000_usize, 2 => 100_000..300_000_usize, 1 => 4_000_000..9_000_000_usize];
    let data = (len, any::<bool>())
        .prop_map(|(len, shrinks)| if shrinks { compressible(len) } else { incompressible(len) });
    let cuts = prop::collection::vec(any::<prop::sample::Index>(), 0..4);
    prop::collection::vec(
        (data, cuts, prop::option::weighted(0.3, any::<prop::sample::Index>())),
        0..6,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn members_round_trip(steps in steps(), deflate in prop::option::of(0_u8..13), align in 0_u32..13) {
        let settings = Settings { align: 1 << align, deflate };
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), settings);
        let mut expected = Vec::new();
        for (number, (data, cuts, abandoned)) in steps.iter().enumerate() {
            let name = format!("m{number}");
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(data.len() + 1)).collect();
            cuts.push(data.len());
            cuts.sort_unstable();
            let stop = abandoned.map(|at| at.index(cuts.len() + 1));
            writer.begin(&name, data.len() as u64).unwrap();
            let mut at = 0;
            for cut in cuts.iter().take(stop.unwrap_or(usize::MAX)) {
                writer.write(&data[at..*cut]).unwrap();
                at = *cut;
            }
            if stop.is_some() {
                writer.abandon().unwrap();
            } else {
                writer.end().unwrap();
                expected.push((name, data.clone()));
            }
        }
        let bytes = finish(writer);
        prop_assert!(read_all(&&bytes[..]).unwrap() == expected);
    }
}

#[test]
fn an_abandoned_member_leaves_no_trace() {
    let large = compressible(9_000_000);
    for settings in [STORED, DEFLATED] {
        for size in [10, 70_000, 1_000_000, 9_000_000] {
            let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), settings);
            writer.begin("a", 3).unwrap();
            writer.write(b"abc").unwrap();
            writer.end().unwrap();
            for part in [0, size / 2, size] {
                writer.begin("b", size as u64).unwrap();
                writer.write(&large[..part]).unwrap();
                writer.abandon().unwrap();
            }
            writer.begin("b", 1).unwrap();
            writer.write(b"z").unwrap();
            writer.end().unwrap();
            assert_eq!(finish(writer), archive(&[("a", b"abc"), ("b", b"z")], settings));
        }
    }
}

#[test]
fn members_are_as_long_as_announced() {
    for settings in [STORED, DEFLATED] {
        for size in [5, 6_000_000] {
            let data = compressible(size + 1);
            let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), settings);
            writer.begin("a", size as u64).unwrap();
            let error = writer.write(&data).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("member `a` gave {} bytes where {size} were announced", size + 1)
            );
            let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), settings);
            writer.begin("a", size as u64).unwrap();
            writer.write(&data[..size - 1]).unwrap();
            let error = writer.end().unwrap_err().to_string();
            assert_eq!(
                error,
                format!("member `a` gave {} bytes where {size} were announced", size - 1)
            );
        }
    }
}

#[test]
fn names_that_readers_refuse_are_not_written() {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), STORED);
    for name in ["", "/a", "..", "a/../b", "a\\b", "a\0b", &"x".repeat(65_536)] {
        assert_eq!(writer.begin(name, 0).unwrap_err().kind(), ErrorKind::Limit);
    }
    let long = "x".repeat(65_535);
    writer.begin(&long, 1).unwrap();
    writer.write(b"y").unwrap();
    writer.end().unwrap();
    expect(&&finish(writer)[..], &[(&long, b"y")]);
}

/// Writes fail once `left` bytes went through.
struct Full {
    out: Cursor<Vec<u8>>,
    left: usize,
    failures: usize,
}

impl Write for &mut Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.left {
            self.failures += 1;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.left -= bytes.len();
        self.out.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &mut Full {
    fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
        assert_eq!(self.failures, 0);
        self.out.seek(target)
    }
}

#[test]
fn a_full_disk_is_an_error_and_nothing_is_written_after_it() {
    for settings in [STORED, DEFLATED] {
        let (data, more) = (incompressible(200_000), compressible(5_000_000));
        let whole = archive(&[("a", &data), ("b", &data), ("c", &more)], settings).len();
        for left in (0..whole).step_by(whole / 40) {
            let mut full = Full { out: Cursor::default(), left, failures: 0 };
            let mut writer = ArchiveWriter::new(&mut full, settings);
            for (name, data) in [("a", &data), ("b", &data), ("c", &more)] {
                // As a serializer that goes on in spite of errors, and gives up what failed.
                let result = (|| {
                    writer.begin(name, data.len() as u64)?;
                    writer.write(&data[..100])?;
                    writer.write(&data[100..])?;
                    writer.end()
                })();
                if let Err(error) = result {
                    assert_eq!(error.kind(), ErrorKind::Io);
                    let _ = writer.abandon();
                }
            }
            let error = writer.finish().err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Io);
            assert_eq!(full.failures, 1);
        }
    }
}

#[test]
fn small_members_take_few_writes() {
    struct Counting(Cursor<Vec<u8>>, usize);
    impl Write for &mut Counting {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Seek for &mut Counting {
        fn seek(&mut self, target: SeekFrom) -> io::Result<u64> {
            self.1 += 1;
            self.0.seek(target)
        }
    }
    for settings in [STORED, DEFLATED] {
        let mut out = Counting(Cursor::default(), 0);
        let mut writer = ArchiveWriter::new(&mut out, settings);
        for number in 0..10_000_u32 {
            writer.begin(&format!("m{number}"), 300).unwrap();
            writer.write(&[number as u8; 300]).unwrap();
            writer.end().unwrap();
        }
        writer.finish().unwrap();
        assert!(out.1 < 100, "{} calls", out.1);
    }
}

/// Where a member can be parted is a hint from outside: a wrong one costs time and changes nothing.
#[test]
fn wrong_pieces_change_nothing() {
    let data = compressible(5_000_001);
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), DEFLATED);
    writer.begin("a", data.len() as u64).unwrap();
    let mut told = Vec::new();
    writer.write_telling(&data, &mut |done| told.push(done)).unwrap();
    assert!(!told.is_empty());
    let good = writer.end().unwrap();
    assert_eq!(good.len(), data.len().div_ceil(PIECE));
    let bytes = finish(writer);
    let archive = Archive::open(&&bytes[..]).unwrap();
    let load = |piece: usize, packed: &[u32]| {
        let pieces = Pieces { piece, packed: packed.to_vec() };
        both_ways(&bytes, |input| {
            let found = archive.load(input, 0, u64::MAX, Some(&pieces), None).unwrap();
            assert!(found.bytes() == data);
        });
    };
    load(PIECE, &good);
    for piece in [0, 1, PIECE - 1, PIECE + 1, usize::MAX] {
        load(piece, &good);
    }
    for (index, by) in [(0, 1), (3, -1), (19, 5), (7, -good[7].cast_signed())] {
        let mut wrong = good.clone();
        wrong[index] = wrong[index].wrapping_add_signed(by);
        load(PIECE, &wrong);
        // The same sum, parted elsewhere.
        let other = if index == 0 { 1 } else { index - 1 };
        wrong[other] = wrong[other].wrapping_add_signed(-by);
        load(PIECE, &wrong);
    }
    load(PIECE, &[]);
    load(PIECE, &good[1..]);
    load(PIECE, &[u32::MAX; 20]);
    // The stream itself broken: with its pieces or without, that is an error.
    let place = archive.locate(&&bytes[..], 0).unwrap();
    let mut bad = bytes.clone();
    bad[place.start as usize + good[0] as usize + 1000] ^= 0x55;
    let pieces = Pieces { piece: PIECE, packed: good };
    both_ways(&bad, |input| {
        let error = archive.load(input, 0, u64::MAX, Some(&pieces), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    });
}
