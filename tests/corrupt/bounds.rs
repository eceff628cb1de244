//! Small blocks that ask for much: what they give is bounded by what they are.

use std::collections::BTreeMap;

use ndarray::Array1;
use serde_shm::{AlignedBytes, Deserialize, from_bytes};

use crate::corrupt::forge::{Record, Shape, TUPLE, block, inline, tables, tag, varint};
use crate::corrupt::model::{Anything, bounded};
use crate::support::forever::forever;

#[track_caller]
fn is_bounded<T: serde::de::DeserializeOwned>(block: &AlignedBytes) {
    bounded(block.len(), || drop(from_bytes::<T>(block)));
}

#[test]
fn rows_of_nothing() {
    for rows in [1 << 30, 1 << 62] {
        let record = Record::new("rows", 10, &[rows, 0], 0);
        let block = block(&[0; 8], &[tag::ARRAY, 0], &[0, 0], &[record]);
        is_bounded::<Vec<Vec<f32>>>(&block);
    }
}

#[test]
fn one_array_many_times() {
    let record = Record::new("a", 10, &[25_000], 100_000);
    let mut inline = vec![tag::SEQ];
    inline.extend(varint(10_000 << 1));
    inline.push(tag::ARRAY);
    inline.resize(inline.len() + 10_000, 0);
    let block = block(&vec![0; 100_000], &inline, &[0, 0], &[record]);
    is_bounded::<Vec<Array1<f32>>>(&block);
}

#[test]
fn many_arrays_of_the_same_bytes() {
    let records = vec![Record::new("", 10, &[25_000], 100_000); 3000];
    let mut inline = vec![tag::SEQ];
    inline.extend(varint(3000 << 1));
    inline.push(tag::ARRAY);
    (0..3000).for_each(|number| inline.extend(varint(number)));
    let block = block(&vec![0; 100_000], &inline, &[0, 0], &records);
    is_bounded::<Vec<Array1<f32>>>(&block);
}

fn long_name(len: usize) -> &'static str {
    forever("x".repeat(len).into_boxed_str())
}

#[test]
fn one_name_many_times() {
    let shape =
        Shape { kind: 2, name: "E", variant: long_name(100_000), fields: vec![], tags: vec![] };
    let mut inline = vec![tag::SEQ];
    inline.extend(varint(10_000 << 1));
    inline.push(tag::RECORD);
    inline.resize(inline.len() + 10_000, 0);
    is_bounded::<Vec<String>>(&block(&[], &inline, &tables(&[shape]), &[]));
    let shape = Shape::record("S", &[(long_name(100_000), tag::U8)]);
    inline.resize(inline.len() + 10_000, 0);
    is_bounded::<Vec<BTreeMap<String, u8>>>(&block(&[], &inline, &tables(&[shape]), &[]));
}

#[test]
fn a_long_name_at_every_level_of_a_path() {
    let shape = Shape::record("S", &[(long_name(1 << 20), tag::RECORD)]);
    is_bounded::<Anything>(&block(
        &[],
        &[&[tag::RECORD][..], &[0; 300]].concat(),
        &tables(&[shape]),
        &[],
    ));
}

#[test]
fn many_shapes_and_layouts() {
    const MANY: usize = 200_000;
    let mut tables = varint(MANY as u64);
    tables.extend([TUPLE, 0].repeat(MANY));
    tables.extend(varint(MANY as u64));
    tables.extend([0, 0].repeat(MANY));
    is_bounded::<Anything>(&block(&[], &[tag::U8, 1], &tables, &[]));
    // One shape of many names, one layout of it after the other.
    let mut tables = vec![1, 0, 0];
    tables.extend(varint(MANY as u64));
    tables.extend(vec![0; MANY]);
    tables.push(1);
    tables.extend([0, 0]);
    tables.extend(vec![tag::U8; MANY]);
    let inline: Vec<u8> = [&[tag::RECORD, 0][..], &vec![1; MANY]].concat();
    is_bounded::<Anything>(&block(&[], &inline, &tables, &[]));
}

#[test]
fn items_of_a_byte_each() {
    const MANY: usize = 300_000;
    let run = |kind: u8, slots: &[u8], items: Vec<u8>| {
        inline(&[&[kind], &varint((MANY as u64) << 1)[..], slots, &items].concat())
    };
    is_bounded::<Vec<String>>(&run(tag::SEQ, &[tag::STR], vec![0; MANY]));
    is_bounded::<Vec<Vec<u8>>>(&run(tag::SEQ, &[tag::SEQ], vec![0; MANY]));
    is_bounded::<Vec<()>>(&run(tag::SEQ, &[tag::ANY], vec![tag::UNIT; MANY]));
    is_bounded::<Anything>(&run(tag::MAP, &[tag::STR, tag::SEQ], vec![0; 2 * MANY]));
    is_bounded::<serde_json::Value>(&run(tag::SEQ, &[tag::STR], vec![0; MANY]));
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Endless(Option<Box<Endless>>);

#[test]
fn a_type_that_holds_itself_in_an_option() {
    assert!(from_bytes::<Endless>(&inline(&[tag::U8, 1])).is_err());
}
