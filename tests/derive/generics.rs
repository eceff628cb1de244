//! Parameters of every kind, and the bounds that the impls ask for.

use crate::derive::support::{round_trip, routed};
use ndarray::{Array1, Array2, arr1, arr2};
use serde_shm::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Debug;
use std::marker::PhantomData;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Everything<'a, T, U = u8, const N: usize = 2>
where
    T: Clone,
    U: PartialEq + 'a,
{
    name: &'a str,
    #[shm_array]
    array: Vec<T>,
    #[shm_array]
    fixed: [T; N],
    other: U,
    #[shm_array]
    known: Vec<u8>,
}

#[test]
fn all_kinds_of_parameters() {
    let value: Everything<'_, f32> =
        Everything { name: "n", array: vec![1.0], fixed: [2.0, 3.0], other: 4, known: vec![5] };
    let json = r#"{"name":"n","array":[1.0],"fixed":[2.0,3.0],"other":4,"known":[5]}"#;
    assert_eq!(serde_json::to_string(&value).unwrap(), json);
    assert_eq!(serde_json::from_str::<Everything<'_, f32>>(json).unwrap(), value);
    assert_eq!(routed(&value), 3);
    let bytes = serde_shm::to_bytes(&value).unwrap();
    assert_eq!(serde_shm::from_bytes::<Everything<'_, f32>>(&bytes).unwrap(), value);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct ConstOnly<const N: usize, const M: usize> {
    #[shm_array]
    array: [f32; N],
    #[shm_array]
    nested: Vec<[u8; M]>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Length {
    #[shm_array]
    array: [u8; Self::LENGTH],
    nothing: PhantomData<Self>,
}

impl Length {
    const LENGTH: usize = 3;
}

#[test]
fn const_parameters() {
    let value = ConstOnly { array: [1.0; 40], nested: vec![[1; 50]] };
    assert_eq!(routed(&value), 2);
    let json = serde_json::to_string(&value).unwrap();
    round_trip(&value, &json);
    round_trip(
        &Length { array: [1, 2, 3], nothing: PhantomData },
        r#"{"array":[1,2,3],"nothing":null}"#,
    );
}

trait Kind {
    type Item;
}

#[derive(PartialEq, Debug)]
struct NotSerde;

impl Kind for NotSerde {
    type Item = f32;
}

/// `T` is no more than a name here: nothing asks `NotSerde` to be serialized.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Associated<T: Kind> {
    item: T::Item,
    #[shm_array]
    items: Vec<T::Item>,
    marker: PhantomData<T>,
    #[serde(skip)]
    skipped: Option<PhantomData<T>>,
}

#[test]
fn associated_types_and_phantoms() {
    let value: Associated<NotSerde> =
        Associated { item: 1.0, items: vec![2.0], marker: PhantomData, skipped: None };
    round_trip(&value, r#"{"item":1.0,"items":[2.0],"marker":null}"#);
    assert_eq!(routed(&value), 1);
}

/// `U` has no `Default`, and `T` need not be serializable.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Defaults<T, U> {
    #[serde(skip)]
    skipped: T,
    #[serde(default)]
    defaulted: Vec<u8>,
    plain: U,
}

#[derive(Default, PartialEq, Debug)]
struct OnlyDefault;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct OnlySerde;

#[test]
fn default_bounds() {
    round_trip(
        &Defaults { skipped: OnlyDefault, defaulted: vec![1], plain: OnlySerde },
        r#"{"defaulted":[1],"plain":null}"#,
    );
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(bound(
    serialize = "T: Serialize",
    deserialize = "T: serde::de::DeserializeOwned, Self: Sized"
))]
struct Bounded<T: Debug> {
    plain: T,
    #[shm_array]
    array: Vec<f32>,
    slow: Array1<T>,
}

#[test]
fn users_bounds() {
    let value = Bounded { plain: 1u8, array: vec![2.0], slow: arr1(&[3]) };
    assert_eq!(routed(&value), 1);
    let json = serde_json::to_string(&value).unwrap();
    round_trip(&value, &json);
}

/// What a caller knows of `T` is enough, as it is with serde's derive.
fn encode<T: Serialize>(value: &Wrapper<T>) -> String {
    serde_json::to_string(value).unwrap()
}

fn decode<'de, T: Deserialize<'de>>(json: &'de str) -> Wrapper<T> {
    serde_json::from_str(json).unwrap()
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Wrapper<T> {
    value: Option<T>,
    weights: Array1<f32>,
    #[shm_array]
    bias: Vec<f32>,
}

#[test]
fn bounds_are_those_of_serde() {
    let value = Wrapper { value: Some("text"), weights: arr1(&[1.0]), bias: vec![2.0] };
    let json = encode(&value);
    assert_eq!(decode::<&str>(&json), value);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct GenericArrays<T, K: Eq + std::hash::Hash> {
    one: Array1<T>,
    some: Option<Array2<T>>,
    many: Vec<Array1<T>>,
    named: HashMap<K, Array1<T>>,
    pair: (Array1<T>, Array2<T>),
    #[serde(bound(
        serialize = "Array1<T>: Serialize, T: Serialize",
        deserialize = "Array1<T>: Deserialize<'de>, T: Deserialize<'de>"
    ))]
    mixed: (Array1<T>, T),
}

#[test]
fn generic_ndarrays() {
    let value = GenericArrays {
        one: arr1(&[1.0f32]),
        some: Some(arr2(&[[2.0]])),
        many: vec![arr1(&[3.0]), arr1(&[4.0])],
        named: HashMap::from([("k".to_owned(), arr1(&[5.0]))]),
        pair: (arr1(&[6.0]), arr2(&[[7.0]])),
        mixed: (arr1(&[8.0]), 9.0),
    };
    assert!(routed(&value) >= 4);
    let json = serde_json::to_string(&value).unwrap();
    round_trip(&value, &json);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct HigherRanked<'a, F>
where
    for<'x> F: Fn(&'x str) -> usize + 'a,
{
    #[serde(skip)]
    call: Option<F>,
    #[serde(borrow)]
    marker: PhantomData<&'a ()>,
    #[shm_array]
    array: Vec<u8>,
}

#[test]
fn where_clauses() {
    let value: HigherRanked<'_, fn(&str) -> usize> =
        HigherRanked { call: None, marker: PhantomData, array: vec![1] };
    assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"marker":null,"array":[1]}"#);
    assert_eq!(routed(&value), 1);
}
