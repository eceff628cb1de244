//! The units of NumPy's times.

use std::fmt;

use super::spelling::c_number;

/// What one step of a `datetime64` or `timedelta64` is: a number of years, days, nanoseconds and so on.
///
/// `Display` gives the text that NumPy puts in brackets: `ns`, `25s`, and nothing for a time without a unit.
///
/// ```
/// use serde_shm::{TimeBase, TimeUnit};
/// assert_eq!(TimeUnit::new(TimeBase::Second, 25).unwrap().to_string(), "25s");
/// assert_eq!(TimeUnit::GENERIC.to_string(), "");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    base: TimeBase,
    count: u32,
}

/// A unit of time, as in NumPy.
///
/// ```
/// use serde_shm::{DType, TimeBase};
///
/// let dtype: DType = "<M8[ns]".parse()?;
/// assert_eq!(dtype.unit().map(|unit| unit.base()), Some(TimeBase::Nanosecond));
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeBase {
    /// No unit: a bare number of steps.
    Generic,
    /// `Y`
    Year,
    /// `M`
    Month,
    /// `W`
    Week,
    /// `D`
    Day,
    /// `h`
    Hour,
    /// `m`
    Minute,
    /// `s`
    Second,
    /// `ms`
    Millisecond,
    /// `us`
    Microsecond,
    /// `ns`
    Nanosecond,
    /// `ps`
    Picosecond,
    /// `fs`
    Femtosecond,
    /// `as`
    Attosecond,
}

const NAMES: [(TimeBase, &str); 14] = [
    (TimeBase::Generic, ""),
    (TimeBase::Year, "Y"),
    (TimeBase::Month, "M"),
    (TimeBase::Week, "W"),
    (TimeBase::Day, "D"),
    (TimeBase::Hour, "h"),
    (TimeBase::Minute, "m"),
    (TimeBase::Second, "s"),
    (TimeBase::Millisecond, "ms"),
    (TimeBase::Microsecond, "us"),
    (TimeBase::Nanosecond, "ns"),
    (TimeBase::Picosecond, "ps"),
    (TimeBase::Femtosecond, "fs"),
    (TimeBase::Attosecond, "as"),
];

impl TimeUnit {
    /// A time without a unit: `<M8`.
    ///
    /// ```
    /// use serde_shm::{DType, TimeUnit};
    ///
    /// assert_eq!("<M8".parse::<DType>()?.unit(), Some(TimeUnit::GENERIC));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub const GENERIC: TimeUnit = TimeUnit { base: TimeBase::Generic, count: 1 };

    /// `count` of a unit. `None` if `count` is zero or more than `i32::MAX`, which is NumPy's limit, or if it is more than one
    /// of no unit.
    ///
    /// ```
    /// use serde_shm::{TimeBase, TimeUnit};
    ///
    /// let quarter = TimeUnit::new(TimeBase::Minute, 15).unwrap();
    /// assert_eq!(quarter.to_string(), "15m");
    /// assert_eq!(TimeUnit::new(TimeBase::Minute, 0), None);
    /// assert_eq!(TimeUnit::new(TimeBase::Generic, 2), None);
    /// ```
    pub const fn new(base: TimeBase, count: u32) -> Option<Self> {
        let generic = matches!(base, TimeBase::Generic);
        if count == 0 || count > i32::MAX as u32 || (generic && count != 1) {
            return None;
        }
        Some(TimeUnit { base, count })
    }

    pub(crate) const fn one(base: TimeBase) -> Self {
        TimeUnit { base, count: 1 }
    }

    /// The unit.
    ///
    /// ```
    /// use serde_shm::{TimeBase, TimeUnit};
    ///
    /// assert_eq!(TimeUnit::new(TimeBase::Minute, 15).unwrap().base(), TimeBase::Minute);
    /// ```
    pub const fn base(self) -> TimeBase {
        self.base
    }

    /// How many of the base unit one step is.
    ///
    /// ```
    /// use serde_shm::{TimeBase, TimeUnit};
    ///
    /// assert_eq!(TimeUnit::new(TimeBase::Minute, 15).unwrap().count(), 15);
    /// assert_eq!(TimeUnit::GENERIC.count(), 1);
    /// ```
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Reads the text behind `M8`: empty, or a unit in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text == "[generic]" {
            return Some(TimeUnit::GENERIC);
        }
        let text = text.strip_prefix('[')?.strip_suffix(']')?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let count = if digits == 0 { 1 } else { text[..digits].parse().ok()? };
        let name = &text[digits..];
        // An older spelling of microseconds in Python.
        let name = if name == "μs" { "us" } else { name };
        let (base, _) = NAMES.iter().find(|(_, own)| *own == name && !own.is_empty())?;
        TimeUnit::new(*base, count)
    }
}

impl TimeUnit {
    /// Reads the text behind `M8` as NumPy does. A part of a unit, such as `[s/4]`, is a number of a smaller unit.
    pub(super) fn parse_ratio(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(TimeUnit::GENERIC);
        }
        let text = text.strip_prefix('[')?.strip_suffix(']')?;
        let (unit, parts) = match text.split_once('/') {
            Some((unit, parts)) => (unit, u32::try_from(c_number(parts)?).ok()?),
            None => (text, 1),
        };
        let name = unit.trim_start_matches(|char: char| !char.is_alphabetic());
        let count = &unit[..unit.len() - name.len()];
        let count = if count.is_empty() { 1 } else { u32::try_from(c_number(count)?).ok()? };
        if name == "generic" && parts == 1 {
            return Some(TimeUnit::GENERIC);
        }
        let unit =
            TimeUnit::parse(&format!("[{name}]")).filter(|unit| unit.base != TimeBase::Generic)?;
        if parts == 1 {
            return TimeUnit::new(unit.base, count);
        }
        // The first of the smaller units that divides the part into a whole number.
        let whole = |&(smaller, number): &(TimeBase, u32)| {
            let number = number.is_multiple_of(parts).then(|| number / parts)?;
            TimeUnit::new(smaller, count.checked_mul(number)?)
        };
        if parts == 0 { None } else { smaller_units(unit.base).iter().find_map(whole) }
    }
}

/// The smaller units in which NumPy counts a part of a unit, and how many of each the unit has.
fn smaller_units(base: TimeBase) -> &'static [(TimeBase, u32)] {
    use TimeBase::{
        Attosecond, Day, Femtosecond, Generic, Hour, Microsecond, Millisecond, Minute, Month,
        Nanosecond, Picosecond, Second, Week, Year,
    };
    match base {
        Year => &[(Month, 12), (Week, 52), (Day, 365)],
        Month => &[(Week, 4), (Day, 30), (Hour, 720)],
        Week => &[(Day, 7), (Hour, 168), (Minute, 10_080)],
        Day => &[(Hour, 24), (Minute, 1440), (Second, 86_400)],
        Hour => &[(Minute, 60), (Second, 3600)],
        Minute => &[(Second, 60), (Millisecond, 60_000)],
        Second => &[(Millisecond, 1000), (Microsecond, 1_000_000)],
        Millisecond => &[(Microsecond, 1000), (Nanosecond, 1_000_000)],
        Microsecond => &[(Nanosecond, 1000), (Picosecond, 1_000_000)],
        Nanosecond => &[(Picosecond, 1000), (Femtosecond, 1_000_000)],
        Picosecond => &[(Femtosecond, 1000), (Attosecond, 1_000_000)],
        Femtosecond => &[(Attosecond, 1000)],
        Attosecond | Generic => &[],
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count != 1 {
            write!(f, "{}", self.count)?;
        }
        let name = NAMES.iter().find(|(base, _)| *base == self.base).map_or("", |(_, name)| name);
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_back() {
        for (base, name) in NAMES {
            let unit = TimeUnit::one(base);
            let text = if name.is_empty() { String::new() } else { format!("[{unit}]") };
            assert_eq!(TimeUnit::parse(&text), Some(unit), "{text}");
        }
        assert_eq!(TimeUnit::parse("[25s]"), TimeUnit::new(TimeBase::Second, 25));
        for text in ["[]", "[0s]", "[s/4]", "s", "[-1s]", "[S]", "[2147483648s]", "[5]", "[s"] {
            assert_eq!(TimeUnit::parse(text), None, "{text}");
        }
        for (text, unit) in [
            ("[s/4]", "250ms"),
            ("[D/24]", "h"),
            ("[2s/8]", "250ms"),
            ("[ns/1000]", "ps"),
            ("[07s]", "7s"),
        ] {
            assert_eq!(TimeUnit::parse_ratio(text).unwrap().to_string(), unit, "{text}");
        }
        for text in ["[s/0]", "[s/7]", "[as/2]", "[s/]", "[/2]", "[-1s]", "[generic/2]"] {
            assert_eq!(TimeUnit::parse_ratio(text), None, "{text}");
        }
    }
}
