//! Lists of arrays, which a type hands over as one: they are written as if each array was handed over by itself, as it is through a
//! serializer of another error type.

use std::collections::BTreeMap;
use std::rc::Rc;

use ndarray::{Array0, Array1, Array2, ArrayD, ArrayView2, CowArray, Ix1, Ix2, ShapeBuilder};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_shm::{Block, Deserialize, Element, Serialize, from_bytes, to_bytes};

/// The block as it is without a list that is handed over as one.
fn one_by_one<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let bytes =
        serde_shm::ser::to_bytes_with(|serializer| erased_serde::serialize(value, serializer));
    bytes.unwrap().to_vec()
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Padded {
    small: u8,
    wide: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Point {
    x: f32,
    y: f32,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Default)]
struct Lists {
    #[shm_array]
    floats: Vec<Vec<f64>>,
    label: String,
    #[shm_array]
    bytes: Vec<Box<[u8]>>,
    #[shm_array]
    bools: Vec<Vec<bool>>,
    #[shm_array]
    rows: Vec<Vec<[u16; 3]>>,
    #[shm_array]
    nested: Vec<Vec<Vec<i32>>>,
    #[shm_array]
    optional: Vec<Option<Vec<i64>>>,
    #[shm_array]
    padded: Vec<Vec<Padded>>,
    #[shm_array]
    points: Vec<Vec<Point>>,
    #[shm_array]
    named: BTreeMap<String, Vec<Vec<f32>>>,
    #[shm_array]
    shared: Vec<Rc<[u32]>>,
    plain: Vec<Array1<f32>>,
    tables: Vec<Array2<u8>>,
    single: Vec<Array0<u64>>,
    any: Vec<ArrayD<u16>>,
    last: u32,
}

impl Lists {
    fn of(lens: &[usize]) -> Self {
        let wide = || lens.iter().map(|len| vec![*len as f64; *len]);
        let table = |(at, len): (usize, &usize)| {
            let columns = at % 3;
            let shape = (*len, columns).set_f(at % 7 == 6);
            Array2::from_shape_vec(shape, vec![at as u8; len * columns]).unwrap()
        };
        let any = |(at, len): (usize, &usize)| {
            let shape = vec![1 + at % 2; 1 + at % 11 / 9];
            let count = shape.iter().product::<usize>() * len;
            let shape: Vec<_> = shape.into_iter().chain([*len]).collect();
            ArrayD::from_shape_vec(shape, vec![at as u16; count]).unwrap()
        };
        Lists {
            floats: wide().collect(),
            label: "between".into(),
            bytes: lens.iter().map(|len| vec![*len as u8; *len].into()).collect(),
            bools: lens.iter().map(|len| vec![len % 2 == 0; *len]).collect(),
            rows: lens.iter().map(|len| vec![[1, 2, *len as u16]; *len]).collect(),
            nested: lens
                .chunks(5)
                .map(|lens| lens.iter().map(|len| vec![-1; *len]).collect())
                .collect(),
            optional: lens.iter().map(|len| (len % 3 > 0).then(|| vec![7; *len])).collect(),
            padded: lens.iter().map(|len| vec![Padded { small: 1, wide: 2 }; *len % 5]).collect(),
            points: lens.iter().map(|len| vec![Point { x: 0.5, y: -0.5 }; *len]).collect(),
            named: lens
                .chunks(9)
                .enumerate()
                .map(|(at, lens)| {
                    (format!("key {at}"), lens.iter().map(|len| vec![0.25; *len]).collect())
                })
                .collect(),
            shared: lens.iter().map(|len| vec![9; *len].into()).collect(),
            plain: lens.iter().map(|len| Array1::from_elem(*len, 1.5)).collect(),
            tables: lens.iter().enumerate().map(table).collect(),
            single: lens.iter().map(|len| ndarray::arr0(*len as u64)).collect(),
            any: lens.iter().enumerate().map(any).collect(),
            last: 77,
        }
    }

    fn check(&self) {
        let block = to_bytes(self).unwrap();
        assert!(*block == *one_by_one(self), "another block than that of the arrays one by one");
        assert_eq!(from_bytes::<Lists>(&block).unwrap(), *self);
    }
}

/// Lengths around those at which a small array, a packed one and a run begin, in lists that end around where a run does.
#[test]
fn a_list_is_written_as_its_arrays_would_be() {
    Lists::default().check();
    for count in [1, 2, 3, 15, 16, 17, 31, 32, 33, 127, 128, 300] {
        for lens in [[16, 16, 16], [1, 2, 3], [0, 0, 0], [0, 5, 0], [31, 32, 33], [255, 256, 257]] {
            Lists::of(&lens.into_iter().cycle().take(count).collect::<Vec<_>>()).check();
        }
    }
    // So many that small arrays are no longer looked up by their owners.
    Lists::of(&vec![3; 1100]).check();
    // A long run of one length, and then others.
    let late: Vec<_> = std::iter::repeat_n(4, 40).chain([5, 4, 4, 200, 4]).collect();
    Lists::of(&late).check();
}

/// What lies in memory with gaps, or is of several forms, is no list that is handed over as one.
#[test]
fn views_with_gaps_are_written_as_they_were() {
    #[derive(Serialize)]
    struct Views<'a> {
        views: Vec<ArrayView2<'a, f64>>,
        owned_or_not: Vec<CowArray<'a, f64, Ix2>>,
    }
    let base = Array2::from_shape_fn((8, 9), |(row, column)| (10 * row + column) as f64);
    for step in 1..4 {
        let view = |at: usize| base.slice(ndarray::s![..at, ..;step as isize]);
        let views: Vec<_> = (0..8).chain([3, 3, 3]).map(view).collect();
        let turned = views.iter().map(|view| view.reversed_axes());
        let owned_or_not = views.iter().map(|view| CowArray::from(view.to_owned()));
        let object = Views {
            owned_or_not: owned_or_not.chain([base.view().into()]).collect(),
            views: views.iter().copied().chain(turned).collect(),
        };
        let block = to_bytes(&object).unwrap();
        assert!(*block == *one_by_one(&object));
        let block = Block::new(block).unwrap();
        for (at, view) in object.views.iter().enumerate() {
            assert_eq!(block.array::<f64, Ix2>(&format!("views.{at}")).unwrap(), view);
        }
    }
}

#[test]
fn arrays_of_a_list_can_be_reached_by_their_paths() {
    let lists = Lists::of(&[3, 3, 4, 3, 0, 3]);
    let block = Block::new(to_bytes(&lists).unwrap()).unwrap();
    for (at, floats) in lists.floats.iter().enumerate() {
        let array = block.array::<f64, Ix1>(&format!("floats.{at}")).unwrap();
        assert_eq!(array.to_vec(), *floats);
    }
    assert_eq!(block.array::<f32, Ix1>("named.key 0.2").unwrap().len(), 4);
    assert_eq!(block.array::<i32, Ix1>("nested.1.0").unwrap().len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn lists_of_any_lengths(lens in vec(prop_oneof![4 => Just(4_usize), 2 => 0..40_usize, 1 => 0..300_usize], 0..80)) {
        Lists::of(&lens).check();
    }
}

/// Every container takes a list as it takes its arrays, and so does serde's buffer.
#[test]
fn every_container_takes_a_list() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind")]
    enum Tagged {
        Lists {
            #[serde(flatten)]
            inner: Inner,
        },
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Inner {
        #[shm_array]
        lists: Vec<Vec<u32>>,
        tables: Vec<Array2<f32>>,
    }
    for count in [2, 16, 40] {
        let inner = Inner {
            lists: (0..count).map(|at| vec![at; at as usize % 9]).collect(),
            tables: (0..count).map(|at| Array2::from_elem((2, at as usize), 0.5)).collect(),
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.npz");
        serde_shm::to_npz(&path, &inner).unwrap();
        assert_eq!(serde_shm::from_npz::<Inner>(&path).unwrap(), inner);
        #[cfg(feature = "safetensors")]
        {
            let path = folder.path().join("lists.safetensors");
            serde_shm::to_safetensors(&path, &inner).unwrap();
            assert_eq!(serde_shm::from_safetensors::<Inner>(&path).unwrap(), inner);
        }
        let segment = serde_shm::to_shared(&inner).unwrap();
        assert_eq!(segment.get::<Inner>().unwrap(), inner);
        assert_eq!(segment.block().unwrap().arrays().unwrap().len(), 2 * count as usize);
        let counted = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
        let shared = counted.clone();
        let options = serde_shm::BlockOptions::new().progress(move |done, _| {
            shared.store(done, std::sync::atomic::Ordering::Relaxed);
        });
        assert!(*options.to_bytes(&inner).unwrap() == *to_bytes(&inner).unwrap());
        assert!(counted.load(std::sync::atomic::Ordering::Relaxed) > 0);
        let tagged = Tagged::Lists { inner };
        let bytes = to_bytes(&tagged).unwrap();
        assert!(*bytes == *one_by_one(&tagged));
        assert_eq!(from_bytes::<Tagged>(&bytes).unwrap(), tagged);
    }
}

/// Small members are read many at a time, into memory that they share. One thread does so at a time, and nobody waits for it.
#[test]
fn many_threads_read_the_small_members_of_one_archive() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Rows {
        #[shm_array]
        rows: Vec<Vec<u32>>,
    }
    let rows = (0..3000_u32).map(|row| vec![row; row as usize % 50]).collect();
    let (written, folder) = (Rows { rows }, tempfile::tempdir().unwrap());
    let path = folder.path().join("rows.npz");
    serde_shm::to_npz(&path, &written).unwrap();
    for _ in 0..5 {
        let file = serde_shm::Npz::open(&path).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..6_usize {
                let (file, written) = (&file, &written);
                scope.spawn(move || {
                    let single = format!("rows.{}", 499 * thread + 7);
                    let row = file.array::<u32, Ix1>(&single).unwrap().to_vec();
                    assert_eq!(row, written.rows[499 * thread + 7]);
                    assert_eq!(file.get::<Rows>().unwrap(), *written);
                });
            }
        });
    }
}

/// The private name of a list, used by a type that is none: an error, also if the type drops it.
#[test]
fn what_is_no_list_of_arrays_is_an_error() {
    enum Part {
        Bytes(Vec<u8>),
        Axis(u64),
        Text,
    }
    struct Forged {
        parts: Vec<Part>,
        drops: bool,
    }
    struct Blob<'a>(&'a [u8]);
    impl serde::Serialize for Blob<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    impl serde::Serialize for Forged {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeTupleStruct;
            let mut list = serializer.serialize_tuple_struct("$serde_shm::Arrays", 2)?;
            for part in &self.parts {
                let result = match part {
                    Part::Bytes(bytes) => list.serialize_field(&Blob(bytes)),
                    Part::Axis(axis) => list.serialize_field(axis),
                    Part::Text => list.serialize_field("text"),
                };
                if !self.drops {
                    result?;
                }
            }
            list.end()
        }
    }
    /// Of bytes with one axis, of two elements.
    fn head() -> Part {
        Part::Bytes([[6, 0, 1, 0, 0, 0, 0, 0], 2_u64.to_le_bytes()].concat())
    }
    let bytes = |len| Part::Bytes(vec![7; len]);
    let written = |parts, drops| to_bytes(&(1, Forged { parts, drops }, 2));
    let fine = written(vec![head(), bytes(2), Part::Axis(5), bytes(5)], false).unwrap();
    assert_eq!(from_bytes::<(u8, Vec<Vec<u8>>, u8)>(&fine).unwrap().1, [vec![7; 2], vec![7; 5]]);
    for drops in [false, true] {
        let cases: [fn() -> Vec<Part>; 7] = [
            || vec![Part::Bytes(vec![6; 3])],
            || vec![Part::Text],
            || vec![Part::Axis(1)],
            || vec![head(), Part::Bytes(vec![7; 3])],
            || vec![head(), Part::Axis(1), Part::Axis(1)],
            || vec![head(), Part::Axis(1)],
            || vec![head(), Part::Axis(u64::MAX), Part::Bytes(vec![])],
        ];
        for (case, parts) in cases.iter().enumerate() {
            let error = written(parts(), drops).err().unwrap_or_else(|| panic!("{case}, {drops}"));
            assert_eq!(error.kind(), serde_shm::ErrorKind::Message, "{case}: {error}");
        }
    }
}
