use serde_shm::Serialize;

#[derive(Serialize)]
enum Choice {
    #[serde_shm(crate = "serde_shm")]
    Values(#[serde_shm(crate = "serde_shm")] Vec<f32>),
}

fn main() {}
