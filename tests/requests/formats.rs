//! Each kind of value under five wrappers, behind eight kinds of key, out of four containers: it comes back as it was, and as
//! JSON and MessagePack give it back where they can hold it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_shm::{Compression, ShmArray2, from_bytes, from_npz, to_bytes};

use crate::matrix::{Adjacent, Flat, Internal, Marked, Plain, UntaggedStruct};

/// One value in each wrapper that serde has a buffer or a form of its own for.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Wrapped<T> {
    by_itself: Plain<T>,
    flat: Flat<T>,
    internal: Internal<T>,
    adjacent: Adjacent<T>,
    untagged: UntaggedStruct<T>,
}

impl<T: Clone> Wrapped<T> {
    fn new(t: &T) -> Self {
        let t = || t.clone();
        Wrapped {
            by_itself: Plain { t: t() },
            flat: Flat { id: 1, inner: Plain { t: t() }, after: "a".into() },
            internal: Internal::Case { t: t(), more: 1 },
            adjacent: Adjacent::Pair(2, t()),
            untagged: UntaggedStruct::Case { t: t() },
        }
    }
}

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
struct Id(u64);

#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug, Clone)]
enum Side {
    Left,
    Right,
}

/// Two values behind each kind of key.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Keyed<W> {
    text: BTreeMap<String, W>,
    unsigned: BTreeMap<u32, W>,
    signed: BTreeMap<i64, W>,
    bool: BTreeMap<bool, W>,
    char: BTreeMap<char, W>,
    newtype: BTreeMap<Id, W>,
    variant: BTreeMap<Side, W>,
    pair: BTreeMap<(u8, String), W>,
}

/// What came back, and from how many other formats.
#[derive(Default)]
struct Compared {
    failures: Vec<String>,
    json: usize,
    message_pack: usize,
}

impl Compared {
    fn look<T: PartialEq + Debug, E: Debug>(&mut self, what: &str, found: Result<T, E>, value: &T) {
        match found {
            Ok(found) if found == *value => {}
            found => self.failures.push(format!("{what}: {found:.300?}, not {value:.300?}")),
        }
    }

    /// By itself, against the other formats. What they cannot write or read is not compared.
    fn formats<T: Serialize + DeserializeOwned + PartialEq + Debug>(
        &mut self,
        what: &str,
        value: &T,
    ) {
        self.look(what, from_bytes(&to_bytes(value).unwrap()), value);
        let json = serde_json::to_string(value).map(|text| serde_json::from_str(&text));
        if let Ok(Ok(found)) = json {
            self.json += 1;
            self.look(&format!("{what}, JSON"), Ok::<T, ()>(found), value);
        }
        let packed = rmp_serde::to_vec_named(value).map(|bytes| rmp_serde::from_slice(&bytes));
        if let Ok(Ok(found)) = packed {
            self.message_pack += 1;
            self.look(&format!("{what}, MessagePack"), Ok::<T, ()>(found), value);
        }
    }

    fn all<T: Serialize + DeserializeOwned + PartialEq + Debug + Clone>(
        &mut self,
        name: &str,
        first: &T,
        second: &T,
    ) {
        let (a, b) = (Wrapped::new(first), Wrapped::new(second));
        let values = || [a.clone(), b.clone()];
        fn keys<K: Ord, W>(keys: [K; 2], values: [W; 2]) -> BTreeMap<K, W> {
            keys.into_iter().zip(values).collect()
        }
        let keyed = Keyed {
            text: keys(["1".to_owned(), String::new()], values()),
            unsigned: keys([0, u32::MAX], values()),
            signed: keys([i64::MIN, -1], values()),
            bool: keys([false, true], values()),
            char: keys(['1', 'ü'], values()),
            newtype: keys([Id(3), Id(u64::MAX)], values()),
            variant: keys([Side::Left, Side::Right], values()),
            pair: keys([(1, "a".to_owned()), (1, "b".to_owned())], values()),
        };
        self.formats(&format!("{name} behind text"), &keyed.text);
        self.formats(&format!("{name} behind u32"), &keyed.unsigned);
        self.formats(&format!("{name} behind i64"), &keyed.signed);
        self.formats(&format!("{name} behind bool"), &keyed.bool);
        self.formats(&format!("{name} behind char"), &keyed.char);
        self.formats(&format!("{name} behind a newtype"), &keyed.newtype);
        self.formats(&format!("{name} behind a variant"), &keyed.variant);
        self.formats(&format!("{name} behind a pair"), &keyed.pair);
        self.look(&format!("{name}, block"), from_bytes(&to_bytes(&keyed).unwrap()), &keyed);
        let segment = serde_shm::to_shared(&keyed).unwrap();
        self.look(&format!("{name}, segment"), segment.get(), &keyed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        serde_shm::to_npz(&path, &keyed).unwrap();
        self.look(&format!("{name}, archive"), from_npz(&path), &keyed);
        let path = folder.path().join("compressed.npz");
        serde_shm::NpzOptions::new()
            .compression(Compression::Deflate(1))
            .save(&path, &keyed)
            .unwrap();
        self.look(&format!("{name}, compressed archive"), from_npz(&path), &keyed);
    }

    /// Nothing failed, and so many kinds of key were compared with each of the other formats.
    #[track_caller]
    fn assert(self, json: usize, message_pack: usize) {
        let Compared { failures, json: by_json, message_pack: by_message_pack } = self;
        assert!(failures.is_empty(), "{} fail:\n{}", failures.len(), failures.join("\n"));
        assert_eq!((by_json, by_message_pack), (json, message_pack));
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Numbers(i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, bool, char);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Shape {
    Point,
    Circle(f32),
    Line(i32, i32),
    Polygon { corners: Vec<(i32, i32)>, name: Option<String> },
}

/// JSON has no keys that are pairs, and of those that are numbers serde's buffer makes text that is not read as numbers again.
#[test]
fn values_as_json_and_message_pack_give_them() {
    let mut all = Compared::default();
    let least = Numbers(
        i8::MIN,
        i16::MIN,
        i32::MIN,
        i64::MIN,
        0,
        0,
        0,
        0,
        f32::MIN,
        f64::MIN_POSITIVE,
        false,
        '\0',
    );
    let most = Numbers(
        i8::MAX,
        i16::MAX,
        i32::MAX,
        i64::MAX,
        u8::MAX,
        u16::MAX,
        u32::MAX,
        u64::MAX,
        f32::MAX,
        f64::MAX,
        true,
        char::MAX,
    );
    all.all("numbers", &least, &most);
    let text = |len: usize| "ü\"\n".repeat(len);
    all.all("text", &text(0), &text(100));
    all.all("options", &None::<Vec<Option<i16>>>, &Some(vec![None, Some(-3)]));
    let polygon = Shape::Polygon { corners: vec![(1, -2), (3, 4)], name: None };
    all.all(
        "variants",
        &vec![Shape::Point, Shape::Circle(0.5)],
        &vec![Shape::Line(1, -1), polygon],
    );
    let rows = |len: usize| vec![vec![1.5_f32; len], vec![]];
    all.all("lists", &rows(0), &rows(300));
    let map = |len: u16| (0..len).map(|i| (i, (i % 2 == 0, ()))).collect::<BTreeMap<_, _>>();
    all.all("maps", &map(0), &map(3));
    all.assert(5 * 7, 6 * 8);
}

#[test]
fn arrays_and_bytes_as_json_and_message_pack_give_them() {
    let mut all = Compared::default();
    let bytes = |len| ByteBuf::from(vec![200_u8; len]);
    all.all("bytes", &bytes(3), &bytes(300));
    let list = |len| Marked(vec![0.25_f64; len]);
    all.all("a marked list", &list(3), &list(300));
    let matrix = ShmArray2::from(ndarray::array![[1_i32, -2, 3], [4, 5, -6]]);
    all.all("a matrix", &matrix, &ShmArray2::from(ndarray::Array2::zeros((40, 3))));
    all.assert(3 * 7, 3 * 8);
}
