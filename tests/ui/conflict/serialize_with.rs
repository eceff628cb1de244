use serde_shm::Serialize;

#[derive(Serialize)]
struct Model {
    #[shm_array]
    #[serde(serialize_with = "doubled")]
    values: Vec<f32>,
    #[shm_array]
    #[serde(deserialize_with = "halved")]
    more: Vec<f32>,
}

fn main() {}
