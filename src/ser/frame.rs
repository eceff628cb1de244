//! What is known of a record while it is written: the guess at its layout, and how it departs from it.

use std::rc::Rc;

use crate::error;
use crate::wire::{Kind, varint_len};

use super::ANY;
use super::shapes::{Key, Known};

/// What is known of a record that is being written.
#[derive(Default)]
pub(super) struct Frame {
    /// The layout that is taken for granted, until a field has another name than it says.
    pub(super) guess: Option<Rc<Known>>,
    /// Where the layout's number stands.
    pub(super) at: usize,
    /// How many fields were written.
    pub(super) done: usize,
    /// The length of `Serializer::noted` at the start.
    pub(super) base: usize,
    /// What most records do not need.
    pub(super) rare: Option<Box<Rare>>,
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

impl Frame {
    /// The place of the field that is being written, for a path: the variant, and the field's name or index.
    pub(super) fn steps(&self) -> [Option<error::Step>; 2] {
        let (key, field) = match (&self.guess, &self.rare) {
            (Some(guess), _) => (guess.key, guess.fields.get(self.done).map(|(name, _)| *name)),
            (None, Some(rare)) => (rare.key, rare.names.last().copied()),
            (None, None) => return [None, None],
        };
        let variant = key.kind.is_variant().then(|| error::Step::Variant(key.variant.to_owned()));
        let field = match key.kind {
            Kind::Struct | Kind::StructVariant => {
                field.map(|name| error::Step::Field(name.to_owned()))
            }
            Kind::Tuple | Kind::TupleVariant => Some(error::Step::Index(self.done)),
            Kind::UnitVariant | Kind::NewtypeVariant => None,
        };
        [variant, field]
    }

    /// The rare part. There is one wherever there is no guess.
    #[cold]
    pub(super) fn rare(&mut self) -> &mut Rare {
        let guess = &self.guess;
        self.rare.get_or_insert_with(|| match guess {
            Some(guess) => Box::new(Rare::new(guess.key, varint_len(guess.number.into()))),
            None => unreachable!("a record begins with a guess or a rare part"),
        })
    }

    /// Gives up the guess: what was written so far becomes the start of a layout of its own.
    #[cold]
    pub(super) fn diverge(&mut self, noted: &mut Vec<u8>) {
        self.rare();
        let Some(guess) = self.guess.take() else { return };
        let fields = &guess.fields[..self.done];
        noted.truncate(self.base);
        noted.extend(fields.iter().map(|(_, tag)| *tag));
        if let Some(rare) = &mut self.rare {
            rare.names = fields.iter().map(|(name, _)| *name).collect();
            rare.sparse |= guess.sparse;
            for field in rare.differ.drain(..) {
                noted[self.base + field] = ANY;
            }
        }
    }
}
