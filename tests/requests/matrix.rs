//! What can be read directly can be read through serde's buffers: each kind of array and list as each type that takes it, inside
//! each wrapper that buffers, out of each container.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Debug;

#[cfg(feature = "half")]
use half::{bf16, f16};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array};
#[cfg(feature = "complex")]
use num_complex::{Complex32, Complex64};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_shm::{
    DynArray, ShmArray0, ShmArray1, ShmArray2, TimeBase, TimeUnit, from_bytes, from_npz, to_bytes,
};

/// Its array is placed.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Marked<
    T: serde_shm::array::SerializeArray + for<'a> serde_shm::array::DeserializeArray<'a>,
>(#[serde(with = "serde_shm::array", bound = "")] pub(crate) T);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Newtype<T>(T);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Plain<T> {
    pub(crate) t: T,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Flat<T> {
    pub(crate) id: u8,
    #[serde(flatten)]
    pub(crate) inner: Plain<T>,
    pub(crate) after: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct FlatMap<T> {
    #[serde(flatten)]
    rest: BTreeMap<String, T>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "kind")]
pub(crate) enum Internal<T> {
    Unit,
    Case {
        t: T,
        more: u8,
    },
    #[serde(other)]
    Other,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "kind")]
enum InternalNewtype<T> {
    Case(Plain<T>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "kind", content = "content")]
pub(crate) enum Adjacent<T> {
    Case(T),
    Pair(u8, T),
}

/// Its content comes before its tag, which buffers it.
#[derive(Serialize, Clone)]
struct ContentFirst<T> {
    content: T,
    kind: &'static str,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Untagged<T> {
    Number(u64),
    Name(String),
    Struct { other: u8 },
    Case(T),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
pub(crate) enum UntaggedStruct<T> {
    Other { x: u8 },
    Case { t: T },
}

/// A field's refusal is not to let a variant in that has no such field.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Falling<T> {
    Full { name: String, t: T },
    Partial { name: String },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Twice<T> {
    #[serde(flatten)]
    outer: Internal<Plain<T>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Thrice<T> {
    Case(Flat<Vec<Untagged<T>>>),
}

macro_rules! wrapped {
    ($failures:ident, $name:ident, $w:ident, $r:ident; $($wrapper:ident: $t:ident => $value:expr;)*) => {$(
        let written = { let $t = $w.clone(); $value };
        let expected = { let $t = $r.clone(); $value };
        $failures.through(&format!("{} in {}", $name, stringify!($wrapper)), &written, &expected);
    )*};
}

#[derive(Default)]
struct Failures(Vec<String>);

impl Failures {
    fn look<T: PartialEq + Debug>(
        &mut self,
        what: &str,
        found: Result<T, serde_shm::Error>,
        expected: &T,
    ) {
        match found {
            Ok(found) if found == *expected => {}
            Ok(found) => self.0.push(format!("{what}: {found:.200?}, not {expected:.200?}")),
            Err(error) => self.0.push(format!("{what}: {error}")),
        }
    }

    fn through<W: Serialize, R: DeserializeOwned + PartialEq + Debug>(
        &mut self,
        what: &str,
        written: &W,
        expected: &R,
    ) {
        self.look(what, from_bytes(&to_bytes(written).unwrap()), expected);
    }

    /// What was written as `W` is read as `R`, by itself and in each kind of buffer.
    fn some<W, R>(&mut self, name: &str, w: &W, r: &R)
    where
        W: Serialize + Clone,
        R: DeserializeOwned + PartialEq + Debug + Clone,
    {
        self.some_but_falling(name, w, r);
        wrapped! { self, name, w, r;
            Falling: t => Falling::Full { name: "n".into(), t };
        }
    }

    /// The same for bytes and plain ndarrays: what a later variant takes of them stays as it was written.
    fn some_but_falling<W, R>(&mut self, name: &str, w: &W, r: &R)
    where
        W: Serialize + Clone,
        R: DeserializeOwned + PartialEq + Debug + Clone,
    {
        self.through(name, w, r);
        wrapped! { self, name, w, r;
            Flat: t => Flat { id: 1, inner: Plain { t }, after: "a".into() };
        }
    }

    /// The same in every wrapper, and out of every container.
    fn all<W, R>(&mut self, name: &str, w: &W, r: &R)
    where
        W: Serialize + Clone,
        R: DeserializeOwned + PartialEq + Debug + Clone,
    {
        self.some(name, w, r);
        wrapped! { self, name, w, r;
            Internal: t => Internal::Case { t, more: 1 };
            FlatNewtype: t => Flat { id: 1, inner: Plain { t: Newtype(Newtype(t)) }, after: "a".into() };
            FlatOption: t => Flat { id: 1, inner: Plain { t: Some(t) }, after: "a".into() };
            FlatMap: t => FlatMap { rest: BTreeMap::from([("a".into(), t.clone()), ("b".into(), t)]) };
            Lists: t => vec![BTreeMap::from([(1_u32, UntaggedStruct::Case { t })])];
            InternalNewtype: t => InternalNewtype::Case(Plain { t });
            Adjacent: t => vec![Adjacent::Case(t.clone()), Adjacent::Pair(1, t)];
            Twice: t => Twice { outer: Internal::Case { t: Plain { t }, more: 1 } };
            Untagged: t => vec![Untagged::Case(t), Untagged::Name("n".into())];
            Thrice: t => Thrice::Case(Flat { id: 1, inner: Plain { t: vec![Untagged::Case(t)] }, after: "a".into() });
        }
        let content = ContentFirst { content: w.clone(), kind: "Case" };
        self.through(&format!("{name}, content first"), &content, &Adjacent::Case(r.clone()));
        let written = Flat { id: 1, inner: Plain { t: w.clone() }, after: "a".into() };
        let expected = Flat { id: 1, inner: Plain { t: r.clone() }, after: "a".into() };
        let segment = serde_shm::to_shared(&written).unwrap();
        self.look(&format!("{name}, segment"), segment.get(), &expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        serde_shm::to_npz(&path, &written).unwrap();
        self.look(&format!("{name}, npz"), from_npz(&path), &expected);
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(self.0.is_empty(), "{} fail:\n{}", self.0.len(), self.0.join("\n"));
    }
}

#[test]
fn a_placed_list_as_every_type_that_takes_one() {
    let mut all = Failures::default();
    let v = vec![1.5_f32, -2.0, 3.25];
    let w = Marked(v.clone());
    all.all("Vec", &w, &v);
    all.some("VecDeque", &w, &VecDeque::from(v.clone()));
    all.some("tuple", &w, &(1.5_f32, -2.0_f64, Newtype(3.25_f32)));
    all.some("ShmArray", &w, &ShmArray1::from(v.clone()));
    all.some("ndarray", &w, &Array1::from(v.clone()));
    all.all("DynArray", &w, &DynArray::F32(Array1::from(v).into_dyn()));
    let numbers = Marked(vec![3_u32, 1, 2]);
    all.some("set", &numbers, &BTreeSet::from([1_u64, 2, 3]));
    all.some("shape", &Marked(vec![2_i64, 3]), &(2_usize, 3_usize));
    all.some("JSON", &numbers, &serde_json::json!([3, 1, 2]));
    all.assert_none();
}

#[test]
fn rows_as_every_type_that_takes_them() {
    let mut all = Failures::default();
    let rows = array![[1_i64, -2], [3, 4]];
    for w in [ShmArray2::from(rows.clone()), ShmArray2::from(rows.t().to_owned().reversed_axes())] {
        all.some("lists", &w, &vec![vec![1_i64, -2], vec![3, 4]]);
        all.some("tuples", &w, &((1_i64, -2_i8), [3_i64, 4]));
        all.some("ndarray", &w, &rows);
        all.some("ShmArray", &w, &ShmArray2::from(rows.clone()));
        all.some("DynArray", &w, &DynArray::I64(rows.clone().into_dyn()));
    }
    let empty = Array2::<i64>::zeros((0, 3));
    let w = ShmArray2::from(empty.clone());
    all.some("empty ndarray", &w, &empty);
    all.some("empty DynArray", &w, &DynArray::I64(empty.into_dyn()));
    let one = ShmArray0::from(ndarray::arr0(7_u16));
    all.some("no axes", &one, &7_u16);
    all.some("no axes", &one, &one);
    all.some("no axes", &one, &DynArray::U16(ndarray::arr0(7).into_dyn()));
    all.assert_none();
}

#[test]
fn a_plain_ndarray_as_every_type_that_takes_it() {
    let mut all = Failures::default();
    let w = array![[1.5_f32, 2.0], [3.0, 4.0]];
    all.some("ndarray", &w, &w);
    all.some_but_falling("lists", &w, &vec![vec![1.5_f32, 2.0], vec![3.0, 4.0]]);
    all.some("ShmArray", &w, &ShmArray2::from(w.clone()));
    all.some("DynArray", &w, &DynArray::F32(w.clone().into_dyn()));
    all.assert_none();
}

fn dynamic() -> Vec<DynArray> {
    let unit = TimeUnit::new(TimeBase::Second, 5).unwrap();
    let times = Array1::from(vec![1_i64, i64::MIN, 3]).into_dyn();
    macro_rules! numbers {
        ($($variant:ident $ty:ty;)*) => {
            vec![$(DynArray::$variant(Array1::from(vec![0 as $ty, 1 as $ty, <$ty>::MAX]).into_dyn())),*]
        };
    }
    let mut all = numbers! { I8 i8; I16 i16; I32 i32; I64 i64; U8 u8; U16 u16; U32 u32; U64 u64; F32 f32; F64 f64; };
    all.extend([
        DynArray::Bool(array![true, false].into_dyn()),
        #[cfg(feature = "half")]
        DynArray::F16(array![f16::from_f32(1.5), f16::MAX].into_dyn()),
        #[cfg(feature = "half")]
        DynArray::BF16(array![bf16::from_f32(1.5), bf16::MIN].into_dyn()),
        #[cfg(feature = "complex")]
        DynArray::Complex64(array![Complex32::new(1.0, -2.0)].into_dyn()),
        #[cfg(feature = "complex")]
        DynArray::Complex128(array![Complex64::new(1.0, -2.0)].into_dyn()),
        DynArray::Datetime(times.clone(), unit),
        DynArray::Timedelta(times, unit),
        DynArray::Text(array!["a".to_owned(), "bü".to_owned()].into_dyn()),
        DynArray::Bytes(array![vec![1_u8, 2], vec![200]].into_dyn()),
    ]);
    all
}

/// Once times and bytes in a tuple variant under `flatten` came back as another dtype.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum TupleVariant {
    Case(u32, DynArray),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct FlatVariant {
    id: u8,
    #[serde(flatten)]
    variant: TupleVariant,
}

#[test]
fn arrays_of_every_dtype_keep_it() {
    let mut all = Failures::default();
    for array in dynamic() {
        let name = array.to_dtype().to_string();
        all.some(&name, &array, &array);
        let flat = FlatVariant { id: 1, variant: TupleVariant::Case(2, array) };
        all.through(&format!("{name} in a tuple variant"), &flat, &flat);
    }
    all.assert_none();
}

#[test]
fn arrays_of_other_dtypes_as_lists() {
    let mut all = Failures::default();
    for array in dynamic() {
        match &array {
            DynArray::Bool(v) => all.some("bool", &array, &v.iter().copied().collect::<Vec<_>>()),
            #[cfg(feature = "half")]
            DynArray::F16(v) => {
                all.some("f16", &array, &v.iter().copied().collect::<Vec<_>>());
                all.some("f16", &array, &v.iter().map(|v| v.to_f32()).collect::<Vec<_>>());
            }
            #[cfg(feature = "half")]
            DynArray::BF16(v) => all.some("bf16", &array, &v.iter().copied().collect::<Vec<_>>()),
            #[cfg(feature = "complex")]
            DynArray::Complex64(v) => {
                all.some("c8", &array, &v.iter().copied().collect::<Vec<_>>());
            }
            DynArray::Datetime(v, _) => {
                all.some("time", &array, &v.iter().copied().collect::<Vec<_>>());
            }
            DynArray::Text(v) => {
                all.some("text", &array, &v.iter().cloned().collect::<Vec<_>>());
            }
            DynArray::Bytes(v) => {
                let lists: Vec<ByteBuf> = v.iter().cloned().map(ByteBuf::from).collect();
                all.some("S as bytes", &array, &lists);
            }
            _ => {}
        }
    }
    #[derive(Clone, Copy, serde_shm::Element, Serialize, Deserialize, PartialEq, Debug)]
    #[repr(C)]
    struct Point {
        id: u32,
        at: [f32; 2],
    }
    let points = vec![Point { id: 1, at: [0.5, 1.0] }, Point { id: 2, at: [2.0, 4.0] }];
    all.some("structs", &ShmArray1::from(points.clone()), &points);
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    enum Color {
        Red,
        Green,
    }
    let names = DynArray::Text(array!["Red".to_owned(), "Green".to_owned()].into_dyn());
    all.some("enums", &names, &vec![Color::Red, Color::Green]);
    all.assert_none();
}

#[test]
fn bytes_of_every_length() {
    let mut all = Failures::default();
    for len in [0, 1, 255, 256, 257, 70_000] {
        let v: Vec<u8> = (0_u32..len).map(|i| (i % 251) as u8).collect();
        let bytes = ByteBuf::from(v.clone());
        let name = |what: &str| format!("{len} {what}");
        all.some(&name("bytes"), &bytes, &bytes);
        all.some_but_falling(&name("bytes as a list"), &bytes, &v);
        all.some(&name("bytes as an array"), &bytes, &ShmArray1::from(v.clone()));
        all.some(
            &name("bytes as any array"),
            &bytes,
            &DynArray::U8(Array1::from(v.clone()).into_dyn()),
        );
        all.some(&name("an array as bytes"), &ShmArray1::from(v.clone()), &bytes);
        all.some(&name("a list as bytes"), &v, &bytes);
        let floats: Vec<f32> = (0..len).map(|i| i as f32).collect();
        all.some(&name("floats"), &Marked(floats.clone()), &floats);
    }
    all.assert_none();
}

/// Arrays, lists and bytes beside one another in one buffer, each as what it is asked for.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Mixed<D, L, A, B, P> {
    dynamic: D,
    list: L,
    array: A,
    bytes: B,
    plain: P,
    #[serde(default)]
    shape: Option<(usize, usize)>,
}

#[test]
fn several_kinds_in_one_buffer() {
    let mut all = Failures::default();
    let times = || {
        DynArray::Datetime(array![1_i64, 2].into_dyn(), TimeUnit::new(TimeBase::Day, 1).unwrap())
    };
    let written = Mixed {
        dynamic: times(),
        list: Marked(vec![1_i64, 2]),
        array: ShmArray1::from(vec![1_i64, 2]),
        bytes: ByteBuf::from(vec![1, 2]),
        plain: Marked(vec![1_i64, 2]),
        shape: None,
    };
    let expected = Mixed {
        dynamic: times(),
        list: vec![1_i64, 2],
        array: ShmArray1::from(vec![1_i64, 2]),
        bytes: vec![1_u8, 2],
        plain: array![1_i64, 2],
        shape: None,
    };
    all.some_but_falling("mixed", &written, &expected);
    all.assert_none();
}

/// Views are borrowed from the container also where lists beside them are read one by one.
#[test]
fn views_beside_lists() {
    #[derive(serde_shm::Deserialize, PartialEq, Debug)]
    struct Views<'a> {
        #[serde(borrow)]
        rows: ArrayView2<'a, f64>,
        list: Vec<f64>,
        #[shm_array]
        #[serde(borrow)]
        slice: &'a [f64],
        shape: (usize, usize),
        text: &'a str,
    }
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(tag = "kind")]
    enum Tagged<'a> {
        #[serde(borrow)]
        Views(Views<'a>),
    }
    #[derive(Serialize)]
    struct Written {
        list: ShmArray1<f64>,
        rows: ShmArray2<f64>,
        kind: &'static str,
        slice: ShmArray1<f64>,
        text: &'static str,
        shape: ShmArray1<u64>,
    }
    let written = Written {
        list: vec![1.0, 2.0].into(),
        rows: array![[1.0, 2.0], [3.0, 4.0]].into(),
        kind: "Views",
        slice: vec![1.0, 2.0].into(),
        text: "t",
        shape: vec![2, 2].into(),
    };
    let bytes = to_bytes(&written).unwrap();
    let Tagged::Views(views) = from_bytes(&bytes).unwrap();
    let range = bytes.as_ptr_range();
    assert!(
        range.contains(&views.rows.as_ptr().cast()) && range.contains(&views.slice.as_ptr().cast())
    );
    assert_eq!((views.list, views.shape, views.text), (vec![1.0, 2.0], (2, 2), "t"));
    assert_eq!(views.rows, array![[1.0, 2.0], [3.0, 4.0]]);
    let view: ArrayView1<'_, f64> = ArrayView1::from(views.slice);
    assert_eq!(view, array![1.0, 2.0]);
}

/// An archive of NumPy's: the same members, without what this crate says of its object.
fn numpy(folder: &std::path::Path, arrays: &BTreeMap<&str, DynArray>) -> std::path::PathBuf {
    let (own, path) = (folder.join("own.npz"), folder.join("numpy.npz"));
    serde_shm::to_npz(&own, arrays).unwrap();
    let mut from = zip::ZipArchive::new(std::fs::File::open(own).unwrap()).unwrap();
    let mut to = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for index in 0..from.len() {
        let member = from.by_index_raw(index).unwrap();
        if !member.name().unwrap().contains("serde_shm") {
            to.raw_copy_file(member).unwrap();
        }
    }
    to.finish().unwrap();
    path
}

fn text(text: &str) -> DynArray {
    DynArray::Text(ndarray::arr0(text.to_owned()).into_dyn())
}

#[test]
fn a_file_of_numpys_through_buffers() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = Failures::default();
    for (name, array) in dynamic().into_iter().map(|array| (array.to_dtype().to_string(), array)) {
        let arrays = BTreeMap::from([
            ("t", array.clone()),
            ("after", text("a")),
            ("id", DynArray::U8(ndarray::arr0(1).into_dyn())),
        ]);
        let path = numpy(folder.path(), &arrays);
        // NumPy has no name for these.
        if name == "<V2" {
            continue;
        }
        let flat = Flat { id: 1, inner: Plain { t: array }, after: "a".into() };
        all.look(&name, from_npz(&path), &flat);
    }
    let list = DynArray::F32(array![1.5_f32, 2.5].into_dyn());
    let zero = DynArray::U8(ndarray::arr0(3).into_dyn());
    let arrays =
        BTreeMap::from([("kind", text("Case")), ("more", zero.clone()), ("t", list.clone())]);
    let path = numpy(folder.path(), &arrays);
    all.look("Vec", from_npz(&path), &Internal::Case { t: vec![1.5_f32, 2.5], more: 3 });
    all.look("tuple", from_npz(&path), &Internal::Case { t: (1.5_f32, 2.5_f32), more: 3 });
    all.look(
        "ShmArray",
        from_npz(&path),
        &Internal::Case { t: ShmArray1::from(vec![1.5_f32, 2.5]), more: 3 },
    );
    all.look("ndarray", from_npz(&path), &Internal::Case { t: array![1.5_f32, 2.5], more: 3 });
    all.look("DynArray", from_npz(&path), &Internal::Case { t: list, more: 3 });
    let arrays = BTreeMap::from([("t", zero.clone())]);
    let path = numpy(folder.path(), &arrays);
    all.look("no axes", from_npz(&path), &UntaggedStruct::Case { t: zero });
    all.look("no axes", from_npz(&path), &UntaggedStruct::Case { t: 3_u8 });
    all.assert_none();
}

/// Once an ndarray under serde's own derive could not be read from such a file inside a newtype.
#[test]
fn a_newtype_of_a_plain_ndarray_out_of_a_file_of_numpys() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = BTreeMap::from([("t", DynArray::F32(array![[1.5_f32, 2.5]].into_dyn()))]);
    let path = numpy(folder.path(), &arrays);
    let found: Plain<Newtype<Option<Newtype<Array2<f32>>>>> = from_npz(&path).unwrap();
    assert_eq!(found.t, Newtype(Some(Newtype(array![[1.5, 2.5]]))));
}

/// Once a tuple took the first numbers of a struct's field, or the first fields, and the others were lost without a word.
#[test]
fn no_part_of_a_struct_in_an_array_is_lost() {
    #[derive(Clone, Copy, serde_shm::Element)]
    #[repr(C)]
    struct Point {
        id: u32,
        at: [f32; 2],
    }
    let bytes = to_bytes(&ShmArray1::from(vec![Point { id: 1, at: [0.5, 1.0] }])).unwrap();
    #[derive(Deserialize, PartialEq, Debug)]
    struct Of<T> {
        id: u32,
        at: T,
    }
    let found: Vec<Of<(f32, f32)>> = from_bytes(&bytes).unwrap();
    assert_eq!(found, [Of { id: 1, at: (0.5, 1.0) }]);
    let error = from_bytes::<Vec<Of<(f32,)>>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("[0].at: expected 1 elements, found 2"), "{error}");
    let error = from_bytes::<Vec<(u32,)>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("[0]: expected 1 elements, found 2"), "{error}");
}

/// A sparse matrix as SciPy saves it, whose shape is an array, too.
#[derive(serde_shm::Deserialize, PartialEq, Debug)]
#[serde(tag = "format", rename_all = "lowercase")]
enum Sparse {
    Csr { data: Array1<f64>, indices: Array1<i32>, indptr: Array1<i32>, shape: (usize, usize) },
}

/// The same under serde's own derive, where the arrays are read as ndarray reads them.
#[derive(Deserialize, PartialEq, Debug)]
#[serde(tag = "format", rename_all = "lowercase")]
enum PlainSparse {
    Csr { data: Array1<f64>, indices: Array1<i32>, indptr: Array1<i32>, shape: (usize, usize) },
}

#[test]
fn a_sparse_matrix_of_scipys() {
    let folder = tempfile::tempdir().unwrap();
    let arrays = BTreeMap::from([
        ("indices", DynArray::I32(array![0, 2].into_dyn())),
        ("indptr", DynArray::I32(array![0, 1, 2].into_dyn())),
        ("format", DynArray::Bytes(ndarray::arr0(b"csr".to_vec()).into_dyn())),
        ("shape", DynArray::I64(array![2, 3].into_dyn())),
        ("data", DynArray::F64(array![1.0, 2.5].into_dyn())),
    ]);
    let path = numpy(folder.path(), &arrays);
    let (data, indices, indptr) = (array![1.0, 2.5], array![0, 2], array![0, 1, 2]);
    let plain = PlainSparse::Csr {
        data: data.clone(),
        indices: indices.clone(),
        indptr: indptr.clone(),
        shape: (2, 3),
    };
    assert_eq!(from_npz::<PlainSparse>(&path).unwrap(), plain);
    let routed = Sparse::Csr { data, indices, indptr, shape: (2, 3) };
    assert_eq!(from_npz::<Sparse>(&path).unwrap(), routed);
}

#[test]
fn what_no_form_fits_is_an_error_that_names_it() {
    let bytes = to_bytes(&Plain { t: Marked(vec![1.5_f32, 2.0]) }).unwrap();
    let text = |error: serde_shm::Error| error.to_string();
    let error = from_bytes::<UntaggedStruct<Vec<String>>>(&bytes).unwrap_err();
    assert!(text(error).contains("did not match any variant"));
    #[derive(Deserialize, Debug)]
    struct FlatOf<T> {
        #[serde(flatten)]
        _inner: Plain<T>,
    }
    let error = text(from_bytes::<FlatOf<Vec<bool>>>(&bytes).unwrap_err());
    assert!(error.contains("expected a boolean, found floating point `1.5`"), "{error}");
    let error = text(from_bytes::<FlatOf<(f32,)>>(&bytes).unwrap_err());
    assert!(error.contains("1 element"), "{error}");
    // What serde's buffer has no room for.
    let bytes = to_bytes(&Plain { t: 1_u128 }).unwrap();
    assert_eq!(from_bytes::<Plain<u128>>(&bytes).unwrap().t, 1);
    let error = text(from_bytes::<FlatOf<u128>>(&bytes).unwrap_err());
    assert!(
        error.contains("t: serde's buffer") && error.contains("no 128-bit integers"),
        "{error}"
    );
}
