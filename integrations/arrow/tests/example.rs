//! The example, run as a user runs it.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

use std::process::Command;

#[test]
fn two_processes_see_one_table() {
    // Cargo compiles the examples along with the tests, beside them.
    let here = std::env::current_exe().unwrap();
    let example = here.parent().unwrap().parent().unwrap().join("examples/iris");
    let output = Command::new(example).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        out.starts_with("150 rows of 5 columns") && out.contains("species 0: 1.464 cm"),
        "{out}"
    );
}
