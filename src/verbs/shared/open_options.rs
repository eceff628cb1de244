//! Options for opening a segment in another way than [`Segment::open`] does.

use crate::error::Result;
use crate::progress::{Progress, ProgressAnswer};

use super::Segment;
use super::live::Access;
use super::open::{self, How};

/// How to open a segment: for reading only, or with live arrays that another user made.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::OpenOptions;
///
/// let made = serde_shm::to_shared(&[1_u8, 2])?;
/// let seen = OpenOptions::new().read_only(true).open(made.id())?; // as `Segment::open_read_only`
/// assert_eq!(seen.get::<[u8; 2]>()?, [1, 2]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    access: Access,
    progress: Option<Progress<'static>>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions { access: Access::FULL, progress: None }
    }
}

impl OpenOptions {
    /// Options that open a segment as [`Segment::open`] does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let made = serde_shm::to_shared(&[1_u8, 2])?;
    /// let seen = serde_shm::OpenOptions::new().open(made.id())?;
    /// assert_eq!(seen.get::<[u8; 2]>()?, [1, 2]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn new() -> Self {
        OpenOptions::default()
    }

    /// Whether this process only reads, as with [`Segment::open_read_only`]. By default it may also change live arrays.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use ndarray::Ix1;
    /// use serde_shm::{ErrorKind, LockedArray, OpenOptions};
    ///
    /// let made = serde_shm::to_shared(&LockedArray::from(vec![1, 2]))?;
    /// let seen: LockedArray<i32, Ix1> = OpenOptions::new().read_only(true).open(made.id())?.get()?;
    /// assert_eq!(seen.read()?.sum(), 3);
    /// assert_eq!(seen.write().unwrap_err().kind(), ErrorKind::ReadOnly);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.access.writable = !read_only;
        self
    }

    /// Accepts live arrays whose memory another user made. Without this, asking for one of them is an error.
    ///
    /// The memory's user is the owner of its file: the effective user of the process that made it, at that time. A
    /// process can get another user's segment in three ways: as root, which may open it by id; by descriptors that
    /// another process handed over; and by changing its own user after the memory was made. Everything but live arrays is
    /// sealed, and can be read whichever user made it.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use ndarray::Ix1;
    /// use serde_shm::{LockedArray, OpenOptions};
    ///
    /// let made = serde_shm::to_shared(&LockedArray::from(vec![1_u8, 2]))?; // in life, by a process of another user
    /// // SAFETY: that user runs nothing but this service, in all of whose processes only serde_shm touches the memory.
    /// let seen = unsafe { OpenOptions::new().trust_owner() }.open(made.id())?;
    /// let array: LockedArray<u8, Ix1> = seen.get()?;
    /// assert_eq!(array.read()?[1], 2);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// The caller trusts every process of that user, and every other process that has the memory, as far as those of its
    /// own user: such a process must not write to the memory without the lock. Guards of
    /// [`LockedArray`](crate::LockedArray)s borrow the memory as plain slices, and a write without the lock would change
    /// them under code that relies on them not to change.
    #[allow(unsafe_code)]
    #[must_use]
    pub unsafe fn trust_owner(mut self) -> Self {
        self.access.trusts_owner = true;
        self
    }

    /// Calls `report` while the file of a persistent segment is read, for a progress bar, and lets it cancel that. Its arguments are
    /// the bytes of the file that were read so far and all of them; in the last call both are equal.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// use std::ops::ControlFlow;
    /// use serde_shm::{ErrorKind, OpenOptions, SegmentOptions};
    ///
    /// let options = SegmentOptions::new().name("words").persist(true).dir(folder.path());
    /// let path = options.create(&["a", "b"])?.id().to_owned();
    /// let seen = OpenOptions::new().progress(|done, all| println!("{done} of {all} bytes")).open(&path)?;
    /// assert_eq!(seen.get::<[&str; 2]>()?, ["a", "b"]);
    /// let error = OpenOptions::new().progress(|_, _| ControlFlow::Break(())).open(&path).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Cancelled);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that opens makes the calls: one for some 8 MiB, or more where the disk is slow, and one at the end. The handle
    /// keeps the function, as [`Segment::progress`] says. Memory is mapped when it is opened and not read, so that there is nothing to
    /// tell then.
    ///
    /// # Errors
    ///
    /// [`open`](Self::open) then also returns [`Cancelled`](crate::ErrorKind::Cancelled).
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Opens the segment of this id, name or path.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{ErrorKind, OpenOptions};
    ///
    /// # let name = &format!("doc-options-open-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create("text")?;
    /// assert_eq!(OpenOptions::new().read_only(true).open(name)?.get::<&str>()?, "text");
    /// drop(made); // and with it the name
    /// assert_eq!(OpenOptions::new().open(name).unwrap_err().kind(), ErrorKind::NotFound);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Segment::open`].
    pub fn open(&self, id: &str) -> Result<Segment> {
        open::open(id, &How::new(self.access).with_progress(self.progress.clone()))
    }

    /// Opens the segment behind a pair of descriptors, as [`Segment::from_fds`] does.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use std::os::fd::AsFd;
    /// use ndarray::Ix1;
    /// use serde_shm::{LockedArray, OpenOptions};
    ///
    /// let made = serde_shm::to_shared(&LockedArray::from(vec![1, 2]))?;
    /// let sealed = made.as_fd().try_clone_to_owned().unwrap(); // in life they come from another process
    /// // SAFETY: the copy goes to `from_fds` and nowhere else.
    /// let live = unsafe { made.live_fd() }.unwrap().try_clone_to_owned().unwrap();
    /// // SAFETY: it is what `live_fd` gave, and nobody has another copy.
    /// let seen = unsafe { OpenOptions::new().read_only(true).from_fds(sealed, live)? };
    /// let array: LockedArray<i32, Ix1> = seen.get()?;
    /// assert!(array.is_read_only());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// That of [`Segment::from_fds`].
    ///
    /// # Errors
    ///
    /// Those of [`Segment::from_fds`].
    #[cfg(unix)]
    #[allow(unsafe_code)]
    pub unsafe fn from_fds(
        &self,
        descriptor: std::os::fd::OwnedFd,
        live: std::os::fd::OwnedFd,
    ) -> Result<Segment> {
        Segment::handed_over(descriptor, Some(live.into()), self.access)
    }
}
