//! Nested sequences of elements, as other formats have them, into row-major bytes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};

use crate::dtype::{DType, DTypeKind, Scalar};
use crate::layout::MAX_NDIM;

use super::element::{Fill, FillStruct};

/// Row-major elements as they come out of nested sequences, and the shape seen so far.
pub(super) struct Nest {
    /// Of one item: a complex number is a sequence of two floats, and hence two items on an axis of their own.
    dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) bytes: Vec<u8>,
}

impl Nest {
    pub(super) fn new(dtype: &DType, shape: Vec<usize>) -> Self {
        let item = match dtype.scalar() {
            Some(Scalar::C64) if !dtype.is_big_endian() => DType::F32,
            Some(Scalar::C128) if !dtype.is_big_endian() => DType::F64,
            _ => dtype.clone(),
        };
        Nest { dtype: item, shape, bytes: Vec::new() }
    }

    /// Whether its items are text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.dtype.kind(), DTypeKind::Text | DTypeKind::Bytes)
    }

    /// The shape and bytes of elements of this dtype.
    pub(super) fn finish<E: Error>(self, dtype: &DType) -> Result<(Vec<usize>, Vec<u8>), E> {
        let Nest { mut shape, bytes, .. } = self;
        if dtype.kind() == DTypeKind::Complex && shape != [0] && shape.pop() != Some(2) {
            return Err(E::custom(format_args!(
                "expected {} as pairs of its real and imaginary part",
                dtype.rust_name()
            )));
        }
        Ok((shape, bytes))
    }

    /// Room for one more item.
    fn room<E: Error>(&mut self) -> Result<&mut [u8], E> {
        let (start, item) = (self.bytes.len(), self.dtype.item_size());
        self.bytes.try_reserve(item).map_err(E::custom)?;
        self.bytes.resize(start + item, 0);
        Ok(&mut self.bytes[start..])
    }
}

/// What the first item of a sequence is: an element of the array, or a text, which may be the descriptor of one.
/// Or the ticket for an array that serde's buffer has kept.
pub(super) enum Head<'de> {
    Element,
    Text(Cow<'de, str>),
    Ticket(u64),
}

/// A ticket, which stands in two newtypes.
pub(super) struct Ticket;

impl<'de> Visitor<'de> for Ticket {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of an array")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<u64, D::Error> {
        u64::deserialize(d)
    }
}

/// The nest has no axis yet: an array that is no nest, which most are, takes no memory for one.
pub(super) struct First<'n> {
    pub(super) nest: &'n mut Nest,
    /// The sequence has three elements, as `(dtype, shape, bytes)` has.
    pub(super) whole: bool,
}

impl<'de> DeserializeSeed<'de> for First<'_> {
    type Value = Head<'de>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        // A format that does not describe itself has to be told; it can only hold the descriptor.
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_str(self) }
    }
}

impl<'n> First<'n> {
    /// The first item along the first axis.
    fn item(self) -> Item<'n> {
        self.nest.shape.push(0);
        Item { nest: self.nest, axis: 1 }
    }
}

macro_rules! to_item {
    ($($visit:ident $ty:ty;)*) => {$(
        fn $visit<E: Error>(self, value: $ty) -> Result<Self::Value, E> {
            self.item().$visit(value)?;
            Ok(Head::Element)
        }
    )*};
}

impl<'de> Visitor<'de> for First<'_> {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let also = if self.whole { " or a dtype" } else { "" };
        write!(f, "{}{also}", self.nest.dtype.rust_name())
    }

    to_item! {
        visit_bool bool;
        visit_i64 i64;
        visit_u16 u16;
        visit_u64 u64;
        visit_f32 f32;
        visit_f64 f64;
        visit_bytes &[u8];
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Head::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Head::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Self::Value, S::Error> {
        self.item().visit_seq(seq)?;
        Ok(Head::Element)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        self.item().visit_map(map)?;
        Ok(Head::Element)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_newtype_struct("", Ticket).map(Head::Ticket)
    }
}

/// What follows a text: another element, or the shape behind a descriptor.
pub(super) enum Next {
    Element,
    Shape(Vec<usize>),
}

pub(super) struct Second<'n>(pub(super) Item<'n>);

impl<'de> DeserializeSeed<'de> for Second<'_> {
    type Value = Next;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Next, D::Error> {
        // A format that does not describe itself can only hold the shape.
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_seq(self) }
    }
}

impl<'de> Visitor<'de> for Second<'_> {
    type Value = Next;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or a shape", self.0.nest.dtype.rust_name())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Next, E> {
        self.0.visit_str(text).map(|()| Next::Element)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Next, E> {
        self.0.visit_bytes(bytes).map(|()| Next::Element)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Next, S::Error> {
        let mut shape = Vec::new();
        while let Some(axis) = seq.next_element()? {
            shape.push(axis);
        }
        Ok(Next::Shape(shape))
    }
}

/// One item of a nest at this axis: an element, or a sequence along the axis.
pub(super) struct Item<'n> {
    pub(super) nest: &'n mut Nest,
    pub(super) axis: usize,
}

impl Item<'_> {
    fn check<E: Error>(&self) -> Result<(), E> {
        if self.axis != self.nest.shape.len() {
            return Err(E::custom("an element stands where other rows have a sequence"));
        }
        Ok(())
    }

    fn push<'v, E: Error>(self, value: impl IntoDeserializer<'v, E>) -> Result<(), E> {
        self.check()?;
        let dtype = self.nest.dtype.clone();
        let out = self.nest.room()?;
        Fill { dtype: &dtype, out, bits: false }.deserialize(value.into_deserializer())
    }

    /// A struct, of which one key may have been read.
    pub(super) fn push_struct<'de, M: MapAccess<'de>>(
        self,
        first: Option<Cow<'de, str>>,
        map: M,
    ) -> Result<(), M::Error> {
        self.check()?;
        let dtype = self.nest.dtype.clone();
        if dtype.kind() != DTypeKind::Struct {
            return Err(M::Error::invalid_type(serde::de::Unexpected::Map, &self));
        }
        FillStruct { dtype: &dtype, out: self.nest.room()? }.read_map(first, map)
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

macro_rules! items {
    ($($visit:ident $ty:ty;)*) => {$(
        fn $visit<E: Error>(self, value: $ty) -> Result<(), E> {
            self.push(value)
        }
    )*};
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.nest.dtype.rust_name())
    }

    items! {
        visit_bool bool;
        visit_i64 i64;
        visit_u16 u16;
        visit_u64 u64;
        visit_f32 f32;
        visit_f64 f64;
        visit_str &str;
        visit_bytes &[u8];
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.push_struct(None, map)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        // The first row of an axis fixes its length; the others must have it too.
        let known = self.nest.shape.get(self.axis).copied();
        if known.is_none() {
            if self.axis >= MAX_NDIM {
                return Err(S::Error::custom(format_args!("more than {MAX_NDIM} axes")));
            }
            if !self.nest.bytes.is_empty() {
                return Err(S::Error::custom("a sequence stands where other rows have an element"));
            }
            self.nest.shape.push(0);
        }
        let mut len = 0;
        let axis = self.axis + 1;
        while seq.next_element_seed(Item { nest: &mut *self.nest, axis })?.is_some() {
            len += 1;
            if known.is_none() {
                self.nest.shape[self.axis] = len;
            }
        }
        match known {
            Some(known) if known != len => Err(S::Error::invalid_length(
                len,
                &format!("{known} elements as in the rows before").as_str(),
            )),
            _ => Ok(()),
        }
    }
}

/// The elements of ndarray's own form, in one sequence: their number and bytes.
pub(super) struct Data<'d>(pub(super) &'d DType);

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = (usize, Vec<u8>);

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Data<'_> {
    type Value = (usize, Vec<u8>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a sequence of {}", self.0.rust_name())
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let Data(dtype) = self;
        let item = dtype.item_size();
        let (mut count, mut bytes) = (0, Vec::new());
        loop {
            bytes.try_reserve(item).map_err(S::Error::custom)?;
            bytes.resize((count + 1) * item, 0);
            let fill = Fill { dtype, out: &mut bytes[count * item..], bits: true };
            if seq.next_element_seed(fill)?.is_none() {
                bytes.truncate(count * item);
                return Ok((count, bytes));
            }
            count += 1;
        }
    }
}
