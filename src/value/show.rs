//! A value as text for people. Long parts are shortened.

use std::fmt::{self, Debug, Display, Formatter, Write};

use super::{Names, RecordKind, Seq, Value};

/// How much is shown at most: items of a list, chars of a text, bytes, and levels.
const ITEMS: usize = 8;
const CHARS: usize = 80;
const BYTES: usize = 16;
const LEVELS: usize = 24;

/// The value in one line, in the manner of Rust: `Point { x: 1.5, label: Some("a") }`. A long part is shown by its start and
/// by how much more there is, an array by its dtype and shape. A value under a name is shown as the name, with the value in
/// brackets. With `{:#}` each part has a line.
impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let lines = f.alternate();
        show(self, &mut Out { to: f, lines, level: 0 })
    }
}

/// The same text as that of `Display`.
impl Debug for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

/// A list by itself.
pub(super) fn list(seq: &Seq, f: &mut Formatter<'_>) -> fmt::Result {
    let lines = f.alternate();
    items(seq, &mut Out { to: f, lines, level: 0 })
}

fn items(seq: &Seq, out: &mut Out<'_, '_>) -> fmt::Result {
    out.parts(["[", "]"], seq.each(), seq.len(), |out, item| show(&item, out))
}

/// Bytes, as Rust writes them.
pub(super) fn bytes(bytes: &[u8], to: &mut impl Write) -> fmt::Result {
    let (start, rest) = bytes.split_at(bytes.len().min(BYTES));
    write!(to, "b\"{}\"", start.escape_ascii())?;
    if rest.is_empty() { Ok(()) } else { write!(to, "+{} bytes", rest.len()) }
}

struct Out<'f, 'g> {
    to: &'f mut Formatter<'g>,
    /// Whether each part has a line.
    lines: bool,
    level: usize,
}

impl Out<'_, '_> {
    /// Parts between brackets, and how many more are left out.
    fn parts<T>(
        &mut self,
        [open, close]: [&str; 2],
        parts: impl Iterator<Item = T>,
        total: usize,
        show: impl Fn(&mut Self, T) -> fmt::Result,
    ) -> fmt::Result {
        self.to.write_str(open)?;
        let is_braced = open.ends_with('{');
        if self.level >= LEVELS {
            self.to.write_str("…")?;
            return self.to.write_str(close);
        }
        self.level += 1;
        let shown = total.min(ITEMS.max(if is_braced { total } else { 0 }));
        for (place, part) in parts.take(shown).enumerate() {
            self.separate(place, is_braced)?;
            show(self, part)?;
        }
        if shown < total {
            self.separate(shown, is_braced)?;
            write!(self.to, "… {} more", total - shown)?;
        }
        self.level -= 1;
        if self.lines && total > 0 {
            self.to.write_str(",")?;
            self.line()?;
        } else if is_braced && total > 0 {
            self.to.write_str(" ")?;
        }
        self.to.write_str(close)
    }

    fn separate(&mut self, place: usize, is_braced: bool) -> fmt::Result {
        if place > 0 {
            self.to.write_str(",")?;
        }
        match () {
            () if self.lines => self.line(),
            () if place > 0 || is_braced => self.to.write_str(" "),
            () => Ok(()),
        }
    }

    fn line(&mut self) -> fmt::Result {
        write!(self.to, "\n{:1$}", "", 4 * self.level)
    }
}

fn show(value: &Value, out: &mut Out<'_, '_>) -> fmt::Result {
    match value {
        Value::Unit => out.to.write_str("()"),
        Value::Bool(value) => write!(out.to, "{value}"),
        Value::I8(value) => write!(out.to, "{value}"),
        Value::I16(value) => write!(out.to, "{value}"),
        Value::I32(value) => write!(out.to, "{value}"),
        Value::I64(value) => write!(out.to, "{value}"),
        Value::I128(value) => write!(out.to, "{value}"),
        Value::U8(value) => write!(out.to, "{value}"),
        Value::U16(value) => write!(out.to, "{value}"),
        Value::U32(value) => write!(out.to, "{value}"),
        Value::U64(value) => write!(out.to, "{value}"),
        Value::U128(value) => write!(out.to, "{value}"),
        Value::F32(value) => write!(out.to, "{value:?}"),
        Value::F64(value) => write!(out.to, "{value:?}"),
        Value::Char(value) => write!(out.to, "{value:?}"),
        Value::Text(value) => text(value, out),
        Value::Bytes(value) => bytes(value, out.to),
        Value::Optional(None) => out.to.write_str("None"),
        Value::Optional(Some(value)) => {
            out.parts(["Some(", ")"], std::iter::once(&**value), 1, |out, value| show(value, out))
        }
        Value::Readable(value) => show(value, out),
        Value::Named(name, value) => {
            folded(name.as_str(), out)?;
            out.parts(["(", ")"], std::iter::once(&**value), 1, |out, value| show(value, out))
        }
        Value::Seq(seq) => items(seq, out),
        Value::Tuple(elements) => {
            out.parts(["(", ")"], elements.iter(), elements.len(), |out, item| show(item, out))
        }
        Value::Map(map) => out.parts(["{", "}"], map.iter(), map.len(), |out, (key, value)| {
            show(key, out)?;
            out.to.write_str(": ")?;
            show(value, out)
        }),
        Value::Record(record) => {
            name(&record.names, out)?;
            let written = record.fields().count();
            let show = |out: &mut Out<'_, '_>, (name, value): (Option<&str>, &Value)| {
                if let Some(name) = name {
                    write!(out.to, "{name}: ")?;
                }
                show(value, out)
            };
            match record.names.kind() {
                RecordKind::UnitVariant => Ok(()),
                RecordKind::NewtypeVariant | RecordKind::TupleVariant => {
                    out.parts(["(", ")"], record.fields(), written, show)
                }
                _ => out.parts([" {", "}"], record.fields(), written, show),
            }
        }
        Value::Live(array) => write!(out.to, "{} {:?} (live)", array.dtype(), array.shape()),
        Value::Array(array) => write!(out.to, "{} {:?}", array.dtype(), array.shape()),
    }
}

fn name(names: &Names, out: &mut Out<'_, '_>) -> fmt::Result {
    match names.variant() {
        Some(variant) => out.to.write_str(variant),
        None => out.to.write_str(names.name()),
    }
}

/// The name of a value's type. A long name is cut, and characters that cannot stand in a line are escaped as in Rust.
fn folded(name: &str, out: &mut Out<'_, '_>) -> fmt::Result {
    let end = name.char_indices().nth(CHARS).map_or(name.len(), |(end, _)| end);
    let (start, rest) = name.split_at(end);
    write!(out.to, "{}", start.escape_debug())?;
    if rest.is_empty() { Ok(()) } else { write!(out.to, "+{} chars", rest.chars().count()) }
}

fn text(text: &str, out: &mut Out<'_, '_>) -> fmt::Result {
    match text.char_indices().nth(CHARS) {
        None => write!(out.to, "{text:?}"),
        Some((end, _)) => {
            let (start, rest) = text.split_at(end);
            write!(out.to, "{start:?}+{} chars", rest.chars().count())
        }
    }
}
