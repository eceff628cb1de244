//! Serde's attributes on the struct or enum, and every shape that one can have.

use crate::derive::support::{name_of, refused, round_trip, routed};
use ndarray::{Array1, ArrayView1};
use serde_shm::{Deserialize, Element, Serialize, from_bytes, to_bytes};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Named {
    id: u32,
    #[shm_array]
    bias: Vec<f32>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Newtype(#[shm_array] Vec<u16>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Tuple(String, #[shm_array] [i32; 2], #[shm_array] Option<Vec<bool>>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Empty {}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct EmptyTuple();

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Never {}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Every {
    Unit,
    Newtype(#[shm_array] Vec<f32>),
    Tuple(u8, #[shm_array] Vec<u8>),
    Named {
        #[shm_array]
        mask: Vec<bool>,
        rest: String,
    },
}

#[test]
fn shapes() {
    let value = Named { id: 1, bias: vec![0.5, 1.5] };
    round_trip(&value, r#"{"id":1,"bias":[0.5,1.5]}"#);
    assert_eq!((routed(&value), name_of(&value).as_str()), (1, "Named"));

    round_trip(&Newtype(vec![1, 2]), "[1,2]");
    assert_eq!((routed(&Newtype(vec![])), name_of(&Newtype(vec![])).as_str()), (1, "Newtype"));

    round_trip(&Tuple("a".into(), [1, 2], Some(vec![true])), r#"["a",[1,2],[true]]"#);
    assert_eq!(routed(&Tuple(String::new(), [0; 2], Some(vec![]))), 2);
    assert_eq!(routed(&Tuple(String::new(), [0; 2], None)), 1);

    round_trip(&Unit, "null");
    assert_eq!(name_of(&Unit), "Unit");
    round_trip(&Empty {}, "{}");
    round_trip(&EmptyTuple(), "[]");
    assert!(refused::<Never>(r#""A""#).contains("unknown variant"));
}

#[test]
fn enum_shapes() {
    round_trip(&Every::Unit, r#""Unit""#);
    round_trip(&Every::Newtype(vec![1.0]), r#"{"Newtype":[1.0]}"#);
    round_trip(&Every::Tuple(1, vec![2, 3]), r#"{"Tuple":[1,[2,3]]}"#);
    round_trip(
        &Every::Named { mask: vec![true], rest: "r".into() },
        r#"{"Named":{"mask":[true],"rest":"r"}}"#,
    );
    let routes = [
        Every::Unit,
        Every::Newtype(vec![]),
        Every::Tuple(0, vec![]),
        Every::Named { mask: vec![], rest: String::new() },
    ];
    assert_eq!(routes.each_ref().map(routed), [0, 1, 1, 1]);
    assert_eq!(name_of(&Every::Unit), "Every");
    assert!(
        refused::<Every>("1").contains("enum Every")
            || refused::<Every>(r#""X""#).contains("`Named`")
    );
}

#[test]
fn messages_name_the_type() {
    assert_eq!(
        refused::<Named>("1"),
        "invalid type: integer `1`, expected struct Named at line 1 column 1"
    );
    assert!(refused::<Tuple>(r#"["a"]"#).contains("expected tuple struct Tuple with 3 elements"));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename = "Other")]
struct Renamed {
    #[shm_array]
    a: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename(serialize = "Written"))]
struct RenamedOneWay {
    a: u8,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename(deserialize = "Read"))]
struct RenamedOtherWay {
    a: u8,
}

#[test]
fn rename() {
    assert_eq!(name_of(&Renamed { a: vec![] }), "Other");
    assert_eq!(name_of(&RenamedOneWay { a: 1 }), "Written");
    assert_eq!(name_of(&RenamedOtherWay { a: 1 }), "RenamedOtherWay");
    round_trip(&Renamed { a: vec![1] }, r#"{"a":[1]}"#);
    round_trip(&RenamedOneWay { a: 1 }, r#"{"a":1}"#);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RenamedAll {
    first_bias: u8,
    #[shm_array]
    second_bias: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all(serialize = "SCREAMING_SNAKE_CASE", deserialize = "SCREAMING_SNAKE_CASE"))]
#[serde(rename_all_fields = "kebab-case")]
enum RenamedFields {
    FirstOne {
        #[shm_array]
        a_mask: Vec<bool>,
    },
}

#[test]
fn rename_all_and_deny_unknown_fields() {
    round_trip(
        &RenamedAll { first_bias: 1, second_bias: vec![2] },
        r#"{"firstBias":1,"secondBias":[2]}"#,
    );
    let error = refused::<RenamedAll>(r#"{"firstBias":1,"secondBias":[2],"third":3}"#);
    assert!(error.contains("unknown field `third`"), "{error}");
    round_trip(
        &RenamedFields::FirstOne { a_mask: vec![true] },
        r#"{"FIRST_ONE":{"a-mask":[true]}}"#,
    );
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "type")]
struct TaggedStruct {
    #[shm_array]
    a: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "type")]
enum Internal {
    Unit,
    Newtype(Named),
    Named {
        #[shm_array]
        a: Vec<f64>,
    },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Unit,
    Newtype(#[shm_array] Vec<f64>),
    Tuple(u8, #[shm_array] Vec<f64>),
    Named {
        #[shm_array]
        a: Vec<f64>,
    },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Named {
        #[shm_array]
        a: Vec<f64>,
    },
    Text(String),
    Newtype(#[shm_array] Vec<u8>),
}

#[test]
fn tags() {
    round_trip(&TaggedStruct { a: vec![1] }, r#"{"type":"TaggedStruct","a":[1]}"#);
    round_trip(&Internal::Unit, r#"{"type":"Unit"}"#);
    round_trip(
        &Internal::Newtype(Named { id: 1, bias: vec![0.5] }),
        r#"{"type":"Newtype","id":1,"bias":[0.5]}"#,
    );
    round_trip(&Internal::Named { a: vec![1.0] }, r#"{"type":"Named","a":[1.0]}"#);
    round_trip(&Adjacent::Unit, r#"{"t":"Unit"}"#);
    round_trip(&Adjacent::Newtype(vec![1.0]), r#"{"t":"Newtype","c":[1.0]}"#);
    round_trip(&Adjacent::Tuple(1, vec![1.0]), r#"{"t":"Tuple","c":[1,[1.0]]}"#);
    round_trip(&Adjacent::Named { a: vec![1.0] }, r#"{"t":"Named","c":{"a":[1.0]}}"#);
    round_trip(&Untagged::Named { a: vec![1.0] }, r#"{"a":[1.0]}"#);
    round_trip(&Untagged::Text("x".into()), r#""x""#);
    round_trip(&Untagged::Newtype(vec![1, 2]), "[1,2]");
    assert_eq!(routed(&Adjacent::Tuple(1, vec![])), 1);
    assert_eq!(routed(&Untagged::Newtype(vec![])), 1);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(default)]
struct Defaulted {
    id: u32,
    #[shm_array]
    bias: Vec<f32>,
    #[shm_array]
    mask: Option<Vec<u8>>,
    #[serde(skip)]
    cache: u8,
}

impl Default for Defaulted {
    fn default() -> Self {
        Defaulted { id: 7, bias: vec![7.0], mask: Some(vec![7]), cache: 7 }
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
#[serde(default)]
struct DefaultedGeneric<T> {
    a: T,
    #[shm_array]
    b: Vec<T>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
#[serde(default)]
struct DefaultedTuple(u8, #[shm_array] Vec<u8>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(default = "by_path")]
struct DefaultedByPath {
    id: u32,
    #[shm_array]
    bias: Vec<f32>,
}

fn by_path() -> DefaultedByPath {
    DefaultedByPath { id: 3, bias: vec![3.0] }
}

#[test]
fn container_default() {
    assert_eq!(serde_json::from_str::<Defaulted>("{}").unwrap(), Defaulted::default());
    round_trip(
        &Defaulted { id: 1, bias: vec![], mask: None, cache: 7 },
        r#"{"id":1,"bias":[],"mask":null}"#,
    );
    assert_eq!(
        serde_json::from_str::<DefaultedGeneric<u8>>("{}").unwrap(),
        DefaultedGeneric { a: 0, b: vec![] }
    );
    round_trip(&DefaultedGeneric { a: 1, b: vec![2] }, r#"{"a":1,"b":[2]}"#);
    assert_eq!(serde_json::from_str::<DefaultedTuple>("[4]").unwrap(), DefaultedTuple(4, vec![]));
    assert_eq!(serde_json::from_str::<DefaultedByPath>(r#"{"id":4}"#).unwrap().bias, [3.0]);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(transparent)]
struct Transparent {
    #[shm_array]
    inner: Vec<f32>,
    #[serde(skip)]
    marker: std::marker::PhantomData<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(transparent)]
struct TransparentOption {
    #[shm_array]
    inner: Option<Vec<f32>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(transparent)]
struct TransparentPlain(String);

#[test]
fn transparent() {
    let value = Transparent { inner: vec![1.0], marker: std::marker::PhantomData };
    round_trip(&value, "[1.0]");
    assert_eq!(
        (routed(&value), name_of(&value).as_str()),
        (1, concat!("$serde_shm::Array/", env!("CARGO_PKG_VERSION")))
    );
    round_trip(&TransparentOption { inner: None }, "null");
    round_trip(&TransparentPlain("x".into()), r#""x""#);
    assert_eq!(name_of(&TransparentPlain(String::new())), "");
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(from = "Pair", into = "Pair")]
struct Converted {
    sum: u32,
}

#[derive(Serialize, Deserialize)]
struct Pair(u32, #[shm_array] Vec<u32>);

impl From<Pair> for Converted {
    fn from(pair: Pair) -> Self {
        Converted { sum: pair.0 + pair.1.iter().sum::<u32>() }
    }
}

impl From<Converted> for Pair {
    fn from(converted: Converted) -> Self {
        Pair(converted.sum, vec![0])
    }
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(try_from = "u8", into = "u8")]
enum Checked {
    Zero,
    One,
}

impl TryFrom<u8> for Checked {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            0 => Ok(Checked::Zero),
            1 => Ok(Checked::One),
            more => Err(format!("{more} is too many")),
        }
    }
}

impl From<Checked> for u8 {
    fn from(checked: Checked) -> u8 {
        checked as u8
    }
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(
    from = "Vec<T>",
    into = "Vec<T>",
    bound = "T: Clone + Serialize + serde::de::DeserializeOwned"
)]
struct ConvertedGeneric<T> {
    items: Vec<T>,
}

impl<T> From<Vec<T>> for ConvertedGeneric<T> {
    fn from(items: Vec<T>) -> Self {
        ConvertedGeneric { items }
    }
}

impl<T> From<ConvertedGeneric<T>> for Vec<T> {
    fn from(generic: ConvertedGeneric<T>) -> Self {
        generic.items
    }
}

#[test]
fn conversions() {
    round_trip(&Converted { sum: 3 }, "[3,[0]]");
    assert_eq!(routed(&Converted { sum: 3 }), 1);
    assert_eq!(serde_json::from_str::<Converted>("[3,[1,2]]").unwrap(), Converted { sum: 6 });
    round_trip(&Checked::One, "1");
    assert!(refused::<Checked>("2").contains("2 is too many"));
    round_trip(&ConvertedGeneric { items: vec![1, 2] }, "[1,2]");
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(expecting = "a model of mine")]
struct Expecting {
    #[shm_array]
    a: Vec<u8>,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(field_identifier, rename_all = "lowercase")]
enum FieldName {
    First,
    Second,
    Else(String),
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(field_identifier)]
enum FieldNameOther {
    First,
    #[serde(other)]
    Else,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(variant_identifier)]
enum VariantName {
    A,
    B,
}

#[test]
fn expecting_and_identifiers() {
    assert!(refused::<Expecting>("1").contains("expected a model of mine"));
    assert_eq!(serde_json::from_str::<FieldName>(r#""first""#).unwrap(), FieldName::First);
    assert_eq!(serde_json::from_str::<FieldName>(r#""second""#).unwrap(), FieldName::Second);
    assert_eq!(serde_json::from_str::<FieldName>(r#""x""#).unwrap(), FieldName::Else("x".into()));
    assert_eq!(
        serde_json::from_str::<FieldNameOther>(r#""First""#).unwrap(),
        FieldNameOther::First
    );
    assert_eq!(serde_json::from_str::<FieldNameOther>(r#""x""#).unwrap(), FieldNameOther::Else);
    assert_eq!(serde_json::from_str::<VariantName>(r#""B""#).unwrap(), VariantName::B);
    assert!(refused::<VariantName>(r#""C""#).contains("`A` or `B`"));
}

/// Serde's `crate` points at a serde; this crate brings its own along.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(crate = "::serde")]
#[serde_shm(crate = "ours")]
struct Elsewhere {
    #[shm_array]
    a: Vec<u8>,
}

use serde_shm as ours;

#[test]
fn crate_paths() {
    round_trip(&Elsewhere { a: vec![1] }, r#"{"a":[1]}"#);
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
#[repr(C, packed)]
struct Packed {
    small: u8,
    large: u32,
    #[shm_array]
    array: [u16; 2],
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[repr(u8)]
enum Discriminants {
    A = 1,
    B = { 1 + 4 },
    C(#[shm_array] Vec<u8>) = 9,
}

#[derive(Serialize)]
struct Tail {
    id: u8,
    #[shm_array]
    tail: [u8],
}

#[test]
fn representations() {
    let packed = Packed { small: 1, large: 2, array: [3, 4] };
    round_trip(&packed, r#"{"small":1,"large":2,"array":[3,4]}"#);
    assert_eq!(routed(&packed), 1);
    round_trip(&Discriminants::A, r#""A""#);
    round_trip(&Discriminants::B, r#""B""#);
    round_trip(&Discriminants::C(vec![1]), r#"{"C":[1]}"#);
    let unsized_tail: Option<&Tail> = None;
    assert!(unsized_tail.is_none_or(|value| value.id == 0 && value.tail.is_empty()));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Tree {
    #[shm_array]
    values: Vec<f32>,
    children: Vec<Tree>,
    #[shm_array]
    siblings: Vec<Self>,
    parent: Option<Box<Self>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum List<T> {
    End,
    Node(T, #[shm_array] Vec<T>, Box<List<T>>),
}

#[test]
fn recursion() {
    let leaf =
        |value| Tree { values: vec![value], children: vec![], siblings: vec![], parent: None };
    let tree = Tree {
        values: vec![],
        children: vec![leaf(1.0)],
        siblings: vec![leaf(2.0)],
        parent: Some(Box::new(leaf(3.0))),
    };
    assert_eq!(routed(&tree), 4);
    let json = serde_json::to_string(&tree).unwrap();
    round_trip(&tree, &json);
    round_trip(&List::Node(1, vec![2], Box::new(List::End)), r#"{"Node":[1,[2],"End"]}"#);
}

#[allow(non_camel_case_types)]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct r#struct {
    r#type: u8,
    #[shm_array]
    r#match: Vec<u8>,
}

#[allow(non_camel_case_types)]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum r#enum {
    r#if(#[shm_array] Vec<u8>),
}

#[test]
fn raw_identifiers() {
    let value = r#struct { r#type: 1, r#match: vec![2] };
    round_trip(&value, r#"{"type":1,"match":[2]}"#);
    assert_eq!(name_of(&value), "struct");
    round_trip(&r#enum::r#if(vec![1]), r#"{"if":[1]}"#);
}

#[test]
fn local_types() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Local<'a, T> {
        #[shm_array]
        a: Vec<T>,
        b: &'a str,
    }
    let value = Local { a: vec![1u8], b: "b" };
    assert_eq!(routed(&value), 1);
    assert_eq!(serde_json::from_str::<Local<'_, u8>>(r#"{"a":[1],"b":"b"}"#).unwrap(), value);
}

macro_rules! in_macro {
    ($name:ident, $field:ident: $ty:ty, $rename:literal) => {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct $name<T> {
            #[shm_array]
            #[serde(rename = $rename)]
            $field: $ty,
            generic: T,
        }
    };
}

in_macro!(FromMacro, field: Vec<u8>, "renamed");

#[test]
fn types_from_a_macro() {
    round_trip(&FromMacro { field: vec![1], generic: 2 }, r#"{"renamed":[1],"generic":2}"#);
    assert_eq!(routed(&FromMacro { field: vec![1], generic: 2 }), 1);
}

/// It can be read as an element of an array, and in no other way.
#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C)]
struct Point {
    x: f32,
    id: u32,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "t", content = "c")]
enum OfPoints {
    Newtype(Array1<Point>),
    Marked(#[shm_array] Vec<Point>),
    Option(#[shm_array] Option<Vec<f32>>),
    Fields { points: Option<Array1<Point>> },
    Unit,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "t", content = "c", rename_all = "lowercase")]
enum OfBorrowed<'a, T> {
    Slice(#[shm_array] &'a [f64]),
    Generic(#[shm_array] Vec<T>),
    #[serde(rename = "other")]
    View(ArrayView1<'a, f64>),
}

/// Serde's derive wants to read the content of such a variant without what the field is read with, for a content that is missing.
#[test]
fn contents_that_only_arrays_can_read() {
    let points = || vec![Point { x: 0.5, id: 1 }, Point { x: 1.5, id: 2 }];
    for value in [
        OfPoints::Newtype(points().into()),
        OfPoints::Marked(points()),
        OfPoints::Option(Some(vec![0.5])),
        OfPoints::Option(None),
        OfPoints::Fields { points: Some(points().into()) },
        OfPoints::Fields { points: None },
        OfPoints::Unit,
    ] {
        let block = to_bytes(&value).unwrap();
        assert_eq!(from_bytes::<OfPoints>(&block).unwrap(), value);
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<OfPoints>(&text).unwrap(), value, "{text}");
    }
    let none = serde_json::from_str::<OfPoints>(r#"{"t":"Option"}"#).unwrap();
    assert_eq!(none, OfPoints::Option(None));
    let missing = serde_json::from_str::<OfPoints>(r#"{"t":"Newtype"}"#).unwrap_err();
    assert!(missing.to_string().contains("missing field `c`"), "{missing}");
    let numbers = [1.0, 2.0];
    let values = [
        OfBorrowed::Slice(&numbers),
        OfBorrowed::Generic(vec![1_u8]),
        OfBorrowed::View(ArrayView1::from(&numbers)),
    ];
    let block = to_bytes(&values).unwrap();
    assert_eq!(from_bytes::<[OfBorrowed<'_, u8>; 3]>(&block).unwrap(), values);
}
