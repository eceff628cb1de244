use serde_shm::Serialize;

#[derive(Serialize)]
struct Model {
    #[shm_array]
    #[shm_array]
    values: Vec<f32>,
}

fn main() {}
