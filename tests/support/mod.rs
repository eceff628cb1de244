//! What several tests use.
#![allow(dead_code)]

pub(crate) mod forever;
pub(crate) mod memory;

use std::path::Path;

use serde::{Deserialize, Serialize};

/// A value whose arrays are routed, wherever it stands: the `with` module as a wrapper.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(
    transparent,
    bound(
        serialize = "T: serde_shm::array::SerializeArray",
        deserialize = "T: serde_shm::array::DeserializeArray<'de>"
    )
)]
pub(crate) struct Routed<T>(#[serde(with = "serde_shm::array")] pub(crate) T);

/// How many arrays a block's directory has: a number in its trailer (docs/FORMAT.md, "The trailer").
pub(crate) fn array_count(block: &[u8]) -> u64 {
    let trailer = &block[block.len() - 64..];
    u64::from_le_bytes(trailer[40..48].try_into().unwrap())
}

/// Whether a slice lies in a block of bytes.
pub(crate) fn points_into<T>(block: &[u8], part: &[T]) -> bool {
    let range = block.as_ptr_range();
    let part = part.as_ptr_range();
    range.start <= part.start.cast() && part.end.cast() <= range.end
}

/// The root of this repository, whichever of its packages a test belongs to.
pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().find(|folder| folder.join("Cargo.lock").exists()).unwrap()
}

/// An example of this crate. Cargo builds them for `cargo test`, next to the folder of the test binaries; for
/// `cargo test --test ..` it does not.
pub(crate) fn example(name: &str) -> std::process::Command {
    let test = std::env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let example = profile.join("examples").join(name);
    if !example.exists() {
        let mut build = std::process::Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--example", name, "--target-dir"]);
        build.arg(profile.parent().unwrap()).current_dir(root());
        build.args(profile.ends_with("release").then_some("--release"));
        assert!(build.status().unwrap().success());
    }
    std::process::Command::new(example)
}
