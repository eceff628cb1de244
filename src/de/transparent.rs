//! Elements, rows and arrays that a type asks for inside options and newtypes which were not written.

use serde::de::{Deserializer, Visitor};

use crate::error::{Error, ErrorKind, Result};

/// How many options and newtypes a type may ask for around one of these. Without a limit, a type that holds itself in an option
/// would go on for ever.
const MAX_WRAPS: u32 = 64;

/// Counts one more around `depth` others.
pub(super) fn wrapped(depth: u32) -> Result<u32> {
    if depth < MAX_WRAPS {
        return Ok(depth + 1);
    }
    Err(Error::new(ErrorKind::Limit, format!("an element is asked for inside {MAX_WRAPS} options")))
}

/// An element or row that may be asked for inside options and newtypes.
pub(super) struct Transparent<D> {
    inner: D,
    /// How many options and newtypes the type has asked for around it.
    depth: u32,
}

impl<D> Transparent<D> {
    pub(super) fn new(inner: D) -> Self {
        Transparent { inner, depth: 0 }
    }

    fn wrapped(self) -> Result<Self> {
        let Transparent { inner, depth } = self;
        Ok(Transparent { inner, depth: wrapped(depth)? })
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

impl<'de, D: Deserializer<'de, Error = Error>> Deserializer<'de> for Transparent<D> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    to_inner! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self.wrapped()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        if matches!(name, "f16" | "bf16") {
            // The element itself says what these hold.
            return self.inner.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self.wrapped()?)
    }

    /// A part that the type ignores is not walked: it may have any number of rows.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}
