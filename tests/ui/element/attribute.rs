use serde_shm::Element;

#[derive(Clone, Copy, Element)]
#[element(rename = "x")]
#[repr(C)]
struct OnTheStruct {
    x: f32,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Names {
    #[element(rename = "y")]
    x: f32,
    y: f32,
    #[element(name = "z")]
    z: f32,
    #[element]
    a: f32,
    #[element(rename = "")]
    b: f32,
}

fn main() {}
