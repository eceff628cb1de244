//! What is written is the same, byte for byte, as when `tests/data/golden3.txt` was made: whoever changes the serializer and
//! not the format finds out here. A line is a value's name, the length of its block and the CRC-32
//! of all that is before the block's own checksum: behind that, any block without arrays would have the same one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ndarray::{Array1, Array2, ArrayD, arr0, array};
use serde::Serialize;
use serde_shm::ser::NamedNewtypes;
use serde_shm::{ShmArray1, ShmArray2, from_bytes, to_bytes, to_writer};

use crate::roundtrip::value::{Content, Fields, Name, Told, Value};
use crate::support::forever::forever;

const GOLDEN: &str = include_str!("../data/golden3.txt");

/// The same numbers on every run and with every version of every crate.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn wide(&mut self) -> u64 {
        let bits = self.next(65);
        let number = self.next(1 << 31) << 40 ^ self.next(1 << 31) << 20 ^ self.next(1 << 31);
        if bits == 0 { 0 } else { number >> (64 - bits) }
    }

    fn float(&mut self) -> f32 {
        self.next(1 << 20) as f32 / 1024.0
    }

    fn text(&mut self) -> String {
        let len = [0, 1, 3, 8, 20][self.next(5) as usize];
        (0..len).map(|_| ['a', 'b', 'z', '.', 'é', '漢'][self.next(6) as usize]).collect()
    }

    fn list<T>(&mut self, most: u64, mut item: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..=self.next(most)).map(|_| item(self)).collect()
    }

    fn name(&mut self) -> Name {
        ["S", "T", "", "Ärger", "Array", "Long name of a struct"][self.next(6) as usize]
    }

    fn told(&mut self) -> Told {
        match self.next(8) {
            0 => Told::Nothing,
            1 => Told::This([0, 1, 2, 3, 5, 64, 70, usize::MAX][self.next(8) as usize]),
            _ => Told::Right,
        }
    }

    fn fields(&mut self, depth: u64) -> Fields {
        let names = ["a", "b", "c", "v", "dim", "data", "", "größe"];
        let (from, len) = (self.next(5) as usize, self.next(4) as usize);
        let absent = self.next(4) == 0;
        let field = |numbers: &mut Self, name| {
            let value = (!absent || numbers.next(3) > 0).then(|| numbers.value(depth));
            (name, value)
        };
        names[from..from + len].iter().map(|name| field(self, *name)).collect()
    }

    fn leaf(&mut self) -> Value {
        match self.next(24) {
            0 => Value::Unit,
            1 => Value::UnitStruct(self.name()),
            2 => Value::Bool(self.next(2) == 0),
            3 => Value::I8(self.wide() as i8),
            4 => Value::I16(self.wide() as i16),
            5 => Value::I32(self.wide() as i32),
            6 | 7 => Value::I64(self.wide() as i64),
            8 => Value::I128(i128::from(self.wide() as i64) << self.next(60)),
            9 => Value::U8(self.wide() as u8),
            10 => Value::U16(self.wide() as u16),
            11 => Value::U32(self.wide() as u32),
            12 | 13 => Value::U64(self.wide()),
            14 => Value::U128(u128::from(self.wide()) << self.next(60)),
            15 => Value::F32(self.float().to_bits()),
            16 => Value::F64(f64::from(self.float()).to_bits()),
            17 => Value::Char(char::from_u32(self.next(0xd800) as u32).unwrap()),
            18..=20 => Value::Str(self.text()),
            21 => {
                let len = [0, 3, 255, 256, 257, 300][self.next(6) as usize];
                Value::Bytes((0..len).map(|n| n as u8).collect())
            }
            22 => Value::None,
            _ => {
                let len = [100, 300, 300, 300, 1000, 4095, 9000, 20_000][self.next(8) as usize];
                Value::Str("x".repeat(len))
            }
        }
    }

    /// The same kind of item several times, and perhaps another one between them.
    fn run(&mut self, depth: u64) -> Vec<Value> {
        let len = self.next(9) as usize;
        let other = self.next(10) as usize;
        let state = self.0;
        let item = |numbers: &mut Self, at: usize| {
            let after = numbers.0;
            if at != other {
                numbers.0 = state;
            }
            let value = numbers.value(depth);
            numbers.0 = after.wrapping_add(at as u64 + 1);
            value
        };
        (0..len).map(|at| item(self, at)).collect()
    }

    fn value(&mut self, depth: u64) -> Value {
        if depth == 0 || self.next(4) == 0 {
            return self.leaf();
        }
        let depth = depth - 1;
        match self.next(13) {
            0 => Value::Some(Box::new(self.value(depth))),
            1 => Value::Newtype(self.name(), Box::new(self.value(depth))),
            2 => Value::Seq(self.list(6, |numbers| numbers.value(depth)), self.told()),
            3 | 4 => Value::Seq(self.run(depth), self.told()),
            5 => Value::Map(
                self.list(5, |numbers| (numbers.leaf(), numbers.value(depth))),
                self.told(),
            ),
            6 => {
                let (keys, values) = (self.run(depth), self.run(depth));
                Value::Map(keys.into_iter().zip(values).collect(), self.told())
            }
            7 => Value::Tuple(self.list(3, |numbers| numbers.value(depth))),
            8 => Value::Tuple(self.list(20, Self::leaf)),
            9 => Value::TupleStruct(self.name(), self.list(3, |numbers| numbers.value(depth))),
            10 => Value::Struct(self.name(), self.fields(depth)),
            11 => Value::Seq(
                self.list(40, |numbers| Value::Struct("Row", numbers.fields(depth.min(1)))),
                self.told(),
            ),
            _ => {
                let content = match self.next(4) {
                    0 => Content::Unit,
                    1 => Content::Newtype(Box::new(self.value(depth))),
                    2 => Content::Tuple(self.list(3, |numbers| numbers.value(depth))),
                    _ => Content::Struct(self.fields(depth)),
                };
                Value::Variant(self.name(), self.next(3) as u32, self.name(), content)
            }
        }
    }
}

#[derive(Serialize, Clone)]
struct Point {
    x: f32,
    y: f32,
    z: f32,
}

#[derive(Serialize, Clone)]
struct Triangle {
    corners: [Point; 3],
    normal: Point,
}

#[derive(Serialize, Clone)]
enum Mode {
    Survival,
    Creative,
    Spectator(u8),
    Command { text: String, level: Option<u16> },
    Pair(u8, String),
}

#[derive(Serialize, Clone)]
struct Player {
    mode: Mode,
    score: i64,
    dimension: &'static str,
    inventory: Vec<(i8, u8, String)>,
    spawn: Option<(i64, i64, i64)>,
    motion: (f64, f64, f64),
    flying: bool,
    uuid: [u32; 4],
    vehicle: Option<Box<Player>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    marks: Vec<u16>,
    #[serde(flatten)]
    more: BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct Node {
    value: i32,
    children: Vec<Node>,
}

#[derive(Serialize, Clone)]
#[serde(tag = "type")]
enum Internal {
    Address { from: SocketAddr, to: Vec<IpAddr> },
    Empty,
}

#[derive(Serialize, Clone)]
#[serde(untagged)]
enum Untagged {
    Number(i64),
    Text(String),
    List(Vec<f32>),
    Point(Point),
}

#[derive(serde_shm::Serialize)]
struct Layer {
    name: String,
    weights: Array2<f32>,
    #[shm_array]
    bias: Vec<f64>,
    handle: Option<ShmArray1<u16>>,
    tables: BTreeMap<(u8, bool), Vec<ShmArray2<i32>>>,
}

#[derive(Serialize)]
struct Foreign<T> {
    before: u8,
    array: T,
    after: u8,
}

/// A struct that starts as ndarray's own form does.
#[derive(Serialize)]
#[serde(rename = "Array")]
struct LookAlike<D, T> {
    v: u8,
    dim: D,
    data: T,
}

fn look_alike<D: Serialize, T: Serialize>(v: u8, dim: D, data: T) -> Foreign<LookAlike<D, T>> {
    Foreign { before: 1, array: LookAlike { v, dim, data }, after: 2 }
}

impl Numbers {
    fn point(&mut self) -> Point {
        Point { x: self.float(), y: self.float(), z: self.float() }
    }

    fn mode(&mut self) -> Mode {
        match self.next(5) {
            0 => Mode::Survival,
            1 => Mode::Creative,
            2 => Mode::Spectator(3),
            3 => Mode::Command { text: self.text(), level: (self.next(2) == 0).then_some(9) },
            _ => Mode::Pair(4, self.text()),
        }
    }

    fn player(&mut self, depth: u8) -> Player {
        let number = |numbers: &mut Self| numbers.next(1000).cast_signed();
        Player {
            mode: self.mode(),
            score: self.wide().cast_signed(),
            dimension: ["overworld", "nether"][self.next(2) as usize],
            inventory: self.list(20, |n| (n.next(64) as i8, n.next(36) as u8, n.text())),
            spawn: (self.next(2) == 0).then(|| (number(self), 64, -number(self))),
            motion: (self.float().into(), 0.0, self.float().into()),
            flying: self.next(2) == 0,
            uuid: [(); 4].map(|()| self.next(1 << 31) as u32),
            vehicle: (depth > 0 && self.next(4) == 0).then(|| Box::new(self.player(depth - 1))),
            marks: (0..self.next(3)).map(|n| n as u16 * 300).collect(),
            more: (0..self.next(3)).map(|n| (format!("key{n}"), self.wide())).collect(),
        }
    }

    fn node(&mut self, depth: u8) -> Node {
        let children = if depth == 0 { 0 } else { 1 + self.next(5) };
        Node {
            value: self.next(1 << 31) as i32,
            children: (0..children).map(|_| self.node(depth - 1)).collect(),
        }
    }

    fn untagged(&mut self) -> Untagged {
        match self.next(6) {
            0 => Untagged::Text(self.text()),
            1 => Untagged::List(self.list(3, Self::float)),
            2 => Untagged::Point(self.point()),
            _ => Untagged::Number(self.wide().cast_signed()),
        }
    }

    fn internal(&mut self) -> Internal {
        if self.next(3) == 0 {
            return Internal::Empty;
        }
        let address = |numbers: &mut Self| match numbers.next(2) {
            0 => IpAddr::from(Ipv4Addr::from_bits(numbers.next(1 << 31) as u32)),
            _ => IpAddr::from(Ipv6Addr::from_bits(numbers.wide().into())),
        };
        Internal::Address {
            from: (address(self), self.next(1 << 16) as u16).into(),
            to: self.list(3, address),
        }
    }

    fn layer(&mut self) -> Layer {
        let handle = |numbers: &mut Self| numbers.list(20, |n| n.next(1 << 16) as u16);
        let shape = (self.next(4) as usize, 5);
        Layer {
            name: self.text(),
            weights: Array2::from_shape_simple_fn(shape, || self.float()),
            bias: self.list(50, |numbers| numbers.float().into()),
            handle: (self.next(2) == 0).then(|| Array1::<u16>::from_vec(handle(self)).into()),
            tables: (0..self.next(3) as u8)
                .map(|n| ((n, true), vec![array![[1, 2], [n.into(), 4]].into(); n.into()]))
                .collect(),
        }
    }
}

struct Corpus {
    lines: String,
    /// What has other bytes by way of a value of no type.
    other: Vec<String>,
}

impl Corpus {
    fn add<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let block = to_bytes(value).unwrap();
        let mut written = Vec::new();
        to_writer(&mut written, value).unwrap();
        assert!(*block == *written, "{name} is written as it is kept in memory");
        writeln!(
            self.lines,
            "{name} {} {:08x}",
            block.len(),
            crc32fast::hash(&block[..block.len() - 16])
        )
        .unwrap();
        let unknown: serde_shm::Value = from_bytes(&block).unwrap();
        let again = to_bytes(&unknown).unwrap();
        let same: serde_shm::Value = from_bytes(&again).unwrap();
        assert!(to_bytes(&same).unwrap() == again, "{name}: {unknown}");
        if again != block {
            self.other.push(name.to_owned());
        }
    }

    /// So many values of one kind: alone, and together in a list.
    fn add_all<T: Serialize>(&mut self, name: &str, count: u64, mut make: impl FnMut(u64) -> T) {
        let values: Vec<T> = (0..count).map(&mut make).collect();
        for (at, value) in values.iter().enumerate().take(5) {
            self.add(&format!("{name}-{at}"), value);
        }
        self.add(&format!("{name}-all"), &values);
    }
}

fn typed(corpus: &mut Corpus) {
    let mut n = Numbers(11);
    corpus.add_all("mesh", 300, |_| Triangle {
        corners: [(); 3].map(|()| n.point()),
        normal: n.point(),
    });
    corpus.add_all("players", 200, |_| n.player(3));
    corpus.add_all("modes", 300, |_| n.mode());
    corpus.add_all("trees", 5, |_| n.node(6));
    corpus.add_all("untagged", 400, |_| n.untagged());
    corpus.add_all("internal", 100, |_| n.internal());
    corpus.add_all("layers", 30, |_| n.layer());
    corpus.add("many-arrays", &(0..600).map(|_| n.layer()).collect::<Vec<_>>());
    for len in [0_i32, 1, 2, 62, 63, 64, 126, 127, 1000, 5000] {
        let name = |what: &str| format!("{what}-{len}");
        corpus.add(&name("f32"), &n.list(1, |n| (0..len).map(|_| n.float()).collect::<Vec<_>>()));
        corpus.add(&name("f64"), &(0..len).map(f64::from).collect::<Vec<_>>());
        corpus.add(&name("u8"), &(0..len).map(|i| i as u8).collect::<VecDeque<_>>());
        corpus.add(&name("bool"), &(0..len).map(|i| i % 3 == 0).collect::<Vec<_>>());
        corpus.add(&name("u16"), &(0..len).map(|_| n.wide() as u16).collect::<Vec<_>>());
        corpus.add(&name("i32"), &(0..len).map(|_| n.wide() as i32).collect::<Vec<_>>());
        corpus.add(&name("u64"), &(0..len).map(|_| n.wide()).collect::<Vec<_>>());
        corpus.add(&name("i64"), &(0..len).map(|_| n.wide().cast_signed()).collect::<Vec<_>>());
        corpus
            .add(&name("i64-high"), &(0..len).map(|i| i64::MIN + i64::from(i)).collect::<Vec<_>>());
        corpus.add(&name("text"), &(0..len).map(|_| n.text()).collect::<Vec<_>>());
        corpus.add(
            &name("char"),
            &(0..len as u32).filter_map(char::from_u32).collect::<BTreeSet<_>>(),
        );
        corpus.add(&name("pairs"), &(0..len).map(|i| (i, n.text())).collect::<BTreeMap<_, _>>());
        corpus
            .add(&name("options"), &(0..len).map(|i| (i % 3 > 0).then_some(i)).collect::<Vec<_>>());
        corpus.add(&name("units"), &vec![(); len as usize]);
        corpus.add(&name("big"), &(0..len).map(|i| i128::from(i) - 9).collect::<Vec<_>>());
        corpus.add(&name("string"), &"ä".repeat(len as usize));
        corpus.add(
            &name("lists"),
            &(0..len % 200).map(|i| vec![i; i as usize % 5]).collect::<Vec<_>>(),
        );
    }
    corpus.add("array-of-40", &[7_u8; 30].map(u16::from));
    corpus.add("nested-options", &[Some(Some(None)), Some(None), None, Some(Some(Some(1_u8)))]);
    corpus.add("results", &[Ok(1_u8), Err("no"), Ok(2)]);
}

fn foreign(corpus: &mut Corpus) {
    corpus.add("ndarray-f32", &Foreign { before: 1, array: array![1.0_f32, 2.0, 3.0], after: 2 });
    corpus.add("ndarray-empty", &Foreign { before: 1, array: Array1::<f32>::zeros(0), after: 2 });
    corpus.add("ndarray-none", &Foreign { before: 1, array: arr0(4_u64), after: 2 });
    let square = Array2::from_shape_fn((100, 90), |(i, j)| (i * j) as i64);
    corpus.add("ndarray-i64", &Foreign { before: 1, array: square.clone(), after: 2 });
    corpus.add("ndarray-fortran", &Foreign { before: 1, array: square.t().to_owned(), after: 2 });
    let dynamic = ArrayD::from_shape_fn(vec![2, 3, 4], |at| at[0] as u16 + 7 * at[2] as u16);
    corpus.add("ndarray-dynamic", &Foreign { before: 1, array: dynamic, after: 2 });
    let texts = Array1::from_vec(vec!["a", "b"]);
    corpus.add("ndarray-text", &Foreign { before: 1, array: texts, after: 2 });
    let pairs = Array2::from_shape_fn((3, 2), |(i, j)| (i as u8, j as f32));
    corpus.add("ndarray-pairs", &Foreign { before: 1, array: pairs.clone(), after: 2 });
    corpus.add("ndarray-list", &vec![pairs.clone(), pairs.t().to_owned()]);
    let bools: Vec<_> = (0..4).map(|n| Array1::from_elem(n, n % 2 == 0)).collect();
    corpus.add("ndarray-bools", &bools);
    let optional = Array1::from_shape_fn(9, |n| (n % 4 > 0).then_some(n as u32));
    corpus.add("ndarray-optional", &Foreign { before: 1, array: optional, after: 2 });

    corpus.add("like-version", &look_alike(2, (3_u64,), [1_u8, 2, 3]));
    corpus.add("like-shape", &look_alike(1, (4_u64,), vec![1_u8, 2, 3]));
    corpus.add("like-text", &look_alike(1, "three", vec![1_u8, 2, 3]));
    corpus.add("like-mixed-shape", &look_alike(1, (4_u64, "x"), vec![1_u8, 2, 3]));
    corpus.add("like-deep-shape", &look_alike(1, ((1_u8, 2_u8), 2_u64), vec![("a", 1), ("b", 2)]));
    corpus.add("like-list-shape", &look_alike(1, vec![2_u32, 1], vec![1.5_f32, 2.5]));
    corpus.add("like-list-of-text", &look_alike(1, vec![2_u32, 1], vec!["p", "q"]));
    corpus.add("like-number", &look_alike(1, 3_u64, vec![1_u8, 2, 3]));
    corpus.add("like-tuple", &look_alike(1, (3_u64,), (1_u8, 2_u8, 3_u8)));
    corpus.add("like-map", &look_alike(1, (1_u64,), BTreeMap::from([(1, 2)])));
    corpus.add("like-nested", &look_alike(1, (1_u64,), [array![1.0, 2.0]].to_vec()));
    let mixed = |first: usize, then: &str| {
        let mut items: Vec<Untagged> = (0..first).map(|n| Untagged::Number(n as i64)).collect();
        items.push(Untagged::Text(then.to_owned()));
        items
    };
    corpus.add("like-mixed", &look_alike(1, (4_u64,), mixed(3, "x")));
    corpus.add("like-mixed-long", &look_alike(1, (301_u64,), mixed(300, "x")));
    corpus.add(
        "like-mixed-first",
        &vec![look_alike(1, (1_u64,), mixed(0, "x")), look_alike(1, (2_u64,), mixed(1, "y"))],
    );
    corpus.add(
        "like-many",
        &vec![look_alike(1, (3_u64,), vec![1_u8; 3]), look_alike(2, (3_u64,), vec![2; 3])],
    );
}

/// Structs of many layouts, so that their numbers take one byte, two and three, and change in the middle of a list.
fn layouts(corpus: &mut Corpus) {
    let names: Vec<Name> =
        (0..40).map(|n| &*forever(format!("field{n}").into_boxed_str())).collect();
    let field = |n: u64, kind: u64| match kind % 5 {
        0 => Value::U64(n),
        1 => Value::Str("x".into()),
        2 => Value::F32(n as u32),
        3 => Value::Some(Box::new(Value::U8(1))),
        _ => {
            Value::Seq(vec![Value::Struct("Inner", vec![("a", Some(Value::I64(-1)))])], Told::Right)
        }
    };
    let record = |n: u64| {
        let fields = (0..3).map(|at| (names[(n as usize + at) % 40], Some(field(n, n >> at))));
        Value::Struct("Many", fields.collect())
    };
    for count in [100, 127, 128, 129, 300, 17_000] {
        let list = (0..count).map(|n| record(n * 7 % (count + n % 3))).collect();
        corpus.add(&format!("layouts-{count}"), &Value::Seq(list, Told::Right));
    }
    let sparse = |n: u64| {
        let some = |at: u64| (n >> at & 1 == 0).then_some(Value::U16(n as u16));
        Value::Struct("Sparse", vec![("a", some(0)), ("b", some(1)), ("c", some(2))])
    };
    corpus.add("sparse", &Value::Seq((0..200).map(sparse).collect(), Told::Nothing));
}

fn corpus() -> Corpus {
    let mut corpus = Corpus { lines: String::new(), other: Vec::new() };
    typed(&mut corpus);
    foreign(&mut corpus);
    layouts(&mut corpus);
    for seed in 0..100 {
        let mut numbers = Numbers(seed);
        numbers.next(1);
        let values: Vec<Value> = (0..10).map(|_| numbers.value(4)).collect();
        corpus.add(&format!("random-{seed}"), &values);
        corpus.add(&format!("random-{seed}-twice"), &[&values, &values]);
        if seed < 30 {
            corpus.add(&format!("random-{seed}-named"), &NamedNewtypes(&values));
        }
    }
    corpus
}

#[test]
fn the_same_bytes_as_ever() {
    let Corpus { lines: found, other } = corpus();
    let known: BTreeSet<&str> = GOLDEN.lines().collect();
    let changed: Vec<&str> = found.lines().filter(|line| !known.contains(line)).collect();
    assert!(
        changed.is_empty(),
        "values are written otherwise than before:\n{}",
        changed.join("\n")
    );
    assert_eq!(found.lines().count(), GOLDEN.lines().count());
    // Other bytes have those alone that are told of as what they are not, and what has two forms or looks like an array.
    let known = ["random-", "internal-", "like-"];
    let is_known = |name: &String| known.iter().any(|known| name.starts_with(known));
    let other: Vec<&String> = other.iter().filter(|name| !is_known(name)).collect();
    assert!(other.is_empty(), "by way of values of no type other bytes are written: {other:?}");
}
