//! What `inspect` writes for people: the tree at once, then a line of statistics for each array, as soon as it is known.

use std::fmt::Write as _;
use std::io::Write;

use serde_shm::DTypeKind;

use super::Shown;
use crate::element::Number;
use crate::fault::Result;
use crate::stats::{self, BINS, Stats};
use crate::stop;
use crate::term::{self, ALARM, FAINT, NAME, NUMBER, Screen, TEXT, TYPE};
use crate::text;
use crate::tree::{Form, Head, Leaf, Node, Parts};

pub(super) fn write(shown: &Shown<'_>, screen: &mut Screen) -> Result<()> {
    let heads = shown.heads()?;
    if shown.args.arrays.is_empty() {
        let count = shown.target.arrays()?.len();
        let arrays = if count == 1 { "1 array".to_owned() } else { format!("{count} arrays") };
        let size = term::bytes(shown.target.byte_len());
        let title = screen.paint(NAME, &shown.args.target);
        writeln!(screen, "{title}  {}, {size}, {arrays}", shown.target.kind())?;
        let root = describe(&shown.tree, screen);
        writeln!(screen, "{root}")?;
        branch(&shown.tree, "", screen)?;
        for other in shown.target.others()? {
            let name = screen.paint(ALARM, other.name().escape_debug());
            writeln!(screen, "no array: {name}: {}", term::visible(other.why()))?;
        }
    } else {
        for head in &heads {
            let name = screen.paint(NAME, term::visible(&head.path));
            let text = array(head, screen);
            writeln!(screen, "{name}  {text}")?;
        }
    }
    screen.flush()?;
    if !shown.args.no_stats {
        statistics(shown, &heads, screen)?;
    }
    Ok(())
}

/// A part of an object by itself.
pub(crate) fn write_node(node: &Node, screen: &mut Screen) -> Result<()> {
    let text = describe(node, screen);
    writeln!(screen, "{text}")?;
    branch(node, "", screen)
}

fn branch(node: &Node, indent: &str, screen: &mut Screen) -> Result<()> {
    let Node::Parts(parts) = node else { return Ok(()) };
    let last = parts.children.len() + usize::from(parts.more > 0);
    for (place, (name, part)) in parts.children.iter().enumerate() {
        let is_last = place + 1 == last;
        let lead =
            screen.paint(FAINT, format_args!("{indent}{}", if is_last { "└─ " } else { "├─ " }));
        let room = screen.width.saturating_sub(indent.len() + 4).max(8);
        let name = screen.paint(NAME, term::cut(&name.escape_debug().to_string(), room));
        let text = describe(part, screen);
        writeln!(screen, "{lead}{name}  {text}")?;
        branch(part, &format!("{indent}{}", if is_last { "   " } else { "│  " }), screen)?;
    }
    if parts.more > 0 {
        let text = screen.paint(FAINT, format_args!("{indent}└─ … {} more", parts.more));
        writeln!(screen, "{text}")?;
    }
    Ok(())
}

/// A part in one line, without its own parts.
pub(crate) fn describe(node: &Node, screen: &Screen) -> String {
    match node {
        Node::Array(head) => array(head, screen),
        Node::Leaf(leaf) => self::leaf(leaf, screen),
        Node::Parts(parts) => screen.paint(TYPE, of_parts(parts)),
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

fn leaf(leaf: &Leaf, screen: &Screen) -> String {
    let more = |more: &usize| match more {
        0 => String::new(),
        more => screen.paint(FAINT, format_args!(" … {more} bytes more")),
    };
    match leaf {
        Leaf::Nothing => screen.paint(FAINT, "none"),
        Leaf::Bool(value) => screen.paint(NUMBER, value),
        Leaf::Int(value) => screen.paint(NUMBER, value),
        Leaf::Large(value) => screen.paint(NUMBER, value),
        Leaf::Float(_, text) => screen.paint(NUMBER, text),
        Leaf::Text(text, left) => screen.paint(TEXT, format_args!("{text:?}")) + &more(left),
        Leaf::Bytes(bytes, left) => {
            screen.paint(TEXT, format_args!("b\"{}\"", bytes.escape_ascii())) + &more(left)
        }
        Leaf::Variant(name) => screen.paint(TYPE, term::visible(name)),
        Leaf::Deeper => screen.paint(FAINT, "…"),
    }
}

/// An array in one line. Writing to a string does not fail.
fn array(head: &Head, screen: &Screen) -> String {
    let dtype = screen.paint(TYPE, term::cut(&term::visible(&head.dtype.to_string()), 40));
    let mut text = format!("{dtype} {:?}", head.shape);
    if !head.order_text().is_empty() {
        let _ = write!(text, " {}", head.order_text());
    }
    let _ = write!(text, "  {}", screen.paint(FAINT, term::bytes(head.bytes)));
    if let Some(live) = head.live_text() {
        let _ = write!(text, "  {}", screen.paint(ALARM, format_args!("live, {live}")));
    }
    text
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
    let longest = counted.iter().map(|head| head.path.chars().count()).max().unwrap_or(0).max(5);
    let room = longest.min(screen.width.saturating_sub(others).max(8));
    let header = format!(
        "{:<room$} {:>NUMBER_WIDTH$} {:>NUMBER_WIDTH$} {:>NUMBER_WIDTH$} {:>COUNT_WIDTH$} {:>COUNT_WIDTH$}  HISTOGRAM",
        "ARRAY", "MIN", "MEAN", "MAX", "NAN", "INF"
    );
    writeln!(screen, "\n{}", screen.paint(FAINT, header))?;
    let bar = Shown::bar(&counted);
    for head in counted {
        let Some(stats) = shown.stats(head, &bar)? else { continue };
        let line = line(head, &stats, room, screen);
        bar.hide(|| writeln!(screen, "{line}").and_then(|()| screen.flush()))?;
    }
    bar.finish();
    if stop::is_asked() {
        writeln!(screen, "{}", screen.paint(ALARM, "stopped: the statistics are not complete"))?;
    }
    Ok(())
}

fn line(head: &Head, stats: &Stats, room: usize, screen: &Screen) -> String {
    let name = term::cut_start(&head.path.escape_debug().to_string(), room);
    let name = screen.paint(NAME, format_args!("{name:<room$}"));
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
    format!(
        "{name} {min:>NUMBER_WIDTH$} {mean:>NUMBER_WIDTH$} {max:>NUMBER_WIDTH$} {nan} {infinite}  {bins}{partial}"
    )
}

/// A number of the array in at most 10 characters; a point in time as its date.
fn shown(number: Number, head: &Head) -> String {
    match head.dtype.unit() {
        Some(unit) if head.dtype.kind() == DTypeKind::Datetime => {
            term::cut(&text::time(number.to_f64().round() as i64, unit), NUMBER_WIDTH)
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
