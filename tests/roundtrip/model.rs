//! A struct with arrays of every dtype, shape and order: once under this crate's derives, once under serde's own.

use ndarray::{Array, ArrayD, Dimension, IxDyn, ShapeBuilder};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// The same fields under whatever derives and marks are in scope.
macro_rules! model {
    ($(#[$mark:meta])*) => {
        use std::collections::BTreeMap;

        use ndarray::{Array0, Array1, Array2, Array3, ArrayD};
        use serde_shm::{ShmArray1, ShmArray2, ShmArrayD};

        use crate::roundtrip::model::Parts;

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
        pub(crate) struct Model {
            pub(crate) name: String,
            pub(crate) flags: ArrayD<bool>,
            pub(crate) i8s: ArrayD<i8>,
            pub(crate) i16s: ArrayD<i16>,
            pub(crate) i32s: ArrayD<i32>,
            pub(crate) i64s: ArrayD<i64>,
            pub(crate) u8s: ArrayD<u8>,
            pub(crate) u16s: ArrayD<u16>,
            pub(crate) u32s: ArrayD<u32>,
            pub(crate) u64s: ArrayD<u64>,
            pub(crate) f32s: ArrayD<f32>,
            pub(crate) f64s: ArrayD<f64>,
            pub(crate) sizes: ArrayD<usize>,
            pub(crate) kind: Kind,
            pub(crate) layers: Vec<Layer>,
            pub(crate) by_name: BTreeMap<String, Layer>,
            pub(crate) handles: BTreeMap<u32, ShmArray1<f32>>,
            pub(crate) any: Option<(u8, ShmArrayD<u16>)>,
            pub(crate) numbers: (u128, i128, char, Option<Option<i64>>),
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
        pub(crate) struct Layer {
            pub(crate) weight: Array2<f32>,
            pub(crate) cube: Option<Array3<i16>>,
            pub(crate) point: Array0<f64>,
            $(#[$mark])*
            pub(crate) bias: Vec<f64>,
            $(#[$mark])*
            pub(crate) mask: Box<[bool]>,
            $(#[$mark])*
            pub(crate) pairs: Vec<[u16; 2]>,
            $(#[$mark])*
            pub(crate) ragged: Vec<Vec<u32>>,
            $(#[$mark])*
            pub(crate) words: Option<Vec<String>>,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
        pub(crate) enum Kind {
            Empty,
            Number(u64),
            Pair(String, Option<f32>),
            Arrays { table: ShmArray2<i32>, rows: Vec<Array1<u8>> },
        }

        pub(crate) fn model(parts: Parts) -> Model {
            let layer = |part: usize| Layer {
                weight: parts.matrix(part).mapv(|n| f32::from(n) / 8.0),
                cube: parts.cube(part).map(|cube| cube.mapv(i16::from)),
                point: ndarray::arr0(f64::from(parts.number as i32) / 64.0),
                bias: parts.list.iter().map(|n| f64::from(*n as i32) / 64.0).collect(),
                mask: parts.list.iter().map(|n| n % 2 == 0).collect(),
                pairs: parts.list.iter().map(|n| [*n as u16, part as u16]).collect(),
                ragged: (0..part).map(|n| parts.list.iter().take(n).copied().collect()).collect(),
                words: (part > 0).then(|| parts.words.keys().cloned().collect()),
            };
            Model {
                name: parts.words.keys().next().cloned().unwrap_or_default(),
                flags: parts.array(0).mapv(|n| n % 2 == 0),
                i8s: parts.array(1),
                i16s: parts.array(2).mapv(|n| i16::from(n) << 8 | 1),
                i32s: parts.array(3).mapv(|n| i32::from(n) << 20),
                i64s: parts.array(4).mapv(|n| i64::from(n) << 50),
                u8s: parts.array(5).mapv(|n| n as u8),
                u16s: parts.array(6).mapv(|n| n as u16),
                u32s: parts.array(7).mapv(|n| n as u32),
                u64s: parts.array(8).mapv(|n| n as u64),
                f32s: parts.array(9).mapv(|n| f32::from(n) / 16.0),
                f64s: parts.array(10).mapv(|n| f64::from(n) * 1024.5),
                sizes: parts.array(11).mapv(|n| n as usize),
                kind: match parts.number % 4 {
                    0 => Kind::Empty,
                    1 => Kind::Number(parts.number),
                    2 => Kind::Pair(format!("{}", parts.number), (parts.number % 3 == 0).then_some(0.5)),
                    _ => Kind::Arrays {
                        table: parts.matrix(1).mapv(i32::from).into(),
                        rows: (0..3).map(|n| Array1::from_elem(n, n as u8)).collect(),
                    },
                },
                layers: (0..parts.number as usize % 3).map(&layer).collect(),
                by_name: parts.words.iter().map(|(word, n)| (word.clone(), layer(*n as usize % 3))).collect(),
                handles: parts.words.values().map(|n| (*n, vec![*n as f32; 5].into())).collect(),
                any: (parts.number % 2 == 0).then(|| (3, parts.array(0).mapv(|n| n as u16).into())),
                numbers: (
                    u128::MAX - u128::from(parts.number),
                    -i128::from(parts.number),
                    char::from(parts.number as u8),
                    [None, Some(Some(7)), Some(Some(-1))][parts.number as usize % 3],
                ),
            }
        }
    };
}

pub(crate) mod ours {
    use serde_shm::{Deserialize, Serialize};
    model!(#[shm_array]);
}

pub(crate) mod theirs {
    use serde::{Deserialize, Serialize};
    model!();
}

/// What both are made of.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// One for each dtype: shape, Fortran order, every second element left out, first number.
    pub(crate) arrays: Vec<(Vec<usize>, bool, bool, i8)>,
    pub(crate) list: Vec<u32>,
    pub(crate) words: std::collections::BTreeMap<String, u32>,
    pub(crate) number: u64,
}

fn filled<D: Dimension>(shape: D, fortran: bool, first: i8) -> Array<i8, D> {
    let mut next = first.wrapping_sub(1);
    Array::from_shape_simple_fn(shape.set_f(fortran), || {
        next = next.wrapping_add(1);
        next
    })
}

impl Parts {
    pub(crate) fn array(&self, number: usize) -> ArrayD<i8> {
        let (shape, fortran, sparse, first) = &self.arrays[number % self.arrays.len()];
        if *sparse && !shape.is_empty() {
            let mut doubled = shape.clone();
            doubled[0] *= 2;
            let mut array = filled(IxDyn(&doubled), *fortran, *first);
            array.slice_each_axis_inplace(|axis| {
                if axis.axis.index() == 0 {
                    ndarray::Slice::new(0, None, -2)
                } else {
                    ndarray::Slice::from(..)
                }
            });
            return array;
        }
        filled(IxDyn(shape), *fortran, *first)
    }

    pub(crate) fn matrix(&self, number: usize) -> ndarray::Array2<i8> {
        let (_, fortran, _, first) = self.arrays[number % self.arrays.len()];
        filled(ndarray::Ix2(number + 1, self.list.len()), fortran, first)
    }

    pub(crate) fn cube(&self, number: usize) -> Option<ndarray::Array3<i8>> {
        let (_, fortran, _, first) = self.arrays[number % self.arrays.len()];
        (first > 0).then(|| filled(ndarray::Ix3(2, number + 1, self.list.len()), fortran, first))
    }
}

/// Shapes that nested numbers can tell: an empty axis is the last one. `[[], []]` has two axes, `[]` has one.
fn shape() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        8 => vec(1_usize..5, 0..5),
        1 => vec(1_usize..5, 0..3).prop_map(|mut shape| { shape.push(0); shape }),
        1 => (200_usize..400).prop_map(|len| vec![len]),
    ]
}

pub(crate) fn parts() -> impl Strategy<Value = Parts> {
    (
        vec((shape(), any::<bool>(), any::<bool>(), any::<i8>()), 12),
        vec(any::<u32>(), 0..6),
        btree_map("[a-z./%é]{0,6}", any::<u32>(), 0..4),
        any::<u64>(),
    )
        .prop_map(|(arrays, list, words, number)| Parts { arrays, list, words, number })
}
