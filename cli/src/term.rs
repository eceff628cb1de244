//! Standard output: its width, and how many colours it shows.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use anstream::AutoStream;
use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};

use crate::args::{Look, When};

pub(crate) const TYPE: Style = AnsiColor::Cyan.on_default();
pub(crate) const NAME: Style = Style::new().bold();
pub(crate) const TEXT: Style = AnsiColor::Green.on_default();
pub(crate) const NUMBER: Style = AnsiColor::Yellow.on_default();
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

/// A text without control characters, which a terminal would take for commands.
pub(crate) fn visible(text: &str) -> String {
    let shown = |char: char| {
        if char.is_control() { char.escape_default().to_string() } else { char.to_string() }
    };
    if text.contains(char::is_control) {
        text.chars().map(shown).collect()
    } else {
        text.to_owned()
    }
}

/// A text cut to this many characters, the last of which is then an ellipsis.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// The end of a text, behind an ellipsis if it is longer than this many characters: of a path, the end tells more.
pub(crate) fn cut_start(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let left = count + 1 - width.max(1);
    std::iter::once('…').chain(text.chars().skip(left)).collect()
}

/// A number of bytes for people: `1.50 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}
