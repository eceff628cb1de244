use serde_shm::{Deserialize, Serialize};

struct Opaque;

// An array it is, so that it may stay inline; but then its items must be serializable.
#[derive(Serialize, Deserialize)]
struct Model {
    #[shm_array]
    opaques: Vec<Opaque>,
}

fn main() {}
