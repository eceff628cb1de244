//! The block: header, arrays, inline block, tables, directory, trailer. A segment's content, and what `to_bytes` gives.
//!
//! What is not array data stands at the end, so that a block is written in one pass to anything that takes bytes.

use std::cell::RefCell;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{ARRAY_ALIGN, align_up};
use crate::memory;
use crate::memory::live::{Kind, LiveArrays, LiveEntry};
use crate::signature::Found;

#[cfg(feature = "ndarray")]
use super::directory::PathIndex;
use super::directory::{ArrayPath, Directory, DirectoryBuilder, Entry};
use super::{ArrayHead, Placed, PlacedHead, Sink, Source, Standing};

/// Tells one segment from another that got the same process and descriptor number; zero outside segments.
pub(crate) type Nonce = [u8; 16];

/// The version that is written.
pub(crate) const VERSION: u16 = 3;

/// The oldest version that is read.
const OLDEST: u16 = 1;

/// From this version on several arrays may lie at one place.
const SHARING: u16 = 3;

/// Readers may copy so many times the block's bytes in one reading, and so many beside, up to half of the machine's memory.
const COPIES: u64 = 16;
const FREE_COPIES: u64 = 256 << 20;

const MAGIC: [u8; 8] = *b"\x89SHM\r\n\x1a\n";
const END_MAGIC: [u8; 8] = *b"SHMEND\r\n";

/// The arrays are not in the block but beside it, as members of an archive.
pub(super) const FLAG_EXTERNAL: u16 = 1;

// The header: 0 magic | 8 version u16 | 10 flags u16 | 12 zero | 16 nonce | 32 zero
const H_VERSION: usize = MAGIC.len();
const H_FLAGS: usize = H_VERSION + 2;
const H_NONCE: usize = H_FLAGS + 2 + 4;
pub(crate) const HEADER: usize = 64;

// The trailer: 0 total | 8 inline start | 16 inline | 24 tables | 32 directory | 40 arrays | 48 crc u32 | 52 live arrays u32 | 56 magic
const T_TOTAL: usize = 0;
const T_START: usize = T_TOTAL + 8;
const T_INLINE: usize = T_START + 8;
const T_TABLES: usize = T_INLINE + 8;
const T_DIRECTORY: usize = T_TABLES + 8;
const T_ARRAYS: usize = T_DIRECTORY + 8;
const T_CRC: usize = T_ARRAYS + 8;
const T_LIVE: usize = T_CRC + 4;
const T_MAGIC: usize = T_LIVE + 4;
pub(crate) const TRAILER: usize = 64;

/// Arrays below this size are packed at their element's alignment once there are some.
const SMALL: usize = 256;

/// How many arrays of any size start at a multiple of 64: objects with few arrays are aligned throughout for a KiB at most,
/// and objects of many small ones are not larger than these.
const ALIGNED_ARRAYS: u64 = 16;

/// Small writes are gathered up to this size; larger ones go straight through.
const GATHER: usize = 64 << 10;

/// What is read of a block's end at first: enough for a struct of some dozens of fields.
const GUESS: u64 = 4 << 10;

/// Up to here what is not array data of a segment is read to a place of its own. To map it costs a page fault at either end of
/// the segment when it is touched, and more when it is unmapped: ten times this read.
pub(crate) const KEPT: u64 = 16 << 10;

/// Writes a block to anything that takes bytes.
pub(crate) struct BlockSink<W> {
    out: W,
    gathered: Vec<u8>,
    position: u64,
    pub(super) directory: DirectoryBuilder,
    header: [u8; HEADER],
    /// Where the array that was begun starts and how long it will be, until `end`.
    open: Option<(u64, usize)>,
    /// Where the array starts that was ended last.
    last: Option<u64>,
    /// How many arrays of the directory are live.
    live: u32,
}

impl<W: Write> BlockSink<W> {
    pub(crate) fn new(out: W, nonce: Nonce) -> Self {
        Self::with_flags(out, nonce, 0)
    }

    pub(super) fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    pub(super) fn with_flags(out: W, nonce: Nonce, flags: u16) -> Self {
        let mut header = [0; HEADER];
        header[..MAGIC.len()].copy_from_slice(&MAGIC);
        header[H_VERSION..H_FLAGS].copy_from_slice(&VERSION.to_le_bytes());
        header[H_FLAGS..H_FLAGS + 2].copy_from_slice(&flags.to_le_bytes());
        header[H_NONCE..H_NONCE + nonce.len()].copy_from_slice(&nonce);
        BlockSink {
            out,
            gathered: header.to_vec(),
            position: HEADER as u64,
            directory: DirectoryBuilder::default(),
            header,
            open: None,
            last: None,
            live: 0,
        }
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if self.gathered.len() + bytes.len() <= GATHER {
            self.gathered.extend_from_slice(bytes);
        } else {
            self.flush()?;
            if bytes.len() < GATHER {
                self.gathered.extend_from_slice(bytes);
            } else {
                self.out.write_all(bytes).map_err(write_error)?;
            }
        }
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.out.write_all(&self.gathered).map_err(write_error)?;
        self.gathered.clear();
        Ok(())
    }

    fn pad_to(&mut self, align: usize) -> Result<()> {
        const ZEROS: [u8; ARRAY_ALIGN] = [0; ARRAY_ALIGN];
        let target = align_up(self.position, align as u64)
            .ok_or_else(|| Error::new(ErrorKind::Limit, "the container exceeds 2^64 bytes"))?;
        self.put(&ZEROS[..(target - self.position) as usize])
    }
}

fn write_error(error: std::io::Error) -> Error {
    Error::io("cannot write the container", error)
}

impl<W: Write> Sink for BlockSink<W> {
    type Output = W;

    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        let packed = head.bytes < SMALL && self.directory.count() >= ALIGNED_ARRAYS;
        self.pad_to(if packed { head.dtype.alignment() } else { ARRAY_ALIGN })?;
        let head = ArrayHead { kind: Kind::Plain, ..*head };
        self.directory.push(&head, self.position)?;
        self.open = Some((self.position, head.bytes));
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.put(bytes)
    }

    fn end(&mut self) -> Result<u64> {
        let (offset, bytes) = self.open.take().unwrap_or((self.position, 0));
        let written = self.position - offset;
        if written != bytes as u64 {
            return Err(Error::new(
                ErrorKind::Message,
                format!("an array gave {written} bytes where {bytes} were announced"),
            ));
        }
        self.last = Some(offset);
        Ok(self.directory.count() - 1)
    }

    fn abandon(&mut self) -> Result<()> {
        self.open = None;
        self.directory.pop();
        Ok(())
    }

    fn last_place(&self) -> Option<u64> {
        self.last
    }

    fn repeat(&mut self, head: &ArrayHead<'_>, place: u64) -> Result<Option<u64>> {
        let head = ArrayHead { kind: Kind::Plain, ..*head };
        self.directory.push(&head, place).map(Some)
    }

    fn finish(self, inline: Vec<u8>, tables: &[u8]) -> Result<W> {
        self.complete(&inline, tables)
    }
}

impl<W: Write> BlockSink<W> {
    /// Names an array that lies elsewhere, and gives its number.
    pub(super) fn push_live(&mut self, head: &ArrayHead<'_>, offset: u64) -> Result<u64> {
        self.live += 1;
        self.last = None;
        self.directory.push(head, offset)
    }

    /// Takes the live array back that was named last.
    pub(super) fn pop_live(&mut self) {
        self.live -= 1;
        self.directory.pop();
    }

    /// How many arrays the directory has.
    pub(super) fn count(&self) -> u64 {
        self.directory.count()
    }

    /// The directory's arrays that lie elsewhere.
    pub(super) fn live_entries(&mut self) -> Result<Vec<LiveEntry>> {
        if self.live == 0 {
            return Ok(Vec::new());
        }
        let count = self.directory.count();
        let directory = self.directory.complete()?.concat();
        Directory::parse(&directory, count, VERSION)?.live()
    }

    /// Whether an array was placed.
    pub(super) fn is_empty(&self) -> bool {
        self.directory.count() == 0 && self.position == HEADER as u64
    }

    pub(super) fn complete(mut self, inline: &[u8], tables: &[u8]) -> Result<W> {
        self.pad_to(8)?;
        let mut directory = std::mem::take(&mut self.directory);
        let count = directory.count();
        let directory = directory.complete()?;
        let trailer = self.trailer(self.position, inline, tables, directory, count);
        for part in [inline, tables].iter().chain(&directory) {
            self.put(part)?;
        }
        self.put(&trailer)?;
        self.flush()?;
        self.out.flush().map_err(write_error)?;
        Ok(self.out)
    }

    pub(super) fn header(&self) -> &[u8; HEADER] {
        &self.header
    }

    /// The trailer of a block whose inline block starts at `start`, with the parts of its directory of so many arrays.
    pub(super) fn trailer(
        &self,
        start: u64,
        inline: &[u8],
        tables: &[u8],
        directory: [&[u8]; 3],
        arrays: u64,
    ) -> [u8; TRAILER] {
        let [count, records, heap] = directory;
        let directory = count.len() + records.len() + heap.len();
        let lengths = [inline.len(), tables.len(), directory];
        let total = start + (lengths.iter().sum::<usize>() + TRAILER) as u64;
        let mut trailer = [0; TRAILER];
        for (at, number) in [
            (T_TOTAL, total),
            (T_START, start),
            (T_INLINE, lengths[0] as u64),
            (T_TABLES, lengths[1] as u64),
            (T_DIRECTORY, lengths[2] as u64),
            (T_ARRAYS, arrays),
        ] {
            trailer[at..at + 8].copy_from_slice(&number.to_le_bytes());
        }
        let crc =
            checksum(&[&self.header, inline, tables, count, records, heap, &trailer[..T_CRC]]);
        trailer[T_CRC..T_CRC + 4].copy_from_slice(&crc.to_le_bytes());
        trailer[T_LIVE..T_LIVE + 4].copy_from_slice(&self.live.to_le_bytes());
        trailer[T_MAGIC..].copy_from_slice(&END_MAGIC);
        trailer
    }
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// What a checksum changes by with the header of its block.
pub(crate) struct HeaderChange(u32);

/// Gives a header another nonce.
pub(crate) fn put_nonce(header: &mut [u8; HEADER], nonce: Nonce) -> HeaderChange {
    let before = checksum(&[header]);
    header[H_NONCE..H_NONCE + nonce.len()].copy_from_slice(&nonce);
    HeaderChange(before ^ checksum(&[header]))
}

impl HeaderChange {
    /// Gives the trailer of that block the checksum that goes with the header, without a look at what lies between. One that was
    /// wrong stays wrong.
    pub(crate) fn apply(&self, trailer: &mut [u8; TRAILER]) {
        // The checksum goes over the header and over so many bytes behind it, or over nothing known where the lengths are wrong.
        let rest = number(trailer, T_TOTAL).wrapping_sub(number(trailer, T_START));
        let behind = rest.wrapping_sub((TRAILER - T_CRC) as u64);
        // A CRC is linear: what it changes by is what that of its first part does, shifted by the length of what follows.
        let mut change = crc32fast::Hasher::new_with_initial_len(self.0, 0);
        change.combine(&crc32fast::Hasher::new_with_initial_len(0, behind));
        let change = change.finalize().to_le_bytes();
        for (byte, change) in trailer[T_CRC..T_CRC + 4].iter_mut().zip(change) {
            *byte ^= change;
        }
    }
}

/// Where the parts of a checked block lie.
#[derive(Debug)]
pub(crate) struct BlockParts {
    total: usize,
    arrays: u64,
    inline: Range<usize>,
    tables: Range<usize>,
    directory: Range<usize>,
    external: bool,
    version: u16,
    nonce: Nonce,
    live: u32,
    #[cfg(feature = "ndarray")]
    paths: PathIndex,
}

impl BlockParts {
    /// Checks header, trailer and the checksum of all that is not array data. No array's page is touched.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the bytes are no whole block, `Version` if a later version of the format wrote them.
    pub(crate) fn check(bytes: &[u8]) -> Result<Self> {
        let ends = Ends::parse(bytes, bytes, bytes.len() as u64)?;
        let start = ends.parts.inline.start;
        ends.verify(&bytes[start..bytes.len() - TRAILER])
    }

    /// The same for a block that can be read in parts: what is not array data is read, if that is so many bytes at `most`, and
    /// given back from its start in the block. `None` says that it is better looked at in place, by [`check`](Self::check).
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

    /// Where what is not array data starts in the block.
    fn start(&self) -> usize {
        self.inline.start
    }

    /// # Errors
    ///
    /// `Corrupt` if the arrays are elsewhere.
    pub(crate) fn check_internal(&self) -> Result<()> {
        if self.external {
            return Err(Error::corrupt(
                "this is the `__serde_shm__` member of an .npz file; its arrays are in the other members",
            ));
        }
        Ok(())
    }

    /// Whether the arrays are elsewhere: the member of an archive.
    pub(crate) fn is_external(&self) -> bool {
        self.external
    }

    /// What stands between header and inline block, where the arrays are in most blocks.
    #[cfg(feature = "npz")]
    pub(crate) fn array_part<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        bytes.get(HEADER..self.start()).unwrap_or(&[])
    }

    pub(crate) fn nonce(&self) -> Nonce {
        self.nonce
    }

    /// How many of its arrays lie in live memory.
    pub(crate) fn live(&self) -> u32 {
        self.live
    }
}

/// Checks what the first bytes of a block say of its format, as far as they are there; gives the header if it is whole.
///
/// # Errors
///
/// `Corrupt` if they are not those of a block, `Version` if a later version of the format wrote them.
pub(crate) fn check_head(head: &[u8]) -> Result<Option<&[u8; HEADER]>> {
    let found = &head[..MAGIC.len().min(head.len())];
    if found != MAGIC {
        return Err(Error::corrupt(format!(
            "wrong magic: expected {}, found {}",
            MAGIC.escape_ascii(),
            Found(head)
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
        // Each array is referred to, and a reference has a byte. Older directories have a record for each.
        if parts.version >= 3 && parts.arrays > parts.inline.len() as u64 {
            let (arrays, inline) = (parts.arrays, parts.inline.len());
            let what = format!("an inline block of {inline} bytes cannot refer to {arrays} arrays");
            return Err(Error::corrupt(what));
        }
        // The checksum does not cover how many arrays are live, but which are. Where none is, none is looked for.
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

fn number(trailer: &[u8; TRAILER], at: usize) -> u64 {
    let mut wide = [0; 8];
    wide.copy_from_slice(&trailer[at..at + 8]);
    u64::from_le_bytes(wide)
}

fn truncated(len: u64) -> Error {
    Error::corrupt(format!("truncated: the block ends at byte {len} without its trailer"))
}

/// A block that is read.
#[derive(Clone)]
pub(crate) struct Block<'de> {
    bytes: &'de [u8],
    inline: &'de [u8],
    tables: &'de [u8],
    directory: Directory<'de>,
    version: u16,
    /// Where array data ends.
    limit: usize,
    in_segment: bool,
    live: Option<&'de Arc<LiveArrays>>,
    /// What finds arrays by their paths, where that is kept.
    #[cfg(feature = "ndarray")]
    paths: Option<&'de PathIndex>,
    /// What was asked for in the place of the usual limit.
    copy_limit: Option<u64>,
    /// What was said of the last array that may be said of the next, too.
    recent: RefCell<Option<Recent>>,
}

/// What is said of arrays that are alike.
#[derive(Clone)]
struct Recent {
    alike: usize,
    bytes: usize,
    head: Arc<PlacedHead>,
}

impl<'de> Block<'de> {
    /// A block whose arrays lie in it.
    pub(crate) fn parse(bytes: &'de [u8]) -> Result<Self> {
        let parts = BlockParts::check(bytes)?;
        parts.check_internal()?;
        let rest = &bytes[parts.start()..];
        Block::of_parts(bytes, rest, &parts)
    }

    /// The same bytes again, without a second look at the checksum.
    pub(crate) fn with_parts(bytes: &'de [u8], parts: &'de BlockParts) -> Result<Self> {
        let rest = bytes.get(parts.start()..).ok_or_else(|| truncated(bytes.len() as u64))?;
        Block::with_rest(bytes, rest, parts)
    }

    /// The same, where what is not array data has been read to another place: [`BlockParts::read`].
    pub(crate) fn with_rest(
        bytes: &'de [u8],
        rest: &'de [u8],
        parts: &'de BlockParts,
    ) -> Result<Self> {
        Ok(Block {
            #[cfg(feature = "ndarray")]
            paths: Some(&parts.paths),
            ..Block::of_parts(bytes, rest, parts)?
        })
    }

    fn of_parts(bytes: &'de [u8], rest: &'de [u8], parts: &BlockParts) -> Result<Self> {
        let part = |range: &Range<usize>| {
            rest.get(range.start - parts.start()..range.end - parts.start())
                .ok_or_else(|| truncated(bytes.len() as u64))
        };
        if bytes.len() != parts.total {
            return Err(truncated(bytes.len() as u64));
        }
        Ok(Block {
            bytes,
            inline: part(&parts.inline)?,
            tables: part(&parts.tables)?,
            directory: Directory::parse(part(&parts.directory)?, parts.arrays, parts.version)?,
            version: parts.version,
            limit: parts.start(),
            in_segment: false,
            live: None,
            #[cfg(feature = "ndarray")]
            paths: None,
            recent: RefCell::new(None),
            copy_limit: None,
        })
    }

    /// The same, of which readers may copy so many bytes.
    pub(crate) fn limited(self, copy_limit: Option<u64>) -> Self {
        Block { copy_limit, ..self }
    }

    /// The same as the block of a segment, whose arrays are of fixed kinds.
    pub(crate) fn of_segment(self, live: Option<&'de Arc<LiveArrays>>) -> Self {
        Block { in_segment: true, live, ..self }
    }

    /// What the directory says of arrays in live memory.
    ///
    /// # Errors
    ///
    /// `Corrupt` if it contradicts itself.
    pub(crate) fn live_entries(&self) -> Result<Vec<LiveEntry>> {
        self.directory.live()
    }

    pub(crate) fn directory(&self) -> Directory<'de> {
        self.directory
    }

    /// The number of the array of this path.
    #[cfg(feature = "ndarray")]
    pub(crate) fn find(&self, path: &str) -> Option<u64> {
        match self.paths {
            Some(paths) => paths.find(self.directory, path),
            None => PathIndex::default().find(self.directory, path),
        }
    }

    /// An entry's bytes, which must lie between header and inline block, at their element's alignment.
    pub(crate) fn placed(&self, number: u64, entry: Entry) -> Result<Placed<'de>> {
        let Entry { dtype, shape, order, bytes, offset, .. } = entry;
        let standing = if self.in_segment { Standing::Fixed } else { Standing::Free };
        let head = Arc::new(PlacedHead { dtype, shape, order, standing });
        self.at(number, head, offset, bytes)
    }

    /// So many bytes of the block as the elements of an array.
    #[inline]
    fn at(
        &self,
        number: u64,
        head: Arc<PlacedHead>,
        offset: u64,
        bytes: usize,
    ) -> Result<Placed<'de>> {
        let bad = |what: &str| match self.directory.path(number) {
            Ok(path) => Error::corrupt(format!("array `{path}`: {what}")),
            Err(error) => error,
        };
        let start = usize::try_from(offset).map_err(|_| bad("its offset is too large"))?;
        let bytes = start
            .checked_add(bytes)
            .filter(|end| start >= HEADER && *end <= self.limit)
            .and_then(|end| self.bytes.get(start..end))
            .ok_or_else(|| bad("its bytes lie outside the container's arrays"))?;
        if !start.is_multiple_of(head.dtype.alignment()) {
            return Err(bad("its offset is not a multiple of its alignment"));
        }
        Ok(Placed { head, bytes, region: None })
    }
}

impl<'de> Source<'de> for Block<'de> {
    fn version(&self) -> u16 {
        self.version
    }

    fn inline(&self) -> &'de [u8] {
        self.inline
    }

    fn tables(&self) -> &'de [u8] {
        self.tables
    }

    fn array_bytes(&self) -> u64 {
        (self.limit - HEADER) as u64
    }

    fn copy_limit(&self) -> Option<u64> {
        if self.version < SHARING {
            return None;
        }
        // What is there may be copied once, whatever is asked for.
        let all = self.bytes.len() as u64;
        let usual = || {
            all.saturating_mul(COPIES).saturating_add(FREE_COPIES).min(memory::half_of_machine())
        };
        Some(self.copy_limit.unwrap_or_else(usual).max(all))
    }

    fn live(&self) -> Option<&'de Arc<LiveArrays>> {
        self.live
    }

    fn path(&self, number: u64) -> Result<ArrayPath<'de>> {
        self.directory.path(number)
    }

    fn array(&self, number: u64) -> Result<Placed<'de>> {
        let alike = self.directory.alike(number)?;
        if let (Some((alike, offset)), Some(recent)) = (alike, &*self.recent.borrow())
            && recent.alike == alike
        {
            return self.at(number, Arc::clone(&recent.head), offset, recent.bytes);
        }
        let entry = self.directory.entry(number)?;
        if entry.kind != Kind::Plain {
            let Entry { dtype, shape, order, kind, .. } = entry;
            let standing = Standing::Live(kind, number);
            let head = Arc::new(PlacedHead { dtype, shape, order, standing });
            return Ok(Placed { head, bytes: &[], region: None });
        }
        let bytes = entry.bytes;
        let placed = self.placed(number, entry)?;
        if let Some((alike, _)) = alike {
            let head = Arc::clone(&placed.head);
            self.recent.replace(Some(Recent { alike, bytes, head }));
        }
        Ok(placed)
    }
}
