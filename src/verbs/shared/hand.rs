//! A segment in a form that another process can be given: open files.

use std::fs::File;

use crate::error::Result;
use crate::segment::{self, Memory};

use super::Segment;
use super::live::{Access, LiveFrom};

/// What a segment is opened by where it is handed over.
pub(crate) struct Handed {
    /// The sealed memory.
    pub(crate) sealed: File,
    /// The memory of its live arrays, if it has such.
    pub(crate) live: Option<File>,
    pub(crate) access: Access,
}

#[cfg(feature = "workers")]
fn again(file: &File) -> Result<File> {
    file.try_clone().map_err(|e| crate::Error::io("cannot copy a segment's descriptor", e))
}

impl Segment {
    /// Descriptors of what is in this segment. What is not in sealed memory, as the file of a persistent segment, is
    /// copied there first.
    #[cfg(feature = "workers")]
    pub(crate) fn hand_over(&self) -> Result<Handed> {
        let hand = || {
            let content = self.content()?;
            let sealed = match &self.backing {
                super::Backing::Memory(memory, _) => again(memory.file())?,
                super::Backing::File(..) => {
                    let mut writer = Memory::create()?;
                    std::io::Write::write_all(&mut writer, content.region.bytes())
                        .map_err(|e| crate::Error::io("cannot copy the segment into memory", e))?;
                    again(Memory::seal(writer)?.file())?
                }
            };
            let live = content.live.as_ref().and_then(|live| live.file());
            let live = live.map(|file| again(file)).transpose()?;
            Ok(Handed { sealed, live, access: self.access })
        };
        hand().map_err(|error| self.named(error))
    }

    /// The segment behind descriptors that were handed over.
    pub(crate) fn of_handed(handed: Handed, asked: &str) -> Result<Self> {
        let Handed { sealed, live, access } = handed;
        let open = || {
            segment::check_supported()?;
            let (memory, live) = (Memory::from_file(sealed)?, LiveFrom::Handed(live));
            Segment::from_memory(memory, None, asked.to_owned(), live, access)
        };
        open().map_err(|error| error.in_container(asked))
    }
}
