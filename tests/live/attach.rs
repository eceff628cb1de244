//! Ways to live arrays: by id, by the id of another holder, by name, by descriptors, for reading only; and no leak.

#![allow(unsafe_code)]

use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Array1, Ix1};
use serde_shm::{AtomicArray, ErrorKind, LockedArray, Segment, SegmentOptions, ShmArray1};

use crate::child::{self, Child};

type Object = (AtomicArray<u32, Ix1>, LockedArray<f64, Ix1>, ShmArray1<u8>, String);

fn object() -> Object {
    (vec![1_u32; 8].into(), vec![0.5; 600].into(), vec![7_u8; 5000].into(), "text".to_owned())
}

fn check(segment: &Segment) -> Object {
    let object: Object = segment.get().unwrap();
    assert_eq!(object.0.load(0, Relaxed).unwrap(), 1);
    assert_eq!(object.1.read().unwrap()[599], 0.5);
    assert_eq!((object.2[4999], object.3.as_str()), (7, "text"));
    object
}

pub(crate) fn make() {
    let segment = serde_shm::to_shared(&object()).unwrap();
    child::say(segment.id());
    child::wait();
}

pub(crate) fn second(id: &str) {
    let segment = Segment::open(id).unwrap();
    child::say(segment.id());
    child::wait();
}

fn has_live_fd(segment: &Segment) -> bool {
    // SAFETY: it is only looked whether there is one.
    unsafe { segment.live_fd() }.is_some()
}

#[test]
fn the_id_of_a_second_holder_serves_when_the_maker_has_gone() {
    let mut maker = Child::start("make", &[]);
    let first_id = maker.line();
    let mut holder = Child::start("second", &[&first_id]);
    let second_id = holder.line();
    assert_ne!(first_id, second_id);
    assert_eq!(second_id.split(':').count(), 4);
    maker.kill();
    assert_eq!(Segment::open(&first_id).unwrap_err().kind(), ErrorKind::NotFound);
    let here = Segment::open(&second_id).unwrap();
    let object = check(&here);
    object.0.fetch_add(1, 4, Relaxed).unwrap();
    let there = check(&Segment::open(&second_id).unwrap());
    assert_eq!(there.0.load(1, Relaxed).unwrap(), 5);
    holder.kill();
    check(&here);
    check(&Segment::open(here.id()).unwrap());
}

#[test]
fn a_name_leads_to_them_and_to_those_of_its_next_publication() {
    let name = format!("live-name-{}", std::process::id());
    let options = SegmentOptions::new().name(&name).replace(true);
    let first = options.create(&object()).unwrap();
    let listed = serde_shm::segments::list().unwrap();
    let info = listed.iter().find(|info| info.name() == name).unwrap();
    assert_eq!(info.live_arrays(), 2);
    let mut seen = Segment::open(&name).unwrap();
    let old = check(&seen);
    old.0.store(0, 1, Relaxed).unwrap();
    let mut next = object();
    next.3 = "next".into();
    let second = options.create(&next).unwrap();
    drop(first);
    assert!(seen.refresh().unwrap());
    let new: Object = seen.get().unwrap();
    assert_eq!(new.3, "next");
    new.0.store(0, 50, Relaxed).unwrap();
    assert_eq!(old.0.load(0, Relaxed).unwrap(), 1);
    let third: Object = second.get().unwrap();
    assert_eq!(third.0.load(0, Relaxed).unwrap(), 50);
    let mut reader = Segment::open_read_only(&name).unwrap();
    let newest = options.create(&object()).unwrap();
    assert!(reader.refresh().unwrap());
    let seen: Object = reader.get().unwrap();
    assert_eq!(seen.0.fill(0).unwrap_err().kind(), ErrorKind::ReadOnly);
    drop((second, newest));
}

#[test]
fn descriptors_are_handed_over_as_a_pair() {
    let made = serde_shm::to_shared(&object()).unwrap();
    let sealed = || made.as_fd().try_clone_to_owned().unwrap();
    // SAFETY: the copy goes to `from_fds` and nowhere else.
    let live = unsafe { made.live_fd() }.unwrap().try_clone_to_owned().unwrap();
    // SAFETY: it is what `live_fd` gave.
    let pair = unsafe { Segment::from_fds(sealed(), live) }.unwrap();
    let object = check(&pair);
    object.1.write().unwrap().fill(0.5);
    object.0.store(3, 9, Relaxed).unwrap();
    let own: Object = made.get().unwrap();
    assert_eq!(own.0.load(3, Relaxed).unwrap(), 9);
    // Threads of this process that have the same description lock each other out all the same.
    let guard = object.1.write().unwrap();
    assert!(own.1.try_write().unwrap().is_none());
    drop(guard);
    assert!(own.1.try_write().unwrap().is_some());

    // Without it all but the live arrays is there.
    let half = Segment::from_fd(sealed()).unwrap();
    assert_eq!(half.array::<u8, Ix1>("2").unwrap()[0], 7);
    let error = half.get::<Object>().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("from_fds"), "{error}");
    assert!(!has_live_fd(&half));
    // And the id of such a handle leads as far.
    assert!(Segment::open(half.id()).unwrap().get::<Object>().is_err());
}

#[test]
fn a_read_only_handle_reads_and_writes_nothing() {
    let made = serde_shm::to_shared(&object()).unwrap();
    let own: Object = made.get().unwrap();
    let seen = Segment::open_read_only(made.id()).unwrap();
    let (atomic, locked, ..) = check(&seen);
    assert!(atomic.is_read_only() && locked.is_read_only());
    assert!(!has_live_fd(&seen) && has_live_fd(&made));
    // The sealed part is as sealed as ever.
    let sealed = std::fs::File::from(made.as_fd().try_clone_to_owned().unwrap());
    assert!(std::os::unix::fs::FileExt::write_at(&sealed, &[1], 0).is_err());
    let errors = [
        atomic.store(0, 5, Relaxed).unwrap_err(),
        atomic.swap(0, 5, Relaxed).map(drop).unwrap_err(),
        atomic.fetch_add(0, 5, Relaxed).map(drop).unwrap_err(),
        atomic.fetch_max(0, 5, Relaxed).map(drop).unwrap_err(),
        atomic.fetch_min(0, 0, Relaxed).map(drop).unwrap_err(),
        atomic.compare_exchange(0, 1, 5, Relaxed, Relaxed).map(drop).unwrap_err(),
        atomic.fill(5).unwrap_err(),
        atomic.add_from(&Array1::ones(8)).unwrap_err(),
        atomic.flat().store(0, 5, Relaxed).unwrap_err(),
        atomic.notify().unwrap_err(),
        locked.write().map(drop).unwrap_err(),
        locked.try_write().map(drop).unwrap_err(),
        locked.mend().map(drop).unwrap_err(),
        locked.clear_poison().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::ReadOnly, "{error}");
    }
    assert_eq!(atomic.snapshot(), Array1::<u32>::ones(8));
    // Its read lock counts, and it sees what others write.
    let guard = locked.read().unwrap();
    assert!(own.1.try_write().unwrap().is_none());
    drop(guard);
    own.1.write().unwrap()[3] = 4.0;
    own.0.store(7, 6, Relaxed).unwrap();
    assert_eq!(locked.read().unwrap()[3], 4.0);
    for order in
        [Relaxed, std::sync::atomic::Ordering::Acquire, std::sync::atomic::Ordering::SeqCst]
    {
        assert_eq!(atomic.load(7, order).unwrap(), 6);
    }
    assert_eq!(locked.wait_for_update(0, std::time::Duration::ZERO).unwrap(), Some(1));
}

fn descriptors_and_mappings() -> (usize, usize) {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let ours = maps.lines().filter(|line| line.contains("serde_shm")).count();
    (std::fs::read_dir("/proc/self/fd").unwrap().count(), ours)
}

/// On its own in a process, because threads of other tests have descriptors, too.
pub(crate) fn leak() {
    let made = serde_shm::to_shared(&object()).unwrap();
    drop(check(&made));
    let before = descriptors_and_mappings();
    for round in 0..300 {
        let seen = Segment::open(made.id()).unwrap();
        let object = check(&seen);
        object.1.write().unwrap()[0] = 1.0;
        let new = serde_shm::to_shared(&object).unwrap();
        let copy: Object = new.get().unwrap();
        drop(copy.1.write().unwrap());
        if round % 2 == 0 {
            drop((seen, new));
            drop((object, copy));
        }
    }
    assert_eq!(descriptors_and_mappings(), before);
    child::say("even");
}

#[test]
fn nothing_is_left_when_handles_are_dropped() {
    let mut child = Child::start("leak", &[]);
    assert_eq!(child.line(), "even");
    child.finish();
}
