//! A block of bytes that starts at an address which is a multiple of 64.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::convert::Infallible;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::{self, Read};
use std::ops::Deref;

use crate::layout::ARRAY_ALIGN;
use crate::os;
use crate::progress::{Meter, STEP};

/// A growable block of bytes whose first byte lies at an address that is a multiple of 64.
///
/// [`to_bytes`](crate::to_bytes) returns it. Arrays in it can be seen in place, because their offsets are multiples of their
/// alignment. A plain `Vec<u8>` does not promise that.
///
/// ```
/// let bytes = serde_shm::to_bytes(&[1_u8, 2, 3]).unwrap();
/// assert_eq!(bytes.as_ptr() as usize % 64, 0);
/// ```
pub struct AlignedBytes {
    /// `start` bytes of padding, then the content.
    vec: Vec<u8>,
    start: usize,
}

/// From this size on, the allocator makes a block grow: it moves the block's pages and copies no bytes. The block may then lie at
/// another address modulo 64. A smaller block is copied to an aligned place at once.
const LARGE: usize = 1 << 20;

/// The distance from the start of a buffer to the first multiple of 64.
fn distance(buffer: &[u8]) -> usize {
    buffer.as_ptr().addr().wrapping_neg() % ARRAY_ALIGN
}

impl AlignedBytes {
    /// An empty block. Nothing is allocated.
    ///
    /// ```
    /// use serde_shm::AlignedBytes;
    /// assert!(AlignedBytes::new().is_empty());
    /// ```
    pub fn new() -> Self {
        AlignedBytes { vec: Vec::new(), start: 0 }
    }

    /// A copy of `bytes`, aligned.
    ///
    /// ```
    /// use serde_shm::AlignedBytes;
    /// let bytes = AlignedBytes::copy_from(b"text");
    /// assert_eq!((&bytes[..], bytes.as_ptr().addr() % 64), (&b"text"[..], 0));
    /// ```
    pub fn copy_from(bytes: &[u8]) -> Self {
        let mut block = AlignedBytes::new();
        block.extend_from_slice(bytes);
        block
    }

    /// Makes a block of a buffer, without a copy if its content can be moved to an aligned place within the buffer. The
    /// content starts at `start`; its first bytes are given apart, in `head`.
    pub(crate) fn adopt(mut buffer: Vec<u8>, start: usize, head: &[u8]) -> Self {
        buffer[start..start + head.len()].copy_from_slice(head);
        let mut block = AlignedBytes { vec: buffer, start };
        block.align();
        block
    }

    /// Makes room for `more` bytes.
    fn reserve(&mut self, more: usize) {
        let Ok(()) = self.reserve_by(more, |vec, more| {
            vec.reserve_exact(more);
            Ok::<_, Infallible>(())
        });
    }

    /// Makes room for `more` bytes, for a block whose length comes from outside.
    ///
    /// ```
    /// use serde_shm::AlignedBytes;
    /// let mut bytes = AlignedBytes::copy_from(b"text");
    /// assert_eq!(bytes.try_reserve(usize::MAX).unwrap_err().kind(), std::io::ErrorKind::OutOfMemory);
    /// bytes.try_reserve(1 << 20)?;
    /// assert_eq!(&bytes[..], b"text");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// If there is room already, nothing happens. Otherwise a block of less than 1 MiB is copied to its new place, and the
    /// allocator moves a larger one. The room at least doubles.
    ///
    /// # Errors
    ///
    /// `OutOfMemory` if there is not enough memory. The block is then unchanged.
    pub fn try_reserve(&mut self, more: usize) -> io::Result<()> {
        self.reserve_by(more, Vec::try_reserve_exact)
            .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))
    }

    /// At least doubles the room, so that the cost of appending is linear.
    fn reserve_by<E>(
        &mut self,
        more: usize,
        reserve: impl FnOnce(&mut Vec<u8>, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.vec.capacity() - self.vec.len() >= more {
            return Ok(());
        }
        let wanted = self.len().saturating_add(more).max(self.len().saturating_mul(2));
        let wanted = wanted.saturating_add(ARRAY_ALIGN);
        if self.len() < LARGE {
            let mut vec = Vec::new();
            reserve(&mut vec, wanted)?;
            let start = distance(&vec);
            vec.resize(start, 0);
            vec.extend_from_slice(self);
            *self = AlignedBytes { vec, start };
        } else {
            let more = wanted - self.vec.len();
            reserve(&mut self.vec, more)?;
            self.align();
        }
        os::wish_huge_pages(self.vec.spare_capacity_mut());
        Ok(())
    }

    /// Moves the content to an aligned place, if it is not at one.
    fn align(&mut self) {
        let (start, content) = (distance(&self.vec), self.start..self.vec.len());
        let end = start + content.len();
        if start == content.start {
            return;
        }
        if end > self.vec.capacity() {
            *self = AlignedBytes::copy_from(self);
            return;
        }
        self.vec.resize(end.max(content.end), 0);
        self.vec.copy_within(content, start);
        self.vec.truncate(end);
        self.start = start;
    }

    /// A block of `len` zeros, or an error if there is not enough memory.
    #[cfg(feature = "npz")]
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        let mut block = AlignedBytes::new();
        block.try_reserve(len)?;
        block.vec.resize(block.start + len, 0);
        Ok(block)
    }

    #[cfg(feature = "npz")]
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.vec[self.start..]
    }

    pub(crate) fn extend_from_slice(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.vec.extend_from_slice(bytes);
    }

    /// Appends all bytes that a reader gives, and returns how many those were. To receive a block of known length, pass
    /// `reader.take(len)`.
    ///
    /// ```
    /// use std::io::Read;
    /// use serde_shm::{AlignedBytes, Block};
    ///
    /// let sent = serde_shm::to_bytes(&["a", "b"])?;
    /// let (mut stream, len) = (&sent[..], sent.len()); // in life a socket, and what was sent before
    /// let mut bytes = AlignedBytes::new();
    /// let received = bytes.try_reserve(len).and_then(|()| bytes.extend_from_reader(stream.by_ref().take(len as u64)));
    /// assert_eq!(received.unwrap(), len);
    /// assert_eq!(Block::new(bytes)?.get::<[&str; 2]>()?, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If there is room for the bytes ([`try_reserve`](Self::try_reserve)), they are read to their final place. Bytes for
    /// which there is no room make the block grow, and it may then have to be moved to an aligned place.
    ///
    /// # Errors
    ///
    /// Those of the reader, and `OutOfMemory`. The bytes that came before the error stay in the block. After the `WouldBlock`
    /// of a non-blocking socket, the next call continues.
    pub fn extend_from_reader(&mut self, mut reader: impl Read) -> io::Result<usize> {
        let result = reader.read_to_end(&mut self.vec);
        self.align();
        result
    }

    /// Reads to the end of `reader`, behind the bytes of `head`. The reader is expected to give `expected` bytes. Memory
    /// beyond that grows only with the bytes that really come. A meter counts them in pieces.
    pub(crate) fn read_to_end(
        head: &[u8],
        mut reader: impl Read,
        expected: usize,
        meter: Option<&Meter<'_>>,
    ) -> io::Result<Self> {
        let mut block = AlignedBytes::new();
        // One byte more, so that the end is found without growing.
        block.try_reserve(expected.saturating_add(head.len() + 1))?;
        block.vec.extend_from_slice(head);
        loop {
            block.try_reserve(1)?;
            let room = block.vec.capacity() - block.vec.len();
            let room = if meter.is_some() { room.min(STEP as usize) } else { room };
            let read = reader.by_ref().take(room as u64).read_to_end(&mut block.vec)?;
            if let Some(meter) = meter {
                // The meter has the error.
                meter.come(read as u64).map_err(|_| io::ErrorKind::Interrupted)?;
            }
            if read < room {
                break;
            }
        }
        // `Vec` has no reason to move its content while there is room, but no promise forbids it.
        block.align();
        Ok(block)
    }
}

/// Bytes that are written are appended.
impl io::Write for AlignedBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Default for AlignedBytes {
    fn default() -> Self {
        AlignedBytes::new()
    }
}

impl Clone for AlignedBytes {
    fn clone(&self) -> Self {
        AlignedBytes::copy_from(self)
    }
}

impl Deref for AlignedBytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.vec[self.start..]
    }
}

impl AsRef<[u8]> for AlignedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for AlignedBytes {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// No byte is copied if the content can be moved to an aligned place within the buffer.
impl From<Vec<u8>> for AlignedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        AlignedBytes::adopt(bytes, 0, &[])
    }
}

impl From<&[u8]> for AlignedBytes {
    fn from(bytes: &[u8]) -> Self {
        AlignedBytes::copy_from(bytes)
    }
}

/// Blocks are compared, ordered and hashed as the byte slices that they borrow as.
impl PartialEq for AlignedBytes {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for AlignedBytes {}

impl PartialEq<[u8]> for AlignedBytes {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl PartialEq<Vec<u8>> for AlignedBytes {
    fn eq(&self, other: &Vec<u8>) -> bool {
        **self == **other
    }
}

impl PartialOrd for AlignedBytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for AlignedBytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self[..].cmp(&other[..])
    }
}

impl Hash for AlignedBytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self[..].hash(state);
    }
}

impl fmt::Debug for AlignedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlignedBytes({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_content_and_alignment() {
        let mut block = AlignedBytes::new();
        let mut plain = Vec::new();
        for step in 0..2_000_u32 {
            let bytes = step.to_le_bytes();
            block.extend_from_slice(&bytes[..(step % 5).min(4) as usize]);
            plain.extend_from_slice(&bytes[..(step % 5).min(4) as usize]);
            assert_eq!(block.as_ptr().addr() % 64 * usize::from(!block.is_empty()), 0);
        }
        assert_eq!(&block[..], &plain[..]);
        assert_eq!(&block.clone()[..], &plain[..]);
        let read = AlignedBytes::read_to_end(&plain[..7], &plain[7..], 0, None).unwrap();
        assert_eq!((&read[..], read.as_ptr().addr() % 64), (&plain[..], 0));
        let mut read = AlignedBytes::copy_from(&plain[..7]);
        assert_eq!(read.extend_from_reader(&plain[7..]).unwrap(), plain.len() - 7);
        assert_eq!((&read[..], read.as_ptr().addr() % 64), (&plain[..], 0));
        let long = vec![7_u8; 1_000_000];
        let read = AlignedBytes::read_to_end(&[], &long[..], 999_999, None).unwrap();
        assert_eq!((&read[..], read.as_ptr().addr() % 64), (&long[..], 0));
    }

    #[test]
    fn what_came_before_an_error_stays() {
        struct Waits;
        impl Read for Waits {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
        let mut block = AlignedBytes::copy_from(b"a");
        let error = block.extend_from_reader(b"bcd".chain(Waits)).unwrap_err();
        assert_eq!((error.kind(), &block[..]), (io::ErrorKind::WouldBlock, &b"abcd"[..]));
        assert_eq!(block.as_ptr().addr() % 64, 0);
        assert_eq!(block.extend_from_reader(&b"ef"[..]).unwrap(), 2);
        assert_eq!(&block[..], b"abcdef");
    }

    #[test]
    fn a_buffer_becomes_a_block_and_is_compared_as_its_bytes() {
        for len in [0_u32, 1, 63, 64, 65, 5_000, 3_000_000] {
            let plain: Vec<u8> = (0..len).map(|n| n as u8).collect();
            for spare in [0, 1, 64, 200] {
                let mut vec = Vec::with_capacity(plain.len() + spare);
                vec.extend_from_slice(&plain);
                let block = AlignedBytes::from(vec);
                let copy = AlignedBytes::from(&plain[..]);
                assert!(block == plain && block == plain[..] && block == copy);
                assert!(block.is_empty() || block.as_ptr().addr() % 64 == 0, "{len} {spare}");
            }
        }
        let sorted =
            std::collections::BTreeSet::from([&[2][..], &[1, 2], &[]].map(AlignedBytes::from));
        assert!(sorted.contains(&[1_u8, 2][..]) && !sorted.contains(&[1_u8][..]));
        let hashed = std::collections::HashSet::from([AlignedBytes::from(&[7][..])]);
        assert!(hashed.contains(&[7_u8][..]) && !hashed.contains(&[8_u8][..]));
    }
}
