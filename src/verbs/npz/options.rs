//! How a checkpoint is saved and loaded.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::files::FileWriter;
use crate::ser::{Serializer, to_sink, to_sink_with};
use crate::store::{NpzSink, Tally};
use crate::zip::Settings;

use super::archive::Npz;
use super::file::ArchiveDraft;

/// Whether the arrays of an `.npz` file are compressed.
///
/// NumPy reads either. A compressed array cannot be seen in a mapped file, and is decompressed when it is read.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("zeros.npz");
/// use serde_shm::{Compression, NpzOptions, ShmArray1};
/// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
/// NpzOptions::new().compression(Compression::Deflate(6)).save(&path, &zeros)?;
/// assert!(std::fs::metadata(&path).unwrap().len() < 2000); // of 80,000 bytes
/// let back: ShmArray1<f64> = serde_shm::from_npz(&path)?;
/// assert_eq!(back.sum(), 0.0);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// Arrays are stored as they are: the fastest way to save and to load, and the one that maps.
    #[default]
    None,
    /// Deflate at this level, 1 (fast) to 12 (small); 6 is what NumPy's `savez_compressed` gives. An array that
    /// would not shrink by a few per cent is stored.
    Deflate(u8),
}

/// What an object is written to.
type DraftSink<'r, 'd> = NpzSink<'r, FileWriter<&'d File>>;

type Progress<'p> = Arc<dyn Fn(u64, u64) + Send + Sync + 'p>;

/// How an `.npz` file is saved, and what loading one may take.
///
/// ```
/// use serde_shm::{Compression, NpzOptions};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("counts.npz");
/// let counts = vec![("a".to_owned(), 1_u32)];
/// NpzOptions::new().compression(Compression::Deflate(6)).fsync(false).save(&path, &counts)?;
/// let back: Vec<(String, u32)> = NpzOptions::new().limit(1 << 20).load(&path)?;
/// assert_eq!(back, counts);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone)]
pub struct NpzOptions<'p> {
    compression: Compression,
    align: usize,
    fsync: bool,
    limit: u64,
    progress: Option<Progress<'p>>,
}

/// Nothing in them changes, whatever the progress is reported to.
impl UnwindSafe for NpzOptions<'_> {}
impl RefUnwindSafe for NpzOptions<'_> {}

impl Default for NpzOptions<'_> {
    fn default() -> Self {
        NpzOptions::new()
    }
}

impl fmt::Debug for NpzOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NpzOptions")
            .field("compression", &self.compression)
            .field("align", &self.align)
            .field("fsync", &self.fsync)
            .field("limit", &self.limit)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

impl<'p> NpzOptions<'p> {
    /// What [`to_npz`](crate::to_npz) and [`from_npz`](crate::from_npz) do: arrays are stored at multiples of 64,
    /// flushed to the disk, and loaded without a limit.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// NpzOptions::new().save(&path, &zeros)?; // as `to_npz` does
    /// assert_eq!(NpzOptions::new().load::<ShmArray1<f64>>(&path)?.len(), 10_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn new() -> Self {
        NpzOptions {
            compression: Compression::None,
            align: 64,
            fsync: true,
            limit: u64::MAX,
            progress: None,
        }
    }

    /// Compresses the arrays, on all cores: by threads that are started for it and have ended when `save` returns.
    ///
    /// Random floats shrink by 7 per cent or so and take some twenty times as long to save; counts, indexes and sorted
    /// numbers shrink a great deal.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{Compression, NpzOptions};
    /// NpzOptions::new().compression(Compression::Deflate(1)).save(&path, &[1_u8; 4])?;
    /// assert_eq!(serde_shm::from_npz::<Vec<u8>>(&path)?, [1; 4]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Starts each stored array at a multiple of this many bytes of the file: 64, which suits every element and vector
    /// instruction, or 256 or 4096 for what reads by larger blocks or pages. Each array takes up to two
    /// such steps more of the file.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{Npz, NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// NpzOptions::new().align(4096).save(&path, &zeros)?;
    /// let range = Npz::open(&path)?.arrays()?[0].range().unwrap();
    /// assert_eq!(range.start % 4096, 0);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn align(mut self, bytes: usize) -> Self {
        self.align = bytes;
        self
    }

    /// Whether the file and its name are flushed to the disk before `save` returns; they are unless this says `false`.
    ///
    /// Without it saving is as fast as the page cache. Other processes see no difference, and a process that is
    /// killed loses nothing; after a power failure the file may be the old one, the new one, or cut.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// NpzOptions::new().fsync(false).save(&path, &zeros)?;
    /// assert_eq!(serde_shm::from_npz::<ShmArray1<f64>>(&path)?, zeros);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn fsync(mut self, fsync: bool) -> Self {
        self.fsync = fsync;
        self
    }

    /// How many bytes of arrays may be read into memory or decompressed out of a file that is opened. A compressed
    /// file of a few megabytes can hold gigabytes of zeros; without a limit as much is taken as the arrays that are
    /// asked for have.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// NpzOptions::new().save(&path, &zeros)?;
    /// let error = NpzOptions::new().limit(1000).load::<ShmArray1<f64>>(&path).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Limit);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn limit(mut self, bytes: u64) -> Self {
        self.limit = bytes;
        self
    }

    /// Calls this while saving with the bytes of arrays that were dealt with so far, and those of all: what a
    /// progress bar needs. The last call has both equal.
    ///
    /// The calls come from the thread that saves, one after the other. Options that are cloned, or used by several threads, report to
    /// the same function, which is why it is no `FnMut`.
    ///
    /// To know all bytes beforehand the value is serialized twice, the first time without being written.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use std::sync::Mutex;
    ///
    /// let last = Mutex::new((0, 0));
    /// let zeros = serde_shm::ShmArray1::from(vec![0.0_f64; 1_000_000]);
    /// let options = serde_shm::NpzOptions::new().progress(|done, all| *last.lock().unwrap() = (done, all));
    /// options.save(&path, &zeros)?;
    /// assert_eq!(*last.lock().unwrap(), (8_000_000, 8_000_000));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn progress(mut self, report: impl Fn(u64, u64) + Send + Sync + 'p) -> Self {
        self.progress = Some(Arc::new(report));
        self
    }

    /// Saves a value, as [`to_npz`](crate::to_npz) does, in this way.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// NpzOptions::new().fsync(false).save(&path, &zeros)?;
    /// assert_eq!(serde_shm::from_npz::<Vec<f64>>(&path)?.len(), 10_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an alignment that is none of 64, 256 and 4096, or a level that is not one; those of
    /// [`to_npz`](crate::to_npz).
    pub fn save<T: Serialize + ?Sized>(&self, path: impl AsRef<Path>, value: &T) -> Result<()> {
        let path = path.as_ref();
        let all = || match &self.progress {
            Some(_) => to_sink(value, Tally::default()),
            None => Ok(0),
        };
        self.write(path, all, |sink| Ok(to_sink(value, sink)?.1))
            .map_err(|error| error.in_container(path.display()))
    }

    /// Saves in this way what is written to the serializer that `write` is handed; see [`ser`](crate::ser).
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// let mut json = serde_json::Deserializer::from_str(r#"{"a": [1, 2]}"#);
    /// serde_shm::NpzOptions::new()
    ///     .save_with(&path, |serializer| serde_transcode::transcode(&mut json, serializer))?;
    /// let back: std::collections::BTreeMap<String, Vec<u8>> = serde_shm::from_npz(&path)?;
    /// assert_eq!(back["a"], [1, 2]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If it fails or panics, the old file is as it was and there is no new one.
    ///
    /// # Errors
    ///
    /// Those of `write`; `Message` if it returned without one and gave no whole value to the serializer; `InvalidInput` if the
    /// [`progress`](Self::progress) is asked for, which would take everything twice; those of [`save`](Self::save).
    pub fn save_with(
        &self,
        path: impl AsRef<Path>,
        write: impl FnOnce(Serializer<'_, '_>) -> Result<()>,
    ) -> Result<()> {
        let path = path.as_ref();
        let all = || match &self.progress {
            Some(_) => Err(Error::new(
                ErrorKind::InvalidInput,
                "`progress` has to serialize a value twice, and `save_with` writes once: leave it out, or use `save`",
            )),
            None => Ok(0),
        };
        self.write(path, all, |sink| Ok(to_sink_with(sink, write)?.1))
            .map_err(|error| error.in_container(path.display()))
    }

    /// Loads a value, as [`from_npz`](crate::from_npz) does, within the limit.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// let back: ShmArray1<f64> = NpzOptions::new().limit(100_000).load(&path)?;
    /// assert_eq!(back.len(), 10_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Limit` if more than the limit would be loaded; those of [`from_npz`](crate::from_npz).
    pub fn load<T: DeserializeOwned>(&self, path: impl AsRef<Path>) -> Result<T> {
        self.open(path)?.get()
    }

    /// Opens a file, as [`Npz::open`] does, within the limit.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{NpzOptions, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// let file = NpzOptions::new().limit(100_000).open(&path)?;
    /// assert_eq!(file.get::<ShmArray1<f64>>()?.len(), 10_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Npz::open`]. What goes beyond the limit is an error when it is asked for.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Npz> {
        Npz::open_within(path.as_ref(), self.limit)
    }

    /// Writes by `fill`, which gives the file's length, what has `all` bytes of arrays, if somebody is to be told.
    fn write(
        &self,
        path: &Path,
        all: impl FnOnce() -> Result<u64>,
        fill: impl FnOnce(DraftSink<'_, '_>) -> Result<u64>,
    ) -> Result<()> {
        let settings = self.settings()?;
        let all = all()?;
        let draft = ArchiveDraft::beside(path)?;
        let done = Cell::new(0_u64);
        let mut report = |bytes: u64| {
            if let Some(progress) = &self.progress {
                // A value that serializes otherwise the second time makes no bar run over.
                done.set(done.get().saturating_add(bytes).min(all));
                progress(done.get(), all);
            }
        };
        let len = fill(NpzSink::new(draft.writer(), settings, &mut report))?;
        if done.get() < all || all == 0 {
            report(all);
        }
        draft.publish(len, self.fsync)
    }

    fn settings(&self) -> Result<Settings> {
        if ![64, 256, 4096].contains(&self.align) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("expected an alignment of 64, 256 or 4096, found {}", self.align),
            ));
        }
        let deflate = match self.compression {
            Compression::None => None,
            Compression::Deflate(level @ 1..=12) => Some(level),
            Compression::Deflate(level) => {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("expected a deflate level of 1 to 12, found {level}"),
                ));
            }
        };
        Ok(Settings { align: self.align as u16, deflate })
    }
}
