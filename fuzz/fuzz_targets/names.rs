//! Operations on names against a model, with system calls that fail.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_shm_fuzz::targets;

fuzz_target!(|data: &[u8]| targets::names::run(data));
