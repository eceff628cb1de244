//! A segment in a form that another process can be given: open files. For the processes of a pool alone: what is public hands
//! the memory of live arrays over by `unsafe` functions, and none of a handle that is for reading.

use std::fs::File;

use crate::error::{Error, Result};
use crate::segment::Memory;

use super::live::Access;
use super::{Backing, Segment};

/// What a segment is opened by where it is handed over, to a process that nobody but this crate writes to it in.
pub(crate) struct Handed {
    /// The sealed memory.
    pub(crate) sealed: File,
    /// The memory of its live arrays, if it has such.
    pub(crate) live: Option<File>,
    /// Whether they may be changed.
    pub(crate) writable: bool,
}

fn again(file: &File) -> Result<File> {
    file.try_clone().map_err(|e| Error::io("cannot copy a segment's descriptor", e))
}

impl Handed {
    /// Descriptors of what is in this segment. What is not in sealed memory, as the file of a persistent segment, is
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

    /// The segment behind them, which errors name so.
    pub(crate) fn open(self, asked: &str) -> Result<Segment> {
        // Whose memory it is, the process that gave it has looked at; this one may be of another user.
        let access = Access { writable: self.writable, trusts_owner: true };
        Segment::of_descriptors(self.sealed, self.live, access, asked)
    }
}
