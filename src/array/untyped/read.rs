//! Reads untyped arrays from whatever a deserializer gives.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error};

use crate::array::dynamic::DynArray;
use crate::array::item::DeserializeArray;
use crate::array::nested::Nest;
use crate::array::payload::{Made, Stored, Target, kind_error, own, read};
use crate::context::{self, note_meeting};
use crate::error::ErrorKind;
use crate::memory::live::Kind;
use crate::store::{Placed, PlacedHead, Standing};

use super::{UntypedArray, UntypedView};

/// What was read.
pub(crate) enum FoundArray<'de> {
    /// An array with a known dtype and shape, and its bytes.
    Stored(Arc<PlacedHead>, Cow<'de, [u8]>),
    /// An array that lies in the container that is being read.
    Lent(Placed<'de>),
    /// Elements that came one by one.
    Nested(DynArray),
}

type AsDyn<'de> = <DynArray as Target<'de>>::Sink;

impl<'de> Target<'de> for FoundArray<'de> {
    type Sink = AsDyn<'de>;
    type Element = u8;

    const TAKES_ANY: bool = true;

    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        <DynArray as Target<'de>>::expecting(f)
    }

    fn room(_: &PlacedHead) -> Option<usize> {
        None
    }

    fn sink() -> Self::Sink {
        <DynArray as Target<'de>>::sink()
    }

    fn is_struct(first: &str) -> bool {
        <DynArray as Target<'de>>::is_struct(first)
    }

    fn stored<E: Error>(head: Arc<PlacedHead>, stored: Stored<'de, u8>) -> Result<Self, E> {
        let bytes = match stored {
            Stored::Lent(bytes) => {
                return Ok(FoundArray::Lent(Placed { head, bytes, region: None }));
            }
            Stored::Bytes(bytes) => bytes,
            Stored::Items(bytes) => Cow::Owned(bytes),
        };
        Ok(FoundArray::Stored(head, bytes))
    }

    fn nested<E: Error>(nest: Nest<Self::Sink>) -> Result<Self, E> {
        <DynArray as Target<'de>>::nested(nest).map(FoundArray::Nested)
    }

    fn data() -> impl DeserializeSeed<'de, Value = (usize, Self::Sink)> {
        <DynArray as Target<'de>>::data()
    }

    fn shaped<E: Error>(shape: Vec<usize>, data: Self::Sink) -> Result<Self, E> {
        <DynArray as Target<'de>>::shaped(shape, data).map(FoundArray::Nested)
    }
}

impl<'de> FoundArray<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(deserializer)
    }

    /// What is known of the array's kind.
    pub(in crate::array) fn standing(&self) -> Standing {
        match self {
            FoundArray::Stored(head, _) => head.standing,
            FoundArray::Lent(placed) => placed.standing,
            FoundArray::Nested(_) => Standing::Free,
        }
    }

    /// The array, if it is not a live one.
    fn plain<E: Error>(found: Self) -> Result<Self, E> {
        match found.standing() {
            Standing::Live(kind, _) => Err(kind_error(Kind::Plain, kind)),
            _ => Ok(found),
        }
    }
}

impl<'de> DeserializeArray<'de> for UntypedArray {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        read(d)
    }
}

impl<'de> Made<'de> for UntypedArray {
    type Read = FoundArray<'de>;

    fn made<E: Error>(found: FoundArray<'de>) -> Result<Self, E> {
        let made = match FoundArray::plain(found)? {
            FoundArray::Stored(head, bytes) => UntypedArray::of_bytes(head, bytes),
            FoundArray::Lent(placed) => UntypedArray::of_read(placed),
            FoundArray::Nested(array) => array.try_into(),
        };
        made.map_err(own)
    }
}

impl<'de> Deserialize<'de> for UntypedArray {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize_array(d)
    }
}

impl<'de: 'a, 'a> DeserializeArray<'de> for UntypedView<'a> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let why = match FoundArray::plain(FoundArray::deserialize(d)?)? {
            FoundArray::Lent(placed) => {
                return UntypedView::from_placed(placed.head, placed.bytes).map_err(own);
            }
            FoundArray::Stored(head, Cow::Borrowed(bytes)) => {
                return UntypedView::from_placed(head, bytes).map_err(own);
            }
            FoundArray::Stored(_, Cow::Owned(_)) => {
                "the format that it comes from does not lend its bytes"
            }
            FoundArray::Nested(_) => "it is encoded inline or comes from another format",
        };
        note_meeting();
        Err(context::with_kind(ErrorKind::Mismatch, || {
            D::Error::custom(format_args!(
                "cannot borrow this array as `UntypedView`: {why}; use `UntypedArray`"
            ))
        }))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for UntypedView<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize_array(d)
    }
}
