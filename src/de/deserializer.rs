//! The deserializer that users take of a container: each request of it reads the object, once.

use std::fmt;
use std::panic::RefUnwindSafe;

use serde::de::{DeserializeSeed, Visitor};

use crate::error::{Error, Result};
use crate::memory::Region;
use crate::store::{BlockSource, Source};
#[cfg(feature = "ndarray")]
use crate::value::{Builder, Value, Walk};

use super::buffer::is_buffer;
#[cfg(feature = "npz")]
use super::by_name;
#[cfg(feature = "ndarray")]
use super::kept::Kept;
use super::object;
#[cfg(feature = "ndarray")]
use super::walk::{Lists, Told};

/// A container that was opened, whose object can be read.
pub(crate) trait Handle: Sync + RefUnwindSafe {
    /// Runs `read`, once, with what is in it.
    ///
    /// # Errors
    ///
    /// `Corrupt` and others if it cannot be read; `read` was not run then.
    fn with_opened<'de>(&'de self, read: &mut dyn FnMut(Opened<'_, 'de>)) -> Result<()>;

    /// The error with the container's name.
    fn named(&self, error: Error) -> Error {
        error
    }
}

/// What is in a container, and the region in which arrays lie that handles keep.
#[derive(Clone, Copy)]
pub(crate) enum Opened<'s, 'de> {
    Source(&'s dyn Source<'de>, Option<&'s Region>),
    #[cfg(feature = "npz")]
    Tree(&'s crate::store::Tree<'de>, Option<&'s Region>),
}

impl<'de> Opened<'_, 'de> {
    /// Reads the object, again where a visitor has refused what it could have had in another form.
    pub(crate) fn read<S: DeserializeSeed<'de> + Clone>(self, seed: &S) -> Result<S::Value> {
        match self {
            Opened::Source(source, region) => object::seed_from_source(seed, source, region),
            #[cfg(feature = "npz")]
            Opened::Tree(tree, region) => by_name::seed_from_tree(seed, tree, region),
        }
    }

    /// `keeps`: the seed fills serde's buffer.
    fn read_once<S: DeserializeSeed<'de>>(self, seed: S, keeps: bool) -> Result<S::Value> {
        match self {
            Opened::Source(source, region) => object::once_from_source(seed, source, region, keeps),
            #[cfg(feature = "npz")]
            Opened::Tree(tree, region) => by_name::once_from_tree(seed, tree, region, keeps),
        }
    }

    #[cfg(feature = "ndarray")]
    fn walk<W: Walk<'de>, L: Lists<W>>(self, walk: &mut W) -> Result<()> {
        match self {
            Opened::Source(source, region) => object::walk_source::<W, L>(source, region, walk),
            #[cfg(feature = "npz")]
            Opened::Tree(tree, region) => by_name::walk_tree(tree, region, walk),
        }
    }

    fn is_human_readable(self) -> bool {
        match self {
            Opened::Source(source, _) => object::is_human_readable(source),
            #[cfg(feature = "npz")]
            Opened::Tree(..) => false,
        }
    }
}

/// Walks over the object of a container.
///
/// # Errors
///
/// Those of the walk, with the place in the object, and of reading the container.
#[cfg(feature = "ndarray")]
pub(crate) fn walk<'de, W: Walk<'de>>(handle: &'de dyn Handle, walk: &mut W) -> Result<()> {
    walk_with::<W, Told>(handle, walk)
}

#[cfg(feature = "ndarray")]
fn walk_with<'de, W: Walk<'de>, L: Lists<W>>(handle: &'de dyn Handle, walk: &mut W) -> Result<()> {
    let mut result = Ok(());
    let opened = handle.with_opened(&mut |opened| result = opened.walk::<W, L>(walk));
    opened.and(result).map_err(|error| handle.named(error))
}

/// The object of a container as a value.
///
/// # Errors
///
/// Those of reading the container.
#[cfg(feature = "ndarray")]
pub(crate) fn value(handle: &dyn Handle) -> Result<Value> {
    let mut builder = Builder::default();
    walk_with::<_, Kept>(handle, &mut builder)?;
    builder.finish()
}

/// Reads an object, for code that wants a [`serde::Deserializer`]: a [`DeserializeSeed`], a transcoder, a wrapper, a type-erased
/// reader.
///
/// It is had of a handle, by [`Block::deserializer`](crate::Block::deserializer),
/// [`Segment::deserializer`](crate::Segment::deserializer) and `Npz::deserializer`, and of bytes. It is a reference, and can be copied
/// and used again.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use serde_shm::Block;
///
/// #[derive(Serialize)]
/// struct Written { name: &'static str, size: i32 }
/// #[derive(Debug, Deserialize)]
/// struct Read { name: String, size: u32 }
///
/// let block = Block::new(serde_shm::to_bytes(&[Written { name: "a", size: -1 }])?)?;
/// let error = serde_path_to_error::deserialize::<_, Vec<Read>>(block.deserializer()).unwrap_err();
/// assert_eq!(error.path().to_string(), "[0].size");
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # What differs from `get`
///
/// [`Block::get`](crate::Block::get) and the others read an object again where a visitor has refused what it could have had in
/// another form. A visitor is used up by that, so what is handed one cannot: this reads once, and where `get` would read again it
/// is an error that says so, also where some other variant of an `untagged` enum was taken instead. This concerns
///
/// - an array behind `flatten`, or in an `untagged` or tagged enum, that is asked for as anything but what it was written as:
///   as a `Vec` without `#[shm_array]`, or under serde's own derive. If such an enum is the whole object, this concerns all arrays
///   in it. What is needed is [`get_seed`](crate::Block::get_seed);
/// - bytes, where a visitor asks for anything and takes none, as that of `serde_json::Value`, and keys of maps that are no
///   text, where it asks for any and takes only text. What was refused is kept for the visitor's type, by this thread: the second
///   time this succeeds, as does `get_seed`.
///
/// Structs are handed over by the names of their fields, as text formats do it, so that wrappers know where they are; `get` does
/// it by position where it can, which is faster.
///
/// # Cost
///
/// Each request (`T::deserialize`, and `is_human_readable`, too) looks at the container's tables again. An object of more than 64
/// bytes beside its arrays is read on a stack of its own with the feature `deep`, which takes the system some 40 µs: it
/// cannot be read again on one when it turns out to nest deep.
#[derive(Clone, Copy)]
pub struct Deserializer<'de>(From<'de>);

#[derive(Clone, Copy)]
enum From<'de> {
    Bytes(&'de [u8]),
    Handle(&'de dyn Handle),
}

impl<'de> Deserializer<'de> {
    /// Of a block of bytes, as [`from_bytes`](crate::from_bytes) takes it.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use serde_shm::de::Deserializer;
    ///
    /// let bytes = serde_shm::to_bytes(&("answer", 42))?;
    /// let deserializer = Deserializer::from_bytes(&bytes);
    /// assert_eq!(<(&str, i32)>::deserialize(deserializer)?, ("answer", 42));
    /// let error = <(&str, i32)>::deserialize(Deserializer::from_bytes(b"text")).unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Corrupt);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// Nothing is looked at before something is asked for: what `from_bytes` reports, a request does.
    pub fn from_bytes(bytes: &'de [u8]) -> Self {
        Deserializer(From::Bytes(bytes))
    }

    pub(crate) fn of(handle: &'de dyn Handle) -> Self {
        Deserializer(From::Handle(handle))
    }

    fn open(self, read: &mut dyn FnMut(Opened<'_, 'de>)) -> Result<()> {
        match self.0 {
            From::Bytes(bytes) => {
                read(Opened::Source(&BlockSource::parse(bytes)?, None));
                Ok(())
            }
            From::Handle(handle) => handle.with_opened(read),
        }
    }

    fn once<S: DeserializeSeed<'de>>(self, seed: S, keeps: bool) -> Result<S::Value> {
        let (mut seed, mut result) = (Some(seed), None);
        let opened = self.open(&mut |opened| {
            result = seed.take().map(|seed| opened.read_once(seed, keeps));
        });
        let not_read = || Err(Error::corrupt("it was not read"));
        opened.and_then(|()| result.unwrap_or_else(not_read)).map_err(|error| match self.0 {
            From::Bytes(_) => error,
            From::Handle(handle) => handle.named(error),
        })
    }
}

impl fmt::Debug for Deserializer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deserializer").finish_non_exhaustive()
    }
}

macro_rules! requests {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value> {
            struct Request<V> {
                visitor: V,
                $($arg: $ty,)*
            }

            impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Request<V> {
                type Value = V::Value;

                fn deserialize<D: serde::Deserializer<'de>>(
                    self,
                    deserializer: D,
                ) -> Result<V::Value, D::Error> {
                    deserializer.$method($(self.$arg,)* self.visitor)
                }
            }

            self.once(Request { visitor, $($arg,)* }, is_buffer::<V>())
        }
    )*};
}

impl<'de> serde::Deserializer<'de> for Deserializer<'de> {
    type Error = Error;

    /// As the object itself says; no, if it cannot be read.
    fn is_human_readable(&self) -> bool {
        let mut is_readable = false;
        let opened = self.open(&mut |opened| is_readable = opened.is_human_readable());
        opened.is_ok() && is_readable
    }

    requests! {
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
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }
}
