//! Reading a block that was checked.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use crate::dtype::Scalar;
use crate::error::{Error, Result};
use crate::memory;
use crate::memory::live::{Kind, LiveArrays, LiveEntry};
use crate::progress::Meter;

#[cfg(feature = "ndarray")]
use super::super::directory::{self, PathIndex};
use super::super::directory::{ArrayPath, Directory, Like, ListedArray};
use super::super::{ArrayStream, LentStream, Placed, PlacedHead, STREAMED, Source, Standing};
use super::{BlockParts, HEADER, truncated};

/// From this version on several arrays may lie at one place.
const SHARING: u16 = 3;

/// In one reading, a reader may copy this many times the block's bytes and a constant more, up to half of the machine's
/// memory.
const COPIES: u64 = 16;
const FREE_COPIES: u64 = 256 << 20;

/// A block that is read.
#[derive(Clone)]
pub(crate) struct BlockSource<'de> {
    bytes: &'de [u8],
    inline: &'de [u8],
    tables: &'de [u8],
    directory: Directory<'de>,
    version: u16,
    /// Where array data ends.
    limit: usize,
    in_segment: bool,
    live: Option<&'de Arc<LiveArrays>>,
    /// The table that finds arrays by their paths, if it is kept.
    #[cfg(feature = "ndarray")]
    paths: Option<&'de PathIndex>,
    /// The limit on copies that the caller set in place of the usual one.
    copy_limit: Option<u64>,
    /// The description of the last array, which may hold for the next one, too.
    recent: RefCell<Option<Recent>>,
    /// Counts the bytes of arrays that are copied out of the block.
    meter: Option<Arc<Meter<'de>>>,
}

/// An array, and the description that it shares with all that are like it.
#[derive(Clone)]
struct Recent {
    like: Like,
    bytes: usize,
    head: Arc<PlacedHead>,
}

impl<'de> BlockSource<'de> {
    /// A block whose arrays lie in it.
    pub(crate) fn parse(bytes: &'de [u8]) -> Result<Self> {
        let parts = BlockParts::check(bytes)?;
        parts.check_internal()?;
        let rest = &bytes[parts.start()..];
        BlockSource::of_parts(bytes, rest, &parts)
    }

    /// The same bytes again, without a second look at the checksum.
    pub(crate) fn with_parts(bytes: &'de [u8], parts: &'de BlockParts) -> Result<Self> {
        let rest = bytes.get(parts.start()..).ok_or_else(|| truncated(bytes.len() as u64))?;
        BlockSource::with_rest(bytes, rest, parts)
    }

    /// The same, where what is not array data has been read to another place: [`BlockParts::read`].
    pub(crate) fn with_rest(
        bytes: &'de [u8],
        rest: &'de [u8],
        parts: &'de BlockParts,
    ) -> Result<Self> {
        Ok(BlockSource {
            #[cfg(feature = "ndarray")]
            paths: Some(&parts.paths),
            ..BlockSource::of_parts(bytes, rest, parts)?
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
        Ok(BlockSource {
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
            meter: None,
        })
    }

    /// The same, with this limit on the bytes that readers may copy.
    pub(crate) fn limited(self, copy_limit: Option<u64>) -> Self {
        BlockSource { copy_limit, ..self }
    }

    /// The same, with this meter for what is copied out of the block.
    pub(crate) fn counted(self, meter: Option<Arc<Meter<'de>>>) -> Self {
        BlockSource { meter, ..self }
    }

    /// The bytes of all arrays that lie in the block.
    pub(crate) fn bytes_of_arrays(&self) -> Result<u64> {
        let bytes = |number| {
            let entry = self.directory.entry(number)?;
            Ok(if entry.kind == Kind::Plain { entry.bytes as u64 } else { 0 })
        };
        (0..self.directory.len()).map(bytes).sum()
    }

    /// The same as the block of a segment, whose arrays are of fixed kinds.
    pub(crate) fn of_segment(self, live: Option<&'de Arc<LiveArrays>>) -> Self {
        BlockSource { in_segment: true, live, ..self }
    }

    /// What the directory says of arrays in live memory.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the directory contradicts itself.
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
            None => directory::look_through(self.directory, path),
        }
    }

    /// The bytes of an array. They must lie between the header and the inline block, at their element's alignment.
    pub(crate) fn placed(&self, number: u64, entry: ListedArray) -> Result<Placed<'de>> {
        let ListedArray { dtype, shape, order, bytes, offset, .. } = entry;
        let standing = if self.in_segment { Standing::Fixed } else { Standing::Free };
        let head = PlacedHead::new(dtype, shape, order, standing);
        self.at(number, head, offset, bytes)
    }

    /// This many bytes of the block as the elements of an array.
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
        if start & (head.alignment - 1) != 0 {
            return Err(bad("its offset is not a multiple of its alignment"));
        }
        Ok(Placed { head, bytes, region: None })
    }
}

impl<'de> Source<'de> for BlockSource<'de> {
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
        // All bytes of the block may be copied once, whatever limit the caller set.
        let all = self.bytes.len() as u64;
        let usual = || {
            all.saturating_mul(COPIES).saturating_add(FREE_COPIES).min(memory::half_of_machine())
        };
        Some(self.copy_limit.unwrap_or_else(usual).max(all))
    }

    fn live(&self) -> Option<&'de Arc<LiveArrays>> {
        self.live
    }

    fn array_to_copy(&self, number: u64) -> Result<Option<ArrayStream<'de>>> {
        let Some(meter) = &self.meter else { return Ok(None) };
        let placed = self.array(number)?;
        let bytes = placed.bytes;
        // A byte that is not a bool is an error with its place, which a stream does not know.
        let is_bool = placed.dtype.scalar() == Some(Scalar::Bool);
        if is_bool || (bytes.len() as u64) < STREAMED {
            return Ok(None);
        }
        meter.begin(bytes.len() as u64, false);
        let (placed, meter) = (Placed { bytes: &[], ..placed }, Some(Arc::clone(meter)));
        Ok(Some(ArrayStream::new(placed, bytes.len(), LentStream(bytes), meter)))
    }

    fn path(&self, number: u64) -> Result<ArrayPath<'de>> {
        self.directory.path(number)
    }

    fn array(&self, number: u64) -> Result<Placed<'de>> {
        let mut recent = self.recent.borrow_mut();
        let next = recent.as_ref().and_then(|recent| recent.like.next(number));
        let like = match next {
            Some(next) => Some(next),
            None => self.directory.like(number)?,
        };
        if let (Some(like), Some(recent)) = (like, &mut *recent)
            && recent.like.alike == like.alike
        {
            recent.like = like;
            return self.at(number, Arc::clone(&recent.head), like.offset, recent.bytes);
        }
        let entry = self.directory.entry(number)?;
        if entry.kind != Kind::Plain {
            let ListedArray { dtype, shape, order, kind, .. } = entry;
            let standing = Standing::Live(kind, number);
            let head = PlacedHead::new(dtype, shape, order, standing);
            return Ok(Placed { head, bytes: &[], region: None });
        }
        let bytes = entry.bytes;
        let placed = self.placed(number, entry)?;
        if let Some(like) = like {
            *recent = Some(Recent { like, bytes, head: Arc::clone(&placed.head) });
        }
        Ok(placed)
    }
}
