use serde_shm::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Serialize, Deserialize)]
struct Inner {
    #[shm_array]
    values: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
struct Outer {
    #[shm_array]
    inner: Inner,
    #[shm_array]
    named: HashMap<String, Inner>,
}

#[derive(Serialize, Deserialize)]
enum Choice {
    Tuple(u8, #[shm_array] Option<Inner>),
}

fn main() {}
