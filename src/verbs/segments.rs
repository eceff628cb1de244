//! Housekeeping: functions that list and remove the segments that this user has published under a name.
//!
//! ```
//! # #[cfg(target_os = "linux")] {
//! use serde_shm::{SegmentOptions, segments};
//!
//! # let name = &format!("doc-segments-{}", std::process::id());
//! let made = SegmentOptions::new().name(name).persist(true).create("text")?;
//! drop(made); // the name stays
//! assert!(segments::list()?.iter().any(|info| info.name() == name && info.is_persistent()));
//! assert!(segments::remove(name)?);
//! # }
//! # Ok::<(), serde_shm::Error>(())
//! ```

use std::time::{Duration, SystemTime};

use crate::error::Result;
use crate::segment::{self, Folder, NameInfo, SegmentName};

/// What [`list`] says of a published segment, without opening it: the state at the time when `list` looked.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// # let name = &format!("doc-info-{}", std::process::id());
/// let made = serde_shm::SegmentOptions::new().name(name).create(&vec![1_u64; 100])?;
/// let all = serde_shm::segments::list()?;
/// let info = all.iter().find(|info| info.name() == name).unwrap();
/// assert_eq!((info.byte_len(), info.pid()), (made.len() as u64, Some(std::process::id())));
/// assert!(info.is_alive() && !info.is_persistent());
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentInfo(NameInfo);

impl SegmentInfo {
    /// The name, by which [`Segment::open`](crate::Segment::open) finds the segment.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-info-name-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert_eq!(serde_shm::Segment::open(info.name())?.get::<&str>()?, "text");
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many bytes the segment's memory or file has.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-info-len-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create(&"a".repeat(1000))?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert_eq!(info.byte_len(), made.len() as u64);
    /// assert!(info.byte_len() > 1000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn byte_len(&self) -> u64 {
        self.0.bytes
    }

    /// When the segment was published, by the clock and with the precision of the file system where its name is.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-info-created-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert!(info.created().elapsed().unwrap() < std::time::Duration::from_secs(600));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn created(&self) -> SystemTime {
        let (seconds, nanoseconds) = self.0.created;
        let since = |seconds: u64| Duration::new(seconds, nanoseconds);
        u64::try_from(seconds)
            .ok()
            .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(since(seconds)))
            .unwrap_or(SystemTime::UNIX_EPOCH)
    }

    /// The process that published the segment, by its number in its own PID namespace; `None` if the segment is
    /// persistent.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-info-pid-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert_eq!(info.pid(), Some(std::process::id()));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn pid(&self) -> Option<u32> {
        self.0.process
    }

    /// Whether the segment can be opened: the handle of its maker, the process that published it, is still open, or the
    /// segment is persistent.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-info-alive-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert!(info.is_alive());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The maker holds a lock, which the kernel frees when the maker dies. This method goes by that lock, and not by the
    /// process number alone.
    pub fn is_alive(&self) -> bool {
        self.0.alive
    }

    /// Whether the segment is a file that outlives its maker.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-info-persistent-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).persist(true).create("text")?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert!(info.is_persistent() && info.pid().is_none());
    /// # made.unlink()?;
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_persistent(&self) -> bool {
        self.0.process.is_none()
    }

    /// How many of the segment's arrays can be changed in place, that is, are [`LockedArray`](crate::LockedArray)s and
    /// [`AtomicArray`](crate::AtomicArray)s. A persistent segment has no such arrays.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// # let name = &format!("doc-info-live-{}", std::process::id());
    /// use serde_shm::{AtomicArray, ShmArray1};
    ///
    /// let object = (AtomicArray::from(vec![1]), ShmArray1::from(vec![2]));
    /// let made = serde_shm::SegmentOptions::new().name(name).create(&object)?;
    /// let info = serde_shm::segments::list()?.into_iter().find(|info| info.name() == name).unwrap();
    /// assert_eq!(info.live_arrays(), 1);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn live_arrays(&self) -> u64 {
        self.0.live_arrays
    }
}

/// Lists what this user has published under a name, sorted by name: segments of all processes, persistent segments, and
/// segments whose maker died but whose name nobody has removed.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::{SegmentOptions, segments};
///
/// # let name = &format!("doc-list-{}", std::process::id());
/// let made = SegmentOptions::new().name(name).create("text")?;
/// for info in segments::list()? {
///     println!("{:30} {:12} bytes, alive: {}", info.name(), info.byte_len(), info.is_alive());
/// }
/// assert!(segments::list()?.iter().any(|info| info.name() == name));
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Segments without a name, and persistent segments in a [`dir`](crate::SegmentOptions::dir) of their own, are not
/// listed: only their users know of them. Files in the folder that are not of this crate are skipped.
///
/// The folder of names is locked meanwhile. Other processes that publish or remove names wait; processes that open a name
/// do not. Costs six system calls for each name.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) if this user does not own the folder, somebody else can write to it, a stopped process
/// holds its lock, or a file in it cannot be read.
pub fn list() -> Result<Vec<SegmentInfo>> {
    let records = segment::list(&Folder::of_user()?)?;
    Ok(records.into_iter().map(SegmentInfo).collect())
}

/// Removes a name of this user's, whichever process holds it; returns `false` if there is no such name.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// # let name = &format!("doc-remove-{}", std::process::id());
/// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
/// assert!(serde_shm::segments::remove(name)?);
/// assert!(!serde_shm::segments::remove(name)?);
/// assert_eq!(made.get::<&str>()?, "text");
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Processes that have the segment open keep it; the memory is freed with its last user. The file of a persistent segment
/// is deleted.
///
/// # Errors
///
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name is not valid; [`Corrupt`](crate::ErrorKind::Corrupt) if
/// the file of that name is not of this crate, in which case it stays; those of [`list`].
pub fn remove(name: &str) -> Result<bool> {
    let name = SegmentName::parse(name)?;
    Folder::of_user()
        .and_then(|folder| segment::remove(&folder, &name))
        .map_err(|error| error.in_container(&name))
}

/// Removes the names that this process published and still owns, and returns their number. Persistent segments are among
/// them, in whichever directory they are.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// # let name = &format!("doc-session-{}", std::process::id());
/// let made = serde_shm::SegmentOptions::new().name(name).create(&1)?;
/// assert_eq!(serde_shm::segments::remove_session()?, 1);
/// # drop(made);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// A name that another process has taken over stays. A forked child does not remove what its parent published. Handles
/// stay usable. This crate does not call the function at exit: the name of a memory segment goes with its handle, or
/// [`reap`] removes it where no destructor ran; persistent segments are meant to stay.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) if a directory cannot be changed; the other names are removed all the same.
pub fn remove_session() -> Result<usize> {
    segment::remove_session(&Folder::of_user()?)
}

/// Removes all names of this user, of whichever process, and deletes the persistent segments among them; returns their
/// number.
///
/// ```standalone_crate
/// # #[cfg(target_os = "linux")] {
/// # let folder = tempfile::tempdir().unwrap();
/// # // SAFETY: this is the only thread.
/// # unsafe { std::env::set_var("SERDE_SHM_DIR", folder.path()) };
/// # assert!(serde_shm::segments::list()?.is_empty(), "these are somebody else's");
/// use serde_shm::{SegmentOptions, segments};
///
/// let made = SegmentOptions::new().name("one").create("text")?;
/// SegmentOptions::new().name("two").persist(true).create("more")?;
/// assert_eq!(segments::free_memory()?, 2);
/// assert!(segments::list()?.is_empty());
/// assert_eq!(made.get::<&str>()?, "text"); // who has the memory keeps it
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Memory that processes still use is freed when they let go of it. The function does not touch files in the folder that
/// are not of this crate, nor persistent segments in a [`dir`](crate::SegmentOptions::dir) of their own.
///
/// # Errors
///
/// Those of [`list`].
pub fn free_memory() -> Result<usize> {
    segment::free_memory(&Folder::of_user()?)
}

/// Removes the names whose maker died without removing them, and returns their number. It also removes what a maker
/// leaves that dies before its segment has a name: drafts, and the lock files of
/// [`Segment::open_or_create`](crate::Segment::open_or_create).
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// # let name = &format!("doc-reap-{}", std::process::id());
/// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
/// serde_shm::segments::reap()?;
/// assert_eq!(serde_shm::Segment::open(name)?.get::<&str>()?, "text"); // its maker lives
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// A maker counts as dead if the kernel has freed its lock, or if a child that it forked holds the lock and there is
/// evidence that the maker itself is gone. Such a name cannot be opened any more. Only a small file is left of it, since
/// the kernel frees the memory. Several processes may call this at once. Persistent segments stay.
///
/// # Errors
///
/// Those of [`list`].
pub fn reap() -> Result<usize> {
    segment::reap(&Folder::of_user()?)
}
