//! Tensors of every dtype, shape and layout, through every container, and what is refused.
#![allow(missing_docs)]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor, Var, WithDType};
use candle_nn::{Linear, Module, VarBuilder, VarMap};
use half::{bf16, f16};
use ndarray::{Array2, Ix2, ShapeBuilder};
use serde_shm::{
    Block, Deserialize, ErrorKind, Npz, Order, Serialize, ShmArray2, UntypedArray, from_bytes,
    to_bytes, to_npz,
};
use serde_shm_candle::{TensorRef, Tensors, VarMapRef, tensor};

#[derive(Serialize, Deserialize)]
struct Layer {
    name: String,
    #[serde(with = "serde_shm_candle")]
    weight: Tensor,
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn same(found: &Tensor, expected: &Tensor) {
    assert_eq!((found.dtype(), found.dims()), (expected.dtype(), expected.dims()));
    assert_eq!(numbers(found), numbers(expected));
}

fn through_every_container(weight: &Tensor, dtype: &str) {
    let layer = Layer { name: "in".into(), weight: weight.clone() };
    let block = Block::new(to_bytes(&layer).unwrap()).unwrap();
    let info = &block.arrays().unwrap()[0];
    assert_eq!((info.dtype().to_string().as_str(), info.shape()), (dtype, weight.dims()));
    same(&block.get::<Layer>().unwrap().weight, weight);
    if cfg!(target_os = "linux") {
        let segment = serde_shm::to_shared(&layer).unwrap();
        same(&serde_shm::from_shared::<Layer>(segment.id()).unwrap().weight, weight);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layer.npz");
    to_npz(&path, &layer).unwrap();
    let again: Layer = serde_shm::from_npz(&path).unwrap();
    same(&again.weight, weight);
    assert_eq!(again.name, "in");
}

#[test]
fn every_dtype_shape_and_layout_comes_back() {
    fn of<T: WithDType>(dtype: &str, number: impl Fn(usize) -> T) {
        let cpu = &Device::Cpu;
        for shape in [&[][..], &[0], &[1], &[10_000], &[3, 4], &[2, 0, 3], &[2, 3, 4, 5]] {
            let count = shape.iter().product();
            let items: Vec<T> = (0..count).map(&number).collect();
            let tensor = Tensor::from_vec(items, shape, cpu).unwrap();
            through_every_container(&tensor, dtype);
        }
        let items: Vec<T> = (0..60).map(&number).collect();
        let cube = Tensor::from_vec(items, (3, 4, 5), cpu).unwrap();
        through_every_container(&cube.t().unwrap(), dtype);
        through_every_container(&cube.permute((2, 0, 1)).unwrap(), dtype);
        through_every_container(&cube.narrow(1, 1, 2).unwrap(), dtype);
        through_every_container(&cube.narrow(0, 2, 1).unwrap().squeeze(0).unwrap(), dtype);
        through_every_container(
            &cube.narrow(2, 4, 1).unwrap().broadcast_as((3, 4, 7)).unwrap(),
            dtype,
        );
    }
    of("|u1", |n| n as u8);
    of("<u4", |n| n as u32);
    of("<i2", |n| n as i16 - 5);
    of("<i4", |n| n as i32 - 5);
    of("<i8", |n| n as i64 - 5);
    of("<f2", |n| f16::from_f32(n as f32 / 8.0));
    of("<f4", |n| n as f32 / 8.0);
    of("<f8", |n| n as f64 / 8.0);
    of("<V2", |n| bf16::from_f32(n as f32 / 8.0));
}

#[test]
fn arrays_of_any_layout_become_tensors() {
    let rows = Array2::from_shape_fn((3, 4), |(i, j)| (10 * i + j) as f32);
    let expected = Tensor::from_slice(rows.as_slice().unwrap(), (3, 4), &Device::Cpu).unwrap();
    let mut columns = Array2::zeros((3, 4).f());
    columns.assign(&rows);
    same(&tensor(&ShmArray2::from(columns).into(), &Device::Cpu).unwrap(), &expected);
    let big = rows.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
    let big = UntypedArray::from_owner(">f4".parse().unwrap(), &[3, 4], Order::C, big).unwrap();
    same(&tensor(&big, &Device::Cpu).unwrap(), &expected);
    let bytes = rows.iter().flat_map(|number| number.to_ne_bytes()).collect::<Vec<_>>();
    for by in 0..5 {
        let shifted = [&vec![0; by][..], &bytes].concat();
        let dtype = serde_shm::DType::F32;
        let array =
            UntypedArray::from_owner_with_strides(dtype, &[3, 4], &[16, 4], by, shifted).unwrap();
        same(&tensor(&array, &Device::Cpu).unwrap(), &expected);
    }
}

#[test]
fn what_candle_has_not_is_refused_with_what_to_do() {
    for (dtype, mend) in [
        ("|b1", "u8"),
        ("|i1", "array_as"),
        ("<u8", "array_as"),
        ("<c8", "array_as"),
        ("<M8[s]", "array_as"),
        ("|V4", "array_as"),
        ("[('x', '<f4')]", "array_as"),
    ] {
        let dtype: serde_shm::DType = dtype.parse().unwrap();
        let bytes = vec![0; 2 * dtype.item_size()];
        let array = UntypedArray::from_owner(dtype.clone(), &[2], Order::C, bytes).unwrap();
        let error = tensor(&array, &Device::Cpu).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let said = error.to_string();
        assert!(said.contains(mend) && said.contains(&format!("found {dtype}")), "{said}");
    }
    let narrow = Tensor::zeros(3, DType::F8E4M3, &Device::Cpu).unwrap();
    let error = to_bytes(&TensorRef(&narrow)).unwrap_err();
    assert!(error.to_string().contains("F8E4M3: widen it"), "{error}");
    assert!(from_bytes::<Layer>(&to_bytes(&("in", "no array")).unwrap()).is_err());
}

fn vars() -> (VarMap, Linear, Linear) {
    let vars = VarMap::new();
    let builder = VarBuilder::from_varmap(&vars, DType::F32, &Device::Cpu);
    let first = candle_nn::linear(4, 8, builder.pp("first")).unwrap();
    let second = candle_nn::linear(8, 3, builder.pp("second")).unwrap();
    (vars, first, second)
}

fn answer(first: &Linear, second: &Linear) -> Vec<f64> {
    let input = Tensor::arange(0_f32, 8.0, &Device::Cpu).unwrap().reshape((2, 4)).unwrap();
    numbers(&second.forward(&first.forward(&input).unwrap().relu().unwrap()).unwrap())
}

#[test]
fn a_var_map_goes_to_every_container_and_another_comes_back() {
    let (ours, first, second) = vars();
    let expected = answer(&first, &second);
    let block = Block::new(to_bytes(&VarMapRef(&ours)).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vars.npz");
    to_npz(&path, &VarMapRef(&ours)).unwrap();
    let npz = Npz::open(&path).unwrap();
    assert_eq!(npz.array::<f32, Ix2>("first.weight").unwrap().shape(), [8, 4]);
    let mut all: Vec<Tensors> = vec![block.get().unwrap(), npz.get().unwrap()];
    if cfg!(target_os = "linux") {
        let segment = serde_shm::to_shared(&VarMapRef(&ours)).unwrap();
        all.push(serde_shm::from_shared(segment.id()).unwrap());
    }
    let gathered = npz.arrays().unwrap().into_iter().map(|array| {
        let any = npz.array_untyped(array.path()).unwrap();
        (array.path().to_owned(), any)
    });
    all.push(gathered.collect());
    for tensors in all {
        let names = ["first.bias", "first.weight", "second.bias", "second.weight"];
        assert!(tensors.names().eq(names));
        let (theirs, first, second) = vars();
        assert_ne!(answer(&first, &second), expected);
        tensors.fill(&theirs).unwrap();
        assert_eq!(answer(&first, &second), expected);

        let builder = tensors.var_builder(DType::F32, &Device::Cpu);
        let first = candle_nn::linear(4, 8, builder.pp("first")).unwrap();
        let second = candle_nn::linear(8, 3, builder.pp("second")).unwrap();
        assert_eq!(answer(&first, &second), expected);
        let wide = tensors.var_builder(DType::F64, &Device::Cpu);
        assert_eq!(wide.get((8, 4), "first.weight").unwrap().dtype(), DType::F64);
        assert_eq!(to_bytes(&tensors).unwrap(), *block.as_ref());
    }
}

#[test]
fn a_model_of_other_sizes_is_refused_and_left_as_it_was() {
    let (vars, first, second) = vars();
    let before = answer(&first, &second);
    let saved = |change: &dyn Fn(&mut BTreeMap<String, UntypedArray>)| {
        let bytes = to_bytes(&VarMapRef(&vars)).unwrap();
        let tensors: Tensors = from_bytes(&bytes).unwrap();
        let array = |name: &str| (name.to_owned(), tensors.get(name).unwrap().clone());
        let mut arrays: BTreeMap<String, UntypedArray> = tensors.names().map(array).collect();
        let zero = ShmArray2::from(Array2::<f32>::zeros((8, 4)));
        arrays.insert("first.weight".into(), zero.into());
        change(&mut arrays);
        arrays.into_iter().collect::<Tensors>()
    };
    let missing = saved(&|arrays| drop(arrays.remove("second.bias")));
    let error = missing.fill(&vars).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`second.bias`: there are `first.bias`"), "{error}");
    for other in [
        UntypedArray::from(ShmArray2::from(Array2::<f32>::zeros((3, 9)))),
        ShmArray2::from(Array2::<f64>::zeros((3, 8))).into(),
    ] {
        let misfit = saved(&|arrays| drop(arrays.insert("second.weight".into(), other.clone())));
        let error = misfit.fill(&vars).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(error.to_string().contains("F32 and shape [3, 8], found"), "{error}");
    }
    assert_eq!(answer(&first, &second), before);
    let builder = saved(&|_| ()).var_builder(DType::F32, &Device::Cpu);
    let error = candle_nn::linear(4, 9, builder.pp("first")).unwrap_err();
    assert!(error.to_string().contains("shape [9, 4], found"), "{error}");
    assert!(builder.get(3, "third").is_err());
    saved(&|_| ()).fill(&vars).unwrap();
    assert_ne!(answer(&first, &second), before);
}

/// A variable may be set while it is written: what is written is whole.
#[test]
fn a_variable_that_is_set_meanwhile_is_written_whole() {
    let ones = Tensor::ones(100_000, DType::F32, &Device::Cpu).unwrap();
    let var = Var::from_tensor(&ones).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..200 {
                var.set(&ones.affine(f64::from(n % 7), 0.0).unwrap()).unwrap();
            }
        });
        for _ in 0..50 {
            let bytes = to_bytes(&TensorRef(&var)).unwrap();
            let array: serde_shm::ShmArray1<f32> = from_bytes(&bytes).unwrap();
            assert!(array.iter().all(|number| *number == array[0]));
        }
    });
}

#[test]
fn any_object_is_a_model_by_the_paths_of_its_arrays() {
    #[derive(Serialize)]
    struct Net {
        name: String,
        layers: Vec<Layer>,
        scale: Option<ShmArray2<f32>>,
    }
    let layer = |n: u32| {
        let weight = Tensor::full(n, (2, 2), &Device::Cpu).unwrap();
        Layer { name: n.to_string(), weight }
    };
    let scale = Some(Array2::ones((1, 1)).into());
    let net = Net { name: "n".into(), layers: vec![layer(1), layer(2)], scale };
    let tensors: Tensors = from_bytes(&to_bytes(&net).unwrap()).unwrap();
    assert!(tensors.names().eq(["layers.0.weight", "layers.1.weight", "scale"]));
    let builder = tensors.var_builder(DType::U32, &Device::Cpu).pp("layers");
    assert_eq!(numbers(&builder.get((2, 2), "1.weight").unwrap()), [2.0; 4]);

    // A variable may have the name of a level of others.
    let array =
        |n: u8| UntypedArray::from_owner(serde_shm::DType::U8, &[1], Order::C, [n]).unwrap();
    let names = ["a", "a.b", "a.b.c", "a-b", "b.c", ".", "..d", ""];
    let tensors: Tensors = names.iter().zip(0..).map(|(name, n)| (*name, array(n))).collect();
    let again: Tensors = from_bytes(&to_bytes(&tensors).unwrap()).unwrap();
    assert_eq!(again.get("a.b.c").unwrap(), &array(2));
    for (name, n) in names.iter().zip(0..).take(5) {
        assert_eq!(again.get(name).unwrap(), &array(n), "{name}");
    }
}
