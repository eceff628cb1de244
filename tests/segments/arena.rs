//! Segments that are built in place.
#![allow(unsafe_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array1, Array2, Ix1, Ix2, ShapeBuilder, array, s};
use proptest::prelude::*;
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_shm::element::FixedBytes;
use serde_shm::{
    Arena, ArenaArray, AtomicArray, Deserialize, Element, ErrorKind, Segment, SegmentOptions,
    Serialize, ShmArray1, ShmArray2, from_bytes, from_shared, to_bytes, to_shared,
};

use crate::child::{Child, say};

const MIB: usize = 1 << 20;

fn arena() -> Arena {
    Arena::new(SegmentOptions::new()).unwrap()
}

fn name(what: &str) -> String {
    format!("arena-{what}-{}", std::process::id())
}

/// Where an array of a segment lies.
fn place(segment: &Segment, path: &str) -> usize {
    let arrays = segment.arrays().unwrap();
    let info = arrays.iter().find(|info| info.path() == path).unwrap();
    usize::try_from(info.range().unwrap().start).unwrap()
}

#[derive(Serialize)]
struct Built {
    name: String,
    large: ArenaArray<f64, Ix2>,
    small: BTreeMap<String, ArenaArray<u16, Ix1>>,
    owned: Array1<i32>,
}

#[derive(Deserialize)]
struct Read<'a> {
    name: &'a str,
    #[serde(borrow)]
    large: ndarray::ArrayView2<'a, f64>,
    #[serde(borrow)]
    small: BTreeMap<&'a str, ShmArray1<u16>>,
    owned: Vec<i32>,
}

/// In a role: reads what the parent has built.
pub(crate) fn sum(id: &str) {
    let segment = Segment::open(id).unwrap();
    let read: Read<'_> = segment.get().unwrap();
    let small: u64 =
        read.small.values().flat_map(|array| array.iter()).map(|n| u64::from(*n)).sum();
    say(format!("{} {} {} {:?}", read.name, read.large.sum(), small, read.owned));
}

#[test]
fn another_process_reads_what_was_built_in_place() {
    let arena = arena();
    let mut large = arena.zeros::<f64, _>((600, 1000)).unwrap();
    large.column_mut(3).fill(2.0);
    let small = (0..100_u16)
        .map(|n| (n.to_string(), arena.from_fn(usize::from(n), |i| i as u16).unwrap()))
        .collect();
    let built = Built { name: "b".into(), large, small, owned: array![1, -2] };
    let segment = arena.publish(&built).unwrap();
    let mut child = Child::start("arena-sum", &[segment.id()]);
    assert_eq!(child.line(), "b 1200 161700 [1, -2]");
    child.finish();
}

/// Each way to make an array, each layout, and sizes on both sides of each threshold.
#[test]
fn arrays_of_every_kind_come_back() {
    #[derive(Clone, Copy, Debug, PartialEq, Element, serde::Serialize, serde::Deserialize)]
    #[repr(C)]
    struct Pair {
        flag: bool,
        count: u8,
        value: u16,
    }
    let arena = arena();
    let base = Array2::from_shape_fn((50, 40), |(i, j)| i32::try_from(100 * i + j).unwrap());
    let columns = arena.zeros::<i16, _>((5, 4).f()).unwrap();
    let pair = Pair { flag: true, count: 2, value: 7 };
    let text: FixedBytes<3> = "abc".try_into().unwrap();
    let counted = arena.from_iter(0..300_000_u32).unwrap();
    let uncounted = arena.from_iter((0..10_u8).filter(|n| n % 3 == 0)).unwrap();
    let value = (
        (arena.copy_of(&base).unwrap(), arena.copy_of(&base.t().to_owned()).unwrap()),
        (arena.copy_of(&base.t()).unwrap(), arena.copy_of(&base.slice(s![..;2, 3..])).unwrap()),
        (columns, arena.zeros::<f32, _>((0, 3)).unwrap(), arena.from_elem((), 2.5_f32).unwrap()),
        (arena.from_elem(3, true).unwrap(), arena.from_elem(2, pair).unwrap()),
        (arena.from_elem((2, 2), text).unwrap(), counted, uncounted),
    );
    assert_eq!(value.1.0.strides(), [1, 40]);
    let segment = arena.publish(&value).unwrap();
    type Back = (
        (ShmArray2<i32>, ShmArray2<i32>),
        (ShmArray2<i32>, ShmArray2<i32>),
        (Array2<i16>, Array2<f32>, ndarray::Array0<f32>),
        (Array1<bool>, Array1<Pair>),
        (Array2<FixedBytes<3>>, ShmArray1<u32>, Vec<u8>),
    );
    let (whole, views, c, d, e): Back = segment.get().unwrap();
    assert!(whole.0 == base.view() && whole.1 == base.t());
    assert!(views.0 == base.t() && views.1 == base.slice(s![..;2, 3..]));
    assert_eq!(c, (Array2::zeros((5, 4)), Array2::zeros((0, 3)), ndarray::arr0(2.5)));
    assert_eq!(d, (Array1::from_elem(3, true), Array1::from_elem(2, pair)));
    assert_eq!(e.0, Array2::from_elem((2, 2), text));
    assert_eq!((e.1.len(), e.1[299_999], e.2), (300_000, 299_999, vec![0, 3, 6, 9]));
    // It is a block as any other.
    let mut block = Vec::new();
    segment.write_block(&mut block).unwrap();
    let copy = SegmentOptions::new().create_from_bytes(&block).unwrap();
    assert_eq!(copy.get::<Back>().unwrap().4.1[7], 7);
}

/// What was in the padding of a value on the stack got into the segment.
#[test]
fn elements_with_padding_are_refused_and_copied_without_it() {
    #[derive(Clone, Copy, Debug, PartialEq, Element)]
    #[repr(C)]
    struct Padded {
        flag: bool,
        value: u32,
    }
    #[derive(Serialize)]
    struct Value {
        #[shm_array]
        pairs: Array1<Padded>,
        numbers: ArenaArray<u8, Ix1>,
    }
    let arena = arena();
    let pairs = Array1::from_elem(3, Padded { flag: true, value: 7 });
    for error in [
        arena.zeros::<Padded, _>(3).unwrap_err(),
        arena.copy_of(&pairs).unwrap_err(),
        arena.from_iter(pairs.to_vec()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("without padding"), "{error}");
        assert!(error.to_string().contains("value"), "{error}");
    }
    let numbers = arena.from_elem(5, 1_u8).unwrap();
    let segment = arena.publish(&Value { pairs: pairs.clone(), numbers }).unwrap();
    assert_eq!(segment.array::<Padded, Ix1>("pairs").unwrap(), pairs);
}

/// What lies in the arena is not copied, by whatever type it is written.
#[test]
fn what_lies_in_the_arena_is_referred_to() {
    let arena = arena();
    let table = arena.from_fn((2 * MIB, 2), |(row, _)| row as u32).unwrap();
    let first = arena.from_elem(1000, 1_u8).unwrap().into_shared();
    let bytes = table.len() * 4;
    #[derive(Serialize)]
    struct Value<'a> {
        table: &'a ArenaArray<u32, Ix2>,
        again: &'a ArenaArray<u32, Ix2>,
        view: ndarray::ArrayView2<'a, u32>,
        rows: ndarray::ArrayView2<'a, u32>,
        #[shm_array]
        marked: &'a [u32],
        shared: (ShmArray1<u8>, ShmArray1<u8>),
        gaps: ndarray::ArrayView1<'a, u32>,
        owned: Array1<i32>,
    }
    let value = Value {
        table: &table,
        again: &table,
        view: table.view(),
        rows: table.slice(s![10..20, ..]),
        marked: &table.as_slice().unwrap()[MIB..],
        shared: (first.clone(), first),
        gaps: table.slice(s![..5, 1]),
        owned: array![1, 2],
    };
    let segment = arena.publish(&value).unwrap();
    assert!(segment.len() < bytes + (64 << 10), "{} for {bytes}", segment.len());
    let at = place(&segment, "table");
    assert_eq!((place(&segment, "again"), place(&segment, "view")), (at, at));
    assert_eq!((place(&segment, "rows"), place(&segment, "marked")), (at + 80, at + 4 * MIB));
    assert_eq!(place(&segment, "shared.0"), place(&segment, "shared.1"));
    assert_eq!(segment.array::<u32, Ix2>("rows").unwrap(), table.slice(s![10..20, ..]));
    assert_eq!(segment.array::<u32, Ix1>("marked").unwrap()[0], MIB as u32 / 2);
    assert_eq!(segment.array::<u8, Ix1>("shared.1").unwrap().to_vec(), [1; 1000]);
    assert_eq!(segment.array::<u32, Ix1>("gaps").unwrap().to_vec(), [0, 1, 2, 3, 4]);
    assert_eq!(segment.array::<i32, Ix1>("owned").unwrap().to_vec(), [1, 2]);
    // Elsewhere it is copied as any array is.
    let other = to_shared(&table).unwrap();
    assert_eq!(other.get::<ShmArray2<u32>>().unwrap(), table.view());
    assert_eq!(
        from_bytes::<Array2<u32>>(&to_bytes(&table.slice(s![..3, ..])).unwrap()).unwrap()[[2, 1]],
        2
    );
}

#[test]
fn what_is_written_after_publishing_stays_here() {
    let arena = arena();
    let mut large = arena.from_elem(MIB, 1_u32).unwrap();
    let mut small = arena.from_elem(10, 1_u32).unwrap();
    let mut beside = arena.from_elem(10, 1_u32).unwrap();
    let segment = arena.publish(&(&large, &small)).unwrap();
    for array in [&mut large, &mut small, &mut beside] {
        assert!(array.iter().all(|n| *n == 1));
        array.fill(2);
    }
    let seen = Segment::open(segment.id()).unwrap();
    let (a, b): (ShmArray1<u32>, ShmArray1<u32>) = seen.get().unwrap();
    assert!(a.iter().chain(b.iter()).all(|n| *n == 1));
    assert!([large.view(), small.view(), beside.view()].iter().flatten().all(|n| *n == 2));
    drop(segment);
    drop(seen);
    assert_eq!(large.sum(), 2 * MIB as u32);
    // What was made immutable does not change either, and is kept after the segment.
    let shared = small.into_shared();
    assert_eq!(shared, Array1::from_elem(10, 2_u32));
}

/// The mapping of an array that a thread writes to changes under it.
#[test]
fn threads_write_on_while_others_are_published() {
    for round in 0..20_u32 {
        let arena = arena();
        let done = AtomicBool::new(false);
        let mut beside = arena.zeros::<u32, _>(MIB).unwrap();
        let mut tiny = arena.zeros::<u32, _>(100).unwrap();
        let value = arena.from_elem(100_000, round).unwrap();
        let segment = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut turn = 0;
                while !done.load(Ordering::Relaxed) || turn < 3 {
                    turn += 1;
                    beside.fill(turn);
                    tiny.fill(turn);
                    assert!(beside.iter().chain(tiny.iter()).all(|n| *n == turn));
                }
            });
            let segment = arena.publish(&value).unwrap();
            done.store(true, Ordering::Relaxed);
            writer.join().unwrap();
            segment
        });
        assert_eq!(segment.get::<ShmArray1<u32>>().unwrap(), value.view());
    }
}

#[test]
fn many_threads_make_and_fill_arrays() {
    let arena = arena();
    let mut table = arena.zeros::<u64, _>((8, MIB / 8)).unwrap();
    let made: Vec<Vec<ArenaArray<u64, Ix1>>> = std::thread::scope(|scope| {
        let threads: Vec<_> = table
            .rows_mut()
            .into_iter()
            .zip(1..)
            .map(|(mut row, number)| {
                let arena = &arena;
                scope.spawn(move || {
                    row.fill(number);
                    (0..200).map(|n| arena.from_elem(n * 37, number).unwrap()).collect()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let segment = arena.publish(&(&table, &made)).unwrap();
    let (table, made): (ShmArray2<u64>, Vec<Vec<Array1<u64>>>) = segment.get().unwrap();
    for (number, (row, arrays)) in (1..).zip(table.rows().into_iter().zip(&made)) {
        assert!(row.iter().all(|n| *n == number));
        for (n, array) in arrays.iter().enumerate() {
            assert_eq!(array, &Array1::from_elem(n * 37, number));
        }
    }
}

/// Memory of this process that is resident in the page cache of memfds, in KiB.
fn shared_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssShmem:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn what_is_dropped_gives_its_memory_back_and_its_bytes_are_zero() {
    Child::run_alone("arena", &["memory"]);
}

fn memory() {
    let arena = arena();
    for _ in 0..50 {
        let array = arena.from_elem(20 * MIB, 7_u8).unwrap();
        assert_eq!(array[MIB], 7);
    }
    assert!(shared_memory() < 40 << 10, "{} KiB", shared_memory());
    let kept = arena.from_elem(5, 9_u8).unwrap();
    drop((arena.from_elem(100, 7_u8).unwrap(), arena.from_elem(70_000, 7_u8).unwrap()));
    let last = arena.from_elem(5, 9_u8).unwrap();
    let segment = arena.publish(&(&kept, &last)).unwrap();
    let mut block = Vec::new();
    segment.write_block(&mut block).unwrap();
    let (from, to) = (place(&segment, "0") + 5, place(&segment, "1"));
    assert!(to - from > 70_000 && block[from..to].iter().all(|byte| *byte == 0));
    assert!(block[64..from - 5].iter().all(|byte| *byte == 0));
    drop((segment, block));
    // The arrays outlive what they were made in.
    let other = Arena::new(SegmentOptions::new()).unwrap();
    let array = other.from_elem(MIB, 3_u8).unwrap();
    drop(other);
    assert_eq!((kept[4], array.iter().map(|n| u64::from(*n)).sum()), (9, 3 * MIB as u64));
    drop((kept, last, array));
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert_eq!(maps.matches("serde_shm (deleted)").count(), 0, "{maps}");
    assert_eq!(shared_memory(), 0);
    say("done");
}

pub(crate) fn run(what: &str) {
    match what {
        "memory" => memory(),
        "limits" => limits(),
        "forks" => forks(),
        other => panic!("no such role: {other}"),
    }
}

/// A want of memory is an error and not a signal, and nothing is lost by it.
#[test]
fn limits_are_errors() {
    Child::run_alone("arena", &["limits"]);
}

fn limits() {
    let arena = arena();
    let kept = arena.from_elem(100, 1_u8).unwrap();
    let set = |resource, most: usize| {
        setrlimit(resource, Rlimit { current: Some(most as u64), maximum: None }).unwrap();
    };
    set(Resource::Fsize, 72 * MIB);
    let error = arena.zeros::<u8, _>(100 * MIB).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("RLIMIT_FSIZE"), "{error}");
    let error = arena.zeros::<u64, _>((usize::MAX / 2, 2)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
    let error = arena.zeros::<u8, _>(1 << 62).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    // The segment would be longer than is allowed.
    let large = arena.from_elem(60 * MIB, 2_u8).unwrap();
    let error = arena.publish(&(&large, vec![3_u8; 20 * MIB])).unwrap_err();
    assert!(error.to_string().contains("RLIMIT_FSIZE"), "{error}");
    assert_eq!((kept[99], large[60 * MIB - 1]), (1, 2));
    set(Resource::Fsize, usize::MAX);
    set(Resource::As, 2 << 30);
    let arena = Arena::new(SegmentOptions::new()).unwrap();
    let error = arena.zeros::<u8, _>(3 << 30).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("RLIMIT_AS"), "{error}");
    let nine = arena.from_elem(9, 1_u8).unwrap();
    assert_eq!(arena.publish(&nine).unwrap().get::<[u8; 9]>().unwrap(), [1; 9]);
    say("done");
}

/// A child that was forked has no part in an arena.
#[test]
fn a_forked_child_has_no_access() {
    Child::run_alone("arena", &["forks"]);
}

fn in_fork(child: impl FnOnce()) -> Result<i32, i32> {
    // SAFETY: no other thread of this role works; the child ends without destructors, which are the parent's.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child();
        // SAFETY: as above.
        unsafe { libc::_exit(0) }
    }
    let mut status = 0;
    // SAFETY: `status` is an integer of its own, for the call to fill.
    assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
    if libc::WIFSIGNALED(status) {
        Err(libc::WTERMSIG(status))
    } else {
        Ok(libc::WEXITSTATUS(status))
    }
}

fn forks() {
    let arena = arena();
    let mut array = arena.from_elem(MIB, 1_u32).unwrap();
    let small = arena.from_elem(3, 1_u32).unwrap();
    assert_eq!(in_fork(|| assert_eq!(array[5], 1)), Err(libc::SIGSEGV));
    assert_eq!(in_fork(|| array.fill(2)), Err(libc::SIGSEGV));
    assert_eq!(
        in_fork(|| {
            let error = arena.zeros::<u8, _>(10).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }),
        Ok(0)
    );
    // What it drops takes nothing from the parent.
    let (mut array, mut small) = (Some(array), Some(small));
    assert_eq!(in_fork(|| drop((array.take(), small.take()))), Ok(0));
    let (array, small) = (array.unwrap(), small.unwrap());
    assert_eq!((array[MIB - 1], small[2]), (1, 1));
    // A child that lives on does not keep the parent from sealing the memory.
    // SAFETY: as above.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        loop {
            std::thread::park(); // until its parent's signal
        }
    }
    let segment = arena.publish(&(&array, &small)).unwrap();
    // SAFETY: the child is this process's own and was not waited for.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
    // SAFETY: no status is asked for.
    assert_eq!(unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) }, pid);
    // From now on a child has a copy of its own.
    let mut array = array;
    assert_eq!(in_fork(|| array.fill(5)), Ok(0));
    assert_eq!(
        (array[0], from_shared::<(Vec<u32>, Vec<u32>)>(segment.id()).unwrap().1),
        (1, vec![1; 3])
    );
    say("done");
}

#[test]
fn options_hold_for_what_is_built() {
    let name = &name("options");
    let options = SegmentOptions::new().name(name);
    let first = Arena::new(options.clone()).unwrap();
    let second = Arena::new(options.clone()).unwrap();
    let third = Arena::new(options.clone().replace(true)).unwrap();
    let value = first.from_elem(10, 1_u8).unwrap();
    let held = first.publish(&value).unwrap();
    assert_eq!(held.name(), Some(name.as_str()));
    let value = second.from_elem(10, 2_u8).unwrap();
    assert_eq!(second.publish(&value).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(value[9], 2);
    let value = third.from_elem(10, 3_u8).unwrap();
    let _newer = third.publish(&value).unwrap();
    assert_eq!(from_shared::<Vec<u8>>(name).unwrap(), [3; 10]);
    for wrong in [SegmentOptions::new().name("../x"), options.persist(true)] {
        let error = Arena::new(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}

/// Where the kernel makes no huge pages, the error says so; else all is as ever.
#[test]
fn huge_pages_are_had_or_refused_with_a_reason() {
    let options = SegmentOptions::new().huge_pages(true);
    let text = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
    let has_some = text.is_ok_and(|text| !text.contains("[never]") && !text.contains("[deny]"));
    let value = Array1::from_elem(3 * MIB, 7_u8);
    let made = options.create(&value);
    let arena = Arena::new(options.clone());
    if has_some {
        assert_eq!(made.unwrap().get::<ShmArray1<u8>>().unwrap(), value);
        let arena = arena.unwrap();
        let (large, small) =
            (arena.copy_of(&value).unwrap(), arena.copy_of(&value.slice(s![..9])).unwrap());
        let segment = arena.publish(&(large, small)).unwrap();
        assert_eq!(segment.get::<(Vec<u8>, Vec<u8>)>().unwrap().1, [7; 9]);
    } else {
        for error in [made.unwrap_err(), arena.unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains("shmem_enabled"), "{error}");
        }
    }
    let error = options.name("x").persist(true).create(&1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[test]
fn an_error_of_the_value_leaves_the_arrays() {
    struct Fails<'a>(&'a ArenaArray<u8, Ix1>);
    impl serde::Serialize for Fails<'_> {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(s)?;
            Err(serde::ser::Error::custom("not today"))
        }
    }
    let arena = arena();
    let array = arena.from_elem(2 * MIB, 4_u8).unwrap();
    let error = arena.publish(&Fails(&array)).unwrap_err();
    assert!(error.to_string().contains("not today"), "{error}");
    let again = Arena::new(SegmentOptions::new()).unwrap();
    let copy = again.copy_of(&array).unwrap();
    assert_eq!(again.publish(&copy).unwrap().get::<Vec<u8>>().unwrap(), vec![4; 2 * MIB]);
}

/// An array that its own `Serialize` gives up was referred to already.
#[test]
fn an_array_that_is_dropped_while_it_is_published_is_in_the_segment() {
    struct Takes(RefCell<Option<ArenaArray<u8, Ix1>>>);
    impl serde::Serialize for Takes {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            let array = self.0.take().unwrap();
            array.serialize(s)
        }
    }
    for len in [100, 2 * MIB] {
        let arena = arena();
        let value = Takes(RefCell::new(Some(arena.from_elem(len, 6_u8).unwrap())));
        let segment = arena.publish(&value).unwrap();
        assert_eq!(segment.get::<Vec<u8>>().unwrap(), vec![6; len]);
    }
}

#[test]
fn live_arrays_and_other_containers_stand_in_the_value_as_ever() {
    let arena = arena();
    let array = arena.from_elem(1000, 1.5_f32).unwrap();
    let inner = to_bytes(&array).unwrap();
    // An object that is written while the arena is published has a place of its own.
    struct Nested<'a>(&'a ArenaArray<f32, Ix1>);
    impl serde::Serialize for Nested<'_> {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            let inner = to_bytes(self.0).map_err(serde::ser::Error::custom)?;
            (self.0, serde_bytes::Bytes::new(&inner)).serialize(s)
        }
    }
    let value = (AtomicArray::from(vec![1_u64, 2]), &array, Nested(&array));
    let segment = arena.publish(&value).unwrap();
    type Back = (AtomicArray<u64, Ix1>, Array1<f32>, (Array1<f32>, serde_bytes::ByteBuf));
    let (live, copy, (again, nested)): Back = segment.get().unwrap();
    live.store(0, 6, Ordering::Relaxed).unwrap();
    let seen: (AtomicArray<u64, Ix1>, serde::de::IgnoredAny, serde::de::IgnoredAny) =
        from_shared(segment.id()).unwrap();
    assert_eq!(seen.0.load(0, Ordering::Relaxed).unwrap(), 6);
    assert_eq!((copy.sum(), again.sum()), (1500.0, 1500.0));
    assert!(nested[..] == inner[..]);
}

#[test]
fn bytes_of_a_reader_go_into_the_array() {
    let arena = arena();
    let mut words = arena.zeros::<u16, _>((100, 1000)).unwrap();
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    words.read_exact_from(&bytes[..]).unwrap();
    assert_eq!(words[[0, 1]], 0x0302);
    let error = words.read_exact_from(&bytes[1..]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let mut flags = arena.zeros::<bool, _>(600_000).unwrap();
    let mut bools = vec![1_u8; 600_000];
    flags.read_exact_from(&bools[..]).unwrap();
    assert!(flags.iter().all(|flag| *flag));
    bools[500_000] = 2;
    assert_eq!(flags.read_exact_from(&bools[..]).unwrap_err().kind(), ErrorKind::Corrupt);
    let mut gaps = arena.zeros::<u8, _>((4, 4)).unwrap();
    gaps.slice_collapse(s![.., ..;2]);
    assert_eq!(gaps.read_exact_from(&[0; 8][..]).unwrap_err().kind(), ErrorKind::InvalidInput);
    let segment = arena.publish(&(&words, &flags, gaps.into_shared())).unwrap();
    let back: (Array2<u16>, Vec<bool>, ShmArray2<u8>) = segment.get().unwrap();
    assert_eq!(
        (back.0, back.1, back.2.shape()),
        (words.to_owned(), vec![true; 600_000], &[4, 2][..])
    );
}

/// An iterator that says another number than it gives loses nothing.
#[test]
fn iterators_that_count_wrongly() {
    struct Says(std::vec::IntoIter<u8>, usize);
    impl Iterator for Says {
        type Item = u8;
        fn next(&mut self) -> Option<u8> {
            self.0.next()
        }
        fn size_hint(&self) -> (usize, Option<usize>) {
            (self.1, Some(self.1))
        }
    }
    let arena = arena();
    for says in [0, 4, 5, 6, 100] {
        let made = arena.from_iter(Says(vec![1, 2, 3, 4, 5].into_iter(), says)).unwrap();
        assert_eq!(made, array![1, 2, 3, 4, 5], "{says}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever is made, changed and dropped in whatever order, the rest is what it would be on the heap.
    #[test]
    fn any_order_of_making_and_dropping(
        steps in prop::collection::vec((0..4_u8, 0..9_usize, any::<u8>()), 1..40)
    ) {
        const LENS: [usize; 9] = [0, 1, 63, 64, 4096, 70_000, MIB - 1, MIB, MIB + 4097];
        let arena = arena();
        let mut built: Vec<ArenaArray<u8, Ix1>> = Vec::new();
        let mut same: Vec<Vec<u8>> = Vec::new();
        for (step, len, byte) in steps {
            let len = LENS[len];
            match step {
                0 => {
                    built.push(arena.from_elem(len, byte).unwrap());
                    same.push(vec![byte; len]);
                }
                1 => {
                    built.push(arena.zeros(len).unwrap());
                    same.push(vec![0; len]);
                }
                2 => {
                    let of = Array1::from_shape_fn(len, |n| byte.wrapping_add(n as u8));
                    built.push(arena.copy_of(&of).unwrap());
                    same.push(of.to_vec());
                }
                _ if !built.is_empty() => {
                    let at = usize::from(byte) % built.len();
                    drop(built.swap_remove(at));
                    same.swap_remove(at);
                }
                _ => {}
            }
        }
        let segment = arena.publish(&built).unwrap();
        let back: Vec<ShmArray1<u8>> = segment.get().unwrap();
        prop_assert_eq!(back.len(), same.len());
        for ((back, built), same) in back.iter().zip(&built).zip(&same) {
            prop_assert!(back.as_slice() == Some(&same[..]) && built.as_slice() == Some(&same[..]));
        }
    }
}

/// Streamed, loaded or converted, an array of a file is the same in the arena.
#[test]
#[cfg(feature = "npz")]
fn arrays_of_files_are_loaded_into_the_arena() {
    use serde_shm::{Compression, Npz, NpzOptions};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    #[derive(Serialize)]
    struct Arrays {
        large: Array2<f32>,
        columns: Array2<f64>,
        small: Array1<u16>,
        flags: Array1<bool>,
    }
    let arrays = Arrays {
        large: Array2::from_shape_fn((500, 400), |(i, j)| (i * j) as f32),
        columns: Array2::from_shape_fn((300, 400).f(), |(i, j)| (i + j) as f64),
        small: array![1, 2],
        flags: Array1::from_shape_fn(300_000, |n| n % 3 == 0),
    };
    for compression in [Compression::None, Compression::Deflate(1)] {
        NpzOptions::new().compression(compression).fsync(false).save(&path, &arrays).unwrap();
        let (file, arena) = (Npz::open(&path).unwrap(), arena());
        assert_eq!(arena.load::<f32, Ix2>(&file, "large").unwrap(), arrays.large);
        let columns = arena.load::<f64, Ix2>(&file, "columns").unwrap();
        assert_eq!((columns.strides(), &columns.to_owned()), (&[1, 300][..], &arrays.columns));
        assert_eq!(arena.load::<u16, Ix1>(&file, "small").unwrap(), arrays.small);
        assert_eq!(arena.load::<bool, Ix1>(&file, "flags").unwrap(), arrays.flags);
        let wide = arena.load::<f64, Ix2>(&file, "large").unwrap();
        assert_eq!(wide[[499, 399]], 499.0 * 399.0);
        for (wrong, kind) in [
            (arena.load::<f32, Ix1>(&file, "large").map(drop), ErrorKind::Mismatch),
            (arena.load::<u8, Ix1>(&file, "small").map(drop), ErrorKind::Mismatch),
            (arena.load::<f32, Ix2>(&file, "larg").map(drop), ErrorKind::NotFound),
        ] {
            assert_eq!(wrong.unwrap_err().kind(), kind);
        }
    }
    // An altered byte is found while the array is read.
    NpzOptions::new().fsync(false).save(&path, &arrays).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[400_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (file, arena) = (Npz::open(&path).unwrap(), arena());
    let error = arena.load::<f32, Ix2>(&file, "large").unwrap_err();
    assert!(error.kind() == ErrorKind::Corrupt && error.to_string().contains("large"), "{error}");
}
