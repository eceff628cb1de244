//! Python literals, as `ast.literal_eval` reads them. NumPy's headers and descriptors are written as such.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::stack;

/// How deep brackets may nest: somewhat more than twice as deep as structs, which have a list and a tuple for each level.
const MAX_DEPTH: usize = 100;

/// How many values a text may have: a field of a struct has five.
const MAX_VALUES: usize = 5 << 16;

/// What a literal stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Int(u64),
    /// A negative number, or one of more than 64 bits.
    OtherInt(&'a str),
    Tuple(Vec<Literal<'a>>),
    List(Vec<Literal<'a>>),
    Dict(Vec<(Literal<'a>, Literal<'a>)>),
    /// Bytes, a float, `None` or a set, which no header has. The text is its name for an error's sentence.
    Other(&'static str),
}

impl Literal<'_> {
    /// The literal as errors show it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Literal::Text(text) => format!("'{}'", text.escape_debug()),
            Literal::Bool(true) => "True".to_owned(),
            Literal::Bool(false) => "False".to_owned(),
            Literal::Int(number) => number.to_string(),
            Literal::OtherInt(text) => (*text).to_owned(),
            Literal::Tuple(items) => format!("a tuple of {}", items.len()),
            Literal::List(items) => format!("a list of {}", items.len()),
            Literal::Dict(_) => "a dictionary".to_owned(),
            Literal::Other(what) => (*what).to_owned(),
        }
    }
}

/// Reads a text that is one literal. If `long` is set, a number may end in `L`, as Python 2 wrote long integers.
///
/// # Errors
///
/// `Corrupt` if the text is not one literal, `Limit` if it is too long or too deep.
pub(crate) fn parse(text: &str, long: bool) -> Result<Literal<'_>> {
    let mut parser = Parser { text, at: 0, long, left: MAX_VALUES, continued: false };
    // The first line may be indented; a line that follows an empty one may not.
    if text.contains('\0') {
        return parser.unexpected("a text without NUL");
    }
    let start = text.len() - text.trim_start_matches([' ', '\t']).len();
    parser.at = start;
    parser.space();
    if parser.at > start
        && text[start..parser.at].ends_with([' ', '\t'])
        && text[start..parser.at].contains('\n')
    {
        return parser.unexpected("a line that is not indented");
    }
    let value = parser.value(0)?;
    let end = parser.at;
    parser.space();
    if parser.continued && parser.at > end || parser.at < text.len() {
        return parser.unexpected("the end");
    }
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    long: bool,
    left: usize,
    /// Whether the space that was skipped last had an escaped line end in it.
    continued: bool,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn byte(&self) -> Option<u8> {
        self.rest().as_bytes().first().copied()
    }

    /// Skips space, comments, and escaped line ends.
    fn space(&mut self) {
        self.continued = false;
        loop {
            let rest = self.rest();
            let bytes = rest.as_bytes();
            self.continued |= bytes.starts_with(b"\\");
            self.at += match bytes {
                [b' ' | b'\t' | b'\r' | b'\n' | b'\x0c', ..] => 1,
                [b'\\', b'\n', ..] => 2,
                [b'\\', b'\r', b'\n', ..] => 3,
                [b'#', ..] => rest.find('\n').unwrap_or(rest.len()),
                _ => return,
            };
        }
    }

    /// Whether this byte comes next. If so, it is skipped, with the space before it.
    fn take(&mut self, byte: u8) -> bool {
        self.space();
        let found = self.byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Literal<'a>> {
        if depth > MAX_DEPTH || self.left == 0 {
            let what = format!(
                "the header nests more than {MAX_DEPTH} levels deep, or has more than {MAX_VALUES} values"
            );
            return Err(Error::new(ErrorKind::Limit, what));
        }
        self.left -= 1;
        stack::at_level(depth, || self.value_at(depth))
    }

    fn value_at(&mut self, depth: usize) -> Result<Literal<'a>> {
        self.space();
        match self.byte() {
            Some(b'(') => {
                self.at += 1;
                let (mut items, comma) = self.items(b')', depth)?;
                match items.pop() {
                    Some(only) if items.is_empty() && !comma => Ok(only),
                    last => {
                        items.extend(last);
                        Ok(Literal::Tuple(items))
                    }
                }
            }
            Some(b'[') => {
                self.at += 1;
                Ok(Literal::List(self.items(b']', depth)?.0))
            }
            Some(b'{') => self.dictionary(depth),
            Some(b'0'..=b'9' | b'.') => self.number(),
            Some(sign @ (b'+' | b'-')) => {
                let start = self.at;
                self.at += 1;
                self.space();
                if !self.byte().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.') {
                    return self.unexpected("a number");
                }
                match self.number()? {
                    Literal::Int(number) if sign == b'-' && number > 0 => {
                        Ok(Literal::OtherInt(&self.text[start..self.at]))
                    }
                    value => Ok(value),
                }
            }
            _ => self.word(),
        }
    }

    /// Reads values up to a closing bracket, and says whether there was a comma.
    fn items(&mut self, end: u8, depth: usize) -> Result<(Vec<Literal<'a>>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        loop {
            if self.take(end) {
                return Ok((items, comma));
            }
            if !items.is_empty() && !comma {
                return self.unexpected("a comma");
            }
            items.push(self.value(depth + 1)?);
            let more = self.take(b',');
            comma |= more;
            if !more {
                if self.take(end) {
                    return Ok((items, comma));
                }
                return self.unexpected("a comma");
            }
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Literal<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut is_set = false;
        while !self.take(b'}') {
            let key = self.value(depth + 1)?;
            if self.take(b':') {
                entries.push((key, self.value(depth + 1)?));
            } else {
                is_set = true;
            }
            if is_set && !entries.is_empty() {
                return self.unexpected("`:`");
            }
            if !self.take(b',') {
                if self.take(b'}') {
                    break;
                }
                return self.unexpected("`,`");
            }
        }
        Ok(if is_set { Literal::Other("a set") } else { Literal::Dict(entries) })
    }

    /// Reads a name that Python knows, or a string, which may have a prefix of letters.
    fn word(&mut self) -> Result<Literal<'a>> {
        let rest = self.rest();
        let letters =
            rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        if matches!(rest.as_bytes().get(letters), Some(b'\'' | b'"')) {
            return self.strings();
        }
        let value = match &rest[..letters] {
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            "None" => Literal::Other("None"),
            _ => return self.unexpected("a string, a number, True, False or a bracket"),
        };
        self.at += letters;
        Ok(value)
    }

    /// Reads a number in one of Python's notations for integers, or a float.
    fn number(&mut self) -> Result<Literal<'a>> {
        let rest = self.rest();
        let len = rest
            .bytes()
            .zip(std::iter::once(0).chain(rest.bytes()))
            .take_while(|(byte, before)| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b'.' | b'_')
                    || matches!(byte, b'+' | b'-') && matches!(before, b'e' | b'E') && !is_hex(rest)
            })
            .count();
        let (mut digits, start) = (&rest[..len], self.at);
        self.at += len;
        if self.long {
            match digits.strip_suffix('L') {
                Some(number) => digits = number,
                // The `L` may stand apart from the number.
                None => while self.long_mark() {},
            }
        }
        match int(digits) {
            Some(value) => Ok(value),
            None if is_float(digits) => Ok(Literal::Other("a float")),
            None => {
                self.at = start;
                self.unexpected("a number")
            }
        }
    }

    /// Skips an `L` that is a word of its own.
    fn long_mark(&mut self) -> bool {
        let here = self.at;
        self.space();
        let is_more = |char: char| char.is_alphanumeric() || char == '_';
        let found = self.rest().strip_prefix('L').is_some_and(|rest| !rest.starts_with(is_more));
        self.at = if found { self.at + 1 } else { here };
        found
    }

    /// Adjacent strings are one string.
    fn strings(&mut self) -> Result<Literal<'a>> {
        let (mut text, bytes) = self.string()?;
        loop {
            self.space();
            let rest = self.rest();
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            if letters > 2 || !matches!(rest.as_bytes().get(letters), Some(b'\'' | b'"')) {
                break;
            }
            let (more, more_bytes) = self.string()?;
            if more_bytes != bytes {
                return self.unexpected("strings of one kind");
            }
            text.to_mut().push_str(&more);
        }
        Ok(if bytes {
            Literal::Other("bytes, b'…', which NumPy does not read")
        } else {
            Literal::Text(text)
        })
    }

    /// Reads a string in quotes of one kind, with Python's escapes, and says whether it is one of bytes.
    fn string(&mut self) -> Result<(Cow<'a, str>, bool)> {
        let rest = self.rest();
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let prefix = rest[..letters].to_ascii_lowercase();
        let (raw, bytes) = match &*prefix {
            "" | "u" => (false, false),
            "r" => (true, false),
            "b" => (false, true),
            "br" | "rb" => (true, true),
            _ => return self.unexpected("a string without an expression"),
        };
        self.at += letters;
        let rest = self.rest();
        let quote = &rest[..1];
        let triple =
            rest.len() >= 3 && rest.bytes().take(3).all(|byte| byte == quote.as_bytes()[0]);
        let len = if triple { 3 } else { 1 };
        self.at += len;
        let (rest, quote) = (self.rest(), &rest[..len]);
        let mut owned = None::<String>;
        let mut from = 0;
        let mut at = 0;
        loop {
            let more = &rest[at..];
            if more.starts_with(quote) {
                break;
            }
            let Some(char) =
                more.chars().next().filter(|char| triple || !matches!(char, '\n' | '\r'))
            else {
                return self.unexpected("a string that ends in its line");
            };
            if bytes && !char.is_ascii() {
                return self.unexpected("bytes of ASCII");
            }
            if char != '\\' {
                at += char.len_utf8();
                continue;
            }
            if raw {
                // The character behind the backslash does not end the string. Both stay in it.
                at += 1 + more[1..].chars().next().map_or(0, char::len_utf8);
                continue;
            }
            let Some((stands_for, len)) = escape(&more[1..]) else {
                self.at += at;
                return self.unexpected("an escape that stands for a character");
            };
            let text = owned.get_or_insert_default();
            text.push_str(&rest[from..at]);
            text.extend(stands_for);
            at += 1 + len;
            from = at;
        }
        self.at += at + len;
        let text = match owned {
            None => Cow::Borrowed(&rest[..at]),
            Some(mut text) => {
                text.push_str(&rest[from..at]);
                Cow::Owned(text)
            }
        };
        Ok((text, bytes))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T> {
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

fn is_hex(text: &str) -> bool {
    text.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("0x"))
}

/// The number that Python's digits stand for (`10`, `1_000`, `0x1f`, `0o17`, `0b11`), or the text if it needs more than 64 bits.
fn int(text: &str) -> Option<Literal<'_>> {
    let (radix, digits) = match text.get(..2).unwrap_or("") {
        "0x" | "0X" => (16, &text[2..]),
        "0o" | "0O" => (8, &text[2..]),
        "0b" | "0B" => (2, &text[2..]),
        _ => (10, text),
    };
    // One underscore may stand between digits, and behind the prefix that says the radix.
    let digits = if radix == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    if digits
        .split('_')
        .any(|part| part.is_empty() || !part.chars().all(|char| char.is_digit(radix)))
    {
        return None;
    }
    let digits = digits.replace('_', "");
    let zeros = digits.bytes().take_while(|digit| *digit == b'0').count();
    if radix == 10 && zeros > 0 && zeros < digits.len() {
        return None;
    }
    Some(u64::from_str_radix(&digits, radix).map_or(Literal::OtherInt(text), Literal::Int))
}

fn is_float(text: &str) -> bool {
    let real = text.strip_suffix(['j', 'J']);
    let (text, imaginary) = (real.unwrap_or(text), real.is_some());
    text.starts_with(|char: char| char.is_ascii_digit() || char == '.')
        && (text.contains(['.', 'e', 'E']) || imaginary)
        && text.replace('_', "").parse::<f64>().is_ok()
}

/// The characters that an escape stands for, and its length without the backslash; `None` if it stands for no character.
fn escape(rest: &str) -> Option<(impl Iterator<Item = char> + use<>, usize)> {
    let hex = |len: usize| {
        let digits =
            rest.get(1..=len).filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, 1 + len))
    };
    let (char, len) = match rest.bytes().next()? {
        b'x' => hex(2)?,
        b'u' => hex(4)?,
        b'U' => hex(8)?,
        b'0'..=b'7' => {
            let len = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            (char::from_u32(u32::from_str_radix(&rest[..len], 8).ok()?)?, len)
        }
        b'a' => ('\x07', 1),
        b'b' => ('\x08', 1),
        b'f' => ('\x0c', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        b'v' => ('\x0b', 1),
        byte @ (b'\\' | b'\'' | b'"') => (byte as char, 1),
        // An escaped line end stands for nothing.
        b'\n' => return Some(([None, None].into_iter().flatten(), 1)),
        // `\N{..}` needs Unicode's table of names, which this crate does not have.
        b'N' => return None,
        // Not an escape: backslash and character both stay.
        _ => {
            let char = rest.chars().next()?;
            return Some(([Some('\\'), Some(char)].into_iter().flatten(), char.len_utf8()));
        }
    };
    Some(([Some(char), None].into_iter().flatten(), len))
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

    fn text(literal: &str) -> Option<String> {
        match parse(literal, false) {
            Ok(Literal::Text(text)) => Some(text.into_owned()),
            _ => None,
        }
    }

    #[test]
    fn strings_come_back_as_python_quotes_them() {
        for (plain, repr) in [
            ("", "''"),
            ("x", "'x'"),
            ("it's", "\"it's\""),
            ("'\"", r#"'\'"'"#),
            ("a\\b\n\0\u{7f}", r"'a\\b\n\x00\x7f'"),
            ("\0", r"'\x00'"),
            ("größe 長さ", "'größe 長さ'"),
        ] {
            assert_eq!(Quoted(plain).to_string(), repr);
            assert_eq!(text(repr).unwrap(), plain);
        }
        for (repr, plain) in [
            (r"'\x41\u00e9\U0001F600\101\'\a'", "Aé😀A'\x07"),
            ("u'x'", "x"),
            (r"'\0'", "\0"),
            (r"r'\n\''", r"\n\'"),
            (r"'\q'", r"\q"),
            ("'a\\\nb'", "ab"),
            ("'''a\n'b'''", "a\n'b"),
            ("'a' \"b\" # and\n R'c'", "abc"),
            ("('a')", "a"),
        ] {
            assert_eq!(text(repr).unwrap(), plain, "{repr}");
        }
    }

    #[test]
    fn what_is_no_string_is_an_error() {
        for literal in [
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
            r"'\u+041'",
            "'é",
            "f'x'",
            "b'é'",
            "'a' b'b'",
            "'''a''",
            "'\0'",
        ] {
            assert!(parse(literal, false).is_err(), "{literal}");
        }
        assert!(matches!(parse("b'<f4'", false), Ok(Literal::Other(_))));
    }

    #[test]
    fn numbers_are_pythons() {
        for (literal, number) in [
            ("0", 0),
            ("00_0", 0),
            ("12", 12),
            ("1_000", 1000),
            ("0x1F", 31),
            ("0X_1f", 31),
            ("0o17", 15),
            ("0b101", 5),
            ("+7", 7),
            ("-0", 0),
            ("(((3)))", 3),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse(literal, false).unwrap(), Literal::Int(number), "{literal}");
        }
        assert_eq!(parse("12L", true).unwrap(), Literal::Int(12));
        assert_eq!(parse("0x1fL", true).unwrap(), Literal::Int(31));
        assert_eq!(parse("12 L", true).unwrap(), Literal::Int(12));
        assert_eq!(parse("-12", false).unwrap(), Literal::OtherInt("-12"));
        assert!(matches!(parse("18446744073709551616", false), Ok(Literal::OtherInt(_))));
        for literal in ["1.5", "1e3", "1.", ".5", "1e-3", "2j"] {
            assert_eq!(parse(literal, false).unwrap(), Literal::Other("a float"), "{literal}");
        }
        for literal in [
            "12L", "01", "1__0", "_1", "1_", "0x", "0x_", "0b2", "0o8", "1a", "--1", "-True",
            "1+1", "٣",
        ] {
            assert!(parse(literal, false).is_err(), "{literal}");
        }
    }

    #[test]
    fn brackets_hold_values() {
        use Literal::{Dict, Int, List, Tuple};
        assert_eq!(parse("(1, 2)", false).unwrap(), Tuple(vec![Int(1), Int(2)]));
        assert_eq!(parse(" (1,) # one\n\n", false).unwrap(), Tuple(vec![Int(1)]));
        assert_eq!(
            parse("[(), [1,\n]]", false).unwrap(),
            List(vec![Tuple(vec![]), List(vec![Int(1)])])
        );
        assert_eq!(parse("{1: 2, }", false).unwrap(), Dict(vec![(Int(1), Int(2))]));
        assert_eq!(parse("{1, 2}", false).unwrap(), Literal::Other("a set"));
        for literal in [
            "(",
            "(1",
            "(1 2)",
            "(,)",
            "(1,,2)",
            "[1",
            "{1:}",
            "{1: 2, 3}",
            "{1 2}",
            "()()",
            "1,",
            "\n 1",
            "(]",
        ] {
            assert!(parse(literal, false).is_err(), "{literal}");
        }
        let deep = "(".repeat(5000) + &")".repeat(5000);
        assert_eq!(parse(&deep, false).unwrap_err().kind(), ErrorKind::Limit);
        let many = "1,".repeat(500_000);
        assert_eq!(parse(&format!("({many})"), false).unwrap_err().kind(), ErrorKind::Limit);
    }
}
