use serde_shm::Element;

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Nothing {
    x: [f32; 0],
}

fn main() {
    let _ = Nothing::DTYPE;
}
