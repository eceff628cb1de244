//! An array that stands where no encoded value says what it is: a member of an archive that another program wrote.

use serde::de::{Deserializer, Visitor};

use crate::array::TOKEN;
use crate::context::Form;
use crate::dtype::DTypeKind;
use crate::error::{Error, Result};
use crate::store::Placed;

use super::array::{check_levels, mismatch, visit_bytes, visit_nested, visit_plain, visit_token};
use super::bounds::Bounds;
use super::buffer;
use super::element::Element;
use super::list::NDARRAY_FIELDS;
use super::wrapped::Wrapped;

/// An array that answers every request by itself, where no encoded value stands before it: a member of an archive that
/// another program wrote. One without axes is its element to all that ask for no array.
pub(super) struct Whole<'t, 'de> {
    pub(super) placed: Placed<'de>,
    pub(super) name: &'de str,
    pub(super) bounds: &'t Bounds,
}

impl<'de> Whole<'_, 'de> {
    /// The only element of an array without axes.
    fn element(&self) -> Option<Element<'_, 'de>> {
        let Whole { placed, bounds, .. } = self;
        let Placed { dtype, bytes, shape, .. } = placed;
        shape.is_empty().then_some(Element { dtype, bytes, bounds })
    }

    fn element_or_mismatch<V: Visitor<'de>>(
        self,
        visitor: V,
        visit: impl FnOnce(Element<'_, 'de>, V) -> Result<V::Value>,
    ) -> Result<V::Value> {
        let Some(element) = self.element() else {
            return Err(mismatch(&self.placed, &visitor));
        };
        check_levels(&self.placed, self.bounds)?;
        visit(element, visitor)
    }
}

macro_rules! whole {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            self.element_or_mismatch(visitor, |element, visitor| element.$method($($arg,)* visitor))
        }
    )*};
}

impl<'de> Deserializer<'de> for Whole<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if buffer::is_buffer::<V>() {
            let usual = if self.placed.shape.is_empty() { Form::Elements } else { Form::Token };
            return buffer::visit(self.placed, self.name, self.bounds, usual, visitor);
        }
        match self.element() {
            Some(element) => {
                check_levels(&self.placed, self.bounds)?;
                element.deserialize_any(visitor)
            }
            None => visit_nested(&self.placed, self.bounds, visitor),
        }
    }

    whole! {
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
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.element() {
            Some(element) => element.deserialize_bytes(visitor),
            None => visit_bytes(&self.placed, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(Wrapped::new(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match self.element() {
            _ if name == TOKEN => visit_token(self.placed, visitor),
            Some(element) if matches!(name, "f16" | "bf16") => {
                element.deserialize_newtype_struct(name, visitor)
            }
            _ => visitor.visit_newtype_struct(Wrapped::new(self)),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.element() {
            Some(element) => {
                check_levels(&self.placed, self.bounds)?;
                element.deserialize_seq(visitor)
            }
            None => visit_nested(&self.placed, self.bounds, visitor),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.element() {
            Some(element) if element.dtype.kind() == DTypeKind::Struct => {
                check_levels(&self.placed, self.bounds)?;
                element.deserialize_any(visitor)
            }
            _ => visit_plain(&self.placed, self.bounds, visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if fields == NDARRAY_FIELDS {
            return visit_plain(&self.placed, self.bounds, visitor);
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}
