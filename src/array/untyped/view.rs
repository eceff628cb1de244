//! `UntypedView`: a view of an array of any dtype.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayView, Dimension, IxDyn, ShapeBuilder};
use serde::ser::{Serialize, Serializer};

use crate::array::dynamic::DynArray;
use crate::array::item::SerializeArray;
use crate::array::lossless::misfit;
use crate::array::nd;
use crate::array::owner::{Owner, Unshared};
use crate::array::token::{ElementBytes, Payload};
use crate::dtype::DType;
use crate::element::{self, Element, Misfit};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Order;
use crate::memory::live::Kind;
use crate::memory::{AlignedBytes, Region};
use crate::store::{Placed, PlacedHead};

use super::UntypedArray;
use super::layout::Layout;

/// Elements that do not lie one after the other are packed in blocks of about this many bytes.
const BLOCK: usize = 256 << 10;

/// What to do where elements cannot be seen in place.
const MEND: &str = "copy them by `to_dyn`";

/// A view of an array of any dtype, with any strides, in either byte order, aligned or not. It is for programs that pass on
/// arrays whose element type they do not know, as between languages.
///
/// It describes the array and lends its bytes. If the dtype is that of a Rust type and the elements lie as that type needs,
/// [`view`](Self::view) gives a typed view without a copy. [`to_dyn`](Self::to_dyn) copies an array of any dtype.
///
/// ```
/// use ndarray::{Ix2, array};
/// use serde_shm::{DType, UntypedView};
///
/// // Every other column of a row-major matrix of 16-bit numbers, from the last to the first.
/// let bytes: Vec<u8> = (0..8_u16).flat_map(u16::to_le_bytes).collect();
/// let view = UntypedView::with_strides("<u2".parse()?, &[2, 2], &[8, -4], 6, &bytes)?;
/// assert_eq!((view.shape(), view.strides(), view.order()), (&[2, 2][..], &[8, -4][..], None));
/// # #[cfg(target_endian = "little")]
/// assert_eq!(view.view::<u16, Ix2>()?, array![[3, 1], [7, 5]]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// As a field, marked or not, it is written as an array of its own dtype. In C or Fortran order, the elements are one block
/// and are not copied before; else they are packed row by row through a block of 256 KiB. Other formats get what a
/// [`DynArray`] gives them. It can be read where the array lies in memory that is borrowed: from
/// [`Segment::get`](crate::Segment::get), [`Block::get`](crate::Block::get), [`Npz::get`](crate::Npz::get) and
/// [`from_bytes`](crate::from_bytes).
///
/// A clone costs a reference count. Two views are equal if their dtypes, shapes, and the bytes of all elements are equal. So two
/// NaNs with the same bits are equal, and `0.0` and `-0.0` are not.
#[derive(Clone)]
pub struct UntypedView<'a> {
    pub(super) layout: Arc<Layout>,
    /// The bytes from the start of the lowest element to the end of the highest.
    pub(super) span: &'a [u8],
}

impl<'a> UntypedView<'a> {
    /// A view of elements that lie in these bytes one after the other, in this order.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let view = UntypedView::new("|S3".parse()?, &[2], Order::C, b"onetwo")?;
    /// assert_eq!(view.element_bytes(&[1]), Some(&b"two"[..]));
    /// assert!(UntypedView::new(DType::U32, &[2], Order::C, b"onetwo").is_err());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The bytes are not read, unless there are bools among the elements.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if there are more or fewer bytes than the dtype and shape need, or if a bool is neither 0 nor 1; `Limit`
    /// for more than 64 axes, or for more than 65,536 elements that take no bytes.
    pub fn new(dtype: DType, shape: &[usize], order: Order, bytes: &'a [u8]) -> Result<Self> {
        let layout = Layout::contiguous(dtype, shape.to_vec(), order, bytes.len())?;
        UntypedView { layout: Arc::new(layout), span: bytes }.checked()
    }

    /// A view of elements that lie anywhere in these bytes. The first element starts at `offset`. The next one along an axis
    /// starts as many bytes further as the stride of that axis says, which may be zero or negative.
    ///
    /// ```
    /// use serde_shm::{DType, ErrorKind, UntypedView};
    ///
    /// let backwards = UntypedView::with_strides(DType::U8, &[3], &[-1], 2, b"abc")?;
    /// assert_eq!(&*backwards.to_bytes()?, b"cba");
    /// let repeated = UntypedView::with_strides(DType::U8, &[2, 3], &[0, 1], 0, b"abc")?;
    /// assert_eq!(&*repeated.to_bytes()?, b"abcabc");
    /// let beyond = UntypedView::with_strides(DType::U8, &[3], &[2], 0, b"abc").unwrap_err();
    /// assert_eq!(beyond.kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The bytes are not read, unless there are bools among the elements.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if an element does not lie in the bytes, if a bool is neither 0 nor 1, or if there are not as many
    /// strides as axes; `Limit` as in [`new`](Self::new).
    pub fn with_strides(
        dtype: DType,
        shape: &[usize],
        strides: &[isize],
        offset: usize,
        bytes: &'a [u8],
    ) -> Result<Self> {
        let (shape, strides) = (shape.to_vec(), strides.to_vec());
        let (layout, range) = Layout::strided(dtype, shape, strides, offset, bytes.len())?;
        UntypedView { layout: Arc::new(layout), span: &bytes[range] }.checked()
    }

    /// A view of these bytes by a layout that fits them.
    pub(crate) fn over(layout: &Arc<Layout>, span: &'a [u8]) -> Self {
        UntypedView { layout: Arc::clone(layout), span }
    }

    /// An error if bytes that the caller gave are no elements.
    pub(crate) fn check_values(&self) -> Result<()> {
        self.layout
            .check_values(self.span)
            .map_err(|misfit| Error::new(ErrorKind::InvalidInput, misfit.to_string()))
    }

    fn checked(self) -> Result<Self> {
        self.check_values()?;
        Ok(self)
    }

    /// Calls `put` with the elements' bytes in row-major order, one or several times.
    pub(crate) fn row_major_blocks<E>(
        &self,
        mut put: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.layout.order == Some(Order::C) {
            return put(self.span);
        }
        let mut block = Vec::new();
        self.layout.pack(self.span, &mut block, BLOCK, &mut put)?;
        if block.is_empty() { Ok(()) } else { put(&block) }
    }

    /// An array of a container. Its bytes are not read.
    pub(super) fn from_placed(head: Arc<PlacedHead>, bytes: &'a [u8]) -> Result<Self> {
        let PlacedHead { dtype, shape, order, .. } = Arc::unwrap_or_clone(head);
        let layout = Layout::contiguous(dtype, shape, order, bytes.len())?;
        Ok(UntypedView { layout: Arc::new(layout), span: bytes })
    }

    /// The type of the elements, with their byte order.
    ///
    /// ```
    /// let view = serde_shm::UntypedView::new(">i2".parse()?, &[1], serde_shm::Order::C, &[1, 0])?;
    /// assert_eq!((view.dtype().to_string().as_str(), view.dtype().is_native()), (">i2", cfg!(target_endian = "big")));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn dtype(&self) -> &DType {
        &self.layout.dtype
    }

    /// The length of each axis; empty for an array without axes, which has one element.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// assert_eq!(UntypedView::new(DType::U8, &[2, 3], Order::C, b"abcdef")?.shape(), [2, 3]);
    /// assert!(UntypedView::new(DType::U8, &[], Order::C, b"a")?.shape().is_empty());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// How many bytes lie between neighbours along each axis. The value for an axis with fewer than two elements has no meaning.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let bytes = [0; 24];
    /// assert_eq!(UntypedView::new(DType::U32, &[2, 3], Order::C, &bytes)?.strides(), [12, 4]);
    /// assert_eq!(UntypedView::new(DType::U32, &[2, 3], Order::F, &bytes)?.strides(), [4, 8]);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn strides(&self) -> &[isize] {
        &self.layout.strides
    }

    /// The number of axes.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// assert_eq!(UntypedView::new(DType::U8, &[2, 3], Order::C, b"abcdef")?.ndim(), 2);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn ndim(&self) -> usize {
        self.layout.shape.len()
    }

    /// The number of elements.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let view = UntypedView::new(DType::U16, &[2, 3], Order::C, &[0; 12])?;
    /// assert_eq!(view.len(), 6); // elements, not bytes
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn len(&self) -> usize {
        self.layout.len()
    }

    /// Whether the view has no elements.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// assert!(UntypedView::new(DType::F64, &[0, 3], Order::C, &[])?.is_empty());
    /// assert!(!UntypedView::new(DType::U8, &[], Order::C, b"a")?.is_empty()); // no axes, one element
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.layout.shape.contains(&0)
    }

    /// The order in which the elements lie without gaps, `C` if both orders do; `None` if there are gaps.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let of = |strides| UntypedView::with_strides(DType::U8, &[2, 3], strides, 0, b"abcdefgh");
    /// assert_eq!(of(&[3, 1])?.order(), Some(Order::C));
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
    /// use serde_shm::{DType, UntypedView};
    ///
    /// let of = |strides| UntypedView::with_strides(DType::U8, &[2], strides, 0, b"abc");
    /// assert_eq!(of(&[1])?.as_bytes(), Some(&b"ab"[..]));
    /// assert_eq!(of(&[2])?.as_bytes(), None); // a gap
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        self.layout.order.map(|_| self.span)
    }

    /// The bytes of one element; `None` if no element has this index.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let view = UntypedView::new("|S2".parse()?, &[2, 2], Order::F, b"aabbccdd")?;
    /// assert_eq!(view.element_bytes(&[1, 0]), Some(&b"bb"[..]));
    /// assert_eq!(view.element_bytes(&[2, 0]), None); // out of range
    /// assert_eq!(view.element_bytes(&[1]), None); // too few axes
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn element_bytes(&self, index: &[usize]) -> Option<&'a [u8]> {
        let start = self.layout.place(index)?;
        self.span.get(start..start + self.layout.dtype.item_size())
    }

    /// The bytes of all elements in row-major order: borrowed in C order, else copied.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let view = UntypedView::new(DType::U8, &[2, 2], Order::F, b"abcd")?;
    /// assert_eq!(&*view.to_bytes()?, b"acbd");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Io` if there is no memory for a copy.
    pub fn to_bytes(&self) -> Result<Cow<'a, [u8]>> {
        if self.layout.order == Some(Order::C) {
            return Ok(Cow::Borrowed(self.span));
        }
        let mut all = element::room(self.layout.byte_len()).map_err(misfit)?;
        self.layout.pack(self.span, &mut all, usize::MAX, |_| Ok::<_, Error>(()))?;
        Ok(Cow::Owned(all))
    }

    /// A view of the same elements as those of a Rust type.
    ///
    /// ```
    /// use ndarray::Ix1;
    /// use serde_shm::{AlignedBytes, DType, ErrorKind, Order, UntypedView};
    ///
    /// let bytes = AlignedBytes::copy_from(&1.5_f64.to_ne_bytes());
    /// let view = UntypedView::new(DType::F64, &[1], Order::C, &bytes)?;
    /// assert_eq!(view.view::<f64, Ix1>()?[0], 1.5);
    /// let error = view.view::<f32, Ix1>().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Mismatch);
    /// assert!(error.to_string().contains("expected f32, found f64 (shape [1])"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// The elements are not read, unless there are bools among them.
    ///
    /// # Errors
    ///
    /// `Mismatch` if the dtype is not that of the type, or is in the other byte order; if the number of axes differs; if the
    /// elements are not aligned as the type needs, or are not a whole number of elements apart. `Corrupt` if a bool that was
    /// read is neither 0 nor 1.
    pub fn view<A: Element, D: Dimension>(&self) -> Result<ArrayView<'a, A, D>> {
        check_fit::<A>(&self.layout)?;
        let items =
            element::view(self.span).map_err(|misfit| unseen(&self.layout, self.span, misfit))?;
        frame(&self.layout, items)
    }

    /// An owned array of the type that the dtype names, in this machine's byte order. Costs a copy.
    ///
    /// ```
    /// use serde_shm::{DynArray, Order, UntypedView};
    ///
    /// let big = UntypedView::new(">u2".parse()?, &[2], Order::C, &[0, 1, 1, 0])?;
    /// assert_eq!(big.to_dyn()?, DynArray::U16(ndarray::arr1(&[1, 256]).into_dyn()));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Corrupt` if a bool is neither 0 nor 1, or if a text has a value that is no character; `Io` if there is no memory for
    /// the copy.
    pub fn to_dyn(&self) -> Result<DynArray> {
        let (order, bytes) = match self.layout.order {
            Some(order) => (order, Cow::Borrowed(self.span)),
            None => (Order::C, self.to_bytes()?),
        };
        let (dtype, shape) = (self.layout.dtype.clone(), self.layout.shape.clone());
        DynArray::from_placed(&Placed::free(dtype, shape, order, &bytes))
    }

    /// A copy that owns its elements and is aligned. It is in Fortran order if the view is, else in C order.
    ///
    /// ```
    /// use serde_shm::{DType, Order, UntypedView};
    ///
    /// let owned = UntypedView::new(DType::U8, &[3], Order::C, b"abc")?.to_array()?;
    /// assert_eq!(owned.as_bytes(), Some(&b"abc"[..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Io` if there is no memory for the copy.
    pub fn to_array(&self) -> Result<UntypedArray> {
        let Layout { dtype, shape, order, .. } = &*self.layout;
        let bytes = match order {
            Some(_) => element::copied(self.span).map_err(misfit)?,
            None => self.to_bytes()?.into_owned(),
        };
        let order = order.unwrap_or(Order::C);
        UntypedArray::from_vec(dtype.clone(), shape.clone(), order, bytes)
    }

    /// Whether the elements of two views of the same shape have the same bytes.
    fn has_same_elements(&self, other: &UntypedView<'_>) -> bool {
        if self.layout.order.is_some() && self.layout.order == other.layout.order {
            return self.span == other.span;
        }
        // The axes that are left in both layouts; the shapes are the same.
        let (own, its) = (self.layout.runs(), other.layout.runs());
        let (axes, run) = (own.0.max(its.0), own.1.min(its.1));
        self.layout.rows(axes).zip(other.layout.rows(axes)).all(|(own, its)| {
            own.starts()
                .zip(its.starts())
                .all(|(own, its)| self.span.get(own..own + run) == other.span.get(its..its + run))
        })
    }
}

/// An error unless the elements of the layout are valid elements of the Rust type as they are.
pub(super) fn check_fit<A: Element>(layout: &Layout) -> Result<()> {
    nd::check_same::<A>(&layout.dtype, &layout.shape, MEND)
}

/// The error for an array whose bytes cannot be seen as a slice of elements.
pub(super) fn unseen(layout: &Layout, span: &[u8], misfit: Misfit) -> Error {
    match misfit {
        // The bad byte lies between the elements.
        Misfit::Bool { .. } if layout.order.is_none() && layout.check_values(span).is_ok() => {
            Error::mismatch(format!(
                "cannot view this array: with the strides {:?} there are bytes between its elements that are no bools; \
                 {MEND}",
                layout.strides
            ))
        }
        Misfit::Length { .. } => apart(layout),
        other => nd::unseen(&other, MEND),
    }
}

fn apart(layout: &Layout) -> Error {
    Error::mismatch(format!(
        "cannot view this array: with the strides {:?} its elements of {} bytes do not lie whole elements apart; {MEND}",
        layout.strides,
        layout.dtype.item_size()
    ))
}

/// A view of the items in the shape of the array, which has all of them or some.
pub(super) fn frame<'x, A: Element, D: Dimension>(
    layout: &Layout,
    items: &'x [A],
) -> Result<ArrayView<'x, A, D>> {
    let view = if let Some(order) = layout.order {
        ArrayView::from_shape(nd::dimension::<D, Error>(&layout.shape, order)?, items)
    } else {
        let size = size_of::<A>().cast_signed();
        let in_items = |(len, stride): (&usize, &isize)| match (*len, stride % size) {
            (1, _) => Ok(0),
            // ndarray's own strides are signed numbers in this disguise.
            (_, 0) => Ok((stride / size).cast_unsigned()),
            _ => Err(apart(layout)),
        };
        let strides: Vec<usize> =
            layout.shape.iter().zip(&layout.strides).map(in_items).collect::<Result<_>>()?;
        // Gives an error if the number of axes differs.
        nd::dimension::<D, Error>(&layout.shape, Order::C)?;
        let of = |lens: &[usize]| D::from_dimension(&IxDyn(lens)).unwrap_or_default();
        ArrayView::from_shape(of(&layout.shape).strides(of(&strides)), items)
    };
    view.map_err(|error| Error::mismatch(format!("cannot view this array: {error}; {MEND}")))
}

impl PartialEq for UntypedView<'_> {
    fn eq(&self, other: &UntypedView<'_>) -> bool {
        self.dtype() == other.dtype()
            && self.shape() == other.shape()
            && self.has_same_elements(other)
    }
}

impl Eq for UntypedView<'_> {}

/// The dtype, shape and strides.
impl fmt::Debug for UntypedView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.fmt_as("UntypedView", f)
    }
}

impl ElementBytes for &UntypedView<'_> {
    fn each_block<E>(&self, mut put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        match self.as_bytes() {
            Some(bytes) => put(bytes),
            None => self.row_major_blocks(put),
        }
    }

    fn in_rows<T, E: serde::ser::Error>(
        &self,
        take: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        take(&self.to_bytes().map_err(|error| E::custom(format_args!("{error:#}")))?)
    }
}

impl SerializeArray for UntypedView<'_> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_owned(Unshared, false, serializer)
    }
}

impl UntypedView<'_> {
    /// Serializes the array as an array type would be, or in ndarray's own serde form.
    pub(super) fn serialize_owned<S: Serializer>(
        &self,
        owner: impl Owner,
        is_ndarray_form: bool,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (dtype, shape) = (self.dtype(), self.shape());
        let (order, kind) = (self.order().unwrap_or(Order::C), Kind::Plain);
        let payload = Payload { dtype, order, kind, is_ndarray_form, shape, elements: self, owner };
        payload.under_token(serializer)
    }
}

impl Serialize for UntypedView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize_array(serializer)
    }
}

/// Memory for bytes that were read or made by this process, aligned as the elements need.
pub(super) fn aligned(dtype: &DType, bytes: Vec<u8>) -> Region {
    if dtype.is_aligned(&bytes) {
        return Region::from_vec(bytes);
    }
    Region::from_block(AlignedBytes::copy_from(&bytes))
}
