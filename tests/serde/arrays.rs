//! Arrays are routed, come back equal, and are views where views are asked for.
#![cfg(feature = "ndarray")]

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::Arc;

use ndarray::{
    ArcArray, Array, Array0, Array1, Array2, Array3, ArrayD, ArrayView1, ArrayView2, ArrayViewD,
    Axis, CowArray, Ix1, Ix2, array, s,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_shm::{AlignedBytes, ShmArray, ShmArray1, ShmArray2, ShmArrayD, from_bytes, to_bytes};

use crate::support::{Routed, array_count, points_into};

#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> AlignedBytes {
    let bytes = to_bytes(value).unwrap();
    assert_eq!(&from_bytes::<T>(&bytes).unwrap(), value);
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "through {json}");
    let packed = postcard::to_stdvec(value).unwrap();
    assert_eq!(&postcard::from_bytes::<T>(&packed).unwrap(), value);
    bytes
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Std {
    #[serde(with = "serde_shm::array")]
    vec: Vec<f32>,
    #[serde(with = "serde_shm::array")]
    boxed: Box<[u8]>,
    #[serde(with = "serde_shm::array")]
    arc: Arc<[u64]>,
    #[serde(with = "serde_shm::array")]
    rc: Rc<[i16]>,
    #[serde(with = "serde_shm::array")]
    fixed: [f64; 40],
    #[serde(with = "serde_shm::array")]
    nest: Vec<[[i32; 3]; 2]>,
    #[serde(with = "serde_shm::array")]
    flags: Vec<bool>,
    #[serde(with = "serde_shm::array")]
    indices: Vec<usize>,
    #[serde(with = "serde_shm::array")]
    some: Option<Vec<i8>>,
    #[serde(with = "serde_shm::array")]
    none: Option<Vec<i8>>,
    #[serde(with = "serde_shm::array")]
    many: Vec<Vec<u16>>,
    #[serde(with = "serde_shm::array")]
    map: BTreeMap<String, Vec<u32>>,
    #[serde(with = "serde_shm::array")]
    tuple: (Vec<f32>, String, Arc<[i64]>),
    #[serde(with = "serde_shm::array")]
    hash: HashMap<u8, Option<Vec<f64>>>,
    #[serde(with = "serde_shm::array")]
    empty: Vec<f32>,
    #[serde(with = "serde_shm::array")]
    words: Vec<String>,
    #[serde(with = "serde_shm::array")]
    letters: Vec<char>,
}

fn std() -> Std {
    Std {
        vec: (0..1000).map(|n| n as f32 / 3.0).collect(),
        boxed: vec![1, 2, 255].into(),
        arc: vec![u64::MAX, 0].into(),
        rc: vec![i16::MIN, 5].into(),
        fixed: std::array::from_fn(|n| n as f64),
        nest: (0..10).map(|n| [[n, n + 1, n + 2], [-n, 0, 1]]).collect(),
        flags: vec![true, false, true],
        indices: vec![0, 3, 17],
        some: Some(vec![-1, 2]),
        none: None,
        many: vec![vec![1, 2], vec![], vec![3]],
        map: [("x".to_owned(), vec![1]), ("y.z/w".to_owned(), vec![])].into(),
        tuple: (vec![1.5], "text".into(), vec![-7].into()),
        hash: [(1, Some(vec![2.5])), (2, None)].into(),
        empty: vec![],
        words: vec!["a".into(), "b".into()],
        letters: vec!['c', 'é'],
    }
}

#[test]
fn every_std_type_is_routed_and_comes_back() {
    let bytes = same(&std());
    // Ten fields of one array with `empty`, then `many`, `map`, `tuple` and `hash`; `none` and text are inline.
    assert_eq!(array_count(&bytes), 10 + 3 + 2 + 2 + 1);
}

#[test]
fn fixed_nests_have_their_axes() {
    let bytes = to_bytes(&Routed(vec![[[1_u8; 3]; 2]; 5])).unwrap();
    let array: Routed<Array3<u8>> = from_bytes(&bytes).unwrap();
    assert_eq!(array.0.shape(), [5, 2, 3]);
    let nest: Routed<&[[[u8; 3]; 2]]> = from_bytes(&bytes).unwrap();
    assert!(points_into(&bytes, nest.0));
    let error = from_bytes::<Routed<Vec<[[u8; 2]; 2]>>>(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "expected an array of shape [_, 2, 2], found shape [5, 2, 3]");
}

#[test]
fn ndarray_owners_and_views_of_every_layout() {
    let base = Array::from_shape_fn((7, 5, 3), |(i, j, k)| (100 * i + 10 * j + k) as f32);
    let check = |view: ArrayViewD<'_, f32>| {
        let bytes = to_bytes(&Routed(&view)).unwrap();
        assert_eq!(array_count(&bytes), 1);
        let back: Routed<ArrayD<f32>> = from_bytes(&bytes).unwrap();
        assert_eq!(back.0, view);
        let borrowed: Routed<ArrayViewD<'_, f32>> = from_bytes(&bytes).unwrap();
        assert_eq!(borrowed.0, view);
        let json = serde_json::to_string(&Routed(&view)).unwrap();
        let back: Routed<ArrayD<f32>> = serde_json::from_str(&json).unwrap();
        assert_eq!(back.0, view);
        let packed = postcard::to_stdvec(&Routed(&view)).unwrap();
        let back: Routed<ArrayD<f32>> = postcard::from_bytes(&packed).unwrap();
        assert_eq!(back.0, view);
    };
    check(base.view().into_dyn());
    check(base.t().into_dyn());
    check(base.view().permuted_axes([1, 0, 2]).into_dyn());
    check(base.slice(s![1..;2, .., ..2]).into_dyn());
    check(base.slice(s![..;-1, .., ..;-1]).into_dyn());
    check(base.slice(s![0..1, .., 1..2]).into_dyn());
    check(base.index_axis(Axis(1), 2).into_dyn());
    check(base.broadcast((4, 7, 5, 3)).unwrap().into_dyn());
    check(ArrayD::from_elem(vec![], 3.5).view());
    let large = Array::from_shape_fn((700, 300), |(i, j)| (i * 1000 + j) as f32);
    check(large.slice(s![..;2, ..;3]).into_dyn());
    check(large.slice(s![.., 5..290]).into_dyn());
    check(large.slice(s![..;-1, ..]).into_dyn());
}

#[test]
fn order_is_kept_without_a_copy() {
    let base = Array::from_shape_fn((40, 30), |(i, j)| (i * 100 + j) as u32);
    let bytes = to_bytes(&Routed(base.t())).unwrap();
    let back: Routed<ArrayView2<'_, u32>> = from_bytes(&bytes).unwrap();
    assert_eq!(back.0, base.t());
    assert_eq!(back.0.strides(), [1, 30]);
    assert!(points_into(&bytes, back.0.as_slice_memory_order().unwrap()));
    let rows: Routed<Vec<[u32; 40]>> = from_bytes(&bytes).unwrap();
    assert_eq!(rows.0[3][2], base[(2, 3)]);
    let error = from_bytes::<Routed<&[[u32; 40]]>>(&bytes).unwrap_err();
    assert!(error.to_string().contains("Fortran order"), "{error}");
}

#[test]
fn arrays_without_elements_or_axes() {
    for shape in [vec![0], vec![0, 3], vec![3, 0, 2], vec![]] {
        let array = ArrayD::<f64>::zeros(shape);
        let bytes = to_bytes(&Routed(&array)).unwrap();
        assert_eq!(from_bytes::<Routed<ArrayD<f64>>>(&bytes).unwrap().0, array);
        assert_eq!(from_bytes::<Routed<ArrayViewD<'_, f64>>>(&bytes).unwrap().0, array);
        assert_eq!(from_bytes::<ShmArrayD<f64>>(&bytes).unwrap(), array);
    }
    let point = Routed(Array0::from_elem((), 7_u8));
    assert_eq!(serde_json::to_string(&point).unwrap(), "7");
    assert_eq!(serde_json::from_str::<Routed<Array0<u8>>>("7").unwrap().0, point.0);
    assert_eq!(serde_json::from_str::<Routed<Vec<[u8; 3]>>>("[]").unwrap().0.len(), 0);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Handles {
    matrix: ShmArray2<f32>,
    layers: HashMap<String, ShmArray1<u8>>,
    nested: Vec<Option<(u8, ShmArrayD<bool>)>>,
}

#[test]
fn handles_are_routed_wherever_they_stand() {
    let handles = Handles {
        matrix: array![[1.0, 2.0], [3.0, 4.0]].into(),
        layers: [("a".to_owned(), vec![1, 2, 3].into())].into(),
        nested: vec![None, Some((1, Array::from_elem((2, 2), true).into_dyn().into()))],
    };
    let bytes = same(&handles);
    assert_eq!(array_count(&bytes), 3);
    let back: Handles = serde_shm::from_reader(&bytes[..]).unwrap();
    assert_eq!(back, handles);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Theirs {
    one: Array1<u16>,
    two: Array2<f64>,
    point: Array0<i32>,
    dynamic: ArrayD<bool>,
    shared: ArcArray<u8, Ix1>,
    text: Array1<String>,
    empty: Array2<f32>,
    many: Vec<Array1<i64>>,
}

fn theirs() -> Theirs {
    Theirs {
        one: Array1::from_iter(0..50_000),
        two: array![[1.0, 2.0], [3.0, -0.5]],
        point: Array0::from_elem((), -5),
        dynamic: ArrayD::from_elem(vec![2, 1, 2], true),
        shared: Array1::from_vec(vec![1, 2]).into_shared(),
        text: array!["a".to_owned(), "b".to_owned()],
        empty: Array2::zeros((0, 3)),
        many: vec![array![1, 2], array![3]],
    }
}

#[test]
fn ndarrays_in_structs_that_others_derived_are_placed() {
    let value = theirs();
    let bytes = same(&value);
    assert_eq!(array_count(&bytes), 7);
}

#[test]
fn structs_that_only_look_like_ndarrays_come_back() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Array<V, D, T> {
        v: V,
        dim: D,
        data: T,
    }
    assert_eq!(array_count(&same(&Array { v: 2_u8, dim: (1,), data: vec![1_u8] })), 0);
    assert_eq!(array_count(&same(&Array { v: 1_u8, dim: 7_u8, data: vec![1_u8] })), 0);
    assert_eq!(array_count(&same(&Array { v: 1_u8, dim: "x".to_owned(), data: vec![1_u8] })), 0);
    assert_eq!(array_count(&same(&Array { v: 1_u8, dim: (5_u64,), data: vec![1_u8] })), 0);
    assert_eq!(array_count(&same(&Array { v: 1_u8, dim: (0_u64,), data: 9_u32 })), 0);
    assert_eq!(array_count(&same(&Array { v: 1_u8, dim: (3_u64,), data: (1_u8, 2_u16, 3_u8) })), 0);
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Mixed {
        Number(u32),
        Text(String),
    }
    // The first 40,000 elements are placed before the text comes: nothing refers to them.
    let mut data: Vec<Mixed> = (0..40_000).map(Mixed::Number).collect();
    data.push(Mixed::Text("end".into()));
    let array = Array { v: 1_u8, dim: (40_001_u64,), data };
    let bytes = to_bytes(&array).unwrap();
    assert_eq!(array_count(&bytes), 0);
    assert_eq!(from_bytes::<Array<u8, (u64,), Vec<Mixed>>>(&bytes).unwrap(), array);
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(rename = "Array")]
    struct Renamed {
        x: u8,
        y: u8,
        z: u8,
    }
    same(&vec![Renamed { x: 1, y: 2, z: 3 }, Renamed { x: 3, y: 2, z: 1 }]);
}

#[test]
fn a_field_may_change_between_vec_array_and_handle() {
    #[derive(Serialize, Deserialize)]
    struct Holder<T> {
        data: T,
    }
    fn read<'a, T: Deserialize<'a>>(bytes: &'a AlignedBytes) -> T {
        from_bytes::<Holder<T>>(bytes).unwrap().data
    }
    let numbers = vec![1.5_f32, -2.0, 3.25];
    let written = [
        to_bytes(&Holder { data: numbers.clone() }).unwrap(),
        to_bytes(&Holder { data: Routed(numbers.clone()) }).unwrap(),
        to_bytes(&Holder { data: Array1::from_vec(numbers.clone()) }).unwrap(),
        to_bytes(&Holder { data: ShmArray1::from(numbers.clone()) }).unwrap(),
    ];
    for bytes in &written {
        assert_eq!(read::<Vec<f32>>(bytes), numbers);
        assert_eq!(read::<Routed<Vec<f32>>>(bytes).0, numbers);
        assert_eq!(read::<ShmArray1<f32>>(bytes), Array1::from_vec(numbers.clone()));
        assert_eq!(read::<Routed<Array1<f32>>>(bytes).0.to_vec(), numbers);
        assert_eq!(read::<Routed<Cow<'_, [f32]>>>(bytes).0, numbers);
        assert_eq!(read::<[f32; 3]>(bytes), numbers[..]);
    }
    // The plain `Vec` is no array to ndarray's own form; the others are.
    for bytes in &written[1..] {
        assert_eq!(read::<Array1<f32>>(bytes).to_vec(), numbers);
        assert_eq!(read::<Routed<&[f32]>>(bytes).0, numbers);
    }
    let square =
        to_bytes(&Holder { data: ShmArray2::from(array![[1_u8, 2], [3, 4]].reversed_axes()) });
    let square = square.unwrap();
    assert_eq!(read::<Vec<Vec<u8>>>(&square), [[1, 3], [2, 4]]);
    assert_eq!(read::<Array2<u8>>(&square), array![[1, 3], [2, 4]]);
    let text = to_bytes(&Holder { data: Routed(b"bytes".to_vec()) }).unwrap();
    assert_eq!(read::<&[u8]>(&text), b"bytes");
}

#[test]
fn a_view_that_cannot_be_had_says_why_and_what_to_use() {
    let inline = to_bytes(&vec![1_u32, 2]).unwrap();
    let error = from_bytes::<Routed<&[u32]>>(&inline).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot borrow this array as `&[A]`: it is encoded inline or comes from another format; \
         use `Vec<A>`, `Cow<[A]>` or `ShmArray`"
    );
    let placed = to_bytes(&Routed(vec![1_u32, 2])).unwrap();
    let mut shifted = vec![0; placed.len() + 8];
    let start = (0..8).find(|at| (shifted.as_ptr() as usize + at) % 4 == 1).unwrap();
    shifted[start..start + placed.len()].copy_from_slice(&placed);
    let shifted = &shifted[start..start + placed.len()];
    let error = from_bytes::<Routed<ArrayView1<'_, u32>>>(shifted).unwrap_err();
    assert!(error.to_string().contains("not aligned"), "{error}");
    assert_eq!(from_bytes::<Routed<Vec<u32>>>(shifted).unwrap().0, [1, 2]);
    let cow: Routed<CowArray<'_, u32, Ix1>> = from_bytes(shifted).unwrap();
    assert!(cow.0.is_owned());
    let cow: Routed<CowArray<'_, u32, Ix1>> = from_bytes(&placed).unwrap();
    assert!(cow.0.is_view());
}

#[test]
fn a_type_that_does_not_fit_is_named_with_its_place() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Layer<T> {
        weight: T,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Net<T> {
        layers: Vec<Layer<T>>,
    }
    let layers = (0..4).map(|_| Layer { weight: Routed(Array2::<f64>::zeros((4, 4))) }).collect();
    let bytes = to_bytes(&Net { layers }).unwrap();
    let error = from_bytes::<Net<Routed<Array2<f32>>>>(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "layers[0].weight: expected f32, found f64 (shape [4, 4])");
    assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch);
    let error = from_bytes::<Net<Routed<Array1<f64>>>>(&bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "layers[0].weight: expected an array of shape [_], found shape [4, 4]"
    );
    let error = from_bytes::<Net<u32>>(&bytes).unwrap_err();
    let found = "layers[0].weight: expected u32, found an array of f64 (shape [4, 4])";
    assert!(error.to_string().starts_with(found), "{error}");
    let ragged = serde_json::from_str::<Routed<Array2<u8>>>("[[1, 2], [3]]").unwrap_err();
    assert!(ragged.to_string().contains("2 elements as in the rows before"), "{ragged}");
}

#[test]
fn long_byte_strings_are_placed() {
    struct Blob<'a>(&'a [u8]);
    impl Serialize for Blob<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    let long: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let bytes = to_bytes(&(Blob(&long), Blob(b"short"))).unwrap();
    assert_eq!(array_count(&bytes), 1);
    let (back, short): (&[u8], &[u8]) = from_bytes(&bytes).unwrap();
    assert_eq!((back, short), (&long[..], &b"short"[..]));
    assert!(points_into(&bytes, back));
    let array: (ShmArray1<u8>, &[u8]) = from_bytes(&bytes).unwrap();
    assert_eq!(array.0.to_vec(), long);
}

#[test]
fn views_survive_flatten_and_untagged() {
    #[derive(Serialize, Deserialize)]
    struct Outer<'a> {
        name: &'a str,
        #[serde(flatten, borrow)]
        inner: Inner<'a>,
    }
    #[derive(Serialize, Deserialize)]
    struct Inner<'a> {
        #[serde(with = "serde_shm::array", borrow)]
        data: ArrayView2<'a, f32>,
        count: u32,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either<'a> {
        Floats {
            #[serde(with = "serde_shm::array", borrow)]
            values: &'a [f32],
        },
        Bytes {
            #[serde(with = "serde_shm::array", borrow)]
            values: &'a [u8],
        },
        Plain {
            values: Array1<f64>,
        },
    }
    let data = Array2::from_shape_fn((30, 20), |(i, j)| (i * j) as f32);
    let outer = Outer { name: "n", inner: Inner { data: data.t(), count: 3 } };
    let bytes = to_bytes(&outer).unwrap();
    let back: Outer<'_> = from_bytes(&bytes).unwrap();
    assert_eq!((back.name, back.inner.count), ("n", 3));
    assert_eq!(back.inner.data, data.t());
    assert!(points_into(&bytes, back.inner.data.as_slice_memory_order().unwrap()));
    let either = vec![
        Either::Bytes { values: &[1, 2, 3] },
        Either::Floats { values: &[0.5; 100] },
        Either::Plain { values: array![1.0, 2.0] },
    ];
    let bytes = to_bytes(&either).unwrap();
    assert_eq!(array_count(&bytes), 3);
    let back: Vec<Either<'_>> = from_bytes(&bytes).unwrap();
    let Either::Bytes { values } = back[0] else { panic!("bytes expected") };
    assert!(points_into(&bytes, values));
    let Either::Floats { values } = back[1] else { panic!("floats expected") };
    assert!(points_into(&bytes, values) && values == [0.5; 100]);
    let Either::Plain { values } = &back[2] else { panic!("an owned array expected") };
    assert_eq!(values.to_vec(), [1.0, 2.0]);
}

#[test]
fn arrays_inside_other_reads_keep_their_own_container() {
    struct Twice(ShmArray1<u8>, Vec<u8>);
    impl<'de> Deserialize<'de> for Twice {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let (first, block, last) = <(ShmArray1<u8>, Vec<u8>, ShmArray1<u8>)>::deserialize(d)?;
            let inner: ShmArray1<u8> = serde_shm::from_reader(&block[..]).unwrap();
            assert_eq!(first, inner);
            assert!(serde_shm::from_bytes::<ShmArray1<u8>>(&block[..5]).is_err());
            Ok(Twice(first, last.to_vec()))
        }
    }
    let handle = ShmArray1::from(vec![1_u8, 2, 3]);
    let block = to_bytes(&handle).unwrap().to_vec();
    let bytes = to_bytes(&(&handle, block, &handle)).unwrap();
    let twice: Twice = serde_shm::from_reader(&bytes[..]).unwrap();
    assert_eq!((twice.0, twice.1), (handle, vec![1, 2, 3]));
}

#[test]
fn two_axes_of_ix2_only() {
    let bytes = to_bytes(&ShmArrayD::from(ArrayD::<u8>::zeros(vec![2, 2, 2]))).unwrap();
    assert!(from_bytes::<Routed<ndarray::Array<u8, Ix2>>>(&bytes).is_err());
}

#[test]
fn many_small_arrays_are_packed_and_large_ones_aligned() {
    let many: Vec<ShmArray1<f64>> = (0..3000).map(|n| vec![f64::from(n); 3].into()).collect();
    let bytes = to_bytes(&many).unwrap();
    let views: Vec<Routed<&[f64]>> = from_bytes(&bytes).unwrap();
    for (n, view) in views.iter().enumerate() {
        assert_eq!(view.0, [n as f64; 3]);
        let align = if n < 16 { 64 } else { 8 };
        assert_eq!(view.0.as_ptr() as usize % align, 0);
    }
    let large = to_bytes(&(Routed(vec![1_u8; 100]), Routed(vec![1.0; 100]))).unwrap();
    let (_, floats): (Routed<&[u8]>, Routed<&[f64]>) = from_bytes(&large).unwrap();
    assert_eq!(floats.0.as_ptr() as usize % 64, 0);
}

/// The rows of an array are sequences, of which serde's own derive makes structs, in every order of axes and of bytes. Half of what
/// says a number of complex parts is not left out either.
#[test]
fn rows_come_as_structs() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Pair<T> {
        first: T,
        second: T,
    }
    fn pair<T>(first: T, second: T) -> Pair<T> {
        Pair { first, second }
    }
    let rows = ndarray::array![[1.0_f32, 2.0], [3.0, 4.0], [5.0, 6.0]];
    let expected = [pair(1.0, 2.0), pair(3.0, 4.0), pair(5.0, 6.0)];
    let turned = rows.t().as_standard_layout().into_owned().reversed_axes();
    for array in [rows.clone(), turned] {
        let bytes = to_bytes(&ShmArray::from(array)).unwrap();
        assert_eq!(from_bytes::<Vec<Pair<f32>>>(&bytes).unwrap(), expected);
        assert_eq!(
            from_bytes::<Vec<Pair<Option<f64>>>>(&bytes).unwrap()[2],
            pair(Some(5.0), Some(6.0))
        );
        for error in [
            from_bytes::<Vec<Pair<String>>>(&bytes).unwrap_err(),
            from_bytes::<Vec<Pair<Vec<f32>>>>(&bytes).unwrap_err(),
            from_bytes::<Vec<(f32,)>>(&bytes).unwrap_err(),
            from_bytes::<Vec<f32>>(&bytes).unwrap_err(),
            from_bytes::<Pair<f32>>(&bytes).unwrap_err(),
            from_bytes::<String>(&bytes).unwrap_err(),
            from_bytes::<f32>(&bytes).unwrap_err(),
        ] {
            assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch, "{error}");
        }
    }
    // A struct of these names is given the ndarray form, and its elements are a sequence like any other.
    #[derive(Deserialize, PartialEq, Debug)]
    struct Form<T> {
        v: u8,
        dim: Vec<u64>,
        data: T,
    }
    let bytes = to_bytes(&ShmArray::from(array![1.5_f32, 2.5])).unwrap();
    let form = from_bytes::<Form<Pair<f32>>>(&bytes).unwrap();
    assert_eq!(form, Form { v: 1, dim: vec![2], data: pair(1.5, 2.5) });
    let form = from_bytes::<Form<Vec<f32>>>(&to_bytes(&vec![1.5_f32, 2.5]).unwrap()).unwrap();
    assert_eq!(form, Form { v: 1, dim: vec![2], data: vec![1.5, 2.5] });
    let error = from_bytes::<Form<f32>>(&bytes).unwrap_err();
    assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch, "{error}");
    let halves = [1.0_f64, -2.0, 3.0, -4.0];
    for (name, bytes) in
        [("<c16", halves.map(f64::to_le_bytes)), (">c16", halves.map(f64::to_be_bytes))]
    {
        let dtype = name.parse::<serde_shm::DType>().unwrap();
        let view =
            serde_shm::UntypedView::new(dtype, &[2], serde_shm::Order::C, bytes.as_flattened());
        let bytes = to_bytes(&view.unwrap()).unwrap();
        assert_eq!(
            from_bytes::<Vec<Pair<f64>>>(&bytes).unwrap(),
            [pair(1.0, -2.0), pair(3.0, -4.0)]
        );
        assert_eq!(from_bytes::<Vec<(f64, f64)>>(&bytes).unwrap(), [(1.0, -2.0), (3.0, -4.0)]);
        assert_eq!(from_bytes::<Vec<[f64; 2]>>(&bytes).unwrap(), [[1.0, -2.0], [3.0, -4.0]]);
        let json = from_bytes::<serde_json::Value>(&bytes).unwrap();
        assert_eq!(json, serde_json::json!([[1.0, -2.0], [3.0, -4.0]]), "{name}");
        let error = from_bytes::<Vec<f64>>(&bytes).unwrap_err();
        assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch, "{error}");
    }
}

/// No bytes limit the number of rows without elements, so they are counted, wherever among the axes the empty one stands.
#[test]
fn rows_without_elements_are_counted() {
    let dtype = "<c16".parse::<serde_shm::DType>().unwrap();
    for order in [serde_shm::Order::C, serde_shm::Order::F] {
        let view = |shape: &[usize]| {
            let view = serde_shm::UntypedView::new(dtype.clone(), shape, order, &[]).unwrap();
            to_bytes(&view).unwrap()
        };
        let few = from_bytes::<Vec<Vec<Vec<(f64, f64)>>>>(&view(&[3, 2, 0])).unwrap();
        assert_eq!(few, vec![vec![vec![]; 2]; 3]);
        let many = view(&[1 << 10, 1 << 10, 1 << 10, 1 << 10, 1 << 10, 1 << 10, 0, 1]);
        let error = from_bytes::<serde_json::Value>(&many).unwrap_err();
        assert_eq!(error.kind(), serde_shm::ErrorKind::Limit, "{order:?}: {error}");
    }
}

/// The only element of an array without axes is the index of a variant, as those in lists are.
#[test]
fn an_array_without_axes_is_a_variant() {
    #[derive(Deserialize, PartialEq, Debug)]
    enum Side {
        Left,
        Right,
    }
    for (index, side) in [(0_u32, Side::Left), (1, Side::Right)] {
        let bytes = to_bytes(&ShmArray::from(ndarray::arr0(index))).unwrap();
        assert_eq!(from_bytes::<Side>(&bytes).unwrap(), side);
        assert_eq!(from_bytes::<Option<Side>>(&bytes).unwrap(), Some(side));
    }
    let bytes = to_bytes(&ShmArray::from(ndarray::arr0(2_u32))).unwrap();
    assert!(from_bytes::<Side>(&bytes).is_err());
    let bytes = to_bytes(&ShmArray::from(array![1_u32])).unwrap();
    let error = from_bytes::<Side>(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("found an array of u32 (shape [1])") && error.contains("Side"),
        "{error}"
    );
}
