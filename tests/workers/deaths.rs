//! Processes that end in the midst of a job.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use serde_shm::{Error, ErrorKind};

use crate::support::pool;
use crate::tasks::{DO, Deed, index};

fn run(deed: Deed, attempts: u32) -> (Result<u64, Error>, Vec<serde_shm::workers::Death>) {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(3).attempts(attempts);
    let mut jobs = vec![Deed::Return(1); 40];
    jobs[17] = deed;
    let sum = pool.map_reduce(&DO, jobs, 0, |sum, part| sum + part);
    let deaths = pool.deaths().to_vec();
    // Whatever happened, the pool goes on.
    let one = pool.map(&DO, [Deed::Return(5)]).next().unwrap().unwrap();
    assert_eq!(one, 5);
    (sum, deaths)
}

#[test]
fn a_job_whose_process_was_killed_is_given_to_another() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("died").display().to_string();
    let (sum, deaths) = run(Deed::KillOnce(mark), 2);
    assert_eq!(sum.unwrap(), 46);
    assert_eq!(deaths.len(), 1);
    assert_eq!(deaths[0].job(), Some(17));
    assert_eq!(deaths[0].status().unwrap().signal(), Some(9));
    let text = deaths[0].to_string();
    assert!(text.ends_with(" ended while it had job 17: signal: 9 (SIGKILL)"), "{text}");
}

#[test]
fn a_death_fails_the_call_unless_others_may_try() {
    for (deed, status) in [
        (Deed::Kill(9), "signal: 9 (SIGKILL)"),
        (Deed::Kill(15), "signal: 15 (SIGTERM)"),
        (Deed::Exit(3), "exit status: 3"),
        (Deed::Exit(0), "exit status: 0"),
        (Deed::Abort, "signal: 6 (SIGABRT)"),
    ] {
        let (sum, deaths) = run(deed, 1);
        let error = sum.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WorkerDied);
        assert_eq!(error.path().as_deref(), Some("jobs[17]"));
        assert!(error.to_string().contains(status), "{error}");
        assert_eq!(deaths.len(), 1);
    }
}

#[test]
fn a_job_that_kills_everybody_is_given_up() {
    let (sum, deaths) = run(Deed::Exit(4), 3);
    let error = sum.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerDied);
    assert_eq!(error.path().as_deref(), Some("jobs[17]"));
    let text = error.to_string();
    assert!(
        text.ends_with("exit status: 4; it was given to 3 processes, and each ended"),
        "{text}"
    );
    assert_eq!(deaths.len(), 3);
    assert!(deaths.iter().all(|death| death.job() == Some(17)));
}

#[test]
fn a_process_that_closes_its_connection_is_ended() {
    let (sum, deaths) = run(Deed::CloseLine, 1);
    let error = sum.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerDied);
    assert_eq!(deaths[0].status().unwrap().signal(), Some(9));
}

#[test]
fn what_is_no_frame_fails_the_call() {
    let (sum, _) = run(Deed::WriteToLine, 5);
    let error = sum.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("does not keep to the protocol"), "{error}");
}

#[test]
fn a_job_that_takes_too_long_is_ended_also_if_its_process_is_stopped() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let limit = Duration::from_millis(1500);
    let mut pool = pool(&segment).processes(1).time_limit(limit);
    // Each of many jobs has the limit to itself.
    assert_eq!(pool.map(&DO, vec![Deed::Sleep(100); 20]).map(Result::unwrap).count(), 20);
    for deed in [Deed::Sleep(60_000), Deed::Stop] {
        let error = pool.map(&DO, [deed]).next().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WorkerDied);
        assert!(error.to_string().contains("was ended after 1.5s, the time limit"), "{error}");
        assert!(pool.deaths()[0].is_timeout());
    }
}

#[test]
fn a_process_that_died_between_two_calls_is_replaced() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    // The pool may learn of a death only when it has given that process a job.
    let mut pool = pool(&segment).processes(2).attempts(3);
    pool.start().unwrap();
    let before = pool.process_ids();
    for process in &before {
        crate::support::signal(*process, 9);
        crate::support::eventually("it dies", || crate::support::is_gone(*process));
    }
    let all: Vec<u64> = pool.map(&DO, vec![Deed::Return(2); 9]).map(Result::unwrap).collect();
    assert_eq!(all, [2; 9]);
    assert!(pool.process_ids().iter().all(|process| !before.contains(process)));
}

#[test]
fn processes_that_die_all_the_time_do_not_lose_a_job() {
    let folder = tempfile::tempdir().unwrap();
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(4).attempts(2);
    let jobs = (0..60).map(|job| match job % 3 {
        0 => Deed::KillOnce(folder.path().join(job.to_string()).display().to_string()),
        _ => Deed::Return(1),
    });
    let sum = pool.map_reduce(&DO, jobs, 0, |sum, part| sum + part).unwrap();
    assert_eq!(sum, 20 * 7 + 40);
    assert_eq!(pool.deaths().len(), 20);
}
