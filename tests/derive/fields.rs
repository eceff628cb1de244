//! Serde's attributes on fields, alone and beside `#[shm_array]`.

use crate::derive::support::{refused, round_trip, routed};
use serde_shm::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Renamed {
    #[shm_array]
    #[serde(rename = "B", alias = "beta")]
    b: Vec<u8>,
    #[serde(rename(serialize = "c", deserialize = "c"), alias = "gamma")]
    #[shm_array]
    sea: Vec<u8>,
}

#[test]
fn rename_and_alias() {
    let value = Renamed { b: vec![1], sea: vec![2] };
    round_trip(&value, r#"{"B":[1],"c":[2]}"#);
    assert_eq!(serde_json::from_str::<Renamed>(r#"{"beta":[1],"gamma":[2]}"#).unwrap(), value);
    assert_eq!(routed(&value), 2);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Defaulted {
    #[shm_array]
    #[serde(default)]
    plain: Vec<u8>,
    #[shm_array]
    #[serde(default = "ones")]
    ones: Vec<u8>,
    #[shm_array]
    option: Option<Vec<u8>>,
    #[shm_array]
    #[serde(default = "some_ones")]
    some: Option<Vec<u8>>,
}

fn ones() -> Vec<u8> {
    vec![1, 1]
}

#[allow(clippy::unnecessary_wraps)] // The field is an `Option`.
fn some_ones() -> Option<Vec<u8>> {
    Some(ones())
}

#[derive(Deserialize, Debug)]
struct Required {
    #[shm_array]
    #[allow(dead_code)]
    array: Vec<u8>,
}

#[test]
fn defaults() {
    let value = serde_json::from_str::<Defaulted>("{}").unwrap();
    assert_eq!(value, Defaulted { plain: vec![], ones: ones(), option: None, some: some_ones() });
    round_trip(
        &Defaulted { plain: vec![1], ones: vec![], option: Some(vec![]), some: None },
        r#"{"plain":[1],"ones":[],"option":[],"some":null}"#,
    );
    assert!(refused::<Required>("{}").contains("missing field `array`"));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct SkippedIf {
    #[shm_array]
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    array: Vec<u8>,
    #[shm_array]
    #[serde(skip_serializing_if = "Option::is_none")]
    option: Option<Vec<u8>>,
}

#[derive(Deserialize, Serialize, PartialEq, Debug)]
struct Skipped<T> {
    #[serde(skip)]
    never: Vec<T>,
    #[serde(skip_serializing)]
    read: u8,
    #[serde(skip_deserializing, default = "five")]
    written: u8,
    #[serde(skip)]
    array: ndarray::Array1<f32>,
}

fn five() -> u8 {
    5
}

#[test]
fn skip() {
    round_trip(&SkippedIf { array: vec![], option: None }, "{}");
    round_trip(
        &SkippedIf { array: vec![1], option: Some(vec![2]) },
        r#"{"array":[1],"option":[2]}"#,
    );
    let value = Skipped { never: vec![1u8], read: 2, written: 3, array: ndarray::arr1(&[1.0]) };
    assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"written":3}"#);
    assert_eq!(
        serde_json::from_str::<Skipped<u8>>(r#"{"read":4,"written":9}"#).unwrap(),
        Skipped { never: vec![], read: 4, written: 5, array: ndarray::arr1(&[]) }
    );
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Inner {
    #[shm_array]
    deep: Vec<f32>,
    note: String,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flattened {
    #[shm_array]
    own: Vec<f32>,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    rest: BTreeMap<String, u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct FlattenedStrict<T> {
    #[serde(flatten)]
    inner: T,
}

#[test]
fn flatten() {
    let value = Flattened {
        own: vec![1.0],
        inner: Inner { deep: vec![2.0], note: "n".into() },
        rest: BTreeMap::from([("x".into(), 3)]),
    };
    round_trip(&value, r#"{"own":[1.0],"deep":[2.0],"note":"n","x":3}"#);
    assert_eq!(routed(&value), 2);
    let strict = FlattenedStrict { inner: Inner { deep: vec![], note: String::new() } };
    round_trip(&strict, r#"{"deep":[],"note":""}"#);
}

mod doubled {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        values: &[f32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        values.iter().map(|value| value * 2.0).collect::<Vec<_>>().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<f32>, D::Error> {
        Ok(Vec::<f32>::deserialize(deserializer)?.iter().map(|value| value / 2.0).collect())
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct WithFunctions {
    #[serde(with = "doubled")]
    both: Vec<f32>,
    #[serde(serialize_with = "doubled::serialize", deserialize_with = "doubled::deserialize")]
    each: Vec<f32>,
    #[shm_array]
    array: Vec<f32>,
    #[serde(with = "ndarray_as_text")]
    text: ndarray::Array1<f32>,
}

mod ndarray_as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(
        array: &ndarray::Array1<f32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&array.sum())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ndarray::Array1<f32>, D::Error> {
        let sum = String::deserialize(deserializer)?.parse().map_err(D::Error::custom)?;
        Ok(ndarray::arr1(&[sum]))
    }
}

#[test]
fn with() {
    let value = WithFunctions {
        both: vec![1.0],
        each: vec![2.0],
        array: vec![3.0],
        text: ndarray::arr1(&[4.0]),
    };
    round_trip(&value, r#"{"both":[2.0],"each":[4.0],"array":[3.0],"text":"4"}"#);
    assert_eq!(routed(&value), 1);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Bounded<T> {
    #[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
    plain: Vec<T>,
    #[serde(bound = "")]
    #[shm_array]
    array: Vec<T>,
}

#[test]
fn bound() {
    let value = Bounded { plain: vec![1u8], array: vec![2] };
    round_trip(&value, r#"{"plain":[1],"array":[2]}"#);
    assert_eq!(routed(&value), 1);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Borrowed<'a, 'b> {
    text: &'a str,
    bytes: Option<&'a str>,
    #[serde(borrow)]
    cow: Cow<'a, str>,
    #[serde(borrow = "'b")]
    pair: (Cow<'b, str>, Cow<'b, str>),
    owned: Cow<'static, str>,
    #[shm_array]
    array: Cow<'b, [f32]>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Static {
    text: &'static str,
    #[shm_array]
    array: Vec<f32>,
}

#[test]
fn borrow() {
    let json = r#"{"text":"t","bytes":"b","cow":"c","pair":["p","q"],"owned":"o","array":[1.0]}"#;
    let value = serde_json::from_str::<Borrowed<'_, '_>>(json).unwrap();
    assert!(matches!(value.cow, Cow::Borrowed("c")));
    assert!(matches!(value.owned, Cow::Owned(_)));
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(routed(&value), 1);

    let value: Static = serde_json::from_str(r#"{"text":"t","array":[1.0]}"#).unwrap();
    assert_eq!(value, Static { text: "t", array: vec![1.0] });
}
