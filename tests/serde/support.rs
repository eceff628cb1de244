//! What every row of the table goes through.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_shm::{AlignedBytes, SegmentOptions};

/// Equal after every container, with arrays at exactly these paths.
#[track_caller]
pub(crate) fn check<T>(value: &T, paths: &[&str])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    check_by(value, paths, |back| assert_eq!(back, value));
}

/// The same for what has no equality: `same` looks at what came back.
#[track_caller]
pub(crate) fn check_by<T: Serialize + DeserializeOwned>(
    value: &T,
    paths: &[&str],
    same: impl Fn(&T),
) {
    let bytes = serde_shm::to_bytes(value).unwrap();
    same(&serde_shm::from_bytes(&bytes).unwrap());
    assert_eq!(*serde_shm::to_bytes(value).unwrap(), *bytes, "written twice, the same bytes");

    let segment = serde_shm::to_shared(value).unwrap();
    let found: Vec<String> =
        segment.arrays().unwrap().iter().map(|a| a.path().to_owned()).collect();
    assert_eq!(found, paths);
    same(&serde_shm::from_shared(segment.id()).unwrap());
    same(&segment.get().unwrap());

    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("table-{}-{number}", std::process::id());
    let named = SegmentOptions::new().name(&name).create(value).unwrap();
    same(&serde_shm::from_shared(&name).unwrap());
    drop(named);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("object.npz");
    serde_shm::to_npz(&file, value).unwrap();
    same(&serde_shm::from_npz(&file).unwrap());
}

/// Whether what is borrowed lies in the block.
pub(crate) fn is_in<A>(block: &AlignedBytes, items: &[A]) -> bool {
    let range = block.as_ptr_range();
    range.contains(&items.as_ptr().cast()) || items.is_empty()
}

/// Runs on a stack of the size that threads have.
pub(crate) fn on_a_thread<R: Send + 'static>(run: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap()
}
