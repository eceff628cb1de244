//! A handle on a safetensors file: it reads the object, or single tensors.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed};

use super::super::file::{map_whole, open_file};
use super::super::handle::Container;
#[cfg(feature = "ndarray")]
use super::super::lookup;
use crate::array::ArrayInfo;
#[cfg(feature = "ndarray")]
use crate::de;
use crate::de::{Deserializer, Opened};
use crate::error::{Error, Result};
use crate::memory::{AlignedBytes, Region};
use crate::os;
use crate::progress::{Meter, Progress, ProgressAnswer, Work, sharing_meter};
#[cfg(feature = "ndarray")]
use crate::store::Placed;
use crate::store::{ObjectText, TensorInput, TensorSource, Tensors, Tree, WatchedTensors};

/// An open safetensors file, from which a program reads the object or single arrays.
///
/// The file may be one that [`to_safetensors`](crate::to_safetensors) saved, or one that another program wrote. Its header is checked
/// when it is opened, as strictly as the crate `safetensors` does it. There are three ways to open it:
///
/// | | reads from the file | a view of an array |
/// |---|---|---|
/// | [`Safetensors::open`] | the header; then each tensor at its first use | borrows that memory |
/// | [`Safetensors::map`], unsafe | the header | borrows the mapping |
/// | [`Safetensors::from_bytes`] | nothing: it is in memory | borrows the bytes |
///
/// A tensor that lies unaligned is copied at its first use. The crate `safetensors` and [`to_safetensors`](crate::to_safetensors)
/// write no such tensors, older programs do. The handle keeps what it loaded until it is dropped.
///
/// ```
/// # #[cfg(all(feature = "derive", feature = "ndarray"))] {
/// use ndarray::{Array2, ArrayView2, Ix2};
/// use serde_shm::{Deserialize, Safetensors, Serialize};
///
/// #[derive(Serialize)]
/// struct Model { epoch: u32, weights: Array2<f32> }
/// #[derive(Deserialize)]
/// struct ModelView<'a> { epoch: u32, weights: ArrayView2<'a, f32> }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("model.safetensors");
/// serde_shm::to_safetensors(&path, &Model { epoch: 7, weights: Array2::ones((3, 4)) })?;
/// let file = Safetensors::open(&path)?;
/// let model: ModelView<'_> = file.get()?;
/// assert_eq!((model.epoch, model.weights.sum()), (7, 12.0));
/// let weights = file.array::<f32, Ix2>("weights")?; // reads nothing else
/// assert_eq!(weights.shape(), [3, 4]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub struct Safetensors {
    tensors: Tensors,
    object: Option<ObjectText>,
    /// The file's name in errors.
    name: Option<String>,
    progress: Option<Progress<'static>>,
}

impl Safetensors {
    /// Opens a file. Its tensors are read when they are used.
    ///
    /// The file may be replaced or removed meanwhile: this handle stays with the file that it opened. If another program writes *into*
    /// the file, a tensor that is read afterwards has other elements.
    ///
    /// Costs a few system calls, and one read of the bytes of each tensor that is used.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::to_safetensors(&path, &("zeros", 7))?;
    /// let file = serde_shm::Safetensors::open(&path)?;
    /// assert!(file.arrays()?.is_empty());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` or `Io` if the file cannot be read; `InvalidInput` if it is a folder or a pipe; `Corrupt` if it is no safetensors
    /// file or was cut, or if the object in it was altered.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Safetensors::at(path.as_ref(), || {
            open_file(path.as_ref()).map(|(file, _)| TensorInput::File(file))
        })
    }

    /// Maps a file. A tensor that is aligned is viewed where it lies: nothing is copied, and nothing but the header is read before its
    /// elements are.
    ///
    /// Costs `open`, `mmap` and reading the header. The pages are shared with other processes that map the file.
    ///
    /// # Safety
    ///
    /// While this handle, a view or a [`ShmArray`](crate::ShmArray) of it lives, nobody may write into the file or cut it. Otherwise
    /// memory changes that Rust assumes not to change, and reading a part that was cut off kills the process (SIGBUS). It is safe to
    /// save over the file by [`to_safetensors`](crate::to_safetensors), to rename it or to remove it: the mapped file stays as it is.
    ///
    /// # Errors
    ///
    /// Those of [`Safetensors::open`].
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use std::collections::BTreeMap;
    /// use ndarray::{Array1, Ix1};
    ///
    /// serde_shm::to_safetensors(&path, &BTreeMap::from([("x", Array1::<f64>::zeros(1000))]))?;
    /// // SAFETY: this program alone knows the file, and does not write into it.
    /// let file = unsafe { serde_shm::Safetensors::map(&path)? };
    /// assert!(file.arrays()?[0].is_zero_copy());
    /// assert_eq!(file.array::<f64, Ix1>("x")?.sum(), 0.0);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[allow(unsafe_code)]
    pub unsafe fn map(path: impl AsRef<Path>) -> Result<Self> {
        Safetensors::at(path.as_ref(), || {
            let (file, len) = open_file(path.as_ref())?;
            // SAFETY: the caller of `map` gives the same promise.
            let promise = unsafe { os::Unchanging::promised() };
            map_whole(&file, len, promise).map(TensorInput::Memory)
        })
    }

    /// Opens a file that is in memory. A `Vec<u8>` is taken over without a copy; a slice is copied once.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// # serde_shm::to_safetensors(&path, &vec![1_u8, 2])?;
    /// let bytes = std::fs::read(&path).unwrap();
    /// let file = serde_shm::Safetensors::from_bytes(bytes)?;
    /// assert_eq!(file.get::<Vec<u8>>()?, [1, 2]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`Safetensors::open`], except those of reading a file.
    pub fn from_bytes<'b>(bytes: impl Into<Cow<'b, [u8]>>) -> Result<Self> {
        let region = match bytes.into() {
            Cow::Owned(bytes) => Region::from_bytes(bytes),
            Cow::Borrowed(bytes) => Region::from_block(AlignedBytes::copy_from(bytes)),
        };
        Safetensors::new(TensorInput::Memory(region))
    }

    fn at(path: &Path, input: impl FnOnce() -> Result<TensorInput>) -> Result<Self> {
        let name = path.display().to_string();
        span!("open", path = %name);
        match input().and_then(Safetensors::new) {
            Ok(file) => Ok(Safetensors { name: Some(name), ..file }),
            Err(error) => Err(error.in_container(name)),
        }
    }

    fn new(input: TensorInput) -> Result<Self> {
        let tensors = Tensors::open(input)?;
        let object = ObjectText::find(&tensors)?;
        Ok(Safetensors { tensors, object, name: None, progress: None })
    }

    /// Has the handle call `report` while it reads tensors, as [`Npz::progress`](crate::Npz::progress) does.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use serde_shm::{Safetensors, ShmArray1};
    /// serde_shm::to_safetensors(&path, &ShmArray1::from(vec![0.0_f64; 10_000]))?;
    /// let file = Safetensors::open(&path)?.progress(|done, all| println!("{done} of {all} bytes"));
    /// assert_eq!(file.get::<ShmArray1<f64>>()?.len(), 10_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
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
    /// A file that [`to_safetensors`](crate::to_safetensors) saved gives the value that was saved. In a file that another program wrote,
    /// the names of the tensors say where each belongs. Dots and slashes in a name nest: `layers.0.weight` is the field `weight` of the
    /// first of `layers`. The parts of a sequence are named by numbers. A tensor without axes is a number or a bool. Tensors that a
    /// struct does not have are ignored. Fields for which there is no tensor are missing fields, as serde understands it: its attributes
    /// `default`, `rename` and `alias` apply.
    ///
    /// Tensors that the type does not have are not read.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::to_safetensors(&path, &("zeros", 7))?;
    /// let file = serde_shm::Safetensors::open(&path)?;
    /// let (name, number): (&str, u32) = file.get()?; // the text is borrowed
    /// assert_eq!((name, number), ("zeros", 7));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the object is not a `T`; `Unsupported` if a tensor that it needs has a dtype that this crate does not have (the
    /// text names the tensor); `Corrupt` if a tensor is not as it was saved.
    pub fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        self.get_seed(PhantomData)
    }

    /// Deserializes the object by a seed, as [`Block::get_seed`](crate::Block::get_seed) does.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use std::marker::PhantomData; // the seed of a type that needs none
    ///
    /// serde_shm::to_safetensors(&path, &["a", "b"])?;
    /// let words = serde_shm::Safetensors::open(&path)?.get_seed(PhantomData::<Vec<String>>)?;
    /// assert_eq!(words, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Safetensors::get).
    #[allow(clippy::needless_pass_by_value)] // As seeds are passed everywhere.
    pub fn get_seed<'a, S: DeserializeSeed<'a> + Clone>(&'a self, seed: S) -> Result<S::Value> {
        self.seed(&seed)
    }

    /// A deserializer of the object, for code that takes one: transcoders, wrappers, seeds.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use std::collections::BTreeMap;
    /// use serde_shm::{Safetensors, ShmArray1};
    ///
    /// serde_shm::to_safetensors(&path, &BTreeMap::from([("x", ShmArray1::from(vec![1.5, 2.5]))]))?;
    /// let file = Safetensors::open(&path)?;
    /// let mut json = serde_json::Serializer::new(Vec::new());
    /// serde_transcode::transcode(file.deserializer(), &mut json).unwrap();
    /// assert_eq!(json.into_inner(), br#"{"x":[1.5,2.5]}"#);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It reads the object once, where [`get`](Safetensors::get) may read it again: see
    /// [`de::Deserializer`](crate::de::Deserializer). Errors of the file, which `get` returns, come when code asks the deserializer for
    /// something.
    pub fn deserializer(&self) -> Deserializer<'_> {
        Deserializer::of(self)
    }

    /// The object as a value, for programs that do not know its type. The value's arrays are handles that keep the memory or the mapping
    /// of the file alive.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// serde_shm::to_safetensors(&path, &std::collections::BTreeMap::from([("size", 7)]))?;
    /// let value = serde_shm::Safetensors::open(&path)?.value()?;
    /// assert_eq!(value.get("size").and_then(|size| size.as_u64()), Some(7));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A file that was opened and not mapped is read whole. The value of a file that another program wrote is a map by the names of its
    /// tensors. Dots and slashes in the names nest, and parts that are named by numbers form lists.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the file contradicts itself; `Unsupported` if a tensor has a dtype that this crate does not have; `Limit` if the
    /// object nests deeper than 2,048 levels.
    #[cfg(feature = "ndarray")]
    pub fn value(&self) -> Result<crate::value::Value> {
        de::value(self)
    }

    /// Goes over the object part by part without building a tree: see [`Walk`](crate::value::Walk).
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// #[derive(Default)]
    /// struct Bools(usize);
    /// impl serde_shm::value::Walk<'_> for Bools {
    ///     fn bool(&mut self, _value: bool) -> serde_shm::Result<()> {
    ///         self.0 += 1;
    ///         Ok(())
    ///     }
    /// }
    /// let mut bools = Bools::default();
    /// serde_shm::to_safetensors(&path, &(true, 1, false))?;
    /// serde_shm::Safetensors::open(&path)?.walk(&mut bools)?;
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

    /// Describes the file's arrays: those of the object in their order, and then tensors that are no part of it, in the order in which
    /// they lie in the file. The header alone is read. Tensors of a dtype that this crate does not have are not among them: see
    /// [`others`](Safetensors::others).
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use serde_shm::{Safetensors, ShmArray1};
    /// serde_shm::to_safetensors(&path, &ShmArray1::from(vec![0.0_f64; 10_000]))?;
    /// for array in Safetensors::open(&path)?.arrays()? {
    ///     assert_eq!(format!("{} {} {:?}", array.path(), array.dtype(), array.shape()), "arr_0 <f8 [10000]");
    /// }
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Corrupt` if a tensor of an object that [`to_safetensors`](crate::to_safetensors) saved is not as it was saved.
    pub fn arrays(&self) -> Result<Vec<ArrayInfo>> {
        self.all()
    }

    /// The names of the tensors that this crate cannot have as arrays, because of their dtypes (`F8_E4M3`, `F4`) or shapes.
    ///
    /// ```
    /// use safetensors::tensor::{Dtype, TensorView};
    ///
    /// let scales = TensorView::new(Dtype::F8_E4M3, vec![3], &[0; 3]).unwrap();
    /// let bytes = safetensors::serialize([("scales", scales)], None).unwrap();
    /// let file = serde_shm::Safetensors::from_bytes(bytes)?;
    /// assert_eq!(file.others().collect::<Vec<_>>(), ["scales"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn others(&self) -> impl Iterator<Item = &str> {
        let is_other = |(number, _): &(usize, &str)| self.tensors.info(*number).is_err();
        self.tensors.names().filter(is_other).map(|(_, name)| name)
    }

    /// The texts of the file's metadata, by their keys, without the one that holds the object.
    ///
    /// ```
    /// use std::collections::HashMap;
    ///
    /// let texts = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    /// let nothing: [(&str, safetensors::tensor::TensorView<'_>); 0] = [];
    /// let bytes = safetensors::serialize(nothing, Some(texts)).unwrap();
    /// let file = serde_shm::Safetensors::from_bytes(bytes)?;
    /// assert_eq!(file.metadata().collect::<Vec<_>>(), [("format", "pt")]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn metadata(&self) -> impl Iterator<Item = (&str, &str)> {
        self.tensors.texts()
    }

    /// One array, by its path in the object or its name in the file, as a view that borrows from this handle. Nothing else is read,
    /// however large the file is.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use serde_shm::{Safetensors, ShmArray1};
    /// serde_shm::to_safetensors(&path, &ShmArray1::from(vec![0.0_f64; 10_000]))?;
    /// let file = Safetensors::open(&path)?;
    /// assert_eq!(file.array::<f64, ndarray::Ix1>("arr_0")?.len(), 10_000);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such array (the text names similar ones); `Mismatch` if the array has another dtype or number of axes;
    /// `Unsupported` if this crate does not have its dtype; `Corrupt` if it is not as it was saved.
    #[cfg(feature = "ndarray")]
    pub fn array<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::ArrayView<'_, A, D>> {
        self.view(path)
    }

    /// One array, copied and converted to a wider element type, if that changes no value (`f16` and `bf16` to `f32`, `u8` to `u32`).
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// use std::collections::BTreeMap;
    /// use ndarray::{Array1, Ix1, array};
    ///
    /// serde_shm::to_safetensors(&path, &BTreeMap::from([("counts", array![1_u16, 2, 3])]))?;
    /// let file = serde_shm::Safetensors::open(&path)?;
    /// let counts: Array1<f64> = file.array_as::<f64, Ix1>("counts")?;
    /// assert_eq!(counts, array![1.0, 2.0, 3.0]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the conversion could change a value; otherwise those of [`array`](Safetensors::array).
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
    /// # let path = folder.path().join("x.safetensors");
    /// # serde_shm::to_safetensors(&path, &std::collections::BTreeMap::from([("x", ndarray::array![1.5_f32])]))?;
    /// use serde_shm::{DynArray, Safetensors};
    ///
    /// match Safetensors::open(&path)?.array_dyn("x")? {
    ///     DynArray::F32(x) => assert_eq!(x.sum(), 1.5),
    ///     other => println!("x is an array of {}", other.to_dtype()),
    /// }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`array`](Safetensors::array), except those of another type.
    #[cfg(feature = "ndarray")]
    pub fn array_dyn(&self, path: &str) -> Result<crate::DynArray> {
        self.copy(path)
    }

    /// One array of any dtype. The result keeps the array's memory alive. If the file is mapped or in memory, the array is viewed where
    /// it lies, aligned or not.
    ///
    /// ```
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.safetensors");
    /// # serde_shm::to_safetensors(&path, &std::collections::BTreeMap::from([("x", ndarray::array![1.5_f32])]))?;
    /// let any = serde_shm::Safetensors::open(&path)?.array_untyped("x")?;
    /// assert_eq!((any.dtype().to_string().as_str(), any.shape()), ("<f4", &[1][..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`array`](Safetensors::array), except those of another type.
    #[cfg(feature = "ndarray")]
    pub fn array_untyped(&self, path: &str) -> Result<crate::UntypedArray> {
        self.untyped(path)
    }
}

impl Safetensors {
    /// The file's tensors, of which this meter counts those that are loaded.
    fn watched<'a>(&'a self, meter: Option<Arc<Meter<'a>>>) -> WatchedTensors<'a> {
        WatchedTensors { tensors: &self.tensors, meter }
    }

    fn open_counted<'a, R>(
        &'a self,
        meter: Option<Arc<Meter<'a>>>,
        read: impl FnOnce(Opened<'_, 'a>) -> Result<R>,
    ) -> Result<R> {
        let (region, watched) = (self.tensors.region(), self.watched(meter));
        if let Some(object) = &self.object {
            return read(Opened::Source(&TensorSource::new(watched, object)?, region));
        }
        read(Opened::Tree(&Tree::new(watched, self.tensors.names()), region))
    }

    /// Loads a value, of which the function is told.
    pub(super) fn load<T: DeserializeOwned>(&self, progress: Option<&Progress<'_>>) -> Result<T> {
        let all = || Ok(Some(self.tensors.total_size()));
        let read = |opened: Opened<'_, '_>| opened.read(&PhantomData::<T>);
        sharing_meter(progress, Work::READ, all, |meter| self.open_counted(meter, read))
            .map_err(|error| self.named(error))
    }

    #[cfg(feature = "ndarray")]
    fn find<'a>(
        &'a self,
        path: &str,
        may_lie: bool,
        meter: Option<&Arc<Meter<'a>>>,
    ) -> Result<Placed<'a>> {
        let open = |object| TensorSource::new(self.watched(meter.cloned()), object);
        let source = self.object.as_ref().map(open).transpose()?;
        if let Some(source) = &source
            && let Some(placed) = source.find(path, may_lie)?
        {
            return Ok(placed);
        }
        // This also finds tensors that are no part of the object.
        if let Some(number) = self.tensors.find(path) {
            return self.tensors.array(number, may_lie, meter.map(|meter| &**meter));
        }
        if let Some(source) = &source {
            let directory = source.directory();
            return Err(lookup::no_array(path, directory.len(), directory.paths()));
        }
        let names = self.tensors.names().map(|(_, name)| name);
        Err(lookup::no_array(path, self.tensors.len() as u64, names))
    }
}

impl Container for Safetensors {
    fn open<'de, R>(&'de self, read: impl FnOnce(Opened<'_, 'de>) -> Result<R>) -> Result<R> {
        let (progress, all) = (self.progress.as_ref(), || Ok(Some(self.tensors.total_size())));
        sharing_meter(progress, Work::READ, all, |meter| self.open_counted(meter, read))
    }

    fn infos(&self) -> Result<Vec<ArrayInfo>> {
        let infos = match &self.object {
            Some(object) => TensorSource::new(self.watched(None), object)?.infos()?,
            None => (0..self.tensors.len())
                .filter_map(|number| self.tensors.info(number).ok())
                .collect(),
        };
        Ok(infos.into_iter().map(ArrayInfo::from_info).collect())
    }

    #[cfg(feature = "ndarray")]
    fn placed(
        &self,
        path: &str,
        may_lie: bool,
    ) -> Result<(crate::store::Placed<'_>, Option<&Region>)> {
        let (progress, all) = (self.progress.as_ref(), || Ok(None));
        let find = |meter: Option<Arc<Meter<'static>>>| self.find(path, may_lie, meter.as_ref());
        Ok((sharing_meter(progress, Work::READ, all, find)?, self.tensors.region()))
    }

    fn named(&self, error: Error) -> Error {
        match &self.name {
            Some(name) => error.in_container(name),
            None => error,
        }
    }
}

impl fmt::Debug for Safetensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Safetensors")
            .field("name", &self.name)
            .field("tensors", &self.tensors.len())
            .finish_non_exhaustive()
    }
}
