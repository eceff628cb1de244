//! What is known of the records, sequences and maps that are being written: how a record departs from the layout that
//! was guessed for it, and where each of them stands.

use super::shapes::Key;

/// A record, sequence or map that is being written. What changes from field to field is in the value that serde
/// holds; here is what its parts must see of it.
#[derive(Default)]
pub(super) struct Level {
    pub(super) what: What,
    /// The field (among all layouts' fields), item or entry that is being written. Of the innermost level it is
    /// `Serializer::here`.
    pub(super) at: usize,
    /// Where a record's layout number stands, or a map's current key.
    pub(super) start: usize,
    /// How a record departs from its guess. Left over from another record where this one's `Record` does not say so.
    pub(super) rare: Option<Box<Rare>>,
}

#[derive(Clone, Copy, Default)]
pub(super) enum What {
    /// A record that has this layout so far.
    Record(u32),
    /// A record whose fields are learnt: `Rare` has them.
    #[default]
    New,
    /// A sequence at an item, or a map at a key.
    Item,
    /// A map at a value, whose key was written under this tag (or `LEARN`, `ANY` where it carries its own).
    Entry(u8),
}

/// How a record departs from its guess, or what it is where there is none.
pub(super) struct Rare {
    pub(super) key: Key,
    /// The bytes that the layout's number takes.
    pub(super) width: usize,
    /// Fields that turned out otherwise than the guess says.
    pub(super) differ: Vec<usize>,
    /// The fields' names, once there is no guess.
    pub(super) names: Vec<&'static str>,
    pub(super) sparse: bool,
}

impl Rare {
    pub(super) fn new(key: Key, width: usize) -> Self {
        Rare { key, width, differ: Vec::new(), names: Vec::new(), sparse: false }
    }
}
