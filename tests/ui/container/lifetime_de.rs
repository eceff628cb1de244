use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Model<'de> {
    name: &'de str,
}

fn main() {}
