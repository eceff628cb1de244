//! What `inspect` writes for people: the tree at once, then a line of statistics for each array, as soon as it is known.

use std::fmt::Write as _;
use std::io::Write;

use serde_shm::DTypeKind;

use super::Shown;
use crate::element::Number;
use crate::fault::{Fault, Result};
use crate::stats::{self, BINS, Stats};
use crate::stop;
use crate::target;
use crate::term::{self, ALARM, FAINT, Line, NAME, NUMBER, PLAIN, Screen, TEXT, TYPE};
use crate::text;
use crate::tree::{Form, Head, Leaf, Node, Parts};

pub(super) fn write(shown: &Shown<'_>, screen: &mut Screen) -> Result<()> {
    let heads = shown.heads()?;
    if shown.args.arrays.is_empty() {
        let arrays = term::count(shown.target.arrays()?.len() as u64, "array");
        let size = term::bytes(shown.target.byte_len());
        let what = format!("  {}, {size}, {arrays}", shown.target.kind());
        let room = screen.width.saturating_sub(term::width(&what)).max(8);
        let title = term::cut_start(&term::shown(&shown.args.target), room);
        let line = Line::of(NAME, title).and(PLAIN, what).paint(screen.width, screen);
        writeln!(screen, "{line}")?;
        write_node(&shown.tree, screen)?;
        for other in shown.target.others()? {
            let text = format!("no array: {}: {}", term::name(other.name()), target::why(&other));
            let text = screen.paint(ALARM, wrapped(&term::visible(&text), screen.width));
            writeln!(screen, "{text}")?;
        }
    } else {
        for head in &heads {
            let line = Line::of(NAME, term::name(&head.path)).and(PLAIN, "  ");
            let line = array(head, line).paint(screen.width, screen);
            writeln!(screen, "{line}")?;
        }
    }
    screen.flush()?;
    if !shown.args.no_stats {
        statistics(shown, &heads, screen)?;
    }
    Ok(())
}

/// A text in lines that are no wider than the screen, if its words are not.
fn wrapped(text: &str, room: usize) -> String {
    const INDENT: &str = "    ";
    let (mut lines, mut left) = (String::new(), room);
    for (place, word) in text.split(' ').enumerate() {
        let width = term::width(word) + 1;
        if place > 0 && width > left {
            lines += "\n";
            lines += INDENT;
            left = room.saturating_sub(INDENT.len());
        } else if place > 0 {
            lines.push(' ');
        }
        lines += word;
        left = left.saturating_sub(width);
    }
    lines
}

/// A part of an object by itself.
pub(crate) fn write_node(node: &Node, screen: &mut Screen) -> Result<()> {
    let line = describe(node, Line::default(), screen.width).paint(screen.width, screen);
    writeln!(screen, "{line}")?;
    branch(node, "", screen)
}

fn branch(node: &Node, indent: &str, screen: &mut Screen) -> Result<()> {
    let Node::Parts(parts) = node else { return Ok(()) };
    let last = parts.children.len() + usize::from(parts.more > 0);
    for (place, (name, part)) in parts.children.iter().enumerate() {
        let is_last = place + 1 == last;
        // What lies deep is told of in any case.
        let lead = format!("{indent}{}", if is_last { "└─ " } else { "├─ " });
        let lead = term::cut_start(&lead, screen.width / 2);
        let room = screen.width.saturating_sub(term::width(&lead)).max(8);
        let line = Line::of(FAINT, lead).and(NAME, term::cut(&term::name(name), room));
        let line = describe(part, line.and(PLAIN, "  "), screen.width);
        writeln!(screen, "{}", line.paint(screen.width, screen))?;
        branch(part, &format!("{indent}{}", if is_last { "   " } else { "│  " }), screen)?;
    }
    if parts.more > 0 {
        let lead = term::cut_start(&format!("{indent}└─ "), screen.width / 2);
        let text = screen.paint(FAINT, format_args!("{lead}… {} more", parts.more));
        writeln!(screen, "{text}")?;
    }
    Ok(())
}

/// A part as the rest of a line that has room for so many columns, without its own parts.
pub(crate) fn describe(node: &Node, line: Line, room: usize) -> Line {
    match node {
        Node::Array(head) => array(head, line),
        Node::Leaf(leaf) => self::leaf(leaf, line, room),
        Node::Parts(parts) => line.and(TYPE, of_parts(parts)),
    }
}

fn of_parts(Parts { form, title, children, more, .. }: &Parts) -> String {
    let count = children.len() + more;
    match form {
        _ if !title.is_empty() => term::visible(title),
        Form::List => format!("list of {count}"),
        Form::Map | Form::Record => format!("map of {count}"),
    }
}

fn leaf(leaf: &Leaf, line: Line, room: usize) -> Line {
    let room = room.saturating_sub(line.width());
    match leaf {
        Leaf::Nothing => line.and(FAINT, "none"),
        Leaf::Bool(value) => line.and(NUMBER, value),
        Leaf::Int(value) => line.and(NUMBER, value),
        Leaf::Large(value) => line.and(NUMBER, value),
        Leaf::Float(_, text) => line.and(NUMBER, text),
        Leaf::Text(text, left) => {
            let texts = text.char_indices().map(|(start, char)| (start, quoted(char)));
            folded(line, "\"", texts, (text.len(), *left), room)
        }
        Leaf::Bytes(bytes, left) => {
            let texts = bytes.iter().enumerate();
            let texts = texts.map(|(start, byte)| (start, byte.escape_ascii().to_string()));
            folded(line, "b\"", texts, (bytes.len(), *left), room)
        }
        Leaf::Variant(name) => line.and(TYPE, term::visible(name)),
        Leaf::Deeper => line.and(FAINT, "…"),
    }
}

/// A character of a text in quotes.
fn quoted(char: char) -> String {
    match char {
        '"' | '\\' => format!("\\{char}"),
        _ => term::visible(char.encode_utf8(&mut [0; 4])),
    }
}

/// A text between quotes, of which no more is shown than there is room for. Its characters come with the places where they
/// start; it has `len` bytes, and `left` more that are not here.
fn folded(
    line: Line,
    open: &str,
    chars: impl Iterator<Item = (usize, String)>,
    (len, left): (usize, usize),
    room: usize,
) -> Line {
    let more = |left: usize| match left {
        0 => String::new(),
        left => format!(" … {} more", term::count(left as u64, "byte")),
    };
    // How long the text may be, and where it would end if it could not be shown whole.
    let room_with = |left: usize| room.saturating_sub(open.len() + 1 + term::width(&more(left)));
    let (mut text, mut columns, mut cut) = (open.to_owned(), 0, (open.len(), 0));
    for (start, shown) in chars {
        if columns <= room_with(len - start + left) {
            cut = (text.len(), start);
        }
        columns += term::width(&shown);
        text += &shown;
        if columns > room {
            break;
        }
    }
    let mut left = left;
    if columns > room_with(left) {
        text.truncate(cut.0);
        left += len - cut.1;
    }
    text.push('"');
    line.and(TEXT, text).and(FAINT, more(left))
}

/// An array in one line. Writing to a string does not fail.
fn array(head: &Head, line: Line) -> Line {
    let mut shape = format!(" {:?}", head.shape);
    if !head.order_text().is_empty() {
        let _ = write!(shape, " {}", head.order_text());
    }
    let line = line
        .and(TYPE, term::cut(&term::visible(&head.dtype.to_string()), 40))
        .and(PLAIN, shape + "  ")
        .and(FAINT, term::bytes(head.bytes));
    match head.live_text() {
        Some(live) => line.and(ALARM, format_args!("  live, {live}")),
        None => line,
    }
}

/// The widths of the columns of numbers and of counts.
const NUMBER_WIDTH: usize = 10;
const COUNT_WIDTH: usize = 5;

fn statistics(shown: &Shown<'_>, heads: &[&Head], screen: &mut Screen) -> Result<()> {
    let counted: Vec<&Head> =
        heads.iter().copied().filter(|head| stats::has_stats(&head.dtype)).collect();
    if counted.is_empty() {
        return Ok(());
    }
    let others = 3 * (NUMBER_WIDTH + 1) + 2 * (COUNT_WIDTH + 1) + 2 + BINS;
    let name_width = |head: &&Head| term::width(&term::name(&head.path));
    let longest = counted.iter().map(name_width).max().unwrap_or(0).max(5);
    let room = longest.min(screen.width.saturating_sub(others).max(8));
    let header = format!(
        "{:<room$} {:>NUMBER_WIDTH$} {:>NUMBER_WIDTH$} {:>NUMBER_WIDTH$} {:>COUNT_WIDTH$} {:>COUNT_WIDTH$}  HISTOGRAM",
        "ARRAY", "MIN", "MEAN", "MAX", "NAN", "INF"
    );
    writeln!(screen, "\n{}", screen.paint(FAINT, header))?;
    let bar = Shown::bar(&counted);
    let mut faults = Vec::new();
    for head in counted {
        let line = match shown.stats(head, &bar) {
            Ok(None) => continue,
            Ok(Some(stats)) => line(head, &stats, room, screen),
            // The others are told of in any case.
            Err(fault @ (Fault::Said(_) | Fault::Damaged(_))) => {
                faults.push(fault);
                named(head, room, screen) + " " + &screen.paint(ALARM, "cannot be read")
            }
            Err(fault) => return Err(fault),
        };
        bar.hide(|| writeln!(screen, "{line}").and_then(|()| screen.flush()))?;
    }
    bar.finish();
    if stop::is_asked() {
        writeln!(screen, "{}", screen.paint(ALARM, "stopped: the statistics are not complete"))?;
    }
    let others = faults.len().saturating_sub(1) as u64;
    match faults.into_iter().next() {
        None => Ok(()),
        Some(fault) if others == 0 => Err(fault),
        Some(fault) => Err(Fault::new(format_args!(
            "{fault}; so it is with {}",
            term::count(others, "other array")
        ))),
    }
}

fn named(head: &Head, room: usize, screen: &Screen) -> String {
    let name = term::cut_start(&term::name(&head.path), room);
    screen.paint(NAME, term::pad(&name, room))
}

fn line(head: &Head, stats: &Stats, room: usize, screen: &Screen) -> String {
    let name = named(head, room, screen);
    let counts = [stats.nan, stats.infinite].map(|count| {
        let text = format!("{count:>COUNT_WIDTH$}");
        if count > 0 { screen.paint(ALARM, text) } else { screen.paint(FAINT, text) }
    });
    let [nan, infinite] = counts;
    let dash = || "-".to_owned();
    let (min, mean, max, bins) = match &stats.finite {
        None => (dash(), dash(), dash(), String::new()),
        Some(finite) => (
            shown(finite.min, head),
            shown(Number::F64(finite.mean), head),
            shown(finite.max, head),
            screen.paint(NUMBER, stats::sparkline(&finite.bins).trim_end()),
        ),
    };
    let partial = if stats.is_partial {
        screen.paint(ALARM, format_args!(" of {} elements", stats.seen))
    } else {
        String::new()
    };
    let line = format!(
        "{name} {min:>NUMBER_WIDTH$} {mean:>NUMBER_WIDTH$} {max:>NUMBER_WIDTH$} {nan} {infinite}  {bins}{partial}"
    );
    line.trim_end().to_owned()
}

/// A number of the array in at most 10 characters; a point in time as its date.
fn shown(number: Number, head: &Head) -> String {
    match head.dtype.unit() {
        Some(unit) if head.dtype.kind() == DTypeKind::Datetime => {
            let count = match number {
                Number::Int(count) => i64::try_from(count).unwrap_or(i64::MAX),
                other => other.to_f64().round() as i64,
            };
            let time = text::time(count, unit);
            let date = time.split_once('T').map_or(time.as_str(), |(date, _)| date);
            term::cut(date, NUMBER_WIDTH)
        }
        _ => short(number),
    }
}

/// A number in at most 10 characters.
pub(crate) fn short(number: Number) -> String {
    let text = number.to_string();
    if text.len() <= NUMBER_WIDTH {
        return text;
    }
    let value = number.to_f64();
    // With a sign and four digits before the dot, these are as long as the column is wide.
    if value == 0.0 || (1e-4..9_999.0).contains(&value.abs()) {
        return format!("{value:.4}");
    }
    format!("{value:.3e}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_number_fits() {
        for number in [
            f64::MIN,
            f64::MAX,
            1.0 / 3.0,
            -1e-300 / 3.0,
            9_999_999.999_999_9,
            0.000_123_456_789_123,
        ] {
            assert!(
                short(Number::F64(number)).len() <= NUMBER_WIDTH + 1,
                "{}",
                short(Number::F64(number))
            );
        }
        assert_eq!(short(Number::Int(12)), "12");
        assert_eq!(short(Number::Int(i128::from(u64::MAX))), "1.845e19");
    }
}
