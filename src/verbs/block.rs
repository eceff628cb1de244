//! A block of bytes as a handle: readers see its content where it lies, whoever owns the memory.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeSeed};

use crate::de::Opened;
use crate::error::Result;
use crate::memory::Region;
use crate::memory::live::Kind;
use crate::progress::{Progress, ProgressAnswer, Work, sharing_meter};
use crate::store::BlockParts;
use crate::{ArrayInfo, de, store};

use super::handle::Container;
#[cfg(feature = "ndarray")]
use super::lookup;

/// A block of bytes that [`to_bytes`](crate::to_bytes) or [`to_writer`](crate::to_writer) made, in memory of any owner: a
/// `Vec`, [`AlignedBytes`](crate::AlignedBytes), an `Arc<[u8]>`, a `bytes::Bytes`, a file's mapping, a buffer of another
/// runtime. [`Segment::block`](crate::Segment::block) gives the block of a segment.
///
/// A `Block` does for a block what [`Segment`](crate::Segment) does for shared memory. Objects borrow from it, a single
/// array can be read without the rest, and a [`ShmArray`](crate::ShmArray) that is read from it shares the memory and
/// keeps it alive.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use ndarray::array;
/// use serde_shm::{Block, ShmArray2};
///
/// let bytes = serde_shm::to_bytes(&("weights", array![[1.0_f32, 2.0], [3.0, 4.0]]))?;
/// let block = Block::new(bytes)?;
/// let (name, weights): (&str, ShmArray2<f32>) = block.get()?;
/// assert_eq!((name, weights.sum()), ("weights", 10.0));
/// assert!(block.as_ref().as_ptr_range().contains(&weights.as_ptr().cast())); // nothing was copied
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// A file that the caller mapped with [memmap2](https://docs.rs/memmap2) is such an owner. `unsafe { Mmap::map }` is the place where the
/// caller promises that nobody changes the file while it is mapped, and a `Block` relies on that promise: text and bools are checked
/// when they are read, not whenever they are looked at. [`Segment::map`](crate::Segment::map) asks for the same promise itself.
///
/// ```
/// # #[cfg(all(target_os = "linux", feature = "ndarray"))] {
/// use memmap2::Mmap;
/// use serde_shm::{Block, ShmArray1};
///
/// let mut file = tempfile::tempfile()?;
/// serde_shm::to_writer(&mut file, &("weights", ShmArray1::from(vec![0.5_f32; 1000])))?;
///
/// // SAFETY: no other process can have this file, which has no name.
/// let map = unsafe { Mmap::map(&file)? };
/// let (_, weights): (&str, ShmArray1<f32>) = Block::new(map)?.get()?; // keeps the mapping; nothing was copied
/// assert_eq!(weights.sum(), 500.0);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// For views, the block must start at a multiple of 64, or at least of the alignment of the array's elements. At another
/// address, reading a view is an error, and a `ShmArray` is a copy.
///
/// A clone costs two reference counts, so a `Block` can be shared without an `Arc` around it. To make a `Block` of bytes
/// whose owner is behind an `Arc<T>`, wrap the `Arc` in a struct that implements `AsRef<[u8]>`, since `Arc<T>` does not
/// implement it.
#[derive(Clone)]
pub struct Block {
    region: Region,
    parts: Arc<BlockParts>,
    copy_limit: Option<u64>,
    progress: Option<Progress<'static>>,
}

impl Block {
    /// Makes a handle of a block of bytes and takes their owner over. This costs an allocation and a check of what is not
    /// array data; no array is copied.
    ///
    /// An owner whose `as_ref` later gives other bytes than at first is treated as if it had no bytes, and reading from
    /// it is then an error.
    ///
    /// ```
    /// use serde_shm::Block;
    /// let block = Block::new(serde_shm::to_bytes(&("a", 1))?)?;
    /// assert_eq!(block.get::<(&str, u32)>()?, ("a", 1));
    /// assert_eq!(Block::new([0_u8; 64]).unwrap_err().kind(), serde_shm::ErrorKind::Corrupt);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the bytes are not a whole block or were altered outside array data,
    /// [`Version`](crate::ErrorKind::Version) if a later version of the format wrote them.
    pub fn new(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Self> {
        Block::of_bytes(Region::from_owner(bytes))
    }

    /// The block that fills a region, checked.
    pub(super) fn of_bytes(region: Region) -> Result<Self> {
        let parts = Arc::new(BlockParts::check(region.bytes())?);
        parts.check_internal()?;
        Ok(Block { region, parts, copy_limit: None, progress: None })
    }

    /// The block that fills a region. The caller has checked it and found these parts.
    pub(super) fn of_region(region: Region, parts: Arc<BlockParts>) -> Self {
        Block { region, parts, copy_limit: None, progress: None }
    }

    /// Sets how many bytes of arrays one reading of this block may copy.
    ///
    /// An object may have the same array in several places, by shared owners (`ArcArray`, [`ShmArray`](crate::ShmArray),
    /// `Arc<[A]>`). Such an array lies in the block once. A type that owns its elements copies them for each of these
    /// places, which a small block can use to fill the memory; handles and views copy nothing and have no limit. The
    /// default limit is 16 times the block's size plus 256 MiB, but at most half of the machine's memory. As many bytes
    /// as the block has may be copied in any case.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::{Block, ErrorKind, ShmArray1};
    ///
    /// let frame = ShmArray1::from(vec![0.5_f32; 100_000]);
    /// let bytes = serde_shm::to_bytes(&vec![frame; 8])?;
    /// assert!(bytes.len() < 401_000);
    /// let block = Block::new(bytes)?.copy_limit(1 << 20);
    /// assert_eq!(block.get::<Vec<ShmArray1<f32>>>()?.len(), 8);
    /// let error = block.get::<Vec<ndarray::Array1<f32>>>().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Limit);
    /// assert_eq!(block.copy_limit(1 << 22).get::<Vec<ndarray::Array1<f32>>>()?.len(), 8);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn copy_limit(self, bytes: u64) -> Self {
        Block { copy_limit: Some(bytes), ..self }
    }

    /// Has the handle call `report` while arrays are copied out of the block, for a progress bar, and lets it cancel that: in
    /// [`get`](Self::get) of types that own their arrays. Its arguments are the bytes of arrays that this call has dealt with so far and
    /// the bytes of all arrays of the block, whether they are copied or not; in the last call both are equal.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::Block;
    ///
    /// let bytes = serde_shm::to_bytes(&serde_shm::ShmArray1::from(vec![0.5_f32; 100_000]))?;
    /// let block = Block::new(bytes)?.progress(|done, all| println!("{done} of {all} bytes"));
    /// assert_eq!(block.get::<ndarray::Array1<f32>>()?.len(), 100_000);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The thread that reads makes the calls, one after the other: one for some 8 MiB, or more where the work is slow, and one at the
    /// end. Handles and views copy nothing: there it is called once.
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

    /// Deserializes the object, which may borrow text and arrays from the block.
    ///
    /// ```
    /// let block = serde_shm::Block::new(serde_shm::to_bytes(&vec!["a", "b"])?)?;
    /// let words: Vec<&str> = block.get()?;
    /// assert_eq!(words, ["a", "b"]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the object is not a `T`: the error names the field;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the block contradicts itself.
    pub fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        self.get_seed(PhantomData)
    }

    /// Deserializes the object by a seed, which carries what the type alone does not say.
    ///
    /// ```
    /// use serde::Deserializer;
    /// use serde::de::{DeserializeSeed, IgnoredAny, SeqAccess, Visitor};
    ///
    /// /// The item of this number.
    /// #[derive(Clone, Copy)]
    /// struct Item(usize);
    ///
    /// impl<'de> DeserializeSeed<'de> for Item {
    ///     type Value = Option<&'de str>;
    ///     fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
    ///         d.deserialize_seq(self)
    ///     }
    /// }
    /// impl<'de> Visitor<'de> for Item {
    ///     type Value = Option<&'de str>;
    ///     fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    ///         f.write_str("a list of texts")
    ///     }
    ///     fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
    ///         for _ in 0..self.0 {
    ///             items.next_element::<IgnoredAny>()?;
    ///         }
    ///         let item = items.next_element()?;
    ///         while items.next_element::<IgnoredAny>()?.is_some() {}
    ///         Ok(item)
    ///     }
    /// }
    ///
    /// let block = serde_shm::Block::new(serde_shm::to_bytes(&["a", "b", "c"])?)?;
    /// assert_eq!(block.get_seed(Item(1))?, Some("b"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Like [`get`](Self::get), this may read the object several times; each read uses up a clone of the seed. A seed
    /// that cannot be cloned, such as one that fills what it borrows, reads from a [`deserializer`](Self::deserializer).
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
    /// let block = serde_shm::Block::new(serde_shm::to_bytes(&[("a", 1), ("b", 2)])?)?;
    /// let mut json = serde_json::Serializer::new(Vec::new());
    /// serde_transcode::transcode(block.deserializer(), &mut json).unwrap();
    /// assert_eq!(json.into_inner(), br#"[["a",1],["b",2]]"#);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It reads the object once, where [`get`](Self::get) may read it again: see
    /// [`de::Deserializer`](crate::de::Deserializer).
    pub fn deserializer(&self) -> de::Deserializer<'_> {
        de::Deserializer::of(self)
    }

    /// The object as a value, for programs that do not know its type. The value's arrays are handles that keep the
    /// block's memory alive.
    ///
    /// ```
    /// # use std::collections::BTreeMap;
    /// let block = serde_shm::Block::new(serde_shm::to_bytes(&BTreeMap::from([("size", 7)]))?)?;
    /// let value = block.value()?;
    /// assert_eq!(value.get("size").and_then(|size| size.as_u64()), Some(7));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs about twice what a typed read of the inline part costs. The arrays' elements are not read.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the block contradicts itself; [`Limit`](crate::ErrorKind::Limit) if the object nests
    /// deeper than 2,048 levels.
    #[cfg(feature = "ndarray")]
    pub fn value(&self) -> Result<crate::value::Value> {
        de::value(self)
    }

    /// Goes over the object part by part without building a tree: see [`Walk`](crate::value::Walk).
    ///
    /// ```
    /// #[derive(Default)]
    /// struct Bools(usize);
    /// impl serde_shm::value::Walk<'_> for Bools {
    ///     fn bool(&mut self, _value: bool) -> serde_shm::Result<()> {
    ///         self.0 += 1;
    ///         Ok(())
    ///     }
    /// }
    /// let mut bools = Bools::default();
    /// serde_shm::Block::new(serde_shm::to_bytes(&(true, 1, false))?)?.walk(&mut bools)?;
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

    /// Describes the block's arrays, in the order in which they lie there. No array is read.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use serde_shm::{Block, ShmArray1};
    /// let block = Block::new(serde_shm::to_bytes(&ShmArray1::from(vec![1_u16, 2]))?)?;
    /// let arrays = block.arrays()?;
    /// assert_eq!((arrays[0].path(), arrays[0].shape(), arrays[0].byte_len()), ("arr_0", &[2][..], 4));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the directory of arrays contradicts itself.
    pub fn arrays(&self) -> Result<Vec<ArrayInfo>> {
        self.all()
    }

    /// One array as a view that borrows from the block; nothing else is decoded.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// use std::collections::BTreeMap;
    /// use ndarray::{Ix2, arr2};
    ///
    /// let layers = BTreeMap::from([("weight", arr2(&[[1.0_f32, 2.0], [3.0, 4.0]]))]);
    /// let block = serde_shm::Block::new(serde_shm::to_bytes(&layers)?)?;
    /// assert_eq!(block.array::<f32, Ix2>("weight")?[[1, 0]], 3.0);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The array is found by its path in the block's directory: the time depends on the number of arrays, not on their
    /// size.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path (the text names similar paths);
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the array has another dtype or number of axes, or does not lie at a
    /// multiple of its elements' alignment.
    #[cfg(feature = "ndarray")]
    pub fn array<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::ArrayView<'_, A, D>> {
        self.view(path)
    }

    /// One array, copied and converted to an element type that can hold every number of the array's own dtype, as
    /// [`Segment::array_as`](crate::Segment::array_as) does it.
    ///
    /// ```
    /// use serde_shm::{Block, ShmArray1};
    /// let block = Block::new(serde_shm::to_bytes(&ShmArray1::from(vec![1_u16, 2]))?)?;
    /// let wide = block.array_as::<f64, ndarray::Ix1>("arr_0")?; // every u16 is an f64
    /// assert_eq!(wide[1], 2.0);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path;
    /// [`Mismatch`](crate::ErrorKind::Mismatch) if the type cannot hold every value of the array's dtype, or has another
    /// number of axes.
    #[cfg(feature = "ndarray")]
    pub fn array_as<A: crate::Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::Array<A, D>> {
        self.lossless(path)
    }

    /// One array with the dtype that it has, copied out of the block, for programs that do not know its type.
    ///
    /// ```
    /// use serde_shm::{Block, ShmArray1};
    /// let block = Block::new(serde_shm::to_bytes(&ShmArray1::from(vec![1_u16, 2]))?)?;
    /// let array = block.array_dyn("arr_0")?;
    /// assert_eq!(array.shape(), [2]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no array of that path; [`Corrupt`](crate::ErrorKind::Corrupt)
    /// if the array's bytes are not valid elements.
    #[cfg(feature = "ndarray")]
    pub fn array_dyn(&self, path: &str) -> Result<crate::DynArray> {
        self.copy(path)
    }

    /// One array of any dtype, without a copy. The result keeps the block's memory alive.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")] {
    /// let bytes = serde_shm::to_bytes(&[("scale", ndarray::arr1(&[1_u16, 2]))])?;
    /// let block = serde_shm::Block::new(bytes)?;
    /// let any = block.array_untyped(block.arrays()?[0].path())?;
    /// assert!(block.as_ref().as_ptr_range().contains(&any.as_bytes().unwrap().as_ptr()));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs a look-up of the path. In a block of more than 16 arrays the first look-up makes a table. No element is
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

    fn parse(&self) -> Result<store::BlockSource<'_>> {
        let block = store::BlockSource::with_parts(self.region.bytes(), &self.parts)?;
        Ok(block.limited(self.copy_limit))
    }
}

impl Container for Block {
    fn open<'de, R>(&'de self, read: impl FnOnce(Opened<'_, 'de>) -> Result<R>) -> Result<R> {
        let block = self.parse()?;
        let (progress, all) = (self.progress.as_ref(), || block.bytes_of_arrays().map(Some));
        sharing_meter(progress, Work::READ, all, |meter| {
            read(Opened::Source(&block.clone().counted(meter), Some(&self.region)))
        })
    }

    fn infos(&self) -> Result<Vec<ArrayInfo>> {
        arrays(&self.parse()?)
    }

    #[cfg(feature = "ndarray")]
    fn placed(&self, path: &str, _: bool) -> Result<(store::Placed<'_>, Option<&Region>)> {
        Ok((lookup::placed(&self.parse()?, path)?, Some(&self.region)))
    }
}

/// Describes the arrays of a block.
pub(super) fn arrays(block: &store::BlockSource<'_>) -> Result<Vec<ArrayInfo>> {
    let directory = block.directory();
    let info = |number| {
        let entry = directory.entry(number)?;
        let in_place = entry.kind == Kind::Plain && {
            let placed = block.placed(number, entry.clone())?;
            placed.dtype.is_aligned(placed.bytes)
        };
        Ok(ArrayInfo::from_entry(directory.path(number)?, entry, in_place))
    };
    (0..directory.len()).map(info).collect()
}

/// All bytes of the block.
impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        self.region.bytes()
    }
}

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Block({} bytes)", self.region.bytes().len())
    }
}
