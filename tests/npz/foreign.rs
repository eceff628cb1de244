//! Files of other programs become structs by the names of their arrays.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, Array4, ArrayView2, Ix1, Ix2, array};
use serde::{Deserialize, Serialize};
use serde_shm::{ErrorKind, Npz, ShmArray1, ShmArrayD, from_npz};
use tempfile::TempDir;

use crate::npz::support::{WAYS, folder, opened, python, read};

/// The folder of files that `foreign.py` wrote; `None` if there is no NumPy.
fn written() -> Option<TempDir> {
    let folder = folder();
    python("foreign.py", &[&folder.path()]).then_some(folder)
}

struct Files(TempDir);

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}.npz"))
    }

    #[track_caller]
    fn read<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(&self, name: &str) -> T {
        read(&self.path(name)).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn error<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        &self,
        name: &str,
    ) -> (ErrorKind, String) {
        let error = read::<T>(&self.path(name)).unwrap_err();
        (error.kind(), error.to_string())
    }
}

macro_rules! files {
    () => {
        match written() {
            Some(folder) => Files(folder),
            None => return,
        }
    };
}

// Serde's buffer behind `flatten` keeps an array for this crate's derive.
#[derive(serde_shm::Deserialize, PartialEq, Debug)]
struct Layer {
    weight: Array2<f32>,
    bias: ShmArray1<f32>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Net {
    name: String,
    epoch: u16,
    layers: Vec<Layer>,
    #[serde(default)]
    comment: Option<String>,
    missing: Option<Array1<f64>>,
    #[serde(skip)]
    skipped: u8,
}

#[test]
fn dots_and_slashes_nest_and_numbers_are_sequences() {
    let files = files!();
    for name in ["dots", "dots_compressed", "slashes", "deflated"] {
        let net: Net = files.read(name);
        assert_eq!((&*net.name, net.epoch, net.layers.len()), ("net", 7, 12), "{name}");
        // By number, not by name: 10 comes after 9.
        for (number, layer) in net.layers.iter().enumerate() {
            let number = number as f32;
            assert_eq!(layer.weight, Array2::from_elem((2, 3), number), "{name}");
            assert_eq!(layer.bias.view(), Array1::from_elem(3, number));
        }
        assert_eq!((net.comment, net.missing, net.skipped), (None, None, 0));
        let by_number: BTreeMap<u32, Layer> = {
            #[derive(Deserialize, PartialEq, Debug)]
            struct Numbered {
                layers: BTreeMap<u32, Layer>,
            }
            files.read::<Numbered>(name).layers
        };
        assert_eq!(by_number.into_values().collect::<Vec<_>>(), net.layers);
        #[derive(Deserialize, PartialEq, Debug)]
        struct Fixed<const N: usize> {
            layers: Vec<Layer>,
        }
        assert_eq!(files.read::<Fixed<12>>(name).layers, net.layers);
        let file = Npz::open(files.path(name)).unwrap();
        let separator = if name == "slashes" { "/" } else { "." };
        let path = format!("layers{separator}11{separator}weight");
        assert_eq!(file.array::<f32, Ix2>(&path).unwrap()[[0, 0]], 11.0);
        assert_eq!(file.array::<f32, Ix2>(&format!("{path}.npy")).unwrap()[[0, 0]], 11.0);
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Three {
        layers: [serde::de::IgnoredAny; 3],
    }
    let (kind, text) = files.error::<Three>("dots");
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains("layers") && text.contains("expected 3 elements, found 12"), "{text}");
}

#[test]
fn arrays_without_names_are_a_sequence_in_their_order() {
    let files = files!();
    let arrays: Vec<Array1<i64>> = files.read("positional");
    assert_eq!(arrays.len(), 12);
    for (number, array) in arrays.iter().enumerate() {
        assert_eq!(*array, Array1::from_elem(number + 1, i64::try_from(number).unwrap()));
    }
    let named: HashMap<String, ShmArray1<i64>> = files.read("positional");
    assert_eq!(named["arr_11"].len(), 12);
    let one: Array1<f64> = files.read("one");
    assert_eq!(one, array![0.0, 1.0, 2.0]);
    assert_eq!(files.read::<Vec<f64>>("one"), [0.0, 1.0, 2.0]);
    #[derive(Deserialize, PartialEq, Debug)]
    struct Named {
        arr_0: Array1<f64>,
        other: Vec<i64>,
    }
    assert_eq!(files.read::<Named>("one_and_named"), Named { arr_0: one, other: vec![0, 1] });
    assert_eq!(files.error::<Array1<f64>>("one_and_named").0, ErrorKind::Mismatch);
    for name in ["gap", "leading_zero"] {
        let (kind, text) = files.error::<Vec<Array1<f64>>>(name);
        assert_eq!(kind, ErrorKind::Mismatch);
        assert!(text.contains("numbered from 0 without gaps"), "{text}");
        assert_eq!(files.read::<BTreeMap<String, Array1<f64>>>(name).len(), 2);
    }
    assert_eq!(files.error::<Vec<Array1<f64>>>("dots").0, ErrorKind::Mismatch);
}

#[derive(Deserialize, PartialEq, Debug)]
struct Value<T> {
    value: T,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Newtype<T>(T);

#[test]
fn an_array_without_axes_is_a_scalar_of_every_type_that_holds_it() {
    let files = files!();
    macro_rules! one {
        ($name:expr, $($type:ty)*) => {$(
            let one: $type = serde_json::from_str("1").unwrap();
            assert_eq!(files.read::<Value<$type>>($name).value, one, "{}", $name);
            assert_eq!(files.read::<Value<Option<$type>>>($name).value, Some(one));
            assert_eq!(files.read::<Value<Newtype<$type>>>($name).value, Newtype(one));
            assert_eq!(files.read::<Value<Option<Newtype<Option<$type>>>>>($name).value, Some(Newtype(Some(one))));
        )*};
    }
    for name in ["i1", "i2", "li4", "bi4", "i8", "bi8", "u1", "u2", "u4", "bu4", "u8"] {
        let name = &format!("scalar_{name}");
        one!(name, i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);
        assert_eq!(files.read::<Value<ShmArrayD<u8>>>("scalar_u1").value.ndim(), 0);
    }
    for name in ["f2", "bf2", "f4", "bf4", "f8", "bf8"] {
        let name = &format!("scalar_{name}");
        one!(name, f32 f64);
        assert_eq!(files.error::<Value<u8>>(name).0, ErrorKind::Mismatch);
    }
    assert!(files.read::<Value<bool>>("scalar_bool").value);
    for name in ["scalar_u1", "scalar_f8", "scalar_text"] {
        assert_eq!(files.error::<Value<bool>>(name).0, ErrorKind::Mismatch, "{name}");
    }
    assert_eq!(files.read::<Value<i8>>("scalar_negative").value, -1);
    assert_eq!(files.read::<Value<u64>>("scalar_large").value, u64::MAX);
    assert_eq!(files.read::<Value<u128>>("scalar_large").value, u64::MAX.into());
    assert_eq!(files.read::<Value<f64>>("scalar_float").value, 0.1);
    assert_eq!(files.read::<Value<f32>>("scalar_float").value, 0.1);
    for (name, type_name) in [("scalar_negative", "u8"), ("scalar_large", "u8")] {
        let (kind, text) = files.error::<Value<u8>>(name);
        assert_eq!(kind, ErrorKind::Mismatch);
        assert!(text.contains("value") && text.contains(type_name), "{text}");
    }
    assert_eq!(files.read::<Value<char>>("scalar_text").value, 'é');
    assert_eq!(files.read::<Value<String>>("scalar_text").value, "é");
    assert_eq!(files.read::<Value<Option<Box<str>>>>("scalar_text").value.as_deref(), Some("é"));
    assert_eq!(files.read::<Value<String>>("scalar_bytes").value, "x");
    assert_eq!(files.read::<Value<char>>("scalar_bytes").value, 'x');
    // An array of one element is an array.
    assert_eq!(files.error::<Value<u8>>("scalar_one_element").0, ErrorKind::Mismatch);
    assert_eq!(files.read::<Value<Vec<u8>>>("scalar_one_element").value, [5]);
    assert_eq!(files.read::<Value<[u8; 1]>>("scalar_one_element").value, [5]);
}

#[test]
fn arrays_of_text_are_strings() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Strings {
        text: Vec<String>,
        bytes: Vec<String>,
        big: (String, String),
        table: Vec<Vec<String>>,
        empty: Vec<String>,
    }
    let files = files!();
    let strings: Strings = files.read("strings");
    assert_eq!(strings.text, ["a", "größe", "", "🦀", &"x".repeat(50)]);
    assert_eq!(strings.bytes, ["a", "bcd", ""]);
    assert_eq!((&*strings.big.0, &*strings.big.1), ("ab", "c"));
    assert_eq!(strings.table, [["a", "b"], ["c", "d"]]);
    assert!(strings.empty.is_empty());
}

#[derive(Deserialize, PartialEq, Debug)]
enum Op {
    Stop,
    Go,
    Scale(f64),
    Pair(i8, i8),
    Move { dx: f64, dy: f64 },
}

#[derive(Deserialize, PartialEq, Debug)]
struct HasOp {
    op: Op,
}

#[test]
fn an_enum_is_named_by_text_or_by_its_group() {
    let files = files!();
    assert_eq!(files.read::<HasOp>("enum_text").op, Op::Stop);
    #[derive(Deserialize, PartialEq, Debug)]
    struct Ops {
        ops: Vec<Op>,
    }
    assert_eq!(files.read::<Ops>("enum_text").ops, [Op::Stop, Op::Go]);
    assert_eq!(files.read::<HasOp>("enum_group").op, Op::Move { dx: 1.5, dy: -2.0 });
    assert_eq!(files.read::<HasOp>("enum_newtype").op, Op::Scale(3.0));
    assert_eq!(files.read::<HasOp>("enum_tuple").op, Op::Pair(1, 2));
    let (kind, text) = files.error::<HasOp>("enum_two");
    assert_eq!(kind, ErrorKind::Mismatch, "one of two variants was taken: {text}");
    assert!(text.contains("op") && text.contains("Scale") && text.contains("Move"), "{text}");
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind")]
    enum Tagged {
        Stop,
        Move { dx: f64, dy: f64 },
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct HasTagged {
        op: Tagged,
    }
    assert_eq!(files.read::<HasTagged>("tagged").op, Tagged::Move { dx: 1.5, dy: -2.0 });
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Untagged {
        Text(String),
        Move { dx: f64, dy: f64 },
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct HasUntagged {
        #[serde(rename = "op")]
        operation: HashMap<String, Untagged>,
    }
    let op = files.read::<HasUntagged>("enum_group").operation;
    assert_eq!(op["Move"], Untagged::Move { dx: 1.5, dy: -2.0 });
}

#[test]
fn serde_attributes_hold() {
    let files = files!();
    #[derive(Deserialize, PartialEq, Debug)]
    struct Renamed {
        #[serde(rename = "name")]
        title: String,
        #[serde(alias = "round", alias = "epoch")]
        epochs: u32,
        #[serde(default = "nine")]
        nine: u32,
        #[serde(flatten)]
        rest: HashMap<String, Vec<Layer>>,
    }
    fn nine() -> u32 {
        9
    }
    let renamed: Renamed = files.read("dots");
    assert_eq!((&*renamed.title, renamed.epochs, renamed.nine), ("net", 7, 9));
    assert_eq!(renamed.rest["layers"].len(), 12);
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Strict {
        name: String,
        layers: Vec<Layer>,
    }
    let (kind, text) = files.error::<Strict>("dots");
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains("unknown field `epoch`, expected"), "{text}");
    #[derive(Deserialize, PartialEq, Debug)]
    struct Missing {
        name: String,
        optimizer: Array1<f32>,
    }
    let (kind, text) = files.error::<Missing>("dots");
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains("missing field `optimizer`; there are"), "{text}");
    assert!(text.contains("`name`") && text.contains("`layers`"), "{text}");
    // Twice: under its name and an alias.
    #[derive(Deserialize, PartialEq, Debug)]
    struct Twice {
        #[serde(alias = "epoch")]
        name: serde_json::Value,
    }
    let (kind, text) = files.error::<Twice>("dots");
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains("duplicate field `name`"), "{text}");
}

#[test]
fn map_keys_are_parts_of_names() {
    let files = files!();
    let keys: BTreeMap<u32, [u8; 1]> = files.read("keys");
    assert_eq!(keys, BTreeMap::from([(7, [7]), (10, [10]), (100, [100])]));
    let keys: HashMap<String, Vec<i64>> = files.read("keys");
    assert_eq!(keys["100"], [100]);
    assert_eq!(files.error::<BTreeMap<u8, u8>>("keys").0, ErrorKind::Mismatch);
    let words: BTreeMap<String, Array1<f64>> = files.read("words");
    assert_eq!(words.keys().collect::<Vec<_>>(), ["a-b", "größe", "x y"]);
    assert_eq!(files.error::<BTreeMap<u32, Array1<f64>>>("words").0, ErrorKind::Mismatch);
    let odd: BTreeMap<String, serde::de::IgnoredAny> = from_npz(files.path("odd_names")).unwrap();
    // A name that is no path is one key.
    assert_eq!(odd.keys().collect::<Vec<_>>(), ["", ".", "a.", "b"]);
    let file = Npz::open(files.path("odd_names")).unwrap();
    for (name, len) in [("", 1), (".", 1), ("a.", 2), ("b.npy", 3)] {
        assert_eq!(file.array::<f64, Ix1>(name).unwrap().len(), len, "{name:?}");
    }
}

#[test]
fn an_ambiguous_name_is_resolved_by_the_type_or_is_an_error() {
    let files = files!();
    #[derive(Deserialize, PartialEq, Debug)]
    struct A<T> {
        a: T,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct B {
        b: Array1<f64>,
    }
    assert_eq!(files.read::<A<Array1<f64>>>("array_and_group").a, array![0.0, 0.0]);
    assert_eq!(files.read::<A<Vec<f64>>>("array_and_group").a, [0.0, 0.0]);
    assert_eq!(files.read::<A<B>>("array_and_group").a.b, array![1.0, 1.0, 1.0]);
    // A type that takes anything was given the array alone, and one that takes any name the group alone.
    let all = serde_json::json!({"": [0.0, 0.0], "b": [1.0, 1.0, 1.0]});
    assert_eq!(files.read::<A<serde_json::Value>>("array_and_group").a, all);
    let map = files.read::<A<HashMap<String, Vec<f64>>>>("array_and_group").a;
    assert_eq!(map, HashMap::from([(String::new(), vec![0.0; 2]), ("b".to_owned(), vec![1.0; 3])]));
    let (kind, text) = files.error::<A<B>>("two_separators");
    assert_eq!(kind, ErrorKind::Corrupt);
    assert!(text.contains("`a.b`") && text.contains("`a/b`"), "{text}");
    // By their own names there are two.
    let file = Npz::open(files.path("two_separators")).unwrap();
    assert_eq!(file.array::<f64, Ix1>("a.b").unwrap()[0], 0.0);
    assert_eq!(file.array::<f64, Ix1>("a/b").unwrap()[0], 1.0);
}

#[test]
fn members_that_are_no_arrays_are_not_looked_at() {
    let files = files!();
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(deny_unknown_fields)]
    struct Two {
        a: [u8; 3],
        b: [u8; 2],
    }
    assert_eq!(files.read::<Two>("others"), Two { a: [0, 1, 2], b: [0, 1] });
    for way in WAYS {
        let file = opened(way, &files.path("others")).unwrap();
        let infos = file.arrays().unwrap();
        let paths: Vec<&str> = infos.iter().map(serde_shm::ArrayInfo::path).collect();
        assert_eq!(paths, ["a", "b"]);
        file.verify().unwrap();
    }
    assert_eq!(files.read::<HashMap<String, u8>>("empty"), HashMap::new());
    assert_eq!(files.read::<Vec<u8>>("empty"), [0; 0]);
    let (kind, text) = files.error::<Two>("empty");
    assert_eq!(kind, ErrorKind::Mismatch);
    assert!(text.contains("missing field `a`; there are no arrays"), "{text}");
    assert!(opened("open", &files.path("empty")).unwrap().arrays().unwrap().is_empty());
}

#[test]
fn a_pickle_is_an_error_and_never_run() {
    let files = files!();
    #[derive(Deserialize, PartialEq, Debug)]
    struct Bad {
        good: [u8; 3],
        bad: Vec<String>,
    }
    let (kind, text) = files.error::<Bad>("object");
    assert_eq!(kind, ErrorKind::Unsupported);
    assert!(text.contains("member `bad.npy`") && text.contains("pickle"), "{text}");
    #[derive(Deserialize, PartialEq, Debug)]
    struct Good {
        good: [u8; 3],
    }
    assert_eq!(files.read::<Good>("object").good, [0, 1, 2]);
    for (name, kind) in [("object.npy", ErrorKind::Unsupported), ("pickle.npy", ErrorKind::Corrupt)]
    {
        let error = read::<Vec<u8>>(&files.0.path().join(name)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    assert!(!files.0.path().join("pickled").exists());
}

#[test]
fn a_state_dict_as_people_save_it() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Conv {
        weight: Array4<f32>,
        bias: Array1<f32>,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Norm {
        running_mean: Vec<f32>,
        num_batches_tracked: u64,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Linear {
        weight: Vec<Vec<f32>>,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Attention {
        qkv: Linear,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Block {
        attn: Attention,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Optimizer {
        lr: f32,
        betas: (f64, f64),
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct State {
        conv1: Conv,
        bn1: Norm,
        blocks: Vec<Block>,
        optimizer: Optimizer,
        step: u64,
    }
    let files = files!();
    let state: State = files.read("state");
    assert_eq!(state.conv1.weight.dim(), (8, 3, 3, 3));
    assert_eq!(state.conv1.bias.len(), 8);
    assert_eq!((state.bn1.num_batches_tracked, state.bn1.running_mean.len()), (1200, 8));
    assert_eq!(state.blocks.len(), 2);
    assert_eq!(state.blocks[1].attn.qkv.weight.len(), 12);
    assert_eq!((state.optimizer.lr, state.optimizer.betas, state.step), (0.01, (0.9, 0.999), 5));
}

#[test]
fn structs_times_and_complex_numbers() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Point {
        id: i32,
        x: f64,
        ij: [i16; 2],
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Points {
        points: Vec<Point>,
        one: Point,
    }
    let files = files!();
    let points: Points = files.read("structured");
    assert_eq!(points.points[1], Point { id: 5, x: 6.5, ij: [7, 8] });
    assert_eq!(points.one, Point { id: 1, x: 2.5, ij: [3, 4] });
    #[derive(Deserialize, PartialEq, Debug)]
    struct Times {
        when: Vec<i64>,
        span: i64,
    }
    let times: Times = files.read("times");
    assert_eq!(times, Times { when: vec![1_767_225_600, i64::MIN], span: 90 });
    #[derive(Deserialize, PartialEq, Debug)]
    struct Complex {
        z: Vec<(f64, f64)>,
        one: (f32, f32),
    }
    let complex: Complex = files.read("complex");
    assert_eq!(complex, Complex { z: vec![(1.0, 2.0), (3.0, -4.0)], one: (1.0, -1.0) });
}

#[test]
fn views_borrow_from_a_file_of_numpy() {
    let files = files!();
    #[derive(serde_shm::Deserialize)]
    struct View<'a> {
        a: ArrayView2<'a, i64>,
        b: ArrayView2<'a, i64>,
        f: ArrayView2<'a, i64>,
    }
    for way in WAYS {
        let file = opened(way, &files.path("strided")).unwrap();
        let view: View<'_> = file.get().unwrap();
        assert_eq!(view.a, array![[0, 3], [12, 15]]);
        assert_eq!(view.b, array![[0, 1, 2], [0, 1, 2]]);
        assert_eq!(view.f, array![[0, 1, 2], [3, 4, 5]]);
        assert_eq!(view.f.strides(), [1, 2]);
    }
}

/// A value in a foreign file, any: what a tool sees that knows no type.
#[test]
fn any_value_is_a_tree_of_maps_sequences_and_numbers() {
    let files = files!();
    let value: serde_json::Value = from_npz(files.path("enum_group")).unwrap();
    assert_eq!(value, serde_json::json!({"op": {"Move": {"dx": 1.5, "dy": -2.0}}}));
    let value: serde_json::Value = from_npz(files.path("tagged")).unwrap();
    assert_eq!(value["op"]["kind"], "Move");
}

/// Names of thousands of steps, and types that ask for themselves for ever.
#[test]
fn deep_names_are_an_error_and_not_an_overflow() {
    let folder = folder();
    let path = folder.path().join("deep.npz");
    let name = format!("{}x.npy", "a.".repeat(30_000));
    write_zip(&path, &[(&name, &npy("<f8", "()", &[0; 8]))]);
    #[derive(Deserialize, PartialEq, Debug)]
    struct Deep {
        a: Option<Box<Deep>>,
    }
    let error = read::<Deep>(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    assert!(read::<serde_json::Value>(&path).is_err());
    #[derive(Deserialize, PartialEq, Debug)]
    struct Endless(Option<Box<Endless>>);
    write_zip(&path, &[("arr_0.npy", &npy("<f8", "()", &[0; 8]))]);
    assert!(read::<Endless>(&path).is_err());
    write_zip(&path, &[("a.npy", &npy("<f8", "()", &[0; 8]))]);
    assert!(read::<Endless>(&path).is_err());
}

/// A `.npy` file by hand.
pub(crate) fn npy(descriptor: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let len = u16::try_from(text.len()).unwrap().to_le_bytes();
    [&b"\x93NUMPY\x01\x00"[..], &len, text.as_bytes(), data].concat()
}

/// An archive by the crate `zip`, deflated.
pub(crate) fn write_zip(path: &Path, members: &[(&str, &[u8])]) {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated);
    for (name, data) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn files_of_other_crates() {
    let folder = folder();
    let path = folder.path().join("other.npz");
    #[derive(Deserialize, PartialEq, Debug)]
    struct Two {
        a: Array2<f64>,
        b: Array1<i32>,
    }
    let two = Two {
        a: Array2::from_shape_fn((3, 4), |(row, column)| (row * 10 + column) as f64),
        b: Array1::from(vec![1, -2, 3]),
    };
    for compressed in [false, true] {
        let file = fs::File::create(&path).unwrap();
        let mut writer = if compressed {
            ndarray_npy::NpzWriter::new_compressed(file)
        } else {
            ndarray_npy::NpzWriter::new(file)
        };
        writer.add_array("a", &two.a).unwrap();
        writer.add_array("b", &two.b).unwrap();
        writer.finish().unwrap();
        assert_eq!(read::<Two>(&path).unwrap(), two);
        // And theirs reads ours.
        #[derive(Serialize)]
        struct Saved<'a> {
            #[serde(with = "serde_shm::array")]
            a: &'a Array2<f64>,
            #[serde(with = "serde_shm::array")]
            b: &'a Array1<i32>,
        }
        let compression = if compressed {
            serde_shm::Compression::Deflate(6)
        } else {
            serde_shm::Compression::None
        };
        serde_shm::NpzOptions::new()
            .compression(compression)
            .save(&path, &Saved { a: &two.a, b: &two.b })
            .unwrap();
        let mut reader = ndarray_npy::NpzReader::new(fs::File::open(&path).unwrap()).unwrap();
        let a: Array2<f64> = reader.by_name("a.npy").unwrap();
        let b: Array1<i32> = reader.by_name("b.npy").unwrap();
        assert_eq!(Two { a, b }, two);
    }
    // The crate `npyz`, packed by the crate `zip`.
    let members = [
        ("a.npy", other_npy(&[3, 4], two.a.iter().copied())),
        ("b.npy", other_npy(&[3], two.b.iter().copied())),
    ];
    write_zip(&path, &members.each_ref().map(|(name, bytes)| (*name, &**bytes)));
    assert_eq!(read::<Two>(&path).unwrap(), two);
}

/// A `.npy` file by the crate `npyz`.
fn other_npy<A: npyz::AutoSerialize>(shape: &[u64], items: impl Iterator<Item = A>) -> Vec<u8> {
    use npyz::WriterBuilder;
    let mut bytes = Vec::new();
    let writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes);
    let mut writer = writer.begin_nd().unwrap();
    writer.extend(items).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The command-line program, where there is one: members that lie unaligned and have extra fields of Unix.
#[test]
fn an_archive_of_the_program_zip() {
    let folder = folder();
    let path = folder.path().join("cli.npz");
    fs::create_dir(folder.path().join("group")).unwrap();
    fs::write(folder.path().join("a.npy"), npy("<i4", "(2,)", &[1, 0, 0, 0, 2, 0, 0, 0])).unwrap();
    fs::write(folder.path().join("group/b.npy"), npy("<f8", "(1000,)", &[0; 8000])).unwrap();
    let run = std::process::Command::new("zip")
        .args(["-q", "-r", "cli.npz", "a.npy", "group"])
        .current_dir(folder.path())
        .status();
    if !run.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: there is no program `zip`");
        return;
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Group {
        b: Vec<f64>,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    struct Both {
        a: [i32; 2],
        group: Group,
    }
    let both = Both { a: [1, 2], group: Group { b: vec![0.0; 1000] } };
    assert_eq!(read::<Both>(&path).unwrap(), both);
}
