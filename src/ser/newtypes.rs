//! Writes newtype structs under their names, where the user asks for that.

use serde::ser::{Serialize, Serializer};

use crate::array::{NEWTYPES, is_private};
use crate::error::Result;

use super::{Place, Writer, Written};

/// A wrapper for an object, or for a part of one, in which newtype structs keep their names.
///
/// A newtype struct is normally written as the value that it holds, and its name is lost: `struct Celsius(f32)` is written as an
/// `f32`. Inside this wrapper, the value is written under the struct's name. Programs that do not know the type, in Rust or in
/// another language, then find the name, as [`Value::Named`](crate::Value::Named) and by
/// [`Walk::named`](crate::value::Walk::named). Code that reads the object by its type reads the same as without the wrapper.
///
/// Wrap the value that you give to a function that writes. This works for every container.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use serde_shm::{ser::NamedNewtypes, value::Value};
///
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Celsius(f32);
///
/// let readings = [Celsius(21.5), Celsius(-3.0)];
/// let block = serde_shm::to_bytes(&NamedNewtypes(&readings))?;
/// assert_eq!(serde_shm::from_bytes::<[Celsius; 2]>(&block)?, readings);
/// assert_eq!(serde_shm::from_bytes::<Value>(&block)?.to_string(), "(Celsius(21.5), Celsius(-3.0))");
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # What is not named
///
/// - Elements of arrays, because they are written as bytes. An array that a newtype struct holds is named.
/// - A newtype struct that serde's derive leaves out, so that only the value in it is written: with `#[serde(transparent)]`,
///   directly behind `flatten`, and as a variant of an enum with a `tag`.
/// - A newtype struct whose name is empty, or begins with a sign other than `_`. Crates use such names for private purposes.
///
/// # Cost
///
/// Each value takes two bytes more, and the bytes of the name. Numbers of a list that are in newtype structs are written and read
/// one by one. For the limit of how deep values may nest, a name counts as an option does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NamedNewtypes<T: ?Sized>(pub T);

impl<T: Serialize + ?Sized> Serialize for NamedNewtypes<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NEWTYPES, &self.0)
    }
}

/// How newtype structs are written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Newtypes {
    /// As the values that they hold.
    Bare,
    /// Under their names.
    Named,
}

impl Writer<'_> {
    /// Whether a newtype struct of this name is written in another way than the value that it holds.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn notes(&self, name: &str) -> bool {
        let is_named = || !name.is_empty() && !is_private(name);
        self.newtypes == Newtypes::Named && is_named() || name == NEWTYPES
    }
}

impl Place<'_, '_> {
    /// Writes the value of a newtype struct: under the struct's name, or so that newtype structs in it are written under theirs.
    #[cold]
    #[inline(never)]
    pub(super) fn newtype<T: Serialize + ?Sized>(self, name: &str, value: &T) -> Result<Written> {
        if name != NEWTYPES {
            return self.named(name, value);
        }
        let Place { writer, next, here, depth } = self;
        let outer = std::mem::replace(&mut writer.newtypes, Newtypes::Named);
        let written = value.serialize(writer.at(next, here.get(), depth));
        writer.newtypes = outer;
        written
    }
}
