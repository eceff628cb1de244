//! A struct of elements where `unsafe` is forbidden, and where the crate has another name.
#![forbid(unsafe_code, missing_docs, unused_variables, unused_imports, unreachable_code)]

use serde_shm as renamed;

mod inner {
    #[derive(Clone, Copy, renamed::Element)]
    #[serde_shm(crate = "crate::renamed")]
    #[repr(C)]
    pub struct Cell {
        pub on: bool,
        pub r#type: u16,
    }

    use crate::renamed;
}

type Vector = [f32; 3];

/// Nothing but what the derive needs.
#[derive(Clone, Copy, renamed::Element)]
#[serde_shm(crate = "renamed")]
#[repr(C, align(16))]
struct Point {
    position: Vector,
    #[element(rename = "gitter 'ä'")]
    cells: [[inner::Cell; Point::CELLS]; 2],
}

impl Point {
    const CELLS: usize = 2;
}

fn main() {
    use renamed::Element as _;
    assert_eq!(
        Point::DTYPE.to_string(),
        "[('position', '<f4', (3,)), (\"gitter 'ä'\", [('on', '|b1'), ('', '|V1'), ('type', '<u2')], (2, 2)), ('', '|V4')]"
    );
    assert_eq!(Point::DTYPE.alignment(), 16);
}
