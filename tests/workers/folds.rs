//! One result for each process.

use ndarray::Array1;
use serde_shm::ErrorKind;

use crate::support::pool;
use crate::tasks::{Deed, FOLD_DO, HISTOGRAM, HISTOGRAM_SHARED, Index, index};

fn alone(index: &Index) -> Array1<u32> {
    let mut alone = Array1::zeros(1009);
    for number in &*index.numbers {
        alone[*number as usize] += 1;
    }
    alone
}

#[test]
fn arrays_of_processes_are_added_at_the_end() {
    let index = index(100_000);
    let segment = serde_shm::to_shared(&index).unwrap();
    let mut pool = pool(&segment).processes(4);
    let jobs = || (0..100).map(|part| part * 1000..(part + 1) * 1000);
    let mut results = 0;
    let sum = pool
        .fold_reduce(&HISTOGRAM, jobs(), Array1::<u32>::zeros(1009), |sum, part| {
            results += 1;
            sum + part
        })
        .unwrap();
    assert_eq!(sum, alone(&index));
    assert!((1..=4).contains(&results));

    // In place, and twice with the same processes.
    for round in 1..=2 {
        pool.fold_reduce(&HISTOGRAM_SHARED, jobs(), (), |(), ()| ()).unwrap();
        let here: Index = segment.get().unwrap();
        assert_eq!(here.counts.snapshot(), alone(&index) * round);
    }
    let none = pool.fold_reduce(&HISTOGRAM, [], 0, |sum, _| sum + 1).unwrap();
    assert_eq!(none, 0);
}

#[test]
fn a_process_that_dies_takes_its_part_with_it_and_others_do_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("died").display().to_string();
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let jobs = || {
        let mut jobs = vec![Deed::Return(1); 500];
        jobs.insert(250, Deed::KillOnce(mark.clone()));
        jobs
    };
    let mut pool = pool(&segment).processes(3).attempts(2);
    let sum = pool.fold_reduce(&FOLD_DO, jobs(), 0, |sum, part| sum + part).unwrap();
    assert_eq!(sum, 507);
    assert_eq!(pool.deaths().len(), 1);
    assert_eq!(pool.deaths()[0].job(), Some(250));

    std::fs::remove_file(&mark).unwrap();
    let mut pool = pool.attempts(1);
    let error = pool.fold_reduce(&FOLD_DO, jobs(), 0, |sum, part| sum + part).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerDied);
    assert_eq!(error.path().as_deref(), Some("jobs[250]"));
    // The pool goes on.
    let sum = pool.fold_reduce(&FOLD_DO, jobs(), 0, |sum, part| sum + part).unwrap();
    assert_eq!(sum, 507);
}

#[test]
fn errors_of_a_fold_name_the_job() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    // One process, which has all jobs: another could have done those behind the one that returns.
    let mut pool = pool(&segment).processes(1);
    let mut run = |deed: Deed| {
        let mut jobs = vec![Deed::Return(1); 20];
        jobs[11] = deed;
        pool.fold_reduce(&FOLD_DO, jobs, 0, |sum, part| sum + part).unwrap_err()
    };
    for (deed, text) in [
        (Deed::Fail("bad read".into()), "bad read"),
        (Deed::Panic("worse read".into()), "worse read"),
    ] {
        let error = run(deed);
        assert_eq!(error.kind(), ErrorKind::JobFailed);
        assert_eq!(error.path().as_deref(), Some("jobs[11]"));
        assert!(error.to_string().contains(text), "{error}");
    }
    let error = run(Deed::Exit(0));
    assert!(error.to_string().contains("returned before its jobs ended"), "{error}");
}
