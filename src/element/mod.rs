//! What an array may hold beside numbers, and the conversions between bytes and elements.
//!
//! The types here stand for the dtypes of NumPy that have no type in Rust: [`Datetime64`] and [`Timedelta64`] with their
//! [`Unit`]s, [`FixedBytes`] (`S`) and [`FixedStr`] (`U`).
//!
//! ```
//! use serde_shm::element::{Datetime64, FixedBytes, Seconds};
//!
//! #[derive(serde::Serialize)]
//! struct Log {
//!     #[serde(with = "serde_shm::array")]
//!     times: Vec<Datetime64<Seconds>>,
//!     #[serde(with = "serde_shm::array")]
//!     sources: Vec<FixedBytes<8>>,
//! }
//! # impl Log { fn new() -> Self { Log { times: vec![Datetime64::new(0)], sources: vec![FixedBytes::default()] } } }
//! let block = serde_shm::Block::new(serde_shm::to_bytes(&Log::new())?)?;
//! let dtypes: Vec<String> = block.arrays()?.iter().map(|array| array.dtype().to_string()).collect();
//! assert_eq!(dtypes, ["<M8[s]", "|S8"]);
//! # Ok::<(), serde_shm::Error>(())
//! ```

mod cast;
mod derived;
mod fit;
#[cfg(feature = "bytemuck")]
mod pod;
mod text;
mod time;
mod values;

use std::borrow::Cow;
use std::fmt;
use std::mem::MaybeUninit;

use crate::os;

pub use cast::Element;
pub(crate) use cast::text;
pub use derived::{ElementField, field, structure};
pub(crate) use fit::{Fit, Plan, fit, mismatch};
#[cfg(feature = "bytemuck")]
pub use pod::{AsElement, NamesDType, Void};
pub(crate) use text::{FillBytes, Latin};
pub use text::{FixedBytes, FixedStr, TooLong};
pub use time::{
    Datetime64, Days, Generic, Hours, Microseconds, Milliseconds, Minutes, Months, Nanoseconds,
    OutOfRange, Seconds, Timedelta64, Unit, Weeks, Years,
};
pub(crate) use values::check_values;
#[cfg(feature = "ndarray")]
pub(crate) use values::has_bools;
use values::{field_ranges, has_padding};

/// Elements are converted in blocks of about this many bytes.
const BLOCK: usize = 32 << 10;

/// Why bytes are no slice of elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// The length is not a multiple of the element's size.
    Length { bytes: usize, item: usize },
    /// The address is not a multiple of the element's alignment.
    Align { needed: usize },
    /// There is no memory for a copy of this many bytes.
    Memory { bytes: usize },
    /// The byte of a bool is neither 0 nor 1. `field` is empty if the element itself is the bool.
    Bool { index: usize, field: String, byte: u8 },
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
            Misfit::Memory { bytes } => write!(f, "no memory for an array of {bytes} bytes"),
            Misfit::Bool { index, field, byte } => {
                write!(f, "invalid bool: expected a byte 0 or 1 at element {index}")?;
                if !field.is_empty() {
                    write!(f, ", field `{field}`")?;
                }
                write!(f, ", found {byte}")
            }
        }
    }
}

/// The bytes as a slice of elements, without a copy.
pub(crate) fn view<A: Element>(bytes: &[u8]) -> Result<&[A], Misfit> {
    cast::view(bytes)
}

/// An empty vector with room for `count` items. The number comes from what is read.
///
/// # Errors
///
/// `Memory`. What is read may claim more than memory can hold, as sealed memory and files may be sparse.
pub(crate) fn room<A>(count: usize) -> Result<Vec<A>, Misfit> {
    let mut items = Vec::new();
    if items.try_reserve_exact(count).is_err() {
        return Err(Misfit::Memory { bytes: count.saturating_mul(size_of::<A>()) });
    }
    os::wish_huge_pages(items.spare_capacity_mut());
    Ok(items)
}

/// Whether there is memory for this many bytes. Code that cannot return an error when memory is short asks this first.
///
/// # Errors
///
/// `Memory`.
pub(crate) fn check_room(bytes: usize) -> Result<(), Misfit> {
    // Without `black_box` the compiler could leave out an allocation that nobody uses.
    room::<u8>(bytes).map(|room| drop(std::hint::black_box(room)))
}

/// A copy of items that the caller does not own.
///
/// # Errors
///
/// `Memory`.
pub(crate) fn copied<T: Copy>(items: &[T]) -> Result<Vec<T>, Misfit> {
    let mut copy = room(items.len())?;
    while copy.len() < items.len() {
        let left = &items[copy.len()..];
        let count = next_room(&mut copy).len().min(left.len());
        copy.extend_from_slice(&left[..count]);
    }
    Ok(copy)
}

/// The room behind the items that is to be filled next, with its pages: a large vector gets them piece by piece.
fn next_room<T>(items: &mut Vec<T>) -> &mut [MaybeUninit<T>] {
    let each = (os::PIECE / size_of::<T>().max(1)).max(1);
    let filled = items.len() % each;
    let free = items.spare_capacity_mut();
    let room = free.len().min(each - filled);
    let room = &mut free[..room];
    if filled == 0 {
        os::populate(room);
    }
    room
}

/// A vector of the elements, which are copied if they are borrowed.
///
/// # Errors
///
/// `Memory`.
pub(crate) fn owned<A: Element>(items: Cow<'_, [A]>) -> Result<Vec<A>, Misfit> {
    match items {
        Cow::Owned(items) => Ok(items),
        Cow::Borrowed(borrowed) => copied(borrowed),
    }
}

/// Copies bytes of any alignment into elements. A plan also converts the byte order and the places of fields.
pub(crate) fn collect<A: Element>(bytes: &[u8], plan: Option<&Plan>) -> Result<Vec<A>, Misfit> {
    let Some(plan) = plan else {
        let mut items = room(bytes.len() / size_of::<A>())?;
        cast::append(&mut items, bytes)?;
        return Ok(items);
    };
    let (from, to) = (plan.from_size, size_of::<A>());
    if from == 0 || !bytes.len().is_multiple_of(from) {
        return Err(Misfit::Length { bytes: bytes.len(), item: from });
    }
    let mut items = room(bytes.len() / from)?;
    let each = (BLOCK / to).max(1);
    let mut block = vec![0; each.min(bytes.len() / from) * to];
    for (number, chunk) in bytes.chunks(each * from).enumerate() {
        let out = &mut block[..chunk.len() / from * to];
        if let Some(unit) = plan.only_swaps(to) {
            out.copy_from_slice(chunk);
            fit::swap(unit, out);
        } else {
            for (item, out) in chunk.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
                plan.convert(item, out);
            }
        }
        cast::append(&mut items, out).map_err(|misfit| match misfit {
            Misfit::Bool { index, field, byte } => {
                Misfit::Bool { index: number * each + index, field, byte }
            }
            other => other,
        })?;
    }
    Ok(items)
}

/// Appends elements, which are copied from bytes of any alignment, in this machine's byte order.
pub(crate) fn append<A: Element>(items: &mut Vec<A>, bytes: &[u8]) -> Result<(), Misfit> {
    cast::append(items, bytes)
}

/// The bytes of the elements; `None` if there is padding between their fields, which may not be read.
pub(crate) fn bytes<A: Element>(items: &[A]) -> Option<&[u8]> {
    cast::bytes(items)
}

/// The bytes of the elements, to be changed; `None` if not all bytes are valid elements, because there are bools or padding.
#[cfg(feature = "ndarray")]
pub(crate) fn bytes_mut<A: Element>(items: &mut [A]) -> Option<&mut [u8]> {
    cast::bytes_mut(items)
}

/// Calls `put` with the bytes of the elements: once with all of them if they have no padding, else block by block, copied, with
/// zeros for padding.
pub(crate) fn blocks<A: Element, E>(
    items: &[A],
    mut put: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if let Some(bytes) = cast::bytes(items) {
        return put(bytes);
    }
    let fields = field_ranges(&A::DTYPE);
    let each = (BLOCK / size_of::<A>()).max(1);
    let mut block = vec![0; each.min(items.len()) * size_of::<A>()];
    for items in items.chunks(each) {
        let out = &mut block[..size_of_val(items)];
        for (item, out) in items.iter().zip(out.chunks_exact_mut(size_of::<A>())) {
            cast::copy_fields(item, &fields, out);
        }
        put(out)?;
    }
    Ok(())
}

/// The bytes of the elements, copied if they have padding.
pub(crate) fn packed<A: Element>(items: &[A]) -> Cow<'_, [u8]> {
    if let Some(bytes) = cast::bytes(items) {
        return Cow::Borrowed(bytes);
    }
    let mut all = Vec::with_capacity(size_of_val(items));
    let done: Result<(), std::convert::Infallible> = blocks(items, |bytes| {
        all.extend_from_slice(bytes);
        Ok(())
    });
    match done {
        Ok(()) => Cow::Owned(all),
    }
}

/// Copies one element's bytes to `out`, which is just as long.
pub(crate) fn put<A: Element>(item: A, out: &mut [u8]) {
    out.copy_from_slice(&packed(&[item]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dtype::DType;

    #[test]
    fn views_and_copies_of_aligned_misaligned_and_swapped_bytes() {
        let numbers = [1_u32, 2, 0x0102_0304];
        let bytes = bytes(&numbers).unwrap();
        assert_eq!(view::<u32>(bytes), Ok(&numbers[..]));
        let mut shifted = [0_u8; 17];
        let start = (0..4).find(|at| (shifted.as_ptr() as usize + at) % 4 == 1).unwrap();
        shifted[start..start + 12].copy_from_slice(bytes);
        let shifted = &shifted[start..start + 12];
        assert_eq!(view::<u32>(shifted), Err(Misfit::Align { needed: 4 }));
        assert_eq!(collect::<u32>(shifted, None).unwrap(), numbers);
        let swapped: Vec<u32> = numbers.iter().map(|n| n.swap_bytes()).collect();
        let Ok(Fit::Converted(plan, _)) = fit(&DType::from_descriptor(">u4").unwrap(), &DType::U32)
        else {
            panic!()
        };
        assert_eq!(collect::<u32>(shifted, Some(&plan)).unwrap(), swapped);
        assert_eq!(view::<u32>(&bytes[..10]), Err(Misfit::Length { bytes: 10, item: 4 }));
        assert_eq!(view::<u32>(&[]), Ok(&[][..]));
        let many: Vec<u16> = (0..40_000).collect();
        let Ok(Fit::Converted(plan, _)) = fit(&DType::from_descriptor(">u2").unwrap(), &DType::U16)
        else {
            panic!()
        };
        let swapped: Vec<u16> = many.iter().map(|n| n.swap_bytes()).collect();
        assert_eq!(collect::<u16>(super::bytes(&swapped).unwrap(), Some(&plan)).unwrap(), many);
    }

    #[test]
    fn a_bool_byte_of_two_is_named_with_its_index() {
        let mut bytes = vec![1_u8; 10_000];
        assert_eq!(view::<bool>(&bytes).unwrap().len(), 10_000);
        bytes[9_001] = 2;
        let misfit = Misfit::Bool { index: 9_001, field: String::new(), byte: 2 };
        assert_eq!(view::<bool>(&bytes), Err(misfit.clone()));
        assert_eq!(collect::<bool>(&bytes, None), Err(misfit));
    }

    /// The code that the derive writes for `struct Pair { ok: bool, inner: [(u16, bool); 2] }` with `repr(C)`.
    #[test]
    fn padding_and_bools_of_a_struct_are_found() {
        let inner = "[('n', '<u2'), ('b', '|b1'), ('', '|V1')]";
        let dtype = DType::from_descriptor(&format!(
            "[('ok', '|b1'), ('', '|V1'), ('inner', {inner}, (2,))]"
        ))
        .unwrap();
        assert_eq!(field_ranges(&dtype), [0..1, 2..5, 6..9]);
        assert!(has_padding(&dtype));
        let mut bytes = [1, 9, 5, 5, 1, 9, 5, 5, 0, 9].repeat(3);
        assert_eq!(check_values(&dtype, &bytes), Ok(()));
        bytes[18] = 2;
        let misfit = Misfit::Bool { index: 1, field: "inner.b".into(), byte: 2 };
        assert_eq!(check_values(&dtype, &bytes), Err(misfit));
    }
}
