//! What the derives refuse, and what the user reads then: one case a file, by theme.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes the messages anew; read them before you commit them.

// The compiler lists what the traits are implemented for, and the features decide on that.
#![cfg(all(feature = "derive", feature = "ndarray"))]

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    for theme in ["conflict", "container", "element", "malformed", "misplaced", "no_array"] {
        cases.compile_fail(format!("tests/ui/{theme}/*.rs"));
    }
}
