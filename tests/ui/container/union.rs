use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
union Bits {
    float: f32,
    bits: u32,
}

fn main() {}
