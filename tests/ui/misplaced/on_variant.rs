use serde_shm::Serialize;

#[derive(Serialize)]
enum Choice {
    #[shm_array]
    Values(Vec<f32>),
}

fn main() {}
