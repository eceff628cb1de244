//! Objects of types that are known, written by way of values of none: their types see no difference, and nor do bytes.

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;

use proptest::prelude::*;
use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed, Deserializer};
use serde::ser::Serialize;
use serde_shm::{Block, Segment, Value as Unknown, from_bytes, to_bytes, to_shared};

use crate::roundtrip::cases::cases;
use crate::roundtrip::expect::Same;
use crate::roundtrip::model::{ours, parts, theirs};
use crate::roundtrip::value::{Content, Told, Value, value};
use crate::value::any::paths_lead_to_arrays;
use crate::value::rebuilt::{Rebuilt, same};

thread_local! {
    static WANTED: RefCell<Option<Rc<Value>>> = const { RefCell::new(None) };
}

/// Asks for the parts of the wanted value as what they were.
struct AsWritten;

impl<'de> Deserialize<'de> for AsWritten {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let wanted = WANTED.with_borrow(Clone::clone).expect("a value was set");
        Same(&wanted).deserialize(d).map(|()| AsWritten)
    }
}

/// Whether a type says of itself what it is not, or less than derived code does: runs follow from the length that is announced,
/// and the names of what it did not write may be in the tables.
fn is_told_wrong(value: &Value) -> bool {
    let field = |field: &(&'static str, Option<Value>)| field.1.as_ref().is_some_and(is_told_wrong);
    match value {
        Value::Seq(items, told) => *told != Told::Right || items.iter().any(is_told_wrong),
        Value::Map(entries, told) => {
            let entry = |(key, value): &(Value, Value)| is_told_wrong(key) || is_told_wrong(value);
            *told != Told::Right || entries.iter().any(entry)
        }
        Value::Some(inner)
        | Value::Newtype(_, inner)
        | Value::Variant(.., Content::Newtype(inner)) => is_told_wrong(inner),
        Value::Tuple(items)
        | Value::TupleStruct(_, items)
        | Value::Variant(.., Content::Tuple(items)) => items.iter().any(is_told_wrong),
        Value::Struct(_, fields) | Value::Variant(.., Content::Struct(fields)) => {
            fields.iter().any(field)
        }
        _ => false,
    }
}

#[track_caller]
fn comes_back(value: &Value) {
    let bytes = to_bytes(value).unwrap();
    let unknown: Unknown = from_bytes(&bytes).unwrap();
    let again = to_bytes(&unknown).unwrap();
    assert!(same(&from_bytes(&again).unwrap(), &unknown));
    assert!(same(&Rebuilt::of(|walk| Block::new(bytes.clone())?.walk(walk)), &unknown));
    if !is_told_wrong(value) {
        assert!(again == bytes, "other bytes of {unknown:#}");
    }
    WANTED.set(Some(Rc::new(value.clone())));
    let typed = from_bytes::<AsWritten>(&again).map(drop);
    WANTED.set(None);
    typed.expect("as it was written");
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn a_value_of_any_type_comes_back(value in value()) {
        comes_back(&value);
    }
}

#[track_caller]
fn is_the_same<T: Serialize + DeserializeOwned + PartialEq + Debug>(object: &T) {
    let bytes = to_bytes(object).unwrap();
    let block = Block::new(bytes.clone()).unwrap();
    let value = block.value().unwrap();
    assert!(to_bytes(&value).unwrap() == bytes, "other bytes of {value:#}");
    paths_lead_to_arrays(&value, &block.arrays().unwrap());

    let segment = to_shared(&value).unwrap();
    assert_eq!(&segment.get::<T>().unwrap(), object);
    let copy = to_shared(&Segment::open(segment.id()).unwrap().value().unwrap()).unwrap();
    assert_eq!(&copy.get::<T>().unwrap(), object);
    assert_eq!(copy.arrays().unwrap(), segment.arrays().unwrap());

    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a.npz", "b.npz"].map(|name| folder.path().join(name));
    serde_shm::to_npz(&first, object).unwrap();
    let value = serde_shm::Npz::open(&first).unwrap().value().unwrap();
    serde_shm::to_npz(&second, &value).unwrap();
    assert_eq!(&serde_shm::from_npz::<T>(&second).unwrap(), object);
    assert!(std::fs::read(&first).unwrap() == std::fs::read(&second).unwrap());
}

proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn structs_of_arrays_are_the_same(parts in parts()) {
        is_the_same(&ours::model(parts.clone()));
        is_the_same(&theirs::model(parts));
    }
}
