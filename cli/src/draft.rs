//! Files that get their name when they are whole.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, OFlags};
use rustix::io::Errno;

use crate::fault::{Fault, Result};
use crate::{stop, term};

const PREFIX: &str = ".serde-shm-";

/// The umask takes from these what it takes from every file.
const RIGHTS: u32 = 0o666;

/// Writes a file that has no name until it is whole. A device or pipe is written to as it is.
pub(crate) fn in_place(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    let fault = |error| Fault::of_file(path, "write the file", &error);
    if is_open_elsewhere(path) {
        let mut out =
            OpenOptions::new().write(true).open(path).map(BufWriter::new).map_err(fault)?;
        return write(&mut out).and_then(|()| out.flush().map_err(fault));
    }
    let draft = Draft::new(path).map_err(fault)?;
    let mut out = BufWriter::with_capacity(1 << 20, UntilStopped(&draft.file));
    let written = write(&mut out).and_then(|()| out.flush().map_err(fault));
    // What it still holds is not for a draft that is given up.
    drop(out.into_parts());
    if stop::is_asked() {
        return Err(Fault::stopped(format_args!("{} is as it was", term::shown(path))));
    }
    written?;
    draft.publish(path).map_err(fault)
}

/// Whether no other file may take the place of this one: of a device, a pipe, and of what a process has open, as `/dev/stdout`.
fn is_open_elsewhere(path: &Path) -> bool {
    let is_special = path.metadata().is_ok_and(|data| !data.is_file() && !data.is_dir());
    let is_of_process = |path: &Path| path.starts_with("/proc");
    is_special
        || path.read_link().is_ok_and(|target| is_of_process(&target))
        || folder(path).canonicalize().is_ok_and(|folder| is_of_process(&folder))
}

/// Writes until Ctrl-C.
struct UntilStopped<W>(W);

impl<W: Write> Write for UntilStopped<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        /// So much is written between two looks.
        const PIECE: usize = 8 << 20;
        if stop::is_asked() {
            return Err(io::Error::other("stopped by Ctrl-C"));
        }
        self.0.write(&bytes[..bytes.len().min(PIECE)])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A file that is being written. Without a name nothing of it stays, however the tool ends. A file system that has no such files
/// gets one with a name, which goes with this handle, and also if a second Ctrl-C ends the tool.
struct Draft {
    file: File,
    name: Option<PathBuf>,
}

impl Draft {
    fn new(place: &Path) -> io::Result<Self> {
        let folder = folder(place);
        let mut options = OpenOptions::new();
        let unnamed =
            options.write(true).mode(RIGHTS).custom_flags(OFlags::TMPFILE.bits().cast_signed());
        match unnamed.open(folder) {
            Ok(file) => return Ok(Draft { file, name: None }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
            Err(_) => {}
        }
        let mut named = tempfile::Builder::new();
        named.prefix(PREFIX).permissions(Permissions::from_mode(RIGHTS));
        let (file, name) = named.tempfile_in(folder)?.keep().map_err(|error| error.error)?;
        stop::remove_at_exit(Some(&name));
        Ok(Draft { file, name: Some(name) })
    }

    /// Gives the file its name, in one step where another has it.
    fn publish(mut self, place: &Path) -> io::Result<()> {
        let name = match self.name.take() {
            Some(name) => name,
            None => match self.link(place) {
                Err(Errno::EXIST) => self.link_beside(place)?,
                linked => return Ok(linked?),
            },
        };
        stop::remove_at_exit(None);
        std::fs::rename(&name, place).inspect_err(|_| drop(std::fs::remove_file(&name)))
    }

    fn link(&self, place: &Path) -> Result<(), Errno> {
        use std::os::fd::AsRawFd;
        let own = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        rustix::fs::linkat(CWD, own, CWD, place, AtFlags::SYMLINK_FOLLOW)
    }

    /// Links the file to a name that nothing has.
    fn link_beside(&self, place: &Path) -> io::Result<PathBuf> {
        for number in 0_u32.. {
            let name = folder(place).join(format!("{PREFIX}{}-{number}", std::process::id()));
            match self.link(&name) {
                Err(Errno::EXIST) => {}
                linked => return Ok(linked.map(|()| name)?),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            let _ = std::fs::remove_file(name);
            stop::remove_at_exit(None);
        }
    }
}

fn folder(place: &Path) -> &Path {
    place.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}
