//! Where in the object the serializer stands: the name of an array that is met there, and of an error.

use crate::error;
use crate::wire::{Reader, Tag, unzigzag};

/// One step from the root. Steps are cheap to set, since every field of every struct sets one; text is made of them
/// only when an array or an error needs it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A value with no name of its own yet.
    None,
    Field(&'static str),
    Variant(&'static str),
    Index(usize),
    /// A map's entry: where its key starts and ends in the inline block, the tag it was written under (or `LEARN`,
    /// `ANY` where it carries its own), and its number.
    Key { start: usize, tag: u8, entry: usize },
}

#[derive(Default)]
pub(super) struct Path {
    steps: Vec<Step>,
}

impl Path {
    #[inline]
    pub(super) fn push(&mut self) {
        self.steps.push(Step::None);
    }

    #[inline]
    pub(super) fn pop(&mut self) {
        self.steps.pop();
    }

    #[inline]
    pub(super) fn set(&mut self, step: Step) {
        if let Some(last) = self.steps.last_mut() {
            *last = step;
        }
    }

    /// The innermost step, for an error's path.
    pub(super) fn last_step(&self, out: &[u8]) -> Option<error::Step> {
        Some(match *self.steps.last()? {
            Step::None => return None,
            Step::Field(name) => error::Step::Field(name.to_owned()),
            Step::Variant(name) => error::Step::Variant(name.to_owned()),
            Step::Index(index) => error::Step::Index(index),
            Step::Key { start, tag, entry } => error::Step::Key(
                key_text(out, start, tag).map_or_else(|| format!("#{entry}"), |key| format!("{key:?}")),
            ),
        })
    }

    /// The name of an array that stands here: steps joined by dots, `arr_0` for the root.
    ///
    /// What could be taken for a separator, a folder or a control character is written `%XX`, so that different
    /// places have different names and every name is safe as that of an archive's member.
    pub(super) fn name(&self, out: &[u8]) -> String {
        let mut name = String::new();
        let mut any = false;
        for step in &self.steps {
            if matches!(step, Step::None) {
                continue;
            }
            if any {
                name.push('.');
            }
            any = true;
            match *step {
                Step::None => {}
                Step::Field(text) | Step::Variant(text) => escape(text, &mut name),
                Step::Index(index) => name.push_str(&index.to_string()),
                Step::Key { start, tag, entry } => match key_text(out, start, tag) {
                    Some(text) => escape(&text, &mut name),
                    None => name.push_str(&format!("#{entry}")),
                },
            }
        }
        if any { name } else { "arr_0".to_owned() }
    }
}

fn escape(text: &str, name: &mut String) {
    // An empty step would be invisible. No other text gives a lone `%`.
    if text.is_empty() {
        name.push('%');
    }
    for char in text.chars() {
        match char {
            '.' | '/' | '\\' | '%' | '#' | '~' | ':' => name.push_str(&format!("%{:02X}", char as u32)),
            char if char.is_control() => {
                let mut bytes = [0; 4];
                for byte in char.encode_utf8(&mut bytes).bytes() {
                    name.push_str(&format!("%{byte:02X}"));
                }
            }
            char => name.push(char),
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
    Some(match tag {
        Tag::Str => reader.text().ok()?.to_owned(),
        Tag::U8 => reader.byte().ok()?.to_string(),
        Tag::I8 => reader.byte().ok()?.cast_signed().to_string(),
        Tag::U16 | Tag::U32 | Tag::U64 => reader.varint().ok()?.to_string(),
        Tag::I16 | Tag::I32 | Tag::I64 => unzigzag(reader.varint().ok()?).to_string(),
        Tag::U64Fixed => u64::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::I64Fixed => i64::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::U128 => u128::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::I128 => i128::from_le_bytes(reader.array().ok()?).to_string(),
        Tag::Bool => (reader.byte().ok()? != 0).to_string(),
        Tag::Char => char::from_u32(reader.varint().ok()? as u32)?.to_string(),
        _ => return None,
    })
}
