//! Directories whose series lie: about their columns, their numbers, their places.

use std::collections::BTreeMap;

use ndarray::{Array1, ArrayView1, Ix1};
use serde_shm::{
    AlignedBytes, Block, Deserialize, ErrorKind, Result, Serialize, ShmArray1, Value, from_bytes,
    to_bytes,
};

use crate::corrupt::forge::{Parts, RECORD, seal};

/// Arrays that count up, that have names, whose shapes differ, that take turns, and one by itself.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Many {
    list: Vec<Array1<f64>>,
    ragged: Vec<Array1<u16>>,
    map: BTreeMap<String, Array1<f32>>,
    rows: Vec<Row>,
    one: Array1<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Row {
    a: Array1<f32>,
    b: ShmArray1<i64>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Views<'a> {
    #[serde(borrow)]
    list: Vec<ArrayView1<'a, f64>>,
    #[serde(borrow)]
    map: BTreeMap<&'a str, ArrayView1<'a, f32>>,
}

fn many() -> Many {
    let row = |at: u8| Row { a: Array1::from_elem(3, at.into()), b: vec![at.into(); 2].into() };
    Many {
        list: (0..20).map(|at| Array1::from_elem(2, f64::from(at))).collect(),
        ragged: (0..20).map(|at| Array1::from_elem(at % 7, at as u16)).collect(),
        map: (0..4).map(|at| (format!("key {at}"), Array1::from_elem(1, at as f32))).collect(),
        rows: (0..4).map(row).collect(),
        one: Array1::from_vec(vec![7]),
    }
}

/// The first error of all ways to read it.
fn read_all(bytes: &[u8]) -> Result<Many> {
    let bytes = AlignedBytes::copy_from(bytes);
    let block = Block::new(bytes.clone())?;
    let infos = block.arrays()?;
    for info in &infos {
        block.array_untyped(info.path())?;
    }
    for path in ["list.3", "ragged.9", "map.key 2", "rows.1.b", "one"] {
        block.array_untyped(path)?;
    }
    block.array::<f64, Ix1>("list.19")?;
    let value: Value = block.get()?;
    let again = to_bytes(&value)?;
    from_bytes::<Many>(&again)?;
    block.get::<Views<'_>>()?;
    from_bytes(&bytes)
}

/// What is refused says so, and what is read is an object of as many arrays.
#[test]
fn every_altered_byte_of_a_directory_is_survived() {
    let good = to_bytes(&many()).unwrap().to_vec();
    assert_eq!(read_all(&good).unwrap(), many());
    let parts = Parts::of(&good);
    let (mut read, mut refused) = (0, 0);
    for at in parts.directory.clone() {
        let byte = good[at];
        for other in [0, 1, 2, 3, 8, 0x10, 0x33, 0x7f, 0x80, 0xff, byte ^ 1, byte.wrapping_add(1)] {
            let mut bad = good.clone();
            bad[at] = other;
            seal(&mut bad);
            match read_all(&bad) {
                Ok(many) => {
                    assert_eq!(many.list.len(), 20);
                    read += 1;
                }
                Err(error) => {
                    let kinds = [
                        ErrorKind::Corrupt,
                        ErrorKind::Mismatch,
                        ErrorKind::NotFound,
                        ErrorKind::Unsupported,
                        ErrorKind::Limit,
                        // A view of elements in the other byte order.
                        ErrorKind::Message,
                    ];
                    assert!(kinds.contains(&error.kind()), "{at}: {error:?}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 100 && refused > 1000, "{read} were read and {refused} refused");
}

/// One series of so many items, each of which is said to be at `pitch` from the one before.
fn forged(count: u32, pitch: u64, inline: usize) -> Vec<u8> {
    let good =
        to_bytes(&(0..20).map(|at| Array1::from_elem(64, f64::from(at))).collect::<Vec<_>>())
            .unwrap()
            .to_vec();
    let parts = Parts::of(&good);
    let record = parts.record();
    assert_eq!(parts.directory.len(), 8 + RECORD + 1 + 8, "one axis in a byte, and a number");
    let mut bad = good.clone();
    bad[record + 8..record + 16].copy_from_slice(&pitch.to_le_bytes());
    bad[record + 20..record + 24].copy_from_slice(&count.to_le_bytes());
    let trailer = parts.trailer;
    bad[trailer + 40..trailer + 48].copy_from_slice(&u64::from(count).to_le_bytes());
    // A longer inline block, of which the first bytes are the object.
    bad.splice(parts.inline.end..parts.inline.end, vec![0; inline]);
    let trailer = trailer + inline;
    let put = |bad: &mut Vec<u8>, at: usize, number: usize| {
        bad[trailer + at..trailer + at + 8].copy_from_slice(&(number as u64).to_le_bytes());
    };
    let len = bad.len();
    put(&mut bad, 0, len);
    put(&mut bad, 16, parts.inline.len() + inline);
    seal(&mut bad);
    bad
}

#[test]
fn a_directory_claims_no_more_arrays_than_the_inline_block_has_bytes() {
    let bytes = |bad: &[u8]| AlignedBytes::copy_from(bad);
    // As it is written, with and without more behind the object.
    assert!(Block::new(bytes(&forged(20, 512, 0))).unwrap().arrays().is_ok());
    for count in [1 << 20, u32::MAX] {
        let error = Block::new(bytes(&forged(count, 0, 0))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("cannot refer to"), "{error}");
    }
    let block = Block::new(bytes(&forged(1 << 16, 0, 1 << 16))).unwrap();
    assert_eq!(block.arrays().unwrap().len(), 1 << 16);
}

#[test]
fn items_that_lie_outside_are_refused_one_by_one() {
    for pitch in [513, 516, 1 << 40, u64::MAX, u64::MAX / 19] {
        let bad = AlignedBytes::copy_from(&forged(20, pitch, 0));
        let error = from_bytes::<Vec<Array1<f64>>>(&bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let words = ["outside", "alignment", "64 bits"];
        assert!(words.iter().any(|word| error.to_string().contains(word)), "{error}");
        // The first is where it was.
        let block = Block::new(bad).unwrap();
        assert_eq!(block.array::<f64, Ix1>("0").unwrap()[0], 0.0);
    }
}
