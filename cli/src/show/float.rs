//! Floats as NumPy prints them in an array: all with as many digits, in one notation.

use crate::element::Number;

/// The digits after the point that are printed at most.
const PRECISION: usize = 8;

/// How the floats of one array are printed.
pub(super) struct FloatFormat {
    is_scientific: bool,
    /// Characters before the point, and behind it.
    left: usize,
    right: usize,
    has_plus: bool,
}

impl FloatFormat {
    /// The format for these floats. `has_plus` says that positive ones have a sign, as imaginary parts have.
    pub(super) fn new(floats: &[Number], has_plus: bool) -> Self {
        let sizes = || {
            floats
                .iter()
                .map(|float| float.to_f64().abs())
                .filter(|size| size.is_finite() && *size > 0.0)
        };
        let (least, most) = (sizes().fold(f64::INFINITY, f64::min), sizes().fold(0.0, f64::max));
        let is_scientific = most >= 1e8 || (most > 0.0 && (least < 1e-4 || most / least > 1000.0));
        let mut format = FloatFormat { is_scientific, left: 0, right: 0, has_plus };
        for float in floats.iter().filter(|float| float.to_f64().is_finite()) {
            let text = format.raw(*float);
            let (before, after) = text.split_once('.').unwrap_or((&text, ""));
            let after = after.split('e').next().unwrap_or_default();
            format.left = format.left.max(before.len());
            format.right = format.right.max(after.len());
        }
        // Words are as wide as the numbers, or these grow.
        let width = |format: &FloatFormat| format.left + 1 + format.right + format.exponent(floats);
        for float in floats.iter().filter(|float| !float.to_f64().is_finite()) {
            let word = word(float.to_f64(), has_plus).len();
            format.left += word.saturating_sub(width(&format));
        }
        format
    }

    /// How wide the exponents of all floats are.
    fn exponent(&self, floats: &[Number]) -> usize {
        if !self.is_scientific {
            return 0;
        }
        let of = |float: &Number| match self.raw(*float).split_once('e') {
            Some((_, exponent)) => exponent.len() + 1,
            None => 0,
        };
        floats.iter().filter(|float| float.to_f64().is_finite()).map(of).max().unwrap_or(0)
    }

    /// A float as it stands in the array; `exponent` is as wide as the widest one.
    pub(super) fn text(&self, float: Number, exponent: usize) -> String {
        let wide = self.left + 1 + self.right + exponent;
        if !float.to_f64().is_finite() {
            return format!("{:>wide$}", word(float.to_f64(), self.has_plus));
        }
        let (left, right) = (self.left, self.right);
        if !self.is_scientific {
            let text = self.raw(float);
            let (before, after) = text.split_once('.').unwrap_or((&text, ""));
            return format!("{before:>left$}.{after:<right$}");
        }
        // All have as many digits, and further ones are those of the binary number.
        let text = self.signed(scientific(&format!("{:.right$e}", float.to_f64()), false));
        let (mantissa, power) = text.split_once('e').unwrap_or((&text, "+00"));
        let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (sign, digits) = power.split_at(1);
        let width = exponent.saturating_sub(2);
        format!("{before:>left$}.{after}e{sign}{digits:0>width$}")
    }

    /// The widest exponent of these floats, for [`text`](Self::text).
    pub(super) fn exponent_width(&self, floats: &[Number]) -> usize {
        self.exponent(floats)
    }

    /// As many digits as tell the float from others of its type, but no more than the precision: `1.`, `0.25`, `1.5e-07`.
    fn raw(&self, float: Number) -> String {
        let value = float.to_f64();
        let text = if self.is_scientific {
            let shortest = float.scientific();
            let mantissa = shortest.split('e').next().unwrap_or_default();
            let text = if digits_behind(mantissa) > PRECISION {
                format!("{value:.PRECISION$e}")
            } else {
                shortest
            };
            scientific(&text, true)
        } else {
            let shortest = float.fixed();
            with_point(&if digits_behind(&shortest) > PRECISION {
                format!("{value:.PRECISION$}")
            } else {
                shortest
            })
        };
        self.signed(text)
    }

    fn signed(&self, text: String) -> String {
        if self.has_plus && !text.starts_with('-') { format!("+{text}") } else { text }
    }
}

/// Rust's `1.5e-7` as NumPy writes it: `1.5e-07`.
fn scientific(text: &str, is_trimmed: bool) -> String {
    let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    let sign = if power < 0 { '-' } else { '+' };
    let is_trimmed = is_trimmed || !mantissa.contains('.');
    let mantissa = if is_trimmed { with_point(mantissa) } else { mantissa.to_owned() };
    format!("{mantissa}e{sign}{:02}", power.abs())
}

fn digits_behind(text: &str) -> usize {
    text.split_once('.').map_or(0, |(_, after)| after.len())
}

/// The number with a point, and without zeros at the end.
fn with_point(text: &str) -> String {
    match text.split_once('.') {
        Some((before, after)) => format!("{before}.{}", after.trim_end_matches('0')),
        None => format!("{text}."),
    }
}

fn word(value: f64, has_plus: bool) -> String {
    let sign = if value.is_sign_negative() && !value.is_nan() {
        "-"
    } else if has_plus {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", if value.is_nan() { "nan" } else { "inf" })
}
