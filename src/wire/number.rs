//! Variable-length numbers (LEB128) and the cursor that reads them.

use crate::element;
use crate::error::{Error, Result};

/// The bytes that `put_varint` writes for this number.
#[inline]
pub(crate) fn varint_len(number: u64) -> usize {
    (64 - (number | 1).leading_zeros() as usize).div_ceil(7)
}

/// Writes seven bits in each byte, lowest first. The high bit says that another byte follows.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, number: u64) {
    if number < 1 << 7 {
        out.push(number as u8);
    } else if number < 1 << 28 {
        put_first(out, &spread_28(number as u32));
    } else {
        put_long_varint(out, number);
    }
}

#[inline(never)]
fn put_long_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 1 << 56 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    put_first(out, &spread_56(number));
}

/// Writes many numbers. If eight in a row take a byte each, as most do in lists of small numbers, they are put at once. Others are
/// put by way of a room whose size the compiler knows.
pub(crate) fn put_varints(
    out: &mut Vec<u8>,
    eights: impl ExactSizeIterator<Item = [u64; 8]>,
    rest: impl Iterator<Item = u64>,
) {
    const AT_ONCE: usize = 8;
    const LONGEST: usize = 10;
    const ROOM: usize = 1 << 10;
    out.reserve(AT_ONCE * eights.len());
    let mut room = [0; ROOM];
    let mut next = 0;
    for eight in eights {
        if next > ROOM - AT_ONCE * LONGEST {
            out.extend_from_slice(&room[..next]);
            next = 0;
        }
        let all = eight.iter().fold(0, |all, number| all | number);
        if all < 1 << 7 {
            put_at(&mut room, next, eight.map(|number| number as u8));
            next += AT_ONCE;
        } else if all < 1 << 28 {
            for number in eight {
                let (bytes, len) = spread_28(number as u32);
                put_at(&mut room, next, bytes);
                next += len;
            }
        } else {
            for number in eight {
                next += room.get_mut(next..).and_then(|at| put_varint_at(at, number)).unwrap_or(0);
            }
        }
    }
    out.extend_from_slice(&room[..next]);
    for number in rest {
        put_varint(out, number);
    }
}

#[inline]
fn put_at<const N: usize>(room: &mut [u8], at: usize, bytes: [u8; N]) {
    if let Some(place) = room.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = bytes;
    }
}

/// Stores all bytes and then takes back the rest, because a copy of a fixed size is one store.
#[inline]
fn put_first<const N: usize>(out: &mut Vec<u8>, (bytes, len): &([u8; N], usize)) {
    let start = out.len();
    out.extend_from_slice(bytes);
    out.truncate(start + len);
}

/// Writes the number to the start of these bytes, and gives how many it took. `None` if there is too little room. Bytes behind it
/// may be overwritten, too.
pub(crate) fn put_varint_at(mut place: &mut [u8], mut number: u64) -> Option<usize> {
    let mut before = 0;
    while number >= 1 << 56 {
        *place.split_off_first_mut()? = number as u8 | 0x80;
        number >>= 7;
        before += 1;
    }
    let (bytes, len) = spread_56(number);
    match place.first_chunk_mut() {
        Some(all) => *all = bytes,
        None => place.get_mut(..len)?.copy_from_slice(&bytes[..len]),
    }
    Some(before + len)
}

/// The bytes of a short number, and how many of them count; the caller stores all of them. `None` if the number is longer.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn short_varint(number: u64) -> Option<([u8; 4], usize)> {
    (number < 1 << 28).then(|| spread_28(number as u32))
}

/// The same for twice as many bytes.
#[inline]
pub(crate) fn medium_varint(number: u64) -> Option<([u8; 8], usize)> {
    (number < 1 << 56).then(|| spread_56(number))
}

/// The bytes of a number of so many bits, and how many of them it takes: the groups are spread by halves.
#[inline]
fn spread_28(number: u32) -> ([u8; 4], usize) {
    let number = number & 0x3fff | (number & 0x3fff << 14) << 2;
    let number = number & 0x007f_007f | (number & 0x3f80_3f80) << 1;
    let len = (39 - (number | 1).leading_zeros()) / 8;
    let more = 0x8080_8080 & ((1 << (8 * (len - 1))) - 1);
    ((number | more).to_le_bytes(), len as usize)
}

/// The same.
#[inline]
fn spread_56(number: u64) -> ([u8; 8], usize) {
    let number = number & 0x0fff_ffff | (number & 0x0fff_ffff << 28) << 4;
    let number = number & 0x3fff_0000_3fff | (number & 0x0fff_c000_0fff_c000) << 2;
    let number = number & 0x007f_007f_007f_007f | (number & 0x3f80_3f80_3f80_3f80) << 1;
    let len = (71 - (number | 1).leading_zeros()) / 8;
    let more = 0x8080_8080_8080_8080 & ((1 << (8 * (len - 1))) - 1);
    ((number | more).to_le_bytes(), len as usize)
}

/// The number whose bytes these are: the inverse of [`spread_56`].
#[inline]
fn gather_56(bytes: u64) -> u64 {
    let number = bytes & 0x007f_007f_007f_007f | (bytes & 0x7f00_7f00_7f00_7f00) >> 1;
    let number = number & 0x3fff_0000_3fff | (number & 0x3fff_0000_3fff_0000) >> 2;
    number & 0x0fff_ffff | (number & 0x0fff_ffff_0000_0000) >> 4
}

/// Writes the number over bytes that hold a longer or equally long one, padded so that no byte moves.
pub(crate) fn put_padded(place: &mut [u8], mut number: u64) {
    let Some((last, head)) = place.split_last_mut() else { return };
    for byte in head {
        *byte = number as u8 | 0x80;
        number >>= 7;
    }
    *last = number as u8 & 0x7f;
}

#[inline]
pub(crate) fn zigzag(number: i64) -> u64 {
    (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned()
}

#[inline]
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

/// Reads forward through bytes that may be anything.
#[derive(Clone)]
pub(crate) struct Reader<'de> {
    /// The bytes that are left, and how many there were at first.
    rest: &'de [u8],
    total: usize,
}

impl<'de> Reader<'de> {
    pub(crate) fn new(bytes: &'de [u8]) -> Self {
        Reader { rest: bytes, total: bytes.len() }
    }

    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    fn position(&self) -> usize {
        self.total - self.rest.len()
    }

    #[cold]
    #[inline(never)]
    fn end(&self, wanted: usize) -> Error {
        Error::corrupt(format!(
            "the inline block ends at byte {}: expected {wanted} more bytes at byte {}",
            self.total,
            self.position()
        ))
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> Result<u8> {
        match self.rest.split_first() {
            Some((&byte, rest)) => {
                self.rest = rest;
                Ok(byte)
            }
            None => Err(self.end(1)),
        }
    }

    /// The bytes that start so many bytes further on. The position does not change. `None` if there are too few.
    #[cfg(feature = "ndarray")]
    #[inline]
    pub(crate) fn array_at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.rest.get(at..)?.first_chunk().copied()
    }

    /// The next byte. The position does not change.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Moves past a byte that was peeked at.
    #[inline]
    pub(crate) fn skip_byte(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Result<&'de [u8]> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.end(len)),
        }
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.end(N)),
        }
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            _ => self.long_varint(),
        }
    }

    /// The same for one of a list. Such numbers mostly are of like length, which the processor foresees by these branches: where the
    /// next one starts does not wait for the bytes of this one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(crate) fn listed_varint(&mut self) -> Result<u64> {
        let Some((&first, rest)) = self.rest.split_first() else { return self.varint() };
        let mut number = u64::from(first);
        if first < 0x80 {
            self.rest = rest;
            return Ok(number);
        }
        let Some(more) = rest.first_chunk::<4>() else { return self.long_varint() };
        number &= 0x7f;
        for (index, byte) in more.iter().enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * (index + 1));
            if *byte < 0x80 {
                self.rest = rest.get(index + 1..).unwrap_or_default();
                return Ok(number);
            }
        }
        self.long_varint()
    }

    /// So many numbers as `from` makes items of them. Where eight in a row take a byte each, they are taken at once.
    #[cfg(feature = "ndarray")]
    pub(crate) fn listed_varints<T>(
        &mut self,
        items: &mut [T],
        from: impl Fn(u64) -> Result<T>,
    ) -> Result<()> {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let mut left = items;
        while let Some((first, rest)) = std::mem::take(&mut left).split_first_mut() {
            if let (Some(bytes), Some(more)) =
                (self.rest.first_chunk::<8>(), rest.first_chunk_mut::<7>())
                && u64::from_le_bytes(*bytes) & HIGH == 0
            {
                *first = from(bytes[0].into())?;
                for (item, byte) in more.iter_mut().zip(&bytes[1..]) {
                    *item = from(u64::from(*byte))?;
                }
                self.rest = self.rest.get(8..).unwrap_or_default();
                left = rest.get_mut(7..).unwrap_or_default();
                continue;
            }
            *first = from(self.listed_varint()?)?;
            left = rest;
        }
        Ok(())
    }

    /// Eight bytes are loaded at once, and the groups of those that belong to the number brought together.
    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64> {
        if let Some(bytes) = self.rest.first_chunk() {
            let word = u64::from_le_bytes(*bytes);
            let ends = !word & 0x8080_8080_8080_8080;
            if ends != 0 {
                let len = ends.trailing_zeros() as usize / 8 + 1;
                self.rest = self.rest.get(len..).unwrap_or_default();
                // All bits up to the end of its last byte.
                return Ok(gather_56(word & (ends ^ (ends - 1))));
            }
        }
        self.varint_by_bytes()
    }

    /// Of more than eight bytes, or near the end.
    #[cold]
    #[inline(never)]
    fn varint_by_bytes(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in 0..10 {
            let byte = self.byte()?;
            if shift == 9 && byte > 1 {
                return Err(Error::corrupt(format!(
                    "a number at byte {} has more than 64 bits",
                    self.position()
                )));
            }
            number |= u64::from(byte & 0x7f) << (7 * shift);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Error::corrupt(format!("a number at byte {} has more than 10 bytes", self.position())))
    }

    /// A length of something that takes at least one byte for each item. So it is an error if the length exceeds the bytes left.
    #[inline]
    pub(crate) fn length(&mut self, what: &str) -> Result<usize> {
        let length = self.varint()?;
        match usize::try_from(length) {
            Ok(length) if length <= self.left() => Ok(length),
            _ => Err(self.too_long(what, length)),
        }
    }

    /// An error unless there is a byte left for each of so many items.
    pub(crate) fn check_left(&self, count: u64) -> Result<usize> {
        match usize::try_from(count) {
            Ok(count) if count <= self.left() => Ok(count),
            other => Err(self.end(other.unwrap_or(usize::MAX))),
        }
    }

    #[cold]
    #[inline(never)]
    fn too_long(&self, what: &str, length: u64) -> Error {
        let left = self.left();
        Error::corrupt(format!("the length of a {what} is {length}, but {left} bytes are left"))
    }

    pub(crate) fn char(&mut self) -> Result<char> {
        let number = self.varint()?;
        u32::try_from(number).ok().and_then(char::from_u32).ok_or_else(|| {
            Error::corrupt(format!(
                "invalid char: expected a Unicode scalar value, found {number:#x}"
            ))
        })
    }

    pub(crate) fn bool(&mut self) -> Result<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            byte => {
                Err(Error::corrupt(format!("invalid bool: expected a byte 0 or 1, found {byte}")))
            }
        }
    }

    #[inline]
    pub(crate) fn text(&mut self) -> Result<&'de str> {
        let length = self.length("string")?;
        let start = self.position();
        let bytes = self.take(length)?;
        element::text(bytes).ok_or_else(|| no_text(start, bytes))
    }
}

#[cold]
#[inline(never)]
fn no_text(start: usize, bytes: &[u8]) -> Error {
    let at = start + std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    Error::corrupt(format!(
        "invalid UTF-8: expected text, found byte {at} of the inline block not to belong to a character"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length() {
        for shift in 0..64 {
            for number in [1_u64 << shift, (1 << shift) - 1, u64::MAX >> shift] {
                let mut out = Vec::new();
                put_varint(&mut out, number);
                assert_eq!(out.len(), varint_len(number));
                for room in 0..12 {
                    let mut place = [0xaa; 12];
                    let put = put_varint_at(&mut place[..room], number);
                    assert_eq!(put, (room >= out.len()).then_some(out.len()));
                    assert!(put.is_none() || place.starts_with(&out));
                    assert_eq!(place[room..], [0xaa; 12][room..]);
                }
                for more in [0, 1, 8] {
                    let bytes = [&out[..], &[0xff; 8][..more]].concat();
                    for read in [Reader::varint, Reader::listed_varint] {
                        let mut reader = Reader::new(&bytes);
                        assert_eq!(read(&mut reader).unwrap(), number);
                        assert_eq!(reader.left(), more);
                    }
                }
                let mut wide = [0xff; 10];
                put_padded(&mut wide, number);
                assert_eq!(Reader::new(&wide).varint().unwrap(), number);
            }
        }
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        assert!(Reader::new(&[]).varint().is_err());
        assert!(Reader::new(&[0x80]).varint().is_err());
        assert!(Reader::new(&[0xff; 10]).varint().is_err());
        assert!(Reader::new(&[0xff; 11]).varint().is_err());
        assert!(Reader::new(&[5, b'a']).text().is_err());
        assert!(Reader::new(&[2, 0xc3, 0x28]).text().unwrap_err().to_string().contains("UTF-8"));
    }

    #[test]
    fn zigzag_is_its_own_inverse() {
        for number in [0, -1, 1, i64::MIN, i64::MAX] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        assert_eq!(zigzag(-1), 1);
    }
}
