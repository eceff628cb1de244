//! Options for saving and loading `.npz` files.

use std::fmt;
use std::fs::File;
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::de::Opened;
use crate::error::{Error, ErrorKind, Result};
use crate::files::FileWriter;
use crate::progress::{Progress, ProgressAnswer, Work, metered};
use crate::ser::{Serializer, to_sink, to_sink_with};
use crate::store::{NpzSink, Tally};
use crate::zip::Settings;

use super::super::file::FileDraft;
use super::archive::Npz;

/// Whether the arrays of an `.npz` file are compressed.
///
/// NumPy reads both. A compressed array cannot be viewed in place in a mapped file; it is decompressed when it is read.
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
    /// Arrays are stored as they are. This is the fastest way to save and to load, and the only one whose arrays can be
    /// viewed in a mapped file.
    #[default]
    None,
    /// Arrays are compressed by deflate at this level, from 1 (fast) to 12 (small); 6 is the level of NumPy's
    /// `savez_compressed`. An array that would not shrink by a few per cent is stored.
    Deflate(u8),
}

/// The sink to which an object is written.
type DraftSink<'r, 'd> = NpzSink<'r, FileWriter<&'d File>>;

/// How to save an `.npz` file, and how much memory loading one may take.
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
    /// The options of [`to_npz`](crate::to_npz) and [`from_npz`](crate::from_npz): arrays are stored at multiples of 64
    /// and not compressed, the file is flushed to the disk, and loading has no limit.
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

    /// Compresses the arrays on all cores, by threads that `save` starts and that have ended when it returns.
    ///
    /// Random floats shrink by about 7 per cent and take some twenty times as long to save. Counts, indexes and sorted
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

    /// Starts each stored array at a multiple of this many bytes in the file. 64 suits every element and vector
    /// instruction; 256 or 4096 suits programs that read by larger blocks or pages. Each array may need up to twice this
    /// many bytes more of the file.
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

    /// Whether the file and its name are flushed to the disk before `save` returns. By default they are.
    ///
    /// With `false`, saving takes as long as writing to the page cache. Other processes see no difference, and if the
    /// process is killed, nothing is lost. After a power failure the file may be the old one, the new one, or cut.
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

    /// How many bytes of arrays loading may read into memory or decompress. A compressed file of a few megabytes can hold
    /// gigabytes of zeros. Without a limit, loading takes as much memory as the requested arrays need.
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

    /// Calls `report` while saving and loading, for a progress bar, and lets it cancel that. Its arguments are the bytes of
    /// arrays that were dealt with so far and the bytes of all arrays; in the last call both are equal. If it returns
    /// [`ControlFlow::Break`](std::ops::ControlFlow::Break), the work ends with an error; if it returns nothing, it only watches.
    ///
    /// The thread that saves or loads makes the calls, one after the other: one for some 8 MiB, or more where the work is
    /// slow, and one at the end, before a new file is flushed and gets its name. Threads that compress for it stop when it
    /// is cancelled. While a [`LockedArray`](crate::LockedArray) is saved, whose lock this thread then has, no call is made.
    /// Clones of the options, and several threads that use the same options, report to the same function; that is why it is
    /// not an `FnMut`. A handle that [`open`](Self::open) gives has a function of its own, [`Npz::progress`], which says what
    /// loading counts.
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
    ///
    /// use std::ops::ControlFlow;
    /// let error = serde_shm::NpzOptions::new().progress(|_, _| ControlFlow::Break(())).save(&path, "other").unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Cancelled);
    /// assert_eq!(serde_shm::from_npz::<serde_shm::ShmArray1<f64>>(&path)?, zeros); // as it was
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Cost
    ///
    /// To know the bytes of all arrays beforehand, `save` serializes the value twice, the first time without writing it.
    /// [`save_with`](Self::save_with) writes once: there `all` is what came up so far, and grows.
    ///
    /// # Errors
    ///
    /// Saving and loading then also return `Cancelled`. After that, or a panic of `report`, an old file is as it was and
    /// there is no new one.
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'p,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Saves a value as [`to_npz`](crate::to_npz) does, with these options.
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
    /// `InvalidInput` if the alignment is not 64, 256 or 4096, or the level is not from 1 to 12; those of
    /// [`to_npz`](crate::to_npz).
    pub fn save<T: Serialize + ?Sized>(&self, path: impl AsRef<Path>, value: &T) -> Result<()> {
        let path = path.as_ref();
        let all = || to_sink(value, Tally::default()).map(Some);
        self.write(path, &all, Box::new(|sink| Ok(to_sink(value, sink)?.1)))
            .map_err(|error| error.in_container(path.display()))
    }

    /// Saves with these options what `write` writes to the serializer that it gets; see [`ser`](crate::ser).
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
    /// If `write` fails or panics, the old file is as it was and there is no new one.
    ///
    /// # Errors
    ///
    /// Those of `write`; `Message` if `write` succeeded but did not give a whole value to the serializer; those of
    /// [`save`](Self::save).
    pub fn save_with(
        &self,
        path: impl AsRef<Path>,
        write: impl FnOnce(Serializer<'_, '_>) -> Result<()>,
    ) -> Result<()> {
        let path = path.as_ref();
        self.write(path, &|| Ok(None), Box::new(|sink| Ok(to_sink_with(sink, write)?.1)))
            .map_err(|error| error.in_container(path.display()))
    }

    /// Loads a value as [`from_npz`](crate::from_npz) does, within the limit.
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
    /// `Limit` if loading would exceed the limit; those of [`from_npz`](crate::from_npz).
    pub fn load<T: DeserializeOwned>(&self, path: impl AsRef<Path>) -> Result<T> {
        span!("load", path = %path.as_ref().display());
        let file = self.open(path)?;
        let read = |opened: Opened<'_, '_>| opened.read(&PhantomData::<T>);
        file.open_counted(self.progress.as_ref(), read).map_err(|error| file.named(error))
    }

    /// Opens a file as [`Npz::open`] does, within the limit.
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
    /// Those of [`Npz::open`]. An array beyond the limit is an error when it is read.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<Npz> {
        Npz::open_within(path.as_ref(), self.limit)
    }

    /// Writes the file by `fill`, which returns its length. `all` gives the bytes of all arrays for the progress
    /// function, if they are known beforehand. Nothing from here on is compiled for each type of object.
    fn write(
        &self,
        path: &Path,
        all: &dyn Fn() -> Result<Option<u64>>,
        fill: Box<dyn FnOnce(DraftSink<'_, '_>) -> Result<u64> + '_>,
    ) -> Result<()> {
        span!("save", path = %path.display());
        let settings = self.settings()?;
        let (draft, len) = metered(self.progress.as_ref(), Work::SAVE, all, |meter| {
            let draft = FileDraft::beside(path)?;
            let len = fill(NpzSink::new(draft.writer(), settings, meter))?;
            Ok((draft, len))
        })?;
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
