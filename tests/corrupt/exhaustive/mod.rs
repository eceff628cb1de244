//! One small object in each container, changed in every small way there is: each bit flipped, each truncation, each
//! pair of words swapped.
//!
//! A reader then gives the same value or an error, in bounded time and memory. Where the checksums are made right after
//! the change, it may also give another value. `block` has the bytes of one object, `archive` the `.npz`, `shared` the segments.

#[cfg(feature = "npz")]
mod archive;
mod block;
#[cfg(target_os = "linux")]
mod shared;
#[cfg(feature = "npz")]
mod zip;

use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use serde::de::IgnoredAny;
use serde_shm::{
    ArrayInfo, Deserialize, DynArray, Element, Result, Serialize, ShmArray1, from_bytes,
};

use crate::corrupt::forge::{HEADER, Parts};
use crate::corrupt::model::{Anything, bounded, say};

#[derive(Clone, Copy, Element, PartialEq, Debug)]
#[repr(C)]
struct Point {
    id: u32,
    on: bool,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Kind {
    Empty,
    Pair(u8, Option<i64>),
}

/// Something of everything that the format has, in few bytes.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Small {
    name: String,
    kinds: Vec<Kind>,
    map: BTreeMap<u8, f32>,
    #[shm_array]
    flags: Vec<bool>,
    scores: Array2<i16>,
    points: ShmArray1<Point>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct View<'a> {
    name: &'a str,
    #[shm_array]
    flags: &'a [bool],
    scores: ArrayView2<'a, i16>,
}

/// The arrays as lists, of a wider type where there is one.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Lists {
    flags: Vec<bool>,
    scores: Vec<Vec<i64>>,
    points: IgnoredAny,
}

/// Read by way of serde's buffer.
#[derive(Deserialize)]
#[serde(untagged)]
#[allow(dead_code)]
enum Buffered {
    Only(Lists),
}

fn small(scores: usize) -> Small {
    Small {
        name: "å".to_owned(),
        kinds: vec![Kind::Pair(7, Some(-300)), Kind::Empty],
        map: BTreeMap::from([(1, 0.5)]),
        flags: vec![true, false, true],
        scores: Array2::from_elem((2, scores), 513),
        points: vec![Point { id: 5, on: true }].into(),
    }
}

/// What a container is once it was opened.
trait Opened {
    fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T>;
    fn arrays(&self) -> Result<Vec<ArrayInfo>>;
    fn array_dyn(&self, path: &str) -> Result<DynArray>;
}

/// A block in memory, which has no handle.
struct Block<'b>(&'b [u8]);

impl Opened for Block<'_> {
    fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        from_bytes(self.0)
    }

    fn arrays(&self) -> Result<Vec<ArrayInfo>> {
        Ok(Vec::new())
    }

    fn array_dyn(&self, _: &str) -> Result<DynArray> {
        from_bytes(self.0)
    }
}

/// Reads an object in every way there is, each within the bounds of so many bytes.
fn look(len: usize, opened: &impl Opened) -> Result<Small> {
    fn way<'a, T: Deserialize<'a>>(len: usize, opened: &'a impl Opened) -> bool {
        let result = bounded(len, || opened.get::<T>().map(drop));
        say(&result);
        result.is_ok()
    }
    way::<View<'_>>(len, opened);
    way::<Lists>(len, opened);
    way::<Buffered>(len, opened);
    way::<Anything>(len, opened);
    let infos = bounded(len, || opened.arrays());
    say(&infos);
    for info in infos.iter().flatten().take(4) {
        say(&bounded(len, || opened.array_dyn(info.path())));
    }
    let value = bounded(len, || opened.get::<Small>());
    say(&value);
    value
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Bit {
        at: usize,
        bit: u32,
    },
    Cut {
        len: usize,
    },
    /// Two words of eight bytes.
    Swap {
        first: usize,
        second: usize,
    },
}

impl Change {
    /// `None` if nothing is changed by it.
    fn apply(self, honest: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = honest.to_vec();
        match self {
            Change::Bit { at, bit } => bytes[at] ^= 1 << bit,
            Change::Cut { len } => bytes.truncate(len),
            Change::Swap { first, second } => {
                for at in 0..8 {
                    bytes.swap(first + at, second + at);
                }
            }
        }
        (bytes != honest).then_some(bytes)
    }

    /// Whether all that it changes lies in one of these places.
    fn is_within(self, places: &[Range<usize>]) -> bool {
        let within = |range: Range<usize>| {
            places.iter().any(|place| place.start <= range.start && range.end <= place.end)
        };
        match self {
            Change::Bit { at, .. } => within(at..at + 1),
            Change::Cut { .. } => false,
            Change::Swap { first, second } => {
                within(first..first + 8) && within(second..second + 8)
            }
        }
    }
}

/// Every bit and every truncation of so many bytes, and every pair of words of each set of places.
fn changes(len: usize, sets: &[Vec<Range<usize>>]) -> Vec<Change> {
    let bits = (0..len).flat_map(|at| (0..8).map(move |bit| Change::Bit { at, bit }));
    let cuts = (0..len).map(|len| Change::Cut { len });
    let mut changes: Vec<Change> = bits.chain(cuts).collect();
    for set in sets {
        let words: Vec<usize> = set.iter().flat_map(words).collect();
        for (number, &first) in words.iter().enumerate() {
            let swap = |&second: &usize| Change::Swap { first, second };
            changes.extend(words[number + 1..].iter().map(swap));
        }
    }
    changes
}

/// The whole words of a place, and one that ends where it ends.
fn words(place: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
    let (start, end) = (place.start, place.end);
    let whole = (start..end).step_by(8).filter(move |at| at + 8 <= end);
    let last = (end - start >= 8 && !(end - start).is_multiple_of(8)).then(|| end - 8);
    whole.chain(last)
}

/// What became of all changes.
#[derive(Default, Debug)]
struct Tally {
    same: u32,
    other: u32,
    refused: u32,
}

impl Tally {
    fn count<T: PartialEq>(&mut self, honest: &T, found: &Result<T>) {
        match found {
            Ok(value) if value == honest => self.same += 1,
            Ok(_) => self.other += 1,
            Err(_) => self.refused += 1,
        }
    }
}

/// Where the words of a block lie that are not array data.
fn block_words(parts: &Parts, at: usize) -> Vec<Range<usize>> {
    let trailer = parts.trailer..parts.trailer + 64;
    let places = [0..HEADER, parts.inline.clone(), parts.tables.clone(), parts.directory.clone()];
    let places = places.into_iter().chain([trailer]);
    places.map(|place| place.start + at..place.end + at).collect()
}
