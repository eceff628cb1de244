//! `AtomicArray`: exact among processes, and each operation as the standard library's.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use ndarray::{Array1, Array2, Ix1, Ix3, array};
use serde_shm::{AtomicArray, ErrorKind, Segment};

use crate::child::{self, Child};

const COUNTERS: usize = 16;

pub(crate) fn count(id: &str, rounds: usize) {
    let counters: AtomicArray<u64, Ix1> = serde_shm::from_shared(id).unwrap();
    child::say("ready");
    child::wait();
    for round in 0..rounds {
        counters.fetch_add(round % COUNTERS, 1, Relaxed).unwrap();
    }
}

#[test]
fn four_processes_count_to_exact_sums() {
    let rounds: usize = 1_000_000;
    let zeros = AtomicArray::from(Array1::<u64>::zeros(COUNTERS));
    let segment = serde_shm::to_shared(&zeros).unwrap();
    let count = rounds.to_string();
    let mut children: Vec<Child> =
        (0..4).map(|_| Child::start("count", &[segment.id(), &count])).collect();
    for child in &mut children {
        assert_eq!(child.line(), "ready");
    }
    for child in children {
        child.finish();
    }
    let counters: AtomicArray<u64, Ix1> = segment.get().unwrap();
    assert_eq!(counters.snapshot(), Array1::from_elem(COUNTERS, 4 * (rounds / COUNTERS) as u64));
    // What was published from stays on its own.
    assert_eq!(zeros.snapshot().sum(), 0);
}

#[test]
fn threads_lose_no_float() {
    let sums = AtomicArray::from(vec![0.0_f64; 3]);
    let singles = AtomicArray::from(vec![0.0_f32; 1]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..20_000 {
                    sums.fetch_add(round % 3, 0.5, Relaxed).unwrap();
                    singles.fetch_max(0, round as f32, Relaxed).unwrap();
                }
            });
        }
    });
    assert_eq!(sums.snapshot().sum(), 40_000.0);
    assert_eq!(singles.load(0, Relaxed).unwrap(), 19_999.0);
}

macro_rules! integers {
    ($($ty:ident)*) => {$({
        let one: $ty = 1;
        let a = AtomicArray::from(vec![5 as $ty, $ty::MAX]);
        assert_eq!(a.fetch_add(0, 2, Relaxed).unwrap(), 5);
        assert_eq!(a.fetch_add(1, one, SeqCst).unwrap(), $ty::MAX);
        assert_eq!(a.load(1, Acquire).unwrap(), $ty::MIN);
        assert_eq!(a.fetch_max(0, 9, AcqRel).unwrap(), 7);
        assert_eq!(a.fetch_min(0, 3, Release).unwrap(), 9);
        assert_eq!(a.swap(0, 8, AcqRel).unwrap(), 3);
        assert_eq!(a.compare_exchange(0, 8, 9, AcqRel, Acquire).unwrap(), Ok(8));
        assert_eq!(a.compare_exchange(0, 8, 1, AcqRel, Acquire).unwrap(), Err(9));
        a.store(1, 4, Release).unwrap();
        assert_eq!(a.snapshot(), array![9 as $ty, 4]);
        assert_eq!(a.fetch_sub(1, 5, Relaxed).unwrap(), 4);
        assert_eq!(a.load(1, Relaxed).unwrap(), (4 as $ty).wrapping_sub(5));
        assert_eq!(a.fetch_and(0, 12, AcqRel).unwrap(), 9);
        assert_eq!(a.fetch_or(0, 3, Relaxed).unwrap(), 8);
        assert_eq!(a.fetch_xor(0, 9, Relaxed).unwrap(), 11);
        assert_eq!(a.flat().load(0, Relaxed).unwrap(), 2);
        a.fill(2).unwrap();
        a.add_from(&array![0 as $ty, 3]).unwrap();
        assert_eq!(a.snapshot(), array![2 as $ty, 5]);
        let back: AtomicArray<$ty, Ix1> = serde_shm::to_shared(&a).unwrap().get().unwrap();
        back.fetch_add(0, one, Relaxed).unwrap();
        assert_eq!(back.snapshot(), array![3 as $ty, 5]);
    })*};
}

#[test]
fn every_integer_has_every_operation() {
    integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
}

#[test]
fn floats_and_bools_have_theirs() {
    let a = AtomicArray::from(vec![1.5_f32, -0.0]);
    assert_eq!(a.fetch_add(0, 1.0, Relaxed).unwrap(), 1.5);
    assert_eq!(a.fetch_min(0, f32::NAN, Relaxed).unwrap(), 2.5);
    assert_eq!(a.fetch_max(0, 7.0, Relaxed).unwrap(), 2.5);
    assert_eq!(a.fetch_sub(0, 3.0, Relaxed).unwrap(), 7.0);
    assert_eq!(a.swap(0, f32::NAN, Relaxed).unwrap(), 4.0);
    assert!(a.compare_exchange(0, f32::NAN, 1.0, Relaxed, Relaxed).unwrap().is_ok());
    assert_eq!(a.compare_exchange(1, 0.0, 1.0, Relaxed, Relaxed).unwrap(), Err(-0.0));
    let b = AtomicArray::from(vec![false, true]);
    assert!(!b.fetch_max(0, true, Relaxed).unwrap());
    assert!(b.fetch_min(1, false, Relaxed).unwrap());
    assert_eq!(b.snapshot(), array![true, false]);
    assert_eq!(b.compare_exchange(0, true, false, SeqCst, SeqCst).unwrap(), Ok(true));
    assert_eq!(b.compare_exchange(0, true, false, SeqCst, SeqCst).unwrap(), Err(false));
    assert!(!b.swap(0, true, Relaxed).unwrap());
    assert!(b.fetch_and(0, true, Relaxed).unwrap());
    assert!(b.fetch_and(0, false, Relaxed).unwrap());
    assert!(!b.fetch_or(0, false, Relaxed).unwrap());
    assert!(!b.fetch_or(0, true, Relaxed).unwrap());
    assert!(b.fetch_xor(0, false, Relaxed).unwrap());
    assert!(b.fetch_xor(0, true, Relaxed).unwrap());
    assert!(!b.load(0, Relaxed).unwrap());
}

#[test]
fn indices_are_checked_in_each_axis_and_orders_are_row_major() {
    let shape = (2, 3, 4);
    let source = ndarray::Array3::from_shape_fn(shape, |(i, j, k)| (100 * i + 10 * j + k) as u32);
    let fortran = source.clone().reversed_axes().as_standard_layout().to_owned().reversed_axes();
    assert!(!fortran.is_standard_layout());
    for array in [AtomicArray::from(source.clone()), AtomicArray::from(fortran)] {
        assert_eq!(array.snapshot(), source);
        assert_eq!(array.load((1, 2, 3), Relaxed).unwrap(), 123);
        assert_eq!(array.load([1, 0, 2], Relaxed).unwrap(), 102);
        assert_eq!(array.load(ndarray::Dim([0, 2, 0]), Relaxed).unwrap(), 20);
        assert_eq!(array.flat().load(23, Relaxed).unwrap(), 123);
        for bad in [(2, 0, 0), (0, 3, 0), (0, 0, 4), (usize::MAX, 0, 0)] {
            let error = array.load(bad, Relaxed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("[2, 3, 4]"), "{error}");
            assert!(array.fetch_add(bad, 1, Relaxed).is_err());
        }
        assert!(array.flat().store(24, 0, Relaxed).is_err());
    }
    let empty: AtomicArray<u8, Ix3> = ndarray::Array3::zeros((0, 3, 2)).into();
    assert!(empty.load((0, 0, 0), Relaxed).is_err());
    assert_eq!(empty.snapshot().shape(), [0, 3, 2]);
    let seen: AtomicArray<u8, Ix3> = serde_shm::to_shared(&empty).unwrap().get().unwrap();
    assert_eq!(seen.shape(), [0, 3, 2]);
    let one = AtomicArray::from(ndarray::arr0(5_i64));
    assert_eq!(one.fetch_add((), 1, Relaxed).unwrap(), 5);
}

#[test]
fn orderings_that_an_operation_has_not_are_errors() {
    let a = AtomicArray::from(vec![1_u8]);
    for order in [Release, AcqRel] {
        assert_eq!(a.load(0, order).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert!(a.compare_exchange(0, 1, 2, SeqCst, order).is_err());
    }
    for order in [Acquire, AcqRel] {
        assert_eq!(a.store(0, 2, order).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(a.load(0, SeqCst).unwrap(), 1);
}

#[test]
fn arrays_of_any_layout_are_added_and_others_are_refused() {
    let sums = AtomicArray::from(Array2::<i32>::zeros((2, 3)));
    let part = array![[1, 2, 3], [4, 5, 6]];
    sums.add_from(&part).unwrap();
    sums.add_from(&part.view()).unwrap();
    sums.add_from(&array![[1, 4], [2, 5], [3, 6]].t()).unwrap();
    sums.add_from(&serde_shm::ShmArray::from(part.clone())).unwrap();
    assert_eq!(sums.snapshot(), &part * 4);
    let error = sums.add_from(&part.t()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("[2, 3]") && error.to_string().contains("[3, 2]"));
    assert_eq!(sums.snapshot(), &part * 4);
}

#[test]
fn a_clone_and_two_opens_are_the_same_array() {
    let array = AtomicArray::from(vec![1_u16, 2]);
    array.clone().store(0, 9, Relaxed).unwrap();
    assert_eq!(array.load(0, Relaxed).unwrap(), 9);
    let segment = serde_shm::to_shared(&array).unwrap();
    let one: AtomicArray<u16, Ix1> = segment.get().unwrap();
    let two: AtomicArray<u16, Ix1> = Segment::open(segment.id()).unwrap().get().unwrap();
    drop(segment);
    one.fetch_add(1, 5, Relaxed).unwrap();
    assert_eq!(two.snapshot(), array![9, 7]);
}
