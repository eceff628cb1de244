//! Drafts: files that are whole before they get their names; and the sweep of drafts that dead processes left.
//!
//! A process makes a draft, locks it, writes it, flushes it, and then links it to its name or renames it over the file of
//! that name. Until then the draft has no name, or one that is recognised as a draft's. The kernel frees the lock of a
//! process that dies, so a process that finds a draft and can take its lock removes it. A file under its own name is
//! always whole.

use std::borrow::Borrow;
use std::cell::Cell;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use crate::os::{self, Dir, Rights};

use super::FileWriter;

/// How long a process waits for another one that is between its link and its rename.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file in a directory, which this process has locked. If the draft is dropped before it has its name, nothing of it
/// stays.
pub(crate) struct Draft<D: Borrow<Dir>> {
    dir: D,
    file: Option<File>,
    /// The draft's name, from when it is made until a rename. A process that is killed meanwhile leaves the file under
    /// this name, without the lock.
    until_then: String,
    /// Whether the file has the draft's name.
    named: Cell<bool>,
}

impl<D: Borrow<Dir>> Draft<D> {
    /// Makes a new file for this user, without a name if the file system has such files. Otherwise the file gets the name
    /// `draft_name`.
    pub(crate) fn create(dir: D, draft_name: &str) -> io::Result<Self> {
        match dir.borrow().create_unnamed() {
            Ok(file) => {
                make_usable(&file)?;
                os::try_lock(&file)?;
                Ok(Draft::adopt(dir, file, draft_name, false))
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                Draft::create_named(dir, draft_name)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a new file for this user under this name. If another draft has the name, that draft must go first.
    pub(crate) fn create_named(dir: D, draft_name: &str) -> io::Result<Self> {
        loop {
            let make = || dir.borrow().create(draft_name, Rights::Owner);
            let file = past_the_dead(dir.borrow(), draft_name, make)?;
            make_usable(&file)?;
            // If it cannot be told whether the file is still there, the next round removes it, or returns why it cannot.
            if os::try_lock(&file)? && is_still_at(dir.borrow(), draft_name, &file).unwrap_or(false)
            {
                return Ok(Draft::adopt(dir, file, draft_name, true));
            }
        }
    }

    /// Makes a new file under a name of its own: `draft_name` gives one name after the other. If files cannot be locked,
    /// the draft has no lock; on such a file system no draft is ever taken for one that was left behind.
    #[cfg(feature = "npz")]
    pub(crate) fn create_beside_others(
        dir: D,
        mut draft_name: impl FnMut() -> String,
        rights: Rights,
    ) -> io::Result<Self> {
        /// So many names in a row are not taken by chance.
        const ATTEMPTS: usize = 1000;
        let mut taken = 0;
        loop {
            let name = draft_name();
            let file = match dir.borrow().create(&name, rights) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && taken < ATTEMPTS => {
                    taken += 1;
                    continue;
                }
                file => file?,
            };
            match os::try_lock(&file) {
                Err(_) => return Ok(Draft::adopt(dir, file, &name, true)),
                Ok(false) => {}
                Ok(true) => match is_still_at(dir.borrow(), &name, &file) {
                    Ok(true) => return Ok(Draft::adopt(dir, file, &name, true)),
                    Ok(false) => {}
                    Err(error) => {
                        let _ = dir.borrow().unlink(&name);
                        return Err(error);
                    }
                },
            }
        }
    }

    /// Makes a draft again of a file that [`keep`](Self::keep) returned.
    pub(crate) fn adopt(dir: D, file: File, draft_name: &str, named: bool) -> Self {
        let (until_then, named) = (draft_name.to_owned(), Cell::new(named));
        Draft { dir, file: Some(file), until_then, named }
    }

    /// The file alone, which the caller writes for a while and then adopts. It may have the draft's name.
    pub(crate) fn keep(mut self) -> File {
        self.named.set(false);
        self.file.take().expect("only this takes it, by value")
    }

    pub(crate) fn dir(&self) -> &Dir {
        self.dir.borrow()
    }

    pub(crate) fn file(&self) -> &File {
        self.file.as_ref().expect("only `into_file` takes it, by value")
    }

    /// A writer that starts at the beginning of the file.
    pub(crate) fn writer(&self) -> FileWriter<&File> {
        FileWriter::file(self.file())
    }

    pub(crate) fn is_named(&self) -> bool {
        self.named.get()
    }

    /// Makes the file visible under a name that is not taken.
    pub(crate) fn link_to(&self, name: &str) -> io::Result<()> {
        if self.is_named() {
            self.dir().link(&self.until_then, name)
        } else {
            self.dir().link_unnamed(self.file(), name)
        }
    }

    /// Makes the file visible in the place of the file that has the name.
    pub(crate) fn rename_to(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        if !self.is_named() {
            past_the_dead(self.dir(), &self.until_then, || {
                self.dir().link_unnamed(self.file(), &self.until_then)
            })?;
            self.named.set(true);
        }
        let done = self.dir().rename(&self.until_then, name.as_ref());
        if done.is_err() {
            let _ = self.dir().unlink(&self.until_then);
        }
        // From now on another draft may have the draft's name.
        self.named.set(false);
        done
    }

    /// The file, which has its name by now.
    pub(crate) fn into_file(mut self) -> File {
        self.file.take().expect("only `keep` and this take it, by value")
    }
}

impl<D: Borrow<Dir>> Drop for Draft<D> {
    fn drop(&mut self) {
        if self.is_named() {
            // If the file was linked, this was its other name.
            let _ = self.dir().unlink(&self.until_then);
        }
    }
}

/// Gives the file's owner the right to open it, whatever the umask took away.
fn make_usable(file: &File) -> io::Result<()> {
    const OWNERS: u32 = 0o600;
    if os::file_status(file)?.mode & OWNERS != OWNERS {
        os::set_mode(file, OWNERS)?;
    }
    Ok(())
}

/// Whether the file that was just locked still has its name. Before it was locked, another process may have taken it for
/// a dead process's draft and removed it.
fn is_still_at(dir: &Dir, name: &str, file: &File) -> io::Result<bool> {
    dir.leads_to(name, file).or_else(|error| gone(error).map(|()| false))
}

/// Makes something under a draft's name. If the name is taken, this removes the draft of a process that died before its
/// rename, or waits for a process that is alive, and then tries again.
fn past_the_dead<T>(
    dir: &Dir,
    draft_name: &str,
    make: impl Fn() -> io::Result<T>,
) -> io::Result<T> {
    let started = Instant::now();
    loop {
        match make() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if started.elapsed() > PATIENCE {
                    return Err(crate::error::explained(
                        io::ErrorKind::TimedOut.into(),
                        format!("another process holds the draft `{draft_name}`; is it stopped?"),
                    ));
                }
                if !remove_dead(dir, draft_name)? {
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
            done => return done,
        }
    }
}

/// Removes a draft whose maker died; false if the maker lives.
pub(crate) fn remove_dead(dir: &Dir, draft_name: &str) -> io::Result<bool> {
    match dir.open_file(draft_name) {
        Ok(file) => remove_if_dead(dir, draft_name, &file),
        Err(error) => gone(error).map(|()| true),
    }
}

fn remove_if_dead(dir: &Dir, draft_name: &str, file: &File) -> io::Result<bool> {
    if !os::try_lock(file)? {
        return Ok(false);
    }
    // A process that removes a draft holds its lock, so the file under this name is now the locked one, or a newer one.
    match dir.leads_to(draft_name, file) {
        Ok(true) => dir.unlink(draft_name).or_else(gone)?,
        Ok(false) => {}
        Err(error) => gone(error)?,
    }
    Ok(true)
}

/// Treats a file that no longer exists as removed.
fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Removes all drafts in a directory for whose names `is_draft` holds and whose makers died. A draft that cannot be
/// looked at, or is not a file, stays.
#[cfg(feature = "npz")]
pub(crate) fn sweep(dir: &Dir, is_draft: impl Fn(&str) -> bool) {
    for name in dir.names().unwrap_or_default() {
        if is_draft(&name)
            && let Ok(file) = dir.open_file(&name)
            && file.metadata().is_ok_and(|status| status.is_file())
        {
            let _ = remove_if_dead(dir, &name, &file);
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::Write;

    fn directory() -> (tempfile::TempDir, Dir) {
        let path = tempfile::tempdir().unwrap();
        let dir = Dir::open_through(path.path()).unwrap();
        (path, dir)
    }

    fn names(dir: &Dir) -> Vec<String> {
        let mut names = dir.names().unwrap();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_left_of_a_draft_that_is_given_up() {
        let (path, dir) = directory();
        drop(Draft::create(&dir, ".n.new").unwrap());
        let draft = Draft::create_named(&dir, ".n.new").unwrap();
        assert_eq!(names(&dir), [".n.new"]);
        assert!(!remove_dead(&dir, ".n.new").unwrap(), "it lives");
        draft.writer().write_all(b"half").unwrap();
        assert!(draft.rename_to("missing/n").is_err());
        assert_eq!(names(&dir), [""; 0]);
        drop(draft);
        std::fs::write(path.path().join(".n.new"), "left").unwrap();
        drop(Draft::create_named(&dir, ".n.new").unwrap());
        assert_eq!(names(&dir), [""; 0]);
        assert!(remove_dead(&dir, ".n.new").unwrap(), "there is none");
    }

    /// Dropping a draft that was renamed must not remove the file that has the draft's name by then.
    #[test]
    fn a_draft_that_was_renamed_leaves_the_next_one_alone() {
        let (_path, dir) = directory();
        for create in [Draft::<&Dir>::create, Draft::<&Dir>::create_named] {
            let first = create(&dir, ".n.new").unwrap();
            first.rename_to("n").unwrap();
            let second = Draft::create_named(&dir, ".n.new").unwrap();
            drop(first);
            assert_eq!(names(&dir), [".n.new", "n"]);
            second.link_to("m").unwrap();
            drop(second);
            assert_eq!(names(&dir), ["m", "n"]);
            dir.unlink("m").unwrap();
        }
    }

    #[cfg(feature = "npz")]
    #[test]
    fn a_draft_beside_others_takes_a_name_that_is_free() {
        let (path, dir) = directory();
        let other = Draft::create_named(&dir, "1").unwrap();
        let mut count = 0;
        let next = || {
            count += 1;
            count.to_string()
        };
        let draft = Draft::create_beside_others(&dir, next, Rights::Umask).unwrap();
        assert_eq!((names(&dir), draft.is_named()), (vec!["1".to_owned(), "2".to_owned()], true));
        let none = Draft::create_beside_others(&dir, || "1".to_owned(), Rights::Owner);
        assert_eq!(none.err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        let living = draft.keep();
        std::fs::write(path.path().join("3"), "left").unwrap();
        sweep(&dir, |name| name != "1");
        assert_eq!(names(&dir), ["1", "2"]);
        drop((living, other));
        sweep(&dir, |_| true);
        assert_eq!(names(&dir), [""; 0]);
    }
}
