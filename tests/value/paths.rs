//! The paths by which containers call their arrays, in values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_shm::value::Name;
use serde_shm::{Block, ShmArray1, Value, to_bytes};

use crate::value::any::paths_lead_to_arrays;

type Array = ShmArray1<u16>;

fn array(len: u16) -> Array {
    (0..len).collect::<Vec<_>>().into()
}

fn array_value(len: u16) -> Value {
    serde_shm::UntypedArray::from(array(len)).into()
}

#[track_caller]
fn check(object: &impl Serialize, expected: &[&str]) -> Value {
    let block = Block::new(to_bytes(object).unwrap()).unwrap();
    let infos = block.arrays().unwrap();
    assert_eq!(infos.iter().map(serde_shm::ArrayInfo::path).collect::<Vec<_>>(), expected);
    let mut value = block.value().unwrap();
    paths_lead_to_arrays(&value, &infos);
    // Each is put where its path leads, and is found there.
    for info in &infos {
        *value.get_mut(info.path()).unwrap() = Value::from(info.path());
    }
    for info in &infos {
        // What was the array at the root is none any more.
        let path = if value.as_str() == Some("arr_0") { "" } else { info.path() };
        assert_eq!(value.get(path).and_then(Value::as_str), Some(info.path()));
    }
    value
}

/// The name of a variant was taken for the way into it again, so that a field of the same name was not found.
#[test]
fn fields_that_are_called_as_their_variant() {
    #[derive(Serialize, Deserialize)]
    #[allow(non_camel_case_types)]
    enum Step {
        a {
            a: Array,
            b: Array,
        },
        #[serde(rename = "0")]
        Pair(Array, Array),
        n(Box<Step>),
    }
    let inner = Step::a { a: array(1), b: array(2) };
    check(&inner, &["a.a", "a.b"]);
    check(&Step::Pair(array(1), array(2)), &["0.0", "0.1"]);
    let nested = Step::n(Box::new(Step::n(Box::new(inner))));
    let value = check(&nested, &["n.n.a.a", "n.n.a.b"]);
    // Without the names of the variants, as far as they are not those of fields.
    assert_eq!(value.get("0.0.b").and_then(Value::as_str), Some("n.n.a.b"));
}

/// An array behind a key without a text has the entry's number in its path, which was looked for as a text.
#[test]
fn entries_whose_keys_are_no_text() {
    let pairs = BTreeMap::from([((1_u8, 2_u8), array(1)), ((3, 4), array(2))]);
    check(&pairs, &["#0", "#1"]);
    check(&BTreeMap::from([(None, array(1)), (Some("a"), array(2))]), &["#0", "#1"]);
    check(&BTreeMap::from([(vec![1_u8], (array(1), array(2)))]), &["#0.0", "#0.1"]);
    #[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Key {
        A,
        B,
    }
    check(&BTreeMap::from([(Key::A, array(1)), (Key::B, array(2))]), &["#0", "#1"]);
    let address = std::net::IpAddr::from([127, 0, 0, 1]);
    check(&BTreeMap::from([(address, array(1))]), &["127%2E0%2E0%2E1"]);
    // A float has dots in it, but for one that is in a form for people.
    let float = |key: Value| Value::from(serde_shm::value::Map::from(vec![(key, array_value(1))]));
    check(&float(Value::from(1.5_f32)), &["#0"]);
    check(&float(Value::Readable(Box::new(Value::from(1.5_f32)))), &["1%2E5"]);
    // A name says nothing of a key, whatever it stands around.
    let under = |key: Value| Value::Named(Name::new("Key").unwrap(), Box::new(key));
    check(&float(under("a.b".into())), &["a%2Eb"]);
    check(&float(under(under(7_u8.into()))), &["7"]);
    check(&float(under(1.5_f32.into())), &["#0"]);
    check(&float(under(Value::Readable(Box::new(under(1.5_f32.into()))))), &["1%2E5"]);
    check(&float(under(Value::Tuple([1_u8.into()].into()))), &["#0"]);
    // What looks like such a number is a text.
    check(&BTreeMap::from([("#0", array(1)), ("#1", array(2))]), &["%230", "%231"]);
    let block = Block::new(to_bytes(&BTreeMap::from([("#1", 7_u8)])).unwrap()).unwrap();
    assert_eq!(block.value().unwrap().get("#1").and_then(Value::as_u64), Some(7));
}

#[test]
fn keys_of_every_scalar_type() {
    check(&BTreeMap::from([(-1_i8, array(1)), (7, array(2))]), &["-1", "7"]);
    check(&BTreeMap::from([(i128::MIN, array(1))]), &[&i128::MIN.to_string()]);
    check(&BTreeMap::from([(u128::MAX, array(1))]), &[&u128::MAX.to_string()]);
    check(&BTreeMap::from([(false, array(1)), (true, array(2))]), &["false", "true"]);
    check(&BTreeMap::from([('.', array(1)), ('é', array(2))]), &["%2E", "é"]);
}

#[test]
fn names_with_everything_in_them() {
    let names = ["", "%", "%2E", ".", "a.b", "a/b", "é", "\0", "#0", "arr_0", " "];
    let object: BTreeMap<&str, Array> =
        names.iter().enumerate().map(|(n, name)| (*name, array(n as u16 + 1))).collect();
    check(
        &object,
        &["%", "%00", " ", "%230", "%25", "%252E", "%2E", "a%2Eb", "a%2Fb", "arr_0", "é"],
    );
}

#[test]
fn options_marks_and_long_byte_strings() {
    check(&Some(Some(array(1))), &["arr_0"]);
    check(&vec![None, Some(array(1))], &["1"]);
    check(&(serde_bytes::ByteBuf::from(vec![1; 300]), array(1)), &["0", "1"]);
    check(&[array(1), array(2)].map(|array| [array.clone(), array]), &["0.0", "0.1", "1.0", "1.1"]);
    check(
        &vec![array(1); 20],
        &[
            "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15",
            "16", "17", "18", "19",
        ],
    );
}
