//! The schemas and field tags that were seen so far, and the guess which of them comes next.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ANY;
use super::frames::Here;
use crate::error::{Error, ErrorKind, Result};
use crate::wire::{
    FieldTags, Schema, SchemaKind, put_field_tags, put_schema, put_varint, read_schema,
};

/// What serde says at the start of a struct, tuple or variant, before its fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct SchemaKey<'a> {
    pub(super) kind: SchemaKind,
    pub(super) name: &'a str,
    pub(super) variant: &'a str,
    pub(super) variant_index: u32,
    pub(super) len: usize,
}

impl<'a> SchemaKey<'a> {
    pub(super) fn of_struct(name: &'a str, len: usize) -> Self {
        SchemaKey { kind: SchemaKind::Struct, name, variant: "", variant_index: 0, len }
    }

    pub(super) fn tuple(len: usize) -> Self {
        SchemaKey { kind: SchemaKind::Tuple, name: "", variant: "", variant_index: 0, len }
    }

    pub(super) fn variant(
        kind: SchemaKind,
        name: &'a str,
        variant_index: u32,
        variant: &'a str,
        len: usize,
    ) -> Self {
        SchemaKey { kind, name, variant, variant_index, len }
    }

    /// Packs the key by the names' addresses. Equal addresses mean equal names. Equal names may have several addresses, which only
    /// costs a look-up.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn packed(&self) -> Packed {
        let name = if self.kind == SchemaKind::Tuple { "" } else { self.name };
        let variant = if self.kind.is_variant() { self.variant } else { "" };
        // No name is so long, and no record has so many fields, that it takes another's place here.
        let what =
            (self.len as u64) << 32 | (name.len() as u64) << 4 & 0xffff_fff0 | self.kind as u64;
        Packed {
            name: if name.is_empty() { 0 } else { name.as_ptr().addr() },
            what,
            variant: if variant.is_empty() { 0 } else { variant.as_ptr().addr() },
            which: u64::from(self.variant_index) << 32 | variant.len() as u64 & 0xffff_ffff,
        }
    }
}

/// What distinguishes kinds of records by a few comparisons.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Packed {
    name: usize,
    what: u64,
    variant: usize,
    which: u64,
}

impl Packed {
    /// Whether both are the same record, which is of this kind. What tells variants apart is compared only for variants.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is(self, other: Self, kind: SchemaKind) -> bool {
        self.name == other.name
            && self.what == other.what
            && (!kind.is_variant() || self.variant == other.variant && self.which == other.which)
    }

    /// A hash that takes few instructions. The table grows until no two kinds have the same place.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hash(self) -> usize {
        let mixed =
            self.name.wrapping_add(self.variant.rotate_left(3)) ^ (self.what >> 28) as usize;
        mixed ^ mixed >> 7
    }
}

/// A row of field tags as the records that have it see it.
#[derive(Clone, Copy)]
pub(super) struct Guess<'a> {
    pub(super) number: u32,
    pub(super) sparse: bool,
    /// The position of its first field among the fields of all rows of field tags.
    pub(super) start: usize,
    pub(super) steps: &'a [FieldStep],
}

/// A kind of record by the addresses of its names, with the row of field tags that one had the last time.
#[derive(Clone, Copy)]
struct SeenSchema<'a> {
    packed: Packed,
    guess: Guess<'a>,
}

impl SeenSchema<'_> {
    /// No record is like this: there is no such kind.
    const FREE: Self = SeenSchema {
        packed: Packed { name: 0, what: u64::MAX, variant: 0, which: 0 },
        guess: Guess { number: 0, sparse: false, start: 0, steps: &[] },
    };

    fn is_free(&self) -> bool {
        self.packed.what == Self::FREE.packed.what
    }
}

/// A kind of record by what it is called: the same row, and the addresses under which it was seen.
struct Called<'a> {
    guess: Guess<'a>,
    addresses: Vec<Packed>,
}

pub(super) struct Known<'a> {
    pub(super) key: SchemaKey<'a>,
    pub(super) guess: Guess<'a>,
}

/// A field as the records that have it see it, packed.
#[derive(Clone, Copy)]
pub(super) struct FieldStep {
    /// The address of the name. Equal addresses mean equal names. Equal names may have several addresses; then their texts are
    /// compared.
    name: usize,
    len: u16,
    /// Whether the field may be absent, and is written with its tag.
    pub(super) may_be_absent: bool,
    /// What the field's value gets: the field's number among the fields of all rows of field tags, and its tag.
    pub(super) here: Here,
}

impl FieldStep {
    fn new(name: &str, tag: u8, sparse: bool, number: u32) -> Self {
        let address = name.as_ptr().addr();
        // A name that is too long gets address 0, which no name has.
        let (address, len) = u16::try_from(name.len()).map_or((0, 0), |len| (address, len));
        let may_be_absent = sparse && tag == ANY;
        FieldStep { name: address, len, may_be_absent, here: Here::field(number, tag) }
    }

    /// Whether the field is recognised at once, by address, as the one of this name.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name.as_ptr().addr() && usize::from(self.len) == name.len()
    }
}

/// Data that must not move while more is added.
#[derive(Default)]
pub(super) struct SchemaArena {
    /// The steps of all rows of field tags: a record holds those of its own while others are found.
    steps: Pieces<Box<[FieldStep]>>,
    /// Names that are known at run time only, as they were handed over.
    names: Pieces<Box<[u8]>>,
}

/// Pieces, each twice as large as the one before, which never move.
#[derive(Default)]
struct Pieces<T>([OnceCell<Box<Piece<T>>>; PIECES]);

type Piece<T> = [OnceCell<T>];

const PIECES: usize = 28;

/// How many items the first piece holds.
const FIRST: usize = 16;

impl<T> Pieces<T> {
    /// Keeps the item of this number. `None` if there is no room for so many items.
    fn keep(&self, number: u32, item: T) -> Option<&T> {
        let at = number as usize / FIRST + 1;
        let piece = at.ilog2();
        let size = FIRST << piece;
        let place = number as usize + FIRST - size;
        let room = || (0..size).map(|_| OnceCell::new()).collect();
        let place = self.0.get(piece as usize)?.get_or_init(room).get(place)?;
        Some(place.get_or_init(|| item))
    }
}

impl SchemaArena {
    /// Keeps the steps of the row of field tags of this number.
    fn keep(&self, number: u32, steps: Vec<FieldStep>) -> &[FieldStep] {
        self.steps.keep(number, steps.into()).map_or(&[], |steps| steps)
    }
}

type SchemaParts<'a> = (SchemaKind, &'a str, &'a str, u32, usize);

pub(super) struct Schemas<'a> {
    numbers: HashMap<Schema<'a>, u32>,
    /// By schema, whether a field may be absent, and tags.
    rows: HashMap<(u32, bool, Vec<u8>), u32>,
    /// The same in order of their numbers, encoded.
    schema_table: Vec<u8>,
    row_table: Vec<u8>,
    /// The rows of field tags in order of their numbers.
    known: Vec<Known<'a>>,
    /// Each row's fields: name (empty in a tuple) and tag.
    fields: Vec<(&'a str, u8)>,
    arena: &'a SchemaArena,
    /// The kinds of records by what they are called.
    called: HashMap<SchemaParts<'a>, Called<'a>>,
    /// Kinds by the addresses of their names. A kind's names may have several.
    seen: Vec<SeenSchema<'a>>,
    seen_count: usize,
    /// Kinds whose names are known at run time only, in the order in which they came.
    named: Vec<Named<'a>>,
    /// The same by what was handed over.
    named_numbers: HashMap<&'a [u8], u32>,
    /// The kind that came last.
    last_named: u32,
}

/// A kind of record whose names are known at run time only.
struct Named<'a> {
    /// The names as they were handed over.
    bytes: &'a [u8],
    schema: Schema<'a>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(arena: &'a SchemaArena) -> Self {
        Schemas {
            numbers: HashMap::new(),
            rows: HashMap::new(),
            schema_table: Vec::new(),
            row_table: Vec::new(),
            known: Vec::new(),
            fields: Vec::new(),
            arena,
            called: HashMap::new(),
            seen: Vec::new(),
            seen_count: 0,
            named: Vec::new(),
            named_numbers: HashMap::new(),
            last_named: 0,
        }
    }

    /// The number of a kind of record whose names are handed over as an encoded schema. The bytes are compared as a whole, because
    /// another schema may by now lie at the same address.
    ///
    /// # Errors
    ///
    /// Those of reading a schema.
    pub(super) fn name(&mut self, bytes: &[u8]) -> Result<u32> {
        match self.named.get(self.last_named as usize) {
            Some(last) if last.bytes == bytes => return Ok(self.last_named),
            _ => {}
        }
        let number = match self.named_numbers.get(bytes) {
            Some(number) => *number,
            None => self.name_new(bytes)?,
        };
        self.last_named = number;
        Ok(number)
    }

    #[cold]
    #[inline(never)]
    fn name_new(&mut self, bytes: &[u8]) -> Result<u32> {
        let number = self.named.len() as u32;
        // Bytes that are not a schema are not kept under this number.
        read_schema(bytes)?;
        let Some(bytes) = self.arena.names.keep(number, bytes.into()) else {
            return Err(Error::new(ErrorKind::Limit, "too many kinds of records"));
        };
        self.named.push(Named { bytes, schema: read_schema(bytes)? });
        self.named_numbers.insert(bytes, number);
        Ok(number)
    }

    /// The names of the kind of record of this number.
    pub(super) fn named(&self, number: u32) -> Option<&Schema<'a>> {
        self.named.get(number as usize).map(|named| &named.schema)
    }

    /// The row of field tags that a record of this kind had the last time, if it is found at once.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn guess(&self, key: &SchemaKey<'a>) -> Option<&Guess<'a>> {
        let packed = key.packed();
        match self.seen.get(self.place(packed)) {
            Some(seen) if seen.packed.is(packed, key.kind) => Some(&seen.guess),
            _ => None,
        }
    }

    /// The same, wherever it is.
    pub(super) fn guess_other(&mut self, key: &SchemaKey<'a>) -> Option<Guess<'a>> {
        let packed = key.packed();
        if let Some(seen) = self.find(packed) {
            return Some(seen.guess);
        }
        let called = self.called.get_mut(&content(key))?;
        called.addresses.push(packed);
        let guess = called.guess;
        self.remember(SeenSchema { packed, guess });
        Some(guess)
    }

    fn find(&mut self, packed: Packed) -> Option<&mut SeenSchema<'a>> {
        let place = self.place(packed);
        let (before, from) = self.seen.split_at_mut_checked(place)?;
        let mut taken = from.iter_mut().chain(before).take_while(|seen| !seen.is_free());
        taken.find(|seen| seen.packed == packed)
    }

    /// The position of a kind in [`Schemas::seen`], unless another kind has taken it. The length is a power of two, or zero.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn place(&self, packed: Packed) -> usize {
        packed.hash() & self.seen.len().wrapping_sub(1)
    }

    /// Remembers a kind. At most one of four places is taken. If another kind has this kind's place, the table grows, up to a limit,
    /// until no two kinds have the same place.
    fn remember(&mut self, seen: SeenSchema<'a>) {
        self.seen_count += 1;
        let taken = |schemas: &Self| {
            schemas.seen.get(schemas.place(seen.packed)).is_some_and(|place| !place.is_free())
        };
        while 4 * self.seen_count > self.seen.len()
            || taken(self) && self.seen.len() < 32 * self.seen_count
        {
            let room = (2 * self.seen.len()).max(64);
            let before = std::mem::replace(&mut self.seen, vec![SeenSchema::FREE; room]);
            for seen in before.into_iter().filter(|seen| !seen.is_free()) {
                self.settle(seen);
            }
        }
        self.settle(seen);
    }

    fn settle(&mut self, seen: SeenSchema<'a>) {
        let place = self.place(seen.packed);
        let (before, from) = self.seen.split_at_mut(place);
        if let Some(free) = from.iter_mut().chain(before).find(|place| place.is_free()) {
            *free = seen;
        }
    }

    /// The row of field tags of this number.
    pub(super) fn row(&self, number: u32) -> Option<&Known<'a>> {
        self.known.get(number as usize)
    }

    /// The row of field tags that has the field of this number among all.
    pub(super) fn row_of(&self, field: usize) -> Option<&Known<'a>> {
        let behind = self.known.partition_point(|known| known.guess.start <= field);
        self.known.get(behind.checked_sub(1)?)
    }

    /// The first `count` fields of a row of field tags.
    pub(super) fn fields(&self, guess: Guess<'_>, count: usize) -> &[(&'a str, u8)] {
        self.fields.get(guess.start..guess.start + count).unwrap_or_default()
    }

    /// The name of a field by its number among all.
    pub(super) fn field(&self, number: usize) -> Option<&'a str> {
        self.fields.get(number).map(|(name, _)| *name)
    }

    /// The number of this row, which is from now on the guess for the key.
    pub(super) fn intern(
        &mut self,
        key: &SchemaKey<'a>,
        fields: &[(&'a str, u8)],
        sparse: bool,
    ) -> u32 {
        let named = key.kind.is_named();
        let schema = Schema {
            kind: key.kind,
            name: key.name,
            variant: key.variant,
            variant_index: key.variant_index,
            len: fields.len(),
            fields: if named { fields.iter().map(|(name, _)| *name).collect() } else { Vec::new() },
        };
        let next = self.numbers.len() as u32;
        let table = &mut self.schema_table;
        let schema = *self.numbers.entry(schema).or_insert_with_key(|schema| {
            put_schema(table, schema);
            next
        });
        let tags = fields.iter().map(|(_, tag)| *tag).collect();
        let next = self.known.len() as u32;
        let number = *self.rows.entry((schema, sparse, tags)).or_insert_with_key(|(.., tags)| {
            put_field_tags(&mut self.row_table, &FieldTags { schema, sparse, tags });
            let start = self.fields.len();
            self.fields.extend_from_slice(fields);
            let steps = fields.iter().zip(start as u32..);
            let steps =
                steps.map(|((name, tag), at)| FieldStep::new(name, *tag, sparse, at)).collect();
            let steps = self.arena.keep(next, steps);
            self.known
                .push(Known { key: *key, guess: Guess { number: next, sparse, start, steps } });
            next
        });
        let guess = self.known[number as usize].guess;
        let addresses = match self.called.entry(content(key)) {
            Entry::Occupied(mut called) => {
                called.get_mut().guess = guess;
                called.get().addresses.clone()
            }
            Entry::Vacant(called) => {
                called.insert(Called { guess, addresses: Vec::new() });
                Vec::new()
            }
        };
        for packed in addresses {
            if let Some(seen) = self.find(packed) {
                seen.guess = guess;
            }
        }
        number
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.numbers.len() as u64);
        out.extend_from_slice(&self.schema_table);
        put_varint(&mut out, self.known.len() as u64);
        out.extend_from_slice(&self.row_table);
        out
    }
}

fn content<'a>(key: &SchemaKey<'a>) -> SchemaParts<'a> {
    (key.kind, key.name, key.variant, key.variant_index, key.len)
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    #[test]
    fn steps_stay_where_they_are_while_others_come() {
        let arena = SchemaArena::default();
        let name = |number: u32| ["a", "bc", ""][number as usize % 3];
        let steps =
            |number| (0..number % 5).map(move |at| FieldStep::new(name(at), 1, false, number));
        let kept: Vec<_> =
            (0..5000).map(|number| arena.keep(number, steps(number).collect())).collect();
        for (number, kept) in kept.into_iter().enumerate() {
            assert_eq!(kept.len(), number % 5);
            assert!(kept.iter().zip(0..).all(|(step, at)| step.is(name(at)) && !step.is("b")));
        }
    }

    #[test]
    fn names_that_are_too_long_are_at_no_address() {
        static LONG: LazyLock<String> = LazyLock::new(|| "x".repeat(1 << 16));
        let long: &'static str = &LONG;
        assert!(!FieldStep::new(long, 1, false, 0).is(long));
        let longest = &long[..u16::MAX as usize];
        let step = FieldStep::new(longest, 1, false, 0);
        assert!(step.is(longest) && !step.is(&longest[1..]) && !step.is(&longest[..1]));
    }
}
