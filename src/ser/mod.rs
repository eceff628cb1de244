//! The [`Serializer`], for code that takes any [`serde::Serializer`], and the functions that hand it out.
//!
//! [`to_bytes`](crate::to_bytes), [`to_shared`](crate::to_shared) and `to_npz` take a value. Some code has no value and takes a
//! serializer instead: code that transcodes from another format, writes a type-erased value, or wraps the serializer so that
//! errors say more. This module is for such code.
//!
//! ```
//! # #[cfg(target_os = "linux")] {
//! use serde_shm::SegmentOptions;
//!
//! let text = r#"{"name":"mouse","genes":[1,2.5,null]}"#;
//! let mut json = serde_json::Deserializer::from_str(text);
//! let segment = SegmentOptions::new().create_with(|s| serde_transcode::transcode(&mut json, s))?;
//!
//! let mut back = Vec::new();
//! let to_json = &mut serde_json::Serializer::new(&mut back);
//! serde_transcode::transcode(segment.deserializer(), to_json).unwrap();
//! assert_eq!(back, text.as_bytes());
//! # }
//! # Ok::<(), serde_shm::Error>(())
//! ```
//!
//! [`de`](crate::de) is the counterpart for reading.

// The walk over a value encodes everything but arrays inline, and sends arrays to the sink. It asks each value once, and writes
// what the value says as it comes. Only a type of two forms is asked twice (`forms`).
//
// - `value` writes values that have no parts, `record` structs, tuples and variants, `seq_map` sequences and maps. All of them
//   write to the `room`.
// - `array` takes arrays over from their payloads, `array_list` many of them at once. `shared` remembers arrays that have shared owners.
// - `ndarray_form` recognises ndarray's own serde form. While the form's parts are what ndarray gives, `axes` takes its shape
//   and `elements` its elements. Where they are not, `forward` hands them on.
// - `named` takes values whose type is known at run time only. `newtypes` has newtype structs written under their names.
// - `schema` gives each kind of record its number. `frames` has what is known of open records, sequences and maps. `path` names
//   the place of an array.
// - `serializer` is the public face of all that.

mod array;
mod array_list;
mod axes;
mod elements;
mod forms;
mod forward;
mod frames;
mod named;
mod ndarray_form;
mod newtypes;
mod number_lists;
mod numbers;
mod path;
mod record;
mod room;
mod schema;
mod seq_map;
mod serializer;
mod shared;
mod unsupported;
mod value;

use std::cell::Cell;
use std::io::Write;

use serde::ser::Serialize;

use crate::error::{Error, ErrorKind, Result};
use crate::memory::AlignedBytes;
use crate::stack::{self, Watch};
use crate::store::{BlockSink, BytesSink, Finish, Nonce, Sink};
use crate::wire::Tag;

use array::Known;
use forms::Before;
use frames::{Depth, Frame, Here};
use newtypes::Newtypes;
use path::PlaceName;
use room::ROOM;
use schema::{SchemaArena, Schemas};
use shared::SharedArrays;

pub use newtypes::NamedNewtypes;
pub(crate) use serializer::to_sink_with;
pub use serializer::{Compound, Serializer};

/// Calls `write` with a serializer, and makes one block of bytes from what `write` writes to it.
///
/// The block is the same as that of [`to_bytes`](crate::to_bytes).
///
/// ```
/// let mut json = serde_json::Deserializer::from_str("[1, 2, 3]");
/// let bytes = serde_shm::ser::to_bytes_with(|s| serde_transcode::transcode(&mut json, s))?;
/// assert_eq!(serde_shm::from_bytes::<Vec<u8>>(&bytes)?, [1, 2, 3]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// This costs as much as `to_bytes`.
///
/// # Errors
///
/// Those of `write`, and those of [`to_bytes`](crate::to_bytes). [`Message`](crate::ErrorKind::Message) if `write` returned
/// without an error and gave no whole value to the serializer.
pub fn to_bytes_with(write: impl FnOnce(Serializer<'_, '_>) -> Result<()>) -> Result<AlignedBytes> {
    to_sink_with(BytesSink::new(None), write)
}

/// Calls `write` with a serializer, and writes one block to `writer` from what `write` writes to the serializer.
///
/// The block is the same as that of [`to_writer`](crate::to_writer).
///
/// ```
/// use serde::Serialize;
///
/// let mut file = Vec::new();
/// serde_shm::ser::to_writer_with(&mut file, |serializer| "text".serialize(serializer))?;
/// assert_eq!(serde_shm::from_bytes::<&str>(&file)?, "text");
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// This costs as much as `to_writer`.
///
/// # Errors
///
/// Those of [`to_bytes_with`] and of the writer. The writer may then have got a part of a block.
pub fn to_writer_with<W: Write>(
    writer: W,
    write: impl FnOnce(Serializer<'_, '_>) -> Result<()>,
) -> Result<()> {
    to_sink_with(BlockSink::new(writer, Nonce::default()), write).map(drop)
}

/// Writes a value to a sink.
///
/// # Errors
///
/// Those of the sink, those that the value's `Serialize` reports, and `Limit` if the value nests too deep.
pub(crate) fn to_sink<T: Serialize + ?Sized, S: Finish>(
    value: &T,
    mut sink: S,
) -> Result<S::Output> {
    let Rest { inline, tables } = write_arrays(value, &mut sink, S::HEADROOM)?;
    sink.finish(inline, &tables)
}

/// The parts of a container that are not array data.
struct Rest {
    /// The sink's headroom, and the inline block.
    inline: Vec<u8>,
    tables: Vec<u8>,
}

/// Writes the arrays of a value, and returns the rest.
fn write_arrays<T: Serialize + ?Sized>(
    value: &T,
    sink: &mut dyn Sink,
    headroom: usize,
) -> Result<Rest> {
    let arena = SchemaArena::default();
    let mut writer = Writer::new(sink, headroom, &arena);
    writer.low = !writer.watch.is_begun();
    writer.write_root(value).map_err(Error::out_of_serde)?;
    writer.finish()
}

#[cold]
fn dropped() -> Error {
    Error::new(
        ErrorKind::Message,
        "a part of the object failed to serialize and its error was dropped",
    )
}

/// The slot of a value whose tag is not known beforehand. The tag is not written but given back.
const LEARN: u8 = 0;
const ANY: u8 = Tag::Any as u8;

/// The slot of a value that has asked whether it is written for a human reader. Its former slot is in [`Writer::asked`].
const ASKED: u8 = 0xff;

/// Whether the value that is written to this slot may have parts.
fn may_nest(slot: u8) -> bool {
    const COMPOUND: [Tag; 6] =
        [Tag::Option, Tag::Seq, Tag::Map, Tag::Record, Tag::Readable, Tag::Named];
    slot == LEARN || slot == ANY || COMPOUND.iter().any(|tag| *tag as u8 == slot)
}

/// The object as far as it is written, and all that is known of it. State that changes from value to value is in [`Place`] and in
/// the records, sequences and maps that serde holds.
struct Writer<'a> {
    /// Bytes that are not in the inline block yet.
    room: [u8; ROOM],
    /// The sink's headroom, then the inline block so far.
    out: Vec<u8>,
    schemas: Schemas<'a>,
    /// The records, sequences and maps that are being written: first one for the root, then the others, outermost first. The list
    /// keeps its room for as many as ever nested.
    frames: Vec<Frame<'a>>,
    watch: Watch,
    /// The stack is low: the next value is written on another one.
    low: bool,
    /// Values that have asked whether they are written for a human reader. They ask before they write.
    asked: Cell<Vec<Before>>,
    /// The answer that such values get.
    readable: bool,
    newtypes: Newtypes,
    /// How many arrays were begun.
    arrays: u64,
    /// How many fields had no guess when they were written.
    new_fields: u64,
    /// The place of the last array in the object, and its descriptor.
    name: PlaceName,
    known: Option<Box<Known>>,
    /// Arrays that have shared owners.
    shared: SharedArrays,
    /// Whether a value has failed. If the value's parent dropped the error, the bytes written make no sense.
    failed: bool,
    sink: &'a mut dyn Sink,
}

/// What a value is written to: its place in the object. A place is passed by value, so that it stays in registers where serde's
/// calls are inlined. For the same reason, cold code takes its parts one by one, and returns where the room's next byte goes.
struct Place<'q, 'a> {
    writer: &'q mut Writer<'a>,
    /// Where in the room the next byte goes.
    next: usize,
    /// Which part of the innermost record, sequence or map the value is, and in which slot.
    here: Cell<Here>,
    depth: Depth,
}

/// The result of writing a value: in the low bits where in the room the next byte goes, and above them a note. It is one word, so
/// that the result of a call is in registers. Of a value without a note, the compiler knows that the word is small.
#[derive(Clone, Copy, Debug)]
struct Written(usize);

impl Written {
    /// Nothing was written: the code that asked for the value keeps it.
    const KEPT: Written = Written((Note::KEPT.0 as usize) << Self::NOTE);
    const NOTE: u32 = 16;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(next: usize) -> Self {
        Written(next)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn noted(next: usize, note: Note) -> Self {
        Written(usize::from(note.0) << Self::NOTE | next)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_noted(self) -> bool {
        self.0 >= 1 << Self::NOTE
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next(self) -> usize {
        self.0 & ((1 << Self::NOTE) - 1)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn note(self) -> Note {
        Note((self.0 >> Self::NOTE) as u8)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is_kept(self) -> bool {
        self.0 == Self::KEPT.0
    }
}

/// What the code that set the slot must know of the value that was written there: the value's tag, if the slot did not say it, and
/// whether the value has asked whether it is written for a human reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Note(u8);

impl Note {
    /// The value has the tag that the slot says.
    const NONE: Note = Note(0);
    const KEPT: Note = Note(0x40);
    /// The value has asked whether it is written for a human reader.
    const ASKED: u8 = 0x80;

    /// The value has this tag. Either its slot said another one, and the value carries its own, or its slot was `LEARN`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn of(tag: u8) -> Self {
        Note(tag)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn tag(self) -> Option<u8> {
        let tag = self.0 & !Note::ASKED;
        (tag != 0).then_some(tag)
    }

    fn asked(self) -> Self {
        Note(self.0 | Note::ASKED)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn has_asked(self) -> bool {
        self.0 & Note::ASKED != 0
    }
}

impl<'a> Writer<'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn new(sink: &'a mut dyn Sink, headroom: usize, arena: &'a SchemaArena) -> Self {
        Writer {
            room: [0; ROOM],
            out: vec![0; headroom],
            schemas: Schemas::new(arena),
            frames: Vec::new(),
            watch: Watch::begin(),
            low: false,
            asked: Cell::default(),
            readable: false,
            newtypes: Newtypes::Bare,
            arrays: 0,
            new_fields: 0,
            name: PlaceName::default(),
            known: None,
            shared: SharedArrays::default(),
            failed: false,
            sink,
        }
    }

    fn finish(self) -> Result<Rest> {
        // The writer is taken apart and not moved as a whole, because it is large.
        let Writer { out, schemas, failed, .. } = self;
        if failed {
            return Err(dropped());
        }
        Ok(Rest { inline: out, tables: schemas.encode() })
    }

    fn write_root<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let (here, depth) = (Here::ROOT, Depth::default());
        let written = if self.low {
            self.write_elsewhere(value, 0, here, depth)?
        } else {
            value.serialize(self.at(0, here, depth))?
        };
        let written = self.settle(value, here, depth, written)?;
        self.flush(written.next());
        Ok(())
    }
}

impl<'a> Writer<'a> {
    /// The place for a value that stands here.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn at(&mut self, next: usize, here: Here, depth: Depth) -> Place<'_, 'a> {
        Place { writer: self, next, here: Cell::new(here), depth }
    }

    /// Whether a level can be begun in this one without looking at limit and stack.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn has_room(&self, depth: Depth) -> bool {
        depth.levels() + 1 < self.frames.len() && !self.watch.is_due::<()>()
    }

    /// Begins a record, sequence or map in this place of the innermost one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enter(&mut self, here: Here, depth: Depth) -> Depth {
        if let Some(outer) = self.frames.get_mut(depth.levels()) {
            outer.here = here;
        }
        depth.level()
    }

    /// Checks the limit of levels, and whether the stack has room for the next few.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, depth: Depth) -> Result<()> {
        let levels = depth.levels();
        if levels + 1 >= self.frames.len() {
            self.check_depth(levels)?;
            self.frames.resize_with(levels + 1 + stack::STEP as usize, Frame::default);
        }
        self.look();
        Ok(())
    }

    /// The same for an option.
    #[cold]
    #[inline(never)]
    fn make_room_for_option(&mut self, depth: Depth) -> Result<()> {
        if stack::is_step(depth.options()) {
            self.check_depth(depth.options() as usize)?;
        }
        self.look();
        Ok(())
    }

    fn look(&mut self) {
        if self.watch.is_due::<()>() {
            self.low = !self.watch.look(stack::KEPT_IN_WRITING, 0);
        }
    }

    fn check_depth(&mut self, depth: usize) -> Result<()> {
        let limit = stack::limit();
        if depth > 0 && depth >= limit as usize {
            return Err(self.fail(stack::too_deep(limit)));
        }
        Ok(())
    }

    #[cold]
    fn fail(&mut self, error: Error) -> Error {
        self.failed = true;
        error
    }

    /// A failed child's error, with the child's step of the path. The room is empty, so that a key's text is found.
    #[cold]
    #[inline(never)]
    fn fail_at(&mut self, here: Here, depth: Depth, mut error: Error) -> Error {
        self.failed = true;
        for step in self.steps(depth.levels(), here).into_iter().rev().flatten() {
            error = error.at(step);
        }
        error
    }
}

impl Writer<'_> {
    /// Writes a value that comes near the end of the stack.
    #[cold]
    #[inline(never)]
    fn write_elsewhere<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        next: usize,
        here: Here,
        depth: Depth,
    ) -> Result<Written> {
        self.low = false;
        let outer = self.watch;
        let mut written = Ok(Written::new(next));
        let switched = stack::more(outer.largest(), &mut || {
            self.watch = outer.elsewhere();
            written = value.serialize(self.at(next, here, depth));
        });
        self.watch = outer;
        // The stack may still be low for the values that follow in this frame.
        self.low = !self.watch.look(stack::KEPT_IN_WRITING, 0);
        match switched {
            Ok(()) => written,
            Err(error) => Err(self.fail(error)),
        }
    }
}
