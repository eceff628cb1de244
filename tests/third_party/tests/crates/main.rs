//! Structs that other people wrote and derived with plain serde, through every container.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod burn;
mod linfa;
mod nalgebra;
mod small;
mod sprs;
mod support;
mod with;
