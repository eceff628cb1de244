//! The example, run as a user runs it.
#![allow(missing_docs)]

#[path = "../../support/example.rs"]
mod example;

#[test]
fn a_report_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.zip");
    let out = example::run("serde_shm_zip", "report", &[path.to_str().unwrap()]);
    assert_eq!(out, "5 files, 150 rows, means [5.843, 3.054, 3.759, 1.199, 1.000]\n");
}
