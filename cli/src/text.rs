//! What the bytes of one element say, as text: a number, a time, a text, the fields of a struct.

use std::fmt::Write;

use serde_shm::{DType, DTypeField, DTypeKind, TimeBase, TimeUnit};

use crate::element::{Complex64, Complex128, Number, Scalar, is_swapped, with_scalar};

/// The element as a number; a complex one as its absolute value, NaT as NaN. `None` if it is no number.
pub(crate) fn number(dtype: &DType, bytes: &[u8]) -> Option<Number> {
    let is_swapped = is_swapped(dtype);
    with_scalar!(dtype, S => {
        let value = <S as Scalar>::read(bytes, is_swapped);
        Some(if value.is_nan() { Number::F64(f64::NAN) } else { value.to_number() })
    }, None)
}

/// The element as a number of its own type, and NaN as it is.
pub(crate) fn raw_number(dtype: &DType, bytes: &[u8]) -> Option<Number> {
    let is_swapped = is_swapped(dtype);
    with_scalar!(dtype, S => Some(<S as Scalar>::read(bytes, is_swapped).to_number()), None)
}

/// An integer or bool with all its digits.
pub(crate) fn exact(dtype: &DType, bytes: &[u8]) -> Option<i128> {
    match raw_number(dtype, bytes)? {
        Number::Int(value) => Some(value),
        Number::Bool(value) => Some(value.into()),
        _ => None,
    }
}

/// How far two elements are apart: |a - b|, in the complex plane for complex ones.
pub(crate) fn distance(dtypes: [&DType; 2], bytes: [&[u8]; 2]) -> f64 {
    if let [Some(one), Some(other)] = [0, 1].map(|side| exact(dtypes[side], bytes[side])) {
        return one.abs_diff(other) as f64;
    }
    let [one, other] = [0, 1].map(|side| parts(dtypes[side], bytes[side]));
    if one.1 == 0.0 && other.1 == 0.0 {
        return (one.0 - other.0).abs();
    }
    (one.0 - other.0).hypot(one.1 - other.1)
}

/// The real and the imaginary part.
fn parts(dtype: &DType, bytes: &[u8]) -> (f64, f64) {
    let is_swapped = is_swapped(dtype);
    match (dtype.kind(), dtype.item_size()) {
        (DTypeKind::Complex, 8) => {
            let Complex64 { re, im } = Scalar::read(bytes, is_swapped);
            (re.into(), im.into())
        }
        (DTypeKind::Complex, _) => {
            let Complex128 { re, im } = Scalar::read(bytes, is_swapped);
            (re, im)
        }
        _ => (raw_number(dtype, bytes).map_or(f64::NAN, Number::to_f64), 0.0),
    }
}

/// The element as text, as Python shows it.
pub(crate) fn text(dtype: &DType, bytes: &[u8]) -> String {
    let is_swapped = is_swapped(dtype);
    match dtype.kind() {
        DTypeKind::Complex if dtype.item_size() == 8 => {
            let Complex64 { re, im } = Scalar::read(bytes, is_swapped);
            complex_text(Number::F32(re), Number::F32(im))
        }
        DTypeKind::Complex => {
            let Complex128 { re, im } = Scalar::read(bytes, is_swapped);
            complex_text(Number::F64(re), Number::F64(im))
        }
        DTypeKind::Datetime => time(
            <i64 as Scalar>::read(bytes, is_swapped),
            dtype.unit().unwrap_or(TimeUnit::GENERIC),
        ),
        DTypeKind::Timedelta => match <i64 as Scalar>::read(bytes, is_swapped) {
            i64::MIN => "NaT".to_owned(),
            count => count.to_string(),
        },
        DTypeKind::Text => {
            let chars = bytes.chunks_exact(4).map(|char| <u32 as Scalar>::read(char, is_swapped));
            let text: String =
                chars.map(|char| char::from_u32(char).unwrap_or('\u{fffd}')).collect();
            text.trim_end_matches('\0').to_owned()
        }
        DTypeKind::Bytes => {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            bytes[..end].escape_ascii().to_string()
        }
        DTypeKind::Struct => structure(dtype, bytes),
        _ => match number(dtype, bytes) {
            Some(number) => number.to_string(),
            None => hex(bytes),
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn complex_text(re: Number, im: Number) -> String {
    let im = im.to_string();
    let sign = if im.starts_with('-') { "" } else { "+" };
    format!("{re}{sign}{im}j")
}

/// The fields of a struct, in brackets.
fn structure(dtype: &DType, bytes: &[u8]) -> String {
    let fields: Vec<String> = dtype.fields().iter().map(|one| field(one, bytes)).collect();
    format!("({})", fields.join(", "))
}

/// One field of a struct.
pub(crate) fn field(field: &DTypeField, bytes: &[u8]) -> String {
    let (dtype, size) = (field.dtype(), field.dtype().item_size());
    let count = field.shape().iter().product();
    let item = |item: usize| {
        let start = field.offset() + item * size;
        bytes.get(start..start + size).map_or_else(String::new, |bytes| text(dtype, bytes))
    };
    let items: Vec<String> = (0..count).map(item).collect();
    if field.shape().is_empty() { items.concat() } else { format!("[{}]", items.join(" ")) }
}

/// A point in time, as NumPy writes it: as precise as its unit.
pub(crate) fn time(count: i64, unit: TimeUnit) -> String {
    if count == i64::MIN {
        return "NaT".to_owned();
    }
    let units = i128::from(count) * i128::from(unit.count());
    calendar(units, unit.base()).unwrap_or_else(|| format!("{count} {unit}"))
}

/// `None` for a time without a unit. The calendar goes on for ever in both directions.
fn calendar(units: i128, base: TimeBase) -> Option<String> {
    const DAY: i128 = 86_400;
    // A unit of seconds, or so many units in a second, whose number has so many digits.
    let (seconds, per_second, digits) = match base {
        TimeBase::Year => return Some(format!("{:04}", 1970 + units)),
        TimeBase::Month => {
            let (year, month) = (1970 + units.div_euclid(12), 1 + units.rem_euclid(12));
            return Some(format!("{year:04}-{month:02}"));
        }
        TimeBase::Week => (7 * DAY, 1, 0),
        TimeBase::Day => (DAY, 1, 0),
        TimeBase::Hour => (3600, 1, 0),
        TimeBase::Minute => (60, 1, 0),
        TimeBase::Second => (1, 1, 0),
        TimeBase::Millisecond => (1, 1_000, 3),
        TimeBase::Microsecond => (1, 1_000_000, 6),
        TimeBase::Nanosecond => (1, 1_000_000_000, 9),
        TimeBase::Picosecond => (1, 1_000_000_000_000, 12),
        TimeBase::Femtosecond => (1, 1_000_000_000_000_000, 15),
        TimeBase::Attosecond => (1, 1_000_000_000_000_000_000, 18),
        _ => return None,
    };
    let (whole, part) = (units.div_euclid(per_second) * seconds, units.rem_euclid(per_second));
    let (day, second) = (whole.div_euclid(DAY), whole.rem_euclid(DAY));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let date = date(day);
    Some(match base {
        TimeBase::Week | TimeBase::Day => date,
        TimeBase::Hour => format!("{date}T{hour:02}"),
        TimeBase::Minute => format!("{date}T{hour:02}:{minute:02}"),
        TimeBase::Second => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{part:0digits$}"),
    })
}

/// The date so many days after the first of January 1970.
fn date(day: i128) -> String {
    // Days are counted from the first of March of the year 0, so that a leap day is the last one of a year. The calendar is the
    // same every 400 years.
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::{number, text};

    fn shown(dtype: &str, bytes: &[u8]) -> String {
        text(&dtype.parse().unwrap(), bytes)
    }

    #[test]
    fn numbers_are_shown_as_python_shows_them() {
        for (dtype, bytes, said) in [
            ("<f4", &0.1_f32.to_le_bytes()[..], "0.1"),
            ("<f8", &1.0_f64.to_le_bytes(), "1.0"),
            ("<f8", &1e300_f64.to_le_bytes(), "1e300"),
            ("<f8", &f64::NAN.to_le_bytes(), "nan"),
            ("<f2", &[0, 0x3c], "1.0"),
            ("<f2", &[0, 0xfc], "-inf"),
            ("<V2", &[0x80, 0x3f], "1.0"),
            (">i2", &[1, 2], "258"),
            ("|b1", &[1], "True"),
            ("<u8", &u64::MAX.to_le_bytes(), "18446744073709551615"),
            ("|V3", &[1, 0xab, 2], "01ab02"),
        ] {
            assert_eq!(shown(dtype, bytes), said, "{dtype}");
        }
        let complex = [1.5_f32.to_le_bytes(), (-2.0_f32).to_le_bytes()].concat();
        assert_eq!(shown("<c8", &complex), "1.5-2.0j");
        assert_eq!(number(&"<c8".parse().unwrap(), &complex).unwrap().to_f64(), 2.5);
    }

    #[test]
    fn times_are_as_precise_as_their_unit() {
        for (dtype, count, said) in [
            ("<M8[D]", 20_000_i64, "2024-10-04"),
            ("<M8[D]", -1, "1969-12-31"),
            ("<M8[Y]", 54, "2024"),
            ("<M8[M]", -1, "1969-12"),
            ("<M8[s]", 1, "1970-01-01T00:00:01"),
            ("<M8[ms]", -1, "1969-12-31T23:59:59.999"),
            ("<M8[ns]", 1_700_000_000_000_000_001, "2023-11-14T22:13:20.000000001"),
            ("<M8[ns]", i64::MIN, "NaT"),
            ("<M8[Y]", 1_000_000, "1001970"),
            ("<M8[Y]", -2014, "-044"),
            ("<M8[D]", 11_016, "2000-02-29"),
            ("<M8[D]", -719_529, "-001-12-31"),
            ("<M8[D]", i64::MAX, "25252734927768524-07-27"),
            ("<M8[W]", 5, "1970-02-05"),
            ("<M8[25s]", 3, "1970-01-01T00:01:15"),
            ("<M8[as]", -1, "1969-12-31T23:59:59.999999999999999999"),
            ("<m8[s]", 7, "7"),
        ] {
            assert_eq!(shown(dtype, &count.to_le_bytes()), said, "{dtype} {count}");
        }
    }

    #[test]
    fn texts_end_at_their_padding_and_structs_show_their_fields() {
        assert_eq!(shown("|S4", b"ab\0\0"), "ab");
        let text: Vec<u8> = "aé\0".chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
        assert_eq!(shown("<U3", &text), "aé");
        assert_eq!(shown("[('a', '|u1'), ('b', '<i2', (2,))]", &[7, 1, 0, 2, 0]), "(7, [1 2])");
    }
}
