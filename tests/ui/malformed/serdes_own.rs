use serde_shm::{Deserialize, Serialize};

// Serde reports these, and nothing else follows from them.
#[derive(Serialize)]
#[serde(rename_everything = "lowercase")]
struct UnknownEntry;

#[derive(Deserialize)]
struct UnknownOnField {
    #[shm_array]
    #[serde(defualt)]
    values: Vec<f32>,
}

#[derive(Serialize)]
#[serde]
struct NoList;

#[derive(Serialize)]
#[serde(bound = "not a bound")]
struct BadBound<T> {
    value: T,
}

fn main() {}
