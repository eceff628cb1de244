//! NumPy both ways. `SERDE_SHM_PYTHON` names a Python that has it, as in `tests/numpy.rs`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;

use half::{bf16, f16};
use ndarray::{Array1, Array2, ShapeBuilder};
use num_complex::{Complex32, Complex64};
use serde_shm::element::{
    Datetime64, Days, FixedBytes, FixedStr, Nanoseconds, Seconds, Timedelta64,
};
use serde_shm::{Deserialize, DynArray, ErrorKind, Npz, Serialize, ShmArray1, from_npz, to_npz};

use crate::structs::{Point, point};

fn python(args: &[&str]) -> bool {
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        let note = "SKIPPED: dtypes.py needs SERDE_SHM_PYTHON, the path of a Python with NumPy\n";
        std::io::stderr().write_all(note.as_bytes()).unwrap();
        return false;
    };
    let script = crate::support::root().join("tests/python/dtypes.py");
    let output = Command::new(python).arg(script).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

#[test]
fn every_dtype_order_and_rank_of_numpys_is_read_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let [theirs, ours, again] = ["theirs.npz", "ours.npz", "again.npz"]
        .map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    if !python(&["write", &theirs]) {
        return;
    }
    let arrays: BTreeMap<String, DynArray> = from_npz(&theirs).unwrap();
    to_npz(&ours, &arrays).unwrap();
    python(&["compare", &theirs, &ours]);
    // And ours as ours.
    let back: BTreeMap<String, DynArray> = from_npz(&ours).unwrap();
    assert_eq!(back.keys().collect::<Vec<_>>(), arrays.keys().collect::<Vec<_>>());
    to_npz(&again, &back).unwrap();
    assert_eq!(std::fs::read(&ours).unwrap(), std::fs::read(&again).unwrap());
}

#[test]
fn structs_of_numpys_are_found_by_the_names_of_their_fields() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("structs.npz");
    if !python(&["structs", path.to_str().unwrap()]) {
        return;
    }
    let expected: Vec<Point> = (0..5).map(point).collect();
    let npz = Npz::open(&path).unwrap();
    for name in ["packed", "aligned", "big", "moved"] {
        #[derive(Debug)]
        struct One(Vec<Point>, ShmArray1<Point>);
        let read: BTreeMap<String, Routed<Vec<Point>>> = only(&npz, name).unwrap();
        let handle: BTreeMap<String, ShmArray1<Point>> = only(&npz, name).unwrap();
        let one = One(read[name].0.clone(), handle[name].clone());
        assert_eq!((&one.0, one.1.as_slice().unwrap()), (&expected, &expected[..]), "{name}");
        let view = npz.array::<Point, ndarray::Ix1>(name);
        if name == "aligned" {
            assert_eq!(view.unwrap().as_slice().unwrap(), expected);
        } else {
            let error = view.unwrap_err();
            assert!(error.to_string().contains("cannot view this array"), "{error}");
        }
    }
    for (name, said) in [
        ("lacking", "the array has no `ok`"),
        ("more", "the struct has no `z`"),
        ("other", "field `y`: expected f64 (shape []), found f32 (shape [])"),
        ("bad", "at element 3, field `ok`"),
    ] {
        let error = only::<Routed<Vec<Point>>>(&npz, name).unwrap_err();
        assert!(error.to_string().contains(said) && error.to_string().contains(name), "{error}");
    }
    let error = only::<Routed<Vec<Datetime64<Seconds>>>>(&npz, "time").unwrap_err();
    assert!(error.to_string().contains("expected <M8[s], found <M8[D] (shape [2])"), "{error}");
    let times: BTreeMap<String, Routed<Vec<Datetime64<Days>>>> = only(&npz, "time").unwrap();
    assert_eq!(times["time"].0, [Datetime64::new(1), Datetime64::NAT]);
    let integers: BTreeMap<String, Routed<Vec<i64>>> = only(&npz, "time").unwrap();
    assert_eq!(integers["time"].0, [1, i64::MIN]);
    let nanos: BTreeMap<String, Routed<Vec<Timedelta64<Nanoseconds>>>> =
        only(&npz, "nanos").unwrap();
    assert_eq!(nanos["nanos"].0[1].value(), 2);
    let brain: BTreeMap<String, Array1<bf16>> = only::<Routed<Array1<bf16>>>(&npz, "void")
        .unwrap()
        .into_iter()
        .map(|(k, v)| (k, v.0))
        .collect();
    assert_eq!(brain["void"][0], bf16::from_f32(1.5));
    let text: BTreeMap<String, Vec<String>> = only(&npz, "text").unwrap();
    assert_eq!(text["text"], ["ab", "größe"]);
    let fixed: BTreeMap<String, Routed<Vec<FixedStr<8>>>> = only(&npz, "text").unwrap();
    assert_eq!(fixed["text"].0[1].to_string(), "größe");
    let data: BTreeMap<String, Routed<Vec<FixedBytes<2>>>> = only(&npz, "data").unwrap();
    assert_eq!(data["data"].0[1].as_bytes(), b"\xff\x01");
    let data: BTreeMap<String, Vec<Vec<u8>>> = only(&npz, "data").unwrap();
    assert_eq!(data["data"], [&b"ab"[..], b"\xff\x01"]);
    let one: BTreeMap<String, String> = only(&npz, "one").unwrap();
    assert_eq!(one["one"], "only");
    let plain: BTreeMap<String, Vec<Record>> = only(&npz, "moved").unwrap();
    assert_eq!(plain["moved"][1], Record { x: 0.5, y: -1.0, ok: false });
}

/// What serde alone makes of a struct.
#[derive(serde::Deserialize, Debug, PartialEq)]
struct Record {
    x: f64,
    y: f64,
    ok: bool,
}

#[derive(serde::Deserialize, Debug, Clone)]
#[serde(transparent, bound(deserialize = "T: serde_shm::array::DeserializeArray<'de>"))]
struct Routed<T>(#[serde(with = "serde_shm::array")] T);

/// One array of an archive, under its name.
fn only<T: serde::de::DeserializeOwned>(
    npz: &Npz,
    name: &str,
) -> serde_shm::Result<BTreeMap<String, T>> {
    struct Seed<'a, T>(&'a str, std::marker::PhantomData<T>);
    impl<'de, T: serde::Deserialize<'de>> serde::de::Visitor<'de> for Seed<'_, T> {
        type Value = BTreeMap<String, T>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an archive")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(
            self,
            mut map: A,
        ) -> Result<Self::Value, A::Error> {
            let mut found = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    found.insert(key, map.next_value()?);
                } else {
                    map.next_value::<serde::de::IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    thread_local!(static NAME: std::cell::RefCell<String> = const { std::cell::RefCell::new(String::new()) });
    struct Found<T>(BTreeMap<String, T>);
    impl<'de, T: serde::Deserialize<'de>> serde::Deserialize<'de> for Found<T> {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            let name = NAME.with_borrow(Clone::clone);
            d.deserialize_map(Seed(&name, std::marker::PhantomData)).map(Found)
        }
    }
    NAME.set(name.to_owned());
    npz.get::<Found<T>>().map(|found| found.0)
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct All {
    #[shm_array]
    points: Vec<Point>,
    #[shm_array]
    times: Vec<Datetime64<Nanoseconds>>,
    spans: Array1<Timedelta64<Days>>,
    names: ShmArray1<FixedStr<6>>,
    #[shm_array]
    codes: Box<[FixedBytes<3>]>,
    half: Array1<f16>,
    brain: ShmArray1<bf16>,
    complex: Array1<Complex32>,
    wide: Array2<Complex64>,
}

fn all() -> All {
    All {
        points: (0..4).map(point).collect(),
        times: vec![Datetime64::new(1_500_000_000), Datetime64::NAT],
        spans: Array1::from(vec![Timedelta64::new(-3)]),
        names: vec![FixedStr::try_from("größe").unwrap(), FixedStr::try_from("x").unwrap()].into(),
        codes: [FixedBytes::try_from("ab").unwrap(), FixedBytes::from_array([0xff, 0, 0])].into(),
        half: Array1::from(vec![f16::from_f32(1.5), f16::from_f32(-2.0)]),
        brain: vec![bf16::from_f32(1.5), bf16::from_f32(-2.0)].into(),
        complex: Array1::from(vec![Complex32::new(1.0, 2.0), Complex32::new(0.0, -1.0)]),
        wide: Array2::from_shape_fn((2, 3).f(), |(i, j)| Complex64::new(i as f64, j as f64)),
    }
}

#[test]
fn numpy_sees_structs_times_strings_and_all_kinds_of_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.npz");
    to_npz(&path, &all()).unwrap();
    assert_eq!(from_npz::<All>(&path).unwrap(), all());
    python(&["check", path.to_str().unwrap()]);
}

#[test]
fn they_come_back_from_every_container_and_format() {
    let value = all();
    let block = serde_shm::to_bytes(&value).unwrap();
    assert_eq!(serde_shm::from_bytes::<All>(&block).unwrap(), value);
    let json = serde_json::to_string(&value).unwrap();
    assert!(json.contains(r#""complex":[[1.0,2.0],[0.0,-1.0]]"#), "{json}");
    assert!(json.contains(r#""half":[1.5,-2.0]"#) && json.contains(r#""names":["größe","x"]"#));
    assert_eq!(serde_json::from_str::<All>(&json).unwrap(), value);
    let card = postcard::to_stdvec(&value).unwrap();
    assert_eq!(postcard::from_bytes::<All>(&card).unwrap(), value);
    let shared = serde_shm::to_shared(&value).unwrap();
    assert_eq!(serde_shm::from_shared::<All>(shared.id()).unwrap(), value);
    let info = shared.arrays().unwrap();
    let brain = info.iter().find(|info| info.path() == "brain").unwrap();
    assert_eq!(
        (brain.dtype(), brain.dtype().to_string()),
        (&serde_shm::DType::BF16, "<V2".to_owned())
    );
    let times = info.iter().find(|info| info.path() == "times").unwrap();
    assert_eq!(times.dtype().unit().unwrap().to_string(), "ns");
    for info in &info {
        let any = shared.array_dyn(info.path()).unwrap();
        assert_eq!((any.to_dtype().kind(), any.shape()), (info.dtype().kind(), info.shape()));
    }
    let error = shared.array_as::<f32, ndarray::Ix1>("wide").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let wide = shared.array_as::<f64, ndarray::Ix1>("half").unwrap();
    assert_eq!(wide.to_vec(), [1.5, -2.0]);
    let wide = shared.array_as::<Complex64, ndarray::Ix1>("complex").unwrap();
    assert_eq!(wide[0], Complex64::new(1.0, 2.0));
}

/// What the types' own serde forms wrote, our routed fields read, and the other way round.
#[test]
fn a_field_may_gain_or_lose_its_route() {
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Plain {
        half: Vec<f16>,
        brain: Array1<bf16>,
        complex: Array1<Complex32>,
        times: Vec<i64>,
        names: Vec<String>,
    }
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Placed {
        #[shm_array]
        half: Vec<f16>,
        brain: Array1<bf16>,
        complex: Array1<Complex32>,
        #[shm_array]
        times: Vec<Timedelta64<Nanoseconds>>,
        #[shm_array]
        names: Vec<FixedStr<2>>,
    }
    let half = vec![f16::from_f32(1.5), f16::from_f32(-0.25)];
    let brain = Array1::from(vec![bf16::from_f32(3.0)]);
    let complex = Array1::from(vec![Complex32::new(1.0, -1.0)]);
    let plain = Plain {
        half: half.clone(),
        brain: brain.clone(),
        complex: complex.clone(),
        times: vec![5],
        names: vec!["a".into(), "bc".into()],
    };
    let placed = Placed {
        half,
        brain,
        complex,
        times: vec![Timedelta64::new(5)],
        names: vec![FixedStr::try_from("a").unwrap(), FixedStr::try_from("bc").unwrap()],
    };
    let block = serde_shm::to_bytes(&placed).unwrap();
    assert_eq!(serde_shm::from_bytes::<Plain>(&block).unwrap(), plain);
    let block = serde_shm::to_bytes(&plain).unwrap();
    let brain: Placed = match serde_shm::from_bytes(&block) {
        Ok(placed) => placed,
        Err(error) => panic!("{error}"),
    };
    assert_eq!(brain, placed);
}
