//! Makes segments: without a name, published under a name, or in a file.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use serde::ser::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::progress::{Meter, Progress, ProgressAnswer, Work, metered};
use crate::segment::{self, Folder, Memory, Nonce, SegmentName, SegmentWriter, Shelf, Unstored};
use crate::store::{LivePart, SharedSink, Tally};
use crate::{os, ser};

use super::live::{Access, LiveFrom};
use super::{Content, Segment};

/// How to make a segment: its name, whether it may replace another segment of that name, and whether it outlives its
/// maker.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::{Segment, SegmentOptions};
///
/// # let name = &format!("doc-options-{}", std::process::id());
/// let segment = SegmentOptions::new().name(name).create(&[1_u8, 2, 3]).unwrap();
/// assert_eq!(serde_shm::from_shared::<[u8; 3]>(name).unwrap(), [1, 2, 3]);
///
/// let newer = SegmentOptions::new().name(name).replace(true).create(&[4_u8, 5, 6]).unwrap();
/// drop(segment); // its name is another's by now, and stays
/// assert_eq!(serde_shm::from_shared::<[u8; 3]>(name).unwrap(), [4, 5, 6]);
///
/// drop(newer);
/// assert!(Segment::open(name).is_err());
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentOptions {
    pub(super) name: Option<String>,
    pub(super) replace: bool,
    pub(super) persist: bool,
    mode: Option<u32>,
    pub(super) dir: Option<PathBuf>,
    fsync: Option<bool>,
    #[cfg(feature = "ndarray")]
    pub(super) huge_pages: bool,
    pub(super) wait_limit: Option<Duration>,
    pub(super) progress: Option<Progress<'static>>,
}

/// The default mode of a persistent segment's file.
const MODE: u32 = 0o600;

impl SegmentOptions {
    /// A segment without a name, as [`to_shared`](crate::to_shared) makes it.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::SegmentOptions::new().create("text").unwrap();
    /// assert_eq!(segment.name(), None);
    /// # }
    /// ```
    pub fn new() -> Self {
        SegmentOptions::default()
    }

    /// The name under which processes of the same user find the segment while this process holds it.
    ///
    /// A name has 1 to 200 characters of `A-Z a-z 0-9 . _ -` and does not start with a dot; [`create`](Self::create)
    /// checks this. The name is an entry file in the folder `serde_shm-UID` of `$SERDE_SHM_DIR`, or of `/dev/shm` if that
    /// variable is not set.
    ///
    /// ```
    /// let error = serde_shm::SegmentOptions::new().name("../etc").create(&1).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::InvalidInput);
    /// ```
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether the new segment replaces another one of the same name. By default it does not, and a name in use is an
    /// error.
    ///
    /// The replacement is one step: a process that opens the name gets the old segment or the new one, and a process that
    /// has the old one keeps it. It is no error if no segment has the name yet. The option has no effect on a segment
    /// without a name.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-replace-{}", std::process::id());
    /// let options = serde_shm::SegmentOptions::new().name(name).replace(true);
    /// let first = options.create(&1_u8).unwrap();
    /// let second = options.create(&2_u8).unwrap();
    /// assert_eq!((first.get::<u8>().unwrap(), second.get::<u8>().unwrap()), (1, 2));
    /// # }
    /// ```
    #[must_use]
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
        self
    }

    /// Whether the segment is a file that outlives its maker. By default it is memory.
    ///
    /// A persistent segment needs a name. Its file is written without a name, flushed to the disk (if it lies on one),
    /// and gets its name when it is whole. It is never changed after that. It stays until [`Segment::unlink`],
    /// [`segments::remove`] or [`segments::free_memory`] removes it; a file in `/dev/shm` also goes when the machine
    /// restarts.
    ///
    /// A file cannot be sealed. So [`Segment::open`] and [`from_shared`](crate::from_shared) read it into the memory of
    /// the process, and [`Segment::map`], which maps it, is `unsafe`.
    ///
    /// [`segments::remove`]: crate::segments::remove
    /// [`segments::free_memory`]: crate::segments::free_memory
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// use serde_shm::{Segment, SegmentOptions};
    ///
    /// let options = SegmentOptions::new().name("index").persist(true).dir(folder.path());
    /// let path = options.create(&vec!["a", "b"])?.id().to_owned(); // the handle is dropped, the file stays
    /// assert_eq!(Segment::open(&path)?.get::<Vec<&str>>()?, ["a", "b"]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn persist(mut self, persist: bool) -> Self {
        self.persist = persist;
        self
    }

    /// The permissions of a persistent segment's file: 0600 by default. The umask does not change them.
    ///
    /// The mode may let others read the file, as 0640 does; this is of use in a [`dir`](Self::dir) that they can enter.
    /// It must let the owner read, and must not let anybody else write.
    ///
    /// ```
    /// let error = serde_shm::SegmentOptions::new().name("n").persist(true).mode(0o666).create(&1).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::InvalidInput);
    /// ```
    #[must_use]
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = Some(mode);
        self
    }

    /// The directory for a persistent segment's file, which must exist. By default the file lies in the folder of this
    /// user's names.
    ///
    /// The file is called `NAME` in that directory, which may be on any file system. Processes open it by its path, which
    /// [`Segment::id`] gives. The functions of [`segments`](crate::segments) do not know of it, except for
    /// [`remove_session`](crate::segments::remove_session). The path must be UTF-8.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let options = serde_shm::SegmentOptions::new().name("weights").persist(true).dir(folder.path());
    /// let made = options.mode(0o640).create(&vec![0.5_f32; 100])?;
    /// assert_eq!(made.id(), folder.path().join("weights").to_str().unwrap());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// Whether a persistent segment's file and its name are flushed to the disk before [`create`](Self::create) returns.
    /// By default they are.
    ///
    /// With `false`, making a segment on a disk takes as long as writing to the page cache, and works in a sandbox that
    /// forbids `fsync`. Other processes see no difference. After a power failure the file may be missing or cut, and
    /// [`Segment::open`] returns an error for a cut file.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let options = serde_shm::SegmentOptions::new().name("scratch").persist(true).dir(folder.path());
    /// let made = options.fsync(false).create(&[1_u8, 2])?;
    /// assert_eq!(made.get::<[u8; 2]>()?, [1, 2]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.fsync = Some(fsync);
        self
    }

    /// Whether the segment's memory is to be in huge pages, as far as the kernel has free ones. By default it is not.
    ///
    /// A page of 2 MiB takes one entry of the page tables where 512 of 4 KiB do otherwise: large arrays are faster to fill, to map
    /// and to read where accesses are scattered. The last page of the segment, and in an [`Arena`](crate::Arena) the last page of
    /// each large array, is taken as a whole, so small objects are larger for it.
    ///
    /// The kernel makes huge pages of shared memory only if the administrator allows it, and gives small ones where memory is
    /// scattered. The option then makes no difference. On a virtual machine whose host takes free memory back, huge pages may be
    /// slow to come at first.
    ///
    /// ```no_run
    /// let options = serde_shm::SegmentOptions::new().huge_pages(true);
    /// let segment = options.create(&vec![0.5_f64; 1 << 27])?;
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// [`create`](Self::create) and [`Arena::new`](crate::Arena::new) return [`Unsupported`](crate::ErrorKind::Unsupported) if the
    /// kernel makes no huge pages of shared memory; the text says how that is allowed.
    #[cfg(feature = "ndarray")]
    #[must_use]
    pub fn huge_pages(mut self, huge_pages: bool) -> Self {
        self.huge_pages = huge_pages;
        self
    }

    /// Calls `report` while a segment is made, for a progress bar, and lets it cancel that. Its arguments are the bytes of arrays
    /// that are in the segment so far and the bytes of all arrays; in the last call both are equal. If it returns
    /// [`ControlFlow::Break`](std::ops::ControlFlow::Break), no segment is made.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use std::ops::ControlFlow;
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use serde_shm::{ErrorKind, SegmentOptions, ShmArray1};
    ///
    /// let is_stopped = Arc::new(AtomicBool::new(false)); // in life set by Ctrl-C, or by a button
    /// let asked = Arc::clone(&is_stopped);
    /// let options = SegmentOptions::new().progress(move |done, all| {
    ///     assert!(done <= all);
    ///     if asked.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    /// });
    /// let zeros = ShmArray1::from(vec![0.0_f64; 1_000_000]);
    /// assert_eq!(options.create(&zeros)?.get::<ShmArray1<f64>>()?.len(), 1_000_000);
    /// is_stopped.store(true, Ordering::Relaxed);
    /// assert_eq!(options.create(&zeros).unwrap_err().kind(), ErrorKind::Cancelled);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that makes the segment makes the calls, one after the other: one for some 8 MiB, or more where the work is slow,
    /// and one at the end, before the segment is sealed, flushed or gets its name. While a [`LockedArray`](crate::LockedArray) is
    /// copied, whose lock this thread then has, no call is made. Options that were cloned report to the same function.
    ///
    /// # Cost
    ///
    /// To know the bytes of all arrays beforehand, [`create`](Self::create), [`open_or_create`](Self::open_or_create) and
    /// [`Arena::publish`](crate::Arena::publish) serialize the value twice, the first time without a look at elements that lie
    /// side by side. [`create_with`](Self::create_with) writes once: there `all` is what came up so far, and grows.
    /// [`create_from_bytes`](Self::create_from_bytes) and [`create_from_reader`](Self::create_from_reader) count the bytes of the
    /// block, of a reader those that came so far. Large arrays are written in pieces of 8 MiB, and without a function in one.
    ///
    /// # Errors
    ///
    /// Making a segment then also returns [`Cancelled`](crate::ErrorKind::Cancelled). A panic of `report` goes on. After either,
    /// there is no segment, no memory and no file, and the name is what it was.
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Serializes an object into a new segment, and publishes the name, if there is one, when the segment is whole.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{ErrorKind, SegmentOptions};
    /// # let name = &format!("doc-create-{}", std::process::id());
    /// let segment = SegmentOptions::new().name(name).create(&[0.5, 1.5]).unwrap();
    /// let error = SegmentOptions::new().name(name).create(&[2.5]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    /// # }
    /// ```
    ///
    /// The name lives as long as the returned handle, and no longer than this process. A name whose maker died is free.
    /// After a `fork` the name belongs to the parent: the child's copy of the handle does not remove the name, and does
    /// not keep it when the parent has gone. The name of a persistent segment stays.
    ///
    /// Costs what [`to_shared`](crate::to_shared) costs; a name costs some forty system calls more and a small file. The
    /// handle of a persistent segment does not read the file before something in it is asked for.
    ///
    /// # Errors
    ///
    /// Those of [`to_shared`](crate::to_shared); [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name is not
    /// valid or the options contradict each other, before anything is written;
    /// [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if the name is in use and `replace` is not set;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if a file that is not of this crate has that name and `replace` is not set;
    /// [`Io`](crate::ErrorKind::Io) if this user does not own the folder of names, somebody else can write to it, or a
    /// file system is full (the text says how much was needed and how much there is). After an error nothing is left
    /// behind, and the name is what it was. There is one exception, and the error says so: if only the last flush of a
    /// persistent segment's directory or the last look at its file fails, the segment exists.
    pub fn create<T: Serialize + ?Sized>(&self, value: &T) -> Result<Segment> {
        self.create_by(
            &|| count(value),
            Box::new(|blank, meter| ser::to_sink(value, blank.sink(meter))),
        )
    }

    /// Makes a segment with these options of what `write` writes to the serializer that it gets; see [`ser`](crate::ser).
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let options = serde_shm::SegmentOptions::new();
    /// let mut json = serde_json::Deserializer::from_str(r#"{"a": [1, 2]}"#);
    /// let segment = options.create_with(|s| serde_transcode::transcode(&mut json, s))?;
    /// let back: std::collections::BTreeMap<&str, Vec<u8>> = segment.get()?;
    /// assert_eq!(back["a"], [1, 2]);
    ///
    /// let mut broken = serde_json::Deserializer::from_str(r#"{"a": [1, "#);
    /// assert!(options.create_with(|s| serde_transcode::transcode(&mut broken, s)).is_err());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If `write` fails or panics, no segment is made, and the name is what it was.
    ///
    /// # Errors
    ///
    /// Those of `write`; [`Message`](crate::ErrorKind::Message) if `write` succeeded but did not give a whole value to
    /// the serializer; those of [`create`](Self::create).
    pub fn create_with(
        &self,
        write: impl FnOnce(ser::Serializer<'_, '_>) -> Result<()>,
    ) -> Result<Segment> {
        self.create_by(
            &|| Ok(None),
            Box::new(|blank, meter| ser::to_sink_with(blank.sink(meter), write)),
        )
    }

    /// Makes a segment that `fill` fills. `all` gives the bytes of all arrays for the progress function, if
    /// they are known beforehand. Nothing from here on is compiled for each type of object.
    pub(super) fn create_by(
        &self,
        all: &dyn Fn() -> Result<Option<u64>>,
        fill: Fill<'_>,
    ) -> Result<Segment> {
        let fill =
            |blank| metered(self.progress.as_ref(), Work::MAKE, all, |meter| fill(blank, meter));
        let name = self.checked_name()?;
        span!("create", name = name.as_ref().map(tracing::field::display));
        match &name {
            Some(name) if self.persist => {
                self.create_file(fill, name).map_err(|error| error.in_container(name))
            }
            name => self.hold(name.as_ref(), |nonce| {
                fill(Blank { out: self.memory()?, nonce, make_live: segment::create_live })
            }),
        }
    }

    /// Empty memory, as the options want it.
    #[cfg_attr(not(feature = "ndarray"), allow(clippy::unused_self))]
    fn memory(&self) -> Result<SegmentWriter> {
        #[cfg(feature = "ndarray")]
        if self.huge_pages {
            return Memory::create_huge();
        }
        Memory::create()
    }

    /// The segment's name, if it has one.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is not valid or the options contradict each other; `Unsupported` on a system without segments.
    pub(super) fn checked_name(&self) -> Result<Option<SegmentName>> {
        let name = self.name.as_deref().map(SegmentName::parse).transpose()?;
        segment::check_supported().and_then(|()| self.check()).map_err(|error| match &name {
            Some(name) => error.in_container(name),
            None => error,
        })?;
        Ok(name)
    }

    /// Makes a segment of memory that `fill` makes and fills, for a block of this nonce.
    pub(super) fn hold(
        &self,
        name: Option<&SegmentName>,
        fill: impl FnOnce(Nonce) -> Result<Filled>,
    ) -> Result<Segment> {
        if let Some(name) = name {
            return self.create_named(fill, name).map_err(|error| error.in_container(name));
        }
        let (memory, content) = create_memory(fill)?;
        let mut segment = Segment::of_memory(memory, content, String::new(), Access::FULL);
        segment.asked = segment.id().to_owned();
        Ok(segment)
    }

    /// # Errors
    ///
    /// `InvalidInput` if the options contradict each other.
    pub(super) fn check(&self) -> Result<()> {
        let refused = |text: String| Err(Error::new(ErrorKind::InvalidInput, text));
        if self.persist && self.name.is_none() {
            return refused("a persistent segment needs a name: `.name(\"…\")`".to_owned());
        }
        let (mode, dir, fsync) = (self.mode.is_some(), self.dir.is_some(), self.fsync.is_some());
        for (option, given) in [("mode", mode), ("dir", dir), ("fsync", fsync)] {
            if given && !self.persist {
                return refused(format!(
                    "`{option}` is for persistent segments, `.persist(true)`; memory is for this user alone, and its names \
                     are in the folder that $SERDE_SHM_DIR moves"
                ));
            }
        }
        #[cfg(feature = "ndarray")]
        if self.huge_pages && self.persist {
            return refused(
                "`huge_pages` is for memory, and a persistent segment is a file: leave one of them out".to_owned(),
            );
        }
        match self.mode {
            Some(mode) if mode & !0o644 != 0 || mode & 0o400 == 0 => refused(format!(
                "mode {mode:04o} is refused: expected the owner to read and nobody else to write or execute, \
                 as in 0600 or 0640"
            )),
            _ => Ok(()),
        }
    }

    fn create_named(
        &self,
        fill: impl FnOnce(Nonce) -> Result<Filled>,
        name: &SegmentName,
    ) -> Result<Segment> {
        let folder = Folder::of_user()?;
        if !self.replace {
            // Publishing checks this again. The check here avoids writing a large object in vain.
            segment::ensure_free(&folder, name)?;
        }
        let (memory, content) = create_memory(fill)?;
        let mut segment = Segment::of_memory(memory, content, name.to_string(), Access::FULL);
        segment.publish(folder, name, self.replace)?;
        Ok(segment)
    }

    fn create_file(
        &self,
        fill: impl FnOnce(Blank) -> Result<Filled>,
        name: &SegmentName,
    ) -> Result<Segment> {
        let (place, folder) = if let Some(dir) = &self.dir {
            (Shelf::Dir(absolute(dir)?), None)
        } else {
            let folder = Folder::of_user()?;
            check_text(folder.path())?;
            (Shelf::Folder(folder.clone()), Some(folder))
        };
        let mode = self.mode.unwrap_or(MODE);
        let fsync = self.fsync.unwrap_or(true);
        let (unstored, writer) = Unstored::create(place, name.clone(), mode, fsync, self.replace)?;
        let blank = Blank { out: writer, nonce: new_nonce()?, make_live: refuse_live };
        let (writer, _) = fill(blank)?;
        let stored = unstored.publish(writer, self.replace)?;
        let mut segment = Segment::from_stored(stored, OnceLock::new(), folder, name.to_string());
        segment.name = Some(name.clone());
        Ok(segment)
    }
}

/// The bytes of a value's arrays, for the progress function.
pub(super) fn count<T: Serialize + ?Sized>(value: &T) -> Result<Option<u64>> {
    ser::to_sink(value, Tally::sharing()).map(Some)
}

/// The absolute path of a directory, which a later `chdir` does not change.
fn absolute(dir: &Path) -> Result<PathBuf> {
    let dir = std::path::absolute(dir)
        .map_err(|e| Error::io(format!("cannot make {} absolute", dir.display()), e))?;
    check_text(&dir)?;
    Ok(dir)
}

/// Checks that the path is UTF-8, because the text of the file's path is the segment's id.
fn check_text(dir: &Path) -> Result<()> {
    match dir.to_str() {
        Some(_) => Ok(()),
        None => Err(Error::new(
            ErrorKind::InvalidInput,
            format!("the directory's path must be UTF-8, found {}", dir.display()),
        )),
    }
}

fn new_nonce() -> Result<Nonce> {
    os::random().map_err(|e| {
        let text = "cannot get random bytes: a sandbox (seccomp) forbids `getrandom`, and /dev/urandom cannot be read; \
                    allow one of them, without which the standard library's hash maps cannot be made either";
        Error::new(ErrorKind::Io, text).with_source(e)
    })
}

fn create_memory(fill: impl FnOnce(Nonce) -> Result<Filled>) -> Result<(Memory, Content)> {
    let nonce = new_nonce()?;
    let (writer, live) = fill(nonce)?;
    let seal = |live: LivePart<_>| segment::seal_live(live.out, &live.header, &live.layout);
    let live = live.map(seal).transpose()?;
    let memory = Memory::seal(writer)?;
    let id = memory.id(nonce);
    let content = Content::with_live(&memory, Some(&id), LiveFrom::Made(live), Access::FULL)?;
    Ok((memory, content))
}

/// A function pointer, so that a type is compiled for one sink, however many ways there are to share it.
pub(super) type MakeLive = fn() -> Result<SegmentWriter>;

/// What writes an object to an empty segment.
pub(super) type Fill<'f> = Box<dyn FnOnce(Blank, Option<&Meter<'_>>) -> Result<Filled> + 'f>;

/// A segment to which nothing has been written yet.
pub(super) struct Blank {
    pub(super) out: SegmentWriter,
    pub(super) nonce: Nonce,
    make_live: MakeLive,
}

impl Blank {
    /// The sink to which an object is written.
    fn sink<'m>(self, meter: Option<&'m Meter<'m>>) -> SharedSink<'m, SegmentWriter, MakeLive> {
        SharedSink::new(self.out, self.nonce, self.make_live).with_meter(meter)
    }
}

/// A segment's memory or file with everything written, and the memory of its live arrays.
pub(super) type Filled = (SegmentWriter, Option<LivePart<SegmentWriter>>);

fn refuse_live() -> Result<SegmentWriter> {
    Err(Error::new(
        ErrorKind::Unsupported,
        "an array that changes in place (`LockedArray`, `AtomicArray`) cannot be put into a persistent segment, which \
         is a file that others could cut under it: make the segment without `.persist(true)`, or put a \
         `ShmArray` or `Array` there",
    ))
}
