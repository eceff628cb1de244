//! Values to and from other formats, as far as they say what they hold.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_shm::value::{Map, Names, Value};
use serde_shm::{Segment, ShmArray1, from_bytes, to_bytes, to_shared};

use crate::roundtrip::cases::cases;
use crate::value::any::value;
use crate::value::rebuilt::same;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Point {
    x: f64,
    label: Option<String>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Shape {
    Empty,
    Circle(f64),
    Square(u8, u8),
    Rectangle { w: u8, h: Option<u8> },
    Point(Point),
}

fn shapes() -> Vec<Shape> {
    vec![
        Shape::Empty,
        Shape::Circle(0.5),
        Shape::Square(1, 2),
        Shape::Rectangle { w: 1, h: None },
        Shape::Rectangle { w: 1, h: Some(2) },
        Shape::Point(Point { x: 1.5, label: Some("a".into()) }),
    ]
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Everything {
    shapes: Vec<Shape>,
    by_name: BTreeMap<String, Shape>,
    numbers: (i8, u16, i32, u64, f32, f64),
    letter: char,
    text: String,
    unit: (),
    list: Vec<u8>,
    flags: Vec<bool>,
    array: ShmArray1<i32>,
}

fn everything() -> Everything {
    Everything {
        shapes: shapes(),
        by_name: [("a".to_owned(), Shape::Empty), ("b.c".to_owned(), Shape::Circle(2.0))].into(),
        numbers: (-1, 300, -70_000, 1 << 60, 0.5, 0.1),
        letter: 'é',
        text: "text\n\"\u{1f600}".into(),
        unit: (),
        list: vec![1, 2, 3],
        flags: vec![true, false],
        array: vec![1, -2, 3].into(),
    }
}

fn unknown(typed: &impl Serialize) -> Value {
    from_bytes(&to_bytes(typed).unwrap()).unwrap()
}

/// By a value it is the JSON that the type itself gives, and the type reads it.
#[test]
fn json_of_a_type_is_that_of_its_value() {
    let typed = everything();
    let value = unknown(&typed);
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(text, serde_json::to_string(&typed).unwrap());
    assert_eq!(
        serde_json::to_string_pretty(&value).unwrap(),
        serde_json::to_string_pretty(&typed).unwrap()
    );
    assert_eq!(serde_json::from_str::<Everything>(&text).unwrap(), typed);
    let by_value: serde_json::Value = serde_json::to_value(&value).unwrap();
    assert_eq!(by_value, serde_json::to_value(&typed).unwrap());
    for shape in shapes() {
        let text = serde_json::to_string(&unknown(&shape)).unwrap();
        assert_eq!(text, serde_json::to_string(&shape).unwrap());
    }
}

#[test]
fn json_comes_back_out_of_a_segment_as_it_was() {
    for text in [
        "null",
        "true",
        "[]",
        "{}",
        r#"{"a":[1,-1,18446744073709551615,0.5,1e300,null,"x",{"":[[]]}],"b.c":{"%":false},"é":"\u0000"}"#,
        r#"[{"id":1,"tags":["a","b"]},{"id":2,"tags":[]},{"id":3,"more":null}]"#,
        r#"{"b":1,"a":2,"b2":[[1,2],[3.5,4]],"c":{"$serde_json::private::Number":"1"}}"#,
    ] {
        let value: Value = serde_json::from_str(text).unwrap();
        let segment = to_shared(&value).unwrap();
        let back = Segment::open(segment.id()).unwrap().value().unwrap();
        assert!(same(&back, &value));
        let again = serde_json::to_string(&back).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&again).unwrap(),
            serde_json::from_str::<serde_json::Value>(text).unwrap()
        );
        // In the order in which it was.
        let plain = text
            .replace("1e300", "1e+300")
            .replace("{\"$serde_json::private::Number\":\"1\"}", "1");
        assert!(again == text || again == plain, "{again}");
    }
}

#[test]
fn self_describing_formats_give_back_what_they_hold() {
    let typed = everything();
    let value = unknown(&typed);

    let mut cbor = Vec::new();
    ciborium::into_writer(&value, &mut cbor).unwrap();
    let read: Everything = ciborium::from_reader(&cbor[..]).unwrap();
    assert_eq!(read, typed);
    let found: Value = ciborium::from_reader(&cbor[..]).unwrap();
    let mut again = Vec::new();
    ciborium::into_writer(&unknown(&found), &mut again).unwrap();
    assert_eq!(again, cbor);

    let pack = rmp_serde::to_vec_named(&value).unwrap();
    assert_eq!(rmp_serde::from_slice::<Everything>(&pack).unwrap(), typed);
    let found: Value = rmp_serde::from_slice(&pack).unwrap();
    assert_eq!(rmp_serde::to_vec_named(&unknown(&found)).unwrap(), pack);
    // Its own reader of enums wants variants by number, and knows no names.
    let dynamic = rmpv::ext::to_value(&value).unwrap();
    let found: Value = rmpv::ext::from_value(dynamic.clone()).unwrap();
    assert_eq!(rmpv::ext::to_value(unknown(&found)).unwrap(), dynamic);

    // TOML has tables only at the root, no null and no numbers of 64 bits.
    let table = Value::from(
        [("shapes", unknown(&shapes()[1..3].to_vec())), ("n", 5_u8.into()), ("t", "x".into())]
            .map(|(key, value)| (Value::from(key), value))
            .into_iter()
            .collect::<Map>(),
    );
    let text = toml::to_string(&table).unwrap();
    let found: Value = toml::from_str(&text).unwrap();
    assert_eq!(toml::to_string(&unknown(&found)).unwrap(), text);
    #[derive(Deserialize)]
    struct Table {
        shapes: Vec<Shape>,
        n: u8,
    }
    let read: Table = toml::from_str(&text).unwrap();
    assert_eq!((read.shapes, read.n), (shapes()[1..3].to_vec(), 5));
}

/// An enum that another format gives as one, a date of TOML's, an extension of MessagePack's: a value, or an error.
#[test]
fn what_formats_have_of_their_own() {
    let date: Value = toml::from_str("a = 1979-05-27T07:32:00Z\nb = [1, 2.5, 'x']").unwrap();
    assert!(date.get("b.1").is_some());
    let extension = rmpv::Value::Ext(5, vec![1, 2, 3]);
    let _ = rmpv::ext::from_value::<Value>(extension);
    let mut tagged = Vec::new();
    ciborium::into_writer(&ciborium::tag::Required::<_, 7>(5_u8), &mut tagged).unwrap();
    let _ = ciborium::from_reader::<Value, _>(&tagged[..]);
    // As fields, and behind other formats' buffers.
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Outer {
        one: Value,
        list: Vec<Value>,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let text = r#"{"one":[1,{"a":null}],"list":["x",2.5],"more":{"b":[]},"most":-1}"#;
    let outer: Outer = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_string(&outer).unwrap(), text);
    let names = Names::of_struct("Outer", ["one"]);
    assert_eq!(
        serde_json::to_string(&names.record(&[&outer.one])).unwrap(),
        r#"{"one":[1,{"a":null}]}"#
    );
}

/// Serde's own deserializers of one value know no newtypes, and formats have them for keys. A value was asked for as one and took
/// nothing else.
#[test]
fn deserializers_of_one_value() {
    use serde::de::IntoDeserializer;
    use serde::de::value::{BytesDeserializer, Error, StrDeserializer, UnitDeserializer};

    let text: StrDeserializer<'_, Error> = "a".into_deserializer();
    assert_eq!(Value::deserialize(text).unwrap(), Value::from("a"));
    let bytes: BytesDeserializer<'_, Error> = BytesDeserializer::new(&[1, 2]);
    assert_eq!(Value::deserialize(bytes).unwrap(), Value::Bytes(vec![1, 2].into()));
    let unit: UnitDeserializer<Error> = ().into_deserializer();
    assert_eq!(Value::deserialize(unit).unwrap(), Value::Unit);
    macro_rules! check {
        ($($value:expr),*) => {$({
            let found = IntoDeserializer::<Error>::into_deserializer($value);
            assert_eq!(Value::deserialize(found).unwrap(), Value::from($value));
        })*};
    }
    check!(
        true, 1_i8, 2_i16, 3_i32, 4_i64, 5_i128, 1_u8, 2_u16, 3_u32, 4_u64, 5_u128, 0.5_f32,
        0.5_f64, 'c'
    );
    let map: BTreeMap<String, u8> = [("a".to_owned(), 1)].into();
    let map = IntoDeserializer::<Error>::into_deserializer(map);
    assert_eq!(Value::deserialize(map).unwrap().get("a"), Some(&Value::U8(1)));
}

/// A serializer that writes a value twice, as TOML's does, found nothing in a variant the second time.
#[test]
fn variants_are_written_twice() {
    struct Twice<T>(T);
    impl<T: Serialize> Serialize for Twice<T> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let first = serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?;
            let second = serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?;
            assert_eq!(first, second);
            self.0.serialize(serializer)
        }
    }
    let list = unknown(&shapes());
    for item in list.as_slice().unwrap() {
        serde_json::to_string(&Twice(item)).unwrap();
    }
    let table = Map::from(vec![("shapes".into(), unknown(&shapes()[1..3].to_vec()))]);
    assert!(toml::to_string(&Value::from(table)).is_ok());
}

/// The number of a record's fields is told to formats, some of which want it beforehand.
#[test]
fn lengths_of_records_are_told() {
    let typed = Point { x: 0.5, label: None };
    let mut one = Vec::new();
    ciborium::into_writer(&typed, &mut one).unwrap();
    let mut other = Vec::new();
    ciborium::into_writer(&unknown(&typed), &mut other).unwrap();
    assert_eq!(one, other);
    assert_eq!(
        rmp_serde::to_vec_named(&typed).unwrap(),
        rmp_serde::to_vec_named(&unknown(&typed)).unwrap()
    );
}

/// What is not lossless is stable: read from the other format it is written there as before.
fn is_stable(value: &Value) {
    let cbor = |value: &Value| {
        let mut bytes = Vec::new();
        ciborium::into_writer(value, &mut bytes).map(|()| bytes)
    };
    if let Ok(bytes) = cbor(value) {
        let found: Value = ciborium::from_reader(&bytes[..]).unwrap();
        let again = cbor(&unknown(&found)).unwrap();
        let same: Value = ciborium::from_reader(&again[..]).unwrap();
        // Only lists whose length was not known have other bytes the second time.
        assert!(cbor(&same).unwrap() == again && again.len() <= bytes.len(), "{value:#}");
    }
    // `serde_json` does not read every float as what it wrote, and a text may look like one.
    // Nor does it keep a whole number of more than 64 bits.
    let is_wide = |text: &str| text.split(|c: char| !c.is_ascii_digit()).any(|run| run.len() > 18);
    if let Ok(text) = serde_json::to_string(value)
        && !is_wide(&text)
        && !text.contains('.')
        && !text.contains('e')
    {
        let found: Value = serde_json::from_str(&text).unwrap();
        let back = serde_json::to_string(&unknown(&found)).unwrap();
        let again: Value = serde_json::from_str(&back).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), back);
    }
    if let Ok(pack) = rmp_serde::to_vec_named(value)
        && let Ok(found) = rmp_serde::from_slice::<Value>(&pack)
    {
        let again = rmp_serde::to_vec_named(&unknown(&found)).unwrap();
        assert_eq!(again, pack, "{value:#}");
    }
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn any_value_is_stable_in_other_formats(value in value()) {
        is_stable(&value);
    }
}
