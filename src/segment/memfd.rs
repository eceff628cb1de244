//! The memory of a segment. A maker writes it once, seals it and maps it; another process finds it by id, and refuses it
//! unless it is sealed.

use std::fs::File;
use std::io;

use crate::error::{Error, ErrorKind, Result};
use crate::files::room::{self, Medium};
use crate::memory::Region;
use crate::os::{self, SealedMemory, Stamp, Unsealed};

use super::SegmentWriter;
use super::id::{Nonce, SegmentId};

/// Sealed memory of which this process holds a descriptor.
pub(crate) struct Memory(SealedMemory);

impl Memory {
    /// Makes memory, which is then written and sealed.
    ///
    /// # Errors
    ///
    /// `Io` if there is no free descriptor or not enough memory.
    pub(crate) fn create() -> Result<SegmentWriter> {
        let file = os::create_memory().map_err(|e| room::no_memfd("cannot create a memfd", e))?;
        Ok(SegmentWriter::memory(file))
    }

    /// The same, in huge pages as far as the kernel has free ones.
    ///
    /// # Errors
    ///
    /// Those of [`create`](Self::create); `Unsupported` if the kernel does not make huge pages of shared memory.
    #[cfg(feature = "ndarray")]
    pub(crate) fn create_huge() -> Result<SegmentWriter> {
        Memory::check_huge()?;
        Memory::create().map(|writer| SegmentWriter::huge_memory(writer.into_file()))
    }

    /// # Errors
    ///
    /// `Unsupported` if the kernel does not make huge pages of shared memory.
    #[cfg(feature = "ndarray")]
    pub(crate) fn check_huge() -> Result<()> {
        if os::has_huge_pages() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            "the kernel makes no huge pages of shared memory here: an administrator allows them by `echo advise > \
             /sys/kernel/mm/transparent_hugepage/shmem_enabled`; leave `huge_pages` out otherwise",
        ))
    }

    /// Seals the memory that was written. From then on it cannot change, and therefore can be mapped.
    pub(crate) fn seal(writer: SegmentWriter) -> Result<Self> {
        let memory = SealedMemory::seal(writer.into_file())
            .map_err(|e| room::no_memfd("cannot seal the memfd", e))?;
        Ok(Memory(memory))
    }

    /// Opens what the id's descriptor stands for. Only the nonce can tell whether it is the segment that the id means.
    ///
    /// # Errors
    ///
    /// `NotFound` if the maker or its descriptor is gone, or the descriptor stands for something else by now; `Io` if
    /// this process may not look at the maker; `Corrupt` if it is a memfd that somebody can still change.
    pub(crate) fn open(id: &SegmentId) -> Result<Self> {
        let file =
            os::open_descriptor(id.process, id.descriptor).map_err(
                |e| match os::descriptor_kind(id.process, id.descriptor) {
                    // A socket, or another user's device, cannot be opened at all.
                    Ok(kind) if kind != os::FileKind::Regular => taken(id, kind.describe()),
                    _ => unreachable_maker(id.process, id.descriptor, e),
                },
            )?;
        match SealedMemory::check(file).map_err(cannot_look)? {
            Ok(memory) => Ok(Memory(memory)),
            Err(Unsealed::Memory) => {
                Err(unsealed(&format!("descriptor {} of process {}", id.descriptor, id.process)))
            }
            Err(Unsealed::Other(os::FileKind::Regular)) => {
                Err(taken(id, "a file that is not a sealed memfd"))
            }
            Err(Unsealed::Other(kind)) => Err(taken(id, kind.describe())),
        }
    }

    /// The memory behind a descriptor that another process handed over.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the descriptor stands for anything but sealed memory.
    #[cfg(any(unix, feature = "workers"))]
    pub(crate) fn from_file(file: File) -> Result<Self> {
        match SealedMemory::check(file).map_err(cannot_look)? {
            Ok(memory) => Ok(Memory(memory)),
            Err(Unsealed::Memory) => Err(unsealed("the descriptor")),
            Err(Unsealed::Other(kind)) => Err(Error::corrupt(format!(
                "refused: expected the descriptor of a sealed memfd, found {}; \
                 the file of a persistent segment is opened by its path",
                kind.describe()
            ))),
        }
    }

    /// Maps the whole memory. No page is read.
    ///
    /// # Errors
    ///
    /// `Io` if this process has no room for the mapping.
    pub(crate) fn map(&self) -> Result<Region> {
        let map = self
            .0
            .map()
            .map_err(|e| room::error("cannot map the segment", e, self.len(), Medium::Memory))?;
        Ok(Region::from_map(map))
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    /// A stamp that no other memory has.
    pub(crate) fn stamp(&self) -> Stamp {
        self.0.stamp()
    }

    /// The id by which other processes find this descriptor, for as long as this process holds it.
    pub(crate) fn id(&self, nonce: Nonce) -> SegmentId {
        SegmentId {
            process: std::process::id(),
            descriptor: os::descriptor(self.file()),
            nonce,
            live: None,
        }
    }

    pub(crate) fn file(&self) -> &File {
        self.0.file()
    }

    pub(crate) fn into_file(self) -> File {
        self.0.into_file()
    }
}

fn cannot_look(error: io::Error) -> Error {
    Error::io("cannot look at the segment", error)
}

fn unsealed(what: &str) -> Error {
    Error::corrupt(format!(
        "refused: {what} is not a sealed memfd: expected the seals SHRINK and WRITE, \
         without which its bytes could change while they are borrowed"
    ))
}

/// The descriptor exists but is not the segment.
fn taken(id: &SegmentId, found: &str) -> Error {
    if !os::proc_is_own() {
        // The descriptor belongs to another process, since `/proc` shows those of another namespace.
        return Error::new(ErrorKind::NotFound, unseen(id.process));
    }
    Error::new(
        ErrorKind::NotFound,
        format!(
            "the segment has gone: descriptor {} of process {} now belongs to something else, {found}",
            id.descriptor, id.process
        ),
    )
}

/// The error for memory that is a whole segment with another nonce.
pub(crate) fn other_segment(id: &SegmentId) -> Error {
    taken(id, "a segment with another nonce")
}

fn unseen(process: u32) -> String {
    format!(
        "the segment's maker, process {process}, cannot be seen: /proc is not mounted here, or shows another PID \
         namespace's processes; mount it (`unshare --mount-proc`), have the descriptor handed over instead (`AsFd`, \
         `Segment::from_fd`), or make the segment persistent"
    )
}

fn unreachable_maker(process: u32, descriptor: u32, error: io::Error) -> Error {
    let gone = |text: String| Error::new(ErrorKind::NotFound, text);
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied if !os::proc_is_own() => {
            gone(unseen(process)).with_source(error)
        }
        io::ErrorKind::NotFound if os::process_is_shown(process) => gone(format!(
            "the segment has gone: its maker, process {process}, has dropped it (it has no descriptor {descriptor})"
        ))
        .with_source(error),
        io::ErrorKind::NotFound if os::process_exists(process) => gone(format!(
            "the segment's maker, process {process}, cannot be seen: /proc hides it (`hidepid`); have the descriptor \
             handed over instead (`AsFd`, `Segment::from_fd`), or make the segment persistent"
        ))
        .with_source(error),
        io::ErrorKind::NotFound => gone(format!(
            "the segment's maker, process {process}, has gone, and the segment with it; or it cannot be seen from here, \
             because it runs in another PID namespace (a container) or /proc hides it (`hidepid`): then have the \
             descriptor handed over (`AsFd`, `Segment::from_fd`), or make the segment persistent"
        ))
        .with_source(error),
        io::ErrorKind::PermissionDenied => Error::io(
            format!(
                "process {process}, the segment's maker, may not be looked at, or its descriptor {descriptor} is another \
                 user's; a segment is for the processes of one user. A maker that changed its user or group (`setuid`), or \
                 whose program cannot be read, is not dumpable: it must call `prctl(PR_SET_DUMPABLE, 1)`, or hand the \
                 descriptor over (`AsFd`, `Segment::from_fd`)"
            ),
            error,
        ),
        _ => room::error(
            &format!("cannot open descriptor {descriptor} of process {process}"),
            error,
            0,
            Medium::Memory,
        ),
    }
}
