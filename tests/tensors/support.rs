//! What the tests of this folder share.

use std::fmt::Debug;
use std::fs;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_shm::{Error, Safetensors, from_safetensors};

/// The ways to open a file.
pub(crate) const WAYS: [&str; 3] = ["open", "map", "from_bytes"];

/// Opens a file that nobody changes meanwhile.
#[allow(unsafe_code)]
pub(crate) fn opened(way: &str, path: &Path) -> Result<Safetensors, Error> {
    match way {
        "open" => Safetensors::open(path),
        // SAFETY: the tests that map a file replace it at most; none writes into it.
        "map" => unsafe { Safetensors::map(path) },
        _ => Safetensors::from_bytes(fs::read(path).unwrap()),
    }
}

/// The value in every way: each gives the same, or each an error of the same kind.
pub(crate) fn read<T: DeserializeOwned + PartialEq + Debug>(path: &Path) -> Result<T, Error> {
    let value = from_safetensors::<T>(path);
    for way in WAYS {
        match (&value, opened(way, path).and_then(|file| file.get::<T>())) {
            (Ok(value), Ok(other)) => assert_eq!(*value, other, "{way}"),
            (Err(error), Err(other)) => assert_eq!(error.kind(), other.kind(), "{way}: {other}"),
            (value, other) => panic!("{way}: {other:?} where from_safetensors gives {value:?}"),
        }
    }
    value
}

/// A file with this header and these bytes behind it.
pub(crate) fn forged(header: impl AsRef<[u8]>, data: &[u8]) -> Vec<u8> {
    let header = header.as_ref();
    [&(header.len() as u64).to_le_bytes()[..], header, data].concat()
}
