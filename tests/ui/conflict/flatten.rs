use serde_shm::Deserialize;

#[derive(Deserialize)]
struct Model {
    #[shm_array]
    #[serde(flatten)]
    values: Vec<f32>,
}

fn main() {}
