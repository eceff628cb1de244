//! The shapes and layouts that were seen so far, and the guess which one comes next.

use std::borrow::Cow;
use std::collections::HashMap;

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

type Content = (Kind, &'static str, &'static str, u32, usize);

#[derive(Default)]
pub(super) struct Shapes {
    shapes: Vec<Shape<'static>>,
    layouts: Vec<Layout<'static>>,
    shape_numbers: HashMap<Shape<'static>, u32>,
    layout_numbers: HashMap<Layout<'static>, u32>,
    /// The last layout of each kind of record.
    guesses: HashMap<Content, u32>,
    /// The same for a few, found by address.
    recent: Vec<Option<(Key, u32)>>,
}

impl Shapes {
    /// The layout that a record of this kind had the last time.
    #[inline]
    pub(super) fn guess(&mut self, key: &Key) -> Option<u32> {
        match self.recent.get(key.slot()) {
            Some(Some((known, layout))) if known.same(key) => Some(*layout),
            _ => self.guess_by_content(key),
        }
    }

    #[cold]
    fn guess_by_content(&mut self, key: &Key) -> Option<u32> {
        let layout = *self.guesses.get(&content(key))?;
        self.remember(key, layout);
        Some(layout)
    }

    fn remember(&mut self, key: &Key, layout: u32) {
        self.recent.resize(64, None);
        self.recent[key.slot()] = Some((*key, layout));
    }

    #[inline]
    pub(super) fn layout(&self, number: u32) -> (&[&'static str], &Layout<'static>) {
        let layout = &self.layouts[number as usize];
        (&self.shapes[layout.shape as usize].fields, layout)
    }

    /// The number of this layout, which is from now on the guess for the key.
    pub(super) fn intern(
        &mut self,
        key: &Key,
        fields: Vec<&'static str>,
        tags: Vec<u8>,
        sparse: bool,
    ) -> u32 {
        let shape = Shape {
            kind: key.kind,
            name: key.name,
            variant: key.variant,
            variant_index: key.variant_index,
            len: tags.len(),
            fields: if key.kind.is_named() { fields } else { Vec::new() },
        };
        let shapes = &mut self.shapes;
        let shape = *self.shape_numbers.entry(shape).or_insert_with_key(|shape| {
            shapes.push(shape.clone());
            shapes.len() as u32 - 1
        });
        let layouts = &mut self.layouts;
        let layout = Layout { shape, sparse, tags: Cow::Owned(tags) };
        let layout = *self.layout_numbers.entry(layout).or_insert_with_key(|layout| {
            layouts.push(layout.clone());
            layouts.len() as u32 - 1
        });
        self.guesses.insert(content(key), layout);
        self.remember(key, layout);
        layout
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_varint(&mut out, self.shapes.len() as u64);
        self.shapes.iter().for_each(|shape| put_shape(&mut out, shape));
        put_varint(&mut out, self.layouts.len() as u64);
        self.layouts.iter().for_each(|layout| put_layout(&mut out, layout));
        out
    }
}

fn content(key: &Key) -> Content {
    (key.kind, key.name, key.variant, key.variant_index, key.len)
}
