//! Writes the first inputs of each target into `seeds/`, the same in each run: `cargo run --release --bin seeds`.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use half::{bf16, f16};
use ndarray::{Array, Array1, Array2, ShapeBuilder, arr0, arr1, arr2};
use num_complex::Complex32;
use serde::Serialize;
use serde_shm::element::{Datetime64, FixedBytes, FixedStr};
use serde_shm::ser::NamedNewtypes;
use serde_shm::value::Name;
use serde_shm::{AtomicArray, Compression, DynArray, LockedArray, NpzOptions, to_bytes, to_shared};
use serde_shm_fuzz::anything::{Arrays, Kind, Leaf, Rich};
use serde_shm_fuzz::array::Point;
use serde_shm_fuzz::live::join;
use serde_shm_fuzz::random::Random;
use serde_shm_fuzz::zip::{Member, build, npy};

fn leaf(id: u64) -> Leaf {
    Leaf { id, label: id.is_multiple_of(2).then(|| "even".to_owned()), score: 0.5, done: id > 1 }
}

fn rich() -> Rich {
    Rich {
        name: "näme".to_owned(),
        numbers: (1, -2, 300, -70_000, 0.5, -1.25, 1 << 100),
        option: Some(Some(true)),
        letter: 'å',
        large: vec![1, u64::MAX, 300],
        words: vec![String::new(), "word".to_owned()],
        map: BTreeMap::from([("a.b".to_owned(), leaf(1)), (String::new(), leaf(2))]),
        kinds: vec![
            Kind::Empty,
            Kind::One(7),
            Kind::Two(-1, "two".to_owned()),
            Kind::Named { x: 1.5, y: None },
            Kind::Array(arr1(&[1.0, 2.0])),
        ],
        leaves: (0..3).map(leaf).collect(),
        weight: arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        columns: Array2::from_shape_vec((2, 2).f(), vec![1, 2, 3, 4]).unwrap(),
        flags: vec![true, false, true],
        sizes: Some(vec![1, 1 << 40]),
        point: arr0(2.5).into_dyn(),
        empty: Vec::new().into(),
        handles: vec![vec![1, -2].into(), vec![3].into()],
        blob: vec![9; 260],
        address: IpAddr::from([127, 0, 0, 1]),
        last: true,
    }
}

fn arrays() -> Arrays {
    Arrays {
        halves: arr1(&[f16::from_f32(0.5)]),
        brains: arr2(&[[bf16::from_f32(2.0)]]).into(),
        complex: arr1(&[Complex32::new(1.0, -1.0)]),
        points: vec![Point { on: true, at: [0.5, 1.0], id: 7 }].into(),
        times: vec![Datetime64::new(5), Datetime64::NAT].into(),
        texts: vec![FixedStr::try_from("åb").unwrap()].into(),
        bytes: vec![FixedBytes::from_array(*b"ab\0")].into(),
        zero: arr0(3),
        cube: Array::from_elem((1, 2, 2), 9),
        boxed: [1, 2].into(),
        fixed: [1, 2, 3],
        rows: vec![[0.5, 1.5]],
        ragged: vec![vec![1], vec![]],
        any: DynArray::from(arr1(&[1_u16, 2]).into_dyn()),
    }
}

/// A few arrays and little else.
#[derive(Serialize)]
struct Few {
    weight: Array2<f32>,
    flags: Array1<bool>,
    name: &'static str,
}

#[derive(Serialize)]
struct Live {
    locked: LockedArray<u32, ndarray::Ix1>,
    atomic: AtomicArray<bool, ndarray::Ix1>,
}

fn few() -> Few {
    Few { weight: arr2(&[[1.0, 2.0]]), flags: arr1(&[true, false]), name: "few" }
}

#[derive(Serialize)]
struct Celsius(f32);

#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u16);

/// Values under names, as fields, items, keys and around what has parts.
#[derive(Serialize)]
struct Named {
    one: Celsius,
    items: Vec<Celsius>,
    keys: BTreeMap<Key, Option<Celsius>>,
    few: Few,
}

fn named() -> Named {
    let celsius = || Celsius(21.5);
    let keys = BTreeMap::from([(Key(1), Some(celsius())), (Key(300), None)]);
    Named { one: celsius(), items: vec![celsius(), celsius()], keys, few: few() }
}

struct Seeds<'a>(&'a Path);

impl Seeds<'_> {
    fn put(&self, target: &str, name: &str, bytes: &[u8]) {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn blocks() -> Vec<(&'static str, Vec<u8>)> {
    let json = serde_json::json!({"a": [1, 2.5, null, "text"], "b": {"c": true}});
    let outer = Name::new("outer").unwrap();
    let layers = BTreeMap::from([("x", arr1(&[1.0_f64, 2.0])), ("y", arr1(&[]))]);
    vec![
        ("rich", to_bytes(&rich()).unwrap().to_vec()),
        ("arrays", to_bytes(&arrays()).unwrap().to_vec()),
        ("few", to_bytes(&few()).unwrap().to_vec()),
        ("json", to_bytes(&json).unwrap().to_vec()),
        ("layers", to_bytes(&layers).unwrap().to_vec()),
        ("array", to_bytes(&DynArray::from(arr2(&[[1_u8, 2]]).into_dyn())).unwrap().to_vec()),
        ("rows", to_bytes(&(0..5).map(leaf).collect::<Vec<_>>()).unwrap().to_vec()),
        ("named", to_bytes(&outer.value(&NamedNewtypes(&named()))).unwrap().to_vec()),
        ("nest", to_bytes(&[[[[(), ()]; 1]; 2]; 2]).unwrap().to_vec()),
    ]
}

fn saved(value: &impl Serialize, compression: Compression) -> Vec<u8> {
    let path = std::env::temp_dir().join(format!("serde_shm-seed-{}.npz", std::process::id()));
    NpzOptions::new().compression(compression).fsync(false).save(&path, value).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    bytes
}

const HEADERS: [&str; 14] = [
    "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n",
    "{'descr': '>i8', 'fortran_order': True, 'shape': (2,), }   \n",
    "{\"descr\": \"|b1\", \"shape\": (), \"fortran_order\": False}",
    "{'descr': [('x', '<f4'), ('y', '<u2', (3,))], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': [('', '|V4'), ('a', [('b', '|S3'), ('c', '<U2')])], 'fortran_order': False, 'shape': (0,), }",
    "{'descr': '<M8[25us]', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '|S0', 'fortran_order': False, 'shape': (1048576,), }",
    "{'descr': [('x', '<f4', (1099511627776, 0))], 'fortran_order': False, 'shape': (1,), }",
    "{'descr': '<c16', 'fortran_order': False, 'shape': (18446744073709551615, 2), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (1L,), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
    "{'descr': 'float32', 'fortran_order': 0, 'shape': (0x2,), }",
    "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (1,), 'more': None}",
    "{'descr': {'names': ['a'], 'formats': ['<f4'], 'offsets': [4], 'itemsize': 8}, 'fortran_order': False, 'shape': (1,), }",
];

fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let member = |name: &str, header: &str, data: &[u8], deflated| Member {
        name: name.as_bytes().to_vec(),
        deflated,
        extra: Vec::new(),
        content: npy(header.as_bytes(), data),
    };
    let theirs = [
        member("weight.npy", HEADERS[0], &[0; 24], false),
        member("flags.npy", HEADERS[2], &[1], true),
        member("group/data.npy", HEADERS[4], &[], false),
        member("points.npy", HEADERS[3], &[0; 10], false),
    ];
    vec![
        ("few", saved(&few(), Compression::None)),
        ("deflated", saved(&vec![arr1(&[1.0_f64; 40])], Compression::Deflate(6))),
        ("theirs", build(&theirs)),
        ("map", saved(&BTreeMap::from([("a.b", arr1(&[1_u8]))]), Compression::None)),
    ]
}

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let seeds = Seeds(&folder);
    for (name, block) in blocks() {
        seeds.put("from_bytes", name, &block);
        if name == "few" {
            seeds.put("segment", name, &join(&block, &[]));
        }
    }
    let live =
        to_shared(&Live { locked: vec![7, 8].into(), atomic: vec![true, false].into() }).unwrap();
    let fd = live.id().split(':').nth(1).unwrap();
    let block = fs::read(format!("/proc/self/fd/{fd}")).unwrap();
    let mut plain = block.clone();
    // A random number, which changes nothing, and is to be the same in each run.
    plain[16..32].fill(1);
    serde_shm_fuzz::block::seal(&mut plain);
    seeds.put("segment", "live", &join(&plain, &[]));
    seeds.put("segment", "bools", &join(&plain, &[1, 64, 0, 2]));
    seeds.put("segment", "locked", &join(&plain, &[2, 64, 0, 5, 2, 72, 0, 1, 3, 0, 0, 9]));
    for (name, archive) in archives() {
        seeds.put("npz", name, &archive);
    }
    for (number, header) in HEADERS.iter().enumerate() {
        seeds.put("npy_header", &format!("{number:02}"), &[header.as_bytes(), &[0; 25]].concat());
    }
    for target in ["round_trip", "foreign", "numpy_differential", "names"] {
        for number in 0..16 {
            let mut random = Random::new(number);
            let len = 40 << (number % 5);
            let bytes: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
            seeds.put(target, &format!("{number:02}"), &bytes);
        }
    }
}
