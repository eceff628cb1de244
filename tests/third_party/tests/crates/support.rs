//! What every row goes through.

use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_shm::SegmentOptions;

/// What came back of every container: bytes, anonymous and named segment, archive.
pub(crate) fn through_all<T: Serialize + DeserializeOwned>(value: &T) -> [T; 4] {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let bytes = serde_shm::from_bytes(&serde_shm::to_bytes(value).unwrap()).unwrap();
    let segment = serde_shm::to_shared(value).unwrap();
    let shared = serde_shm::from_shared(segment.id()).unwrap();
    let name = format!("third-party-{}-{number}", std::process::id());
    let named = SegmentOptions::new().name(&name).create(value).unwrap();
    let from_name = serde_shm::from_shared(&name).unwrap();
    drop(named);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("object.npz");
    serde_shm::to_npz(&file, value).unwrap();
    [bytes, shared, from_name, serde_shm::from_npz(&file).unwrap()]
}

/// The paths and shapes of the arrays that are placed.
pub(crate) fn arrays<T: Serialize>(value: &T) -> Vec<(String, Vec<usize>)> {
    let segment = serde_shm::to_shared(value).unwrap();
    segment.arrays().unwrap().iter().map(|a| (a.path().to_owned(), a.shape().to_vec())).collect()
}

/// Equal in every container, with these arrays.
#[track_caller]
pub(crate) fn check<T>(value: &T, expected: &[(&str, &[usize])])
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    for back in through_all(value) {
        assert_eq!(&back, value);
    }
    let found = arrays(value);
    let found: Vec<(&str, &[usize])> =
        found.iter().map(|(path, shape)| (&**path, &shape[..])).collect();
    assert_eq!(found, expected);
}
