//! Writing a block.

use std::io::Write;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{ARRAY_ALIGN, align_up};
use crate::memory::live::{Kind, LiveEntry};
use crate::progress::Meter;

use super::super::directory::{Directory, DirectoryBuilder};
use super::super::{ArrayHead, Finish, Sink};
use super::{
    END_MAGIC, H_FLAGS, H_NONCE, H_VERSION, HEADER, MAGIC, Nonce, T_ARRAYS, T_CRC, T_DIRECTORY,
    T_INLINE, T_LIVE, T_MAGIC, T_START, T_TABLES, T_TOTAL, TRAILER, VERSION, checksum,
};

/// Arrays below this size are packed at their element's alignment, once the block has [`ALIGNED_ARRAYS`] arrays.
const SMALL: usize = 256;

/// How many arrays of any size start at a multiple of 64. In an object with few arrays all are aligned, which costs a KiB at
/// most. An object of many small arrays is hardly larger than the arrays are.
const ALIGNED_ARRAYS: u64 = 16;

const ZEROS: [u8; ARRAY_ALIGN] = [0; ARRAY_ALIGN];

/// Small writes are gathered up to this size. Larger ones go to the output at once.
const GATHER: usize = 64 << 10;

/// Writes a block to anything that takes bytes.
pub(crate) struct BlockSink<'m, W> {
    out: W,
    gathered: Vec<u8>,
    position: u64,
    pub(in crate::store) directory: DirectoryBuilder,
    header: [u8; HEADER],
    /// The open array; `None` once it has ended.
    open: Option<OpenArray>,
    /// Where the array that ended last starts.
    last: Option<u64>,
    /// The alignment of that array's elements, if the next one may be like it.
    alike: Option<usize>,
    /// How many arrays of the directory are live.
    live: u32,
    /// Counts the bytes of arrays. Without it an array's bytes go out in one write.
    pub(in crate::store) meter: Option<&'m Meter<'m>>,
}

/// An array of which the bytes come.
struct OpenArray {
    /// Where the array lies in the block.
    place: u64,
    /// Where the bytes begin that come, and how many they are: none if the array lies in the block already.
    start: u64,
    bytes: usize,
}

/// The header of a block.
fn header(nonce: Nonce, flags: u16) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..MAGIC.len()].copy_from_slice(&MAGIC);
    header[H_VERSION..H_FLAGS].copy_from_slice(&VERSION.to_le_bytes());
    header[H_FLAGS..H_FLAGS + 2].copy_from_slice(&flags.to_le_bytes());
    header[H_NONCE..H_NONCE + nonce.len()].copy_from_slice(&nonce);
    header
}

impl<'m, W: Write> BlockSink<'m, W> {
    pub(crate) fn new(out: W, nonce: Nonce) -> Self {
        Self::with_flags(out, nonce, 0)
    }

    /// Writes the part of a block that is behind this position. The bytes before it are there already, but for the
    /// [`header`](Self::header), which the caller writes.
    #[cfg(feature = "ndarray")]
    pub(in crate::store) fn behind(position: u64, out: W, nonce: Nonce) -> Self {
        BlockSink { position, gathered: Vec::new(), ..Self::new(out, nonce) }
    }

    pub(in crate::store) fn out_mut(&mut self) -> &mut W {
        &mut self.out
    }

    pub(in crate::store) fn with_flags(out: W, nonce: Nonce, flags: u16) -> Self {
        let header = header(nonce, flags);
        BlockSink {
            out,
            gathered: header.to_vec(),
            position: HEADER as u64,
            directory: DirectoryBuilder::default(),
            header,
            open: None,
            last: None,
            alike: None,
            live: 0,
            meter: None,
        }
    }

    /// Has this meter count the bytes of arrays.
    pub(crate) fn with_meter(self, meter: Option<&'m Meter<'m>>) -> Self {
        BlockSink { meter, ..self }
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
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

    /// To which multiple an array of so many bytes is aligned that comes next, and whose elements have this alignment.
    fn align(&self, alignment: usize, bytes: usize) -> usize {
        let is_packed = bytes < SMALL && self.directory.count() >= ALIGNED_ARRAYS;
        if is_packed { alignment } else { ARRAY_ALIGN }
    }

    /// How many bytes are missing to the next multiple of a number that is a power of two.
    fn padding_to(&self, align: usize) -> Result<usize> {
        let target = align_up(self.position, align as u64)
            .ok_or_else(|| Error::new(ErrorKind::Limit, "the container exceeds 2^64 bytes"))?;
        Ok((target - self.position) as usize)
    }

    fn pad_to(&mut self, align: usize) -> Result<()> {
        let padding = self.padding_to(align)?;
        self.put(&ZEROS[..padding])
    }
}

fn write_error(error: std::io::Error) -> Error {
    Error::io("cannot write the container", error)
}

impl<W: Write> Sink for BlockSink<'_, W> {
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        let alignment = head.dtype.alignment();
        self.alike = Some(alignment);
        self.pad_to(self.align(alignment, head.bytes))?;
        let is_locked = head.kind == Kind::Locked;
        self.directory.push_as(Kind::Plain, head, self.position)?;
        let start = self.position;
        self.open = Some(OpenArray { place: start, start, bytes: head.bytes });
        if let Some(meter) = self.meter {
            meter.begin(head.bytes as u64, is_locked);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match self.meter {
            Some(meter) => meter.pieces(bytes, |piece| self.put(piece)),
            None => self.put(bytes),
        }
    }

    fn end(&mut self) -> Result<u64> {
        let start = self.position;
        let open = self.open.take().unwrap_or(OpenArray { place: start, start, bytes: 0 });
        let OpenArray { place, start, bytes } = open;
        let written = self.position - start;
        if written != bytes as u64 {
            return Err(Error::new(
                ErrorKind::Message,
                format!("an array gave {written} bytes where {bytes} were announced"),
            ));
        }
        self.last = Some(place);
        Ok(self.directory.count() - 1)
    }

    fn next(&mut self, shape: &[usize], bytes: &[u8]) -> Result<Option<u64>> {
        // The meter wants to know of each array.
        let Some(alignment) = self.alike.filter(|_| self.meter.is_none()) else { return Ok(None) };
        let padding = self.padding_to(self.align(alignment, bytes.len()))?;
        let start = self.position + padding as u64;
        if !self.directory.next(shape, start) {
            return Ok(None);
        }
        self.put(&ZEROS[..padding])?;
        self.put(bytes)?;
        self.last = Some(start);
        Ok(Some(self.directory.count() - 1))
    }

    fn abandon(&mut self) -> Result<()> {
        self.alike = None;
        let open = self.open.take();
        if let Some(meter) = self.meter {
            meter.abandon(open.map_or(0, |open| open.bytes as u64));
        }
        self.directory.pop();
        Ok(())
    }

    fn last_place(&self) -> Option<u64> {
        self.last
    }

    fn repeat(&mut self, head: &ArrayHead<'_>, place: u64) -> Result<Option<u64>> {
        self.alike = None;
        self.directory.push_as(Kind::Plain, head, place).map(Some)
    }
}

impl<W: Write> Finish for BlockSink<'_, W> {
    type Output = W;

    fn finish(self, inline: Vec<u8>, tables: &[u8]) -> Result<W> {
        self.complete(&inline, tables)
    }
}

impl<W: Write> BlockSink<'_, W> {
    /// Says that the open array, whose head this is, lies in the block already, so that its bytes do not come.
    pub(in crate::store) fn is_at(&mut self, head: &ArrayHead<'_>, place: u64) -> Result<()> {
        self.alike = None;
        self.directory.pop();
        self.directory.push_as(Kind::Plain, head, place)?;
        self.open = Some(OpenArray { place, start: self.position, bytes: 0 });
        // There is nothing to write of it.
        self.meter.map_or(Ok(()), |meter| meter.add(head.bytes as u64))
    }

    /// Notes an array that lies elsewhere, and returns its number.
    pub(in crate::store) fn push_live(&mut self, head: &ArrayHead<'_>, offset: u64) -> Result<u64> {
        self.live += 1;
        (self.last, self.alike) = (None, None);
        self.directory.push(head, offset)
    }

    /// Takes back the live array that was noted last.
    pub(in crate::store) fn pop_live(&mut self) {
        self.live -= 1;
        self.directory.pop();
    }

    /// How many arrays the directory has.
    pub(in crate::store) fn count(&self) -> u64 {
        self.directory.count()
    }

    /// The directory's arrays that lie elsewhere.
    pub(in crate::store) fn live_entries(&mut self) -> Result<Vec<LiveEntry>> {
        if self.live == 0 {
            return Ok(Vec::new());
        }
        let count = self.directory.count();
        let directory = self.directory.complete()?.concat();
        Directory::parse(&directory, count, VERSION)?.live()
    }

    /// Whether an array was placed.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.directory.count() == 0 && self.position == HEADER as u64
    }

    pub(in crate::store) fn complete(mut self, inline: &[u8], tables: &[u8]) -> Result<W> {
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

    pub(in crate::store) fn header(&self) -> &[u8; HEADER] {
        &self.header
    }

    /// The trailer of a block whose inline block starts at `start`, with these parts of its directory and this number of
    /// arrays.
    pub(in crate::store) fn trailer(
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
