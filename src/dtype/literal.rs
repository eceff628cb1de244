//! Python literals, as far as NumPy's headers and descriptors have them: strings, whole numbers, tuples of them.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::error::{Error, Result};
use crate::layout::MAX_NDIM;

/// A reader of such a text.
pub(crate) struct Literal<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Literal<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Literal { text, at: 0 }
    }

    /// The next byte that is not space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        let rest = self.rest().as_bytes();
        self.at += rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.rest().as_bytes().first().copied()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(crate) fn expect(&mut self, byte: u8) -> Result<()> {
        if self.take(byte) {
            return Ok(());
        }
        self.unexpected(&format!("`{}`", byte.escape_ascii()))
    }

    /// Whether this byte came next; it is then behind.
    pub(crate) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(crate) fn end(&mut self) -> Result<()> {
        if self.peek().is_some() {
            return self.unexpected("the end");
        }
        Ok(())
    }

    /// The ASCII characters that belong to one word.
    pub(crate) fn word(&mut self, belongs: impl Fn(&u8) -> bool) -> &'a str {
        self.peek();
        let rest = self.rest();
        let len = rest.bytes().take_while(|byte| byte.is_ascii() && belongs(byte)).count();
        self.at += len;
        &rest[..len]
    }

    /// A string between quotes of one kind, with Python's escapes.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>> {
        self.peek();
        // Python 2 wrote `u'x'` and `b'x'`.
        if let [b'u' | b'b', b'\'' | b'"', ..] = self.rest().as_bytes() {
            self.at += 1;
        }
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return self.unexpected("a quoted string");
        };
        self.at += 1;
        let rest = self.rest();
        let mut owned = String::new();
        let mut plain = 0;
        loop {
            let more = &rest[plain..];
            let stop = more.find([quote as char, '\\', '\n']).unwrap_or(more.len());
            match more.as_bytes().get(stop) {
                Some(byte) if *byte == quote => {
                    let end = plain + stop;
                    self.at += end + 1;
                    if owned.is_empty() {
                        return Ok(Cow::Borrowed(&rest[..end]));
                    }
                    owned.push_str(&rest[plain..end]);
                    return Ok(Cow::Owned(owned));
                }
                Some(b'\\') => {
                    owned.push_str(&more[..stop]);
                    let Some((char, len)) = escape(&more[stop + 1..]) else {
                        self.at += plain + stop;
                        return self.unexpected("an escape that stands for a character");
                    };
                    owned.push(char);
                    plain += stop + 1 + len;
                }
                _ => return self.unexpected("a string that ends in its line"),
            }
        }
    }

    /// A length: digits, and an `L` behind them, as Python 2 wrote long integers.
    pub(crate) fn length(&mut self) -> Result<usize> {
        let digits = self.word(u8::is_ascii_digit);
        if digits.is_empty() {
            return self.unexpected("the length of an axis");
        }
        if self.rest().starts_with('L') {
            self.at += 1;
        }
        digits
            .parse()
            .map_err(|_| Error::corrupt(format!("an axis of {digits} does not fit this machine")))
    }

    /// A tuple of lengths.
    pub(crate) fn shape(&mut self) -> Result<Vec<usize>> {
        self.expect(b'(')?;
        let mut shape = Vec::new();
        let mut commas = 0;
        while self.peek() != Some(b')') {
            if commas < shape.len() {
                return self.unexpected("a comma");
            }
            shape.push(self.length()?);
            if shape.len() > MAX_NDIM {
                return Err(Error::corrupt(format!("more than {MAX_NDIM} axes")));
            }
            commas += usize::from(self.take(b','));
        }
        if shape.len() == 1 && commas == 0 {
            return self.unexpected("a tuple: (3,) and not (3)");
        }
        self.expect(b')')?;
        Ok(shape)
    }

    pub(crate) fn unexpected<T>(&self, expected: &str) -> Result<T> {
        let rest = self.rest();
        let end = (0..=16.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at));
        let found = match &rest[..end.unwrap_or(0)] {
            "" => "its end".to_owned(),
            some => format!("`{}`", some.escape_debug()),
        };
        Err(Error::corrupt(format!(
            "bad header: expected {expected} at byte {}, found {found}",
            self.at
        )))
    }
}

/// What an escape stands for, and its length without the backslash.
fn escape(rest: &str) -> Option<(char, usize)> {
    let hex = |len: usize| {
        let digits =
            rest.get(1..=len).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, 1 + len))
    };
    let plain = match rest.bytes().next()? {
        b'x' => return hex(2),
        b'u' => return hex(4),
        b'U' => return hex(8),
        b'0'..=b'7' => {
            let len = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            return Some((char::from_u32(u32::from_str_radix(&rest[..len], 8).ok()?)?, len));
        }
        b'a' => '\x07',
        b'b' => '\x08',
        b'f' => '\x0c',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'v' => '\x0b',
        byte @ (b'\\' | b'\'' | b'"') => byte as char,
        _ => return None,
    };
    Some((plain, 1))
}

/// Writes a string as Python's `repr` does.
pub(super) fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    for char in text.chars() {
        match char {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            _ if char == quote => write!(f, "\\{char}")?,
            _ if char.is_control() => write!(f, "\\x{:02x}", char as u32)?,
            _ => f.write_char(char)?,
        }
    }
    f.write_char(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Quoted<'a>(&'a str);
    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            quote(self.0, f)
        }
    }

    #[test]
    fn strings_come_back_as_python_quotes_them() {
        for (text, repr) in [
            ("", "''"),
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("'\"", r#"'\'"'"#),
            ("a\\b\n\0\u{7f}", r"'a\\b\n\x00\x7f'"),
            ("\0", r"'\x00'"),
            ("größe 長さ", "'größe 長さ'"),
        ] {
            assert_eq!(Quoted(text).to_string(), repr);
            assert_eq!(Literal::new(repr).string().unwrap(), text);
        }
        for (repr, text) in
            [(r"'\x41\u00e9\U0001F600\101\'\a'", "Aé😀A'\x07"), ("u'x'", "x"), (r"'\0'", "\0")]
        {
            assert_eq!(Literal::new(repr).string().unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_string_is_an_error() {
        for text in [
            "",
            "x",
            "'",
            "'x",
            "'x\n'",
            r"'\'",
            r"'\",
            r"'\x4'",
            r"'\ud800'",
            r"'\N{DASH}'",
            r"'\q'",
            r"'\u+041'",
            "'é",
        ] {
            assert!(Literal::new(text).string().is_err(), "{text}");
        }
    }
}
