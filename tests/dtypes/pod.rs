//! Types that are `bytemuck::Pod` as elements: voids, or the dtype that another element names.
#![allow(clippy::cast_possible_wrap)]

use std::fmt::Debug;

use bytemuck::{Pod, TransparentWrapper, TransparentWrapperAlloc, Zeroable};
use ndarray::{Array2, ArrayView2, Ix1, Ix2, ShapeBuilder};
use serde::de::DeserializeOwned;
use serde_shm::element::{AsElement, Datetime64, NamesDType, Seconds};
use serde_shm::{
    Block, Deserialize, DynArray, Element, ErrorKind, Serialize, ShmArray1, ShmArray2, from_bytes,
    from_npz, to_bytes, to_npz,
};

#[derive(Clone, Copy, PartialEq, Debug, Pod, Zeroable)]
#[repr(C)]
struct Atom {
    position: [f32; 3],
    charge: i16,
    kind: u16,
}

/// What NumPy is to see of an `Atom`.
#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C)]
struct AtomFields {
    position: [f32; 3],
    charge: i16,
    kind: u16,
}

fn atom(n: usize) -> Atom {
    Atom { position: [n as f32, 0.5, -1.0], charge: (n % 100) as i16 - 3, kind: (n % 7) as u16 }
}

#[derive(Serialize, Deserialize)]
#[serde(bound(
    serialize = "T: Pod + Send + Sync, K: NamesDType<T>",
    deserialize = "T: Pod + Send + Sync, K: NamesDType<T>"
))]
struct Held<T: Pod + Send + Sync, K: NamesDType<T>> {
    #[shm_array]
    list: Vec<AsElement<T, K>>,
    #[shm_array]
    rows: Array2<AsElement<T, K>>,
    #[shm_array]
    columns: Array2<AsElement<T, K>>,
    shared: ShmArray1<AsElement<T, K>>,
}

impl<T: Pod + Send + Sync, K: NamesDType<T>> Held<T, K> {
    fn new(len: usize, item: impl Fn(usize) -> T) -> Self {
        let item = |n| AsElement::new(item(n));
        let list: Vec<_> = (0..len).map(item).collect();
        Held {
            rows: Array2::from_shape_fn((len, 2), |(i, j)| item(2 * i + j)),
            columns: Array2::from_shape_fn((len, 2).f(), |(i, j)| item(2 * i + j)),
            shared: list.clone().into(),
            list,
        }
    }
}

/// Empty, one and many, through every container; and views where they lie.
fn comes_back<T, K>(dtype: &str, item: impl Fn(usize) -> T + Copy)
where
    T: Pod + Send + Sync + PartialEq + Debug,
    K: NamesDType<T>,
    Held<T, K>: Serialize + DeserializeOwned,
{
    for len in [0, 1, 10_000] {
        let held = Held::<T, K>::new(len, item);
        let same = |found: Held<T, K>| {
            assert_eq!(found.list, held.list, "{dtype} {len}");
            assert_eq!(found.rows, held.rows, "{dtype} {len}");
            assert_eq!(found.columns, held.columns, "{dtype} {len}");
            assert_eq!(found.shared, held.shared, "{dtype} {len}");
        };
        let block = Block::new(to_bytes(&held).unwrap()).unwrap();
        assert!(block.arrays().unwrap().iter().all(|array| array.dtype().to_string() == dtype));
        same(block.get().unwrap());
        let view: ArrayView2<'_, AsElement<T, K>> = block.array("columns").unwrap();
        assert_eq!(view, held.columns);
        let list = block.array::<AsElement<T, K>, Ix1>("list").unwrap();
        let items: &[T] = AsElement::peel_slice(list.to_slice().unwrap());
        assert_eq!(items, (0..len).map(item).collect::<Vec<_>>());
        if cfg!(target_os = "linux") {
            same(serde_shm::to_shared(&held).unwrap().get().unwrap());
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pod.npz");
        to_npz(&path, &held).unwrap();
        same(from_npz(&path).unwrap());
    }
}

#[test]
fn types_of_every_size_come_back_as_voids() {
    comes_back::<_, serde_shm::element::Void>("|V16", atom);
    comes_back::<_, serde_shm::element::Void>("|V1", |n| n as u8);
    comes_back::<_, serde_shm::element::Void>("|V2", |n| n as u16);
    comes_back::<_, serde_shm::element::Void>("|V3", |n| [n as u8, 1, 2]);
    comes_back::<_, serde_shm::element::Void>("|V16", |n| n as u128);
    comes_back::<_, serde_shm::element::Void>("|V256", |n| [n as f64; 32]);
}

#[test]
fn types_come_back_under_the_dtype_that_is_named() {
    let fields = "[('position', '<f4', (3,)), ('charge', '<i2'), ('kind', '<u2')]";
    comes_back::<Atom, AtomFields>(fields, atom);
    comes_back::<i64, Datetime64<Seconds>>("<M8[s]", |n| n.cast_signed() as i64);
    comes_back::<[u8; 4], f32>("<f4", |n| bytemuck::cast(n as f32));
}

#[test]
fn a_named_dtype_and_the_struct_that_has_it_read_each_other() {
    let atoms: Vec<Atom> = (0..50).map(atom).collect();
    let named: Vec<AsElement<Atom, AtomFields>> = AsElement::wrap_vec(atoms.clone());
    let bytes = to_bytes(&ShmArray1::from(named)).unwrap();
    let fields: ShmArray1<AtomFields> = from_bytes(&bytes).unwrap();
    assert_eq!((fields[7].charge, fields[7].position), (atoms[7].charge, atoms[7].position));

    let bytes = to_bytes(&fields).unwrap();
    let back: ShmArray1<AsElement<Atom, AtomFields>> = from_bytes(&bytes).unwrap();
    assert_eq!(AsElement::peel_slice(back.as_slice().unwrap()), atoms);
}

/// The promise of `Pod` holds for any bytes, so what is read of a file of others cannot be wrong, only another value.
#[test]
fn a_void_of_the_size_is_read_and_everything_else_refused() {
    let bytes = to_bytes(&ShmArray1::from(vec![AsElement::<_>::new([255_u8; 16])])).unwrap();
    let atoms: ShmArray1<AsElement<Atom>> = from_bytes(&bytes).unwrap();
    assert!(atoms[0].position[0].is_nan());
    assert_eq!(atoms[0].charge, -1);

    let error = from_bytes::<ShmArray1<AsElement<[u8; 12]>>>(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("|V12") && error.to_string().contains("|V16"), "{error}");
    let error = from_bytes::<ShmArray1<AsElement<Atom, AtomFields>>>(&bytes).unwrap_err();
    assert!(error.to_string().contains("'charge', '<i2'"), "{error}");
    let error = from_bytes::<ShmArray2<AsElement<Atom>>>(&bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    let floats = to_bytes(&ShmArray1::from(vec![0.5_f32; 4])).unwrap();
    let error = from_bytes::<ShmArray1<AsElement<f32>>>(&floats).unwrap_err();
    assert!(error.to_string().contains("f32"), "{error}");
    assert!(from_bytes::<ShmArray1<AsElement<f32, f32>>>(&floats).is_ok());
}

/// A block may lie at any address: what is not aligned for the type is copied or refused, never seen in place.
#[test]
fn bytes_that_are_not_aligned_are_not_viewed() {
    let atoms: Vec<AsElement<Atom>> = (0..3).map(|n| atom(n).into()).collect();
    #[derive(Deserialize)]
    struct Seen<'a> {
        atoms: ndarray::ArrayView1<'a, AsElement<Atom>>,
    }
    let bytes = to_bytes(&ShmArray1::from(atoms.clone())).unwrap();
    let named =
        to_bytes(&std::collections::BTreeMap::from([("atoms", ShmArray1::from(atoms.clone()))]))
            .unwrap();
    for by in 0..8 {
        let shifted = serde_shm::AlignedBytes::from([&vec![0; by][..], &bytes].concat());
        let found: ShmArray1<AsElement<Atom>> = from_bytes(&shifted[by..]).unwrap();
        assert_eq!(found.to_vec(), atoms);
        let shifted = serde_shm::AlignedBytes::from([&vec![0; by][..], &named].concat());
        match from_bytes::<Seen<'_>>(&shifted[by..]) {
            Ok(seen) => assert_eq!((by % 4, seen.atoms.to_vec()), (0, atoms.clone())),
            Err(error) => {
                assert!(by % 4 != 0 && error.to_string().contains("not aligned"), "{error}");
            }
        }
    }
}

#[test]
fn a_field_is_marked_without_the_wrapper() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Molecule {
        name: String,
        #[serde(with = "serde_shm::array::pod")]
        atoms: Vec<Atom>,
        #[serde(with = "serde_shm::array::pod", default)]
        none: Vec<u128>,
    }
    let molecule =
        |len| Molecule { name: "m".into(), atoms: (0..len).map(atom).collect(), none: vec![] };
    for len in [0, 1, 1000] {
        let block = Block::new(to_bytes(&molecule(len)).unwrap()).unwrap();
        assert_eq!(block.get::<Molecule>().unwrap(), molecule(len));
        let atoms = block.array::<AsElement<Atom>, Ix1>("atoms").unwrap();
        assert_eq!(atoms.len(), len);
    }
    // In a format without arrays, voids are text.
    let json = serde_json::to_string(&molecule(2)).unwrap();
    assert_eq!(serde_json::from_str::<Molecule>(&json).unwrap(), molecule(2));
    let packed = rmp_serde::to_vec_named(&molecule(2)).unwrap();
    assert_eq!(rmp_serde::from_slice::<Molecule>(&packed).unwrap(), molecule(2));
}

#[test]
fn a_void_of_unknown_type_is_raw_bytes() {
    let held = Held::<Atom, serde_shm::element::Void>::new(2, atom);
    let block = Block::new(to_bytes(&held).unwrap()).unwrap();
    let DynArray::Raw(raw) = block.array_dyn("list").unwrap() else { panic!() };
    assert_eq!(raw.as_bytes(), bytemuck::cast_slice::<Atom, u8>(&[atom(0), atom(1)]));
    assert_eq!(block.array::<AsElement<Atom>, Ix2>("rows").unwrap()[[1, 1]].0, atom(3));
}
