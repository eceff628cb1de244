//! The examples of checkpoints, run as a user runs them.

use std::process::Output;

use crate::npz::support::{folder, names, python};
use crate::support::example;

#[track_caller]
fn said(output: &Output) -> &str {
    let (out, err) = (str::from_utf8(&output.stdout), str::from_utf8(&output.stderr));
    assert!(output.status.success(), "{}\n{out:?}{err:?}", output.status);
    assert_eq!(err, Ok(""));
    out.unwrap()
}

#[test]
fn training_that_is_killed_and_resumed_ends_where_it_would_have() {
    let elsewhere = folder();
    let output = example("checkpoint")
        .current_dir(&elsewhere)
        .env("TMPDIR", elsewhere.path())
        .output()
        .unwrap();
    let out = said(&output);
    assert!(out.contains("goes on from epoch"), "{out}");
    assert!(out.ends_with("the weights are the same, bit for bit\n"), "{out}");
    assert_eq!(names(elsewhere.path()), [""; 0]);
}

#[test]
fn a_checkpoint_is_resumed_by_another_run() {
    let folder = folder();
    let file = folder.path().join("model.npz");
    let run = |epochs: &str| example("checkpoint").arg(&file).arg(epochs).output().unwrap();
    let first = run("20");
    assert!(said(&first).starts_with("epoch 20: loss"), "{first:?}");
    let second = run("40");
    assert!(said(&second).contains("goes on from epoch 20\nepoch 40: loss"), "{second:?}");
    // A file that is none is not written over.
    std::fs::write(&file, b"no archive").unwrap();
    let third = run("40");
    assert_eq!(third.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&third.stderr).contains("wrong magic"), "{third:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"no archive");
}

#[test]
fn numpy_and_a_program_hand_files_to_each_other() {
    let folder = folder();
    let (given, answer) = (folder.path().join("given.npz"), folder.path().join("answer.npz"));
    let scripts = crate::support::root().join("examples/numpy_exchange");
    if !python(scripts.join("write.py").to_str().unwrap(), &[&given]) {
        return;
    }
    let output = example("numpy_exchange").args([&given, &answer]).output().unwrap();
    let out = said(&output);
    assert!(out.contains("layers.1.weight    <f8    [4, 1]"), "{out}");
    assert!(out.contains("house prices: rate 0.01, 200 rounds, comment None"), "{out}");
    assert!(python(scripts.join("check.py").to_str().unwrap(), &[&given, &answer]));
}
