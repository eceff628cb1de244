//! Types that take whatever comes: values of other formats, and what is built on them.

use std::collections::BTreeMap;

use ndarray::{Array1, array};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_shm::{ShmArray1, ShmArray2, from_bytes, to_bytes};

#[derive(Serialize)]
enum Choice {
    Unit,
    Tuple(u8, ShmArray1<u8>),
}

#[derive(Serialize)]
struct Object {
    name: &'static str,
    flags: Vec<Option<bool>>,
    matrix: ShmArray2<f32>,
    plain: Array1<f64>,
    point: serde_shm::ShmArray0<i32>,
    short: serde_bytes::ByteBuf,
    long: serde_bytes::ByteBuf,
    choices: Vec<Choice>,
    by_number: BTreeMap<u32, i8>,
    by_address: BTreeMap<std::net::Ipv4Addr, ()>,
    letter: char,
}

fn object() -> Object {
    Object {
        name: "n",
        flags: vec![Some(true), None],
        matrix: array![[1.0, 2.0], [3.0, 4.5]].reversed_axes().into(),
        plain: array![0.5, 1.5],
        point: ndarray::arr0(-3).into(),
        short: vec![1, 2].into(),
        long: vec![3; 300].into(),
        choices: vec![Choice::Unit, Choice::Tuple(1, vec![2, 3].into())],
        by_number: [(1, -1), (300, 2)].into(),
        by_address: [(std::net::Ipv4Addr::LOCALHOST, ())].into(),
        letter: 'ü',
    }
}

#[test]
fn as_json() {
    let bytes = to_bytes(&object()).unwrap();
    let value: serde_json::Value = from_bytes(&bytes).unwrap();
    let expected = json!({
        "name": "n",
        "flags": [true, null],
        "matrix": [[1.0, 3.0], [2.0, 4.5]],
        "plain": {"v": 1, "dim": [2], "data": [0.5, 1.5]},
        "point": -3,
        "short": [1, 2],
        "long": vec![3; 300],
        "choices": ["Unit", {"Tuple": [1, [2, 3]]}],
        "by_number": {"1": -1, "300": 2},
        "by_address": {"127.0.0.1": null},
        "letter": "ü",
    });
    assert_eq!(value, expected);
    assert_eq!(value, serde_json::to_value(object()).unwrap());
}

#[test]
fn as_values_of_other_formats() {
    let bytes = to_bytes(&object()).unwrap();
    let value: ciborium::Value = from_bytes(&bytes).unwrap();
    let map: BTreeMap<String, ciborium::Value> = value
        .into_map()
        .unwrap()
        .into_iter()
        .map(|(key, value)| (key.into_text().unwrap(), value))
        .collect();
    assert_eq!(map["long"], ciborium::Value::Bytes(vec![3; 300]));
    assert_eq!(map["matrix"].as_array().unwrap()[1].as_array().unwrap()[1], 4.5.into());
    let value: rmpv::Value = from_bytes(&bytes).unwrap();
    assert_eq!(value["name"], "n".into());
    assert_eq!(value["matrix"][0][1], rmpv::Value::F32(3.0));
    #[derive(Serialize)]
    struct Settings {
        title: &'static str,
        sizes: ShmArray1<i64>,
    }
    let settings = Settings { title: "t", sizes: vec![1, 2].into() };
    let value: toml::Value = from_bytes(&to_bytes(&settings).unwrap()).unwrap();
    assert_eq!(
        value,
        toml::Value::Table(toml::toml! { title = "t"
        sizes = [1, 2] })
    );
}

#[test]
fn a_value_that_is_written_comes_back() {
    let value = json!({"a": [1, 2.5, "x", null, {"b": []}], "c": {"d": true}, "big": u64::MAX, "small": i64::MIN});
    crate::serde::support::check(&value, &[]);
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Holds {
        meta: serde_json::Value,
        array: ShmArray1<f32>,
        #[serde(flatten)]
        rest: serde_json::Map<String, serde_json::Value>,
    }
    let rest = json!({"x": 1, "y": ["z"]}).as_object().unwrap().clone();
    crate::serde::support::check(&Holds { meta: value, array: vec![1.0].into(), rest }, &["array"]);
}
