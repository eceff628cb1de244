//! A handle on an `.npz` file: it reads the object, or single arrays.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{Deserialize, DeserializeSeed};

use super::super::file::{map_whole, open_file};
use super::super::handle::Container;
use crate::array::ArrayInfo;
#[cfg(feature = "ndarray")]
use crate::de;
use crate::de::{Deserializer, Opened};
use crate::error::{Error, Result};
use crate::memory::{AlignedBytes, Region};
use crate::os;
#[cfg(feature = "ndarray")]
use crate::progress::sharing_meter;
use crate::progress::{Progress, ProgressAnswer, Work, metered};
use crate::store::{Info, Input, MappedFile, Members, NpzSource, Other, Rest};

use super::OtherMember;

/// An open `.npz` file, or a plain `.npy` file, from which a program reads the object or single arrays.
///
/// The file may be one that [`to_npz`](crate::to_npz) saved, or one that NumPy or another program wrote. There are three
/// ways to open it:
///
/// | | reads from the file | verifies checksums | a view of an array |
/// |---|---|---|---|
/// | [`Npz::open`] | the directory; then each array at its first use | of each array that is read | borrows that memory |
/// | [`Npz::map`], unsafe | nothing | only by [`verify`](Npz::verify) | borrows the mapping |
/// | [`Npz::from_bytes`] | nothing: it is in memory | of each array at its first use | borrows the bytes |
///
/// A compressed array is decompressed at its first use, whichever way the file was opened. An array that lies unaligned,
/// as about half of those do that other programs wrote, is copied at its first use. An `Npz` keeps what it loaded until
/// it is dropped; a [`ShmArray`](crate::ShmArray) keeps its own array longer. Each `get` reads a large stored array
/// straight into a type that owns it (`Array`, `Vec`), and the `Npz` does not keep it.
///
/// ```
/// # #[cfg(all(feature = "derive", feature = "ndarray"))] {
/// use ndarray::{Array2, ArrayView2, Ix2};
/// use serde_shm::{Deserialize, Npz, Serialize};
///
/// #[derive(Serialize)]
/// struct Model { epoch: u32, weights: Array2<f32> }
/// #[derive(Deserialize)]
/// struct ModelView<'a> { epoch: u32, weights: ArrayView2<'a, f32> }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.npz");
/// serde_shm::to_npz(&path, &Model { epoch: 7, weights: Array2::ones((3, 4)) })?;
/// let file = Npz::open(&path)?;
/// let model: ModelView<'_> = file.get()?;
/// assert_eq!((model.epoch, model.weights.sum()), (7, 12.0));
/// let weights = file.array::<f32, Ix2>("weights")?; // reads nothing else
/// assert_eq!(weights.shape(), [3, 4]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub struct Npz {
    pub(super) members: Members,
    pub(super) rest: Option<Rest>,
    /// The file's name in errors.
    name: Option<String>,
    pub(super) progress: Option<Progress<'static>>,
}

impl Npz {
    /// Opens a file. Its arrays are read when they are used.
    ///
    /// This reads the end of the file, where its directory is. An array is read at its first use, into memory that no
    /// other process can change, and its checksum is verified. The file may be replaced or removed meanwhile: this handle
    /// stays with the file that it opened. If another program writes *into* the file, an array that is read afterwards
    /// has a wrong checksum, which is an error.
    ///
    /// Costs a few system calls, one read of the bytes of each array that is used, and the memory for it.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{Npz, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// let file = Npz::open(&path)?;
    /// assert_eq!(file.arrays()?[0].shape(), [10_000]); // no element was read
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` or `Io` if the file cannot be read; `InvalidInput` if it is a folder or a pipe; `Corrupt` if it is
    /// neither an archive nor a `.npy` file, or was cut; `Unsupported` if a member is encrypted, or compressed by another
    /// method than deflate.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Npz::open_within(path.as_ref(), u64::MAX)
    }

    pub(super) fn open_within(path: &Path, limit: u64) -> Result<Self> {
        let name = path.display().to_string();
        span!("open", path = %name);
        open_file(path)
            .and_then(|(file, _)| Npz::new(Input::File(file), limit))
            .map_err(|error| error.in_container(&name))
            .map(|npz| Npz { name: Some(name), ..npz })
    }

    /// Maps a file. An array that is stored, aligned and in this machine's byte order is viewed where it lies: nothing is
    /// copied, and nothing is read before its elements are. All arrays that [`to_npz`](crate::to_npz) stored are such
    /// arrays, and [`ArrayInfo::is_zero_copy`] tells whether an array is one. Each other array is copied when it is used.
    ///
    /// Costs `open`, `mmap` and reading the directory. The pages are shared with other processes that map the file.
    /// Checksums are not verified, since that would read everything. Members' own headers are not checked either, if the
    /// directory is still as [`to_npz`](crate::to_npz) wrote it: see [`verify`](Npz::verify).
    ///
    /// # Safety
    ///
    /// While this handle, a view or a [`ShmArray`](crate::ShmArray) of it lives, nobody may write into the file or cut
    /// it. Otherwise memory changes that Rust assumes not to change, and reading a part that was cut off kills the
    /// process (SIGBUS). It is safe to save over the file by [`to_npz`](crate::to_npz), to rename it or to remove it: the
    /// mapped file stays as it is.
    ///
    /// # Errors
    ///
    /// Those of [`Npz::open`].
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use std::collections::BTreeMap;
    /// use ndarray::{Array1, Ix1};
    ///
    /// serde_shm::to_npz(&path, &BTreeMap::from([("x", Array1::<f64>::zeros(1000))]))?;
    /// // SAFETY: this program alone knows the file, and does not write into it.
    /// let file = unsafe { serde_shm::Npz::map(&path)? };
    /// assert!(file.arrays()?[0].is_zero_copy());
    /// assert_eq!(file.array::<f64, Ix1>("x")?.sum(), 0.0);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[allow(unsafe_code)]
    pub unsafe fn map(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        span!("open", path = %name);
        open_file(path.as_ref())
            .and_then(|(file, len)| {
                // SAFETY: the caller of `map` gives the same promise.
                let promise = unsafe { os::Unchanging::promised() };
                let region = map_whole(&file, len, promise)?;
                let mapped = MappedFile::new(file, region)
                    .map_err(|error| Error::io("cannot read the file", error))?;
                Npz::new(Input::Map(mapped), u64::MAX)
            })
            .map_err(|error| error.in_container(&name))
            .map(|npz| Npz { name: Some(name), ..npz })
    }

    /// Opens a file that is in memory. A `Vec<u8>` is taken over without a copy; a slice is copied once.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # serde_shm::to_npz(&path, &vec![1_u8, 2])?;
    /// let bytes = std::fs::read(&path).unwrap();
    /// let file = serde_shm::Npz::from_bytes(bytes)?;
    /// assert_eq!(file.get::<Vec<u8>>()?, [1, 2]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Npz::open`], except those of reading a file.
    pub fn from_bytes<'b>(bytes: impl Into<Cow<'b, [u8]>>) -> Result<Self> {
        let region = match bytes.into() {
            Cow::Owned(bytes) => Region::from_bytes(bytes),
            Cow::Borrowed(bytes) => Region::from_block(AlignedBytes::copy_from(bytes)),
        };
        Npz::new(Input::Memory(region), u64::MAX)
    }

    fn new(input: Input, limit: u64) -> Result<Self> {
        let mut members = Members::open(input, limit)?;
        let rest = Rest::find(&mut members)?;
        Ok(Npz { members, rest, name: None, progress: None })
    }

    /// Has the handle call `report` while it reads arrays, for a progress bar, and lets it cancel that: in [`get`](Npz::get) and the
    /// other ways to read the object or an array, and in [`verify`](Npz::verify). Its arguments are the bytes that this call has
    /// dealt with so far and the bytes of all; in the last call both are equal.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use std::ops::ControlFlow;
    /// use std::time::{Duration, Instant};
    /// use serde_shm::{Npz, ShmArray1};
    ///
    /// serde_shm::to_npz(&path, &ShmArray1::from(vec![0.0_f64; 10_000]))?;
    /// let end = Instant::now() + Duration::from_secs(60);
    /// let file = Npz::open(&path)?.progress(move |_, _| {
    ///     if Instant::now() < end { ControlFlow::Continue(()) } else { ControlFlow::Break(()) } // it takes too long
    /// });
    /// assert_eq!(file.get::<ShmArray1<f64>>()?.len(), 10_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that reads makes the calls, one after the other: one for some 8 MiB, or more where the work is slow, and one at the
    /// end. Threads that decompress for it stop when it is cancelled. What was loaded whole before stays in the handle, and the same
    /// call again goes on from there.
    ///
    /// For an object, all are the bytes of the arrays of the file, whether the type has them or not, as
    /// [`to_npz`](crate::to_npz) wrote them down; in a file of another program they are the bytes of its members. For a single array
    /// they are its bytes.
    ///
    /// # Cost
    ///
    /// An array of another program's file that is one compressed stream of more than 16 MiB is decompressed part by part. With the
    /// feature `libdeflate` this takes two to three times as long as without a function.
    ///
    /// # Errors
    ///
    /// Reading then also returns `Cancelled`.
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Deserializes the object. Views in it borrow from this handle.
    ///
    /// A file that [`to_npz`](crate::to_npz) saved gives the value that was saved. In a file that another program wrote,
    /// the names of the arrays say where each belongs. Dots and slashes in a name nest: `layers.0.weight` is the field
    /// `weight` of the first of `layers`. The parts of a sequence are named by numbers. An array without axes is a
    /// number, a bool or a string, and an array of strings is a sequence of `String`s. Arrays that a struct does not have
    /// are ignored. Fields for which there is no array are missing fields, as serde understands it: its attributes
    /// `default`, `rename` and `alias` apply. A `.npy` file, and a file whose only array has no name, is read as that
    /// array.
    ///
    /// Arrays that the type does not have are not read. Compressed arrays are decompressed on all cores.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::Npz;
    /// serde_shm::to_npz(&path, &("zeros", 7))?;
    /// let file = Npz::open(&path)?;
    /// let (name, number): (&str, u32) = file.get()?; // the text is borrowed
    /// assert_eq!((name, number), ("zeros", 7));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the object is not a `T`; `Corrupt` if a member that it needs was altered (the text names the
    /// member).
    pub fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        self.get_seed(PhantomData)
    }

    /// Deserializes the object by a seed, as [`Block::get_seed`](crate::Block::get_seed) does.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use std::marker::PhantomData; // the seed of a type that needs none
    ///
    /// serde_shm::to_npz(&path, &["a", "b"])?;
    /// let words = serde_shm::Npz::open(&path)?.get_seed(PhantomData::<Vec<String>>)?;
    /// assert_eq!(words, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Npz::get).
    #[allow(clippy::needless_pass_by_value)] // As seeds are passed everywhere.
    pub fn get_seed<'a, S: DeserializeSeed<'a> + Clone>(&'a self, seed: S) -> Result<S::Value> {
        self.seed(&seed)
    }

    /// A deserializer of the object, for code that takes one: transcoders, wrappers, seeds.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use std::collections::BTreeMap;
    /// use serde_shm::{Npz, ShmArray1};
    ///
    /// serde_shm::to_npz(&path, &BTreeMap::from([("x", ShmArray1::from(vec![1.5, 2.5]))]))?;
    /// let file = Npz::open(&path)?;
    /// let mut json = serde_json::Serializer::new(Vec::new());
    /// serde_transcode::transcode(file.deserializer(), &mut json).unwrap();
    /// assert_eq!(json.into_inner(), br#"{"x":[1.5,2.5]}"#);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It reads the object once, where [`get`](Npz::get) may read it again: see
    /// [`de::Deserializer`](crate::de::Deserializer). Errors of the file, which `get` returns, come when code asks the
    /// deserializer for something.
    pub fn deserializer(&self) -> Deserializer<'_> {
        Deserializer::of(self)
    }

    /// The object as a value, for programs that do not know its type. The value's arrays are handles that keep the memory
    /// or the mapping of the file alive.
    ///
    /// ```
    /// # use std::collections::BTreeMap;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// serde_shm::to_npz(&path, &BTreeMap::from([("size", 7)]))?;
    /// let file = serde_shm::Npz::open(&path)?;
    /// let value = file.value()?;
    /// assert_eq!(value.get("size").and_then(|size| size.as_u64()), Some(7));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs about twice what a typed read of the inline part costs. The arrays' elements are not looked at. A file that
    /// was opened and not mapped is read whole, and each of its arrays stays in memory for as long as a handle on it.
    ///
    /// The value of a file that another program wrote is a map by the names of its arrays. Dots and slashes in the names
    /// nest, and parts that are named by numbers form lists.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the file contradicts itself; [`Limit`](crate::ErrorKind::Limit) if the object nests
    /// deeper than 2,048 levels.
    #[cfg(feature = "ndarray")]
    pub fn value(&self) -> Result<crate::value::Value> {
        de::value(self)
    }

    /// The same with other arrays in the place of the file's. `stand_in` is given the path of each array, as
    /// [`arrays`](Npz::arrays) has it. An array that it returns stands in the value, and the file's is not read. `None` has the
    /// file's read.
    ///
    /// So a program sees everything about an object, however large its arrays are:
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use serde_shm::{Npz, ShmArray1, UntypedArray};
    ///
    /// #[derive(serde::Serialize)]
    /// struct Model { name: &'static str, weight: ShmArray1<f32> }
    ///
    /// serde_shm::to_npz(&path, &Model { name: "m", weight: vec![0.5; 1000].into() })?;
    /// let file = Npz::open(&path)?;
    /// let infos = file.arrays()?;
    /// let value = file.value_with(|path| {
    ///     let Some(info) = infos.iter().find(|info| info.path() == path) else { return Ok(None) };
    ///     // One element stands for all of them.
    ///     let zero = vec![0; info.dtype().item_size()];
    ///     let strides = vec![0; info.shape().len()];
    ///     UntypedArray::from_owner_with_strides(info.dtype().clone(), info.shape(), &strides, 0, zero).map(Some)
    /// })?;
    /// assert_eq!(value.to_string(), r#"Model { name: "m", weight: <f4 [1000] }"#);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`value`](Npz::value) and of `stand_in`, with the place in the object.
    #[cfg(feature = "ndarray")]
    pub fn value_with(
        &self,
        mut stand_in: impl FnMut(&str) -> Result<Option<crate::UntypedArray>>,
    ) -> Result<crate::value::Value> {
        de::value_with(self, &mut stand_in)
    }

    /// Goes over the object part by part without building a tree: see [`Walk`](crate::value::Walk).
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// #[derive(Default)]
    /// struct Bools(usize);
    /// impl serde_shm::value::Walk<'_> for Bools {
    ///     fn bool(&mut self, _value: bool) -> serde_shm::Result<()> {
    ///         self.0 += 1;
    ///         Ok(())
    ///     }
    /// }
    /// let mut bools = Bools::default();
    /// serde_shm::to_npz(&path, &(true, 1, false))?;
    /// serde_shm::Npz::open(&path)?.walk(&mut bools)?;
    /// assert_eq!(bools.0, 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those that the walk returns, with the place in the object added; those of [`value`](Self::value).
    #[cfg(feature = "ndarray")]
    pub fn walk<'a, W: crate::value::Walk<'a>>(&'a self, walk: &mut W) -> Result<()> {
        de::walk(self, walk)
    }

    /// Describes the file's arrays, in the order in which they lie there. Their elements are not read. Members that are
    /// not arrays, or are arrays that this crate cannot read, are not among them: see [`others`](Npz::others).
    ///
    /// For a file that [`to_npz`](crate::to_npz) saved this reads the directory alone. For other files it reads the
    /// header of each array.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{Npz, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// for array in Npz::open(&path)?.arrays()? {
    ///     assert_eq!(format!("{} {} {:?}", array.path(), array.dtype(), array.shape()), "arr_0 <f8 [10000]");
    /// }
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Corrupt` if an object that [`to_npz`](crate::to_npz) saved lacks an array, or if the whole file is one array and
    /// that cannot be read; `Io` if the file cannot be read.
    pub fn arrays(&self) -> Result<Vec<ArrayInfo>> {
        self.all()
    }

    /// The members that are not among the [`arrays`](Npz::arrays), each with the reason: pickles, dtypes that this crate
    /// does not have, damaged members, and members that are not arrays at all. Folders are not listed.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use std::io::Write;
    /// use serde_shm::Npz;
    ///
    /// // As another program may leave it: an array, and what somebody wrote of it.
    /// let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    /// archive.start_file("x.npy", zip::write::SimpleFileOptions::default())?;
    /// let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }";
    /// archive.write_all(b"\x93NUMPY\x01\0\x39\0").unwrap();
    /// archive.write_all(header.as_bytes()).unwrap();
    /// archive.write_all(b"abc").unwrap();
    /// archive.start_file("README.txt", zip::write::SimpleFileOptions::default())?;
    /// archive.write_all(b"Three letters").unwrap();
    /// archive.finish()?;
    ///
    /// let file = Npz::open(&path)?;
    /// assert_eq!(file.arrays()?[0].path(), "x");
    /// let others = file.others()?;
    /// assert_eq!((others[0].name(), others[0].byte_len()), ("README.txt", 13));
    /// assert!(others[0].why().contains("found text"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Costs what `arrays` costs.
    ///
    /// # Errors
    ///
    /// Those of [`arrays`](Npz::arrays).
    pub fn others(&self) -> Result<Vec<OtherMember>> {
        let (_, others) = self.look().map_err(|error| self.named(error))?;
        Ok(others.into_iter().map(OtherMember::new).collect())
    }

    fn look(&self) -> Result<(Vec<Info>, Vec<Other>)> {
        match &self.rest {
            Some(rest) => NpzSource::new(self.watched(None), rest).and_then(|source| source.look()),
            None => self.members.look(0..self.members.len()),
        }
    }

    /// One array, by its path in the object or its name in the file, as a view that borrows from this handle. Nothing
    /// else is read, however large the file is.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{Npz, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// let file = Npz::open(&path)?;
    /// assert_eq!(file.array::<f64, ndarray::Ix1>("arr_0")?.len(), 10_000);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such array (the text names similar ones); `Mismatch` if the array has another dtype or
    /// number of axes, or is in the other byte order, which [`array_as`](Npz::array_as) converts; `Corrupt` if it was
    /// altered.
    #[cfg(feature = "ndarray")]
    pub fn array<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::ArrayView<'_, A, D>> {
        self.view(path)
    }

    /// One array, copied and converted: from the other byte order, and to a wider element type if that changes no value
    /// (`u8` to `u32` or `f64`, `f32` to `f64`, `i32` to `f64`).
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// use std::collections::BTreeMap;
    /// use ndarray::{Array1, Ix1, array};
    ///
    /// serde_shm::to_npz(&path, &BTreeMap::from([("counts", array![1_u16, 2, 3])]))?;
    /// let counts: Array1<f64> = serde_shm::Npz::open(&path)?.array_as::<f64, Ix1>("counts")?;
    /// assert_eq!(counts, array![1.0, 2.0, 3.0]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the conversion could change a value; otherwise those of [`array`](Npz::array).
    #[cfg(feature = "ndarray")]
    pub fn array_as<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::Array<A, D>> {
        self.lossless(path)
    }

    /// One array with the dtype that it has, copied, for programs that do not know its type.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # serde_shm::to_npz(&path, &std::collections::BTreeMap::from([("x", ndarray::array![1.5_f32])]))?;
    /// use serde_shm::{DynArray, Npz};
    ///
    /// match Npz::open(&path)?.array_dyn("x")? {
    ///     DynArray::F32(x) => assert_eq!(x.sum(), 1.5),
    ///     other => println!("x is an array of {}", other.to_dtype()),
    /// }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`array`](Npz::array), except those of another type.
    #[cfg(feature = "ndarray")]
    pub fn array_dyn(&self, path: &str) -> Result<crate::DynArray> {
        self.copy(path)
    }

    /// One array of any dtype. The result keeps the array's memory alive.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # serde_shm::to_npz(&path, &std::collections::BTreeMap::from([("x", ndarray::array![1.5_f32])]))?;
    /// let any = serde_shm::Npz::open(&path)?.array_untyped("x")?;
    /// assert_eq!((any.dtype().to_string().as_str(), any.shape()), ("<f4", &[1][..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If the file is mapped, a stored array is viewed where it lies, in either byte order and aligned or not, and
    /// nothing is read. Any other array is loaded at its first use, once for all callers.
    ///
    /// # Errors
    ///
    /// Those of [`array`](Npz::array), except those of another type.
    #[cfg(feature = "ndarray")]
    pub fn array_untyped(&self, path: &str) -> Result<crate::UntypedArray> {
        self.untyped(path)
    }

    /// Reads every member, whether it is used or not, and verifies its checksum.
    ///
    /// This runs on all cores and keeps nothing in memory.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("zeros.npz");
    /// use serde_shm::{Npz, ShmArray1};
    /// let zeros = ShmArray1::from(vec![0.0_f64; 10_000]);
    /// serde_shm::to_npz(&path, &zeros)?;
    /// Npz::open(&path)?.verify()?;
    ///
    /// let mut bytes = std::fs::read(&path).unwrap();
    /// bytes[1000] ^= 1; // one bit of an element
    /// let error = Npz::from_bytes(bytes)?.verify().unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Corrupt);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Corrupt` if a member was altered (the text names the member); `Io` if the file cannot be read.
    pub fn verify(&self) -> Result<()> {
        let (progress, all) = (self.progress.as_ref(), || Ok(Some(self.members.total_size())));
        metered(progress, Work::VERIFY, all, |meter| self.members.verify(meter))
            .map_err(|error| self.named(error))
    }

    pub(super) fn named(&self, error: Error) -> Error {
        match &self.name {
            Some(name) => error.in_container(name),
            None => error,
        }
    }
}

impl Container for Npz {
    fn open<'de, R>(&'de self, read: impl FnOnce(Opened<'_, 'de>) -> Result<R>) -> Result<R> {
        self.open_counted(self.progress.as_ref(), read)
    }

    fn infos(&self) -> Result<Vec<ArrayInfo>> {
        let (infos, _) = self.look()?;
        Ok(infos.into_iter().map(ArrayInfo::from_info).collect())
    }

    #[cfg(feature = "ndarray")]
    fn placed(
        &self,
        path: &str,
        may_lie: bool,
    ) -> Result<(crate::store::Placed<'_>, Option<&Region>)> {
        let way = if may_lie { Members::array_as_it_lies } else { Members::array };
        let placed = sharing_meter(
            self.progress.as_ref(),
            Work::READ,
            || Ok(None),
            |meter| self.placed_by(path, way, meter.as_ref()),
        );
        Ok((placed?, self.members.region()))
    }

    fn named(&self, error: Error) -> Error {
        Npz::named(self, error)
    }
}

impl fmt::Debug for Npz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Npz")
            .field("name", &self.name)
            .field("members", &self.members.len())
            .finish_non_exhaustive()
    }
}
