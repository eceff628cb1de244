//! The name under which a value stands.

use std::fmt;
use std::sync::Arc;

use serde::ser::{Serialize, SerializeTupleStruct, Serializer};

use crate::array::{Bytes, NAMED, TOKEN, is_bound_for_ours};
use crate::context::take_announced;
use crate::error::{Error, ErrorKind, Result};

/// The name under which a value stands: that of its type in the language that wrote it, such as a newtype struct in Rust or a
/// class in Python.
///
/// The name says nothing about how the value is encoded. A reader that does not ask for the name reads the value as it reads what
/// a newtype struct holds. A [`Value`](super::Value) and a [`Walk`](super::Walk) tell the name. Other formats get the value
/// without it.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use serde_shm::value::{Name, Value};
///
/// let celsius = Name::new("Celsius")?;
/// let block = serde_shm::to_bytes(&[celsius.value(&21.5_f32), celsius.value(&-3.0)])?;
/// assert_eq!(serde_shm::from_bytes::<Vec<f32>>(&block)?, [21.5, -3.0]);
///
/// let value: Value = serde_shm::from_bytes(&block)?;
/// let Value::Named(name, inner) = &value[0] else { panic!() };
/// assert_eq!((name.as_str(), &**inner), ("Celsius", &Value::F32(21.5)));
/// assert_eq!(value.to_string(), "(Celsius(21.5), Celsius(-3.0))");
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// [`NamedNewtypes`](crate::ser::NamedNewtypes) writes the names of Rust's own newtype structs. A clone costs a reference count.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Makes a name of any text that is not empty. Each value under it is written with the name, in as many bytes as it has.
    ///
    /// ```
    /// use serde_shm::{ErrorKind, value::Name};
    ///
    /// assert_eq!(Name::new("Celsius")?.to_string(), "Celsius");
    /// assert_eq!(Name::new("").unwrap_err().kind(), ErrorKind::InvalidInput);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is empty.
    pub fn new(name: &str) -> Result<Self> {
        if name.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "expected the name of a value's type, found an empty text",
            ));
        }
        Ok(Name(name.into()))
    }

    /// A name that was read, which is not empty.
    #[cfg(feature = "ndarray")]
    pub(super) fn of_read(name: &str) -> Self {
        Name(name.into())
    }

    /// The text.
    ///
    /// ```
    /// assert_eq!(serde_shm::value::Name::new("Celsius")?.as_str(), "Celsius");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A value under this name, to be serialized. Other formats get the value alone.
    ///
    /// ```
    /// let celsius = serde_shm::value::Name::new("Celsius")?;
    /// let block = serde_shm::to_bytes(&celsius.value(&21.5_f32))?;
    /// assert_eq!(serde_shm::from_bytes::<f32>(&block)?, 21.5); // the name can be left alone
    /// assert_eq!(serde_json::to_string(&celsius.value(&21.5)).unwrap(), "21.5");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn value<'v, T: Serialize + ?Sized>(&'v self, value: &'v T) -> impl Serialize + 'v {
        Named { name: self, value }
    }
}

struct Named<'v, T: ?Sized> {
    name: &'v Name,
    value: &'v T,
}

impl<T: Serialize + ?Sized> Serialize for Named<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TOKEN, &NamePayload(self))
    }
}

struct NamePayload<'p, 'v, T: ?Sized>(&'p Named<'v, T>);

impl<T: Serialize + ?Sized> Serialize for NamePayload<'_, '_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Named { name, value } = self.0;
        if take_announced() || is_bound_for_ours::<S>() {
            let mut named = serializer.serialize_tuple_struct(NAMED, 2)?;
            named.serialize_field(&Bytes(name.as_str().as_bytes()))?;
            named.serialize_field(value)?;
            return named.end();
        }
        value.serialize(serializer)
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
