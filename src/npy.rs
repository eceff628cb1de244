//! NumPy's .npy format: one array, a header that is a Python literal, then the elements. Bytes in, bytes out.

use std::fmt::Display;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, ARRAY_ALIGN, MAX_NDIM, Order};

pub(crate) const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Longer headers belong to structured dtypes with thousands of fields, or to an attack: NumPy's own limit is 10,000.
const MAX_HEADER: usize = 64 << 10;

/// The bytes before the elements are this many at most.
pub(crate) const MAX_PREFIX: u64 = (MAGIC.len() + 2 + 4 + MAX_HEADER) as u64;

/// What a .npy file says of its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
}

/// The bytes before the elements; their length is a multiple of 64, so that elements are aligned where the file is.
pub(crate) fn header(dtype: DType, shape: &[usize], order: Order) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let one = if shape.len() == 1 { "," } else { "" };
    let axes = axes.join(", ") + one;
    let fortran = if order == Order::F && has_order(shape) { "True" } else { "False" };
    let text = format!("{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': ({axes}), }}");
    // Version 1 has two bytes for the length, version 2 four; the line feed counts.
    let padded = |before: usize| (before + text.len() + 1).next_multiple_of(ARRAY_ALIGN) - before;
    let short = MAGIC.len() + 2 + 2;
    let mut bytes = MAGIC.to_vec();
    let total = if let Ok(len) = u16::try_from(padded(short)) {
        bytes.extend_from_slice(&[1, 0]);
        bytes.extend_from_slice(&len.to_le_bytes());
        short + padded(short)
    } else {
        let long = MAGIC.len() + 2 + 4;
        bytes.extend_from_slice(&[2, 0]);
        bytes.extend_from_slice(&(padded(long) as u32).to_le_bytes());
        long + padded(long)
    };
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(total - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// Whether C and Fortran order differ at all. NumPy calls an array that is both C.
pub(crate) fn has_order(shape: &[usize]) -> bool {
    !shape.contains(&0) && shape.iter().filter(|&&axis| axis > 1).count() > 1
}

/// Parts a whole .npy file into header and elements. `name` says in errors which file or member it is.
///
/// # Errors
///
/// `Corrupt` if the bytes are no .npy file, are too few for its shape or too many, `Unsupported` for a dtype that
/// this build does not have; pickled objects are among those and are never read.
pub(crate) fn split<'a>(name: &dyn Display, bytes: &'a [u8]) -> Result<(Header, &'a [u8])> {
    parts(bytes).map_err(|Fault(kind, text)| Error::new(kind, format!("{name}: {text}")))
}

/// What the first bytes of a .npy file say.
pub(crate) enum Head {
    Whole(Header),
    /// The header is longer: so many bytes of the file are needed.
    Needs(usize),
}

/// Reads the header of a file of `size` bytes of which these are the first.
///
/// # Errors
///
/// Those of [`split`].
pub(crate) fn head(name: &dyn Display, bytes: &[u8], size: u64) -> Result<Head> {
    let head = || {
        let (text, rest) = match text(bytes)? {
            Ok(parts) => parts,
            Err(needed) if needed as u64 <= size && needed > bytes.len() => {
                return Ok(Head::Needs(needed));
            }
            Err(needed) => return truncated(needed, bytes.len()),
        };
        let header = Literal { text, at: 0 }.header()?;
        check_size(&header, size - (bytes.len() - rest.len()) as u64)?;
        Ok(Head::Whole(header))
    };
    head().map_err(|Fault(kind, text)| Error::new(kind, format!("{name}: {text}")))
}

/// Whether two dtypes have one descriptor.
pub(crate) fn same_on_disk(a: &DType, b: &DType) -> bool {
    a == b
}

struct Fault(ErrorKind, String);

fn fault<T>(text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault(ErrorKind::Corrupt, text.into()))
}

fn parts(bytes: &[u8]) -> Result<(Header, &[u8]), Fault> {
    let (text, data) = match text(bytes)? {
        Ok(parts) => parts,
        Err(needed) => return truncated(needed, bytes.len()),
    };
    let header = Literal { text, at: 0 }.header()?;
    check_size(&header, data.len() as u64)?;
    Ok((header, data))
}

fn truncated<T>(needed: usize, found: usize) -> Result<T, Fault> {
    fault(format!("truncated: it ends in its header: expected {needed} bytes, found {found}"))
}

fn check_size(header: &Header, found: u64) -> Result<(), Fault> {
    let Header { dtype, shape, .. } = header;
    match layout::byte_len(shape, dtype.item_size()) {
        None => fault(format!("shape {shape:?} of {dtype} overflows")),
        Some(expected) if expected as u64 != found => fault(format!(
            "expected {expected} bytes for shape {shape:?} of {dtype}, found {found}"
        )),
        Some(_) => Ok(()),
    }
}

/// Parts a file into the header's text and what follows it. The inner error is how many bytes that takes, where there
/// are fewer.
fn text(bytes: &[u8]) -> Result<Result<(&[u8], &[u8]), usize>, Fault> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        let found = &bytes[..bytes.len().min(MAGIC.len())];
        return fault(format!(
            "wrong magic: expected {}, found {}",
            MAGIC.escape_ascii(),
            found.escape_ascii()
        ));
    };
    let (len, rest) = match *rest {
        [1, 0, a, b, ref rest @ ..] => (usize::from(u16::from_le_bytes([a, b])), rest),
        [2 | 3, 0, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]) as usize, rest),
        [1..=3, 0, ..] | [] | [_] => return Ok(Err(MAGIC.len() + 2 + 4)),
        [major, minor, ..] => {
            return Err(Fault(
                ErrorKind::Version,
                format!(".npy version {major}.{minor} is not known: expected 1.0, 2.0 or 3.0"),
            ));
        }
    };
    if len > MAX_HEADER {
        return fault(format!("a header of {len} bytes: expected at most {MAX_HEADER}"));
    }
    Ok(rest.split_at_checked(len).ok_or(bytes.len() - rest.len() + len))
}

/// A reader of the one Python literal that a header is: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Literal<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Literal<'a> {
    fn header(mut self) -> Result<Header, Fault> {
        let (mut dtype, mut order, mut shape) = (None, None, None);
        self.expect(b'{')?;
        while self.peek() != Some(b'}') {
            let key = self.string()?;
            self.expect(b':')?;
            let twice = match key {
                b"descr" => dtype.replace(self.dtype()?).is_some(),
                b"fortran_order" => order.replace(self.order()?).is_some(),
                b"shape" => shape.replace(self.shape()?).is_some(),
                _ => {
                    return fault(format!(
                        "unknown key '{}' in the header: expected 'descr', 'fortran_order' and 'shape'",
                        key.escape_ascii()
                    ));
                }
            };
            if twice {
                return fault(format!("the key '{}' is twice in the header", key.escape_ascii()));
            }
            if self.peek() != Some(b'}') {
                self.expect(b',')?;
            }
        }
        self.expect(b'}')?;
        if self.peek().is_some() {
            return self.unexpected("the header's end");
        }
        match (dtype, shape, order) {
            (Some(dtype), Some(shape), Some(order)) => Ok(Header { dtype, shape, order }),
            (None, ..) => fault("the header has no 'descr'"),
            (_, None, _) => fault("the header has no 'shape'"),
            (.., None) => fault("the header has no 'fortran_order'"),
        }
    }

    fn dtype(&mut self) -> Result<DType, Fault> {
        if matches!(self.peek(), Some(b'[' | b'(')) {
            return Err(Fault(
                ErrorKind::Unsupported,
                "structured dtypes cannot be read: save each field as an array of its own"
                    .to_owned(),
            ));
        }
        let text = String::from_utf8_lossy(self.string()?);
        if text.trim_start_matches(['|', '<', '>', '=']).starts_with('O') {
            return Err(Fault(
                ErrorKind::Unsupported,
                "an array of Python objects is a pickle, which is never read: save it with a number dtype"
                    .to_owned(),
            ));
        }
        DType::from_descriptor(&text).map_err(|error| Fault(error.kind(), error.to_string()))
    }

    fn order(&mut self) -> Result<Order, Fault> {
        let word = self.word(u8::is_ascii_alphabetic);
        match word {
            b"False" => Ok(Order::C),
            b"True" => Ok(Order::F),
            _ => self.unexpected("True or False"),
        }
    }

    fn shape(&mut self) -> Result<Vec<usize>, Fault> {
        self.expect(b'(')?;
        let mut shape = Vec::new();
        let mut commas = 0;
        while self.peek() != Some(b')') {
            if commas < shape.len() {
                return self.unexpected("a comma");
            }
            shape.push(self.axis()?);
            if shape.len() > MAX_NDIM {
                return fault(format!("more than {MAX_NDIM} axes"));
            }
            if self.peek() == Some(b',') {
                self.expect(b',')?;
                commas += 1;
            }
        }
        if shape.len() == 1 && commas == 0 {
            return self.unexpected("a tuple: (3,) and not (3)");
        }
        self.expect(b')')?;
        Ok(shape)
    }

    fn axis(&mut self) -> Result<usize, Fault> {
        let digits = self.word(u8::is_ascii_digit);
        if digits.is_empty() {
            return self.unexpected("the length of an axis");
        }
        // Python 2 wrote long integers as `3L`, and NumPy still reads those.
        if self.text.get(self.at) == Some(&b'L') {
            self.at += 1;
        }
        let digits = String::from_utf8_lossy(digits);
        match digits.parse() {
            Ok(axis) => Ok(axis),
            Err(_) => fault(format!("an axis of {digits} does not fit this machine")),
        }
    }

    /// A string between quotes of one kind. No name that is expected here has an escape in it.
    fn string(&mut self) -> Result<&'a [u8], Fault> {
        let Some(quote @ (b'\'' | b'"')) = self.peek() else {
            return self.unexpected("a quoted string");
        };
        self.at += 1;
        let rest = &self.text[self.at..];
        match rest.iter().position(|&byte| byte == quote || byte == b'\\' || byte == b'\n') {
            Some(len) if rest[len] == quote => {
                self.at += len + 1;
                Ok(&rest[..len])
            }
            _ => self.unexpected("a string that ends in its line, without escapes"),
        }
    }

    fn word(&mut self, belongs: impl Fn(&u8) -> bool) -> &'a [u8] {
        self.peek();
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|byte| !belongs(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// The next byte that is not space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.iter().take_while(|byte| b" \t\r\n".contains(byte)).count();
        self.text.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        self.unexpected(&format!("`{}`", byte.escape_ascii()))
    }

    fn unexpected<T>(&self, expected: &str) -> Result<T, Fault> {
        let rest = &self.text[self.at..];
        let found = match &rest[..rest.len().min(16)] {
            [] => "its end".to_owned(),
            some => format!("`{}`", some.escape_ascii()),
        };
        fault(format!("bad header: expected {expected} at byte {}, found {found}", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, data: &[u8]) -> Vec<u8> {
        let len = u16::try_from(text.len()).unwrap();
        [&MAGIC[..], &[1, 0], &len.to_le_bytes(), text.as_bytes(), data].concat()
    }

    fn read(bytes: &[u8]) -> Result<(Header, &[u8])> {
        split(&"member `a.npy`", bytes)
    }

    #[test]
    fn the_header_is_what_numpy_writes() {
        let bytes = header(DType::from_descriptor("<f4").unwrap(), &[3, 4], Order::F);
        let text = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }";
        let expected =
            [&b"\x93NUMPY\x01\x00\x76\x00"[..], text.as_bytes(), &[b' '; 118 - 59], b"\n"].concat();
        assert_eq!(bytes, expected);
        for (shape, text) in [(&[][..], "()"), (&[7], "(7,)"), (&[0, 5, 6], "(0, 5, 6)")] {
            let bytes = header(DType::U8, shape, Order::C);
            assert_eq!(bytes.len() % 64, 0);
            assert!(String::from_utf8_lossy(&bytes).contains(&format!("'shape': {text}, }}")));
        }
    }

    #[test]
    fn headers_come_back() {
        let long = [1_usize; MAX_NDIM];
        for shape in [&[][..], &[3], &[2, 3], &[0, 9], &[1, 1, 2, 3, 1, 2], &long] {
            for order in [Order::C, Order::F] {
                let len = layout::byte_len(shape, 8).unwrap();
                let mut bytes = header(DType::F64, shape, order);
                bytes.resize(bytes.len() + len, 7);
                let (found, data) = read(&bytes).unwrap();
                assert_eq!((found.dtype, &found.shape[..]), (DType::F64, shape));
                assert_eq!(found.order == Order::F, order == Order::F && has_order(shape));
                assert_eq!(data, vec![7; len]);
            }
        }
    }

    #[test]
    fn a_header_beyond_65535_bytes_is_version_2() {
        // No array within MAX_NDIM has one; the reader's own limit is lower.
        let bytes = header(DType::U8, &vec![1; 22_000], Order::C);
        assert_eq!((bytes[6], bytes.len() % 64), (2, 0));
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains("a header of 66100 bytes: expected at most 65536"), "{error}");
    }

    #[test]
    fn other_spellings_of_the_literal_are_read() {
        for text in [
            "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }",
            "{\"shape\":(2,3,),\"fortran_order\":False,\"descr\":\"<u2\"}\n",
            "  { 'fortran_order' : False , 'shape' : ( 2L , 3L ) , 'descr' : '<u2' }  \n\n",
        ] {
            let bytes = file(text, &[0; 12]);
            let (found, _) = read(&bytes).unwrap();
            assert_eq!((found.shape, found.order), (vec![2, 3], Order::C), "{text}");
        }
        for version in [2, 3] {
            let text = b"{'descr': '|u1', 'fortran_order': True, 'shape': (1,)}\n";
            let len = u32::try_from(text.len()).unwrap().to_le_bytes();
            let bytes = [&MAGIC[..], &[version, 0], &len, text, &[9]].concat();
            assert_eq!(read(&bytes).unwrap().1, [9]);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let good = "'descr': '<u2', 'fortran_order': False";
        for (text, said) in [
            ("", "expected `{` at byte 0, found its end"),
            ("{}", "no 'descr'"),
            ("{'descr': '<u2', 'shape': ()}", "no 'fortran_order'"),
            (&format!("{{{good}}}"), "no 'shape'"),
            (&format!("{{{good}, 'shape': (1,), 'shape': (1,)}}"), "'shape' is twice"),
            (&format!("{{{good}, 'shaper': (1,)}}"), "unknown key 'shaper'"),
            (&format!("{{{good}, 'shape': (3)}}"), "(3,) and not (3)"),
            (&format!("{{{good}, 'shape': (-1,)}}"), "length of an axis at byte 51, found `-1,)}`"),
            (&format!("{{{good}, 'shape': (1 2)}}"), "a comma"),
            (&format!("{{{good}, 'shape': (,)}}"), "length of an axis"),
            (&format!("{{{good}, 'shape': (1,,2)}}"), "length of an axis"),
            (&format!("{{{good}, 'shape': (1.0,)}}"), "a comma"),
            (&format!("{{{good}, 'shape': (99999999999999999999,)}}"), "does not fit"),
            (&format!("{{{good}, 'shape': (9223372036854775809, 2)}}"), "overflows"),
            (
                &format!("{{{good}, 'shape': (0, 18446744073709551615, 18446744073709551615)}}"),
                "overflows",
            ),
            (
                &format!("{{{good}, 'shape': (2,)}}"),
                "expected 4 bytes for shape [2] of <u2, found 2",
            ),
            (&format!("{{{good}, 'shape': ()}} import os"), "expected the header's end"),
            (&format!("{{{good}, 'shape': ()"), "expected `,`"),
            ("{'descr: ", "a string that ends"),
            ("{'descr': '<u2', 'fortran_order': 0, 'shape': ()}", "True or False"),
            (
                "{'descr': '<q9', 'fortran_order': False, 'shape': ()}",
                "dtype \"<q9\" is not one of",
            ),
            (
                "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
                "a pickle, which is never read",
            ),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}", "structured dtypes"),
        ] {
            let error = read(&file(text, &[0; 2])).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(error.starts_with("member `a.npy`: "), "{error}");
        }
        let kind = |bytes: &[u8]| read(bytes).unwrap_err().kind();
        assert_eq!(kind(b"\x93NUMPY\x04\x00\x00\x00"), ErrorKind::Version);
        assert_eq!(kind(b"\x93NUMPY\x01\x01\x00\x00"), ErrorKind::Version);
        assert_eq!(kind(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{}"), ErrorKind::Corrupt);
        assert_eq!(kind(b"PK"), ErrorKind::Corrupt);
    }

    #[test]
    fn no_cut_and_no_altered_byte_panics() {
        let mut bytes = header(DType::I32, &[2, 3], Order::F);
        bytes.resize(bytes.len() + 24, 1);
        for len in 0..bytes.len() {
            read(&bytes[..len]).unwrap_err();
        }
        for at in 0..bytes.len() {
            for byte in 0..=255 {
                let mut bad = bytes.clone();
                bad[at] = byte;
                let _ = read(&bad);
            }
        }
    }
}
