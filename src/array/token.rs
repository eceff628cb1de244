//! How an array passes through serde: the token, and what stands under it.
//!
//! An array is `serialize_newtype_struct(TOKEN, payload)`. Our serializer knows the name, announces itself, and the
//! payload then hands over a [`Descriptor`] and its elements as byte strings. To any other format the newtype is
//! transparent, and the payload is nested numbers (human-readable formats) or `(dtype, shape, bytes)`.

use std::borrow::Cow;
use std::cell::Cell;
use std::marker::PhantomData;

use serde::ser::{Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer};

use crate::dtype::DType;
use crate::element::{self, Element};
use crate::layout::{FREE_ROWS, MAX_NDIM, Order};
use crate::memory::live::Kind;

use super::element::Rows;

/// The name under which arrays pass through serde.
pub(crate) const TOKEN: &str = "$serde_shm::Array";

thread_local! {
    /// Our serializer is about to serialize a payload on this thread.
    static ANNOUNCED: Cell<bool> = const { Cell::new(false) };
}

thread_local! {
    /// Who reads the next token on this thread copies its elements.
    static COPIES: Cell<bool> = const { Cell::new(false) };
}

/// Runs `read`, which reads a token and copies what stands under it, with that announced to our deserializer.
pub(super) fn copying<R>(read: impl FnOnce() -> R) -> R {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            COPIES.set(false);
        }
    }
    COPIES.set(true);
    let _guard = Guard;
    read()
}

/// Whether who reads this token copies its elements.
pub(crate) fn is_copied() -> bool {
    COPIES.take()
}

/// Runs `serialize` on the payload of a token with our serializer announced to it.
///
/// A payload takes the announcement as its first act, so that nothing else on this thread can see it; whatever else
/// stood under the token leaves it, and it is taken back here.
pub(crate) fn announce<R>(serialize: impl FnOnce() -> R) -> R {
    struct Guard;
    impl Drop for Guard {
        fn drop(&mut self) {
            ANNOUNCED.set(false);
        }
    }
    ANNOUNCED.set(true);
    let _guard = Guard;
    serialize()
}

/// Whether what this serializer takes ends in ours, which by the error can only be so: serde buffers tuple variants
/// under `flatten` and a `tag`, and hands over what it kept, the token included, later.
fn is_bound_for_ours<S: Serializer>() -> bool {
    std::any::type_name::<S::Error>() == std::any::type_name::<crate::Error>()
}

/// What an array is, ahead of its elements; as bytes: dtype code (0 for none), flags, number of axes, kind, four zeros, then
/// each axis in eight bytes, little-endian, and the dtype's descriptor if it has no code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) dtype: DType,
    pub(crate) order: Order,
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
}

impl Descriptor {
    pub(super) fn encode(dtype: &DType, order: Order, shape: &[usize], kind: Kind) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 8 * shape.len());
        let flags = u8::from(order == Order::F) | u8::from(dtype.is_big_endian()) << 1;
        let code = dtype.scalar().map_or(0, |scalar| scalar as u8);
        bytes.extend_from_slice(&[code, flags, shape.len().min(255) as u8, kind as u8, 0, 0, 0, 0]);
        for &axis in shape {
            bytes.extend_from_slice(&(axis as u64).to_le_bytes());
        }
        if code == 0 {
            bytes.extend_from_slice(dtype.to_string().as_bytes());
        }
        bytes
    }

    /// `None` if the bytes are none of ours: a foreign type under our token.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, dims) = bytes.split_first_chunk::<8>()?;
        let ndim = usize::from(head[2]);
        let (dims, text) = dims.split_at_checked(8 * ndim)?;
        let dims = dims.as_chunks::<8>().0;
        if ndim > MAX_NDIM || (head[0] != 0 && !text.is_empty()) {
            return None;
        }
        let dtype = match head[0] {
            0 => DType::from_descriptor(std::str::from_utf8(text).ok()?).ok()?,
            code => DType::from_code(code, head[1] & 2 != 0)?,
        };
        let shape = dims.iter().map(|axis| usize::try_from(u64::from_le_bytes(*axis)));
        Some(Descriptor {
            dtype,
            order: if head[1] & 1 != 0 { Order::F } else { Order::C },
            shape: shape.collect::<Result<_, _>>().ok()?,
            kind: Kind::from_code(head[3])?,
        })
    }
}

/// Elements that can be handed over in blocks: contiguous ones in one, others packed block by block.
pub(crate) trait Elements<A: Element> {
    fn order(&self) -> Order;

    /// Calls `put` with the elements' bytes in memory order, one or several times.
    fn blocks<E>(&self, put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E>;

    /// The elements in row-major order.
    fn row_major(&self) -> Cow<'_, [A]>;
}

impl<A: Element> Elements<A> for &[A] {
    fn order(&self) -> Order {
        Order::C
    }

    fn blocks<E>(&self, put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        element::blocks(self, put)
    }

    fn row_major(&self) -> Cow<'_, [A]> {
        Cow::Borrowed(self)
    }
}

struct Payload<'a, A, B> {
    kind: Kind,
    shape: &'a [usize],
    elements: B,
    element: PhantomData<A>,
}

/// Serializes an array under the token. `shape` is that of `elements`.
pub(crate) fn serialize<A: Element, S: Serializer>(
    shape: &[usize],
    elements: impl Elements<A>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serialize_as(Kind::Plain, shape, elements, serializer)
}

/// The same for an array of this kind, where there are such.
pub(crate) fn serialize_as<A: Element, S: Serializer>(
    kind: Kind,
    shape: &[usize],
    elements: impl Elements<A>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let payload = Payload { kind, shape, elements, element: PhantomData };
    serializer.serialize_newtype_struct(TOKEN, &payload)
}

impl<A: Element, B: Elements<A>> Serialize for Payload<'_, A, B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if ANNOUNCED.take() || is_bound_for_ours::<S>() {
            let mut array = serializer.serialize_tuple_struct(TOKEN, 2)?;
            let descriptor =
                Descriptor::encode(&A::DTYPE, self.elements.order(), self.shape, self.kind);
            array.serialize_field(&Bytes(&descriptor))?;
            self.elements.blocks(|bytes| array.serialize_field(&Bytes(bytes)))?;
            return array.end();
        }
        let elements = self.elements.row_major();
        if serializer.is_human_readable() {
            let (dtype, bytes) = (&A::DTYPE, &*element::packed(&elements));
            let rows = Rows { dtype, shape: self.shape, bytes };
            rows.check_hollow()?;
            return rows.serialize(serializer);
        }
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element(&A::DTYPE.to_string())?;
        tuple.serialize_element(self.shape)?;
        tuple.serialize_element(&Bytes(&element::packed(&elements)))?;
        tuple.end()
    }
}

/// Row-major elements of a dtype that no Rust type stands for.
#[cfg(feature = "ndarray")]
struct RawPayload<'a>(Rows<'a>);

/// Serializes row-major elements under the token, by their dtype.
#[cfg(feature = "ndarray")]
pub(super) fn serialize_raw<S: Serializer>(
    rows: Rows<'_>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(TOKEN, &RawPayload(rows))
}

#[cfg(feature = "ndarray")]
impl Serialize for RawPayload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RawPayload(rows) = self;
        if ANNOUNCED.take() {
            let mut array = serializer.serialize_tuple_struct(TOKEN, 2)?;
            let descriptor = Descriptor::encode(rows.dtype, Order::C, rows.shape, Kind::Plain);
            array.serialize_field(&Bytes(&descriptor))?;
            array.serialize_field(&Bytes(rows.bytes))?;
            return array.end();
        }
        if serializer.is_human_readable() {
            rows.check_hollow()?;
            return rows.serialize(serializer);
        }
        let mut tuple = serializer.serialize_tuple(3)?;
        tuple.serialize_element(&rows.dtype.to_string())?;
        tuple.serialize_element(rows.shape)?;
        tuple.serialize_element(&Bytes(rows.bytes))?;
        tuple.end()
    }
}

/// A slice that serializes as bytes.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

/// Row-major items as nested sequences, a level for each axis; `How` says how one item is serialized.
pub(crate) fn nest<T, How: SerializeOne<T>, S: Serializer>(
    shape: &[usize],
    items: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Some((&first, rest)) = shape.split_first() else {
        return match items {
            [one] => How::serialize_one(one, serializer),
            _ => Err(serde::ser::Error::custom("an array without axes has one element")),
        };
    };
    let each: usize = rest.iter().product();
    if items.is_empty() && first > FREE_ROWS {
        return Err(serde::ser::Error::custom(format_args!(
            "an array of shape {shape:?} has more than {FREE_ROWS} empty rows, too many to be written one by one"
        )));
    }
    let mut seq = serializer.serialize_seq(Some(first))?;
    for index in 0..first {
        let items = &items[index * each..(index + 1) * each];
        seq.serialize_element(&Nested::<T, How> { shape: rest, items, how: PhantomData })?;
    }
    seq.end()
}

struct Nested<'a, T, How> {
    shape: &'a [usize],
    items: &'a [T],
    how: PhantomData<How>,
}

impl<T, How: SerializeOne<T>> Serialize for Nested<'_, T, How> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        nest::<T, How, S>(self.shape, self.items, serializer)
    }
}

/// How one item of a nest is serialized.
pub(crate) trait SerializeOne<T> {
    fn serialize_one<S: Serializer>(item: &T, serializer: S) -> Result<S::Ok, S::Error>;
}

/// As serde does it.
pub(crate) struct Plain;

impl<T: Serialize> SerializeOne<T> for Plain {
    fn serialize_one<S: Serializer>(item: &T, serializer: S) -> Result<S::Ok, S::Error> {
        item.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_comes_back_and_nothing_else_passes_for_one() {
        let shape = vec![3, 0, usize::MAX];
        let bytes = Descriptor::encode(&DType::F64, Order::F, &shape, Kind::Atomic);
        let back = Descriptor::decode(&bytes).unwrap();
        assert_eq!(
            back,
            Descriptor { dtype: DType::F64, order: Order::F, shape, kind: Kind::Atomic }
        );
        for text in ["<M8[ns]", "[('x', '<f4'), ('y', '|b1', (3,))]", "|S0"] {
            let dtype = DType::from_descriptor(text).unwrap();
            let bytes = Descriptor::encode(&dtype, Order::C, &[2], Kind::Plain);
            let back = Descriptor::decode(&bytes).unwrap();
            assert_eq!(
                back,
                Descriptor { dtype, order: Order::C, shape: vec![2], kind: Kind::Plain }
            );
            assert_eq!(Descriptor::decode(&bytes[..15]), None);
        }
        assert_eq!(Descriptor::decode(&bytes[1..]), None);
        assert_eq!(Descriptor::decode(&bytes[..16]), None);
        assert_eq!(Descriptor::decode(b""), None);
    }
}
