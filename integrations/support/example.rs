//! The examples of the packages, run as a user runs them. Each package's `tests/example.rs` has this file as a module.

use std::path::Path;
use std::process::Command;

/// An example of this package, whose name no other package has: all examples are built into one folder. Cargo builds it for
/// `cargo test`, beside the tests; for `cargo test --test ..` it does not.
fn program(package: &str, name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let profile: &Path = test.ancestors().nth(2).unwrap();
    let example = profile.join("examples").join(name);
    if !example.exists() {
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", package, "--example", name, "--target-dir"]);
        build.arg(profile.parent().unwrap());
        build.args(profile.ends_with("release").then_some("--release"));
        assert!(build.status().unwrap().success());
    }
    Command::new(example)
}

/// What the example printed. It has to succeed.
pub(crate) fn run(package: &str, name: &str, args: &[&str]) -> String {
    let output = program(package, name).args(args).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{out}{}", String::from_utf8_lossy(&output.stderr));
    out
}
