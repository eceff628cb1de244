//! Elements that are numbers: their types, and how their bytes are read.

use half::{bf16, f16};
use serde_shm::{DType, DTypeKind};

/// A number type whose elements lie in an array in little-endian order, or in the other one.
pub(crate) trait Scalar: Copy + PartialOrd + Send + Sync {
    const SIZE: usize;

    /// The number in `SIZE` bytes; `is_swapped` says that they are in big-endian order.
    fn read(bytes: &[u8], is_swapped: bool) -> Self;
    fn to_f64(self) -> f64;
    fn to_number(self) -> Number;
    fn is_nan(self) -> bool {
        false
    }
    fn is_infinite(self) -> bool {
        false
    }
}

/// A number as it is shown and compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Bool(bool),
    Int(i128),
    F16(f16),
    BF16(bf16),
    F32(f32),
    F64(f64),
}

impl Number {
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Number::Bool(value) => f64::from(u8::from(value)),
            Number::Int(value) => value as f64,
            Number::F16(value) => value.into(),
            Number::BF16(value) => value.into(),
            Number::F64(value) => value,
            Number::F32(value) => value.into(),
        }
    }
}

impl Number {
    /// The float with the shortest text that gives this number in its own type. An `f32` has a text of its own.
    fn shortest(self) -> f64 {
        match self {
            Number::F16(value) => shortest(value.into(), |near| f16::from_f64(near) == value),
            Number::BF16(value) => shortest(value.into(), |near| bf16::from_f64(near) == value),
            other => other.to_f64(),
        }
    }

    /// The shortest text without an exponent.
    pub(crate) fn fixed(self) -> String {
        match self {
            Number::F32(value) => value.to_string(),
            other => other.shortest().to_string(),
        }
    }

    /// The shortest text with an exponent.
    pub(crate) fn scientific(self) -> String {
        match self {
            Number::F32(value) => format!("{value:e}"),
            other => format!("{:e}", other.shortest()),
        }
    }
}

/// The float of the fewest digits that is still this one by `is_same`.
fn shortest(value: f64, is_same: impl Fn(f64) -> bool) -> f64 {
    let near = (0..8).map(|digits| format!("{value:.digits$e}").parse().unwrap_or(value));
    near.into_iter().find(|near| is_same(*near)).unwrap_or(value)
}

/// The shortest text that gives the same number, as Python writes it.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Number::Bool(value) => f.write_str(if value { "True" } else { "False" }),
            Number::Int(value) => write!(f, "{value}"),
            Number::F32(value) => f.write_str(&float(value.into(), value)),
            float_number => f.write_str(&float(float_number.to_f64(), float_number.shortest())),
        }
    }
}

fn float(wide: f64, shown: impl std::fmt::Display + std::fmt::LowerExp) -> String {
    if wide.is_nan() {
        return "nan".to_owned();
    }
    if wide.is_infinite() {
        return if wide > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if wide != 0.0 && !(1e-4..1e16).contains(&wide.abs()) {
        return format!("{shown:e}");
    }
    let text = shown.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

macro_rules! scalar {
    ($($ty:ty, $bits:ty, |$from:ident| $value:expr, |$this:ident| $number:expr, $float:expr;)*) => {$(
        impl Scalar for $ty {
            const SIZE: usize = size_of::<$bits>();

            #[inline]
            fn read(bytes: &[u8], is_swapped: bool) -> Self {
                let mut all = [0; size_of::<$bits>()];
                all.copy_from_slice(bytes);
                let bits = <$bits>::from_le_bytes(all);
                let $from = if is_swapped { bits.swap_bytes() } else { bits };
                $value
            }

            // Such a number is averaged and drawn, where the last digits of a large one do not count.
            #[allow(clippy::cast_lossless)]
            #[inline]
            fn to_f64(self) -> f64 {
                let $this = self;
                $float
            }

            fn to_number(self) -> Number {
                let $this = self;
                $number
            }
        }
    )*};
}

scalar! {
    u8, u8, |bits| bits, |this| Number::Int(this.into()), this as f64;
    i8, i8, |bits| bits, |this| Number::Int(this.into()), this as f64;
    u16, u16, |bits| bits, |this| Number::Int(this.into()), this as f64;
    i16, i16, |bits| bits, |this| Number::Int(this.into()), this as f64;
    u32, u32, |bits| bits, |this| Number::Int(this.into()), this as f64;
    i32, i32, |bits| bits, |this| Number::Int(this.into()), this as f64;
    u64, u64, |bits| bits, |this| Number::Int(this.into()), this as f64;
    i64, i64, |bits| bits, |this| Number::Int(this.into()), this as f64;
    bool, u8, |bits| bits != 0, |this| Number::Bool(this), f64::from(u8::from(this));
}

macro_rules! float_scalar {
    ($($ty:ty, $bits:ty, |$this:ident| $number:expr;)*) => {$(
        impl Scalar for $ty {
            const SIZE: usize = size_of::<$bits>();

            #[inline]
            fn read(bytes: &[u8], is_swapped: bool) -> Self {
                Self::from_bits(<$bits as Scalar>::read(bytes, is_swapped))
            }

            #[inline]
            fn to_f64(self) -> f64 {
                self.into()
            }

            fn to_number(self) -> Number {
                let $this = self;
                $number
            }

            #[inline]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline]
            fn is_infinite(self) -> bool {
                self.is_infinite()
            }
        }
    )*};
}

float_scalar! {
    f16, u16, |this| Number::F16(this);
    bf16, u16, |this| Number::BF16(this);
    f32, u32, |this| Number::F32(this);
    f64, u64, |this| Number::F64(this);
}

/// A complex number, which is counted by its absolute value.
macro_rules! complex {
    ($($name:ident $part:ty;)*) => {$(
        #[derive(Clone, Copy, PartialEq)]
        pub(crate) struct $name {
            pub(crate) re: $part,
            pub(crate) im: $part,
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                self.to_f64().partial_cmp(&other.to_f64())
            }
        }

        impl Scalar for $name {
            const SIZE: usize = 2 * size_of::<$part>();

            #[inline]
            fn read(bytes: &[u8], is_swapped: bool) -> Self {
                let (re, im) = bytes.split_at(size_of::<$part>());
                $name { re: Scalar::read(re, is_swapped), im: Scalar::read(im, is_swapped) }
            }

            #[inline]
            fn to_f64(self) -> f64 {
                self.re.to_f64().hypot(self.im.to_f64())
            }

            fn to_number(self) -> Number {
                Number::F64(self.to_f64())
            }

            #[inline]
            fn is_nan(self) -> bool {
                self.re.is_nan() || self.im.is_nan()
            }

            #[inline]
            fn is_infinite(self) -> bool {
                !self.is_nan() && (self.re.is_infinite() || self.im.is_infinite())
            }
        }
    )*};
}

complex! {
    Complex64 f32;
    Complex128 f64;
}

/// A number of units; the least one is no time (NaT).
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Time(pub(crate) i64);

impl Scalar for Time {
    const SIZE: usize = 8;

    fn read(bytes: &[u8], is_swapped: bool) -> Self {
        Time(Scalar::read(bytes, is_swapped))
    }

    fn to_f64(self) -> f64 {
        self.0 as f64
    }

    fn to_number(self) -> Number {
        Number::Int(self.0.into())
    }

    fn is_nan(self) -> bool {
        self.0 == i64::MIN
    }
}

/// Whether the elements' bytes are in big-endian order.
pub(crate) fn is_swapped(dtype: &DType) -> bool {
    dtype.is_native() == cfg!(target_endian = "big") && dtype.to_string().starts_with('>')
}

pub(crate) fn is_bf16(dtype: &DType) -> bool {
    dtype.kind() == DTypeKind::Float && dtype.to_string().contains('V')
}

/// Runs `$body` with the number type of the dtype as `$scalar`; `$other` for elements that are no numbers.
macro_rules! with_scalar {
    ($dtype:expr, $scalar:ident => $body:expr, $other:expr) => {{
        use serde_shm::DTypeKind as Kind;
        let dtype: &serde_shm::DType = $dtype;
        macro_rules! with {
            ($ty:ty) => {{
                type $scalar = $ty;
                $body
            }};
        }
        match (dtype.kind(), dtype.item_size()) {
            (Kind::Bool, _) => with!(bool),
            (Kind::Int, 1) => with!(i8),
            (Kind::Int, 2) => with!(i16),
            (Kind::Int, 4) => with!(i32),
            (Kind::Int, 8) => with!(i64),
            (Kind::UInt, 1) => with!(u8),
            (Kind::UInt, 2) => with!(u16),
            (Kind::UInt, 4) => with!(u32),
            (Kind::UInt, 8) => with!(u64),
            (Kind::Float, 2) if $crate::element::is_bf16(dtype) => with!(half::bf16),
            (Kind::Float, 2) => with!(half::f16),
            (Kind::Float, 4) => with!(f32),
            (Kind::Float, 8) => with!(f64),
            (Kind::Complex, 8) => with!($crate::element::Complex64),
            (Kind::Complex, 16) => with!($crate::element::Complex128),
            (Kind::Datetime | Kind::Timedelta, 8) => with!($crate::element::Time),
            _ => $other,
        }
    }};
}
pub(crate) use with_scalar;
