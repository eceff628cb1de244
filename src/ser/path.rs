//! The serializer's place in the object, as the name of an array or as the path of an error.

use std::fmt::Write;

use crate::error::Step;
use crate::wire::{Reader, SchemaKind, Tag, behind_names, scalar_text};

use super::Writer;
use super::frames::{Depth, FramePart, Here};
use super::schema::SchemaKey;

/// A step of a path, with its text where that lies.
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

/// The name of an array, and the positions in it where the steps of each level around the array end.
#[derive(Default)]
pub(super) struct PlaceName {
    text: String,
    steps: Vec<(Here, usize)>,
    /// The part of the innermost level.
    last: Option<Here>,
    /// The text is the name of an array before, which differs in the last step alone.
    is_behind: bool,
}

impl PlaceName {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The name of the last array is that of the next item after the one before, and nobody has asked for its text.
    #[inline]
    pub(super) fn pass_over(&mut self, here: Here) {
        self.last = Some(here);
        self.is_behind = true;
    }

    /// Where the steps of the levels around the array end.
    fn outer(&self) -> usize {
        self.steps.last().map_or(0, |step| step.1)
    }

    /// The name of the next item, of an item.
    #[inline]
    fn count_up(&mut self) {
        match self.text.pop() {
            Some(digit @ '0'..='8') => self.text.push(char::from(digit as u8 + 1)),
            other => {
                self.text.extend(other);
                self.carry();
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn carry(&mut self) {
        let mut nines = 0;
        while self.text.len() > self.outer()
            && let Some(digit @ '0'..='9') = self.text.pop()
        {
            if digit != '9' {
                self.text.push(char::from(digit as u8 + 1));
                break;
            }
            nines += 1;
            if !self.text[self.outer()..].ends_with(|char: char| char.is_ascii_digit()) {
                self.text.push('1');
                break;
            }
        }
        (0..nines).for_each(|_| self.text.push('0'));
    }
}

impl Writer<'_> {
    /// Finds the name of an array that stands here: steps joined by dots, `arr_0` for the root.
    ///
    /// A character that could be taken for a separator, a folder or a control character is written `%XX`. So different places have
    /// different names, and every name is safe as the name of an archive's member.
    ///
    /// Steps that this name and the last begin with are not written again. Returns whether both differ in the last step alone, which
    /// is a number and counts up by one. If not, the room is emptied, where a key may be, and `next` set to its start.
    pub(super) fn place_name(&mut self, here: Here, depth: Depth, next: &mut usize) -> bool {
        let follows = self.name_follows(here, depth);
        if follows && !self.name.is_behind {
            self.name.count_up();
        } else {
            self.flush(std::mem::take(next));
            self.write_name(here, depth);
        }
        self.name.last = Some(here);
        follows
    }

    /// Whether the name of an array that stands here differs from the last one's in the last step alone, which is a number and counts
    /// up by one.
    #[inline]
    fn name_follows(&self, here: Here, depth: Depth) -> bool {
        let same = self.name.steps.len();
        same + 1 == depth.levels()
            && self.name.last.is_some_and(|last| here.is_item_after(last))
            && self.same_steps() == same
    }

    /// How many steps of the last array's name are those of the levels that are open now, outermost first.
    #[inline]
    fn same_steps(&self) -> usize {
        let levels = self.frames.get(1..).unwrap_or_default();
        let pairs = levels.iter().zip(&self.name.steps);
        pairs.take_while(|(level, step)| level.here.is_same(step.0)).count()
    }

    /// Writes a name anew, but for the steps that it has in common with the last one. The room is empty.
    #[inline(never)]
    fn write_name(&mut self, here: Here, depth: Depth) {
        let same = self.same_steps().min(depth.levels().saturating_sub(1));
        let mut name = std::mem::take(&mut self.name);
        name.steps.truncate(same);
        name.text.truncate(name.outer());
        for level in 1 + same..depth.levels() {
            let Some(here) = self.frames.get(level).map(|frame| frame.here) else { continue };
            self.push_steps(level, here, &mut name.text);
            name.steps.push((here, name.text.len()));
        }
        self.push_steps(depth.levels(), here, &mut name.text);
        if name.text.is_empty() {
            name.text.push_str("arr_0");
        }
        name.is_behind = false;
        self.name = name;
    }

    #[inline]
    fn push_steps(&self, level: usize, part: Here, name: &mut String) {
        self.each_text(level, part, |step| {
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
        });
    }

    /// The steps of a part of a level. A part of a variant has two.
    pub(super) fn steps(&self, level: usize, here: Here) -> [Option<Step>; 2] {
        let mut steps = [None, None];
        let mut free = steps.iter_mut();
        self.each_text(level, here, |text| {
            if let Some(place) = free.next() {
                *place = Some(text.into());
            }
        });
        steps
    }

    /// Gives `put` the steps of a part of a level: two for a part of a variant, one for most others.
    #[inline]
    fn each_text<'t>(&'t self, level: usize, here: Here, mut put: impl FnMut(Text<'t>)) {
        let Some(level) = self.frames.get(level).filter(|_| level > 0) else { return };
        match here.part() {
            FramePart::Item(item) => put(Text::Index(item)),
            FramePart::Field(field) => {
                if let Some(known) = self.schemas.row_of(field) {
                    let at = field - known.guess.start;
                    each_of_record(&known.key, at, self.schemas.field(field), put);
                }
            }
            FramePart::New => {
                if let Some(rare) = &level.rare {
                    let name = rare.fields.last().map(|(name, _)| *name);
                    each_of_record(&rare.key, rare.fields.len().saturating_sub(1), name, put);
                }
            }
            FramePart::Entry(entry) => {
                put(Text::Key(key_text(&self.out, level.key, level.key_tag), entry));
            }
        }
    }
}

#[inline]
fn each_of_record<'a>(
    key: &SchemaKey<'a>,
    field: usize,
    name: Option<&'a str>,
    mut put: impl FnMut(Text<'a>),
) {
    if key.kind.is_variant() {
        put(Text::Variant(key.variant));
    }
    match (key.kind, name) {
        (SchemaKind::Struct | SchemaKind::StructVariant, Some(name)) => put(Text::Field(name)),
        (SchemaKind::Tuple | SchemaKind::TupleVariant, _) => put(Text::Index(field)),
        _ => {}
    }
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
    name.extend(digits[start..].iter().map(|digit| char::from(*digit)));
}

fn escape(text: &str, name: &mut String) {
    // Most names have no character that must be escaped.
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
