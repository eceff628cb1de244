//! How many values a property test tries: seconds by default. For longer:
//! `PROPTEST_CASES=100000 cargo test --release -p serde_shm_matrix --test values roundtrip::`.

use proptest::test_runner::Config;

/// This many cases, or as many as `PROPTEST_CASES` says.
pub(crate) fn cases(default: u32) -> Config {
    let from_environment = Config::default();
    let cases = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => from_environment.cases,
        None => default,
    };
    // A failing case is printed whole: no file is left in the source tree.
    Config { cases, failure_persistence: None, ..from_environment }
}
