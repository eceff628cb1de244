//! Arrays of numbers, read as numbers of a wider type without loss.

use std::io;

use ndarray::{Array, Dimension};

use crate::dtype::{DType, Scalar, bf16_to_f32, f16_to_f32};
use crate::element::{self, Element, Fit, Misfit, fit, mismatch};
use crate::error::{Error, Result};
use crate::store::Placed;

use super::nd::dimension;

/// Elements are converted in blocks of this many.
const BLOCK: usize = 4096;

/// Reads an array of a container as an owned one, whatever its byte order and the places of its fields. The wanted type may be
/// any that can hold all numbers of the array's type.
///
/// # Errors
///
/// `Mismatch` if the wanted type cannot hold all numbers of the array's type, or has another number of axes; `Corrupt` if the
/// bytes are no elements.
pub(crate) fn read_lossless<A: Element, D: Dimension>(
    path: &str,
    placed: &Placed<'_>,
) -> Result<Array<A, D>> {
    let named = |error: Error| error.at_field(path);
    let shape = dimension::<D, Error>(&placed.shape, placed.order).map_err(named)?;
    let items = elements::<A>(placed).map_err(named)?;
    Array::from_shape_vec(shape, items).map_err(|error| named(Error::corrupt(error.to_string())))
}

/// The error for bytes that are no elements, or that are more than memory can hold.
pub(super) fn misfit(misfit: Misfit) -> Error {
    match misfit {
        Misfit::Memory { .. } => {
            Error::io(format!("cannot copy the array: {misfit}"), io::ErrorKind::OutOfMemory)
        }
        other => Error::corrupt(other.to_string()),
    }
}

pub(super) fn elements<A: Element>(placed: &Placed<'_>) -> Result<Vec<A>> {
    let why = match fit(&placed.dtype, &A::DTYPE) {
        Ok(Fit::Same) => return element::collect(placed.bytes, None).map_err(misfit),
        Ok(Fit::Converted(plan, _)) => {
            return element::collect(placed.bytes, Some(&plan)).map_err(misfit);
        }
        Err(why) => why,
    };
    if let (Some(found), Some(wanted)) = (placed.dtype.scalar(), A::DTYPE.scalar())
        && let Some(items) = convert(found, wanted, placed)
    {
        return items;
    }
    let (found, wanted) = mismatch(&placed.dtype, &placed.shape, &A::DTYPE, &why);
    Err(Error::mismatch(format!("expected {wanted}, found {found}")))
}

/// `None` if the wanted type cannot hold every number of the array's type.
fn convert<A: Element>(
    found: Scalar,
    wanted: Scalar,
    placed: &Placed<'_>,
) -> Option<Result<Vec<A>>> {
    macro_rules! pairs {
        ($($from:ident $read:ty => $($to:ident $write:ty),*;)*) => {
            match (found, wanted) {
                $($((Scalar::$from, Scalar::$to) => {
                    Some(map::<$read, $write, A>(&placed.dtype, placed.bytes, <$write>::from))
                })*)*
                (Scalar::F16, Scalar::F32) => Some(map(&placed.dtype, placed.bytes, f16_to_f32)),
                (Scalar::F16, Scalar::F64) => {
                    Some(map(&placed.dtype, placed.bytes, |bits| f64::from(f16_to_f32(bits))))
                }
                (Scalar::BF16, Scalar::F32) => Some(map(&placed.dtype, placed.bytes, bf16_to_f32)),
                (Scalar::BF16, Scalar::F64) => {
                    Some(map(&placed.dtype, placed.bytes, |bits| f64::from(bf16_to_f32(bits))))
                }
                // The parts of complex numbers are floats, one after the other.
                (Scalar::C64, Scalar::C128) => {
                    Some(map::<f32, f64, A>(&placed.dtype, placed.bytes, f64::from))
                }
                _ => None,
            }
        };
    }
    pairs! {
        Bool bool => I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64;
        I8 i8 => I16 i16, I32 i32, I64 i64, F32 f32, F64 f64;
        I16 i16 => I32 i32, I64 i64, F32 f32, F64 f64;
        I32 i32 => I64 i64, F64 f64;
        U8 u8 => I16 i16, I32 i32, I64 i64, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64;
        U16 u16 => I32 i32, I64 i64, U32 u32, U64 u64, F32 f32, F64 f64;
        U32 u32 => I64 i64, U64 u64, F64 f64;
        F32 f32 => F64 f64;
    }
}

/// Reads numbers of one type, in the dtype's byte order, and collects the results of converting them.
fn map<R: Element, W: Element, A: Element>(
    dtype: &DType,
    bytes: &[u8],
    widen: impl Fn(R) -> W,
) -> Result<Vec<A>> {
    let plan = match fit(&R::DTYPE.in_order_of(dtype), &R::DTYPE) {
        Ok(Fit::Converted(plan, _)) => Some(plan),
        _ => None,
    };
    let count = bytes.len() / size_of::<R>() * size_of::<W>() / size_of::<A>();
    let mut items = element::room(count).map_err(misfit)?;
    let mut wide = Vec::with_capacity(BLOCK);
    for block in bytes.chunks(BLOCK * size_of::<R>()) {
        let narrow = element::collect::<R>(block, plan.as_ref()).map_err(misfit)?;
        wide.clear();
        wide.extend(narrow.into_iter().map(&widen));
        element::append(&mut items, &element::packed(&wide)).map_err(misfit)?;
    }
    Ok(items)
}
