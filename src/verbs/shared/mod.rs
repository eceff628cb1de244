//! Shared memory: an object into a segment, and out of it in another process.

mod content;
mod copy;
#[cfg(feature = "workers")]
mod hand;
mod live;
mod offer;
mod open;
mod open_options;
mod open_or_create;
mod options;
mod writer;

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::de::{Deserialize, DeserializeOwned, DeserializeSeed};
use serde::ser::Serialize;

use crate::array::ArrayInfo;
use crate::de::{self, Opened};
use crate::error::{Error, Result};
use crate::os::{self, Stamp};
use crate::segment::{Folder, Memory, Published, SegmentId, SegmentName, Stored};

use super::block;
use super::handle::Container;
#[cfg(feature = "ndarray")]
use super::lookup;
use content::Content;
#[cfg(feature = "workers")]
pub(crate) use hand::Handed;
pub use open_options::OpenOptions;
pub use options::SegmentOptions;
pub use writer::MemoryWriter;

/// Serializes an object into a segment of shared memory without a name.
///
/// Other processes of the same user open it by [`Segment::id`], with [`from_shared`] or [`Segment::open`], for as long
/// as this handle or one that they opened lives. The kernel frees the memory with its last user, also after `kill -9`.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// let segment = serde_shm::to_shared(&("answer", vec![1_u32, 2, 3])).unwrap();
/// let id: &str = segment.id(); // give it to another process, as an argument or through a pipe
/// let (name, numbers): (String, Vec<u32>) = serde_shm::from_shared(id).unwrap();
/// assert_eq!((name.as_str(), &numbers[..]), ("answer", &[1, 2, 3][..]));
/// # }
/// ```
///
/// Costs one copy of each array, by `write(2)` from where it lies, and some fifteen system calls. The memory is that of
/// the segment and no more; it is not counted against the size of `/dev/shm`.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) if memory, descriptors or the limit on file sizes do not suffice; those of
/// [`to_bytes`](crate::to_bytes); [`Unsupported`](crate::ErrorKind::Unsupported) where there are no sealed memfds, that is
/// anywhere but on Linux. Nothing is left behind.
pub fn to_shared<T: Serialize + ?Sized>(value: &T) -> Result<Segment> {
    SegmentOptions::new().create(value)
}

/// Deserializes an object from the segment of this id or name.
///
/// ```
/// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
/// use std::collections::BTreeMap;
/// use serde_shm::ShmArray1;
///
/// let layers = BTreeMap::from([("bias", ShmArray1::from(vec![0.5_f32; 1000]))]);
/// let segment = serde_shm::to_shared(&layers).unwrap();
/// let seen: BTreeMap<String, ShmArray1<f32>> = serde_shm::from_shared(segment.id()).unwrap();
/// drop(segment);
/// assert_eq!(seen["bias"][999], 0.5); // the handle keeps the mapping
/// # }
/// ```
///
/// Everything inline is decoded, and each array that an owned type asks for is copied once. A
/// [`ShmArray`](crate::ShmArray) is not copied, and its pages are not touched: it keeps the mapping alive, but no
/// descriptor. To borrow arrays and text use [`Segment::open`] and [`Segment::get`].
///
/// # Errors
///
/// Those of [`Segment::open`] and [`Segment::get`].
pub fn from_shared<T: DeserializeOwned>(id: &str) -> Result<T> {
    Segment::open(id)?.get()
}

/// A segment of shared memory, made here or opened: an object whose arrays lie in it, to be read in place.
///
/// Its memory is sealed: nobody can change or cut it, so that views of it are plain references. Only the elements of
/// [`LockedArray`](crate::LockedArray)s and [`AtomicArray`](crate::AtomicArray)s lie in a memory of their own beside it, which all
/// that open the segment change in place. It stays for as long
/// as a handle, a view, a [`Block`](crate::Block) or a [`ShmArray`](crate::ShmArray) of any process does. A `Segment` is `Send` and `Sync`.
/// A persistent segment ([`SegmentOptions::persist`]) is a file and outlives them all; it is read into memory of this
/// process, or mapped by [`map`](Self::map). What becomes of each at exit, panic, abort, fork and `kill -9` is in
/// `docs/LIFECYCLE.md`.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::Segment;
///
/// let made = serde_shm::to_shared(&vec!["alpha", "beta"]).unwrap();
/// let seen = Segment::open(made.id()).unwrap(); // in another process as well
/// let words: Vec<&str> = seen.get().unwrap(); // borrowed from the segment
/// assert_eq!(words, ["alpha", "beta"]);
/// # }
/// ```
pub struct Segment {
    /// Dropped before the memory: who finds the name also finds what it names.
    published: Option<Published>,
    backing: Backing,
    id: OnceLock<String>,
    name: Option<SegmentName>,
    /// Where its name is, if it has one.
    origin: Option<Origin>,
    /// What it was opened by, which errors name: its own id is news to who opened it.
    asked: String,
    /// What may be done with its live arrays.
    access: live::Access,
    /// How many bytes of arrays one reading may copy, if that was said.
    copy_limit: Option<u64>,
}

/// What holds a segment's bytes, and what is in them.
enum Backing {
    /// Checked when it was made or opened.
    Memory(Memory, Content),
    /// Not read before somebody asks.
    File(Stored, OnceLock<Content>),
}

/// The entry or file that a segment was found by or is published under.
struct Origin {
    path: PathBuf,
    stamp: Stamp,
    /// The folder of names, unless the segment was opened by a path.
    folder: Option<Folder>,
}

impl Segment {
    /// The text by which other processes of this user open the segment, with [`Segment::open`] or [`from_shared`].
    ///
    /// It names the descriptor that *this* handle holds. A segment that was opened therefore has another id than the
    /// one it was opened by: whoever is given this one can open it even when the maker has gone, for as long as this
    /// handle lives. A forked child's copy has the id of the process that first asked for it. The id of a persistent
    /// segment is its file's path.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::Segment;
    /// let made = serde_shm::to_shared("text").unwrap();
    /// let opened = Segment::open(made.id()).unwrap();
    /// drop(made);
    /// assert_eq!(serde_shm::from_shared::<String>(opened.id()).unwrap(), "text");
    /// # }
    /// ```
    pub fn id(&self) -> &str {
        self.id.get_or_init(|| match &self.backing {
            Backing::Memory(memory, content) => memory_id(memory, content).to_string(),
            // The path of a file that was made is UTF-8, as that of one that was opened is.
            Backing::File(file, _) => file.path().display().to_string(),
        })
    }

    /// The name under which it was made, opened or [offered](Self::offer), if any.
    ///
    /// By now another segment may have that name; this handle stays with the one it has.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let name = &format!("doc-name-{}", std::process::id());
    /// let made = serde_shm::SegmentOptions::new().name(name).create(&1).unwrap();
    /// assert_eq!(made.name(), Some(name.as_str()));
    /// assert_eq!(serde_shm::Segment::open(made.id()).unwrap().name(), None);
    /// # }
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The bytes of the segment: arrays, everything else, and what describes them; not the memory of live arrays.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&1_u8).unwrap();
    /// assert_eq!(segment.len(), serde_shm::to_bytes(&1_u8).unwrap().len());
    /// # }
    /// ```
    // A segment has a header, so that `is_empty` would always be false.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        let bytes = match &self.backing {
            Backing::Memory(memory, _) => memory.len(),
            Backing::File(file, _) => file.len(),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }

    /// The same segment, of which one reading may copy so many bytes of arrays: see [`Block::copy_limit`](crate::Block::copy_limit).
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use serde_shm::{ErrorKind, ShmArray1};
    ///
    /// let frame = ShmArray1::from(vec![0.5_f32; 100_000]);
    /// let segment = serde_shm::to_shared(&vec![frame; 8])?.copy_limit(1 << 20);
    /// let error = segment.get::<Vec<ndarray::Array1<f32>>>().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Limit);
    /// let frames: Vec<ShmArray1<f32>> = segment.get()?;
    /// assert_eq!(frames[0].as_ptr(), frames[7].as_ptr()); // one buffer
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn copy_limit(self, bytes: u64) -> Self {
        Segment { copy_limit: Some(bytes), ..self }
    }

    /// Deserializes the object; what it borrows, text and arrays alike, lies in the segment.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use std::collections::BTreeMap;
    /// use ndarray::{Array1, ArrayView1};
    ///
    /// let object = BTreeMap::from([("x", Array1::linspace(0.0, 1.0, 1000))]);
    /// let segment = serde_shm::to_shared(&object).unwrap();
    /// let owned: BTreeMap<String, Array1<f64>> = segment.get().unwrap(); // one copy of the array
    /// assert_eq!(owned["x"], segment.array::<f64, _>("x").unwrap());
    /// # }
    /// ```
    ///
    /// Views and borrowed text cost no copy, [`ShmArray`](crate::ShmArray)s neither: those keep the mapping alive
    /// beyond this handle. Owned arrays are copied once. There is no system call. Of a persistent segment, the file is
    /// read as a whole when the first handle asks for anything in it; handles and views then share that copy.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) if it is persistent and was made by this handle, which has not read it yet;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the object is not a `T`: the error names the field;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the segment contradicts itself, which only a program that makes its own
    /// segments can bring about.
    pub fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        self.get_seed(PhantomData)
    }

    /// Deserializes the object by a seed, as [`Block::get_seed`](crate::Block::get_seed) does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::marker::PhantomData; // the seed of a type that needs none
    ///
    /// let segment = serde_shm::to_shared(&["a", "b"])?;
    /// let words = segment.get_seed(PhantomData::<Vec<&str>>)?;
    /// assert_eq!(words, ["a", "b"]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`get`](Self::get).
    #[allow(clippy::needless_pass_by_value)] // As seeds are passed everywhere.
    pub fn get_seed<'a, S: DeserializeSeed<'a> + Clone>(&'a self, seed: S) -> Result<S::Value> {
        self.seed(&seed)
    }

    /// A deserializer of the object, for code that wants one: transcoders, wrappers, seeds.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[Some(1), None])?;
    /// let mut json = serde_json::Serializer::new(Vec::new());
    /// serde_transcode::transcode(segment.deserializer(), &mut json).unwrap();
    /// assert_eq!(json.into_inner(), b"[1,null]");
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It reads once, where [`get`](Self::get) may read again: see [`de::Deserializer`](crate::de::Deserializer). What
    /// `get` reports of the segment is reported when something is asked for.
    pub fn deserializer(&self) -> de::Deserializer<'_> {
        de::Deserializer::of(self)
    }

    /// The object as a value, for programs that do not know its type. Its arrays are handles on the segment, which keep it.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # use std::collections::BTreeMap;
    /// let segment = serde_shm::to_shared(&BTreeMap::from([("size", 7)]))?;
    /// let value = segment.value()?;
    /// assert_eq!(value.get("size").and_then(|size| size.as_u64()), Some(7));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs what a typed read of the inline part costs, about twice; arrays are not looked at.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the segment contradicts itself; [`Limit`](crate::ErrorKind::Limit) if the object nests
    /// deeper than 2,048 levels.
    #[cfg(feature = "ndarray")]
    pub fn value(&self) -> Result<crate::value::Value> {
        de::value(self)
    }

    /// Goes over the object part by part, without making a tree of it: see [`Walk`](crate::value::Walk).
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// #[derive(Default)]
    /// struct Bools(usize);
    /// impl serde_shm::value::Walk<'_> for Bools {
    ///     fn bool(&mut self, _value: bool) -> serde_shm::Result<()> {
    ///         self.0 += 1;
    ///         Ok(())
    ///     }
    /// }
    /// let mut bools = Bools::default();
    /// serde_shm::to_shared(&(true, 1, false))?.walk(&mut bools)?;
    /// assert_eq!(bools.0, 2);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the walk, with the place in the object; those of [`value`](Self::value).
    #[cfg(feature = "ndarray")]
    pub fn walk<'a, W: crate::value::Walk<'a>>(&'a self, walk: &mut W) -> Result<()> {
        de::walk(self, walk)
    }

    /// What the segment says of its arrays, in the order in which they lie there. None of them is read.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// let object = [("scale", ndarray::arr2(&[[1_u16, 2, 3]]))];
    /// let segment = serde_shm::to_shared(&object).unwrap();
    /// let arrays = segment.arrays().unwrap();
    /// assert_eq!((arrays.len(), arrays[0].shape()), (1, &[1_usize, 3][..]));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the directory of arrays contradicts itself.
    pub fn arrays(&self) -> Result<Vec<ArrayInfo>> {
        self.all()
    }

    /// One array as a view of the segment; nothing else is decoded.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use std::collections::BTreeMap;
    /// use ndarray::Ix2;
    ///
    /// let layers = BTreeMap::from([("weight", ndarray::arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]))]);
    /// let segment = serde_shm::to_shared(&layers).unwrap();
    /// let weight = segment.array::<f32, Ix2>("weight").unwrap();
    /// assert_eq!(weight[[1, 0]], 3.0);
    /// let error = segment.array::<f32, Ix2>("weihgt").unwrap_err();
    /// assert!(error.to_string().contains("`weight`"));
    /// # }
    /// ```
    ///
    /// The path is found by looking through the directory: time goes with the number of arrays, not with their size.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path, with those that come close;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if it has another dtype or number of axes.
    #[cfg(feature = "ndarray")]
    pub fn array<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::ArrayView<'_, A, D>> {
        self.view(path)
    }

    /// One array as an owned one of a type that holds all numbers of its own: `f32` as `f64`, `u8` as `u32` or `f32`, `bool`
    /// as any number; and structs whose fields lie elsewhere, and bytes in the other order. Nothing else is decoded.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// let segment = serde_shm::to_shared(&[("scale", ndarray::arr1(&[1_u16, 2]))]).unwrap();
    /// let path = segment.arrays().unwrap()[0].path().to_owned();
    /// let scale = segment.array_as::<f32, ndarray::Ix1>(&path).unwrap();
    /// assert_eq!(scale[1], 2.0);
    /// assert!(segment.array_as::<u8, ndarray::Ix1>(&path).is_err()); // some would be lost
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path, with those that come close;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the type cannot hold all that its dtype can, or has another number of
    /// axes.
    #[cfg(feature = "ndarray")]
    pub fn array_as<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::Array<A, D>> {
        self.lossless(path)
    }

    /// One array as it is, copied out of the segment, for programs that do not know its type; nothing else is decoded.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// let segment = serde_shm::to_shared(&[("scale", ndarray::arr1(&[1_u16, 2]))]).unwrap();
    /// let any = segment.array_dyn(segment.arrays().unwrap()[0].path()).unwrap();
    /// assert_eq!(any.view::<u16>().unwrap().sum(), 3);
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path, with those that come close;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if its bytes are no elements.
    #[cfg(feature = "ndarray")]
    pub fn array_dyn(&self, path: &str) -> Result<crate::DynArray> {
        self.copy(path)
    }

    /// One array as it is, of whatever dtype, without a copy: it keeps the segment's memory. Nothing else is decoded.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// let segment = serde_shm::to_shared(&[("scale", ndarray::arr1(&[1_u16, 2]))])?;
    /// let any = segment.array_untyped(segment.arrays()?[0].path())?;
    /// assert_eq!((any.dtype(), any.shape()), (&serde_shm::DType::U16, &[2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs a look-up of the path, for which the first makes a table where there are more than 16 arrays; no element is looked at.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path, with those that come close;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if it is a live array.
    #[cfg(feature = "ndarray")]
    pub fn array_untyped(&self, path: &str) -> Result<crate::UntypedArray> {
        self.untyped(path)
    }

    /// One live array as it is, of whatever dtype: another handle of it. Nothing else is decoded.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u16, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// assert_eq!((any.dtype(), any.shape()), (&serde_shm::DType::U16, &[2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs a look-up of the path, as `array_untyped` does; the memory of the live arrays is mapped with the first of them.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path, with those that come close;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if it is an array that does not change; those of mapping the memory.
    #[cfg(feature = "ndarray")]
    pub fn live_untyped(&self, path: &str) -> Result<crate::UntypedLive> {
        self.content()
            .and_then(|content| {
                let placed = lookup::of_any_kind(&content.block()?, path)?;
                crate::UntypedLive::new(placed.head, content.live.as_ref())
                    .map_err(|error| error.at_field(path))
            })
            .map_err(|error| self.named(error))
    }

    /// The descriptor of the memory of the object's live arrays, if it has such and this handle may change them: to be passed on
    /// together with that of the sealed memory (`AsFd`), and opened in another process by
    /// [`Segment::from_fds`](Self::from_fds).
    ///
    /// A handle of [`open_read_only`](Self::open_read_only) gives none, since one can write through it. Processes of a
    /// [`workers::Pool`](crate::workers) are given the memory without it, and who has the segment's id needs no descriptor.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// let live = serde_shm::to_shared(&serde_shm::AtomicArray::from(vec![1_u8, 2]))?;
    /// // SAFETY: it is only looked whether there is one.
    /// assert!(unsafe { live.live_fd() }.is_some());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Safety
    ///
    /// Neither through this descriptor nor through a copy of it may anybody write to the memory, or map it: guards of
    /// [`LockedArray`](crate::LockedArray)s borrow it as plain slices. It may be passed to another process, closed, and
    /// given to [`Segment::from_fds`](Self::from_fds). `File::from` a copy of it makes `write_at` a safe call: whoever has
    /// a copy must not make that call.
    ///
    /// ```compile_fail,E0133
    /// let live = serde_shm::to_shared(&serde_shm::LockedArray::from(vec![1_u8, 2])).unwrap();
    /// let file = std::fs::File::from(live.live_fd().unwrap().try_clone_to_owned().unwrap());
    /// ```
    #[cfg(unix)]
    #[allow(unsafe_code)]
    pub unsafe fn live_fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        use std::os::fd::AsFd;
        let Backing::Memory(_, content) = &self.backing else { return None };
        let file = content.live.as_ref()?.file()?;
        self.access.writable.then(|| file.as_fd())
    }

    fn named(&self, error: Error) -> Error {
        error.in_container(&self.asked)
    }
}

/// The id of memory as this process holds it.
fn memory_id(memory: &Memory, content: &Content) -> SegmentId {
    let live = content.live.as_ref().and_then(|live| live.file());
    SegmentId { live: live.map(|file| os::descriptor(file)), ..memory.id(content.nonce()) }
}

impl Container for Segment {
    fn open<'de, R>(&'de self, read: impl FnOnce(Opened<'_, 'de>) -> Result<R>) -> Result<R> {
        let content = self.content()?;
        let block = content.block()?.limited(self.copy_limit);
        read(Opened::Source(&block, Some(&content.region)))
    }

    fn infos(&self) -> Result<Vec<ArrayInfo>> {
        block::arrays(&self.content()?.block()?)
    }

    #[cfg(feature = "ndarray")]
    fn placed(
        &self,
        path: &str,
        _: bool,
    ) -> Result<(crate::store::Placed<'_>, Option<&crate::memory::Region>)> {
        let content = self.content()?;
        Ok((lookup::placed(&content.block()?, path)?, Some(&content.region)))
    }

    fn named(&self, error: Error) -> Error {
        Segment::named(self, error)
    }
}

/// The descriptor of the sealed memory, for handing it to a process that cannot open it by id: over a Unix socket, or by
/// inheritance. It is opened there by [`Segment::from_fd`]. That of a persistent segment is its file's, read-only.
#[cfg(unix)]
impl std::os::fd::AsFd for Segment {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        match &self.backing {
            Backing::Memory(memory, _) => memory.file().as_fd(),
            Backing::File(file, _) => file.file().as_fd(),
        }
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("bytes", &self.len())
            .finish_non_exhaustive()
    }
}
