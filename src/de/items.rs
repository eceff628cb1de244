//! Items one after the other: sequences and maps.

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result, Step};
use crate::wire::{Tag, behind_names, scalar_text};

use super::decoder::{ANY, Decoder};
use super::key::MapKey;
use super::value::EncodedValue;

/// The runs of a sequence (`N` is 1) or map (`N` is 2).
pub(super) struct Items<'d, 's, 'de, const N: usize> {
    decoder: &'d mut Decoder<'s, 'de>,
    left: u64,
    more: bool,
    slots: [u8; N],
    done: usize,
    /// A map's key as text, for the path of an error in its value.
    key: KeyText<'de>,
    /// A map's key was given, and its value comes next.
    at_value: bool,
}

/// The error of a visitor that asks for a value before its key.
#[cold]
pub(super) fn unnamed() -> Error {
    Error::custom("a value is asked for before its key")
}

/// The error of a visitor that asks for a key, or ends, before it has taken the value of the last.
#[cold]
pub(super) fn untaken() -> Error {
    Error::custom("a key is taken without its value")
}

/// Where a key's text can be found.
enum KeyText<'de> {
    Unknown,
    At(crate::wire::Reader<'de>, u8),
}

impl<'d, 's, 'de, const N: usize> Items<'d, 's, 'de, N> {
    /// The items whose first run begins with this header. [`begin`](Self::begin) comes before the first is taken.
    #[inline]
    pub(super) fn new(
        decoder: &'d mut Decoder<'s, 'de>,
        (left, more, slots): (u64, bool, [u8; N]),
    ) -> Self {
        Items { decoder, left, more, slots, done: 0, key: KeyText::Unknown, at_value: false }
    }

    /// Finds the first run that has items.
    #[inline]
    pub(super) fn begin(&mut self) -> Result<()> {
        if self.left == 0 && self.more { self.next_run() } else { Ok(()) }
    }

    /// An error if a visitor that has given this result has left items, which would be lost.
    ///
    /// The result is already where it will stay, and only its error is looked at, if there are items left. To load it as a whole, soon
    /// after it was stored in parts, would cost more than to read a few items.
    #[inline]
    pub(super) fn rest<R>(&mut self, result: &Result<R>) -> Option<Error> {
        if self.left != 0 || self.more || self.at_value {
            self.error_of_rest(result.is_ok())
        } else {
            None
        }
    }

    /// Reads headers until a run has items, or until no run is left.
    #[inline(never)]
    fn next_run(&mut self) -> Result<()> {
        while self.left == 0 && self.more {
            (self.left, self.more, self.slots) = self.decoder.run_header()?;
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn advance(&mut self) -> Result<bool> {
        if self.left == 0 {
            if !self.more {
                return Ok(false);
            }
            self.next_run()?;
            if self.left == 0 {
                return Ok(false);
            }
        }
        self.left -= 1;
        self.done += 1;
        Ok(true)
    }

    /// The number of items for which a reader may allocate memory: at most one for each byte that is left.
    pub(super) fn hint(&self) -> Option<usize> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        if self.more { None } else { Some(left.min(self.decoder.reader.left())) }
    }

    #[cold]
    #[inline(never)]
    fn error_of_rest(&mut self, is_ok: bool) -> Option<Error> {
        if !is_ok {
            return None;
        }
        if self.at_value {
            return Some(untaken());
        }
        match self.advance() {
            Ok(false) => None,
            Ok(true) => {
                let done = self.done - 1;
                let found = done as u64 + self.left + 1;
                Some(Error::mismatch(format!("expected {done} elements, found at least {found}")))
            }
            Err(error) => Some(error),
        }
    }
}

/// Hands over the sequence whose first run begins with this header. The visitor must take all items.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn visit_items<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    header: (u64, bool, [u8; 1]),
    visitor: V,
) -> Result<V::Value> {
    let mut items = Items::new(decoder, header);
    items.begin()?;
    let mut result = visitor.visit_seq(&mut items);
    if let Some(error) = items.rest(&result) {
        result = Err(error);
    }
    result
}

/// The same for a map.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn visit_entries<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    header: (u64, bool, [u8; 2]),
    visitor: V,
) -> Result<V::Value> {
    let mut entries = Items::new(decoder, header);
    entries.begin()?;
    let mut result = visitor.visit_map(&mut entries);
    if let Some(error) = entries.rest(&result) {
        result = Err(error);
    }
    result
}

impl<'de> SeqAccess<'de> for &mut Items<'_, '_, 'de, 1> {
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if !self.advance()? {
            return Ok(None);
        }
        self.decoder.look_if_large::<T::Value>()?;
        let value = EncodedValue { decoder: &mut *self.decoder, slot: self.slots[0] };
        match seed.deserialize(value) {
            Ok(value) => Ok(Some(value)),
            Err(error) => Err(error.at_index(self.done - 1)),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for &mut Items<'_, '_, 'de, 2> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.at_value {
            return Err(untaken());
        }
        if !self.advance()? {
            return Ok(None);
        }
        self.at_value = true;
        self.key = KeyText::At(self.decoder.reader.clone(), self.slots[0]);
        let key = EncodedValue { decoder: &mut *self.decoder, slot: self.slots[0] };
        match seed.deserialize(MapKey(key)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => Err(error.at(Step::Key(None, self.done - 1))),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !std::mem::take(&mut self.at_value) {
            return Err(unnamed());
        }
        self.decoder.look_if_large::<V::Value>()?;
        let outer = self.decoder.field;
        if self.decoder.bounds.is_in_buffer() {
            self.decoder.field = self.key_name().unwrap_or(outer);
        }
        let value = EncodedValue { decoder: &mut *self.decoder, slot: self.slots[1] };
        let value = seed.deserialize(value);
        self.decoder.field = outer;
        value.map_err(|error| error.at(self.key_step()))
    }

    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> Items<'_, '_, 'de, 2> {
    /// The current key, if it is text.
    fn key_name(&self) -> Option<&'de str> {
        let KeyText::At(reader, slot) = &self.key else { return None };
        let mut reader = reader.clone();
        let tag = Tag::from_byte(if *slot == ANY { reader.byte().ok()? } else { *slot })?;
        if behind_names(&mut reader, tag)? == Tag::Str { reader.text().ok() } else { None }
    }

    /// The current key as a step of a path.
    #[cold]
    fn key_step(&self) -> Step {
        let mut text = None;
        if let KeyText::At(reader, slot) = &self.key {
            let mut reader = reader.clone();
            let tag = if *slot == ANY { reader.byte().ok() } else { Some(*slot) };
            text = tag.and_then(Tag::from_byte).and_then(|tag| scalar_text(&mut reader, tag));
        }
        Step::Key(text, self.done - 1)
    }
}
