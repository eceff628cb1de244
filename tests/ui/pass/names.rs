//! Other crates go by the names `core` and `std` here, and names that the derives' code binds are constants.
#![no_implicit_prelude]
#![deny(warnings)]
#![forbid(unsafe_code, trivial_bounds)]
#![allow(non_upper_case_globals, dead_code)]

extern crate alloc as core;
extern crate alloc as std;
extern crate std as real;

const value: () = ();
const serializer: () = ();
const deserializer: () = ();
const items: () = ();

#[derive(real::clone::Clone, real::marker::Copy, ::serde_shm::Element)]
#[repr(C)]
struct Point {
    x: f32,
    y: [f32; 2],
}

#[derive(::serde_shm::Serialize, ::serde_shm::Deserialize)]
struct Model<T> {
    #[shm_array]
    points: real::vec::Vec<Point>,
    #[shm_array]
    array: real::vec::Vec<T>,
    #[serde(default)]
    #[shm_array]
    cow: real::option::Option<real::borrow::Cow<'static, [u8]>>,
    #[serde(skip)]
    skipped: T,
}

fn main() {
    let model = Model {
        points: real::vec![Point { x: 1.0, y: [2.0, 3.0] }],
        array: real::vec![4_u16],
        cow: real::option::Option::None,
        skipped: 5,
    };
    let bytes = ::serde_shm::to_bytes(&model).unwrap();
    let back: Model<u16> = ::serde_shm::from_bytes(&bytes).unwrap();
    real::assert_eq!((back.points[0].y, back.array[0], back.skipped), ([2.0, 3.0], 4, 0));
    real::assert!(back.cow.is_none());
}
