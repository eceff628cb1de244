//! Standard output: its width, and how many colours it shows.

use std::ffi::OsStr;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anstream::AutoStream;
use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar;

use crate::args::{Look, When};

pub(crate) const TYPE: Style = AnsiColor::Cyan.on_default();
pub(crate) const NAME: Style = Style::new().bold();
pub(crate) const TEXT: Style = AnsiColor::Green.on_default();
pub(crate) const NUMBER: Style = AnsiColor::Yellow.on_default();
pub(crate) const PLAIN: Style = Style::new();
pub(crate) const FAINT: Style = Style::new().dimmed();
pub(crate) const ALARM: Style = AnsiColor::Red.on_default();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();

/// The width where nobody says one and the output is no terminal.
const PLAIN_WIDTH: usize = 80;

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Colours {
    Absent,
    /// The palette of 256.
    Palette,
    /// 24 bits.
    True,
}

pub(crate) struct Screen {
    out: BufWriter<Stdout>,
    pub(crate) colours: Colours,
    pub(crate) width: usize,
    pub(crate) is_terminal: bool,
}

impl Screen {
    pub(crate) fn new(look: &Look) -> Self {
        let out = io::stdout();
        let is_terminal = out.is_terminal();
        let is_coloured = match look.color {
            When::Always => true,
            When::Never => false,
            When::Auto => AutoStream::choice(&out) != ColorChoice::Never,
        };
        let sized = || terminal_size::terminal_size_of(&out).map(|(width, _)| width.0.into());
        let stated = || std::env::var("COLUMNS").ok()?.parse().ok();
        let width = look.width.or_else(stated).filter(|width| *width > 0);
        let width = width.or_else(sized).unwrap_or(PLAIN_WIDTH);
        let colours = if is_coloured { colours_of_terminal() } else { Colours::Absent };
        Screen { out: BufWriter::new(out), colours, width, is_terminal }
    }

    /// The text in this style, where the output shows colours.
    pub(crate) fn paint(&self, style: Style, text: impl std::fmt::Display) -> String {
        match self.colours {
            Colours::Absent => text.to_string(),
            _ => format!("{style}{text}{style:#}"),
        }
    }

    /// Begins anew at the top of the terminal.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if self.is_terminal { self.write_all(b"\x1b[H\x1b[2J") } else { Ok(()) }
    }
}

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn colours_of_terminal() -> Colours {
    let is = |name: &str, texts: &[&str]| {
        let value = std::env::var(name).unwrap_or_default();
        texts.iter().any(|text| value.contains(text))
    };
    if is("COLORTERM", &["truecolor", "24bit"]) || is("TERM", &["direct", "truecolor"]) {
        Colours::True
    } else {
        Colours::Palette
    }
}

/// A text without what a terminal takes for commands, and without characters that cannot be seen or turn others around.
pub(crate) fn visible(text: &str) -> String {
    if text.chars().all(is_visible) {
        return text.to_owned();
    }
    let mut shown = String::new();
    for char in text.chars() {
        if is_visible(char) {
            shown.push(char);
        } else {
            shown.extend(char.escape_default());
        }
    }
    shown
}

pub(crate) fn is_visible(char: char) -> bool {
    // Soft hyphens, marks of direction, joiners, ends of lines and paragraphs, tags.
    let is_format = matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    );
    !char.is_control() && !is_format
}

/// The name of a part, in quotes where its ends would not be seen.
pub(crate) fn name(text: &str) -> String {
    let shown = visible(text);
    if shown.is_empty() || shown.trim() != shown { format!("\"{shown}\"") } else { shown }
}

/// An argument, which need not be UTF-8.
pub(crate) fn shown(text: impl AsRef<OsStr>) -> String {
    visible(&text.as_ref().to_string_lossy())
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

fn columns(char: char) -> usize {
    char.width().unwrap_or(0)
}

/// A text cut to this many columns, the last of which is then an ellipsis.
pub(crate) fn cut(text: &str, room: usize) -> String {
    if width(text) <= room { text.to_owned() } else { shortened(text, room) }
}

/// As much of a text as has room with an ellipsis behind it.
fn shortened(text: &str, room: usize) -> String {
    let mut taken = 0;
    let is_left = |char: &char| {
        taken += columns(*char);
        taken < room.max(1)
    };
    text.chars().take_while(is_left).chain(['…']).collect()
}

/// The end of a text, behind an ellipsis if it takes more than this many columns: of a path, the end tells more.
pub(crate) fn cut_start(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut taken = 0;
    let is_left = |(_, char): &(usize, char)| {
        taken += columns(*char);
        taken < room.max(1)
    };
    let start =
        text.char_indices().rev().take_while(is_left).last().map_or(text.len(), |(at, _)| at);
    format!("…{}", &text[start..])
}

/// A text with as many blanks behind it as it takes to fill the columns.
pub(crate) fn pad(text: &str, room: usize) -> String {
    format!("{text}{}", " ".repeat(room.saturating_sub(width(text))))
}

/// Several of a thing, or one: `1 array`, `2 arrays`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// A line of pieces in styles of their own.
#[derive(Default)]
pub(crate) struct Line(Vec<(Style, String)>);

impl Line {
    pub(crate) fn of(style: Style, text: impl std::fmt::Display) -> Self {
        Line::default().and(style, text)
    }

    pub(crate) fn and(mut self, style: Style, text: impl std::fmt::Display) -> Self {
        self.0.push((style, text.to_string()));
        self
    }

    pub(crate) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| width(text)).sum()
    }

    /// The line without colours.
    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// The line in no more than so many columns.
    pub(crate) fn paint(&self, mut room: usize, screen: &Screen) -> String {
        let mut line = String::new();
        let mut pieces = self.0.iter().filter(|(_, text)| !text.is_empty()).peekable();
        while let Some((style, text)) = pieces.next() {
            // The last column is for the ellipsis of what follows.
            let rest: usize = pieces.clone().map(|(_, text)| width(text)).sum();
            let most = if width(text) + rest <= room { room } else { room.saturating_sub(1) };
            if width(text) > most {
                line += &screen.paint(*style, shortened(text, most + 1));
                break;
            }
            line += &screen.paint(*style, text);
            room -= width(text);
        }
        line
    }
}

/// A number of bytes for people: `1.50 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(visible("a\x1b[31m\n"), "a\\u{1b}[31m\\n");
        assert_eq!(visible("rtl\u{202e}x\u{200b}\u{9b}"), "rtl\\u{202e}x\\u{200b}\\u{9b}");
        assert_eq!(visible("['a']\\ü日"), "['a']\\ü日");
        assert_eq!(
            (name("").as_str(), name(" a").as_str(), name("a b").as_str()),
            ("\"\"", "\" a\"", "a b")
        );
    }

    #[test]
    fn columns_are_counted_and_not_characters() {
        assert_eq!(
            (cut("日本語", 6), cut("日本語", 5), cut("日本語", 4)),
            ("日本語".into(), "日本…".into(), "日…".into())
        );
        assert_eq!((cut_start("日本語", 5), cut_start("abc", 2)), ("…本語".into(), "…c".into()));
        assert_eq!((pad("日", 4), pad("abc", 2)), ("日  ".into(), "abc".into()));
    }

    #[test]
    fn a_line_ends_where_there_is_no_more_room() {
        let screen = Screen::new(&Look { color: When::Never, width: Some(80) });
        let line = Line::of(NAME, "ab").and(PLAIN, "cd").and(FAINT, "ef");
        for (room, said) in
            [(9, "abcdef"), (6, "abcdef"), (5, "abcd…"), (4, "abc…"), (3, "ab…"), (2, "a…")]
        {
            assert_eq!(line.paint(room, &screen), said, "{room}");
        }
    }
}
