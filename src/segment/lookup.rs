//! How a name is followed to what it stands for.

use std::fs::File;
use std::io;
use std::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::os::{Stamp, Status};

use super::entry::{self, Entry, Found};
use super::folder::Folder;
use super::name::Name;
use super::room::{self, Place};

/// How often a reader starts again because the name was republished under its eyes. Each time a whole publication
/// fell between two system calls of the reader.
const ATTEMPTS: usize = 10_000;

/// What a name stands for, to be opened.
pub(crate) enum Target {
    Memory(Entry),
    /// The file of a persistent segment, open.
    File(File, Status),
}

/// Opens what stands behind a name, by `attempt`; the stamp is that of its entry.
///
/// While the name is republished, the memory of the entry that was read may be gone before it is opened. Then the
/// name has another entry, because a maker publishes the new one before it drops the old: so the error of an attempt
/// counts only if the entry is still the same.
///
/// # Errors
///
/// `NotFound` if there is no such name or its maker has gone; those of `attempt`.
pub(crate) fn follow<T>(
    folder: &Folder,
    name: &Name,
    mut attempt: impl FnMut(Target) -> Result<T>,
) -> Result<(T, Stamp)> {
    // What is remembered is as good as read, or is found out by the nonce.
    if let Some(stamp) = folder.glance(name)
        && let Some(entry) = remembered(stamp)
        && let Ok(opened) = attempt(Target::Memory(entry))
    {
        return Ok((opened, stamp));
    }
    let mut failed = None;
    for _ in 0..ATTEMPTS {
        let (target, stamp) = look(folder, name)?;
        match failed.take() {
            Some((before, error)) if before == stamp => return Err(error),
            _ => match attempt(target) {
                Ok(opened) => return Ok((opened, stamp)),
                Err(error) => failed = Some((stamp, error)),
            },
        }
    }
    Err(Error::new(
        ErrorKind::Io,
        format!("the name `{name}` was republished {ATTEMPTS} times while it was being opened"),
    ))
}

fn look(folder: &Folder, name: &Name) -> Result<(Target, Stamp)> {
    let missing = || {
        let folder = folder.path().display();
        Error::new(
            ErrorKind::NotFound,
            format!("there is no segment of that name: no entry `{name}` in {folder}"),
        )
    };
    let dir = folder.open()?.ok_or_else(missing)?;
    let file = match dir.open_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        file => file.map_err(|e| {
            room::error(&format!("cannot open the entry `{name}`"), e, 0, Place::Directory(&dir))
        })?,
    };
    let (found, status) = entry::read(&file, name)?;
    let stamp = status.stamp();
    match found {
        Found::Block => Ok((Target::File(file, status), stamp)),
        Found::Entry(entry) => {
            remember(stamp, entry);
            Ok((Target::Memory(entry), stamp))
        }
    }
}

/// The entries that were read last. An entry never changes, so its stamp says what is in it, and opening, reading and
/// closing it is saved where a name is opened again and again. Should a file system give the same inode number twice
/// within one tick of its clock, then the nonce tells that the segment is another, and the entry is read.
static RECENT: Mutex<[Option<(Stamp, Entry)>; 32]> = Mutex::new([None; 32]);

/// Nobody waits here: a process may have been forked while the list was held.
fn remembered(stamp: Stamp) -> Option<Entry> {
    let recent = RECENT.try_lock().ok()?;
    recent.iter().flatten().find(|(of, _)| *of == stamp).map(|(_, entry)| *entry)
}

fn remember(stamp: Stamp, entry: Entry) {
    if let Ok(mut recent) = RECENT.try_lock()
        && !recent.iter().flatten().any(|(of, _)| *of == stamp)
    {
        recent.rotate_right(1);
        recent[0] = Some((stamp, entry));
    }
}
