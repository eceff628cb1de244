//! How generated code finds out what a field's type is.
//!
//! A derive macro sees tokens and not types. So the code it writes asks by a method call on `&&&Probe<T>`, of which the
//! compiler's method lookup tries one reference less at a time and passes over what does not hold for `T`:
//!
//! | receiver | for a marked field | for a field that names an ndarray |
//! |---|---|---|
//! | `&&Probe<T>` | `T: SerializeArray`: the bulk path | `T: SerializeArray`: the bulk path |
//! | `&Probe<T>` | `T: ArrayShape`, an array of something that is no element: serde's own | serde's own |
//! | `Probe<T>` | the bulk path again, whose missing bound is the error that the user reads | |
//!
//! The method takes the value's type as a parameter of its own, with the bound that it needs. Generated code writes the
//! field's type there, and errors about that bound point at it.

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

/// Stands for a type in method lookup.
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: ?Sized> Probe<T> {
    /// A probe for `T`.
    #[allow(clippy::new_without_default)] // Only generated code makes one, and it names the type.
    pub const fn new() -> Self {
        Probe(PhantomData)
    }
}

/// What a field with `#[shm_array]` looks among.
pub mod marked {
    pub use super::{
        DeserializeBulk as _, DeserializeInline as _, SerializeBulk as _, SerializeInline as _,
    };
}

/// What a field looks among in whose type the name of an ndarray stands.
pub mod unmarked {
    pub use super::{
        DeserializeBulk as _, DeserializePlain as _, SerializeBulk as _, SerializePlain as _,
    };
}

/// What takes the place of functions that serde's derive has not written, because it has reported an error.
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

/// Writes a marked field as serde does, for an array of something that is no element.
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

/// Reads a marked field as serde does, for an array of something that is no element.
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

/// An array, by its type alone, whatever it holds. Not `String`, not a number, not a struct of the user's.
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

/// Has the names of the functions that serde's derive should have written, for every type. Functions of the type's own
/// go first, so these are called in code only that does not compile anyway.
pub trait NotDerived {
    /// Says nothing.
    const IS_SHADOW: () = ();

    /// Stands for the function that is missing.
    fn serialize<T: ?Sized, S: Serializer>(_: &T, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("not derived"))
    }

    /// Stands for the function that is missing.
    fn deserialize<'de, T, D: Deserializer<'de>>(_: D) -> Result<T, D::Error> {
        Err(serde::de::Error::custom("not derived"))
    }
}

impl<T: ?Sized> NotDerived for T {}
