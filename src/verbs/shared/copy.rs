//! Gives a segment's block as bytes, and makes a segment of such bytes, without decoding anything.

use std::fs::File;
use std::io::{self, Read, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::memory;
use crate::os;
use crate::progress::{Meter, Work, metered};
use crate::segment::{Nonce, SegmentWriter};
use crate::store::{BlockParts, HEADER, TRAILER, check_head, put_nonce};

use super::live::elements_elsewhere;
use super::options::Blank;
use super::{Content, Segment, SegmentOptions};
use crate::verbs::Block;

/// How many bytes of a reader are gathered before they are written.
const PIECE: usize = 1 << 20;

impl Segment {
    /// The segment's block: a handle that keeps the memory mapped, but no descriptor open.
    ///
    /// A program that holds a thousand objects can open each, take its block and drop the `Segment`:
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use serde_shm::{Block, Segment};
    /// # use std::collections::BTreeMap;
    /// # let made = serde_shm::to_shared(&BTreeMap::from([("x", ndarray::arr1(&[1.5_f64, 2.5]))]))?;
    /// # let id = made.id();
    ///
    /// let block: Block = Segment::open(id)?.block()?; // the descriptor is closed here
    /// let x = block.array::<f64, ndarray::Ix1>("x")?; // no copy: it lies in the segment
    /// assert_eq!(x[1], 2.5);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A [`Block`] lacks everything that needs a descriptor: [`id`](Self::id), `AsFd` and [`offer`](Self::offer). Other
    /// processes cannot open the segment through this process once it has dropped its `Segment`s. To allow that, keep one
    /// of them, or make a new segment of the block by [`SegmentOptions::create_from_bytes`]. If the `Segment` is the
    /// maker's handle, the name goes with it, as always.
    ///
    /// The bytes of the block are those that [`write_block`](Self::write_block) writes, except for the nonce and the
    /// checksum; [`from_bytes`](crate::from_bytes) reads them.
    ///
    /// Costs no system call and no copy. A persistent segment is read first, if the handle has not read it yet.
    ///
    /// # Errors
    ///
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if the object has live arrays: their elements are not in the block,
    /// and their locks need an open descriptor, by which the kernel frees them; those of [`get`](Self::get) for a
    /// persistent segment.
    pub fn block(&self) -> Result<Block> {
        let content = self.whole_content()?;
        Ok(Block::of_region(content.region.clone(), content.parts()))
    }

    /// Writes the segment's block to a writer. These are the bytes that [`to_bytes`](crate::to_bytes) gives for the
    /// object, but the object is not serialized again.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&vec!["a", "b"])?;
    /// let mut file = Vec::new();
    /// segment.write_block(&mut file)?;
    /// assert_eq!(file, &serde_shm::to_bytes(&vec!["a", "b"])?[..]);
    /// assert_eq!(serde_shm::from_bytes::<Vec<&str>>(&file)?, ["a", "b"]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs three calls of `write_all`, or more if the handle has a function of [`OpenOptions::progress`](crate::OpenOptions::progress).
    /// The second one passes everything but the block's first and last 64 bytes, from
    /// where it lies. The writer is flushed.
    ///
    /// # Errors
    ///
    /// Those of the writer and of [`block`](Self::block). The bytes that were written before an error are not a whole
    /// block.
    pub fn write_block<W: Write>(&self, mut writer: W) -> Result<()> {
        let bytes = self.whole_content()?.region.bytes();
        let (mut header, body, mut trailer) = ends(bytes)?;
        put_nonce(&mut header, Nonce::default()).apply(&mut trailer);
        let all = || Ok(Some(bytes.len() as u64));
        metered(self.progress.as_ref(), Work::WRITE, all, |meter| {
            for part in [&header[..], body, &trailer] {
                let mut write = |piece: &[u8]| writer.write_all(piece).map_err(write_error);
                match meter {
                    Some(meter) => meter.pieces(part, write)?,
                    None => write(part)?,
                }
            }
            writer.flush().map_err(write_error)
        })
    }

    /// The segment's content, if the whole object is in the block.
    fn whole_content(&self) -> Result<&Content> {
        let whole = || match self.content()? {
            content if content.has_live() => Err(elements_elsewhere()),
            content => Ok(content),
        };
        whole().map_err(|error| self.named(error))
    }
}

impl SegmentOptions {
    /// Makes a segment with these options of a block of bytes, as [`to_bytes`](crate::to_bytes) gives it, without
    /// decoding the object.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::SegmentOptions;
    ///
    /// let bytes = serde_shm::to_bytes(&("answer", 42))?; // in life it comes from a file or a socket
    /// let segment = SegmentOptions::new().create_from_bytes(&bytes)?;
    /// assert_eq!(segment.get::<(&str, i32)>()?, ("answer", 42));
    /// assert!(SegmentOptions::new().create_from_bytes(&bytes[..bytes.len() - 1]).is_err());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The block is not trusted. Its magic, version, lengths, checksum and directory are checked before anything is
    /// written; the object itself is checked when it is read. The segment gets a nonce of its own, by which two segments
    /// that were made of the same block can be told apart. It keeps the version in which the block was written.
    ///
    /// Costs what [`create`](Self::create) costs for one array of that size: one copy, in three writes.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) or [`Version`](crate::ErrorKind::Version) as from
    /// [`from_bytes`](crate::from_bytes); [`Unsupported`](crate::ErrorKind::Unsupported) if the block comes from a
    /// segment with live arrays, whose elements are not in the block; those of [`create`](Self::create).
    pub fn create_from_bytes(&self, block: &[u8]) -> Result<Segment> {
        let all = || Ok(Some(block.len() as u64));
        let fill = |mut blank: Blank, meter: Option<&Meter<'_>>| {
            check_whole(&BlockParts::check(block)?)?;
            let (mut header, body, mut trailer) = ends(block)?;
            put_nonce(&mut header, blank.nonce).apply(&mut trailer);
            for part in [&header[..], body, &trailer] {
                let mut write = |piece: &[u8]| blank.out.write_all(piece).map_err(write_error);
                match meter {
                    Some(meter) => meter.pieces(part, write)?,
                    None => write(part)?,
                }
            }
            Ok((blank.out, None))
        };
        self.create_by(&all, Box::new(fill))
    }

    /// Makes a segment with these options of a reader's bytes up to its end, which must be one block. The bytes go
    /// straight into the segment, in writes of 1 MiB, and are never in memory twice.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::SegmentOptions;
    ///
    /// let mut sent = Vec::new();
    /// serde_shm::to_writer(&mut sent, &vec![1_u64, 2, 3])?;
    /// let segment = SegmentOptions::new().create_from_reader(&sent[..])?;
    /// assert_eq!(segment.get::<Vec<u64>>()?, [1, 2, 3]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The block is checked as by [`create_from_bytes`](Self::create_from_bytes): its first 64 bytes before anything is
    /// written, the rest before the segment gets its name. A block's length stands at its end, so this method cannot know
    /// beforehand how much it will read. It reads at most half of the machine's memory (4 GiB if the size of the memory
    /// is not known); [`create_from_reader_limited`](Self::create_from_reader_limited) takes another limit.
    ///
    /// # Errors
    ///
    /// Those of the reader and of [`create_from_bytes`](Self::create_from_bytes); [`Limit`](crate::ErrorKind::Limit) if
    /// the reader gives more bytes than the limit. After an error nothing is left behind.
    pub fn create_from_reader<R: Read>(&self, reader: R) -> Result<Segment> {
        self.create_from_reader_limited(reader, memory::half_of_machine())
    }

    /// [`create_from_reader`](Self::create_from_reader) with a limit that the caller chooses: how many bytes the reader
    /// may give.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let bytes = serde_shm::to_bytes(&vec![1_u64; 1000])?;
    /// let options = serde_shm::SegmentOptions::new();
    /// let error = options.create_from_reader_limited(&bytes[..], 100).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Limit);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`create_from_reader`](Self::create_from_reader).
    pub fn create_from_reader_limited<R: Read>(&self, reader: R, limit: u64) -> Result<Segment> {
        let fill = |blank: Blank, meter: Option<&Meter<'_>>| {
            let (writer, total) = write_all_of(reader, limit, blank, meter)?;
            if !self.persist {
                // Memory is checked when it has been sealed, before it gets a name.
                return Ok((writer, None));
            }
            let file = writer.into_file();
            check_file(&file, total)?;
            Ok((SegmentWriter::file(file), None))
        };
        self.create_by(&|| Ok(None), Box::new(fill))
    }
}

/// Writes the reader's bytes with the blank's nonce, and returns their length. Only the first bytes are checked.
fn write_all_of(
    reader: impl Read,
    limit: u64,
    mut blank: Blank,
    meter: Option<&Meter<'_>>,
) -> Result<(SegmentWriter, u64)> {
    // One byte more, so that input beyond the limit is noticed.
    let mut reader = reader.take(limit.saturating_add(1));
    let mut piece = Vec::with_capacity(PIECE);
    let mut total = 0;
    let mut fill = |piece: &mut Vec<u8>, len: usize| {
        let more = reader.by_ref().take((len - piece.len()) as u64).read_to_end(piece);
        let more = more.map_err(|e| Error::io("cannot read the container", e))? as u64;
        total += more;
        if let Some(meter) = meter {
            meter.come(more)?;
        }
        if total > limit { Err(too_long(limit)) } else { Ok(total) }
    };
    let total = fill(&mut piece, HEADER)?;
    let Some(header) = check_head(&piece)? else { return Err(too_short(total)) };
    let mut header = *header;
    let change = put_nonce(&mut header, blank.nonce);
    piece.copy_from_slice(&header);
    loop {
        let total = fill(&mut piece, PIECE)?;
        if piece.len() < PIECE {
            if total < (HEADER + TRAILER) as u64 {
                return Err(too_short(total));
            }
            let Some(trailer) = piece.last_chunk_mut() else { return Err(too_short(total)) };
            change.apply(trailer);
            blank.out.write_all(&piece).map_err(write_error)?;
            return Ok((blank.out, total));
        }
        // The last bytes are held back: they may be the trailer.
        let end = PIECE - TRAILER;
        blank.out.write_all(&piece[..end]).map_err(write_error)?;
        piece.drain(..end);
    }
}

fn too_long(limit: u64) -> Error {
    Error::new(
        ErrorKind::Limit,
        format!(
            "the reader gives more than {limit} bytes; `create_from_reader_limited` takes another limit"
        ),
    )
}

fn too_short(total: u64) -> Error {
    Error::corrupt(format!("truncated: the reader ends after {total} bytes, and no block does"))
}

/// Checks a block in a file before the file gets its name. This takes as much memory as the block has that is not array
/// data.
fn check_file(file: &File, total: u64) -> Result<()> {
    let read = |bytes: &mut [u8], at| os::read_at(file, bytes, at);
    match BlockParts::read(total, u64::MAX, read)? {
        Some((parts, _)) => check_whole(&parts),
        None => unreachable!("nothing is longer"),
    }
}

/// Checks that the whole object is in the block.
fn check_whole(parts: &BlockParts) -> Result<()> {
    if parts.live() != 0 {
        return Err(elements_elsewhere());
    }
    super::content::check_is_object(parts)
}

type Ends<'a> = ([u8; HEADER], &'a [u8], [u8; TRAILER]);

/// The two ends of a block, and what lies between them.
fn ends(block: &[u8]) -> Result<Ends<'_>> {
    let split = || {
        let (header, rest) = block.split_first_chunk()?;
        let (body, trailer) = rest.split_last_chunk()?;
        Some((*header, body, *trailer))
    };
    split().ok_or_else(|| Error::corrupt("it is shorter than a block's two ends"))
}

fn write_error(error: io::Error) -> Error {
    Error::io("cannot write the container", error)
}
