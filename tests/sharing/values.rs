//! An object that is read as a value and written again shares what it shared.

use ndarray::Array1;
use serde_shm::ShmArray1;
use serde_shm::value::Value;

use crate::sharing::numbers;
use crate::support::Routed;

#[test]
fn a_copy_of_a_value_is_counted_once_for_all_its_places() {
    let bytes = serde_shm::to_bytes(&vec![ShmArray1::from(numbers()); 1_000]).unwrap();
    let (value, peak) =
        crate::support::memory::peak(|| serde_shm::from_bytes::<Value>(&bytes).unwrap());
    assert!(peak < 2_000_000, "{peak} bytes at once");
    assert!(serde_shm::to_bytes(&value).unwrap() == bytes);
}

#[cfg(feature = "npz")]
#[test]
fn an_archive_has_each_array_and_is_read_as_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.npz");
    let last = std::sync::Mutex::new((0, 0));
    let twice = vec![ShmArray1::from(numbers()); 2];
    serde_shm::NpzOptions::new()
        .fsync(false)
        .progress(|done, all| *last.lock().unwrap() = (done, all))
        .save(&path, &twice)
        .unwrap();
    // What will be written is what is counted beforehand.
    assert_eq!(*last.lock().unwrap(), (2 * 20_000, 2 * 20_000));
    let npz = serde_shm::Npz::open(&path).unwrap();
    for name in ["0", "1"] {
        assert_eq!(npz.array_as::<f32, ndarray::Ix1>(name).unwrap(), numbers());
    }
    let value = npz.value().unwrap();
    let back: Vec<Routed<Array1<f32>>> =
        serde_shm::from_bytes(&serde_shm::to_bytes(&value).unwrap()).unwrap();
    assert!(back.iter().all(|one| one.0 == numbers()));
}
