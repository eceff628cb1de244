//! A source reads what a sink writes, and checks what other programs write.

use std::io::Cursor;

use super::names::REST;
use super::*;
use crate::dtype::DType;
use crate::error::{ErrorKind, Result};
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::memory::{AlignedBytes, Region};
use crate::npy;
use crate::store::{ArrayHead, Finish, Sink, Source};
use crate::zip::{ArchiveWriter, Settings};

fn memory(file: &AlignedBytes) -> Input {
    Input::Memory(Region::from_block(file.clone()))
}

fn open(file: &AlignedBytes) -> Result<(Members, Rest)> {
    let mut members = Members::open(memory(file), u64::MAX)?;
    let rest = Rest::find(&mut members)?.expect("the member is there");
    Ok((members, rest))
}

type Sample<'a> = (&'a str, DType, &'a [usize], Order);

fn fill(sink: &mut impl Sink, (path, dtype, shape, order): &Sample<'_>) -> u64 {
    let bytes = layout::byte_len(shape, dtype.item_size()).unwrap();
    sink.begin(&ArrayHead {
        path,
        dtype,
        shape,
        order: *order,
        kind: Kind::Plain,
        bytes,
        follows: false,
    })
    .unwrap();
    sink.write(&vec![bytes as u8; bytes / 2]).unwrap();
    sink.write(&vec![bytes as u8; bytes - bytes / 2]).unwrap();
    sink.end().unwrap()
}

/// An inline block that is long enough to refer to some arrays.
const INLINE: &[u8] = b"inline block";

fn save(samples: &[Sample<'_>]) -> AlignedBytes {
    let mut sink = NpzSink::new(Cursor::new(Vec::new()), Settings::default(), None);
    for (number, sample) in samples.iter().enumerate() {
        assert_eq!(fill(&mut sink, sample), number as u64);
    }
    let (out, len) = sink.finish(INLINE.to_vec(), b"tables").unwrap();
    AlignedBytes::copy_from(&out.get_ref()[..usize::try_from(len).unwrap()])
}

fn watched(members: &Members) -> WatchedMembers<'_> {
    WatchedMembers { members, meter: None }
}

#[test]
fn arrays_come_back_in_place() {
    let samples = [
        ("weights", DType::F32, &[3, 4][..], Order::F),
        ("layers.0.bias", DType::F64, &[1000], Order::C),
        ("empty", DType::I16, &[0, 2], Order::C),
        ("scalar", DType::BOOL, &[], Order::F),
    ];
    let file = save(&samples);
    let (members, rest) = open(&file).unwrap();
    let source = NpzSource::new(watched(&members), &rest).unwrap();
    assert_eq!((source.inline(), source.tables()), (INLINE, &b"tables"[..]));
    for (number, (_, dtype, shape, order)) in samples.into_iter().enumerate() {
        let placed = source.array(number as u64).unwrap();
        assert_eq!((placed.dtype.clone(), &placed.shape[..], placed.order), (dtype, shape, order));
        assert!(placed.region.is_none(), "it is seen in place");
        assert!(placed.bytes.as_ptr().addr().is_multiple_of(64));
        assert!(placed.bytes.iter().all(|&byte| byte == placed.bytes.len() as u8));
    }
    assert!(source.array(4).is_err());
}

#[test]
fn names_that_are_taken_or_unfit_are_changed_and_found_again() {
    let one = |path| (path, DType::U8, &[1][..], Order::C);
    let long = "é".repeat(30_000);
    let paths = ["a", "a", "a~1", "a", REST, "../x", "", "/y", &long, "a"];
    let file = save(&paths.map(one));
    let (members, rest) = open(&file).unwrap();
    let source = NpzSource::new(watched(&members), &rest).unwrap();
    let cut = &long[..32 << 10];
    let infos = source.look().unwrap().0;
    assert_eq!(
        infos.iter().map(|info| &info.path[..]).collect::<Vec<_>>(),
        ["a", "a~1", "a~1~1", "a~2", "__serde_shm__~1", "__/x", "_", "_/y", cut, "a~3"]
    );
    for number in 0..10 {
        assert_eq!(source.array(number).unwrap().bytes, [1]);
    }
}

#[test]
fn an_abandoned_array_is_not_there() {
    let mut sink = NpzSink::new(Cursor::new(Vec::new()), Settings::default(), None);
    let head = ArrayHead {
        path: "a",
        follows: false,
        dtype: &DType::U8,
        shape: &[9],
        order: Order::C,
        kind: Kind::Plain,
        bytes: 9,
    };
    sink.begin(&head).unwrap();
    sink.write(b"abc").unwrap();
    sink.abandon().unwrap();
    let sample = ("a", DType::U16, &[2][..], Order::C);
    assert_eq!(fill(&mut sink, &sample), 0);
    let (out, _) = sink.finish(INLINE.to_vec(), b"tables").unwrap();
    assert_eq!(out.get_ref()[..], save(&[sample])[..]);
}

#[test]
fn an_array_that_is_short_is_an_error() {
    let mut sink = NpzSink::new(Cursor::new(Vec::new()), Settings::default(), None);
    let head = ArrayHead {
        path: "a",
        follows: false,
        dtype: &DType::U8,
        shape: &[9],
        order: Order::C,
        kind: Kind::Plain,
        bytes: 9,
    };
    sink.begin(&head).unwrap();
    sink.write(b"abc").unwrap();
    let error = sink.end().unwrap_err();
    assert_eq!(error.to_string(), "array `a` gave 3 bytes where 9 were announced");
}

/// An archive whose members are given, not made from arrays.
fn forge(members: &[(&str, Vec<u8>)]) -> AlignedBytes {
    let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), Settings::default());
    for (name, bytes) in members {
        writer.begin(name, bytes.len() as u64).unwrap();
        writer.write(bytes).unwrap();
        writer.end().unwrap();
    }
    AlignedBytes::copy_from(writer.finish().unwrap().0.get_ref())
}

fn array(dtype: &DType, shape: &[usize], order: Order, data: &[u8]) -> Vec<u8> {
    [&npy::header(dtype, shape, order, 64)[..], data].concat()
}

#[test]
fn members_must_agree_with_the_directory() {
    let file = save(&[("a", DType::U16, &[2, 3], Order::C)]);
    let (members, _) = open(&file).unwrap();
    let rest = members.find("__serde_shm__.npy").unwrap();
    let rest = members.array(rest, u64::MAX, None).unwrap().bytes.to_vec();
    let rest = array(&DType::U8, &[rest.len()], Order::C, &rest);
    let read = |member: Option<Vec<u8>>| {
        let mut members = vec![("__serde_shm__.npy", rest.clone()), ("other", vec![1])];
        members.extend(member.map(|bytes| ("a.npy", bytes)));
        let file = forge(&members);
        let (members, rest) = open(&file).unwrap();
        let source = NpzSource::new(watched(&members), &rest).unwrap();
        source.array(0).map(|placed| placed.bytes.to_vec()).map_err(|error| error.to_string())
    };
    assert_eq!(
        read(Some(array(&DType::U16, &[2, 3], Order::C, b"0123456789ab"))).unwrap(),
        b"0123456789ab"
    );
    for (member, said) in [
        (None, "member `a.npy` is missing: expected <u2 [2, 3]"),
        (
            Some(array(&DType::I16, &[2, 3], Order::C, &[0; 12])),
            "expected <u2 [2, 3] in order C, as",
        ),
        (Some(array(&DType::U16, &[3, 2], Order::C, &[0; 12])), "found <u2 [3, 2] in order C"),
        (Some(array(&DType::U16, &[2, 3], Order::F, &[0; 12])), "found <u2 [2, 3] in order F"),
        (
            Some(array(&DType::U16, &[2, 3], Order::C, &[0; 11])),
            "member `a.npy`: expected 12 bytes",
        ),
        (Some(b"text".to_vec()), "member `a.npy`: wrong magic"),
    ] {
        let error = read(member).unwrap_err();
        // On a machine of the other byte order the header names that order.
        let error = error.replace('>', "<");
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn an_archive_without_the_rest_is_not_ours() {
    let refused = |file: &AlignedBytes| {
        let error = open(file).err().unwrap();
        (error.kind(), error.to_string())
    };
    let foreign = forge(&[("a.npy", array(&DType::U8, &[], Order::C, &[1]))]);
    let mut members = Members::open(memory(&foreign), u64::MAX).unwrap();
    assert!(Rest::find(&mut members).unwrap().is_none());
    let name = "__serde_shm__.npy";
    for (bytes, said) in [
        (array(&DType::I8, &[1], Order::C, &[1]), "expected |u1 with one axis, found |i1"),
        (array(&DType::U8, &[1, 1], Order::C, &[1]), "found |u1 with shape [1, 1]"),
        (array(&DType::U8, &[1], Order::C, &[1]), "wrong magic"),
        (array(&DType::U8, &[0], Order::C, &[]), "wrong magic"),
    ] {
        let (kind, text) = refused(&forge(&[(name, bytes)]));
        assert_eq!(kind, ErrorKind::Corrupt);
        assert!(text.contains(said), "{text}");
    }
}
