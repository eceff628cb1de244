//! An array of the container, which answers every request that it fits. Under the token it gives its bytes, to a plain `Vec`
//! nested sequences, to a plain ndarray the ndarray form, to a byte buffer its bytes. So a field may gain or lose its mark, or
//! change between `Vec`, `Array` and `ShmArray`, and old containers can still be read.

use std::borrow::Cow;

use serde::de::value::{BorrowedBytesDeserializer, BytesDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeSeed, Deserializer, Error as _, SeqAccess, Unexpected, Visitor};

use crate::array::TOKEN;
use crate::context::{self, Form, Handed};
use crate::dtype::{DTypeKind, Scalar};
use crate::error::{Error, Found, Result};
use crate::layout::{self, Order};
use crate::store::{ArrayStream, ByteStream, Placed, PlacedHead};

use super::bounds::Bounds;
use super::buffer::{self, is_buffer};
use super::elements::{adjacent, lend_bytes, visit_all};
use super::ndarray_form::{NDARRAY_FIELDS, visit_ndarray_form};
use super::part::Part;
use super::transparent::wrapped;

/// An array, which answers every request by itself. An array without axes answers by its element, if the request is not for an
/// array.
pub(super) struct Array<'t, 'de> {
    placed: Placed<'de>,
    /// Where it stands in the object.
    name: Cow<'de, str>,
    /// The form that a visitor gets which asks for anything.
    usual: Form,
    bounds: &'t Bounds,
    /// How many options and newtypes the type has asked for around the array.
    wraps: u32,
}

impl<'t, 'de> Array<'t, 'de> {
    pub(super) fn new(
        placed: Placed<'de>,
        name: Cow<'de, str>,
        usual: Form,
        bounds: &'t Bounds,
    ) -> Self {
        Array { placed, name, usual, bounds, wraps: 0 }
    }

    /// The only element of an array without axes.
    fn element(&self) -> Option<Part<'_, 'de>> {
        self.placed.shape.is_empty().then_some(whole(&self.placed, &[], self.bounds))
    }

    /// The only element, for a request that does not fit an array with axes.
    fn only_element<V: Visitor<'de>>(&self, visitor: &V) -> Result<Part<'_, 'de>> {
        let Some(element) = self.element() else {
            return Err(mismatch(&self.placed, visitor));
        };
        check(&self.placed, self.bounds)?;
        Ok(element)
    }

    /// The answer to a request that only an element answers.
    pub(super) fn only<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        self.only_element(&visitor)?.deserialize_unit(visitor)
    }

    fn wrapped(self) -> Result<Self> {
        Ok(Array { wraps: wrapped(self.wraps)?, ..self })
    }
}

/// All of an array, with these strides.
pub(super) fn whole<'p, 'de>(
    placed: &'p Placed<'de>,
    strides: &'p [usize],
    bounds: &'p Bounds,
) -> Part<'p, 'de> {
    let PlacedHead { dtype, shape, .. } = &*placed.head;
    Part { dtype, shape, strides, bytes: placed.bytes, bounds }
}

/// An error if the elements are not in the container, or nest too deep. Rows and structs are read without a check of the stack. So
/// the stack is checked here, if there are many levels of them.
pub(super) fn check(placed: &Placed<'_>, bounds: &Bounds) -> Result<()> {
    const FEW: usize = 6;
    placed.check_plain()?;
    let levels = placed.shape.len() + placed.dtype.levels();
    if levels > FEW { bounds.check_levels(levels) } else { Ok(()) }
}

/// Answers a request under the token, by a newtype of the borrowed bytes. The other facts that the reader of arrays must know go
/// past serde.
pub(super) fn visit_token<'de, V: Visitor<'de>>(
    placed: Placed<'de>,
    visitor: V,
) -> Result<V::Value> {
    let bytes = placed.bytes;
    let is_bool = placed.dtype.scalar() == Some(Scalar::Bool);
    let visit = || visitor.visit_newtype_struct(BorrowedBytesDeserializer::new(bytes));
    context::handing(Handed::Bytes(placed.head), visit).map_err(|error: Error| {
        // The visitor's error has no kind. A byte that is not a bool is corrupt, and not a mismatch of types.
        if is_bool && bytes.iter().any(|byte| *byte > 1) { error.into_corrupt() } else { error }
    })
}

/// The same for an array that is read as it is copied: its bytes come in blocks.
pub(super) fn visit_stream<'de, V: Visitor<'de>>(
    stream: ArrayStream<'de>,
    visitor: V,
) -> Result<V::Value> {
    let ArrayStream { placed, len, bytes } = stream;
    let blocks = Blocks::new(placed.dtype.item_size(), len, bytes);
    let visit = || visitor.visit_newtype_struct(SeqAccessDeserializer::new(blocks));
    context::handing(Handed::Blocks(placed.head), visit)
}

/// How many bytes are read at a time. So many are still in the cache when they are copied.
const BLOCK: usize = 256 << 10;

/// The bytes of an array that is read as it is copied: the blocks that are left. Each has whole elements.
struct Blocks<'de> {
    bytes: Box<dyn ByteStream + 'de>,
    left: usize,
    block: usize,
}

impl<'de> Blocks<'de> {
    /// `len` bytes in all, of elements of `item` bytes.
    fn new(item: usize, len: usize, bytes: Box<dyn ByteStream + 'de>) -> Self {
        let item = item.max(1);
        Blocks { bytes, left: len, block: (BLOCK / item).max(1) * item }
    }
}

impl<'de> SeqAccess<'de> for Blocks<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.left == 0 {
            return Ok(None);
        }
        let bytes = self.bytes.next(self.block).map_err(Error::into_serde)?;
        self.left = self.left.saturating_sub(bytes.len());
        seed.deserialize(BytesDeserializer::new(bytes)).map(Some)
    }
}

/// Gives an array as a sequence, nested by axis. An array without axes gives its element.
pub(super) fn visit_nested<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    bounds: &Bounds,
    visitor: V,
) -> Result<V::Value> {
    check(placed, bounds)?;
    let strides = match placed.order {
        Order::C => Vec::new(),
        Order::F => layout::strides(&placed.shape, placed.order),
    };
    whole(placed, &strides, bounds).deserialize_any(visitor)
}

/// Gives bytes to a visitor that asks for anything. If a visitor of this type has refused bytes before, it gets the list of
/// numbers that a text format makes of them.
pub(super) fn visit_any_bytes<'de, V: Visitor<'de>>(
    bytes: &'de [u8],
    visitor: V,
) -> Result<V::Value> {
    if context::is_without_bytes(typeid::of::<V>()) {
        return visit_all(adjacent::<1>(Scalar::U8, bytes), visitor);
    }
    lend_bytes(bytes, visitor).inspect_err(|error: &Error| {
        if error.is_refusal_of(Found::Bytes) {
            context::learn_no_bytes(typeid::of::<V>());
        }
    })
}

/// The error for an array that was asked for as something else.
fn mismatch<'de, V: Visitor<'de>>(placed: &Placed<'de>, visitor: &V) -> Error {
    let found = format!("an array of {} (shape {:?})", placed.dtype.rust_name(), placed.shape);
    Error::invalid_type(Unexpected::Other(&found), visitor)
}

/// Requests that only an element answers.
macro_rules! element {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            self.only_element(&visitor)?.$method($($arg,)* visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Array<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Array { placed, name, usual, bounds, .. } = self;
        if is_buffer::<V>() {
            return buffer::visit(&placed, &name, bounds, usual, visitor);
        }
        match usual {
            Form::Bytes => visit_any_bytes(placed.bytes, visitor),
            Form::Ndarray => visit_ndarray_form(&placed, bounds, visitor),
            Form::Token | Form::Elements | Form::Floats => visit_nested(&placed, bounds, visitor),
        }
    }

    element! {
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

    /// Gives the array's bytes, if its elements are bytes.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let placed = &self.placed;
        check(placed, self.bounds)?;
        match self.element() {
            Some(element) => element.deserialize_bytes(visitor),
            None if placed.dtype.item_size() != 1 => Err(mismatch(placed, &visitor)),
            None => lend_bytes(placed.bytes, visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self.wrapped()?)
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
            _ => visitor.visit_newtype_struct(self.wrapped()?),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.element() {
            Some(element) => {
                check(&self.placed, self.bounds)?;
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
            Some(element) if self.placed.dtype.kind() == DTypeKind::Struct => {
                check(&self.placed, self.bounds)?;
                element.deserialize_any(visitor)
            }
            _ => visit_ndarray_form(&self.placed, self.bounds, visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if fields == NDARRAY_FIELDS {
            return visit_ndarray_form(&self.placed, self.bounds, visitor);
        }
        self.deserialize_map(visitor)
    }

    /// An array that the type ignores is not walked: it may have any number of rows.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}
