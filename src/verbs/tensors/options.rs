//! Options for saving and loading safetensors files.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::file::FileDraft;
use super::Safetensors;
use crate::error::Result;
use crate::progress::{Progress, ProgressAnswer, Work, metered};
use crate::ser::to_sink;
use crate::store::{SurveySink, TensorSink};

/// How to save a safetensors file, and how to load one: with a function that is told how far it is and may cancel, and without
/// waiting for the disk.
///
/// ```
/// use serde_shm::SafetensorsOptions;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.safetensors");
/// let options = SafetensorsOptions::new().fsync(false).progress(|done, all| eprintln!("{done} of {all} bytes"));
/// options.save(&path, &vec![1_u8, 2])?;
/// assert_eq!(options.load::<Vec<u8>>(&path)?, [1, 2]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafetensorsOptions<'p> {
    fsync: bool,
    progress: Option<Progress<'p>>,
}

impl Default for SafetensorsOptions<'_> {
    fn default() -> Self {
        SafetensorsOptions { fsync: true, progress: None }
    }
}

impl<'p> SafetensorsOptions<'p> {
    /// The options of [`to_safetensors`](crate::to_safetensors) and [`from_safetensors`](crate::from_safetensors): the file is
    /// flushed to the disk.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::SafetensorsOptions::new().save(&path, "text")?; // as `to_safetensors` does
    /// assert_eq!(serde_shm::from_safetensors::<String>(&path)?, "text");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn new() -> Self {
        SafetensorsOptions::default()
    }

    /// Whether the file and its name are flushed to the disk before `save` returns, as
    /// [`NpzOptions::fsync`](crate::NpzOptions::fsync) says. By default they are.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::SafetensorsOptions::new().fsync(false).save(&path, "text")?;
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// Calls `report` while a file is saved or loaded, for a progress bar, and lets it cancel that. Its arguments are the bytes of
    /// arrays that were dealt with so far and the bytes of all arrays; in the last call both are equal.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use std::ops::ControlFlow;
    /// use serde_shm::{ErrorKind, SafetensorsOptions, ShmArray1};
    ///
    /// let options = SafetensorsOptions::new().progress(|_, _| ControlFlow::Break(()));
    /// let error = options.save(&path, &ShmArray1::from(vec![0.0_f64; 1000])).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Cancelled);
    /// assert!(!path.exists());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that saves or loads makes the calls, one after the other: one for some 8 MiB, or more where the work is slow, and
    /// one at the end, before the file is flushed and gets its name. Loading, all are the bytes of all tensors of the file, whether
    /// the type has them or not.
    ///
    /// # Cost
    ///
    /// Nothing is serialized a second time for it, as a save serializes the value twice in any case.
    ///
    /// # Errors
    ///
    /// Saving and loading then also return `Cancelled`. After that, or a panic of `report`, an old file is as it was.
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'p,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Saves a value as [`to_safetensors`](crate::to_safetensors) does, with these options.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::SafetensorsOptions::new().fsync(false).save(&path, &["a", "b"])?;
    /// assert_eq!(serde_shm::from_safetensors::<Vec<String>>(&path)?, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`to_safetensors`](crate::to_safetensors).
    pub fn save<T: Serialize + ?Sized>(&self, path: impl AsRef<Path>, value: &T) -> Result<()> {
        let path = path.as_ref();
        self.write(path, value).map_err(|error| error.in_container(path.display()))
    }

    fn write<T: Serialize + ?Sized>(&self, path: &Path, value: &T) -> Result<()> {
        span!("save", path = %path.display());
        let survey = to_sink(value, SurveySink::new())?;
        let all = || Ok(Some(survey.bytes()));
        let (draft, len) = metered(self.progress.as_ref(), Work::SAVE, all, |meter| {
            let draft = FileDraft::beside(path)?;
            let sink = TensorSink::new(draft.writer(), &survey).with_meter(meter);
            let len = to_sink(value, sink)?;
            Ok((draft, len))
        })?;
        draft.publish(len, self.fsync)
    }

    /// Loads a value as [`from_safetensors`](crate::from_safetensors) does.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::to_safetensors(&path, "text")?;
    /// assert_eq!(serde_shm::SafetensorsOptions::new().load::<String>(&path)?, "text");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`from_safetensors`](crate::from_safetensors).
    pub fn load<T: DeserializeOwned>(&self, path: impl AsRef<Path>) -> Result<T> {
        Safetensors::open(path)?.load(self.progress.as_ref())
    }
}
