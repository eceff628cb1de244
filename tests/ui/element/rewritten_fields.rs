//! An attribute below the derive changes which fields there are, or what has them.
use serde_shm::Element;
use serde_shm_rewriting::replace;

#[derive(Clone, Copy, Element)]
#[replace(x: u8 => x: u8, more: &'static str)]
#[repr(C)]
struct Added {
    x: u8,
}

#[derive(Clone, Copy, Element)]
#[replace(y: u8, =>)]
#[repr(C)]
struct Removed {
    x: u8,
    y: u8,
}

#[derive(Clone, Copy, Element)]
#[replace(struct => union)]
#[replace(x: u8 => x: u8, nothing: ())]
#[repr(C)]
struct Union {
    x: u8,
}

fn main() {}
