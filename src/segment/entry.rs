//! The entry of a named segment: a small file under the name, with the id of the memory in it.
//!
//! - An entry is complete before it has a name, and never changes: it is only replaced, in one step, by another.
//! - Its maker holds a lock on it, from before it is visible until the handle is dropped or the process dies, however
//!   it dies. Where that lock can be had, the name is free. A process number alone would not tell: numbers recur.
//! - Who changes the folder holds the folder's lock, also who only asks whether an entry's lock is free.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::os::{self, Dir, FileKind};

use super::folder::Folder;
use super::id::SegmentId;
use super::name::Name;

/// What the first line of an entry starts with; then the version, then the id.
const TAG: &str = "serde_shm-entry";
const VERSION: &str = "1";

/// More than an entry of any version to come has in it.
const MAX_BYTES: u64 = 4096;

/// Where an entry stands between its making and the rename. Only who holds the folder's lock uses this name, so what
/// is found under it belongs to a process that died.
const DRAFT: &str = ".new";

/// How often a reader starts again because the name was republished under its eyes. Each time a whole publication
/// fell between two system calls of the reader.
const ATTEMPTS: usize = 10_000;

/// A name that this process gave to a segment. Dropping it takes the name away, if it is still the same entry.
pub(crate) struct Published {
    folder: Folder,
    name: Name,
    /// Held for its lock; and while it is open no other file can get its inode number.
    file: File,
    /// A forked child has a copy of this value, but the name is not its to take away.
    maker: u32,
}

/// # Errors
///
/// `AlreadyExists` if the name is in use; `Io` if the folder is not usable.
pub(crate) fn ensure_free(folder: &Folder, name: &Name) -> Result<()> {
    match folder.lock()? {
        Some(dir) => not_in_use(&dir, name),
        None => Ok(()),
    }
}

/// Gives the name to the segment: in one step, so that others see the old entry, the new one or none.
///
/// # Errors
///
/// `AlreadyExists` if the name is in use and is not to be replaced; `Io` if the folder or its file system is not
/// usable. Nothing has changed then.
pub(crate) fn publish(
    folder: &Folder,
    name: &Name,
    id: &SegmentId,
    replace: bool,
) -> Result<Published> {
    let dir = folder.make_and_lock()?;
    let cannot = |e: io::Error| Error::io(format!("cannot publish the name `{name}`"), e);
    let draft = Draft::write(&dir, id, Draft::unnamed).map_err(cannot)?;
    if replace {
        draft.rename_to(name).map_err(cannot)?;
    } else if let Err(error) = draft.link_to(name) {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(cannot(error));
        }
        not_in_use(&dir, name)?;
        // The folder is locked, so it is still the dead maker's entry that the rename replaces.
        draft.rename_to(name).map_err(cannot)?;
    }
    let file = draft.into_file();
    drop(dir);
    Ok(Published { folder: folder.clone(), name: name.clone(), file, maker: std::process::id() })
}

/// Opens what stands behind a name, by `attempt`.
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
    mut attempt: impl FnMut(&SegmentId) -> Result<T>,
) -> Result<T> {
    let mut failed = None;
    for _ in 0..ATTEMPTS {
        let id = read(folder, name)?;
        match failed.take() {
            Some((before, error)) if before == id => return Err(error),
            _ => match attempt(&id) {
                Ok(opened) => return Ok(opened),
                Err(error) => failed = Some((id, error)),
            },
        }
    }
    Err(Error::new(
        ErrorKind::Io,
        format!("the name `{name}` was republished {ATTEMPTS} times while it was being opened"),
    ))
}

fn read(folder: &Folder, name: &Name) -> Result<SegmentId> {
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
        file => file.map_err(|e| Error::io(format!("cannot open the entry `{name}`"), e))?,
    };
    read_file(file, name)
}

fn read_file(file: File, name: &Name) -> Result<SegmentId> {
    let cannot = |e: io::Error| Error::io(format!("cannot read the entry `{name}`"), e);
    let refused = |expected: &str, found: String| {
        Error::corrupt(format!("the entry `{name}` is refused: expected {expected}, found {found}"))
    };
    let status = os::file_status(&file).map_err(cannot)?;
    if status.kind != FileKind::Regular {
        return Err(refused("a regular file", status.kind.describe().to_owned()));
    }
    if status.owner != os::user() {
        let expected = format!("a file of user {}", os::user());
        return Err(refused(&expected, format!("one of user {}", status.owner)));
    }
    if status.mode & 0o022 != 0 {
        let expected = "a file that nobody else can write";
        return Err(refused(expected, format!("mode {:04o}", status.mode)));
    }
    let mut bytes = Vec::with_capacity(256);
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(cannot)?;
    let line = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let parts: Option<Vec<&str>> = line.map(|line| line.split(' ').collect());
    match parts.as_deref() {
        Some([TAG, VERSION, id]) => {
            SegmentId::parse(id).map_err(|e| refused("an id", e.to_string()))
        }
        Some([TAG, version, ..]) if *version != VERSION => Err(Error::new(
            ErrorKind::Version,
            format!(
                "the entry `{name}` has version {version:?}, which is not known: expected {VERSION}; \
                 read it with the release that wrote it"
            ),
        )),
        _ => {
            let found: String = String::from_utf8_lossy(&bytes).chars().take(60).collect();
            Err(refused(&format!("`{TAG} {VERSION} ID`"), format!("{found:?}")))
        }
    }
}

/// # Errors
///
/// `AlreadyExists` if a maker holds the entry of that name. The folder is locked.
fn not_in_use(dir: &Dir, name: &Name) -> Result<()> {
    let cannot = |e: io::Error| Error::io(format!("cannot look at the entry `{name}`"), e);
    let file = match dir.open_file(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file.map_err(cannot)?,
    };
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
        Err(TryLockError::WouldBlock) => {
            let owner = match read_file(file, name) {
                Ok(id) => format!("process {}", id.process),
                Err(_) => "another process".to_owned(),
            };
            Err(Error::new(
                ErrorKind::AlreadyExists,
                format!(
                    "the name `{name}` is in use by {owner}; `replace(true)` would take it over"
                ),
            ))
        }
    }
}

/// A complete, locked entry that nobody sees yet. If it is dropped so, nothing of it stays.
struct Draft<'a> {
    dir: &'a Dir,
    file: Option<File>,
    /// Whether it stands under [`DRAFT`], and not without a name.
    named: bool,
}

impl<'a> Draft<'a> {
    fn write(
        dir: &'a Dir,
        id: &SegmentId,
        create: impl FnOnce(&'a Dir) -> io::Result<Self>,
    ) -> io::Result<Self> {
        let draft = create(dir)?;
        let mut file = draft.file();
        file.write_all(format!("{TAG} {VERSION} {id}\n").as_bytes())?;
        file.try_lock()?;
        Ok(draft)
    }

    /// A file without a name where the file system has such files: killed now, the process leaves nothing.
    fn unnamed(dir: &'a Dir) -> io::Result<Self> {
        match dir.create_unnamed() {
            Ok(file) => Ok(Draft { dir, file: Some(file), named: false }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Draft::named(dir),
            Err(error) => Err(error),
        }
    }

    fn named(dir: &'a Dir) -> io::Result<Self> {
        let file = past_the_dead(dir, || dir.create(DRAFT))?;
        Ok(Draft { dir, file: Some(file), named: true })
    }

    fn file(&self) -> &File {
        self.file.as_ref().expect("only `into_file` takes it, by value")
    }

    /// Makes it visible under a name that is not taken.
    fn link_to(&self, name: &str) -> io::Result<()> {
        if self.named {
            self.dir.link(DRAFT, name)
        } else {
            self.dir.link_unnamed(self.file(), name)
        }
    }

    /// Makes it visible in the place of what has the name.
    fn rename_to(&self, name: &str) -> io::Result<()> {
        if !self.named {
            past_the_dead(self.dir, || self.dir.link_unnamed(self.file(), DRAFT))?;
        }
        self.dir.rename(DRAFT, name).inspect_err(|_| {
            let _ = self.dir.unlink(DRAFT);
        })
    }

    fn into_file(mut self) -> File {
        self.file.take().expect("only this takes it, by value")
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.named {
            // Gone already where it was renamed; where it was linked, this was its other name.
            let _ = self.dir.unlink(DRAFT);
        }
    }
}

/// Makes [`DRAFT`], once more after removing what a process left there that died before its rename.
fn past_the_dead<T>(dir: &Dir, make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match make() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            dir.unlink(DRAFT)?;
            make()
        }
        done => done,
    }
}

impl Drop for Published {
    /// Where the folder cannot be locked the entry stays: without its lock it is free for whoever wants the name.
    fn drop(&mut self) {
        if self.maker != std::process::id() {
            return;
        }
        let Ok(Some(dir)) = self.folder.lock() else { return };
        let (Ok(there), Ok(ours)) = (dir.status_of(&self.name), os::file_status(&self.file)) else {
            return;
        };
        if there.identity == ours.identity {
            let _ = dir.unlink(&self.name);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
