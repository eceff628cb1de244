//! A walk over an encoded object, without a type. It goes from part to part by a loop and not by recursion.

use std::fmt::Display;
use std::marker::PhantomData;

use crate::array::{UntypedArray, UntypedLive};
use crate::context;
use crate::error::{Error, Result, Step};
use crate::stack;
use crate::store::Standing;
use crate::value::{EncodedList, Numbers, PlacedArray, Walk};
use crate::wire::{RUN, Reader, SchemaKind, Tag, scalar_text, unzigzag};

use super::decoder::{ANY, Decoder, in_range};
use super::kept;
use super::leaf::{PARTS, leaf, other_leaf};
use super::varints::VARINTS;

/// How many numbers of a list the walk tells of at once.
const AT_ONCE: usize = 512;

/// How deep values may nest, and how many options and marks may stand around a value. Reading by types has the same limits.
const MAX_LEVELS: usize = stack::LEVELS as usize;

/// Walks over the value of this slot.
///
/// # Errors
///
/// Those of the walk, with the place; `Corrupt` if the bytes are not a value; `Limit` if the value nests too deep.
pub(super) fn value<'de, W: Walk<'de>, L: Lists<W>>(
    decoder: &mut Decoder<'_, 'de>,
    slot: u8,
    walk: &mut W,
) -> Result<()> {
    let mut walker = Walker::<W, L>::new(decoder, walk, Around::default());
    walker.all(slot).map_err(|error| walker.in_place(error))
}

/// What the walk does with lists.
pub(super) trait Lists<W> {
    /// Whether long lists without arrays are kept as they are encoded.
    const KEPT: bool = false;
    /// Whether an array is an error.
    const NO_ARRAYS: bool = false;

    fn keep(_walk: &mut W, _list: EncodedList) -> Result<()> {
        Ok(())
    }

    /// The array that the walk has for this path itself. Then the container's is not brought to memory.
    fn stand_in<P: Display>(
        _walk: &mut W,
        _path: impl FnOnce() -> Result<P>,
    ) -> Result<Option<UntypedArray>> {
        Ok(None)
    }
}

/// The walk tells of lists item by item.
pub(super) struct Told;

impl<W> Lists<W> for Told {}

pub(super) struct Walker<'w, 'd, 's, 'de, W, L> {
    pub(super) decoder: &'d mut Decoder<'s, 'de>,
    walk: &'w mut W,
    /// Values with parts that are not at their end, with the options and marks around them.
    open: Vec<Level<'de>>,
    /// How many of these are options and marks.
    marks: usize,
    /// How many levels, options and marks stand around the whole walk.
    outer: Around,
    /// How many items the list has that ended last, and whether its length was unknown when it was written.
    last_list: (usize, bool),
    lists: PhantomData<L>,
}

/// How many levels stand around a value, and how many options and marks.
#[derive(Clone, Copy, Default)]
pub(super) struct Around {
    levels: usize,
    marks: usize,
}

enum Level<'de> {
    /// An option, a name, or the mark of a readable form. It ends with the value in it.
    Mark,
    Record {
        number: usize,
        done: usize,
        tags: &'de [u8],
    },
    Items {
        runs: Runs<1>,
    },
    /// `key` is where the current key starts.
    Entries {
        runs: Runs<2>,
        at_value: bool,
        key: Reader<'de>,
    },
}

/// Runs of items, or of entries.
pub(super) struct Runs<const N: usize> {
    left: u64,
    more: bool,
    slots: [u8; N],
    done: usize,
    /// Whether a run ended at the item where the first run of a list of unknown length ends.
    at_edge: bool,
    is_long: bool,
}

impl<const N: usize> Runs<N> {
    /// Begins the runs whose first header comes next. If more items were announced than a run of a list of unknown length has, the
    /// header's count takes more than one byte, even if the run then had fewer items.
    pub(super) fn begin(decoder: &mut Decoder<'_, '_>) -> Result<Self> {
        let before = decoder.reader.left();
        let (left, more, slots) = decoder.run_header()?;
        let is_long = left > RUN || before - decoder.reader.left() > 1 + N;
        Ok(Runs { left, more, slots, done: 0, at_edge: false, is_long })
    }

    /// The tags of the next item; `None` at the end.
    #[inline]
    pub(super) fn next(&mut self, decoder: &mut Decoder<'_, '_>) -> Result<Option<[u8; N]>> {
        while self.left == 0 {
            if !self.more {
                return Ok(None);
            }
            self.at_edge |= self.done as u64 == RUN;
            (self.left, self.more, self.slots) = decoder.run_header()?;
            self.is_long |= self.left > RUN;
        }
        self.left -= 1;
        self.done += 1;
        Ok(Some(self.slots))
    }

    /// How many items there are, if that is known from the start.
    fn len(&self) -> Option<usize> {
        if self.more { None } else { usize::try_from(self.left).ok() }
    }

    /// Whether the items are in short runs, as they are written if their number is not known beforehand.
    fn is_unannounced(&self) -> bool {
        self.at_edge && !self.is_long && self.done as u64 > RUN
    }
}

/// What comes next.
enum Next {
    Value(u8),
    Absent,
    Numbers(u64, u8),
    End,
}

impl<'w, 'd, 's, 'de, W: Walk<'de>, L: Lists<W>> Walker<'w, 'd, 's, 'de, W, L> {
    pub(super) fn new(decoder: &'d mut Decoder<'s, 'de>, walk: &'w mut W, outer: Around) -> Self {
        let (open, last_list) = (Vec::new(), (0, false));
        Walker { decoder, walk, open, marks: 0, outer, last_list, lists: PhantomData }
    }

    fn all(&mut self, slot: u8) -> Result<()> {
        self.value(slot)?;
        self.rest()
    }

    /// Walks over a list whose first header comes next, and gives the number of its items, and whether that was not known
    /// when it was written.
    pub(super) fn list(&mut self) -> Result<(usize, bool)> {
        self.runs(Tag::Seq)?;
        self.rest()?;
        Ok(self.last_list)
    }

    /// Walks over all open values to their ends.
    fn rest(&mut self) -> Result<()> {
        while !self.open.is_empty() {
            match self.next()? {
                Next::Value(slot) if slot == Tag::Record as u8 => self.records()?,
                Next::Value(slot) => self.value(slot)?,
                Next::Absent => self.walk.absent()?,
                Next::Numbers(count, slot) => {
                    self.numbers(count, slot).map_err(|error| self.of_many(error))?;
                }
                Next::End => self.end()?,
            }
        }
        Ok(())
    }

    /// The next part of the innermost open value.
    #[inline]
    fn next(&mut self) -> Result<Next> {
        let decoder = &mut *self.decoder;
        match self.open.last_mut() {
            Some(Level::Record { number, done, tags }) => {
                let Some(&tag) = tags.get(*done) else { return Ok(Next::End) };
                *done += 1;
                if tag != ANY {
                    return Ok(Next::Value(tag));
                }
                let tag = decoder.reader.byte()?;
                if tag == Tag::Absent as u8 && decoder.schema(*number).1.sparse {
                    return Ok(Next::Absent);
                }
                Ok(Next::Value(tag))
            }
            Some(Level::Items { runs }) => {
                let Some([slot]) = runs.next(decoder)? else { return Ok(Next::End) };
                if !is_number(slot) {
                    return Ok(Next::Value(slot));
                }
                let count = 1 + std::mem::take(&mut runs.left);
                runs.done += decoder.reader.check_left(count)? - 1;
                Ok(Next::Numbers(count, slot))
            }
            Some(Level::Entries { runs, at_value, key }) => {
                if std::mem::take(at_value) {
                    return Ok(Next::Value(runs.slots[1]));
                }
                let Some([slot, _]) = runs.next(decoder)? else { return Ok(Next::End) };
                *at_value = true;
                *key = decoder.reader.clone();
                Ok(Next::Value(slot))
            }
            Some(Level::Mark) | None => Ok(Next::End),
        }
    }

    #[inline]
    fn end(&mut self) -> Result<()> {
        let unannounced = match self.open.last() {
            Some(Level::Items { runs }) => {
                self.last_list = (runs.done, runs.is_unannounced());
                runs.is_unannounced()
            }
            Some(Level::Entries { runs, .. }) => runs.is_unannounced(),
            _ => false,
        };
        // An error about the whole value must not have the place of its last part.
        self.open.pop();
        if unannounced {
            self.walk.unannounced()?;
        }
        self.walk.end()?;
        self.leave_marks();
        Ok(())
    }

    /// Ends the options and marks around a value that has ended.
    #[inline]
    fn leave_marks(&mut self) {
        while let Some(Level::Mark) = self.open.last() {
            self.open.pop();
            self.marks -= 1;
        }
    }

    fn mark(&mut self) -> Result<()> {
        if self.outer.marks + self.marks >= MAX_LEVELS {
            return Err(stack::too_deep(MAX_LEVELS as u32));
        }
        self.marks += 1;
        self.open.push(Level::Mark);
        Ok(())
    }

    /// Tells of a value, or of its beginning if it has parts.
    #[inline]
    fn value(&mut self, slot: u8) -> Result<()> {
        let tag = self.decoder.outer_tag(slot)?;
        if tag == Tag::Record { self.record() } else { self.compound(tag) }
    }

    /// Tells of a value that has no parts. If it has parts, gives `false`, and the position does not change.
    #[inline(never)]
    fn leaf(&mut self, tag: Tag) -> Result<bool> {
        let reader = &mut self.decoder.reader;
        let end = other_leaf(reader, 0, self.walk, tag)?;
        if end != PARTS {
            reader.take(end)?;
        }
        Ok(end != PARTS)
    }

    #[inline(never)]
    fn compound(&mut self, tag: Tag) -> Result<()> {
        self.marked(tag)?;
        self.leave_marks();
        Ok(())
    }

    /// Tells of the options and marks around a value, and then of the value, or of its beginning if it has parts.
    #[inline]
    fn marked(&mut self, mut tag: Tag) -> Result<()> {
        loop {
            let slot = match tag {
                Tag::Record => return self.record(),
                Tag::Seq | Tag::Map => return self.runs(tag),
                Tag::Array | Tag::Ndarray | Tag::Blob => return self.array(tag),
                Tag::Option => match self.decoder.reader.byte()? {
                    0 => return self.walk.none(),
                    slot => {
                        self.mark()?;
                        self.walk.some()?;
                        slot
                    }
                },
                Tag::Readable => {
                    self.mark()?;
                    self.walk.readable()?;
                    ANY
                }
                Tag::Named => {
                    self.mark()?;
                    let name = self.decoder.name()?;
                    self.walk.named(name)?;
                    ANY
                }
                _ if self.leaf(tag)? => return Ok(()),
                _ => {
                    let text = format!("{} stands where a value should", tag.name());
                    return Err(Error::corrupt(text));
                }
            };
            tag = self.decoder.outer_tag(slot)?;
        }
    }

    fn open(&mut self, level: Level<'de>) -> Result<()> {
        self.check_levels()?;
        self.open.push(level);
        Ok(())
    }

    /// How many levels are open. Options and marks are counted separately.
    #[inline]
    fn levels(&self) -> usize {
        self.open.len() - self.marks
    }

    /// The levels, options and marks around the value that the walk tells of.
    fn around(&self) -> Around {
        Around { levels: self.outer.levels + self.levels(), marks: self.outer.marks + self.marks }
    }

    #[inline]
    fn check_levels(&self) -> Result<()> {
        if self.outer.levels + self.levels() >= MAX_LEVELS {
            return Err(stack::too_deep(MAX_LEVELS as u32));
        }
        Ok(())
    }

    /// Tells of a record, and of the records that follow it in a run, up to the first that has a field with parts.
    fn records(&mut self) -> Result<()> {
        let levels = self.open.len();
        loop {
            self.record()?;
            if self.open.len() != levels {
                return Ok(());
            }
            match self.open.last_mut() {
                Some(Level::Items { runs }) if runs.left > 0 => {
                    runs.left -= 1;
                    runs.done += 1;
                }
                _ => return Ok(()),
            }
        }
    }

    fn record(&mut self) -> Result<()> {
        let number = self.decoder.record_number()?;
        let tags = self.decoder.tags(number);
        match self.decoder.names(number) {
            Some(names) => self.walk.record(names)?,
            None => self.walk.tuple(tags.len())?,
        }
        self.fields(number, tags)
    }

    /// Tells of the fields up to the first that has parts. Most records have no such field, and are never put on the stack of open
    /// values.
    #[inline]
    fn fields(&mut self, number: usize, tags: &'de [u8]) -> Result<()> {
        self.check_levels()?;
        let mut at = 0;
        for (field, slot) in tags.iter().enumerate() {
            if *slot == ANY {
                return self.fields_from(number, tags, field, at);
            }
            // The tables were checked: a slot is a tag.
            let tag = Tag::from_byte(*slot).unwrap_or(Tag::Any);
            match leaf(&self.decoder.reader, at, self.walk, tag) {
                Ok(end) if end != PARTS => at = end,
                // The main loop takes the field, so that deep nesting causes no recursion.
                Ok(_) => return self.fields_from(number, tags, field, at),
                Err(error) => {
                    self.fields_from(number, tags, field + 1, at)?;
                    return Err(error);
                }
            }
        }
        self.decoder.reader.take(at)?;
        self.walk.end()
    }

    /// Opens the record for its fields from this one on, which starts `at` bytes further on.
    #[inline(never)]
    fn fields_from(
        &mut self,
        number: usize,
        tags: &'de [u8],
        done: usize,
        at: usize,
    ) -> Result<()> {
        self.decoder.reader.take(at)?;
        self.open.push(Level::Record { number, done, tags });
        Ok(())
    }

    fn runs(&mut self, tag: Tag) -> Result<()> {
        if tag == Tag::Seq {
            if L::KEPT
                && let Some(list) = kept::list(self.decoder, self.around())?
            {
                return L::keep(self.walk, list);
            }
            let runs = Runs::begin(self.decoder)?;
            self.walk.seq(runs.len())?;
            return self.open(Level::Items { runs });
        }
        let runs = Runs::begin(self.decoder)?;
        self.walk.map(runs.len())?;
        let key = self.decoder.reader.clone();
        self.open(Level::Entries { runs, at_value: false, key })
    }

    #[inline(never)]
    fn array(&mut self, tag: Tag) -> Result<()> {
        if L::NO_ARRAYS {
            return Err(kept::has_arrays());
        }
        let placed = if tag == Tag::Blob {
            self.decoder.array()?
        } else {
            let (number, source) = (self.decoder.array_number()?, self.decoder.source);
            if let Some(array) = L::stand_in(self.walk, || source.path(number))? {
                return self.walk.array(PlacedArray::new(array, tag == Tag::Ndarray));
            }
            self.decoder.numbered_array(number)?
        };
        match placed.standing {
            Standing::Live(..) => {
                self.walk.live(UntypedLive::new(placed.head, context::live().as_ref())?)
            }
            _ if tag == Tag::Blob => self.walk.bytes(placed.bytes),
            _ => {
                let array = UntypedArray::of_read(placed)?;
                self.walk.array(PlacedArray::new(array, tag == Tag::Ndarray))
            }
        }
    }

    /// Tells of so many items that are numbers.
    #[inline(never)]
    fn numbers(&mut self, count: u64, slot: u8) -> Result<()> {
        let Walker { decoder, walk, .. } = self;
        let tag = decoder.tag(slot)?;
        macro_rules! fixed {
            ($name:ident $ty:ty) => {{
                const WIDTH: usize = size_of::<$ty>();
                let (bytes, _) = decoder.packed(count, WIDTH)?;
                let mut items = [<$ty>::default(); AT_ONCE];
                for bytes in bytes.as_chunks::<WIDTH>().0.chunks(AT_ONCE) {
                    let items = &mut items[..bytes.len()];
                    for (item, bytes) in items.iter_mut().zip(bytes) {
                        *item = <$ty>::from_le_bytes(*bytes);
                    }
                    walk.numbers(Numbers::$name(items))?;
                }
            }};
        }
        macro_rules! varint {
            ($name:ident $ty:ty, |$number:ident| $from:expr) => {{
                let mut left = decoder.reader.check_left(count)?;
                let mut items = [<$ty>::default(); AT_ONCE];
                while left > 0 {
                    let items = &mut items[..left.min(AT_ONCE)];
                    decoder.reader.listed_varints(items, |$number| $from)?;
                    left -= items.len();
                    walk.numbers(Numbers::$name(items))?;
                }
            }};
        }
        match tag {
            Tag::U8 => walk.numbers(Numbers::U8(decoder.packed(count, 1)?.0))?,
            Tag::I8 => fixed!(I8 i8),
            Tag::F32 => fixed!(F32 f32),
            Tag::F64 => fixed!(F64 f64),
            Tag::I64Fixed => fixed!(I64 i64),
            Tag::U64Fixed => fixed!(U64 u64),
            Tag::I16 => varint!(I16 i16, |number| in_range(tag, unzigzag(number))),
            Tag::I32 => varint!(I32 i32, |number| in_range(tag, unzigzag(number))),
            Tag::I64 => varint!(I64 i64, |number| Ok(unzigzag(number))),
            Tag::U16 => varint!(U16 u16, |number| in_range(tag, number)),
            Tag::U32 => varint!(U32 u32, |number| in_range(tag, number)),
            Tag::U64 => varint!(U64 u64, |number| Ok(number)),
            _ => {
                let mut left = decoder.reader.check_left(count)?;
                let mut items = [false; AT_ONCE];
                while left > 0 {
                    let items = &mut items[..left.min(AT_ONCE)];
                    items
                        .iter_mut()
                        .try_for_each(|item| decoder.bool().map(|value| *item = value))?;
                    left -= items.len();
                    walk.numbers(Numbers::Bool(items))?;
                }
            }
        }
        Ok(())
    }

    /// An error in items that the walk tells of at once. Its place is that of the list.
    #[cold]
    #[inline(never)]
    fn of_many(&mut self, error: Error) -> Error {
        if let Some(Level::Items { runs }) = self.open.last_mut() {
            runs.done = 0;
        }
        error
    }

    /// An error with the place at which the walk stands.
    #[cold]
    #[inline(never)]
    fn in_place(&self, mut error: Error) -> Error {
        for level in self.open.iter().rev() {
            match level {
                Level::Record { number, done, .. } if *done > 0 => {
                    let schema = self.decoder.schema(*number).0;
                    error = match schema.fields.get(done - 1) {
                        Some(name) => error.at_field(name),
                        None if schema.kind == SchemaKind::NewtypeVariant => error,
                        None => error.at_index(done - 1),
                    };
                    if schema.kind.is_variant() {
                        error = error.at(Step::Variant(schema.variant.to_owned()));
                    }
                }
                Level::Items { runs } if runs.done > 0 => error = error.at_index(runs.done - 1),
                Level::Entries { runs, at_value, key } if runs.done > 0 => {
                    let mut key = key.clone();
                    let [slot, _] = runs.slots;
                    let tag = if slot == ANY { key.byte().ok() } else { Some(slot) };
                    // While the key itself is read, it does not name the place.
                    let tag = tag.filter(|_| !at_value).and_then(Tag::from_byte);
                    let text = tag.and_then(|tag| scalar_text(&mut key, tag));
                    error = error.at(Step::Key(text, runs.done - 1));
                }
                _ => {}
            }
        }
        error
    }
}

/// Whether a run of this tag has numbers or bools, of which the walk tells many at once.
#[inline]
pub(super) fn is_number(slot: u8) -> bool {
    const TAGS: u32 = VARINTS
        | 1 << Tag::Bool as u8
        | 1 << Tag::I8 as u8
        | 1 << Tag::U8 as u8
        | 1 << Tag::F32 as u8
        | 1 << Tag::F64 as u8
        | 1 << Tag::I64Fixed as u8
        | 1 << Tag::U64Fixed as u8;
    slot < 32 && TAGS >> slot & 1 == 1
}
