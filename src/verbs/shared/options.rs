//! How a segment is made: without a name, or published under one.

use serde::ser::Serialize;

use crate::error::{Error, Result};
use crate::segment::{self, Folder, Name};

use super::{Segment, write};

/// How to make a segment: its name, and whether it may take the name of another.
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
#[derive(Clone, Debug, Default)]
pub struct SegmentOptions {
    name: Option<String>,
    replace: bool,
}

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
    /// 1 to 200 characters of `A-Z a-z 0-9 . _ -`, the first of them no dot; [`create`](Self::create) checks it. The
    /// name is an entry file in the folder `serde_shm-UID` of `$SERDE_SHM_DIR`, else of `/dev/shm`.
    ///
    /// ```
    /// let error = serde_shm::SegmentOptions::new().name("../etc").create(&1).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::InvalidInput);
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether a segment of that name is replaced; if not, which is the default, a name in use is an error.
    ///
    /// Replacing is one step: whoever opens the name gets the old segment or the new one, and whoever has the old one
    /// keeps it. It is no error if there is none. Without a name it has no effect.
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
    pub fn replace(mut self, replace: bool) -> Self {
        self.replace = replace;
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
    /// The name lives as long as the handle that is returned, and no longer than this process. A name whose maker
    /// died is free. After a `fork` the name stays the parent's: the child's copy of the handle takes nothing away,
    /// but the name counts as in use until both are gone.
    ///
    /// Costs what [`to_shared`](crate::to_shared) costs; with a name some twenty-five system calls more and a small file.
    ///
    /// # Errors
    ///
    /// Those of [`to_shared`](crate::to_shared); [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name is none, before anything is
    /// written; [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if it is in use and not to be replaced;
    /// [`Io`](crate::ErrorKind::Io) if the folder of names is not one that this user owns and nobody else can write, or is
    /// full. Nothing is left behind, and the name is what it was.
    pub fn create<T: Serialize + ?Sized>(&self, value: &T) -> Result<Segment> {
        let Some(name) = &self.name else {
            return write(value);
        };
        let name = Name::parse(name)?;
        let named = |error: Error| error.in_container(&name);
        let folder = Folder::of_user().map_err(named)?;
        if !self.replace {
            // Asked again when it counts; asked here so that a large object is not written in vain.
            segment::ensure_free(&folder, &name).map_err(named)?;
        }
        let mut segment = write(value).map_err(named)?;
        let id = segment.memory.id(segment.parts.nonce());
        let published = segment::publish(&folder, &name, &id, self.replace).map_err(named)?;
        segment.published = Some(published);
        segment.name = Some(name);
        Ok(segment)
    }
}
