//! The memory of a segment's live arrays. It is made beside the sealed memory, and found by the descriptor that the id
//! names.

use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::files;
use crate::files::room::{self, Medium};
use crate::memory::live::ControlLayout;
use crate::os;

use super::SegmentWriter;
use super::id::{Nonce, SegmentId};

/// Makes memory, which is then written and sealed.
///
/// # Errors
///
/// `Io` if there is no free descriptor or not enough memory.
pub(crate) fn create_live() -> Result<SegmentWriter> {
    let file = os::create_live()
        .map_err(|e| room::no_memfd("cannot create a memfd for the live arrays", e))?;
    Ok(SegmentWriter::memory(file))
}

/// Writes the memory's header, and fixes its length for good.
///
/// # Errors
///
/// `Io` if the limit on file sizes is too low or there is not enough memory.
pub(crate) fn seal_live(
    writer: SegmentWriter,
    header: &[u8],
    layout: &ControlLayout,
) -> Result<File> {
    let file = writer.into_file();
    let failed = |doing| move |e| room::error(doing, e, layout.total(), Medium::Memory);
    files::check_size(layout.total())
        .and_then(|()| os::seal_live(&file, header, layout.total()))
        .map_err(failed("cannot seal the live arrays' memory"))?;
    os::reserve(&file, layout.start(), layout.rows())
        .map_err(failed("cannot get memory for the live arrays' locks"))?;
    Ok(file)
}

/// Opens the live memory that the id names beside the sealed memory.
///
/// An id of this process must name live memory that a handle of this process has. Otherwise safe code could make such
/// memory by itself, keep a descriptor of it, and write to it while guards of this crate borrow it.
///
/// # Errors
///
/// `NotFound` if the id does not name live memory, or if its process or descriptor is gone.
pub(crate) fn open_live(id: &SegmentId) -> Result<Arc<File>> {
    let missing = |text: String| Error::new(ErrorKind::NotFound, text);
    let Some(descriptor) = id.live else {
        return Err(missing(
            "the id does not name the descriptor of the live arrays (`PID:FD:NONCE:FD`)".to_owned(),
        ));
    };
    if id.process == std::process::id() {
        return own_live(id.nonce, descriptor).ok_or_else(|| {
            missing(format!(
                "the id is one of this process, in which no handle of that segment has descriptor {descriptor} for its live \
                 arrays"
            ))
        });
    }
    let file = os::open_live(id.process, descriptor).map_err(|error| {
        let doing = format!(
            "cannot open descriptor {descriptor} of process {} for reading and writing",
            id.process
        );
        room::error(&doing, error, 0, Medium::Memory)
    })?;
    Ok(Arc::new(file))
}

type Own = Vec<(Nonce, Weak<File>)>;

/// The live memory that handles of this process have, by their segments' nonces. A forked child has a copy of the list,
/// and of the descriptors.
static OWN: Mutex<Own> = Mutex::new(Vec::new());

/// How long a thread waits for the list. Another thread holds it only for a few instructions; but the process may be
/// forked at that moment, and its child would wait for ever.
const PATIENCE: Duration = Duration::from_secs(1);

fn own() -> Option<MutexGuard<'static, Own>> {
    let started = Instant::now();
    loop {
        match OWN.try_lock() {
            Ok(list) => return Some(list),
            Err(TryLockError::Poisoned(list)) => return Some(list.into_inner()),
            Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                std::thread::yield_now();
            }
            Err(TryLockError::WouldBlock) => return None,
        }
    }
}

/// Another handle on the live memory that this process has under that descriptor.
fn own_live(nonce: Nonce, descriptor: u32) -> Option<Arc<File>> {
    let list = own()?;
    let mut known = list.iter().filter(|(of, _)| *of == nonce);
    known.find_map(|(_, file)| file.upgrade().filter(|file| os::descriptor(file) == descriptor))
}

/// Notes that a handle of this process has that memory from now on.
pub(crate) fn remember_live(nonce: Nonce, file: &Arc<File>) {
    if Arc::weak_count(file) > 0 {
        // It came from the list, so it is already there.
        return;
    }
    let Some(mut list) = own() else { return };
    // Memory that is gone is dropped from the list when the list would grow, so that the list has at most about twice as
    // many places as there are live memories.
    if list.len() == list.capacity() {
        list.retain(|(_, file)| file.strong_count() > 0);
        let room = list.len();
        list.reserve(room.max(8));
    }
    list.push((nonce, Arc::downgrade(file)));
}

/// Checks that the file is live memory of this layout, and that nobody can change its length.
///
/// # Errors
///
/// `Io` if it is another user's and its owner is not trusted; `Corrupt` if it can be cut or has another length.
pub(crate) fn check_live(file: &File, layout: &ControlLayout, trusts_owner: bool) -> Result<()> {
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
