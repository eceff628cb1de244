//! An attribute below the derive packs the fields.
use serde_shm::Element;
use serde_shm_rewriting::replace;

#[derive(Clone, Copy, Element)]
#[replace(repr(C) => repr(C, packed))]
#[repr(C)]
struct Packed {
    x: u8,
    y: u32,
}

fn main() {}
