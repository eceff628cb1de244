// What the programs of docs/GUIDE.md use when they run as tests. A line that the documentation hides includes this file.

/// Makes a new folder the current one. It is removed when the program ends.
fn in_a_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::env::set_current_dir(&folder).unwrap();
    folder
}

/// Writes an archive as `np.savez` does, in which each array of these names is `[[1, 2]]` of `f32`.
#[allow(dead_code)]
fn a_file_of_another_program(path: &str, names: &[&str]) {
    use std::io::Write;
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    let mut member = b"\x93NUMPY\x01\0\x76\0".to_vec();
    member.extend_from_slice(format!("{header:117}\n").as_bytes());
    member.extend([1.0_f32, 2.0].iter().flat_map(|item| item.to_le_bytes()));
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for name in names {
        archive.start_file(format!("{name}.npy"), stored).unwrap();
        archive.write_all(&member).unwrap();
    }
    archive.finish().unwrap();
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
