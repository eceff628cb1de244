use serde_shm::Serialize;

#[derive(Serialize)]
enum Choice {
    #[serde(skip)]
    Never(#[shm_array] Vec<f32>),
    #[serde(serialize_with = "written")]
    Written(#[shm_array] Vec<f32>),
}

fn main() {}
