//! NumPy's .npy format: one array, a header that is a Python literal, then the elements. Bytes in, bytes out.

use std::borrow::Cow;
use std::fmt::Display;
use std::ops::Range;

use crate::dtype::{DType, DTypeKind, Literal, length, parse_literal, read_descriptor};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, MAX_NDIM, Order};
use crate::signature::{self, FoundFile};

pub(crate) const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// Room for a structured dtype of some ten thousand fields. NumPy itself asks its user before it reads more than 10,000 bytes.
const MAX_HEADER: usize = 1 << 20;

/// The largest number of bytes before the elements.
pub(crate) const MAX_PREFIX: u64 = (MAGIC.len() + 2 + 4 + MAX_HEADER) as u64;

/// What a .npy file says of its array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
}

/// The bytes before the elements. Their length is a multiple of `align`, so the elements are aligned if the file is.
pub(crate) fn header(dtype: &DType, shape: &[usize], order: Order, align: usize) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let one = if shape.len() == 1 { "," } else { "" };
    let axes = axes.join(", ") + one;
    let fortran = if order == Order::F && has_order(shape) { "True" } else { "False" };
    let quote = if dtype.kind() == DTypeKind::Struct { "" } else { "'" };
    let text = format!(
        "{{'descr': {quote}{dtype}{quote}, 'fortran_order': {fortran}, 'shape': ({axes}), }}"
    );
    // As in NumPy: Latin-1 if it has all characters, else version 3.
    let latin: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
    let (version, text) = match latin {
        Some(text) => (1, text),
        None => (3, text.into_bytes()),
    };
    // Version 1 has two bytes for the length, the others have four. The length includes the line feed.
    let padded = |before: usize| (before + text.len() + 1).next_multiple_of(align) - before;
    let short = MAGIC.len() + 2 + 2;
    let mut bytes = MAGIC.to_vec();
    let total = match u16::try_from(padded(short)) {
        Ok(len) if version == 1 => {
            bytes.extend_from_slice(&[1, 0]);
            bytes.extend_from_slice(&len.to_le_bytes());
            short + padded(short)
        }
        _ => {
            let long = MAGIC.len() + 2 + 4;
            bytes.extend_from_slice(&[version.max(2), 0]);
            bytes.extend_from_slice(&(padded(long) as u32).to_le_bytes());
            long + padded(long)
        }
    };
    bytes.extend_from_slice(&text);
    bytes.resize(total - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// Whether C and Fortran order differ for this shape. NumPy calls an array C if both orders fit it.
pub(crate) fn has_order(shape: &[usize]) -> bool {
    !shape.contains(&0) && shape.iter().filter(|&&axis| axis > 1).count() > 1
}

/// Splits a whole .npy file into its header and the range of its elements. Errors name the file or member by `name`. Bytes behind
/// the elements are no part of the array, as in NumPy, because several arrays may be saved to one file.
///
/// # Errors
///
/// `Corrupt` if the bytes are no .npy file, or too few for its shape; `Unsupported` for a dtype that this build does not have.
/// Pickled objects are such a dtype, and are never read.
pub(crate) fn split(name: &dyn Display, bytes: &[u8]) -> Result<(Header, Range<usize>)> {
    parts(bytes).map_err(|error| Error::new(error.kind(), format!("{name}: {error:#}")))
}

/// What the first bytes of a .npy file contain.
pub(crate) enum Head {
    /// The header, and where the elements lie in the file.
    Whole(Header, Range<u64>),
    /// The header is longer: this many bytes of the file are needed.
    Needs(usize),
}

/// Reads the header of a file of `size` bytes. `bytes` are the first ones of the file.
///
/// # Errors
///
/// Those of [`split`].
pub(crate) fn head(name: &dyn Display, bytes: &[u8], size: u64) -> Result<Head> {
    let head = || match text(bytes)? {
        Text::Whole { version, text, rest } => {
            let header = dictionary(version, &decode(version, text)?)?;
            let start = (bytes.len() - rest.len()) as u64;
            let len = elements(&header, size - start)?;
            Ok(Head::Whole(header, start..start + len))
        }
        Text::Needs(needed) if needed > bytes.len() && needed as u64 <= size => {
            Ok(Head::Needs(needed))
        }
        Text::Needs(needed) => Err(truncated(needed, size)),
    };
    head().map_err(|error: Error| Error::new(error.kind(), format!("{name}: {error:#}")))
}

fn parts(bytes: &[u8]) -> Result<(Header, Range<usize>)> {
    match text(bytes)? {
        Text::Whole { version, text, rest } => {
            let header = dictionary(version, &decode(version, text)?)?;
            let start = bytes.len() - rest.len();
            let len = elements(&header, rest.len() as u64)? as usize;
            Ok((header, start..start + len))
        }
        Text::Needs(needed) => Err(truncated(needed, bytes.len() as u64)),
    }
}

fn truncated(needed: usize, found: u64) -> Error {
    Error::corrupt(format!(
        "truncated: expected {needed} bytes up to the header's end, found {found}"
    ))
}

/// How many bytes the elements take, checked against the number of bytes behind the header.
fn elements(header: &Header, found: u64) -> Result<u64> {
    let Header { dtype, shape, .. } = header;
    match layout::byte_len(shape, dtype.item_size()) {
        None => Err(Error::corrupt(format!("shape {shape:?} of {dtype} overflows"))),
        Some(expected) if expected as u64 > found => Err(Error::corrupt(format!(
            "expected {expected} bytes for shape {shape:?} of {dtype}, found {found}"
        ))),
        Some(expected) => Ok(expected as u64),
    }
}

/// The header's text and the bytes behind it, or how many bytes are needed if there are too few.
enum Text<'a> {
    Whole { version: u8, text: &'a [u8], rest: &'a [u8] },
    Needs(usize),
}

fn text(bytes: &[u8]) -> Result<Text<'_>> {
    let Some(rest) = bytes.strip_prefix(&MAGIC) else {
        let head = &bytes[..bytes.len().min(signature::HEAD)];
        return Err(Error::corrupt(format!(
            "wrong magic: expected {} of a .npy file, found {}",
            MAGIC.escape_ascii(),
            FoundFile(head)
        )));
    };
    let (version, len, rest) = match *rest {
        [1, 0, a, b, ref rest @ ..] => (1, usize::from(u16::from_le_bytes([a, b])), rest),
        [version @ (2 | 3), 0, a, b, c, d, ref rest @ ..] => {
            (version, u32::from_le_bytes([a, b, c, d]) as usize, rest)
        }
        [1..=3, 0, ..] | [] | [_] => return Ok(Text::Needs(MAGIC.len() + 2 + 4)),
        [major, minor, ..] => {
            return Err(Error::new(
                ErrorKind::Version,
                format!(".npy version {major}.{minor} is not known: expected 1.0, 2.0 or 3.0"),
            ));
        }
    };
    if len > MAX_HEADER {
        return Err(Error::corrupt(format!(
            "a header of {len} bytes: expected at most {MAX_HEADER}"
        )));
    }
    Ok(match rest.split_at_checked(len) {
        Some((text, rest)) => Text::Whole { version, text, rest },
        None => Text::Needs(bytes.len() - rest.len() + len),
    })
}

/// The header's text: Latin-1 before version 3, and UTF-8 from then on.
fn decode(version: u8, text: &[u8]) -> Result<Cow<'_, str>> {
    match std::str::from_utf8(text) {
        Ok(text) if version >= 3 || text.is_ascii() => Ok(Cow::Borrowed(text)),
        _ if version < 3 => Ok(Cow::Owned(text.iter().map(|byte| char::from(*byte)).collect())),
        _ => Err(Error::corrupt("the header is not UTF-8")),
    }
}

/// Reads the dictionary in a header: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn dictionary(version: u8, text: &str) -> Result<Header> {
    if let Some(header) = plain(text) {
        return Ok(header);
    }
    // Python 2 wrote an `L` behind long integers. Version 3 came later.
    let value = parse_literal(text, version < 3)?;
    let Literal::Dict(entries) = &value else {
        return Err(Error::corrupt(format!(
            "bad header: expected a dictionary, found {}",
            value.describe()
        )));
    };
    let (mut descriptor, mut order, mut shape) = (None, None, None);
    for (key, value) in entries {
        // As in Python, the last one of several equal keys counts.
        match key {
            Literal::Text(key) if key == "descr" => descriptor = Some(value),
            Literal::Text(key) if key == "fortran_order" => order = Some(value),
            Literal::Text(key) if key == "shape" => shape = Some(value),
            other => {
                return Err(Error::corrupt(format!(
                    "unknown key {} in the header: expected 'descr', 'fortran_order' and 'shape'",
                    other.describe()
                )));
            }
        }
    }
    let (descriptor, shape, order) = match (descriptor, shape, order) {
        (Some(descriptor), Some(shape), Some(order)) => (descriptor, shape, order),
        (None, ..) => return Err(Error::corrupt("the header has no 'descr'")),
        (_, None, _) => return Err(Error::corrupt("the header has no 'shape'")),
        (.., None) => return Err(Error::corrupt("the header has no 'fortran_order'")),
    };
    Ok(Header {
        dtype: read_descriptor(descriptor)?,
        shape: read_shape(shape)?,
        order: match order {
            Literal::Bool(false) => Order::C,
            Literal::Bool(true) => Order::F,
            other => {
                return Err(Error::corrupt(format!(
                    "bad header: expected True or False for 'fortran_order', found {}",
                    other.describe()
                )));
            }
        },
    })
}

/// Reads a header as NumPy and this crate write it for an array whose dtype is no struct, which is nearly every one.
fn plain(text: &str) -> Option<Header> {
    let (descriptor, rest) = text.strip_prefix("{'descr': '")?.split_once('\'')?;
    let rest = rest.strip_prefix(", 'fortran_order': ")?;
    let (order, rest) = match rest.strip_prefix("False") {
        Some(rest) => (Order::C, rest),
        None => (Order::F, rest.strip_prefix("True")?),
    };
    let (axes, rest) = rest.strip_prefix(", 'shape': (")?.split_once("), }")?;
    if !rest.bytes().all(|byte| matches!(byte, b' ' | b'\n')) || !descriptor.is_ascii() {
        return None;
    }
    let mut shape = Vec::new();
    // The tuple of one axis has a comma at its end, and that of several axes has commas between them.
    let axes = match axes.strip_suffix(',') {
        Some(one) if one.is_empty() || one.contains(',') => return None,
        Some(one) => one,
        None if axes.is_empty() || axes.contains(',') => axes,
        None => return None,
    };
    for axis in axes.split(", ").filter(|_| !axes.is_empty()) {
        let is_number = axis == "0" || axis.starts_with(|first: char| matches!(first, '1'..='9'));
        if !is_number || !axis.bytes().all(|byte| byte.is_ascii_digit()) || shape.len() == MAX_NDIM
        {
            return None;
        }
        shape.push(axis.parse().ok()?);
    }
    let dtype = DType::from_descriptor(descriptor).ok()?;
    Some(Header { dtype, shape, order })
}

fn read_shape(shape: &Literal<'_>) -> Result<Vec<usize>> {
    let Literal::Tuple(axes) = shape else {
        return Err(Error::corrupt(format!(
            "bad header: expected a tuple for 'shape', (3,) and not (3), found {}",
            shape.describe()
        )));
    };
    if axes.len() > MAX_NDIM {
        return Err(Error::corrupt(format!("more than {MAX_NDIM} axes")));
    }
    axes.iter().map(length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{ARRAY_ALIGN, MAX_NDIM};

    fn file(text: &str, data: &[u8]) -> Vec<u8> {
        let len = u16::try_from(text.len()).unwrap();
        [&MAGIC[..], &[1, 0], &len.to_le_bytes(), text.as_bytes(), data].concat()
    }

    fn read(bytes: &[u8]) -> Result<(Header, &[u8])> {
        let (header, data) = split(&"member `a.npy`", bytes)?;
        // The first bytes say the same as the whole file.
        match head(&"member `a.npy`", bytes, bytes.len() as u64)? {
            Head::Whole(again, place) => {
                assert_eq!(again, header);
                assert_eq!(place, data.start as u64..data.end as u64);
            }
            Head::Needs(_) => panic!("all is there"),
        }
        Ok((header, &bytes[data]))
    }

    #[test]
    fn the_header_is_what_numpy_writes() {
        let bytes = header(&DType::from_descriptor("<f4").unwrap(), &[3, 4], Order::F, ARRAY_ALIGN);
        let text = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }";
        let expected =
            [&b"\x93NUMPY\x01\x00\x76\x00"[..], text.as_bytes(), &[b' '; 118 - 59], b"\n"].concat();
        assert_eq!(bytes, expected);
        for (shape, text) in [(&[][..], "()"), (&[7], "(7,)"), (&[0, 5, 6], "(0, 5, 6)")] {
            let bytes = header(&DType::U8, shape, Order::C, ARRAY_ALIGN);
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
                let mut bytes = header(&DType::F64, shape, order, ARRAY_ALIGN);
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
        let fields: Vec<String> = (0..6000).map(|n| format!("('f{n}', '<f4')")).collect();
        let dtype = DType::from_descriptor(&format!("[{}]", fields.join(", "))).unwrap();
        let mut bytes = header(&dtype, &[1], Order::C, ARRAY_ALIGN);
        assert_eq!((bytes[6], bytes.len() % 64), (2, 0));
        bytes.resize(bytes.len() + 4 * 6000, 0);
        assert_eq!(read(&bytes).unwrap().0.dtype, dtype);
        // No array within MAX_NDIM has a header this long.
        let bytes = header(&DType::U8, &vec![1; 400_000], Order::C, ARRAY_ALIGN);
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains("a header of 1200116 bytes: expected at most 1048576"), "{error}");
    }

    #[test]
    fn other_spellings_of_the_literal_are_read() {
        for text in [
            "{'descr': '<u2', 'fortran_order': False, 'shape': (2, 3), }",
            "{\"shape\":(2,3,),\"fortran_order\":False,\"descr\":\"<u2\"}\n",
            "  { 'fortran_order' : False , 'shape' : ( 2L , 3L ) , 'descr' : '<u2' }  \n\n",
            "{'descr': 'uint16', 'fortran_order': False, 'shape': (0x2, 0b11), }",
            "{'descr': ('<' 'u2'), # two bytes\n 'fortran_order': True, 'fortran_order': False, 'shape': ((2, +3))}",
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
            ("", "or a bracket at byte 0, found its end"),
            ("[1]", "expected a dictionary, found a list of 1"),
            ("{}", "no 'descr'"),
            ("{'descr': '<u2', 'shape': ()}", "no 'fortran_order'"),
            (&format!("{{{good}}}"), "no 'shape'"),
            (&format!("{{{good}, 'shaper': (1,)}}"), "unknown key 'shaper'"),
            (&format!("{{{good}, 'shape': (3)}}"), "(3,) and not (3)"),
            (&format!("{{{good}, 'shape': (-1,)}}"), "length of an axis, found -1"),
            (&format!("{{{good}, 'shape': (1 2)}}"), "a comma"),
            (&format!("{{{good}, 'shape': (,)}}"), "a bracket at byte 51, found `,)}`"),
            (&format!("{{{good}, 'shape': (1,,2)}}"), "a bracket at byte 53"),
            (&format!("{{{good}, 'shape': (1.0,)}}"), "length of an axis, found a float"),
            (&format!("{{{good}, 'shape': [1]}}"), "(3,) and not (3), found a list of 1"),
            ("{b'descr': '<u2'}", "unknown key bytes"),
            ("{'descr': b'<u2', 'fortran_order': False, 'shape': (1,)}", "found bytes"),
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
            (&format!("{{{good}, 'shape': ()}} import os"), "expected the end"),
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
            (
                "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': ()}",
                "field `a`: an array of Python objects is a pickle",
            ),
            (
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': ()}",
                "expected 4 bytes for shape [] of [('a', '<f4')], found 2",
            ),
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

    /// Several arrays were saved to one file, one after the other. NumPy reads the first.
    #[test]
    fn bytes_behind_the_elements_are_no_part_of_the_array() {
        let mut bytes = header(&DType::U16, &[3], Order::C, ARRAY_ALIGN);
        bytes.extend(*b"abcdef");
        let start = bytes.len() - 6;
        for more in [&b""[..], b"\0", b"\x93NUMPY\x01\0and so on"] {
            let bytes = [&bytes[..], more].concat();
            assert_eq!(split(&"x", &bytes).unwrap().1, start..start + 6);
            assert_eq!(read(&bytes).unwrap().1, b"abcdef");
        }
    }

    /// The fast path for the text that this crate and NumPy write gives the same result as the general parser.
    #[test]
    fn the_plain_form_is_read_as_the_others_are() {
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (), }",
            "{'descr': '>i8', 'fortran_order': True, 'shape': (3,), }  \n",
            "{'descr': '|S5', 'fortran_order': False, 'shape': (3, 0, 12), }\n",
            "{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (10,), }\n",
        ] {
            let header = plain(text).unwrap();
            let other = text.replace("{'descr'", "{ 'descr'");
            assert_eq!(plain(&other), None);
            assert_eq!(dictionary(3, &other).unwrap(), header);
        }
        for axes in ["3", "3,4", "03,", "3, 4,", "3, ", "-1,", "3,,", ",", "3 ,", "1_0,"] {
            assert_eq!(
                plain(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({axes}), }}")),
                None,
                "{axes}"
            );
        }
    }

    #[test]
    fn names_beyond_ascii_are_latin_1_or_version_3() {
        for (name, version) in [("x", 1), ("größe", 1), ("長さ", 3)] {
            let dtype = DType::from_descriptor(&format!("[('{name}', '<f4')]")).unwrap();
            let mut bytes = header(&dtype, &[1], Order::C, ARRAY_ALIGN);
            assert_eq!((bytes[6], bytes.len() % 64), (version, 0));
            bytes.extend([0; 4]);
            assert_eq!(read(&bytes).unwrap().0.dtype, dtype);
            let at = bytes.windows(3).position(|three| three == b"[('").unwrap();
            bytes[at + 3] = 0xff;
            assert_eq!(read(&bytes).is_err(), version == 3, "{name}");
        }
    }

    #[test]
    fn no_cut_and_no_altered_byte_panics() {
        let mut bytes = header(&DType::I32, &[2, 3], Order::F, ARRAY_ALIGN);
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
