//! The rule for names of segments.

use std::fmt;
use std::ops::Deref;

use crate::error::{Error, ErrorKind, Result};

/// How many characters a name may have. A file name may have 255 bytes; the rest is for the names of files beside an
/// entry.
const MAX: usize = 200;

/// A checked name, which is safe as the last part of a path. Names that start with a dot are for this crate's own use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentName(String);

impl SegmentName {
    /// # Errors
    ///
    /// `InvalidInput`, with the rule and what was found, if the name breaks the rule.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let found = if text.is_empty() {
            "an empty one".to_owned()
        } else if text.len() > MAX {
            format!("one of {} bytes", text.len())
        } else if text.starts_with('.') {
            format!("`{}`, which starts with a dot", text.escape_debug())
        } else if let Some(c) = text.chars().find(|c| !allowed(*c)) {
            format!("{c:?} in `{}`", text.escape_debug())
        } else {
            return Ok(SegmentName(text.to_owned()));
        };
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!(
                "not a segment name: expected 1 to {MAX} characters of `A-Z a-z 0-9 . _ -`, \
                 the first of them no dot, found {found}"
            ),
        ))
    }
}

impl Deref for SegmentName {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a file of this name is a draft or the lock file of a turn, because names of segments do not start with a dot.
/// Both are locked for as long as they are of use.
pub(super) fn is_draft(name: &str) -> bool {
    let rest = name.strip_suffix("new").or_else(|| name.strip_suffix("making"));
    rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_said_with_what_broke_it() {
        for good in ["a", "model-7.v2_x", "A..b", &"x".repeat(200)] {
            assert_eq!(&*SegmentName::parse(good).unwrap(), good);
        }
        for (bad, found) in [
            ("", "an empty one"),
            (&*"x".repeat(201), "one of 201 bytes"),
            (".", "starts with a dot"),
            ("..", "starts with a dot"),
            ("a/b", "'/' in `a/b`"),
            ("a b", "' ' in `a b`"),
            ("a\0", "'\\0' in `a\\0`"),
            ("größe", "'ö' in `größe`"),
        ] {
            let error = SegmentName::parse(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(found), "{error}");
        }
    }
}
