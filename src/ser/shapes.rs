//! The shapes and layouts that were seen so far, and the guess which one comes next.

use std::collections::HashMap;
use std::rc::Rc;

use crate::wire::{Kind, Layout, Shape, put_layout, put_shape, put_varint};

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
    fn same(&self, other: &Key) -> bool {
        self.kind == other.kind
            && same_str(self.name, other.name)
            && self.variant_index == other.variant_index
            && self.len == other.len
            && same_str(self.variant, other.variant)
    }

    fn slot(&self) -> usize {
        let mixed = self.name.as_ptr().addr() ^ self.variant.as_ptr().addr().rotate_left(17);
        let mixed = mixed ^ (self.len << 7) ^ (self.kind as usize) << 13;
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) >> (usize::BITS - 6)
    }
}

/// Whether two names are one string constant.
#[inline]
pub(super) fn same_str(a: &'static str, b: &'static str) -> bool {
    a.len() == b.len() && a.as_ptr() == b.as_ptr()
}

/// A layout as the records that have it see it.
pub(super) struct Known {
    pub(super) number: u32,
    pub(super) key: Key,
    pub(super) sparse: bool,
    /// Each field's name (empty in a tuple) and tag.
    pub(super) fields: Vec<(&'static str, u8)>,
}

type Content = (Kind, &'static str, &'static str, u32, usize);

#[derive(Default)]
pub(super) struct Shapes {
    numbers: HashMap<Shape<'static>, u32>,
    /// By shape, whether a field may be absent, and tags.
    layouts: HashMap<(u32, bool, Vec<u8>), Rc<Known>>,
    /// The same in order of their numbers, encoded.
    shape_table: Vec<u8>,
    layout_table: Vec<u8>,
    /// The last layout of each kind of record.
    guesses: HashMap<Content, Rc<Known>>,
    /// The same for a few, found by address.
    recent: Vec<Option<(Key, Rc<Known>)>>,
}

impl Shapes {
    /// The layout that a record of this kind had the last time.
    #[inline]
    pub(super) fn guess(&mut self, key: &Key) -> Option<Rc<Known>> {
        match self.recent.get(key.slot()) {
            Some(Some((seen, known))) if seen.same(key) => Some(Rc::clone(known)),
            _ => self.guess_by_content(key),
        }
    }

    #[cold]
    fn guess_by_content(&mut self, key: &Key) -> Option<Rc<Known>> {
        let known = Rc::clone(self.guesses.get(&content(key))?);
        // A name at another address is looked up by its content each time: what is remembered under that address would
        // not be told of the layout that came last.
        if known.key.same(key) {
            self.remember(key, &known);
        }
        Some(known)
    }

    fn remember(&mut self, key: &Key, known: &Rc<Known>) {
        self.recent.resize_with(64, || None);
        self.recent[key.slot()] = Some((*key, Rc::clone(known)));
    }

    /// The number of this layout, which is from now on the guess for the key.
    pub(super) fn intern(
        &mut self,
        key: &Key,
        fields: Vec<(&'static str, u8)>,
        sparse: bool,
    ) -> u32 {
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
        let next = self.layouts.len() as u32;
        let table = &mut self.layout_table;
        let known = Rc::clone(self.layouts.entry((shape, sparse, tags)).or_insert_with_key(
            |(.., tags)| {
                put_layout(table, &Layout { shape, sparse, tags });
                Rc::new(Known { number: next, key: *key, sparse, fields })
            },
        ));
        self.guesses.insert(content(key), Rc::clone(&known));
        self.remember(key, &known);
        known.number
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.numbers.len() as u64);
        out.extend_from_slice(&self.shape_table);
        put_varint(&mut out, self.layouts.len() as u64);
        out.extend_from_slice(&self.layout_table);
        out
    }
}

fn content(key: &Key) -> Content {
    (key.kind, key.name, key.variant, key.variant_index, key.len)
}
