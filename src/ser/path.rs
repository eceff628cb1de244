//! Where in the object the serializer stands: the name of an array that is met there, and of an error.

use std::fmt::Write;

use crate::error::Step;
use crate::wire::{Kind, Reader, Tag, scalar_text};

use super::Writer;
use super::frames::{Depth, Here, Part};
use super::schema::Key;

impl<S> Writer<'_, S> {
    /// The name of an array that stands here: steps joined by dots, `arr_0` for the root. The room is empty.
    ///
    /// What could be taken for a separator, a folder or a control character is written `%XX`, so that different
    /// places have different names and every name is safe as that of an archive's member.
    pub(super) fn place_name(&self, here: Here, depth: Depth) -> String {
        let mut name = String::new();
        let outer = self.frames.get(..depth.levels()).unwrap_or_default();
        let parts = outer.iter().map(|level| level.here).chain([here]);
        for step in parts.enumerate().skip(1).flat_map(|(at, part)| self.steps(at, part)).flatten()
        {
            if !name.is_empty() {
                name.push('.');
            }
            match step {
                Step::Field(text) | Step::Variant(text) | Step::Key(Some(text), _) => {
                    escape(&text, &mut name);
                }
                Step::Index(index) => name.push_str(&index.to_string()),
                Step::Key(None, entry) => {
                    name.push('#');
                    name.push_str(&entry.to_string());
                }
            }
        }
        if name.is_empty() { "arr_0".to_owned() } else { name }
    }

    /// A part of a level, of a variant in two steps.
    pub(super) fn steps(&self, level: usize, here: Here) -> [Option<Step>; 2] {
        let Some(level) = self.frames.get(level).filter(|_| level > 0) else { return [None, None] };
        match here.part() {
            Part::Field(field) => match self.schemas.row_of(field) {
                Some(known) => {
                    let at = field - known.guess.start;
                    record_steps(&known.key, at, self.schemas.field(field))
                }
                None => [None, None],
            },
            Part::New => match &level.rare {
                Some(rare) => {
                    let name = rare.fields.last().map(|(name, _)| *name);
                    record_steps(&rare.key, rare.fields.len().saturating_sub(1), name)
                }
                None => [None, None],
            },
            Part::Item(item) => [None, Some(Step::Index(item))],
            Part::Entry(entry) => {
                [None, Some(Step::Key(key_text(&self.out, level.key, level.key_tag), entry))]
            }
        }
    }
}

fn record_steps(key: &Key<'_>, field: usize, name: Option<&str>) -> [Option<Step>; 2] {
    let variant = key.kind.is_variant().then(|| Step::Variant(key.variant.to_owned()));
    let field = match key.kind {
        Kind::Struct | Kind::StructVariant => name.map(|name| Step::Field(name.to_owned())),
        Kind::Tuple | Kind::TupleVariant => Some(Step::Index(field)),
        Kind::UnitVariant | Kind::NewtypeVariant => None,
    };
    [variant, field]
}

fn escape(text: &str, name: &mut String) {
    // An empty step would be invisible. No other text gives a lone `%`.
    if text.is_empty() {
        name.push('%');
    }
    for char in text.chars() {
        if char.is_control() || "./\\%#~:".contains(char) {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string does not fail.
                let _ = write!(name, "%{byte:02X}");
            }
        } else {
            name.push(char);
        }
    }
}

/// A key's text, if it is a string, a number, a bool or a char.
fn key_text(out: &[u8], start: usize, slot: u8) -> Option<String> {
    let mut reader = Reader::new(out.get(start..)?);
    let mut tag = Tag::from_byte(slot).unwrap_or(Tag::Any);
    if tag == Tag::Any {
        tag = Tag::from_byte(reader.byte().ok()?)?;
    }
    // A float's digits would be a name with dots in it.
    if matches!(tag, Tag::F32 | Tag::F64) { None } else { scalar_text(&mut reader, tag) }
}
