//! What the derives refuse, and what the user reads then: one case a file, by theme.
//!
//! `TRYBUILD=overwrite cargo test -p serde_shm_ui` writes the messages anew; read them before you commit them.

#[test]
fn ui() {
    let cases = trybuild::TestCases::new();
    for theme in ["conflict", "container", "element", "malformed", "misplaced", "no_array"] {
        cases.compile_fail(format!("{theme}/*.rs"));
    }
}
