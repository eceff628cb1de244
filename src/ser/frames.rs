//! The records, sequences and maps that are being written: which part of each is being written, and where a record differs from
//! the row of field tags that was guessed for it.

use super::schema::SchemaKey;
use super::{ANY, LEARN};

/// How many records, sequences and maps stand around a value, and how many options. Options are counted separately, so that a tree
/// of optional nodes is only as deep as its nodes. Both numbers are in one word.
#[derive(Clone, Copy, Default)]
pub(super) struct Depth(u64);

impl Depth {
    const OPTIONS: u32 = 32;

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn levels(self) -> usize {
        self.0 as u32 as usize
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn options(self) -> u32 {
        (self.0 >> Self::OPTIONS) as u32
    }

    /// Inside another record, sequence or map.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn level(self) -> Self {
        Depth(self.0 + 1)
    }

    /// Inside another option.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn option(self) -> Self {
        Depth(self.0 + (1 << Self::OPTIONS))
    }
}

/// Which part of a record, sequence or map is being written, and its slot, which is the tag that the reader will expect. All is in
/// one word: from the lowest bits the slot, the part's number and the kind of part.
#[derive(Clone, Copy)]
pub(super) struct Here(u64);

/// The part and its kind, taken apart.
pub(super) enum FramePart {
    /// A field, by its number among those of all rows of field tags.
    Field(usize),
    /// The last field of a record without a guess, whose fields are in `Rare`.
    New,
    /// An item, or a map's key.
    Item(usize),
    /// A map's value.
    Entry(usize),
}

const NUMBER: u32 = 8;
const KIND: u32 = 46;

impl Here {
    /// The place of the whole object.
    pub(super) const ROOT: Here = Here(ANY as u64);
    /// A field whose tag is not known beforehand. Its number among such fields, from 1 on, tells it from others; with 0 it is told from
    /// none.
    pub(super) fn new_field(number: u64) -> Self {
        // A number that is too large would be another kind of part.
        let number = if number >> (KIND - NUMBER) == 0 { number } else { 0 };
        Here(1 << KIND | number << NUMBER | u64::from(LEARN))
    }

    pub(super) fn field(number: u32, slot: u8) -> Self {
        Here(u64::from(number) << NUMBER | u64::from(slot))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn item(number: u64, slot: u8) -> Self {
        Here(2 << KIND | number << NUMBER | u64::from(slot))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn entry(number: u64, slot: u8) -> Self {
        Here(3 << KIND | number << NUMBER | u64::from(slot))
    }

    /// The slot: a tag that is then not written again, or one of `LEARN`, `ANY` and `ASKED`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn slot(self) -> u8 {
        self.0 as u8
    }

    /// The same part in another slot.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn with(self, slot: u8) -> Self {
        Here(self.0 & !0xff | u64::from(slot))
    }

    /// Whether both are the same part. The slot does not matter, nor which record, sequence or map it is in: a field has its number
    /// among the fields of all rows, or among those without a guess. Entries are named by what is in their level.
    pub(super) fn is_same(self, other: Here) -> bool {
        let is_named_by_its_number = match self.0 >> KIND {
            0 | 2 => true,
            1 => self.0 >> NUMBER != 1 << (KIND - NUMBER),
            _ => false,
        };
        is_named_by_its_number && self.with(0).0 == other.with(0).0
    }

    /// Whether both are items, and this one has the number after that of the other.
    pub(super) fn is_item_after(self, other: Here) -> bool {
        let are_items = self.0 >> KIND == 2 && other.0 >> KIND == 2;
        are_items && self.with(0).0 == other.with(0).0 + (1 << NUMBER)
    }

    pub(super) fn part(self) -> FramePart {
        let number = (self.0 >> NUMBER & ((1 << (KIND - NUMBER)) - 1)) as usize;
        match self.0 >> KIND {
            0 => FramePart::Field(number),
            1 => FramePart::New,
            2 => FramePart::Item(number),
            _ => FramePart::Entry(number),
        }
    }
}

/// A record, sequence or map that is being written. State that changes from part to part is in the value that serde holds. A frame
/// has only the state that the parts must see.
pub(super) struct Frame<'a> {
    /// The part that is being written, if it contains another level. For the innermost level, the part's serializer has it.
    pub(super) here: Here,
    /// Where a map's current key stands, and the tag under which it is written (or `ANY`, where it carries its own).
    pub(super) key: usize,
    pub(super) key_tag: u8,
    /// Where a record differs from its guess. This is valid only if the record's own state says so (`RARE` in `record.rs`); otherwise
    /// it is left over from an earlier record.
    pub(super) rare: Option<Box<Rare<'a>>>,
    /// How many fields of a record were written before the others were hidden.
    pub(super) done: usize,
}

impl Default for Frame<'_> {
    fn default() -> Self {
        Frame { here: Here::ROOT, key: 0, key_tag: 0, rare: None, done: 0 }
    }
}

/// Where a record differs from its guess, or its fields if it has no guess.
pub(super) struct Rare<'a> {
    pub(super) key: SchemaKey<'a>,
    /// The guess: the row of field tags that is assumed, until a field has another name than the row says.
    pub(super) guess: Option<u32>,
    /// How many bytes the number of the field tags takes.
    pub(super) width: usize,
    /// Fields whose tags differ from the guess.
    pub(super) differ: Vec<usize>,
    /// The fields and their tags, once there is no guess.
    pub(super) fields: Vec<(&'a str, u8)>,
    pub(super) sparse: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_and_its_slot_are_told_apart() {
        for number in [0, 1, u32::MAX.into(), (1 << (KIND - NUMBER)) - 1] {
            for slot in [LEARN, 1, ANY, 0xff] {
                let here = Here::item(number, slot);
                assert!(matches!(here.part(), FramePart::Item(found) if found as u64 == number));
                let here = Here::entry(number, 7).with(slot);
                assert!(matches!(here.part(), FramePart::Entry(found) if found as u64 == number));
                assert_eq!(here.slot(), slot);
            }
        }
        assert!(matches!(Here::field(u32::MAX, ANY).part(), FramePart::Field(0xffff_ffff)));
        let new = Here::new_field;
        assert!(matches!(new(7).part(), FramePart::New) && new(7).slot() == LEARN);
        assert!(new(7).is_same(new(7).with(ANY)) && !new(7).is_same(new(8)));
        assert!(!new(0).is_same(new(0)) && !new(1 << 38).is_same(new(1 << 38)));
        let items = [Here::item(7, 1), Here::item(8, 2), Here::item((1 << 38) - 1, 0)];
        assert!(items[1].is_item_after(items[0]) && !items[0].is_item_after(items[1]));
        assert!(!Here::entry(0, 0).is_item_after(items[2]) && !items[1].is_item_after(new(7)));
        let depth = (0..70_000).fold(Depth::default(), |depth, _| depth.level().option());
        assert_eq!((depth.levels(), depth.options()), (70_000, 70_000));
    }
}
