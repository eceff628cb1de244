//! Old objects are read by newer structs, and new ones by older structs. The files under `tests/data` were written by
//! the releases that they are named after and are read for ever.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, array};
use serde::Deserialize;
use serde_shm::{AlignedBytes, ShmArray1, ShmArray2, from_bytes, to_bytes};

/// As it was when version 1 was written.
#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug, Clone)]
struct Old {
    name: String,
    count: u32,
    offset: i16,
    ratio: f32,
    #[shm_array]
    weights: Vec<f32>,
    grid: Array2<f64>,
    gone: Vec<Layer>,
    layers: BTreeMap<String, Layer>,
    choice: Choice,
    pair: (u8, String),
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug, Clone)]
struct Layer {
    size: u16,
    #[shm_array]
    mask: Vec<bool>,
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug, Clone)]
enum Choice {
    Unit,
    Newtype(#[shm_array] Vec<i32>),
    Named { a: u8, b: Option<u64> },
}

fn old() -> Old {
    let layer = |size| Layer { size, mask: vec![true, false, size > 1] };
    Old {
        name: "old".into(),
        count: 70_000,
        offset: -300,
        ratio: 0.5,
        weights: vec![1.0, -2.0, 0.5],
        grid: array![[1.0, 2.0], [3.0, 4.0]],
        gone: vec![layer(1), layer(2)],
        layers: [("a".to_owned(), layer(3)), ("b".to_owned(), layer(4))].into(),
        choice: Choice::Newtype(vec![7, -8]),
        pair: (9, "pair".into()),
    }
}

const GOLDEN: [(&str, &[u8]); 3] = [
    ("1", include_bytes!("../data/evolution1.block")),
    ("2", include_bytes!("../data/evolution2.block")),
    ("3", include_bytes!("../data/evolution3.block")),
];

const ARCHIVES: [(&str, &[u8]); 3] = [
    ("1", include_bytes!("../data/evolution1.npz")),
    ("2", include_bytes!("../data/evolution2.npz")),
    ("3", include_bytes!("../data/evolution3.npz")),
];

/// Reads a `T` out of every file there is, and out of what is written now.
fn of_every_version<T: serde::de::DeserializeOwned>(look: impl Fn(&str, T)) {
    look("now", from_bytes(&to_bytes(&old()).unwrap()).unwrap());
    for (version, block) in GOLDEN {
        look(version, from_bytes(&AlignedBytes::copy_from(block)).unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    for (version, archive) in ARCHIVES {
        let file = folder.path().join(version);
        std::fs::write(&file, archive).unwrap();
        look(version, serde_shm::from_npz(&file).unwrap());
    }
}

#[test]
fn every_version_is_read() {
    of_every_version::<Old>(|version, read| assert_eq!(read, old(), "version {version}"));
    assert_eq!(*to_bytes(&old()).unwrap(), *GOLDEN[2].1, "version 3 is what is written now");
}

/// Reordered, widened, renamed, with fields added and removed, and arrays of other types.
#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
struct New {
    choice: NewChoice,
    #[serde(alias = "count")]
    total: u64,
    grid: ShmArray2<f64>,
    #[serde(default = "three")]
    added: u8,
    weights: Array1<f32>,
    ratio: f64,
    offset: Option<i64>,
    name: Box<str>,
    #[serde(default)]
    more: Option<ShmArray1<u8>>,
    layers: Vec<(String, NewLayer)>,
    pair: Pair,
}

fn three() -> u8 {
    3
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
struct NewLayer {
    mask: ShmArray1<bool>,
    size: u32,
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
enum NewChoice {
    Added(u8),
    #[serde(alias = "Newtype")]
    Renamed(ShmArray1<i32>),
    Unit,
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
struct Pair(u64, String);

#[test]
fn an_old_object_as_a_newer_struct() {
    // A map became a list of pairs: serde reads those from a map nowhere, so here it stays one.
    #[derive(serde_shm::Deserialize)]
    struct NewOfOld {
        choice: NewChoice,
        #[serde(alias = "count")]
        total: u64,
        grid: ShmArray2<f64>,
        #[serde(default = "three")]
        added: u8,
        weights: Array1<f32>,
        ratio: f64,
        offset: Option<i64>,
        name: Box<str>,
        #[serde(default)]
        more: Option<ShmArray1<u8>>,
        layers: BTreeMap<String, NewLayer>,
        pair: Pair,
    }
    of_every_version::<NewOfOld>(|version, read| {
        assert_eq!(read.choice, NewChoice::Renamed(vec![7, -8].into()), "version {version}");
        assert_eq!((read.total, read.added, read.more), (70_000, 3, None));
        assert_eq!(read.grid, array![[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(read.weights, array![1.0, -2.0, 0.5]);
        assert_eq!((read.ratio, read.offset, &*read.name), (0.5, Some(-300), "old"));
        let layer = NewLayer { mask: vec![true, false, true].into(), size: 4 };
        assert_eq!((&read.layers["b"], read.pair), (&layer, Pair(9, "pair".into())));
    });
}

#[test]
fn weights_as_vec_array_handle_and_plain_vec() {
    #[derive(Deserialize)]
    struct Weights<T> {
        weights: T,
    }
    #[derive(Deserialize)]
    struct Marked {
        #[serde(with = "serde_shm::array")]
        weights: Vec<f32>,
    }
    let expected = [1.0, -2.0, 0.5];
    of_every_version::<Marked>(|_, read| assert_eq!(read.weights, expected));
    of_every_version::<Weights<Vec<f32>>>(|_, read| assert_eq!(read.weights, expected));
    of_every_version::<Weights<Vec<f64>>>(|_, read| {
        assert_eq!(read.weights, expected.map(f64::from));
    });
    of_every_version::<Weights<[f32; 3]>>(|_, read| assert_eq!(read.weights, expected));
    of_every_version::<Weights<Array1<f32>>>(|_, read| assert_eq!(read.weights.to_vec(), expected));
    of_every_version::<Weights<ShmArray1<f32>>>(|_, read| {
        assert_eq!(read.weights.to_vec(), expected);
    });
    of_every_version::<Weights<serde_json::Value>>(|_, read| {
        assert_eq!(read.weights, serde_json::json!(expected));
    });
}

/// What was added is passed over by who does not know it; what was removed is missing, or has a default.
#[test]
fn a_new_object_as_an_older_struct() {
    #[derive(serde_shm::Serialize)]
    struct Newer {
        more: ShmArray2<u8>,
        weights: ShmArray1<f32>,
        grid: Array2<f64>,
        nested: Vec<BTreeMap<String, ShmArray1<i8>>>,
        name: &'static str,
        count: u64,
        choice: NewChoice,
    }
    #[derive(serde_shm::Deserialize, PartialEq, Debug)]
    struct Older {
        name: String,
        count: u32,
        #[shm_array]
        weights: Vec<f32>,
        grid: Array2<f64>,
        choice: Choice,
        #[serde(default)]
        gone: Vec<Layer>,
    }
    let newer = |count| Newer {
        more: array![[1, 2]].into(),
        weights: vec![1.0].into(),
        grid: array![[0.5]],
        nested: vec![[("k".to_owned(), vec![1].into())].into()],
        name: "new",
        count,
        choice: NewChoice::Unit,
    };
    let bytes = to_bytes(&newer(5)).unwrap();
    let older = Older {
        name: "new".into(),
        count: 5,
        weights: vec![1.0],
        grid: array![[0.5]],
        choice: Choice::Unit,
        gone: vec![],
    };
    assert_eq!(from_bytes::<Older>(&bytes).unwrap(), older);
    // A number that has outgrown the older type is an error, and not cut.
    let error = from_bytes::<Older>(&to_bytes(&newer(1 << 40)).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "count: expected u32, found integer `1099511627776`");
    let error = from_bytes::<Old>(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "missing field `offset`");
    let unknown = Newer { choice: NewChoice::Added(1), ..newer(1) };
    let error = from_bytes::<Older>(&to_bytes(&unknown).unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("choice: unknown variant `Added`"), "{error}");
}

#[test]
fn a_new_struct_and_itself() {
    let new = New {
        choice: NewChoice::Added(1),
        total: 1 << 40,
        grid: array![[1.0]].into(),
        added: 2,
        weights: array![3.0],
        ratio: 0.1,
        offset: None,
        name: "n".into(),
        more: Some(vec![4].into()),
        layers: vec![("l".into(), NewLayer { mask: vec![true].into(), size: 5 })],
        pair: Pair(6, "p".into()),
    };
    crate::serde::support::check(&new, &["grid", "weights", "more", "layers.0.1.mask"]);
}

#[test]
fn a_list_of_old_objects_reads_as_newer_structs_and_back() {
    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Old {
        name: String,
        gone: Vec<Choice>,
        count: u32,
    }
    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct New {
        #[serde(alias = "count")]
        total: u64,
        name: String,
        #[serde(default)]
        more: Option<f32>,
    }
    let gone = vec![Choice::Named { a: 1, b: Some(2) }, Choice::Unit];
    let old = Old { name: "n".into(), gone, count: 3 };
    let bytes = to_bytes(&vec![&old, &old]).unwrap();
    let new: Vec<New> = from_bytes(&bytes).unwrap();
    assert_eq!(new[1], New { total: 3, name: "n".into(), more: None });
    let error = from_bytes::<Vec<Old>>(&to_bytes(&new).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "[0]: missing field `gone`");
}
