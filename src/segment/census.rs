//! Lists and removes the names of this user.

use std::fs::File;
use std::io;

use crate::error::{Error, ErrorKind, Result};
use crate::files::draft;
use crate::os::{self, Dir, Status};

use super::entry::{self, Entry, FoundName};
use super::folder::{Folder, LockedFolder};
use super::maker::Witness;
use super::name::{self, SegmentName};
use super::publish;
use super::session::{self, Made};
use super::stored;

/// What a look at a name tells, without opening the segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NameInfo {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// When the name was published, in seconds and nanoseconds since 1970.
    pub(crate) created: (i64, u32),
    /// The maker's process, unless the segment is persistent.
    pub(crate) process: Option<u32>,
    pub(crate) alive: bool,
    pub(crate) live_arrays: u64,
}

/// What a name in this user's folder stands for.
enum NameKind {
    Entry(Entry),
    Persistent,
    /// An entry of a later version of this crate.
    Later,
}

/// All names, sorted. Files that are not of this crate are skipped.
///
/// # Errors
///
/// `Io` if the folder is not usable.
pub(crate) fn list(folder: &Folder) -> Result<Vec<NameInfo>> {
    let mut records = Vec::new();
    let mut witness = Witness::default();
    visit(folder, |_, name, file, kind, status| {
        let entry = match kind {
            NameKind::Entry(entry) => Some(entry),
            NameKind::Persistent => None,
            NameKind::Later => return Ok(()),
        };
        records.push(NameInfo {
            name: name.to_string(),
            bytes: entry.as_ref().map_or(status.bytes, |entry| entry.bytes),
            created: status.modified,
            process: entry.as_ref().map(|entry| entry.id.process),
            alive: match &entry {
                Some(entry) => witness.is_alive(file, entry)?,
                None => true,
            },
            live_arrays: entry.map_or(0, |entry| entry.live),
        });
        Ok(())
    })?;
    records.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(records)
}

/// Removes the entries whose maker has gone, and the drafts that dead processes left.
///
/// # Errors
///
/// `Io` if the folder is not usable.
pub(crate) fn reap(folder: &Folder) -> Result<usize> {
    let mut witness = Witness::default();
    remove_where(folder, |file, kind| match kind {
        NameKind::Entry(entry) => Ok(!witness.is_alive(file, entry)?),
        NameKind::Persistent => Ok(false),
        NameKind::Later => os::try_lock(file),
    })
}

/// Removes every name, persistent segments included.
///
/// # Errors
///
/// `Io` if the folder is not usable.
pub(crate) fn free_memory(folder: &Folder) -> Result<usize> {
    remove_where(folder, |_, _| Ok(true))
}

/// Removes one name, whichever process holds it; false if there is no such name.
///
/// # Errors
///
/// `Corrupt` if the file of that name is not of this crate; `Io` if the folder is not usable.
pub(crate) fn remove(folder: &Folder, name: &SegmentName) -> Result<bool> {
    let Some(dir) = folder.lock()? else { return Ok(false) };
    let cannot = |e| Error::io(format!("cannot remove the entry `{name}`"), e);
    let file = match dir.open_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file.map_err(cannot)?,
    };
    kind(&file, name)?;
    dir.unlink(name).map_err(cannot)?;
    Ok(true)
}

/// Removes the names that this process published and that still stand for the same segments. Names that a parent
/// published stay.
///
/// # Errors
///
/// `Io` if a directory is not usable; the other names are removed all the same.
pub(crate) fn remove_session(folder: &Folder) -> Result<usize> {
    let mut removed = 0;
    let mut failed = None;
    for made in session::made_here() {
        match remove_made(folder, &made) {
            Ok(here) => {
                removed += usize::from(here);
                session::forget(&made.dir, &made.name, made.stamp);
            }
            Err(error) => failed = failed.or(Some(error.in_container(&made.name))),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(removed),
    }
}

fn remove_made(folder: &Folder, made: &Made) -> Result<bool> {
    // A file system may give a persistent segment's inode number to another file, so the stamp tells whether it is the
    // same.
    let is_it = |there: &Status| there.stamp() == made.stamp;
    if made.dir == folder.path() {
        return publish::remove_if(folder, &SegmentName::parse(&made.name)?, is_it);
    }
    remove_elsewhere(made, is_it)
        .map_err(|e| Error::io(format!("cannot remove it from {}", made.dir.display()), e))
}

fn remove_elsewhere(made: &Made, is_it: impl Fn(&Status) -> bool) -> io::Result<bool> {
    match Dir::open_through(&made.dir) {
        Ok(dir) => stored::remove_if(&dir, &made.name, is_it),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Removes the names for which `is_meant` holds, and the drafts of dead processes. Returns the number of names.
fn remove_where(
    folder: &Folder,
    mut is_meant: impl FnMut(&File, &NameKind) -> io::Result<bool>,
) -> Result<usize> {
    let mut removed = 0;
    visit(folder, |dir, name, file, kind, _| {
        if is_meant(file, &kind)? {
            dir.unlink(name)?;
            removed += 1;
        }
        Ok(())
    })?;
    Ok(removed)
}

/// Locks the folder and calls `see` with every name that is of this crate. Removes drafts of dead processes.
fn visit(
    folder: &Folder,
    mut see: impl FnMut(&LockedFolder<'_>, &SegmentName, &File, NameKind, &Status) -> io::Result<()>,
) -> Result<()> {
    let Some(dir) = folder.lock()? else { return Ok(()) };
    let cannot = |what: &str, e: io::Error| {
        Error::io(format!("cannot look at {what} in {}", folder.path().display()), e)
    };
    for name in dir.names().map_err(|e| cannot("the names", e))? {
        if name::is_draft(&name) {
            if dir.status_of(&name).is_ok_and(|status| entry::check(&status).is_ok()) {
                draft::remove_dead(&dir, &name).map_err(|e| cannot(&name, e))?;
            }
            continue;
        }
        let Ok(name) = SegmentName::parse(&name) else { continue };
        // The folder belongs to this user. Opening the user's own pipe or device for a moment, without waiting, does no
        // harm.
        let file = match dir.open_file(&name) {
            Ok(file) => file,
            // A link or a socket is not of this crate, and a name can go meanwhile. Any other failure is an error.
            Err(error) => match dir.status_of(&name) {
                Ok(status) if entry::check(&status).is_ok() => return Err(cannot(&name, error)),
                _ => continue,
            },
        };
        match kind(&file, &name) {
            Ok((kind, status)) => {
                see(&dir, &name, &file, kind, &status).map_err(|e| cannot(&name, e))?;
            }
            // A file that cannot be read may still be a segment's, so this is an error.
            Err(error) if error.kind() == ErrorKind::Io => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}

/// # Errors
///
/// `Corrupt`, with the reason, if the file is not of this crate; `Io` if it cannot be read.
fn kind(file: &File, name: &SegmentName) -> Result<(NameKind, Status)> {
    match entry::read(file, name) {
        Ok((FoundName::Entry(entry), status)) => Ok((NameKind::Entry(entry), status)),
        Ok((FoundName::Block, status)) => Ok((NameKind::Persistent, status)),
        Err(error) if error.kind() == ErrorKind::Version => {
            let status = os::file_status(file)
                .map_err(|e| Error::io(format!("cannot look at the entry `{name}`"), e))?;
            Ok((NameKind::Later, status))
        }
        Err(error) => Err(error),
    }
}
