use serde_shm::Serialize;

#[derive(Serialize)]
#[serde_shm]
struct Bare;

#[derive(Serialize)]
#[serde_shm(path = "serde_shm")]
struct OtherKey;

#[derive(Serialize)]
#[serde_shm(crate)]
struct NoPath;

#[derive(Serialize)]
#[serde_shm(crate = "not a path")]
struct BadPath;

#[derive(Serialize)]
#[serde_shm(crate = "serde_shm")]
#[serde_shm(crate = "serde_shm")]
struct Twice;

#[derive(Serialize)]
#[serde_shm(crate = "serde_shm", rename = "x")]
struct Several;

fn main() {}
