//! The header: what it says, checked by the crate `safetensors`, and which dtypes it has.

use ::safetensors::tensor::{Dtype, Metadata};

use crate::dtype::{DType, Scalar};
use crate::error::{Error, Result};
use crate::signature::{self, FoundFile};

/// The header's length stands before it, in so many bytes.
pub(super) const LEN: u64 = 8;

/// A longer header is refused, as by the crate `safetensors`, which does not name the number.
pub(super) const MAX_HEADER: u64 = 100_000_000;

/// The key of the metadata under which the object stands.
pub(super) const KEY: &str = "serde_shm";

/// A text that says which program's layout the tensors have. The library transformers refuses files that have metadata without it.
pub(super) const FORMAT: (&str, &str) = ("format", "pt");

/// The name in the header that no tensor can have.
pub(super) const METADATA: &str = "__metadata__";

/// The dtypes that both sides have.
const DTYPES: [(Dtype, Scalar); 14] = [
    (Dtype::BOOL, Scalar::Bool),
    (Dtype::I8, Scalar::I8),
    (Dtype::I16, Scalar::I16),
    (Dtype::I32, Scalar::I32),
    (Dtype::I64, Scalar::I64),
    (Dtype::U8, Scalar::U8),
    (Dtype::U16, Scalar::U16),
    (Dtype::U32, Scalar::U32),
    (Dtype::U64, Scalar::U64),
    (Dtype::F16, Scalar::F16),
    (Dtype::BF16, Scalar::BF16),
    (Dtype::F32, Scalar::F32),
    (Dtype::F64, Scalar::F64),
    (Dtype::C64, Scalar::C64),
];

/// The dtype of a tensor, as this crate has it: its elements are little-endian.
pub(super) fn dtype_of(dtype: Dtype) -> Option<DType> {
    let (_, scalar) = DTYPES.iter().find(|(other, _)| *other == dtype)?;
    Some(DType::little_endian(*scalar))
}

/// The dtype that a tensor has which holds such elements, apart from their byte order.
pub(super) fn tensor_dtype(dtype: &DType) -> Option<Dtype> {
    let scalar = dtype.scalar()?;
    DTYPES.iter().find(|(_, other)| *other == scalar).map(|(dtype, _)| *dtype)
}

/// Where the header ends in a file of `size` bytes that begins with these.
///
/// # Errors
///
/// `Corrupt` if the header is longer than any may be, or than the file.
pub(super) fn end(head: &[u8], size: u64) -> Result<u64> {
    let not_one = |what: String| {
        // Of a file that begins as one, there is nothing to guess.
        let is_one = signature::is_safetensors(head);
        let found = if is_one { String::new() } else { format!("; found {}", FoundFile(head)) };
        Err(Error::corrupt(format!("not a safetensors file: {what}{found}")))
    };
    let Some(len) = head.first_chunk().map(|len| u64::from_le_bytes(*len)) else {
        return not_one(format!("it has {size} bytes, and the length of the header takes {LEN}"));
    };
    if len > MAX_HEADER {
        return not_one(format!("a header has at most {MAX_HEADER} bytes, and it says {len}"));
    }
    match LEN + len {
        end if end > size => not_one(format!(
            "its header ends at byte {end}, and it has {size}: it was cut, or never was one"
        )),
        end => Ok(end),
    }
}

/// What the header of a file of `size` bytes says, which ends at `end`.
///
/// # Errors
///
/// `Corrupt` if it is no header, or if the tensors do not fill what is behind it, each with its length, one after the other.
pub(super) fn parse(header: &[u8], end: u64, size: u64) -> Result<Metadata> {
    let bad = |what: String| Error::corrupt(format!("the safetensors header: {what}"));
    let text = std::str::from_utf8(header).map_err(|error| bad(error.to_string()))?;
    // Places and lengths are checked here too, by the crate `safetensors`.
    let metadata: Metadata = serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
    let bytes = metadata.data_len() as u64;
    if end.checked_add(bytes) == Some(size) {
        return Ok(metadata);
    }
    Err(bad(format!("its tensors have {bytes} bytes, and the file has {} behind it", size - end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dtype_comes_back() {
        for (tensor, scalar) in DTYPES {
            let dtype = dtype_of(tensor).unwrap();
            assert_eq!((dtype.scalar(), tensor_dtype(&dtype)), (Some(scalar), Some(tensor)));
            assert_eq!(dtype.item_size() * 8, tensor.bitsize());
        }
        assert_eq!(dtype_of(Dtype::F8_E4M3), None);
        for text in ["<c16", "<M8[s]", "|S4", "<U4", "|V2", "[('a', '<f4')]"] {
            assert_eq!(tensor_dtype(&text.parse().unwrap()), None, "{text}");
        }
    }
}
