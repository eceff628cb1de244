use serde_shm::Serialize;

#[derive(Serialize)]
struct Model {
    #[shm_array]
    #[serde(skip)]
    never: Vec<f32>,
    #[shm_array]
    #[serde(skip_serializing)]
    read_only: Vec<f32>,
    #[serde(skip_deserializing)]
    #[shm_array]
    write_only: Vec<f32>,
}

fn main() {}
