//! Shared memory: writes an object into a segment, and reads it in another process.

#[cfg(feature = "ndarray")]
mod arena;
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
use crate::progress::{Progress, ProgressAnswer, Work, sharing_meter};
use crate::segment::{Folder, Memory, Published, SegmentId, SegmentName, Stored};

use super::block;
use super::handle::Container;
#[cfg(feature = "ndarray")]
use super::lookup;
#[cfg(feature = "ndarray")]
pub use arena::Arena;
use content::Content;
#[cfg(feature = "workers")]
pub(crate) use hand::Handed;
pub use open_options::OpenOptions;
pub use options::SegmentOptions;
pub use writer::MemoryWriter;

/// Serializes an object into a new segment of shared memory that has no name.
///
/// Other processes of the same user open the segment by its id ([`Segment::id`]), with [`from_shared`] or
/// [`Segment::open`], for as long as this handle lives. A process that has opened it can pass on the id of its own
/// handle. The kernel frees the memory with its last user, also after `kill -9`.
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
/// Costs one copy of each array, by `write(2)` from where the array lies, and some twenty system calls. No memory is
/// needed beyond that of the segment, which does not count against the size of `/dev/shm`.
///
/// # Errors
///
/// [`Io`](crate::ErrorKind::Io) if there is not enough memory or no free descriptor, or the limit on file sizes is too
/// low; those of [`to_bytes`](crate::to_bytes); [`Unsupported`](crate::ErrorKind::Unsupported) on systems other than
/// Linux, which have no sealed memfds. After an error nothing is left behind.
pub fn to_shared<T: Serialize + ?Sized>(value: &T) -> Result<Segment> {
    SegmentOptions::new().create(value)
}

/// Deserializes an object from the segment with this id or name.
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
/// Everything inline is decoded, and each array that goes into an owned type is copied once. A
/// [`ShmArray`](crate::ShmArray) is not copied, and its pages are not touched: it keeps the mapping alive, but no
/// descriptor. To borrow arrays and text, use [`Segment::open`] and [`Segment::get`].
///
/// # Errors
///
/// Those of [`Segment::open`] and [`Segment::get`].
pub fn from_shared<T: DeserializeOwned>(id: &str) -> Result<T> {
    Segment::open(id)?.get()
}

/// A handle on a segment of shared memory, which this process made or opened. The segment has one object in it, whose
/// arrays can be read in place.
///
/// The segment's memory is sealed: no process can change or cut it, so that views of it are plain references. Only the
/// elements of [`LockedArray`](crate::LockedArray)s and [`AtomicArray`](crate::AtomicArray)s lie in a separate memory,
/// which every process that opens the segment can change in place. The memory stays for as long as a handle, a view, a
/// [`Block`](crate::Block) or a [`ShmArray`](crate::ShmArray) of it lives in any process. A persistent segment
/// ([`SegmentOptions::persist`]) is a file, which outlives them all; a process reads it into its own memory, or maps it
/// by [`map`](Self::map). `docs/LIFECYCLE.md` says what becomes of each at exit, panic, abort, fork and `kill -9`. A
/// `Segment` is `Send` and `Sync`.
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
    /// Dropped before the memory, so that a process that finds the name also finds the memory that it stands for.
    published: Option<Published>,
    backing: Backing,
    id: OnceLock<String>,
    name: Option<SegmentName>,
    /// Where the segment's name is, if it has one.
    origin: Option<Origin>,
    /// The id, name or path by which the caller opened it. Errors name this, because the caller does not know the
    /// handle's own id.
    asked: String,
    /// What this handle may do with the live arrays.
    access: live::Access,
    /// How many bytes of arrays one reading may copy, if the user set a limit.
    copy_limit: Option<u64>,
    /// Is told of what is read of the segment.
    progress: Option<Progress<'static>>,
}

/// What holds a segment's bytes, and what was found in them.
enum Backing {
    /// Checked when it was made or opened.
    Memory(Memory, Content),
    /// Read when the handle is first asked for something in it.
    File(Stored, OnceLock<Content>),
}

/// The entry or file by which a segment was found, or under which it is published.
struct Origin {
    path: PathBuf,
    stamp: Stamp,
    /// The folder of names, unless the segment was opened by a path.
    folder: Option<Folder>,
}

impl Segment {
    /// The text by which other processes of this user open the segment, with [`Segment::open`] or [`from_shared`].
    ///
    /// The id names the descriptor that *this* handle holds. A handle that was opened therefore has another id than the
    /// one by which it was opened. Another process can open the segment by the id of this handle for as long as this
    /// handle lives, even if the maker has gone. After a `fork`, the child's copy of the handle has the id of the process
    /// that first called this method. The id of a persistent segment is the path of its file.
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
            // The path of the file is UTF-8: making a segment checks that, and opening takes the path as a `str`.
            Backing::File(file, _) => file.path().display().to_string(),
        })
    }

    /// The name under which the segment was made, opened or [offered](Self::offer), if any.
    ///
    /// Another segment may have that name by now; this handle stays with the segment that it has.
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

    /// How many bytes the segment has: its arrays, everything else in the object, and their description, but not the
    /// memory of live arrays.
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

    /// Has the handle call `report` while arrays are copied out of the segment, for a progress bar, and lets it cancel that: in
    /// [`get`](Self::get) of types that own their arrays. Its arguments are the bytes of arrays that this call has dealt with so far and
    /// the bytes of all arrays of the segment, whether they are copied or not; in the last call both are equal.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
    /// use serde_shm::Segment;
    ///
    /// let made = serde_shm::to_shared(&serde_shm::ShmArray1::from(vec![0.5_f32; 100_000]))?;
    /// let seen = Segment::open(made.id())?.progress(|done, all| println!("{done} of {all} bytes"));
    /// assert_eq!(seen.get::<ndarray::Array1<f32>>()?.len(), 100_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that reads makes the calls, one after the other: one for some 8 MiB, or more where the work is slow, and one at the
    /// end. Handles and views copy nothing: there it is called once. [`refresh`](Self::refresh), which may
    /// read a newer file, and [`write_block`](Self::write_block) count the bytes of that. [`OpenOptions::progress`] is told of
    /// opening, too.
    ///
    /// # Errors
    ///
    /// Reading then also returns [`Cancelled`](crate::ErrorKind::Cancelled).
    #[must_use]
    pub fn progress<A: ProgressAnswer>(
        mut self,
        report: impl Fn(u64, u64) -> A + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Progress::new(report));
        self
    }

    /// Sets how many bytes of arrays one reading of this segment may copy: see
    /// [`Block::copy_limit`](crate::Block::copy_limit).
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

    /// Deserializes the object, which may borrow text and arrays from the segment.
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
    /// Views, borrowed text and [`ShmArray`](crate::ShmArray)s cost no copy; a `ShmArray` keeps the mapping alive beyond
    /// this handle. Owned arrays are copied once. There is no system call. The file of a persistent segment that this
    /// handle made is read as a whole at the first request for anything in it; all views and `ShmArray`s of the handle
    /// share that copy.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) if the segment is persistent and this handle, which made it, has not read it yet;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the object is not a `T`: the error names the field;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the segment contradicts itself, which happens only if a program without
    /// this crate made it.
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

    /// A deserializer of the object, for code that takes one: transcoders, wrappers, seeds.
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
    /// It reads the object once, where [`get`](Self::get) may read it again: see
    /// [`de::Deserializer`](crate::de::Deserializer). Errors of the segment, which `get` returns, come when code asks the
    /// deserializer for something.
    pub fn deserializer(&self) -> de::Deserializer<'_> {
        de::Deserializer::of(self)
    }

    /// The object as a value, for programs that do not know its type. The value's arrays are handles that keep the
    /// segment's memory alive.
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
    /// Costs about twice what a typed read of the inline part costs. The arrays' elements are not read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the segment contradicts itself; [`Limit`](crate::ErrorKind::Limit) if the object nests
    /// deeper than 2,048 levels.
    #[cfg(feature = "ndarray")]
    pub fn value(&self) -> Result<crate::value::Value> {
        de::value(self)
    }

    /// Goes over the object part by part without building a tree: see [`Walk`](crate::value::Walk).
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
    /// Those that the walk returns, with the place in the object added; those of [`value`](Self::value).
    #[cfg(feature = "ndarray")]
    pub fn walk<'a, W: crate::value::Walk<'a>>(&'a self, walk: &mut W) -> Result<()> {
        de::walk(self, walk)
    }

    /// Describes the segment's arrays, in the order in which they lie there. No array is read.
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

    /// One array as a view that borrows from the segment; nothing else is decoded.
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
    /// The array is found by its path in the segment's directory: the time depends on the number of arrays, not on their
    /// size.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path (the text names similar paths);
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if it has another dtype or number of axes.
    #[cfg(feature = "ndarray")]
    pub fn array<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::ArrayView<'_, A, D>> {
        self.view(path)
    }

    /// One array, copied and converted to an element type that can hold every number of the array's own dtype: `f32` as
    /// `f64`, `u8` as `u32` or `f32`, `bool` as any number. It also converts structs whose fields lie at other offsets,
    /// and elements in the other byte order. Nothing else is decoded.
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
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path (the text names similar paths);
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the type cannot hold every value of the array's dtype, or has another
    /// number of axes.
    #[cfg(feature = "ndarray")]
    pub fn array_as<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::Array<A, D>> {
        self.lossless(path)
    }

    /// One array with the dtype that it has, copied out of the segment, for programs that do not know its type; nothing
    /// else is decoded.
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
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path (the text names similar paths);
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the array's bytes are not valid elements.
    #[cfg(feature = "ndarray")]
    pub fn array_dyn(&self, path: &str) -> Result<crate::DynArray> {
        self.copy(path)
    }

    /// One array of any dtype, without a copy. The result keeps the segment's memory alive. Nothing else is decoded.
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
    /// Costs a look-up of the path. In a segment of more than 16 arrays the first look-up makes a table. No element is
    /// read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path (the text names similar paths);
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if it is a live array.
    #[cfg(feature = "ndarray")]
    pub fn array_untyped(&self, path: &str) -> Result<crate::UntypedArray> {
        self.untyped(path)
    }

    /// One live array of any dtype: another handle on it. Nothing else is decoded.
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
    /// Costs a look-up of the path, as `array_untyped` does. The memory of all live arrays is mapped when the first of
    /// them is asked for.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path (the text names similar paths);
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the array is not a live one; those of mapping the memory.
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

    /// The descriptor of the memory that has the object's live arrays; `None` if the object has no live arrays or this
    /// handle may not change them. A program can pass it to another process together with the descriptor of the sealed
    /// memory (`AsFd`); the other process opens both by [`Segment::from_fds`](Self::from_fds).
    ///
    /// A handle of [`open_read_only`](Self::open_read_only) gives `None`, since a process can write through the
    /// descriptor. The processes of a [`workers::Pool`](crate::workers) get the memory without a call of this method, and
    /// a process that has the segment's id does not need the descriptor.
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
    /// Nobody may write to the memory or map it, neither through this descriptor nor through a copy of it, because guards
    /// of [`LockedArray`](crate::LockedArray)s borrow the memory as plain slices. The descriptor may be passed to another
    /// process, closed, and given to [`Segment::from_fds`](Self::from_fds). Note that `File::from` turns a copy of the
    /// descriptor into a file on which `write_at` is a safe function: whoever has a copy must not call it.
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

/// The id under which other processes find the memory that this process holds.
fn memory_id(memory: &Memory, content: &Content) -> SegmentId {
    let live = content.live.as_ref().and_then(|live| live.file());
    SegmentId { live: live.map(|file| os::descriptor(file)), ..memory.id(content.nonce()) }
}

impl Container for Segment {
    fn open<'de, R>(&'de self, read: impl FnOnce(Opened<'_, 'de>) -> Result<R>) -> Result<R> {
        let content = self.content()?;
        let block = content.block()?.limited(self.copy_limit);
        let (progress, all) = (self.progress.as_ref(), || block.bytes_of_arrays().map(Some));
        sharing_meter(progress, Work::READ, all, |meter| {
            read(Opened::Source(&block.clone().counted(meter), Some(&content.region)))
        })
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

/// Gives the descriptor of the sealed memory. A program can hand it to a process that cannot open the segment by id, over
/// a Unix socket or by inheritance; that process opens it by [`Segment::from_fd`]. For a persistent segment it is the
/// descriptor of the segment's file, open for reading only.
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
