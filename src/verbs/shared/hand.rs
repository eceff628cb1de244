//! A segment as open files, which can be given to another process. Only the pool of workers uses this. The public
//! functions that hand over the memory of live arrays are `unsafe`, and do not hand it over from a read-only handle.

use std::fs::File;

use crate::error::{Error, Result};
use crate::segment::Memory;

use super::live::Access;
use super::{Backing, Segment};

/// The files by which a process opens a segment that was handed to it. In that process only this crate may write to the
/// memory.
pub(crate) struct Handed {
    /// The sealed memory.
    pub(crate) sealed: File,
    /// The memory of its live arrays, if it has any.
    pub(crate) live: Option<File>,
    /// Whether the process may change them.
    pub(crate) writable: bool,
}

fn again(file: &File) -> Result<File> {
    file.try_clone().map_err(|e| Error::io("cannot copy a segment's descriptor", e))
}

impl Handed {
    /// New descriptors of this segment's memory. A segment that is not in sealed memory, that is a persistent one, is
    /// copied there first.
    pub(crate) fn of(segment: &Segment) -> Result<Self> {
        let hand = || {
            let content = segment.content()?;
            let sealed = match &segment.backing {
                Backing::Memory(memory, _) => again(memory.file())?,
                Backing::File(..) => {
                    let mut writer = Memory::create()?;
                    std::io::Write::write_all(&mut writer, content.region.bytes())
                        .map_err(|e| Error::io("cannot copy the segment into memory", e))?;
                    again(Memory::seal(writer)?.file())?
                }
            };
            let live = content.live.as_ref().and_then(|live| live.file());
            let live = live.map(|file| again(file)).transpose()?;
            Ok(Handed { sealed, live, writable: segment.access.writable })
        };
        hand().map_err(|error| segment.named(error))
    }

    /// Opens the segment behind the files. Errors name the container `asked`.
    pub(crate) fn open(self, asked: &str) -> Result<Segment> {
        // The process that handed the memory over has checked whose it is; this process may run as another user.
        let access = Access { writable: self.writable, trusts_owner: true };
        Segment::of_descriptors(self.sealed, self.live, access, asked)
    }
}
