// What the programs of docs/GUIDE.md use when they run as tests. A line that the documentation hides includes this file.

/// Makes a new folder the current one. It is removed when the program ends.
fn in_a_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(&folder).unwrap();
    folder
}

/// A name that no other program has.
fn a_name() -> String {
    format!("guide-{}", std::process::id())
}

/// Runs the guide's Python in the current folder, with the Python that `SERDE_SHM_PYTHON` names. Without that variable it
/// runs nothing and returns `false`, except under CI, where that is an error.
fn python() -> bool {
    const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/GUIDE.md"));
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        return false;
    };
    let script = GUIDE.split("\n```python\n").nth(1).unwrap().split("\n```").next().unwrap();
    let status = std::process::Command::new(python).args(["-c", script]).status();
    assert!(status.unwrap().success(), "the guide's Python failed");
    true
}
