//! How generated code finds out what a field's type is.
//!
//! A derive macro sees tokens and not types. So the code that it writes calls a method on `&&&Probe<T>`. The compiler's method
//! lookup tries this with one reference less at a time, and skips impls whose bounds do not hold for `T`:
//!
//! | receiver | for a marked field | for a field that names an ndarray |
//! |---|---|---|
//! | `&&Probe<T>` | `T: SerializeArray`: the bulk path | `T: SerializeArray`: the bulk path |
//! | `&Probe<T>` | `T: ArrayShape`, an array of something that is not an element: serde's own | serde's own |
//! | `Probe<T>` | the bulk path again, whose missing bound is the error that the user reads | |
//!
//! The method takes the value's type as a type parameter of its own, with the bound that it needs. Generated code writes the
//! field's type there, so that errors about this bound point at the field's type.

#![allow(clippy::missing_errors_doc)] // Only generated code calls these, and it hands on what they return.

use super::{
    DeserializeArray, SerializeArray, deserialize as deserialize_array,
    serialize as serialize_array,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

/// Stands for the type `T` in method lookup.
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Probe<T> {
    /// A probe for `T`.
    #[allow(clippy::new_without_default)] // Only generated code makes one, and it names the type.
    pub const fn new() -> Self {
        Probe(PhantomData)
    }
}

/// The traits that are looked up for a field with `#[shm_array]`.
pub mod marked {
    pub use super::{
        DeserializeBulk as _, DeserializeInline as _, SerializeBulk as _, SerializeInline as _,
    };
}

/// The traits that are looked up for a field whose type contains the name of an ndarray.
pub mod unmarked {
    pub use super::{
        DeserializeBulk as _, DeserializePlain as _, SerializeBulk as _, SerializePlain as _,
    };
}

/// Takes the place of functions that serde's derive has not written because it has reported an error.
pub mod failed {
    pub use super::NotDerived as _;
}

/// Writes a field as an array in bulk.
pub trait SerializeBulk {
    /// Writes the field.
    fn serialize_field<U: SerializeArray + ?Sized, S: Serializer>(
        &self,
        value: &U,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serialize_array(value, serializer)
    }
}

impl<T: SerializeArray + ?Sized> SerializeBulk for &&Probe<T> {}
impl<T: ?Sized> SerializeBulk for Probe<T> {}

/// Writes a marked field as serde does, for an array of something that is not an element.
pub trait SerializeInline {
    /// Writes the field.
    fn serialize_field<U: Serialize + ?Sized, S: Serializer>(
        &self,
        value: &U,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}

impl<T: ArrayShape + ?Sized> SerializeInline for &Probe<T> {}

/// Writes an unmarked field as serde does.
pub trait SerializePlain {
    /// Writes the field.
    fn serialize_field<U: Serialize + ?Sized, S: Serializer>(
        &self,
        value: &U,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }
}

impl<T: ?Sized> SerializePlain for &Probe<T> {}

/// Reads a field as an array in bulk.
pub trait DeserializeBulk<'de> {
    /// Reads the field.
    fn deserialize_field<U: DeserializeArray<'de>, D: Deserializer<'de>>(
        &self,
        deserializer: D,
    ) -> Result<U, D::Error> {
        deserialize_array(deserializer)
    }
}

impl<'de, T: DeserializeArray<'de>> DeserializeBulk<'de> for &&Probe<T> {}
impl<T: ?Sized> DeserializeBulk<'_> for Probe<T> {}

/// Reads a marked field as serde does, for an array of something that is not an element.
pub trait DeserializeInline<'de> {
    /// Reads the field.
    fn deserialize_field<U: Deserialize<'de>, D: Deserializer<'de>>(
        &self,
        deserializer: D,
    ) -> Result<U, D::Error> {
        U::deserialize(deserializer)
    }
}

impl<T: ArrayShape + ?Sized> DeserializeInline<'_> for &Probe<T> {}

/// Reads an unmarked field as serde does.
pub trait DeserializePlain<'de> {
    /// Reads the field.
    fn deserialize_field<U: Deserialize<'de>, D: Deserializer<'de>>(
        &self,
        deserializer: D,
    ) -> Result<U, D::Error> {
        U::deserialize(deserializer)
    }
}

impl<T: ?Sized> DeserializePlain<'_> for &Probe<T> {}

/// An array by its type alone, whatever it holds. `String`, numbers and the user's structs are not arrays.
pub trait ArrayShape {}

impl<T> ArrayShape for [T] {}
impl<T, const N: usize> ArrayShape for [T; N] {}
impl<T> ArrayShape for Vec<T> {}
impl<T: ArrayShape + ?Sized> ArrayShape for &T {}
impl<T: ArrayShape + ?Sized> ArrayShape for Box<T> {}
impl<T: ArrayShape + ?Sized> ArrayShape for Rc<T> {}
impl<T: ArrayShape + ?Sized> ArrayShape for Arc<T> {}
impl<T: ArrayShape + ToOwned + ?Sized> ArrayShape for Cow<'_, T> {}
#[cfg(feature = "ndarray")]
impl<S: ndarray::RawData, D> ArrayShape for ndarray::ArrayBase<S, D> {}

impl<T: ArrayShape> ArrayShape for Option<T> {}
impl<K, V: ArrayShape, S> ArrayShape for HashMap<K, V, S> {}
impl<K, V: ArrayShape> ArrayShape for BTreeMap<K, V> {}
impl<A: ArrayShape> ArrayShape for (A,) {}
impl<A: ArrayShape, B: ArrayShape> ArrayShape for (A, B) {}
impl<A: ArrayShape, B: ArrayShape, C: ArrayShape> ArrayShape for (A, B, C) {}
impl<A: ArrayShape, B: ArrayShape, C: ArrayShape, D: ArrayShape> ArrayShape for (A, B, C, D) {}

/// Has, for every type, the functions that serde's derive should have written. A type's own functions take precedence, so
/// these are called only in code that does not compile anyway.
pub trait NotDerived {
    /// Has no meaning.
    const IS_SHADOW: () = ();

    /// Stands for the missing function.
    fn serialize<T: ?Sized, S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not derived"))
    }

    /// Stands for the missing function.
    fn deserialize<'de, T, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
        Err(serde::de::Error::custom("not derived"))
    }
}

impl<T: ?Sized> NotDerived for T {}
