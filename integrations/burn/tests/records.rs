//! Records come back from files as burn reads them, and their tensors are arrays in the meantime.
#![allow(missing_docs)]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use std::process::Command;

use burn_core as burn;
use burn_core::module::{Module, Param, ParamId};
use burn_core::record::{
    BinFileRecorder, FullPrecisionSettings, HalfPrecisionSettings, PrecisionSettings, Recorder,
    RecorderError,
};
use burn_core::tensor::backend::Backend;
use burn_core::tensor::{Bool, DType, Int, Tensor, TensorData};
use burn_ndarray::{NdArray, NdArrayDevice};
use ndarray::{Ix1, Ix2};
use serde_shm::{Block, Npz, Order, UntypedArray, Value, to_bytes};
use serde_shm_burn::{NpzRecorder, from_arrays, to_arrays};

type Cpu = NdArray<f32>;

#[derive(Module, Debug)]
struct Dense<B: Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Option<Param<Tensor<B, 1>>>,
}

#[derive(Module, Debug)]
struct Net<B: Backend> {
    layers: Vec<Dense<B>>,
    mask: Param<Tensor<B, 2, Bool>>,
    counts: Param<Tensor<B, 1, Int>>,
    size: usize,
}

fn net(len: usize, step: f32) -> Net<Cpu> {
    let device = NdArrayDevice::default();
    let numbers = |len: usize| (0..len).map(|n| n as f32 * step).collect::<Vec<_>>();
    let dense = |has_bias: bool| Dense {
        weight: Param::from_data(TensorData::new(numbers(len * 4), [len, 4]), &device),
        bias: has_bias.then(|| Param::from_data(TensorData::new(numbers(4), [4]), &device)),
    };
    let bools = TensorData::new((0..len * 2).map(|n| n % 3 == 0).collect::<Vec<_>>(), [len, 2]);
    let ints = TensorData::new((0..len as i64).collect::<Vec<_>>(), [len]);
    Net {
        layers: vec![dense(true), dense(false)],
        mask: Param::initialized(ParamId::default(), Tensor::from_data(bools, &device)),
        counts: Param::initialized(ParamId::default(), Tensor::from_data(ints, &device)),
        size: len,
    }
}

fn same(found: &Net<Cpu>, expected: &Net<Cpu>) {
    for (layer, expected) in found.layers.iter().zip(&expected.layers) {
        assert_eq!(layer.weight.to_data(), expected.weight.to_data());
        let bias = |dense: &Dense<Cpu>| dense.bias.as_ref().map(|bias| bias.to_data());
        assert_eq!(bias(layer), bias(expected));
    }
    assert_eq!(found.mask.to_data(), expected.mask.to_data());
    assert_eq!(found.counts.to_data(), expected.counts.to_data());
}

#[test]
fn modules_come_back_from_files() {
    let (folder, device) = (tempfile::tempdir().unwrap(), NdArrayDevice::default());
    let recorder = NpzRecorder::<FullPrecisionSettings>::default();
    for len in [1, 3, 5000] {
        let path = folder.path().join(format!("deep/er/{len}.any"));
        net(len, 0.5).save_file(&path, &recorder).unwrap();
        let file = path.with_extension("npz");
        let npz = Npz::open(&file).unwrap();
        assert_eq!(npz.array::<f32, Ix2>("item.layers.0.weight.param").unwrap().shape(), [len, 4]);
        assert_eq!(npz.array::<bool, Ix2>("item.mask.param").unwrap().shape(), [len, 2]);
        assert_eq!(npz.array::<i32, Ix1>("item.counts.param").unwrap().len(), len);
        same(&net(len, 0.0).load_file(&path, &recorder, &device).unwrap(), &net(len, 0.5));
        // Over the old file, in one step.
        net(len, -1.0).save_file(&path, &recorder).unwrap();
        same(&net(len, 0.0).load_file(&path, &recorder, &device).unwrap(), &net(len, -1.0));
    }
}

#[test]
fn settings_say_what_is_in_the_file() {
    fn saved<S: PrecisionSettings>(dtype: &str) {
        let (folder, device) = (tempfile::tempdir().unwrap(), NdArrayDevice::default());
        let path = folder.path().join("net.npz");
        let recorder = NpzRecorder::<S>::default();
        net(4, 0.5).save_file(&path, &recorder).unwrap();
        let arrays = Npz::open(&path).unwrap().arrays().unwrap();
        let weight = arrays.iter().find(|array| array.path().ends_with("0.weight.param")).unwrap();
        assert_eq!(weight.dtype().to_string(), dtype);
        same(&net(4, 0.0).load_file(&path, &recorder, &device).unwrap(), &net(4, 0.5));
    }
    saved::<FullPrecisionSettings>("<f4");
    saved::<HalfPrecisionSettings>("<f2");
}

#[test]
fn tensors_of_every_dtype_and_shape_are_arrays() {
    for (dtype, name) in [
        (DType::F64, "<f8"),
        (DType::F32, "<f4"),
        (DType::F16, "<f2"),
        (DType::BF16, "<V2"),
        (DType::I64, "<i8"),
        (DType::I32, "<i4"),
        (DType::I16, "<i2"),
        (DType::I8, "|i1"),
        (DType::U64, "<u8"),
        (DType::U32, "<u4"),
        (DType::U16, "<u2"),
        (DType::U8, "|u1"),
        (DType::Bool, "|b1"),
    ] {
        for shape in [vec![], vec![0], vec![1], vec![3, 4], vec![2, 0, 3], vec![10, 20, 30]] {
            let count = shape.iter().product();
            let items: Vec<f64> = (0..count).map(|n| f64::from(n as u32 % 2)).collect();
            let tensor = TensorData::new(items, shape.clone()).convert_dtype(dtype);
            let value = to_arrays(&vec![("t", &tensor)]).unwrap();
            let array = value["0.1"].as_array().unwrap();
            assert_eq!((array.dtype().to_string().as_str(), array.shape()), (name, &shape[..]));
            let block = Block::new(to_bytes(&value).unwrap()).unwrap();
            let back: Vec<(String, TensorData)> = from_arrays(block.value().unwrap()).unwrap();
            assert_eq!(back, [("t".to_owned(), tensor)]);
        }
    }
}

#[test]
fn what_is_no_record_is_said() {
    let (folder, device) = (tempfile::tempdir().unwrap(), NdArrayDevice::default());
    let path = folder.path().join("net.npz");
    let recorder = NpzRecorder::<FullPrecisionSettings>::default();
    let load = || Recorder::<Cpu>::load_item::<Vec<TensorData>>(&recorder, &mut path.clone());
    assert!(matches!(load(), Err(RecorderError::FileNotFound(text)) if text.contains("net.npz")));
    std::fs::write(&path, b"no archive").unwrap();
    assert!(matches!(load(), Err(RecorderError::DeserializeError(_))));
    serde_shm::to_npz(&path, &"a text").unwrap();
    assert!(matches!(load(), Err(RecorderError::DeserializeError(_))));
    let result = net(1, 0.5).load_file(&path, &recorder, &device);
    assert!(result.is_err());
    let array = |dtype: &str| {
        let dtype: serde_shm::DType = dtype.parse().unwrap();
        let bytes = vec![0; dtype.item_size()];
        Value::from(UntypedArray::from_owner(dtype, &[1], Order::C, bytes).unwrap())
    };
    for dtype in ["<c8", ">f4", "<M8[s]", "|S3"] {
        let error = from_arrays::<TensorData>(array(dtype)).unwrap_err();
        assert!(error.to_string().contains(&format!("found {dtype}")), "{error}");
    }
    // burn's own recorders are not disturbed by a file beside theirs.
    net(2, 0.5).save_file(&path, &BinFileRecorder::<FullPrecisionSettings>::default()).unwrap();
    assert!(path.with_extension("bin").exists() && path.exists());
}

#[test]
fn numpy_sees_matrices() {
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        eprintln!("SKIPPED: SERDE_SHM_PYTHON, the path of a Python with NumPy, is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.npz");
    net(3, 0.5).save_file(&path, &NpzRecorder::<FullPrecisionSettings>::default()).unwrap();
    let script = "
import sys, numpy as np
found = np.load(sys.argv[1])
weight = found['item.layers.1.weight.param']
assert weight.dtype == np.float32 and weight.shape == (3, 4) and weight.sum() == 33
";
    let output = Command::new(python).args(["-c", script]).arg(&path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
