//! What the elements of an array are, and NumPy's name for it.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// The type of an array's elements, with its byte order.
///
/// `Display` is NumPy's descriptor:
///
/// ```
/// use serde_shm::{DType, Element};
/// assert_eq!(f32::DTYPE, DType::F32);
/// assert_eq!(u8::DTYPE.to_string(), "|u1");
/// assert_eq!(DType::F64.item_size(), 8);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DType {
    scalar: Scalar,
    big_endian: bool,
}

/// The kinds of number; the discriminant is the code in a container's directory (`docs/FORMAT.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Scalar {
    Bool = 1,
    I8 = 2,
    I16 = 3,
    I32 = 4,
    I64 = 5,
    U8 = 6,
    U16 = 7,
    U32 = 8,
    U64 = 9,
    F32 = 10,
    F64 = 11,
}

const SCALARS: [(Scalar, &str, &str, usize); 11] = [
    (Scalar::Bool, "b1", "bool", 1),
    (Scalar::I8, "i1", "i8", 1),
    (Scalar::I16, "i2", "i16", 2),
    (Scalar::I32, "i4", "i32", 4),
    (Scalar::I64, "i8", "i64", 8),
    (Scalar::U8, "u1", "u8", 1),
    (Scalar::U16, "u2", "u16", 2),
    (Scalar::U32, "u4", "u32", 4),
    (Scalar::U64, "u8", "u64", 8),
    (Scalar::F32, "f4", "f32", 4),
    (Scalar::F64, "f8", "f64", 8),
];

macro_rules! native {
    ($($name:ident $scalar:ident $text:literal;)*) => {
        impl DType {
            $(
                #[doc = concat!("`", $text, "` in this machine's byte order.")]
                pub const $name: DType = DType::native(Scalar::$scalar);
            )*
        }
    };
}

native! {
    BOOL Bool "bool";
    I8 I8 "i8";
    I16 I16 "i16";
    I32 I32 "i32";
    I64 I64 "i64";
    U8 U8 "u8";
    U16 U16 "u16";
    U32 U32 "u32";
    U64 U64 "u64";
    F32 F32 "f32";
    F64 F64 "f64";
}

impl DType {
    const fn native(scalar: Scalar) -> Self {
        DType { scalar, big_endian: cfg!(target_endian = "big") }.normal()
    }

    pub(crate) const fn little_endian(scalar: Scalar) -> Self {
        DType { scalar, big_endian: false }
    }

    /// A one-byte element has no byte order: both spellings are one dtype.
    const fn normal(self) -> Self {
        let single = matches!(self.scalar, Scalar::Bool | Scalar::I8 | Scalar::U8);
        DType { scalar: self.scalar, big_endian: self.big_endian && !single }
    }

    fn row(self) -> &'static (Scalar, &'static str, &'static str, usize) {
        &SCALARS[self.scalar as usize - 1]
    }

    /// The bytes of one element.
    pub fn item_size(self) -> usize {
        self.row().3
    }

    /// The alignment that a view needs, in bytes.
    pub fn alignment(self) -> usize {
        self.item_size()
    }

    /// Whether the elements are in this machine's byte order.
    pub fn is_native(self) -> bool {
        self == DType::native(self.scalar)
    }

    /// Rust's name for the element type: `f32`, with the byte order where it is not this machine's.
    pub(crate) fn rust_name(self) -> String {
        let name = self.row().2;
        match (self.is_native(), self.big_endian) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name} (big-endian)"),
            (false, false) => format!("{name} (little-endian)"),
        }
    }

    pub(crate) fn same_scalar(self, other: DType) -> bool {
        self.scalar == other.scalar
    }

    pub(crate) fn scalar(self) -> Scalar {
        self.scalar
    }

    pub(crate) fn code(self) -> u8 {
        self.scalar as u8
    }

    pub(crate) fn is_big_endian(self) -> bool {
        self.big_endian
    }

    pub(crate) fn from_code(code: u8, big_endian: bool) -> Option<Self> {
        let (scalar, ..) = SCALARS.get(usize::from(code).checked_sub(1)?)?;
        Some(DType { scalar: *scalar, big_endian }.normal())
    }

    /// Reads NumPy's descriptor: `<f4`, `>i8`, `|b1`, `=u2`.
    pub(crate) fn from_descriptor(text: &str) -> Result<Self> {
        let unknown = || {
            Error::new(
                ErrorKind::Unsupported,
                format!("dtype {text:?} is not one of bool, i8 to i64, u8 to u64, f32, f64"),
            )
        };
        let mut chars = text.chars();
        let big_endian = match chars.next() {
            Some('<' | '|') => false,
            Some('>') => true,
            Some('=') => cfg!(target_endian = "big"),
            _ => return Err(unknown()),
        };
        let name = chars.as_str();
        let (scalar, ..) =
            SCALARS.iter().find(|(_, numpy, ..)| *numpy == name).ok_or_else(unknown)?;
        Ok(DType { scalar: *scalar, big_endian }.normal())
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.item_size(), self.big_endian) {
            (1, _) => '|',
            (_, false) => '<',
            (_, true) => '>',
        };
        write!(f, "{order}{}", self.row().1)
    }
}

impl fmt::Debug for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DType({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_and_codes_round_trip() {
        for (index, (scalar, numpy, ..)) in SCALARS.iter().enumerate() {
            assert_eq!(*scalar as usize, index + 1);
            for order in ["<", ">"] {
                let dtype = DType::from_descriptor(&format!("{order}{numpy}")).unwrap();
                assert_eq!(DType::from_descriptor(&dtype.to_string()).unwrap(), dtype);
                assert_eq!(DType::from_code(dtype.code(), dtype.is_big_endian()), Some(dtype));
            }
        }
        assert_eq!(DType::from_descriptor("|i1").unwrap(), DType::from_descriptor(">i1").unwrap());
    }

    #[test]
    fn what_is_no_descriptor_is_an_error_that_names_it() {
        for text in ["", "<", "f4", "<f3", "|O", "<U5", "é", "<f44"] {
            let error = DType::from_descriptor(text).unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        assert_eq!(DType::from_code(0, false), None);
        assert_eq!(DType::from_code(12, false), None);
    }
}
