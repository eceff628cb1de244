//! How a segment gets a name: from its maker, or from whoever has it when the maker has gone.

use crate::error::{Error, ErrorKind, Result};
use crate::segment::{self, Entry, Folder, Memory, SegmentName};

use super::{Backing, Origin, Segment, SegmentOptions, memory_id};

impl Segment {
    /// Publishes the segment under a name, which need not be the one that it was opened by: so that others find it when its maker has
    /// gone, or under another name.
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
    /// From then on this handle holds the name as a maker's does: the entry names this process and its descriptor, by which
    /// others open the segment, its lock is this process's, and the name is taken away when the handle is dropped, if it is
    /// still its entry. A process that dies leaves the name free, and whoever has the segment may offer it again: of many that do at
    /// once, one gets it, and the others an error. [`SegmentOptions::offer`] replaces a name that is in use.
    ///
    /// Costs what a name costs a maker, some forty system calls and a small file; the object is not looked at.
    ///
    /// # Errors
    ///
    /// - [`AlreadyExists`](crate::ErrorKind::AlreadyExists): the name is in use, or is that of a persistent segment.
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput): the name is none; this handle holds a name already; or the segment is
    ///   persistent, and has its name for as long as its file is there.
    /// - [`Unsupported`](crate::ErrorKind::Unsupported): it has live arrays, and this handle has no descriptor of theirs to offer.
    /// - [`Io`](crate::ErrorKind::Io): the folder of names cannot be used, or the memory is another user's, whom processes of this one
    ///   may not open it from.
    ///
    /// The handle is then as it was.
    pub fn offer(&mut self, name: &str) -> Result<()> {
        SegmentOptions::new().name(name).offer(self)
    }

    /// Publishes the name in the folder, for this handle.
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

    /// Whether others could open it by an entry of this handle's.
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
        // By the way that others go: of another user's memory, they may not.
        Memory::open(&memory.id(content.nonce())).map(drop)
    }
}

impl SegmentOptions {
    /// Publishes a segment under the [`name`](Self::name) of these options, as [`Segment::offer`] does, with
    /// [`replace`](Self::replace) also one that is in use.
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
    /// Those of [`Segment::offer`], and [`InvalidInput`](crate::ErrorKind::InvalidInput) if the options have no name or are those of a
    /// persistent segment.
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
