use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Model {
    #[shm_array]
    epoch: u32,
}

fn main() {}
