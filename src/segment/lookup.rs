//! Follows a name to what it stands for.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::files::Recent;
use crate::files::room::{self, Medium};
use crate::os::{self, Stamp, Status};

use super::entry::{self, Entry, FoundName};
use super::folder::Folder;
use super::name::SegmentName;

/// How often a reader starts again because a process republished the name meanwhile. Each time a whole publication
/// happened between two system calls of the reader.
const ATTEMPTS: usize = 10_000;

/// What a name stands for, and what is then opened.
pub(crate) enum Target {
    Memory(Entry),
    /// The file of a persistent segment, open.
    File(File, Status),
}

/// Opens by `attempt` what a name stands for. The stamp is that of the name's entry. `path` is the entry's path in the
/// folder.
///
/// If a process republishes the name, the memory of the entry that was read may be gone before it is opened. The name
/// then has another entry, because a maker publishes the new segment before it drops the old one. So the error of an
/// attempt counts only if the entry is still the same.
///
/// # Errors
///
/// `NotFound` if there is no such name or its maker has gone; those of `attempt`.
pub(crate) fn follow<T>(
    folder: &Folder,
    name: &SegmentName,
    path: &Path,
    mut attempt: impl FnMut(Target) -> Result<T>,
) -> Result<(T, Stamp)> {
    // A remembered entry is as good as one that was read; if it is outdated, the nonce shows that.
    if let Some((entry, stamp)) = remembered(folder, path)
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

fn look(folder: &Folder, name: &SegmentName) -> Result<(Target, Stamp)> {
    let missing = || {
        let (path, base) = (folder.path().display(), folder.base_fault());
        let why = base.map_or(String::new(), |fault| format!(", whose parent {fault}"));
        Error::new(
            ErrorKind::NotFound,
            format!("there is no segment of that name: no entry `{name}` in {path}{why}"),
        )
    };
    let dir = folder.open()?.ok_or_else(missing)?;
    let file = match dir.open_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
        file => file.map_err(|e| {
            room::error(&format!("cannot open the entry `{name}`"), e, 0, Medium::Directory(&dir))
        })?,
    };
    let (found, status) = entry::read(&file, name)?;
    let stamp = status.stamp();
    match found {
        FoundName::Block => Ok((Target::File(file, status), stamp)),
        FoundName::Entry(entry) => {
            remember(stamp, entry);
            Ok((Target::Memory(entry), stamp))
        }
    }
}

/// The entries that were read last. An entry never changes, so its stamp identifies its content. This saves opening,
/// reading and closing the entry when a name is opened again and again. If a file system gives the same inode number
/// twice within one tick of its clock, the nonce tells that the segment is another one, and the entry is read.
static RECENT: Recent<Known, 32> = Recent::new();

struct Known {
    entry: Entry,
    /// When the folder last passed its check.
    in_order: Instant,
}

/// How long a passed check of the folder counts, if the entry was read before. Such an entry is this user's own, wherever
/// it is found.
const FRESH: Duration = Duration::from_millis(1);

fn remembered(folder: &Folder, path: &Path) -> Option<(Entry, Stamp)> {
    let stamp = os::path_status(path).ok()?.stamp();
    let entry = RECENT.find(stamp, |known| {
        if known.in_order.elapsed() > FRESH {
            if !folder.is_in_order() {
                return None;
            }
            known.in_order = Instant::now();
        }
        Some(known.entry)
    });
    Some((entry??, stamp))
}

/// Remembers an entry whose folder has just passed its check.
fn remember(stamp: Stamp, entry: Entry) {
    RECENT.put(stamp, Known { entry, in_order: Instant::now() });
}
