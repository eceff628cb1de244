//! An attribute below the derive changes a field's type, or a macro makes it: what counts is the type that the field has.
use serde_shm::Element;
use serde_shm_rewriting::replace;

#[derive(Clone, Copy, Element)]
#[replace(u64 => &'static u64)]
#[repr(C)]
struct Reference {
    x: u64,
}

#[derive(Clone, Copy, Element)]
#[replace(u32 => char)]
#[repr(C)]
struct Character {
    x: [u32; 3],
}

#[derive(Clone, Copy, Element)]
#[replace(u8 => std::num::NonZero<u8>)]
#[repr(C)]
struct Niche {
    x: u8,
}

macro_rules! text {
    () => {
        &'static str
    };
}

#[derive(Clone, Copy, Element)]
#[repr(C)]
struct Made {
    text: text!(),
}

fn main() {}
