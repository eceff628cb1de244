//! Runs the tool, and makes what it is run on.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use ndarray::{Array1, Array2, array};
use serde::{Deserialize, Serialize};
use serde_shm::{Segment, SegmentOptions, ShmArray1, ShmArray2};

/// The object that most tests show, copy and compare. It has what a container can have: names, options, variants, maps with keys
/// of another type, bytes, a long list, arrays in both orders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) epoch: u64,
    pub(crate) rate: f32,
    pub(crate) note: Option<String>,
    pub(crate) state: State,
    pub(crate) layers: Vec<Layer>,
    pub(crate) classes: std::collections::BTreeMap<u16, String>,
    pub(crate) steps: Vec<i64>,
    pub(crate) columns: ShmArray2<i16>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum State {
    Fresh,
    Trained { loss: f64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Layer {
    pub(crate) weight: ShmArray2<f32>,
    pub(crate) bias: ShmArray1<f64>,
}

pub(crate) fn model() -> Model {
    let layer = |seed: f32| Layer {
        weight: Array2::from_shape_fn((3, 4), |(row, column)| {
            seed + row as f32 - column as f32 / 4.0
        })
        .into(),
        bias: Array1::from_iter((0..4).map(|place| f64::from(place) / 8.0)).into(),
    };
    Model {
        name: "tiny".into(),
        epoch: 7,
        rate: 0.1,
        note: Some("first".into()),
        state: State::Trained { loss: 0.25 },
        layers: vec![layer(0.0), layer(10.0)],
        classes: [(3, "cat".into()), (500, "dog".into())].into(),
        steps: (0..100).map(|step| step * step).collect(),
        columns: array![[1_i16, 2, 3], [4, 5, 6]].reversed_axes().into(),
    }
}

/// A name for a segment that no other test and no other run of the tests uses.
pub(crate) fn name(of: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("cli-test-{of}-{}-{count}", std::process::id())
}

pub(crate) fn publish<T: Serialize>(of: &str, object: &T) -> (String, Segment) {
    let name = name(of);
    let segment = SegmentOptions::new().name(&name).create(object).unwrap();
    (name, segment)
}

/// A name that is removed in the end, whoever made the segment.
pub(crate) struct Removed(pub(crate) String);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = serde_shm::segments::remove(&self.0);
    }
}

pub(crate) fn tool() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_serde-shm"));
    for variable in ["COLUMNS", "NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR", "COLORTERM"] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

pub(crate) struct Said {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { out: text(output.stdout), err: text(output.stderr), code: output.status.code() }
    }
}

/// Runs the tool to its end.
pub(crate) fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Said {
    tool().args(args).output().unwrap().into()
}

/// What the tool says where all goes well.
pub(crate) fn ok<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> String {
    let Said { out, err, code } = run(args);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    out
}

/// What the tool says on standard error where it meets trouble: one line.
pub(crate) fn trouble<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> String {
    let Said { out, err, code } = run(args);
    assert_eq!(code, Some(2), "{out}{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(err.starts_with("serde-shm: "), "{err}");
    err
}

/// Runs a Python that has NumPy. Without one the test is skipped, which is a failure where `CI` is set.
pub(crate) fn python(script: &str, args: &[&Path]) -> Option<String> {
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        eprintln!("SKIPPED: needs SERDE_SHM_PYTHON, the path of a Python with NumPy");
        return None;
    };
    let script = format!("import sys, numpy as np\n{script}");
    let output = Command::new(python).arg("-c").arg(script).args(args).output().unwrap();
    let said = Said::from(output);
    assert_eq!(said.code, Some(0), "{}", said.err);
    Some(said.out)
}

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A tool that goes on until it is stopped, at the latest with this handle.
pub(crate) struct Running {
    child: Child,
    pub(crate) lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    pub(crate) fn new<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Self {
        let mut child = tool().args(args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines }
    }

    pub(crate) fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    /// Whether the tool handles Ctrl-C by now.
    pub(crate) fn listens(&self) -> bool {
        /// SIGINT is signal 2, whose bit is the second.
        const INTERRUPT: u64 = 1 << 1;
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
        caught.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0) & INTERRUPT != 0
    }

    /// What Ctrl-C does.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// The lines that are left, and the exit code.
    pub(crate) fn end(&mut self) -> (String, Option<i32>) {
        let rest: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        (rest.join("\n"), self.child.wait().unwrap().code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
