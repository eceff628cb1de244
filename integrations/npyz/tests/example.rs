//! The example, run as a user runs it.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

use std::process::Command;

#[test]
fn a_table_goes_through_shared_memory() {
    // Cargo compiles the examples along with the tests, beside them.
    let here = std::env::current_exe().unwrap();
    let example = here.parent().unwrap().parent().unwrap().join("examples/table");
    let output = Command::new(example).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(out, "150 rows, means [5.843, 3.054, 3.759, 1.199, 1.000]\n");
}
