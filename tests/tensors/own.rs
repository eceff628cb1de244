//! What `to_safetensors` saves comes back, and other programs see it as tensors.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::process::Command;

use ndarray::{
    Array, Array0, Array1, Array2, Array3, ArrayView2, Ix1, Ix2, ShapeBuilder, arr0, array,
};
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use serde_shm::{
    Deserialize, ErrorKind, Order, Safetensors, Serialize, ShmArray1, ShmArray2, UntypedArray,
    Value, from_safetensors, to_safetensors,
};

use super::support::{WAYS, opened, read};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Numbers {
    b: Array1<bool>,
    i8: Array1<i8>,
    i16: Array1<i16>,
    i32: Array1<i32>,
    i64: Array1<i64>,
    u8: Array1<u8>,
    u16: Array1<u16>,
    u32: Array1<u32>,
    u64: Array1<u64>,
    f32: Array1<f32>,
    f64: Array1<f64>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Step {
    Nothing,
    Linear { weight: Array2<f32>, bias: Option<Array1<f32>> },
    Scale(Array1<f64>, String),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Model {
    name: String,
    numbers: Numbers,
    steps: Vec<Step>,
    named: BTreeMap<String, Array2<u16>>,
    #[shm_array]
    marked: Vec<i16>,
    empty: Array2<f32>,
    scalar: Array0<f64>,
    words: Vec<String>,
}

fn model() -> Model {
    Model {
        name: "a \"model\"\n\u{e4}".into(),
        numbers: Numbers {
            b: array![true, false, true],
            i8: array![-1],
            i16: array![-2, 3],
            i32: array![i32::MIN, 4, 5],
            i64: array![i64::MIN],
            u8: array![1, 2, 3, 4, 5],
            u16: array![65535],
            u32: array![u32::MAX, 6],
            u64: array![u64::MAX],
            f32: array![0.5, f32::INFINITY, -0.0],
            f64: array![1e300],
        },
        steps: vec![
            Step::Linear { weight: array![[1.0, 2.0], [3.0, 4.0]], bias: Some(array![0.5]) },
            Step::Nothing,
            Step::Linear { weight: Array2::zeros((300, 200)), bias: None },
            Step::Scale(array![1.5], "by".into()),
        ],
        named: BTreeMap::from([
            ("a.b".to_owned(), array![[1]]),
            ("~/\"".to_owned(), array![[2, 3]]),
        ]),
        marked: (0..1000).collect(),
        empty: Array2::zeros((0, 3)),
        scalar: arr0(2.5),
        words: vec!["x".into(), String::new()],
    }
}

#[test]
fn a_model_comes_back_in_every_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    to_safetensors(&path, &model()).unwrap();
    assert_eq!(read::<Model>(&path).unwrap(), model());
    let bytes = fs::read(&path).unwrap();
    to_safetensors(&path, &model()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes, "the same value gives the same bytes");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_crate_opens_ours_and_sees_every_array() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    to_safetensors(&path, &model()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let (header, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!((header + 8) % 64, 0);
    let texts = metadata.metadata().as_ref().unwrap();
    assert_eq!(
        (texts["format"].as_str(), texts.contains_key("serde_shm"), texts.len()),
        ("pt", true, 2)
    );
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let ours = Safetensors::open(&path).unwrap();
    let arrays = ours.arrays().unwrap();
    assert_eq!(
        (arrays.len(), ours.metadata().count() - 1, ours.others().count()),
        (theirs.len(), 0, 0)
    );
    for info in &arrays {
        let tensor = theirs.tensor(info.path()).unwrap();
        assert_eq!((tensor.shape(), tensor.data().len()), (info.shape(), info.byte_len()));
        let range = info.range().unwrap();
        assert_eq!(tensor.data(), &bytes[range.start as usize..range.end as usize]);
        let array = ours.array_untyped(info.path()).unwrap();
        assert_eq!(array.as_bytes().unwrap(), tensor.data(), "{}", info.path());
        assert_eq!(array.dtype(), info.dtype());
    }
    let shape = |name| theirs.tensor(name).unwrap().shape().to_vec();
    assert_eq!(shape("steps.2.Linear.weight"), [300, 200]);
    assert_eq!(theirs.tensor("numbers.b").unwrap().dtype(), Dtype::BOOL);
    // What the crate writes of the same tensors is the same but for the padding and the metadata.
    let again = safetensors::serialize(theirs.tensors(), None).unwrap();
    let (own, _) = SafeTensors::read_metadata(&again).unwrap();
    assert_eq!(again[own + 8..], bytes[header + 8..]);
}

#[cfg(all(feature = "half", feature = "complex"))]
#[test]
fn halves_and_complex_numbers_are_tensors() {
    use half::{bf16, f16};
    use num_complex::{Complex32, Complex64};

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Odd {
        f16: Array1<f16>,
        bf16: Array1<bf16>,
        c64: Array1<Complex32>,
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let odd = Odd {
        f16: array![f16::from_f32(1.5)],
        bf16: array![bf16::from_f32(2.5), bf16::NEG_ZERO],
        c64: array![Complex32::new(1.0, -1.0)],
    };
    to_safetensors(&path, &odd).unwrap();
    assert_eq!(read::<Odd>(&path).unwrap(), odd);
    let bytes = fs::read(&path).unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let dtypes = ["f16", "bf16", "c64"].map(|name| theirs.tensor(name).unwrap().dtype());
    assert_eq!(dtypes, [Dtype::F16, Dtype::BF16, Dtype::C64]);
    // Without our metadata they are found by their names.
    fs::write(&path, safetensors::serialize(theirs.tensors(), None).unwrap()).unwrap();
    assert_eq!(read::<Odd>(&path).unwrap(), odd);
    let wide = Safetensors::open(&path).unwrap().array_as::<f32, Ix1>("bf16").unwrap();
    assert_eq!(wide, array![2.5, -0.0]);

    let error = to_safetensors(&path, &("x", ShmArray1::from(vec![Complex64::new(1.0, 2.0)])));
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`1`"), "{error}");
}

#[test]
fn column_major_and_big_endian_arrays_are_written_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let columns =
        Array3::from_shape_fn((7, 90, 110).f(), |(a, b, c)| (a * 10_000 + b * 100 + c) as u32);
    assert!(!columns.is_standard_layout());
    to_safetensors(&path, &BTreeMap::from([("x", &columns)])).unwrap();
    let back: BTreeMap<String, Array3<u32>> = from_safetensors(&path).unwrap();
    assert_eq!(back["x"], columns);
    let file = Safetensors::open(&path).unwrap();
    assert_eq!(file.arrays().unwrap()[0].order(), Order::C);
    let bytes = fs::read(&path).unwrap();
    let theirs = SafeTensors::deserialize(&bytes).unwrap();
    let rows: Vec<u8> = columns.iter().flat_map(|element| element.to_le_bytes()).collect();
    assert_eq!(theirs.tensor("x").unwrap().data(), rows);

    for (order, expected) in [(Order::C, [1.0, 2.0, 3.0, 4.0]), (Order::F, [1.0, 3.0, 2.0, 4.0])] {
        let bytes: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0]
            .iter()
            .flat_map(|e| e.to_bits().swap_bytes().to_le_bytes())
            .collect();
        let big = UntypedArray::from_owner(">f4".parse().unwrap(), &[2, 2], order, bytes).unwrap();
        to_safetensors(&path, &BTreeMap::from([("x", big)])).unwrap();
        let back = Safetensors::open(&path).unwrap().array::<f32, Ix2>("x").unwrap().to_owned();
        assert_eq!(back.iter().copied().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_array_without_such_a_dtype_is_an_error_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let texts = UntypedArray::from_owner("<U1".parse().unwrap(), &[1], Order::C, vec![65, 0, 0, 0]);
    let error = to_safetensors(&path, &BTreeMap::from([("label", texts.unwrap())])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let text = error.to_string();
    assert!(text.contains("`label`") && text.contains("<U1") && text.contains("to_npz"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_mapped_array_is_viewed_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let object =
        BTreeMap::from([("bytes", array![[1_u8, 2, 3]].mapv(f64::from)), ("x", array![[0.5]])]);
    to_safetensors(&path, &(object, array![1_u8, 2, 3], array![1_u16])).unwrap();
    #[derive(Deserialize)]
    struct Views<'a>(#[serde(borrow)] BTreeMap<&'a str, ArrayView2<'a, f64>>, Value, Value);
    for way in ["map", "from_bytes"] {
        let file = opened(way, &path).unwrap();
        let (views, again) = (file.get::<Views<'_>>().unwrap(), file.get::<Views<'_>>().unwrap());
        assert_eq!(views.0["x"][[0, 0]], 0.5);
        assert_eq!(
            (views.0["x"].as_ptr(), &views.1, &views.2),
            (again.0["x"].as_ptr(), &again.1, &again.2)
        );
        assert_eq!(file.array::<f64, Ix2>("0.x").unwrap().as_ptr(), views.0["x"].as_ptr());
        assert!(file.arrays().unwrap().iter().all(serde_shm::ArrayInfo::is_zero_copy));
    }
    let map = opened("map", &path).unwrap();
    let kept = map.value().unwrap();
    let kept = kept.get("0.x").unwrap().as_array().unwrap().clone();
    fs::remove_file(&path).unwrap();
    drop(map);
    assert_eq!(kept.to_shm::<f64, Ix2>().unwrap()[[0, 0]], 0.5);
}

#[test]
fn a_value_that_is_an_array_and_names_that_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    to_safetensors(&path, &array![[1, 2]]).unwrap();
    assert_eq!(from_safetensors::<ShmArray2<i32>>(&path).unwrap(), array![[1, 2]]);
    let file = Safetensors::open(&path).unwrap();
    assert_eq!(file.arrays().unwrap()[0].path(), "arr_0");
    let error = file.array::<i32, Ix2>("arr_1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`arr_0`"), "{error}");
    assert_eq!(file.array::<f32, Ix2>("arr_0").unwrap_err().kind(), ErrorKind::Mismatch);

    let reserved = HashMap::from([("__metadata__".to_owned(), array![1_u8])]);
    to_safetensors(&path, &reserved).unwrap();
    assert_eq!(read::<HashMap<String, Array1<u8>>>(&path).unwrap(), reserved);
    let names: Vec<String> = Safetensors::open(&path)
        .unwrap()
        .arrays()
        .unwrap()
        .iter()
        .map(|a| a.path().into())
        .collect();
    assert_eq!(names, ["__metadata__~1"]);

    to_safetensors(&path, &("no arrays", 7)).unwrap();
    assert_eq!(read::<(String, u8)>(&path).unwrap(), ("no arrays".into(), 7));
    assert!(SafeTensors::deserialize(&fs::read(&path).unwrap()).unwrap().is_empty());
}

/// Gives other values when it is asked again.
struct Fickle(Cell<u32>, bool);

impl serde::Serialize for Fickle {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = self.0.replace(self.0.get() + 1);
        if self.1 {
            return count.serialize(serializer);
        }
        Array::<u8, _>::zeros(count as usize + 1).serialize(serializer)
    }
}

#[test]
fn a_value_that_changes_while_it_is_saved_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    to_safetensors(&path, &7).unwrap();
    for inline in [true, false] {
        let fickle = ("a", Fickle(Cell::new(0), inline));
        let error = to_safetensors(&path, &fickle).unwrap_err();
        assert!(error.to_string().contains("second time"), "{error}");
    }
    assert_eq!(from_safetensors::<i32>(&path).unwrap(), 7, "the old file is as it was");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// An array in ndarray's form that turns out to be none is given up, in both rounds.
#[test]
fn an_array_that_is_given_up_leaves_nothing() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    #[serde(rename = "Array")]
    struct Like {
        v: u8,
        dim: Vec<u64>,
        data: Vec<f32>,
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    for data in [vec![1.0, 2.0], vec![1.0, 2.0, 3.0, 4.0], vec![]] {
        let value = (array![1.0_f32, 2.0, 3.0], Like { v: 1, dim: vec![3], data }, array![7_u8]);
        to_safetensors(&path, &value).unwrap();
        assert_eq!(read::<(Array1<f32>, Like, Array1<u8>)>(&path).unwrap(), value);
    }
}

#[test]
fn an_object_of_unknown_type_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    to_safetensors(&path, &model()).unwrap();
    for way in WAYS {
        let value = opened(way, &path).unwrap().value().unwrap();
        let other = folder.path().join("n.safetensors");
        to_safetensors(&other, &value).unwrap();
        assert_eq!(from_safetensors::<Model>(&other).unwrap(), model(), "{way}");
    }
}

#[test]
fn python_opens_ours() {
    let skip = |why: &str| {
        // Past the test runner's capture of `eprintln`.
        let note = format!("SKIPPED: python_opens_ours: {why}\n");
        std::io::stderr().write_all(note.as_bytes()).unwrap();
    };
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        return skip("SERDE_SHM_PYTHON is not set");
    };
    let has = Command::new(&python).args(["-c", "import safetensors, numpy"]).output().unwrap();
    if !has.status.success() {
        return skip("its Python has no package `safetensors`");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    to_safetensors(&path, &model()).unwrap();
    let script = "import sys\n\
        from safetensors.numpy import load_file\n\
        from safetensors import safe_open\n\
        arrays = load_file(sys.argv[1])\n\
        assert arrays['numbers.f32'].tolist() == [0.5, float('inf'), -0.0]\n\
        assert arrays['steps.2.Linear.weight'].shape == (300, 200)\n\
        assert sorted(safe_open(sys.argv[1], 'np').metadata()) == ['format', 'serde_shm']\n";
    let output = Command::new(&python).args(["-c", script]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
