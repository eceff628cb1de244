//! The checks before a cast, and the one cast that no library does as fast: bytes to `bool`.
#![allow(unsafe_code)]

use super::Misfit;

pub(super) fn check_len(bytes: &[u8], item: usize) -> Result<(), Misfit> {
    if bytes.len().is_multiple_of(item) {
        Ok(())
    } else {
        Err(Misfit::Length { bytes: bytes.len(), item })
    }
}

pub(super) fn check_align(bytes: &[u8], align: usize) -> Result<(), Misfit> {
    if bytes.as_ptr().addr().is_multiple_of(align) {
        Ok(())
    } else {
        Err(Misfit::Align { needed: align })
    }
}

/// Every byte is 0 or 1. Blocks are or-ed together first, which the compiler turns into vector code.
fn check_bools(bytes: &[u8]) -> Result<(), Misfit> {
    for (block, chunk) in bytes.chunks(4096).enumerate() {
        if chunk.iter().fold(0, |all, byte| all | byte) > 1 {
            let (index, byte) =
                chunk.iter().enumerate().find(|(_, byte)| **byte > 1).unwrap_or((0, &chunk[0]));
            return Err(Misfit::Bool { index: block * 4096 + index, byte: *byte });
        }
    }
    Ok(())
}

pub(super) fn bools(bytes: &[u8]) -> Result<&[bool], Misfit> {
    check_bools(bytes)?;
    // SAFETY: `check_bools` above saw that every byte is 0 or 1, the two valid values of `bool`; `bool` has the
    // size and alignment of `u8`, so pointer and length are those of a slice that lives as long as `bytes`.
    Ok(unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast::<bool>(), bytes.len()) })
}
