//! The serializer that users are handed. It is the walk's own, for any container. The code that completes the container keeps the
//! whole object's end. So the code that writes to the serializer returns nothing by which it could pass a part off as the whole.

use std::cell::Cell;
use std::fmt;

use serde::ser::{self, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::stack;
use crate::store::{Finish, Sink};

use super::frames::{Depth, Here};
use super::ndarray_form::StructOrArray;
use super::record::{RecordWriter, TupleOrSeq, TupleStruct};
use super::schema::SchemaArena;
use super::seq_map::{MapWriter, SeqWriter};
use super::{Place, Rest, Writer, Written, dropped};

/// Calls `write` with a serializer, and writes to the sink what `write` gives to it.
///
/// # Errors
///
/// Those of the sink and of `write`; `Message` if `write` gave no whole value; `Limit` if the value nests too deep.
pub(crate) fn to_sink_with<S: Finish>(
    mut sink: S,
    write: impl FnOnce(Serializer<'_, '_>) -> Result<()>,
) -> Result<S::Output> {
    let Rest { inline, tables } = rest_of(&mut sink, S::HEADROOM, write)?;
    sink.finish(inline, &tables)
}

fn rest_of(
    sink: &mut dyn Sink,
    headroom: usize,
    write: impl FnOnce(Serializer<'_, '_>) -> Result<()>,
) -> Result<Rest> {
    if stack::is_begun::<()>() {
        return rest_here(sink, headroom, write);
    }
    let (mut write, mut rest) = (Some(write), None);
    stack::more(0, &mut || {
        rest = write.take().map(|write| rest_here(sink, headroom, write));
    })?;
    rest.unwrap_or_else(|| Err(stack::too_low()))
}

fn rest_here(
    sink: &mut dyn Sink,
    headroom: usize,
    write: impl FnOnce(Serializer<'_, '_>) -> Result<()>,
) -> Result<Rest> {
    let arena = SchemaArena::default();
    let mut writer = Writer::new(sink, headroom, &arena);
    writer.low = !writer.watch.is_begun();
    let whole = Cell::new(None);
    let place = writer.at(0, Here::ROOT, Depth::default());
    write(Serializer { place, whole: &whole }).map_err(Error::out_of_serde)?;
    if writer.failed {
        return Err(dropped());
    }
    let Some(written) = whole.get() else { return Err(not_whole()) };
    writer.flush(written.next());
    writer.finish()
}

#[cold]
fn not_whole() -> Error {
    Error::new(
        ErrorKind::Message,
        "expected one whole value to be written to the serializer, found none, or one that was not ended, or whose error was \
         dropped: give it to `serialize`, and return what that returns",
    )
}

/// Writes an object of any kind, for code that takes a [`serde::Serializer`]: a transcoder, a wrapper, a type-erased value.
///
/// [`to_bytes_with`](super::to_bytes_with), [`to_writer_with`](super::to_writer_with),
/// [`SegmentOptions::create_with`](crate::SegmentOptions::create_with) and `NpzOptions::save_with` hand it to a closure. It takes
/// one value. The container is completed after the closure has returned, and only if that value is whole. The closure returns no
/// data, so that the end of a part, or of another object, cannot be taken for the end of this one.
///
/// ```
/// use serde::Serialize;
///
/// let mut track = serde_path_to_error::Track::new();
/// let bytes = serde_shm::ser::to_bytes_with(|serializer| {
///     [1, 2].serialize(serde_path_to_error::Serializer::new(serializer, &mut track))
/// })?;
/// assert_eq!(bytes, serde_shm::to_bytes(&[1, 2])?);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// It writes what [`to_bytes`](crate::to_bytes) and the others write, in one pass, and at the same speed except for the time that
/// wrappers take. Arrays stay arrays if a wrapper passes on the names of newtypes and tuple structs; all known wrappers do. A
/// transcoder sees an array as numbers, and writes it as numbers.
///
/// There is one difference. Some types have a form for human readers and a compact one, such as an IP address. Such a value is
/// written in its compact form if it is the whole object. Inside an object, it is written in the form for human readers if that
/// is short, because code that reads it through serde's `untagged` and `flatten` needs this form.
pub struct Serializer<'q, 'a> {
    place: Place<'q, 'a>,
    /// Where the object ends, once it is whole.
    whole: &'q Cell<Option<Written>>,
}

impl fmt::Debug for Serializer<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serializer").finish_non_exhaustive()
    }
}

/// The whole object of a [`Serializer`] while it is being written, if it is a sequence, map, struct, tuple or variant with parts.
///
/// ```
/// use serde::Serializer as _;
/// use serde::ser::SerializeSeq;
///
/// let bytes = serde_shm::ser::to_bytes_with(|serializer| {
///     let mut numbers: serde_shm::ser::Compound<'_, '_> = serializer.serialize_seq(None)?;
///     (0..3).try_for_each(|number| numbers.serialize_element(&number))?;
///     numbers.end()
/// })?;
/// assert_eq!(serde_shm::from_bytes::<Vec<u32>>(&bytes)?, [0, 1, 2]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// If it is dropped before `end` is called, no object is written.
pub struct Compound<'q, 'a> {
    parts: Parts<'q, 'a>,
    whole: &'q Cell<Option<Written>>,
}

impl fmt::Debug for Compound<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compound").finish_non_exhaustive()
    }
}

enum Parts<'q, 'a> {
    Seq(SeqWriter<'q, 'a>),
    Tuple(TupleOrSeq<'q, 'a>),
    TupleStruct(TupleStruct<'q, 'a>),
    Variant(RecordWriter<'q, 'a>),
    Map(MapWriter<'q, 'a>),
    Struct(StructOrArray<'q, 'a>),
}

/// Values that are written at once.
macro_rules! values {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method(self, $($arg: $ty),*) -> Result<()> {
            let written = self.place.$method($($arg),*)?;
            self.whole.set(Some(written));
            Ok(())
        }
    )*};
}

/// Values that hold one other value.
macro_rules! around {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        fn $method<T: Serialize + ?Sized>(self, $($arg: $ty,)* value: &T) -> Result<()> {
            let written = self.place.$method($($arg,)* value)?;
            self.whole.set(Some(written));
            Ok(())
        }
    )*};
}

/// Values that have parts.
macro_rules! compounds {
    ($($method:ident($($arg:ident: $ty:ty),*) $kind:ident;)*) => {$(
        fn $method(self, $($arg: $ty),*) -> Result<Compound<'q, 'a>> {
            let parts = Parts::$kind(self.place.$method($($arg),*)?);
            Ok(Compound { parts, whole: self.whole })
        }
    )*};
}

impl<'q, 'a> serde::Serializer for Serializer<'q, 'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'q, 'a>;
    type SerializeTuple = Compound<'q, 'a>;
    type SerializeTupleStruct = Compound<'q, 'a>;
    type SerializeTupleVariant = Compound<'q, 'a>;
    type SerializeMap = Compound<'q, 'a>;
    type SerializeStruct = Compound<'q, 'a>;
    type SerializeStructVariant = Compound<'q, 'a>;

    /// A value inside an object that asks this is asked once more for its other form. The whole object cannot be asked once more.
    fn is_human_readable(&self) -> bool {
        false
    }

    values! {
        serialize_bool(value: bool);
        serialize_i8(value: i8);
        serialize_i16(value: i16);
        serialize_i32(value: i32);
        serialize_i64(value: i64);
        serialize_i128(value: i128);
        serialize_u8(value: u8);
        serialize_u16(value: u16);
        serialize_u32(value: u32);
        serialize_u64(value: u64);
        serialize_u128(value: u128);
        serialize_f32(value: f32);
        serialize_f64(value: f64);
        serialize_char(value: char);
        serialize_str(value: &str);
        serialize_bytes(value: &[u8]);
        serialize_none();
        serialize_unit();
        serialize_unit_struct(name: &'static str);
        serialize_unit_variant(name: &'static str, index: u32, variant: &'static str);
    }

    around! {
        serialize_some();
        serialize_newtype_struct(name: &'static str);
        serialize_newtype_variant(name: &'static str, index: u32, variant: &'static str);
    }

    compounds! {
        serialize_seq(len: Option<usize>) Seq;
        serialize_tuple(len: usize) Tuple;
        serialize_tuple_struct(name: &'static str, len: usize) TupleStruct;
        serialize_tuple_variant(name: &'static str, index: u32, variant: &'static str, len: usize) Variant;
        serialize_map(len: Option<usize>) Map;
        serialize_struct(name: &'static str, len: usize) Struct;
        serialize_struct_variant(name: &'static str, index: u32, variant: &'static str, len: usize) Variant;
    }
}

/// The error for a part of another kind than the one begun. No serializer mixes these up.
#[cold]
fn another_kind() -> Error {
    ser::Error::custom("a part of another kind of object")
}

macro_rules! parts {
    ($($trait:ident $kind:ident { $($method:ident($($arg:ident: $ty:ty),*);)* })*) => {$(
        impl ser::$trait for Compound<'_, '_> {
            type Ok = ();
            type Error = Error;

            $(fn $method<T: Serialize + ?Sized>(&mut self, $($arg: $ty,)* value: &T) -> Result<()> {
                match &mut self.parts {
                    Parts::$kind(parts) => ser::$trait::$method(parts, $($arg,)* value),
                    _ => Err(another_kind()),
                }
            })*

            parts!(skip $trait $kind);

            fn end(self) -> Result<()> {
                match self.parts {
                    Parts::$kind(parts) => {
                        self.whole.set(Some(ser::$trait::end(parts)?));
                        Ok(())
                    }
                    _ => Err(another_kind()),
                }
            }
        }
    )*};
    (skip SerializeStruct $kind:ident) => { parts!(skipping SerializeStruct $kind); };
    (skip SerializeStructVariant $kind:ident) => { parts!(skipping SerializeStructVariant $kind); };
    (skip $trait:ident $kind:ident) => {};
    (skipping $trait:ident $kind:ident) => {
        fn skip_field(&mut self, key: &'static str) -> Result<()> {
            match &mut self.parts {
                Parts::$kind(parts) => ser::$trait::skip_field(parts, key),
                _ => Err(another_kind()),
            }
        }
    };
}

parts! {
    SerializeSeq Seq { serialize_element(); }
    SerializeTuple Tuple { serialize_element(); }
    SerializeTupleStruct TupleStruct { serialize_field(); }
    SerializeTupleVariant Variant { serialize_field(); }
    SerializeMap Map { serialize_key(); serialize_value(); }
    SerializeStruct Struct { serialize_field(key: &'static str); }
    SerializeStructVariant Variant { serialize_field(key: &'static str); }
}
