//! A block, mostly with a right checksum, read as every type.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_shm_fuzz::{block, targets};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    block::mutate_input(data, size, max_size, seed, fuzzer_mutate)
});

fuzz_target!(|data: &[u8]| targets::from_bytes::run(data));
