//! Trees of files: a type that contains itself.

use std::collections::BTreeMap;

use super::{Random, visit_fields};

/// With the derives of all peers but bitcode, whose encoder of a type has those of its fields in it: this one's would have no end.
#[derive(
    Clone,
    serde::Serialize,
    serde::Deserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
    wincode::SchemaWrite,
    wincode::SchemaRead,
)]
pub(crate) struct Trees {
    pub(crate) roots: Vec<Node>,
}

// The bounds are those of `children`, which rkyv's derive cannot find out: they would ask for themselves.
#[derive(
    Clone, serde::Serialize, serde::Deserialize, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize,
)]
#[rkyv(serialize_bounds(
    __S: rkyv::ser::Writer + rkyv::ser::Allocator,
    __S::Error: rkyv::rancor::Source,
))]
#[rkyv(deserialize_bounds(__D::Error: rkyv::rancor::Source))]
#[rkyv(bytecheck(bounds(
    __C: rkyv::validation::ArchiveContext,
    __C::Error: rkyv::rancor::Source,
)))]
#[derive(wincode::SchemaWrite, wincode::SchemaRead)]
pub(crate) struct Node {
    name: String,
    size: u64,
    attributes: BTreeMap<String, i32>,
    #[rkyv(omit_bounds)]
    children: Vec<Node>,
}

visit_fields!(Trees { roots });
visit_fields!(Node { name size attributes children });

impl Trees {
    /// Of so many nodes in all.
    pub(crate) fn new(count: usize) -> Self {
        let (mut random, mut left) = (Random(9), count);
        let mut roots = Vec::new();
        while left > 0 {
            roots.push(node(&mut random, 7, &mut left));
        }
        Trees { roots }
    }
}

fn node(random: &mut Random, depth: u8, left: &mut usize) -> Node {
    *left -= 1;
    let mut node = Node {
        name: format!("file{}.txt", random.next(10_000)),
        size: random.next(1 << 31),
        attributes: random.list(3, attribute),
        children: Vec::new(),
    };
    let count = if depth == 0 { 0 } else { 1 + random.next(5) };
    for _ in 0..count {
        if *left > 0 {
            node.children.push(self::node(random, depth - 1, left));
        }
    }
    node
}

fn attribute(random: &mut Random) -> (String, i32) {
    let key = random.choice(&["mode", "owner", "links", "device"]);
    (key.to_owned(), random.next(1 << 16) as i32)
}
