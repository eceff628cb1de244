//! Live arrays of unknown type: the same lock and the same elements that typed handles have.
#![allow(unsafe_code)]

use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ndarray::{Array1, Ix1, Ix2, array};
use serde_shm::{
    AtomicArray, DType, Deserialize, ErrorKind, LiveKind, LockedArray, Order, Segment, Serialize,
    ShmArray1, UntypedArray, UntypedAtomic, UntypedLive, UntypedView,
};

use crate::untyped::dtype;

#[derive(Serialize)]
struct Published {
    grid: LockedArray<f64, Ix2>,
    flags: LockedArray<bool, Ix1>,
    counts: AtomicArray<u32, Ix1>,
    fixed: ShmArray1<u8>,
}

fn published() -> Segment {
    serde_shm::to_shared(&Published {
        grid: array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].into(),
        flags: vec![true, false, true].into(),
        counts: vec![1, 2, 3, 4].into(),
        fixed: vec![7].into(),
    })
    .unwrap()
}

#[test]
fn typed_and_untyped_handles_see_one_array() {
    let segment = published();
    let any = segment.live_untyped("grid").unwrap();
    assert_eq!(
        (any.kind(), any.dtype(), any.shape()),
        (LiveKind::Locked, &DType::F64, &[2, 3][..])
    );
    let typed = any.to_locked::<f64, Ix2>().unwrap();
    let version = any.version();
    typed.write().unwrap()[[1, 2]] = 60.0;
    assert_eq!(any.version(), version + 1);
    assert_eq!(any.wait_for_update(version, Duration::ZERO).unwrap(), Some(version + 1));
    assert_eq!(
        any.read().unwrap().view().element_bytes(&[1, 2]),
        Some(&60.0_f64.to_le_bytes()[..])
    );

    let mut guard = any.write().unwrap();
    guard.set(&[0, 0], &(-1.0_f64).to_le_bytes()).unwrap();
    guard.bytes_mut().unwrap()[8..16].copy_from_slice(&9.0_f64.to_le_bytes());
    assert_eq!(guard.view().view::<f64, Ix2>().unwrap()[[0, 1]], 9.0);
    assert!(typed.try_read().unwrap().is_none());
    drop(guard);
    assert_eq!(typed.read().unwrap().row(0), array![-1.0, 9.0, 3.0]);

    let columns = UntypedArray::from(serde_shm::ShmArray::from(
        Array1::from_iter((0..6).map(f64::from))
            .into_shape_with_order((3, 2))
            .unwrap()
            .reversed_axes(),
    ));
    any.write().unwrap().copy_from(&columns.view()).unwrap();
    assert_eq!(*typed.read().unwrap(), array![[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]]);
    assert_eq!(any.snapshot().unwrap(), columns);

    let mut guard = any.write().unwrap();
    let kinds = [
        guard.set(&[2, 0], &[0; 8]).unwrap_err().kind(),
        guard.set(&[0, 0], &[0; 7]).unwrap_err().kind(),
        guard
            .copy_from(&UntypedView::new(dtype(">f8"), &[2, 3], Order::C, &[0; 48]).unwrap())
            .unwrap_err()
            .kind(),
        guard
            .copy_from(&UntypedView::new(dtype("<f8"), &[6], Order::C, &[0; 48]).unwrap())
            .unwrap_err()
            .kind(),
    ];
    use ErrorKind::{InvalidInput, Mismatch};
    assert_eq!(kinds, [InvalidInput, InvalidInput, Mismatch, Mismatch]);
}

#[test]
fn guards_keep_array_and_lock() {
    fn forever<T: 'static>(_: &T) {}
    let segment = published();
    let id = segment.id().to_owned();
    let other = Segment::open(&id).unwrap();
    let typed: LockedArray<f64, Ix2> = other.live_untyped("grid").unwrap().to_locked().unwrap();
    let any = segment.live_untyped("grid").unwrap();
    let (one, two) = (any.read().unwrap(), any.clone().read().unwrap());
    forever(&one);
    drop((segment, any));
    assert_eq!(one.view().view::<f64, Ix2>().unwrap().sum(), 21.0);
    assert!(typed.try_write().unwrap().is_none());
    drop(one);
    assert!(typed.try_write().unwrap().is_none());
    drop(two);
    assert!(typed.try_write().unwrap().is_some());

    let any = other.live_untyped("grid").unwrap();
    let mut guard = any.write().unwrap();
    assert!(any.try_read().unwrap().is_none() && any.try_write().unwrap().is_none());
    assert_eq!(any.read().unwrap_err().kind(), ErrorKind::Deadlock);
    assert_eq!(typed.write().unwrap_err().kind(), ErrorKind::Deadlock);
    let elsewhere = any.clone();
    let waited = std::thread::spawn(move || {
        let short = elsewhere.read_timeout(Duration::from_millis(5)).unwrap();
        (short.is_none(), elsewhere.write_timeout(Duration::from_millis(5)).unwrap().is_none())
    });
    assert_eq!(waited.join().unwrap(), (true, true));
    drop((any, typed, other));
    guard.bytes_mut().unwrap().fill(0);
    drop(guard);
    assert_eq!(Segment::open(&id).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn threads_take_turns() {
    let segment = published();
    let any = segment.live_untyped("grid").unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let any = any.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    let mut guard = any.write().unwrap();
                    let bytes = guard.view().element_bytes(&[0, 0]).unwrap().try_into().unwrap();
                    let next = f64::from_le_bytes(bytes) + 1.0;
                    guard.set(&[0, 0], &next.to_le_bytes()).unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(any.read().unwrap().view().view::<f64, Ix2>().unwrap()[[0, 0]], 2001.0);
    assert_eq!(any.version(), 2000);
}

#[test]
fn a_panic_under_a_guard_poisons() {
    let segment = published();
    let any = segment.live_untyped("grid").unwrap();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut guard = any.write().unwrap();
        guard.bytes_mut().unwrap().fill(1);
        panic!("in the midst of a change");
    }));
    assert!(panicked.is_err() && any.is_poisoned());
    assert_eq!(any.read().unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(serde_shm::to_bytes(&any).unwrap_err().kind(), ErrorKind::Poisoned);
    any.mend().unwrap().bytes_mut().unwrap().fill(0);
    assert!(!any.is_poisoned() && any.read().is_ok());
    any.clear_poison().unwrap();
}

#[test]
fn no_byte_gets_in_that_is_no_bool() {
    let segment = published();
    let any = segment.live_untyped("flags").unwrap();
    let typed = any.to_locked::<bool, Ix1>().unwrap();
    let mut guard = any.write().unwrap();
    assert_eq!(guard.bytes_mut().unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(guard.set(&[0], &[2]).unwrap_err().kind(), ErrorKind::InvalidInput);
    let gaps = [0, 9, 1, 9, 1, 9];
    let bools = UntypedView::with_strides(DType::BOOL, &[3], &[2], 0, &gaps).unwrap();
    guard.copy_from(&bools).unwrap();
    guard.set(&[2], &[0]).unwrap();
    drop(guard);
    assert_eq!(*typed.read().unwrap(), array![false, true, false]);
    // What a container has was not looked at; before it is copied it is.
    let block = serde_shm::to_bytes(&ShmArray1::from(vec![true; 3])).unwrap().to_vec();
    let at = block.windows(3).position(|bytes| bytes == [1; 3]).unwrap();
    let damaged = [&block[..at], &[5], &block[at + 1..]].concat();
    let damaged: UntypedArray = serde_shm::from_bytes(&damaged).unwrap();
    let error = any.write().unwrap().copy_from(&damaged.view()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);

    // SAFETY: nobody has a guard while it is written to.
    let file = unsafe { segment.live_fd() }.unwrap().as_fd().try_clone_to_owned().unwrap();
    let file = std::fs::File::from(file);
    let mut bytes = vec![0; 4096];
    let len = file.read_at(&mut bytes, 0).unwrap();
    let place = 64 * bytes[..len].chunks(64).position(|line| line[..3] == [0, 1, 0]).unwrap();
    file.write_at(&[3], place as u64).unwrap();
    assert_eq!(any.read().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(any.write().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(typed.read().unwrap_err().kind(), ErrorKind::Corrupt);
    let mut guard = any.mend().unwrap();
    assert_eq!(guard.view().view::<bool, Ix1>().unwrap_err().kind(), ErrorKind::Corrupt);
    guard.copy_from(&bools).unwrap();
    drop(guard);
    assert_eq!(*typed.read().unwrap(), array![false, true, true]);
}

#[test]
fn atomics_go_by_dtype() {
    let segment = published();
    let any = segment.live_untyped("counts").unwrap();
    assert_eq!((any.kind(), any.dtype(), any.shape()), (LiveKind::Atomic, &DType::U32, &[4][..]));
    let UntypedAtomic::U32(counts) = any.atomic().unwrap() else { panic!() };
    assert_eq!(counts.fetch_add(3, 10, Relaxed).unwrap(), 4);
    counts.store(0, 5, Relaxed).unwrap();
    let typed = any.to_atomic::<u32, Ix1>().unwrap();
    assert_eq!(typed.snapshot(), array![5, 2, 3, 14]);
    assert_eq!(any.snapshot().unwrap().to_shm::<u32, Ix1>().unwrap(), array![5, 2, 3, 14]);
    any.notify().unwrap();
    assert_eq!((any.version(), typed.version(), any.is_poisoned()), (1, 1, false));

    for kind in [
        any.read().unwrap_err().kind(),
        any.write().unwrap_err().kind(),
        any.clear_poison().unwrap_err().kind(),
        any.to_locked::<u32, Ix1>().unwrap_err().kind(),
        any.to_atomic::<i32, Ix1>().unwrap_err().kind(),
        any.to_atomic::<u32, Ix2>().unwrap_err().kind(),
        segment.live_untyped("grid").unwrap().atomic().unwrap_err().kind(),
        segment.live_untyped("grid").unwrap().notify().unwrap_err().kind(),
        segment.live_untyped("fixed").unwrap_err().kind(),
    ] {
        assert_eq!(kind, ErrorKind::Mismatch);
    }
    assert_eq!(segment.live_untyped("gird").unwrap_err().kind(), ErrorKind::NotFound);

    macro_rules! every {
        ($($name:ident $ty:ty, $value:expr;)*) => {$(
            let segment = serde_shm::to_shared(&[AtomicArray::<$ty, _>::from(vec![$value])]).unwrap();
            let any = segment.live_untyped("0").unwrap();
            match any.atomic().unwrap() {
                UntypedAtomic::$name(flat) => assert_eq!(flat.load(0, Relaxed).unwrap(), $value),
                other => panic!("{other:?}"),
            }
        )*};
    }
    every! {
        Bool bool, true;
        I8 i8, -1;
        I16 i16, -2;
        I32 i32, -3;
        I64 i64, -4;
        U8 u8, 5;
        U16 u16, 6;
        U32 u32, 7;
        U64 u64, 8;
        F32 f32, 1.5;
        F64 f64, 2.5;
    }
}

#[derive(Serialize, Deserialize)]
struct Seen {
    grid: UntypedLive,
    #[shm_array]
    flags: UntypedLive,
    counts: UntypedLive,
    fixed: UntypedArray,
}

#[test]
fn as_fields_they_are_read_and_published_anew() {
    let segment = published();
    let seen: Seen = segment.get().unwrap();
    seen.grid.write().unwrap().bytes_mut().unwrap().fill(0);
    let again = serde_shm::to_shared(&seen).unwrap();
    let copy: Seen = again.get().unwrap();
    assert_eq!((copy.grid.kind(), copy.counts.kind()), (LiveKind::Locked, LiveKind::Atomic));
    assert_eq!(copy.grid.snapshot().unwrap(), seen.grid.snapshot().unwrap());
    assert_eq!(copy.counts.snapshot().unwrap(), seen.counts.snapshot().unwrap());
    assert_eq!(copy.flags.read().unwrap().view().as_bytes(), Some(&[1, 0, 1][..]));
    // It is one of its own.
    copy.grid.write().unwrap().bytes_mut().unwrap().fill(7);
    assert_ne!(copy.grid.snapshot().unwrap(), seen.grid.snapshot().unwrap());

    // Elsewhere it is an ordinary array.
    let bytes = serde_shm::to_bytes(&seen).unwrap();
    let block = serde_shm::Block::new(bytes).unwrap();
    assert_eq!(block.array_untyped("counts").unwrap(), seen.counts.snapshot().unwrap());
    assert_eq!(serde_json::to_string(&seen.counts).unwrap(), "[1,2,3,4]");
    for error in [
        block.get::<Seen>().err().unwrap(),
        segment.get::<(UntypedLive, UntypedLive, UntypedLive, UntypedLive)>().err().unwrap(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    }
    assert!(serde_json::from_str::<UntypedLive>("[1]").is_err());
}

#[test]
fn who_opens_for_reading_reads() {
    let segment = published();
    let reader = Segment::open_read_only(segment.id()).unwrap();
    let any = reader.live_untyped("grid").unwrap();
    assert!(any.is_read_only() && any.read().is_ok());
    assert_eq!(any.write().unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(any.clear_poison().unwrap_err().kind(), ErrorKind::ReadOnly);
    let counts = reader.live_untyped("counts").unwrap();
    let UntypedAtomic::U32(flat) = counts.atomic().unwrap() else { panic!() };
    assert_eq!(flat.load(1, Relaxed).unwrap(), 2);
    assert_eq!(flat.store(1, 3, Relaxed).unwrap_err().kind(), ErrorKind::ReadOnly);
    assert_eq!(counts.notify().unwrap_err().kind(), ErrorKind::ReadOnly);
}
