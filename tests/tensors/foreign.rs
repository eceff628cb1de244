//! Files that other programs wrote are read by the names of their tensors.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use ndarray::{Array1, Array2, Ix1, Ix2, array};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_shm::{Deserialize, ErrorKind, Safetensors, from_safetensors};

use super::support::{WAYS, forged, opened, read};

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn tensor<'a>(dtype: Dtype, shape: &[usize], bytes: &'a [u8]) -> TensorView<'a> {
    TensorView::new(dtype, shape.to_vec(), bytes).unwrap()
}

#[derive(Deserialize, PartialEq, Debug)]
struct Attention {
    q: Array2<f32>,
    #[serde(default)]
    bias: Option<Array1<f32>>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Layer {
    attention: Attention,
    #[serde(rename = "mlp", alias = "ffn")]
    perceptron: Array1<f32>,
}

#[derive(Deserialize, PartialEq, Debug)]
struct Model {
    layers: Vec<Layer>,
    #[serde(rename = "model.unknown", default)]
    unknown: Option<Array1<f32>>,
    step: u64,
    done: bool,
    empty: Array2<f32>,
    ids: Vec<i64>,
    #[serde(default = "five")]
    five: u8,
}

fn five() -> u8 {
    5
}

/// A file whose names nest, in a folder.
fn saved() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    let (q, r, one) = (floats(&[1.0, 2.0]), floats(&[3.0, 4.0]), floats(&[5.0]));
    let (step, ids) = (9_u64.to_le_bytes(), [7_i64.to_le_bytes(), (-8_i64).to_le_bytes()].concat());
    let tensors = [
        ("layers.0.attention.q", tensor(Dtype::F32, &[1, 2], &q)),
        ("layers.0.mlp", tensor(Dtype::F32, &[1], &one)),
        ("layers/1/attention/q", tensor(Dtype::F32, &[2, 1], &r)),
        ("layers.1.attention.bias", tensor(Dtype::F32, &[1], &one)),
        ("layers.1.ffn", tensor(Dtype::F32, &[0], &[])),
        ("step", tensor(Dtype::U64, &[], &step)),
        ("done", tensor(Dtype::BOOL, &[], &[1])),
        ("empty", tensor(Dtype::F32, &[3, 0], &[])),
        ("ids", tensor(Dtype::I64, &[2], &ids)),
        ("not asked for", tensor(Dtype::F8_E4M3, &[1], &[0x38])),
    ];
    let texts = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(tensors, Some(texts), &path).unwrap();
    (folder, path)
}

#[test]
fn names_make_an_object() {
    let (_folder, path) = saved();
    let expected = Model {
        layers: vec![
            Layer {
                attention: Attention { q: array![[1.0, 2.0]], bias: None },
                perceptron: array![5.0],
            },
            Layer {
                attention: Attention { q: array![[3.0], [4.0]], bias: Some(array![5.0]) },
                perceptron: array![],
            },
        ],
        unknown: None,
        step: 9,
        done: true,
        empty: Array2::zeros((3, 0)),
        ids: vec![7, -8],
        five: 5,
    };
    assert_eq!(read::<Model>(&path).unwrap(), expected);
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        assert_eq!(file.metadata().collect::<Vec<_>>(), [("format", "pt")]);
        assert_eq!(file.others().collect::<Vec<_>>(), ["not asked for"]);
        assert_eq!(file.arrays().unwrap().len(), 9);
        let q = file.array::<f32, Ix2>("layers.0.attention.q").unwrap();
        assert_eq!(q, array![[1.0, 2.0]]);
        assert_eq!(file.array_as::<f64, Ix2>("layers/1/attention/q").unwrap()[[1, 0]], 4.0);
        assert_eq!(file.array_dyn("ids").unwrap().shape(), [2]);
        let error = file.array_untyped("not asked for").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("F8_E4M3"), "{error}");
        let error = file.value().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[test]
fn errors_name_the_tensor() {
    #[derive(Deserialize, Debug)]
    struct Lacks {
        #[allow(dead_code)]
        nothing: Array1<f32>,
    }
    #[derive(Deserialize, Debug)]
    struct Narrow {
        #[allow(dead_code)]
        ids: Array1<i8>,
    }
    let (_folder, path) = saved();
    let error = from_safetensors::<Lacks>(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("`layers`"), "{error}");
    let error = from_safetensors::<Narrow>(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("ids"), "{error}");
    let file = Safetensors::open(&path).unwrap();
    let error = file.array::<f32, Ix1>("layers.0.mlq").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`layers.0.mlp`"), "{error}");
    let error = Safetensors::open(path.with_file_name("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = Safetensors::open(path.parent().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn two_tensors_of_one_place_are_an_error_there() {
    let one = floats(&[1.0]);
    let names = ["a.b", "a/b", "c"];
    let tensors = names.map(|name| (name, tensor(Dtype::F32, &[1], &one)));
    let file = Safetensors::from_bytes(safetensors::serialize(tensors, None).unwrap()).unwrap();
    let error = file.get::<BTreeMap<String, BTreeMap<String, Array1<f32>>>>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("`a.b`") && error.to_string().contains("`a/b`"), "{error}");
    assert_eq!(file.array::<f32, Ix1>("a/b").unwrap()[0], 1.0);
    #[derive(Deserialize)]
    struct Other {
        c: Array1<f32>,
    }
    assert_eq!(file.get::<Other>().unwrap().c, array![1.0]);
}

#[test]
fn a_tensor_without_a_name_of_its_own_is_the_object() {
    let one = floats(&[1.0, 2.0]);
    let tensors = [("arr_0", tensor(Dtype::F32, &[2], &one))];
    let file = Safetensors::from_bytes(safetensors::serialize(tensors, None).unwrap()).unwrap();
    assert_eq!(file.get::<Array1<f32>>().unwrap(), array![1.0, 2.0]);
    assert_eq!(file.get::<Vec<f32>>().unwrap(), [1.0, 2.0]);
}

/// Older programs padded no header, and sorted tensors by name alone.
#[test]
fn a_tensor_that_lies_unaligned_is_copied() {
    let header = r#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F64","shape":[2],"data_offsets":[1,17]}}"#;
    let mut data = vec![7];
    data.extend([1.5_f64, 2.5].iter().flat_map(|value| value.to_le_bytes()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    for spaces in 0..9 {
        let bytes = forged(format!("{header}{}", " ".repeat(spaces)), &data);
        SafeTensors::deserialize(&bytes).unwrap();
        fs::write(&path, bytes).unwrap();
        for way in WAYS {
            let file = opened(way, &path).unwrap();
            assert_eq!(file.array::<f64, Ix1>("b").unwrap(), array![1.5, 2.5]);
            assert_eq!(*file.array_untyped("b").unwrap().to_bytes().unwrap(), data[1..]);
            let object: BTreeMap<String, Vec<f64>> = file
                .get::<BTreeMap<String, serde_shm::Value>>()
                .unwrap()
                .into_iter()
                .filter(|(name, _)| name == "b")
                .map(|(name, value)| {
                    let array = value.as_array().unwrap().to_shm::<f64, Ix1>().unwrap();
                    (name, array.to_vec())
                })
                .collect();
            assert_eq!(object["b"], [1.5, 2.5]);
        }
        let start = 8 + header.len() + spaces;
        let map = opened("map", &path).unwrap();
        let is_aligned = (start + 1).is_multiple_of(8);
        assert_eq!(map.arrays().unwrap()[1].is_zero_copy(), is_aligned, "{spaces}");
    }
}

#[test]
fn a_large_tensor_is_read_to_where_it_stays() {
    let values: Vec<f32> = (0..200_000).map(|value| value as f32).collect();
    let bytes = floats(&values);
    let tensors = [("x.y", tensor(Dtype::F32, &[200_000], &bytes))];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.safetensors");
    safetensors::serialize_to_file(tensors, None, &path).unwrap();
    let object: BTreeMap<String, BTreeMap<String, Vec<f32>>> = read(&path).unwrap();
    assert_eq!(object["x"]["y"], values);
    let own = BTreeMap::from([("x", Array1::from(values.clone()))]);
    serde_shm::to_safetensors(&path, &own).unwrap();
    let back: BTreeMap<String, Array1<f32>> = read(&path).unwrap();
    assert_eq!(back["x"].as_slice().unwrap(), values);
}
