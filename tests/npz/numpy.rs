//! Every dtype, rank and order: NumPy sees what was saved, and what NumPy saves again comes back.

use std::collections::BTreeMap;
use std::fs;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_shm::{Element, ShmArrayD, from_npz, to_npz};
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
