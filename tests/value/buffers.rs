//! Values under serde's wrappers, which keep what they read in a buffer without types, and as keys, items and fields.

use std::collections::{BTreeMap, HashMap};

use ndarray::arr2;
use serde::{Deserialize, Serialize};
use serde_shm::value::{Map, Name, Names, Record, Value};
use serde_shm::{DType, Order, ShmArray1, UntypedArray, from_bytes, to_bytes};

use crate::value::rebuilt::same;

/// A value of each kind, by its name, and what comes of it out of serde's buffer, if that is another.
fn kinds() -> Vec<(&'static str, Value, Option<Value>)> {
    let kept = |name, value: Value| (name, value, None);
    let list = |items: Vec<Value>| Value::from(items);
    let map = |entries: Vec<(Value, Value)>| Value::from(Map::from(entries));
    let text = |text: &str| Value::from(text);
    let point = Names::of_struct("Point", ["x", "y"]);
    let celsius = Name::new("Celsius").unwrap();
    let variant =
        |names: Names, values: Vec<Value>| Value::from(Record::new(names, values).unwrap());
    let matrix = to_bytes(&arr2(&[[1_u8, 2], [3, 4]])).unwrap();
    vec![
        kept("unit", Value::Unit),
        kept("bool", true.into()),
        kept("i8", (-1_i8).into()),
        kept("i16", (-300_i16).into()),
        kept("i32", (-70_000_i32).into()),
        kept("i64", i64::MIN.into()),
        kept("u8", 1_u8.into()),
        kept("u16", 300_u16.into()),
        kept("u32", 70_000_u32.into()),
        kept("u64", u64::MAX.into()),
        kept("f32", 0.5_f32.into()),
        kept("f64", f64::MAX.into()),
        kept("char", 'é'.into()),
        kept("text", "text".into()),
        kept("bytes", Value::Bytes(vec![1, 2].into())),
        kept("none", Value::Optional(None)),
        kept("some", Value::from(Some(Value::from(Some(1_u8))))),
        kept("some none", Value::from(Some(Value::Optional(None)))),
        kept("list", list(vec![1_u8.into(), "a".into()])),
        kept("map", map(vec![(1_u8.into(), "a".into())])),
        // Serde's buffer has lists and maps, and no names.
        ("tuple", Value::Tuple([1_u8.into()].into()), Some(list(vec![1_u8.into()]))),
        (
            "struct",
            variant(point, vec![1_u8.into(), Value::Unit]),
            Some(map(vec![(text("x"), 1_u8.into()), (text("y"), Value::Unit)])),
        ),
        ("unit variant", variant(Names::unit_variant("E", 0, "U"), vec![]), Some(text("U"))),
        (
            "newtype variant",
            variant(Names::newtype_variant("E", 0, "N"), vec![1_u8.into()]),
            Some(map(vec![(text("N"), 1_u8.into())])),
        ),
        (
            "tuple variant",
            variant(Names::tuple_variant("E", 0, "T", 2), vec![1_u8.into(), 2_u8.into()]),
            Some(map(vec![(text("T"), list(vec![1_u8.into(), 2_u8.into()]))])),
        ),
        (
            "struct variant",
            variant(Names::struct_variant("E", 0, "S", ["x"]), vec![1_u8.into()]),
            Some(map(vec![(text("S"), map(vec![(text("x"), 1_u8.into())]))])),
        ),
        ("readable", Value::Readable(Box::new("here".into())), Some("here".into())),
        ("named", Value::Named(celsius, Box::new(0.5_f32.into())), Some(0.5_f32.into())),
        kept("array", UntypedArray::from(ShmArray1::from(vec![1_u16, 2])).into()),
        ("matrix", from_bytes(&matrix).unwrap(), None),
        kept(
            "times",
            UntypedArray::from_owner("<M8[s]".parse().unwrap(), &[1], Order::C, vec![7; 8])
                .unwrap()
                .into(),
        ),
        kept("blob", Value::Bytes(vec![7; 300].into())),
        kept("empty array", UntypedArray::from(ShmArray1::from(Vec::<f32>::new())).into()),
    ]
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(untagged)]
enum Untagged {
    Only { inner: Value },
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(tag = "tag")]
enum Internal {
    Only { inner: Value },
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
#[serde(tag = "tag", content = "content")]
enum Adjacent {
    Only(Value),
    Named { inner: Value },
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Fields {
    before: String,
    one: Value,
    option: Option<Value>,
    boxed: Box<Value>,
    list: Vec<Value>,
    map: HashMap<String, Value>,
    array: ShmArray1<f32>,
    pair: (Value, u8),
}

/// Serde keeps no array's type, and so an array may come out as the numbers that are in it.
fn numbers(value: &Value) -> Option<Vec<u64>> {
    match value {
        Value::Seq(items) => {
            let all = items.iter().map(|item| numbers(item).or_else(|| Some(vec![item.as_u64()?])));
            Some(all.collect::<Option<Vec<_>>>()?.concat())
        }
        // Ndarray's own form of an array is a struct.
        Value::Map(map) => numbers(map.get("data")?),
        Value::Array(array) if *array.dtype() == DType::U8 => {
            Some(array.to_bytes().unwrap().iter().map(|byte| u64::from(*byte)).collect())
        }
        _ => None,
    }
}

/// What came out of a buffer is what was expected, or the numbers of an array in ndarray's own form.
#[track_caller]
fn is_expected(name: &str, place: &str, found: &Value, written: &Value, buffered: Option<&Value>) {
    let is_same = same(found, buffered.unwrap_or(written));
    let is_array = matches!((found, written), (Value::Array(found), Value::Array(written)) if **found == **written);
    let is_numbers = name == "matrix" && numbers(found) == numbers(written);
    assert!(is_same || is_array || is_numbers, "{name} {place}: {found:#} of {written:#}");
}

#[test]
fn in_a_flattened_map() {
    for (name, value, buffered) in kinds() {
        let rest =
            BTreeMap::from([("a".to_owned(), value.clone()), ("b".to_owned(), value.clone())]);
        let flat: Flat = from_bytes(&to_bytes(&Flat { id: 1, rest }).unwrap()).unwrap();
        assert_eq!((flat.id, flat.rest.len()), (1, 2), "{name}");
        for found in flat.rest.values() {
            is_expected(name, "flat", found, &value, buffered.as_ref());
        }
    }
}

#[test]
fn in_enums_of_every_tag() {
    for (name, value, buffered) in kinds() {
        let bytes = to_bytes(&Untagged::Only { inner: value.clone() }).unwrap();
        let Untagged::Only { inner } = from_bytes(&bytes).unwrap();
        is_expected(name, "untagged", &inner, &value, buffered.as_ref());
        let bytes = to_bytes(&Internal::Only { inner: value.clone() }).unwrap();
        let Internal::Only { inner } = from_bytes(&bytes).unwrap();
        is_expected(name, "internal", &inner, &value, buffered.as_ref());
        // Nothing is buffered where the tag comes first.
        let bytes = to_bytes(&Adjacent::Only(value.clone())).unwrap();
        let Adjacent::Only(inner) = from_bytes(&bytes).unwrap() else { panic!() };
        assert!(same(&inner, &value), "{name}: {inner}");
        let bytes = to_bytes(&Adjacent::Named { inner: value.clone() }).unwrap();
        let Adjacent::Named { inner } = from_bytes(&bytes).unwrap() else { panic!() };
        assert!(same(&inner, &value), "{name}: {inner}");
    }
    for wide in [Value::from(1_u128), Value::from(-1_i128)] {
        let bytes = to_bytes(&Untagged::Only { inner: wide }).unwrap();
        assert!(from_bytes::<Untagged>(&bytes).is_err(), "serde's buffer has no room for it");
    }
}

#[test]
fn in_fields_and_items_nothing_is_lost() {
    for (name, value, _) in kinds() {
        let fields = Fields {
            before: "b".into(),
            one: value.clone(),
            // Of an option around a value that is one itself, both levels are there.
            option: Some(value.clone()),
            boxed: Box::new(value.clone()),
            list: vec![value.clone(), Value::Unit, value.clone()],
            map: HashMap::from([("k".to_owned(), value.clone())]),
            array: vec![0.5, 1.5].into(),
            pair: (value.clone(), 7),
        };
        let bytes = to_bytes(&fields).unwrap();
        let found: Fields = from_bytes(&bytes).unwrap();
        assert_eq!(found, fields, "{name}");
        let unknown: Value = from_bytes(&bytes).unwrap();
        assert_eq!(from_bytes::<Fields>(&to_bytes(&unknown).unwrap()).unwrap(), fields, "{name}");
        assert!(to_bytes(&unknown).unwrap() == bytes, "{name}");
    }
}

#[test]
fn as_keys_and_behind_keys() {
    for (name, value, _) in kinds() {
        let map = Value::from(Map::from(vec![
            (value.clone(), Value::from(1_u8)),
            ("k".into(), value.clone()),
        ]));
        let bytes = to_bytes(&map).unwrap();
        let found: Value = from_bytes(&bytes).unwrap();
        assert!(same(&found, &map), "{name}: {found}");
        // The same by the model that serde has of a map.
        struct Pairs(Vec<(Value, Value)>);
        impl<'de> Deserialize<'de> for Pairs {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl<'de> serde::de::Visitor<'de> for Visitor {
                    type Value = Pairs;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a map")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<Pairs, A::Error> {
                        let mut pairs = Vec::new();
                        while let Some(pair) = map.next_entry()? {
                            pairs.push(pair);
                        }
                        Ok(Pairs(pairs))
                    }
                }
                d.deserialize_map(Visitor)
            }
        }
        let Pairs(pairs) = from_bytes(&bytes).unwrap();
        assert_eq!(pairs.len(), 2);
        assert!(same(&pairs[0].0, &value) && same(&pairs[1].1, &value), "{name}: {pairs:?}");
    }
}

/// What `serde_json` and its like are handed is read in turn by them, and what they made is a value.
#[test]
fn a_buffer_of_a_buffer() {
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Outer {
        Flat(Flat),
    }
    for (name, value, buffered) in kinds() {
        let rest = BTreeMap::from([("a".to_owned(), value.clone())]);
        let bytes = to_bytes(&Outer::Flat(Flat { id: 1, rest })).unwrap();
        let Outer::Flat(found) = from_bytes(&bytes).unwrap();
        is_expected(name, "nested", &found.rest["a"], &value, buffered.as_ref());
    }
}
