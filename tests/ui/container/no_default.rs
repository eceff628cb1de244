use serde_shm::Deserialize;

#[derive(Deserialize)]
#[serde(default)]
struct Model {
    #[shm_array]
    values: Vec<f32>,
}

fn main() {}
