//! Plots as SVG, each once for light pages and once for dark ones.

use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::harness::{Row, Step, Table};
use crate::report::digits;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

struct Theme {
    name: &'static str,
    ground: RGBColor,
    text: RGBColor,
    faint: RGBColor,
    ours: RGBColor,
    others: RGBColor,
    yardstick: RGBColor,
    lines: [RGBColor; 8],
}

impl Theme {
    /// That of a peer in a row.
    fn color(&self, row: usize, name: &str) -> RGBColor {
        match row {
            0 => self.yardstick,
            _ if name.starts_with("serde_shm") => self.ours,
            _ => self.others,
        }
    }
}

const THEMES: [Theme; 2] = [
    Theme {
        name: "light",
        ground: RGBColor(255, 255, 255),
        text: RGBColor(36, 41, 47),
        faint: RGBColor(208, 215, 222),
        ours: RGBColor(9, 105, 218),
        others: RGBColor(140, 149, 159),
        yardstick: RGBColor(87, 96, 106),
        lines: [
            RGBColor(87, 96, 106),
            RGBColor(9, 105, 218),
            RGBColor(26, 127, 55),
            RGBColor(130, 80, 223),
            RGBColor(207, 34, 46),
            RGBColor(188, 76, 0),
            RGBColor(154, 103, 0),
            RGBColor(191, 57, 137),
        ],
    },
    Theme {
        name: "dark",
        ground: RGBColor(13, 17, 23),
        text: RGBColor(230, 237, 243),
        faint: RGBColor(48, 54, 61),
        ours: RGBColor(47, 129, 247),
        others: RGBColor(110, 118, 129),
        yardstick: RGBColor(177, 186, 196),
        lines: [
            RGBColor(177, 186, 196),
            RGBColor(47, 129, 247),
            RGBColor(63, 185, 80),
            RGBColor(163, 113, 247),
            RGBColor(248, 81, 73),
            RGBColor(240, 136, 62),
            RGBColor(210, 153, 34),
            RGBColor(247, 120, 186),
        ],
    },
];

fn text(area: &Area<'_>, at: (i32, i32), what: &str, size: i32, color: RGBColor, anchor: HPos) {
    let style = ("sans-serif", size).into_font().color(&color);
    let style = style.pos(Pos::new(anchor, VPos::Center));
    area.draw(&Text::new(what.to_owned(), at, style)).unwrap();
}

fn line(area: &Area<'_>, points: Vec<(i32, i32)>, color: RGBColor, width: u32) {
    area.draw(&PathElement::new(points, color.stroke_width(width))).unwrap();
}

fn whole(count: usize) -> i32 {
    i32::try_from(count).unwrap()
}

/// Where a value lies between two others, as their logarithms have it.
fn place(value: f64, (low, high): (f64, f64), (from, to): (i32, i32)) -> i32 {
    let part = (value.ln() - low.ln()) / (high.ln() - low.ln());
    from + (part.clamp(0.0, 1.0) * f64::from(to - from)).round() as i32
}

/// 1, 10, 100 and so on between two values.
fn decades((low, high): (f64, f64)) -> impl Iterator<Item = f64> {
    (-6..12).map(|power| 10_f64.powi(power)).filter(move |value| (low..=high).contains(value))
}

const WIDTH: i32 = 860;
const NAMES: i32 = 178;
const BAR: i32 = 19;
/// What a ratio's digits take beside its bar.
const DIGITS: i32 = 44;

/// A row for each peer and a column for each step. A bar goes from the yardstick to the ratio: to the right where the peer takes more.
pub(crate) fn bars(folder: &Path, table: &Table) {
    let is_measured = |step: usize| table.rows[1..].iter().any(|row| row.figures[step].is_some());
    let steps: Vec<usize> = (0..Step::ALL.len()).filter(|step| is_measured(*step)).collect();
    let (top, step_width) = (72, (WIDTH - NAMES - 8) / whole(steps.len()));
    let height = top + whole(table.rows.len()) * BAR + 12;
    for theme in &THEMES {
        let path = folder.join(format!("{}-{}.svg", table.id, theme.name));
        let root = SVGBackend::new(&path, (WIDTH.cast_unsigned(), height.cast_unsigned()));
        let root = root.into_drawing_area();
        root.fill(&theme.ground).unwrap();
        text(&root, (16, 18), &table.title, 16, theme.text, HPos::Left);
        let what = format!(
            "processor time against \"{}\" (1), logarithmic; less is better",
            table.rows[0].name
        );
        text(&root, (16, 36), &what, 12, theme.text, HPos::Left);
        for (at, row) in table.rows.iter().enumerate() {
            let middle = top + whole(at) * BAR + BAR / 2;
            let is_ours = row.name.starts_with("serde_shm");
            let color = if is_ours { theme.ours } else { theme.text };
            text(&root, (NAMES - 8, middle), row.name, 12, color, HPos::Right);
        }
        for (column, step) in steps.iter().enumerate() {
            let left = NAMES + whole(column) * step_width;
            column_of_bars(&root, theme, table, *step, (left, left + step_width, top));
        }
        root.present().unwrap();
    }
}

fn column_of_bars(
    root: &Area<'_>,
    theme: &Theme,
    table: &Table,
    step: usize,
    (left, right, top): (i32, i32, i32),
) {
    let ratio =
        |row: &Row| row.figures[step].map(|figures| figures.ratio).filter(|r| r.is_finite());
    let ratios = || table.rows.iter().filter_map(ratio);
    let (low, high) = (ratios().fold(0.9, f64::min), ratios().fold(1.5, f64::max));
    let (range, across) = ((low, high), (left + DIGITS, right - DIGITS));
    let one = place(1.0, range, across);
    let bottom = top + whole(table.rows.len()) * BAR;
    text(root, (one, top - 14), Step::ALL[step].title(), 13, theme.text, HPos::Center);
    for value in decades(range) {
        let x = place(value, range, across);
        line(root, vec![(x, top), (x, bottom)], theme.faint, 1);
    }
    for (at, row) in table.rows.iter().enumerate() {
        let Some(ratio) = ratio(row) else { continue };
        let y = top + whole(at) * BAR;
        let x = place(ratio, range, across);
        let corners = [(one.min(x - 1), y + 3), (one.max(x + 1), y + BAR - 3)];
        root.draw(&Rectangle::new(corners, theme.color(at, row.name).filled())).unwrap();
        let (x, anchor) = if ratio < 1.0 { (x - 4, HPos::Right) } else { (x + 5, HPos::Left) };
        text(root, (x, y + BAR / 2), &digits(ratio), 11, theme.text, anchor);
    }
    line(root, vec![(one, top), (one, bottom)], theme.text, 1);
}

/// One line of a plot: its name and its points.
pub(crate) type Series = (String, Vec<(f64, f64)>);

/// How something grows, on logarithmic axes.
pub(crate) fn growth(folder: &Path, id: &str, title: &str, axes: (&str, &str), all: &[Series]) {
    let points = || all.iter().flat_map(|(_, points)| points);
    let bounds = |of: fn(&(f64, f64)) -> f64| {
        let low = points().map(of).fold(f64::INFINITY, f64::min);
        (low, points().map(of).fold(0.0, f64::max))
    };
    let (x_range, y_bounds) = (bounds(|point| point.0), bounds(|point| point.1));
    let y_range = (y_bounds.0 / 1.5, y_bounds.1 * 1.5);
    let (across, down) = ((70, WIDTH - 200), (360, 44));
    for theme in &THEMES {
        let path = folder.join(format!("{id}-{}.svg", theme.name));
        let root = SVGBackend::new(&path, (WIDTH.cast_unsigned(), 410)).into_drawing_area();
        root.fill(&theme.ground).unwrap();
        text(&root, (16, 18), title, 16, theme.text, HPos::Left);
        text(&root, (16, 36), axes.1, 12, theme.text, HPos::Left);
        text(&root, (across.1, 398), axes.0, 12, theme.text, HPos::Right);
        for value in decades(y_range) {
            let y = place(value, y_range, down);
            line(&root, vec![(across.0, y), (across.1, y)], theme.faint, 1);
            text(&root, (across.0 - 6, y), &value.to_string(), 11, theme.text, HPos::Right);
        }
        if let Some((_, points)) = all.first() {
            for (x, _) in points {
                let at = place(*x, x_range, across);
                line(&root, vec![(at, down.1), (at, down.0)], theme.faint, 1);
                text(&root, (at, down.0 + 14), &x.to_string(), 11, theme.text, HPos::Center);
            }
        }
        // Names stand where their lines end, and below each other where these meet.
        let mut names: Vec<(i32, usize)> = Vec::new();
        for (at, (_, points)) in all.iter().enumerate() {
            let color = theme.lines[at % theme.lines.len()];
            let to = |(x, y): &(f64, f64)| (place(*x, x_range, across), place(*y, y_range, down));
            let path: Vec<_> = points.iter().map(to).collect();
            names.extend(path.last().map(|end| (end.1, at)));
            for point in &path {
                root.draw(&Circle::new(*point, 3, color.filled())).unwrap();
            }
            line(&root, path, color, 2);
        }
        names.sort_unstable();
        let mut lowest = 0;
        for (y, at) in names {
            lowest = y.max(lowest + 14);
            let color = theme.lines[at % theme.lines.len()];
            text(&root, (across.1 + 10, lowest), &all[at].0, 12, color, HPos::Left);
        }
        root.present().unwrap();
    }
}
