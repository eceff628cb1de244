//! Types whose frames are large, on small stacks: what is left of the stack decides, not a count of levels.
//!
//! Nodes of 8 KiB, 63 levels deep, in a thread of 2 MiB ended the process, from a block of 70 KB.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_shm::{ErrorKind, from_bytes, to_bytes};

use crate::corrupt::nesting::on_a_stack;

/// A list whose links are boxes, with what each node is read by.
#[derive(Serialize, Deserialize)]
struct Node<P> {
    pad: P,
    next: Option<Box<Node<P>>>,
}

#[derive(Serialize, Deserialize)]
enum Plain<P> {
    Node(P, Option<Box<Plain<P>>>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged<P> {
    Node { pad: P, next: Option<Box<Untagged<P>>> },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged<P> {
    Node { pad: P, next: Option<Box<Tagged<P>>> },
}

#[derive(Serialize, Deserialize)]
struct Listed<P> {
    pad: P,
    next: Vec<Listed<P>>,
}

#[derive(Serialize, Deserialize)]
struct Mapped<P> {
    pad: P,
    next: BTreeMap<u8, Mapped<P>>,
}

#[derive(Serialize, Deserialize)]
struct Flat<P> {
    pad: P,
    #[serde(flatten)]
    rest: BTreeMap<String, Box<Flat<P>>>,
}

// The nodes are large: what is not behind the box overflows the test's own stack.
#[allow(clippy::unnecessary_box_returns)]
fn list<T>(levels: usize, node: impl Fn(Option<Box<T>>) -> T) -> Box<T> {
    (0..levels).fold(Box::new(node(None)), |inner, _| Box::new(node(Some(inner))))
}

/// Every list of nodes of this size, on a stack of so many KiB.
fn all<P>(pad: P, levels: usize, stack: usize)
where
    P: Serialize + DeserializeOwned + Send + Sync + Copy,
{
    check(list(levels, |next| Node { pad, next }), levels, stack);
    check(list(levels, |next| Plain::Node(pad, next)), levels, stack);
    check(list(levels, |next| Untagged::Node { pad, next }), levels, stack);
    check(list(levels, |next| Tagged::Node { pad, next }), levels, stack);
    let listed = |inner: Option<Box<Listed<P>>>| inner.map(|inner| *inner).into_iter().collect();
    check(list(levels, |inner| Listed { pad, next: listed(inner) }), levels, stack);
    let mapped =
        |inner: Option<Box<Mapped<P>>>| inner.map(|inner| (7, *inner)).into_iter().collect();
    check(list(levels, |inner| Mapped { pad, next: mapped(inner) }), levels, stack);
    let flat = |inner: Option<Box<Flat<P>>>| {
        inner.map(|inner| ("next".to_owned(), inner)).into_iter().collect()
    };
    check(list(levels, |inner| Flat { pad, rest: flat(inner) }), levels, stack);
}

/// Written and read on such a stack, it comes back. Without the feature `deep` the stack may be too small for it, which an
/// error says.
#[track_caller]
#[allow(clippy::boxed_local, clippy::needless_pass_by_value)]
fn check<T: Serialize + DeserializeOwned + Send + Sync>(
    value: Box<T>,
    levels: usize,
    stack: usize,
) {
    let what = format!("{} {levels} levels, {stack} KiB", std::any::type_name::<T>());
    let expected = to_bytes(&value).unwrap();
    let written = on_a_stack(stack << 10, || to_bytes(&value));
    let read = on_a_stack(stack << 10, || {
        from_bytes::<Box<T>>(&expected).and_then(|back| to_bytes(&back))
    });
    for result in [written, read] {
        match result {
            Ok(block) => assert!(block[..] == expected[..], "{what}"),
            Err(error) => {
                // With a stack of its own, all of it is read.
                let has_own = cfg!(feature = "deep");
                assert!(!has_own, "{what}: {error}");
                assert_eq!(error.kind(), ErrorKind::Limit, "{what}: {error}");
            }
        }
    }
}

/// Where the values are made and the expected blocks with them.
fn on_a_large_stack(run: impl FnOnce() + Send) {
    on_a_stack(512 << 20, run);
}

#[test]
fn nodes_of_a_quarter_kib() {
    on_a_large_stack(|| {
        for levels in [0, 15, 16, 17, 63, 64, 200] {
            all([[1_u64; 32]; 1], levels, 2048);
        }
        // What is read is dropped there, too.
        for levels in [0, 1, 15, 16, 17, 40] {
            all([[1_u64; 32]; 1], levels, 128);
        }
    });
}

#[test]
fn nodes_of_one_kib() {
    on_a_large_stack(|| {
        for levels in [0, 1, 3, 7, 15] {
            all([[1_u64; 32]; 4], levels, 96);
        }
        for stack in [256, 2048] {
            for levels in [0, 1, 3, 7, 15, 63] {
                all([[1_u64; 32]; 4], levels, stack);
            }
        }
    });
}

#[test]
fn nodes_of_four_kib() {
    on_a_large_stack(|| {
        for stack in [256, 2048] {
            for levels in [0, 1, 3, 7, 15, 63] {
                all([[1_u64; 32]; 16], levels, stack);
            }
        }
    });
}

#[test]
fn nodes_of_eight_kib() {
    on_a_large_stack(|| {
        for stack in [512, 2048] {
            for levels in [0, 1, 2, 3, 4, 5, 6, 7, 15, 63] {
                all([[1_u64; 32]; 32], levels, stack);
            }
        }
    });
}

/// A node itself, and not a box of it, where even the caller's own frames hold it.
#[test]
#[cfg(feature = "deep")]
fn small_threads_read_nodes_by_value() {
    let list = list(15, |next| Node { pad: [[1_u64; 32]; 4], next });
    let block = to_bytes(&list).unwrap();
    let back = on_a_stack(64 << 10, || {
        let list: Node<[[u64; 32]; 4]> = from_bytes(&block).unwrap();
        to_bytes(&list).unwrap()
    });
    assert!(back[..] == block[..]);
}

/// An element of structs within structs, or of many axes: nothing looks at the stack between its levels.
#[test]
#[cfg(feature = "npz")]
fn elements_that_nest_deep() {
    use crate::corrupt::model::Anything;
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Nested {
        pad: [[u8; 32]; 32],
        x: Option<Box<Nested>>,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Rows(Vec<Rows>);
    let npy = |descriptor: &str, shape: &str, data: &[u8]| {
        let text =
            format!("{{'descr': {descriptor}, 'fortran_order': False, 'shape': {shape}, }}\n");
        let len = u16::try_from(text.len()).unwrap().to_le_bytes();
        serde_shm::Npz::from_bytes([b"\x93NUMPY\x01\x00", &len[..], text.as_bytes(), data].concat())
            .unwrap()
    };
    let pad = "('pad', '|u1', (32, 32))";
    let deep = (0..30).fold(format!("[{pad}]"), |inner, _| format!("[{pad}, ('x', {inner})]"));
    let nested = npy(&deep, "(1,)", &vec![0; 31 * 1024]);
    let axes = "1, ".repeat(60);
    let rows = (0..30).fold("[]".to_owned(), |inner, _| format!("[('x', {inner}, ({axes}))]"));
    let rows = npy(&rows, &format!("({axes})"), &[]);
    let many = npy("'|u1'", &format!("({axes})"), &[1]);
    for stack in [128, 512, 2048] {
        on_a_stack(stack << 10, || {
            let _ = nested.get::<Vec<Nested>>().map(drop);
            nested.get::<Anything>().unwrap();
            let _ = nested.get::<serde_json::Value>().map(drop);
            let _ = rows.get::<Anything>().map(drop);
            let _ = many.get::<Rows>().map(drop);
            many.get::<Anything>().unwrap();
            let _ = many.get::<serde_json::Value>().map(drop);
        });
    }
}

/// A part without parts of its own comes before the one that nests. It alone was written on another stack, and what nests went on
/// where the stack was low.
#[test]
#[cfg(all(feature = "deep", feature = "npz", target_os = "linux"))]
fn a_leaf_before_what_nests() {
    #[derive(Serialize)]
    struct Second {
        id: u64,
        left: Vec<u8>,
        right: Map<Second>,
    }
    type Map<T> = std::collections::BTreeMap<u8, T>;
    #[derive(Serialize)]
    enum Pair {
        Leaf(u8),
        Both(Box<Pair>, Box<Pair>),
        Named { first: (), then: Box<Pair> },
    }
    #[derive(Serialize)]
    struct List(Vec<List>);
    #[derive(Serialize)]
    struct Entries(Map<Entries>);
    #[derive(Serialize)]
    #[serde(transparent)]
    struct Tuple(Box<(u8, Vec<(u8, Tuple)>)>);
    const LEVELS: usize = 600;
    on_a_large_stack(|| {
        let second = (0..LEVELS).fold(Map::new(), |right, n| {
            Map::from([(7, Second { id: n as u64, left: vec![1], right })])
        });
        let pair = (0..LEVELS).fold(Pair::Leaf(1), |inner, n| match n % 2 {
            0 => Pair::Both(Box::new(Pair::Leaf(2)), Box::new(inner)),
            _ => Pair::Named { first: (), then: Box::new(inner) },
        });
        let list = (0..LEVELS).fold(List(vec![]), |inner, _| List(vec![List(vec![]), inner]));
        let entries = (0..LEVELS).fold(Entries(Map::new()), |inner, _| {
            Entries(Map::from([(1, Entries(Map::new())), (2, inner)]))
        });
        let tuple = (0..LEVELS).fold(Tuple(Box::new((0, vec![]))), |inner, _| {
            Tuple(Box::new((1, vec![(2, Tuple(Box::new((3, vec![])))), (4, inner)])))
        });
        let all = (&second, &pair, &list, &entries, &tuple);
        let expected = to_bytes(&all).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        serde_shm::to_npz(file("expected.npz"), &all).unwrap();
        for stack in [64, 128, 512] {
            on_a_stack(stack << 10, || {
                assert!(to_bytes(&all).unwrap()[..] == expected[..], "{stack} KiB");
                serde_shm::to_npz(file("written.npz"), &all).unwrap();
                serde_shm::to_shared(&all).unwrap().get::<serde::de::IgnoredAny>().unwrap();
            });
            let read = |name| std::fs::read(file(name)).unwrap();
            assert!(read("written.npz") == read("expected.npz"), "{stack} KiB");
        }
    });
}
