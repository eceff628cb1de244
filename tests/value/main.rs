//! Objects of unknown type: what was read as a value and is written again is the same object, in the same bytes.
//!
//! Seconds by default; `PROPTEST_CASES=100000 cargo test --release --test value` looks for longer.
#![cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#![allow(missing_docs, clippy::cast_sign_loss, clippy::cast_possible_wrap)]

mod any;
#[cfg(all(feature = "half", feature = "complex"))]
#[path = "../../fuzz/src/anything.rs"]
#[allow(dead_code, unreachable_pub, clippy::pedantic)]
mod anything;
mod archives;
mod binding;
mod buffers;
mod deep;
#[path = "../roundtrip/expect.rs"]
#[allow(dead_code)]
mod expect;
mod foreign;
#[path = "../support/forever.rs"]
mod forever;
#[path = "../corrupt/forge.rs"]
#[allow(dead_code)]
mod forge;
mod fuzz_seeds;
mod hostile;
mod kept;
mod live;
#[path = "../support/memory.rs"]
mod memory;
#[path = "../roundtrip/model.rs"]
mod model;
mod named;
mod named_hostile;
mod paths;
mod rebuilt;
mod typed;
#[path = "../roundtrip/value.rs"]
mod value;

use proptest::test_runner::Config;

/// What the fuzzer's types are made of.
#[cfg(all(feature = "half", feature = "complex"))]
mod array {
    /// A struct of another layout than its fields follow one another.
    #[derive(
        Clone, Copy, Debug, serde_shm::Element, PartialEq, serde::Serialize, serde::Deserialize,
    )]
    #[repr(C)]
    pub(crate) struct Point {
        pub(crate) on: bool,
        pub(crate) at: [f32; 2],
        pub(crate) id: u16,
    }
}

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
