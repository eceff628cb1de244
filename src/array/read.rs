//! Reading an array from whatever a deserializer gives: our token, another format's `(dtype, shape, bytes)`, nested
//! numbers, or ndarray's own serde form.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::context::{copying, is_buffered_bytes, note_meeting, take_handed, take_out};
use crate::dtype::DType;
use crate::element::{self, Element, Fit, Misfit, fit, mismatch};
use crate::layout::{self, MAX_NDIM, Order};
use crate::memory::live::Kind;
use crate::store::{Placed, Standing};

use super::nest::{Data, First, Head, Item, Nest, Next, Second};
use super::token::TOKEN;

/// An array that was read: its shape, order and elements, which are borrowed where that is possible.
pub(crate) struct Read<'de, A: Element> {
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Order,
    pub(crate) elements: Cow<'de, [A]>,
    /// Why the elements could not be borrowed.
    owned: Option<&'static str>,
    /// What is known of its kind. A live array has no elements here.
    pub(super) standing: Standing,
}

const INLINE: &str = "it is encoded inline or comes from another format";
const COPIED: &str = "the format that it comes from does not lend its bytes";
const UNALIGNED: &str = "its bytes are not aligned for it";

impl<'de, A: Element> Read<'de, A> {
    pub(crate) fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Self::deserialize_any_kind(deserializer)?;
        match read.standing {
            Standing::Live(kind, _) => Err(kind_error(Kind::Plain, kind)),
            _ => Ok(read),
        }
    }

    /// The same, also of an array that changes.
    pub(super) fn deserialize_any_kind<D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TOKEN, TokenVisitor(PhantomData))
    }

    /// The same for one who copies the elements anyway: they need not come to lie anywhere before.
    pub(crate) fn to_own<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        copying(|| Self::deserialize(deserializer))
    }

    /// The elements where they lie, or why they cannot be had there and what to ask for instead.
    pub(crate) fn borrowed<E: Error>(self, view: &str, owned: &str) -> Result<&'de [A], E> {
        match self.elements {
            Cow::Borrowed(items) => Ok(items),
            Cow::Owned(_) => Err({
                note_meeting();
                E::custom(format_args!(
                    "cannot borrow this array as `{view}`: {}; use {owned}",
                    self.owned.unwrap_or(COPIED)
                ))
            }),
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
    /// The shape, for a type of so many axes: in nested numbers `[]` stands for an empty array of any.
    pub(crate) fn shape_of(&self, axes: Option<usize>) -> Cow<'_, [usize]> {
        match axes {
            Some(axes) if axes > 1 && self.shape == [0] && self.owned == Some(INLINE) => {
                Cow::Owned(vec![0; axes])
            }
            _ => Cow::Borrowed(&self.shape),
        }
    }

    /// The elements in row-major order; a copy is made only for Fortran order with several axes.
    pub(crate) fn row_major<E: Error>(self) -> Result<Cow<'de, [A]>, E> {
        let moved =
            self.order == Order::F && self.shape.iter().filter(|axis| **axis > 1).count() > 1;
        if !moved {
            return Ok(self.elements);
        }
        let mut items = element::room(self.elements.len()).map_err(E::custom)?;
        items.extend(layout::row_major(&self.shape).map(|place| self.elements[place]));
        Ok(Cow::Owned(items))
    }
}

pub(crate) fn shape_error<E: Error>(found: &[usize], expected: &[Option<usize>]) -> E {
    let axes: Vec<String> =
        expected.iter().map(|axis| axis.map_or("_".to_owned(), |n| n.to_string())).collect();
    E::invalid_type(
        Unexpected::Other(&format!("shape {found:?}")),
        &format!("an array of shape [{}]", axes.join(", ")).as_str(),
    )
}

/// Bytes as elements, as the dtype says.
fn read_bytes<'de, A: Element, E: Error>(
    head: Placed<'static>,
    bytes: Cow<'de, [u8]>,
) -> Result<Read<'de, A>, E> {
    let Placed { dtype, shape, order, standing, .. } = head;
    let fit = fit(&dtype, &A::DTYPE).map_err(|why| {
        let (found, wanted) = mismatch(&dtype, &shape, &A::DTYPE, &why);
        E::invalid_type(Unexpected::Other(&found), &wanted.as_str())
    })?;
    check_len(&dtype, &shape, bytes.len())?;
    let misfit = |misfit: Misfit| match misfit {
        Misfit::Bool { index, field, byte } => {
            let of = if field.is_empty() { String::new() } else { format!(", field `{field}`") };
            E::invalid_value(
                Unexpected::Other(&format!("{byte} at element {index}{of}")),
                &"a bool, a byte of 0 or 1",
            )
        }
        other => E::custom(other),
    };
    let (elements, owned) = match (fit, bytes) {
        (Fit::Converted(plan, why), bytes) => {
            (Cow::Owned(element::collect(&bytes, Some(&plan)).map_err(misfit)?), Some(why))
        }
        (Fit::Same, Cow::Borrowed(bytes)) => match element::view(bytes) {
            Ok(items) => (Cow::Borrowed(items), None),
            Err(Misfit::Align { .. }) => {
                (Cow::Owned(element::collect(bytes, None).map_err(misfit)?), Some(UNALIGNED))
            }
            Err(other) => return Err(misfit(other)),
        },
        (Fit::Same, Cow::Owned(bytes)) => {
            (Cow::Owned(element::collect(&bytes, None).map_err(misfit)?), Some(COPIED))
        }
    };
    Ok(Read { shape, order, elements, owned, standing })
}

/// An error unless so many bytes are those of an array.
pub(super) fn check_len<E: Error>(dtype: &DType, shape: &[usize], len: usize) -> Result<(), E> {
    let expected =
        layout::byte_len(shape, dtype.item_size())
            .filter(|_| shape.len() <= MAX_NDIM)
            .ok_or_else(|| E::custom(format_args!("shape {shape:?} of {dtype} overflows")))?;
    if len == expected {
        return Ok(());
    }
    Err(E::custom(format_args!("shape {shape:?} of {dtype} takes {expected} bytes, found {len}")))
}

/// What `(dtype, shape, bytes)` says of an array.
pub(super) fn described<E: Error>(
    descriptor: &str,
    shape: Vec<usize>,
) -> Result<Placed<'static>, E> {
    Ok(Placed {
        dtype: DType::from_descriptor(descriptor).map_err(E::custom)?,
        shape,
        order: Order::C,
        bytes: &[],
        standing: Standing::Free,
        region: None,
    })
}

/// So many bytes as an array.
pub(super) fn bytes_head(len: usize) -> Placed<'static> {
    Placed {
        dtype: DType::U8,
        shape: vec![len],
        order: Order::C,
        bytes: &[],
        standing: Standing::Free,
        region: None,
    }
}

/// What stands under the token.
struct TokenVisitor<A>(PhantomData<A>);

impl<'de, A: Element> Visitor<'de> for TokenVisitor<A> {
    type Value = Read<'de, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", A::DTYPE.rust_name())
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        if let Some(head) = take_handed() {
            return ArrayVisitor::<A>::finish(head, |seed| seed.deserialize(d));
        }
        // Formats that describe themselves may hold any of the forms. That includes serde's buffer behind `flatten`
        // and `untagged`, which says that it is human-readable whatever it was filled from.
        if d.is_human_readable() {
            d.deserialize_any(ArrayVisitor(PhantomData))
        } else {
            d.deserialize_tuple(3, ArrayVisitor(PhantomData))
        }
    }

    // A format that drops newtypes altogether calls these.
    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Self::Value, S::Error> {
        ArrayVisitor(PhantomData).visit_seq(seq)
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Self::Value, M::Error> {
        ArrayVisitor(PhantomData).visit_map(map)
    }
}

struct ArrayVisitor<A>(PhantomData<A>);

impl<A: Element> ArrayVisitor<A> {
    /// Reads the bytes of an array of which all else is known.
    fn finish<'de, E: Error>(
        head: Placed<'static>,
        read: impl FnOnce(StoredSeed<A>) -> Result<Stored<'de, A>, E>,
    ) -> Result<Read<'de, A>, E> {
        let Placed { dtype, shape, order, standing, .. } = &head;
        let room = layout::count(shape).filter(|_| *dtype == A::DTYPE && shape.len() <= MAX_NDIM);
        let stored = read(StoredSeed::<A> { room, element: PhantomData })?;
        let (elements, owned) = match (standing, stored) {
            (Standing::Live(..), _) => (Cow::Borrowed(&[][..]), None),
            (_, Stored::Items(items)) => (Cow::Owned(items), Some(COPIED)),
            (_, Stored::Bytes(Bytes(bytes))) => return read_bytes(head, bytes),
        };
        Ok(Read { order: *order, standing: *standing, shape: head.shape, elements, owned })
    }

    fn nested<'de, E: Error>(nest: Nest) -> Result<Read<'de, A>, E> {
        let (shape, bytes) = nest.finish(&A::DTYPE)?;
        let items = element::collect(&bytes, None).map_err(E::custom)?;
        let (order, elements, owned) = (Order::C, Cow::Owned(items), Some(INLINE));
        Ok(Read { shape, order, elements, owned, standing: Standing::Free })
    }

    fn scalar<'de, E: Error>(
        put: impl FnOnce(Item<'_>) -> Result<(), E>,
    ) -> Result<Read<'de, A>, E> {
        let mut nest = Nest::new(&A::DTYPE, Vec::new());
        put(Item { nest: &mut nest, axis: 0 })?;
        Self::nested(nest)
    }
}

macro_rules! scalars {
    ($($visit:ident $ty:ty;)*) => {$(
        fn $visit<E: Error>(self, value: $ty) -> Result<Self::Value, E> {
            Self::scalar(|item| item.$visit(value))
        }
    )*};
}

impl<'de, A: Element> Visitor<'de> for ArrayVisitor<A> {
    type Value = Read<'de, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of {}", A::DTYPE.rust_name())
    }

    scalars! {
        visit_bool bool;
        visit_i64 i64;
        visit_u16 u16;
        visit_u64 u64;
        visit_f32 f32;
        visit_f64 f64;
        visit_str &str;
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        if is_buffered_bytes(bytes.len()) {
            return read_bytes(bytes_head(bytes.len()), Cow::Owned(bytes.to_vec()));
        }
        Self::scalar(|item| item.visit_bytes(bytes))
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        if is_buffered_bytes(bytes.len()) {
            return read_bytes(bytes_head(bytes.len()), Cow::Borrowed(bytes));
        }
        self.visit_bytes(bytes)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut nest = Nest::new(&A::DTYPE, Vec::new());
        let whole = seq.size_hint() == Some(3);
        let head = seq.next_element_seed(First { nest: &mut nest, whole })?;
        let descriptor = match head {
            None => {
                note_meeting();
                nest.shape.push(0);
                return Self::nested(nest);
            }
            Some(Head::Ticket(ticket)) => {
                let head = take_out(ticket).ok_or_else(no_ticket)?;
                return Self::finish(head, |seed| {
                    seq.next_element_seed(seed)?.ok_or_else(|| S::Error::invalid_length(1, &self))
                });
            }
            Some(Head::Element) => None,
            Some(Head::Text(text)) if nest.is_text() => {
                // A text may be an element or a descriptor; what follows tells.
                nest.shape.push(0);
                let mut second = Nest::new(&A::DTYPE, vec![0]);
                match seq.next_element_seed(Second(Item { nest: &mut second, axis: 1 }))? {
                    Some(Next::Shape(shape)) => Some((text, Some(shape))),
                    more => {
                        Item { nest: &mut nest, axis: 1 }.visit_str(&text)?;
                        if more.is_some() {
                            nest.bytes.extend_from_slice(&second.bytes);
                        }
                        nest.shape[0] = usize::from(more.is_some());
                        None
                    }
                }
            }
            Some(Head::Text(text)) => Some((text, None)),
        };
        if let Some((descriptor, shape)) = descriptor {
            let missing = |found| S::Error::invalid_length(found, &"dtype, shape and bytes");
            let shape = match shape {
                Some(shape) => shape,
                None => seq.next_element()?.ok_or_else(|| missing(1))?,
            };
            let head = described(&descriptor, shape)?;
            return Self::finish(head, |seed| {
                seq.next_element_seed(seed)?.ok_or_else(|| missing(2))
            });
        }
        note_meeting();
        nest.shape[0] += 1;
        while seq.next_element_seed(Item { nest: &mut nest, axis: 1 })?.is_some() {
            nest.shape[0] += 1;
        }
        Self::nested(nest)
    }

    /// A struct, as the only element of an array without axes; or ndarray's own form: `{v: 1, dim: [2, 3], data: [..]}`.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut key = map.next_key::<Cow<'de, str>>()?;
        if let Some(first) = &key
            && A::DTYPE.fields().iter().any(|field| field.name() == first)
        {
            return Self::scalar(|item| item.push_struct(key, map));
        }
        let (mut shape, mut items) = (None::<Vec<usize>>, None::<(usize, Vec<u8>)>);
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
                "dim" => shape = Some(map.next_value_seed(Dim)?),
                "data" => items = Some(map.next_value_seed(Data(&A::DTYPE))?),
                other => return Err(M::Error::unknown_field(other, &["v", "dim", "data"])),
            }
            key = map.next_key()?;
        }
        let shape = shape.ok_or_else(|| M::Error::missing_field("dim"))?;
        let (count, bytes) = items.ok_or_else(|| M::Error::missing_field("data"))?;
        if layout::count(&shape) != Some(count) {
            return Err(M::Error::custom(format_args!(
                "shape {shape:?} does not have {count} elements"
            )));
        }
        let items = element::collect(&bytes, None).map_err(M::Error::custom)?;
        let (order, elements, owned) = (Order::C, Cow::Owned(items), Some(INLINE));
        Ok(Read { shape, order, elements, owned, standing: Standing::Free })
    }
}

/// The error of an array that was left in serde's buffer and is asked for in another read.
pub(super) fn no_ticket<E: Error>() -> E {
    E::custom("an array is read outside of the read that found it")
}

/// The error for an array that is asked for as one of another kind.
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
enum Stored<'de, A> {
    Bytes(Bytes<'de>),
    Items(Vec<A>),
}

struct StoredSeed<A> {
    /// How many elements there are, if the bytes are those of elements as they are.
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
        BytesVisitor.expecting(f)
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        BytesVisitor.visit_borrowed_bytes(bytes).map(Stored::Bytes)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        BytesVisitor.visit_bytes(bytes).map(Stored::Bytes)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        BytesVisitor.visit_byte_buf(bytes).map(Stored::Bytes)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Self::Value, S::Error> {
        BytesVisitor.visit_seq(seq).map(Stored::Bytes)
    }

    /// Our deserializer reads as it goes.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_seq(Blocks(self))
    }
}

/// Bytes, borrowed where the format lends them.
pub(super) struct Bytes<'de>(pub(super) Cow<'de, [u8]>);

impl<'de> Deserialize<'de> for Bytes<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_bytes(BytesVisitor)
    }
}

/// The blocks of an array that is read as it is copied.
struct Blocks<A>(StoredSeed<A>);

impl<'de, A: Element> Visitor<'de> for Blocks<A> {
    type Value = Stored<'de, A>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BytesVisitor.expecting(f)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let Some(count) = self.0.room else {
            let mut all = Vec::<u8>::new();
            let take = &mut |bytes: &[u8]| element::append(&mut all, bytes);
            while seq.next_element_seed(Block(take))?.is_some() {}
            return Ok(Stored::Bytes(Bytes(Cow::Owned(all))));
        };
        let mut items = element::room::<A>(count).map_err(S::Error::custom)?;
        let take = &mut |bytes: &[u8]| element::append(&mut items, bytes);
        while seq.next_element_seed(Block(take))?.is_some() {}
        if items.len() == count {
            return Ok(Stored::Items(items));
        }
        Err(S::Error::invalid_length(items.len(), &format!("{count} elements").as_str()))
    }
}

/// A block, and what takes it.
struct Block<'t>(&'t mut dyn FnMut(&[u8]) -> Result<(), Misfit>);

impl<'de> DeserializeSeed<'de> for Block<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_bytes(self)
    }
}

impl Visitor<'_> for Block<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        BytesVisitor.expecting(f)
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<(), E> {
        (self.0)(bytes).map_err(E::custom)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes of an array")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Bytes(Cow::Borrowed(bytes)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        element::copied(bytes).map(Cow::Owned).map(Bytes).map_err(E::custom)
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(Bytes(Cow::Owned(bytes)))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = seq.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(Cow::Owned(bytes)))
    }
}

/// ndarray's `dim`: a sequence of lengths, or for one axis possibly the bare length.
pub(super) struct Dim;

impl<'de> DeserializeSeed<'de> for Dim {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Dim {
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

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut shape = Vec::new();
        while let Some(axis) = seq.next_element()? {
            shape.push(axis);
        }
        Ok(shape)
    }
}
