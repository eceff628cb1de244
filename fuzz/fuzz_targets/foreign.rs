//! Any value through JSON and MessagePack and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_shm_fuzz::targets;

fuzz_target!(|data: &[u8]| targets::foreign::run(data));
