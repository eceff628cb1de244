//! How a segment gets a name: from its maker, or, after the maker has gone, from any process that has the segment open.

use crate::error::{Error, ErrorKind, Result};
use crate::segment::{self, Entry, Folder, Memory, SegmentName};

use super::{Backing, Origin, Segment, SegmentOptions, memory_id};

impl Segment {
    /// Publishes the segment under a name, which need not be the name by which it was opened. Other processes can then
    /// find the segment after its maker has gone, or under another name.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{Segment, SegmentOptions};
    ///
    /// # let name = &format!("doc-offer-{}", std::process::id());
    /// let made = SegmentOptions::new().name(name).create("text")?;
    /// let mut held = Segment::open(name)?; // in another process
    /// drop(made); // the maker ends, and the name with it
    /// assert!(Segment::open(name).is_err());
    /// held.offer(name)?;
    /// assert_eq!(Segment::open(name)?.get::<&str>()?, "text");
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// From then on this handle holds the name as a maker's handle does. The name's entry names this process and its
    /// descriptor, by which others open the segment. This process holds the entry's lock. When the handle is dropped, it
    /// removes the name, if the name's entry is still this one. If the process dies, the name is free, and any process
    /// that has the segment may offer it again: if several do so at once, one gets the name, and the others get an error.
    /// [`SegmentOptions::offer`] can replace a name that is in use.
    ///
    /// Costs what a name costs a maker, some forty system calls and a small file; the object is not read.
    ///
    /// # Errors
    ///
    /// - [`AlreadyExists`](crate::ErrorKind::AlreadyExists): the name is in use, or belongs to a persistent segment.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput): the name is not valid; this handle already holds a name; or
    ///   the segment is persistent, and has its name for as long as its file exists.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported): the segment has live arrays, and this handle has no descriptor
    ///   of their memory.
    /// - [`Io`](crate::ErrorKind::Io): the folder of names cannot be used, or the memory is another user's, so that other
    ///   processes of this user may not open it through this process.
    ///
    /// After an error the handle is as it was.
    pub fn offer(&mut self, name: &str) -> Result<()> {
        SegmentOptions::new().name(name).offer(self)
    }

    /// Publishes the segment under the name in this folder, and keeps the name in this handle.
    pub(super) fn publish(
        &mut self,
        folder: Folder,
        name: &SegmentName,
        replace: bool,
    ) -> Result<()> {
        let Backing::Memory(memory, content) = &self.backing else {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a persistent segment has the name of its file, which outlives processes: there is nothing to offer; \
                 `SegmentOptions::create_from_bytes` makes another segment of its `block`",
            ));
        };
        let mut entry = Entry::of(memory_id(memory, content), memory.len());
        entry.live = content.live.as_ref().map_or(0, |live| live.len() as u64);
        let (published, stamp) = segment::publish(&folder, name, &entry, replace)?;
        self.published = Some(published);
        self.origin = Some(Origin { path: folder.path_of(name), stamp, folder: Some(folder) });
        self.name = Some(name.clone());
        Ok(())
    }

    /// Checks that other processes could open the segment by an entry of this handle.
    fn check_offer(&self) -> Result<()> {
        let Backing::Memory(memory, content) = &self.backing else { return Ok(()) };
        if let Some(published) = self.published.as_ref().filter(|published| published.stands()) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "this handle holds the name `{}`, and a handle holds one: offer another handle, by \
                     `Segment::open(segment.id())`",
                    published.name()
                ),
            ));
        }
        if content.has_live() && content.live.as_ref().is_none_or(|live| live.file().is_none()) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the object has live arrays, and this handle has the sealed memory's descriptor alone: offer one that was opened by \
                 id or name, or by `Segment::from_fds`",
            ));
        }
        // Opens the memory as another process would, which fails for another user's memory.
        Memory::open(&memory.id(content.nonce())).map(drop)
    }
}

impl SegmentOptions {
    /// Publishes a segment under the [`name`](Self::name) of these options, as [`Segment::offer`] does. With
    /// [`replace`](Self::replace), the name may be in use by another segment.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{Segment, SegmentOptions};
    ///
    /// # let name = &format!("doc-offer-by-{}", std::process::id());
    /// let made = SegmentOptions::new().name(name).create(&1)?;
    /// let mut other = serde_shm::to_shared(&2)?;
    /// assert!(other.offer(name).is_err());
    /// SegmentOptions::new().name(name).replace(true).offer(&mut other)?;
    /// assert_eq!(serde_shm::from_shared::<i32>(name)?, 2);
    /// # drop(made);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Segment::offer`], and [`InvalidInput`](crate::ErrorKind::InvalidInput) if the options have no name or
    /// have [`persist`](Self::persist).
    pub fn offer(&self, segment: &mut Segment) -> Result<()> {
        let refused = |text| Error::new(ErrorKind::InvalidInput, text);
        let Some(name) = &self.name else {
            return Err(refused("there is no name to offer it under: `.name(\"…\")`"));
        };
        let name = SegmentName::parse(name)?;
        let mut offer = || {
            self.check()?;
            if self.persist {
                return Err(refused(
                    "what is offered is memory, not a file: without `.persist(true)`, or `create_from_bytes` with it",
                ));
            }
            segment.check_offer()?;
            segment.publish(Folder::of_user()?, &name, self.replace)
        };
        offer().map_err(|error| error.in_container(&name))
    }
}
