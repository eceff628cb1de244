//! Strings of a fixed width, as NumPy's `S` and `U` are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, Serializer};

/// `N` bytes, NumPy's `S`. Shorter strings are padded with NUL, so NULs at the end do not count.
///
/// ```
/// use serde_shm::{element::FixedBytes, Element};
///
/// let name = FixedBytes::<8>::try_from("chr1").unwrap();
/// assert_eq!(name.as_bytes(), b"chr1");
/// assert_eq!(FixedBytes::<8>::DTYPE.to_string(), "|S8");
/// assert!(FixedBytes::<2>::try_from("chr1").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct FixedBytes<const N: usize>([u8; N]);

/// `N` characters of four bytes each, NumPy's `U`. Shorter strings are padded with NUL, so NULs at the end do not count.
///
/// ```
/// use serde_shm::{element::FixedStr, Element};
///
/// let name = FixedStr::<4>::try_from("grö").unwrap();
/// assert_eq!(name.to_string(), "grö");
/// assert_eq!(FixedStr::<4>::DTYPE.to_string(), "<U4");
/// ```
///
/// An array may hold numbers that are no characters. `Display` shows them as `U+FFFD`, and [`FixedStr::decode`] gives `None`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct FixedStr<const N: usize>([u32; N]);

/// The error for a text with more bytes or characters than there is room for.
///
/// ```
/// use serde_shm::element::FixedBytes;
///
/// let error = FixedBytes::<2>::try_from("chr1").unwrap_err();
/// assert_eq!(error.to_string(), "expected 2 bytes or characters at most, found 4");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    found: usize,
    room: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} bytes or characters at most, found {}", self.room, self.found)
    }
}

impl std::error::Error for TooLong {}

impl<const N: usize> FixedBytes<N> {
    /// A string of all `N` bytes, padding included.
    ///
    /// ```
    /// use serde_shm::element::FixedBytes;
    ///
    /// assert_eq!(FixedBytes::from_array(*b"ab\0\0"), FixedBytes::<4>::try_from("ab").unwrap());
    /// ```
    pub const fn from_array(bytes: [u8; N]) -> Self {
        FixedBytes(bytes)
    }

    /// All `N` bytes, padding included.
    ///
    /// ```
    /// use serde_shm::element::FixedBytes;
    ///
    /// assert_eq!(FixedBytes::<4>::try_from("ab").unwrap().to_array(), *b"ab\0\0");
    /// ```
    pub const fn to_array(self) -> [u8; N] {
        self.0
    }

    /// The bytes without the NULs at the end.
    ///
    /// ```
    /// use serde_shm::element::FixedBytes;
    ///
    /// assert_eq!(FixedBytes::from_array(*b"a\0b\0").as_bytes(), b"a\0b"); // a NUL in the middle stays
    /// ```
    pub fn as_bytes(&self) -> &[u8] {
        let len = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &self.0[..len]
    }
}

impl<const N: usize> TryFrom<&[u8]> for FixedBytes<N> {
    type Error = TooLong;

    fn try_from(bytes: &[u8]) -> Result<Self, TooLong> {
        let mut fixed = [0; N];
        let room = fixed.get_mut(..bytes.len()).ok_or(TooLong { found: bytes.len(), room: N })?;
        room.copy_from_slice(bytes);
        Ok(FixedBytes(fixed))
    }
}

impl<const N: usize> TryFrom<&str> for FixedBytes<N> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        FixedBytes::try_from(text.as_bytes())
    }
}

impl<const N: usize> Default for FixedBytes<N> {
    fn default() -> Self {
        FixedBytes([0; N])
    }
}

/// The bytes as text. Those that are no text are shown as `U+FFFD`.
impl<const N: usize> fmt::Display for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl<const N: usize> fmt::Debug for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_bytes().escape_ascii())
    }
}

impl<const N: usize> FixedStr<N> {
    /// A string of all `N` code points, padding included.
    ///
    /// ```
    /// use serde_shm::element::FixedStr;
    ///
    /// assert_eq!(FixedStr::from_array([0xe9, 0, 0]), FixedStr::<3>::try_from("é").unwrap());
    /// ```
    pub const fn from_array(codes: [u32; N]) -> Self {
        FixedStr(codes)
    }

    /// All `N` code points, padding included.
    ///
    /// ```
    /// use serde_shm::element::FixedStr;
    ///
    /// assert_eq!(FixedStr::<3>::try_from("é").unwrap().to_array(), [0xe9, 0, 0]);
    /// ```
    pub const fn to_array(self) -> [u32; N] {
        self.0
    }

    /// The text without the NULs at the end, copied; `None` if a code point is no character.
    ///
    /// ```
    /// use serde_shm::element::FixedStr;
    ///
    /// assert_eq!(FixedStr::<4>::try_from("grö").unwrap().decode().as_deref(), Some("grö"));
    /// assert_eq!(FixedStr::from_array([0xd800]).decode(), None); // half of a surrogate pair
    /// ```
    pub fn decode(&self) -> Option<String> {
        self.codes().iter().map(|code| char::from_u32(*code)).collect()
    }

    fn codes(&self) -> &[u32] {
        let len = self.0.iter().rposition(|code| *code != 0).map_or(0, |last| last + 1);
        &self.0[..len]
    }
}

impl<const N: usize> TryFrom<&str> for FixedStr<N> {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        let mut fixed = [0; N];
        let mut chars = text.chars();
        for (code, char) in fixed.iter_mut().zip(&mut chars) {
            *code = char.into();
        }
        match chars.count() {
            0 => Ok(FixedStr(fixed)),
            more => Err(TooLong { found: N + more, room: N }),
        }
    }
}

impl<const N: usize> Default for FixedStr<N> {
    fn default() -> Self {
        FixedStr([0; N])
    }
}

impl<const N: usize> fmt::Display for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let char = |code: &u32| char::from_u32(*code).unwrap_or(char::REPLACEMENT_CHARACTER);
        f.pad(&self.codes().iter().map(char).collect::<String>())
    }
}

impl<const N: usize> fmt::Debug for FixedStr<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

/// It is text if all bytes are ASCII or if the format is a binary one. Else each byte becomes the character of its number.
impl<const N: usize> Serialize for FixedBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&Latin(self.as_bytes()));
        }
        serializer.serialize_bytes(self.as_bytes())
    }
}

/// Bytes, each as the character of its number.
pub(crate) struct Latin<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Latin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::fmt::Write;
        self.0.iter().try_for_each(|byte| f.write_char(char::from(*byte)))
    }
}

/// Fills a slice of zeros with bytes, given as bytes or as the characters of their numbers.
pub(crate) struct FillBytes<'o>(pub(crate) &'o mut [u8]);

impl<'de> Visitor<'de> for FillBytes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} bytes, or characters up to U+00FF for them", self.0.len())
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<(), E> {
        match self.0.get_mut(..bytes.len()) {
            Some(room) => room.copy_from_slice(bytes),
            None => return Err(E::invalid_length(bytes.len(), &self)),
        }
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let bytes: Option<Vec<u8>> = text.chars().map(|char| u8::try_from(char).ok()).collect();
        match bytes {
            Some(bytes) => self.visit_bytes(&bytes),
            None => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            if bytes.len() == self.0.len() {
                return Err(A::Error::invalid_length(bytes.len() + 1, &self));
            }
            bytes.push(byte);
        }
        self.visit_bytes(&bytes)
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut bytes = [0; N];
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(FillBytes(&mut bytes))?;
        } else {
            deserializer.deserialize_bytes(FillBytes(&mut bytes))?;
        }
        Ok(FixedBytes(bytes))
    }
}

impl<const N: usize> Serialize for FixedStr<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.decode() {
            Some(text) => serializer.serialize_str(&text),
            None => {
                Err(serde::ser::Error::custom("a string holds what is no Unicode scalar value"))
            }
        }
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedStr<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        FixedStr::try_from(&text[..]).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_without_its_padding() {
        let bytes = FixedBytes::<4>::try_from("ab").unwrap();
        assert_eq!((bytes.as_bytes(), bytes.to_array()), (&b"ab"[..], *b"ab\0\0"));
        assert_eq!(format!("{bytes:?} {bytes:>3}|"), "b\"ab\"  ab|");
        assert_eq!(FixedBytes::<1>::try_from("ab"), Err(TooLong { found: 2, room: 1 }));
        let text = FixedStr::<3>::try_from("é").unwrap();
        assert_eq!((text.to_string(), text.to_array()), ("é".into(), [0xe9, 0, 0]));
        assert_eq!(FixedStr::<3>::try_from("abcde"), Err(TooLong { found: 5, room: 3 }));
        let none = FixedStr::<2>::from_array([0xd800, 0x61]);
        assert_eq!((none.decode(), none.to_string()), (None, "\u{fffd}a".to_owned()));
        assert_eq!(FixedStr::<3>::from_array([0, 0x62, 0]).decode().unwrap(), "\0b");
    }
}
