use serde_shm::Serialize;

#[derive(Serialize)]
struct Model {
    #[shm_array(f32)]
    values: Vec<f32>,
    #[shm_array = "f32"]
    more: Vec<f32>,
    #[shm_array()]
    none: Vec<f32>,
}

fn main() {}
