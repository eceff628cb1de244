use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Clone)]
#[serde(into = "Vec<f32>", from = "Vec<f32>")]
struct Model {
    #[shm_array]
    values: Vec<f32>,
}

impl From<Vec<f32>> for Model {
    fn from(values: Vec<f32>) -> Self {
        Model { values }
    }
}

impl From<Model> for Vec<f32> {
    fn from(model: Model) -> Self {
        model.values
    }
}

fn main() {}
