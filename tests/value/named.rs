//! Values under names: readers by type see none of them, values and walks all, wherever they stand and in whatever container.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;

use ndarray::{Array1, Array2, array};
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};
use serde::ser::SerializeTupleStruct;
use serde::{Deserialize, Serialize, Serializer};
use serde_shm::ser::NamedNewtypes;
use serde_shm::value::{Map, Name, Record, Value, Walk};
use serde_shm::{
    Block, Compression, ErrorKind, Npz, NpzOptions, Segment, ShmArray1, ShmArray2, from_bytes,
    to_bytes, to_shared,
};

use crate::corrupt::forge::{inline, of_version, tag};
use crate::value::rebuilt::{Rebuilt, same};

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
struct Celsius(f64);

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
struct Text(String);

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone, Copy)]
struct Id(u32);

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
struct Outer<T>(T);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Weights(ShmArray2<f32>);

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug, Clone)]
struct Marked(#[shm_array] Vec<f32>);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Host(IpAddr);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Blob(#[serde(with = "serde_bytes")] Vec<u8>);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Nothing(());

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename = "$private")]
struct Private(u8);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename = "")]
struct Nameless(u8);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(transparent)]
struct Transparent {
    inner: u8,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Choice {
    Newtype(Celsius),
    Tuple(Celsius, Id),
    Struct { text: Text, id: Option<Id> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Row {
    at: Celsius,
    text: Text,
    plain: u16,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Flat {
    id: Id,
    #[serde(flatten)]
    row: Row,
    #[serde(flatten)]
    rest: BTreeMap<String, Id>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Untagged {
    Number(Celsius),
    Row(Row),
    Text(Text),
    Host { host: Host },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "tag")]
enum Internal {
    Row { row: Row, host: Host },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "tag", content = "content")]
enum Adjacent {
    Id(Id),
    Weights(Weights),
}

/// As ndarray's own form begins, with names where ndarray has none.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename = "Array")]
struct LookAlike<V, D, L> {
    v: V,
    dim: D,
    data: L,
}

/// Asks for whom it is written before it says what it is called, and is an option then.
#[derive(PartialEq, Debug, Clone)]
struct Asking(u8);

impl Serialize for Asking {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_newtype_struct("Asking", &Some(self.0.to_string()));
        }
        serializer.serialize_newtype_struct("Asking", &Some(self.0))
    }
}

impl<'de> Deserialize<'de> for Asking {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
            return text.parse().map(Asking).map_err(serde::de::Error::custom);
        }
        Ok(Asking(Option::deserialize(deserializer)?.unwrap_or_default()))
    }
}

/// The names that a walk tells of, in their order.
#[derive(Default)]
pub(crate) struct Told(Vec<String>);

impl Walk<'_> for Told {
    fn named(&mut self, name: &str) -> serde_shm::Result<()> {
        self.0.push(name.to_owned());
        Ok(())
    }
}

/// The value without the names in it.
fn bare(value: &Value) -> Value {
    let all = |items: &[Value]| items.iter().map(bare).collect::<Vec<_>>();
    match value {
        Value::Named(_, value) => bare(value),
        Value::Optional(Some(value)) => Value::from(Some(bare(value))),
        Value::Readable(value) => Value::Readable(Box::new(bare(value))),
        Value::Seq(seq) => Value::from(all(seq)),
        Value::Tuple(items) => Value::Tuple(all(items).into()),
        Value::Map(map) => {
            Value::from(map.iter().map(|(key, value)| (bare(key), bare(value))).collect::<Map>())
        }
        Value::Record(record) => {
            let (names, values) = record.clone().into_parts();
            let values: Vec<_> = values.iter().map(|value| value.as_ref().map(bare)).collect();
            Record::with_absent(names, values).unwrap().into()
        }
        value => value.clone(),
    }
}

/// One object in one container.
trait Container {
    fn typed<T: DeserializeOwned>(&self) -> T;
    fn value(&self) -> Value;
    fn walk<'a>(&'a self, walk: &mut impl Walk<'a>);
    fn json(&self) -> String;
    fn paths(&self) -> Vec<String>;
}

macro_rules! container {
    ($ty:ty) => {
        impl Container for $ty {
            fn typed<T: DeserializeOwned>(&self) -> T {
                self.get().unwrap()
            }

            fn value(&self) -> Value {
                self.value().unwrap()
            }

            fn walk<'a>(&'a self, walk: &mut impl Walk<'a>) {
                self.walk(walk).unwrap();
            }

            fn json(&self) -> String {
                let mut json = Vec::new();
                let to = &mut serde_json::Serializer::new(&mut json);
                serde_transcode::transcode(self.deserializer(), to).unwrap();
                String::from_utf8(json).unwrap()
            }

            fn paths(&self) -> Vec<String> {
                let arrays = self.arrays().unwrap();
                arrays.iter().map(|array| array.path().to_owned()).collect()
            }
        }
    };
}

container!(Block);
container!(Segment);
container!(Npz);

/// What every reader finds in a container with names and in one without.
#[track_caller]
fn same_but_for_names<T>(what: &str, value: &T, names: &[&str], [plain, with]: [&impl Container; 2])
where
    T: DeserializeOwned + PartialEq + Debug,
{
    assert_eq!(plain.typed::<T>(), *value, "{what}");
    assert_eq!(with.typed::<T>(), *value, "{what}");
    let _: IgnoredAny = with.typed();
    assert_eq!(with.paths(), plain.paths(), "{what}");
    assert_eq!(with.json(), plain.json(), "{what}");
    let (mut told, mut none) = (Told::default(), Told::default());
    with.walk(&mut told);
    plain.walk(&mut none);
    assert_eq!(told.0, names, "{what}");
    assert_eq!(none.0, [""; 0], "{what}");
    let tree = with.value();
    assert!(same(&bare(&tree), &plain.value()), "{what}: {tree:#}");
    let rebuilt = Rebuilt::of(|walk| {
        with.walk(walk);
        Ok(())
    });
    assert!(same(&rebuilt, &tree), "{what}: {rebuilt:#} is not {tree:#}");
    for name in names {
        assert!(tree.to_string().contains(name) || names.len() > 8, "{what}: {tree}");
    }
    for path in with.paths() {
        assert!(tree.get(&path).is_some(), "{what}: `{path}` in {tree:#}");
    }
}

/// Writes a value with the names of its newtype structs and without, to every container.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    what: &str,
    value: &T,
    names: &[&str],
) {
    let kept = NamedNewtypes(value);
    let block = |bytes| Block::new(bytes).unwrap();
    let [plain, with] = [block(to_bytes(value).unwrap()), block(to_bytes(&kept).unwrap())];
    same_but_for_names(what, value, names, [&plain, &with]);
    // By way of a value it is the same object, but for schemas that are left over of an address that was written twice.
    let tree = with.value().unwrap();
    let (bytes, again) = (to_bytes(&kept).unwrap(), to_bytes(&tree).unwrap());
    assert!(again == bytes || names.contains(&"Host"), "{what}: {tree:#}");
    assert_eq!(from_bytes::<T>(&again).unwrap(), *value, "{what}");
    assert!(to_bytes(&from_bytes::<Value>(&again).unwrap()).unwrap() == again, "{what}");
    let again = block(to_bytes(&bare(&tree)).unwrap());
    assert_eq!(again.get::<T>().unwrap(), *value, "{what}");
    // A serializer that is handed out is told of them, too.
    let handed = serde_shm::ser::to_bytes_with(|serializer| kept.serialize(serializer)).unwrap();
    assert_eq!(from_bytes::<T>(&handed).unwrap(), *value, "{what}");
    let mut told = Told::default();
    Block::new(handed).unwrap().walk(&mut told).unwrap();
    assert_eq!(told.0, names, "{what}");

    let [plain, with] = [to_shared(value).unwrap(), to_shared(&kept).unwrap()];
    same_but_for_names(what, value, names, [&plain, &with]);
    let again = to_shared(&with.value().unwrap()).unwrap();
    same_but_for_names(what, value, names, [&plain, &again]);

    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Deflate(6)] {
        let options = NpzOptions::new().compression(compression).fsync(false);
        let save = |name: &str, object: &dyn erased::Object| {
            let path = folder.path().join(name);
            object.save(&options, &path);
            Npz::open(&path).unwrap()
        };
        let [plain, with] = [save("plain.npz", value), save("named.npz", &kept)];
        same_but_for_names(what, value, names, [&plain, &with]);
        let again = save("again.npz", &with.value().unwrap());
        same_but_for_names(what, value, names, [&plain, &again]);
    }
    // To another format it is nothing.
    assert_eq!(
        serde_json::to_string(&kept).ok(),
        serde_json::to_string(value).ok(),
        "{what} in another format"
    );
}

mod erased {
    use std::path::Path;

    use serde::Serialize;
    use serde_shm::NpzOptions;

    pub(super) trait Object {
        fn save(&self, options: &NpzOptions<'_>, path: &Path);
    }

    impl<T: Serialize> Object for T {
        fn save(&self, options: &NpzOptions<'_>, path: &Path) {
            options.save(path, self).unwrap();
        }
    }
}

fn row(number: u16) -> Row {
    let text = Text(format!("row {number}"));
    Row { at: Celsius(f64::from(number) / 2.0), text, plain: number }
}

fn weights() -> Weights {
    Weights(array![[0.5, 1.5], [2.5, -1.0]].into())
}

const HOST: [u8; 4] = [127, 0, 0, 1];

#[test]
fn at_the_root() {
    check("a number", &Celsius(21.5), &["Celsius"]);
    check("a text", &Text("t".into()), &["Text"]);
    check("newtypes in newtypes", &Outer(Outer(Id(7))), &["Outer", "Outer", "Id"]);
    check("an array", &weights(), &["Weights"]);
    check("a marked array", &Marked(vec![0.5, 1.5]), &["Marked"]);
    check("a unit", &Nothing(()), &["Nothing"]);
    check("bytes", &Blob(vec![7; 300]), &["Blob"]);
    check("a list", &Outer(vec![1_u8, 2]), &["Outer"]);
    check("an option", &Some(Outer(Some(Id(1)))), &["Outer", "Id"]);
    check("none", &Outer(None::<Id>), &["Outer"]);
}

#[test]
fn in_fields_items_keys_and_variants() {
    check("fields", &row(1), &["Celsius", "Text"]);
    check("items", &vec![Id(1), Id(2), Id(300)], &["Id", "Id", "Id"]);
    check("a tuple", &(Id(1), 2_u8, Celsius(0.5)), &["Id", "Celsius"]);
    check("a long tuple", &[Id(1); 20], &["Id"; 20]);
    let texts = BTreeMap::from([(Text("a".into()), Id(1)), (Text("b.c".into()), Id(2))]);
    check("keys and values", &texts, &["Text", "Id", "Text", "Id"]);
    let ids = BTreeMap::from([(Id(1), 1_u8), (Id(70_000), 2)]);
    check("keys that are numbers", &ids, &["Id", "Id"]);
    let arrays = BTreeMap::from([(Text("a.b".into()), weights())]);
    check("an array behind a key", &arrays, &["Text", "Weights"]);
    check("a newtype variant", &Choice::Newtype(Celsius(1.5)), &["Celsius"]);
    check("a tuple variant", &Choice::Tuple(Celsius(1.5), Id(2)), &["Celsius", "Id"]);
    let variant = Choice::Struct { text: Text("t".into()), id: Some(Id(1)) };
    check("a struct variant", &variant, &["Text", "Id"]);
    let mixed = vec![variant, Choice::Newtype(Celsius(0.5)), Choice::Tuple(Celsius(2.5), Id(3))];
    check("variants", &mixed, &["Text", "Id", "Celsius", "Celsius", "Id"]);
    check("options", &vec![Some(Id(1)), None, Some(Id(2))], &["Id", "Id"]);
    check("two forms", &vec![Outer(Host(HOST.into()))], &["Outer", "Host"]);
    check("an option that asks", &(Asking(7), 1_u8), &["Asking"]);
    check("options that ask", &vec![Some(Asking(7)), None], &["Asking"]);
    check("newtypes that ask", &Some(Outer(Asking(7))), &["Outer", "Asking"]);
}

#[test]
fn behind_wrappers_of_serde() {
    let rest = BTreeMap::from([("x".to_owned(), Id(1)), ("y".to_owned(), Id(2))]);
    let flat = Flat { id: Id(9), row: row(3), rest };
    check("flatten", &flat, &["Id", "Celsius", "Text", "Id", "Id"]);
    let untagged = vec![
        Untagged::Number(Celsius(0.5)),
        Untagged::Text(Text("t".into())),
        Untagged::Row(row(1)),
        Untagged::Host { host: Host(HOST.into()) },
    ];
    check("untagged", &untagged, &["Celsius", "Text", "Celsius", "Text", "Host"]);
    let internal = Internal::Row { row: row(2), host: Host(HOST.into()) };
    check("internal", &internal, &["Celsius", "Text", "Host"]);
    check("adjacent", &Adjacent::Id(Id(4)), &["Id"]);
    check("an adjacent array", &Adjacent::Weights(weights()), &["Weights"]);
    check(
        "all of it",
        &(flat, untagged, internal),
        &[
            "Id", "Celsius", "Text", "Id", "Id", "Celsius", "Text", "Celsius", "Text", "Host",
            "Celsius", "Text", "Host",
        ],
    );
}

#[test]
fn in_long_lists() {
    let names: Vec<&str> = ["Celsius", "Text"].repeat(100);
    check("records", &(0..100).map(row).collect::<Vec<_>>(), &names);
    let texts: Vec<Text> = (0..100).map(|number| Text(number.to_string())).collect();
    check("texts", &texts, &["Text"; 100]);
    let mixed: Vec<(Option<Id>, Outer<Vec<Id>>)> =
        (0..50).map(|n| ((n % 2 == 0).then_some(Id(n)), Outer(vec![Id(n); 2]))).collect();
    let found = Block::new(to_bytes(&NamedNewtypes(&mixed)).unwrap()).unwrap();
    let mut told = Told::default();
    found.walk(&mut told).unwrap();
    assert_eq!(told.0.len(), 25 + 3 * 50);
    let expected: Vec<&str> = told.0.iter().map(String::as_str).collect();
    check("lists in a list", &mixed, &expected);
    // What looks is told of them one by one.
    let Value::Seq(seq) = found.value().unwrap() else { panic!() };
    assert!(matches!(&*seq.each().next().unwrap(), Value::Tuple(items)
        if matches!(&items[1], Value::Named(name, _) if *name == *"Outer")));
}

#[test]
fn what_is_not_named() {
    check("private names", &(Private(1), Nameless(2), Transparent { inner: 3 }), &[]);
    check("tuple structs of two", &Outer((1_u8, 2_u8)), &["Outer"]);
    // Arrays are placed as without names.
    let plain = (Array1::from(vec![1.5_f32, 2.5]), Array2::<u16>::zeros((2, 3)), Id(1));
    check("ndarrays", &plain, &["Id"]);
    let named = Block::new(to_bytes(&NamedNewtypes(&plain)).unwrap()).unwrap();
    assert_eq!(named.arrays().unwrap().len(), 2);
    // An object is written as ever where nobody asks, also after somebody has.
    let twice = (NamedNewtypes(Id(1)), Id(2), NamedNewtypes(NamedNewtypes(Id(3))), Id(4));
    let block = Block::new(to_bytes(&twice).unwrap()).unwrap();
    assert_eq!(block.value().unwrap().to_string(), "(Id(1), 2, Id(3), 4)");
}

/// Names stand where ndarray's own form has none: it is a struct like any other.
#[test]
fn in_what_looks_like_an_ndarray() {
    type Newtypes = LookAlike<Outer<u8>, Outer<(u64,)>, Outer<Vec<f32>>>;
    let (v, dim, data) = (Outer(1), Outer((2,)), Outer(vec![0.5, 1.5]));
    let look_alike: Newtypes = LookAlike { v, dim, data };
    let kept = to_bytes(&NamedNewtypes(&look_alike)).unwrap();
    assert_eq!(from_bytes::<Newtypes>(&kept).unwrap(), look_alike);
    let mut told = Told::default();
    Block::new(kept).unwrap().walk(&mut told).unwrap();
    assert_eq!(told.0, ["Outer"; 3]);
    type Axes = LookAlike<u8, Vec<Id>, Vec<f32>>;
    let axes: Axes = LookAlike { v: 1, dim: vec![Id(1), Id(2)], data: vec![0.5, 1.5] };
    let kept = to_bytes(&NamedNewtypes(&axes)).unwrap();
    assert_eq!(from_bytes::<Axes>(&kept).unwrap(), axes);
    let mut told = Told::default();
    Block::new(kept).unwrap().walk(&mut told).unwrap();
    assert_eq!(told.0, ["Id"; 2]);
    // An array of this crate's own is what ndarray's is, with names and without.
    type Owned = LookAlike<u8, (u64,), Marked>;
    let owned: Owned = LookAlike { v: 1, dim: (2,), data: Marked(vec![0.5, 1.5]) };
    check("an array in it", &owned, &["Marked"]);
    let bare = LookAlike { v: 1_u8, dim: (2_u64,), data: ShmArray1::from(vec![0.5_f32, 1.5]) };
    let (plain, kept) = (to_bytes(&bare).unwrap(), to_bytes(&NamedNewtypes(&bare)).unwrap());
    assert!(plain == kept);
    let elements = Array1::from(vec![Celsius(0.5), Celsius(1.5)]);
    check("newtypes in an ndarray", &elements, &["Celsius"; 2]);
}

/// A map with names around its keys is read by whoever reads it without.
#[test]
fn keys_are_read_as_others() {
    let ids = BTreeMap::from([(Outer(Id(1)), Celsius(0.5)), (Outer(Id(70_000)), Celsius(1.5))]);
    let block = to_bytes(&NamedNewtypes(&ids)).unwrap();
    let texts: HashMap<String, f64> = from_bytes(&block).unwrap();
    assert_eq!(texts, HashMap::from([("1".to_owned(), 0.5), ("70000".to_owned(), 1.5)]));
    let numbers: BTreeMap<u64, f32> = from_bytes(&block).unwrap();
    assert_eq!(numbers, BTreeMap::from([(1, 0.5), (70_000, 1.5)]));
    let any: serde_json::Value = from_bytes(&block).unwrap();
    assert_eq!(any, serde_json::json!({"1": 0.5, "70000": 1.5}));
    let flat: BTreeMap<String, Celsius> = from_bytes(&block).unwrap();
    assert_eq!(flat["70000"], Celsius(1.5));
    // An error says where it is by the key.
    let error = from_bytes::<BTreeMap<u32, bool>>(&block).unwrap_err();
    assert!(error.to_string().contains("[\"1\"]"), "{error}");
}

/// Names of other languages are written by hand.
#[test]
fn names_that_are_known_at_run_time_only() {
    assert_eq!(Name::new("").unwrap_err().kind(), ErrorKind::InvalidInput);
    let long = "long name of a type ".repeat(200);
    for name in ["numpy.float64", "é", "a\nb", "$serde_shm::Array", &long] {
        let name = Name::new(name).unwrap();
        let rows: Vec<Row> = (0..40).map(row).collect();
        for bytes in [
            to_bytes(&name.value(&rows)).unwrap(),
            to_bytes(&name.value(&NamedNewtypes(&rows))).unwrap(),
        ] {
            assert_eq!(from_bytes::<Vec<Row>>(&bytes).unwrap(), rows);
            let tree: Value = from_bytes(&bytes).unwrap();
            let Value::Named(found, _) = &tree else { panic!("{tree}") };
            assert_eq!((found, found.as_str()), (&name, name.as_str()));
            assert!(to_bytes(&tree).unwrap() == bytes);
            let shown = tree.to_string();
            assert!(!shown.contains('\n') && shown.len() < 1000, "{shown}");
            assert!(tree["3.text"].as_str() == Some("row 3"));
        }
        assert_eq!(serde_json::to_string(&name.value(&1)).unwrap(), "1");
    }
    let value = Value::Named(Name::new("Celsius").unwrap(), Box::new(Value::F64(21.5)));
    assert_eq!(format!("{value}"), "Celsius(21.5)");
    assert_eq!(format!("{value:#}"), "Celsius(\n    21.5,\n)");
    assert_eq!(value.as_f64(), Some(21.5));
    assert!(value != Value::F64(21.5));
    assert!(value != Value::Named(Name::new("Kelvin").unwrap(), Box::new(Value::F64(21.5))));
    // A field that is a value keeps the name.
    let bytes = to_bytes(&BTreeMap::from([("at", &value)])).unwrap();
    assert_eq!(from_bytes::<BTreeMap<String, Value>>(&bytes).unwrap()["at"], value);
}

/// Hands over parts under the private name of a value under a name.
struct Parts<'a>(&'a [&'a [u8]], usize);

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_tuple_struct("$serde_shm::Named", 2)?;
        self.0.iter().try_for_each(|part| parts.serialize_field(serde_bytes::Bytes::new(part)))?;
        (0..self.1).try_for_each(|number| parts.serialize_field(&number))?;
        parts.end()
    }
}

#[test]
fn what_is_no_name_and_one_value_is_not_written() {
    for (names, values) in
        [(&[][..], 0), (&[&b"N"[..]], 0), (&[b"N"], 2), (&[b""], 1), (&[b"\xff"], 1), (&[], 1)]
    {
        to_bytes(&Parts(names, values)).expect_err("it is no name and a value");
        to_bytes(&vec![Parts(names, values)]).expect_err("it is no name and a value");
    }
    let bytes = to_bytes(&Parts(&[b"N"], 1)).unwrap();
    assert_eq!(from_bytes::<Value>(&bytes).unwrap().to_string(), "N(0)");
}

/// Each turn of names that change is one that is made.
#[test]
fn names_are_shared_while_they_are_the_same() {
    let ids: Vec<(Id, Celsius)> = (0..3).map(|id| (Id(id), Celsius(0.5))).collect();
    let tree: Value = from_bytes(&to_bytes(&NamedNewtypes(&vec![Id(1), Id(2)])).unwrap()).unwrap();
    let names: Vec<&str> = tree
        .as_slice()
        .unwrap()
        .iter()
        .map(|item| match item {
            Value::Named(name, _) => name.as_str(),
            other => panic!("{other}"),
        })
        .collect();
    assert_eq!(names, ["Id", "Id"]);
    assert!(std::ptr::eq(names[0], names[1]));
    check("by turns", &ids, &["Id", "Celsius"].repeat(3));
}

/// A reader that asks for its own form finds it behind names.
#[test]
fn forms_for_readers_behind_names() {
    struct Form(bool);
    impl<'de> Deserialize<'de> for Form {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let form = Cell::new(deserializer.is_human_readable());
            IgnoredAny::deserialize(deserializer).map(|_| Form(form.get()))
        }
    }
    let name = [tag::NAMED, 1, b'N'];
    let readable = [tag::READABLE];
    let option = [tag::OPTION];
    for (before, expected) in [
        ([&name[..], &readable].concat(), true),
        ([&name[..], &name, &readable].concat(), true),
        ([&option[..], &name, &readable].concat(), true),
        ([&name[..], &option, &name, &readable].concat(), true),
        ([&readable[..], &name].concat(), true),
        ([&name[..], &name].concat(), false),
        ([&name[..], &option].concat(), false),
    ] {
        let bytes = of_version(&inline(&[&before[..], &[tag::U8, 7]].concat()), 3);
        assert_eq!(from_bytes::<Form>(&bytes).unwrap().0, expected, "{before:?}");
    }
}
