//! Reads the payload under the token from whatever a deserializer gives: the bytes of an array from this crate's deserializer,
//! `(dtype, shape, bytes)` from another format, nested numbers, or ndarray's own serde form.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};

use crate::context::{
    Handed, count_copy, is_buffered_bytes, note_meeting, take_handed, take_out, with_kind,
};
use crate::dtype::DType;
use crate::element::{self, Element, Misfit};
use crate::error;
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::store::{PlacedHead, Standing};

use super::nested::{
    First, Head, Leaf, LeafSink, Lens, Nest, NestItem, Next, Second, visit_leaves,
};
use super::token::TOKEN;

/// A type as which an array is read.
pub(super) trait Target<'de>: Sized {
    /// Takes the elements in a format that has no arrays.
    type Sink: LeafSink;
    /// The type of element to which bytes are copied that come in blocks, if they are elements of that type.
    type Element: Element;

    /// Whether it takes any dtype. Serde's buffer must then not lose the array's dtype.
    const TAKES_ANY: bool;

    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// How many elements to make room for before their blocks come; `None` if their bytes are wanted.
    fn room(head: &PlacedHead) -> Option<usize>;

    fn sink() -> Self::Sink;

    /// Whether a map with this first key is an element.
    fn is_struct(first: &str) -> bool;

    /// Makes the type of an array whose dtype and shape are known.
    fn stored<E: Error>(
        head: Arc<PlacedHead>,
        stored: Stored<'de, Self::Element>,
    ) -> Result<Self, E>;

    /// Makes the type of nested sequences of elements, or of one element.
    fn nested<E: Error>(nest: Nest<Self::Sink>) -> Result<Self, E>;

    /// Reads the field `data` of ndarray's own serde form, and returns the number of its elements with them.
    fn data() -> impl DeserializeSeed<'de, Value = (usize, Self::Sink)>;

    /// Makes an array of this shape, which has as many elements as `data`.
    fn shaped<E: Error>(shape: Vec<usize>, data: Self::Sink) -> Result<Self, E>;
}

/// A type that is made of an array. It is made while the array is read, because the container is known only until then.
pub(super) trait Made<'de>: Sized {
    type Read: Target<'de>;

    fn made<E: Error>(read: Self::Read) -> Result<Self, E>;
}

impl<'de, T: Target<'de>> Made<'de> for T {
    type Read = T;

    fn made<E: Error>(read: T) -> Result<T, E> {
        Ok(read)
    }
}

/// Reads the payload under the token, and makes an `M` of it.
pub(super) fn read<'de, M: Made<'de>, D: Deserializer<'de>>(d: D) -> Result<M, D::Error> {
    d.deserialize_newtype_struct(TOKEN, Token(PhantomData))
}

/// The array for which serde's buffer has this ticket, and whose bytes come next. `None` outside of the read in which the
/// array was kept.
pub(super) fn of_ticket<'de, T: Target<'de>, S: SeqAccess<'de>>(
    ticket: u64,
    seq: &mut S,
) -> Result<Option<T>, S::Error> {
    let Some(head) = take_out(ticket) else { return Ok(None) };
    let bytes = |seed| {
        let stored = seq.next_element_seed(seed)?;
        stored
            .map(Stored::lent)
            .ok_or_else(|| S::Error::invalid_length(1, &"the bytes of an array"))
    };
    finish(head, bytes).map(Some)
}

struct Token<M>(PhantomData<M>);

impl<'de, M: Made<'de>> Visitor<'de> for Token<M> {
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        M::Read::expecting(f)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<M, D::Error> {
        let payload = PayloadVisitor(PhantomData);
        let read = match take_handed() {
            Some(Handed::Bytes(head)) => finish(head, |seed| seed.deserialize(d).map(Stored::lent)),
            Some(Handed::Blocks(head)) => finish(head, |seed| d.deserialize_seq(Blocks(seed))),
            Some(Handed::Inline) => d.deserialize_any(payload),
            // Formats that describe themselves may hold any of the forms. Serde's buffer behind `flatten` and `untagged` is
            // one of them: it says that it is human-readable, whatever it was filled from.
            None if d.is_human_readable() => d.deserialize_any(payload),
            None => d.deserialize_tuple(3, payload),
        };
        M::made(read?)
    }

    // A format that drops newtypes altogether calls these methods.
    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<M, S::Error> {
        M::made(PayloadVisitor(PhantomData).visit_seq(seq)?)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<M, A::Error> {
        M::made(PayloadVisitor(PhantomData).visit_map(map)?)
    }
}

struct PayloadVisitor<T>(PhantomData<T>);

impl<T> PayloadVisitor<T> {
    /// An array without axes.
    fn leaf<'de, E: Error>(leaf: Leaf<'_>) -> Result<T, E>
    where
        T: Target<'de>,
    {
        if T::TAKES_ANY {
            note_meeting();
        }
        let mut nest = Nest::new(T::sink());
        NestItem { nest: &mut nest, axis: 0 }.put(leaf)?;
        T::nested(nest)
    }
}

impl<'de, T: Target<'de>> Visitor<'de> for PayloadVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::expecting(f)
    }

    visit_leaves! { |_payload, leaf| Self::leaf(leaf) }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Self::leaf(Leaf::Text(text.into()))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<T, E> {
        if is_buffered_bytes(bytes.len()) {
            let stored = Stored::Bytes(Cow::Owned(bytes.to_vec()));
            return T::stored(bytes_head(bytes.len()), stored);
        }
        Self::leaf(Leaf::Bytes(bytes.into()))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<T, E> {
        if is_buffered_bytes(bytes.len()) {
            return T::stored(bytes_head(bytes.len()), Stored::Bytes(Cow::Borrowed(bytes)));
        }
        self.visit_bytes(bytes)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<T, S::Error> {
        let missing = |found| S::Error::invalid_length(found, &"dtype, shape and bytes");
        let mut nest = Nest::new(T::sink());
        let whole = seq.size_hint() == Some(3);
        match seq.next_element_seed(First { nest: &mut nest, whole })? {
            None => {
                note_meeting();
                nest.shape.push(0);
                return T::nested(nest);
            }
            Some(Head::Ticket(ticket)) => {
                return of_ticket(ticket, &mut seq)?.ok_or_else(no_ticket);
            }
            Some(Head::Element) => nest.shape[0] = 1,
            Some(Head::One(leaf)) => match seq.next_element_seed(Second(&nest))? {
                // The rows would not have one shape, so this is ndarray's own serde form in a format that drops the names of
                // fields.
                Some(Next::Shape(shape)) => {
                    let data = seq.next_element_seed(T::data())?;
                    return in_shape(shape, data.ok_or_else(|| missing(2))?);
                }
                second => {
                    nest.item().put(leaf)?;
                    nest.shape[0] = 1;
                    if let Some(Next::Element(leaf)) = second {
                        nest.item().put(leaf)?;
                        nest.shape[0] = 2;
                    }
                }
            },
            Some(Head::Text(text)) => {
                // A text may be an element or a descriptor. The next item decides.
                let second = if nest.sink.may_be_text() {
                    seq.next_element_seed(Second(&nest))?
                } else {
                    let shape = seq.next_element()?.ok_or_else(|| missing(1))?;
                    Some(Next::Shape(shape))
                };
                if let Some(Next::Shape(shape)) = second {
                    let head = described(&text, shape)?;
                    return finish(head, |seed| {
                        seq.next_element_seed(seed)?.ok_or_else(|| missing(2))
                    });
                }
                nest.item().put(Leaf::Text(text))?;
                nest.shape[0] = 1;
                if let Some(Next::Element(leaf)) = second {
                    nest.item().put(leaf)?;
                    nest.shape[0] = 2;
                }
            }
        }
        note_meeting();
        while seq.next_element_seed(nest.item())?.is_some() {
            nest.shape[0] += 1;
        }
        T::nested(nest)
    }

    /// A struct, as the only element of an array without axes, or ndarray's own serde form: `{v: 1, dim: [2, 3], data: [..]}`.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<T, M::Error> {
        let mut key = map.next_key::<Cow<'de, str>>()?;
        if key.as_ref().is_some_and(|first| T::is_struct(first)) {
            let mut nest = Nest::new(T::sink());
            NestItem { nest: &mut nest, axis: 0 }.put_struct(key, map)?;
            return T::nested(nest);
        }
        if T::TAKES_ANY {
            note_meeting();
        }
        let (mut shape, mut data) = (None::<Vec<usize>>, None);
        while let Some(name) = key {
            match &*name {
                "v" => {
                    let version = map.next_value::<u64>()?;
                    if version != 1 {
                        return Err(M::Error::invalid_value(
                            Unexpected::Unsigned(version),
                            &"version 1 of ndarray's form",
                        ));
                    }
                }
                "dim" => shape = Some(map.next_value_seed(Lens)?),
                "data" => data = Some(map.next_value_seed(T::data())?),
                other => return Err(M::Error::unknown_field(other, &["v", "dim", "data"])),
            }
            key = map.next_key()?;
        }
        let shape = shape.ok_or_else(|| M::Error::missing_field("dim"))?;
        in_shape(shape, data.ok_or_else(|| M::Error::missing_field("data"))?)
    }
}

/// Makes an array of what ndarray's own serde form says.
fn in_shape<'de, T: Target<'de>, E: Error>(
    shape: Vec<usize>,
    (count, data): (usize, T::Sink),
) -> Result<T, E> {
    if layout::count(&shape) != Some(count) {
        return Err(E::custom(format_args!("shape {shape:?} does not have {count} elements")));
    }
    T::shaped(shape, data)
}

/// Reads the bytes of an array whose dtype and shape are known.
fn finish<'de, T: Target<'de>, E: Error>(
    head: Arc<PlacedHead>,
    read: impl FnOnce(StoredSeed<T::Element>) -> Result<Stored<'de, T::Element>, E>,
) -> Result<T, E> {
    let stored = read(StoredSeed { room: T::room(&head), element: PhantomData })?;
    let len = match &stored {
        Stored::Lent(bytes) => Some(bytes.len()),
        Stored::Bytes(bytes) => Some(bytes.len()),
        Stored::Items(_) => None,
    };
    if let (Standing::Free | Standing::Fixed, Some(len)) = (head.standing, len) {
        check_len(&head, len)?;
    }
    T::stored(head, stored)
}

/// An error unless the array has this many bytes.
#[inline]
fn check_len<E: Error>(head: &PlacedHead, len: usize) -> Result<(), E> {
    if head.bytes == Some(len) { Ok(()) } else { Err(other_len(head, len)) }
}

#[cold]
fn other_len<E: Error>(head: &PlacedHead, len: usize) -> E {
    let PlacedHead { dtype, shape, bytes, .. } = head;
    match bytes {
        Some(bytes) => {
            E::custom(format_args!("shape {shape:?} of {dtype} takes {bytes} bytes, found {len}"))
        }
        None => E::custom(format_args!("shape {shape:?} of {dtype} overflows")),
    }
}

/// The head of an array, from what `(dtype, shape, bytes)` says.
fn described<E: Error>(descriptor: &str, shape: Vec<usize>) -> Result<Arc<PlacedHead>, E> {
    Ok(head_of(DType::from_descriptor(descriptor).map_err(E::custom)?, shape))
}

/// The head for this many bytes as an array.
fn bytes_head(len: usize) -> Arc<PlacedHead> {
    head_of(DType::U8, vec![len])
}

fn head_of(dtype: DType, shape: Vec<usize>) -> Arc<PlacedHead> {
    PlacedHead::free(dtype, shape, Order::C)
}

/// The error for an array that was kept in serde's buffer and is requested in another read.
fn no_ticket<E: Error>() -> E {
    E::custom("an array is read outside of the read that found it")
}

/// The error for an array that is read as an array of another kind.
pub(super) fn kind_error<E: Error>(expected: Kind, found: Kind) -> E {
    E::invalid_type(
        Unexpected::Other(&format!(
            "{}; the kind of an array is fixed when its segment is made",
            found.describe()
        )),
        &expected.describe(),
    )
}

/// An array's bytes, or its elements if they were copied as they came.
pub(super) enum Stored<'de, A> {
    /// Bytes that lie in the container that is being read. Code that copies them [counts](count) the copy.
    Lent(&'de [u8]),
    Bytes(Cow<'de, [u8]>),
    Items(Vec<A>),
}

impl<A> Stored<'_, A> {
    /// Marks borrowed bytes as ones that lie in the container.
    fn lent(self) -> Self {
        match self {
            Stored::Bytes(Cow::Borrowed(bytes)) => Stored::Lent(bytes),
            other => other,
        }
    }
}

/// Counts a copy of bytes that lie in the container.
pub(super) fn count<E: Error>(bytes: usize) -> Result<(), E> {
    count_copy(bytes).map_err(own)
}

/// An error of this crate as one of the format's.
#[allow(clippy::needless_pass_by_value)] // As `map_err` gives it.
pub(super) fn own<E: Error>(error: error::Error) -> E {
    with_kind(error.kind(), || E::custom(format_args!("{error:#}")))
}

/// Reads the bytes. They are borrowed if the format lends them.
struct StoredSeed<A> {
    /// How many elements there are, if the bytes are elements as they are.
    room: Option<usize>,
    element: PhantomData<A>,
}

impl<'de, A: Element> DeserializeSeed<'de> for StoredSeed<A> {
    type Value = Stored<'de, A>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_bytes(self)
    }
}

impl<'de, A: Element> Visitor<'de> for StoredSeed<A> {
    type Value = Stored<'de, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an array")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Stored::Bytes(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        element::copied(bytes).map(Cow::Owned).map(Stored::Bytes).map_err(E::custom)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Stored::Bytes(Cow::Owned(bytes)))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Stored::Bytes(Cow::Owned(bytes)))
    }
}

/// Takes the blocks of an array that is copied while it is read.
struct Blocks<A>(StoredSeed<A>);

impl<'de, A: Element> Visitor<'de> for Blocks<A> {
    type Value = Stored<'de, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let Some(count) = self.0.room else {
            let mut all = Vec::<u8>::new();
            let take = &mut |bytes: &[u8]| element::append(&mut all, bytes);
            while seq.next_element_seed(BlockVisitor(take))?.is_some() {}
            return Ok(Stored::Bytes(Cow::Owned(all)));
        };
        let mut items = element::room::<A>(count).map_err(S::Error::custom)?;
        let take = &mut |bytes: &[u8]| element::append(&mut items, bytes);
        while seq.next_element_seed(BlockVisitor(take))?.is_some() {}
        if items.len() == count {
            return Ok(Stored::Items(items));
        }
        Err(S::Error::invalid_length(items.len(), &format!("{count} elements").as_str()))
    }
}

/// Reads one block, and passes it on.
struct BlockVisitor<'t>(&'t mut dyn FnMut(&[u8]) -> Result<(), Misfit>);

impl<'de> DeserializeSeed<'de> for BlockVisitor<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_bytes(self)
    }
}

impl Visitor<'_> for BlockVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an array")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        (self.0)(bytes).map_err(E::custom)
    }
}
