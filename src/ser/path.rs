//! Where in the object the serializer stands: the name of an array that is met there, and of an error.

use std::fmt::Write;

use crate::error;
use crate::wire::{Reader, Tag, scalar_text};

use super::frame::Frame;

/// One step from the root. Steps are cheap to set, since every item of every sequence sets one, and a struct's fields
/// none at all; text is made of them only when an array or an error needs it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A value with no name of its own yet.
    None,
    /// The field that the record of this number is at.
    Record(usize),
    Index(usize),
    /// A map's entry: where its key starts in the inline block, the tag it was written under (or `LEARN`, `ANY`
    /// where it carries its own), and its number.
    Key {
        start: usize,
        tag: u8,
        entry: usize,
    },
}

#[derive(Default)]
pub(super) struct Path {
    steps: Vec<Step>,
}

impl Path {
    #[inline]
    pub(super) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<Step> {
        self.steps.pop()
    }

    #[inline]
    pub(super) fn set(&mut self, step: Step) {
        if let Some(last) = self.steps.last_mut() {
            *last = step;
        }
    }

    /// The name of an array that stands here: steps joined by dots, `arr_0` for the root.
    ///
    /// What could be taken for a separator, a folder or a control character is written `%XX`, so that different
    /// places have different names and every name is safe as that of an archive's member.
    pub(super) fn name(&self, out: &[u8], records: &[Frame]) -> String {
        let mut name = String::new();
        for step in &self.steps {
            for part in parts(step, out, records).into_iter().flatten() {
                if !name.is_empty() {
                    name.push('.');
                }
                match part {
                    error::Step::Field(text)
                    | error::Step::Variant(text)
                    | error::Step::Key(Some(text), _) => escape(&text, &mut name),
                    error::Step::Index(index) => name.push_str(&index.to_string()),
                    error::Step::Key(None, entry) => {
                        name.push('#');
                        name.push_str(&entry.to_string());
                    }
                }
            }
        }
        if name.is_empty() { "arr_0".to_owned() } else { name }
    }
}

/// A step in words: a variant's field is two.
pub(super) fn parts(step: &Step, out: &[u8], records: &[Frame]) -> [Option<error::Step>; 2] {
    match *step {
        Step::None => [None, None],
        Step::Record(index) => records.get(index).map_or([None, None], Frame::steps),
        Step::Index(index) => [None, Some(error::Step::Index(index))],
        Step::Key { start, tag, entry } => {
            [None, Some(error::Step::Key(key_text(out, start, tag), entry))]
        }
    }
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
