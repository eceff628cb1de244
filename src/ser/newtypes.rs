//! Newtype structs under their names, where that is asked for.

use serde::ser::{Serialize, Serializer};

use crate::array::{NEWTYPES, is_private};
use crate::error::Result;
use crate::store::Sink;

use super::{Place, Writer, Written};

/// An object, or a part of one, in which newtype structs keep their names: what they hold is written under the name of the struct.
///
/// By itself a newtype struct is what it holds, and its name is lost: `struct Celsius(f32)` is an `f32`. Programs that know nothing of
/// the type, in Rust or another language, are told of it where this is around it: as [`Value::Named`](crate::Value::Named), and by
/// [`Walk::named`](crate::value::Walk::named). Readers by type read the same as without it. It goes around whatever is given to a
/// function that writes, so that there is one way for every container.
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
/// - Elements of arrays: they are bytes. An array that a newtype struct holds is named.
/// - What a newtype struct holds that serde's derive writes without it: with `#[serde(transparent)]`, directly behind `flatten`, and
///   as a variant of an enum with a `tag`.
/// - Newtype structs with an empty name, or one that begins with a sign other than `_`, as those have by which crates speak to
///   themselves.
///
/// # Cost
///
/// The name's bytes, and two, with each value. A list of numbers in newtype structs is written and read one by one. A name counts as
/// an option does in how deep values may nest.
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
    /// As what they hold.
    Bare,
    /// Under their names.
    Named,
}

impl<S> Writer<'_, S> {
    /// Whether a newtype struct of this name is more than what it holds.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn notes(&self, name: &str) -> bool {
        let is_named = || !name.is_empty() && !is_private(name);
        self.newtypes == Newtypes::Named && is_named() || name == NEWTYPES
    }
}

impl<S: Sink> Place<'_, '_, S> {
    /// What a newtype struct holds, under its name or so that those in it are written under theirs.
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
