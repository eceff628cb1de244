//! A block has the arrays that an archive of the same object has: a reader in Python, written after docs/FORMAT.md, finds them.

use std::collections::BTreeMap;

use ndarray::{Array0, Array1, Array2, ShapeBuilder};
use serde_shm::element::{Datetime64, Days};
use serde_shm::{Element, Order, Serialize, ShmArray1, UntypedArray, to_npz, to_writer};

use crate::npz::support::{folder, python};

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Point {
    x: f32,
    ok: bool,
}

#[derive(Serialize)]
struct Layer {
    weight: Array2<f32>,
    bias: Array1<f64>,
}

#[derive(Serialize)]
struct Object {
    name: &'static str,
    list: Vec<Array1<f64>>,
    ragged: Vec<Array1<u16>>,
    layers: Vec<Layer>,
    named: BTreeMap<String, Layer>,
    lists: Vec<Vec<Array1<i8>>>,
    alone: Array0<i64>,
    fortran: Array2<i32>,
    #[shm_array]
    points: Vec<Point>,
    #[shm_array]
    days: Vec<Datetime64<Days>>,
    keys: BTreeMap<u128, Array1<u8>>,
    times: Vec<ShmArray1<Datetime64<Days>>>,
    turned: Vec<UntypedArray>,
}

fn layer(at: usize) -> Layer {
    let at = at as f64;
    Layer { weight: Array2::from_elem((2, 3), at as f32), bias: Array1::from_elem(3, at) }
}

fn big_endian() -> UntypedArray {
    let dtype = ">i4".parse().unwrap();
    UntypedArray::from_owner(dtype, &[2], Order::C, vec![0, 0, 0, 1, 0, 0, 0, 2]).unwrap()
}

fn object(count: usize) -> Object {
    Object {
        name: "blocks",
        list: (0..count).map(|at| Array1::from_elem(3, at as f64)).collect(),
        ragged: (0..count).map(|at| Array1::from_elem(at % 5, at as u16)).collect(),
        layers: (0..count).map(layer).collect(),
        named: (0..count).map(|at| (format!("key {at}.é"), layer(at))).collect(),
        lists: (0..count).map(|at| vec![Array1::from_elem(at % 3, 1); 2]).collect(),
        alone: Array0::from_elem((), 7),
        fortran: Array2::from_shape_vec((3, 4).f(), (0..12).collect()).unwrap(),
        points: vec![Point { x: 1.5, ok: true }; count],
        days: vec![Datetime64::new(365); 2],
        keys: (0..count as u128).map(|at| ((1 << 64) - 2 + at, Array1::zeros(1))).collect(),
        times: (0..count).map(|at| vec![Datetime64::new(3); at % 2].into()).collect(),
        turned: (0..count).map(|_| big_endian()).collect(),
    }
}

#[test]
fn python_reads_blocks_by_the_document() {
    let folder = folder();
    for count in [0, 1, 2, 3, 17, 300] {
        let [block, archive] = ["a.block", "a.npz"].map(|name| folder.path().join(name));
        to_writer(std::fs::File::create(&block).unwrap(), &object(count)).unwrap();
        to_npz(&archive, &object(count)).unwrap();
        if !python("block.py", &[&block, &archive]) {
            return;
        }
    }
}
