//! Housekeeping: what this user has published, and how it is removed.
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

/// What is known of a name of this user's without opening the segment: [`list`] gives it. It says what was so when `list` looked.
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
    /// The name, by which [`Segment::open`](crate::Segment::open) finds it.
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

    /// How many bytes the segment has: its memory, or its file.
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

    /// When it was published, by the clock and with the precision of the file system that has the name.
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

    /// The process that published it, by the number that it has in its own PID namespace; `None` if it is persistent.
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

    /// Whether it can be opened: the maker's handle lives, or the segment is persistent.
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
    /// It goes by the lock that the kernel takes from a maker that dies, and not by the process number alone.
    pub fn is_alive(&self) -> bool {
        self.0.alive
    }

    /// Whether it is a file that outlives its maker.
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

    /// How many of its arrays are changed in place: [`LockedArray`](crate::LockedArray)s and
    /// [`AtomicArray`](crate::AtomicArray)s. Those of a persistent segment cannot.
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

/// What this user has published under a name, sorted by name: segments of every process, persistent ones, and those
/// whose maker died and whose name has not been removed.
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
/// Segments without a name, and persistent ones in a [`dir`](crate::SegmentOptions::dir) of their own, are not listed:
/// nothing is known of them but to their users. What lies in the folder and is not of this crate is passed over.
///
/// The folder of names is locked meanwhile, so that others who publish or remove names wait; who opens them does not.
/// Costs six system calls a name.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) if the folder is not one that this user owns and nobody else can write, a stopped process has
/// it locked, or a file in it cannot be read.
pub fn list() -> Result<Vec<SegmentInfo>> {
    let records = segment::list(&Folder::of_user()?)?;
    Ok(records.into_iter().map(SegmentInfo).collect())
}

/// Removes a name of this user's, whoever holds it; false if there is none.
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
/// Who has the segment keeps it; the memory goes with its last user. A persistent segment is deleted.
///
/// # Errors
///
/// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name is none; [`Corrupt`](crate::ErrorKind::Corrupt) if what has
/// that name is not of this crate: it is left alone; those of [`list`].
pub fn remove(name: &str) -> Result<bool> {
    let name = SegmentName::parse(name)?;
    Folder::of_user()
        .and_then(|folder| segment::remove(&folder, &name))
        .map_err(|error| error.in_container(&name))
}

/// Removes the names that this process published and that are still its own, persistent ones wherever they are; gives
/// their number.
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
/// A name that another process took over is left alone. In a forked child nothing is removed that the parent
/// published. Handles stay usable. Nothing calls this at exit: names of memory go with their handles, or are found
/// by [`reap`] where no destructor ran; persistent segments are meant to stay.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) if a directory cannot be changed; the other names are removed all the same.
pub fn remove_session() -> Result<usize> {
    segment::remove_session(&Folder::of_user()?)
}

/// Removes all names of this user, of whichever process, and deletes the persistent segments among them; gives their
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
/// Memory that processes still use goes when they let go of it. What lies in the folder and is not of this crate is
/// not touched, and neither are persistent segments in a [`dir`](crate::SegmentOptions::dir) of their own.
///
/// # Errors
///
/// Those of [`list`].
pub fn free_memory() -> Result<usize> {
    segment::free_memory(&Folder::of_user()?)
}

/// Removes the names whose maker died without taking them away, and what makers left that died earlier still, drafts and the lock
/// files of [`Segment::open_or_create`](crate::Segment::open_or_create); gives the number of names.
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
/// A maker is dead where the kernel has taken its lock back, or where a child that it forked holds the lock and the
/// maker itself is shown to be gone. Such a name cannot be opened any more, and takes a small file; its memory was the
/// kernel's to free. Several processes may do this at once. Persistent segments stay.
///
/// # Errors
///
/// Those of [`list`].
pub fn reap() -> Result<usize> {
    segment::reap(&Folder::of_user()?)
}
