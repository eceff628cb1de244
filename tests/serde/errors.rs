//! An error says where in the object it is.

use std::collections::{BTreeMap, HashMap};

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_shm::{ErrorKind, ShmArray1, ShmArray2, from_bytes, to_bytes};

use crate::serde::items::Lies;

#[derive(Serialize, Deserialize, Debug)]
struct Net<T> {
    name: String,
    layers: Vec<Layer<T>>,
    by_name: BTreeMap<String, Kind<T>>,
    by_key: BTreeMap<i32, T>,
}

#[derive(Serialize, Deserialize, Debug)]
struct Layer<T> {
    weight: T,
}

#[derive(Serialize, Deserialize, Debug)]
enum Kind<T> {
    Dense(T),
    Pair(u8, T),
    Named { inner: Option<T> },
}

fn net<T>() -> Net<T> {
    Net { name: "n".into(), layers: vec![], by_name: BTreeMap::new(), by_key: BTreeMap::new() }
}

#[track_caller]
fn fails<W: Serialize, R: for<'de> Deserialize<'de>>(value: &W, expected: &str) {
    let error = from_bytes::<R>(&to_bytes(value).unwrap()).map(drop).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn arrays_of_another_type() {
    type F32 = ShmArray2<f32>;
    type F64 = ShmArray2<f64>;
    let array = || F64::from(Array2::zeros((4, 4)));
    let why = "expected f32, found f64 (shape [4, 4])";
    let layers = (0..4).map(|_| Layer { weight: array() }).collect();
    fails::<_, Net<F32>>(&Net { layers, ..net() }, &format!("layers[0].weight: {why}"));
    let one = |kind| Net { by_name: [("key".to_owned(), kind)].into(), ..net() };
    fails::<_, Net<F32>>(&one(Kind::Dense(array())), &format!("by_name[\"key\"].Dense: {why}"));
    fails::<_, Net<F32>>(&one(Kind::Pair(1, array())), &format!("by_name[\"key\"].Pair[1]: {why}"));
    fails::<_, Net<F32>>(
        &one(Kind::Named { inner: Some(array()) }),
        &format!("by_name[\"key\"].Named.inner: {why}"),
    );
    fails::<_, Net<F32>>(
        &Net { by_key: [(-7, array())].into(), ..net() },
        &format!("by_key[\"-7\"]: {why}"),
    );
    fails::<_, HashMap<(u8, u8), F32>>(
        &BTreeMap::from([((1, 2), array())]),
        &format!("[entry 0]: {why}"),
    );
    fails::<_, Vec<Option<F32>>>(&[None, Some(array())], &format!("[1]: {why}"));
}

#[test]
fn elements_of_an_array() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Holder<T> {
        a: T,
    }
    let wide = || Holder { a: ShmArray1::from(vec![1_u32, 2, 300]) };
    fails::<_, Holder<Vec<u8>>>(&wide(), "a[2]: expected u8, found integer `300`");
    fails::<_, Holder<(u32, String, u32)>>(&wide(), "a[1]: expected a string, found integer `2`");
    let matrix = Holder { a: ShmArray2::from(ndarray::array![[1_i64, 2], [3, -4]]) };
    fails::<_, Holder<Vec<Vec<u64>>>>(&matrix, "a[1][1]: expected u64, found integer `-4`");
    fails::<_, Holder<Array2<u64>>>(&matrix, "a[3]: expected u64, found integer `-4`");
    let flags = Holder { a: ShmArray1::from(vec![true, false]) };
    fails::<_, Holder<Vec<u8>>>(&flags, "a[0]: expected u8, found boolean `true`");
}

#[test]
fn a_bool_that_is_none_is_corrupt_whoever_reads() {
    let mut bytes = to_bytes(&vec![ShmArray1::from(vec![true, false, true])]).unwrap().to_vec();
    bytes[64 + 1] = 2;
    let bytes = serde_shm::AlignedBytes::copy_from(&bytes);
    #[derive(Deserialize, Debug)]
    struct Marked(
        #[serde(with = "serde_shm::array")]
        #[allow(dead_code)]
        Vec<bool>,
    );
    for error in [
        from_bytes::<Vec<Vec<bool>>>(&bytes).unwrap_err(),
        from_bytes::<Vec<ShmArray1<bool>>>(&bytes).unwrap_err(),
        from_bytes::<Vec<Marked>>(&bytes).unwrap_err(),
        from_bytes::<Vec<serde_json::Value>>(&bytes).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().starts_with("[0]"), "{error}");
    }
}

#[test]
fn behind_serdes_buffer_the_field_is_named() {
    #[derive(Serialize, Deserialize, Debug)]
    struct Outer<T> {
        list: Vec<Inner<T>>,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Inner<T> {
        #[serde(flatten)]
        deep: Layer<T>,
    }
    let outer =
        Outer { list: vec![Inner { deep: Layer { weight: ShmArray1::from(vec![1.0_f64]) } }] };
    fails::<_, Outer<ShmArray1<f32>>>(&outer, "list[0]: expected f32, found f64 (shape [1])");
}

#[test]
fn an_error_in_a_part_names_its_place() {
    #[derive(Serialize)]
    struct Outer {
        layers: Vec<BTreeMap<&'static str, Fails>>,
    }
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let error = to_bytes(&Outer { layers: vec![BTreeMap::new(), [("w", Fails)].into()] });
    assert_eq!(error.unwrap_err().to_string(), "layers[1][\"w\"]: no");
    let error = to_bytes(&Lies(&[Dropped(&Fails)], None)).unwrap_err();
    assert!(error.to_string().contains("its error was dropped"), "{error}");
}

/// Drops the error of what it holds.
struct Dropped<'a, T>(&'a T);

impl<T: Serialize> Serialize for Dropped<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(Some(1))?;
        let _ = seq.serialize_element(self.0);
        seq.end()
    }
}

#[test]
fn an_error_in_reading_names_its_place() {
    #[derive(Serialize)]
    struct Outer<T> {
        weight: T,
    }
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Want {
        layers: Vec<Inner>,
    }
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Inner {
        weight: u32,
    }
    let layers = BTreeMap::from([("layers", vec![Outer { weight: 1 }, Outer { weight: -1 }])]);
    let error = from_bytes::<Want>(&to_bytes(&layers).unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "[\"layers\"][1].weight: expected u32, found integer `-1`");
    let maps = BTreeMap::from([("layers", BTreeMap::from([("x", "text")]))]);
    let error = from_bytes::<HashMap<String, HashMap<String, u8>>>(&to_bytes(&maps).unwrap());
    assert_eq!(
        error.unwrap_err().to_string(),
        "[\"layers\"][\"x\"]: expected u8, found string \"text\""
    );
    let error = from_bytes::<Kind<f64>>(&to_bytes(&Kind::Dense(1.0)).unwrap()[..120]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}
