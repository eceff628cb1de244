// The mark is known to this crate's derives only.
#[derive(serde_shm::__private::serde::Serialize)]
#[serde(crate = "serde_shm::__private::serde")]
struct Model {
    #[shm_array]
    values: Vec<f32>,
}

fn main() {}
