//! Names of values that are none, past the end, without end, or of an older version: an error, whoever reads.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_shm::value::Value;
use serde_shm::{AlignedBytes, Block, ErrorKind, from_bytes, to_bytes};

use crate::corrupt::forge::{Shape, block, inline, of_version, tables, tag, varint};
use crate::support::memory::peak;
use crate::value::named::{Host, Told};

fn kind_of<T: DeserializeOwned>(bytes: &[u8]) -> Option<ErrorKind> {
    from_bytes::<T>(bytes).err().map(|error| error.kind())
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Buffered {
    Number(u8),
    Text(String),
    Items(Vec<Buffered>),
    Map(BTreeMap<String, Buffered>),
    Unit,
}

/// Whoever reads it finds an error of this kind, with little memory.
#[track_caller]
fn is_refused(bytes: &[u8], kind: ErrorKind) {
    let whole = AlignedBytes::copy_from(bytes);
    let ((), most) = peak(|| {
        let block = Block::new(whole.clone()).unwrap();
        let error = block.value().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        let error = block.walk(&mut Told::default()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(kind_of::<Value>(&whole), Some(kind));
        assert_eq!(kind_of::<IgnoredAny>(&whole), Some(kind));
        assert_eq!(kind_of::<serde_json::Value>(&whole), Some(kind));
        assert!(from_bytes::<Buffered>(&whole).is_err());
        assert!(from_bytes::<u8>(&whole).is_err());
        assert!(from_bytes::<Option<String>>(&whole).is_err());
        assert!(from_bytes::<Vec<Option<u8>>>(&whole).is_err());
        assert!(from_bytes::<BTreeMap<String, u8>>(&whole).is_err());
        assert!(from_bytes::<Host>(&whole).is_err());
        let mut json = serde_json::Serializer::new(std::io::sink());
        serde_transcode::transcode(block.deserializer(), &mut json).unwrap_err();
    });
    assert!(most < (16 << 20) + 8 * bytes.len(), "{most} bytes for {}", bytes.len());
}

/// The same value in every place in which it can stand.
fn in_every_place(value: &[u8]) -> Vec<AlignedBytes> {
    let one = |before: &[u8], after: &[u8]| inline(&[before, value, after].concat());
    let many = [&[tag::SEQ][..], &varint(80), &[tag::ANY], &[tag::UNIT; 39], value].concat();
    let field = |slot| tables(&[Shape::record("S", &[("f", slot), ("g", tag::U8)])]);
    let mut blocks = vec![
        one(&[], &[]),
        one(&[tag::OPTION], &[]),
        one(&[tag::READABLE], &[]),
        one(&[tag::SEQ, 2, tag::ANY], &[]),
        one(&[tag::MAP, 2, tag::ANY, tag::U8], &[7]),
        one(&[tag::MAP, 2, tag::U8, tag::ANY, 7], &[]),
        inline(&many),
        block(&[], &[&[tag::RECORD, 0][..], value, &[7]].concat(), &field(tag::ANY), &[]),
    ];
    if value[0] == tag::NAMED {
        let payload = &value[1..];
        let run = [&[tag::SEQ, 2, tag::NAMED][..], payload].concat();
        blocks.push(inline(&run));
        let fields = [&[tag::RECORD, 0][..], payload, &[7]].concat();
        blocks.push(block(&[], &fields, &field(tag::NAMED), &[]));
    }
    blocks.iter().map(|block| of_version(block, 3)).collect()
}

#[test]
fn names_that_are_none_are_refused_wherever_they_stand() {
    let past = [&[tag::NAMED][..], &varint(u64::MAX), b"N", &[tag::U8, 7]].concat();
    let values: [&[u8]; 8] = [
        &[tag::NAMED, 0, tag::U8, 7],
        &[tag::NAMED, 2, 0xc3, 0x28, tag::U8, 7],
        &[tag::NAMED, 1, 0xff, tag::U8, 7],
        &[tag::NAMED, 100, b'N', tag::U8, 7],
        &past,
        &[tag::NAMED, 1, b'N', tag::ANY, tag::U8, 7],
        &[tag::NAMED, 1, b'N', tag::ABSENT],
        &[tag::NAMED, 1, b'N', 0x1f, 7],
    ];
    for value in values {
        for block in in_every_place(value) {
            is_refused(&block, ErrorKind::Corrupt);
        }
    }
    is_refused(&of_version(&inline(&[tag::NAMED]), 3), ErrorKind::Corrupt);
    is_refused(&of_version(&inline(&[tag::NAMED, 1, b'N']), 3), ErrorKind::Corrupt);
}

#[test]
fn versions_that_have_no_names_refuse_them() {
    let value = [tag::NAMED, 1, b'N', tag::U8, 7];
    for block in in_every_place(&value) {
        let block_of_3 = Block::new(block.clone()).unwrap();
        block_of_3.value().unwrap();
        for version in [1, 2] {
            let older = of_version(&block, version);
            is_refused(&older, ErrorKind::Corrupt);
        }
    }
    // So does version 1 the mark that came with version 2.
    let marked = inline(&[tag::READABLE, tag::U8, 7]);
    assert_eq!(from_bytes::<u8>(&marked).unwrap(), 7);
    is_refused(&of_version(&marked, 1), ErrorKind::Corrupt);
}

#[test]
fn names_that_nest_without_end() {
    for levels in [2049, 5000, 1_000_000] {
        let mut value = [tag::NAMED, 1, b'N'].repeat(levels);
        value.extend([tag::U8, 7]);
        for block in in_every_place(&value) {
            is_refused(&block, ErrorKind::Limit);
        }
        // With levels of others between them.
        for between in [&[tag::OPTION][..], &[tag::SEQ, 2, tag::ANY]] {
            let value = [&[tag::NAMED, 1, b'N'][..], between].concat().repeat(levels);
            let value = [&value[..], &[tag::U8, 7]].concat();
            is_refused(&of_version(&inline(&value), 3), ErrorKind::Limit);
        }
    }
    let near = if cfg!(feature = "deep") { 2000 } else { 200 };
    let mut value = [tag::NAMED, 1, b'N'].repeat(near);
    value.extend([tag::U8, 7]);
    for block in in_every_place(&value) {
        let tree = Block::new(block.clone()).unwrap().value().unwrap();
        let _: IgnoredAny = from_bytes(&block).unwrap();
        assert!(tree == tree.clone() && tree.to_string().len() < 10_000);
        let again = to_bytes(&tree).unwrap();
        assert!(from_bytes::<Value>(&again).unwrap() == tree);
    }
}

/// A name takes its bytes each time that it stands somewhere, so that what is made of many is bounded by what is there.
#[test]
fn long_names_again_and_again() {
    let name = "n".repeat(1 << 20);
    let item = [&varint(1 << 20)[..], name.as_bytes(), &[tag::U8, 7]].concat();
    for count in [20_u64, 64] {
        let run =
            [&[tag::SEQ][..], &varint(count << 1), &[tag::NAMED], &item.repeat(count as usize)];
        let bytes = of_version(&inline(&run.concat()), 3);
        let block = Block::new(bytes.clone()).unwrap();
        let (tree, most) = peak(|| block.value().unwrap());
        assert!(most < bytes.len() + (8 << 20), "{most} bytes for {}", bytes.len());
        assert_eq!(tree.as_slice().unwrap().len(), count as usize);
        assert!(tree.to_string().len() < 2000);
        let (read, most) = peak(|| from_bytes::<Vec<u8>>(&bytes).unwrap());
        assert_eq!((read, most < 1 << 20), (vec![7; count as usize], true));
    }
}
