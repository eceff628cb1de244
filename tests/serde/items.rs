//! Items of lists and entries of maps: alike, of types that change from one to the next, as many as announced or not, and such as
//! break serde's rules. These need no feature.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_shm::{from_bytes, to_bytes};

/// Equal after a round trip, and written again in the same bytes.
#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let bytes = to_bytes(value).unwrap();
    assert_eq!(&from_bytes::<T>(&bytes).unwrap(), value);
    assert_eq!(&*to_bytes(value).unwrap(), &*bytes, "the same object gives the same bytes");
}

/// The same, and equal after a round trip through JSON: so it is `value` that comes back, and not what this format alone makes of it.
#[track_caller]
fn same_in_json<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    same(value);
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "through {json}");
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
struct Small {
    id: u64,
    label: String,
    score: f32,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Shape {
    Point,
    Circle(f64),
    Line(f64, f64),
    Path { points: Vec<(f64, f64)>, closed: bool },
    Nested(Box<Shape>),
    Optional(Option<Box<Shape>>),
}

#[test]
fn runs_of_one_type_and_runs_that_change() {
    same(&vec![1_u64, u64::MAX, 0, 1 << 60]);
    same(&vec![u64::MAX, 1, 0]);
    same(&vec![i64::MIN, 1, -1]);
    same(&Vec::<u32>::new());
    same(&vec![(); 1000]);
    same(&vec![Vec::<()>::new(); 3]);
    same(&vec![vec![1_u8, 2], vec![], vec![3]]);
    same(&vec![Some(()), None]);
    let mixed: serde_json::Value =
        serde_json::from_str(r#"[1, 2, "x", null, [1, "y", {"a": 1}], 3.5, -1, true]"#).unwrap();
    same(&mixed);
    let map: serde_json::Value =
        serde_json::from_str(r#"{"a": 1, "b": "x", "c": {"d": null, "e": []}, "f": [[], {}]}"#)
            .unwrap();
    same(&map);
    same(&(0..1000).map(|n| (n, n % 3 == 0)).collect::<HashMap<u32, bool>>());
    same(&BTreeMap::from([(vec![1, 2], "a".to_owned()), (vec![], String::new())]));
    same(&BTreeMap::from([((1, 'x'), ()), ((2, 'y'), ())]));
}

/// Serializes as a sequence or map whose length is not told, or told wrong.
pub(super) struct Lies<'a, T>(pub(super) &'a [T], pub(super) Option<usize>);

impl<T: Serialize> Serialize for Lies<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(self.1)?;
        for item in self.0 {
            seq.serialize_element(item)?;
        }
        seq.end()
    }
}

struct LyingMap(usize, Option<usize>);

impl Serialize for LyingMap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(self.1)?;
        for key in 0..self.0 {
            map.serialize_entry(&(key as u32), &format!("{key}"))?;
        }
        map.end()
    }
}

#[test]
fn lengths_that_are_unknown_or_wrong() {
    for len in [0, 1, 2, 62, 63, 64, 126, 127, 200] {
        let items: Vec<u32> = (0..len as u32).collect();
        for told in [None, Some(0), Some(1), Some(len), Some(len + 1), Some(70), Some(usize::MAX)] {
            let bytes = to_bytes(&(Lies(&items, told), "after")).unwrap();
            let back: (Vec<u32>, &str) = from_bytes(&bytes).unwrap();
            assert_eq!(back, (items.clone(), "after"), "{len} items told as {told:?}");
            let bytes = to_bytes(&(LyingMap(len, told), "after")).unwrap();
            let back: (BTreeMap<u32, String>, &str) = from_bytes(&bytes).unwrap();
            assert_eq!((back.0.len(), back.1), (len, "after"), "{len} entries told as {told:?}");
        }
    }
}

#[test]
fn structs_enums_and_what_they_hold() {
    let small = |id: u64| Small { id, label: format!("item {id}"), score: id as f32 };
    same_in_json(&small(1));
    same_in_json(&(0..500).map(small).collect::<Vec<_>>());
    same_in_json(&vec![
        Shape::Point,
        Shape::Circle(1.0),
        Shape::Line(1.0, 2.0),
        Shape::Path { points: vec![(0.0, 1.0); 3], closed: true },
        Shape::Path { points: vec![], closed: false },
        Shape::Nested(Box::new(Shape::Nested(Box::new(Shape::Point)))),
        Shape::Optional(None),
        Shape::Optional(Some(Box::new(Shape::Circle(2.0)))),
    ]);
    same_in_json(&(1, "a".to_owned(), 2.0, 'c', (1, 2), [1_u8; 3], [0_u8; 32], Some(1)));
    same_in_json(&(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12));
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<u32>,
    b: u8,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    c: Vec<Small>,
    #[serde(skip)]
    d: u32,
}

#[test]
fn skipped_fields_come_back_as_their_defaults() {
    let mut rows = Vec::new();
    for n in 0..64_u64 {
        rows.push(Sparse {
            a: (n % 2 == 0).then_some(n as u32),
            b: n as u8,
            c: (0..n % 3).map(|id| Small { id, ..Small::default() }).collect(),
            d: 0,
        });
    }
    same_in_json(&rows);
    rows.reverse();
    same_in_json(&rows);
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Flat {
    #[serde(flatten)]
    small: Small,
    #[serde(flatten)]
    rest: BTreeMap<String, u32>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Untagged {
    Number(u32),
    Text(String),
    Both { n: u32, t: String },
    Unit(()),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "type")]
enum Internal {
    A { x: u32 },
    B(Small),
    C,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    A { x: u32 },
    B(u8, u8),
    C,
    D(Shape),
}

#[test]
fn flatten_untagged_and_tagged() {
    let small = Small { id: 1, label: "l".into(), score: 0.5 };
    same_in_json(&Flat { small: small.clone(), rest: BTreeMap::from([("k".into(), 7)]) });
    same_in_json(&vec![
        Untagged::Number(1),
        Untagged::Text("x".into()),
        Untagged::Both { n: 1, t: "y".into() },
        Untagged::Unit(()),
    ]);
    same_in_json(&vec![Internal::A { x: 1 }, Internal::B(small), Internal::C]);
    same_in_json(&vec![
        Adjacent::A { x: 1 },
        Adjacent::B(1, 2),
        Adjacent::C,
        Adjacent::D(Shape::Point),
    ]);
    same_in_json(&vec![Adjacent::D(Shape::Line(1.0, 2.0)), Adjacent::D(Shape::Circle(1.0))]);
}

/// Items that are records like the one before are written by a way of their own. Where one departs from it, at any point,
/// it is written like any other, and the next may be like it again.
#[test]
fn items_that_depart_from_the_one_before() {
    use std::net::Ipv4Addr;

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
    struct Item {
        small: Small,
        pair: (u8, char),
        number: Option<u64>,
        address: Option<Ipv4Addr>,
        inner: Option<Small>,
        list: Option<Vec<u8>>,
        bytes: Option<Bytes>,
        #[serde(default, skip_serializing_if = "is_zero")]
        skipped: u16,
        unit: Option<()>,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>);

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_zero(number: &u16) -> bool {
        *number == 0
    }

    let plain = Item { skipped: 1, ..Item::default() };
    let small = Small { id: u64::MAX, label: "s".into(), score: -0.5 };
    let others = [
        Item { number: Some(3), ..plain.clone() },
        Item { number: Some(u64::MAX), ..plain.clone() },
        Item { address: Some(Ipv4Addr::LOCALHOST), ..plain.clone() },
        Item { inner: Some(small.clone()), ..plain.clone() },
        Item { list: Some(vec![1, 2]), ..plain.clone() },
        Item { bytes: Some(Bytes(vec![1; 20])), ..plain.clone() },
        Item { bytes: Some(Bytes(vec![1; 2000])), ..plain.clone() },
        Item { skipped: 0, ..plain.clone() },
        Item { unit: Some(()), pair: (7, 'é'), ..plain.clone() },
        Item { small, ..plain.clone() },
    ];
    for other in &others {
        for at in 0..4 {
            let mut items = vec![plain.clone(); 4];
            items[at] = other.clone();
            same(&items);
            same(&(items.clone(), vec![other.clone(); 3], items));
        }
    }
    let mixed: Vec<Item> = (0..400).map(|n| others[(n * n / 3) % others.len()].clone()).collect();
    same(&mixed);
    let shapes = [
        Shape::Point,
        Shape::Circle(1.0),
        Shape::Line(1.0, 2.0),
        Shape::Path { points: vec![(0.0, 1.0); 3], closed: true },
        Shape::Nested(Box::new(Shape::Circle(2.0))),
        Shape::Optional(Some(Box::new(Shape::Point))),
        Shape::Optional(None),
    ];
    let mixed: Vec<Shape> = (0..600).map(|n| shapes[(n / 3 + n * n) % 7].clone()).collect();
    same(&mixed);
    same(&vec![mixed; 3]);
}

/// Such items wait in a room of some KiB before they are where the others are: texts of every length around its size, and
/// sequences of any announced length.
#[test]
fn items_that_are_alike_and_of_any_length() {
    let item = |id: u64, len: usize| Small { id, label: "l".repeat(len), score: id as f32 };
    for len in [0, 127, 128, 1000, 4050, 4080, 4096, 4200, 8100, 8180, 8192, 8300, 20_000] {
        for count in [1, 2, 3, 9] {
            same(&(0..count).map(|id| item(id << (id * 7), len)).collect::<Vec<_>>());
        }
        // Short ones before and between.
        let mixed: Vec<_> =
            (0..40).map(|id| item(id, if id % 10 == 9 { len } else { 5 })).collect();
        same(&(mixed.clone(), 7, mixed));
    }
    same(&(0..30_000).map(|id| item(id * id, id as usize % 3)).collect::<Vec<_>>());
    for len in [0, 1, 2, 62, 63, 64, 126, 127, 200] {
        let items: Vec<_> = (0..len).map(|id| item(id, 3)).collect();
        let count = items.len();
        for told in [None, Some(0), Some(1), Some(count), Some(count + 1), Some(usize::MAX)] {
            let bytes = to_bytes(&(Lies(&items, told), "after")).unwrap();
            let back: (Vec<Small>, &str) = from_bytes(&bytes).unwrap();
            assert_eq!(back, (items.clone(), "after"), "{len} items told as {told:?}");
        }
    }
}

/// What the items of a field did the last time is expected of them the next time, and need not hold.
#[test]
fn a_field_whose_items_change() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    #[serde(untagged)]
    enum Entry {
        Full(Small),
        Number(u32),
        List(Vec<Small>),
        Pair { left: i8, right: i8 },
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Row {
        entries: Vec<Entry>,
        next: Option<Box<Row>>,
        more: Vec<Option<Small>>,
    }

    let small = Small { id: 300, label: "s".into(), score: 1.0 };
    let kinds = [
        Entry::Full(small.clone()),
        Entry::Number(7),
        Entry::Pair { left: 1, right: -1 },
        Entry::List(vec![small.clone(); 3]),
    ];
    let row = |n: usize, next| Row {
        entries: (0..n % 5).map(|i| kinds[(n / 7 + i * (n % 2)) % 4].clone()).collect(),
        next,
        more: (0..n % 3).map(|i| (n % 4 != i).then(|| small.clone())).collect(),
    };
    let rows: Vec<Row> =
        (0..300).map(|n| row(n, (n % 6 == 0).then(|| Box::new(row(n + 1, None))))).collect();
    same(&rows);
    // All of one kind are one run, whatever stood there before.
    let of = |entry: &Entry| vec![vec![entry.clone(); 50]];
    let alone: Vec<usize> = kinds.iter().map(|kind| to_bytes(&of(kind)).unwrap().len()).collect();
    for (kind, alone) in kinds.iter().zip(alone) {
        let both = to_bytes(&(of(&kinds[0]), of(kind))).unwrap().len();
        let first = to_bytes(&of(&kinds[0])).unwrap().len();
        assert!(both <= first + alone, "{both} bytes, alone {first} and {alone}");
    }
}

/// Values that break serde's rules, as items behind some that do not.
#[test]
fn items_that_lie() {
    use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};

    #[derive(Clone, Copy, Debug)]
    enum Lie {
        No,
        TwoKeys,
        ValueFirst,
        KeyOnly,
        FewerEntries,
        MoreItems,
        FewerItems,
        DroppedError,
        DroppedFieldError,
        FewerFields,
    }

    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("refused"))
        }
    }

    struct Liar(Lie);
    impl Serialize for Liar {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut fields = serializer.serialize_struct("Liar", 3)?;
            fields.serialize_field("map", &Map(self.0))?;
            fields.serialize_field("list", &List(self.0))?;
            match self.0 {
                Lie::DroppedFieldError => drop(fields.serialize_field("number", &Refuses)),
                Lie::FewerFields => {}
                _ => fields.serialize_field("number", &7_u8)?,
            }
            fields.end()
        }
    }

    struct Map(Lie);
    impl Serialize for Map {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(Some(2))?;
            map.serialize_entry("a", &1)?;
            match self.0 {
                Lie::TwoKeys => {
                    map.serialize_key("b")?;
                    map.serialize_key("c")?;
                }
                Lie::ValueFirst => map.serialize_value(&2)?,
                Lie::KeyOnly => map.serialize_key("b")?,
                Lie::FewerEntries => {}
                _ => map.serialize_entry("b", &2)?,
            }
            map.end()
        }
    }

    struct List(Lie);
    impl Serialize for List {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut list = serializer.serialize_seq(Some(2))?;
            list.serialize_element(&1)?;
            match self.0 {
                Lie::DroppedError => drop(list.serialize_element(&Refuses)),
                Lie::FewerItems => {}
                Lie::MoreItems => (0..2).try_for_each(|_| list.serialize_element(&2))?,
                _ => list.serialize_element(&2)?,
            }
            list.end()
        }
    }

    #[derive(Deserialize)]
    struct Back {
        map: BTreeMap<String, i32>,
        list: Vec<i32>,
        number: Option<u8>,
    }

    for (lie, found) in [
        (Lie::No, Some((2, 2, Some(7)))),
        (Lie::FewerEntries, Some((1, 2, Some(7)))),
        (Lie::MoreItems, Some((2, 3, Some(7)))),
        (Lie::FewerItems, Some((2, 1, Some(7)))),
        (Lie::FewerFields, Some((2, 2, None))),
        (Lie::TwoKeys, None),
        (Lie::ValueFirst, None),
        (Lie::KeyOnly, None),
        (Lie::DroppedError, None),
        (Lie::DroppedFieldError, None),
    ] {
        let items: Vec<Liar> = (0..12).map(|n| Liar(if n == 7 { lie } else { Lie::No })).collect();
        let written = to_bytes(&items);
        assert_eq!(written.is_ok(), found.is_some(), "{lie:?}");
        let (Ok(bytes), Some(found)) = (written, found) else { continue };
        let back: Vec<Back> = from_bytes(&bytes).unwrap();
        for (n, back) in back.iter().enumerate() {
            let expected = if n == 7 { found } else { (2, 2, Some(7)) };
            assert_eq!((back.map.len(), back.list.len(), back.number), expected, "{lie:?} at {n}");
        }
    }
}

/// Arrays in such items are routed, and an error names its place.
#[test]
fn arrays_and_errors_in_items_that_depart() {
    use serde::ser::Error;

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Item {
        id: u32,
        bytes: Option<Bytes>,
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Bytes(#[serde(with = "serde_bytes")] Vec<u8>);
    let mut items: Vec<Item> = (0..10).map(|id| Item { id, bytes: None }).collect();
    items[7].bytes = Some(Bytes(vec![1; 1000]));
    same(&items);
    #[cfg(target_os = "linux")]
    {
        let segment = serde_shm::to_shared(&items).unwrap();
        let arrays = segment.arrays().unwrap();
        let paths: Vec<&str> = arrays.iter().map(serde_shm::ArrayInfo::path).collect();
        assert_eq!(paths, ["7.bytes"]);
    }

    struct Odd(u32);
    impl Serialize for Odd {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0 == 5 {
                Err(S::Error::custom("five"))
            } else {
                serializer.serialize_u32(self.0)
            }
        }
    }
    #[derive(Serialize)]
    struct Holder {
        odd: Odd,
    }
    let items: Vec<Holder> = (0..10).map(|n| Holder { odd: Odd(n) }).collect();
    assert_eq!(to_bytes(&items).unwrap_err().to_string(), "[5].odd: five");
}

/// Small values are gathered before they are written, and what does not fit goes on behind: at every point, and in every kind of value.
#[test]
fn values_that_stand_at_every_place_of_what_is_gathered() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Parts {
        numbers: (u8, u64, i64, f64, u128, char),
        wide: Vec<u64>,
        text: String,
        option: Option<(bool, Option<u64>)>,
        shapes: Vec<Shape>,
        map: BTreeMap<String, Vec<u16>>,
        unit: (),
    }
    let parts = |n: u32| Parts {
        numbers: (1, u64::MAX, i64::MIN, 0.5, u128::MAX, 'x'),
        wide: vec![1 << 60, 3, u64::MAX],
        text: "x".repeat(n as usize % 300),
        option: n.is_multiple_of(2).then_some((true, Some(u64::from(n)))),
        shapes: vec![Shape::Point, Shape::Circle(n.into()), Shape::Line(0.5, 1.5)],
        map: [("key".into(), vec![1, 300, n as u16]), (n.to_string(), vec![])].into(),
        unit: (),
    };
    for len in 1700..2150 {
        let value = ("x".repeat(len), parts(0), parts(1), vec![parts(3), parts(4)]);
        let bytes = to_bytes(&value).unwrap();
        assert!(
            from_bytes::<(String, Parts, Parts, Vec<Parts>)>(&bytes).unwrap() == value,
            "{len}"
        );
    }
    for len in [0, 1, 2030, 2040, 2048, 4096, 100_000] {
        same(&vec!["y".repeat(len); 3]);
    }
}

/// A number that as a varint takes more than seven bytes has eight, and its slot says so. Whatever type takes it gets it.
#[test]
fn wide_numbers_come_as_every_type_that_holds_them() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Wide<T: Ord> {
        field: T,
        pair: (T, u8),
        option: Option<T>,
        list: Vec<T>,
        lists: Vec<(u8, T)>,
        map: BTreeMap<T, T>,
    }
    fn wide<T: Ord + Copy>(number: T) -> Wide<T> {
        Wide {
            field: number,
            pair: (number, 1),
            option: Some(number),
            list: vec![number; 3],
            lists: vec![(1, number), (2, number)],
            map: BTreeMap::from([(number, number)]),
        }
    }
    fn comes_as<T: Ord + Copy + Serialize, U: Ord + Copy + DeserializeOwned + Debug>(
        from: T,
        to: U,
    ) {
        // Records of one type have their slots from the first; the second one is read by them.
        let bytes = to_bytes(&(wide(from), wide(from))).unwrap();
        let read: (Wide<U>, Wide<U>) = from_bytes(&bytes).unwrap();
        assert_eq!(read, (wide(to), wide(to)));
    }
    for number in [1 << 48, 1 << 49, 1 << 50, 1 << 56, 1 << 60, i64::MAX] {
        let unsigned = number.cast_unsigned();
        comes_as(unsigned, unsigned);
        comes_as(unsigned, number);
        comes_as(unsigned, u128::from(unsigned));
        comes_as(unsigned, i128::from(unsigned));
        comes_as(number, number);
        comes_as(number, unsigned);
        comes_as(number, i128::from(number));
        comes_as(-number, -number);
        comes_as(-number, i128::from(-number));
    }
    comes_as(u64::MAX, u64::MAX);
    comes_as(i64::MIN, i64::MIN);
    let bytes = to_bytes(&(wide(u64::MAX), wide(u64::MAX))).unwrap();
    let error = from_bytes::<(Wide<i64>, Wide<i64>)>(&bytes).unwrap_err().to_string();
    assert!(error.contains("18446744073709551615"), "{error}");
}

/// Bools in a list lie side by side, and are taken as they lie.
#[test]
fn lists_of_bools_are_bools_alone() {
    let bools = vec![true, false, false, true, true];
    same_in_json(&bools);
    same(&vec![bools.clone(), vec![], vec![false]]);
    same(&(bools.clone(), [true; 3], vec![Some(true), None]));
    let bytes = to_bytes(&bools).unwrap();
    assert_eq!(from_bytes::<[bool; 5]>(&bytes).unwrap(), bools[..]);
    assert_eq!(from_bytes::<Vec<Option<bool>>>(&bytes).unwrap()[0], Some(true));
    let error = from_bytes::<Vec<u8>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("boolean `true`") && error.contains("u8"), "{error}");
    let error = from_bytes::<Vec<String>>(&bytes).unwrap_err().to_string();
    assert!(error.contains("boolean `true`") && error.contains("string"), "{error}");
}

/// serde's own derive takes the fields of a struct from a sequence, too. A list of any numbers is one, whole or row by row, and so is a
/// list in a list; what it lacks or has beyond the fields is an error, wherever it is noticed.
#[test]
fn lists_come_as_structs() {
    #[derive(Deserialize, PartialEq, Debug)]
    struct Pair<T> {
        first: T,
        second: T,
    }
    fn pairs<A: Serialize, T: DeserializeOwned + PartialEq + Debug>(written: [A; 2], read: [T; 2]) {
        let list = Vec::from(written);
        let [first, second] = read;
        let pair = Pair { first, second };
        let one = to_bytes(&list).unwrap();
        assert_eq!(from_bytes::<Pair<T>>(&one).unwrap(), pair);
        let rows = to_bytes(&[&list, &list]).unwrap();
        let read: Vec<Pair<T>> = from_bytes(&rows).unwrap();
        assert_eq!((&read[0], &read[1]), (&pair, &pair));
        for count in [0, 1, 3] {
            let list: Vec<&A> = list.iter().cycle().take(count).collect();
            let error = from_bytes::<Pair<T>>(&to_bytes(&list).unwrap()).unwrap_err();
            assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch, "{count}: {error}");
        }
    }
    pairs([true, false], [true, false]);
    pairs([-1_i8, 2], [-1_i8, 2]);
    pairs([1_u8, 200], [1_u16, 200]);
    pairs([-1_i16, 300], [-1_i64, 300]);
    pairs([1_u32, 70_000], [1_u32, 70_000]);
    pairs([1_u64 << 60, 5], [1_u64 << 60, 5]);
    pairs([-1_i64 << 60, 5], [-1_i128 << 60, 5]);
    pairs([0.5_f32, -1.0], [0.5_f64, -1.0]);
    pairs([0.5_f64, -1.0], [0.5_f64, -1.0]);
    pairs(["a", "b"], ["a".to_owned(), "b".to_owned()]);
    pairs([Some(1_u8), None], [Some(1_u8), None]);
    pairs([1_u8, 2], [Some(1_u8), Some(2)]);
    pairs([vec![1.5_f32], vec![]], [vec![1.5_f32], vec![]]);
}
