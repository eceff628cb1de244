//! What an array may hold, and the way from bytes to elements and back.

mod cast;

use std::fmt;

use crate::dtype::DType;

/// What an array may hold: `bool`, `i8` to `i64`, `u8` to `u64`, `f32` and `f64`; `isize` and `usize` as the integer of
/// their width on this machine.
///
/// The trait is sealed: that a block of bytes may be seen as a slice of an element type is checked in this crate.
///
/// ```
/// use serde_shm::Element;
/// fn bytes_of<A: Element>(items: &[A]) -> usize {
///     items.len() * A::DTYPE.item_size()
/// }
/// assert_eq!(bytes_of(&[1.0_f64, 2.0]), 16);
/// ```
pub trait Element:
    sealed::Sealed
    + Copy
    + fmt::Debug
    + PartialEq
    + serde::Serialize
    + serde::de::DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The dtype of this type in this machine's byte order.
    const DTYPE: DType;

    /// Bytes as elements, with no copy.
    #[doc(hidden)]
    fn view(bytes: &[u8]) -> Result<&[Self], Misfit>;

    /// Bytes as elements, copied: any alignment, either byte order.
    #[doc(hidden)]
    fn collect(bytes: &[u8], swap: bool) -> Result<Vec<Self>, Misfit>;

    /// Elements as bytes.
    #[doc(hidden)]
    fn bytes(items: &[Self]) -> &[u8];
}

mod sealed {
    pub trait Sealed {}
}

/// Why bytes are not a slice of elements.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The length is not a multiple of the element's size.
    Length { bytes: usize, item: usize },
    /// The address is not a multiple of the element's alignment.
    Align { needed: usize },
    /// A byte of a bool array is neither 0 nor 1.
    Bool { index: usize, byte: u8 },
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfit::Length { bytes, item } => {
                write!(f, "{bytes} bytes are not a whole number of elements of {item} bytes")
            }
            Misfit::Align { needed } => {
                write!(f, "its bytes do not start at a multiple of {needed}")
            }
            Misfit::Bool { index, byte } => {
                write!(f, "invalid bool: expected a byte 0 or 1 at element {index}, found {byte}")
            }
        }
    }
}

macro_rules! numbers {
    ($($ty:ident $dtype:ident),*) => {$(
        impl sealed::Sealed for $ty {}
        impl Element for $ty {
            const DTYPE: DType = DType::$dtype;

            fn view(bytes: &[u8]) -> Result<&[Self], Misfit> {
                cast::check_len(bytes, size_of::<$ty>())?;
                if bytes.is_empty() {
                    return Ok(&[]);
                }
                cast::check_align(bytes, align_of::<$ty>())?;
                Ok(bytemuck::cast_slice(bytes))
            }

            fn collect(bytes: &[u8], swap: bool) -> Result<Vec<Self>, Misfit> {
                cast::check_len(bytes, size_of::<$ty>())?;
                if swap {
                    return Ok(bytes
                        .as_chunks()
                        .0
                        .iter()
                        .map(|chunk: &[u8; size_of::<$ty>()]| {
                            let mut chunk = *chunk;
                            chunk.reverse();
                            bytemuck::pod_read_unaligned(&chunk)
                        })
                        .collect());
                }
                match Self::view(bytes) {
                    Ok(items) => Ok(items.to_vec()),
                    Err(_) => Ok(bytemuck::pod_collect_to_vec(bytes)),
                }
            }

            fn bytes(items: &[Self]) -> &[u8] {
                bytemuck::cast_slice(items)
            }
        }
    )*};
}

numbers!(i8 I8, i16 I16, i32 I32, i64 I64, u8 U8, u16 U16, u32 U32, u64 U64, f32 F32, f64 F64);

#[cfg(target_pointer_width = "64")]
numbers!(isize I64, usize U64);
#[cfg(target_pointer_width = "32")]
numbers!(isize I32, usize U32);

impl sealed::Sealed for bool {}
impl Element for bool {
    const DTYPE: DType = DType::BOOL;

    fn view(bytes: &[u8]) -> Result<&[Self], Misfit> {
        cast::bools(bytes)
    }

    fn collect(bytes: &[u8], _swap: bool) -> Result<Vec<Self>, Misfit> {
        Ok(cast::bools(bytes)?.to_vec())
    }

    fn bytes(items: &[Self]) -> &[u8] {
        bytemuck::cast_slice(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_and_copies_of_aligned_misaligned_and_swapped_bytes() {
        let numbers = [1_u32, 2, 0x0102_0304];
        let bytes = u32::bytes(&numbers);
        assert_eq!(u32::view(bytes), Ok(&numbers[..]));
        let mut shifted = [0_u8; 17];
        let start = (0..4).find(|at| (shifted.as_ptr() as usize + at) % 4 == 1).unwrap();
        shifted[start..start + 12].copy_from_slice(bytes);
        let shifted = &shifted[start..start + 12];
        assert_eq!(u32::view(shifted), Err(Misfit::Align { needed: 4 }));
        assert_eq!(u32::collect(shifted, false).unwrap(), numbers);
        let swapped: Vec<u32> = numbers.iter().map(|n| n.swap_bytes()).collect();
        assert_eq!(u32::collect(shifted, true).unwrap(), swapped);
        assert_eq!(u32::view(&bytes[..10]), Err(Misfit::Length { bytes: 10, item: 4 }));
        assert_eq!(u32::view(&[]), Ok(&[][..]));
    }

    #[test]
    fn a_bool_byte_of_two_is_named_with_its_index() {
        let mut bytes = vec![1_u8; 10_000];
        assert_eq!(bool::view(&bytes).unwrap().len(), 10_000);
        bytes[9_001] = 2;
        assert_eq!(bool::view(&bytes), Err(Misfit::Bool { index: 9_001, byte: 2 }));
        assert_eq!(bool::collect(&bytes, false), Err(Misfit::Bool { index: 9_001, byte: 2 }));
    }
}
