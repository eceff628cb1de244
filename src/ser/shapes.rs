//! The shapes and layouts that were seen so far, and the guess which one comes next.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::rc::Rc;

use crate::wire::{Kind, Layout, Reader, Shape, put_layout, put_shape, put_varint};

use super::repeat::Script;

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

    /// Equal addresses are equal names; equal names may have several addresses, which costs a look-up and no more.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn same(&self, other: &Key) -> bool {
        self.kind == other.kind
            && self.len == other.len
            && (self.kind == Kind::Tuple || same_str(self.name, other.name))
            && (!self.kind.is_variant()
                || self.variant_index == other.variant_index
                    && same_str(self.variant, other.variant))
    }

    /// By the names' addresses.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn hash(&self) -> usize {
        let mut mixed = self.len << 7 ^ (self.kind as usize) << 13;
        if self.kind != Kind::Tuple {
            mixed ^= self.name.as_ptr().addr();
        }
        if self.kind.is_variant() {
            mixed ^= self.variant.as_ptr().addr().rotate_left(17);
        }
        ((mixed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
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
    /// Where its fields are in [`Shapes::fields`].
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) struct Known {
    pub(super) key: Key,
    pub(super) sparse: bool,
    pub(super) guess: Guess,
    /// What such records do as items of a sequence, and how many times more they may turn out to do something else.
    script: Option<Rc<Script>>,
    tries: u8,
}

/// How often a script is read off an item that differs from the one before.
const TRIES: u8 = 16;

type Content = (Kind, &'static str, &'static str, u32, usize);

#[derive(Default)]
pub(super) struct Shapes {
    numbers: HashMap<Shape<'static>, u32>,
    /// By shape, whether a field may be absent, and tags.
    layouts: HashMap<(u32, bool, Vec<u8>), u32>,
    /// The same in order of their numbers, encoded.
    shape_table: Vec<u8>,
    layout_table: Vec<u8>,
    /// The layouts in order of their numbers.
    known: Vec<Known>,
    /// Each layout's fields: name (empty in a tuple) and tag.
    fields: Vec<(&'static str, u8)>,
    /// What the items did of the sequence that was in such a field the last time.
    items: Vec<Option<Rc<Script>>>,
    /// The last layout of each kind of record, and the kinds by what they are called.
    guesses: Vec<Guess>,
    kinds: HashMap<Content, usize>,
    /// Kinds by the addresses of their names. A kind's names may have several.
    seen: Vec<Option<(Key, usize)>>,
    seen_count: usize,
}

impl Shapes {
    /// The layout that a record of this kind had the last time, if it is found at once.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn guess(&self, key: &Key) -> Option<Guess> {
        match self.seen.get(self.place(key)) {
            Some(Some((seen, kind))) if key.same(seen) => self.guesses.get(*kind).copied(),
            _ => None,
        }
    }

    /// The same, wherever it is.
    pub(super) fn guess_other(&mut self, key: &Key) -> Option<Guess> {
        let kind = if let Some(kind) = self.look_up(key) {
            kind
        } else {
            let kind = *self.kinds.get(&content(key))?;
            self.remember(*key, kind);
            kind
        };
        self.guesses.get(kind).copied()
    }

    /// Where in [`Shapes::seen`] a kind is, unless its place was taken. The length is a power of two, or zero.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn place(&self, key: &Key) -> usize {
        key.hash() & self.seen.len().wrapping_sub(1)
    }

    /// A kind by address, at its place or at one of the next.
    fn look_up(&self, key: &Key) -> Option<usize> {
        let (before, from) = self.seen.split_at_checked(self.place(key))?;
        let mut taken = from.iter().chain(before).map_while(Option::as_ref);
        taken.find(|(seen, _)| seen.same(key)).map(|(_, kind)| *kind)
    }

    /// Of four places at most one is taken; where a kind's own place is, there are more, to a limit, until no two kinds
    /// have the same.
    fn remember(&mut self, key: Key, kind: usize) {
        self.seen_count += 1;
        let taken = |shapes: &Self| matches!(shapes.seen.get(shapes.place(&key)), Some(Some(_)));
        while 4 * self.seen_count > self.seen.len()
            || taken(self) && self.seen.len() < 32 * self.seen_count
        {
            let room = (2 * self.seen.len()).max(64);
            let before = std::mem::replace(&mut self.seen, vec![None; room]);
            for (key, kind) in before.into_iter().flatten() {
                self.settle(key, kind);
            }
        }
        self.settle(key, kind);
    }

    fn settle(&mut self, key: Key, kind: usize) {
        let place = self.place(&key);
        let (before, from) = self.seen.split_at_mut(place);
        if let Some(free) = from.iter_mut().chain(before).find(|place| place.is_none()) {
            *free = Some((key, kind));
        }
    }

    /// The script of an item, a record that was written as these bytes. If it departed from another script, then after so
    /// many items that had followed that.
    #[inline(never)]
    pub(super) fn script(&mut self, bytes: &[u8], followed: Option<usize>) -> Option<Rc<Script>> {
        let number = Reader::new(bytes).varint().ok()? as usize;
        let known = self.known.get(number)?;
        if followed.is_none() && known.script.is_some() {
            return known.script.clone();
        }
        let worth = followed.is_some_and(|items| items >= usize::from(TRIES));
        let tries = if worth { known.tries } else { known.tries.saturating_sub(1) };
        let script = (tries > 0).then(|| Script::read(self, bytes)).flatten().map(Rc::new);
        let known = self.known.get_mut(number)?;
        known.tries = tries;
        known.script.clone_from(&script);
        script
    }

    /// What the items of a sequence in this field are expected to do.
    #[inline]
    pub(super) fn items(&self, field: usize) -> Option<&Rc<Script>> {
        self.items.get(field)?.as_ref()
    }

    /// They did this.
    #[inline(never)]
    pub(super) fn set_items(&mut self, field: usize, script: Rc<Script>) {
        if self.items.len() <= field {
            self.items.resize(field + 1, None);
        }
        self.items[field] = Some(script);
    }

    /// A field of a layout, by its number among all.
    #[inline]
    pub(super) fn field(&self, at: usize) -> Option<(&'static str, u8)> {
        self.fields.get(at).copied()
    }

    /// The layout of a number that was read.
    pub(super) fn known(&self, number: usize) -> Option<&Known> {
        self.known.get(number)
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
        let shape = Shape {
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
            put_shape(table, shape);
            next
        });
        let tags = fields.iter().map(|(_, tag)| *tag).collect();
        let next = self.known.len() as u32;
        let number = *self.layouts.entry((shape, sparse, tags)).or_insert_with_key(|(.., tags)| {
            put_layout(&mut self.layout_table, &Layout { shape, sparse, tags });
            let start = self.fields.len();
            self.fields.extend_from_slice(fields);
            let guess = Guess { number: next, start, end: self.fields.len() };
            self.known.push(Known { key: *key, sparse, guess, script: None, tries: TRIES });
            next
        });
        let guess = self.known[number as usize].guess;
        match self.kinds.entry(content(key)) {
            Entry::Occupied(kind) => self.guesses[*kind.get()] = guess,
            Entry::Vacant(kind) => {
                kind.insert(self.guesses.len());
                self.guesses.push(guess);
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
