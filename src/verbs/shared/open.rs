//! Opens segments: by id, name, path or descriptor. A handle can also follow its name to a newer segment.

#[cfg(any(unix, feature = "workers"))]
use std::fs::File;
use std::path::Path;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};
use crate::os;
use crate::progress::{Meter, Progress, Work, metered};
use crate::segment::{self, Folder, Memory, Nonce, SegmentId, SegmentName, Stored, Target};

use super::live::{Access, LiveFrom};
use super::{Backing, Content, Origin, Segment};

/// How a segment is opened.
#[derive(Clone)]
pub(super) struct How {
    /// How the file of a persistent segment gets into this process's memory.
    load: fn(&Stored, Option<&Meter<'_>>) -> Result<Content>,
    /// What the handle may do with live arrays.
    access: Access,
    /// Is told how much of the file is read.
    progress: Option<Progress<'static>>,
}

impl How {
    pub(super) fn new(access: Access) -> Self {
        How { load: Content::read, access, progress: None }
    }

    pub(super) fn with_progress(self, progress: Option<Progress<'static>>) -> Self {
        How { progress, ..self }
    }

    fn load(&self, file: &Stored) -> Result<Content> {
        let all = || Ok(Some(file.len()));
        metered(self.progress.as_ref(), Work::OPEN, all, |meter| (self.load)(file, meter))
    }
}

impl Segment {
    /// Opens the segment of this id, name or path. A text that starts with a slash is the path of a persistent segment, a
    /// text with a colon in it is an id, and any other text is a name.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{ErrorKind, Segment};
    /// assert_eq!(Segment::open("no-such-name").unwrap_err().kind(), ErrorKind::NotFound);
    /// assert_eq!(Segment::open("not an id or name").unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # }
    /// ```
    ///
    /// If a process replaces the segment of a name meanwhile, this opens the old segment or the new one, without an
    /// error. A persistent segment that is opened by its path may belong to another user.
    ///
    /// # Cost
    ///
    /// For memory there is no copy, and no array is read. Opening takes seven system calls by id. By name it takes two
    /// more, and seven more if this process has not opened that publication lately. The data that is not array data is
    /// read into a separate buffer if it is at most 16 KiB, and its checksum is checked. Borrowed text then lies in that
    /// buffer, and no page of the mapping is touched before an array is read. A persistent segment is read as a whole, in
    /// one copy.
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput): the text is neither an id, a name nor an absolute path.
    /// - [`NotFound`](crate::ErrorKind::NotFound): there is no such name or file; the process that the id names, or its
    ///   handle, has gone; the descriptor stands for something else by now; or the process is not visible from this one,
    ///   for example because it is in another PID namespace.
    /// - [`Io`](crate::ErrorKind::Io): the segment is another user's, which only root may open; or there is no free
    ///   descriptor, or no room for a mapping.
    /// - [`Corrupt`](crate::ErrorKind::Corrupt): the memory is not sealed, or is not a whole segment of this crate.
    ///   [`Version`](crate::ErrorKind::Version): it has a later format.
    ///
    /// A fault in the memory of live arrays does not make this fail: reading one of these arrays returns the error. The
    /// same holds if another user made that memory: see [`OpenOptions::trust_owner`](crate::OpenOptions::trust_owner).
    pub fn open(id: &str) -> Result<Self> {
        open(id, &How::new(Access::FULL))
    }

    /// Opens a segment like [`open`](Self::open), for a process that only reads.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let made = serde_shm::to_shared(&[1_u8, 2]).unwrap();
    /// let seen = serde_shm::Segment::open_read_only(made.id()).unwrap();
    /// assert_eq!(seen.get::<[u8; 2]>().unwrap(), [1, 2]);
    /// # }
    /// ```
    ///
    /// This process cannot write to anything that it reaches through the handle. Arrays that are not live are sealed in
    /// any case. The elements of live arrays are mapped for reading only: a [`LockedArray`](crate::LockedArray) gives
    /// read guards, an [`AtomicArray`](crate::AtomicArray) gives its values, and every other request is an error,
    /// [`ReadOnly`](crate::ErrorKind::ReadOnly). Only the words of the locks are mapped for writing, because a reader
    /// must be counted before it can hold writers out.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn open_read_only(id: &str) -> Result<Self> {
        open(id, &How::new(Access { writable: false, ..Access::FULL }))
    }

    /// Opens a segment like [`open`](Self::open), but maps the file of a persistent segment instead of reading it.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use serde_shm::{Segment, SegmentOptions, ShmArray1};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let made = SegmentOptions::new()
    ///     .name("index")
    ///     .persist(true)
    ///     .dir(folder.path())
    ///     .create(&ShmArray1::from(vec![7_u32; 1000]))?;
    /// // SAFETY: nothing writes to files of that folder.
    /// let seen = unsafe { Segment::map(made.id())? };
    /// let array: ShmArray1<u32> = seen.get()?; // no copy
    /// assert_eq!(array[999], 7);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs no copy, however large the arrays are: pages come from the page cache when they are touched. Removing or
    /// replacing the segment does no harm, since the mapping keeps the file.
    ///
    /// # Safety
    ///
    /// Nobody may write to the file or cut it while this handle, a view, a [`Block`](crate::Block) or a
    /// [`ShmArray`](crate::ShmArray) of it lives: references to its bytes exist meanwhile, and touching a page that was
    /// cut off ends the process with SIGBUS. This crate never writes to a file that has a name, but it cannot keep other
    /// programs from it. If a disk fails to give a page, that is a SIGBUS, too. For a segment of memory the caller need
    /// not ensure anything: it is sealed.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); [`NotFound`](crate::ErrorKind::NotFound) if the file loses its name before it is
    /// mapped.
    #[allow(unsafe_code)]
    pub unsafe fn map(id: &str) -> Result<Self> {
        let load = |file: &Stored, _: Option<&Meter<'_>>| {
            // SAFETY: handed on to the caller, whose promise outlives the region.
            let promise = unsafe { os::Unchanging::promised() };
            Content::in_place(file.map(promise)?)
        };
        open(id, &How { load, ..How::new(Access::FULL) })
    }

    /// Opens the segment behind a descriptor that another process handed over through a Unix socket or by inheritance.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::os::fd::AsFd;
    /// use serde_shm::Segment;
    ///
    /// let made = serde_shm::to_shared("text")?;
    /// let descriptor = made.as_fd().try_clone_to_owned().unwrap(); // in life it comes from another process
    /// let seen = Segment::from_fd(descriptor)?;
    /// assert_eq!(seen.get::<&str>()?, "text");
    ///
    /// let file = std::fs::File::open("/proc/self/exe").unwrap();
    /// let error = Segment::from_fd(file.into()).unwrap_err();
    /// assert!(error.to_string().contains("expected the descriptor of a sealed memfd"));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// This needs neither `/proc` nor the same user nor the same PID namespace: a process that has the descriptor has
    /// access to the segment. The examples `hand_over` and `inherit` show both ways.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the descriptor stands for anything but sealed memory, or the memory is
    /// not a whole segment; [`Version`](crate::ErrorKind::Version) if the segment has a later format;
    /// [`Io`](crate::ErrorKind::Io) if there is no room for a mapping.
    #[cfg(unix)]
    pub fn from_fd(descriptor: std::os::fd::OwnedFd) -> Result<Self> {
        Segment::handed_over(descriptor, None, Access::FULL)
    }

    /// Opens the segment behind a pair of descriptors that another process handed over: the descriptor of the sealed
    /// memory, and that of the memory of its live arrays ([`live_fd`](Self::live_fd)).
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use std::os::fd::AsFd;
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use serde_shm::{AtomicArray, Segment};
    /// use ndarray::Ix1;
    ///
    /// let made = serde_shm::to_shared(&AtomicArray::from(vec![1_u32, 2]))?;
    /// let sealed = made.as_fd().try_clone_to_owned().unwrap(); // in life they come from another process
    /// // SAFETY: the copy goes to `from_fds` and nowhere else.
    /// let live = unsafe { made.live_fd() }.unwrap().try_clone_to_owned().unwrap();
    /// // SAFETY: it is what `live_fd` gave, and nobody has another copy.
    /// let seen = unsafe { Segment::from_fds(sealed, live)? };
    /// let array: AtomicArray<u32, Ix1> = seen.get()?;
    /// assert_eq!(array.load(1, Relaxed)?, 2);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// With [`from_fd`](Self::from_fd) alone a process can read everything but the live arrays. Locked arrays need
    /// `/proc/self/fd` in this process; atomic arrays do not.
    ///
    /// # Safety
    ///
    /// The second descriptor must come from [`live_fd`](Self::live_fd), in any process. Whoever has a copy of it must
    /// keep the promise that `live_fd` demands: only this crate writes to the memory or maps it.
    ///
    /// # Errors
    ///
    /// Those of [`from_fd`](Self::from_fd). If the second descriptor does not stand for the live memory of the first, or
    /// another user made that memory, reading a live array returns the error.
    #[cfg(unix)]
    #[allow(unsafe_code)]
    pub unsafe fn from_fds(
        descriptor: std::os::fd::OwnedFd,
        live: std::os::fd::OwnedFd,
    ) -> Result<Self> {
        Segment::handed_over(descriptor, Some(live.into()), Access::FULL)
    }

    #[cfg(unix)]
    pub(super) fn handed_over(
        descriptor: std::os::fd::OwnedFd,
        live: Option<File>,
        access: Access,
    ) -> Result<Self> {
        let asked = "a descriptor that was handed over";
        Segment::of_descriptors(descriptor.into(), live, access, asked)
    }

    #[cfg(any(unix, feature = "workers"))]
    pub(super) fn of_descriptors(
        sealed: File,
        live: Option<File>,
        access: Access,
        asked: &str,
    ) -> Result<Self> {
        segment::check_supported()
            .and_then(|()| Memory::from_file(sealed))
            .and_then(|memory| {
                let from = LiveFrom::Handed(live);
                Segment::from_memory(memory, None, asked.to_owned(), from, access)
            })
            .map_err(|error| error.in_container(asked))
    }

    /// Moves the handle to the newest segment under the name by which it was opened or made. Returns whether there was a
    /// newer one.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-refresh-{}", std::process::id());
    /// use serde_shm::{Segment, SegmentOptions};
    ///
    /// let first = SegmentOptions::new().name(name).create(&1_u8)?;
    /// let mut seen = Segment::open(name)?;
    /// assert!(!seen.refresh()?);
    /// let second = SegmentOptions::new().name(name).replace(true).create(&2_u8)?;
    /// assert!(seen.refresh()?);
    /// assert_eq!(seen.get::<u8>()?, 2);
    /// # drop((first, second));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If the name has gone, or the maker of its newest segment has died, the handle stays with the segment that it has.
    /// Views borrow the handle and cannot be held across this call. [`ShmArray`](crate::ShmArray)s can be held, and keep
    /// the old segment's array.
    ///
    /// # Cost
    ///
    /// One `stat` if there is nothing new; otherwise that of [`open`](Self::open). A newer persistent segment is read,
    /// even if the handle mapped the old one.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the handle has no name because it was opened by id or
    /// descriptor; those of `open`, except for a missing name. After an error the handle is as it was.
    pub fn refresh(&mut self) -> Result<bool> {
        let Some(origin) = &self.origin else {
            let text = "a segment without a name, or opened by its id, has no newer publication";
            return Err(self.named(Error::new(ErrorKind::InvalidInput, text)));
        };
        match os::path_status(&origin.path) {
            Ok(there) if there.stamp() == origin.stamp => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                return Err(self.named(Error::io("cannot look at the segment's entry", error)));
            }
            Ok(_) => {}
        }
        let how = How::new(self.access).with_progress(self.progress.clone());
        let newest = match (&origin.folder, &self.name) {
            (Some(folder), Some(name)) => follow(folder.clone(), name.clone(), &how),
            _ => open_path(&origin.path, &how),
        };
        let newest = match newest {
            Ok(newest) => newest,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.named(error)),
        };
        // Equal nonces mean the same segment, of whose entry only dates or links changed. A file that another program
        // made may have no nonce.
        let nonce = newest.content()?.nonce();
        let is_new = nonce == Nonce::default() || self.content()?.nonce() != nonce;
        let Segment { backing, origin, .. } = newest;
        self.origin = origin;
        if is_new {
            self.backing = backing;
            self.id = OnceLock::new();
        }
        Ok(is_new)
    }

    /// Removes the segment's name, if the name still stands for this segment. Returns whether it did.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-unlink-{}", std::process::id());
    /// use serde_shm::{Segment, SegmentOptions};
    ///
    /// let made = SegmentOptions::new().name(name).create("text")?;
    /// assert!(made.unlink()?);
    /// assert!(Segment::open(name).is_err());
    /// assert_eq!(made.get::<&str>()?, "text"); // who has it keeps it
    /// assert!(!made.unlink()?);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Any handle of this user may do this, not only the maker's. The file of a persistent segment is then freed with its
    /// last mapping. For a segment without a name this does nothing.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::ErrorKind::Io) if the directory cannot be locked or changed.
    pub fn unlink(&self) -> Result<bool> {
        let Some(origin) = &self.origin else { return Ok(false) };
        let removed = match (&origin.folder, &self.name, &self.backing) {
            (Some(folder), Some(name), _) => segment::remove_if(folder, name, |there| {
                there.stamp().identity() == origin.stamp.identity()
            }),
            (_, _, Backing::File(file, _)) => file.unlink(),
            _ => Ok(false),
        };
        removed.map_err(|error| self.named(error))
    }

    /// The segment's content. A persistent segment that has not been read is read now.
    pub(super) fn content(&self) -> Result<&Content> {
        match &self.backing {
            Backing::Memory(_, content) => Ok(content),
            Backing::File(file, content) => {
                if let Some(content) = content.get() {
                    return Ok(content);
                }
                let how = How::new(self.access).with_progress(self.progress.clone());
                let read = how.load(file)?;
                // If another thread was faster, this copy is dropped.
                Ok(content.get_or_init(|| read))
            }
        }
    }

    pub(super) fn from_memory(
        memory: Memory,
        id: Option<&SegmentId>,
        asked: String,
        from: LiveFrom<'_>,
        access: Access,
    ) -> Result<Self> {
        let content = Content::with_live(&memory, id, from, access)?;
        let lacks_live = content.live.as_ref().is_some_and(|live| live.file().is_none());
        if let Some(id) = id.filter(|_| lacks_live) {
            // A process that drops a segment closes the descriptor of the sealed memory before that of the live memory.
            // So if the sealed descriptor stands for something else by now, the segment has gone, and that is why the
            // live memory was missing.
            let again = Memory::open(id)?;
            if again.stamp() != memory.stamp() {
                return Err(segment::other_segment(id));
            }
        }
        Ok(Segment::of_memory(memory, content, asked, access))
    }

    pub(super) fn of_memory(
        memory: Memory,
        content: Content,
        asked: String,
        access: Access,
    ) -> Self {
        Segment {
            published: None,
            backing: Backing::Memory(memory, content),
            id: OnceLock::new(),
            name: None,
            origin: None,
            asked,
            access,
            copy_limit: None,
            progress: None,
        }
    }

    /// A handle on a persistent segment, whose content may have been read already.
    pub(super) fn from_stored(
        file: Stored,
        content: OnceLock<Content>,
        folder: Option<Folder>,
        asked: String,
    ) -> Self {
        let origin = Origin { path: file.path().to_owned(), stamp: file.stamp(), folder };
        Segment {
            published: None,
            backing: Backing::File(file, content),
            id: OnceLock::new(),
            name: None,
            origin: Some(origin),
            asked,
            access: Access::FULL,
            copy_limit: None,
            progress: None,
        }
    }
}

pub(super) fn open(text: &str, how: &How) -> Result<Segment> {
    span!("open", name = text);
    segment::check_supported().map_err(|error| error.in_container(text))?;
    let progress = how.progress.clone();
    let opened = if text.starts_with('/') {
        open_path(Path::new(text), how)
    } else if SegmentId::is_meant(text) {
        let id = SegmentId::parse(text)?;
        Memory::open(&id).and_then(|memory| {
            let from = LiveFrom::Id(&id);
            Segment::from_memory(memory, Some(&id), text.to_owned(), from, how.access)
        })
    } else {
        let name = SegmentName::parse(text)?;
        Folder::of_user().and_then(|folder| follow(folder, name, how))
    };
    match opened {
        Ok(segment) => Ok(Segment { progress, ..segment }),
        Err(error) => Err(error.in_container(text)),
    }
}

fn open_path(path: &Path, how: &How) -> Result<Segment> {
    loaded(Stored::open(path)?, None, path.display().to_string(), how)
}

fn loaded(file: Stored, folder: Option<Folder>, asked: String, how: &How) -> Result<Segment> {
    let content = how.load(&file)?;
    Ok(Segment::from_stored(file, OnceLock::from(content), folder, asked))
}

pub(super) fn follow(folder: Folder, name: SegmentName, how: &How) -> Result<Segment> {
    let path = folder.path_of(&name);
    let (mut opened, stamp) = segment::follow(&folder, &name, &path, |target| match target {
        Target::Memory(entry) => {
            let memory = Memory::open(&entry.id)?;
            let from = LiveFrom::Id(&entry.id);
            Segment::from_memory(memory, Some(&entry.id), name.to_string(), from, how.access)
        }
        Target::File(file, status) => {
            let file = Stored::with_status(file, &status, path.clone());
            loaded(file, Some(folder.clone()), name.to_string(), how)
        }
    })?;
    opened.origin = Some(Origin { path, stamp, folder: Some(folder) });
    opened.name = Some(name);
    Ok(opened)
}
