//! Reads a [`DynArray`] from whatever a deserializer gives.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected};

use crate::memory::live::Kind;
use crate::store::{Placed, PlacedHead, Standing};

use super::super::nested::{Leaf, LeafSink, Nest, NestItem};
use super::super::payload::{Stored, Target, count, kind_error, read};
use super::DynArray;

impl<'de> Deserialize<'de> for DynArray {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }
}

const EXPECTED: &str = "an array of bools, numbers or text";

/// Elements whose common type is found when all have been read.
#[derive(Default)]
pub(crate) struct Leaves(Vec<Leaf<'static>>);

impl LeafSink for Leaves {
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bool, a number, text or a sequence of such")
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn may_be_text(&self) -> bool {
        true
    }

    fn put<E: Error>(&mut self, leaf: Leaf<'_>) -> Result<(), E> {
        self.0.push(match leaf {
            Leaf::Bool(value) => Leaf::Bool(value),
            Leaf::Signed(value) => Leaf::Signed(value),
            Leaf::U16(value) => Leaf::Unsigned(value.into()),
            Leaf::Unsigned(value) => Leaf::Unsigned(value),
            Leaf::F32(value) => Leaf::F64(value.into()),
            Leaf::F64(value) => Leaf::F64(value),
            Leaf::Text(text) => Leaf::Text(Cow::Owned(text.into_owned())),
            Leaf::Bytes(bytes) => Leaf::Bytes(Cow::Owned(bytes.into_owned())),
        });
        Ok(())
    }

    fn put_struct<'de, M: MapAccess<'de>>(
        &mut self,
        _: Option<Cow<'de, str>>,
        _: M,
    ) -> Result<(), M::Error> {
        Err(M::Error::invalid_type(Unexpected::Map, &EXPECTED))
    }
}

impl Leaves {
    /// All elements as one array, of the type that holds all of them.
    fn into_array<E: Error>(self, shape: &[usize]) -> Result<DynArray, E> {
        fn all<T, E: Error>(
            shape: &[usize],
            leaves: Vec<Leaf<'static>>,
            take: impl Fn(Leaf<'static>) -> Option<T>,
        ) -> Result<ArrayD<T>, E> {
            let items: Option<Vec<T>> = leaves.into_iter().map(take).collect();
            let items = items.ok_or_else(|| {
                E::custom(format_args!("expected {EXPECTED}, found several kinds"))
            })?;
            ArrayD::from_shape_vec(IxDyn(shape), items).map_err(E::custom)
        }
        let Leaves(leaves) = self;
        let is_float = |leaf: &Leaf<'_>| matches!(leaf, Leaf::F64(_));
        let is_large =
            |leaf: &Leaf<'_>| matches!(leaf, Leaf::Unsigned(n) if i64::try_from(*n).is_err());
        Ok(match leaves.first() {
            Some(Leaf::Bool(_)) => DynArray::Bool(all(shape, leaves, |leaf| match leaf {
                Leaf::Bool(value) => Some(value),
                _ => None,
            })?),
            Some(Leaf::Text(_)) => DynArray::Text(all(shape, leaves, |leaf| match leaf {
                Leaf::Text(value) => Some(value.into_owned()),
                _ => None,
            })?),
            Some(Leaf::Bytes(_)) => DynArray::Bytes(all(shape, leaves, |leaf| match leaf {
                Leaf::Bytes(value) => Some(value.into_owned()),
                _ => None,
            })?),
            None => DynArray::F64(all(shape, leaves, |_| None)?),
            _ if leaves.iter().any(is_float) => {
                DynArray::F64(all(shape, leaves, |leaf| match leaf {
                    Leaf::F64(value) => Some(value),
                    Leaf::Signed(value) => Some(value as f64),
                    Leaf::Unsigned(value) => Some(value as f64),
                    _ => None,
                })?)
            }
            _ if leaves.iter().any(is_large) => {
                DynArray::U64(all(shape, leaves, |leaf| match leaf {
                    Leaf::Unsigned(value) => Some(value),
                    Leaf::Signed(value) => u64::try_from(value).ok(),
                    _ => None,
                })?)
            }
            _ => DynArray::I64(all(shape, leaves, |leaf| match leaf {
                Leaf::Signed(value) => Some(value),
                Leaf::Unsigned(value) => i64::try_from(value).ok(),
                _ => None,
            })?),
        })
    }
}

impl<'de> Target<'de> for DynArray {
    type Sink = Leaves;
    type Element = u8;

    const TAKES_ANY: bool = true;

    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn room(_: &PlacedHead) -> Option<usize> {
        None
    }

    fn sink() -> Leaves {
        Leaves::default()
    }

    fn is_struct(_: &str) -> bool {
        false
    }

    fn stored<E: Error>(head: Arc<PlacedHead>, stored: Stored<'de, u8>) -> Result<Self, E> {
        if let Standing::Live(kind, _) = head.standing {
            return Err(kind_error(Kind::Plain, kind));
        }
        let bytes = match &stored {
            Stored::Lent(bytes) => {
                count(bytes.len())?;
                bytes
            }
            Stored::Bytes(bytes) => &bytes[..],
            Stored::Items(bytes) => &bytes[..],
        };
        DynArray::from_placed(&Placed { head, bytes, region: None })
            .map_err(|error| E::custom(format_args!("{error:#}")))
    }

    fn nested<E: Error>(nest: Nest<Leaves>) -> Result<Self, E> {
        nest.sink.into_array(&nest.shape)
    }

    fn data() -> impl DeserializeSeed<'de, Value = (usize, Leaves)> {
        Data
    }

    fn shaped<E: Error>(shape: Vec<usize>, data: Leaves) -> Result<Self, E> {
        data.into_array(&shape)
    }
}

/// The elements of ndarray's own serde form, and their number.
struct Data;

impl<'de> DeserializeSeed<'de> for Data {
    type Value = (usize, Leaves);

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        let mut nest = Nest::new(Leaves::default());
        NestItem { nest: &mut nest, axis: 0 }.deserialize(d)?;
        Ok((nest.sink.0.len(), nest.sink))
    }
}
