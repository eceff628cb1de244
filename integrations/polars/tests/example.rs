//! The example, run as a user runs it.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[path = "../../support/example.rs"]
mod example;

#[test]
fn two_processes_see_one_table() {
    let out = example::run("serde_shm_polars", "polars_iris", &[]);
    assert!(
        out.starts_with("150 rows of 5 columns") && out.contains("species 0: 1.464 cm"),
        "{out}"
    );
}
