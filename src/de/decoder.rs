//! The cursor over the inline block: tags, numbers, records and run headers, each checked.

use std::any::TypeId;
use std::fmt::Display;
use std::ops::{Deref, DerefMut};
#[cfg(feature = "ndarray")]
use std::sync::Arc;

use serde::de::Error as _;

use crate::context;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::stack;
use crate::store::{ArrayPath, ArrayStream, Placed, Source};
#[cfg(feature = "ndarray")]
use crate::value::Names;
use crate::wire::{FieldTags, ReadTables, Reader, Schema, SchemaKind, Tag, behind_names};

use super::bounds::Bounds;
use super::buffer::is_buffer;

pub(super) const ANY: u8 = Tag::Any as u8;

/// The fields of a struct, as serde asks for them. Names from different places may differ in their addresses, and are then
/// compared again.
type Fields = &'static [&'static str];

/// How the records of these field tags are read.
#[derive(Clone, Copy)]
struct Way<'de> {
    tags: &'de [u8],
    kind: SchemaKind,
    /// The fields for which such a record was last asked, and whether these are handed over by position without comparing names.
    asked: Fields,
    same: bool,
}

/// The position in the inline block, and the state of the reading.
pub(super) struct Decoder<'s, 'de> {
    pub(super) reader: Reader<'de>,
    tables: ReadTables<'de>,
    /// The last tag of the format's version in which the object was written.
    last_tag: Tag,
    /// How the records of each row of field tags are read.
    ways: Vec<Way<'de>>,
    pub(super) source: &'s dyn Source<'de>,
    depth: u32,
    /// How many options stand around the current value; see the serializer's.
    options: u32,
    /// How deep values may nest on this stack.
    limit: u32,
    /// The visitor that was last asked whether it fills serde's buffer, and the answer.
    buffer: Option<(TypeId, bool)>,
    left_over: Option<LeftOver>,
    /// Whether a value has failed, so that its error now goes through the visitors of the values around it.
    is_failing: bool,
    next_array: u64,
    /// How many bytes the arrays that are still to come may have, if no two arrays lie at one place.
    array_bytes: u64,
    /// Whether several arrays may lie at one place.
    has_shared: bool,
    /// The name of the field or of the map's entry that is being read. An inline value has no other name.
    pub(super) field: &'de str,
    /// The names of the records that were walked over, by their field tags.
    #[cfg(feature = "ndarray")]
    names: Vec<Called>,
    /// The tables as they are encoded, for lists that are kept.
    #[cfg(feature = "ndarray")]
    encoded_tables: EncodedTables<'de>,
    /// How many bytes may still be checked in vain, for lists that then cannot be kept.
    #[cfg(feature = "ndarray")]
    pub(super) vain_looks: usize,
    /// How many kept lists stand around the value that is being read.
    #[cfg(feature = "ndarray")]
    pub(super) kept_levels: u8,
    pub(super) bounds: Bounds,
}

/// What the records of some field tags are called.
#[cfg(feature = "ndarray")]
enum Called {
    Unknown,
    /// They are tuples, which have no names.
    Nothing,
    Names(Names),
}

#[cfg(feature = "ndarray")]
enum EncodedTables<'de> {
    Lent(&'de [u8]),
    Shared(Arc<[u8]>),
}

/// How many times the inline block's length may be checked in vain.
#[cfg(feature = "ndarray")]
const VAIN_LOOKS: usize = 4;

/// The first record that a visitor took only in part. The visitor has failed, or has asked for more than it takes.
struct LeftOver {
    number: usize,
    fields: usize,
    /// How many bytes of the inline block were left then.
    bytes: usize,
}

/// An array for a reader that copies it.
pub(super) enum Copied<'de> {
    Placed(Placed<'de>),
    Stream(ArrayStream<'de>),
}

/// The decoder one level, or one option, further down, until this is dropped. A closure in its place would be two more functions for each
/// visitor.
pub(super) struct Level<'d, 's, 'de, const OPTION: bool>(&'d mut Decoder<'s, 'de>);

impl<'s, 'de, const OPTION: bool> Deref for Level<'_, 's, 'de, OPTION> {
    type Target = Decoder<'s, 'de>;

    #[inline]
    fn deref(&self) -> &Decoder<'s, 'de> {
        self.0
    }
}

impl<const OPTION: bool> DerefMut for Level<'_, '_, '_, OPTION> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.0
    }
}

impl<const OPTION: bool> Drop for Level<'_, '_, '_, OPTION> {
    #[inline]
    fn drop(&mut self) {
        if OPTION {
            self.0.options -= 1;
        } else {
            self.0.depth -= 1;
        }
    }
}

impl<'s, 'de> Decoder<'s, 'de> {
    pub(super) fn new(source: &'s dyn Source<'de>, limit: u32) -> Result<Self> {
        Decoder::of(source, source.inline(), source.tables(), limit)
    }

    /// A decoder for a part of an object, with the object's tables.
    #[cfg(feature = "ndarray")]
    pub(super) fn of_parts(
        source: &'s dyn Source<'de>,
        inline: &'de [u8],
        tables: &'de [u8],
    ) -> Result<Self> {
        Decoder::of(source, inline, tables, stack::SHALLOW)
    }

    fn of(
        source: &'s dyn Source<'de>,
        inline: &'de [u8],
        encoded_tables: &'de [u8],
        limit: u32,
    ) -> Result<Self> {
        let last_tag = Tag::last_of(source.version());
        let tables = ReadTables::parse(encoded_tables, last_tag)?;
        let way = |tags: &FieldTags<'de>| Way {
            tags: tags.tags,
            kind: tables.schemas[tags.schema as usize].kind,
            asked: &[],
            same: false,
        };
        let ways = tables.field_tags.iter().map(way).collect();
        let bounds = Bounds::new();
        bounds.add_inline(inline.len());
        Ok(Decoder {
            reader: Reader::new(inline),
            tables,
            last_tag,
            ways,
            source,
            depth: 0,
            options: 0,
            limit,
            buffer: None,
            left_over: None,
            is_failing: false,
            next_array: 0,
            array_bytes: source.array_bytes(),
            has_shared: source.copy_limit().is_some(),
            field: "",
            #[cfg(feature = "ndarray")]
            names: Vec::new(),
            #[cfg(feature = "ndarray")]
            encoded_tables: EncodedTables::Lent(encoded_tables),
            #[cfg(feature = "ndarray")]
            vain_looks: VAIN_LOOKS * inline.len(),
            #[cfg(feature = "ndarray")]
            kept_levels: 0,
            bounds,
        })
    }

    /// The tag of the value of this slot. Moves past it, and past the names that the value stands under.
    #[inline]
    pub(super) fn tag(&mut self, slot: u8) -> Result<Tag> {
        let tag = self.outer_tag(slot)?;
        if tag == Tag::Named { self.tag_behind_names() } else { Ok(tag) }
    }

    /// The same, but stops at a name.
    #[inline]
    pub(super) fn outer_tag(&mut self, slot: u8) -> Result<Tag> {
        let byte = if slot == ANY { self.reader.byte()? } else { slot };
        match Tag::from_byte(byte) {
            Some(tag) if tag != Tag::Any && byte <= self.last_tag as u8 => Ok(tag),
            _ => Err(Error::corrupt(format!("a value has the unknown tag {byte:#04x}"))),
        }
    }

    #[cold]
    #[inline(never)]
    fn tag_behind_names(&mut self) -> Result<Tag> {
        let mut passed = 0;
        loop {
            passed = one_more(passed)?;
            self.name()?;
            match self.outer_tag(ANY)? {
                Tag::Named => {}
                tag => return Ok(tag),
            }
        }
    }

    /// The name of a value that stands under a name.
    pub(super) fn name(&mut self) -> Result<&'de str> {
        let name = self.reader.text()?;
        if name.is_empty() { Err(no_name()) } else { Ok(name) }
    }

    /// Whether the value of this slot was written in the form that it has for human readers.
    pub(super) fn is_readable(&self, slot: u8) -> bool {
        let mut reader = self.reader.clone();
        // A value that was written as an option may be asked for as itself.
        let mut tag = inner_tag(&mut reader, slot);
        while tag == Some(Tag::Option) {
            tag = inner_tag(&mut reader, ANY);
        }
        tag == Some(Tag::Readable)
    }

    /// The tag that comes next, behind names. The position does not change.
    pub(super) fn peek_tag(&self) -> Option<Tag> {
        inner_tag(&mut self.reader.clone(), ANY)
    }

    /// Goes one level down, to read an `R`.
    #[inline]
    pub(super) fn descend<R>(&mut self) -> Result<Level<'_, 's, 'de, false>> {
        if self.depth >= self.limit || self.bounds.is_due::<R>() {
            self.look(self.depth, stack::frames::<R>())?;
        }
        self.depth += 1;
        Ok(Level(self))
    }

    /// The same for an option.
    #[inline]
    pub(super) fn descend_option<R>(&mut self) -> Result<Level<'_, 's, 'de, true>> {
        if self.options >= self.limit || self.bounds.is_due::<R>() {
            self.look(self.options, stack::frames::<R>())?;
        }
        self.options += 1;
        Ok(Level(self))
    }

    #[cold]
    #[inline(never)]
    fn look(&mut self, depth: u32, frames: usize) -> Result<()> {
        if depth >= self.limit {
            return Err(self.bounds.too_deep(self.limit));
        }
        self.bounds.look(frames, self.levels())
    }

    /// How many levels and options stand around the current value.
    pub(super) fn levels(&self) -> u32 {
        self.depth + self.options
    }

    /// Checks the stack before a large `T` is read.
    #[inline]
    pub(super) fn look_if_large<T>(&self) -> Result<()> {
        self.bounds.look_if_large::<T>(self.levels())
    }

    /// Whether this visitor fills serde's buffer.
    fn fills_buffer<V>(&mut self) -> bool {
        let visitor = typeid::of::<V>();
        match self.buffer {
            Some((last, is_buffer)) if last == visitor => is_buffer,
            _ => self.buffer.insert((visitor, is_buffer::<V>())).1,
        }
    }

    /// Begins a compound that this visitor asks for as anything, and says whether the visitor fills serde's buffer. If it does, the caller
    /// tells when the buffer has taken the compound in.
    pub(super) fn enter_buffer<V>(&mut self) -> Result<bool> {
        let fills = self.fills_buffer::<V>();
        if fills {
            self.bounds.enter_buffer()?;
        }
        Ok(fills)
    }

    #[inline]
    pub(super) fn record_number(&mut self) -> Result<usize> {
        let number = self.reader.varint()?;
        match usize::try_from(number) {
            Ok(number) if number < self.tables.field_tags.len() => Ok(number),
            _ => Err(Error::corrupt(format!(
                "a record has field tags {number}, but there are {}",
                self.tables.field_tags.len()
            ))),
        }
    }

    #[inline]
    pub(super) fn schema(&self, number: usize) -> (&Schema<'de>, &FieldTags<'de>) {
        let tags = &self.tables.field_tags[number];
        (&self.tables.schemas[tags.schema as usize], tags)
    }

    /// Enters the record that comes next, if it is handed over in the same way as the last record for which these fields were
    /// asked. Otherwise gives `None`, and the position does not change.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn enter_struct<T>(&mut self, asked: Fields) -> Option<(usize, &'de [u8])> {
        let number = usize::from(self.reader.peek()?);
        // There is no such way for a number of several bytes, or for one beyond the table.
        let way = self.ways.get(number).filter(|_| number < 0x80)?;
        let same = way.same && std::ptr::eq(way.asked, asked);
        if same { self.enter::<T>(number, way.tags) } else { None }
    }

    /// The same for a tuple of so many elements.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn enter_tuple<T>(&mut self, len: usize) -> Option<(usize, &'de [u8])> {
        let number = usize::from(self.reader.peek()?);
        let way = self.ways.get(number).filter(|_| number < 0x80)?;
        if way.kind == SchemaKind::Tuple && way.tags.len() == len {
            self.enter::<T>(number, way.tags)
        } else {
            None
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enter<T>(&mut self, number: usize, tags: &'de [u8]) -> Option<(usize, &'de [u8])> {
        if self.depth >= self.limit || self.bounds.is_due::<T>() {
            return None;
        }
        self.reader.skip_byte();
        self.depth += 1;
        Some((number, tags))
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Notes that a visitor took fewer of a record's fields than it asked for.
    #[cold]
    pub(super) fn note_left(&mut self, number: usize, fields: usize) {
        self.learn_left(number);
        self.note_untaken(number, fields);
    }

    /// Notes that a visitor did not ask for a variant's content.
    #[cold]
    pub(super) fn note_untaken(&mut self, number: usize, fields: usize) {
        let bytes = self.reader.left();
        self.left_over.get_or_insert(LeftOver { number, fields, bytes });
    }

    /// Learns from a visitor that has left fields of such a record. If no value has failed, the visitor may take fields by name
    /// only.
    #[cold]
    pub(super) fn learn_left(&mut self, number: usize) {
        let Way { asked, same, .. } = self.ways[number];
        if same && !self.is_failing {
            context::learn_by_name(asked);
        }
    }

    /// Notes that a value has failed.
    #[cold]
    pub(super) fn note_failure(&mut self) {
        self.is_failing = true;
    }

    /// The error for a visitor that has left fields and has not failed at once. The values that were read since then were read from
    /// wrong bytes.
    pub(super) fn error_of_left(&self, failed: bool) -> Option<Error> {
        let left = self.left_over.as_ref()?;
        let went_on = !failed || left.bytes != self.reader.left();
        went_on.then(|| {
            let (schema, _) = self.schema(left.number);
            if schema.kind.is_variant() && left.fields == schema.len {
                let (name, len) = (schema.variant, schema.len);
                return Error::custom(format_args!(
                    "variant `{name}` is taken without its content: expected its {len} fields to be asked for"
                ));
            }
            too_many(self, left.number, left.fields)
        })
    }

    /// The tables as they are encoded, to be kept.
    #[cfg(feature = "ndarray")]
    pub(super) fn kept_tables(&mut self) -> Arc<[u8]> {
        if let EncodedTables::Lent(bytes) = self.encoded_tables {
            self.encoded_tables = EncodedTables::Shared(bytes.into());
        }
        match &self.encoded_tables {
            EncodedTables::Shared(bytes) => Arc::clone(bytes),
            EncodedTables::Lent(bytes) => (*bytes).into(),
        }
    }

    /// What the records of these field tags are called; `None` for tuples.
    #[cfg(feature = "ndarray")]
    #[inline]
    pub(super) fn names(&mut self, number: usize) -> Option<&Names> {
        if matches!(self.names.get(number), None | Some(Called::Unknown)) {
            self.note_names(number);
        }
        match &self.names[number] {
            Called::Names(names) => Some(names),
            _ => None,
        }
    }

    #[cfg(feature = "ndarray")]
    #[cold]
    #[inline(never)]
    fn note_names(&mut self, number: usize) {
        self.names.resize_with(self.tables.field_tags.len(), || Called::Unknown);
        let names = Names::of_schema(self.schema(number).0);
        self.names[number] = names.map_or(Called::Nothing, Called::Names);
    }

    pub(super) fn tags(&self, number: usize) -> &'de [u8] {
        self.ways[number].tags
    }

    #[inline]
    pub(super) fn kind(&self, number: usize) -> SchemaKind {
        self.ways[number].kind
    }

    /// Whether a record's fields are handed over by position: if they are the ones asked for, in the same order, and all are
    /// written, unless a visitor has refused that. A struct without fields is not, because a refusal would not show.
    pub(super) fn is_in_order(&mut self, number: usize, asked: Fields) -> bool {
        if !std::ptr::eq(self.ways[number].asked, asked) {
            let (schema, tags) = self.schema(number);
            let same = schema.kind.is_named()
                && !tags.sparse
                && !asked.is_empty()
                && schema.fields == asked
                && !context::is_by_name(asked);
            self.ways[number] = Way { asked, same, ..self.ways[number] };
        }
        self.ways[number].same
    }

    pub(super) fn char(&mut self) -> Result<char> {
        self.reader.char()
    }

    pub(super) fn bool(&mut self) -> Result<bool> {
        self.reader.bool()
    }

    /// A run's number of items, whether another follows, and the tags.
    #[inline]
    pub(super) fn run_header<const N: usize>(&mut self) -> Result<(u64, bool, [u8; N])> {
        let header = self.reader.varint()?;
        let (count, more) = (header >> 1, header & 1 == 1);
        if count == 0 {
            return Ok((0, more, [ANY; N]));
        }
        let slots: [u8; N] = self.reader.array()?;
        match slots.iter().find(|slot| !is_of_runs(**slot, self.last_tag)) {
            None => Ok((count, more, slots)),
            Some(slot) => Err(no_run(*slot)),
        }
    }

    /// A byte string.
    pub(super) fn bytes(&mut self) -> Result<&'de [u8]> {
        let len = self.reader.length("byte string")?;
        self.reader.take(len)
    }

    /// A byte string that is asked for as an array: one that is longer is placed as one.
    pub(super) fn short_array(&mut self) -> Result<Placed<'de>> {
        let bytes = self.bytes()?;
        Ok(Placed::free(DType::U8, vec![bytes.len()], Order::C, bytes))
    }

    /// The bytes of `count` numbers of one width, and their count.
    pub(super) fn packed(&mut self, count: u64, width: usize) -> Result<(&'de [u8], usize)> {
        let len = usize::try_from(count).unwrap_or(usize::MAX);
        // If there are fewer bytes, the reader gives an error.
        Ok((self.reader.take(len.saturating_mul(width))?, len))
    }

    /// The array that is referred to here, for a visitor that may copy it. Each array is referred to once, in the order of their
    /// numbers. The bytes that may be copied out of the container are limited. If each array has bytes of its own, the container's
    /// size limits them. If several arrays may lie at one place, an explicit limit does.
    pub(super) fn array(&mut self) -> Result<Placed<'de>> {
        let placed = self.lent_array()?;
        context::count_copy(placed.bytes.len())?;
        Ok(placed)
    }

    /// The same for a caller that itself counts the bytes that it copies.
    #[inline]
    pub(super) fn lent_array(&mut self) -> Result<Placed<'de>> {
        let number = self.array_number()?;
        self.numbered_array(number)
    }

    /// The same, with the array's place in the object.
    pub(super) fn lent_array_and_path(&mut self) -> Result<(Placed<'de>, ArrayPath<'de>)> {
        let number = self.array_number()?;
        Ok((self.numbered_array(number)?, self.source.path(number)?))
    }

    /// The array for a caller that copies it. It comes as a stream where that is better.
    pub(super) fn array_to_copy(&mut self) -> Result<Copied<'de>> {
        let number = self.array_number()?;
        match self.source.array_to_copy(number).map_err(Error::into_serde)? {
            Some(stream) => {
                context::count_copy(stream.len)?;
                self.count_reference(stream.len)?;
                Ok(Copied::Stream(stream))
            }
            None => self.numbered_array(number).map(Copied::Placed),
        }
    }

    /// The number of the array that is referred to here, for [`numbered_array`](Self::numbered_array).
    #[inline]
    pub(super) fn array_number(&mut self) -> Result<u64> {
        let number = self.reader.varint()?;
        if number < self.next_array {
            return Err(Error::corrupt(format!("array number {number} is referred to twice")));
        }
        self.next_array = number.saturating_add(1);
        Ok(number)
    }

    #[inline]
    pub(super) fn numbered_array(&mut self, number: u64) -> Result<Placed<'de>> {
        let placed = self.source.array(number).map_err(Error::into_serde)?;
        if let Some(region) = &placed.region {
            context::add_region(region);
        }
        self.count_reference(placed.bytes.len())?;
        Ok(placed)
    }

    /// Counts the bytes of an array that is referred to. Together they must not exceed the container's, unless arrays share their
    /// bytes. Shared bytes raise the limits of [`Bounds`] once at most.
    fn count_reference(&mut self, bytes: usize) -> Result<()> {
        let left = self.array_bytes.checked_sub(bytes as u64);
        if left.is_none() && !self.has_shared {
            return Err(Error::corrupt(
                "the arrays have more bytes than the container: some overlap",
            ));
        }
        let left = left.unwrap_or(0);
        self.bounds.add_array((self.array_bytes - left) as usize);
        self.array_bytes = left;
        Ok(())
    }
}

/// The error for a visitor that left fields.
#[cold]
#[inline(never)]
pub(super) fn too_many(decoder: &Decoder<'_, '_>, number: usize, left: usize) -> Error {
    let len = decoder.schema(number).0.len;
    Error::mismatch(format!("expected {} elements, found {len}", len - left))
}

/// The tag of the value of this slot, behind names. `None` if it is not the tag of a value.
fn inner_tag(reader: &mut Reader<'_>, slot: u8) -> Option<Tag> {
    let byte = if slot == ANY { reader.byte().ok()? } else { slot };
    behind_names(reader, Tag::from_byte(byte)?)
}

/// Counts an option, name or mark that is passed over without a level of its own.
pub(super) fn one_more(passed: u32) -> Result<u32> {
    if passed < stack::LEVELS { Ok(passed + 1) } else { Err(stack::too_deep(stack::LEVELS)) }
}

#[cold]
fn no_name() -> Error {
    Error::corrupt("a value stands under an empty name: expected a byte at least")
}

/// Whether a run may have this tag.
#[inline]
fn is_of_runs(slot: u8, last: Tag) -> bool {
    // A value that takes no byte may not be in a run: only the run itself would say how many there are.
    const NONE: u32 = 1 << Tag::Unit as u8 | 1 << Tag::Absent as u8;
    (Tag::Unit as u8..=last as u8).contains(&slot) && NONE >> slot & 1 == 0
}

#[cold]
#[inline(never)]
fn no_run(slot: u8) -> Error {
    Error::corrupt(format!("a run has the tag {slot:#04x}"))
}

/// The number as one of the type that its tag says.
#[inline]
pub(super) fn in_range<N: Copy + Display, T: TryFrom<N>>(tag: Tag, number: N) -> Result<T> {
    T::try_from(number).map_err(|_| out_of_range(tag, number))
}

#[cold]
fn out_of_range(tag: Tag, number: impl Display) -> Error {
    Error::corrupt(format!("invalid {}: {number} is out of its range", tag.name()))
}
