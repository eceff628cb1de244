//! The standard library's types that serde knows.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::ffi::{CString, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8, NonZeroU64, Saturating, Wrapping};
use std::ops::{Bound, ControlFlow, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_shm::ShmArray1;

use crate::serde::support::{check, check_by};

#[test]
fn collections() {
    check(&BTreeSet::from([3, 1, 2]), &[]);
    check(&HashSet::from(["a".to_owned(), "b".to_owned()]), &[]);
    check(&HashMap::from([((1, 'a'), vec![1.5])]), &[]);
    check(&VecDeque::from([Some(1), None]), &[]);
    check(&LinkedList::from([1_u64 << 60, 2]), &[]);
    check_by(&BinaryHeap::from([1, 5, 2]), &[], |back| {
        assert_eq!(back.clone().into_sorted_vec(), [1, 2, 5]);
    });
    check(&BTreeMap::from([(BTreeSet::from([1]), VecDeque::from([()]))]), &[]);
    let array = |n: f32| ShmArray1::from(vec![n; 3]);
    check(&VecDeque::from([array(1.0), array(2.0)]), &["0", "1"]);
    check(&LinkedList::from([Some(array(1.0)), None]), &["0"]);
    let boxed: Box<[Cow<'static, str>]> = Box::new(["a".into(), "b".into()]);
    check(&boxed, &[]);
}

#[derive(Serialize, Deserialize, Debug)]
struct Pointers {
    boxed: Box<ShmArray1<u8>>,
    rc: Rc<ShmArray1<u8>>,
    arc: Arc<Vec<ShmArray1<u8>>>,
    cow: Cow<'static, str>,
    cell: Cell<u8>,
    ref_cell: RefCell<ShmArray1<u8>>,
    mutex: Mutex<Option<ShmArray1<u8>>>,
    lock: RwLock<String>,
    text: Box<str>,
    shared: Arc<str>,
    atomic: AtomicU64,
    flag: AtomicBool,
    nothing: PhantomData<Cell<u8>>,
}

#[test]
fn pointers_and_cells() {
    let array = |n: u8| ShmArray1::from(vec![n, n]);
    let value = Pointers {
        boxed: Box::new(array(1)),
        rc: Rc::new(array(2)),
        arc: Arc::new(vec![array(3), array(4)]),
        cow: "cow".into(),
        cell: Cell::new(5),
        ref_cell: RefCell::new(array(6)),
        mutex: Mutex::new(Some(array(7))),
        lock: RwLock::new("lock".into()),
        text: "text".into(),
        shared: "shared".into(),
        atomic: AtomicU64::new(u64::MAX),
        flag: AtomicBool::new(true),
        nothing: PhantomData,
    };
    check_by(&value, &["boxed", "rc", "arc.0", "arc.1", "ref_cell", "mutex"], |back| {
        assert_eq!((&back.boxed, &back.rc, &back.arc), (&value.boxed, &value.rc, &value.arc));
        assert_eq!(
            (&back.cow, &back.cell, &back.ref_cell),
            (&value.cow, &value.cell, &value.ref_cell)
        );
        assert_eq!(*back.mutex.lock().unwrap(), Some(array(7)));
        assert_eq!(*back.lock.read().unwrap(), "lock");
        assert_eq!((&*back.text, &*back.shared), ("text", "shared"));
        assert_eq!(back.atomic.load(Ordering::Relaxed), u64::MAX);
        assert!(back.flag.load(Ordering::Relaxed));
    });
    let held = Mutex::new(1_u8);
    check_by(&held, &[], |back| assert_eq!(*back.lock().unwrap(), 1));
}

#[test]
fn ranges_times_and_results() {
    check(&(1..5_u8, -1..=1_i64, 'a'.., ..3.5), &[]);
    let ranges: (Range<u8>, RangeInclusive<i8>, RangeFrom<u8>, RangeTo<u8>) =
        (0..0, -1..=-1, 3.., ..4);
    check(&ranges, &[]);
    check(&[Bound::Unbounded, Bound::Included(1), Bound::Excluded(2)], &[]);
    check(&[Duration::ZERO, Duration::MAX, Duration::from_nanos(1_000_000_001)], &[]);
    check(
        &(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + Duration::new(1 << 31, 999_999_999)),
        &[],
    );
    check(&[Ok::<u8, String>(1), Err("no".into())], &[]);
    check(&vec![Ok::<ShmArray1<f32>, String>(vec![1.0].into()), Err("no".into())], &["0.Ok"]);
    let _: Option<ControlFlow<()>> = None; // Serde has no form for it.
}

#[test]
fn numbers_that_are_wrapped() {
    check(&(NonZeroU8::MIN, NonZeroU64::MAX, NonZeroI128::MIN), &[]);
    check(&vec![Some(NonZeroU8::MAX), None], &[]);
    check(&(Wrapping(u64::MAX), Saturating(i8::MIN), Reverse(3_u8)), &[]);
    let zero = serde_shm::to_bytes(&0_u8).unwrap();
    assert_eq!(
        serde_shm::from_bytes::<NonZeroU8>(&zero).unwrap_err().to_string(),
        "expected a nonzero u8, found integer `0`"
    );
}

#[test]
fn addresses_paths_and_strings() {
    let addresses: [IpAddr; 2] = [Ipv4Addr::new(1, 2, 3, 4).into(), Ipv6Addr::LOCALHOST.into()];
    check(&addresses, &[]);
    let sockets: [SocketAddr; 2] = ["1.2.3.4:5".parse().unwrap(), "[::1]:65535".parse().unwrap()];
    check(&sockets, &[]);
    check(&(PathBuf::from("/a/ü"), OsString::from("os"), CString::new("c").unwrap()), &[]);
    check(&"\0\u{10ffff}é".repeat(1000), &[]);
    check(&vec![String::new(); 5], &[]);
}
