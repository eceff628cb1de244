//! The places where shared owners may stand, what each reader makes of them in each container, and that all owners write the same.
#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use ndarray::{ArcArray1, Array1, ArrayView1, CowArray, Ix1};
use serde::{Deserialize, Serialize};
use serde_shm::array::{DeserializeArray, SerializeArray};
use serde_shm::value::Value;
use serde_shm::{AlignedBytes, Block, ShmArray1, UntypedArray, UntypedView};

use crate::support::Routed;

const LEN: usize = 5_000;
const BYTES: usize = LEN * 4;

#[derive(Clone, Serialize, Deserialize, Debug, PartialEq)]
struct Fields<T> {
    a: T,
    between: u8,
    b: T,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Nested<T> {
    left: Fields<T>,
    right: Vec<Fields<T>>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Plain<T> {
    Newtype(T),
    Tuple(T, T),
    Struct { a: T, b: T },
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(tag = "kind")]
enum Tagged<T> {
    Struct { a: T, b: T },
    Newtype(Fields<T>),
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(tag = "kind", content = "content")]
enum Adjacent<T> {
    Tuple(T, T),
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Untagged<T> {
    Number(u64),
    Struct { a: T, b: T },
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Flat<T> {
    id: u8,
    #[serde(flatten)]
    rest: Fields<T>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct FlatVariant<T> {
    id: u8,
    #[serde(flatten)]
    rest: Plain<T>,
}

type Single<T> = (T,);
type Tuple<T> = (T, u8, T);
type Map<T> = BTreeMap<String, T>;
type Optional<T> = (Option<T>, Option<T>, Option<Vec<T>>);
type Boxed<T> = Vec<Box<(T, T)>>;

/// An object in which one array stands several times.
struct Written {
    name: &'static str,
    /// How often it stands there, and how often it is placed.
    stands: usize,
    placed: usize,
    bytes: AlignedBytes,
    #[cfg(target_os = "linux")]
    segment: serde_shm::Segment,
    #[cfg(feature = "npz")]
    archive: serde_shm::Npz,
}

/// What objects are read from.
trait Source {
    fn get<'a, T: Deserialize<'a>>(&'a self) -> T;
    fn infos(&self) -> usize;
}

macro_rules! sources {
    ($($(#[$attr:meta])* $source:ty;)*) => {$(
        $(#[$attr])*
        impl Source for $source {
            fn get<'a, T: Deserialize<'a>>(&'a self) -> T {
                <$source>::get(self).unwrap()
            }

            fn infos(&self) -> usize {
                self.arrays().unwrap().len()
            }
        }
    )*};
}

sources! {
    Block;
    #[cfg(target_os = "linux")]
    serde_shm::Segment;
    #[cfg(feature = "npz")]
    serde_shm::Npz;
}

macro_rules! places {
    ($($name:literal $stands:literal $placed:literal $with:ident |$item:ident| $of:expr, |$got:pat_param| $items:expr;)*) => {
        /// The array in each place.
        fn everywhere<T: SerializeArray + Clone>(array: &T) -> Vec<Written> {
            let mut all = Vec::new();
            $({
                let $item = || Routed(array.clone());
                let object: $with<Routed<T>> = $of;
                let bytes = serde_shm::to_bytes(&object).unwrap();
                // Each way to write a block writes the same.
                let mut file = Vec::new();
                serde_shm::to_writer(&mut file, &object).unwrap();
                assert_eq!(bytes, file, "{}", $name);
                // What serde keeps in its buffer it hands to a wrapper as to any format.
                if $placed == 1 {
                    let erased = serde_shm::ser::to_bytes_with(|serializer| {
                        erased_serde::serialize(&object, serializer)
                    });
                    assert_eq!(erased.unwrap(), bytes, "{}: type-erased", $name);
                    let mut track = serde_path_to_error::Track::new();
                    let wrapped = serde_shm::ser::to_bytes_with(|serializer| {
                        object.serialize(serde_path_to_error::Serializer::new(serializer, &mut track))
                    });
                    assert_eq!(wrapped.unwrap(), bytes, "{}: wrapped", $name);
                }
                all.push(Written {
                    name: $name,
                    stands: $stands,
                    placed: $placed,
                    #[cfg(target_os = "linux")]
                    segment: serde_shm::to_shared(&object).unwrap(),
                    #[cfg(feature = "npz")]
                    archive: {
                        let folder = tempfile::tempdir().unwrap();
                        let path = folder.path().join("object.npz");
                        serde_shm::NpzOptions::new().fsync(false).save(&path, &object).unwrap();
                        serde_shm::Npz::open(&path).unwrap()
                    },
                    bytes,
                });
            })*
            all
        }

        /// The arrays as they are read from that place.
        fn read<'a, R: DeserializeArray<'a>>(name: &str, source: &'a impl Source) -> Vec<R> {
            match name {
                $($name => {
                    #[allow(irrefutable_let_patterns)]
                    let $got = source.get::<$with<Routed<R>>>() else { panic!("another variant") };
                    $items.into_iter().map(|Routed(item)| item).collect()
                })*
                other => panic!("there is no place `{other}`"),
            }
        }
    };
}

places! {
    "alone" 1 1 Single |x| (x(),), |(a,)| [a];
    "fields" 2 1 Fields |x| fields(x), |Fields { a, b, .. }| [a, b];
    "tuple" 2 1 Tuple |x| (x(), 7, x()), |(a, _, b)| [a, b];
    "list" 7 1 Vec |x| vec![x(); 7], |list| list;
    "map" 3 1 Map |x| ["p", "q", "r"].map(|key| (key.to_owned(), x())).into(), |map| map.into_values();
    "options" 4 1 Optional |x| (Some(x()), Some(x()), Some(vec![x(); 2])), |(a, b, c)| [a, b].into_iter().chain(c.unwrap().into_iter().map(Some)).map(Option::unwrap);
    "boxes" 4 1 Boxed |x| vec![Box::new((x(), x())); 2], |list| list.into_iter().flat_map(|both| [both.0, both.1]);
    "nested" 6 1 Nested |x| Nested { left: fields(x), right: vec![fields(x); 2] }, |Nested { left, right }| right.into_iter().chain([left]).flat_map(|Fields { a, b, .. }| [a, b]);
    "newtype variants" 2 1 Variants |x| vec![Plain::Newtype(x()), Plain::Newtype(x())], |list| list.into_iter().map(|item| match item { Plain::Newtype(a) => a, _ => panic!("another variant") });
    "tuple variant" 2 1 Plain |x| Plain::Tuple(x(), x()), |Plain::Tuple(a, b)| [a, b];
    "struct variant" 2 1 Plain |x| Plain::Struct { a: x(), b: x() }, |Plain::Struct { a, b }| [a, b];
    "tagged struct" 2 1 Tagged |x| Tagged::Struct { a: x(), b: x() }, |Tagged::Struct { a, b }| [a, b];
    "tagged newtype" 2 1 Tagged |x| Tagged::Newtype(fields(x)), |Tagged::Newtype(Fields { a, b, .. })| [a, b];
    "adjacent" 2 1 Adjacent |x| Adjacent::Tuple(x(), x()), |Adjacent::Tuple(a, b)| [a, b];
    "untagged" 2 1 Untagged |x| Untagged::Struct { a: x(), b: x() }, |Untagged::Struct { a, b }| [a, b];
    "flat" 2 1 Flat |x| Flat { id: 1, rest: fields(x) }, |Flat { rest: Fields { a, b, .. }, .. }| [a, b];
    "flat struct variant" 2 2 FlatVariant |x| FlatVariant { id: 1, rest: Plain::Struct { a: x(), b: x() } }, |FlatVariant { rest: Plain::Struct { a, b }, .. }| [a, b];
    // Serde copies the tuple to a buffer of its own before it hands it over.
    "flat tuple variant" 2 2 FlatVariant |x| FlatVariant { id: 1, rest: Plain::Tuple(x(), x()) }, |FlatVariant { rest: Plain::Tuple(a, b), .. }| [a, b];
}

type Variants<T> = Vec<Plain<T>>;

fn fields<T>(item: impl Fn() -> T) -> Fields<T> {
    Fields { a: item(), between: 1, b: item() }
}

fn numbers() -> Array1<f32> {
    (0..LEN).map(|n| n as f32).collect()
}

/// Where the arrays lie.
fn places<T, R>(items: &[R], start: impl Fn(&R) -> *const T) -> Vec<usize> {
    let mut starts: Vec<usize> = items.iter().map(|item| start(item).addr()).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}

fn check<'a>(
    written: &Written,
    source: &'a impl Source,
    placed: usize,
    memory: Option<&Range<*const u8>>,
) {
    let Written { name, stands, .. } = *written;
    let numbers = &numbers();
    let is_there = |start: &usize| {
        memory
            .as_ref()
            .is_none_or(|memory| (memory.start.addr()..memory.end.addr()).contains(start))
    };
    assert_eq!(source.infos(), stands, "{name}: each place has its own entry");
    macro_rules! handles {
        ($($ty:ty, $view:expr, $start:expr;)*) => {$(
            let items = read::<$ty>(name, source);
            assert_eq!(items.len(), stands, "{name}");
            for item in &items {
                assert!($view(item) == *numbers, "{name}: {}", stringify!($ty));
            }
            let starts = places(&items, $start);
            assert_eq!(starts.len(), placed, "{name}: {} on one buffer", stringify!($ty));
            assert!(starts.iter().all(is_there), "{name}: nothing was copied");
        )*};
    }
    let untyped = |array: &UntypedView<'_>| array.view::<f32, Ix1>().unwrap().to_owned();
    handles! {
        ShmArray1<f32>, |array: &ShmArray1<f32>| array.view().to_owned(), |array: &ShmArray1<f32>| array.as_ptr();
        UntypedArray, |array: &UntypedArray| untyped(&array.view()), |array: &UntypedArray| array.as_bytes().unwrap().as_ptr();
        ArrayView1<'a, f32>, |array: &ArrayView1<'_, f32>| array.to_owned(), |array: &ArrayView1<'_, f32>| array.as_ptr();
        CowArray<'a, f32, Ix1>, |array: &CowArray<'_, f32, Ix1>| array.to_owned(), |array: &CowArray<'_, f32, Ix1>| array.as_ptr();
        UntypedView<'a>, untyped, |array: &UntypedView<'_>| array.as_bytes().unwrap().as_ptr();
        &'a [f32], |items: &&[f32]| Array1::from(items.to_vec()), |items: &&[f32]| items.as_ptr();
    }
    macro_rules! owned {
        ($($ty:ty, $start:expr;)*) => {$(
            let items = read::<$ty>(name, source);
            assert_eq!(items.len(), stands, "{name}");
            for item in &items {
                assert!(item.iter().eq(numbers.iter()), "{name}: {}", stringify!($ty));
            }
            let starts = places(&items, $start);
            assert_eq!(starts.len(), stands, "{name}: each {} is one's own", stringify!($ty));
        )*};
    }
    owned! {
        Array1<f32>, |array: &Array1<f32>| array.as_ptr();
        ArcArray1<f32>, |array: &ArcArray1<f32>| array.as_ptr();
        Vec<f32>, |items: &Vec<f32>| items.as_ptr();
        Arc<[f32]>, |items: &Arc<[f32]>| items.as_ptr();
        Rc<Vec<f32>>, |items: &Rc<Vec<f32>>| items.as_ptr();
    }
}

#[test]
fn each_reader_has_the_array_in_each_place_of_each_container() {
    for written in everywhere(&ShmArray1::from(numbers())) {
        let Written { name, placed, ref bytes, .. } = written;
        let range = placed * BYTES..placed * BYTES + 3_000;
        assert!(range.contains(&bytes.len()), "{name} takes {} bytes", bytes.len());
        let block = Block::new(bytes.clone()).unwrap();
        let memory = block.as_ref().as_ptr_range();
        check(&written, &block, placed, Some(&memory));
        #[cfg(target_os = "linux")]
        {
            assert_eq!(written.segment.len(), bytes.len(), "{name}");
            check(&written, &written.segment, placed, None);
        }
        // NumPy reads members alone: each has its own elements.
        #[cfg(feature = "npz")]
        check(&written, &written.archive, written.stands, None);
    }
}

/// Each type that shares its elements writes what the others write.
fn same_as_handles<T: SerializeArray + Clone>(what: &str, array: &T) {
    let expected = everywhere(&ShmArray1::from(numbers()));
    for (found, expected) in everywhere(array).into_iter().zip(expected) {
        assert!(found.bytes == expected.bytes, "{what} in `{}`", found.name);
        #[cfg(target_os = "linux")]
        assert_eq!(found.segment.len(), expected.segment.len(), "{what} in `{}`", found.name);
    }
}

#[test]
fn all_that_share_write_the_same() {
    let list = numbers().to_vec();
    same_as_handles("ArcArray", &ArcArray1::from(numbers()));
    same_as_handles("UntypedArray", &UntypedArray::from(ShmArray1::from(numbers())));
    same_as_handles("Arc<[A]>", &Arc::<[f32]>::from(&list[..]));
    same_as_handles("Rc<[A]>", &Rc::<[f32]>::from(&list[..]));
    same_as_handles("Arc<Vec<A>>", &Arc::new(list.clone()));
    same_as_handles("Rc<Vec<A>>", &Rc::new(list.clone()));
    same_as_handles("Arc<[A; N]>", &Arc::<[f32; 5_000]>::new(list.clone().try_into().unwrap()));
    same_as_handles("Rc<[A; N]>", &Rc::<[f32; 5_000]>::new(list.try_into().unwrap()));
    same_as_handles("Arc<ArcArray>", &Arc::new(ArcArray1::from(numbers())));
    same_as_handles("Rc<ShmArray>", &Rc::new(ShmArray1::from(numbers())));
    same_as_handles("Arc<Arc<[A]>>", &Arc::new(Arc::<[f32]>::from(numbers().to_vec())));
    same_as_handles("&ArcArray", &&ArcArray1::from(numbers()));
    same_as_handles("Box<ShmArray>", &Box::new(ShmArray1::from(numbers())));
}

/// An object that is read as a value and written again shares what it shared.
#[test]
fn a_value_is_written_in_the_same_bytes() {
    for written in everywhere(&ArcArray1::from(numbers())) {
        let name = written.name;
        let block = Block::new(written.bytes.clone()).unwrap();
        let value = block.value().unwrap();
        assert!(serde_shm::to_bytes(&value).unwrap() == written.bytes, "{name} by a block");
        let field: Value = block.get().unwrap();
        assert!(serde_shm::to_bytes(&field).unwrap() == written.bytes, "{name} as a field");
        let copied: Value = serde_shm::from_bytes(&written.bytes).unwrap();
        assert!(serde_shm::to_bytes(&copied).unwrap() == written.bytes, "{name} copied");
        let read: Value = serde_shm::from_reader(&written.bytes[..]).unwrap();
        assert!(serde_shm::to_bytes(&read).unwrap() == written.bytes, "{name} from a reader");
        #[cfg(target_os = "linux")]
        {
            let value = written.segment.value().unwrap();
            assert!(serde_shm::to_bytes(&value).unwrap() == written.bytes, "{name} by a segment");
            let copy = serde_shm::to_shared(&block.value().unwrap()).unwrap();
            assert_eq!(copy.len(), written.bytes.len(), "{name} into a segment");
        }
    }
}
