//! `ArenaArray`: an owned array that lies in a segment under construction.

use std::fmt;
use std::io::Read;
use std::ops::{Deref, DerefMut};

use ndarray::{Array, ArrayRef, ArrayView, ArrayViewMut, Dimension, Ix1, Shape, ShapeBuilder};
use serde::ser::{Serialize, Serializer};

#[cfg(feature = "npz")]
use crate::element::Fit;
use crate::element::{self, Element};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::memory::{ArenaHold, ArenaMemory};
#[cfg(feature = "npz")]
use crate::store::ArrayStream;

use super::handle::ShmArray;
use super::item::SerializeArray;
use super::nd::dimension;

/// Bytes that are not taken as elements at once are read in blocks of about this many.
const BLOCK: usize = 256 << 10;

/// An owned array whose elements lie in the memory of an [`Arena`](crate::Arena), and so in the segment that the arena
/// becomes.
///
/// It derefs to [`ndarray::ArrayRef`], so that ndarray's operations in place work on it: `fill`, `map_inplace`, `assign`,
/// `slice_mut`, `axis_iter_mut`, `Zip`, and whatever takes `&mut ArrayRef`. It is `Send` and `Sync`, and parts of it can
/// be filled by several threads as those of an owned array can.
///
/// As a field it needs no mark, and is written as an array wherever it stands.
/// [`Arena::publish`](crate::Arena::publish) does not copy it; other containers copy it as they copy an owned array.
/// [`into_shared`](Self::into_shared) makes a [`ShmArray`] of it without a copy, so that a type with `ShmArray` fields can
/// be filled in an arena and is the type that readers have.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::{Arena, SegmentOptions};
///
/// let arena = Arena::new(SegmentOptions::new())?;
/// let mut weights = arena.zeros::<f32, _>((100, 8))?;
/// weights.row_mut(7).fill(0.5);
/// weights[[0, 0]] = 1.0;
/// weights.mapv_inplace(|weight| weight * 2.0);
/// assert_eq!(weights.sum(), 10.0);
/// let segment = arena.publish(&weights)?; // no element is copied
/// # assert_eq!(segment.get::<ndarray::Array2<f32>>()?.sum(), 10.0);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # After the arena
///
/// The array outlives its arena. When the arena was published, the segment is sealed, and the array becomes a private copy
/// of its part: it has the same elements, and the kernel copies a page of it when the page is first written to. What is
/// written does not reach the segment. When the arena was dropped, the array is the last to hold its memory.
///
/// A child of `fork` has no access to it: to touch it there is a SIGSEGV, unless the arena had been published.
pub struct ArenaArray<A: Element, D: Dimension> {
    hold: ArenaHold<A, D>,
}

/// The array owns its elements, as an owned one of ndarray's does.
impl<A: Element, D: Dimension> std::panic::UnwindSafe for ArenaArray<A, D> {}

impl<A: Element, D: Dimension> ArenaArray<A, D> {
    /// An array whose bytes are zero.
    pub(crate) fn zeroed(memory: &ArenaMemory, shape: Shape<D>) -> Result<Self> {
        let count = count::<A, D>(&shape)?;
        Ok(ArenaArray { hold: ArenaHold::zeroed(memory, count, shape.into())? })
    }

    pub(crate) fn copied(memory: &ArenaMemory, array: &ArrayRef<A, D>) -> Result<Self> {
        let shape = |order| dimension::<D, Error>(array.shape(), order);
        let hold = match (array.as_slice(), array.as_slice_memory_order()) {
            (Some(items), _) => ArenaHold::copied(memory, items, shape(Order::C)?)?,
            (_, Some(items)) if array.t().is_standard_layout() => {
                ArenaHold::copied(memory, items, shape(Order::F)?)?
            }
            _ => {
                let mut hold = ArenaHold::zeroed(memory, array.len(), shape(Order::C)?)?;
                hold.assign(array);
                hold
            }
        };
        Ok(ArenaArray { hold })
    }

    /// An array of a container, copied as it is read. `None` if not all bytes of the container's array are elements as they
    /// are.
    #[cfg(feature = "npz")]
    pub(crate) fn streamed(memory: &ArenaMemory, stream: ArrayStream<'_>) -> Result<Option<Self>> {
        let ArrayStream { placed, len, mut bytes } = stream;
        if !matches!(element::fit(&placed.dtype, &A::DTYPE), Ok(Fit::Same)) {
            return Ok(None);
        }
        let shape = dimension::<D, Error>(&placed.shape, placed.order)?;
        let mut hold = ArenaHold::<A, D>::zeroed(memory, len / size_of::<A>(), shape)?;
        let Some(to) = hold.as_slice_memory_order_mut().and_then(element::bytes_mut) else {
            return Ok(None);
        };
        let mut at = 0;
        while at < to.len() {
            let block = bytes.next(BLOCK)?;
            let end = (at + block.len()).min(to.len());
            if end == at {
                return Err(Error::corrupt("an array has fewer bytes than its shape says"));
            }
            to[at..end].copy_from_slice(&block[..end - at]);
            at = end;
        }
        Ok(Some(ArenaArray { hold }))
    }

    /// A view of the array that borrows it.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let array = arena.from_elem((2, 3), 1_u8)?;
    /// let view: ndarray::ArrayView2<'_, u8> = array.view();
    /// assert_eq!(view.sum(), 6);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn view(&self) -> ArrayView<'_, A, D> {
        self.hold.view()
    }

    /// A view by which elements can be changed.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let mut array = arena.zeros::<f64, _>(3)?;
    /// let mut view: ndarray::ArrayViewMut1<'_, f64> = array.view_mut();
    /// view += 1.5;
    /// assert_eq!(array.sum(), 4.5);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn view_mut(&mut self) -> ArrayViewMut<'_, A, D> {
        self.hold.view_mut()
    }

    /// Fills the array with the next bytes of a reader: those of its elements, in this machine's byte order and in the order
    /// of the elements in memory. They go straight into the segment.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let arena = serde_shm::Arena::new(serde_shm::SegmentOptions::new())?;
    /// let mut array = arena.zeros::<u8, _>((2, 2))?;
    /// array.read_exact_from(&b"abcd, and more"[..])?; // in life a file or a socket
    /// assert_eq!(array, ndarray::array![[b'a', b'b'], [b'c', b'd']]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Costs one call of `read_exact` for all bytes. If some bytes are no elements, because there are `bool`s, they are read in
    /// blocks of 256 KiB, checked and copied.
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) if the reader fails or ends too early; [`Corrupt`](ErrorKind::Corrupt) if the bytes are no
    /// elements; [`InvalidInput`](ErrorKind::InvalidInput) if the array was sliced in place, so that there are gaps between
    /// its elements. What was read before an error stays in the array.
    pub fn read_exact_from<R: Read>(&mut self, mut reader: R) -> Result<()> {
        let failed = |e| Error::io("cannot read the elements of an array", e);
        let items = self.hold.as_slice_memory_order_mut().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "there are gaps between the array's elements")
        })?;
        if let Some(bytes) = element::bytes_mut(items) {
            return reader.read_exact(bytes).map_err(failed);
        }
        let each = (BLOCK / size_of::<A>()).max(1);
        let mut block = vec![0; each.min(items.len()) * size_of::<A>()];
        for items in items.chunks_mut(each) {
            let block = &mut block[..size_of_val(items)];
            reader.read_exact(block).map_err(failed)?;
            let read = element::collect::<A>(block, None)
                .map_err(|misfit| Error::corrupt(misfit.to_string()))?;
            items.copy_from_slice(&read);
        }
        Ok(())
    }

    /// The array as one that does not change any more and has a shared owner. The elements stay where they are.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "derive"))] {
    /// use serde_shm::{Arena, Deserialize, Segment, SegmentOptions, Serialize, ShmArray1};
    ///
    /// #[derive(Serialize, Deserialize)]
    /// struct Index {
    ///     offsets: ShmArray1<u64>, // readers have a view of the segment here
    /// }
    /// let arena = Arena::new(SegmentOptions::new())?;
    /// let mut offsets = arena.zeros::<u64, _>(1000)?;
    /// offsets[999] = 7;
    /// let segment = arena.publish(&Index { offsets: offsets.into_shared() })?;
    /// let seen: Index = Segment::open(segment.id())?.get()?;
    /// assert_eq!(seen.offsets[999], 7);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Elements are copied only if there are gaps between them because the array was sliced in place.
    pub fn into_shared(self) -> ShmArray<A, D> {
        let standard = self.is_standard_layout();
        let order = if !standard && self.t().is_standard_layout() { Order::F } else { Order::C };
        if !standard && order == Order::C {
            return self.to_owned().into();
        }
        let (shape, len) = (self.shape().to_vec(), self.len() * size_of::<A>());
        let (region, start) = self.hold.into_region();
        ShmArray::of_whole(region, start, len, &shape, order)
    }
}

impl<A: Element> ArenaArray<A, Ix1> {
    /// An array of what the iterator gives.
    pub(crate) fn collected(
        memory: &ArenaMemory,
        mut items: impl Iterator<Item = A>,
    ) -> Result<Self> {
        let (least, most) = items.size_hint();
        let mut array = Self::zeroed(
            memory,
            if most == Some(least) { least } else { 0 }.into_shape_with_order(),
        )?;
        let mut count = 0;
        // The shorter one ends first, so that no item is taken for which there is no place.
        for (place, item) in array.iter_mut().zip(&mut items) {
            *place = item;
            count += 1;
        }
        let more: Vec<A> = if count == array.len() { items.collect() } else { Vec::new() };
        if count == array.len() && more.is_empty() {
            return Ok(array);
        }
        // The iterator did not say beforehand how many items there are.
        let mut all: Vec<A> = array.iter().take(count).copied().collect();
        all.extend(more);
        drop(array);
        Self::copied(memory, &ArrayView::from(&all))
    }
}

/// How many elements an array of this shape has.
fn count<A, D: Dimension>(shape: &Shape<D>) -> Result<usize> {
    let shape = shape.raw_dim().slice();
    match layout::byte_len(shape, size_of::<A>()) {
        Some(bytes) => Ok(bytes / size_of::<A>()),
        None => Err(Error::new(
            ErrorKind::Limit,
            format!("an array of shape {shape:?} exceeds this machine's memory"),
        )),
    }
}

impl<A: Element, D: Dimension> Deref for ArenaArray<A, D> {
    type Target = ArrayRef<A, D>;

    fn deref(&self) -> &ArrayRef<A, D> {
        &self.hold
    }
}

impl<A: Element, D: Dimension> DerefMut for ArenaArray<A, D> {
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        &mut self.hold
    }
}

impl<A: Element + fmt::Debug, D: Dimension> fmt::Debug for ArenaArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.view(), f)
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq for ArenaArray<A, D> {
    fn eq(&self, other: &Self) -> bool {
        self.view() == other.view()
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<Array<A, D>> for ArenaArray<A, D> {
    fn eq(&self, other: &Array<A, D>) -> bool {
        self.view() == other.view()
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<ArenaArray<A, D>> for Array<A, D> {
    fn eq(&self, other: &ArenaArray<A, D>) -> bool {
        other == self
    }
}

impl<A: Element + PartialEq, D: Dimension> PartialEq<ArrayView<'_, A, D>> for ArenaArray<A, D> {
    fn eq(&self, other: &ArrayView<'_, A, D>) -> bool {
        self.view() == *other
    }
}

impl<A: Element, D: Dimension> From<ArenaArray<A, D>> for ShmArray<A, D> {
    fn from(array: ArenaArray<A, D>) -> Self {
        array.into_shared()
    }
}

impl<A: Element, D: Dimension> SerializeArray for ArenaArray<A, D> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SerializeArray::serialize_array(&**self, serializer)
    }
}

impl<A: Element, D: Dimension> Serialize for ArenaArray<A, D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}
