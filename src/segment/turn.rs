//! Turns at making the segment of a name: if several processes miss it, one makes it while the others wait.
//!
//! A turn is a file beside the name, `.NAME.making`, which its maker keeps locked; the kernel frees the lock when the
//! maker dies, however it dies. Each turn has a file of its own. The maker makes and locks it while the folder is locked,
//! so that no other process meets a file that is not locked yet. Waiting processes have the same file open. When the lock
//! is free, they read in the file whether the maker failed, and why. The process that takes the next turn removes a file
//! whose lock is free.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::files::room::{self, Medium};
use crate::files::{Draft, FileWriter};
use crate::os::{self, Dir, Stamp};

use super::entry;
use super::folder::Folder;
use super::maker::{Maker, Witness};
use super::name::SegmentName;
use super::publish;

/// The first word of the file. The version follows, then `PID:FD` of the maker and words of the form `KEY=NUMBER`.
const TAG: &str = "serde_shm-making";
const VERSION: &str = "1";

/// The line before the text of an error.
const FAILED: &str = "failed";

/// More bytes than a file of any later version will have.
const MAX_BYTES: usize = 16 << 10;

/// How long a waiting process sleeps at most.
const PAUSE: Duration = Duration::from_millis(2);

/// How often a waiting process checks that the maker is still there, while the lock is held.
const LOOK: Duration = Duration::from_millis(50);

/// The answer to a process that misses the segment of a name.
pub(crate) enum Turn {
    /// This process makes the segment.
    Ours(Making),
    /// Another process or thread makes the segment.
    Theirs(Waiting),
    /// The name has come into use meanwhile, by an entry or file of this stamp.
    InUse(Stamp),
}

/// Who has the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Who {
    maker: Maker,
    thread: u32,
}

impl Who {
    /// This thread, with the file that it has open.
    fn here(file: &File) -> Self {
        Who { maker: Maker::here(os::descriptor(file)), thread: os::thread_number() }
    }

    /// `None` for a file of a later version, of which only the lock counts.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        if (words.next(), words.next()) != (Some(TAG), Some(VERSION)) {
            return None;
        }
        let (process, descriptor) = words.next()?.split_once(':')?;
        let (process, descriptor) = (process.parse().ok()?, descriptor.parse().ok()?);
        let mut who =
            Who { maker: Maker { process, descriptor, namespace: 0, started: 0 }, thread: 0 };
        for word in words {
            match word.split_once('=')? {
                ("ns", value) => who.maker.namespace = value.parse().ok()?,
                ("started", value) => who.maker.started = value.parse().ok()?,
                ("thread", value) => who.thread = value.parse().ok()?,
                _ => {}
            }
        }
        Some(who)
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Who { maker: Maker { process, descriptor, namespace, started }, thread } = self;
        writeln!(
            f,
            "{TAG} {VERSION} {process}:{descriptor} ns={namespace} started={started} thread={thread}"
        )
    }
}

fn file_name(name: &SegmentName) -> String {
    format!(".{name}.making")
}

/// Takes the turn, if no other process or thread has it and the name is free.
///
/// # Errors
///
/// `Io` if the folder is not usable; `Corrupt` if the file of the name, or that of the turn, is not of this crate.
pub(crate) fn take_turn(folder: &Folder, name: &SegmentName) -> Result<Turn> {
    let dir = folder.make_and_lock()?;
    match publish::not_in_use(&dir, name) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let look = dir.status_of(name);
            let status = look.map_err(|e| Error::io(format!("cannot look at `{name}`"), e))?;
            return Ok(Turn::InUse(status.stamp()));
        }
        Err(error) => return Err(error),
    }
    let cannot = |e: io::Error| {
        let doing = format!("cannot make the lock file `{}`", file_name(name));
        room::error(&doing, e, 0, Medium::Directory(&dir))
    };
    if let Some(waiting) = whose(&dir, folder, name)? {
        return Ok(Turn::Theirs(waiting));
    }
    let file = begin(&dir, name).map_err(cannot)?;
    let maker = std::process::id();
    Ok(Turn::Ours(Making { folder: folder.clone(), name: name.clone(), file, maker, told: false }))
}

/// The current turn, if there is one. Removes the file of a turn that has ended.
fn whose(dir: &Dir, folder: &Folder, name: &SegmentName) -> Result<Option<Waiting>> {
    let text = file_name(name);
    let cannot = |e: io::Error| Error::io(format!("cannot look at the lock file `{text}`"), e);
    let file = match dir.open_file(&text) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(cannot)?,
    };
    let status = os::file_status(&file).map_err(cannot)?;
    entry::check(&status).map_err(|(expected, found)| {
        Error::corrupt(format!(
            "the lock file `{text}` is refused: expected {expected}, found {found}"
        ))
    })?;
    let mut waiting = Waiting { file, who: None, identity: status.identity };
    if !os::try_lock(&waiting.file).map_err(cannot)? {
        waiting.who = waiting.read().map_err(cannot)?.0;
        if !waiting.maker_is_gone() {
            waiting.check_thread(folder)?;
            return Ok(Some(waiting));
        }
    }
    dir.unlink(&text).map_err(cannot)?;
    Ok(None)
}

/// Makes the file and locks it. No other process can find it before that, because the search needs the folder's lock.
fn begin(dir: &Dir, name: &SegmentName) -> io::Result<File> {
    let draft = Draft::create_named(dir, &file_name(name))?;
    draft.writer().write_all(Who::here(draft.file()).to_string().as_bytes())?;
    Ok(draft.keep())
}

/// This process's turn, which lasts until this value is dropped.
pub(crate) struct Making {
    folder: Folder,
    name: SegmentName,
    file: File,
    /// The process that has the turn. A forked child has a copy of this value, but must not end the turn.
    maker: u32,
    /// Whether the result is settled, so that dropping this value need not report a panic to the waiting processes.
    told: bool,
}

impl Making {
    /// Ends the turn with success: the name stands for a segment.
    pub(crate) fn done(mut self) {
        self.told = true;
    }

    /// Ends the turn with an error, which is written for the waiting processes, if that is possible. Returns the error.
    pub(crate) fn failed(mut self, error: Error) -> Error {
        self.tell(&format!("{error:#}"));
        error
    }

    fn tell(&mut self, error: &str) {
        self.told = true;
        let text = format!("{FAILED}\n{error}");
        // The descriptor's position is at the end of the file, so this appends.
        let _ = FileWriter::file(&self.file).write_all(text.as_bytes());
    }
}

impl Drop for Making {
    /// If the folder cannot be locked, the file stays; without its lock it does not hinder the next turn.
    fn drop(&mut self) {
        if self.maker != std::process::id() {
            return;
        }
        if !self.told {
            self.tell("the function that makes it panicked");
        }
        if let Ok(Some(dir)) = self.folder.lock() {
            let text = file_name(&self.name);
            if dir.leads_to(&text, &self.file).unwrap_or(false) {
                let _ = dir.unlink(&text);
            }
        }
        os::unlock(&self.file);
    }
}

/// The turn of another process or thread.
pub(crate) struct Waiting {
    file: File,
    /// Who has the turn, if that is known.
    who: Option<Who>,
    identity: (u64, u64),
}

impl Waiting {
    /// Waits until the turn has ended, but at most for `limit`.
    ///
    /// # Errors
    ///
    /// `MakerFailed`, with the maker's error, if the maker failed; `Io` if the turn takes longer than `limit`.
    pub(crate) fn wait(self, limit: Option<Duration>) -> Result<()> {
        let cannot = |e: io::Error| Error::io("cannot look at the lock of the object's maker", e);
        let (started, mut looked) = (Instant::now(), Instant::now());
        let mut pause = Duration::from_micros(50);
        while !os::try_share_lock(&self.file).map_err(cannot)? {
            if limit.is_some_and(|limit| started.elapsed() >= limit) {
                return Err(self.too_long(started.elapsed()));
            }
            // A child that the maker forked keeps the lock after the maker has died.
            if looked.elapsed() > LOOK {
                if self.maker_is_gone() {
                    return Ok(());
                }
                looked = Instant::now();
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(PAUSE);
        }
        let (_, error) = self.read().map_err(cannot)?;
        match error {
            None => Ok(()),
            Some(said) => Err(Error::new(
                ErrorKind::MakerFailed,
                format!("{}, which was making the object, failed: {said}", self.maker()),
            )),
        }
    }

    /// Reads who has the turn, and the error with which it ended, if it did.
    fn read(&self) -> io::Result<(Option<Who>, Option<String>)> {
        let mut bytes = vec![0; MAX_BYTES];
        let mut len = 0;
        loop {
            match os::read_some_at(&self.file, &mut bytes[len..], len as u64) {
                Ok(0) => break,
                Ok(more) => len += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let text = String::from_utf8_lossy(&bytes[..len]);
        let (line, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let error = rest.strip_prefix(FAILED).and_then(|rest| rest.strip_prefix('\n'));
        Ok((Who::parse(line), error.map(str::to_owned)))
    }

    fn maker_is_gone(&self) -> bool {
        let is_it = |file: &File| {
            os::file_status(file).is_ok_and(|status| status.identity == self.identity)
        };
        self.who.is_some_and(|who| Witness::default().is_gone(&who.maker, is_it))
    }

    /// # Errors
    ///
    /// `Deadlock` if this thread has the turn.
    fn check_thread(&self, folder: &Folder) -> Result<()> {
        let Some(who) = self.who else { return Ok(()) };
        let here = Who::here(&self.file);
        let is_here = who.maker.process == here.maker.process
            && who.maker.namespace == here.maker.namespace
            && who.thread == here.thread;
        if !is_here || here.thread == 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Deadlock,
            format!(
                "the function that makes the object opens it, and this thread would wait for itself (the lock is in {})",
                folder.path().display()
            ),
        ))
    }

    fn maker(&self) -> String {
        self.who.map_or("a process".to_owned(), |who| format!("process {}", who.maker.process))
    }

    #[cold]
    fn too_long(&self, waited: Duration) -> Error {
        Error::io(
            format!(
                "{} has been making the object for more than {:.1} s, which is what `wait_limit` allows; is it stopped?",
                self.maker(),
                waited.as_secs_f64()
            ),
            io::Error::from(io::ErrorKind::TimedOut),
        )
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn temporary() -> (tempfile::TempDir, Folder, SegmentName) {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::in_base(Some(base.path().as_os_str().to_owned())).unwrap();
        (base, folder, SegmentName::parse("n").unwrap())
    }

    #[test]
    fn a_line_comes_back_and_a_later_version_is_nobody() {
        let maker = Maker { process: 7, descriptor: 3, namespace: 5, started: 9 };
        let who = Who { maker, thread: 8 };
        let line = who.to_string();
        assert_eq!(line, "serde_shm-making 1 7:3 ns=5 started=9 thread=8\n");
        assert_eq!(Who::parse(line.trim_end()), Some(who));
        assert_eq!(Who::parse("serde_shm-making 1 7:3 ns=5 started=9 thread=8 more=1"), Some(who));
        for other in
            ["", "serde_shm-making 2 7:3", "serde_shm-making 1 7", "serde_shm-making 1 7:3 x"]
        {
            assert_eq!(Who::parse(other), None, "{other}");
        }
    }

    #[test]
    fn one_has_the_turn_and_the_others_are_told() {
        let (_base, folder, name) = temporary();
        let Turn::Ours(making) = take_turn(&folder, &name).unwrap() else { panic!() };
        let error = take_turn(&folder, &name).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Deadlock);
        let (begun, hear) = std::sync::mpsc::channel();
        let other = std::thread::spawn({
            let (folder, name) = (folder.clone(), name.clone());
            move || {
                let Turn::Theirs(waiting) = take_turn(&folder, &name).unwrap() else { panic!() };
                let Turn::Theirs(short) = take_turn(&folder, &name).unwrap() else { panic!() };
                let error = short.wait(Some(Duration::from_millis(5))).unwrap_err();
                assert!(error.to_string().contains("`wait_limit`"), "{error}");
                begun.send(()).unwrap();
                waiting.wait(None)
            }
        });
        hear.recv().unwrap();
        let error = making.failed(Error::new(ErrorKind::Message, "no\nluck"));
        assert_eq!(error.to_string(), "no\nluck");
        let error = other.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MakerFailed);
        let process = std::process::id();
        assert_eq!(
            error.to_string(),
            format!("process {process}, which was making the object, failed: no\nluck")
        );
        assert!(!folder.path().exists());
    }

    /// A maker that was killed leaves the file, but no lock.
    #[test]
    fn what_a_dead_maker_left_is_nobodys() {
        let (_base, folder, name) = temporary();
        for left in ["", "serde_shm-making 1 1:1 ns=1 started=1 thread=1\nfailed\nx", "\u{0}\u{1}"]
        {
            drop(
                folder
                    .make_and_lock()
                    .unwrap()
                    .create(&file_name(&name), os::Rights::Owner)
                    .unwrap(),
            );
            std::fs::write(folder.path().join(file_name(&name)), left).unwrap();
            let Turn::Ours(making) = take_turn(&folder, &name).unwrap() else { panic!("{left}") };
            making.done();
            assert!(!folder.path().exists());
        }
        std::fs::create_dir(folder.path()).unwrap();
        std::fs::set_permissions(
            folder.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        std::fs::create_dir(folder.path().join(file_name(&name))).unwrap();
        let error = take_turn(&folder, &name).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }

    /// A child that the maker forked keeps the lock of a maker that has died.
    #[test]
    fn a_lock_without_its_maker_is_nobodys() {
        let (_base, folder, name) = temporary();
        let Turn::Ours(making) = take_turn(&folder, &name).unwrap() else { panic!() };
        let gone = Maker { process: 0x3fff_fff0, ..Maker::here(0) };
        let line = Who { maker: gone, thread: 1 }.to_string();
        std::fs::write(folder.path().join(file_name(&name)), line).unwrap();
        let Turn::Ours(next) = take_turn(&folder, &name).unwrap() else { panic!() };
        drop(making);
        assert!(folder.path().join(file_name(&name)).exists(), "it is the next one's");
        next.done();
        assert!(!folder.path().exists());
    }
}
