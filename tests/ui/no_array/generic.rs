use serde_shm::Serialize;

#[derive(Serialize)]
struct Model<T> {
    #[shm_array]
    values: T,
}

fn needs_serialize(_: impl Serialize) {}

fn main() {
    needs_serialize(Model { values: vec![1.0] });
    needs_serialize(Model { values: String::new() });
}
