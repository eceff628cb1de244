//! Values whose types are known at run time only. Under private names they hand over records with their names, lists of numbers
//! in one piece, and values in the form in which they were read.

use serde::ser::{Error as _, Serialize};

use crate::error::{Error, Result};
use crate::wire::{Schema, SchemaKind, Tag, put_varints, zigzag};

use super::array::BytesTo;
use super::record::RecordWriter;
use super::schema::SchemaKey;
use super::seq_map::SeqWriter;
use super::{Place, Writer, Written};

/// A record whose names are known at run time only.
pub(super) struct NamedRecord<'q, 'a> {
    state: State<'q, 'a>,
    /// The number under which `schema` knows its names, and how many of its fields were written or left out.
    names: u32,
    field: u32,
}

enum State<'q, 'a> {
    /// The names are still to come. Also, whether some fields are left out.
    Unnamed(Place<'q, 'a>, bool),
    /// The names have come. A list of the fields that are written is still to come.
    Named(Place<'q, 'a>),
    Begun(RecordWriter<'q, 'a>),
    /// A byte for each field says whether it is written.
    Sparse(Box<(RecordWriter<'q, 'a>, Vec<u8>)>),
    Failed,
}

impl<'q, 'a> NamedRecord<'q, 'a> {
    pub(super) fn new(place: Place<'q, 'a>, is_sparse: bool) -> Self {
        NamedRecord { state: State::Unnamed(place, is_sparse), names: 0, field: 0 }
    }

    /// The names, which fields are written, or the next field.
    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if let State::Begun(record) = &mut self.state {
            let (kind, name) = field(record.writer(), self.names, self.field)?;
            self.field += 1;
            return record.write(name, kind.is_named(), value);
        }
        self.other_part(value)
    }

    #[inline(never)]
    fn other_part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if let State::Sparse(sparse) = &mut self.state {
            let (record, written) = &mut **sparse;
            skip(record, self.names, &mut self.field, written);
            let (kind, name) = field(record.writer(), self.names, self.field)?;
            self.field += 1;
            return record.write(name, kind.is_named(), value);
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Unnamed(place, is_sparse) => {
                let mut names = None;
                value.serialize(BytesTo(|bytes: &[u8]| {
                    names = Some(place.writer.schemas.name(bytes)?);
                    Ok(())
                }))?;
                self.names = names.ok_or_else(incomplete)?;
                self.state = if is_sparse {
                    State::Named(place)
                } else {
                    State::Begun(begin(place, self.names, None)?)
                };
            }
            State::Named(place) => {
                let mut written = Vec::new();
                value.serialize(BytesTo(|bytes: &[u8]| {
                    written.extend_from_slice(bytes);
                    Ok(())
                }))?;
                let record = begin(place, self.names, Some(&written))?;
                self.state = State::Sparse(Box::new((record, written)));
            }
            _ => return Err(incomplete()),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Written> {
        let NamedRecord { state, names, mut field } = self;
        match state {
            State::Begun(record) => finish(record, names, field),
            State::Sparse(sparse) => {
                let (mut record, written) = *sparse;
                skip(&mut record, names, &mut field, &written);
                finish(record, names, field)
            }
            State::Unnamed(place, _) | State::Named(place) => Err(place.writer.fail(incomplete())),
            State::Failed => Err(incomplete()),
        }
    }
}

/// Begins a record of these names. A derived struct announces only the fields that it writes, and not those that it leaves out.
/// Only a field that has a name can be left out.
fn begin<'q, 'a>(
    place: Place<'q, 'a>,
    names: u32,
    written: Option<&[u8]>,
) -> Result<RecordWriter<'q, 'a>> {
    let Some(schema) = place.writer.schemas.named(names) else { return Err(incomplete()) };
    let &Schema { kind, name, variant, variant_index, len, .. } = schema;
    let key_len = match written {
        None => Some(len),
        Some(written) if written.len() == len && kind.is_named() => {
            Some(written.iter().map(|written| usize::from(*written != 0)).sum())
        }
        Some(_) => None,
    };
    match key_len {
        Some(len) if kind != SchemaKind::Tuple => {
            RecordWriter::begin(place, SchemaKey { kind, name, variant, variant_index, len })
        }
        _ => Err(place.writer.fail(incomplete())),
    }
}

fn finish(mut record: RecordWriter<'_, '_>, names: u32, field: u32) -> Result<Written> {
    let writer = record.writer();
    let len = writer.schemas.named(names).map_or(0, |schema| schema.len);
    if field as usize == len {
        return Ok(record.finish());
    }
    let text = format!("expected {len} fields of a record, found {field}");
    Err(writer.fail(Error::custom(text)))
}

/// Passes over the fields that are not written.
#[inline]
fn skip(record: &mut RecordWriter<'_, '_>, names: u32, at: &mut u32, written: &[u8]) {
    while written.get(*at as usize) == Some(&0) {
        if let Ok((_, name)) = field(record.writer(), names, *at) {
            record.skip(name);
        }
        *at += 1;
    }
}

/// The name of a field. The fields of a tuple variant have no names.
#[inline]
fn field<'a>(writer: &mut Writer<'a>, names: u32, at: u32) -> Result<(SchemaKind, &'a str)> {
    match writer.schemas.named(names) {
        Some(schema) if (at as usize) < schema.len => {
            let name = schema.fields.get(at as usize).copied().unwrap_or_default();
            Ok((schema.kind, name))
        }
        _ => Err(writer.fail(Error::custom("a record has more fields than names"))),
    }
}

#[cold]
fn incomplete() -> Error {
    Error::custom(
        "a record is not handed over as one: expected its names, what is written of it, and its fields",
    )
}

/// A value in its form for human readers.
pub(super) struct ReadableValue<'q, 'a> {
    state: Readable<'q, 'a>,
}

enum Readable<'q, 'a> {
    Waiting(Place<'q, 'a>),
    Written(Written),
    Failed,
}

impl<'q, 'a> ReadableValue<'q, 'a> {
    pub(super) fn new(place: Place<'q, 'a>) -> Self {
        ReadableValue { state: Readable::Waiting(place) }
    }

    #[inline(never)]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let Readable::Waiting(place) = std::mem::replace(&mut self.state, Readable::Failed) else {
            return Err(not_one());
        };
        self.state = Readable::Written(place.held(Tag::Readable, value)?);
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Written> {
        match self.state {
            Readable::Written(written) => Ok(written),
            Readable::Waiting(place) => Err(place.writer.fail(not_one())),
            Readable::Failed => Err(not_one()),
        }
    }
}

#[cold]
fn not_one() -> Error {
    Error::custom("a value in readable form is not handed over as one value")
}

/// A value under a name.
pub(super) struct NamedValue<'q, 'a> {
    state: UnderName<'q, 'a>,
}

enum UnderName<'q, 'a> {
    /// The name is still to come.
    Unnamed(Place<'q, 'a>),
    Named(Place<'q, 'a>, String),
    Written(Written),
    Failed,
}

impl<'q, 'a> NamedValue<'q, 'a> {
    pub(super) fn new(place: Place<'q, 'a>) -> Self {
        NamedValue { state: UnderName::Unnamed(place) }
    }

    #[inline(never)]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.state = match std::mem::replace(&mut self.state, UnderName::Failed) {
            UnderName::Unnamed(place) => {
                let mut name = None;
                value.serialize(BytesTo(|bytes: &[u8]| {
                    name = str::from_utf8(bytes).ok().map(str::to_owned);
                    Ok(())
                }))?;
                match name.filter(|name| !name.is_empty()) {
                    Some(name) => UnderName::Named(place, name),
                    None => return Err(place.writer.fail(no_named_value())),
                }
            }
            UnderName::Named(place, name) => UnderName::Written(place.named(&name, value)?),
            UnderName::Written(_) | UnderName::Failed => return Err(no_named_value()),
        };
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Written> {
        match self.state {
            UnderName::Written(written) => Ok(written),
            UnderName::Unnamed(place) | UnderName::Named(place, _) => {
                Err(place.writer.fail(no_named_value()))
            }
            UnderName::Failed => Err(no_named_value()),
        }
    }
}

#[cold]
fn no_named_value() -> Error {
    Error::custom("a value under a name is not handed over as a name and one value")
}

/// A list of numbers of one type.
pub(super) struct NumberListWriter<'q, 'a> {
    state: List<'q, 'a>,
    /// How many numbers were announced, and how many have come.
    len: usize,
    count: usize,
}

enum List<'q, 'a> {
    Waiting(Place<'q, 'a>),
    Begun(SeqWriter<'q, 'a>, Tag),
    Failed,
}

impl<'q, 'a> NumberListWriter<'q, 'a> {
    pub(super) fn new(place: Place<'q, 'a>) -> Self {
        NumberListWriter { state: List::Waiting(place), len: 0, count: 0 }
    }

    #[inline(never)]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match std::mem::replace(&mut self.state, List::Failed) {
            List::Waiting(place) => {
                let mut head = None;
                value.serialize(BytesTo(|bytes: &[u8]| {
                    head = list_head(bytes);
                    Ok(())
                }))?;
                let Some((tag, len)) = head else { return Err(place.writer.fail(no_numbers())) };
                self.len = len;
                self.state = List::Begun(SeqWriter::begin(place, Some(len))?, tag);
            }
            List::Begun(mut seq, tag) => {
                let count = &mut self.count;
                let put = value.serialize(BytesTo(|bytes: &[u8]| {
                    *count += numbers(&mut seq, tag, bytes)?;
                    Ok(())
                }));
                if let Err(error) = put {
                    return Err(seq.fail(error));
                }
                self.state = List::Begun(seq, tag);
            }
            List::Failed => return Err(no_numbers()),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Written> {
        match self.state {
            List::Begun(mut seq, _) if self.count == self.len => Ok(seq.finish()),
            List::Begun(seq, _) => Err(seq.fail(no_numbers())),
            List::Waiting(place) => Err(place.writer.fail(no_numbers())),
            List::Failed => Err(no_numbers()),
        }
    }
}

/// The tag of the items, and how many there are.
fn list_head(bytes: &[u8]) -> Option<(Tag, usize)> {
    let (tag, len) = bytes.split_first()?;
    let len = u64::from_le_bytes(*len.first_chunk()?);
    Some((Tag::from_byte(*tag)?, usize::try_from(len).ok()?))
}

#[cold]
fn no_numbers() -> Error {
    Error::custom(
        "a list of numbers is not handed over as one: expected their type and as many as were announced",
    )
}

/// Writes these numbers as items, and gives their count.
fn numbers(seq: &mut SeqWriter<'_, '_>, tag: Tag, bytes: &[u8]) -> Result<usize> {
    macro_rules! by_tag {
        ($($tag:ident $wide:ident $ty:ty $(, |$item:ident| $number:expr)?;)*) => {
            match tag {
                $(Tag::$tag => {
                    let from = <$ty>::from_le_bytes;
                    let (items, count) = first_items(seq, bytes, [Tag::$tag, Tag::$wide], from)?;
                    if seq.slot() == Tag::$tag as u8 {
                        by_tag!(@ seq, items, from $(, |$item| $number)?);
                    } else {
                        by_tag!(@ seq, items, from);
                    }
                    Ok(count)
                })*
                Tag::Bool => {
                    let (items, count) = first_items(seq, bytes, [tag; 2], |[byte]| byte != 0)?;
                    seq.take_run(items.len(), |out| out.extend_from_slice(items.as_flattened()));
                    Ok(count)
                }
                _ => Err(no_numbers()),
            }
        };
        (@ $seq:ident, $items:ident, $from:ident) => {
            $seq.take_run($items.len(), |out| {
                out.extend_from_slice($items.as_flattened());
            })
        };
        (@ $seq:ident, $items:ident, $from:ident, |$item:ident| $number:expr) => {
            $seq.take_run($items.len(), |out| {
                let (eights, rest) = $items.as_chunks();
                let number = |bytes: &[u8; _]| {
                    let $item = $from(*bytes);
                    $number
                };
                put_varints(
                    out,
                    eights.iter().map(|eight: &[_; 8]| eight.each_ref().map(number)),
                    rest.iter().map(number),
                );
            })
        };
    }
    by_tag! {
        I8 I8 i8;
        U8 U8 u8;
        F32 F32 f32;
        F64 F64 f64;
        I16 I16 i16, |item| zigzag(item.into());
        I32 I32 i32, |item| zigzag(item.into());
        I64 I64Fixed i64, |item| zigzag(item);
        U16 U16 u16, |item| u64::from(item);
        U32 U32 u32, |item| u64::from(item);
        U64 U64Fixed u64, |item| item;
    }
}

/// Writes items one by one until all items that are left are expected under one of these tags. Gives those that are left, and the
/// count of all items. The first item decides the form of all, as in any other list.
fn first_items<'b, const N: usize, T: Serialize>(
    seq: &mut SeqWriter<'_, '_>,
    bytes: &'b [u8],
    tags: [Tag; 2],
    from: impl Fn([u8; N]) -> T,
) -> Result<(&'b [[u8; N]], usize)> {
    let (items, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(no_numbers());
    }
    let mut left = items;
    while !seq.expects(tags, left.len())
        && let Some((first, rest)) = left.split_first()
    {
        seq.element(&from(*first))?;
        left = rest;
    }
    Ok((left, items.len()))
}
