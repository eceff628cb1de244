//! `#[derive(Element)]`: structs as elements, in every container and format.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use ndarray::{Array1, Array2, ArrayView2, ShapeBuilder, array};
use serde::de::DeserializeOwned;
use serde_shm::{
    DTypeKind, Deserialize, Element, Serialize, ShmArray1, ShmArray2, from_bytes, to_bytes,
};

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
pub(crate) struct Point {
    pub(crate) x: f32,
    pub(crate) y: f64,
    pub(crate) ok: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Atom {
    #[element(rename = "Ordnungszahl")]
    number: u16,
    r#type: i16,
    position: [f32; 3],
    cells: [[Point; 2]; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Dense {
    a: u32,
    b: [u16; 2],
}

pub(crate) fn point(n: usize) -> Point {
    Point { x: n as f32 / 2.0, y: -(n as f64), ok: n.is_multiple_of(3) }
}

fn atom(n: usize) -> Atom {
    Atom {
        number: n as u16,
        r#type: -i16::try_from(n).unwrap(),
        position: [n as f32, 0.5, -1.0],
        cells: [[point(n), point(n + 1)], [point(n + 2), point(n + 3)]],
    }
}

fn points(count: usize) -> Vec<Point> {
    (0..count).map(point).collect()
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Owned {
    name: String,
    #[shm_array]
    vec: Vec<Point>,
    #[shm_array]
    boxed: Box<[Atom]>,
    #[shm_array]
    fixed: [Point; 4],
    #[shm_array]
    rows: Vec<[Dense; 2]>,
    #[shm_array]
    maybe: Option<Vec<Point>>,
    #[shm_array]
    many: BTreeMap<String, Vec<Point>>,
    #[shm_array]
    pair: (Point, Vec<Dense>),
    plain: Array1<Point>,
    matrix: Array2<Atom>,
    handle: ShmArray1<Point>,
    handles: Vec<ShmArray2<Dense>>,
}

#[derive(Deserialize, Debug)]
struct Borrowed<'a> {
    name: &'a str,
    #[shm_array]
    vec: &'a [Point],
    #[shm_array]
    boxed: Cow<'a, [Atom]>,
    #[shm_array]
    rows: &'a [[Dense; 2]],
    matrix: ArrayView2<'a, Atom>,
}

fn owned() -> Owned {
    let dense = |n| Dense { a: n, b: [n as u16, 7] };
    Owned {
        name: "all".into(),
        vec: points(1000),
        boxed: (0..9).map(atom).collect(),
        fixed: [point(1), point(2), point(3), point(4)],
        rows: (0..5).map(|n| [dense(n), dense(n + 1)]).collect(),
        maybe: Some(points(3)),
        many: BTreeMap::from([("a".into(), points(2)), ("b".into(), vec![])]),
        pair: (point(9), vec![dense(3)]),
        plain: Array1::from(points(7)),
        matrix: Array2::from_shape_fn((3, 2).f(), |(i, j)| atom(i * 2 + j)),
        handle: points(100).into(),
        handles: vec![array![[dense(1)], [dense(2)]].into()],
    }
}

#[test]
fn structs_come_back_from_blocks_and_json_and_postcard() {
    fn same<T: serde::Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
        let block = to_bytes(value).unwrap();
        assert_eq!(&from_bytes::<T>(&block).unwrap(), value);
        let json = serde_json::to_string(value).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
        let card = postcard::to_stdvec(value).unwrap();
        assert_eq!(&postcard::from_bytes::<T>(&card).unwrap(), value);
    }
    same(&owned());
}

#[test]
fn views_lie_in_the_block() {
    let value = owned();
    let block = to_bytes(&value).unwrap();
    let seen: Borrowed<'_> = from_bytes(&block).unwrap();
    assert_eq!(
        (seen.name, seen.vec, &*seen.boxed, seen.rows),
        (&*value.name, &*value.vec, &*value.boxed, &*value.rows)
    );
    assert_eq!(seen.matrix, value.matrix);
    let range = block.as_ptr_range();
    assert!(
        range.contains(&seen.vec.as_ptr().cast()) && range.contains(&seen.matrix.as_ptr().cast())
    );
    assert!(matches!(seen.boxed, Cow::Borrowed(_)));
}

#[test]
fn the_dtype_is_what_numpy_calls_it() {
    assert_eq!(
        Point::DTYPE.to_string(),
        "[('x', '<f4'), ('', '|V4'), ('y', '<f8'), ('ok', '|b1'), ('', '|V7')]"
    );
    assert_eq!(Dense::DTYPE.to_string(), "[('a', '<u4'), ('b', '<u2', (2,))]");
    assert_eq!(Atom::DTYPE.kind(), DTypeKind::Struct);
    let names: Vec<String> = Atom::DTYPE.fields().iter().map(|f| f.name().to_owned()).collect();
    assert_eq!(names, ["Ordnungszahl", "type", "position", "cells"]);
    assert_eq!(Atom::DTYPE.fields()[3].shape(), [2, 2]);
    assert_eq!(Atom::DTYPE.item_size(), size_of::<Atom>());
}
