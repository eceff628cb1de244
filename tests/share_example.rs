//! The example `share`, run as a user runs it.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray"))]

use std::process::{Command, Output};

/// An id of the right form that no segment has: there is no process of that number.
const NOBODYS_ID: &str = "2147483647:3:00112233445566778899aabbccddeeff";

fn share() -> Command {
    crate::support::example("share")
}

fn texts(output: &Output) -> (&str, &str) {
    (str::from_utf8(&output.stdout).unwrap(), str::from_utf8(&output.stderr).unwrap())
}

#[test]
fn four_workers_find_what_one_process_finds_and_nothing_is_left() {
    let elsewhere = tempfile::tempdir().unwrap();
    let output =
        share().current_dir(&elsewhere).env("SERDE_SHM_DIR", elsewhere.path()).output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    assert_eq!(err, "");
    assert!(out.contains("48472 31-mers"), "{out}");
    assert!(out.contains("4 workers and one process alone: no difference"), "{out}");
    assert!(out.ends_with("left      nothing\n"), "{out}");
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_worker_without_a_segment_fails_and_names_the_id() {
    let output = share().args(["worker", NOBODYS_ID, "0", "4"]).output().unwrap();
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out), (Some(1), ""));
    assert!(err.contains(NOBODYS_ID), "{err}");
}

#[test]
fn a_worker_refuses_an_object_that_is_no_job() {
    let segment = serde_shm::to_shared(&["not", "a", "job"]).unwrap();
    let output = share().args(["worker", segment.id(), "0", "4"]).output().unwrap();
    let (out, err) = texts(&output);
    assert_eq!((output.status.code(), out), (Some(1), ""));
    assert!(err.contains("expected struct IndexView"), "{err}");
}

#[test]
fn arguments_that_it_does_not_know_are_an_error() {
    for arguments in [&["help"][..], &["worker", NOBODYS_ID], &["worker", NOBODYS_ID, "4", "4"]] {
        let output = share().args(arguments).output().unwrap();
        let (out, err) = texts(&output);
        assert_eq!((output.status.code(), out), (Some(1), ""), "{arguments:?}");
        assert!(err.starts_with("share: "), "{err}");
    }
}
