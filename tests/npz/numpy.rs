//! Every dtype, rank and order: NumPy sees what was saved, and what NumPy saves again comes back.

use std::collections::BTreeMap;
use std::fs;

use ndarray::{Array2, ArrayD, IxDyn, ShapeBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_shm::{Element, ShmArray1, ShmArrayD, from_npz, to_npz};
use tempfile::TempDir;

use crate::npz::support::python;

/// An element of which each bit pattern occurs: not-a-numbers with a payload too.
trait Pattern: Element {
    fn nth(index: usize) -> Self;
    fn put(self, out: &mut Vec<u8>);
}

macro_rules! patterns {
    ($($type:ty: $bits:ty, $make:expr;)*) => {
        $(impl Pattern for $type {
            fn nth(index: usize) -> Self {
                let mixed = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                #[allow(clippy::redundant_closure_call)]
                ($make)((mixed >> (64 - <$bits>::BITS)) as $bits)
            }
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
        })*
    };
}

patterns! {
    i8: u8, |bits: u8| bits.cast_signed();
    i16: u16, |bits: u16| bits.cast_signed();
    i32: u32, |bits: u32| bits.cast_signed();
    i64: u64, |bits: u64| bits.cast_signed();
    u8: u8, |bits| bits;
    u16: u16, |bits| bits;
    u32: u32, |bits| bits;
    u64: u64, |bits| bits;
    f32: u32, |bits: u32| f32::from_bits(if bits.is_multiple_of(5) { bits | 0x7fc0_0000 } else { bits });
    f64: u64, |bits: u64| f64::from_bits(if bits.is_multiple_of(5) { bits | 0x7ff8 << 48 } else { bits });
}

impl Pattern for bool {
    fn nth(index: usize) -> Self {
        index.is_multiple_of(3)
    }
    fn put(self, out: &mut Vec<u8>) {
        out.push(u8::from(self));
    }
}

const SHAPES: [&[usize]; 11] = [
    &[],
    &[1],
    &[37],
    &[0],
    &[3, 5],
    &[1, 4],
    &[2, 0, 3],
    &[2, 3, 4],
    &[2, 1, 3, 2],
    &[2, 3, 1, 2, 2],
    &[1, 2, 3, 2, 1, 2],
];

type Arrays<A> = BTreeMap<String, ShmArrayD<A>>;

/// An array of each shape in both orders; what NumPy is to find goes to the manifest.
fn arrays<A: Pattern>(
    field: &str,
    manifest: &mut serde_json::Map<String, serde_json::Value>,
) -> Arrays<A> {
    let mut arrays = Arrays::new();
    for (number, shape) in SHAPES.iter().enumerate() {
        for fortran in [false, true] {
            let count = shape.iter().product();
            let items: Vec<A> = (0..count).map(A::nth).collect();
            let mut bytes = Vec::new();
            for item in &items {
                item.put(&mut bytes);
            }
            let name = format!("{number}{}", if fortran { "F" } else { "C" });
            manifest.insert(
                format!("{field}.{name}"),
                json!({"dtype": A::DTYPE.to_string(), "shape": shape, "fortran": fortran, "bytes": bytes}),
            );
            let array = ArrayD::from_shape_vec(IxDyn(shape).set_f(fortran), items).unwrap();
            arrays.insert(name, ShmArrayD::from(array));
        }
    }
    arrays
}

/// The bytes in memory order, which tell apart what `==` does not: not-a-numbers, and orders.
fn raw<A: Pattern>(arrays: &Arrays<A>) -> Vec<u8> {
    let mut out = Vec::new();
    for array in arrays.values() {
        let items = array.as_slice_memory_order().unwrap();
        for item in items {
            item.put(&mut out);
        }
        for stride in array.strides() {
            out.extend_from_slice(&stride.to_le_bytes());
        }
    }
    out
}

macro_rules! zoo {
    ($($field:ident: $type:ty,)*) => {
        #[derive(Serialize, Deserialize)]
        struct Zoo {
            title: String,
            $($field: Arrays<$type>,)*
        }

        impl Zoo {
            fn new(manifest: &mut serde_json::Map<String, serde_json::Value>) -> Self {
                Zoo {
                    title: "every dtype, rank and order".to_owned(),
                    $($field: arrays(stringify!($field), manifest),)*
                }
            }

            fn assert_same(&self, other: &Zoo) {
                assert_eq!(self.title, other.title);
                $(assert_eq!(raw(&self.$field), raw(&other.$field), stringify!($field));)*
            }
        }
    };
}

zoo! {
    bools: bool,
    bytes: i8,
    shorts: i16,
    ints: i32,
    longs: i64,
    unsigned_bytes: u8,
    unsigned_shorts: u16,
    unsigned_ints: u32,
    unsigned_longs: u64,
    floats: f32,
    doubles: f64,
}

#[test]
fn numpy_opens_every_dtype_rank_and_order_and_so_do_we() {
    let folder = TempDir::new().unwrap();
    let (path, list) = (folder.path().join("zoo.npz"), folder.path().join("zoo.json"));
    let mut manifest = serde_json::Map::new();
    let zoo = Zoo::new(&mut manifest);
    to_npz(&path, &zoo).unwrap();
    from_npz::<Zoo>(&path).unwrap().assert_same(&zoo);
    fs::write(&list, serde_json::to_vec(&manifest).unwrap()).unwrap();
    if !python("check.py", &[&path, &list]) {
        return;
    }
    // NumPy's own files have unaligned members, or compressed ones.
    for way in ["stored", "deflated"] {
        let rewritten = folder.path().join(way);
        python("rewrite.py", &[&path, &rewritten, &way]);
        let rewritten = rewritten.with_extension("npz");
        from_npz::<Zoo>(rewritten).unwrap().assert_same(&zoo);
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Layer {
    name: String,
    weight: Array2<f32>,
    #[serde(with = "serde_shm::array")]
    bias: Vec<f32>,
}

fn layer(size: u16) -> Layer {
    Layer {
        name: format!("layer of {size}"),
        weight: Array2::from_shape_fn((size.into(), 3), |(_, column)| [0.0, -1.0, 0.5][column]),
        bias: (0..size).map(|item| f32::from(item) / 2.0).collect(),
    }
}

fn entry(dtype: &str, shape: &[usize], bytes: &[u8]) -> serde_json::Value {
    json!({"dtype": dtype, "shape": shape, "fortran": false, "bytes": bytes})
}

#[test]
fn members_are_named_by_their_place_in_the_object() {
    let folder = TempDir::new().unwrap();
    let (path, list) = (folder.path().join("names.npz"), folder.path().join("names.json"));
    let check = |manifest: serde_json::Value| {
        fs::write(&list, serde_json::to_vec(&manifest).unwrap()).unwrap();
        python("check.py", &[&path, &list]);
    };
    let ones = ShmArray1::from(vec![1_u8]);
    let one = || entry("|u1", &[1], &[1]);

    to_npz(&path, &ones).unwrap();
    check(json!({"arr_0": one()}));
    assert_eq!(from_npz::<ShmArray1<u8>>(&path).unwrap()[0], 1);

    // Keys that would be folders, other arrays' names or this crate's own.
    let keys = ["plain", "grüße", "a.b", "a/b", "..", "__serde_shm__", "", "a\\b"];
    let map: BTreeMap<String, ShmArray1<u8>> =
        keys.iter().map(|key| ((*key).to_owned(), ones.clone())).collect();
    to_npz(&path, &map).unwrap();
    let back: BTreeMap<String, ShmArray1<u8>> = from_npz(&path).unwrap();
    assert_eq!(back.keys().collect::<Vec<_>>(), map.keys().collect::<Vec<_>>());

    let layers = BTreeMap::from([("layers", vec![layer(1)])]);
    to_npz(&path, &layers).unwrap();
    let floats =
        |items: &[f32]| items.iter().flat_map(|item| item.to_le_bytes()).collect::<Vec<u8>>();
    check(json!({
        "layers.0.weight": entry("<f4", &[1, 3], &floats(&[0.0, -1.0, 0.5])),
        "layers.0.bias": entry("<f4", &[1], &floats(&[0.0])),
    }));
}

#[test]
fn python_may_change_an_array_in_the_file() {
    let folder = TempDir::new().unwrap();
    let (path, changed) = (folder.path().join("a.npz"), folder.path().join("b.npz"));
    to_npz(&path, &layer(4)).unwrap();
    if python("rewrite.py", &[&path, &changed, &"stored", &"bias", &"2.5"]) {
        let expected = Layer { bias: vec![2.5; 4], ..layer(4) };
        assert_eq!(from_npz::<Layer>(&changed).unwrap(), expected);
    }
}
