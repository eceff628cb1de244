use serde_shm::Element;

#[derive(Clone, Copy)]
struct Other;

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct NoElements {
    text: &'static str,
    wide: u128,
    other: [Other; 3],
}

fn main() {}
