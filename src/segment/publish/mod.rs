//! Gives a segment of memory its name, and removes the name.

use std::fs::File;
use std::io::{self, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::files::Draft;
use crate::files::room::{self, Medium};
use crate::os::{self, Dir, Stamp, Status};

use super::entry::{self, Entry, FoundName};
use super::folder::Folder;
use super::maker::Witness;
use super::name::SegmentName;
use super::session;

/// The name of an entry from when it is made until the rename. Only the process that holds the folder's lock uses this
/// name.
const DRAFT: &str = ".new";

/// A name that this process gave to a segment. Dropping this value removes the name, if it still has the same entry.
pub(crate) struct Published {
    folder: Folder,
    name: SegmentName,
    /// Kept open for its lock. Also, no other file can get its inode number while it is open.
    _entry: File,
    stamp: Stamp,
    /// The process that published the name. A forked child has a copy of this value, but must not remove the name.
    maker: u32,
}

/// # Errors
///
/// `AlreadyExists` if the name is in use; `Io` if the folder is not usable.
pub(crate) fn ensure_free(folder: &Folder, name: &SegmentName) -> Result<()> {
    match folder.lock()? {
        Some(dir) => not_in_use(&dir, name),
        None => Ok(()),
    }
}

/// Gives the name to the segment, in one step: other processes see the old entry or the new one, or, if there was no old
/// entry, no entry or the new one.
///
/// # Errors
///
/// `AlreadyExists` if the name is in use and `replace` is false; `Io` if the folder or its file system is not usable.
/// After an error nothing has changed.
pub(crate) fn publish(
    folder: &Folder,
    name: &SegmentName,
    entry: &Entry,
    replace: bool,
) -> Result<(Published, Stamp)> {
    let dir = folder.make_and_lock()?;
    let cannot = |e: io::Error| {
        room::error(&format!("cannot publish the name `{name}`"), e, 0, Medium::Directory(&dir))
    };
    let draft = write(&dir, entry, Draft::create).map_err(cannot)?;
    give_name(&dir, &draft, name, replace, cannot)?;
    let file = draft.into_file();
    // The folder is locked, so the name stands for this file. A failed look at it is no reason to undo the replacement.
    let stamp = match os::file_status(&file).or_else(|_| dir.status_of(name)) {
        Ok(status) => status.stamp(),
        Err(error) => {
            let _ = dir.unlink(name);
            return Err(cannot(error));
        }
    };
    drop(dir);
    let maker = std::process::id();
    session::remember(folder.path(), name, stamp);
    Ok((
        Published { folder: folder.clone(), name: name.clone(), _entry: file, stamp, maker },
        stamp,
    ))
}

fn write<'a>(
    dir: &'a Dir,
    entry: &Entry,
    create: impl FnOnce(&'a Dir, &str) -> io::Result<Draft<&'a Dir>>,
) -> io::Result<Draft<&'a Dir>> {
    let draft = create(dir, DRAFT)?;
    draft.writer().write_all(entry.to_string().as_bytes())?;
    Ok(draft)
}

/// Links or renames a draft to the name. The caller has locked the folder.
pub(super) fn give_name(
    dir: &Dir,
    draft: &Draft<&Dir>,
    name: &SegmentName,
    replace: bool,
    cannot: impl Fn(io::Error) -> Error,
) -> Result<()> {
    if replace {
        return draft.rename_to(&**name).map_err(cannot);
    }
    match draft.link_to(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            not_in_use(dir, name)?;
            // The folder is locked, so the entry that the rename replaces is still the dead maker's.
            draft.rename_to(&**name).map_err(cannot)
        }
        done => done.map_err(cannot),
    }
}

/// # Errors
///
/// `AlreadyExists` if a maker holds the entry of that name, or the name stands for a persistent segment. The caller has
/// locked the folder.
pub(super) fn not_in_use(dir: &Dir, name: &SegmentName) -> Result<()> {
    let cannot = |e: io::Error| Error::io(format!("cannot look at the entry `{name}`"), e);
    let file = match dir.open_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(cannot)?,
    };
    let owner = match entry::read(&file, name) {
        Ok((FoundName::Block, _)) => return Err(persistent(name)),
        Ok((FoundName::Entry(entry), _)) => {
            if !Witness::of_one().is_alive(&file, &entry).map_err(cannot)? {
                return Ok(());
            }
            format!("process {}", entry.id.process)
        }
        Err(error) if error.kind() != ErrorKind::Version => return Err(error),
        Err(_) if os::try_lock(&file).map_err(cannot)? => return Ok(()),
        Err(_) => "a process with a later version of this crate".to_owned(),
    };
    Err(Error::new(
        ErrorKind::AlreadyExists,
        format!("the name `{name}` is in use by {owner}; `replace(true)` would take it over"),
    ))
}

pub(super) fn persistent(name: &SegmentName) -> Error {
    Error::new(
        ErrorKind::AlreadyExists,
        format!(
            "the name `{name}` is that of a persistent segment; `replace(true)` would take its place, \
             `segments::remove` removes it"
        ),
    )
}

impl Published {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether this process still holds the name by this entry. If it cannot find out, the answer is yes.
    pub(crate) fn stands(&self) -> bool {
        self.maker == std::process::id()
            && os::path_status(&self.folder.path_of(&self.name)).map_or_else(
                |error| error.kind() != io::ErrorKind::NotFound,
                |there| there.identity == self.stamp.identity(),
            )
    }

    /// Removes the name, if it still has the same entry. Returns whether it did.
    ///
    /// # Errors
    ///
    /// `Io` if the folder cannot be locked. The entry then stays, and counts as a dead maker's once this value is
    /// dropped.
    fn take_away(&self) -> Result<bool> {
        let ours = self.stamp.identity();
        remove_if(&self.folder, &self.name, |there| there.identity == ours)
    }
}

/// Removes the entry of this name if `is_meant` holds for it. Returns whether it did.
///
/// # Errors
///
/// `Io` if the folder cannot be locked or changed.
pub(crate) fn remove_if(
    folder: &Folder,
    name: &SegmentName,
    is_meant: impl Fn(&Status) -> bool,
) -> Result<bool> {
    let Some(dir) = folder.lock()? else { return Ok(false) };
    unlink_if(&dir, name, is_meant)
        .map_err(|e| Error::io(format!("cannot remove the entry `{name}`"), e))
}

/// The same in a directory where no other process changes this name meanwhile.
pub(super) fn unlink_if(
    dir: &Dir,
    name: &str,
    is_meant: impl Fn(&Status) -> bool,
) -> io::Result<bool> {
    match dir.status_of(name) {
        Ok(there) if is_meant(&there) => dir.unlink(name).map(|()| true),
        Ok(_) => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl Drop for Published {
    /// If the folder cannot be locked, the entry stays; once its lock is free, any process can take the name.
    fn drop(&mut self) {
        if self.maker == std::process::id() {
            let _ = self.take_away();
            session::forget(self.folder.path(), &self.name, self.stamp);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
