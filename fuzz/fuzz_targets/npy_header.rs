//! The text of a `.npy` header: before a first zero the text, behind it the elements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_shm_fuzz::targets;

fuzz_target!(|data: &[u8]| targets::npy_header::run(data));
