use serde_shm::Serialize;

// Every mistake is reported in one go.
#[derive(Serialize)]
#[shm_array]
#[serde_shm(krate = "serde_shm")]
struct Model {
    #[shm_array(2)]
    #[serde(skip)]
    first: Vec<f32>,
    #[shm_array]
    #[serde(flatten)]
    second: Vec<f32>,
}

fn main() {}
