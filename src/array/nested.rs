//! Nested sequences of elements, with lengths that are found while reading, as in other formats, or with known lengths.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::layout::MAX_NDIM;

/// A value of a format that describes itself.
pub(super) enum Leaf<'a> {
    Bool(bool),
    Signed(i64),
    U16(u16),
    Unsigned(u64),
    F32(f32),
    F64(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// A leaf that is read as an element.
pub(super) struct LeafDeserializer<'a, E>(Leaf<'a>, PhantomData<E>);

impl<'a, E> LeafDeserializer<'a, E> {
    pub(super) fn new(leaf: Leaf<'a>) -> Self {
        LeafDeserializer(leaf, PhantomData)
    }
}

impl<'de, E: Error> Deserializer<'de> for LeafDeserializer<'_, E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        match self.0 {
            Leaf::Bool(value) => visitor.visit_bool(value),
            Leaf::Signed(value) => visitor.visit_i64(value),
            Leaf::U16(value) => visitor.visit_u16(value),
            Leaf::Unsigned(value) => visitor.visit_u64(value),
            Leaf::F32(value) => visitor.visit_f32(value),
            Leaf::F64(value) => visitor.visit_f64(value),
            Leaf::Text(value) => visitor.visit_str(&value),
            Leaf::Bytes(value) => visitor.visit_bytes(&value),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Takes elements that come one by one.
pub(super) trait LeafSink {
    /// Writes what an element is, for errors.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    fn is_empty(&self) -> bool;

    /// Whether an element may be a text. A descriptor is a text, too.
    fn may_be_text(&self) -> bool;

    fn put<E: Error>(&mut self, leaf: Leaf<'_>) -> Result<(), E>;

    /// Takes a struct. One of its keys may have been read already.
    fn put_struct<'de, M: MapAccess<'de>>(
        &mut self,
        first: Option<Cow<'de, str>>,
        map: M,
    ) -> Result<(), M::Error>;
}

/// Row-major elements that are read from nested sequences, and the shape as far as it is known.
pub(super) struct Nest<S> {
    pub(super) shape: Vec<usize>,
    pub(super) sink: S,
}

impl<S: LeafSink> Nest<S> {
    /// A nest without axes. Most arrays are not nests, and then it takes no memory for axes.
    pub(super) fn new(sink: S) -> Self {
        Nest { shape: Vec::new(), sink }
    }

    /// An item along the first axis.
    pub(super) fn item(&mut self) -> NestItem<'_, S> {
        if self.shape.is_empty() {
            self.shape.push(0);
        }
        NestItem { nest: self, axis: 1 }
    }
}

/// One item of a nest, at this axis: an element, or a sequence along the axis.
pub(super) struct NestItem<'n, S> {
    pub(super) nest: &'n mut Nest<S>,
    pub(super) axis: usize,
}

impl<S: LeafSink> NestItem<'_, S> {
    fn sink<E: Error>(&mut self) -> Result<&mut S, E> {
        if self.axis != self.nest.shape.len() {
            return Err(E::custom("an element stands where other rows have a sequence"));
        }
        Ok(&mut self.nest.sink)
    }

    pub(super) fn put<E: Error>(mut self, leaf: Leaf<'_>) -> Result<(), E> {
        self.sink()?.put(leaf)
    }

    /// Takes a struct. One of its keys may have been read already.
    pub(super) fn put_struct<'de, M: MapAccess<'de>>(
        mut self,
        first: Option<Cow<'de, str>>,
        map: M,
    ) -> Result<(), M::Error> {
        self.sink()?.put_struct(first, map)
    }
}

impl<'de, S: LeafSink> DeserializeSeed<'de> for NestItem<'_, S> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

/// The visitor's methods for numbers and bools.
macro_rules! visit_leaves {
    (|$visitor:ident, $leaf:ident| $body:expr) => {
        $crate::array::nested::visit_leaves! { @ |$visitor, $leaf| $body,
            visit_bool bool Bool, visit_i64 i64 Signed, visit_u16 u16 U16, visit_u64 u64 Unsigned,
            visit_f32 f32 F32, visit_f64 f64 F64
        }
    };
    (@ |$visitor:ident, $leaf:ident| $body:expr, $($visit:ident $ty:ident $kind:ident),*) => {$(
        fn $visit<E: serde::de::Error>(self, value: $ty) -> Result<Self::Value, E> {
            let ($visitor, $leaf) = (self, $crate::array::nested::Leaf::$kind(value));
            $body
        }
    )*};
}
pub(super) use visit_leaves;

impl<'de, S: LeafSink> Visitor<'de> for NestItem<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nest.sink.expecting(f)
    }

    visit_leaves! { |item, leaf| item.put(leaf) }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.put(Leaf::Text(text.into()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        self.put(Leaf::Bytes(bytes.into()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.put_struct(None, map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        // The first row of an axis fixes the axis's length, which the other rows must have as well.
        let known = self.nest.shape.get(self.axis).copied();
        if known.is_none() {
            if self.axis >= MAX_NDIM {
                return Err(A::Error::custom(format_args!("more than {MAX_NDIM} axes")));
            }
            if !self.nest.sink.is_empty() {
                return Err(A::Error::custom("a sequence stands where other rows have an element"));
            }
            self.nest.shape.push(0);
        }
        let mut len = 0;
        let axis = self.axis + 1;
        while seq.next_element_seed(NestItem { nest: &mut *self.nest, axis })?.is_some() {
            len += 1;
            if known.is_none() {
                self.nest.shape[self.axis] = len;
            }
        }
        match known {
            Some(known) if known != len => Err(A::Error::invalid_length(
                len,
                &format!("{known} elements as in the rows before").as_str(),
            )),
            _ => Ok(()),
        }
    }
}

/// The first item of a sequence: an element of the array, a text, which may be a descriptor, or the ticket for an array that
/// serde's buffer keeps.
pub(super) enum Head<'de> {
    Element,
    /// The number 1, which may be the version in ndarray's own serde form.
    One(Leaf<'de>),
    Text(Cow<'de, str>),
    Ticket(u64),
}

/// A ticket, which is wrapped in two newtypes.
struct Ticket;

impl<'de> Visitor<'de> for Ticket {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the number of an array")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<u64, D::Error> {
        u64::deserialize(d)
    }
}

/// Reads the first item. A text is returned; anything else is put into the nest.
pub(super) struct First<'n, S> {
    pub(super) nest: &'n mut Nest<S>,
    /// Whether the sequence has three elements, as `(dtype, shape, bytes)` and ndarray's own serde form have.
    pub(super) whole: bool,
}

impl<'de, S: LeafSink> DeserializeSeed<'de> for First<'_, S> {
    type Value = Head<'de>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        // A format that does not describe itself must be told what comes, and that can only be the descriptor.
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_str(self) }
    }
}

impl<'de, S: LeafSink> Visitor<'de> for First<'_, S> {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nest.sink.expecting(f)?;
        f.write_str(if self.whole { " or a dtype" } else { "" })
    }

    visit_leaves! {
        |first, leaf| match leaf {
            Leaf::Unsigned(1) if first.whole => Ok(Head::One(leaf)),
            leaf => first.nest.item().put(leaf).map(|()| Head::Element),
        }
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        self.nest.item().visit_bytes(bytes).map(|()| Head::Element)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Head::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Head::Text(Cow::Borrowed(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        self.nest.item().visit_seq(seq).map(|()| Head::Element)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        self.nest.item().visit_map(map).map(|()| Head::Element)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_newtype_struct("", Ticket).map(Head::Ticket)
    }
}

/// The item behind a text or a 1: another element, or the shape that follows a descriptor or version.
pub(super) enum Next<'de> {
    Element(Leaf<'de>),
    Shape(Vec<usize>),
}

/// Reads the second item of a sequence whose first is a text or a 1.
pub(super) struct Second<'n, S>(pub(super) &'n Nest<S>);

impl<'de, S: LeafSink> DeserializeSeed<'de> for Second<'_, S> {
    type Value = Next<'de>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        // In a format that does not describe itself, this can only be the shape.
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_seq(self) }
    }
}

impl<'de, S: LeafSink> Visitor<'de> for Second<'_, S> {
    type Value = Next<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.sink.expecting(f)?;
        f.write_str(" or a shape")
    }

    visit_leaves! { |_second, leaf| Ok(Next::Element(leaf)) }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Next::Element(Leaf::Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(Next::Element(Leaf::Bytes(Cow::Owned(bytes.to_vec()))))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Lens.visit_seq(seq).map(Next::Shape)
    }
}

/// The lengths of axes, as a sequence. For one axis it may be the bare length, as in ndarray's form.
pub(super) struct Lens;

impl<'de> DeserializeSeed<'de> for Lens {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Lens {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the lengths of the axes")
    }

    fn visit_u64<E: Error>(self, axis: u64) -> Result<Self::Value, E> {
        usize::try_from(axis).map(|axis| vec![axis]).map_err(E::custom)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut shape = Vec::new();
        while let Some(axis) = seq.next_element()? {
            shape.push(axis);
        }
        Ok(shape)
    }
}

/// Takes the items of rows, one by one.
pub(super) trait TakeItem<'de> {
    fn take<D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error>;
}

/// What comes along an axis.
#[derive(Clone, Copy)]
enum Along {
    /// An item, as no axis is left.
    Item,
    Rows(usize),
    /// Any number of rows, which only the first axis may have.
    AnyRows,
}

/// Nested sequences of known lengths. Their items are taken in row-major order.
pub(super) struct Rows<'n, T> {
    first: Along,
    inner: &'n [usize],
    items: &'n mut T,
}

impl<'n, T> Rows<'n, T> {
    pub(super) fn new(shape: &'n [usize], items: &'n mut T) -> Self {
        match shape.split_first() {
            Some((first, inner)) => Rows { first: Along::Rows(*first), inner, items },
            None => Rows { first: Along::Item, inner: &[], items },
        }
    }

    /// Reads any number of rows of this shape.
    pub(super) fn of(inner: &'n [usize], items: &'n mut T) -> Self {
        Rows { first: Along::AnyRows, inner, items }
    }
}

impl<'de, T: TakeItem<'de>> DeserializeSeed<'de> for Rows<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        match self.first {
            Along::Item => self.items.take(d),
            Along::Rows(_) | Along::AnyRows => d.deserialize_seq(self),
        }
    }
}

impl<'de, T: TakeItem<'de>> Visitor<'de> for Rows<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first {
            Along::Rows(len) => write!(f, "a sequence of {len} items"),
            Along::Item | Along::AnyRows => f.write_str("a sequence"),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let most = match self.first {
            Along::Rows(len) => len,
            Along::Item | Along::AnyRows => usize::MAX,
        };
        let mut found = 0;
        while found < most {
            let row = Rows::new(self.inner, &mut *self.items);
            if seq.next_element_seed(row)?.is_none() {
                break;
            }
            found += 1;
        }
        let Along::Rows(len) = self.first else { return Ok(()) };
        if found == len && seq.next_element::<IgnoredAny>()?.is_some() {
            found += 1;
        }
        if found == len { Ok(()) } else { Err(A::Error::invalid_length(found, &self)) }
    }
}
