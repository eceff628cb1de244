//! What a dtype says of the bytes of its elements: which are bools, and which are padding.

use std::ops::Range;

use crate::dtype::{DType, DTypeRepr, Field, Scalar};

use super::Misfit;

/// Where the bools of a struct lie: those of one field, or of the structs in that field.
struct Bools<'d> {
    field: &'d Field,
    /// Empty if the field's own elements are the bools.
    inner: Vec<Bools<'d>>,
}

impl<'d> Bools<'d> {
    fn of(dtype: &'d DType) -> Vec<Self> {
        let bools = |field: &'d Field| {
            let inner = Bools::of(field.dtype());
            // A field that takes no bytes may have an unbounded number of elements.
            let has = !inner.is_empty() || field.dtype().scalar() == Some(Scalar::Bool);
            (has && field.bytes() > 0).then_some(Bools { field, inner })
        };
        dtype.fields().iter().filter_map(bools).collect()
    }

    /// The first byte of a bool that is neither 0 nor 1, with the name of its field: `inner.ok`.
    fn check(&self, item: &[u8]) -> Result<(), (String, u8)> {
        let Bools { field, inner } = self;
        let bytes = &item[field.offset()..field.offset() + field.bytes()];
        if inner.is_empty() {
            return match bytes.iter().find(|byte| **byte > 1) {
                Some(byte) => Err((field.name().to_owned(), *byte)),
                None => Ok(()),
            };
        }
        for item in bytes.chunks_exact(field.dtype().item_size()) {
            for bools in inner {
                bools
                    .check(item)
                    .map_err(|(name, byte)| (format!("{}.{name}", field.name()), byte))?;
            }
        }
        Ok(())
    }
}

/// Checks that every byte of a bool is 0 or 1. The length is a multiple of the dtype's.
#[inline]
pub(crate) fn check_values(dtype: &DType, bytes: &[u8]) -> Result<(), Misfit> {
    match dtype.inner() {
        DTypeRepr::Scalar(Scalar::Bool) => check_bools(bytes),
        DTypeRepr::Struct(_) if !bytes.is_empty() => check_structs(dtype, bytes),
        _ => Ok(()),
    }
}

fn check_structs(dtype: &DType, bytes: &[u8]) -> Result<(), Misfit> {
    let all = Bools::of(dtype);
    if all.is_empty() {
        return Ok(());
    }
    for (index, item) in bytes.chunks_exact(dtype.item_size()).enumerate() {
        for bools in &all {
            bools.check(item).map_err(|(field, byte)| Misfit::Bool { index, field, byte })?;
        }
    }
    Ok(())
}

/// Whether not all bytes are valid elements of the dtype, because it has bools.
#[cfg(feature = "ndarray")]
pub(crate) fn has_bools(dtype: &DType) -> bool {
    match dtype.inner() {
        DTypeRepr::Scalar(Scalar::Bool) => true,
        DTypeRepr::Struct(structure) => {
            structure.fields().iter().any(|field| has_bools(field.dtype()))
        }
        _ => false,
    }
}

/// Blocks are first combined by bitwise OR, which the compiler turns into vector code.
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

/// Calls `see` with the place of each field that is no struct. A Rust type has at most as many such fields as bytes.
fn visit(dtype: &DType, at: usize, see: &mut impl FnMut(Range<usize>)) {
    let DTypeRepr::Struct(structure) = dtype.inner() else {
        see(at..at + dtype.item_size());
        return;
    };
    for field in structure.fields().iter().filter(|field| field.bytes() > 0) {
        let start = at + field.offset();
        if let DTypeRepr::Struct(_) = field.dtype().inner() {
            for index in 0..field.count() {
                visit(field.dtype(), start + index * field.dtype().item_size(), see);
            }
        } else {
            see(start..start + field.bytes());
        }
    }
}

/// The ranges of bytes that fields have, in ascending order. Adjacent ranges are joined.
pub(super) fn field_ranges(dtype: &DType) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    visit(dtype, 0, &mut |range| match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    });
    ranges
}

/// Whether an element has bytes that no field has.
#[inline]
pub(super) fn has_padding(dtype: &DType) -> bool {
    matches!(dtype.inner(), DTypeRepr::Struct(_)) && has_gaps(dtype)
}

fn has_gaps(dtype: &DType) -> bool {
    field_ranges(dtype).iter().map(Range::len).sum::<usize>() != dtype.item_size()
}
