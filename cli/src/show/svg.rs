//! `show --svg`.

use std::io::Write;

use serde_shm::UntypedArray;

use super::chart::{Histogram, Line};
use super::colour;
use super::grid::{Grid, share};
use crate::element::Number;
use crate::fault::Result;
use crate::inspect::short;

/// The largest grid, of which each place is a rectangle of its own.
const MOST: usize = 256;

/// How many points a line has at most.
const COLUMNS: usize = 800;
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 400.0;
/// Room around a chart, for its labels.
const MARGIN: f64 = 24.0;
const BINS: usize = 50;

pub(super) fn write(
    array: &UntypedArray,
    is_histogram: bool,
    title: &str,
    out: &mut dyn Write,
) -> Result<()> {
    let title = title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if is_histogram {
        histogram(&Histogram::new(array, BINS)?, &title, out)
    } else if array.ndim() < 2 {
        line(&Line::new(array, COLUMNS)?, &title, out)
    } else {
        map(&Grid::new(array, MOST, MOST)?, &title, out)
    }
}

fn begin(out: &mut dyn Write, title: &str, width: f64, height: f64) -> Result<()> {
    writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">"
    )?;
    Ok(writeln!(out, "<title>{title}</title>")?)
}

fn end(out: &mut dyn Write) -> Result<()> {
    Ok(writeln!(out, "</svg>")?)
}

fn map(grid: &Grid, title: &str, out: &mut dyn Write) -> Result<()> {
    let side = (WIDTH / grid.width.max(grid.height) as f64).floor().max(1.0);
    begin(out, title, side * grid.width as f64, side * grid.height as f64)?;
    writeln!(out, "<g shape-rendering=\"crispEdges\">")?;
    for row in 0..grid.height {
        for column in 0..grid.width {
            let [red, green, blue] = grid.share(row, column).map_or(colour::ABSENT, colour::of);
            let (x, y) = (side * column as f64, side * row as f64);
            writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" fill=\"#{red:02x}{green:02x}{blue:02x}\"/>"
            )?;
        }
    }
    writeln!(out, "</g>")?;
    end(out)
}

/// The frame of a chart, with what stands at the ends of its axes.
fn frame(out: &mut dyn Write, title: &str, x: [String; 2], y: [String; 2]) -> Result<()> {
    let (width, height) = (WIDTH + 2.0 * MARGIN, HEIGHT + 2.0 * MARGIN);
    begin(out, title, width, height)?;
    let ([left, right], [low, high]) = (x, y);
    let bottom = HEIGHT + MARGIN;
    writeln!(
        out,
        "<rect x=\"{MARGIN}\" y=\"{MARGIN}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" stroke=\"#999\"/>\n\
         <text x=\"{MARGIN}\" y=\"{}\">{left}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{right}</text>\n\
         <text x=\"{}\" y=\"{}\">{low}</text>\n\
         <text x=\"{}\" y=\"{}\">{high}</text>",
        bottom + 16.0,
        WIDTH + MARGIN,
        bottom + 16.0,
        MARGIN + 4.0,
        bottom - 4.0,
        MARGIN + 4.0,
        MARGIN + 14.0,
    )?;
    Ok(())
}

fn point(x: f64, y: f64) -> String {
    format!("{x:.2},{y:.2} ")
}

fn label(value: f64) -> String {
    short(Number::F64(value))
}

fn line(line: &Line, title: &str, out: &mut dyn Write) -> Result<()> {
    let count = line.columns.len();
    let last = count.saturating_sub(1);
    let right = line.len.saturating_sub(1).to_string();
    frame(out, title, ["0".into(), right], [label(line.low), label(line.high)])?;
    let y = |value| MARGIN + HEIGHT * (1.0 - share(value, line.low, line.high));
    let x = |place: usize| MARGIN + WIDTH * place as f64 / last.max(1) as f64;
    // A gap where all numbers are NaN or infinite.
    for run in line.columns.iter().enumerate().collect::<Vec<_>>().split(|(_, part)| part.is_none())
    {
        let mut points = String::new();
        for (place, part) in run {
            if let Some((least, most)) = part {
                let x = x(*place);
                points += &point(x, y(*most));
                if least < most {
                    points += &point(x, y(*least));
                }
            }
        }
        if !points.is_empty() {
            let points = points.trim_end();
            writeln!(out, "<polyline points=\"{points}\" fill=\"none\" stroke=\"#31688e\"/>")?;
        }
    }
    end(out)
}

fn histogram(histogram: &Histogram, title: &str, out: &mut dyn Write) -> Result<()> {
    let most = histogram.bins.iter().copied().max().unwrap_or(1).max(1);
    let ends = [label(histogram.low), label(histogram.high)];
    frame(out, title, ends, ["0".into(), most.to_string()])?;
    let width = WIDTH / histogram.bins.len() as f64;
    for (place, count) in histogram.bins.iter().enumerate() {
        let height = HEIGHT * *count as f64 / most as f64;
        let (x, y) = (MARGIN + width * place as f64, MARGIN + HEIGHT - height);
        writeln!(
            out,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"#31688e\"/>"
        )?;
    }
    end(out)
}
