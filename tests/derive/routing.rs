//! Which fields are routed, and that no other is.

use crate::derive::support::{round_trip, routed};
use ndarray::{Array1, Array2, ArrayD, ArrayView1, ArrayView2, arr1, arr2};
use serde_shm::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

#[derive(Serialize, PartialEq, Debug)]
struct Marked<'a> {
    #[shm_array]
    vec: Vec<f32>,
    #[shm_array]
    boxed: Box<[u8]>,
    #[shm_array]
    fixed: [i64; 3],
    #[shm_array]
    nested: Vec<[u16; 2]>,
    #[shm_array]
    slice: &'a [f64],
    #[shm_array]
    cow: Cow<'a, [i8]>,
    #[shm_array]
    arc: Arc<[u32]>,
    #[shm_array]
    rc: Rc<[bool]>,
    #[shm_array]
    nd: Array2<f32>,
}

#[test]
fn marked_arrays() {
    let value = Marked {
        vec: vec![],
        boxed: Box::new([]),
        fixed: [0; 3],
        nested: vec![],
        slice: &[],
        cow: Cow::Borrowed(&[]),
        arc: Arc::new([]),
        rc: Rc::new([]),
        nd: Array2::zeros((2, 2)),
    };
    assert_eq!(routed(&value), 9);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Color {
    Red,
    Green,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Record {
    id: u32,
}

/// Arrays of something that is no element stay inline.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Inline {
    #[shm_array]
    colors: Vec<Color>,
    #[shm_array]
    records: Box<[Record]>,
    #[shm_array]
    pair: [Record; 2],
    #[shm_array]
    option: Option<Vec<Color>>,
    #[shm_array]
    map: BTreeMap<String, Vec<Record>>,
    #[shm_array]
    tuple: (Vec<Color>, Vec<Record>),
}

#[test]
fn arrays_of_no_element_stay_inline() {
    let value = Inline {
        colors: vec![Color::Red, Color::Green],
        records: Box::new([Record { id: 1 }]),
        pair: [Record { id: 2 }, Record { id: 3 }],
        option: Some(vec![Color::Red]),
        map: BTreeMap::from([("k".into(), vec![Record { id: 4 }])]),
        tuple: (vec![], vec![]),
    };
    assert_eq!(routed(&value), 0);
    let json = serde_json::to_string(&value).unwrap();
    assert!(json.starts_with(r#"{"colors":["Red","Green"],"records":[{"id":1}]"#));
    round_trip(&value, &json);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Unmarked {
    flat: Array1<f64>,
    any: ArrayD<u8>,
    path: ndarray::Array2<i32>,
    option: Option<Array1<f32>>,
    many: Vec<Array1<f32>>,
    map: HashMap<String, Array1<f32>>,
    plain: Vec<f32>,
    name: String,
}

#[test]
fn ndarrays_need_no_mark() {
    let value = Unmarked {
        flat: arr1(&[1.0]),
        any: arr1(&[1]).into_dyn(),
        path: arr2(&[[1]]),
        option: Some(arr1(&[1.0])),
        many: vec![arr1(&[1.0])],
        map: HashMap::from([("k".into(), arr1(&[1.0]))]),
        plain: vec![1.0],
        name: "n".into(),
    };
    assert_eq!(routed(&value), 6);
    let json = serde_json::to_string(&value).unwrap();
    round_trip(&value, &json);
}

#[derive(Serialize, Debug)]
struct Views<'a> {
    view: ArrayView1<'a, f32>,
    option: Option<ArrayView2<'a, u8>>,
}

#[test]
fn views() {
    let (a, b) = (arr1(&[1.0]), arr2(&[[1]]));
    assert_eq!(routed(&Views { view: a.view(), option: Some(b.view()) }), 2);
}

#[derive(Serialize, Debug)]
struct Owner {
    #[shm_array]
    slice: Vec<f64>,
    view: Array2<f32>,
    option: Option<Array1<u8>>,
    #[shm_array]
    cow: Vec<i32>,
    #[shm_array]
    named: BTreeMap<String, Vec<u16>>,
}

/// The same object, borrowed, with no `borrow` written anywhere.
#[derive(Serialize, Deserialize, Debug)]
struct Borrower<'a, 'b> {
    #[shm_array]
    slice: &'a [f64],
    view: ArrayView2<'b, f32>,
    option: Option<ArrayView1<'a, u8>>,
    #[shm_array]
    cow: Cow<'b, [i32]>,
    #[shm_array]
    named: BTreeMap<&'a str, &'a [u16]>,
}

#[test]
fn borrow_is_implied() {
    let owner = Owner {
        slice: vec![1.0, 2.0],
        view: arr2(&[[3.0, 4.0]]),
        option: Some(arr1(&[5, 6])),
        cow: vec![7],
        named: BTreeMap::from([("k".into(), vec![8, 9])]),
    };
    let bytes = serde_shm::to_bytes(&owner).unwrap();
    let seen: Borrower<'_, '_> = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(seen.slice, owner.slice);
    assert_eq!(seen.view, owner.view);
    assert_eq!(seen.option.unwrap(), owner.option.as_ref().unwrap());
    assert_eq!(&seen.cow[..], &owner.cow[..]);
    assert_eq!(seen.named["k"], owner.named["k"]);

    let container = bytes.as_ptr_range();
    assert!(container.contains(&seen.slice.as_ptr().cast()));
    assert!(container.contains(&seen.view.as_ptr().cast()));
    assert!(container.contains(&seen.named["k"].as_ptr().cast()));
    assert!(matches!(seen.cow, Cow::Borrowed(_)));
    assert_eq!(routed(&seen), routed(&owner));
}

/// A type of the user's that happens to have such a name, and an ndarray of something that is no element.
mod same_name {
    use super::{Color, round_trip, routed};
    use serde_shm::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Array {
        length: u8,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct ArrayView<'a> {
        name: &'a str,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct User {
        array: Array,
        colors: ndarray::Array1<Color>,
        mixed: (ndarray::Array1<f32>, Color),
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Borrows<'a> {
        view: ArrayView<'a>,
    }

    #[test]
    fn are_left_to_serde() {
        let value = User {
            array: Array { length: 1 },
            colors: ndarray::Array1::from_vec(vec![Color::Red]),
            mixed: (ndarray::arr1(&[1.0]), Color::Green),
        };
        assert_eq!(routed(&value), 0);
        let json = serde_json::to_string(&value).unwrap();
        round_trip(&value, &json);
        let borrows: Borrows<'_> = serde_json::from_str(r#"{"view":{"name":"n"}}"#).unwrap();
        assert_eq!(borrows, Borrows { view: ArrayView { name: "n" } });
    }
}

/// An ndarray's own name is not the only thing that can stand in a user's module: generated code must not be misled.
mod shadowed_names {
    use super::round_trip;

    #[allow(dead_code)]
    mod serde {}
    #[allow(dead_code)]
    struct Option;
    #[allow(dead_code)]
    struct Result;
    #[allow(dead_code)]
    struct Probe;
    #[allow(dead_code)]
    trait SerializeBulk {}

    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Inline {
        #[shm_array]
        some: Vec<f32>,
        probe: u8,
    }

    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Outer {
        #[shm_array]
        inlines: Vec<Inline>,
    }

    #[test]
    fn do_no_harm() {
        let value = Outer { inlines: vec![Inline { some: vec![1.0], probe: 1 }] };
        round_trip(&value, r#"{"inlines":[{"some":[1.0],"probe":1}]}"#);
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Lent<'a> {
    #[shm_array]
    rows: Cow<'a, [[f32; 3]]>,
    #[shm_array]
    blocks: Cow<'a, [[[u16; 2]; 2]]>,
    #[shm_array]
    shared: std::sync::Arc<[[f32; 3]]>,
}

#[test]
fn rows_are_borrowed_where_they_lie() {
    let rows = Lent {
        rows: Cow::Borrowed(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]),
        blocks: Cow::Borrowed(&[[[1, 2], [3, 4]]]),
        shared: std::sync::Arc::new([[0.5; 3]; 4]),
    };
    let bytes = serde_shm::to_bytes(&rows).unwrap();
    let seen: Lent<'_> = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(seen, rows);
    assert!(matches!((seen.rows, seen.blocks), (Cow::Borrowed(_), Cow::Borrowed(_))));
    // Another format lends nothing.
    let json = serde_json::to_string(&rows).unwrap();
    let seen: Lent<'_> = serde_json::from_str(&json).unwrap();
    assert_eq!(seen, rows);
    assert!(matches!((seen.rows, seen.blocks), (Cow::Owned(_), Cow::Owned(_))));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Kept {
    #[shm_array]
    table: Cow<'static, [f32]>,
    #[shm_array]
    rows: Option<Cow<'static, [[u8; 2]]>>,
    #[shm_array]
    none: Option<Cow<'static, [u8]>>,
}

#[test]
fn what_is_static_is_read_as_owned() {
    let kept = Kept {
        table: Cow::Borrowed(&[1.0, 2.0]),
        rows: Some(Cow::Borrowed(&[[1, 2]])),
        none: None,
    };
    let bytes = serde_shm::to_bytes(&kept).unwrap();
    let back: Kept = serde_shm::from_bytes(&bytes).unwrap();
    drop(bytes);
    assert_eq!(back, kept);
    assert!(matches!((back.table, back.rows), (Cow::Owned(_), Some(Cow::Owned(_)))));
}
