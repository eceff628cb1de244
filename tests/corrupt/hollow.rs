//! Rows and elements without bytes: nothing but a claim says how many there are, so nobody may walk them all.
//!
//! A file of 130 bytes hung or aborted whoever read, skipped or printed it.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::{Duration, Instant};

use ndarray::ArrayD;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_shm::{Deserialize, DynArray, ErrorKind, Npz, Result, ShmArrayD, from_bytes, to_bytes};

use crate::corrupt::model::Anything;
use crate::support::memory::peak;

/// A `.npy` file.
fn npy(descriptor: &str, order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': {descriptor}, 'fortran_order': {order}, 'shape': {shape}, }}\n");
    let len = u16::try_from(text.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], text.as_bytes(), data].concat()
}

/// The files, and whether a walk over all they claim is to be refused.
fn files() -> Vec<(Vec<u8>, bool)> {
    let nested = |depth: usize, each: &str, inner: &str| {
        (0..depth).fold(inner.to_owned(), |inner, _| format!("[('x', {inner}, ({each},))]"))
    };
    let many_fields: Vec<String> = (0..2000).map(|n| format!("('f{n}', '|S0')")).collect();
    let mut files = vec![
        (npy("[('x', '<f4', (1099511627776, 0))]", "False", "(1,)", &[]), true),
        (npy("[('y', '|u1'), ('x', '<f4', (1099511627776, 0))]", "False", "(1,)", &[1]), true),
        (npy("[('y', '|u1'), ('x', '<f4', (3, 1099511627776, 0))]", "False", "(1,)", &[1]), true),
        (npy("[('x', '<f4', (0, 1099511627776))]", "False", "(1,)", &[]), false),
        (npy("[('y', '|u1'), ('x', '|S0', (1048576,))]", "False", "(1000,)", &[0; 1000]), true),
        (
            npy(
                &format!("[('y', '|u1'), {}]", many_fields.join(", ")),
                "False",
                "(1500,)",
                &[0; 1500],
            ),
            true,
        ),
    ];
    for (depth, each) in [(3, "1024"), (6, "1024"), (30, "4"), (1, "4611686018427387904")] {
        files.push((npy(&nested(depth, each, "'|S0'"), "False", "(1,)", &[]), true));
        files.push((npy(&nested(depth, each, "[]"), "False", "()", &[]), true));
        files.push((npy(&nested(depth, each, "'<U0'"), "True", "(1, 1)", &[]), true));
    }
    for descriptor in ["'|S0'", "'<U0'", "'|V0'", "[]", "[('a', '|S0')]", "[('a', '<f8', (0,))]"] {
        for shape in ["(1099511627776,)", "(4611686018427387904,)", "(1048576, 1048576)"] {
            files.push((npy(descriptor, "False", shape, &[]), true));
            files.push((npy(descriptor, "True", shape, &[]), true));
        }
    }
    for descriptor in ["'<f4'", "'>f4'", "'|b1'", "'|S3'", "'<M8[s]'", "[('a', '<f4')]"] {
        for order in ["False", "True"] {
            files.push((npy(descriptor, order, "(1099511627776, 0)", &[]), true));
            files.push((npy(descriptor, order, "(3, 1099511627776, 0)", &[]), true));
            files.push((npy(descriptor, order, "(0, 1099511627776)", &[]), false));
            files.push((npy(descriptor, order, "(0, 1099511627776, 0)", &[]), false));
        }
    }
    files
}

/// What a call gives; it may take neither long nor more than some times the rows that are allowed.
#[track_caller]
fn held<R>(what: &str, call: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let (result, peak) = peak(call);
    assert!(started.elapsed() < Duration::from_secs(20), "{what}: {:?}", started.elapsed());
    assert!(peak < 128 << 20, "{what}: {peak} bytes");
    result
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Nested {
    x: Vec<Vec<f32>>,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Other {
    #[serde(default)]
    z: u8,
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
#[allow(dead_code)]
enum Buffered {
    Items(Vec<Buffered>),
    Map(BTreeMap<String, Buffered>),
    Number(f64),
    Text(String),
}

/// An array, by whatever container it is asked for.
trait Ask {
    fn ask<T: DeserializeOwned>(&self) -> Result<T>;
}

impl Ask for Npz {
    fn ask<T: DeserializeOwned>(&self) -> Result<T> {
        self.get()
    }
}

impl Ask for serde_shm::AlignedBytes {
    fn ask<T: DeserializeOwned>(&self) -> Result<T> {
        from_bytes(self)
    }
}

/// Reads as everything; gives how many of those that walk it all were refused for the rows.
fn read(what: &str, from: &impl Ask) -> usize {
    let walk = |error: Option<serde_shm::Error>| {
        usize::from(error.is_some_and(|error| error.kind() == ErrorKind::Limit))
    };
    held(what, || from.ask::<IgnoredAny>().unwrap());
    let _ = held(what, || from.ask::<Vec<Other>>());
    let _ = held(what, || from.ask::<Vec<Nested>>());
    let _ = held(what, || from.ask::<Vec<()>>());
    let _ = held(what, || from.ask::<Vec<Option<()>>>());
    let _ = held(what, || from.ask::<Vec<String>>());
    let _ = held(what, || from.ask::<Vec<Vec<f32>>>());
    let _ = held(what, || from.ask::<Vec<Vec<Vec<IgnoredAny>>>>());
    let _ = held(what, || from.ask::<Vec<BTreeMap<String, IgnoredAny>>>());
    let _ = held(what, || from.ask::<[IgnoredAny; 2]>());
    let _ = held(what, || from.ask::<Buffered>());
    let _ = held(what, || from.ask::<ArrayD<f32>>().map(|array| format!("{array:?}")));
    let _ = held(what, || from.ask::<ShmArrayD<f32>>().map(|array| format!("{array:?}")));
    let dynamic = held(what, || from.ask::<DynArray>());
    if let Ok(array) = &dynamic {
        held(what, || print(array));
        let block = held(what, || to_bytes(array)).unwrap();
        assert!(from_bytes::<DynArray>(&block).unwrap() == *array, "{what}");
    }
    walk(held(what, || from.ask::<Anything>()).err())
        + walk(held(what, || from.ask::<serde_json::Value>()).err())
}

/// Whatever a program does with an array that it does not know.
fn print(array: &DynArray) {
    let text = format!("{array:?} {:?} {:?}", array.to_dtype(), array.shape());
    assert!(text.len() < 200_000, "{} bytes of text", text.len());
    assert!(array.clone() == *array);
    let _ = serde_json::to_string(array);
    let _ = serde_json::to_value(array);
    if let DynArray::Raw(raw) = array {
        for field in raw.dtype().fields().iter().take(9) {
            if let Some(Ok(field)) = raw.field(field.name()) {
                let _ = (format!("{field:?}"), serde_json::to_string(&field));
            }
        }
    }
}

#[test]
fn no_reader_walks_what_is_not_there() {
    for (number, (file, too_many)) in files().into_iter().enumerate() {
        let what =
            format!("file {number}: {}", String::from_utf8_lossy(&file[10..file.len().min(150)]));
        let npz = Npz::from_bytes(file).unwrap();
        let arrays = held(&what, || npz.arrays().unwrap());
        assert_eq!(arrays.len(), 1, "{what}");
        assert!(format!("{arrays:?}").contains("shape"));
        let refused = read(&what, &npz);
        assert_eq!(refused == 2, too_many, "{what}: {refused}");
        // The same in a block, and in a struct that wants something else of it.
        if let Ok(array) = npz.array_dyn(arrays[0].path()) {
            read(&what, &to_bytes(&array).unwrap());
            let block = to_bytes(&BTreeMap::from([("array", array)])).unwrap();
            held(&what, || from_bytes::<Other>(&block).unwrap());
            held(&what, || from_bytes::<IgnoredAny>(&block).unwrap());
        }
    }
}

/// A program that wants another field reads such a file, as NumPy does.
#[test]
fn what_is_not_asked_for_is_passed_over() {
    let file = npy("[('z', '|u1'), ('x', '<f4', (1073741824, 0))]", "False", "(2,)", &[7, 8]);
    let npz = Npz::from_bytes(file).unwrap();
    let rows: Vec<Other> = held("other", || npz.get()).unwrap();
    assert_eq!([rows[0].z, rows[1].z], [7, 8]);
    let rows: Vec<(u8, IgnoredAny)> = held("tuple", || npz.get()).unwrap();
    assert_eq!(rows[1].0, 8);
    let error = held("nested", || npz.get::<Vec<Nested>>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    let said = "[0].x: 1073741824 rows or elements without bytes: expected at most 65536";
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn rows_without_columns_are_read_up_to_the_limit() {
    let read = |rows: usize| {
        let file = npy("'<f4'", "False", &format!("({rows}, 0)"), &[]);
        held("rows", || Npz::from_bytes(file).unwrap().get::<Vec<Vec<f32>>>().map(|v| v.len()))
    };
    assert_eq!(read(1000).unwrap(), 1000);
    assert_eq!(read(1 << 16).unwrap(), 1 << 16);
    assert_eq!(read((1 << 16) + 1).unwrap_err().kind(), ErrorKind::Limit);
    // What is there pays for more: a thousand empty fields beside a thousand bytes each.
    let fields = "[('y', '|u1', (1000,)), ('x', '|S0', (1000,))]";
    let file = npy(fields, "False", "(200,)", &vec![0; 200_000]);
    assert!(held("paid", || Npz::from_bytes(file).unwrap().get::<Anything>()).is_ok());
}

/// A long name of a field, beside elements of a byte, is not copied for each without end.
#[test]
fn names_of_fields_are_counted() {
    let name = "n".repeat(50_000);
    let file = npy(&format!("[('{name}', '|u1')]"), "False", "(100000,)", &vec![0; 100_000]);
    let npz = Npz::from_bytes(file).unwrap();
    let error = held("names", || npz.get::<Vec<BTreeMap<String, u8>>>()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(error.to_string().contains("the names of fields and variants"), "{error}");
}
