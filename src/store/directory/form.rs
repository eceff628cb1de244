//! What the directory says of an array in a few bytes, in every version: its dtype, order, number of axes and kind.

use crate::dtype::DType;
use crate::layout::{MAX_NDIM, Order};
use crate::memory::live::Kind;

use super::build::Head;

const FLAG_FORTRAN: u8 = 1;
const FLAG_BIG_ENDIAN: u8 = 2;

/// The last dtype code of version 1.
const LAST_OF_VERSION_1: u8 = 11;

/// Says that no code stands for the dtype: its descriptor stands in the heap.
const DESCRIBED: u8 = 255;

/// The four bytes: dtype, flags, number of axes, kind.
pub(super) type FormBytes = [u8; 4];

/// All but shape and place.
pub(super) struct CodedHead {
    pub(super) dtype: DType,
    pub(super) order: Order,
    pub(super) kind: Kind,
}

/// The bytes of a form, and the dtype's descriptor where it has no code of its own. The number of axes was compared with
/// [`MAX_NDIM`].
pub(super) fn encode(head: &Head) -> (FormBytes, String) {
    let (code, descriptor) = match head.dtype.scalar() {
        Some(scalar) => (scalar as u8, String::new()),
        None => (DESCRIBED, head.dtype.to_string()),
    };
    let mut flags = 0;
    if head.order == Order::F {
        flags |= FLAG_FORTRAN;
    }
    if head.dtype.is_big_endian() && code != DESCRIBED {
        flags |= FLAG_BIG_ENDIAN;
    }
    ([code, flags, head.shape.len() as u8, head.kind as u8], descriptor)
}

/// # Errors
///
/// A text that says what is wrong with the form.
pub(super) fn decode(
    bytes: FormBytes,
    descriptor: &[u8],
    version: u16,
) -> Result<CodedHead, String> {
    let [code, flags, ndim, kind] = bytes;
    if flags & !(FLAG_FORTRAN | FLAG_BIG_ENDIAN) != 0 {
        return Err(format!("unknown flags {flags:#04x}"));
    }
    if usize::from(ndim) > MAX_NDIM {
        return Err(format!("{ndim} axes, more than {MAX_NDIM}"));
    }
    let dtype = dtype(code, flags & FLAG_BIG_ENDIAN != 0, descriptor, version)?;
    let kind = match version {
        1 => Kind::Plain,
        _ => Kind::from_code(kind).ok_or_else(|| format!("unknown kind {kind}"))?,
    };
    let order = if flags & FLAG_FORTRAN != 0 { Order::F } else { Order::C };
    if kind != Kind::Plain && (order != Order::C || !dtype.is_native()) {
        return Err("a live array in another order than this machine's".to_owned());
    }
    Ok(CodedHead { dtype, order, kind })
}

fn dtype(code: u8, big_endian: bool, descriptor: &[u8], version: u16) -> Result<DType, String> {
    if code != DESCRIBED && !descriptor.is_empty() {
        return Err("it has both a dtype code and a descriptor".to_owned());
    }
    if version >= 2 && code == DESCRIBED {
        if big_endian {
            return Err("its descriptor already says the byte order".to_owned());
        }
        let text = std::str::from_utf8(descriptor)
            .map_err(|_| "its dtype's descriptor is not UTF-8".to_owned())?;
        return DType::from_descriptor(text).map_err(|error| error.to_string());
    }
    let last = if version == 1 { LAST_OF_VERSION_1 } else { DESCRIBED };
    DType::from_code(code, big_endian)
        .filter(|_| code <= last)
        .ok_or_else(|| format!("unknown dtype code {code}"))
}
