//! A sealed memfd with a damaged block in it, with and without live memory.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_shm_fuzz::{live, targets};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    live::mutate_input(data, size, max_size, seed, fuzzer_mutate)
});

fuzz_target!(|data: &[u8]| targets::segment::run(data));
