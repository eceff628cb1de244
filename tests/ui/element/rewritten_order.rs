//! An attribute below the derive changes where the fields lie.
use serde_shm::Element;
use serde_shm_rewriting::replace;

#[derive(Clone, Copy, Element)]
#[replace(x: u8, y: bool => y: bool, x: u8)]
#[repr(C)]
struct Reordered {
    x: u8,
    y: bool,
}

#[derive(Clone, Copy, Element)]
#[replace(repr(C) => repr(Rust))]
#[repr(C)]
struct RustLayout {
    x: u8,
    y: u32,
    z: u8,
}

const _: serde_shm::DType = Reordered::DTYPE;
const _: serde_shm::DType = RustLayout::DTYPE;

fn main() {}
