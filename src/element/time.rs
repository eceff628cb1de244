//! Points and spans of time, as NumPy's `datetime64` and `timedelta64` are: integers with a unit.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::dtype::{TimeBase, TimeUnit};

mod sealed {
    pub trait Sealed {}
}

/// The unit of a [`Datetime64`] or [`Timedelta64`], as a type.
///
/// ```
/// use serde_shm::element::{Minutes, Months, Timedelta64, Unit};
///
/// fn hours<U: Unit>(span: Timedelta64<U>) -> Option<f64> {
///     Some(span.value() as f64 * U::NANOSECONDS? as f64 / 3.6e12)
/// }
/// assert_eq!(hours(Timedelta64::<Minutes>::new(90)), Some(1.5));
/// assert_eq!(hours(Timedelta64::<Months>::new(1)), None);
/// ```
pub trait Unit:
    sealed::Sealed + Copy + Eq + Ord + std::hash::Hash + fmt::Debug + Send + Sync + 'static
{
    /// The unit as a value.
    ///
    /// ```
    /// use serde_shm::{TimeBase, element::{Milliseconds, Unit}};
    ///
    /// assert_eq!((Milliseconds::UNIT.base(), Milliseconds::UNIT.count()), (TimeBase::Millisecond, 1));
    /// ```
    const UNIT: TimeUnit;

    /// The unit's length in nanoseconds; `None` if that differs (years, months) or is not known.
    ///
    /// ```
    /// use serde_shm::element::{Hours, Unit, Years};
    ///
    /// assert_eq!(Hours::NANOSECONDS, Some(3_600_000_000_000));
    /// assert_eq!(Years::NANOSECONDS, None); // 365 days, or 366
    /// ```
    const NANOSECONDS: Option<i64>;
}

macro_rules! units {
    ($($name:ident $base:ident $text:literal, $dtype:literal, $nanos:expr;)*) => {$(
        #[doc = concat!("The unit ", $text, ".")]
        ///
        /// ```
        #[doc = concat!("use serde_shm::{Element, element::{Datetime64, ", stringify!($name), "}};")]
        ///
        #[doc = concat!("assert_eq!(Datetime64::<", stringify!($name), ">::DTYPE.to_string(), \"", $dtype, "\");")]
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {}

        impl sealed::Sealed for $name {}

        impl Unit for $name {
            const UNIT: TimeUnit = TimeUnit::one(TimeBase::$base);
            const NANOSECONDS: Option<i64> = $nanos;
        }
    )*};
}

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400 * SECOND;

units! {
    Years Year "`Y`", "<M8[Y]", None;
    Months Month "`M`", "<M8[M]", None;
    Weeks Week "`W`", "<M8[W]", Some(7 * DAY);
    Days Day "`D`", "<M8[D]", Some(DAY);
    Hours Hour "`h`", "<M8[h]", Some(3_600 * SECOND);
    Minutes Minute "`m`", "<M8[m]", Some(60 * SECOND);
    Seconds Second "`s`", "<M8[s]", Some(SECOND);
    Milliseconds Millisecond "`ms`", "<M8[ms]", Some(1_000_000);
    Microseconds Microsecond "`us`", "<M8[us]", Some(1_000);
    Nanoseconds Nanosecond "`ns`", "<M8[ns]", Some(1);
    Generic Generic "that there is none", "<M8", None;
}

/// A point in time: a number of units since 1970-01-01 00:00 UTC, NumPy's `datetime64`.
///
/// ```
/// use serde_shm::{element::{Datetime64, Nanoseconds, Seconds}, Element};
/// use std::time::{Duration, SystemTime};
///
/// let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1500);
/// assert_eq!(Datetime64::<Nanoseconds>::try_from(time).unwrap().value(), 1_500_000_000);
/// assert!(Datetime64::<Seconds>::try_from(time).is_err()); // half a second would be lost
/// assert_eq!(Datetime64::<Nanoseconds>::DTYPE.to_string(), "<M8[ns]");
/// ```
///
/// Times are ordered and compared as numbers. Unlike in NumPy, `NAT` equals itself and comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Datetime64<U: Unit>(i64, PhantomData<U>);

/// A span of time: a number of units, NumPy's `timedelta64`.
///
/// ```
/// use serde_shm::{element::{Milliseconds, Timedelta64}, Element};
/// use std::time::Duration;
///
/// let span = Timedelta64::<Milliseconds>::try_from(Duration::from_secs(2)).unwrap();
/// assert_eq!(span.value(), 2000);
/// assert_eq!(Timedelta64::<Milliseconds>::DTYPE.to_string(), "<m8[ms]");
/// ```
///
/// Times are ordered and compared as numbers. Unlike in NumPy, `NAT` equals itself and comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Timedelta64<U: Unit>(i64, PhantomData<U>);

/// The error for a time that the other type cannot hold without loss, or that is no time.
///
/// ```
/// use serde_shm::element::{OutOfRange, Seconds, Timedelta64};
/// use std::time::Duration;
///
/// let half = Duration::from_millis(500);
/// assert_eq!(Timedelta64::<Seconds>::try_from(half), Err(OutOfRange)); // no whole second
/// assert_eq!(Duration::try_from(Timedelta64::<Seconds>::NAT), Err(OutOfRange)); // no time
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the time has no exact value in this unit, or is not a time")
    }
}

impl std::error::Error for OutOfRange {}

macro_rules! times {
    ($($name:ident)*) => {$(
        impl<U: Unit> $name<U> {
            /// Not a time.
            ///
            /// ```
            #[doc = concat!("use serde_shm::element::{", stringify!($name), ", Days};")]
            ///
            #[doc = concat!("assert_eq!(", stringify!($name), "::<Days>::NAT.value(), i64::MIN);")]
            /// ```
            pub const NAT: Self = $name(i64::MIN, PhantomData);

            /// A time of this many units.
            ///
            /// ```
            #[doc = concat!("use serde_shm::element::{", stringify!($name), ", Days};")]
            ///
            #[doc = concat!("let days = ", stringify!($name), "::<Days>::new(19_000);")]
            /// assert_eq!(format!("{days:?}"), "19000 D");
            /// ```
            pub const fn new(value: i64) -> Self {
                $name(value, PhantomData)
            }

            /// The number of units; `i64::MIN` means no time.
            ///
            /// ```
            #[doc = concat!("use serde_shm::element::{", stringify!($name), ", Days};")]
            ///
            #[doc = concat!("assert_eq!(", stringify!($name), "::<Days>::from(3).value(), 3);")]
            /// ```
            pub const fn value(self) -> i64 {
                self.0
            }

            /// Whether it is `NAT`, which is no time.
            ///
            /// ```
            #[doc = concat!("use serde_shm::element::{", stringify!($name), ", Days};")]
            ///
            #[doc = concat!("assert!(", stringify!($name), "::<Days>::NAT.is_nat());")]
            #[doc = concat!("assert!(!", stringify!($name), "::<Days>::new(0).is_nat());")]
            /// ```
            pub const fn is_nat(self) -> bool {
                self.0 == i64::MIN
            }

            /// The time in nanoseconds.
            fn nanoseconds(self) -> Result<i128, OutOfRange> {
                let unit = U::NANOSECONDS.filter(|_| !self.is_nat()).ok_or(OutOfRange)?;
                Ok(i128::from(self.0) * i128::from(unit))
            }

            fn from_nanoseconds(nanos: i128) -> Result<Self, OutOfRange> {
                let unit = i128::from(U::NANOSECONDS.ok_or(OutOfRange)?);
                match i64::try_from(nanos / unit) {
                    Ok(value) if nanos % unit == 0 && value != i64::MIN => Ok($name::new(value)),
                    _ => Err(OutOfRange),
                }
            }
        }

        impl<U: Unit> From<i64> for $name<U> {
            fn from(value: i64) -> Self {
                $name::new(value)
            }
        }

        impl<U: Unit> From<$name<U>> for i64 {
            fn from(time: $name<U>) -> i64 {
                time.0
            }
        }

        impl<U: Unit> fmt::Debug for $name<U> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if self.is_nat() { f.write_str("NaT") } else { write!(f, "{} {}", self.0, U::UNIT) }
            }
        }

        impl<U: Unit> Serialize for $name<U> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        impl<'de, U: Unit> Deserialize<'de> for $name<U> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                i64::deserialize(deserializer).map($name::new)
            }
        }
    )*};
}

times!(Datetime64 Timedelta64);

/// A whole number of nanoseconds as a duration. A duration has no sign.
fn duration(nanos: u128) -> Result<Duration, OutOfRange> {
    let seconds = u64::try_from(nanos / SECOND as u128).map_err(|_| OutOfRange)?;
    Ok(Duration::new(seconds, (nanos % SECOND as u128) as u32))
}

/// # Errors
///
/// If the time is no whole number of the unit, or is too far from 1970 for an `i64` of units.
impl<U: Unit> TryFrom<SystemTime> for Datetime64<U> {
    type Error = OutOfRange;

    fn try_from(time: SystemTime) -> Result<Self, OutOfRange> {
        let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => after.as_nanos().cast_signed(),
            Err(before) => -before.duration().as_nanos().cast_signed(),
        };
        Datetime64::from_nanoseconds(nanos)
    }
}

/// # Errors
///
/// If it is `NAT`, if its unit has no fixed length, or if the system's clock cannot represent it.
impl<U: Unit> TryFrom<Datetime64<U>> for SystemTime {
    type Error = OutOfRange;

    fn try_from(time: Datetime64<U>) -> Result<Self, OutOfRange> {
        let nanos = time.nanoseconds()?;
        let span = duration(nanos.unsigned_abs())?;
        let epoch = SystemTime::UNIX_EPOCH;
        let time = if nanos < 0 { epoch.checked_sub(span) } else { epoch.checked_add(span) };
        time.ok_or(OutOfRange)
    }
}

/// # Errors
///
/// If the duration is no whole number of the unit, or is too long for an `i64` of units.
impl<U: Unit> TryFrom<Duration> for Timedelta64<U> {
    type Error = OutOfRange;

    fn try_from(span: Duration) -> Result<Self, OutOfRange> {
        Timedelta64::from_nanoseconds(span.as_nanos().cast_signed())
    }
}

/// # Errors
///
/// If it is `NAT` or negative, or if its unit has no fixed length.
impl<U: Unit> TryFrom<Timedelta64<U>> for Duration {
    type Error = OutOfRange;

    fn try_from(span: Timedelta64<U>) -> Result<Self, OutOfRange> {
        duration(u128::try_from(span.nanoseconds()?).map_err(|_| OutOfRange)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversions_lose_nothing() {
        let before = SystemTime::UNIX_EPOCH - Duration::from_millis(1500);
        let time = Datetime64::<Milliseconds>::try_from(before).unwrap();
        assert_eq!((time.value(), SystemTime::try_from(time)), (-1500, Ok(before)));
        assert_eq!(Datetime64::<Seconds>::try_from(before), Err(OutOfRange));
        assert_eq!(SystemTime::try_from(Datetime64::<Seconds>::NAT), Err(OutOfRange));
        assert_eq!(SystemTime::try_from(Datetime64::<Years>::new(1)), Err(OutOfRange));
        let days = Timedelta64::<Days>::new(3);
        assert_eq!(Duration::try_from(days), Ok(Duration::from_secs(3 * 86_400)));
        assert_eq!(Duration::try_from(Timedelta64::<Days>::new(-3)), Err(OutOfRange));
        assert_eq!(Timedelta64::<Nanoseconds>::try_from(Duration::MAX), Err(OutOfRange));
        let _ = SystemTime::try_from(Datetime64::<Weeks>::new(i64::MAX));
        assert_eq!(format!("{days:?} {:?}", Timedelta64::<Days>::NAT), "3 D NaT");
    }
}
