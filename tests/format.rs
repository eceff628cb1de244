//! The bytes of docs/FORMAT.md: every vector of the document is what this build writes, and is read back.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write};
use std::rc::Rc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_shm::ser::NamedNewtypes;
use serde_shm::{AlignedBytes, from_bytes, to_bytes};

use crate::support::Routed;

const DOCUMENT: &str = include_str!("../docs/FORMAT.md");

/// The vector of this name: lines up to the closing fence.
fn body(name: &str) -> &'static str {
    let fence = format!("```vector {name}\n");
    let start = DOCUMENT.find(&fence).unwrap_or_else(|| panic!("no vector `{name}`")) + fence.len();
    &DOCUMENT[start..start + DOCUMENT[start..].find("```").unwrap()]
}

/// The bytes of lines: hexadecimal words, comments after `;`.
fn bytes(lines: &str) -> Vec<u8> {
    let words = lines.lines().flat_map(|line| line.split(';').next().unwrap().split_whitespace());
    words.map(|word| u8::from_str_radix(word, 16).unwrap()).collect()
}

fn vector(name: &str) -> Vec<u8> {
    bytes(body(name))
}

/// How many bytes of the vector stand before the line that says that the tables follow.
fn border(name: &str) -> usize {
    let body = body(name);
    let end = body.find("\n; tables\n").unwrap_or_else(|| panic!("`{name}` shows no tables"));
    bytes(&body[..end]).len()
}

fn u64_at(bytes: &[u8], at: usize) -> usize {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize
}

/// The inline block and the tables behind it, and the length of the former.
fn inline_and_tables(block: &[u8]) -> (&[u8], usize) {
    let trailer = block.len() - 64;
    let start = u64_at(block, trailer + 8);
    let inline = u64_at(block, trailer + 16);
    (&block[start..start + inline + u64_at(block, trailer + 24)], inline)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, byte) in bytes.iter().enumerate() {
        write!(text, "{byte:02x}{}", if at % 16 == 15 { "\n" } else { " " }).unwrap();
    }
    text
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    check_as(name, value, value);
}

#[track_caller]
fn check_as<T: DeserializeOwned + PartialEq + Debug>(
    name: &str,
    value: &T,
    written: &impl Serialize,
) {
    let block = to_bytes(written).unwrap();
    let (found, inline) = inline_and_tables(&block);
    assert!(vector(name) == found, "`{name}` is written as\n{}", hex(found));
    assert_eq!(border(name), inline, "the inline block of `{name}`");
    assert_eq!(&from_bytes::<T>(&block).unwrap(), value);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Row {
    id: u64,
    label: String,
    score: f32,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Celsius(f32);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Meters(u32);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Reading {
    at: Celsius,
    up: Option<Meters>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Sparse {
    a: u8,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    b: Option<u16>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Shape {
    Point,
    Circle(f64),
    Rectangle { w: u8, h: u8 },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Model {
    name: String,
    weights: Routed<Vec<f32>>,
}

fn row(id: u64, label: &str, score: f32) -> Row {
    Row { id, label: label.to_owned(), score }
}

fn model() -> Model {
    Model { name: "m".into(), weights: Routed(vec![1.0, -2.0, 0.5]) }
}

#[test]
fn scalars() {
    check("u8", &7_u8);
    check("u32", &300_u32);
    check("i32", &-300_i32);
    check("u64-large", &0xfedc_ba98_7654_3210_u64);
    check("f64", &1.5_f64);
    check("char", &'é');
    check("text", &"héllo".to_owned());
    check("address", &std::net::Ipv4Addr::LOCALHOST);
    check("unit", &());
    check("none", &None::<u8>);
    check("some-some", &Some(Some(true)));
}

/// What a newtype struct holds is written under its name where that is asked for, and read alike.
#[test]
fn names() {
    check_named("named", &Celsius(21.5));
    check_named("named-items", &vec![Meters(5), Meters(300)]);
    check_named("named-field", &Reading { at: Celsius(21.5), up: Some(Meters(5)) });
}

#[track_caller]
fn check_named<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let plain = to_bytes(value).unwrap();
    assert!(!plain.windows(7).any(|bytes| bytes == b"Celsius" || &bytes[..6] == b"Meters"));
    check_as(name, value, &NamedNewtypes(value));
}

#[test]
fn runs() {
    check("run", &vec![1_u32, 2, 300]);
    check("empty", &Vec::<u32>::new());
    check("units", &vec![(), ()]);
    let mixed: serde_json::Value = serde_json::from_str(r#"[1, 2, "x"]"#).unwrap();
    check("split-run", &mixed);
    check("map", &BTreeMap::from([("a".to_owned(), 1_u8), ("b".to_owned(), 2)]));
}

#[test]
fn records() {
    check("struct", &row(1, "a", 0.5));
    check("structs", &vec![row(1, "a", 0.5), row(300, "b", 1.0)]);
    check("tuple", &(1_u8, "a".to_owned()));
    check("sparse", &vec![Sparse { a: 1, b: Some(2) }, Sparse { a: 3, b: None }]);
    check("enum", &vec![Shape::Point, Shape::Circle(1.0), Shape::Rectangle { w: 1, h: 2 }]);
}

#[test]
fn a_whole_block_with_an_array() {
    let block = to_bytes(&model()).unwrap();
    let expected = vector("block");
    assert!(expected == *block, "`block` is written as\n{}", hex(&block));
    let read: Model = from_bytes(&AlignedBytes::copy_from(&expected)).unwrap();
    assert_eq!(read, model());
}

/// The directory.
fn directory(block: &[u8]) -> &[u8] {
    let trailer = block.len() - 64;
    &block[trailer - u64_at(block, trailer + 32)..trailer]
}

/// Arrays that are alike share a record; those of structs in a list take turns.
#[test]
fn directories_of_arrays_that_are_alike() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Pair {
        x: Routed<Vec<f64>>,
        y: Routed<Vec<f64>>,
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Row {
        w: Routed<Vec<f64>>,
        n: Routed<Vec<u8>>,
    }
    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
        let block = to_bytes(value).unwrap();
        let found = directory(&block);
        assert!(vector(name) == found, "`{name}` is written as\n{}", hex(found));
        assert_eq!(&from_bytes::<T>(&block).unwrap(), value);
    }
    let pair = Pair { x: Routed(vec![1.0]), y: Routed(vec![2.0, 3.0]) };
    check("directory", &("a".to_owned(), pair));
    let row = |w: [f64; 2], n| Row { w: Routed(w.into()), n: Routed(vec![n]) };
    check("directory-set", &vec![row([1.0, 2.0], 1), row([3.0, 4.0], 2)]);
}

#[test]
fn a_buffer_that_stands_there_twice() {
    let shared: Rc<[f32]> = [1.0, 2.0].into();
    let block = to_bytes(&[Routed(Rc::clone(&shared)), Routed(shared)].as_slice()).unwrap();
    let expected = vector("shared");
    assert!(expected == *block, "`shared` is written as\n{}", hex(&block));
    let read: Vec<Routed<Vec<f32>>> = from_bytes(&AlignedBytes::copy_from(&expected)).unwrap();
    assert_eq!(read, [Routed(vec![1.0, 2.0]), Routed(vec![1.0, 2.0])]);
}

#[cfg(all(feature = "derive", feature = "ndarray"))]
mod dtypes {
    use super::{hex, vector};
    use serde_shm::element::{Datetime64, Nanoseconds};
    use serde_shm::{AlignedBytes, Deserialize, Element, Serialize, from_bytes, to_bytes};

    #[derive(Clone, Copy, Element, PartialEq, Debug)]
    #[repr(C)]
    struct Point {
        x: f32,
        ok: bool,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Track {
        #[shm_array]
        points: Vec<Point>,
        #[shm_array]
        times: Vec<Datetime64<Nanoseconds>>,
    }

    fn track() -> Track {
        Track {
            points: vec![Point { x: 1.0, ok: true }],
            times: vec![Datetime64::new(5), Datetime64::new(-1)],
        }
    }

    #[test]
    fn a_block_with_described_dtypes() {
        let block = to_bytes(&track()).unwrap();
        let expected = vector("block2");
        assert!(expected == *block, "`block2` is written as\n{}", hex(&block));
        let read: Track = from_bytes(&AlignedBytes::copy_from(&expected)).unwrap();
        assert_eq!(read, track());
    }

    #[test]
    fn their_golden_file_is_read() {
        let older = include_bytes!("data/version2-dtypes.block");
        let golden = include_bytes!("data/version3-dtypes.block");
        for golden in [older, &golden[..]] {
            assert_eq!(from_bytes::<Track>(&AlignedBytes::copy_from(golden)).unwrap(), track());
        }
        assert_eq!(&golden[..], &*to_bytes(&track()).unwrap(), "it is what is written now");
    }
}

#[test]
fn golden_files_of_every_version_are_read() {
    let golden: [&[u8]; 3] = [
        include_bytes!("data/version1.block"),
        include_bytes!("data/version2.block"),
        include_bytes!("data/version3.block"),
    ];
    for golden in golden {
        let read: Model = from_bytes(&AlignedBytes::copy_from(golden)).unwrap();
        assert_eq!(read, model());
    }
    assert_eq!(golden[2], &*to_bytes(&model()).unwrap(), "version 3 is what is written now");
}
