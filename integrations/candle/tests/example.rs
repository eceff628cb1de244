//! The example, run as a user runs it.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[path = "../../support/example.rs"]
mod example;

#[test]
fn a_network_is_resumed_and_shared() {
    let out = example::run("serde_shm_candle", "train", &[]);
    assert!(out.contains("after 100 of 200 steps: the same weights"), "{out}");
    let (_, right) = out.split_once("classified ").unwrap();
    let right: u32 = right.split(' ').next().unwrap().parse().unwrap();
    assert!(right > 135, "{out}");
}
