//! The same bytes, whichever way they are written.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::Stage;
use crate::ser::Serializer;
use crate::store::BytesSink;

#[derive(Serialize, Debug, Clone)]
enum Part {
    Unit,
    Bool(bool),
    Small(i8),
    Wide(u64),
    Signed(i64, Option<i64>),
    Real(f32, f64),
    Text(String),
    Option(Option<Box<Part>>),
    List(Vec<Part>),
    Numbers(Vec<u64>),
    Pairs(Vec<(u16, char)>),
    Rows(Vec<Row>),
    Map(BTreeMap<String, Part>),
    Keys(BTreeMap<(u8, bool), Vec<i32>>),
    Named { first: Box<Part>, second: [u8; 3] },
    Long(Vec<[u32; 4]>, String),
}

#[derive(Serialize, Debug, Clone)]
struct Row {
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<u8>,
    any: Any,
    unit: (),
    bytes: Bytes,
}

#[derive(Serialize, Debug, Clone)]
#[serde(untagged)]
enum Any {
    Number(i64),
    Text(String),
    Row(Box<Row>),
    List(Vec<f32>),
}

#[derive(Debug, Clone)]
struct Bytes(Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

fn row() -> impl Strategy<Value = Row> {
    let either = prop_oneof![
        4 => any::<i64>().prop_map(Any::Number),
        1 => "[a-z]{0,3}".prop_map(Any::Text),
        1 => prop::collection::vec(any::<f32>(), 0..3).prop_map(Any::List),
    ];
    let plain = (any::<u32>(), any::<Option<u8>>(), either, 0..300_usize).prop_map(
        |(id, mark, any, len)| Row {
            id,
            mark,
            any,
            unit: (),
            // From 256 bytes on it is an array.
            bytes: Bytes(vec![7; if len < 290 { len % 3 } else { len }]),
        },
    );
    (plain.clone(), plain, any::<u8>()).prop_map(|(row, inner, nest)| {
        if nest < 200 { row } else { Row { any: Any::Row(Box::new(inner)), ..row } }
    })
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        Just(Part::Unit),
        any::<bool>().prop_map(Part::Bool),
        any::<i8>().prop_map(Part::Small),
        any::<u64>().prop_map(Part::Wide),
        any::<(i64, Option<i64>)>().prop_map(|(n, m)| Part::Signed(n, m)),
        any::<(f32, f64)>().prop_map(|(n, m)| Part::Real(n, m)),
        "[a-zä]{0,9}".prop_map(Part::Text),
        any::<Option<i8>>()
            .prop_map(|inner| Part::Option(inner.map(|number| Box::new(Part::Small(number))))),
        prop::collection::vec(0..1_u64 << 40, 0..9).prop_map(Part::Numbers),
        prop::collection::vec(any::<(u16, char)>(), 0..9).prop_map(Part::Pairs),
        prop::collection::vec(row(), 0..9).prop_map(Part::Rows),
        (prop::collection::vec(any::<[u32; 4]>(), 0..400), 0..9000_usize)
            .prop_map(|(list, len)| Part::Long(list, "x".repeat(len))),
    ];
    leaf.prop_recursive(4, 60, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Part::List),
            prop::collection::btree_map("[a-z]{1,4}", inner.clone(), 0..8).prop_map(Part::Map),
            prop::collection::btree_map(
                any::<(u8, bool)>(),
                prop::collection::vec(any::<i32>(), 0..4),
                0..8
            )
            .prop_map(Part::Keys),
            (inner, any::<[u8; 3]>())
                .prop_map(|(value, second)| { Part::Named { first: Box::new(value), second } }),
        ]
    })
}

/// What is written, by this way where it can be, or never.
fn written(value: &Vec<Part>, quick: bool) -> Vec<u8> {
    let mut serializer = Serializer::new(BytesSink::new());
    let wasted = if quick { 0 } else { usize::MAX / 2 };
    serializer.stage = Some(Stage { wasted, ..Stage::new() });
    serializer.put(value).unwrap();
    serializer.finish().unwrap().to_vec()
}

proptest! {
    #[test]
    fn what_is_written_is_the_same_either_way(values in prop::collection::vec(part(), 1..12)) {
        let twice = [values.clone(), values].concat();
        prop_assert!(written(&twice, true) == written(&twice, false));
    }
}
