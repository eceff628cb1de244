//! The checked content of a segment: its bytes, and where things lie in them.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::files::Recent;
use crate::memory::Region;
use crate::memory::live::LiveArrays;
use crate::os;
use crate::progress::Meter;
use crate::segment::{self, Memory, Nonce, SegmentId, Stored};
use crate::store::{BlockParts, BlockSource, KEPT};

use super::live::{Access, LiveFrom, live_arrays};

/// A segment's bytes, checked.
pub(super) struct Content {
    pub(super) region: Region,
    checked: Arc<Checked>,
    /// The live arrays, if the segment has any and they were opened.
    pub(super) live: Option<Arc<LiveArrays>>,
}

/// What the check of a segment found.
struct Checked {
    parts: Arc<BlockParts>,
    /// A copy of what is not array data, if it was read into a buffer of its own.
    rest: Option<Box<[u8]>>,
}

impl Content {
    /// The content of sealed memory. No page of the mapping is touched, unless more than a small part is not array data.
    fn of_memory(memory: &Memory) -> Result<Self> {
        if let Some(checked) = RECENT.find(memory.stamp(), |checked| Arc::clone(checked)) {
            return Ok(Content { region: memory.map()?, checked, live: None });
        }
        let read = |bytes: &mut [u8], at| os::read_at(memory.file(), bytes, at);
        let Some((parts, rest)) = BlockParts::read(memory.len(), KEPT, read)? else {
            return Content::in_place(memory.map()?);
        };
        let content = Content::new(memory.map()?, parts, Some(rest))?;
        RECENT.put(memory.stamp(), Arc::clone(&content.checked));
        Ok(content)
    }

    /// The content of sealed memory with its live arrays; an error if the memory is not the segment of this id.
    pub(super) fn with_live(
        memory: &Memory,
        id: Option<&SegmentId>,
        from: LiveFrom<'_>,
        access: Access,
    ) -> Result<Self> {
        let mut content = Content::of_memory(memory)?;
        if let Some(id) = id.filter(|id| id.nonce != content.nonce()) {
            return Err(segment::other_segment(id));
        }
        content.live = live_arrays(&content, from, access)?;
        Ok(content)
    }

    /// The content of a persistent segment. Its two ends are checked first, and then the file is read as a whole.
    pub(super) fn read(file: &Stored, meter: Option<&Meter<'_>>) -> Result<Self> {
        BlockParts::read(file.len(), KEPT, |bytes, at| os::read_at(file.file(), bytes, at))?;
        Content::in_place(file.read(meter)?)
    }

    /// The content of a block that is in memory as a whole, mapped or read.
    pub(super) fn in_place(region: Region) -> Result<Self> {
        let parts = BlockParts::check(region.bytes())?;
        Content::new(region, parts, None)
    }

    fn new(region: Region, parts: BlockParts, rest: Option<Box<[u8]>>) -> Result<Self> {
        check_is_object(&parts)?;
        Ok(Content {
            region,
            checked: Arc::new(Checked { parts: Arc::new(parts), rest }),
            live: None,
        })
    }

    pub(super) fn parts(&self) -> Arc<BlockParts> {
        Arc::clone(&self.checked.parts)
    }

    pub(super) fn nonce(&self) -> Nonce {
        self.checked.parts.nonce()
    }

    /// Whether some of the segment's arrays are live.
    pub(super) fn has_live(&self) -> bool {
        self.checked.parts.live() != 0
    }

    pub(super) fn block(&self) -> Result<BlockSource<'_>> {
        let Checked { parts, rest } = &*self.checked;
        let bytes = self.region.bytes();
        match rest {
            Some(rest) => BlockSource::with_rest(bytes, rest, parts),
            None => BlockSource::with_parts(bytes, parts),
        }
        .map(|block| block.of_segment(self.live.as_ref()))
    }
}

/// # Errors
///
/// `Corrupt` if the block is that of an archive, whose arrays lie elsewhere.
pub(super) fn check_is_object(parts: &BlockParts) -> Result<()> {
    if parts.is_external() {
        return Err(Error::corrupt("it holds the index of an .npz file and no object"));
    }
    Ok(())
}

/// The results of the checks of the memory that was opened last. Sealed memory never changes, and no other memory has the
/// same stamp, so a result stays true. This saves two reads and a checksum when a process opens the same segment again
/// and again.
static RECENT: Recent<Arc<Checked>, 8> = Recent::new();
