//! How many instructions the hot paths take, by callgrind, which counts the same on a busy machine as on a quiet one.
//! `counts.toml` has the counts that hold; one that differs by more than the tolerance ends the program with status 1.
//!
//! `cargo run --profile counts -p serde_shm_counts` compares, with `-- --update` it writes what it finds into `counts.toml`, and
//! with `-- --profile FOLDER` it leaves callgrind's files there. Counts are those of one compiler: where another one compiled
//! this, the program says so and compares nothing.
//!
//! Counts of unoptimised code are others. They show as well whether the crate does more than before, and compiling it takes seconds: the
//! package's test compares them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use serde::{Deserialize, Serialize};

mod works;

/// What holds: a count for each work, and by which factor it may be exceeded or undercut.
#[derive(Serialize, Deserialize)]
struct Counts {
    compiler: String,
    tolerance: f64,
    optimised: BTreeMap<String, u64>,
    /// Of the test's build, which has every feature.
    unoptimised: BTreeMap<String, u64>,
}

impl Counts {
    /// Those of this program.
    fn instructions(&mut self) -> &mut BTreeMap<String, u64> {
        if cfg!(debug_assertions) { &mut self.unoptimised } else { &mut self.optimised }
    }
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts.toml");

/// What compiles, as it tells itself. Cargo says which it took.
fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = Command::new(rustc).arg("--version").output().expect("rustc --version");
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// Runs this program again under callgrind with one work, and reads how many instructions of its own it took. Those of the C library
/// are left out: it copies in other ways on other processors.
fn count(work: &str, folder: &Path) -> u64 {
    let out = folder.join(format!("{}.callgrind", work.replace(' ', "-")));
    let mut file = std::ffi::OsString::from("--callgrind-out-file=");
    file.push(&out);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--tool=callgrind", "--toggle-collect=*measured*"]).arg(file);
    let program = std::env::current_exe().expect("this program has a path");
    let status = valgrind.arg(&program).args(["--one", work]).stdout(Stdio::null()).status();
    assert!(status.expect("valgrind is there").success(), "valgrind failed with `{work}`");
    let text = std::fs::read_to_string(&out).expect("callgrind wrote what it counted");
    let name = program.file_name().and_then(|name| name.to_str()).expect("a name");
    let found = own_instructions(&text, name);
    assert!(found > 0, "callgrind counted nothing in `{work}`");
    found
}

/// The sum over the functions of this program. In callgrind's file `ob=` says whose the functions are that follow (by a number, and at
/// the first time by a path too), and a line that begins with a number is a place and its cost. The line behind `calls=` has what was
/// called, whose cost is its own.
fn own_instructions(text: &str, program: &str) -> u64 {
    let (mut own, mut is_own, mut sum) = (String::new(), false, 0);
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let called = line.strip_prefix("cob=");
        if let Some(object) = called.or_else(|| line.strip_prefix("ob=")) {
            let (number, path) = object.split_once(' ').unwrap_or((object, ""));
            if path.ends_with(program) {
                number.clone_into(&mut own);
            }
            if called.is_none() {
                is_own = number == own;
            }
        } else if line.starts_with("calls=") {
            lines.next();
        } else if is_own
            && line.starts_with(|char: char| char.is_ascii_digit() || "+-*".contains(char))
        {
            let cost = line.split_whitespace().nth(1).and_then(|cost| cost.parse::<u64>().ok());
            sum += cost.unwrap_or(0);
        }
    }
    sum
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [one, work] = &args[..]
        && one == "--one"
    {
        works::run(work);
        return ExitCode::SUCCESS;
    }
    let updates = args.iter().any(|arg| arg == "--update");
    let profile = args.iter().position(|arg| arg == "--profile").map(|at| &args[at + 1]);
    let scratch = tempfile::tempdir().expect("a folder for callgrind's files");
    let folder = profile.map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("SKIPPED: no valgrind here, nothing is counted");
        return ExitCode::SUCCESS;
    }
    let text = std::fs::read_to_string(PATH).expect("benches/counts/counts.toml");
    let mut counts: Counts = toml::from_str(&text).expect("benches/counts/counts.toml");
    let compiler = compiler();
    let compares = counts.compiler == compiler;
    if !compares && !updates {
        println!(
            "SKIPPED: the counts that hold are those of {}, and this is {compiler}",
            counts.compiler
        );
    }
    let mut has_changed = false;
    println!("{:44} {:>12} {:>12}", "work", "instructions", "holds");
    for &work in works::names() {
        let found = count(work, &folder);
        let holds = counts.instructions().get(work).copied();
        let ratio = holds.map_or(f64::INFINITY, |holds| found as f64 / holds as f64);
        let differs = ratio > counts.tolerance || ratio < 1.0 / counts.tolerance;
        let note =
            if differs && compares { "  <- another count; `--update` if it is meant" } else { "" };
        has_changed |= differs;
        println!("{work:44} {found:12} {:12}{note}", holds.unwrap_or(0));
        counts.instructions().insert(work.to_owned(), found);
    }
    if updates {
        counts.compiler = compiler;
        std::fs::write(PATH, toml::to_string(&counts).expect("numbers and names"))
            .expect("counts.toml");
        return ExitCode::SUCCESS;
    }
    if compares && has_changed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
