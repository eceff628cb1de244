//! An array that was read as elements of a Rust type.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

#[cfg(feature = "ndarray")]
use crate::context;
use crate::context::{copying, note_meeting};
use crate::dtype::{DType, DTypeKind, Scalar};
use crate::element::{self, Element, Fit, Misfit, fit, mismatch};
use crate::layout::{self, MAX_NDIM, Order};
#[cfg(feature = "ndarray")]
use crate::memory::Region;
use crate::memory::live::Kind;
use crate::store::{PlacedHead, Standing};

use super::element::{Fill, FillStruct};
use super::nested::{Leaf, LeafDeserializer, LeafSink, Nest};
#[cfg(feature = "ndarray")]
use super::payload::own;
use super::payload::{Stored, Target, count, kind_error, read};

/// An array that was read: its shape, order and elements. The elements are borrowed where that is possible.
pub(crate) struct Read<'de, A: Element> {
    head: Arc<PlacedHead>,
    pub(crate) elements: Cow<'de, [A]>,
    /// Why the elements could not be borrowed.
    owned: Option<&'static str>,
    /// Whether the elements lie in the container that is being read.
    is_lent: bool,
}

/// The dtype is that of the container. For a live array, there are no elements here.
impl<A: Element> Deref for Read<'_, A> {
    type Target = PlacedHead;

    fn deref(&self) -> &PlacedHead {
        &self.head
    }
}

const INLINE: &str = "it is encoded inline or comes from another format";
const COPIED: &str = "the format that it comes from does not lend its bytes";
const UNALIGNED: &str = "its bytes are not aligned for it";

impl<'de, A: Element> Read<'de, A> {
    pub(crate) fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read::<Self, _>(deserializer)?.plain()
    }

    /// The array, or an error if it is a live one.
    #[inline]
    pub(super) fn plain<E: Error>(self) -> Result<Self, E> {
        match self.standing {
            Standing::Live(kind, _) => Err(kind_error(Kind::Plain, kind)),
            _ => Ok(self),
        }
    }

    /// Reads an array for a type that copies the elements anyway, so that they need not be gathered anywhere before.
    pub(crate) fn to_own<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        copying(|| Self::deserialize(deserializer))
    }

    /// The elements in memory of their own.
    pub(crate) fn into_owned<E: Error>(self) -> Result<Vec<A>, E> {
        self.count_copy()?;
        element::owned(self.elements).map_err(E::custom)
    }

    /// Counts a copy of the elements, if they lie in the container.
    pub(super) fn count_copy<E: Error>(&self) -> Result<(), E> {
        match &self.elements {
            Cow::Borrowed(items) if self.is_lent => count(size_of_val(*items)),
            _ => Ok(()),
        }
    }

    /// A region with the elements, and where they lie in it. It is the region in which they were found, or a copy that all
    /// handles on one place of a container share.
    #[cfg(feature = "ndarray")]
    pub(super) fn into_region<E: Error>(self) -> Result<(Region, usize), E> {
        if let Cow::Borrowed(items) = self.elements
            && let Some(place) = context::locate(items)
        {
            return Ok(place);
        }
        let lent = match &self.elements {
            Cow::Borrowed(items) if self.is_lent => {
                Some((items.as_ptr().addr(), size_of_val(*items)))
            }
            _ => None,
        };
        let copy = || element::owned(self.elements).map(Region::from_vec).map_err(E::custom);
        let region = match lent {
            Some((start, len)) => context::copy_once(start, len, own, copy)?,
            None => copy()?,
        };
        Ok((region, 0))
    }

    /// The elements where they lie, or an error that says why this is not possible and which type to use instead.
    #[inline]
    pub(crate) fn borrowed<E: Error>(self, view: &str, owned: &str) -> Result<&'de [A], E> {
        match self.elements {
            Cow::Borrowed(items) => Ok(items),
            Cow::Owned(_) => Err(not_borrowed(view, owned, self.owned)),
        }
    }

    /// An error unless the array has these axes; `None` stands for any length.
    pub(crate) fn check_shape<E: Error>(&self, expected: &[Option<usize>]) -> Result<(), E> {
        let fits = self.shape.len() == expected.len()
            && self
                .shape
                .iter()
                .zip(expected)
                .all(|(found, want)| want.is_none_or(|w| w == *found));
        if fits { Ok(()) } else { Err(shape_error(&self.shape, expected)) }
    }

    #[cfg(feature = "ndarray")]
    /// The shape, for a type with this many axes. In nested numbers, `[]` stands for an empty array with any number of axes.
    pub(crate) fn shape_of(&self, axes: Option<usize>) -> Cow<'_, [usize]> {
        match axes {
            Some(axes) if axes > 1 && self.shape == [0] && self.owned == Some(INLINE) => {
                Cow::Owned(vec![0; axes])
            }
            _ => Cow::Borrowed(&self.shape),
        }
    }

    /// The elements in row-major order. They are copied only if they are in Fortran order and have several axes.
    pub(crate) fn row_major<E: Error>(self) -> Result<Self, E> {
        let moved =
            self.order == Order::F && self.shape.iter().filter(|axis| **axis > 1).count() > 1;
        if !moved {
            return Ok(self);
        }
        self.count_copy()?;
        let strides = layout::strides(&self.shape, self.order);
        let mut items = element::room(self.elements.len()).map_err(E::custom)?;
        items.extend(layout::row_major(&self.shape, &strides).map(|place| self.elements[place]));
        let mut head = self.head;
        Arc::make_mut(&mut head).order = Order::C;
        Ok(Read { head, elements: Cow::Owned(items), owned: self.owned, is_lent: self.is_lent })
    }
}

#[cold]
fn not_borrowed<E: Error>(view: &str, owned: &str, why: Option<&str>) -> E {
    note_meeting();
    let why = why.unwrap_or(COPIED);
    E::custom(format_args!("cannot borrow this array as `{view}`: {why}; use {owned}"))
}

#[cold]
pub(crate) fn shape_error<E: Error>(found: &[usize], expected: &[Option<usize>]) -> E {
    let axes: Vec<String> =
        expected.iter().map(|axis| axis.map_or("_".to_owned(), |n| n.to_string())).collect();
    E::invalid_type(
        Unexpected::Other(&format!("shape {found:?}")),
        &format!("an array of shape [{}]", axes.join(", ")).as_str(),
    )
}

/// Reads bytes as elements, as the dtype says.
fn read_bytes<A: Element, E: Error>(
    head: Arc<PlacedHead>,
    bytes: Cow<'_, [u8]>,
    is_lent: bool,
) -> Result<Read<'_, A>, E> {
    let fit = match fit(&head.dtype, &A::DTYPE) {
        Ok(fit) => fit,
        Err(why) => return Err(no_fit(&head, &A::DTYPE, &why)),
    };
    let count = |bytes: &[u8]| if is_lent { count(bytes.len()) } else { Ok(()) };
    let (elements, owned) = match (fit, bytes) {
        (Fit::Same, Cow::Borrowed(bytes)) => match element::view(bytes) {
            Ok(items) => (Cow::Borrowed(items), None),
            Err(Misfit::Align { .. }) => {
                count(bytes)?;
                (Cow::Owned(element::collect(bytes, None).map_err(no_elements)?), Some(UNALIGNED))
            }
            Err(other) => return Err(no_elements(other)),
        },
        (Fit::Same, Cow::Owned(bytes)) => {
            (Cow::Owned(element::collect(&bytes, None).map_err(no_elements)?), Some(COPIED))
        }
        (Fit::Converted(plan, why), bytes) => {
            count(&bytes)?;
            let items = element::collect(&bytes, Some(&plan)).map_err(no_elements)?;
            (Cow::Owned(items), Some(why))
        }
    };
    Ok(Read { head, elements, owned, is_lent })
}

#[cold]
fn no_fit<E: Error>(head: &PlacedHead, wanted: &DType, why: &str) -> E {
    let (found, wanted) = mismatch(&head.dtype, &head.shape, wanted, why);
    E::invalid_type(Unexpected::Other(&found), &wanted.as_str())
}

#[cold]
fn no_elements<E: Error>(misfit: Misfit) -> E {
    match misfit {
        Misfit::Bool { index, field, byte } => {
            let of = if field.is_empty() { String::new() } else { format!(", field `{field}`") };
            E::invalid_value(
                Unexpected::Other(&format!("{byte} at element {index}{of}")),
                &"a bool, a byte of 0 or 1",
            )
        }
        other => E::custom(other),
    }
}

impl<'de, A: Element> Target<'de> for Read<'de, A> {
    type Sink = Typed;
    type Element = A;

    const TAKES_ANY: bool = false;

    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", A::DTYPE.rust_name())
    }

    fn room(head: &PlacedHead) -> Option<usize> {
        let PlacedHead { dtype, shape, .. } = head;
        layout::count(shape).filter(|_| *dtype == A::DTYPE && shape.len() <= MAX_NDIM)
    }

    fn sink() -> Typed {
        Typed::in_parts(&A::DTYPE)
    }

    fn is_struct(first: &str) -> bool {
        A::DTYPE.fields().iter().any(|field| field.name() == first)
    }

    fn stored<E: Error>(head: Arc<PlacedHead>, stored: Stored<'de, A>) -> Result<Self, E> {
        let (elements, owned) = match (head.standing, stored) {
            (Standing::Live(..), _) => (Cow::Borrowed(&[][..]), None),
            (_, Stored::Items(items)) => (Cow::Owned(items), Some(COPIED)),
            (_, Stored::Lent(bytes)) => return read_bytes(head, Cow::Borrowed(bytes), true),
            (_, Stored::Bytes(bytes)) => return read_bytes(head, bytes, false),
        };
        Ok(Read { head, elements, owned, is_lent: false })
    }

    fn nested<E: Error>(nest: Nest<Typed>) -> Result<Self, E> {
        let Nest { mut shape, sink } = nest;
        if A::DTYPE.kind() == DTypeKind::Complex && shape != [0] && shape.pop() != Some(2) {
            return Err(E::custom(format_args!(
                "expected {} as pairs of its real and imaginary part",
                A::DTYPE.rust_name()
            )));
        }
        Self::shaped(shape, sink)
    }

    fn data() -> impl DeserializeSeed<'de, Value = (usize, Typed)> {
        Data(A::DTYPE)
    }

    fn shaped<E: Error>(shape: Vec<usize>, data: Typed) -> Result<Self, E> {
        let items = element::collect(&data.bytes, None).map_err(E::custom)?;
        let head = PlacedHead::free(A::DTYPE, shape, Order::C);
        Ok(Read { head, elements: Cow::Owned(items), owned: Some(INLINE), is_lent: false })
    }
}

/// Elements as they come one by one, in this machine's byte order.
pub(crate) struct Typed {
    dtype: DType,
    bytes: Vec<u8>,
}

impl Typed {
    /// A complex number is a sequence of two floats, and hence two items on an axis of their own.
    fn in_parts(dtype: &DType) -> Self {
        let dtype = match dtype.scalar() {
            Some(Scalar::C64) if !dtype.is_big_endian() => DType::F32,
            Some(Scalar::C128) if !dtype.is_big_endian() => DType::F64,
            _ => dtype.clone(),
        };
        Typed { dtype, bytes: Vec::new() }
    }

    /// Room for one more element.
    fn next<E: Error>(&mut self) -> Result<(&DType, &mut [u8]), E> {
        let (start, item) = (self.bytes.len(), self.dtype.item_size());
        self.bytes.try_reserve(item).map_err(E::custom)?;
        self.bytes.resize(start + item, 0);
        Ok((&self.dtype, &mut self.bytes[start..]))
    }
}

impl LeafSink for Typed {
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.dtype.rust_name())
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn may_be_text(&self) -> bool {
        matches!(self.dtype.kind(), DTypeKind::Text | DTypeKind::Bytes | DTypeKind::Raw)
    }

    fn put<E: Error>(&mut self, leaf: Leaf<'_>) -> Result<(), E> {
        let (dtype, out) = self.next()?;
        Fill { dtype, out, bits: false }.deserialize(LeafDeserializer::new(leaf))
    }

    fn put_struct<'de, M: MapAccess<'de>>(
        &mut self,
        first: Option<Cow<'de, str>>,
        map: M,
    ) -> Result<(), M::Error> {
        if self.dtype.kind() != DTypeKind::Struct {
            let expected = self.dtype.rust_name();
            return Err(M::Error::invalid_type(Unexpected::Map, &expected.as_str()));
        }
        let (dtype, out) = self.next()?;
        FillStruct { dtype, out }.read_map(first, map)
    }
}

/// The elements of ndarray's own serde form, in one sequence, and their number.
struct Data(DType);

impl<'de> DeserializeSeed<'de> for Data {
    type Value = (usize, Typed);

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Data {
    type Value = (usize, Typed);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sequence of {}", self.0.rust_name())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut items = Typed { dtype: self.0, bytes: Vec::new() };
        let mut count = 0;
        loop {
            let (dtype, out) = items.next()?;
            if seq.next_element_seed(Fill { dtype, out, bits: true })?.is_none() {
                let len = items.bytes.len() - items.dtype.item_size();
                items.bytes.truncate(len);
                return Ok((count, items));
            }
            count += 1;
        }
    }
}
