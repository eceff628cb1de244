//! The shapes and layouts that were seen so far, and the guess which one comes next.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;

use crate::wire::{FieldTags, Kind, Schema, put_field_tags, put_schema, put_varint};

/// What serde says at the start of a struct, tuple or variant, before its fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) variant: &'static str,
    pub(super) variant_index: u32,
    pub(super) len: usize,
}

impl Key {
    pub(super) fn of_struct(name: &'static str, len: usize) -> Self {
        Key { kind: Kind::Struct, name, variant: "", variant_index: 0, len }
    }

    pub(super) fn tuple(len: usize) -> Self {
        Key { kind: Kind::Tuple, name: "", variant: "", variant_index: 0, len }
    }

    pub(super) fn variant(
        kind: Kind,
        name: &'static str,
        variant_index: u32,
        variant: &'static str,
        len: usize,
    ) -> Self {
        Key { kind, name, variant, variant_index, len }
    }

    /// Packed by the names' addresses. Equal addresses are equal names; equal names may have several addresses, which costs
    /// a look-up and no more.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn packed(&self) -> Packed {
        let name = if self.kind == Kind::Tuple { "" } else { self.name };
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

/// What tells kinds of records apart at once.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Packed {
    name: usize,
    what: u64,
    variant: usize,
    which: u64,
}

impl Packed {
    /// Whether it is the same, as which one of this kind is compared.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn is(self, other: Self, kind: Kind) -> bool {
        self.name == other.name
            && self.what == other.what
            && (!kind.is_variant() || self.variant == other.variant && self.which == other.which)
    }

    /// What few instructions make of it: the table grows until no two kinds have the same.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hash(self) -> usize {
        let mixed =
            self.name.wrapping_add(self.variant.rotate_left(3)) ^ (self.what >> 28) as usize;
        mixed ^ mixed >> 7
    }
}

/// Whether two names are one string constant.
#[inline]
pub(super) fn same_str(a: &'static str, b: &'static str) -> bool {
    a.len() == b.len() && a.as_ptr() == b.as_ptr()
}

/// A layout as the records that have it see it.
#[derive(Clone, Copy)]
pub(super) struct Guess {
    pub(super) number: u32,
    pub(super) sparse: bool,
    /// Where its fields are in [`Shapes::fields`].
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A kind of record by the addresses of its names, with the layout that one had the last time.
#[derive(Clone, Copy)]
struct Seen {
    packed: Packed,
    guess: Guess,
}

/// A kind of record by what it is called: the same layout, and the addresses under which it was seen.
struct Called {
    guess: Guess,
    addresses: Vec<Packed>,
}

pub(super) struct Known {
    pub(super) key: Key,
    pub(super) guess: Guess,
}

/// A field as [`super::quick`] sees it, packed so that it takes two comparisons.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// The address of the name. Equal addresses are equal names; equal names may have several addresses, and the record is
    /// then written like any other.
    pub(super) name: usize,
    /// The name's length, and the tag in the second byte.
    what: u32,
    /// Fields of the layout may be absent.
    pub(super) sparse: bool,
}

impl Step {
    fn new(name: &'static str, tag: u8, sparse: bool) -> Self {
        // A name that is too long has a length that is no name's.
        let len = u16::try_from(name.len()).unwrap_or(u16::MAX);
        let what = u32::from(len) << 16 | u32::from(tag) << 8;
        Step { name: name.as_ptr().addr(), what, sparse }
    }

    /// The tag in the second byte, if the name has this length; else there are other bits.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn slot(self, name: &str) -> u32 {
        self.what ^ if name.len() < u16::MAX as usize { (name.len() as u32) << 16 } else { 1 }
    }
}

type Content = (Kind, &'static str, &'static str, u32, usize);

#[derive(Default)]
pub(super) struct Shapes {
    numbers: HashMap<Schema<'static>, u32>,
    /// By shape, whether a field may be absent, and tags.
    layouts: HashMap<(u32, bool, Vec<u8>), u32>,
    /// The same in order of their numbers, encoded.
    shape_table: Vec<u8>,
    layout_table: Vec<u8>,
    /// The layouts in order of their numbers.
    known: Vec<Known>,
    /// Each layout's fields: name (empty in a tuple) and tag.
    fields: Vec<(&'static str, u8)>,
    steps: Vec<Step>,
    /// The kinds of records by what they are called.
    called: HashMap<Content, Called>,
    /// Kinds by the addresses of their names. A kind's names may have several.
    seen: Vec<Option<Seen>>,
    seen_count: usize,
}

impl Shapes {
    /// The layout that a record of this kind had the last time, if it is found at once.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn guess(&self, key: &Key) -> Option<Guess> {
        let packed = key.packed();
        match self.seen.get(self.place(packed)) {
            Some(Some(seen)) if seen.packed.is(packed, key.kind) => Some(seen.guess),
            _ => None,
        }
    }

    /// The same, wherever it is.
    pub(super) fn guess_other(&mut self, key: &Key) -> Option<Guess> {
        let packed = key.packed();
        if let Some(seen) = self.find(packed) {
            return Some(seen.guess);
        }
        let called = self.called.get_mut(&content(key))?;
        called.addresses.push(packed);
        let guess = called.guess;
        self.remember(Seen { packed, guess });
        Some(guess)
    }

    fn find(&mut self, packed: Packed) -> Option<&mut Seen> {
        let place = self.place(packed);
        let (before, from) = self.seen.split_at_mut_checked(place)?;
        let mut taken = from.iter_mut().chain(before).map_while(Option::as_mut);
        taken.find(|seen| seen.packed == packed)
    }

    /// Where in [`Shapes::seen`] a kind is, unless its place was taken. The length is a power of two, or zero.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn place(&self, packed: Packed) -> usize {
        packed.hash() & self.seen.len().wrapping_sub(1)
    }

    /// Of four places at most one is taken; where a kind's own place is, there are more, to a limit, until no two kinds
    /// have the same.
    fn remember(&mut self, seen: Seen) {
        self.seen_count += 1;
        let taken =
            |shapes: &Self| matches!(shapes.seen.get(shapes.place(seen.packed)), Some(Some(_)));
        while 4 * self.seen_count > self.seen.len()
            || taken(self) && self.seen.len() < 32 * self.seen_count
        {
            let room = (2 * self.seen.len()).max(64);
            let before = std::mem::replace(&mut self.seen, vec![None; room]);
            for seen in before.into_iter().flatten() {
                self.settle(seen);
            }
        }
        self.settle(seen);
    }

    fn settle(&mut self, seen: Seen) {
        let place = self.place(seen.packed);
        let (before, from) = self.seen.split_at_mut(place);
        if let Some(free) = from.iter_mut().chain(before).find(|place| place.is_none()) {
            *free = Some(seen);
        }
    }

    /// The fields of the layout.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn steps(&self, guess: Guess) -> &[Step] {
        self.steps.get(guess.start..guess.end).unwrap_or_default()
    }

    /// A field of a layout, by its number among all.
    #[inline]
    pub(super) fn field(&self, at: usize) -> Option<(&'static str, u8)> {
        self.fields.get(at).copied()
    }

    /// The layout of this number.
    pub(super) fn layout(&self, number: u32) -> &Known {
        &self.known[number as usize]
    }

    pub(super) fn fields(&self, range: Range<usize>) -> &[(&'static str, u8)] {
        &self.fields[range]
    }

    /// The number of this layout, which is from now on the guess for the key.
    pub(super) fn intern(&mut self, key: &Key, fields: &[(&'static str, u8)], sparse: bool) -> u32 {
        let named = key.kind.is_named();
        let shape = Schema {
            kind: key.kind,
            name: key.name,
            variant: key.variant,
            variant_index: key.variant_index,
            len: fields.len(),
            fields: if named { fields.iter().map(|(name, _)| *name).collect() } else { Vec::new() },
        };
        let next = self.numbers.len() as u32;
        let table = &mut self.shape_table;
        let shape = *self.numbers.entry(shape).or_insert_with_key(|shape| {
            put_schema(table, shape);
            next
        });
        let tags = fields.iter().map(|(_, tag)| *tag).collect();
        let next = self.known.len() as u32;
        let number = *self.layouts.entry((shape, sparse, tags)).or_insert_with_key(|(.., tags)| {
            put_field_tags(&mut self.layout_table, &FieldTags { schema: shape, sparse, tags });
            let start = self.fields.len();
            self.fields.extend_from_slice(fields);
            self.steps.extend(fields.iter().map(|(name, tag)| Step::new(name, *tag, sparse)));
            let guess = Guess { number: next, sparse, start, end: self.fields.len() };
            self.known.push(Known { key: *key, guess });
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
        out.extend_from_slice(&self.shape_table);
        put_varint(&mut out, self.known.len() as u64);
        out.extend_from_slice(&self.layout_table);
        out
    }
}

fn content(key: &Key) -> Content {
    (key.kind, key.name, key.variant, key.variant_index, key.len)
}
