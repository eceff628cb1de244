//! Types that are read from a container that may hold anything: typed structs with every kind of array, and whatever takes
//! anything.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::net::IpAddr;

use half::{bf16, f16};
use ndarray::{
    Array0, Array1, Array2, Array3, ArrayD, ArrayView1, ArrayView2, ArrayViewD, CowArray,
};
use num_complex::Complex32;
use serde::de::{
    Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_shm::element::{Datetime64, FixedBytes, FixedStr, Nanoseconds};
use serde_shm::{Deserialize, DynArray, Result, Serialize, ShmArray1, ShmArray2};

use crate::array::Point;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub struct Leaf {
    pub id: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    pub score: f32,
    pub done: bool,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub enum Kind {
    Empty,
    One(u32),
    Two(i8, String),
    Named { x: f64, y: Option<u16> },
    Array(Array1<f32>),
}

/// Everything inline that serde knows, and arrays as owners.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Rich {
    pub name: String,
    pub numbers: (u8, i16, u32, i64, f32, f64, u128),
    pub option: Option<Option<bool>>,
    pub letter: char,
    pub large: Vec<u64>,
    pub words: Vec<String>,
    pub map: BTreeMap<String, Leaf>,
    pub kinds: Vec<Kind>,
    pub leaves: Vec<Leaf>,
    pub weight: Array2<f32>,
    pub columns: Array2<i16>,
    #[shm_array]
    pub flags: Vec<bool>,
    #[shm_array]
    pub sizes: Option<Vec<u64>>,
    pub point: ArrayD<f64>,
    pub empty: ShmArray1<u8>,
    pub handles: Vec<ShmArray1<i8>>,
    #[serde(with = "serde_bytes")]
    pub blob: Vec<u8>,
    pub address: IpAddr,
    pub last: bool,
}

/// Arrays of every dtype, and every owner.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Arrays {
    pub halves: Array1<f16>,
    pub brains: ShmArray2<bf16>,
    pub complex: Array1<Complex32>,
    pub points: ShmArray1<Point>,
    pub times: ShmArray1<Datetime64<Nanoseconds>>,
    pub texts: ShmArray1<FixedStr<3>>,
    pub bytes: ShmArray1<FixedBytes<3>>,
    pub zero: Array0<i64>,
    pub cube: Array3<u8>,
    #[shm_array]
    pub boxed: Box<[u32]>,
    #[shm_array]
    pub fixed: [u16; 3],
    #[shm_array]
    pub rows: Vec<[f32; 2]>,
    #[shm_array]
    pub ragged: Vec<Vec<u8>>,
    pub any: DynArray,
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub struct RichView<'a> {
    name: &'a str,
    #[serde(borrow)]
    words: Vec<&'a str>,
    #[serde(borrow)]
    map: BTreeMap<&'a str, Leaf>,
    kinds: Vec<IgnoredAny>,
    weight: ArrayView2<'a, f32>,
    columns: CowArray<'a, i16, ndarray::Ix2>,
    #[shm_array]
    flags: &'a [bool],
    #[shm_array]
    sizes: Option<&'a [u64]>,
    point: ArrayViewD<'a, f64>,
    #[serde(borrow, with = "serde_bytes")]
    blob: &'a [u8],
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub struct ArraysView<'a> {
    halves: ArrayView1<'a, f16>,
    points: ArrayView1<'a, Point>,
    times: ArrayView1<'a, Datetime64<Nanoseconds>>,
    texts: ArrayView1<'a, FixedStr<3>>,
    #[shm_array]
    boxed: Cow<'a, [u32]>,
    #[shm_array]
    rows: &'a [[f32; 2]],
}

/// The same fields as lists, of wider types where there are such.
#[derive(Deserialize)]
#[allow(dead_code)]
pub struct Lists {
    weight: Vec<Vec<f32>>,
    columns: Vec<Vec<f64>>,
    flags: VecDeque<bool>,
    sizes: Option<HashSet<u64>>,
    handles: Vec<Vec<i64>>,
    blob: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
pub enum Untagged {
    Number(u8),
    Array(ArrayD<f32>),
    Marked(#[serde(with = "serde_shm::array")] Vec<u64>),
    Dynamic(DynArray),
    Items(Vec<Untagged>),
    Map(BTreeMap<String, Untagged>),
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub struct Flat {
    name: String,
    #[serde(flatten)]
    rest: BTreeMap<String, Untagged>,
}

/// A type that holds itself in every way.
#[derive(Deserialize)]
#[allow(dead_code)]
pub enum Tree {
    Leaf(u8),
    List(Vec<Tree>),
    Option(Option<Box<Tree>>),
    Map(BTreeMap<u8, Tree>),
    Named { left: Box<Tree>, right: Box<Tree> },
}

#[derive(Deserialize)]
#[allow(dead_code)]
pub struct Nest(Vec<Nest>);

/// Takes whatever it is given, down to the last element, and keeps nothing.
pub struct Anything;

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

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> std::result::Result<Self, A::Error> {
        let (_, content) = access.variant::<Anything>()?;
        content.newtype_variant::<Anything>()
    }
}

impl<'de> serde::Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_any(Anything)
    }
}

/// A visitor that asks out of order and stops where it likes: values before their keys, not to the end.
pub struct Unruly;

impl<'de> Visitor<'de> for Unruly {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map or a sequence")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> std::result::Result<Self, S::Error> {
        let _ = (seq.size_hint(), seq.next_element::<Unruly>().is_ok());
        Ok(self)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Self, M::Error> {
        let _ = (map.size_hint(), map.next_value::<IgnoredAny>().is_ok());
        let _ = map.next_key::<IgnoredAny>().is_ok();
        let _ = map.next_key::<String>().is_ok();
        let _ = map.next_value::<Unruly>().is_ok();
        let _ = map.next_value::<u8>().is_ok();
        Ok(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> serde::Deserialize<'de> for Unruly {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_map(Unruly)
    }
}

/// The errors' texts, so that making them does not panic either.
pub fn say<T>(result: Result<T>) {
    if let Err(error) = result {
        assert!(!error.to_string().is_empty());
        let _ = (error.path(), error.container().map(str::len), error.kind(), format!("{error:?}"));
        let _ = std::error::Error::source(&error).map(ToString::to_string);
    }
}

/// Calls the macro `$read` with each type that a container is read as; `few`: with those that stand for the others, since
/// each type is code of its own for each container.
#[macro_export]
macro_rules! each_type {
    ($read:ident) => {
        $crate::each_type!($read few);
        $crate::each_type! { $read:
            $crate::anything::ArraysView<'_>, $crate::anything::Lists, $crate::anything::Unruly,
            $crate::anything::Flat, $crate::anything::Tree, $crate::anything::Nest,
            serde_shm::DynArray, Vec<(u8, String)>, u128, (),
        }
    };
    ($read:ident few) => {
        $crate::each_type! { $read:
            $crate::anything::Rich, $crate::anything::Arrays, $crate::anything::RichView<'_>,
            $crate::anything::Anything, $crate::anything::Untagged, serde::de::IgnoredAny,
            serde_json::Value, std::collections::BTreeMap<String, serde_shm::DynArray>,
        }
    };
    ($read:ident: $($ty:ty),* $(,)?) => {
        $($read!($ty);)*
    };
}
