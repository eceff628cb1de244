//! What a dtype says of the bytes of its elements: which are bools, which are padding.

use std::ops::Range;

use crate::dtype::{DType, Kind, Scalar};

use super::Misfit;

/// Bytes of bools, at every element of a struct, and the name of their field.
struct Bools {
    range: Range<usize>,
    field: String,
}

/// Every byte of a bool is 0 or 1. The length is a multiple of the dtype's.
pub(super) fn check_values(dtype: &DType, bytes: &[u8]) -> Result<(), Misfit> {
    match dtype.inner() {
        Kind::Scalar(Scalar::Bool) => check_bools(bytes),
        Kind::Struct(_) if !bytes.is_empty() => {
            let mut bools = Vec::new();
            visit(dtype, 0, "", &mut |dtype, range, field| {
                if dtype.scalar() == Some(Scalar::Bool) {
                    bools.push(Bools { range, field: field.to_owned() });
                }
            });
            if bools.is_empty() {
                return Ok(());
            }
            for (index, item) in bytes.chunks_exact(dtype.item_size()).enumerate() {
                for Bools { range, field } in &bools {
                    if let Some(byte) = item[range.clone()].iter().find(|byte| **byte > 1) {
                        return Err(Misfit::Bool { index, field: field.clone(), byte: *byte });
                    }
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Whether some bytes are no element of the dtype, because a bool is in it.
#[cfg(feature = "ndarray")]
pub(crate) fn has_bools(dtype: &DType) -> bool {
    match dtype.inner() {
        Kind::Scalar(Scalar::Bool) => true,
        Kind::Struct(structure) => structure.fields().iter().any(|field| has_bools(field.dtype())),
        _ => false,
    }
}

/// Blocks are or-ed together first, which the compiler turns into vector code.
fn check_bools(bytes: &[u8]) -> Result<(), Misfit> {
    for (block, chunk) in bytes.chunks(4096).enumerate() {
        if chunk.iter().fold(0, |all, byte| all | byte) > 1 {
            let (index, byte) =
                chunk.iter().enumerate().find(|(_, byte)| **byte > 1).unwrap_or((0, &chunk[0]));
            let index = block * 4096 + index;
            return Err(Misfit::Bool { index, field: String::new(), byte: *byte });
        }
    }
    Ok(())
}

/// Calls `see` with each field that is no struct, with where it lies and its name: `inner.ok`.
fn visit(dtype: &DType, at: usize, name: &str, see: &mut impl FnMut(&DType, Range<usize>, &str)) {
    let Kind::Struct(structure) = dtype.inner() else {
        see(dtype, at..at + dtype.item_size(), name);
        return;
    };
    for field in structure.fields() {
        let dot = if name.is_empty() { "" } else { "." };
        let name = format!("{name}{dot}{}", field.name());
        let start = at + field.offset();
        if let Kind::Struct(_) = field.dtype().inner() {
            for index in 0..field.count() {
                visit(field.dtype(), start + index * field.dtype().item_size(), &name, see);
            }
        } else {
            see(field.dtype(), start..start + field.bytes(), &name);
        }
    }
}

/// The bytes that fields have, in ascending order, with neighbours joined.
pub(super) fn field_ranges(dtype: &DType) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    visit(dtype, 0, "", &mut |_, range, _| match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ if range.is_empty() => {}
        _ => ranges.push(range),
    });
    ranges
}

/// Whether an element has bytes that no field has.
pub(super) fn has_padding(dtype: &DType) -> bool {
    match dtype.inner() {
        Kind::Struct(_) => {
            field_ranges(dtype).iter().map(Range::len).sum::<usize>() != dtype.item_size()
        }
        _ => false,
    }
}
