//! A small object that has everything, the same as views, and a reader that takes whatever it is given.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayD, ArrayView2, array};
use serde::de::{Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_shm::{Deserialize, Result, Serialize, ShmArray1, from_bytes};

use crate::support::memory;

#[allow(clippy::option_option)]
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Rich {
    pub(crate) name: String,
    pub(crate) numbers: (u8, i16, u32, i64, f32, f64, u128),
    pub(crate) option: Option<Option<bool>>,
    pub(crate) letter: char,
    pub(crate) large: Vec<u64>,
    pub(crate) words: Vec<String>,
    pub(crate) map: BTreeMap<String, Leaf>,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) leaves: Vec<Leaf>,
    pub(crate) weight: Array2<f32>,
    pub(crate) columns: Array2<i16>,
    #[shm_array]
    pub(crate) flags: Vec<bool>,
    #[shm_array]
    pub(crate) sizes: Option<Vec<u64>>,
    pub(crate) point: ArrayD<f64>,
    pub(crate) empty: ShmArray1<u8>,
    pub(crate) handles: Vec<ShmArray1<i8>>,
    pub(crate) last: bool,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    pub(crate) score: f32,
    pub(crate) done: bool,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) enum Kind {
    Empty,
    One(u32),
    Two(i8, String),
    Named { x: f64, y: Option<u16> },
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct RichView<'a> {
    name: &'a str,
    #[serde(borrow)]
    words: Vec<&'a str>,
    #[serde(borrow)]
    map: BTreeMap<&'a str, Leaf>,
    kinds: Vec<IgnoredAny>,
    weight: ArrayView2<'a, f32>,
    columns: ArrayView2<'a, i16>,
    #[shm_array]
    flags: &'a [bool],
    #[shm_array]
    sizes: Option<&'a [u64]>,
    handles: Vec<ShmArray1<i8>>,
}

/// The same object with its arrays asked for as plain sequences.
#[derive(Deserialize)]
#[allow(dead_code)]
pub(crate) struct RichPlain {
    weight: Vec<Vec<f32>>,
    columns: Vec<Vec<f64>>,
    flags: Vec<bool>,
    sizes: Option<Vec<u64>>,
    handles: Vec<Vec<i64>>,
}

pub(crate) fn rich() -> Rich {
    let leaf = |id: u64| Leaf {
        id,
        label: (id.is_multiple_of(2)).then(|| format!("leaf {id}")),
        score: id as f32 / 4.0,
        done: id > 1,
    };
    Rich {
        name: "näme".into(),
        numbers: (1, -300, 70_000, i64::MIN, 1.5, -0.1, u128::MAX),
        option: Some(None),
        letter: 'é',
        large: vec![u64::MAX, 1, 1 << 60],
        words: vec!["one".into(), String::new(), "three".into()],
        map: [("a".to_owned(), leaf(4)), ("b.c".to_owned(), leaf(5))].into(),
        kinds: vec![
            Kind::Empty,
            Kind::One(300),
            Kind::Two(-1, "two".into()),
            Kind::Named { x: 0.5, y: Some(7) },
            Kind::Named { x: 1.5, y: None },
        ],
        leaves: (0..3).map(leaf).collect(),
        weight: array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]],
        columns: array![[1, 2], [3, 4], [5, 6]].reversed_axes(),
        flags: vec![true, false, true, true, false],
        sizes: Some(vec![1, 1 << 40]),
        point: ndarray::arr0(2.5).into_dyn(),
        empty: Vec::new().into(),
        handles: vec![vec![1, -2].into(), vec![3].into()],
        last: true,
    }
}

/// Takes whatever it is given, down to the last element, and keeps nothing.
pub(crate) struct Anything;

macro_rules! leaves {
    ($($visit:ident $ty:ty;)*) => {$(
        fn $visit<E>(self, _: $ty) -> std::result::Result<Self, E> {
            Ok(self)
        }
    )*};
}

impl<'de> Visitor<'de> for Anything {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    leaves! {
        visit_bool bool; visit_i64 i64; visit_i128 i128; visit_u64 u64; visit_u128 u128; visit_f64 f64;
        visit_char char; visit_str &str; visit_bytes &[u8];
    }

    fn visit_unit<E>(self) -> std::result::Result<Self, E> {
        Ok(self)
    }

    fn visit_none<E>(self) -> std::result::Result<Self, E> {
        Ok(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(
        self,
        d: D,
    ) -> std::result::Result<Self, D::Error> {
        d.deserialize_any(self)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> std::result::Result<Self, S::Error> {
        while seq.next_element::<Anything>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Self, M::Error> {
        while map.next_entry::<Anything, Anything>()?.is_some() {}
        Ok(self)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> std::result::Result<Self, A::Error> {
        unreachable!("nobody asked for an enum")
    }
}

impl<'de> serde::Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_any(Anything)
    }
}

/// What every read of this many bytes has to keep to, whatever they are.
pub(crate) fn bounded<R>(len: usize, read: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let (result, peak) = memory::peak(read);
    assert!(peak <= 64 * len + (1 << 20), "{len} bytes took {peak} bytes of memory");
    assert!(started.elapsed() < Duration::from_secs(1), "{len} bytes took {:?}", started.elapsed());
    result
}

/// Reads a block in every way there is, within bounds: as the struct it is, as views, as plain sequences, passed over,
/// and by what it says of itself. Gives the first, after the others have been held to: no way may panic.
pub(crate) fn read_all(block: &[u8]) -> (Result<Rich>, [Result<()>; 5]) {
    let len = block.len();
    let others = [
        bounded(len, || from_bytes::<RichView<'_>>(block).map(drop)),
        bounded(len, || from_bytes::<RichPlain>(block).map(drop)),
        bounded(len, || from_bytes::<IgnoredAny>(block).map(drop)),
        bounded(len, || from_bytes::<Anything>(block).map(drop)),
        bounded(len, || from_bytes::<serde_json::Value>(block).map(drop)),
    ];
    (bounded(len, || from_bytes::<Rich>(block)), others)
}

/// The errors' texts, so that making them does not panic either.
pub(crate) fn say<T>(result: &Result<T>) {
    if let Err(error) = result {
        let text = error.to_string();
        assert!(!text.is_empty());
        let _ = (error.kind(), error.path(), format!("{error:?}"));
    }
}
