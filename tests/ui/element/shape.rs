use serde_shm::Element;

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Generic<T> {
    value: T,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Lifetime<'a> {
    value: &'a f32,
}

#[derive(Clone, Copy, Element)]
#[repr(u8)]
enum Choice {
    A,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
union Either {
    a: u8,
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Tuple(f32, f32);

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Empty {}

#[derive(Clone, Copy, Element)]
struct RustLayout {
    x: f32,
}

#[derive(Clone, Copy, Element)]
#[repr(C, packed)]
struct Packed {
    x: f32,
    y: f64,
}

fn main() {}
