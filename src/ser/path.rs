//! Where in the object the serializer stands: the name of an array that is met there, and of an error.

use std::fmt::Write;

use crate::error::Step;
use crate::wire::{Kind, Reader, Tag, behind_names, scalar_text};

use super::Writer;
use super::frames::{Depth, Here, Part};
use super::schema::Key;

/// A step, with its text where it stands.
enum Text<'a> {
    Field(&'a str),
    Variant(&'a str),
    Index(usize),
    /// A map's entry: its key as text, where it has one, and its number.
    Key(Option<String>, usize),
}

impl From<Text<'_>> for Step {
    fn from(text: Text<'_>) -> Self {
        match text {
            Text::Field(name) => Step::Field(name.to_owned()),
            Text::Variant(name) => Step::Variant(name.to_owned()),
            Text::Index(index) => Step::Index(index),
            Text::Key(key, entry) => Step::Key(key, entry),
        }
    }
}

impl<S> Writer<'_, S> {
    /// Writes the name of an array that stands here into `name`: steps joined by dots, `arr_0` for the root. The room is empty.
    ///
    /// What could be taken for a separator, a folder or a control character is written `%XX`, so that different
    /// places have different names and every name is safe as that of an archive's member.
    pub(super) fn place_name(&self, here: Here, depth: Depth, name: &mut String) {
        name.clear();
        for level in 1..depth.levels() {
            if let Some(frame) = self.frames.get(level) {
                self.push_steps(level, frame.here, name);
            }
        }
        self.push_steps(depth.levels(), here, name);
        if name.is_empty() {
            name.push_str("arr_0");
        }
    }

    fn push_steps(&self, level: usize, part: Here, name: &mut String) {
        for step in self.texts(level, part).into_iter().flatten() {
            if !name.is_empty() {
                name.push('.');
            }
            match step {
                Text::Field(text) | Text::Variant(text) => escape(text, name),
                Text::Key(Some(text), _) => escape(&text, name),
                Text::Index(index) => push_number(name, index),
                Text::Key(None, entry) => {
                    name.push('#');
                    push_number(name, entry);
                }
            }
        }
    }

    /// A part of a level, of a variant in two steps.
    pub(super) fn steps(&self, level: usize, here: Here) -> [Option<Step>; 2] {
        self.texts(level, here).map(|text| text.map(Step::from))
    }

    fn texts(&self, level: usize, here: Here) -> [Option<Text<'_>>; 2] {
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
            Part::Item(item) => [None, Some(Text::Index(item))],
            Part::Entry(entry) => {
                [None, Some(Text::Key(key_text(&self.out, level.key, level.key_tag), entry))]
            }
        }
    }
}

fn record_steps<'a>(key: &Key<'a>, field: usize, name: Option<&'a str>) -> [Option<Text<'a>>; 2] {
    let variant = key.kind.is_variant().then_some(Text::Variant(key.variant));
    let field = match key.kind {
        Kind::Struct | Kind::StructVariant => name.map(Text::Field),
        Kind::Tuple | Kind::TupleVariant => Some(Text::Index(field)),
        Kind::UnitVariant | Kind::NewtypeVariant => None,
    };
    [variant, field]
}

/// A number in decimal digits.
fn push_number(name: &mut String, mut number: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    // Digits are text.
    name.push_str(std::str::from_utf8(&digits[start..]).unwrap_or_default());
}

fn escape(text: &str, name: &mut String) {
    // Most names have nothing that is escaped.
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        name.push_str(text);
        return;
    }
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
    let tag = behind_names(&mut reader, tag)?;
    // A float's digits would be a name with dots in it.
    if matches!(tag, Tag::F32 | Tag::F64) { None } else { scalar_text(&mut reader, tag) }
}
