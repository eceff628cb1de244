//! The example, run as a user runs it.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[path = "../../support/example.rs"]
mod example;

#[test]
fn a_model_is_saved_and_shared() {
    let out = example::run("serde_shm_burn", "burn_iris", &[]);
    assert_eq!(out, "two processes put 139 of 150 flowers to their species\n");
}
