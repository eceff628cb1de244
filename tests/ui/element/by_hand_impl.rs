//! Brackets of the derive's macro that would give its `unsafe impl` another body.
#![forbid(unsafe_code)]

#[derive(Clone, Copy)]
#[repr(C)]
struct Reference {
    x: &'static u64,
}

serde_shm::__private::element! {
    Reference [x: "x"]
    [(u8): Copy { const DTYPE: serde_shm::DType = serde_shm::DType::U64; } impl Reference where (u8): Copy]
}

fn main() {}
