//! Where in the object the serializer stands: the name of an array that is met there, and of an error.

use std::fmt::Write;

use crate::error::Step;
use crate::wire::{Kind, Reader, Tag, scalar_text};

use super::Serializer;
use super::levels::What;
use super::shapes::Key;

impl<S> Serializer<S> {
    /// The name of an array that stands here: steps joined by dots, `arr_0` for the root.
    ///
    /// What could be taken for a separator, a folder or a control character is written `%XX`, so that different
    /// places have different names and every name is safe as that of an archive's member.
    pub(super) fn place_name(&mut self) -> String {
        if let Some(level) = self.levels.get_mut(self.active) {
            level.at = self.here;
        }
        let mut name = String::new();
        for step in (1..=self.active).flat_map(|index| self.steps(index)).flatten() {
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

    /// Where a level stands: the field, item or entry that is being written, of a variant in two steps.
    pub(super) fn steps(&self, index: usize) -> [Option<Step>; 2] {
        let Some(level) = self.levels.get(index) else { return [None, None] };
        match (level.what, &level.rare) {
            (What::Record(number), _) => {
                let known = self.shapes.layout(number);
                let name = self.shapes.field(level.at).map(|(name, _)| name);
                record_steps(&known.key, level.at - known.guess.start, name)
            }
            (What::New, Some(rare)) => {
                let done = rare.names.len();
                record_steps(&rare.key, done.saturating_sub(1), rare.names.last().copied())
            }
            (What::New, None) => [None, None],
            (What::Item, _) => [None, Some(Step::Index(level.at))],
            (What::Entry(tag), _) => {
                [None, Some(Step::Key(key_text(&self.out, level.start, tag), level.at))]
            }
        }
    }
}

fn record_steps(key: &Key, field: usize, name: Option<&'static str>) -> [Option<Step>; 2] {
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
