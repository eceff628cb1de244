//! A block, mostly with a right checksum, read as every type and by none.

use crate::anything::say;
use crate::unknown;
use serde_shm::{AlignedBytes, Block};

pub fn run(data: &[u8]) {
    read(&AlignedBytes::copy_from(data));
    // At an address that suits no view.
    read(&AlignedBytes::copy_from(&[&[0], data].concat())[1..]);
    if let Ok(block) = Block::new(AlignedBytes::copy_from(data)) {
        unknown::read(&block, true);
    }
}

fn read(block: &[u8]) {
    macro_rules! read {
        ($ty:ty) => {
            say(serde_shm::from_bytes::<$ty>(block).map(drop));
        };
    }
    crate::each_type!(read);
}
