//! Segments that are built in place.

use std::fmt;

use ndarray::{ArrayRef, Dimension, Ix1, ShapeBuilder};
use serde::ser::Serialize;

use crate::array::ArenaArray;
use crate::element::Element;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::ArenaMemory;
#[cfg(feature = "npz")]
use crate::progress::sharing_meter;
use crate::progress::{Work, metered};
use crate::segment::{self, Memory, SegmentWriter};
use crate::store::SharedSink;
use crate::{os, ser};

use super::options::{MakeLive, count};
use super::{Segment, SegmentOptions};

/// A segment under construction. It gives arrays that lie in the segment from the beginning, and becomes the segment
/// without copying them.
///
/// [`to_shared`](crate::to_shared) copies each array once. A program that computes an array, or reads it from a file or a
/// socket, can make it here instead, and so does without that copy and without the memory for a second array.
///
/// ```
/// # #[cfg(all(target_os = "linux", feature = "derive"))] {
/// use serde_shm::{Arena, ArenaArray, Segment, SegmentOptions, Serialize};
/// use ndarray::{Ix1, Ix2};
///
/// #[derive(Serialize)]
/// struct Model {
///     name: String,
///     weights: ArenaArray<f32, Ix2>,
///     bias: ArenaArray<f32, Ix1>,
/// }
///
/// let arena = Arena::new(SegmentOptions::new())?;
/// let mut model = Model {
///     name: "small".into(),
///     weights: arena.zeros((1000, 64))?,
///     bias: arena.from_elem(64, 0.5)?,
/// };
/// for mut row in model.weights.rows_mut() {
///     row.fill(1.0);
/// }
/// let segment = arena.publish(&model)?;
/// assert_eq!(Segment::open(segment.id())?.array::<f32, Ix2>("weights")?.sum(), 64_000.0);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// The arena can be shared by threads: its methods take `&self`. An array never moves, and never lies where another one
/// did. If the arena is dropped, nothing of it is left but the arrays that still live; if the process is killed, nothing at
/// all.
///
/// # Memory
///
/// An array takes its memory when it is made, so that a want of memory is an error and not a signal. An array that is
/// dropped before the arena is published gives its memory back, and its bytes are zero from then on. An array that still
/// lives when the arena is published, but is no part of the published value, stays in the segment's memory as bytes that no
/// array has.
///
/// # Cost
///
/// An array of at least 1 MiB takes three system calls, small ones take some for every 256 KiB.
/// [`publish`](Self::publish) copies nothing that lies in the arena. What it costs per GiB is the kernel's part: it takes
/// the pages out of this process's page tables, and looks through them before it seals them. With pages of 4 KiB this
/// takes about a fifth of the time of a copy; with huge pages
/// ([`SegmentOptions::huge_pages`]) it takes less than a millisecond.
pub struct Arena {
    memory: ArenaMemory,
    options: SegmentOptions,
}

impl Arena {
    /// An empty arena. The options say under which name the segment will be published, if any.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{Arena, SegmentOptions};
    /// # let name = &format!("doc-arena-{}", std::process::id());
    /// let arena = Arena::new(SegmentOptions::new().name(name))?;
    /// let squares = arena.from_iter((0..10_u32).map(|n| n * n))?;
    /// let segment = arena.publish(&[("squares", squares)])?;
    /// let seen: Vec<(String, Vec<u32>)> = serde_shm::from_shared(name)?;
    /// assert_eq!(seen[0].1[9], 81);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the options contradict each other, the name is not valid, or the segment
    /// is to be persistent, as a file is not built in place; [`Io`](ErrorKind::Io) if there is no free descriptor;
    /// [`Unsupported`](ErrorKind::Unsupported) on systems other than Linux, or if the options ask for
    /// [huge pages](SegmentOptions::huge_pages) and the kernel makes none.
    pub fn new(options: SegmentOptions) -> Result<Self> {
        options.checked_name()?;
        if options.persist {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "an arena is memory, and a persistent segment is a file: leave `.persist(true)` out, and write what was \
                 published to a file by `Segment::write_block`",
            ));
        }
        if options.huge_pages {
            Memory::check_huge()?;
        }
        let memory = ArenaMemory::new(Memory::create()?.into_file(), options.huge_pages);
        Ok(Arena { memory, options })
    }

    /// An array whose bytes are all zero: zeros of every numeric type, `false`, empty strings of fixed length.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use ndarray::ShapeBuilder;
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let rows = arena.zeros::<f32, _>((2, 3))?;
    /// let columns = arena.zeros::<f32, _>((2, 3).f())?; // in Fortran order
    /// assert_eq!((rows.strides(), columns.strides()), (&[3, 1][..], &[1, 2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) if there is not enough memory, or the limit on file sizes is too low;
    /// [`Limit`](ErrorKind::Limit) if the shape exceeds the address space; [`Unsupported`](ErrorKind::Unsupported) if the
    /// elements are structs with padding, whose content would get into the segment, or in a forked child of the process that
    /// made the arena.
    pub fn zeros<A: Element, Sh: ShapeBuilder>(&self, shape: Sh) -> Result<ArenaArray<A, Sh::Dim>> {
        ArenaArray::zeroed(&self.memory, shape.into_shape_with_order())
    }

    /// An array of copies of one element.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// assert_eq!(arena.from_elem((10, 10), 1_u16)?.sum(), 100);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`zeros`](Self::zeros).
    pub fn from_elem<A: Element, Sh: ShapeBuilder>(
        &self,
        shape: Sh,
        element: A,
    ) -> Result<ArenaArray<A, Sh::Dim>> {
        let mut array = self.zeros(shape)?;
        array.fill(element);
        Ok(array)
    }

    /// An array of what a function gives for each index.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let table = arena.from_fn((3, 4), |(row, column)| (10 * row + column) as u8)?;
    /// assert_eq!(table[[2, 3]], 23);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`zeros`](Self::zeros).
    pub fn from_fn<A: Element, Sh: ShapeBuilder>(
        &self,
        shape: Sh,
        mut element: impl FnMut(<Sh::Dim as Dimension>::Pattern) -> A,
    ) -> Result<ArenaArray<A, Sh::Dim>> {
        let mut array = self.zeros(shape)?;
        for (index, place) in array.indexed_iter_mut() {
            *place = element(index);
        }
        Ok(array)
    }

    /// An array of what an iterator gives, with one axis.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// assert_eq!(arena.from_iter([0.5, 1.5, 2.5])?.len(), 3);
    /// let odd = arena.from_iter((0..100_u8).filter(|n| n % 2 == 1))?; // gathered before, as nothing says how many there are
    /// assert_eq!(odd.len(), 50);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// If the iterator's `size_hint` says how many items there are, the items go straight into the arena. Otherwise they are
    /// gathered in a `Vec` and copied.
    ///
    /// # Errors
    ///
    /// Those of [`zeros`](Self::zeros).
    pub fn from_iter<A: Element>(
        &self,
        items: impl IntoIterator<Item = A>,
    ) -> Result<ArenaArray<A, Ix1>> {
        ArenaArray::collected(&self.memory, items.into_iter())
    }

    /// A copy of an array: of an owned one, a view or a [`ShmArray`](crate::ShmArray).
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let base = ndarray::array![[1, 2], [3, 4]];
    /// let mut copy = arena.copy_of(&base)?;
    /// copy[[0, 0]] = 10;
    /// assert_eq!((copy.sum(), base.sum()), (19, 10));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The copy has the order of the array, C or Fortran, and C if there are gaps between the array's elements.
    ///
    /// # Errors
    ///
    /// Those of [`zeros`](Self::zeros).
    pub fn copy_of<A: Element, D: Dimension>(
        &self,
        array: &ArrayRef<A, D>,
    ) -> Result<ArenaArray<A, D>> {
        ArenaArray::copied(&self.memory, array)
    }

    /// One array of an `.npz` file, copied into the arena.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("model.npz");
    /// use std::collections::BTreeMap;
    /// use ndarray::Ix1;
    /// use serde_shm::{Arena, ArenaArray, Npz, SegmentOptions};
    ///
    /// serde_shm::to_npz(&path, &BTreeMap::from([("bias", ndarray::arr1(&[0.5_f32, 1.5]))]))?;
    /// let (file, arena) = (Npz::open(&path)?, Arena::new(SegmentOptions::new())?);
    /// let mut bias: ArenaArray<f32, Ix1> = arena.load(&file, "bias")?;
    /// bias[0] = 1.0;
    /// let segment = arena.publish(&BTreeMap::from([("bias", bias)]))?;
    /// assert_eq!(segment.array::<f32, Ix1>("bias")?.sum(), 2.5);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// A stored array of at least 256 KiB goes from the file into the arena in blocks of 256 KiB, whose checksum is computed on the
    /// way. Any other array is loaded by the handle, which keeps it, and copied.
    ///
    /// # Errors
    ///
    /// Those of [`zeros`](Self::zeros) and of [`Npz::array_as`](crate::Npz::array_as);
    /// [`Cancelled`](ErrorKind::Cancelled), if the function of [`SegmentOptions::progress`], or else that of
    /// [`Npz::progress`](crate::Npz::progress), says so. It is told of the bytes of this array.
    #[cfg(feature = "npz")]
    pub fn load<A: Element, D: Dimension>(
        &self,
        file: &crate::Npz,
        path: &str,
    ) -> Result<ArenaArray<A, D>> {
        let progress = self.options.progress.as_ref().or(file.watcher());
        sharing_meter(
            progress,
            Work::READ,
            || Ok(None),
            |meter| {
                if let Some(stream) = file.stream(path, meter.as_ref())?
                    && let Some(array) = ArenaArray::streamed(&self.memory, stream)
                        .map_err(|error| error.at_field(path))?
                {
                    return Ok(array);
                }
                match file.view_counted::<A, D>(path, meter.as_ref()) {
                    Ok(view) => self.copy_of(&view),
                    // The elements are converted on the way.
                    Err(error) if error.kind() == ErrorKind::Mismatch => {
                        self.copy_of(&file.array_as::<A, D>(path)?)
                    }
                    Err(error) => Err(error),
                }
            },
        )
    }

    /// Makes the segment: writes the value behind the arrays, seals the memory, and publishes the name if there is one.
    ///
    /// Each array of the value whose elements lie in the arena without gaps is referred to and not copied, whatever its type is:
    /// an [`ArenaArray`], a [`ShmArray`](crate::ShmArray) that was made of one, a view of either that is a field under this
    /// crate's derive, a marked slice. Other arrays are copied behind them, and everything else is written as by
    /// [`SegmentOptions::create`].
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "derive"))] {
    /// use ndarray::{ArrayView1, ArrayView2, s};
    ///
    /// #[derive(serde_shm::Serialize)]
    /// struct Table<'a> {
    ///     rows: ArrayView2<'a, u32>,
    ///     first_rows: ArrayView2<'a, u32>,
    ///     column: ArrayView1<'a, u32>, // copied: its elements do not lie side by side
    /// }
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let rows = arena.from_fn((1000, 10), |(row, _)| row as u32)?;
    /// let (first_rows, column) = (rows.slice(s![..10, ..]), rows.column(3));
    /// let segment = arena.publish(&Table { rows: rows.view(), first_rows, column })?;
    /// let places: Vec<_> = segment.arrays()?.iter().map(|array| array.range().unwrap()).collect();
    /// assert_eq!(places[0].start, places[1].start);
    /// assert!(places[2].start >= places[0].end);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The kernel seals no memory that is mapped for writing, and a mapping that was made for writing counts even while its
    /// pages are read-only. So the mappings of the arena become private ones of the same bytes, each in one step and at its
    /// address. Arrays that still live, in any thread, keep their elements and stay mutable; what is written to them from
    /// then on is in pages of this process alone.
    ///
    /// Costs some twenty system calls and one for each MiB of small arrays or array of more than that; see
    /// [the cost of pages](Self#cost).
    ///
    /// # Errors
    ///
    /// Those of [`SegmentOptions::create`]; [`Unsupported`](ErrorKind::Unsupported) in a forked child;
    /// [`Io`](ErrorKind::Io) if somebody else has the memory mapped for writing, such as a child that was made by a direct
    /// `clone`. After an error there is no segment, and the arrays still have their elements: a new arena can copy them.
    pub fn publish<T: Serialize + ?Sized>(self, value: &T) -> Result<Segment> {
        let Arena { memory, options } = self;
        let name = options.checked_name()?;
        span!("create", name = name.as_ref().map(tracing::field::display));
        options.hold(name.as_ref(), |nonce| {
            let arena = memory.close()?;
            let failed = |e| Error::io("cannot write behind the arena", e);
            let file = arena.file().try_clone().map_err(failed)?;
            let out = SegmentWriter::memory_behind(arena.end(), file).map_err(failed)?;
            let make_live: MakeLive = segment::create_live;
            let sink = SharedSink::behind(arena.end(), arena.places(), out, nonce, make_live);
            let header = sink.header().to_vec();
            let (progress, all) = (options.progress.as_ref(), || count(value));
            let filled = metered(progress, Work::MAKE, all, |meter| {
                ser::to_sink(value, sink.with_meter(meter))
            })?;
            os::write_at(arena.file(), &header, 0).map_err(failed)?;
            arena.make_private()?;
            Ok(filled)
        })
    }
}

impl fmt::Debug for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arena").field("options", &self.options).finish_non_exhaustive()
    }
}
