//! A [`DynArray`] out of whatever a deserializer gives.

use std::borrow::Cow;
use std::fmt;

use ndarray::{ArrayD, IxDyn};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::context::{is_buffered_bytes, note_meeting, take_handed, take_out};
use crate::layout::{self, MAX_NDIM};
use crate::memory::live::Kind;
use crate::store::{Placed, Standing};

use super::super::nest::{Head, Ticket};
use super::super::read::{Bytes, Dim, bytes_head, check_len, described, kind_error, no_ticket};
use super::super::token::TOKEN;
use super::DynArray;

impl<'de> Deserialize<'de> for DynArray {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(TOKEN, Whole)
    }
}

/// A value of a format that describes itself.
enum Leaf {
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Default)]
struct Nest {
    shape: Vec<usize>,
    items: Vec<Leaf>,
}

const EXPECTED: &str = "an array of bools, numbers or text";

impl Nest {
    /// All items as the one type that holds them.
    fn finish<E: Error>(self) -> Result<DynArray, E> {
        fn all<T, E: Error>(
            shape: &[usize],
            items: Vec<Leaf>,
            take: impl Fn(Leaf) -> Option<T>,
        ) -> Result<ArrayD<T>, E> {
            let items: Option<Vec<T>> = items.into_iter().map(take).collect();
            let items = items.ok_or_else(|| {
                E::custom(format_args!("expected {EXPECTED}, found several kinds"))
            })?;
            ArrayD::from_shape_vec(IxDyn(shape), items).map_err(E::custom)
        }
        let Nest { shape, items } = self;
        let is_float = |leaf: &Leaf| matches!(leaf, Leaf::Float(_));
        let is_large =
            |leaf: &Leaf| matches!(leaf, Leaf::Unsigned(n) if i64::try_from(*n).is_err());
        Ok(match items.first() {
            Some(Leaf::Bool(_)) => DynArray::Bool(all(&shape, items, |leaf| match leaf {
                Leaf::Bool(value) => Some(value),
                _ => None,
            })?),
            Some(Leaf::Text(_)) => DynArray::Text(all(&shape, items, |leaf| match leaf {
                Leaf::Text(value) => Some(value),
                _ => None,
            })?),
            Some(Leaf::Bytes(_)) => DynArray::Bytes(all(&shape, items, |leaf| match leaf {
                Leaf::Bytes(value) => Some(value),
                _ => None,
            })?),
            None => DynArray::F64(all(&shape, items, |_| None)?),
            _ if items.iter().any(is_float) => {
                DynArray::F64(all(&shape, items, |leaf| match leaf {
                    Leaf::Float(value) => Some(value),
                    Leaf::Signed(value) => Some(value as f64),
                    Leaf::Unsigned(value) => Some(value as f64),
                    _ => None,
                })?)
            }
            _ if items.iter().any(is_large) => {
                DynArray::U64(all(&shape, items, |leaf| match leaf {
                    Leaf::Unsigned(value) => Some(value),
                    Leaf::Signed(value) => u64::try_from(value).ok(),
                    _ => None,
                })?)
            }
            _ => DynArray::I64(all(&shape, items, |leaf| match leaf {
                Leaf::Signed(value) => Some(value),
                Leaf::Unsigned(value) => i64::try_from(value).ok(),
                _ => None,
            })?),
        })
    }
}

/// The token, and what stands under it.
struct Whole;

macro_rules! scalars {
    ($($visit:ident $ty:ty;)*) => {$(
        fn $visit<E: Error>(self, value: $ty) -> Result<DynArray, E> {
            note_meeting();
            let mut nest = Nest::default();
            Item { nest: &mut nest, axis: 0 }.$visit(value)?;
            nest.finish()
        }
    )*};
}

impl<'de> Visitor<'de> for Whole {
    type Value = DynArray;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<DynArray, D::Error> {
        if let Some(head) = take_handed() {
            return finish(head, &Bytes::deserialize(d)?);
        }
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_tuple(3, self) }
    }

    scalars! {
        visit_bool bool;
        visit_i64 i64;
        visit_u64 u64;
        visit_f64 f64;
        visit_str &str;
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<DynArray, E> {
        if is_buffered_bytes(bytes.len()) {
            return finish(bytes_head(bytes.len()), &Bytes(Cow::Borrowed(bytes)));
        }
        note_meeting();
        let mut nest = Nest::default();
        Item { nest: &mut nest, axis: 0 }.visit_bytes(bytes)?;
        nest.finish()
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<DynArray, S::Error> {
        let mut nest = Nest { shape: vec![0], items: Vec::new() };
        let first = seq.next_element_seed(First(Item { nest: &mut nest, axis: 1 }))?;
        match first {
            Some(Head::Ticket(ticket)) => {
                let head = take_out(ticket).ok_or_else(no_ticket)?;
                return finish(head, &bytes(&mut seq, 1)?);
            }
            None => {
                note_meeting();
                return nest.finish();
            }
            Some(Head::Element) => {}
            Some(Head::Text(text)) => {
                let text = text.into_owned();
                let mut second = Nest { shape: vec![0], items: Vec::new() };
                match seq.next_element_seed(Second(Item { nest: &mut second, axis: 1 }))? {
                    Some(Some(shape)) => {
                        return finish(described(&text, shape)?, &bytes(&mut seq, 2)?);
                    }
                    more => {
                        nest.items.push(Leaf::Text(text));
                        nest.items.append(&mut second.items);
                        nest.shape[0] = usize::from(more.is_some());
                    }
                }
            }
        }
        note_meeting();
        nest.shape[0] += 1;
        while seq.next_element_seed(Item { nest: &mut nest, axis: 1 })?.is_some() {
            nest.shape[0] += 1;
        }
        nest.finish()
    }

    /// ndarray's own form.
    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<DynArray, M::Error> {
        note_meeting();
        let (mut shape, mut data) = (None::<Vec<usize>>, None::<Nest>);
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match &*name {
                "v" => drop(map.next_value::<u64>()?),
                "dim" => shape = Some(map.next_value_seed(Dim)?),
                "data" => {
                    let mut nest = Nest::default();
                    map.next_value_seed(Item { nest: &mut nest, axis: 0 })?;
                    data = Some(nest);
                }
                other => return Err(M::Error::unknown_field(other, &["v", "dim", "data"])),
            }
        }
        let shape = shape.ok_or_else(|| M::Error::missing_field("dim"))?;
        let Nest { items, .. } = data.ok_or_else(|| M::Error::missing_field("data"))?;
        if layout::count(&shape) != Some(items.len()) {
            return Err(M::Error::custom(format_args!(
                "shape {shape:?} does not have {} elements",
                items.len()
            )));
        }
        Nest { shape, items }.finish()
    }
}

/// The bytes of an array, behind so many parts.
fn bytes<'de, S: SeqAccess<'de>>(seq: &mut S, before: usize) -> Result<Bytes<'de>, S::Error> {
    seq.next_element()?.ok_or_else(|| S::Error::invalid_length(before, &"an array with its bytes"))
}

/// An array of which all is known.
fn finish<E: Error>(head: Placed<'static>, bytes: &Bytes<'_>) -> Result<DynArray, E> {
    if let Standing::Live(kind, _) = head.standing {
        return Err(kind_error(Kind::Plain, kind));
    }
    check_len(&head.dtype, &head.shape, bytes.0.len())?;
    DynArray::from_placed(&Placed { bytes: &bytes.0, ..head }).map_err(E::custom)
}

/// The first item of a sequence: a text, which may be a descriptor, is handed out; anything else is put into the nest.
struct First<'n>(Item<'n>);

impl<'de> DeserializeSeed<'de> for First<'_> {
    type Value = Head<'de>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_str(self) }
    }
}

/// The second item: a shape is handed out.
struct Second<'n>(Item<'n>);

impl<'de> DeserializeSeed<'de> for Second<'_> {
    type Value = Option<Vec<usize>>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        if d.is_human_readable() { d.deserialize_any(self) } else { d.deserialize_seq(self) }
    }
}

macro_rules! to_item {
    ($none:expr; $($visit:ident $ty:ty;)*) => {$(
        fn $visit<E: Error>(self, value: $ty) -> Result<Self::Value, E> {
            self.0.$visit(value).map(|()| $none)
        }
    )*};
}

impl<'de> Visitor<'de> for First<'_> {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bool, a number or text")
    }

    to_item! { Head::Element;
        visit_bool bool;
        visit_i64 i64;
        visit_u64 u64;
        visit_f64 f64;
        visit_bytes &[u8];
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Head::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, seq: S) -> Result<Self::Value, S::Error> {
        self.0.visit_seq(seq).map(|()| Head::Element)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_newtype_struct("", Ticket).map(Head::Ticket)
    }
}

impl<'de> Visitor<'de> for Second<'_> {
    type Value = Option<Vec<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text or a shape")
    }

    to_item! { None;
        visit_str &str;
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut shape = Vec::new();
        while let Some(axis) = seq.next_element()? {
            shape.push(axis);
        }
        Ok(Some(shape))
    }
}

/// One item of a nest at this axis.
struct Item<'n> {
    nest: &'n mut Nest,
    axis: usize,
}

impl Item<'_> {
    fn push<E: Error>(self, leaf: Leaf) -> Result<(), E> {
        if self.axis != self.nest.shape.len() {
            return Err(E::custom("an element stands where other rows have a sequence"));
        }
        self.nest.items.push(leaf);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Item<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bool, a number, text or a sequence of such")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Leaf::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(Leaf::Signed(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(Leaf::Unsigned(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(Leaf::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.push(Leaf::Text(value.to_owned()))
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<(), E> {
        self.push(Leaf::Bytes(value.to_vec()))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        let known = self.nest.shape.get(self.axis).copied();
        if known.is_none() {
            if self.axis >= MAX_NDIM {
                return Err(S::Error::custom(format_args!("more than {MAX_NDIM} axes")));
            }
            if !self.nest.items.is_empty() {
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
