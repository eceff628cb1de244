//! A segment that is opened if it is there, and made by one process of all that want it if it is not.

use std::error::Error as StdError;
use std::time::Duration;

use serde::ser::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::segment::{self, Folder, SegmentName, Turn};

use super::live::Access;
use super::open::{self, How};
use super::{Segment, SegmentOptions};

impl Segment {
    /// Opens the segment of this name, or makes it, where there is none, of what `make` gives: of all processes and threads of this
    /// user that ask at once, exactly one makes it, and the others wait and open what it has made.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::Segment;
    ///
    /// # let name = &format!("doc-open-or-create-{}", std::process::id());
    /// let load = || Ok(vec![1_u64; 1000]); // in life from a disk, or by an hour's work
    /// let words = Segment::open_or_create(name, load)?;
    /// let again = Segment::open_or_create(name, || -> Result<Vec<u64>, _> { unreachable!("it is there") })?;
    /// assert_eq!(again.get::<Vec<u64>>()?, words.get::<Vec<u64>>()?);
    ///
    /// # let name = &format!("doc-open-or-create-2-{}", std::process::id());
    /// let error = Segment::open_or_create(name, || -> Result<u8, _> { Err("no such disk".into()) });
    /// assert!(format!("{:#}", error.unwrap_err()).contains("no such disk"));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The one that makes it holds a lock file beside the name, which the kernel unlocks when it dies, however it does: then another
    /// one of those that wait makes it. If it fails, all that wait are told, with its message, and nothing is
    /// made; who asks later tries anew. It holds the name as [`SegmentOptions::create`] has it: the name goes with its handle, and
    /// who asks after that makes the object again. [`SegmentOptions::open_or_create`] makes a persistent one, and limits the wait.
    ///
    /// `make` may open and make other names, but must not ask for this one, and no two functions may wait for each other's names.
    ///
    /// # Cost
    ///
    /// That of [`open`](Self::open), where there is such a segment. Else that of [`SegmentOptions::create`], some thirty system calls
    /// for the lock, and for those who wait 2 ms at most after it is free.
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput): the name is none.
    /// - Of the one that makes it, those of `make`: as they are, if they are of this crate, else of the kind
    ///   [`Message`](crate::ErrorKind::Message), with the error as source; and those of [`SegmentOptions::create`].
    /// - Of those who wait [`MakerFailed`](crate::ErrorKind::MakerFailed), with the text of that error, or that `make` panicked.
    /// - [`Deadlock`](crate::ErrorKind::Deadlock): `make` asks for the same name, on the thread that it was called on.
    /// - Those of [`open`](Self::open), but for a missing name.
    pub fn open_or_create<T: Serialize>(
        name: &str,
        make: impl FnOnce() -> Result<T, Box<dyn StdError + Send + Sync>>,
    ) -> Result<Self> {
        SegmentOptions::new().name(name).open_or_create(make)
    }
}

impl SegmentOptions {
    /// How long [`open_or_create`](Self::open_or_create) waits for another process that makes the object; without it, for as long
    /// as that process lives.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::time::Duration;
    ///
    /// # let name = &format!("doc-wait-limit-{}", std::process::id());
    /// let options = serde_shm::SegmentOptions::new().name(name).wait_limit(Duration::from_secs(10));
    /// let words = options.open_or_create(|| Ok(["a", "b"]))?; // nobody else makes it: no wait
    /// assert_eq!(words.get::<[&str; 2]>()?, ["a", "b"]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A process that was stopped, by a debugger or by SIGSTOP, lives.
    #[must_use]
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait_limit = Some(limit);
        self
    }

    /// Opens the segment of the [`name`](Self::name), or makes it in this way, as [`Segment::open_or_create`] does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::time::Duration;
    ///
    /// # let name = &format!("doc-open-or-create-by-{}", std::process::id());
    /// let options = serde_shm::SegmentOptions::new().name(name).persist(true).wait_limit(Duration::from_secs(600));
    /// let index = options.open_or_create(|| Ok(vec!["a", "b"]))?; // stays when this process ends
    /// assert_eq!(options.open_or_create(|| Ok(vec!["c"]))?.get::<Vec<&str>>()?, ["a", "b"]);
    /// # index.unlink()?;
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// What is there is opened, whether it is persistent or not.
    ///
    /// # Errors
    ///
    /// Those of [`Segment::open_or_create`]; [`Io`](crate::ErrorKind::Io) if another process makes it for longer than
    /// [`wait_limit`](Self::wait_limit); [`InvalidInput`](crate::ErrorKind::InvalidInput) if the options have no name, or a
    /// [`dir`](Self::dir), where others than this user may be, or say [`replace`](Self::replace), which contradicts it.
    pub fn open_or_create<T: Serialize>(
        &self,
        make: impl FnOnce() -> Result<T, Box<dyn StdError + Send + Sync>>,
    ) -> Result<Segment> {
        let refused = |text| Error::new(ErrorKind::InvalidInput, text);
        let Some(name) = &self.name else {
            return Err(refused("there is no name to open it by: `.name(\"…\")`"));
        };
        let name = SegmentName::parse(name)?;
        let run = || {
            if self.replace {
                return Err(refused("`open_or_create` replaces nothing: without `.replace(true)`"));
            }
            if self.dir.is_some() {
                return Err(refused(
                    "`open_or_create` is for names in this user's own folder, which only its processes lock: without `.dir(…)`",
                ));
            }
            self.check()?;
            self.open_or_make(&name, make)
        };
        run().map_err(|error| error.in_container(&name))
    }

    fn open_or_make<T: Serialize>(
        &self,
        name: &SegmentName,
        make: impl FnOnce() -> Result<T, Box<dyn StdError + Send + Sync>>,
    ) -> Result<Segment> {
        let folder = Folder::of_user()?;
        let (mut make, mut object) = (Some(make), None);
        let mut in_use = None;
        loop {
            let missing = match open::follow(folder.clone(), name.clone(), How::new(Access::FULL)) {
                Err(error) if error.kind() == ErrorKind::NotFound => error,
                opened => return opened,
            };
            match segment::take_turn(&folder, name)? {
                // It came meanwhile. If it is still the same, it cannot be opened from here.
                Turn::InUse(stamp) if in_use == Some(stamp) => return Err(missing),
                Turn::InUse(stamp) => in_use = Some(stamp),
                Turn::Theirs(waiting) => waiting.wait(self.wait_limit)?,
                Turn::Ours(making) => {
                    if let Some(make) = make.take() {
                        match make() {
                            Ok(value) => object = Some(value),
                            Err(error) => return Err(making.failed(of_function(error))),
                        }
                    }
                    let Some(object) = &object else { unreachable!("it has been made") };
                    match self.create(object) {
                        // Somebody was faster who takes no turns, by `create` or `offer`: what was made is kept for the
                        // case that this one has gone by now.
                        Err(error) if error.kind() == ErrorKind::AlreadyExists => making.done(),
                        Err(error) => return Err(making.failed(error)),
                        Ok(segment) => {
                            making.done();
                            return Ok(segment);
                        }
                    }
                }
            }
        }
    }
}

/// The error of a function that makes an object.
fn of_function(error: Box<dyn StdError + Send + Sync>) -> Error {
    match error.downcast() {
        Ok(ours) => *ours,
        Err(error) => Error::new(ErrorKind::Message, "cannot make the object").with_source(error),
    }
}
