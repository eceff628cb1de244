//! From JSON into every container and back, by `serde-transcode`: nobody says of what type anything is.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Made;

/// The same text comes back, out of every container.
#[track_caller]
fn check(text: &str) {
    // As JSON spells it, whose parser rounds the last digits of floats.
    let mut json = serde_json::Serializer::new(Vec::new());
    let parsed = &mut serde_json::Deserializer::from_str(text);
    serde_transcode::transcode(parsed, &mut json).unwrap();
    let text = &String::from_utf8(json.into_inner()).unwrap();
    let made = Made::by(|serializer| {
        serde_transcode::transcode(&mut serde_json::Deserializer::from_str(text), serializer)
    })
    .unwrap();
    let expected: Value = serde_json::from_str(text).unwrap();
    for deserializer in made.deserializers() {
        let mut json = serde_json::Serializer::new(Vec::new());
        serde_transcode::transcode(deserializer, &mut json).unwrap();
        assert!(json.into_inner() == text.as_bytes(), "{text:.1000}");
        assert!(Value::deserialize(deserializer).unwrap() == expected, "{text:.1000}");
    }
    // One that knows nothing of this crate's serializer writes the same.
    assert!(made.segment.get::<Value>().unwrap() == expected);
    assert!(made.npz.get::<Value>().unwrap() == expected);
}

#[test]
fn values_come_back_as_they_were_spelled() {
    for text in [
        "null",
        "true",
        "0",
        "-1",
        "1.5",
        "1e300",
        "-0.0",
        "18446744073709551615",
        "-9223372036854775808",
        "5e-324",
        "0.1",
        r#""""#,
        r#""Δέλτα, 中文, 🦀, \u0000 and \" \\ \n""#,
        "[]",
        "{}",
        "[[],{},[[]],[{}]]",
        r#"{"":null,"a":{"":[]},"ключ":{"🦀":-1.25}}"#,
        r#"[1,"two",3.5,null,[4],{"five":6}]"#,
        r#"[{"a":1},{"a":2},{"b":"x"},{"a":null,"b":[]}]"#,
        r#"{"a":[1,-1,18446744073709551615,0.5],"b":[true,false,null]}"#,
    ] {
        check(text);
    }
}

#[test]
fn long_lists_and_maps_come_back() {
    check(&json!((0..10_000).collect::<Vec<i32>>()).to_string());
    check(&json!((0..10_000).map(|n| f64::from(n) / 7.0).collect::<Vec<_>>()).to_string());
    check(&json!((0..1000).map(|n| n.to_string()).collect::<Vec<_>>()).to_string());
    let mut mixed = "[".to_owned();
    for number in 0..10_000 {
        let comma = if number > 0 { "," } else { "" };
        let item = match number % 4 {
            0 => format!("{number}"),
            1 => format!("\"{number}\""),
            2 => "null".to_owned(),
            _ => format!("{{\"k{number}\":[{number}.5,{{}}]}}"),
        };
        write!(mixed, "{comma}{item}").unwrap();
    }
    check(&(mixed + "]"));
}

#[test]
fn what_nests_deep_comes_back() {
    let levels = 120; // JSON's own limit is 128
    check(&("[".repeat(levels) + &"]".repeat(levels)));
    check(&(r#"{"a":"#.repeat(levels) + "1" + &"}".repeat(levels)));
}

#[test]
fn an_error_of_the_text_leaves_no_object() {
    for text in ["[1, 2", r#"{"a" 1}"#, "nul", "", r#"{"a": [1, {"b": }]}"#] {
        let error = serde_shm::ser::to_bytes_with(|serializer| {
            serde_transcode::transcode(&mut serde_json::Deserializer::from_str(text), serializer)
        })
        .unwrap_err();
        assert!(error.to_string().contains("at line 1 column"), "{text}: {error}");
    }
}

#[test]
fn what_was_not_json_becomes_it() {
    #[derive(serde::Serialize)]
    enum Shape {
        Unit,
        Newtype(u8),
        Tuple(u8, char),
        Struct { a: Option<()> },
    }
    let arrays = ndarray::arr2(&[[1_u8, 2], [3, 4]]);
    let shapes = [Shape::Unit, Shape::Newtype(1), Shape::Tuple(2, 'x'), Shape::Struct { a: None }];
    let bytes = serde_bytes::Bytes::new(b"ab");
    let made = Made::of(&(&arrays, shapes, bytes, std::collections::BTreeMap::from([(1, 2.5)])));
    let expected =
        r#"["Unit",{"Newtype":1},{"Tuple":[2,"x"]},{"Struct":{"a":null}}],[97,98],{"1":2.5}]"#;
    for deserializer in made.deserializers() {
        let mut json = serde_json::Serializer::new(Vec::new());
        serde_transcode::transcode(deserializer, &mut json).unwrap();
        let text = String::from_utf8(json.into_inner()).unwrap();
        assert!(text.ends_with(expected), "{text}");
    }
}

#[test]
fn a_container_goes_into_another() {
    let made = Made::of(&(1_u8, "two", vec![3.5; 3], Some(-4_i64), u64::MAX, b'5'));
    for from in made.deserializers() {
        let again = Made::by(|serializer| serde_transcode::transcode(from, serializer)).unwrap();
        for deserializer in again.deserializers() {
            let back: (u8, String, Vec<f64>, Option<i64>, u64, u8) =
                Deserialize::deserialize(deserializer).unwrap();
            assert_eq!(back, (1, "two".to_owned(), vec![3.5; 3], Some(-4), u64::MAX, b'5'));
        }
    }
}
