//! Values of every serde shape come back, whoever reads them.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny};
use serde_shm::ser::NamedNewtypes;
use serde_shm::{AlignedBytes, from_bytes, from_reader, to_bytes, to_writer};

use crate::roundtrip::cases::cases;
use crate::roundtrip::expect::{MARK, Same, ThenMark, plain};
use crate::roundtrip::value::{Content, Fields, Told, Value, value};
use crate::support::forever::forever;

thread_local! {
    /// The value that the two types below ask for.
    static WANTED: RefCell<Option<Rc<Value>>> = const { RefCell::new(None) };
}

fn wanted() -> Option<Rc<Value>> {
    WANTED.with(|wanted| wanted.borrow().clone())
}

/// Asks for the parts of the wanted value as what they were.
struct AsWritten;

impl<'de> Deserialize<'de> for AsWritten {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let wanted = wanted().expect("a value was set");
        Same(&wanted).deserialize(d).map(|()| AsWritten)
    }
}

/// The same with a mark after it; without a wanted value, whatever stands there is passed over.
struct BeforeMark;

impl<'de> Deserialize<'de> for BeforeMark {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        ThenMark(wanted().as_deref()).deserialize(d).map(|()| BeforeMark)
    }
}

/// Read by way of serde's buffer.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Buffered {
    Only(Value),
}

/// serde's buffer holds no number of 128 bits.
fn has_128_bits(value: &Value) -> bool {
    let text = format!("{value:?}");
    text.contains("I128(") || text.contains("U128(")
}

#[track_caller]
fn comes_back(value: &Value) {
    let bytes = to_bytes(value).unwrap();
    assert_eq!(*to_bytes(value).unwrap(), *bytes, "the same value gives the same bytes");
    assert_eq!(from_bytes::<Value>(&bytes).unwrap(), plain(value), "by what it says of itself");
    let mut written = Vec::new();
    to_writer(&mut written, value).unwrap();
    assert_eq!(from_reader::<_, Value>(&written[..]).unwrap(), plain(value), "through a writer");
    let again = plain(value);
    assert_eq!(from_bytes::<Value>(&to_bytes(&again).unwrap()).unwrap(), again, "written again");
    is_read(value, &bytes, &to_bytes(&(value, MARK)).unwrap());
    // The same to all of them is what has the names of its newtype structs.
    let named = to_bytes(&NamedNewtypes(value)).unwrap();
    assert_eq!(from_bytes::<Value>(&named).unwrap(), plain(value), "with names");
    is_read(value, &named, &to_bytes(&NamedNewtypes((value, MARK))).unwrap());
}

/// Reads the value as it was written, alone and with a mark after it.
#[track_caller]
fn is_read(value: &Value, bytes: &[u8], marked: &[u8]) {
    let [bytes, marked] = [bytes, marked].map(AlignedBytes::copy_from);
    if !has_128_bits(value) {
        let Buffered::Only(buffered) = from_bytes(&bytes).unwrap();
        assert_eq!(buffered, plain(value), "through serde's buffer");
    }
    from_bytes::<IgnoredAny>(&bytes).unwrap();
    from_bytes::<BeforeMark>(&marked).expect("passed over");
    WANTED.set(Some(Rc::new(value.clone())));
    let typed = from_bytes::<AsWritten>(&bytes).map(drop);
    let followed = from_bytes::<BeforeMark>(&marked).map(drop);
    WANTED.set(None);
    typed.expect("as it was written");
    followed.expect("with a mark after it");
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn any_value_comes_back(value in value()) {
        comes_back(&value);
    }
}

/// An empty name was taken for one that a crate keeps for itself, and a newtype of it for what `RawValue` asks for: the struct
/// inside was given as a map to a visitor that knew only newtypes.
#[test]
fn a_newtype_and_the_struct_in_it_may_have_one_name() {
    for name in ["", "S", "3d", "_", "a b", " ", "é"] {
        for fields in [vec![], vec![("a", Some(Value::U8(1)))], vec![(name, Some(Value::Unit))]] {
            let newtype = Value::Newtype(name, Box::new(Value::Struct(name, fields)));
            comes_back(&newtype);
            comes_back(&Value::Seq(vec![newtype.clone(), newtype.clone()], Told::Right));
            comes_back(&Value::Map(vec![(newtype.clone(), newtype)], Told::Right));
        }
    }
}

/// Some of eight fields, by the bits of a number; every third one holds what `hold` gives.
fn record(bits: usize, hold: &Value) -> Value {
    const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let field = |at: usize| {
        let value = if at.is_multiple_of(3) { hold.clone() } else { Value::U8(at as u8) };
        (bits >> at & 1 == 1).then_some((NAMES[at], Some(value)))
    };
    Value::Struct("S", (0..8).filter_map(field).collect::<Fields>())
}

#[test]
fn hundreds_of_shapes_and_numbers_that_outgrow_their_place() {
    // Each shape comes first with a number of one byte; when its fields hold something else it gets a number of two.
    let holds = [Value::Unit, Value::U64(7), Value::Str("x".into()), Value::U64(u64::MAX)];
    let all: Vec<Value> =
        holds.iter().flat_map(|hold| (0..256).map(move |bits| record(bits, hold))).collect();
    comes_back(&Value::Seq(all.clone(), Told::Right));
    comes_back(&Value::Seq(all.iter().rev().cloned().collect(), Told::Nothing));
    let entries = all.iter().cloned().zip(all.iter().rev().cloned()).collect();
    comes_back(&Value::Map(entries, Told::Right));
    // Inside one another, so that a place that grows moves what stands around it.
    let mut nested = Value::Seq(all, Told::Right);
    for bits in 0..60 {
        let pair = vec![(record(bits, &nested), record(bits + 1, &Value::None))];
        nested = if bits % 2 == 0 { Value::Map(pair, Told::Nothing) } else { pair[0].0.clone() };
        if let Value::Struct(_, fields) = &nested
            && !fields.iter().any(|field| matches!(field.1, Some(Value::Map(..))))
        {
            nested = Value::Newtype("N", Box::new(nested));
        }
    }
    comes_back(&nested);
}

#[test]
fn every_length_of_tuple_and_every_told_length() {
    for len in 0..=20 {
        let items: Vec<Value> =
            (0..len).map(|n| if n % 5 == 4 { Value::Unit } else { Value::I64(n) }).collect();
        let tuple = || Value::Tuple(items.clone());
        comes_back(&tuple());
        comes_back(&Value::Variant("E", 1, "V", Content::Tuple(items.clone())));
        comes_back(&Value::Seq(
            vec![tuple(), Value::TupleStruct("T", items.clone()), tuple()],
            Told::Right,
        ));
        for told in [0, 1, len as usize, len as usize + 1, 63, 64, usize::MAX] {
            comes_back(&Value::Seq(items.clone(), Told::This(told)));
            let entries = items.iter().cloned().zip(items.iter().rev().cloned()).collect();
            comes_back(&Value::Map(entries, Told::This(told)));
        }
    }
}

#[test]
fn runs_that_change_at_every_place() {
    let kinds = [
        Value::Unit,
        Value::None,
        Value::U8(1),
        Value::U64(1),
        Value::U64(u64::MAX),
        Value::Str(String::new()),
        Value::Tuple(Vec::new()),
        Value::Seq(Vec::new(), Told::Nothing),
        Value::Bytes(vec![3; 300]),
        Value::Struct("S", vec![("a", None), ("b", Some(Value::Unit))]),
        Value::Variant("E", 0, "V", Content::Unit),
    ];
    for first in &kinds {
        for second in &kinds {
            for told in [Told::Right, Told::Nothing, Told::This(2)] {
                for at in 0..3 {
                    let mut items = vec![first.clone(); 3];
                    items[at] = second.clone();
                    comes_back(&Value::Seq(items.clone(), told));
                    let values = vec![first.clone(); 3];
                    comes_back(&Value::Map(
                        items.iter().cloned().zip(values.clone()).collect(),
                        told,
                    ));
                    comes_back(&Value::Map(values.into_iter().zip(items).collect(), told));
                }
            }
        }
    }
}

#[test]
fn structs_that_look_like_ndarrays_are_the_same_numbers() {
    // A struct that says of itself what ndarray says is placed; to whoever does not know the type it gives the axes as
    // `u64`, and else what was written.
    let numbers =
        || Value::Seq((0..6_u8).map(|n| Value::F32(f32::from(n).to_bits())).collect(), Told::Right);
    let looks = |axes: Vec<Value>, data: Value| {
        let fields = [("v", Value::U8(1)), ("dim", Value::Tuple(axes)), ("data", data)];
        Value::Struct("Array", fields.map(|(name, value)| (name, Some(value))).into())
    };
    comes_back(&looks(vec![Value::U64(2), Value::U64(3)], numbers()));
    comes_back(&looks(vec![Value::U64(2), Value::U64(2)], numbers()));
    comes_back(&looks(vec![Value::U64(0), Value::U64(3)], Value::Seq(Vec::new(), Told::Right)));
    comes_back(&looks(vec![], Value::Seq(vec![Value::I64(-5)], Told::Right)));
    comes_back(&looks(vec![Value::U64(1)], Value::Seq(vec![Value::Str("x".into())], Told::Right)));
    comes_back(&looks(vec![Value::I8(1)], Value::Seq(vec![Value::U8(1)], Told::Right)));
    let two = Value::Seq(vec![Value::Bool(true), Value::Unit], Told::Right);
    comes_back(&looks(vec![Value::U64(2)], two));
}

/// A struct of one field whose name, as a constant of another crate or codegen unit, may lie anywhere.
struct Named(&'static str, bool);

impl serde::Serialize for Named {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut record = serializer.serialize_struct(self.0, 1)?;
        if self.1 {
            record.serialize_field("x", "text")?;
        } else {
            record.serialize_field("x", &1_u8)?;
        }
        record.end()
    }
}

#[test]
fn equal_names_at_other_addresses_give_the_same_bytes() {
    let name = || -> &'static str { forever("Name".into()) };
    let first = name();
    let with = |second| {
        let records = [Named(first, false), Named(second, true), Named(second, false)];
        to_bytes(&records).unwrap()
    };
    for _ in 0..100 {
        assert_eq!(*with(first), *with(name()));
    }
}
