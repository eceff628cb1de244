//! The example, run as a user runs it.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[path = "../../support/example.rs"]
mod example;

#[test]
fn a_table_goes_through_shared_memory() {
    let out = example::run("serde_shm_npyz", "table", &[]);
    assert_eq!(out, "150 rows, means [5.843, 3.054, 3.759, 1.199, 1.000]\n");
}
