//! The folder that has the entries of named segments: a directory of the user's own, and the lock on it.

use std::ffi::OsString;
use std::io;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::files::room::{self, Medium};
use crate::os::{self, Dir, FileKind, Status};

use super::name::SegmentName;

/// The owner's rights to the folder. A umask that takes them away would leave a folder that nobody could use.
const OWNERS: u32 = 0o700;

/// The environment variable that moves the folder to another file system.
const VARIABLE: &str = "SERDE_SHM_DIR";

/// How long a process waits for the folder's lock. The holder of the lock makes only a handful of system calls, so a
/// longer wait means that the holder was stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The path of the folder, which need not exist: `serde_shm-UID` in `$SERDE_SHM_DIR`, else in `/dev/shm`.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    base: PathBuf,
    path: PathBuf,
    user: u32,
}

impl Folder {
    /// # Errors
    ///
    /// `Unsupported` on a system without segments; `Io` if the variable's path cannot be made absolute.
    pub(crate) fn of_user() -> Result<Self> {
        super::check_supported()?;
        Folder::in_base(std::env::var_os(VARIABLE).filter(|base| !base.is_empty()))
    }

    pub(super) fn in_base(base: Option<OsString>) -> Result<Self> {
        let base = match base {
            // A later `chdir` must not move the folder.
            Some(base) => std::path::absolute(PathBuf::from(base))
                .map_err(|e| Error::io(format!("cannot make ${VARIABLE} absolute"), e))?,
            None => os::default_base(),
        };
        let user = os::user();
        let path = base.join(format!("serde_shm-{user}"));
        Ok(Folder { base, path, user })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the folder; `None` if it does not exist yet.
    ///
    /// # Errors
    ///
    /// `Io` if it is not a directory, this user does not own it, or somebody else can write to it.
    pub(crate) fn open(&self) -> Result<Option<Dir>> {
        let doing = || format!("cannot open the folder of named segments {}", self.path.display());
        let opened = Dir::open(&self.path).or_else(|error| match error.kind() {
            io::ErrorKind::PermissionDenied if os::mend_directory(&self.path)? => {
                Dir::open(&self.path)
            }
            _ => Err(error),
        });
        let dir = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            dir => dir.map_err(|e| match e.kind() {
                io::ErrorKind::NotADirectory if self.base_fault().is_some() => {
                    self.unusable(&doing(), e)
                }
                // A symbolic link gives this error, too.
                io::ErrorKind::NotADirectory => self.refused("something that is no directory"),
                io::ErrorKind::PermissionDenied => self.unusable(&doing(), e),
                _ => room::error(&doing(), e, 0, Medium::Memory),
            })?,
        };
        let status = dir.status().map_err(|e| Error::io(doing(), e))?;
        self.check(&status)?;
        if status.mode & OWNERS != OWNERS {
            dir.set_mode(OWNERS).map_err(|e| Error::io(doing(), e))?;
        }
        Ok(Some(dir))
    }

    /// # Errors
    ///
    /// `Io` if it is not a directory, this user does not own it, or somebody else can write to it.
    fn check(&self, status: &Status) -> Result<()> {
        if status.kind != FileKind::Directory {
            return Err(self.refused(status.kind.describe()));
        }
        if status.owner != self.user {
            return Err(self.refused(&format!("one of user {}", status.owner)));
        }
        if status.mode & 0o022 != 0 {
            return Err(self.refused(&format!("mode {:04o}", status.mode)));
        }
        Ok(())
    }

    /// Whether the folder exists and passes the check, without opening it.
    pub(super) fn is_in_order(&self) -> bool {
        os::path_status(&self.path).is_ok_and(|status| self.check(&status).is_ok())
    }

    /// The path of the name's entry.
    pub(crate) fn path_of(&self, name: &SegmentName) -> PathBuf {
        self.path.join(&**name)
    }

    fn refused(&self, found: &str) -> Error {
        let expected = format!(
            "the folder of named segments {} is refused: expected a directory that user {} owns and nobody else can \
             write, found {found}; remove it or set ${VARIABLE} to another directory",
            self.path.display(),
            self.user,
        );
        let source = io::Error::new(io::ErrorKind::PermissionDenied, "not this user's own folder");
        Error::new(ErrorKind::Io, expected).with_source(source)
    }

    /// What is wrong with the directory in which the folder lies, such as "it does not exist".
    pub(super) fn base_fault(&self) -> Option<&'static str> {
        match (std::fs::metadata(&self.base), std::fs::symlink_metadata(&self.base)) {
            (Ok(there), _) if there.is_dir() => None,
            (Ok(_), _) => Some("is no directory"),
            (Err(_), Ok(there)) if there.is_symlink() => {
                Some("is a symbolic link that leads nowhere")
            }
            (Err(error), _) => match error.kind() {
                io::ErrorKind::NotFound => Some("does not exist"),
                io::ErrorKind::NotADirectory => Some("is behind something that is no directory"),
                _ => Some("cannot be looked at by this user"),
            },
        }
    }

    /// The error for a folder that cannot be made or opened, with the reason.
    #[cold]
    fn unusable(&self, doing: &str, error: io::Error) -> Error {
        let base = self.base.display();
        let found = self.base_fault().or(match error.kind() {
            // Pseudo file systems such as `/proc`.
            io::ErrorKind::NotFound | io::ErrorKind::Unsupported => {
                Some("is there, but is on a file system in which no directory can be made")
            }
            io::ErrorKind::ReadOnlyFilesystem => Some("is on a file system that can only be read"),
            io::ErrorKind::PermissionDenied => {
                Some("or what is in it does not let this user do that")
            }
            _ => None,
        });
        let Some(found) = found else {
            let base = Dir::open_through(&self.base);
            let place = base.as_ref().map_or(Medium::Memory, Medium::Directory);
            return room::error(doing, error, 0, place);
        };
        let kind = match error.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        let text = format!(
            "{doing}: the directory {base} {found}; set ${VARIABLE} to a directory where this user may make one"
        );
        Error::new(kind, text).with_source(error)
    }

    /// Opens and locks the folder; `None` if it does not exist yet.
    ///
    /// A process holds this lock while it changes the folder, so that no other process changes a name between this one's
    /// look at it and its change. Readers take no lock.
    pub(crate) fn lock(&self) -> Result<Option<LockedFolder<'_>>> {
        self.lock_or(|| Ok(false))
    }

    /// Opens and locks the folder, and makes it first if it does not exist.
    pub(crate) fn make_and_lock(&self) -> Result<LockedFolder<'_>> {
        let doing = || format!("cannot make the folder of named segments {}", self.path.display());
        let make = || match os::make_dir(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(self.unusable(&doing(), e)),
            _ => Ok(true),
        };
        self.lock_or(make)?.ok_or_else(|| Error::new(ErrorKind::Io, doing()))
    }

    /// Calls `make` if there is no folder; `make` returns whether to look again.
    fn lock_or(&self, make: impl Fn() -> Result<bool>) -> Result<Option<LockedFolder<'_>>> {
        let started = Instant::now();
        let mut pause = Duration::from_micros(20);
        while started.elapsed() < PATIENCE {
            let Some(dir) = self.open()? else {
                if make()? {
                    continue;
                }
                return Ok(None);
            };
            let cannot = |e| Error::io(format!("cannot lock {}", self.path.display()), e);
            if !dir.try_lock().map_err(cannot)? {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(1));
                continue;
            }
            // Another process may have removed the folder during the wait; the lock would then be on a folder without a
            // name.
            let here = dir.status().map_err(cannot)?;
            match os::path_status(&self.path) {
                Ok(there) if there.identity == here.identity => {
                    return Ok(Some(LockedFolder { folder: self, dir }));
                }
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
                _ => {}
            }
        }
        Err(Error::new(
            ErrorKind::Io,
            format!(
                "the folder of named segments {} was locked by another process for {} s; is one of them stopped?",
                self.path.display(),
                PATIENCE.as_secs()
            ),
        ))
    }
}

/// The locked folder: no other process changes it.
pub(crate) struct LockedFolder<'a> {
    folder: &'a Folder,
    dir: Dir,
}

impl Deref for LockedFolder<'_> {
    type Target = Dir;
    fn deref(&self) -> &Dir {
        &self.dir
    }
}

impl Drop for LockedFolder<'_> {
    /// Removes the folder if it is empty. The system call fails if there is still an entry, which is intended.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(self.folder.path());
        self.dir.unlock();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn temporary() -> (tempfile::TempDir, Folder) {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::in_base(Some(base.path().as_os_str().to_owned())).unwrap();
        (base, folder)
    }

    #[test]
    fn it_is_made_private_and_not_left_behind_empty() {
        let (_base, folder) = temporary();
        assert!(folder.open().unwrap().is_none());
        assert!(folder.lock().unwrap().is_none());
        let locked = folder.make_and_lock().unwrap();
        assert_eq!(locked.status().unwrap().mode, 0o700);
        drop(locked);
        assert!(!folder.path().exists());
        let locked = folder.make_and_lock().unwrap();
        std::fs::write(folder.path().join("entry"), "").unwrap();
        drop(locked);
        assert!(folder.path().exists());
    }

    #[test]
    fn links_files_and_open_directories_are_refused() {
        let (base, folder) = temporary();
        symlink(base.path(), folder.path()).unwrap();
        let refused = |found: &str| {
            let error = folder.make_and_lock().err().unwrap();
            assert!(error.to_string().contains(found), "{error}");
            assert_eq!(error.kind(), ErrorKind::Io);
        };
        refused("no directory");
        std::fs::remove_file(folder.path()).unwrap();
        std::fs::write(folder.path(), "").unwrap();
        refused("no directory");
        std::fs::remove_file(folder.path()).unwrap();
        std::fs::create_dir(folder.path()).unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o770)).unwrap();
        refused("mode 0770");
    }

    #[test]
    fn a_missing_base_is_named() {
        let folder = Folder::in_base(Some("/nonexistent/base".into())).unwrap();
        assert!(folder.open().unwrap().is_none());
        let error = folder.make_and_lock().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/nonexistent/base does not exist"), "{error}");
    }

    /// The error for `SERDE_SHM_DIR=/proc` must not say that it does not exist, and errors for other bases must not be
    /// the system call's words alone.
    #[test]
    fn a_base_that_cannot_be_used_is_told_as_it_is() {
        let base = tempfile::tempdir().unwrap();
        let (file, link) = (base.path().join("file"), base.path().join("link"));
        std::fs::write(&file, "").unwrap();
        symlink(base.path().join("nowhere"), &link).unwrap();
        let beyond = file.join("beyond");
        for (path, said) in [
            (
                Path::new("/proc"),
                "/proc is there, but is on a file system in which no directory can be made",
            ),
            (&file, "file is no directory"),
            (&link, "link is a symbolic link that leads nowhere"),
            (&beyond, "beyond is behind something that is no directory"),
        ] {
            let folder = Folder::in_base(Some(path.into())).unwrap();
            let error = folder.make_and_lock().err().unwrap();
            assert!(error.to_string().contains(said), "{error}");
            assert!(error.to_string().contains("set $SERDE_SHM_DIR to"), "{error}");
        }
        let relative = Folder::in_base(Some("no/such/directory".into())).unwrap();
        let error = relative.make_and_lock().err().unwrap();
        let here = std::env::current_dir().unwrap().join("no/such/directory");
        assert!(
            error.to_string().contains(&format!("{} does not exist", here.display())),
            "{error}"
        );
    }

    /// A umask of 0777 must not leave a folder that its own user can never open.
    #[test]
    fn a_folder_that_lost_its_owners_rights_gets_them_back() {
        let (_base, folder) = temporary();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        for lost in [0o000, 0o500, 0o300, 0o600] {
            std::fs::create_dir(folder.path()).unwrap();
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(lost)).unwrap();
            let locked = folder.make_and_lock().unwrap();
            assert_eq!(mode(folder.path()), 0o700);
            drop(locked);
            std::fs::create_dir(folder.path()).unwrap();
            std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(lost)).unwrap();
            assert!(os::mend_directory(folder.path()).unwrap());
            assert_eq!(mode(folder.path()), 0o700);
            assert!(!os::mend_directory(folder.path()).unwrap(), "nothing to mend");
            std::fs::remove_dir(folder.path()).unwrap();
        }
    }

    #[test]
    fn the_lock_excludes_and_a_removed_folder_is_made_anew() {
        let (_base, folder) = temporary();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let locked = folder.make_and_lock().unwrap();
                        // Fails if another thread is in here.
                        locked.create("only", os::Rights::Owner).unwrap();
                        locked.unlink("only").unwrap();
                    }
                });
            }
        });
        assert!(!folder.path().exists());
    }
}
