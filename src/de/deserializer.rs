//! The deserializer that users get from a container. Each request to it reads the object, once.

use std::fmt;
use std::panic::RefUnwindSafe;

use serde::de::{DeserializeSeed, Visitor};

use crate::error::{Error, Result};
use crate::memory::Region;
use crate::store::{BlockSource, Source};
#[cfg(all(feature = "ndarray", feature = "npz"))]
use crate::value::StandIn;
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

/// A container whose object can be read.
pub(crate) trait Handle: Sync + RefUnwindSafe {
    /// Runs `read`, once, with the container's content.
    ///
    /// # Errors
    ///
    /// `Corrupt` and others if the container cannot be read. `read` has not run then.
    fn with_opened<'de>(&'de self, read: &mut dyn FnMut(Opened<'_, 'de>)) -> Result<()>;

    /// The error with the container's name.
    fn named(&self, error: Error) -> Error {
        error
    }
}

/// A container's content, and the region that array handles keep alive because their arrays lie in it.
#[derive(Clone, Copy)]
pub(crate) enum Opened<'s, 'de> {
    Source(&'s dyn Source<'de>, Option<&'s Region>),
    #[cfg(feature = "npz")]
    Tree(&'s crate::store::Tree<'de>, Option<&'s Region>),
}

impl<'de> Opened<'_, 'de> {
    /// Reads the object, and reads it again if a visitor has refused a value that it could take in another form.
    pub(crate) fn read<S: DeserializeSeed<'de> + Clone>(self, seed: &S) -> Result<S::Value> {
        match self {
            Opened::Source(source, region) => object::seed_from_source(seed, source, region),
            #[cfg(feature = "npz")]
            Opened::Tree(tree, region) => by_name::seed_from_tree(seed, tree, region),
        }
    }

    /// Reads the object once. `keeps` says that the seed fills serde's buffer.
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
            Opened::Tree(tree, region) => by_name::walk_tree::<W, L>(tree, region, walk),
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

/// The same with other arrays where `stand_in` gives them.
///
/// # Errors
///
/// Those of reading the container, and of `stand_in`.
#[cfg(all(feature = "ndarray", feature = "npz"))]
pub(crate) fn value_with(handle: &dyn Handle, stand_in: StandIn<'_>) -> Result<Value> {
    let mut builder = Builder::with(stand_in);
    walk_with::<_, Kept>(handle, &mut builder)?;
    builder.finish()
}

/// Reads an object, for code that takes a [`serde::Deserializer`]: a [`DeserializeSeed`], a transcoder, a wrapper, a type-erased
/// reader.
///
/// A handle gives one, by [`Block::deserializer`](crate::Block::deserializer),
/// [`Segment::deserializer`](crate::Segment::deserializer) or `Npz::deserializer`. [`from_bytes`](Self::from_bytes) makes one for
/// bytes. A deserializer is a reference: it can be copied, and used more than once.
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
/// A type's visitor may refuse a value that it could take in another form. [`Block::get`](crate::Block::get) and the other
/// methods then read the object again. A `Deserializer` reads once, because it is handed a visitor, and a visitor can be used only
/// once. Where `get` would read again, a `Deserializer` gives an error that says so. It does this even if another variant of an
/// `untagged` enum was taken instead. This concerns two cases:
///
/// - An array behind `flatten`, or in an `untagged` or tagged enum, if the type asks for it in another form than it was written
///   in: as a `Vec` without `#[shm_array]`, or under serde's own derive. If such an enum is the whole object, this concerns all
///   arrays in it. Use [`get_seed`](crate::Block::get_seed) there.
/// - Bytes, if a visitor asks for anything and does not take bytes, as that of `serde_json::Value` does; and keys of maps that
///   are not text, if a visitor asks for any key and takes only text. This thread remembers by the visitor's type what was
///   refused. So a second read succeeds, and so does `get_seed`.
///
/// A `Deserializer` hands structs over by the names of their fields, as text formats do, so that wrappers know which field they
/// are in. `get` hands them over by position where it can, which is faster.
///
/// # Cost
///
/// Each request (`T::deserialize`, and also `is_human_readable`) reads the container's tables again. With the feature `deep`, an
/// object of more than 64 bytes beside its arrays is read on a stack of its own, because it cannot be read a second time on one
/// when it turns out to nest deep. To make that stack takes the system some 40 µs.
#[derive(Clone, Copy)]
pub struct Deserializer<'de>(From<'de>);

#[derive(Clone, Copy)]
enum From<'de> {
    Bytes(&'de [u8]),
    Handle(&'de dyn Handle),
}

impl<'de> Deserializer<'de> {
    /// A deserializer for the bytes of a block, as [`from_bytes`](crate::from_bytes) takes them.
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
    /// This function does not check the bytes. A request reports the errors that [`from_bytes`](crate::from_bytes) would report.
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

    /// What the object itself says; `false` if it cannot be read.
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
