//! Persistent segments: files that are whole before they have a name, and never change after that.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::files::room::{self, Medium};
use crate::files::{self, Draft, draft};
use crate::memory::{AlignedBytes, Region};
use crate::os::{self, Dir, FileKind, Stamp, Status};
use crate::progress::Meter;

use super::SegmentWriter;
use super::folder::Folder;
use super::name::SegmentName;
use super::publish;
use super::session;

/// Where the file of a persistent segment lies.
pub(crate) enum Shelf {
    /// In the folder of this user's names.
    Folder(Folder),
    /// A directory that the user chose, as an absolute path.
    Dir(PathBuf),
}

/// A file that will become a persistent segment.
pub(crate) struct Unstored {
    shelf: Shelf,
    name: SegmentName,
    mode: u32,
    fsync: bool,
    /// Whether the file has the draft's name, because the file system does not have files without a name.
    named: bool,
}

/// A persistent segment's file, open for reading.
pub(crate) struct Stored {
    file: File,
    path: PathBuf,
    bytes: u64,
    stamp: Stamp,
}

impl Shelf {
    fn path(&self) -> &Path {
        match self {
            Shelf::Folder(folder) => folder.path(),
            Shelf::Dir(path) => path,
        }
    }

    fn open(&self) -> Result<Dir> {
        let path = self.path();
        Dir::open_through(path).map_err(|e| {
            let doing = format!("cannot open the directory {}", path.display());
            room::error(&doing, e, 0, Medium::Memory)
        })
    }
}

/// The name of a segment's file until the file gets its own name.
fn draft_name(name: &str) -> String {
    format!(".{name}.new")
}

impl Unstored {
    /// Makes the file, without a name if the file system has such files.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the name is taken and `replace` is false; publishing checks this again, and the check here
    /// avoids writing a large object in vain. `Io` or `NotFound` if the directory cannot be written.
    pub(crate) fn create(
        shelf: Shelf,
        name: SegmentName,
        mode: u32,
        fsync: bool,
        replace: bool,
    ) -> Result<(Self, SegmentWriter)> {
        let (named, file) = match &shelf {
            Shelf::Folder(folder) => {
                // The folder is locked until the file exists, because a process that finds the folder empty removes it.
                let dir = folder.make_and_lock()?;
                if !replace {
                    publish::not_in_use(&dir, &name)?;
                }
                make(&dir, &name)?
            }
            Shelf::Dir(_) => {
                let dir = shelf.open()?;
                if !replace && dir.status_of(&name).is_ok() {
                    return Err(publish::persistent(&name));
                }
                make(&dir, &name)?
            }
        };
        Ok((Unstored { shelf, name, mode, fsync, named }, SegmentWriter::file(file)))
    }

    /// Flushes the file to the disk, if `fsync` asks for it, and gives it its name in one step.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` if the name is taken and `replace` is false; `Io` if the file cannot get the name. After an error
    /// the name is what it was, and nothing is left, with one exception, which the error names: if only the last flush of
    /// the directory or the last look at the file fails, the segment exists.
    pub(crate) fn publish(self, writer: SegmentWriter, replace: bool) -> Result<Stored> {
        let file = writer.into_file();
        // This descriptor is for reading and has no lock: the lock goes with the descriptor that wrote.
        let kept = self.complete(&file)?;
        let cannot = |e: io::Error| self.cannot(e, &kept);
        match &self.shelf {
            Shelf::Folder(folder) => {
                let dir = folder.make_and_lock()?;
                let draft = self.draft(&dir, file);
                publish::give_name(&dir, &draft, &self.name, replace, cannot)?;
                drop(draft);
                self.placed(&dir, kept)
            }
            Shelf::Dir(_) => {
                let dir = self.shelf.open()?;
                let draft = self.draft(&dir, file);
                if replace {
                    draft.rename_to(&*self.name).map_err(cannot)?;
                } else {
                    draft.link_to(&self.name).map_err(|e| match e.kind() {
                        io::ErrorKind::AlreadyExists => publish::persistent(&self.name),
                        _ => cannot(e),
                    })?;
                }
                drop(draft);
                self.placed(&dir, kept)
            }
        }
    }

    /// Notes that this process has published the file, whatever fails from now on, and flushes the name to the disk.
    fn placed(&self, dir: &Dir, kept: File) -> Result<Stored> {
        let status = os::file_status(&kept)
            .or_else(|_| dir.status_of(&self.name))
            .map_err(|e| Error::io("the segment is in place, but it cannot be looked at", e))?;
        let path = self.shelf.path().join(&*self.name);
        let stored = Stored::with_status(kept, &status, path);
        session::remember(self.shelf.path(), &self.name, stored.stamp);
        self.flush(dir)?;
        Ok(stored)
    }

    /// Sets the mode, flushes the content to the disk if `fsync` asks for it, and opens the file for reading.
    fn complete(&self, file: &File) -> Result<File> {
        os::set_mode(file, self.mode)
            .and_then(|()| if self.fsync { files::sync(file) } else { Ok(()) })
            .and_then(|()| os::read_only(file))
            .map_err(|e| self.cannot(e, file))
    }

    fn cannot(&self, error: io::Error, file: &File) -> Error {
        let doing = format!("cannot store the segment `{}`", self.name);
        room::error(&doing, error, 0, Medium::FileSystem(file))
    }

    /// Flushes the name to the disk, if `fsync` asks for it.
    fn flush(&self, dir: &Dir) -> Result<()> {
        if !self.fsync {
            return Ok(());
        }
        os::sync(dir).map_err(|e| {
            Error::io("the segment is in place, but its directory cannot be flushed to the disk", e)
        })
    }

    fn draft<'a>(&self, dir: &'a Dir, file: File) -> Draft<&'a Dir> {
        Draft::adopt(dir, file, &draft_name(&self.name), self.named)
    }
}

impl Drop for Unstored {
    /// Removes the file if it was given up and has a draft's name.
    fn drop(&mut self) {
        if self.named
            && let Ok(dir) = self.shelf.open()
        {
            // The file's lock went with the writer, so another process that finds the file may remove it, too.
            let _ = draft::remove_dead(&dir, &draft_name(&self.name));
        }
    }
}

/// Makes a new file. Also returns whether it has the draft's name.
fn make(dir: &Dir, name: &SegmentName) -> Result<(bool, File)> {
    match Draft::create(dir, &draft_name(name)) {
        Ok(draft) => Ok((draft.is_named(), draft.keep())),
        Err(error) => {
            let doing = format!("cannot make a file for the segment `{name}`");
            Err(room::error(&doing, error, 0, Medium::Directory(dir)))
        }
    }
}

impl Stored {
    /// The file that was found under a name, with the status that was read.
    pub(crate) fn with_status(file: File, status: &Status, path: PathBuf) -> Self {
        Stored { file, path, bytes: status.bytes, stamp: status.stamp() }
    }

    /// Opens the file of this absolute path, whichever user it belongs to.
    ///
    /// # Errors
    ///
    /// `NotFound` or `Io` if it cannot be opened, for example because it is a symbolic link; `Corrupt` if it is not a
    /// regular file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = os::open_file(path)
            .map_err(|e| room::error("cannot open the persistent segment", e, 0, Medium::Memory))?;
        let status = os::file_status(&file).map_err(cannot_look)?;
        if status.kind != FileKind::Regular {
            return Err(Error::corrupt(format!(
                "expected the file of a persistent segment, found {}",
                status.kind.describe()
            )));
        }
        Ok(Stored::with_status(file, &status, path.to_owned()))
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Reads the whole file into this process's memory.
    ///
    /// # Errors
    ///
    /// `Io` if it cannot be read or there is not enough memory.
    pub(crate) fn read(&self, meter: Option<&Meter<'_>>) -> Result<Region> {
        let expected = usize::try_from(self.bytes).unwrap_or(usize::MAX);
        let reader = Reader { file: &self.file, at: 0 };
        let block = AlignedBytes::read_to_end(&[], reader, expected, meter)
            .map_err(|e| Error::io("cannot read the persistent segment", e))?;
        Ok(Region::from_block(block))
    }

    /// Maps the file.
    ///
    /// # Errors
    ///
    /// `NotFound` if the file has no name any more; `Io` if this process has no room for the mapping.
    pub(crate) fn map(&self, promise: os::Unchanging) -> Result<Region> {
        let status = os::file_status(&self.file).map_err(cannot_look)?;
        if status.links == 0 {
            let text = "the persistent segment was removed while it was being opened";
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let cannot = |e| room::error("cannot map the segment", e, status.bytes, Medium::Memory);
        let len =
            usize::try_from(status.bytes).map_err(|_| cannot(io::ErrorKind::OutOfMemory.into()))?;
        let map = os::map_file(&self.file, len, promise).map_err(cannot)?;
        Ok(Region::from_map(map))
    }

    /// Removes the file's name, if it still stands for this file. Returns whether it did.
    ///
    /// # Errors
    ///
    /// `Io` if the directory cannot be changed.
    pub(crate) fn unlink(&self) -> Result<bool> {
        let (Some(dir), Some(name)) = (self.path.parent(), self.path.file_name()) else {
            return Ok(false);
        };
        let Some(name) = name.to_str() else { return Ok(false) };
        let dir = Shelf::Dir(dir.to_owned()).open()?;
        remove_if(&dir, name, |there| there.identity == self.stamp.identity())
            .map_err(|e| Error::io("cannot remove the persistent segment", e))
    }
}

/// Removes a name if `is_meant` holds for its file. Returns whether it did. A process that wants to replace the name
/// meanwhile waits, because the draft's name is taken.
pub(super) fn remove_if(
    dir: &Dir,
    name: &str,
    is_meant: impl Fn(&Status) -> bool,
) -> io::Result<bool> {
    let _draft = Draft::create_named(dir, &draft_name(name))?;
    publish::unlink_if(dir, name, is_meant)
}

fn cannot_look(error: io::Error) -> Error {
    Error::io("cannot look at the persistent segment", error)
}

/// Reads a file and keeps its own position, because other processes may have a copy of the descriptor and would share its
/// position.
struct Reader<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = os::read_some_at(self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
