//! The numbers that an array may have: their codes, their names in NumPy and in Rust, their sizes.

use super::{DType, DTypeKind, DTypeRepr};

/// The kinds of number. The discriminant is the code in a container's directory (`docs/FORMAT.md`).
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
    F16 = 12,
    BF16 = 13,
    C64 = 14,
    C128 = 15,
}

pub(super) struct Row {
    pub(super) scalar: Scalar,
    pub(super) numpy: &'static str,
    pub(super) rust: &'static str,
    pub(super) size: usize,
    pub(super) kind: DTypeKind,
}

const fn row(
    scalar: Scalar,
    numpy: &'static str,
    rust: &'static str,
    size: usize,
    kind: DTypeKind,
) -> Row {
    Row { scalar, numpy, rust, size, kind }
}

pub(super) const SCALARS: [Row; 15] = [
    row(Scalar::Bool, "b1", "bool", 1, DTypeKind::Bool),
    row(Scalar::I8, "i1", "i8", 1, DTypeKind::Int),
    row(Scalar::I16, "i2", "i16", 2, DTypeKind::Int),
    row(Scalar::I32, "i4", "i32", 4, DTypeKind::Int),
    row(Scalar::I64, "i8", "i64", 8, DTypeKind::Int),
    row(Scalar::U8, "u1", "u8", 1, DTypeKind::UInt),
    row(Scalar::U16, "u2", "u16", 2, DTypeKind::UInt),
    row(Scalar::U32, "u4", "u32", 4, DTypeKind::UInt),
    row(Scalar::U64, "u8", "u64", 8, DTypeKind::UInt),
    row(Scalar::F32, "f4", "f32", 4, DTypeKind::Float),
    row(Scalar::F64, "f8", "f64", 8, DTypeKind::Float),
    row(Scalar::F16, "f2", "f16", 2, DTypeKind::Float),
    row(Scalar::BF16, "V2", "bf16", 2, DTypeKind::Float),
    row(Scalar::C64, "c8", "complex64", 8, DTypeKind::Complex),
    row(Scalar::C128, "c16", "complex128", 16, DTypeKind::Complex),
];

macro_rules! native {
    ($($name:ident $scalar:ident $text:literal $little:literal;)*) => {
        impl DType {
            $(
                #[doc = concat!("`", $text, "` in this machine's byte order.")]
                ///
                /// ```
                /// # #[cfg(target_endian = "little")]
                #[doc = concat!("assert_eq!(serde_shm::DType::", stringify!($name), ".to_string(), \"", $little, "\");")]
                /// ```
                pub const $name: DType = DType::native(DTypeRepr::Scalar(Scalar::$scalar), size_of_scalar(Scalar::$scalar) > 1);
            )*
        }
    };
}

pub(super) const fn size_of_scalar(scalar: Scalar) -> usize {
    SCALARS[scalar as usize - 1].size
}

native! {
    BOOL Bool "bool" "|b1";
    I8 I8 "i8" "|i1";
    I16 I16 "i16" "<i2";
    I32 I32 "i32" "<i4";
    I64 I64 "i64" "<i8";
    U8 U8 "u8" "|u1";
    U16 U16 "u16" "<u2";
    U32 U32 "u32" "<u4";
    U64 U64 "u64" "<u8";
    F16 F16 "f16" "<f2";
    BF16 BF16 "bf16" "<V2";
    F32 F32 "f32" "<f4";
    F64 F64 "f64" "<f8";
    COMPLEX64 C64 "complex64" "<c8";
    COMPLEX128 C128 "complex128" "<c16";
}

/// Matches on a scalar. For a number type of Rust it runs `$body` with that type as `$number`; the other arms follow.
macro_rules! match_number {
    ($scalar:expr, $number:ident => $body:expr, $($rest:tt)*) => {
        $crate::dtype::match_number! {
            @ $scalar, $number, $body, [$($rest)*]
            I8 i8, I16 i16, I32 i32, I64 i64, U8 u8, U16 u16, U32 u32, U64 u64, F32 f32, F64 f64
        }
    };
    (@ $scalar:expr, $number:ident, $body:expr, [$($rest:tt)*] $($name:ident $ty:ty),*) => {
        match $scalar {
            $($crate::dtype::Scalar::$name => {
                type $number = $ty;
                $body
            })*
            $($rest)*
        }
    };
}
pub(crate) use match_number;
