//! An archive, mostly with right checksums, read in every way.

use crate::anything::say;
use crate::arrays::read_arrays;
use crate::unknown;
use serde_shm::{AlignedBytes, Npz};

pub fn run(data: &[u8]) {
    // As a map has it, and as what was read into memory.
    let aligned = AlignedBytes::copy_from(data);
    for opened in [Npz::from_bytes(&aligned[..]), Npz::from_bytes(data.to_vec())] {
        match opened {
            Ok(file) => read(&file),
            Err(error) => say::<()>(Err(error)),
        }
    }
}

fn read(file: &Npz) {
    macro_rules! read {
        ($ty:ty) => {
            say(file.get::<$ty>().map(drop));
        };
    }
    crate::each_type!(read few);
    read_arrays(file);
    unknown::read(file, false);
    say(file.verify());
}
