use serde_shm::Serialize;

#[derive(Serialize)]
struct Model {
    #[serde(getter = "Model::name")]
    name: String,
}

impl Model {
    fn name(&self) -> &String {
        &self.name
    }
}

fn main() {}
