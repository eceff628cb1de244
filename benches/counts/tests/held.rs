//! The hot paths take as many instructions as `counts.toml` says, unoptimised. With `SERDE_SHM_COUNTS=update` the test writes what it finds.

use std::process::Command;

#[test]
fn unoptimised_code_takes_as_many_instructions_as_it_did() {
    let mut counts = Command::new(env!("CARGO_BIN_EXE_serde_shm_counts"));
    if std::env::var_os("SERDE_SHM_COUNTS").is_some_and(|what| what == "update") {
        counts.arg("--update");
    }
    let output = counts.output().expect("the program of this package starts");
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
