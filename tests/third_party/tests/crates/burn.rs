//! A module's record: its tensors are byte strings, and are placed.

use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::record::{FullPrecisionSettings, Record};
use burn_core::tensor::{Tensor, TensorData};
use burn_ndarray::{NdArray, NdArrayDevice};

use crate::support::{arrays, through_all};

type Backend = NdArray<f32>;

#[derive(Module, Debug)]
struct Dense<B: burn_core::tensor::backend::Backend> {
    weight: Param<Tensor<B, 2>>,
    bias: Option<Param<Tensor<B, 1>>>,
}

#[derive(Module, Debug)]
struct Net<B: burn_core::tensor::backend::Backend> {
    layers: Vec<Dense<B>>,
}

fn net() -> Net<Backend> {
    let device = NdArrayDevice::default();
    let numbers = |len: usize, step: f32| (0..len).map(|n| n as f32 * step).collect::<Vec<f32>>();
    let dense = |step| Dense {
        weight: Param::from_data(TensorData::new(numbers(512, step), [16, 32]), &device),
        bias: Some(Param::from_data(TensorData::new(numbers(128, step), [128]), &device)),
    };
    Net { layers: vec![dense(0.5), dense(-0.25)] }
}

#[test]
fn a_record() {
    let net = net();
    let item = net.clone().into_record().into_item::<FullPrecisionSettings>();
    let placed = arrays(&item);
    let bytes = 2 * (512 + 128) * size_of::<f32>();
    assert_eq!(placed.iter().map(|(_, shape)| shape[0]).sum::<usize>(), bytes, "{placed:?}");
    for back in through_all(&item) {
        let record =
            Record::<Backend>::from_item::<FullPrecisionSettings>(back, &NdArrayDevice::default());
        let loaded = self::net().load_record(record);
        for (layer, expected) in loaded.layers.iter().zip(&net.layers) {
            assert_eq!(layer.weight.to_data(), expected.weight.to_data());
            let biases = [layer, expected].map(|layer| layer.bias.as_ref().unwrap().to_data());
            assert_eq!(biases[0], biases[1]);
        }
    }
}

#[test]
fn tensor_data() {
    let data = TensorData::new((0..1000_i64).collect::<Vec<_>>(), [10, 100]);
    for back in through_all(&data) {
        assert_eq!(back, data);
    }
    assert_eq!(arrays(&data), [("bytes".to_owned(), vec![8000])]);
}
