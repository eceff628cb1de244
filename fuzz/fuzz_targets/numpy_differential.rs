//! Headers that we and `npyz` read alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_shm_fuzz::targets;

fuzz_target!(|data: &[u8]| targets::numpy_differential::run(data));
