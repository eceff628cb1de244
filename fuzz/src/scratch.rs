//! Where files are put while a target runs.

use std::cell::RefCell;
use std::path::PathBuf;

/// A folder of this process in memory, or where there is none, of the system's for temporary files. It is left behind
/// when the fuzzer ends, since it ends by `_exit`; the next one of the same name empties it.
pub fn folder() -> PathBuf {
    thread_local! {
        static FOLDER: RefCell<Option<PathBuf>> = const { RefCell::new(None) };
    }
    FOLDER.with_borrow_mut(|folder| {
        folder
            .get_or_insert_with(|| {
                let memory = PathBuf::from("/dev/shm");
                let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
                remove_left(&base);
                let path = base.join(format!("{PREFIX}{}", std::process::id()));
                let _ = std::fs::remove_dir_all(&path);
                std::fs::create_dir_all(&path).expect("a folder for temporary files");
                path
            })
            .clone()
    })
}

const PREFIX: &str = "serde_shm-fuzz-";

/// Removes the folders of fuzzers that are no more.
fn remove_left(base: &std::path::Path) {
    for entry in std::fs::read_dir(base).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if let Some(process) = process
            && !std::path::Path::new("/proc").join(process).exists()
        {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
