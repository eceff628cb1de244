//! A segment: a block, and beside it the memory of the live arrays.

use std::io::{BufWriter, Write};
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{ARRAY_ALIGN, align_up};
use crate::memory::live::{ControlLayout, DATA_START, DIGEST, Kind, LiveEntry, digest};
use crate::progress::Meter;

use super::block::BlockSink;
use super::directory::Head;
use super::{ArrayHead, Finish, Nonce, Sink};

const MAGIC: [u8; 8] = *b"\x89SHL\r\n\x1a\n";
const VERSION: u16 = 2;

// The header: 0 magic | 8 version u16 | 10 zero | 16 nonce | 32 digest of what the directory says of the live arrays
const H_VERSION: usize = MAGIC.len();
const H_NONCE: usize = 16;
const H_DIGEST: usize = H_NONCE + size_of::<Nonce>();
const HEADER: usize = DATA_START as usize;
const _: () = assert!(H_DIGEST + DIGEST == HEADER);

/// The header of the memory that belongs to the block of that nonce and these live arrays.
fn header(nonce: Nonce, entries: &[LiveEntry]) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..H_VERSION].copy_from_slice(&MAGIC);
    header[H_VERSION..H_VERSION + 2].copy_from_slice(&VERSION.to_le_bytes());
    header[H_NONCE..H_DIGEST].copy_from_slice(&nonce);
    header[H_DIGEST..].copy_from_slice(&digest(entries));
    header
}

/// Small writes are gathered up to this size; larger ones go straight through.
const GATHER: usize = 64 << 10;

/// Writes a segment's block. When the first live array comes, `make` makes the memory for live arrays.
pub(crate) struct SharedSink<'m, W: Write, M> {
    block: BlockSink<'m, W>,
    live: Option<LiveSink<W>>,
    make: M,
    nonce: Nonce,
    built: Option<Built>,
}

/// What lies in the segment before it is written.
struct Built {
    /// The addresses of the bytes that are there, ascending, and where each range starts in the segment.
    places: Vec<(Range<usize>, u64)>,
    /// The array that was begun, and how many bytes it has, until the first of them come.
    open: Option<(Head, usize)>,
}

impl Built {
    /// The array that was begun, and where it lies in the segment, if these are all its bytes and lie there.
    fn find(&mut self, bytes: &[u8]) -> Option<(Head, u64)> {
        let (head, len) = self.open.take()?;
        let place = self.place_of(bytes).filter(|_| bytes.len() == len)?;
        Some((head, place))
    }

    /// Where these bytes lie in the segment, if they do.
    fn place_of(&self, bytes: &[u8]) -> Option<u64> {
        let start = bytes.as_ptr().addr();
        let next = self.places.partition_point(|(addresses, _)| addresses.start <= start);
        let (addresses, place) = self.places[..next].last()?;
        let at = start - addresses.start;
        (bytes.len() <= addresses.len().checked_sub(at)?).then_some(place + at as u64)
    }
}

/// Live memory that is being written.
struct LiveSink<W: Write> {
    out: BufWriter<W>,
    position: u64,
    /// The end of the last array that was not given up.
    end: u64,
    /// How many bytes are still to come of the array that was begun.
    open: Option<u64>,
    /// How many it announced.
    announced: u64,
}

/// Live memory that was written, without its header. The header's content is known only at the end.
pub(crate) struct LivePart<W> {
    pub(crate) out: W,
    pub(crate) header: [u8; HEADER],
    pub(crate) layout: ControlLayout,
}

impl<'m, W: Write, M: FnMut() -> Result<W>> SharedSink<'m, W, M> {
    pub(crate) fn new(out: W, nonce: Nonce, make: M) -> Self {
        SharedSink { block: BlockSink::new(out, nonce), live: None, make, nonce, built: None }
    }

    /// Writes the part of a segment that is behind `end`. Before it lie the bytes of these addresses: an array of such bytes
    /// is not written. The caller writes the [`header`](Self::header).
    #[cfg(feature = "ndarray")]
    pub(crate) fn behind(
        end: u64,
        places: Vec<(Range<usize>, u64)>,
        out: W,
        nonce: Nonce,
        make: M,
    ) -> Self {
        let block = BlockSink::behind(end, out, nonce);
        SharedSink { block, live: None, make, nonce, built: Some(Built { places, open: None }) }
    }

    /// Has this meter count the bytes of arrays.
    pub(crate) fn with_meter(self, meter: Option<&'m Meter<'m>>) -> Self {
        SharedSink { block: self.block.with_meter(meter), ..self }
    }

    #[cfg(feature = "ndarray")]
    pub(crate) fn header(&self) -> &[u8] {
        self.block.header()
    }
}

impl<W: Write> LiveSink<W> {
    fn new(out: W) -> Result<Self> {
        let mut sink = LiveSink {
            out: BufWriter::with_capacity(GATHER, out),
            position: 0,
            end: DATA_START,
            open: None,
            announced: 0,
        };
        sink.put(&[0; HEADER])?;
        Ok(sink)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(write_error)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Where the next array starts.
    fn align(&mut self) -> Result<u64> {
        let start = align_up(self.position, ARRAY_ALIGN as u64)
            .ok_or_else(|| Error::new(ErrorKind::Limit, "the live arrays exceed 2^64 bytes"))?;
        self.put(&[0; ARRAY_ALIGN][..(start - self.position) as usize])?;
        Ok(start)
    }

    fn finish(self, nonce: Nonce, entries: &[LiveEntry]) -> Result<LivePart<W>> {
        let layout = ControlLayout::new(entries.len(), self.end)?;
        let out = self.out.into_inner().map_err(|error| write_error(error.into_error()))?;
        Ok(LivePart { out, header: header(nonce, entries), layout })
    }
}

fn write_error(error: std::io::Error) -> Error {
    Error::io("cannot write the live arrays", error)
}

impl<W: Write, M: FnMut() -> Result<W>> Sink for SharedSink<'_, W, M> {
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        if head.kind == Kind::Plain {
            if let Some(built) = self.built.as_mut().filter(|_| head.bytes > 0) {
                built.open = Some((Head::of(head, 0), head.bytes));
            }
            return self.block.begin(head);
        }
        let live = match &mut self.live {
            Some(live) => live,
            none => none.insert(LiveSink::new((self.make)()?)?),
        };
        let start = live.align()?;
        live.open = Some(head.bytes as u64);
        live.announced = head.bytes as u64;
        self.block.push_live(head, start)?;
        if let Some(meter) = self.block.meter {
            meter.begin(head.bytes as u64, head.kind == Kind::Locked);
        }
        Ok(())
    }

    fn expect(&mut self, bytes: usize) {
        self.block.expect(bytes);
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        match &mut self.live {
            Some(live @ LiveSink { open: Some(_), .. }) => {
                live.open = live.open.and_then(|left| left.checked_sub(bytes.len() as u64));
                if live.open.is_none() {
                    return Err(wrong_length());
                }
                match self.block.meter {
                    Some(meter) => meter.pieces(bytes, |piece| live.put(piece)),
                    None => live.put(bytes),
                }
            }
            _ => match self.built.as_mut().and_then(|built| built.find(bytes)) {
                Some((head, place)) => {
                    self.block.is_at(&ArrayHead { bytes: bytes.len(), ..head.view() }, place)
                }
                None => self.block.write(bytes),
            },
        }
    }

    fn end(&mut self) -> Result<u64> {
        match &mut self.live {
            Some(live @ LiveSink { open: Some(_), .. }) => {
                if live.open.take() != Some(0) {
                    return Err(wrong_length());
                }
                live.end = live.position;
                Ok(self.block.count() - 1)
            }
            _ => self.block.end(),
        }
    }

    fn next(&mut self, shape: &[usize], bytes: &[u8]) -> Result<Option<u64>> {
        // In an arena, an array may lie in the segment already.
        if self.built.is_some() { Ok(None) } else { self.block.next(shape, bytes) }
    }

    fn abandon(&mut self) -> Result<()> {
        match &mut self.live {
            Some(live @ LiveSink { open: Some(_), .. }) => {
                live.open = None;
                if let Some(meter) = self.block.meter {
                    meter.abandon(live.announced);
                }
                self.block.pop_live();
                Ok(())
            }
            _ => self.block.abandon(),
        }
    }

    /// A live array never shares its place with another array.
    fn last_place(&self) -> Option<u64> {
        self.block.last_place()
    }

    fn repeat(&mut self, head: &ArrayHead<'_>, place: u64) -> Result<Option<u64>> {
        self.block.repeat(head, place)
    }
}

impl<W: Write, M: FnMut() -> Result<W>> Finish for SharedSink<'_, W, M> {
    type Output = (W, Option<LivePart<W>>);

    fn finish(mut self, inline: Vec<u8>, tables: &[u8]) -> Result<Self::Output> {
        let entries = self.block.live_entries()?;
        let live = match self.live {
            Some(live) if !entries.is_empty() => Some(live.finish(self.nonce, &entries)?),
            _ => None,
        };
        Ok((self.block.finish(inline, tables)?, live))
    }
}

fn wrong_length() -> Error {
    Error::new(ErrorKind::Message, "a live array gave more or fewer bytes than were announced")
}

/// Whether this is the header of the live memory that belongs to the block of that nonce and these live arrays. `read`
/// fills the bytes.
///
/// # Errors
///
/// `Corrupt` if the bytes are not such a header, or belong to another block; `Version` if a later version wrote it; those of
/// `read`.
pub(crate) fn check_live_header(
    nonce: Nonce,
    entries: &[LiveEntry],
    read: impl FnOnce(&mut [u8]) -> std::io::Result<()>,
) -> Result<()> {
    let mut found = [0; HEADER];
    read(&mut found).map_err(|error| Error::io("cannot read the live memory", error))?;
    let expected = header(nonce, entries);
    if found == expected {
        return Ok(());
    }
    let refused = |what| Err(Error::corrupt(what));
    if found[..H_VERSION] != MAGIC {
        return refused("it does not start as live memory does");
    }
    let version = u16::from_le_bytes([found[H_VERSION], found[H_VERSION + 1]]);
    if version != VERSION {
        let text = format!(
            "version {version} of live memory is not known: expected {VERSION}; both processes must be built with the \
             same version of serde_shm"
        );
        return Err(Error::new(ErrorKind::Version, text));
    }
    if found[H_NONCE..H_DIGEST] != expected[H_NONCE..H_DIGEST] {
        return refused("it belongs to another segment: its nonce is another");
    }
    if found[H_DIGEST..] != expected[H_DIGEST..] {
        return refused(
            "it belongs to another block, which says something else of the live arrays (their kinds, dtypes, shapes or \
             places): its digest of them is another",
        );
    }
    refused("its header has something in a place that is zero")
}
