//! Random types under this crate's derives, compiled in batches: `derive [batches] [types of a batch] [first seed]`.
//!
//! No libFuzzer: each batch is a program of its own in `target/derived`, built with the flags of this one, whose
//! dependencies it shares. A batch that fails stays there.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, fs};

use serde_shm_fuzz::derived::Batch;

#[cfg(fuzzing)]
mod no_coverage;

fn main() -> ExitCode {
    let mut numbers = env::args().skip(1).map(|text| text.parse::<u32>().expect("a number"));
    let batches = numbers.next().unwrap_or(1);
    let types = numbers.next().unwrap_or(16) as usize;
    let first = numbers.next().unwrap_or_else(seed);
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = own.join("target/derived");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("Cargo.toml"), manifest(own)).unwrap();
    fs::copy(own.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    for seed in first..first.saturating_add(batches) {
        fs::write(folder.join("src/main.rs"), Batch::source(seed, types)).unwrap();
        let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["run", "--release", "--quiet"]).current_dir(&folder);
        cargo.env("CARGO_TARGET_DIR", own.join("target"));
        if !cargo.status().expect("cargo runs").success() {
            eprintln!("the batch of seed {seed} fails: {}", folder.join("src/main.rs").display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The manifest of this package without its targets: what both are compiled from is then compiled once.
fn manifest(own: &Path) -> String {
    let text = fs::read_to_string(own.join("Cargo.toml")).unwrap();
    let text = text.split_once("[[bin]]").unwrap().0.replace("serde_shm_fuzz", "derived");
    let root = own.parent().unwrap().display();
    text.replace("path = \"..\"", &format!("path = \"{root}\""))
}

/// Another one each time.
fn seed() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.subsec_nanos()
}
