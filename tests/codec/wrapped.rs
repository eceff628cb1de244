//! Types in every container through every wrapper: what is written is what `to_bytes` writes, arrays among it.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayD, arr2};
use serde::de::DeserializeOwned;
use serde_shm::de::Deserializer;
use serde_shm::ser::Serializer;
use serde_shm::{Deserialize, Result, Serialize, ShmArray1};

use super::Made;
use crate::support::array_count;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Kind {
    Unit,
    Newtype(u32),
    Tuple(u8, i64),
    Struct { a: bool, b: Option<char> },
    Array(Array1<i16>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Newtype(String);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Layer {
    name: String,
    #[shm_array]
    bias: Vec<f32>,
    weights: Array2<f64>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Model {
    layers: Vec<Layer>,
    kinds: Vec<Kind>,
    by_name: BTreeMap<String, Option<ShmArray1<u8>>>,
    by_number: BTreeMap<u16, (Unit, Newtype)>,
    wide: (u128, i128, f32, f64),
    #[serde(skip_serializing_if = "Option::is_none", default)]
    left_out: Option<u8>,
    address: std::net::IpAddr,
    any: ArrayD<u32>,
}

fn model() -> Model {
    let layer = |name: &str| Layer {
        name: name.to_owned(),
        bias: vec![0.5, 1.5, 2.5],
        weights: arr2(&[[1.0, 2.0], [3.0, 4.0]]),
    };
    Model {
        layers: vec![layer("first"), layer("second")],
        kinds: vec![
            Kind::Unit,
            Kind::Newtype(7),
            Kind::Tuple(1, -2),
            Kind::Struct { a: true, b: Some('x') },
            Kind::Array(vec![1, 2, 3].into()),
        ],
        by_name: BTreeMap::from([
            ("none".to_owned(), None),
            ("some".to_owned(), Some(vec![1, 2].into())),
        ]),
        by_number: BTreeMap::from([(1, (Unit, Newtype("one".to_owned())))]),
        wide: (u128::MAX, i128::MIN, 0.25, f64::MAX),
        left_out: None,
        address: [127, 0, 0, 1].into(),
        any: ArrayD::from_shape_vec(vec![1, 2, 1], vec![8, 9]).unwrap(),
    }
}

type Write<T> = fn(&T, Serializer<'_, '_>) -> Result<()>;

/// What writes through other crates.
fn writers<T: serde::Serialize>() -> [(&'static str, Write<T>); 5] {
    [
        ("plain", |value, s| value.serialize(s)),
        ("path", |value, s| {
            value.serialize(serde_path_to_error::Serializer::new(
                s,
                &mut serde_path_to_error::Track::new(),
            ))
        }),
        ("erased value", |value, s| erased_serde::serialize(value, s)),
        ("erased serializer", |value, s| {
            let mut erased = <dyn erased_serde::Serializer>::erase(s);
            erased_serde::Serialize::erased_serialize(value, &mut erased)
                .map_err(serde::ser::Error::custom)
        }),
        ("both", write_both),
    ]
}

fn write_both<T: serde::Serialize>(value: &T, s: Serializer<'_, '_>) -> Result<()> {
    let mut track = serde_path_to_error::Track::new();
    erased_serde::serialize(value, serde_path_to_error::Serializer::new(s, &mut track))
}

fn read_both<T: DeserializeOwned>(d: Deserializer<'_>) -> Result<T> {
    let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(d);
    let erased: &mut dyn erased_serde::Deserializer<'_> = &mut erased;
    serde_path_to_error::deserialize(erased).map_err(serde::de::Error::custom)
}

type Read<T> = fn(Deserializer<'_>) -> Result<T>;

fn readers<T: DeserializeOwned>() -> [(&'static str, Read<T>); 5] {
    [
        ("plain", |d| T::deserialize(d)),
        ("path", |d| {
            serde_path_to_error::deserialize(d).map_err(serde_path_to_error::Error::into_inner)
        }),
        ("ignored", |d| serde_ignored::deserialize(d, |path| panic!("ignored {path}"))),
        ("erased", |d| {
            let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(d);
            erased_serde::deserialize(&mut erased).map_err(serde::de::Error::custom)
        }),
        ("both", read_both),
    ]
}

#[track_caller]
fn check<T>(value: &T)
where
    T: serde::Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    check_by(value, &writers(), &readers());
}

/// The same by all wrappers at once alone: there are many types.
#[track_caller]
fn check_kind<T>(value: &T)
where
    T: serde::Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    check_by(
        value,
        &[("plain", |value, s| value.serialize(s)), ("both", write_both)],
        &[("plain", |d| T::deserialize(d)), ("both", read_both)],
    );
}

#[track_caller]
fn check_by<T>(value: &T, writers: &[(&str, Write<T>)], readers: &[(&str, Read<T>)])
where
    T: serde::Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let expected = serde_shm::to_bytes(value).unwrap();
    for (writer, write) in writers {
        let made = Made::by(|serializer| write(value, serializer)).unwrap();
        assert_eq!(array_count(&made.bytes), array_count(&expected), "{writer}");
        assert_eq!(made.bytes, expected, "{writer}");
        assert_eq!(made.npz.arrays().unwrap().len() as u64, array_count(&expected));
        for (reader, read) in readers {
            for (container, deserializer) in made.deserializers().into_iter().enumerate() {
                let back = read(deserializer);
                assert_eq!(
                    back.as_ref().ok(),
                    Some(value),
                    "{writer} {reader} {container}: {back:?}"
                );
            }
        }
    }
}

#[test]
fn a_model_comes_back_through_every_wrapper() {
    check(&model());
}

#[test]
fn all_kinds_of_values_are_whole_objects() {
    check_kind(&true);
    check_kind(&-1_i8);
    check_kind(&-300_i16);
    check_kind(&-70_000_i32);
    check_kind(&i64::MIN);
    check_kind(&i128::MIN);
    check_kind(&200_u8);
    check_kind(&60_000_u16);
    check_kind(&u32::MAX);
    check_kind(&u64::MAX);
    check_kind(&u128::MAX);
    check_kind(&0.1_f32);
    check_kind(&0.1_f64);
    check_kind(&'ß');
    check_kind(&"text".to_owned());
    check_kind(&serde_bytes::ByteBuf::from(vec![1; 10]));
    check_kind(&serde_bytes::ByteBuf::from(vec![1; 100_000]));
    check_kind(&Some(Some(1)));
    check_kind(&None::<u8>);
    check_kind(&());
    check_kind(&Unit);
    check_kind(&Newtype("new".to_owned()));
    check_kind(&vec![1_u32, 2, 3]);
    check_kind(&(1, 'b', "c".to_owned()));
    check_kind(&[[1_u8; 32]; 32]);
    check_kind(&BTreeMap::from([(1, 'a'), (2, 'b')]));
    for kind in model().kinds {
        check_kind(&kind);
    }
    check_kind(&model().layers[0]);
    check_kind(&model().any);
    check_kind(&model().by_name);
}

#[test]
fn an_array_is_a_whole_object() {
    let array = ShmArray1::from(vec![1.5_f32; 1000]);
    check(&array);
    // The handle shares the memory of what it was read from.
    let made = Made::of(&array);
    let block = made.block.as_ref().as_ptr_range();
    let back = ShmArray1::<f32>::deserialize(made.block.deserializer()).unwrap();
    assert!(block.contains(&back.as_ptr().cast()));
    let back: ShmArray1<f32> = serde_path_to_error::deserialize(made.block.deserializer()).unwrap();
    assert!(block.contains(&back.as_ptr().cast()));
    let lent = <&[u8]>::deserialize(made.block.deserializer());
    assert!(lent.is_err(), "of floats");
}

#[test]
fn arrays_that_change_are_written_and_read() {
    use serde_shm::{AtomicArray, LockedArray, SegmentOptions};
    use std::sync::atomic::Ordering::Relaxed;

    fn segment<T: serde::Serialize>(value: &T) -> serde_shm::Segment {
        SegmentOptions::new().create_with(|s| write_both(value, s)).unwrap()
    }
    let counts = segment(&AtomicArray::from(vec![1_u32, 2]));
    let seen: AtomicArray<u32, ndarray::Ix1> = read_both(counts.deserializer()).unwrap();
    counts.get::<AtomicArray<u32, ndarray::Ix1>>().unwrap().store(0, 7, Relaxed).unwrap();
    assert_eq!(seen.load(0, Relaxed).unwrap(), 7);
    let locked = segment(&(LockedArray::from(vec![1.5_f64]), "beside"));
    let (seen, _): (LockedArray<f64, ndarray::Ix1>, String) =
        read_both(locked.deserializer()).unwrap();
    assert_eq!(seen.read().unwrap()[0], 1.5);
    let whole = segment(&LockedArray::from(vec![2.5_f64]));
    let seen = LockedArray::<f64, ndarray::Ix1>::deserialize(whole.deserializer()).unwrap();
    assert_eq!(seen.read().unwrap()[0], 2.5);
}

/// Under serde's own derive no token says what is an array: the form is recognised by what it looks like.
#[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
struct Plain {
    weights: Array2<f32>,
    empty: Array1<u8>,
}

#[test]
fn ndarray_under_serdes_own_derive_stays_an_array() {
    let plain = Plain { weights: Array2::ones((20, 30)), empty: Vec::new().into() };
    check(&plain);
    assert_eq!(array_count(&Made::of(&plain).bytes), 1);
}

#[test]
fn erased_values_in_structs_are_as_themselves() {
    #[derive(serde::Serialize)]
    struct Erased<'a> {
        model: &'a dyn erased_serde::Serialize,
        others: Vec<Box<dyn erased_serde::Serialize>>,
    }
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct Typed {
        model: Model,
        others: (u8, String, Newtype),
    }
    let model = model();
    let others: Vec<Box<dyn erased_serde::Serialize>> =
        vec![Box::new(1_u8), Box::new("two"), Box::new(Newtype("three".to_owned()))];
    let bytes = serde_shm::to_bytes(&Erased { model: &model, others }).unwrap();
    assert_eq!(array_count(&bytes), array_count(&serde_shm::to_bytes(&model).unwrap()));
    let back: Typed = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(back.model, model);
    assert_eq!(back.others, (1, "two".to_owned(), Newtype("three".to_owned())));
}

#[test]
fn errors_have_the_path_of_the_wrapper() {
    #[derive(serde::Deserialize, Debug)]
    #[allow(dead_code)]
    struct Other {
        layers: Vec<OtherLayer>,
    }
    #[derive(serde::Deserialize, Debug)]
    #[allow(dead_code)]
    struct OtherLayer {
        name: u8,
    }
    let made = Made::of(&model());
    for deserializer in made.deserializers() {
        let error = serde_path_to_error::deserialize::<_, Other>(deserializer).unwrap_err();
        assert_eq!(error.path().to_string(), "layers[0].name");
        assert_eq!(error.inner().path().as_deref(), Some("layers[0].name"));
        assert_eq!(error.inner().kind(), serde_shm::ErrorKind::Mismatch);
    }
    // The same type as was written, whose fields `get` takes by position.
    let mut broken = model();
    broken.kinds.push(Kind::Struct { a: true, b: None });
    let made = Made::of(&broken);
    #[derive(serde::Deserialize, Debug)]
    #[allow(dead_code)]
    enum Kind2 {
        Unit,
        Newtype(u32),
        Tuple(u8, i64),
        Struct { a: u8, b: Option<char> },
        Array(Array1<i16>),
    }
    #[derive(serde::Deserialize, Debug)]
    #[allow(dead_code)]
    struct Model2 {
        kinds: Vec<Kind2>,
    }
    let error =
        serde_path_to_error::deserialize::<_, Model2>(made.segment.deserializer()).unwrap_err();
    assert_eq!(error.path().to_string(), "kinds[3].Struct.a");
    assert_eq!(error.inner().container(), Some(made.segment.id()));
}

#[test]
fn errors_of_writing_have_the_path_of_the_wrapper() {
    struct Fails;
    impl serde::Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not to be written"))
        }
    }
    #[derive(serde::Serialize)]
    struct Outer {
        a: u8,
        list: Vec<Inner>,
    }
    #[derive(serde::Serialize)]
    struct Inner {
        fails: Option<Fails>,
    }
    let list = vec![Inner { fails: None }, Inner { fails: Some(Fails) }];
    let mut track = serde_path_to_error::Track::new();
    let error = serde_shm::ser::to_bytes_with(|s| {
        let wrapper = serde_path_to_error::Serializer::new(s, &mut track);
        serde::Serialize::serialize(&Outer { a: 1, list }, wrapper)
    })
    .unwrap_err();
    assert_eq!(track.path().to_string(), "list[1].fails");
    assert_eq!(error.path().as_deref(), Some("list[1].fails"));
    assert_eq!(error.to_string(), "list[1].fails: not to be written");
}

#[test]
fn ignored_fields_are_told_of() {
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Few {
        layers: Vec<Name>,
    }
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Name {
        name: String,
    }
    let made = Made::of(&model());
    for deserializer in made.deserializers() {
        let mut ignored = Vec::new();
        let few: Few =
            serde_ignored::deserialize(deserializer, |path| ignored.push(path.to_string()))
                .unwrap();
        assert_eq!(few.layers[1].name, "second");
        let mut expected: Vec<String> = ["0.bias", "0.weights", "1.bias", "1.weights"]
            .iter()
            .map(|field| format!("layers.{field}"))
            .collect();
        expected
            .extend(["kinds", "by_name", "by_number", "wide", "address", "any"].map(str::to_owned));
        assert_eq!(ignored, expected);
    }
}

#[test]
fn arrays_of_numpy_are_read_through_wrappers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let mut npz = ndarray_npy::NpzWriter::new(std::fs::File::create(&path).unwrap());
    npz.add_array("weights", &Array2::<f32>::ones((2, 3))).unwrap();
    npz.add_array("empty", &Array1::<u8>::zeros(0)).unwrap();
    npz.finish().unwrap();
    let file = serde_shm::Npz::open(&path).unwrap();
    for (reader, read) in readers::<Plain>() {
        let plain = read(file.deserializer()).unwrap();
        assert_eq!(plain.weights.sum(), 6.0, "{reader}");
    }
    let error = serde_path_to_error::deserialize::<_, BTreeMap<String, bool>>(file.deserializer());
    assert_eq!(error.unwrap_err().path().to_string(), "weights");
}
