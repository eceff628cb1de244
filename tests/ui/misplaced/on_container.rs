use serde_shm::Serialize;

#[derive(Serialize)]
#[shm_array]
struct Model {
    values: Vec<f32>,
}

fn main() {}
