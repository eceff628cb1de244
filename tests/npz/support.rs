//! What the tests of this folder share.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_shm::{Error, Npz, from_npz};
use tempfile::TempDir;

/// Runs a script of `tests/python`; false if there is no Python with NumPy.
pub(crate) fn python(script: &str, args: &[&dyn AsRef<Path>]) -> bool {
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        // Past the test runner's capture of `eprintln`.
        let note =
            format!("SKIPPED: {script} needs SERDE_SHM_PYTHON, the path of a Python with NumPy\n");
        std::io::stderr().write_all(note.as_bytes()).unwrap();
        return false;
    };
    let folder = crate::support::root().join("tests/python");
    let args = args.iter().map(AsRef::as_ref);
    let output = Command::new(python).arg(folder.join(script)).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {errors}");
    true
}

/// What is in a folder, sorted.
pub(crate) fn names(folder: impl AsRef<Path>) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// The file in a folder that a role is told of.
pub(crate) fn file(folder: &TempDir) -> String {
    folder.path().join("a.npz").into_os_string().into_string().unwrap()
}

/// A folder on a file system in memory, where there is one: thousands of small writes go to no disk.
pub(crate) fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// The ways to open a file.
pub(crate) const WAYS: [&str; 3] = ["open", "map", "from_bytes"];

/// Opens a file that nobody changes meanwhile.
#[allow(unsafe_code)]
pub(crate) fn opened(way: &str, path: &Path) -> Result<Npz, Error> {
    match way {
        "open" => Npz::open(path),
        // SAFETY: the tests that map a file replace it at most; none writes into it.
        "map" => unsafe { Npz::map(path) },
        _ => Npz::from_bytes(fs::read(path).unwrap()),
    }
}

/// The value in every way: each gives the same, or each an error.
pub(crate) fn read<T>(path: &Path) -> Result<T, Error>
where
    T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let value = from_npz::<T>(path);
    for way in WAYS {
        match (&value, opened(way, path).and_then(|file| file.get::<T>())) {
            (Ok(value), Ok(other)) => assert_eq!(*value, other, "{way}"),
            (Err(error), Err(other)) => {
                assert_eq!(error.kind(), other.kind(), "{way}: {error}; {other}");
            }
            (Ok(_), Err(other)) => panic!("{way} fails where from_npz does not: {other}"),
            (Err(error), Ok(_)) => panic!("{way} gives a value where from_npz fails: {error}"),
        }
    }
    value
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
pub(crate) struct Pair {
    pub(crate) text: String,
    #[serde(with = "serde_shm::array")]
    pub(crate) a: Vec<i32>,
}

pub(crate) fn pair() -> Pair {
    Pair { text: "two".to_owned(), a: vec![1, -2] }
}
