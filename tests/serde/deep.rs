//! Trees a thousand deep, on the stack that a thread has; beyond the limit an error.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_shm::{ErrorKind, ShmArray1};

use crate::serde::support::{check, check_by, on_a_thread};
use crate::support::forever::forever;

#[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
struct Node {
    value: u32,
    left: Option<Box<Node>>,
    right: Option<Box<Node>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Tree {
    name: String,
    children: Vec<Tree>,
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
enum Expression {
    Leaf(#[shm_array] Vec<f64>),
    Not(Box<Expression>),
    Add(Box<Expression>, Box<Expression>),
    Let { name: String, body: Option<Box<Expression>> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Leaf(u8),
    Node(Vec<Untagged>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Folder(BTreeMap<String, Folder>);

const DEEP: u32 = 1000;

#[test]
#[cfg(feature = "deep")]
fn a_thousand_deep() {
    on_a_thread(|| {
        let grow =
            |inner, value| Node { value, left: Some(Box::new(inner)), right: Some(Box::default()) };
        check(&(0..DEEP).fold(Node::default(), grow), &[]);
    });
    on_a_thread(|| {
        let leaf = || Tree { name: "leaf".into(), children: vec![] };
        let grow =
            |inner, n: u32| Tree { name: n.to_string(), children: vec![leaf(), inner, leaf()] };
        check(&(0..DEEP).fold(leaf(), grow), &[]);
    });
    on_a_thread(|| {
        let grow = |inner: Expression, n| match n % 3 {
            0 => Expression::Not(Box::new(inner)),
            1 => Expression::Add(Box::new(Expression::Leaf(vec![])), Box::new(inner)),
            _ => Expression::Let { name: "x".into(), body: Some(Box::new(inner)) },
        };
        let deep = (0..DEEP).fold(Expression::Leaf(vec![1.5]), grow);
        check_by(&deep, &paths(&deep), |back| assert_eq!(back, &deep));
    });
    on_a_thread(|| {
        let deep = (0..DEEP).fold(Untagged::Leaf(7), |inner, _| Untagged::Node(vec![inner]));
        check(&deep, &[]);
    });
    on_a_thread(|| {
        let grow = |inner, _| Folder(BTreeMap::from([("folder".to_owned(), inner)]));
        check(&(0..DEEP).fold(Folder(BTreeMap::new()), grow), &[]);
    });
}

/// The arrays' paths, as the segment names them.
fn paths(deep: &Expression) -> Vec<&'static str> {
    let segment = serde_shm::to_shared(deep).unwrap();
    let paths: Vec<&str> =
        segment.arrays().unwrap().iter().map(|array| &*forever(array.path().into())).collect();
    assert_eq!(paths.len() as u32, 1 + DEEP / 3);
    assert!(paths[1].starts_with("Not.") || paths[1].starts_with("Add."), "{}", paths[1]);
    paths
}

#[test]
fn beyond_the_limit() {
    on_a_thread(|| {
        let mut deep = Tree { name: String::new(), children: vec![] };
        for _ in 0..10_000 {
            deep = Tree { name: String::new(), children: vec![deep] };
        }
        for error in [
            serde_shm::to_bytes(&deep).unwrap_err(),
            serde_shm::to_shared(&deep).unwrap_err(),
            serde_shm::to_writer(std::io::sink(), &deep).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Limit);
            let text = error.to_string();
            assert!(text.contains("nests deeper than"), "{text}");
            assert!(text.len() < 1000, "the path of a deep place is shortened: {text}");
        }
        // Taken apart from the root, so that no drop nests either.
        while let Some(inner) = deep.children.pop() {
            deep = inner;
        }
    });
}

/// An array at the bottom keeps its whole path as its name.
#[test]
#[cfg(feature = "deep")]
fn an_array_at_the_bottom() {
    on_a_thread(|| {
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Holder {
            array: Option<ShmArray1<f32>>,
            next: Vec<Holder>,
        }
        let last = Holder { array: Some(vec![1.0, 2.0].into()), next: vec![] };
        let deep = (0..300).fold(last, |inner, _| Holder { array: None, next: vec![inner] });
        check(&deep, &[&format!("{}array", "next.0.".repeat(300))]);
    });
}
