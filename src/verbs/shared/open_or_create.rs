//! Opens a segment if it exists; otherwise exactly one of the processes that want it makes it.

use std::error::Error as StdError;
use std::time::Duration;

use serde::ser::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::segment::{self, Folder, SegmentName, Turn};

use super::live::Access;
use super::open::{self, How};
use super::{Segment, SegmentOptions};

impl Segment {
    /// Opens the segment of this name, or makes it of what `make` returns if there is no such segment. If several
    /// processes or threads of this user call this at once, exactly one of them makes the segment; the others wait and
    /// open what it has made.
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
    /// The maker, that is the process that makes the segment, holds a lock on a file beside the name. If the maker dies,
    /// however it dies, the kernel frees the lock, and one of the waiting callers makes the segment. If `make` fails, all
    /// waiting callers get an error with its message, and no segment is made; a later call tries anew. The maker holds
    /// the name as after [`SegmentOptions::create`]: the name goes with the maker's handle, and a call after that makes
    /// the object again. [`SegmentOptions::open_or_create`] can make a persistent segment, and can limit the wait.
    ///
    /// `make` may open and make segments of other names. It must not ask for this name, and no two such functions may
    /// wait for each other's names.
    ///
    /// # Cost
    ///
    /// If the segment exists, that of [`open`](Self::open). Otherwise that of [`SegmentOptions::create`] and some sixty
    /// system calls for the look-up and the lock. Waiting callers notice at most 2 ms later that the lock is free.
    ///
    /// # Errors
    ///
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput): the name is not valid.
    /// - In the maker, the error of `make`: an [`Error`] as it is, any other as the source of an error of the kind
    ///   [`Message`](crate::ErrorKind::Message). Also those of [`SegmentOptions::create`].
    /// - In a caller that waited, [`MakerFailed`](crate::ErrorKind::MakerFailed), with the text of the maker's error, or
    ///   that `make` panicked.
    /// - [`Deadlock`](crate::ErrorKind::Deadlock): `make` asks for the same name, on the thread on which it was called.
    /// - Those of [`open`](Self::open), except for a missing name.
    pub fn open_or_create<T: Serialize>(
        name: &str,
        make: impl FnOnce() -> Result<T, Box<dyn StdError + Send + Sync>>,
    ) -> Result<Self> {
        SegmentOptions::new().name(name).open_or_create(make)
    }
}

impl SegmentOptions {
    /// How long [`open_or_create`](Self::open_or_create) waits for another process that makes the object. By default it
    /// waits for as long as that process lives.
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
    /// A process that a debugger or SIGSTOP has stopped counts as alive.
    #[must_use]
    pub fn wait_limit(mut self, limit: Duration) -> Self {
        self.wait_limit = Some(limit);
        self
    }

    /// Opens the segment of the [`name`](Self::name), or makes it with these options, as [`Segment::open_or_create`]
    /// does.
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
    /// If a segment of that name exists, it is opened, whether it is persistent or not.
    ///
    /// # Errors
    ///
    /// Those of [`Segment::open_or_create`]; [`Io`](crate::ErrorKind::Io) if another process takes longer than
    /// [`wait_limit`](Self::wait_limit) to make it; [`InvalidInput`](crate::ErrorKind::InvalidInput) if the options have
    /// no name, have a [`dir`](Self::dir), which other users may share, or set [`replace`](Self::replace), which
    /// contradicts opening an existing segment.
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
        let how = How::new(Access::FULL).with_progress(self.progress.clone());
        let (mut make, mut object) = (Some(make), None);
        let mut in_use = None;
        loop {
            let missing = match open::follow(folder.clone(), name.clone(), &how) {
                Err(error) if error.kind() == ErrorKind::NotFound => error,
                opened => return opened,
            };
            match segment::take_turn(&folder, name)? {
                // The name came into use meanwhile. If it is the same entry as in the last round, this process cannot
                // open it.
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
                        // Another process took the name by `create` or `offer`, which take no turns. The object is kept,
                        // in case that segment has gone by the next round.
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

/// The error of the user's function that makes an object.
fn of_function(error: Box<dyn StdError + Send + Sync>) -> Error {
    match error.downcast() {
        Ok(ours) => *ours,
        Err(error) => Error::new(ErrorKind::Message, "cannot make the object").with_source(error),
    }
}
