//! How far ahead jobs are taken.

use std::cell::Cell;
use std::time::Duration;

use serde_shm::workers::Pool;

use crate::support::pool;
use crate::tasks::{DO, Deed, FOLD_DO, index};

fn check(pool: Pool, bound: usize) {
    let mut pool = pool;
    let taken = Cell::new(0);
    // Without end: the caller stops.
    let jobs = std::iter::repeat_with(|| {
        taken.set(taken.get() + 1);
        // The first one holds up what is given out in order.
        Deed::Sleep(if taken.get() == 1 { 300 } else { 1 })
    });
    let mut given = 0;
    for result in pool.map(&DO, jobs).take(200) {
        result.unwrap();
        given += 1;
        assert!(taken.get() <= given + bound, "{} taken, {given} given out", taken.get());
    }
    assert!(taken.get() >= 200);
}

#[test]
fn the_iterator_is_not_used_up_beyond_the_look_ahead() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    for in_order in [true, false] {
        for look_ahead in [0, 1, 5] {
            let pool = pool(&segment).processes(3).look_ahead(look_ahead).in_order(in_order);
            check(pool, 3 * (1 + look_ahead));
        }
    }
}

#[test]
fn a_fold_is_bounded_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("mark").display().to_string();
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2).look_ahead(2).time_limit(Duration::from_millis(500));
    let taken = Cell::new(0);
    let jobs = std::iter::repeat_with(|| {
        taken.set(taken.get() + 1);
        Deed::Meet(1000)
    });
    // Nobody comes to meet them: each process is stuck with its first job.
    pool.fold_reduce(&FOLD_DO, jobs, 0, |sum, part| sum + part).unwrap_err();
    assert_eq!(taken.get(), 6);
    assert!(!std::path::Path::new(&mark).exists());
}

#[test]
fn results_are_given_out_while_the_iterator_is_slow() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2).look_ahead(50);
    pool.start().unwrap();
    let taken = Cell::new(0);
    let jobs = (0..).map(|_| {
        std::thread::sleep(Duration::from_millis(50));
        taken.set(taken.get() + 1);
        Deed::Return(1)
    });
    let first = pool.map(&DO, jobs).next().unwrap().unwrap();
    assert_eq!(first, 1);
    // Far from all jobs that may be out.
    assert!(taken.get() < 102, "{}", taken.get());
}

#[test]
fn all_processes_work_at_the_same_time() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    for look_ahead in [0, 4] {
        let fresh = serde_shm::to_shared(&index(10)).unwrap();
        let mut pool = pool(&fresh).processes(4).look_ahead(look_ahead);
        // Each waits for the others.
        let all = pool.map_reduce(&DO, vec![Deed::Meet(4); 4], 0, |sum, part| sum + part).unwrap();
        assert_eq!(all, 16);
    }
    drop(segment);
}
