//! Where the deeds are done, and what there is before and after.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ndarray::Array1;
use serde_shm::{Deserialize, Serialize};
use tempfile::TempDir;

/// One test at a time.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
pub(crate) struct Object {
    pub(crate) text: String,
    pub(crate) arrays: Vec<Array1<u32>>,
}

impl Object {
    /// Arrays of so many bytes each.
    pub(crate) fn new(text: &str, bytes: &[usize]) -> Self {
        let array = |(seed, bytes): (usize, &usize)| {
            (0..bytes / 4).map(|at| (at / 100 + seed) as u32).collect::<Array1<u32>>()
        };
        let arrays = bytes.iter().enumerate().map(array).collect();
        Object { text: text.to_owned(), arrays }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.arrays.iter().map(|array| array.len() as u64 * 4).sum()
    }
}

/// What a progress function does, as the options take it.
pub(crate) type Report = Arc<dyn Fn(u64, u64) -> ControlFlow<()> + Send + Sync>;

pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) object: Object,
    /// What has the name before.
    pub(crate) old: Object,
    pub(crate) name: String,
}

impl Scene {
    pub(crate) fn new(object: Object) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Relaxed);
        Scene {
            folder: TempDir::new().unwrap(),
            object,
            old: Object::new("old", &[1000]),
            name: format!("progress-{}-{count}", std::process::id()),
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What could be left behind: the files in the folder, the names of segments, the descriptors, the mapped memory.
    pub(crate) fn state(&self) -> State {
        let file = |entry: fs::DirEntry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        };
        let files = fs::read_dir(self.dir()).unwrap().map(|entry| file(entry.unwrap())).collect();
        let root = std::env::var_os("SERDE_SHM_DIR").unwrap_or("/dev/shm".into());
        let names =
            Path::new(&root).join(format!("serde_shm-{}", rustix::process::getuid().as_raw()));
        let names = fs::read_dir(names).into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.contains(&self.name)).collect();
        names.sort();
        let maps = fs::read_to_string("/proc/self/maps").unwrap();
        State {
            files,
            names,
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            mapped: maps.lines().filter(|line| line.contains("memfd:")).count(),
        }
    }
}

#[derive(PartialEq)]
pub(crate) struct State {
    files: BTreeMap<String, Vec<u8>>,
    names: Vec<String>,
    descriptors: usize,
    mapped: usize,
}

/// Without the files' content, which is long.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let files: Vec<_> = self.files.iter().map(|(name, bytes)| (name, bytes.len())).collect();
        write!(f, "{files:?} {:?} {} {}", self.names, self.descriptors, self.mapped)
    }
}
