//! The object that the tests share, owned and borrowed.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2};
use serde_shm::{Deserialize, Serialize, ShmArray1};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) epoch: u32,
    pub(crate) weights: Array2<f32>,
    #[shm_array]
    pub(crate) bias: Vec<f64>,
    pub(crate) layers: BTreeMap<String, ShmArray1<u16>>,
}

#[derive(Deserialize)]
pub(crate) struct ModelView<'a> {
    pub(crate) name: &'a str,
    pub(crate) weights: ArrayView2<'a, f32>,
    #[shm_array]
    pub(crate) bias: &'a [f64],
}

impl Model {
    pub(crate) fn new(epoch: u32) -> Self {
        Model {
            name: format!("model-{epoch}"),
            epoch,
            weights: Array2::from_shape_fn((40, 30), |(i, j)| (i * 100 + j) as f32),
            bias: (0..1000).map(f64::from).collect(),
            layers: BTreeMap::from([("a".to_owned(), ShmArray1::from(vec![7; 500]))]),
        }
    }
}

/// A name that no other test, and no other run of this one, uses.
pub(crate) fn unique(what: &str) -> String {
    format!("test-{what}-{}", std::process::id())
}

/// The line of `/proc/self/maps` in which an address lies.
pub(crate) fn mapping_of(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let holds = |line: &&str| {
        let (start, rest) = line.split_once('-').unwrap();
        let end = rest.split_once(' ').unwrap().0;
        let number = |hex| usize::from_str_radix(hex, 16).unwrap();
        (number(start)..number(end)).contains(&address)
    };
    maps.lines().find(holds).unwrap_or_default().to_owned()
}
