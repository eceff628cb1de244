use serde_shm::Element;

#[derive(Element)]
#[repr(C)]
struct Point {
    x: f32,
}

fn main() {}
