//! An element or row of an array that a type asks for inside options and newtypes.

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use crate::error::{Error, ErrorKind, Result};

/// How many options and newtypes may be asked for around an element.
const MAX_WRAPS: u32 = 64;

/// An element or row that may be asked for inside options and newtypes.
pub(super) struct Wrapped<D> {
    inner: D,
    /// How many were asked for around it: a type that holds itself in an option would go on for ever.
    depth: u32,
}

impl<D> Wrapped<D> {
    pub(super) fn new(inner: D) -> Self {
        Wrapped { inner, depth: 0 }
    }

    fn deeper(self) -> Result<Self> {
        let Wrapped { inner, depth } = self;
        if depth >= MAX_WRAPS {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("an element is asked for inside {MAX_WRAPS} options"),
            ));
        }
        Ok(Wrapped { inner, depth: depth + 1 })
    }
}

macro_rules! to_inner {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            self.inner.$method($($arg,)* visitor)
        }
    )*};
}

impl<'de, D: Deserializer<'de, Error = Error>> Deserializer<'de> for Wrapped<D> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    to_inner! {
        deserialize_any();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self.deeper()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        if matches!(name, "f16" | "bf16") {
            // What they hold is for the element to say.
            return self.inner.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self.deeper()?)
    }

    /// What nobody asked for is not walked: it may have rows without number.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char unit unit_struct map struct identifier
    }
}
