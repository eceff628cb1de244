//! Each value is asked once, wherever it stands and whatever it departs from: what gives its content away when it is asked
//! loses none of it. Only a leaf that asks for whom it is written is asked twice.
// Keys that know whether they were asked, and are compared by something else.
#![allow(clippy::mutable_key_type)]

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr};

use ndarray::{Array1, array};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_shm::{
    ShmArray1, from_bytes, from_npz, from_reader, to_bytes, to_npz, to_shared, to_writer,
};

thread_local! {
    /// Counts what is written, so that a value may be written again.
    static ROUND: Cell<u32> = const { Cell::new(0) };
}

/// Fails where it is asked twice.
#[derive(Clone, Debug)]
struct Once<T>(T, Cell<u32>);

fn once<T>(value: T) -> Once<T> {
    Once(value, Cell::new(0))
}

impl<T: Serialize> Serialize for Once<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let round = ROUND.get();
        assert_ne!(self.1.replace(round), round, "{} is asked twice", std::any::type_name::<T>());
        self.0.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Once<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(once)
    }
}

impl<T: PartialEq> PartialEq for Once<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Eq> Eq for Once<T> {}

impl<T: Ord> PartialOrd for Once<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: Ord> Ord for Once<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

fn next_round() {
    ROUND.set(ROUND.get() + 1);
}

/// Comes back from a block, having been asked once.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    next_round();
    let bytes = to_bytes(value).unwrap();
    assert!(from_bytes::<T>(&bytes).unwrap() == *value, "{}", std::any::type_name::<T>());
}

/// The same through every container.
#[track_caller]
fn check_everywhere<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    check(value);
    next_round();
    let mut written = Vec::new();
    to_writer(&mut written, value).unwrap();
    assert!(from_reader::<_, T>(&written[..]).unwrap() == *value);
    next_round();
    let segment = to_shared(value).unwrap();
    assert!(segment.get::<T>().unwrap() == *value);
    next_round();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("once.npz");
    to_npz(&path, value).unwrap();
    assert!(from_npz::<T>(&path).unwrap() == *value);
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
enum Kind {
    Unit,
    New(Once<u32>),
    Tuple(Once<u32>, Once<String>),
    Struct { a: Once<u8>, b: Once<Option<Once<u64>>> },
}

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct New(Once<i64>);

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(untagged)]
enum Any {
    Number(Once<i64>),
    Text(Once<String>),
    List(Once<Vec<Once<f32>>>),
}

type Flags = BTreeMap<Once<String>, Once<Vec<Once<bool>>>>;

#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
struct Item {
    number: Once<u64>,
    pair: Once<(Once<u8>, Once<char>)>,
    list: Once<Vec<Once<u16>>>,
    fixed: Once<[Once<u8>; 3]>,
    option: Once<Option<Once<String>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skipped: Option<Once<u32>>,
    kind: Once<Kind>,
    new: Once<New>,
    any: Once<Any>,
    address: Option<IpAddr>,
    array: Once<Option<Once<ShmArray1<f32>>>>,
    plain: Once<Option<Once<Array1<u16>>>>,
    unit: Once<()>,
    map: Once<Flags>,
    inner: Option<Box<Once<Item>>>,
}

/// Items that depart from one another in everything that an item can depart in.
fn item(n: u32) -> Item {
    let text = |len: usize| "x".repeat(len);
    Item {
        number: once(if n % 11 == 5 { u64::MAX - u64::from(n) } else { n.into() }),
        pair: once((once(n as u8), once('ä'))),
        list: once((0..n % 5).map(|n| once(n as u16)).collect()),
        fixed: once([once(1), once(2), once(n as u8)]),
        // Larger than what is written at once.
        option: once((n % 3 != 1).then(|| once(text(if n % 17 == 3 { 9000 } else { 3 })))),
        skipped: (n % 4 == 1).then(|| once(n)),
        kind: once(match n % 5 {
            0 => Kind::Unit,
            1 => Kind::New(once(n)),
            2 => Kind::Tuple(once(n), once(text(2))),
            3 => Kind::Struct { a: once(1), b: once(None) },
            _ => Kind::Struct { a: once(1), b: once(Some(once(u64::MAX))) },
        }),
        new: once(New(once(-i64::from(n)))),
        any: once(match n % 7 {
            3 => Any::Text(once(text(1))),
            5 => Any::List(once(vec![once(0.5), once(1.5)])),
            _ => Any::Number(once(n.into())),
        }),
        address: (n % 6 == 2).then(|| IpAddr::from(Ipv4Addr::from_bits(n))),
        array: once((n % 13 == 4).then(|| once(ShmArray1::from(vec![0.5, n as f32])))),
        plain: once((n % 19 == 7).then(|| once(array![1, 2, n as u16]))),
        unit: once(()),
        map: once((0..n % 3).map(|n| (once(n.to_string()), once(vec![once(n == 0)]))).collect()),
        inner: (n % 8 == 6).then(|| Box::new(once(item(n / 2 + 1)))),
    }
}

#[test]
fn fields_variants_and_items_that_depart() {
    for n in 0..40 {
        check(&once(item(n)));
    }
    check_everywhere(&once(item(30)));
    for len in [0, 1, 2, 3, 40, 1000] {
        let items: Vec<_> = (0..len).map(|n| once(item(n))).collect();
        check(&once(items.clone()));
        check(&once((once(1_u8), once(items))));
    }
    check_everywhere(&once((0..300).map(|n| once(item(n))).collect::<Vec<_>>()));
    let long: [Once<u16>; 20] = std::array::from_fn(|n| once(n as u16));
    check(&once(vec![once(long.clone()), once(long)]));
}

/// Most are alike, and one departs, wherever it stands.
#[test]
fn one_item_that_departs() {
    for at in [0, 1, 2, 62, 63, 64, 299] {
        for other in [3, 4, 5, 6, 7, 20] {
            let items = (0..300).map(|n| once(item(if n == at { other } else { 0 })));
            check(&once(items.collect::<Vec<_>>()));
        }
    }
}

#[test]
fn keys_and_values() {
    let kind = |n: u32| once(item(n).kind.0);
    let map: BTreeMap<_, _> =
        (0..300_u32).map(|n| (once(n.to_string()), once((kind(n), once(item(n).any.0))))).collect();
    check_everywhere(&once(map));
    let keys: BTreeMap<_, _> =
        (0..100_u32).map(|n| (once((once(n % 7), once(n.to_string()))), once(n))).collect();
    check(&once(keys));
    let mixed: BTreeMap<_, _> =
        (0..100_u32).map(|n| (once((n % 3 > 0).then(|| once(n))), once(item(n)))).collect();
    check(&once(mixed));
    let addresses: BTreeMap<_, _> =
        (0..100).map(|n| (IpAddr::from(Ipv4Addr::from_bits(n)), once(n))).collect();
    check(&once(addresses));
    // Lengths that are not known, or are wrong.
    struct Lies(Option<usize>, u32);
    impl Serialize for Lies {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            let mut map = serializer.serialize_map(self.0)?;
            for n in 0..self.1 {
                map.serialize_key(&once(n))?;
                map.serialize_value(&once(item(n)))?;
            }
            map.end()
        }
    }
    for len in [None, Some(0), Some(7), Some(100)] {
        for count in [0, 7, 150] {
            next_round();
            let bytes = to_bytes(&once(Lies(len, count))).unwrap();
            let map: BTreeMap<u32, Item> = from_bytes(&bytes).unwrap();
            assert_eq!(map.len(), count as usize);
            assert!(map.iter().all(|(n, value)| *value == item(*n)));
        }
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Deep {
    before: Once<u32>,
    next: Option<Box<Once<Deep>>>,
    list: Once<Vec<Once<Deep>>>,
    array: Option<ShmArray1<u8>>,
}

/// Levels beyond those for which there is room at once, and stacks that are switched in the middle of a value.
#[test]
fn what_nests_deep() {
    fn nest(levels: u32, listed: bool) -> Deep {
        let bottom = Deep {
            before: once(0),
            next: None,
            list: once(vec![]),
            array: Some(ShmArray1::from(vec![1, 2, 3])),
        };
        (1..levels).fold(bottom, |inner, n| Deep {
            before: once(n),
            next: (!listed).then(|| Box::new(once(Deep { array: None, ..nest(1, false) }))),
            list: once(if listed { vec![once(inner)] } else { vec![] }),
            array: None,
        })
    }
    let chain = (0..200).fold(nest(1, false), |inner, n| Deep {
        before: once(n),
        next: Some(Box::new(once(inner))),
        list: once(vec![]),
        array: None,
    });
    check(&once(chain));
    check(&once(nest(100, true)));
    check(&once(vec![once(nest(40, true)), once(nest(3, false)), once(nest(40, true))]));
    let small = std::thread::Builder::new().stack_size(192 << 10);
    small
        .spawn(|| {
            let options = (0..40).fold(Deep { next: None, ..nest(1, true) }, |inner, n| Deep {
                before: once(n),
                next: Some(Box::new(once(inner))),
                list: once(vec![]),
                array: None,
            });
            next_round();
            to_bytes(&once(options)).unwrap();
        })
        .unwrap()
        .join()
        .unwrap();
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename = "Array")]
struct LookAlike<V, D, T> {
    v: V,
    dim: D,
    data: T,
}

fn like<V, D, T>(v: V, dim: D, data: T) -> Once<LookAlike<Once<V>, Once<D>, Once<T>>> {
    once(LookAlike { v: once(v), dim: once(dim), data: once(data) })
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Mixed {
    Number(u8),
    Wide(u64),
    Text(String),
    List(Vec<u8>),
    Some(Option<u8>),
}

const LENGTHS: [usize; 6] = [0, 1, 300, 65_535, 65_536, 70_000];

/// What looks like an ndarray and is none, for whichever of its parts.
#[test]
fn look_alikes_of_ndarrays() {
    let dim = |len: usize| (once(len as u64),);
    check_everywhere(&like(2_u8, dim(3), vec![once(1_u8); 3]));
    check(&like("one".to_owned(), dim(3), vec![once(1_u8); 3]));
    check(&like((once(1_u8), once(2_u8)), dim(3), vec![once(1_u8); 3]));
    check(&like(once(1_u8), "three".to_owned(), vec![once(1_u8); 3]));
    check(&like(1_u8, (once(3_u64), once("x".to_owned())), vec![once(1_u8); 3]));
    check(&like(1_u8, (once(3_u64), once(vec![once(1_u64)])), vec![once(1_u8); 3]));
    check(&like(1_u8, vec![once(1_u32), once(4)], vec![once(1_u8); 3]));
    check(&like(1_u8, once(7_u64), vec![once(1_u8); 3]));
    check(&like(1_u8, vec![once(1_u64); 20], vec![once(1_u8); 3]));
    check(&like(1_u8, dim(3), (once(1_u8), once(2_u8), once(3_u8))));
    check(&like(1_u8, dim(1), BTreeMap::from([(once(1_u8), once(2_u8))])));
    check(&like(1_u8, dim(3), once("text".to_owned())));
    check(&like(1_u8, dim(2), vec![once(item(1)), once(item(2))]));
    check(&like(1_u8, dim(2), vec![once(New(once(1))), once(New(once(2)))]));
    check(&like(1_u8, dim(2), vec![IpAddr::from(Ipv4Addr::LOCALHOST); 2]));
    check(&like(1_u8, (IpAddr::from(Ipv4Addr::LOCALHOST), once(1_u64)), vec![once(1_u8)]));
    let nested = like(1_u8, dim(2), vec![like(1_u8, dim(2), vec![once(1_u8)]); 2]);
    check_everywhere(&vec![nested.clone(), nested]);
}

#[test]
fn elements_of_mixed_types_at_every_length() {
    let dim = |len: usize| vec![once(len as u64)];
    let others = [
        Mixed::Wide(1 << 40),
        Mixed::Text("other".into()),
        Mixed::List(vec![1]),
        Mixed::Some(None),
    ];
    for len in LENGTHS {
        let numbers = |len: usize| (0..len).map(|n| Mixed::Number(n as u8));
        // As many as it says: an array.
        let right = like(1_u8, dim(len), numbers(len).map(once).collect::<Vec<_>>());
        next_round();
        let bytes = to_bytes(&right).unwrap();
        if len > 0 {
            let back: Array1<u8> = from_bytes(&bytes).unwrap();
            assert!(back.iter().enumerate().all(|(n, &number)| number == n as u8));
            assert_eq!(back.len(), len);
        }
        // Too few and too many.
        check(&like(1_u8, dim(len + 1), numbers(len).map(once).collect::<Vec<_>>()));
        check(&like(1_u8, dim(len), numbers(len + 1).map(once).collect::<Vec<_>>()));
        check(&like(1_u8, dim(len + 1), (0..len).map(|n| n as u32).collect::<Vec<_>>()));
        for other in &others {
            for at in [0, len / 2, len] {
                let mut data: Vec<_> = numbers(len + 1).map(once).collect();
                data[at] = once(other.clone());
                check(&like(1_u8, dim(len + 1), data));
            }
        }
    }
    let mut data: Vec<_> = (0..70_000_u32).map(|n| once(Mixed::Number(n as u8))).collect();
    data.push(once(Mixed::Text("end".into())));
    check_everywhere(&once((once(1_u8), like(1_u8, dim(data.len()), data), once(2_u8))));
    // What ndarray has promised.
    check_everywhere(&once(vec![once(Array1::from_iter(0..70_000_u32)), once(array![1_u32, 2])]));
}

/// A list whose announced length is another, or none, in every way that ndarray's form can be missed.
#[test]
fn elements_whose_number_is_not_announced() {
    struct Lies(Option<usize>, usize, bool);
    impl Serialize for Lies {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(self.0)?;
            for n in 0..self.1 {
                seq.serialize_element(&once(n as u16))?;
            }
            if self.2 {
                seq.serialize_element(&once("end"))?;
            }
            seq.end()
        }
    }
    #[derive(Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Element {
        Number(u16),
        Text(String),
    }
    for announced in [None, Some(0), Some(5), Some(40_000), Some(90_000)] {
        for count in [1, 5, 40_000] {
            for text in [false, true] {
                next_round();
                let lies = Lies(announced, count, text);
                let bytes = to_bytes(&like(1_u8, (once(40_000_u64),), lies)).unwrap();
                if count == 40_000 && !text {
                    let back: Array1<u16> = from_bytes(&bytes).unwrap();
                    assert!(back.iter().enumerate().all(|(n, &number)| number == n as u16));
                    continue;
                }
                let back: LookAlike<u8, (u64,), Vec<Element>> = from_bytes(&bytes).unwrap();
                assert_eq!(back.data.len(), count + usize::from(text));
                assert_eq!(back.data.last() == Some(&Element::Text("end".into())), text);
            }
        }
    }
}

/// Gives its records away when it is asked.
struct Drain(RefCell<Option<Box<dyn Iterator<Item = Item>>>>);

impl Serialize for Drain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.take().into_iter().flatten())
    }
}

#[derive(Serialize)]
struct Batch {
    name: String,
    records: Drain,
    total: Any,
}

#[test]
fn records_that_are_given_away_are_all_there() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Back {
        name: String,
        records: Vec<Item>,
        total: Any,
    }
    let batch = |n: u32| Batch {
        name: "x".repeat(if n % 5 == 4 { 9000 } else { 4 }),
        records: Drain(RefCell::new(Some(Box::new((0..n).map(item))))),
        total: item(n).any.0,
    };
    next_round();
    let bytes = to_bytes(&(0..60).map(batch).collect::<Vec<_>>()).unwrap();
    let back: Vec<Back> = from_bytes(&bytes).unwrap();
    for (n, back) in back.iter().enumerate() {
        assert_eq!(back.records.len(), n);
        assert!((0..n as u32).all(|n| back.records[n as usize] == item(n)));
    }
}

/// Asks for whom it is written, and counts how often it is asked itself.
#[derive(Debug)]
struct Leaf(Cell<u32>);

impl Serialize for Leaf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.set(self.0.get() + 1);
        let readable = serializer.is_human_readable();
        if readable { serializer.serialize_str("leaf") } else { serializer.serialize_u8(7) }
    }
}

#[test]
fn only_what_has_two_forms_is_asked_twice() {
    type Leaves = BTreeMap<u8, Leaf>;
    #[derive(Serialize)]
    struct Holds {
        before: Once<u32>,
        leaf: Leaf,
        pair: Once<(Once<u8>, Leaf)>,
        after: Once<Vec<Leaf>>,
        option: Once<Option<Leaf>>,
        map: Once<Vec<(Once<u8>, Leaves)>>,
    }
    let leaf = || Leaf(Cell::new(0));
    let holds = || Holds {
        before: once(1),
        leaf: leaf(),
        pair: once((once(1), leaf())),
        after: once(vec![leaf(), leaf(), leaf()]),
        option: once(Some(leaf())),
        map: once(vec![(once(1), BTreeMap::from([(1, leaf()), (2, leaf())]))]),
    };
    next_round();
    let all: Vec<_> = (0..5).map(|_| once(holds())).collect();
    to_bytes(&all).unwrap();
    for Once(holds, _) in &all {
        let leaves = [&holds.leaf, &holds.pair.0.1, holds.option.0.as_ref().unwrap()];
        let listed = holds.after.0.iter().chain(holds.map.0[0].1.values());
        assert!(leaves.into_iter().chain(listed).all(|leaf| leaf.0.get() == 2));
    }
}
