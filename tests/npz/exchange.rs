//! NumPy finds each array under the name of its place, and what it changes is read.

use std::collections::BTreeMap;
use std::fs;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_shm::{ShmArray1, from_npz, to_npz};
use tempfile::TempDir;

use crate::npz::support::python;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Layer {
    name: String,
    weight: Array2<f32>,
    #[serde(with = "serde_shm::array")]
    bias: Vec<f32>,
}

fn layer(size: u16) -> Layer {
    Layer {
        name: format!("layer of {size}"),
        weight: Array2::from_shape_fn((size.into(), 3), |(_, column)| [0.0, -1.0, 0.5][column]),
        bias: (0..size).map(|item| f32::from(item) / 2.0).collect(),
    }
}

fn entry(dtype: &str, shape: &[usize], bytes: &[u8]) -> serde_json::Value {
    json!({"dtype": dtype, "shape": shape, "fortran": false, "bytes": bytes})
}

#[test]
fn members_are_named_by_their_place_in_the_object() {
    let folder = TempDir::new().unwrap();
    let (path, list) = (folder.path().join("names.npz"), folder.path().join("names.json"));
    let check = |manifest: serde_json::Value| {
        fs::write(&list, serde_json::to_vec(&manifest).unwrap()).unwrap();
        python("check.py", &[&path, &list]);
    };
    let ones = ShmArray1::from(vec![1_u8]);
    let one = || entry("|u1", &[1], &[1]);

    to_npz(&path, &ones).unwrap();
    check(json!({"arr_0": one()}));
    assert_eq!(from_npz::<ShmArray1<u8>>(&path).unwrap()[0], 1);

    // Keys that would be folders, other arrays' names or this crate's own.
    let keys = ["plain", "grüße", "a.b", "a/b", "..", "__serde_shm__", "", "a\\b"];
    let map: BTreeMap<String, ShmArray1<u8>> =
        keys.iter().map(|key| ((*key).to_owned(), ones.clone())).collect();
    to_npz(&path, &map).unwrap();
    let back: BTreeMap<String, ShmArray1<u8>> = from_npz(&path).unwrap();
    assert_eq!(back.keys().collect::<Vec<_>>(), map.keys().collect::<Vec<_>>());

    let layers = BTreeMap::from([("layers", vec![layer(1)])]);
    to_npz(&path, &layers).unwrap();
    let floats =
        |items: &[f32]| items.iter().flat_map(|item| item.to_le_bytes()).collect::<Vec<u8>>();
    check(json!({
        "layers.0.weight": entry("<f4", &[1, 3], &floats(&[0.0, -1.0, 0.5])),
        "layers.0.bias": entry("<f4", &[1], &floats(&[0.0])),
    }));
}

#[test]
fn python_may_change_an_array_in_the_file() {
    let folder = TempDir::new().unwrap();
    let (path, changed) = (folder.path().join("a.npz"), folder.path().join("b.npz"));
    to_npz(&path, &layer(4)).unwrap();
    if python("rewrite.py", &[&path, &changed, &"stored", &"bias", &"2.5"]) {
        let expected = Layer { bias: vec![2.5; 4], ..layer(4) };
        assert_eq!(from_npz::<Layer>(&changed).unwrap(), expected);
    }
}
