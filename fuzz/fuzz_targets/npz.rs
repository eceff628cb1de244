//! An archive, mostly with right checksums, read in every way.
#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use serde_shm_fuzz::{targets, zip};

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    zip::mutate_input(data, size, max_size, seed, fuzzer_mutate)
});

fuzz_target!(|data: &[u8]| targets::npz::run(data));
