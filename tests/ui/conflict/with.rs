use serde_shm::{Deserialize, Serialize};

mod doubled {
    use serde_shm::__private::serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(values: &Vec<f32>, serializer: S) -> Result<S::Ok, S::Error> {
        values.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
        Vec::deserialize(deserializer)
    }
}

#[derive(Serialize, Deserialize)]
struct Model {
    #[shm_array]
    #[serde(rename = "bias", with = "doubled")]
    values: Vec<f32>,
}

fn main() {}
