//! Errors that a job returns, panics, types that do not fit, tasks that are not there.

use std::ops::Range;

use serde_shm::workers::{Fold, Task};
use serde_shm::{ErrorKind, Result};

use crate::support::pool;
use crate::tasks::{DO, Deed, NO_RESULT, SUM, index};

fn outcome(jobs: Vec<Deed>) -> (Vec<u64>, Option<serde_shm::Error>) {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2);
    let mut good = Vec::new();
    for result in pool.map(&DO, jobs) {
        match result {
            Ok(value) => good.push(value),
            Err(error) => return (good, Some(error)),
        }
    }
    (good, None)
}

#[test]
fn an_error_comes_back_with_its_text_and_its_job() {
    let mut jobs = vec![Deed::Return(1); 30];
    jobs[20] = Deed::Fail("no such chromosome: 26".into());
    let (good, error) = outcome(jobs);
    let error = error.unwrap();
    // In order, what comes before it may have been given out, and nothing behind it.
    assert!(good.len() <= 20);
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert_eq!(error.path().as_deref(), Some("jobs[20]"));
    let text = error.to_string();
    assert!(text.starts_with("jobs[20]: task `do` failed in worker process "), "{text}");
    assert!(text.ends_with(": no such chromosome: 26"), "{text}");
}

#[test]
fn a_panic_comes_back_with_its_place() {
    let error = outcome(vec![Deed::Panic("index is upside down".into())]).1.unwrap();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    let text = error.to_string();
    assert!(text.contains("panicked at tests/workers/tasks.rs:"), "{text}");
    assert!(text.ends_with(": index is upside down"), "{text}");
}

#[test]
fn a_long_text_is_cut() {
    let error = outcome(vec![Deed::Fail("ä".repeat(1 << 20))]).1.unwrap();
    assert!(error.to_string().len() < 3000);
}

#[test]
fn the_pool_goes_on_after_a_failure() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2);
    for round in 0..5 {
        let error = pool.for_each_fails(vec![Deed::Fail(round.to_string()); 3]);
        assert!(error.to_string().ends_with(&format!(": {round}")), "{error}");
        let sum = pool.map_reduce(&SUM, [0..10], 0, |sum, part| sum + part).unwrap();
        assert_eq!(sum, 285);
    }
}

trait Fails {
    fn for_each_fails(&mut self, jobs: Vec<Deed>) -> serde_shm::Error;
}
impl Fails for serde_shm::workers::Pool {
    fn for_each_fails(&mut self, jobs: Vec<Deed>) -> serde_shm::Error {
        self.map(&DO, jobs).collect::<Result<Vec<u64>>>().unwrap_err()
    }
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(1);

    const NO_SUCH: Task<(), u8, u8> = Task::elsewhere("no such");
    let error = pool.map(&NO_SUCH, [1]).next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::JobFailed);
    assert_eq!(error.path(), None);
    assert!(error.to_string().contains("no task `no such`: this program serves `sum`"), "{error}");

    const OTHER_JOB: Task<(), &str, u64> = Task::elsewhere("sum");
    let error = pool.map(&OTHER_JOB, ["text"]).next().unwrap().unwrap_err();
    assert_eq!(error.path().as_deref(), Some("jobs[0]"));
    assert!(error.to_string().contains("the job: "), "{error}");

    const OTHER_RESULT: Task<(), Range<usize>, String> = Task::elsewhere("sum");
    let error = pool.map(&OTHER_RESULT, [0..2]).next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(error.path().as_deref(), Some("jobs[0]"));

    const AS_FOLD: Fold<(), Range<usize>, u64> = Fold::elsewhere("sum");
    let error = pool.fold_reduce(&AS_FOLD, [0..2], 0, |_, _| 0).unwrap_err();
    assert!(error.to_string().contains("`sum` is a task and not a fold"), "{error}");

    const OTHER_FOLD_JOB: Fold<(), &str, Vec<u32>> = Fold::elsewhere("histogram");
    let error = pool.fold_reduce(&OTHER_FOLD_JOB, ["text"], 0, |_, _| 0).unwrap_err();
    assert_eq!(error.path().as_deref(), Some("jobs[0]"));
    assert!(error.to_string().contains("the job: "), "{error}");

    let error = pool.map(&NO_RESULT, [1]).next().unwrap().map(drop).unwrap_err();
    assert!(error.to_string().ends_with("the result: this cannot be said"), "{error}");

    let other = serde_shm::to_shared(&["an", "other", "object"]).unwrap();
    let mut other = crate::support::pool(&other).processes(1);
    let error = other.map(&SUM, [0..2]).next().unwrap().unwrap_err();
    assert!(error.to_string().contains("the object: "), "{error}");
    // Whoever can read it can still work on it.
    assert_eq!(other.map(&crate::tasks::ECHO, [vec![1].into()]).count(), 1);
}

#[test]
fn options_that_make_no_sense() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    for pool in [pool(&segment).processes(0), pool(&segment).attempts(0)] {
        let mut pool = pool;
        let error = pool.map(&SUM, [0..2]).next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[test]
fn a_job_that_cannot_be_written() {
    let segment = serde_shm::to_shared(&()).unwrap();
    const SAY: Task<(), crate::tasks::Unspeakable, ()> = Task::elsewhere("no result");
    let error = pool(&segment).for_each(&SAY, [crate::tasks::Unspeakable]).unwrap_err();
    assert_eq!(error.to_string(), "jobs[0]: this cannot be said");
}
