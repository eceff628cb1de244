//! `UntypedArray`: an array of any dtype that keeps its memory alive.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayView, Dimension};
use serde::ser::{Serialize, Serializer};

use crate::array::dynamic::{DynArray, RawArray};
use crate::array::handle::ShmArray;
use crate::array::item::SerializeArray;
use crate::array::lossless::misfit;
use crate::array::owner::Shared;
use crate::context;
use crate::dtype::DType;
use crate::element::{self, Element};
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::memory::{Hold, Keeper, Region, View};
use crate::store::{Placed, PlacedHead};

use super::UntypedView;
use super::layout::Layout;
use super::view::{aligned, check_fit, frame, unseen};

/// An immutable array of any dtype that keeps its memory alive. It is to [`UntypedView`] what [`ShmArray`] is to ndarray's views.
///
/// As a field, marked or not, it takes any array. Read from a segment, a [`Block`](crate::Block) or an [`Npz`](crate::Npz), it
/// is a view of the container, without a copy. It is `'static`, as it keeps the container's memory. Read with
/// [`from_bytes`](crate::from_bytes) or from another format, it owns a copy. It is written as an [`UntypedView`] is.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::collections::BTreeMap;
/// use ndarray::{Ix1, array};
/// use serde_shm::UntypedArray;
///
/// let layers = BTreeMap::from([("ids", array![1_i64, 2, 3])]);
/// let segment = serde_shm::to_shared(&layers)?;
/// let ids: UntypedArray = segment.array_untyped("ids")?;
/// drop(segment);
/// assert_eq!((ids.dtype().to_string().as_str(), ids.shape()), ("<i8", &[3][..]));
/// assert_eq!(ids.view().view::<i64, Ix1>()?, array![1, 2, 3]); // where it lies
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// A clone costs a reference count. Two arrays are equal if their [`view`](Self::view)s are equal.
#[derive(Clone)]
pub struct UntypedArray {
    layout: Arc<Layout>,
    /// The bytes from the start of the lowest element to the end of the highest.
    hold: Hold<u8, ByteView>,
}

/// The family of byte slices, for [`Hold`].
struct ByteView;

impl View<u8> for ByteView {
    type Of<'a> = &'a [u8];

    fn shorten<'a, 'long: 'a>(view: &'a &'long [u8]) -> &'a &'a [u8] {
        view
    }
}

impl UntypedArray {
    fn in_region(layout: Arc<Layout>, region: Region, offset: usize, len: usize) -> Result<Self> {
        let hold = Hold::new(region, offset, len, |bytes| Ok(bytes))?
            .map_err(|misfit| Error::corrupt(misfit.to_string()))?;
        Ok(UntypedArray { layout, hold })
    }

    /// An array of bytes that were read or made by this process.
    pub(crate) fn from_vec(
        dtype: DType,
        shape: Vec<usize>,
        order: Order,
        bytes: Vec<u8>,
    ) -> Result<Self> {
        let len = bytes.len();
        let layout = Layout::contiguous(dtype, shape, order, len)?;
        let region = aligned(&layout.dtype, bytes);
        UntypedArray::in_region(Arc::new(layout), region, 0, len)
    }

    /// An array of bytes in any owner: elements one after the other, in this order. It keeps the owner, and no byte is copied.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedArray};
    ///
    /// let array = UntypedArray::from_owner("<f4".parse()?, &[2], Order::C, vec![0_u8; 8])?;
    /// let same = array.clone();
    /// assert_eq!(array.as_bytes().map(<[u8]>::as_ptr), same.as_bytes().map(<[u8]>::as_ptr));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// An owner may be a `Vec<u8>`, an [`AlignedBytes`](crate::AlignedBytes), a `bytes::Bytes`, or a buffer of another
    /// runtime. The elements are as aligned as the owner's bytes are; a `Vec<u8>` promises no alignment.
    ///
    /// # Errors
    ///
    /// Those of [`UntypedView::new`].
    pub fn from_owner(
        dtype: DType,
        shape: &[usize],
        order: Order,
        owner: impl AsRef<[u8]> + Send + Sync + 'static,
    ) -> Result<Self> {
        let region = Region::from_owner(owner);
        let len = region.bytes().len();
        let layout = Layout::contiguous(dtype, shape.to_vec(), order, len)?;
        UntypedArray::given(layout, region, 0, len)
    }

    /// An array of bytes in any owner, with the strides of [`UntypedView::with_strides`]. It keeps the owner, and no byte is
    /// copied.
    ///
    /// ```
    /// use serde_shm::{DType, UntypedArray};
    ///
    /// let column = UntypedArray::from_owner_with_strides(DType::U8, &[2], &[3], 1, b"abcdef")?;
    /// assert_eq!(&*column.to_bytes()?, b"be");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`UntypedView::with_strides`].
    pub fn from_owner_with_strides(
        dtype: DType,
        shape: &[usize],
        strides: &[isize],
        offset: usize,
        owner: impl AsRef<[u8]> + Send + Sync + 'static,
    ) -> Result<Self> {
        let region = Region::from_owner(owner);
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        let len = region.bytes().len();
        let (layout, range) = Layout::strided(dtype, shape, strides, offset, len)?;
        UntypedArray::given(layout, region, range.start, range.len())
    }

    fn given(layout: Layout, region: Region, offset: usize, len: usize) -> Result<Self> {
        let array = UntypedArray::in_region(Arc::new(layout), region, offset, len)?;
        array.view().check_values()?;
        Ok(array)
    }

    /// An array of a container: it keeps the region in which it lies, or is a copy if there is no region.
    pub(crate) fn from_placed(mut placed: Placed<'_>, region: Option<&Region>) -> Result<Self> {
        let bytes = std::mem::take(&mut placed.bytes);
        let region = placed.region.take().or_else(|| region.cloned());
        match region.and_then(|region| Some((region.offset_of(bytes)?, region))) {
            Some((offset, region)) => {
                UntypedArray::located(placed.head, region, offset, bytes.len())
            }
            None => UntypedArray::of_bytes(placed.head, Cow::Borrowed(bytes)),
        }
    }

    /// An array of the container that is being read: it keeps the region in which it lies, or is a copy. All handles on one
    /// place share one copy.
    pub(crate) fn of_read(placed: Placed<'_>) -> Result<Self> {
        let bytes = placed.bytes;
        let place = match placed.region.as_ref().map(|region| (region, region.offset_of(bytes))) {
            Some((region, Some(offset))) => Some((region.clone(), offset)),
            _ => context::locate(bytes),
        };
        if let Some((region, offset)) = place {
            return UntypedArray::located(placed.head, region, offset, bytes.len());
        }
        let copy = || {
            let copy = element::copied(bytes).map_err(misfit)?;
            Ok(aligned(&placed.dtype, copy))
        };
        let region = context::copy_once(bytes.as_ptr().addr(), bytes.len(), |error| error, copy)?;
        UntypedArray::located(placed.head, region, 0, bytes.len())
    }

    /// An array whose bytes lie there.
    fn located(head: Arc<PlacedHead>, region: Region, offset: usize, len: usize) -> Result<Self> {
        let PlacedHead { dtype, shape, order, .. } = Arc::unwrap_or_clone(head);
        let layout = Layout::contiguous(dtype, shape, order, len)?;
        UntypedArray::in_region(Arc::new(layout), region, offset, len)
    }

    /// An array of these bytes: it keeps the region in which they lie, if that is known, or is a copy.
    pub(super) fn of_bytes(head: Arc<PlacedHead>, bytes: Cow<'_, [u8]>) -> Result<Self> {
        if let Cow::Borrowed(bytes) = bytes
            && let Some((region, offset)) = context::locate(bytes)
        {
            return UntypedArray::located(head, region, offset, bytes.len());
        }
        let PlacedHead { dtype, shape, order, .. } = Arc::unwrap_or_clone(head);
        let bytes = element::owned(bytes).map_err(misfit)?;
        UntypedArray::from_vec(dtype, shape, order, bytes)
    }

    fn span(&self) -> &[u8] {
        self.hold.view()
    }

    /// A view of the array that borrows the handle. Costs a reference count.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedArray};
    ///
    /// let array = UntypedArray::from_owner(DType::U8, &[2], Order::C, b"ab")?;
    /// let view = array.view();
    /// assert_eq!(view.as_bytes().map(<[u8]>::as_ptr), array.as_bytes().map(<[u8]>::as_ptr)); // no copy
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn view(&self) -> UntypedView<'_> {
        UntypedView::over(&self.layout, self.span())
    }

    /// The type of the elements, with their byte order.
    ///
    /// ```
    /// use serde_shm::{DType, ShmArray1, UntypedArray};
    ///
    /// let array = UntypedArray::from(ShmArray1::from(vec![0.5_f32]));
    /// assert_eq!(array.dtype(), &DType::F32);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn dtype(&self) -> &DType {
        &self.layout.dtype
    }

    /// The length of each axis; empty for an array without axes, which has one element.
    ///
    /// ```
    /// use ndarray::array;
    /// use serde_shm::{ShmArray2, UntypedArray};
    ///
    /// let array = UntypedArray::from(ShmArray2::from(array![[1, 2, 3], [4, 5, 6]]));
    /// assert_eq!(array.shape(), [2, 3]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// How many bytes lie between neighbours along each axis. The value for an axis with fewer than two elements has no meaning.
    ///
    /// ```
    /// use ndarray::array;
    /// use serde_shm::{ShmArray2, UntypedArray};
    ///
    /// let rows = array![[1_i16, 2, 3], [4, 5, 6]];
    /// let columns = UntypedArray::from(ShmArray2::from(rows.reversed_axes()));
    /// assert_eq!((columns.shape(), columns.strides()), (&[3, 2][..], &[2, 6][..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn strides(&self) -> &[isize] {
        &self.layout.strides
    }

    /// The number of axes.
    ///
    /// ```
    /// use ndarray::arr0;
    /// use serde_shm::{ShmArray0, UntypedArray};
    ///
    /// assert_eq!(UntypedArray::from(ShmArray0::from(arr0(1.5))).ndim(), 0);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn ndim(&self) -> usize {
        self.layout.shape.len()
    }

    /// The number of elements.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedArray};
    ///
    /// let array = UntypedArray::from_owner(DType::F64, &[2, 2], Order::C, vec![0; 32])?;
    /// assert_eq!(array.len(), 4); // elements, not bytes
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether the array has no elements.
    ///
    /// ```
    /// use serde_shm::{ShmArray1, UntypedArray};
    ///
    /// assert!(UntypedArray::from(ShmArray1::<f32>::default()).is_empty());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.layout.shape.contains(&0)
    }

    /// The order in which the elements lie without gaps, `C` if both orders do; `None` if there are gaps.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedArray};
    ///
    /// let of = |strides| UntypedArray::from_owner_with_strides(DType::U8, &[2, 3], strides, 0, b"abcdefgh");
    /// assert_eq!(of(&[1, 2])?.order(), Some(Order::F));
    /// assert_eq!(of(&[4, 1])?.order(), None);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn order(&self) -> Option<Order> {
        self.layout.order
    }

    /// The bytes of all elements as they lie in memory, in [`order`](Self::order); `None` if there are gaps.
    ///
    /// ```
    /// use serde_shm::{DType, ShmArray1, UntypedArray};
    ///
    /// let array = UntypedArray::from(ShmArray1::from(vec![1_u8, 2]));
    /// assert_eq!(array.as_bytes(), Some(&[1, 2][..]));
    /// let column = UntypedArray::from_owner_with_strides(DType::U8, &[2], &[2], 0, b"abc")?;
    /// assert_eq!(column.as_bytes(), None);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.view().as_bytes()
    }

    /// The bytes of one element; `None` if no element has this index.
    ///
    /// ```
    /// use serde_shm::{ShmArray1, UntypedArray};
    ///
    /// let array = UntypedArray::from(ShmArray1::from(vec![1_u32, 2]));
    /// assert_eq!(array.element_bytes(&[1]), Some(&2_u32.to_ne_bytes()[..]));
    /// assert_eq!(array.element_bytes(&[2]), None);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn element_bytes(&self, index: &[usize]) -> Option<&[u8]> {
        self.view().element_bytes(index)
    }

    /// The bytes of all elements in row-major order: borrowed in C order, else copied.
    ///
    /// ```
    /// use std::borrow::Cow;
    /// use serde_shm::{DType, Order, UntypedArray};
    ///
    /// let of = |order| UntypedArray::from_owner(DType::U8, &[2, 2], order, b"abcd");
    /// assert!(matches!(of(Order::C)?.to_bytes()?, Cow::Borrowed(b"abcd")));
    /// assert_eq!(of(Order::F)?.to_bytes()?, Cow::<[u8]>::Owned(b"acbd".to_vec()));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Io` if there is no memory for a copy.
    pub fn to_bytes(&self) -> Result<Cow<'_, [u8]>> {
        self.view().to_bytes()
    }

    /// An owned array of the type that the dtype names; see [`UntypedView::to_dyn`]. Costs a copy.
    ///
    /// ```
    /// use serde_shm::{DynArray, ShmArray1, UntypedArray};
    ///
    /// let array = UntypedArray::from(ShmArray1::from(vec![1_u16, 2]));
    /// let DynArray::U16(numbers) = array.to_dyn()? else { panic!() };
    /// assert_eq!(numbers.sum(), 3);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`UntypedView::to_dyn`].
    pub fn to_dyn(&self) -> Result<DynArray> {
        self.view().to_dyn()
    }

    /// The array as one of a Rust type, which shares the memory and keeps it.
    ///
    /// ```
    /// use ndarray::{Ix1, IxDyn, array};
    /// use serde_shm::{ShmArray1, UntypedArray};
    ///
    /// let any = UntypedArray::from(ShmArray1::from(array![1_u16, 2]));
    /// let typed = any.to_shm::<u16, Ix1>()?;
    /// assert_eq!(typed, array![1, 2]);
    /// assert_eq!(typed.as_ptr().cast(), any.as_bytes().unwrap().as_ptr());
    /// assert!(any.to_shm::<i16, IxDyn>().is_err());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`UntypedView::view`].
    pub fn to_shm<A: Element, D: Dimension>(&self) -> Result<ShmArray<A, D>> {
        check_fit::<A>(&self.layout)?;
        let (region, span) = (self.hold.region().clone(), self.span());
        // An empty span may be anywhere.
        let offset = if span.is_empty() { Some(0) } else { region.offset_of(span) };
        let offset = offset.ok_or_else(other_bytes)?;
        ShmArray::of_region(region, offset, span.len(), |items| frame(&self.layout, items))?
            .map_err(|misfit| unseen(&self.layout, span, misfit))
    }

    /// The same elements under a dtype of the same size.
    pub(crate) fn with_dtype(self, dtype: DType) -> Self {
        UntypedArray { layout: Arc::new(self.layout.with_dtype(dtype)), ..self }
    }
}

#[cold]
fn other_bytes() -> Error {
    Error::corrupt("the owner of an array's bytes gives others than it gave at first")
}

impl PartialEq for UntypedArray {
    fn eq(&self, other: &UntypedArray) -> bool {
        self.view() == other.view()
    }
}

impl Eq for UntypedArray {}

impl PartialEq<UntypedView<'_>> for UntypedArray {
    fn eq(&self, other: &UntypedView<'_>) -> bool {
        self.view() == *other
    }
}

impl PartialEq<UntypedArray> for UntypedView<'_> {
    fn eq(&self, other: &UntypedArray) -> bool {
        other == self
    }
}

/// The dtype, shape and strides.
impl fmt::Debug for UntypedArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.fmt_as("UntypedArray", f)
    }
}

/// The array as it lies in memory. Both share that memory.
impl<A: Element, D: Dimension> From<ShmArray<A, D>> for UntypedArray {
    fn from(array: ShmArray<A, D>) -> Self {
        let whole = |array: &ShmArray<A, D>| {
            let view: ArrayView<'_, A, D> = array.view();
            let region = array.region();
            let size = size_of::<A>().cast_signed();
            let strides = view.strides().iter().map(|stride| stride * size).collect();
            let offset = match view.first() {
                Some(first) => region.offset_of(std::slice::from_ref(first))?,
                None => 0,
            };
            let (shape, found) = (view.shape().to_vec(), region.bytes().len());
            // The array may have more axes than a container can hold.
            let bytes = view.len() * size_of::<A>();
            let (layout, range) =
                Layout::placed(A::DTYPE, shape, strides, offset, found, bytes).ok()?;
            let (region, layout) = (region.clone(), Arc::new(layout));
            UntypedArray::in_region(layout, region, range.start, range.len()).ok()
        };
        whole(&array)
            // The owner no longer gives its bytes.
            .or_else(|| whole(&ShmArray::from(array.view().to_owned())))
            .unwrap_or_else(|| unreachable!("the elements of an array lie in its memory"))
    }
}

impl From<RawArray> for UntypedArray {
    fn from(raw: RawArray) -> Self {
        let (dtype, shape, bytes) = raw.into_parts();
        match UntypedArray::from_vec(dtype, shape, Order::C, bytes) {
            Ok(array) => array,
            // The array was checked when it was made.
            Err(error) => unreachable!("a raw array has the bytes that its shape says: {error}"),
        }
    }
}

/// Numbers, times and raw elements that lie in C or Fortran order are not copied. Strings are copied, and padded to the length of
/// the longest one.
///
/// ```
/// use serde_shm::{DynArray, UntypedArray};
///
/// let words = ndarray::arr1(&["a".to_owned(), "bcd".to_owned()]).into_dyn();
/// let array = UntypedArray::try_from(DynArray::from(words))?;
/// assert_eq!((array.dtype().to_string().as_str(), array.shape()), ("<U3", &[2][..]));
/// # Ok::<(), serde_shm::Error>(())
/// ```
impl TryFrom<DynArray> for UntypedArray {
    type Error = Error;

    /// # Errors
    ///
    /// `Limit` if most of the array of strings would be padding; `Io` if there is no memory for it.
    fn try_from(array: DynArray) -> Result<Self> {
        array.into_untyped()
    }
}

impl SerializeArray for UntypedArray {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_as(false, serializer)
    }
}

impl UntypedArray {
    /// Serializes the array as an array type would be, or in ndarray's own serde form.
    pub(crate) fn serialize_as<S: Serializer>(
        &self,
        is_ndarray_form: bool,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let share = || {
            let strides = match self.order() {
                Some(_) => Vec::new(),
                None => self.strides().to_vec(),
            };
            let first = self.element_bytes(&vec![0; self.ndim()])?;
            let keeper = Keeper::new(self.hold.region().clone());
            Some(Shared { address: first.as_ptr().addr(), strides, keeper })
        };
        self.view().serialize_owned(share, is_ndarray_form, serializer)
    }
}

impl Serialize for UntypedArray {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}
