//! What goes in comes out: property tests over values of every serde shape, and over structs of arrays in every container.
//!
//! Seconds by default; `PROPTEST_CASES=100000 cargo test --release --test values roundtrip::` looks for longer.
#![cfg(all(feature = "derive", feature = "ndarray"))]
#![allow(
    missing_docs,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss
)]

mod borrowed;
pub(crate) mod expect;
mod golden;
pub(crate) mod model;
mod typed;
pub(crate) mod value;
mod values;

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
