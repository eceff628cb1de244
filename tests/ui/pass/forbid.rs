//! Forbidden lints that serde's own derive gets along with.
#![forbid(
    unsafe_code,
    missing_docs,
    unused_variables,
    unused_imports,
    unused_mut,
    unreachable_code,
    private_bounds
)]

use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Model<T> {
    generic: T,
    #[shm_array]
    values: Vec<f32>,
    #[shm_array]
    array: Vec<T>,
}

fn main() {
    let bytes =
        serde_shm::to_bytes(&Model { generic: 1u8, values: vec![], array: vec![] }).unwrap();
    let back: Model<u8> = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!((back.generic, back.values, back.array), (1, vec![], vec![]));
}
