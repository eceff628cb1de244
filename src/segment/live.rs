//! The memory of a segment's live arrays: made beside the sealed memory, found by the descriptor that the id names.

use std::fs::File;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::live::Layout;
use crate::os;

use super::id::SegmentId;
use super::room::{self, Place};
use super::writer::SegmentWriter;

/// New memory, to be written and then sealed.
///
/// # Errors
///
/// `Io` if there is no descriptor or memory for it.
pub(crate) fn create_live() -> Result<SegmentWriter> {
    let file = os::create_live()
        .map_err(|e| room::no_memfd("cannot create a memfd for the live arrays", e))?;
    Ok(SegmentWriter::memory(file))
}

/// Gives the memory its header, and its length for good.
///
/// # Errors
///
/// `Io` if the limit on file sizes or the memory does not suffice.
pub(crate) fn seal_live(writer: SegmentWriter, header: &[u8], layout: &Layout) -> Result<File> {
    let file = writer.into_file();
    let failed = |doing| move |e| room::error(doing, e, layout.total(), Place::Memory);
    os::seal_live(&file, header, layout.total())
        .map_err(failed("cannot seal the live arrays' memory"))?;
    os::reserve(&file, layout.start(), layout.rows())
        .map_err(failed("cannot get memory for the live arrays' locks"))?;
    Ok(file)
}

/// Opens what the id names beside the sealed memory.
///
/// # Errors
///
/// `NotFound` if the id names nothing, or its process or descriptor is gone.
pub(crate) fn open_live(id: &SegmentId) -> Result<File> {
    let Some(descriptor) = id.live else {
        return Err(Error::new(
            ErrorKind::NotFound,
            "the id does not name the descriptor of the live arrays (`PID:FD:NONCE:FD`)",
        ));
    };
    os::open_live(id.process, descriptor).map_err(|error| {
        let doing = format!(
            "cannot open descriptor {descriptor} of process {} for reading and writing",
            id.process
        );
        room::error(&doing, error, 0, Place::Memory)
    })
}

/// Whether the file is live memory of this layout. Its length is certain to stay what it is.
///
/// # Errors
///
/// `Io` if it is another user's, unless its owner is trusted; `Corrupt` if it can be cut or has another length.
pub(crate) fn check_live(file: &File, layout: &Layout, trusts_owner: bool) -> Result<()> {
    let found = os::check_live(file).map_err(|e| Error::io("cannot look at the live arrays", e))?;
    let user = os::user();
    match found {
        None => Err(Error::corrupt(
            "refused: it is not a memfd sealed as live memory is: expected the seals SHRINK and GROW, without which its \
             pages could be taken away, and not WRITE",
        )),
        Some(status) if status.bytes != layout.total() => Err(Error::corrupt(format!(
            "refused: expected {} bytes of live memory, found {}",
            layout.total(),
            status.bytes
        ))),
        Some(status) if status.owner != user && !trusts_owner => Err(Error::new(
            ErrorKind::Io,
            format!(
                "refused: expected memory that user {user} made, found memory of user {}, whose processes could write to \
                 it without the lock while it is borrowed here; `OpenOptions::trust_owner` takes it all the same",
                status.owner
            ),
        )),
        Some(_) => Ok(()),
    }
}
