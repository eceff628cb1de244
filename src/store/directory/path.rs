//! Where an array stands in its object.

use std::fmt;

/// The path of an array, in the parts in which the directory has it. Arrays of one series differ in the middle part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArrayPath<'a> {
    pub(super) before: &'a str,
    pub(super) step: SeriesStep<'a>,
    pub(super) after: &'a str,
}

/// The step by which arrays of a series differ.
#[derive(Clone, Copy, Debug)]
pub(super) enum SeriesStep<'a> {
    None,
    Number(u64),
    Name(&'a str),
}

impl ArrayPath<'_> {
    /// The path as text. It does not use `format!`, which would take as long as the rest of a look-up.
    #[cfg(any(feature = "ndarray", test))]
    pub(super) fn push_to(&self, text: &mut String) {
        use fmt::Write;

        text.push_str(self.before);
        match self.step {
            SeriesStep::None => {}
            // Writing to a string does not fail.
            SeriesStep::Number(number) => drop(write!(text, "{number}")),
            SeriesStep::Name(name) => text.push_str(name),
        }
        text.push_str(self.after);
    }
}

impl fmt::Display for ArrayPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.before)?;
        match self.step {
            SeriesStep::None => {}
            SeriesStep::Number(number) => write!(f, "{number}")?,
            SeriesStep::Name(name) => f.write_str(name)?,
        }
        f.write_str(self.after)
    }
}

impl PartialEq<str> for ArrayPath<'_> {
    fn eq(&self, text: &str) -> bool {
        let step = text.strip_prefix(self.before).and_then(|text| text.strip_suffix(self.after));
        match (self.step, step) {
            (_, None) => false,
            (SeriesStep::None, Some(step)) => step.is_empty(),
            (SeriesStep::Number(number), Some(step)) => parse_number(step) == Some(number),
            (SeriesStep::Name(name), Some(step)) => step == name,
        }
    }
}

/// The number of a step that is written as a number: in digits, without a leading zero.
pub(super) fn parse_number(step: &str) -> Option<u64> {
    let is_number = step.bytes().all(|byte| byte.is_ascii_digit());
    let is_padded = step.len() > 1 && step.starts_with('0');
    if is_number && !is_padded { step.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_its_text_and_no_other() {
        let path = |step| ArrayPath { before: "a.", step, after: ".b" };
        for (path, text) in [
            (path(SeriesStep::Number(0)), "a.0.b"),
            (path(SeriesStep::Number(u64::MAX)), "a.18446744073709551615.b"),
            (path(SeriesStep::Name("key")), "a.key.b"),
            (path(SeriesStep::None), "a..b"),
            (ArrayPath { before: "", step: SeriesStep::Number(7), after: "" }, "7"),
        ] {
            assert_eq!(path.to_string(), text);
            let mut pushed = String::new();
            path.push_to(&mut pushed);
            assert_eq!(pushed, text);
            assert!(path == *text);
            for other in ["", "a.", "a.b", "a.00.b", "a.07.b", "a.+0.b", "a.1.b", "07", "a.0.bb"] {
                assert!(path != *other, "{other}");
            }
        }
    }
}
