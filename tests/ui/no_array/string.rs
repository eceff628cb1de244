use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Model<'a> {
    #[shm_array]
    name: String,
    #[shm_array]
    text: &'a str,
}

fn main() {}
