//! The trait that says what may be cast, and the casts. Each is preceded by the checks that it names.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use crate::dtype::DType;

use super::Misfit;

/// What an array may hold:
///
/// - `bool`, `i8` to `i64`, `u8` to `u64`, `f32` and `f64`;
/// - `isize` and `usize`, as the integer of their width on this machine;
/// - with the feature `half`, `half::f16` and `half::bf16`;
/// - with the feature `complex`, `num_complex::Complex32` and `Complex64`;
/// - the times and strings of [`mod@crate::element`];
/// - with the feature `bytemuck`, `AsElement` around any [`bytemuck::Pod`](https://docs.rs/bytemuck) type;
/// - structs of these with `#[derive(Element)]`, which NumPy sees as structured dtypes.
///
/// ```
/// use serde_shm::Element;
/// fn bytes_of<A: Element>(items: &[A]) -> usize {
///     items.len() * A::DTYPE.item_size()
/// }
/// assert_eq!(bytes_of(&[1.0_f64, 2.0]), 16);
/// ```
///
/// # Safety
///
/// Implement it by the derive. An implementation by hand promises that [`DTYPE`](Element::DTYPE) describes the type's memory:
///
/// - its `item_size` is the type's size, which is not zero;
/// - each field lies at its offset with its dtype, in this machine's byte order;
/// - fields ascend by offset, do not overlap and end within the size;
/// - bytes that a field has are initialised in every value of the type, and bytes that no field has are padding;
/// - the alignment is at most 64;
/// - every value of those bytes is a valid value of the type, provided that the bytes of `bool`s are 0 or 1.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an element of arrays",
    label = "not an `Element`",
    note = "elements are bool, i8 to i64, u8 to u64, f32, f64, the types of `serde_shm::element`, and structs with `#[repr(C)]` and `#[derive(Clone, Copy, serde_shm::Element)]`",
    note = "`half::f16` and `half::bf16` need the feature `half`, `num_complex::Complex` the feature `complex`"
)]
pub unsafe trait Element: Copy + Send + Sync + 'static {
    /// The dtype of this type, in this machine's byte order.
    ///
    /// ```
    /// use serde_shm::{DType, Element};
    ///
    /// assert_eq!(i16::DTYPE, DType::I16);
    /// assert!(i16::DTYPE.is_native());
    /// ```
    const DTYPE: DType;
}

/// Bytes as text, if they are that. Most texts are short and of ASCII, which is seen by words and not byte by byte.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.is_ascii() {
        // SAFETY: the line above checked that every byte is a character of ASCII, and so of UTF-8.
        return Some(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).ok()
}

/// SAFETY of each line: the type is a number of the machine, of the size that the dtype says, for which every bit pattern is
/// valid; for `bool` the trait states the condition itself; the others are `repr(transparent)` or arrays of such. `AsElement` holds a
/// `bytemuck::Pod`, of whose bytes each is initialised and may have any value; `pod::dtype` checks the size and that the dtype says so, too.
macro_rules! elements {
    ($($(#[$attr:meta])* [$($generics:tt)*] $ty:ty => $dtype:expr;)*) => {$(
        $(#[$attr])*
        // SAFETY: see the macro.
        unsafe impl<$($generics)*> Element for $ty {
            const DTYPE: DType = {
                let dtype = $dtype;
                assert!(size_of::<$ty>() > 0, "an element of no bytes cannot be counted");
                dtype
            };
        }
    )*};
}

elements! {
    [] bool => DType::BOOL;
    [] i8 => DType::I8;
    [] i16 => DType::I16;
    [] i32 => DType::I32;
    [] i64 => DType::I64;
    [] u8 => DType::U8;
    [] u16 => DType::U16;
    [] u32 => DType::U32;
    [] u64 => DType::U64;
    [] f32 => DType::F32;
    [] f64 => DType::F64;
    #[cfg(target_pointer_width = "64")]
    [] isize => DType::I64;
    #[cfg(target_pointer_width = "64")]
    [] usize => DType::U64;
    #[cfg(target_pointer_width = "32")]
    [] isize => DType::I32;
    #[cfg(target_pointer_width = "32")]
    [] usize => DType::U32;
    #[cfg(feature = "half")]
    [] half::f16 => DType::F16;
    #[cfg(feature = "half")]
    [] half::bf16 => DType::BF16;
    #[cfg(feature = "complex")]
    [] num_complex::Complex32 => DType::COMPLEX64;
    #[cfg(feature = "complex")]
    [] num_complex::Complex64 => DType::COMPLEX128;
    [U: super::Unit] super::Datetime64<U> => DType::datetime(U::UNIT);
    [U: super::Unit] super::Timedelta64<U> => DType::timedelta(U::UNIT);
    [const N: usize] super::FixedBytes<N> => DType::bytes(N);
    #[cfg(feature = "bytemuck")]
    [T: bytemuck::Pod + Send + Sync, D: super::NamesDType<T>] super::AsElement<T, D> => super::pod::dtype::<T, D>();
    [const N: usize] super::FixedStr<N> => DType::text(N);
}

// SAFETY: `AsElement` is `repr(transparent)` around its value, and adds no condition of its own.
#[cfg(feature = "bytemuck")]
unsafe impl<T, D> bytemuck::TransparentWrapper<T> for super::AsElement<T, D> {}

// SAFETY: as above: it is valid where its value is.
#[cfg(feature = "bytemuck")]
unsafe impl<T: bytemuck::Zeroable, D> bytemuck::Zeroable for super::AsElement<T, D> {}

// SAFETY: as above.
#[cfg(feature = "bytemuck")]
unsafe impl<T: bytemuck::Pod, D: 'static> bytemuck::Pod for super::AsElement<T, D> {}

/// Checks that the bytes are a whole number of elements of the type.
fn check_len<A: Element>(bytes: &[u8]) -> Result<(), Misfit> {
    if bytes.len().is_multiple_of(size_of::<A>()) {
        Ok(())
    } else {
        Err(Misfit::Length { bytes: bytes.len(), item: size_of::<A>() })
    }
}

/// Checks that the bytes start at an address where an element of the type may lie.
fn check_align<A: Element>(bytes: &[u8]) -> Result<(), Misfit> {
    if bytes.as_ptr().addr().is_multiple_of(align_of::<A>()) {
        Ok(())
    } else {
        Err(Misfit::Align { needed: align_of::<A>() })
    }
}

/// The bytes as a slice of elements, without a copy.
pub(super) fn view<A: Element>(bytes: &[u8]) -> Result<&[A], Misfit> {
    check_len::<A>(bytes)?;
    super::check_values(&A::DTYPE, bytes)?;
    if bytes.is_empty() {
        return Ok(&[]);
    }
    check_align::<A>(bytes)?;
    // SAFETY: `check_len` and `check_align` above checked that the length and the address are those of elements, and
    // `check_values` that the bytes of bools are 0 or 1, which is all that `Element` asks of a valid value. The slice lives as
    // long as `bytes`, which stays shared.
    Ok(unsafe {
        std::slice::from_raw_parts(bytes.as_ptr().cast::<A>(), bytes.len() / size_of::<A>())
    })
}

/// Appends elements, which are copied from bytes of any alignment.
pub(super) fn append<A: Element>(items: &mut Vec<A>, bytes: &[u8]) -> Result<(), Misfit> {
    check_len::<A>(bytes)?;
    super::check_values(&A::DTYPE, bytes)?;
    if items.try_reserve(bytes.len() / size_of::<A>()).is_err() {
        return Err(Misfit::Memory { bytes: bytes.len() });
    }
    let mut left = bytes;
    while !left.is_empty() {
        let room = super::next_room(items);
        let count = room.len().min(left.len() / size_of::<A>());
        let (next, others) = left.split_at(count * size_of::<A>());
        // SAFETY: `next` is as long as `count` elements, for which there is room by the line above, and nothing else borrows it.
        unsafe {
            std::ptr::copy_nonoverlapping(next.as_ptr(), room.as_mut_ptr().cast(), next.len());
        };
        // SAFETY: the elements behind the length have now been written, and are valid by `check_values`.
        unsafe { items.set_len(items.len() + count) };
        left = others;
    }
    Ok(())
}

/// The bytes of elements, if the elements have no padding.
pub(super) fn bytes<A: Element>(items: &[A]) -> Option<&[u8]> {
    if super::has_padding(&A::DTYPE) {
        return None;
    }
    // SAFETY: `has_padding` checked that each byte belongs to a field of the dtype. So all bytes are initialised, by what
    // `Element` promises of the dtype. The length is that of the slice in bytes, and any address will do for a `u8`.
    Some(unsafe { std::slice::from_raw_parts(items.as_ptr().cast::<u8>(), size_of_val(items)) })
}

/// The bytes of elements, to be changed, if all bytes are valid elements.
#[cfg(feature = "ndarray")]
pub(super) fn bytes_mut<A: Element>(items: &mut [A]) -> Option<&mut [u8]> {
    if super::has_padding(&A::DTYPE) || super::has_bools(&A::DTYPE) {
        return None;
    }
    let len = size_of_val(items);
    // SAFETY: as in `bytes`, all bytes are initialised. `has_bools` checked that there are no bools, so that any bytes that are
    // written are valid elements, by what `Element` promises. The slice is borrowed as long as the bytes are.
    Some(unsafe { std::slice::from_raw_parts_mut(items.as_mut_ptr().cast::<u8>(), len) })
}

/// Copies the bytes of an element's fields, without its padding, to where they lie in `out`.
pub(super) fn copy_fields<A: Element>(item: &A, fields: &[std::ops::Range<usize>], out: &mut [u8]) {
    let all = std::ptr::from_ref(item).cast::<MaybeUninit<u8>>();
    // SAFETY: an element has this many bytes, and nothing is assumed of their values here.
    let all = unsafe { std::slice::from_raw_parts(all, size_of::<A>()) };
    for field in fields {
        for (out, byte) in out[field.clone()].iter_mut().zip(&all[field.clone()]) {
            // SAFETY: the caller took the ranges from the dtype of `A` by `field_ranges`, so a field has this byte, and
            // it is initialised.
            *out = unsafe { byte.assume_init() };
        }
    }
}
