//! Types that are not elements. An array of them is encoded inline.

use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use crate::layout::ShapeBuf;

use super::super::token::{self, nest};
use super::nested::{Inline, collect_nested};
use super::{DeserializeItem, Seal, SerializeItem};

/// Text and numbers that are not elements. An array of them is encoded inline.
macro_rules! inline {
    ($($ty:ty)*) => {$(
        impl SerializeItem for $ty {
            const SEAL: Seal = Seal;

            fn serialize_item<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }

            fn serialize_items<S: Serializer>(
                items: &[Self],
                shape: &mut ShapeBuf,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                nest::<Self, token::Plain, S>(shape, items, serializer)
            }
        }
    )*};
}

macro_rules! inline_read {
    ($($ty:ty)*) => {$(
        impl<'de> DeserializeItem<'de> for $ty {
            const SEAL: Seal = Seal;

            fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::deserialize(d)
            }

            fn deserialize_items<D: Deserializer<'de>>(
                inner: &mut Vec<usize>,
                d: D,
            ) -> Result<Vec<Self>, D::Error> {
                collect_nested::<Inline, Self, D>(inner, d)
            }
        }
    )*};
}

inline!(char String &str Cow<'_, str> i128 u128);
inline_read!(char String i128 u128);

impl<'de: 'a, 'a> DeserializeItem<'de> for &'a str {
    const SEAL: Seal = Seal;

    fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize(d)
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        collect_nested::<Inline, Self, D>(inner, d)
    }
}

impl<'de: 'a, 'a> DeserializeItem<'de> for Cow<'a, str> {
    const SEAL: Seal = Seal;

    fn deserialize_item<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::deserialize(d)
    }

    fn deserialize_items<D: Deserializer<'de>>(
        inner: &mut Vec<usize>,
        d: D,
    ) -> Result<Vec<Self>, D::Error> {
        collect_nested::<Inline, Self, D>(inner, d)
    }
}
