//! What the derive's code stands on, used by hand.
#![forbid(unsafe_code)]

use serde_shm::__private::{ElementField, element};

// A type cannot say by itself what it would be as a field.
#[derive(Clone, Copy)]
struct Liar(bool);

impl ElementField for Liar {}

// A field that is left out, one that is twice, and one that cannot be.
#[derive(Clone, Copy)]
#[repr(C)]
struct Reference {
    x: &'static u64,
    y: u8,
}

element! { Reference [y: "y"] [] }

#[derive(Clone, Copy)]
#[repr(C)]
struct Twice {
    x: bool,
    y: bool,
}

element! { Twice [x: "x", x: "y"] [] }

#[derive(Clone, Copy)]
#[repr(C)]
struct Assumed {
    x: &'static u64,
}

element! { Assumed [x: "x"] [(&'static u64): ElementField] }

fn main() {}
