//! Files that somebody forged: refused where the crate `safetensors` refuses them, and no harm where it does not.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use ndarray::{Array1, Array2, array};
use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_shm::value::Value;
use serde_shm::{Error, ErrorKind, Safetensors, to_safetensors};

use super::support::{WAYS, forged, opened};

const TWO: &str = r#""dtype":"U8","shape":[2]"#;

/// Opens the bytes in every way. All of them say the same.
fn open(bytes: &[u8]) -> Result<Safetensors, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    fs::write(&path, bytes).unwrap();
    let mut results = WAYS.map(|way| opened(way, &path));
    for result in &results[1..] {
        match (result, &results[0]) {
            (Ok(_), Ok(_)) => {}
            (Err(one), Err(other)) => assert_eq!(one.kind(), other.kind()),
            (one, other) => panic!("{one:?} and {other:?}"),
        }
    }
    std::mem::replace(&mut results[2], Err(Error::new(ErrorKind::Message, "")))
}

/// Goes through all that a file has.
fn use_all(file: &Safetensors) {
    let _ = (file.value(), file.others().count(), file.metadata().count());
    let _ = file.get::<BTreeMap<String, Array2<f32>>>();
    for info in file.arrays().unwrap_or_default() {
        let _ = (file.array_untyped(info.path()), file.array_dyn(info.path()));
    }
}

#[test]
fn headers_that_the_crate_refuses_are_refused() {
    let no = |header: String, data: &[u8]| forged(header, data);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("seven bytes", vec![0; 7]),
        ("an empty header", forged("", b"")),
        ("no JSON", forged("{", b"")),
        ("text behind the JSON", forged("{} {}", b"")),
        ("no map", forged("[]", b"")),
        ("bad UTF-8", forged(b"{\"\xff\":1}", b"")),
        ("bytes without tensors", forged("{}", b"a")),
        ("a header beyond the file", forged("{}", b"")[..9].to_vec()),
        ("a header of 200 MB", [&200_000_000_u64.to_le_bytes()[..], b"{}"].concat()),
        ("a header of 2^64 - 1", [&[0xff; 8][..], b"{}"].concat()),
        ("a zip archive", b"PK\x03\x04\x14\0\0\0\0\0".to_vec()),
        ("a hole before", no(format!(r#"{{"a":{{{TWO},"data_offsets":[1,3]}}}}"#), b"abc")),
        ("bytes behind", no(format!(r#"{{"a":{{{TWO},"data_offsets":[0,2]}}}}"#), b"abc")),
        ("too few bytes", no(format!(r#"{{"a":{{{TWO},"data_offsets":[0,2]}}}}"#), b"a")),
        ("a wrong length", no(format!(r#"{{"a":{{{TWO},"data_offsets":[0,3]}}}}"#), b"abc")),
        (
            "an end before the start",
            no(format!(r#"{{"a":{{{TWO},"data_offsets":[2,0]}}}}"#), b"ab"),
        ),
        ("no end", no(format!(r#"{{"a":{{{TWO},"data_offsets":[0]}}}}"#), b"ab")),
        ("a negative start", no(format!(r#"{{"a":{{{TWO},"data_offsets":[-2,0]}}}}"#), b"ab")),
        (
            "an overlap",
            no(
                format!(
                    r#"{{"a":{{{TWO},"data_offsets":[0,2]}},"b":{{{TWO},"data_offsets":[1,3]}}}}"#
                ),
                b"abc",
            ),
        ),
        (
            "one place twice",
            no(
                format!(
                    r#"{{"a":{{{TWO},"data_offsets":[0,2]}},"b":{{{TWO},"data_offsets":[0,2]}}}}"#
                ),
                b"ab",
            ),
        ),
        (
            "a hole between",
            no(
                format!(
                    r#"{{"a":{{{TWO},"data_offsets":[0,2]}},"b":{{{TWO},"data_offsets":[3,5]}}}}"#
                ),
                b"abcde",
            ),
        ),
        (
            "one name twice",
            no(
                format!(
                    r#"{{"a":{{{TWO},"data_offsets":[0,2]}},"a":{{{TWO},"data_offsets":[2,4]}}}}"#
                ),
                b"abcd",
            ),
        ),
        (
            "an unknown dtype",
            no(r#"{"a":{"dtype":"F128","shape":[],"data_offsets":[0,16]}}"#.into(), &[0; 16]),
        ),
        (
            "a shape that overflows",
            no(
                format!(
                    r#"{{"a":{{"dtype":"U8","shape":[{0},{0}],"data_offsets":[0,0]}}}}"#,
                    u64::MAX
                ),
                b"",
            ),
        ),
        (
            "half a byte",
            no(r#"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}"#.into(), b"a"),
        ),
        ("metadata of numbers", no(r#"{"__metadata__":{"a":1}}"#.into(), b"")),
        ("metadata twice", no(r#"{"__metadata__":{},"__metadata__":{}}"#.into(), b"")),
    ];
    for (what, bytes) in cases {
        assert!(SafeTensors::deserialize(&bytes).is_err(), "{what}");
        let error = open(&bytes).expect_err(what);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
    }
    let error = open(b"PK\x03\x04\x14\0\0\0\0\0").unwrap_err().to_string();
    assert!(error.contains("zip archive"), "{error}");
}

/// The crate adds up what the tensors claim without a look at the carry, so it is not asked.
#[test]
fn tensors_that_claim_all_there_is_are_refused() {
    const EIGHTH: u64 = (1 << 61) - 1;
    let tensors = (0..8).map(|place| {
        let (start, end) = (EIGHTH * place, EIGHTH * (place + 1));
        format!(r#""{place}":{{"dtype":"U8","shape":[{EIGHTH}],"data_offsets":[{start},{end}]}}"#)
    });
    let tensors: Vec<String> = tensors.collect();
    for rest in 0..8 {
        let (start, end) = (EIGHTH * 8, EIGHTH * 8 + rest);
        let last =
            format!(r#""8":{{"dtype":"U8","shape":[{rest}],"data_offsets":[{start},{end}]}}"#);
        let error = open(&forged(format!("{{{},{last}}}", tensors.join(",")), b"")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
}

/// What the crate takes, so that the cases before fail for the reason that they name.
#[test]
fn headers_that_the_crate_takes_are_taken() {
    let cases = [
        forged("{}", b""),
        forged(r#" {"__metadata__":{"a":"b"}} "#, b""),
        forged(format!(r#"{{"a":{{{TWO},"data_offsets":[0,2]}}}}"#), b"ab"),
        forged(
            format!(r#"{{"b":{{{TWO},"data_offsets":[2,4]}},"a":{{{TWO},"data_offsets":[0,2]}}}}"#),
            b"abcd",
        ),
        forged(r#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#, b"a"),
        // A shape that no array here can have is an error of its tensor alone.
        forged(
            format!(r#"{{"a":{{"dtype":"U8","shape":[0,{}],"data_offsets":[0,0]}}}}"#, u64::MAX),
            b"",
        ),
        forged(
            format!(
                r#"{{"a":{{"dtype":"U8","shape":{:?},"data_offsets":[0,2]}}}}"#,
                vec![1; 64].into_iter().chain([2]).collect::<Vec<_>>()
            ),
            b"ab",
        ),
    ];
    for (number, bytes) in cases.iter().enumerate() {
        SafeTensors::deserialize(bytes).unwrap();
        let file = open(bytes).unwrap();
        use_all(&file);
        assert_eq!(file.others().count(), usize::from(number >= 4), "{number}");
    }
}

fn own() -> Vec<u8> {
    static OWN: LazyLock<Vec<u8>> = LazyLock::new(saved);
    OWN.clone()
}

fn saved() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let object = BTreeMap::from([("a", array![[1.0_f32, 2.0]]), ("b", array![[3.0]])]);
    to_safetensors(&path, &object).unwrap();
    fs::read(path).unwrap()
}

fn theirs() -> Vec<u8> {
    let data = [0; 24];
    let tensor =
        |shape: &[usize], len| TensorView::new(Dtype::F32, shape.to_vec(), &data[..len]).unwrap();
    let tensors = [("a.0", tensor(&[2, 3], 24)), ("a.1", tensor(&[], 4)), ("b", tensor(&[0], 0))];
    safetensors::serialize(tensors, None).unwrap()
}

/// The header of a file as text, and what is behind it.
fn split(bytes: &[u8]) -> (String, &[u8]) {
    let (len, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*len) as usize);
    (String::from_utf8(header.to_vec()).unwrap(), data)
}

#[test]
fn metadata_that_lies_is_an_error() {
    let bytes = own();
    let (header, data) = split(&bytes);
    let get = |header: &str| {
        let bytes = forged(header, data);
        SafeTensors::deserialize(&bytes).unwrap();
        open(&bytes).and_then(|file| file.get::<BTreeMap<String, Array2<f32>>>())
    };
    assert_eq!(get(&header).unwrap()["b"], array![[3.0]]);
    let (_, rest) = header.split_once(r#""serde_shm":""#).unwrap();
    let (text, _) = rest.split_once('"').unwrap();
    let with = |other: &str| header.replace(text, other);
    let inner = serde_shm::to_bytes(&BTreeMap::from([("x", 1)])).unwrap();
    let block: String = {
        // A whole block of its own, as another tool may have put it there.
        const LETTERS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let bits: Vec<u8> =
            inner.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        let letters = bits.chunks(6).map(|six| {
            let value = (0..6)
                .fold(0, |all, bit| all << 1 | usize::from(six.get(bit).copied().unwrap_or(0)));
            char::from(LETTERS[value])
        });
        let letters: String = letters.collect();
        let padding = "=".repeat(letters.len().next_multiple_of(4) - letters.len());
        format!("{letters}{padding}")
    };
    let cases = [
        ("no text", with("")),
        ("no Base64", with("!!!!")),
        ("half a text", with(&text[..text.len() / 8 * 4])),
        ("another letter", with(&text.replacen('A', "B", 1))),
        ("a block of its own", with(&block)),
        (
            "another dtype",
            header.replace(r#""dtype":"F32","shape":[1,2]"#, r#""dtype":"I32","shape":[1,2]"#),
        ),
        ("another shape", header.replace(r#""shape":[1,2]"#, r#""shape":[2,1]"#)),
        ("another name", header.replace(r#""b":{"#, r#""c":{"#)),
    ];
    for (what, header) in cases {
        assert_ne!(header, split(&own()).0, "{what}");
        let error = get(&header).expect_err(what);
        let kinds = [ErrorKind::Corrupt, ErrorKind::Version];
        assert!(kinds.contains(&error.kind()), "{what}: {error}");
    }
    // What stands beside the object is no part of it.
    let more = header.replacen(r#""serde_shm":"#, r#""more":"text","serde_shm":"#, 1);
    assert_eq!(get(&more).unwrap().len(), 2);
}

#[test]
fn a_byte_that_is_no_bool_is_an_error() {
    let bytes = forged(r#"{"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}}"#, &[0, 1, 2]);
    let error = open(&bytes).unwrap().get::<BTreeMap<String, Array1<bool>>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

/// A file that is cut anywhere is refused, as it is by the crate.
#[test]
fn no_part_of_a_file_is_taken_for_one() {
    for bytes in [own(), theirs()] {
        for len in 0..bytes.len() {
            assert!(SafeTensors::deserialize(&bytes[..len]).is_err());
            assert!(Safetensors::from_bytes(&bytes[..len]).is_err(), "{len}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Altered bytes never panic, and what the crate refuses is refused. What it takes is taken, if there is no object to be checked.
    #[test]
    fn altered_files_are_refused_where_the_crate_refuses_them(
        is_own in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..4),
    ) {
        let mut bytes = if is_own { own() } else { theirs() };
        for (at, byte, way) in changes {
            let at = at.index(bytes.len());
            match way {
                0 => bytes[at] = byte,
                1 => bytes[at] ^= 1 << (byte % 8),
                2 => bytes[at] = b"0123456789[]{},:\" "[usize::from(byte) % 18],
                _ => { bytes.insert(at, byte); }
            }
        }
        let theirs = SafeTensors::deserialize(&bytes);
        match Safetensors::from_bytes(&bytes[..]) {
            Ok(file) => {
                prop_assert!(theirs.is_ok());
                use_all(&file);
            }
            Err(error) => {
                prop_assert_eq!(error.kind() == ErrorKind::Corrupt || error.kind() == ErrorKind::Version, true);
                prop_assert!(theirs.is_err() || is_own, "{}", error);
            }
        }
    }
}

#[test]
fn an_altered_element_is_another_element() {
    let mut bytes = own();
    let last = bytes.len() - 1;
    bytes[last] ^= 0x80;
    let object: BTreeMap<String, Value> = Safetensors::from_bytes(bytes).unwrap().get().unwrap();
    assert_eq!(object.len(), 2);
}
