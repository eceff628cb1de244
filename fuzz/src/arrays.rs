//! All that an archive says of its arrays.

use ndarray::{Ix1, IxDyn};
use serde_shm::{DynArray, Npz};

use crate::anything::say;
use crate::array::Point;

/// Reads each array as it is and as what it may be.
pub fn read_arrays(file: &Npz) {
    let infos = match file.arrays() {
        Ok(infos) => infos,
        Err(error) => return say::<()>(Err(error)),
    };
    for info in infos.iter().take(8) {
        let path = info.path();
        let found = file.array_dyn(path);
        if let Ok(array) = &found {
            assert_eq!(array.shape(), info.shape(), "{path}");
            let _ = format!("{array:?}");
            // Written again it is the same array.
            if let Ok(block) = serde_shm::to_bytes(array) {
                let again: DynArray = serde_shm::from_bytes(&block).expect("it was just written");
                assert_eq!(again.shape(), array.shape(), "{path}");
            }
            if let DynArray::Raw(raw) = array {
                let names = raw.dtype().fields().iter().map(|field| field.name().to_owned());
                for name in names.collect::<Vec<_>>() {
                    if let Some(field) = raw.field(&name) {
                        say(field);
                    }
                }
            }
        }
        say(found);
        say(file.array::<f32, IxDyn>(path));
        say(file.array::<bool, Ix1>(path));
        say(file.array::<Point, Ix1>(path));
        say(file.array_as::<f64, IxDyn>(path));
        let _ = (info.dtype().to_string(), info.byte_len(), info.is_zero_copy());
    }
}
