//! How an array passes through serde: the token, and the payload under it.
//!
//! An array calls `serialize_newtype_struct(TOKEN, payload)`. This crate's serializer knows the name and announces itself. The
//! payload then hands over a [`Descriptor`] and its elements as byte strings. Any other format writes the newtype as its content,
//! and the payload is nested numbers (in human-readable formats) or `(dtype, shape, bytes)`.

use std::any::TypeId;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::ser::{
    Serialize, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct, Serializer,
};

use crate::context::{has_many_arrays, offering, take_announced};
use crate::dtype::DType;
use crate::element::{self, Element};
use crate::layout::{self, FREE_ROWS, MAX_NDIM, Order};
use crate::memory::live::Kind;

use super::element::Rows;
use super::owner::{Owner, Shared, Unshared};

/// The name under which arrays pass through serde.
///
/// It contains this crate's version. What the two sides must know beside the payload goes past serde, from one copy of this
/// crate to itself. To another version of this crate, the payload is written as for any other format.
pub(crate) const TOKEN: &str = concat!("$serde_shm::Array/", env!("CARGO_PKG_VERSION"));

/// The name of the tuple struct by which a payload announces a record with names that are known at run time only. It has the
/// record's schema, as it is encoded, and then the fields.
pub(crate) const RECORD: &str = "$serde_shm::Record";

/// The same for a record that leaves fields out. Behind the schema is one byte for each field, which says whether the field is
/// written.
pub(crate) const SPARSE: &str = "$serde_shm::Sparse";

/// The name of the tuple struct for a value in its form for human readers. It has that value.
pub(crate) const READABLE: &str = "$serde_shm::Readable";

/// The name of the tuple struct for a value under a name. It has that name, and the value.
pub(crate) const NAMED: &str = "$serde_shm::Named";

/// The name of the newtype struct in which newtype structs are written under their names.
pub(crate) const NEWTYPES: &str = "$serde_shm::Newtypes";

/// The name of the tuple struct for a list of numbers of one type. It has the tag of the numbers, their count in eight bytes,
/// and their bytes; all are little-endian.
pub(crate) const NUMBERS: &str = "$serde_shm::Numbers";

/// The name of the tuple struct for a list of arrays. It has the descriptor of the first one and then the bytes of each. Before the bytes
/// of an array of another shape than the one before it are its axes. All else is the same for all of them. The announced length is that
/// of the list.
pub(crate) const ARRAYS: &str = "$serde_shm::Arrays";

/// Whether the name is the token. It is asked for each array, and most often it is the very text.
#[inline]
pub(crate) fn is_token(name: &str) -> bool {
    std::ptr::eq(name, TOKEN) || name == TOKEN
}

/// Whether a struct's name is one that a crate reserves for itself and its own format: whether it begins with a sign, such as
/// `$`. No Rust type has such a name, and nobody has a reason to rename a type so for a schema. For an empty name or a number,
/// there is such a reason.
#[inline]
pub(crate) fn is_private(name: &str) -> bool {
    matches!(name.as_bytes().first(), Some(b) if b.is_ascii_control() || b.is_ascii_punctuation() && *b != b'_')
}

/// Whether the values that this serializer takes end in this crate's serializer. The serializer's error type shows it. Under
/// `flatten` and a `tag`, serde buffers tuple variants and hands the buffered values over later, the token included.
pub(crate) fn is_bound_for_ours<S: Serializer>() -> bool {
    typeid::of::<S::Error>() == TypeId::of::<crate::Error>()
}

/// An array of fewer bytes than this is shared only if the object has few arrays.
const SMALL: usize = 256;

/// What an array is, sent before its elements. As bytes, it is: dtype code (0 for none), flags, number of axes, kind, 1 for
/// ndarray's own form, three zeros, then each axis in eight bytes, little-endian, and the dtype's descriptor if it has no
/// code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub(crate) dtype: DType,
    pub(crate) order: Order,
    pub(crate) shape: Vec<usize>,
    pub(crate) kind: Kind,
    /// Whether the array was recognised in ndarray's own serde form, and is written as such.
    pub(crate) is_ndarray_form: bool,
}

impl Descriptor {
    pub(super) fn encode(
        dtype: &DType,
        order: Order,
        shape: &[usize],
        kind: Kind,
        is_ndarray_form: bool,
    ) -> EncodedDescriptor {
        let flags = u8::from(order == Order::F) | u8::from(dtype.is_big_endian()) << 1;
        let form = u8::from(is_ndarray_form);
        let code = dtype.scalar().map_or(0, |scalar| scalar as u8);
        let head = [code, flags, shape.len().min(255) as u8, kind as u8, form, 0, 0, 0];
        let len = head.len() * (1 + shape.len());
        let mut few = [0; FEW_BYTES];
        if code != 0 && len <= few.len() {
            let axes = shape.iter().map(|axis| (*axis as u64).to_le_bytes());
            let words = [head].into_iter().chain(axes);
            few.as_chunks_mut().0.iter_mut().zip(words).for_each(|(place, word)| *place = word);
            return EncodedDescriptor::Few(few, len);
        }
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(&head);
        for &axis in shape {
            bytes.extend_from_slice(&(axis as u64).to_le_bytes());
        }
        if code == 0 {
            bytes.extend_from_slice(dtype.to_string().as_bytes());
        }
        EncodedDescriptor::Many(bytes)
    }

    /// `None` if this crate did not write the bytes, as for a foreign type under the same token. The shape replaces that in
    /// `shape`.
    pub(crate) fn decode(bytes: &[u8], mut shape: Vec<usize>) -> Option<Self> {
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
        shape.clear();
        for axis in dims {
            shape.push(usize::try_from(u64::from_le_bytes(*axis)).ok()?);
        }
        Some(Descriptor {
            dtype,
            order: if head[1] & 1 != 0 { Order::F } else { Order::C },
            shape,
            kind: Kind::from_code(head[3])?,
            is_ndarray_form: head[4] == 1,
        })
    }
}

/// This many bytes are enough for four axes.
const FEW_BYTES: usize = 40;

/// A descriptor as bytes. For most arrays they need no memory of their own.
pub(super) enum EncodedDescriptor {
    Few([u8; FEW_BYTES], usize),
    Many(Vec<u8>),
}

impl Deref for EncodedDescriptor {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            EncodedDescriptor::Few(bytes, len) => &bytes[..*len],
            EncodedDescriptor::Many(bytes) => bytes,
        }
    }
}

/// Elements that can be handed over in blocks: contiguous ones in one block, others packed block by block.
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

/// The payload under the token: what an array is, its elements, and their owner.
pub(super) struct Payload<'a, B, O = Unshared> {
    pub(super) dtype: &'a DType,
    pub(super) order: Order,
    pub(super) kind: Kind,
    /// Whether the array was recognised in ndarray's own serde form, and is written as such.
    pub(super) is_ndarray_form: bool,
    pub(super) shape: &'a [usize],
    pub(super) elements: B,
    pub(super) owner: O,
}

impl<B: ElementBytes, O: Owner> Payload<'_, B, O> {
    pub(super) fn under_token<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TOKEN, self)
    }
}

/// The bytes of elements, for the serializer to which they are handed over.
pub(super) trait ElementBytes {
    /// Calls `put` with the elements' bytes in memory order, one or several times.
    fn each_block<E>(&self, put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E>;

    /// Calls `take` with the bytes in row-major order.
    fn in_rows<T, E: serde::ser::Error>(
        &self,
        take: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E>;
}

/// Elements of a Rust type.
struct Typed<A, B>(B, PhantomData<A>);

impl<A: Element, B: Elements<A>> ElementBytes for Typed<A, B> {
    fn each_block<E>(&self, put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        self.0.blocks(put)
    }

    fn in_rows<T, E: serde::ser::Error>(
        &self,
        take: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        take(&element::packed(&self.0.row_major()))
    }
}

/// Row-major elements of a dtype for which there is no Rust type.
#[cfg(feature = "ndarray")]
impl ElementBytes for &[u8] {
    fn each_block<E>(&self, mut put: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        put(self)
    }

    fn in_rows<T, E: serde::ser::Error>(
        &self,
        take: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        take(self)
    }
}

/// Serializes an array under the token. `shape` is that of `elements`.
pub(crate) fn serialize<A: Element, S: Serializer>(
    shape: &[usize],
    elements: impl Elements<A>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serialize_as(Kind::Plain, shape, elements, serializer)
}

/// As [`serialize`], for an array of this kind, if the container has arrays of this kind.
pub(crate) fn serialize_as<A: Element, S: Serializer>(
    kind: Kind,
    shape: &[usize],
    elements: impl Elements<A>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let order = elements.order();
    let elements = Typed(elements, PhantomData);
    let owner = Unshared;
    Payload { dtype: &A::DTYPE, order, kind, is_ndarray_form: false, shape, elements, owner }
        .under_token(serializer)
}

/// As [`serialize`], for an array with a shared owner.
pub(super) fn serialize_shared<A: Element, S: Serializer>(
    shape: &[usize],
    elements: impl Elements<A>,
    keep: impl Fn() -> Option<Shared>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let (order, kind) = (elements.order(), Kind::Plain);
    let (elements, owner) = (Typed(elements, PhantomData), keep);
    Payload { dtype: &A::DTYPE, order, kind, is_ndarray_form: false, shape, elements, owner }
        .under_token(serializer)
}

/// Serializes row-major elements under the token, by their dtype.
#[cfg(feature = "ndarray")]
pub(super) fn serialize_raw<S: Serializer>(
    rows: Rows<'_>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let Rows { dtype, shape, bytes } = rows;
    let (order, kind) = (Order::C, Kind::Plain);
    Payload { dtype, order, kind, is_ndarray_form: false, shape, elements: bytes, owner: Unshared }
        .under_token(serializer)
}

impl<B: ElementBytes, O: Owner> Serialize for Payload<'_, B, O> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let &Payload { dtype, order, kind, is_ndarray_form, shape, ref elements, ref owner } = self;
        if take_announced() || is_bound_for_ours::<S>() {
            let mut array = serializer.serialize_tuple_struct(TOKEN, 2)?;
            let head = Descriptor::encode(dtype, order, shape, kind, is_ndarray_form);
            let is_small =
                || layout::byte_len(shape, dtype.item_size()).is_some_and(|len| len < SMALL);
            let is_kept = O::IS_SHARED && !(has_many_arrays() && is_small());
            let kept = if is_kept { owner.share() } else { None };
            let (result, is_there) = match kept {
                Some(kept) => offering(&head, kept, || array.serialize_field(&Bytes(&head))),
                None => (array.serialize_field(&Bytes(&head)), false),
            };
            result?;
            if !is_there {
                elements.each_block(|bytes| array.serialize_field(&Bytes(bytes)))?;
            }
            return array.end();
        }
        elements.in_rows(|bytes| {
            if serializer.is_human_readable() {
                let rows = Rows { dtype, shape, bytes };
                // Nested sequences would not say how many such rows there are, or how long they are.
                return if is_ndarray_form || shape.len() > 1 && shape.contains(&0) {
                    NdarrayForm(rows).serialize(serializer)
                } else {
                    rows.check_hollow()?;
                    rows.serialize(serializer)
                };
            }
            let mut tuple = serializer.serialize_tuple(3)?;
            tuple.serialize_element(&dtype.to_string())?;
            tuple.serialize_element(shape)?;
            tuple.serialize_element(&Bytes(bytes))?;
            tuple.end()
        })
    }
}

/// Rows in ndarray's serde form.
struct NdarrayForm<'a>(Rows<'a>);

impl Serialize for NdarrayForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let NdarrayForm(Rows { dtype, shape, bytes }) = self;
        let count: usize = shape.iter().product();
        let mut fields = serializer.serialize_struct("Array", 3)?;
        fields.serialize_field("v", &1)?;
        fields.serialize_field("dim", shape)?;
        fields.serialize_field("data", &Rows { dtype, shape: &[count], bytes })?;
        fields.end()
    }
}

/// A slice that serializes as bytes.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

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

/// The item is serialized as serde does it.
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
        let bytes = Descriptor::encode(&DType::F64, Order::F, &shape, Kind::Atomic, true);
        let back = Descriptor::decode(&bytes, vec![7]).unwrap();
        assert_eq!(
            back,
            Descriptor {
                dtype: DType::F64,
                order: Order::F,
                shape,
                kind: Kind::Atomic,
                is_ndarray_form: true
            }
        );
        for text in ["<M8[ns]", "[('x', '<f4'), ('y', '|b1', (3,))]", "|S0"] {
            let dtype = DType::from_descriptor(text).unwrap();
            let bytes = Descriptor::encode(&dtype, Order::C, &[2], Kind::Plain, false);
            let back = Descriptor::decode(&bytes, vec![7]).unwrap();
            assert_eq!(
                back,
                Descriptor {
                    dtype,
                    order: Order::C,
                    shape: vec![2],
                    kind: Kind::Plain,
                    is_ndarray_form: false
                }
            );
            assert_eq!(Descriptor::decode(&bytes[..15], Vec::new()), None);
        }
        assert_eq!(Descriptor::decode(&bytes[1..], Vec::new()), None);
        assert_eq!(Descriptor::decode(&bytes[..16], Vec::new()), None);
        assert_eq!(Descriptor::decode(b"", Vec::new()), None);
    }
}
