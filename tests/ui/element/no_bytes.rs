use serde_shm::Element;

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Nothing {
    x: [f32; 0],
}

const _: serde_shm::DType = Nothing::DTYPE;

fn main() {}
