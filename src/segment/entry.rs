//! The entry of a named segment: a small file under the name, which has the id of the memory.
//!
//! - An entry is complete before it has a name, and never changes. Another entry may replace it, in one step.
//! - Its maker holds a lock on it, from before it is visible until the handle is dropped or the process dies, however it
//!   dies. If another process can take that lock, the name is free. A process number alone would not tell, because the
//!   kernel reuses numbers.
//! - It is one line of words: a tag, the version, the id, and then words of the form `KEY=NUMBER` with further facts. A
//!   reader skips keys that it does not know, so that new keys do not need a new version.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use crate::error::{Error, ErrorKind, Result};
use crate::os::{self, FileKind, Status};

use super::id::SegmentId;
use super::maker::Maker;

/// The first word of the line; the version and the id follow.
const TAG: &str = "serde_shm-entry";
const VERSION: &str = "1";

/// The first bytes of a persistent segment's file: the magic of a block (docs/FORMAT.md).
const BLOCK_MAGIC: &[u8] = b"\x89SHM\r\n\x1a\n";

/// More bytes than an entry of any later version will have.
const MAX_BYTES: usize = 4096;

/// The content of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: SegmentId,
    /// The bytes of the segment.
    pub(crate) bytes: u64,
    /// The PID namespace in which the id's process number is valid, and the start time of that process. Both are as `os`
    /// gives them, and zero if they are not known.
    pub(crate) namespace: u64,
    pub(crate) started: u64,
    /// How many live arrays belong to the segment.
    pub(crate) live: u64,
}

impl Entry {
    /// The entry for a segment that this process holds.
    pub(crate) fn of(id: SegmentId, bytes: u64) -> Self {
        let Maker { namespace, started, .. } = Maker::here(id.descriptor);
        Entry { id, bytes, namespace, started, live: 0 }
    }

    /// The process that has the segment and the name.
    pub(super) fn maker(&self) -> Maker {
        let Entry { id: SegmentId { process, descriptor, .. }, namespace, started, .. } = *self;
        Maker { process, descriptor, namespace, started }
    }

    /// Reads an entry. An error's text says what was expected and what was found.
    fn parse(bytes: &[u8]) -> Result<Self> {
        let unlike = || {
            let found: String = String::from_utf8_lossy(bytes).chars().take(60).collect();
            Error::corrupt(format!("expected `{TAG} {VERSION} ID …`, found {found:?}"))
        };
        let line = std::str::from_utf8(bytes).ok().and_then(|text| text.strip_suffix('\n'));
        let mut words = line.ok_or_else(unlike)?.split(' ');
        let (Some(TAG), Some(version)) = (words.next(), words.next()) else {
            return Err(unlike());
        };
        if version != VERSION {
            return Err(Error::new(
                ErrorKind::Version,
                format!(
                    "version {version:?} is not known: expected {VERSION}; read it with the release that wrote it"
                ),
            ));
        }
        let id = SegmentId::parse(words.next().ok_or_else(unlike)?)?;
        let mut entry = Entry { id, bytes: 0, namespace: 0, started: 0, live: 0 };
        for word in words {
            let (key, value) = word.split_once('=').ok_or_else(unlike)?;
            let number = || value.parse().map_err(|_| unlike());
            match key {
                "bytes" => entry.bytes = number()?,
                "ns" => entry.namespace = number()?,
                "started" => entry.started = number()?,
                "live" => entry.live = number()?,
                _ => {}
            }
        }
        Ok(entry)
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Entry { id, bytes, namespace, started, live } = self;
        writeln!(
            f,
            "{TAG} {VERSION} {id} bytes={bytes} ns={namespace} started={started} live={live}"
        )
    }
}

/// What a name stands for.
#[derive(Debug)]
pub(crate) enum FoundName {
    /// An entry, which names memory.
    Entry(Entry),
    /// The file of a persistent segment.
    Block,
}

/// Reads what a name stands for from the name's open file. Of a persistent segment it reads only the first bytes.
///
/// # Errors
///
/// `Corrupt` if the file is not this user's own, if others can write to it, or if it is neither an entry nor a segment;
/// `Version` if it is an entry of a later version.
pub(super) fn read(file: &File, name: &str) -> Result<(FoundName, Status)> {
    let cannot = |e: io::Error| Error::io(format!("cannot read the entry `{name}`"), e);
    let refused = |expected: &str, found: &str| {
        Error::corrupt(format!("the entry `{name}` is refused: expected {expected}, found {found}"))
    };
    let status = os::file_status(file).map_err(cannot)?;
    check(&status).map_err(|(expected, found)| refused(&expected, &found))?;
    let mut buffer = [0; 256];
    let mut bytes = buffer.as_mut_slice();
    let mut more = Vec::new();
    if status.bytes <= bytes.len() as u64 {
        bytes = &mut bytes[..status.bytes as usize];
        os::read_at(file, bytes, 0).map_err(cannot)?;
    } else {
        file.take(MAX_BYTES as u64).read_to_end(&mut more).map_err(cannot)?;
        bytes = &mut more;
    }
    if bytes.starts_with(BLOCK_MAGIC) {
        return Ok((FoundName::Block, status));
    }
    match Entry::parse(bytes) {
        Ok(entry) => Ok((FoundName::Entry(entry), status)),
        Err(error) => {
            let kind = match error.kind() {
                ErrorKind::Version => ErrorKind::Version,
                _ => ErrorKind::Corrupt,
            };
            Err(Error::new(kind, format!("the entry `{name}` is refused: {error:#}")))
        }
    }
}

/// Checks the owner and the rights of a file. The error has what was expected and what was found.
pub(super) fn check(status: &Status) -> Result<(), (String, String)> {
    if status.kind != FileKind::Regular {
        return Err(("a regular file".to_owned(), status.kind.describe().to_owned()));
    }
    let user = os::user();
    if status.owner != user {
        return Err((format!("a file of user {user}"), format!("one of user {}", status.owner)));
    }
    if status.mode & 0o022 != 0 {
        let expected = "a file that nobody else can write".to_owned();
        return Err((expected, format!("mode {:04o}", status.mode)));
    }
    Ok(())
}
