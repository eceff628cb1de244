use std::collections::BTreeMap;
use std::fmt::Debug;
use std::net::IpAddr;

use ndarray::{Array2, arr2, array};
use serde::de::DeserializeOwned;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Serialize};
use serde_shm::{Block, Npz, ShmArray1, ShmArray2, Value, to_bytes};

/// The object as a value, out of every container, is written to every container in the same bytes, and read by its type.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(object: &T) {
    let bytes = to_bytes(object).unwrap();
    let value: Value = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(to_bytes(&value).unwrap(), bytes, "{value}");
    copies(object);
}

/// The same, but that its tables may have had names that no record has.
#[track_caller]
fn copies<T: Serialize + DeserializeOwned + PartialEq + Debug>(object: &T) {
    let value: Value = serde_shm::from_bytes(&to_bytes(object).unwrap()).unwrap();
    let bytes = to_bytes(&value).unwrap();
    let again: Value = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(again, value);
    assert_eq!(to_bytes(&again).unwrap(), bytes);
    let block = Block::new(bytes.clone()).unwrap();
    assert_eq!(block.value().unwrap(), value);
    assert_eq!(&block.get::<T>().unwrap(), object);

    let segment = serde_shm::to_shared(&value).unwrap();
    let copy = serde_shm::to_shared(&segment.value().unwrap()).unwrap();
    assert_eq!(&copy.get::<T>().unwrap(), object);
    assert_eq!(copy.len(), segment.len());

    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a.npz", "b.npz"].map(|name| folder.path().join(name));
    serde_shm::to_npz(&first, &value).unwrap();
    let file = Npz::open(&first).unwrap();
    serde_shm::to_npz(&second, &file.value().unwrap()).unwrap();
    assert_eq!(&serde_shm::from_npz::<T>(&second).unwrap(), object);
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());

    // As a part of what is typed otherwise.
    let pair: (u8, Value, String) =
        serde_shm::from_bytes(&to_bytes(&(7_u8, object, "end")).unwrap()).unwrap();
    assert_eq!((pair.0, &pair.1, &*pair.2), (7, &value, "end"));
    let (_, typed, _): (u8, T, String) = serde_shm::from_bytes(&to_bytes(&pair).unwrap()).unwrap();
    assert_eq!(&typed, object);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Square(u8, u8),
    Rectangle { w: u8, h: Option<u8> },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Sparse {
    a: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    b: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    c: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Newtype(i64);

#[test]
fn scalars() {
    check(&());
    check(&true);
    check(&(-1_i8, -300_i16, i32::MIN, i64::MIN, i128::MIN));
    check(&(255_u8, 300_u16, u32::MAX, u64::MAX, u128::MAX));
    check(&(1.5_f32, -2.5_f64, 'é', "text".to_owned()));
    check(&(1_i64 << 50, 1_u64 << 50, 1_u64));
    check(&Unit);
    check(&Newtype(-5));
    check(&String::new());
}

#[test]
fn options_of_any_depth() {
    check(&None::<u8>);
    check(&Some(1_u8));
    check(&Some(None::<u8>));
    check(&Some(Some(Some(()))));
    check(&vec![Some(None), Some(Some("a".to_owned())), None]);
    check(&vec![None, Some(3_u32), None]);
}

#[test]
fn lists_of_numbers_at_every_length() {
    for len in [0, 1, 2, 7, 8, 9, 62, 63, 64, 65, 511, 512, 513, 1500] {
        check(&(0..len).map(|n| n as u8).collect::<Vec<u8>>());
        check(&(0..len).map(|n| n % 2 == 0).collect::<Vec<bool>>());
        check(&(0..len).map(|n| n as f32 / 2.0).collect::<Vec<f32>>());
        check(&(0..len).map(|n| f64::from(n) / 2.0).collect::<Vec<f64>>());
        check(&(0..len).map(|n| (n * 7) as u16).collect::<Vec<u16>>());
        check(&(0..len).map(|n| n * n * 77).collect::<Vec<u32>>());
        check(&(0..len).map(|n| i64::from(n) - 100).collect::<Vec<i64>>());
        check(&(0..len).map(|n| u64::from(n) << 40).collect::<Vec<u64>>());
        check(&(0..len).map(|n| u64::MAX - u64::from(n)).collect::<Vec<u64>>());
        check(&(0..len).map(|n| i64::MIN + i64::from(n)).collect::<Vec<i64>>());
        check(&(0..len).map(|n| n as i16 - 9).collect::<Vec<i16>>());
        check(&(0..len).map(u128::from).collect::<Vec<u128>>());
        check(&(0..len).map(|n| char::from(n as u8)).collect::<Vec<char>>());
    }
}

#[test]
fn items_of_several_kinds_at_every_place() {
    for len in [1, 62, 63, 64, 65, 126, 127, 128, 200] {
        for other in [0, 1, 62, 63, 64, len - 1] {
            let shape = |n| if n == other { Shape::Point } else { Shape::Square(1, 2) };
            check(&(0..len).map(shape).collect::<Vec<_>>());
            let option = |n| (n >= other).then_some(u16::try_from(n).unwrap());
            check(&(0..len).map(option).collect::<Vec<_>>());
            let sparse = |n| Sparse {
                a: n as u32,
                b: (n == other).then(|| "b".into()),
                c: vec![1; usize::from(n > other)],
            };
            check(&(0..len).map(sparse).collect::<Vec<_>>());
            check(&(0..len).map(|n| (n, shape(n))).collect::<BTreeMap<_, _>>());
        }
    }
}

/// A list whose length is not announced, of items that are of two types.
#[derive(Debug, PartialEq)]
struct Unannounced(Vec<Result<u8, String>>);

impl Serialize for Unannounced {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for item in &self.0 {
            match item {
                Ok(number) => seq.serialize_element(number)?,
                Err(text) => seq.serialize_element(text)?,
            }
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for Unannounced {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Item {
            Number(u8),
            Text(String),
        }
        let items: Vec<Item> = Deserialize::deserialize(d)?;
        let item = |item| match item {
            Item::Number(number) => Ok(number),
            Item::Text(text) => Err(text),
        };
        Ok(Unannounced(items.into_iter().map(item).collect()))
    }
}

#[test]
fn lists_of_unknown_length_at_every_length() {
    for len in [0, 1, 62, 63, 64, 65, 125, 126, 127, 189, 190, 300] {
        for other in [0, 1, 40, 62, 63, 64, 126, 1000] {
            let item = |n| if n == other { Err("x".to_owned()) } else { Ok(n as u8) };
            check(&Unannounced((0..len).map(item).collect()));
        }
    }
}

#[test]
fn tuples_short_and_long() {
    check(&(1_u8,));
    check(&[(1_u8, "a".to_owned()), (2, "b".to_owned())]);
    check(&[1_u16; 16]);
    check(&[1_u16; 17]);
    check(&vec![[0.5_f32, 1.5, 2.5]; 100]);
}

#[test]
fn maps_of_any_key() {
    check(&BTreeMap::<String, u8>::new());
    check(&BTreeMap::from([("a.b".to_owned(), 1_u8), (String::new(), 2), ("%".to_owned(), 3)]));
    check(&BTreeMap::from([(1_i64, 'a'), (-1, 'b')]));
    check(&BTreeMap::from([((1_u8, "a".to_owned()), Some(1_u8)), ((2, "b".to_owned()), None)]));
    check(&BTreeMap::from([(Some(1_u8), vec![1_u8]), (None, vec![])]));
    check(&(0..200).map(|n| (n.to_string(), n)).collect::<BTreeMap<String, i32>>());
}

#[test]
fn enums_of_every_kind() {
    let all = [
        Shape::Point,
        Shape::Circle(1.0),
        Shape::Square(1, 2),
        Shape::Rectangle { w: 1, h: None },
        Shape::Rectangle { w: 1, h: Some(2) },
    ];
    for shape in &all {
        check(shape);
        check(&Some(shape.clone()));
        check(&vec![shape.clone(); 70]);
    }
    check(&all);
    check(&all.to_vec());
    check(&Ok::<u8, String>(1));
    check(&vec![Ok::<u8, String>(1), Err("e".into())]);
}

#[test]
fn bytes_short_and_long() {
    for len in [0, 1, 255, 256, 257, 5000] {
        check(&serde_bytes::ByteBuf::from(vec![7_u8; len]));
        check(&vec![serde_bytes::ByteBuf::from(vec![7_u8; len]); 3]);
    }
}

#[test]
fn flattened_structs_and_tags() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Outer {
        id: u8,
        #[serde(flatten)]
        rest: BTreeMap<String, u32>,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Adjacent {
        A(u8),
        B { x: f32 },
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(i64),
        Text(String),
        List(Vec<Untagged>),
    }
    for len in [0, 1, 62, 63, 64, 100] {
        let rest = (0..len).map(|n| (format!("k{n}"), n)).collect();
        check(&Outer { id: 1, rest });
    }
    check(&vec![Adjacent::A(1), Adjacent::B { x: 0.5 }]);
    let list = Untagged::List(vec![Untagged::Number(1), Untagged::Text("a".into())]);
    check(&list);
}

#[test]
fn values_of_two_forms() {
    let addresses: Vec<IpAddr> =
        ["127.0.0.1", "::1", "10.0.0.255"].map(|text| text.parse().unwrap()).into();
    copies(&addresses[0]);
    copies(&addresses);
    copies(&Some(addresses[1]));
    copies(&BTreeMap::from([("here".to_owned(), addresses[0])]));
}

#[derive(Debug, PartialEq, serde_shm::Serialize, serde_shm::Deserialize)]
struct Model {
    name: String,
    #[shm_array]
    bias: Vec<f32>,
    weight: ShmArray2<f64>,
    plain: Array2<u16>,
    layers: Vec<Layer>,
}

#[derive(Debug, PartialEq, serde_shm::Serialize, serde_shm::Deserialize)]
enum Layer {
    Dense { weight: ShmArray1<u8> },
    Fixed(ShmArray1<i32>),
    None,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OfSerde {
    weight: Array2<f64>,
    empty: Array2<f32>,
    text: ndarray::Array1<String>,
}

#[test]
fn arrays_of_every_form() {
    let model = Model {
        name: "m".into(),
        bias: vec![0.5; 3],
        weight: ShmArray2::from(arr2(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).reversed_axes()),
        plain: arr2(&[[1, 2], [3, 4]]),
        layers: vec![
            Layer::Dense { weight: vec![1; 100].into() },
            Layer::None,
            Layer::Fixed(vec![-1].into()),
        ],
    };
    check(&model);
    check(&ShmArray1::from(vec![1_u8, 2]));
    check(&OfSerde {
        weight: arr2(&[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).reversed_axes(),
        empty: Array2::zeros((0, 3)),
        text: array!["a".to_owned(), "b".to_owned()],
    });
    check(&vec![array![1.5_f32, 2.5], array![3.5]]);
    check(&BTreeMap::from([(1_u8, ShmArray1::from(vec![1_u8]))]));
}

/// Serde's buffer takes the parts of a variant under a tag before it is known where they go.
#[test]
fn numbers_and_names_under_a_tag() {
    use serde_shm::value::{Names, Numbers};

    #[derive(Serialize)]
    #[serde(tag = "t", content = "c")]
    enum Made<'a> {
        Pair(Numbers<'a>, Value),
    }
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "t", content = "c")]
    enum Read {
        Pair(Vec<i64>, Shape),
    }
    let numbers: Vec<i64> = (0..100).collect();
    let names = Names::struct_variant("Shape", 3, "Rectangle", ["w", "h"]);
    let record = serde_shm::value::Record::new(names, [Value::from(1_u8), Value::Optional(None)]);
    let made = Made::Pair(Numbers::from(&numbers[..]), record.unwrap().into());
    let read: Read = serde_shm::from_bytes(&to_bytes(&made).unwrap()).unwrap();
    assert_eq!(read, Read::Pair(numbers, Shape::Rectangle { w: 1, h: None }));
}

/// Lists of each width in one call are the lists that are written item by item, at the lengths around those that matter.
#[test]
fn numbers_in_one_call() {
    fn check<T: Serialize + Clone>(items: &[T])
    where
        for<'a> serde_shm::value::Numbers<'a>: From<&'a [T]>,
    {
        let numbers = serde_shm::value::Numbers::from(items);
        assert_eq!(to_bytes(&numbers).unwrap(), to_bytes(&items.to_vec()).unwrap());
        // Behind others in a list, and in a field whose kind is known.
        let two = [numbers, numbers, numbers];
        let plain = [items.to_vec(), items.to_vec(), items.to_vec()];
        assert_eq!(to_bytes(&two).unwrap(), to_bytes(&plain).unwrap());
        assert_eq!(
            serde_json::to_string(&numbers).unwrap(),
            serde_json::to_string(&items.to_vec()).unwrap()
        );
    }
    for len in [0, 1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 100, 1000, 3000] {
        let all = |step: i64| (0..len).map(move |n| n * step - len / 2);
        for step in [1, 3, 255, 1 << 20, 1 << 40, 1 << 50] {
            check(&all(step).collect::<Vec<i64>>());
            check(&all(step).map(|n| n as i32).collect::<Vec<_>>());
            check(&all(step).map(|n| n as i16).collect::<Vec<_>>());
            check(&all(step).map(|n| n as i8).collect::<Vec<_>>());
            check(&all(step).map(|n| n as u64).collect::<Vec<_>>());
            check(&all(step).map(i64::unsigned_abs).collect::<Vec<_>>());
            check(&all(step).map(|n| n as u32).collect::<Vec<_>>());
            check(&all(step).map(|n| n as u16).collect::<Vec<_>>());
            check(&all(step).map(|n| n as u8).collect::<Vec<_>>());
            check(&all(step).map(|n| n as f32).collect::<Vec<_>>());
            check(&all(step).map(|n| n as f64).collect::<Vec<_>>());
            check(&all(step).map(|n| n % 2 == 0).collect::<Vec<_>>());
        }
    }
}
