//! Maps come back whatever their keys and values are called, and keys are answered as they are asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use serde_shm::{from_bytes, to_bytes};

use crate::{becomes, check};

/// Once the names of values' types were looked at: where one held `toml::` or `serde_json::`, keys became text.
mod my_toml {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug, Clone)]
    pub(crate) struct Conf {
        pub(crate) a: u8,
    }
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Clone)]
struct Id(u64);

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Clone)]
enum Unit {
    First,
    Second,
}

fn with_keys<V: Serialize + DeserializeOwned + PartialEq + Debug + Clone>(value: &V) {
    let v = || value.clone();
    check(&BTreeMap::from([("a".to_owned(), v()), (String::new(), v())]));
    check(&BTreeMap::from([(1_u32, v()), (u32::MAX, v())]));
    check(&BTreeMap::from([(-1_i64, v()), (i64::MIN, v())]));
    check(&BTreeMap::from([(u128::MAX, v())]));
    check(&BTreeMap::from([(true, v()), (false, v())]));
    check(&BTreeMap::from([('ü', v())]));
    check(&BTreeMap::from([(Id(u64::MAX), v()), (Id(3), v())]));
    check(&HashMap::from([(Unit::First, v()), (Unit::Second, v())]));
    check(&BTreeMap::from([((1_u8, 2_u8), v())]));
    check(&BTreeMap::from([(None, v()), (Some(4_u16), v())]));
    check(&BTreeMap::from([(vec![1_u8], v())]));
    check(&BTreeMap::from([((), v())]));
}

#[test]
fn keys_of_every_kind_before_values_of_other_formats() {
    with_keys(&json!({"a": [1, {"b": null}]}));
    with_keys(&my_toml::Conf { a: 1 });
    check(&BTreeMap::from([(1_u32, toml::Value::Integer(3))]));
    check(&BTreeMap::from([(true, Some(json!(1)))]));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct General<T> {
    #[serde(with = "serde_bytes")]
    b: Vec<u8>,
    t: T,
    m: BTreeMap<u16, T>,
}

#[test]
fn a_value_of_another_format_beside_bytes() {
    let m = BTreeMap::from([(4_u16, json!(null))]);
    check(&General { b: vec![1, 2, 3], t: json!([1, 2]), m });
}

#[test]
fn keys_that_are_asked_as_something_else() {
    let numbers = BTreeMap::from([(-1_i32, 'a'), (300, 'b')]);
    let texts = BTreeMap::from([("-1".to_owned(), 'a'), ("300".to_owned(), 'b')]);
    becomes(&numbers, &texts);
    becomes(&texts, &numbers);
    becomes(&texts, &BTreeMap::from([(-1_i128, 'a'), (300, 'b')]));
    becomes(&BTreeMap::from([(Some(1_u8), 0)]), &BTreeMap::from([("1".to_owned(), 0)]));
    becomes(&BTreeMap::from([("true", 1)]), &BTreeMap::from([(true, 1)]));
    becomes(&BTreeMap::from([('x', 1)]), &BTreeMap::from([("x".to_owned(), 1)]));
    becomes(&BTreeMap::from([(Unit::First, 1)]), &BTreeMap::from([("First".to_owned(), 1)]));
    becomes(&BTreeMap::from([("First", 1)]), &BTreeMap::from([(Unit::First, 1)]));
    becomes(&BTreeMap::from([(Id(2), 1)]), &BTreeMap::from([("2".to_owned(), 1)]));
    becomes(&BTreeMap::from([("2", 1)]), &BTreeMap::from([(Id(2), 1)]));
    // The names of a struct's fields are keys, too.
    becomes(&my_toml::Conf { a: 1 }, &BTreeMap::from([("a".to_owned(), 1_u8)]));
    let error = from_bytes::<BTreeMap<u8, u8>>(&to_bytes(&my_toml::Conf { a: 1 }).unwrap());
    let text = error.unwrap_err().to_string();
    assert!(text.contains("expected u8, found string \"a\""), "{text}");
}

#[test]
fn maps_with_numbers_for_keys_as_values_that_have_only_text() {
    let numbers = BTreeMap::from([(1_u32, BTreeMap::from([(true, -1)])), (300, BTreeMap::new())]);
    let expected = json!({"1": {"true": -1}, "300": {}});
    for _ in 0..2 {
        becomes(&numbers, &expected);
        let table: toml::Value = from_bytes(&to_bytes(&numbers).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(table).unwrap(), expected);
    }
    // Those that take any key still get what was written.
    let value: ciborium::Value = from_bytes(&to_bytes(&numbers).unwrap()).unwrap();
    assert_eq!(value.as_map().unwrap()[0].0, 1.into());
}

/// Bytes beside one another, to a type that knows bytes and to one that knows lists.
#[test]
fn bytes_are_a_list_only_to_those_that_refuse_bytes() {
    for len in [0, 3, 255, 256, 257] {
        let bytes = serde_bytes::ByteBuf::from(vec![7; len]);
        let pair = to_bytes(&(&bytes, &bytes, &bytes)).unwrap();
        for _ in 0..2 {
            let (a, b, c): (serde_json::Value, ciborium::Value, serde_json::Value) =
                from_bytes(&pair).unwrap();
            assert_eq!(a, json!(vec![7; len]));
            assert_eq!(b, ciborium::Value::Bytes(vec![7; len]));
            assert_eq!(a, c);
        }
    }
}

/// A refusal that somebody drops on its way is one all the same.
#[test]
fn a_refusal_whose_error_is_dropped() {
    #[derive(PartialEq, Debug)]
    struct Lenient(Option<serde_json::Value>);
    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            Ok(Lenient(serde_json::Value::deserialize(d).ok()))
        }
    }
    let bytes = to_bytes(&serde_bytes::Bytes::new(&[1, 2])).unwrap();
    assert_eq!(from_bytes::<Lenient>(&bytes).unwrap(), Lenient(Some(json!([1, 2]))));
}

/// What a type reports by itself is no refusal: it comes out as it was said, once.
#[test]
fn an_error_of_a_type_comes_as_it_is() {
    thread_local!(static ASKED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    #[derive(Debug)]
    struct Picky;
    impl<'de> Deserialize<'de> for Picky {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            ASKED.set(ASKED.get() + 1);
            u8::deserialize(d)?;
            Err(D::Error::custom("never mind"))
        }
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Holds<T> {
        first: T,
        second: u8,
    }
    let bytes = to_bytes(&Holds { first: 1_u8, second: 2 }).unwrap();
    let error = from_bytes::<Holds<Picky>>(&bytes).unwrap_err();
    assert_eq!((error.to_string().as_str(), ASKED.get()), ("first: never mind", 1));
    assert_eq!(error.kind(), serde_shm::ErrorKind::Message);
    let names: BTreeSet<String> =
        from_bytes::<BTreeMap<String, u8>>(&bytes).unwrap().into_keys().collect();
    assert_eq!(names, BTreeSet::from(["first".to_owned(), "second".to_owned()]));
}
