//! What is written once is read by every type that can read it: the same type, behind every key, at every length, and another
//! type, by itself and through serde's buffers.
#![cfg(all(feature = "derive", feature = "ndarray", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_shm::{from_bytes, to_bytes};

mod buffers;
mod formats;
mod keys;
mod lengths;
mod matrix;
mod once;

/// A value comes back as it was.
#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    becomes(value, value);
}

/// What was written as one type is read as another, out of each container.
#[track_caller]
fn becomes<T: DeserializeOwned + PartialEq + Debug>(from: &impl Serialize, to: &T) {
    assert_eq!(&from_bytes::<T>(&to_bytes(from).unwrap()).unwrap(), to);
    let mut stream = Vec::new();
    serde_shm::to_writer(&mut stream, from).unwrap();
    assert_eq!(&serde_shm::from_reader::<_, T>(&stream[..]).unwrap(), to);
    assert_eq!(&serde_shm::Block::new(stream).unwrap().get::<T>().unwrap(), to);
    assert_eq!(&serde_shm::to_shared(from).unwrap().get::<T>().unwrap(), to);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    serde_shm::to_npz(&path, from).unwrap();
    assert_eq!(&serde_shm::from_npz::<T>(&path).unwrap(), to);
}
