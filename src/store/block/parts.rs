//! Checks a block before anything else is read of it, and finds where its parts lie.

use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::signature::FoundFile;

use super::super::directory::Directory;
#[cfg(feature = "ndarray")]
use super::super::directory::PathIndex;
use super::{
    END_MAGIC, FLAG_EXTERNAL, H_FLAGS, H_NONCE, H_VERSION, HEADER, MAGIC, Nonce, OLDEST, T_ARRAYS,
    T_CRC, T_DIRECTORY, T_INLINE, T_LIVE, T_MAGIC, T_START, T_TABLES, T_TOTAL, TRAILER, VERSION,
    checksum, number, truncated,
};

/// How many bytes of a block's end are read at first: enough for a struct of some dozens of fields.
const GUESS: u64 = 4 << 10;

/// If everything but the arrays of a segment has at most so many bytes, it is read to memory of its own. To map it would cost a
/// page fault at either end of the segment when it is touched, and more when it is unmapped: ten times as much as this read.
pub(crate) const KEPT: u64 = 16 << 10;

/// Where the parts of a checked block lie.
#[derive(Debug)]
pub(crate) struct BlockParts {
    pub(super) total: usize,
    pub(super) arrays: u64,
    pub(super) inline: Range<usize>,
    pub(super) tables: Range<usize>,
    pub(super) directory: Range<usize>,
    external: bool,
    pub(super) version: u16,
    nonce: Nonce,
    live: u32,
    #[cfg(feature = "ndarray")]
    pub(super) paths: PathIndex,
}

impl BlockParts {
    /// Checks the header, the trailer, and the checksum of everything but the arrays. It touches no page of an array.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the bytes are not a whole block, `Version` if a later version of the format wrote them.
    pub(crate) fn check(bytes: &[u8]) -> Result<Self> {
        let ends = Ends::parse(bytes, bytes, bytes.len() as u64)?;
        let start = ends.parts.inline.start;
        ends.verify(&bytes[start..bytes.len() - TRAILER])
    }

    /// The same for a block that can be read in parts. If everything but the arrays has at most `most` bytes, reads it, and gives it
    /// with its start in the block. `None` says that it is better checked in place, by [`check`](Self::check).
    ///
    /// # Errors
    ///
    /// Those of `check`, and those of `read`.
    pub(crate) fn read(
        total: u64,
        most: u64,
        read: impl Fn(&mut [u8], u64) -> std::io::Result<()>,
    ) -> Result<Option<(Self, Box<[u8]>)>> {
        let fill = |bytes: &mut [u8], at: u64| {
            read(bytes, at).map_err(|e| Error::io("cannot read the container", e))
        };
        let last = |len: u64| {
            let mut bytes = Vec::new();
            let reserved = bytes.try_reserve_exact(len as usize);
            let no_memory = |e| std::io::Error::new(std::io::ErrorKind::OutOfMemory, e);
            reserved.map_err(|e| Error::io("cannot read the container", no_memory(e)))?;
            bytes.resize(len as usize, 0);
            fill(&mut bytes, total - len).map(|()| bytes)
        };
        let mut head = [0; HEADER];
        let head = &mut head[..total.min(HEADER as u64) as usize];
        fill(head, 0)?;
        let mut tail = last(total.min(GUESS))?;
        let ends = Ends::parse(head, &tail, total)?;
        let needed = total - ends.parts.inline.start as u64;
        if needed > most {
            return Ok(None);
        }
        if needed > tail.len() as u64 {
            tail = last(needed)?;
        }
        tail.drain(..tail.len() - needed as usize);
        tail.truncate(tail.len() - TRAILER);
        Ok(Some((ends.verify(&tail)?, tail.into())))
    }

    /// Where the part behind the arrays starts in the block.
    pub(super) fn start(&self) -> usize {
        self.inline.start
    }

    /// # Errors
    ///
    /// `Corrupt` if the arrays are not in the block.
    pub(crate) fn check_internal(&self) -> Result<()> {
        if self.external {
            return Err(Error::corrupt(
                "this is the `__serde_shm__` member of an .npz file, or the metadata of a safetensors file; its arrays are beside it",
            ));
        }
        Ok(())
    }

    /// Whether the arrays are not in the block, because it is the member of an archive.
    pub(crate) fn is_external(&self) -> bool {
        self.external
    }

    /// The bytes between the header and the inline block, where most blocks have their arrays.
    #[cfg(feature = "npz")]
    pub(crate) fn array_part<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(HEADER..self.start()).unwrap_or(&[])
    }

    pub(crate) fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// How many of the block's arrays lie in live memory.
    pub(crate) fn live(&self) -> u32 {
        self.live
    }
}

/// Checks what the first bytes of a block say of its format, as far as the bytes are there. Gives the header if it is whole.
///
/// # Errors
///
/// `Corrupt` if they are not the first bytes of a block, `Version` if a later version of the format wrote them.
pub(crate) fn check_head(head: &[u8]) -> Result<Option<&[u8; HEADER]>> {
    let found = &head[..MAGIC.len().min(head.len())];
    if found != MAGIC {
        return Err(Error::corrupt(format!(
            "wrong magic: expected {}, found {}",
            MAGIC.escape_ascii(),
            FoundFile(head)
        )));
    }
    let Some(header) = head.first_chunk::<HEADER>() else { return Ok(None) };
    let version = u16::from_le_bytes([header[H_VERSION], header[H_VERSION + 1]]);
    if !(OLDEST..=VERSION).contains(&version) {
        return Err(Error::new(
            ErrorKind::Version,
            format!(
                "format version {version} is not known: expected {OLDEST} to {VERSION}; read it with the release that wrote it"
            ),
        ));
    }
    let flags = u16::from_le_bytes([header[H_FLAGS], header[H_FLAGS + 1]]);
    if flags & !FLAG_EXTERNAL != 0 {
        return Err(Error::corrupt(format!("unknown flags {flags:#06x} in the header")));
    }
    Ok(Some(header))
}

/// What the two ends of a block say, not yet compared with the checksum.
struct Ends {
    header: [u8; HEADER],
    trailer: [u8; TRAILER],
    parts: BlockParts,
}

impl Ends {
    /// `head` starts with the block's first bytes and `tail` ends with its last ones: 64 each, or as many as there are.
    fn parse(head: &[u8], tail: &[u8], total: u64) -> Result<Self> {
        let (Some(header), Some(trailer)) = (check_head(head)?, tail.last_chunk::<TRAILER>())
        else {
            return Err(truncated(total));
        };
        let version = u16::from_le_bytes([header[H_VERSION], header[H_VERSION + 1]]);
        let flags = u16::from_le_bytes([header[H_FLAGS], header[H_FLAGS + 1]]);
        if total < (HEADER + TRAILER) as u64 || trailer[T_MAGIC..] != END_MAGIC {
            return Err(truncated(total));
        }
        let number = |at: usize| number(trailer, at);
        if number(T_TOTAL) != total {
            return Err(Error::corrupt(format!(
                "wrong length: expected {} bytes, found {total}",
                number(T_TOTAL),
            )));
        }
        // The parts follow one another and end where the trailer starts; no sum can wrap unnoticed.
        let mut at = number(T_START);
        let mut part = |len: u64| -> Option<Range<usize>> {
            let start = at;
            at = at.checked_add(len)?;
            Some(usize::try_from(start).ok()?..usize::try_from(at).ok()?)
        };
        let parts = (|| {
            let inline = part(number(T_INLINE))?;
            let tables = part(number(T_TABLES))?;
            let directory = part(number(T_DIRECTORY))?;
            let end = total - TRAILER as u64;
            (inline.start >= HEADER && directory.end as u64 == end)
                .then_some((inline, tables, directory))
        })();
        let (inline, tables, directory) = parts
            .ok_or_else(|| Error::corrupt("the lengths in the trailer contradict each other"))?;
        let total = directory.end + TRAILER;
        let arrays = number(T_ARRAYS);
        let mut nonce = Nonce::default();
        nonce.copy_from_slice(&header[H_NONCE..H_NONCE + 16]);
        let external = flags & FLAG_EXTERNAL != 0;
        let live = (number(T_LIVE - 4) >> 32) as u32;
        let parts = BlockParts {
            total,
            arrays,
            inline,
            tables,
            directory,
            external,
            version,
            nonce,
            live,
            #[cfg(feature = "ndarray")]
            paths: PathIndex::default(),
        };
        Ok(Ends { header: *header, trailer: *trailer, parts })
    }

    /// `rest` is what lies between the arrays and the trailer.
    fn verify(self, rest: &[u8]) -> Result<BlockParts> {
        let Ends { header, trailer, parts } = self;
        let found = checksum(&[&header, rest, &trailer[..T_CRC]]);
        let mut expected = [0; 4];
        expected.copy_from_slice(&trailer[T_CRC..T_CRC + 4]);
        let expected = u32::from_le_bytes(expected);
        if found != expected {
            return Err(Error::corrupt(format!(
                "wrong checksum: expected {expected:#010x}, found {found:#010x}; the block was altered"
            )));
        }
        let directory = Directory::parse(
            &rest[parts.directory.start - parts.start()..],
            parts.arrays,
            parts.version,
        )?;
        // Each array is referred to, and a reference takes at least one byte. Older directories have a record for each array.
        if parts.version >= 3 && parts.arrays > parts.inline.len() as u64 {
            let (arrays, inline) = (parts.arrays, parts.inline.len());
            let what = format!("an inline block of {inline} bytes cannot refer to {arrays} arrays");
            return Err(Error::corrupt(what));
        }
        // The checksum does not cover the number of live arrays, but it covers which arrays are live. If no array is live, the
        // directory is not searched for one.
        if parts.live != 0
            && (u64::from(parts.live) > parts.arrays
                || directory.count_live() != u64::from(parts.live))
        {
            return Err(Error::corrupt(format!(
                "the trailer says {} live arrays, the directory has {}",
                parts.live,
                directory.count_live()
            )));
        }
        Ok(parts)
    }
}
