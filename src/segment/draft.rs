//! A file that is whole before it gets its name.

use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

use crate::os::{self, Dir};

/// How long one waits for another process between its link and its rename.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file, locked by this process, that nobody sees yet: it has no name, or, where the file system has no such files,
/// one that says what it is. If it is dropped so, nothing of it stays.
pub(super) struct Draft<'a> {
    dir: &'a Dir,
    file: Option<File>,
    /// The name under which it stands between its making and a rename; who is killed meanwhile leaves it there,
    /// without the lock.
    until_then: String,
    named: bool,
}

/// Whether a file of this name is a draft, or says that one is made: no name of a segment starts with a dot. Both are locked for as
/// long as they are of use.
pub(super) fn is_draft(name: &str) -> bool {
    let rest = name.strip_suffix("new").or_else(|| name.strip_suffix("making"));
    rest.is_some_and(|rest| rest.starts_with('.') && rest.ends_with('.'))
}

impl<'a> Draft<'a> {
    /// A new file. `draft_name` is used only where it cannot do without.
    pub(super) fn create(dir: &'a Dir, draft_name: &str) -> io::Result<Self> {
        match dir.create_unnamed() {
            Ok(file) => {
                let file = readable(file)?;
                os::try_lock(&file)?;
                Ok(Draft { dir, file: Some(file), until_then: draft_name.to_owned(), named: false })
            }
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                Draft::create_named(dir, draft_name)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn create_named(dir: &'a Dir, draft_name: &str) -> io::Result<Self> {
        loop {
            let file = readable(past_the_dead(dir, draft_name, || dir.create(draft_name))?)?;
            // Before the lock was there, somebody may have taken it for that of a dead process and removed it.
            if os::try_lock(&file)?
                && dir.status_of(draft_name).is_ok_and(|there| {
                    os::file_status(&file).is_ok_and(|ours| ours.identity == there.identity)
                })
            {
                let until_then = draft_name.to_owned();
                return Ok(Draft { dir, file: Some(file), until_then, named: true });
            }
        }
    }

    /// A file that [`keep`](Self::keep) gave, again.
    pub(super) fn adopt(dir: &'a Dir, file: File, draft_name: &str, named: bool) -> Self {
        Draft { dir, file: Some(file), until_then: draft_name.to_owned(), named }
    }

    /// The file alone, to be written for a while and then adopted. It may have the draft's name.
    pub(super) fn keep(mut self) -> File {
        self.named = false;
        self.file.take().expect("only this takes it, by value")
    }

    pub(super) fn file(&self) -> &File {
        self.file.as_ref().expect("only `into_file` takes it, by value")
    }

    pub(super) fn is_named(&self) -> bool {
        self.named
    }

    /// Makes it visible under a name that is not taken.
    pub(super) fn link_to(&self, name: &str) -> io::Result<()> {
        if self.named {
            self.dir.link(&self.until_then, name)
        } else {
            self.dir.link_unnamed(self.file(), name)
        }
    }

    /// Makes it visible in the place of what has the name.
    pub(super) fn rename_to(&self, name: &str) -> io::Result<()> {
        if !self.named {
            past_the_dead(self.dir, &self.until_then, || {
                self.dir.link_unnamed(self.file(), &self.until_then)
            })?;
        }
        self.dir.rename(&self.until_then, name).inspect_err(|_| {
            let _ = self.dir.unlink(&self.until_then);
        })
    }

    /// The file, which has got its name.
    pub(super) fn into_file(mut self) -> File {
        self.file.take().expect("only `keep` and this take it, by value")
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if self.named {
            // Gone already where it was renamed; where it was linked, this was its other name.
            let _ = self.dir.unlink(&self.until_then);
        }
    }
}

/// A new file that its owner can open, whatever the umask took away.
pub(super) fn readable(file: File) -> io::Result<File> {
    const OWNERS: u32 = 0o600;
    if os::file_status(&file)?.mode & OWNERS != OWNERS {
        os::set_mode(&file, OWNERS)?;
    }
    Ok(file)
}

/// Makes something under a draft's name; again after removing what a process left there that died before its rename,
/// or after waiting for one that is alive.
pub(super) fn past_the_dead<T>(
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

/// Removes a draft whose maker died; false if it lives.
pub(super) fn remove_dead(dir: &Dir, draft_name: &str) -> io::Result<bool> {
    let gone = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => Ok(true),
        _ => Err(error),
    };
    let file = match dir.open_file(draft_name) {
        Ok(file) => file,
        Err(error) => return gone(error),
    };
    if !os::try_lock(&file)? {
        return Ok(false);
    }
    // Whoever removes one holds its lock, so what is there now is what was locked, or something newer.
    match dir.status_of(draft_name) {
        Ok(there) if there.identity == os::file_status(&file)?.identity => {
            dir.unlink(draft_name).or_else(|error| gone(error).map(drop))?;
            Ok(true)
        }
        Ok(_) => Ok(true),
        Err(error) => gone(error),
    }
}
