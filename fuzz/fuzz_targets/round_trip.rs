//! Any value in any of serde's wrappers, through any container and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_shm_fuzz::targets;

fuzz_target!(|data: &[u8]| targets::round_trip::run(data));
