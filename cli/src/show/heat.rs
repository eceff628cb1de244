//! `show --heat`: a heat map in the terminal, two rows to a line where there are colours.

use std::io::Write;

use anstyle::{Ansi256Color, Color, RgbColor, Style};
use serde_shm::UntypedArray;

use super::colour::{self, Rgb};
use super::grid::Grid;
use crate::element::Number;
use crate::fault::Result;
use crate::inspect::short;
use crate::term::{Colours, Screen};

/// As many rows as fit on most screens.
const ROWS: usize = 48;

const RAMP: [char; 6] = ['·', '░', '▒', '▓', '█', '█'];

pub(super) fn write(array: &UntypedArray, screen: &mut Screen) -> Result<()> {
    let is_plain = screen.colours == Colours::Absent;
    let grid = Grid::new(array, screen.width, if is_plain { ROWS / 2 } else { ROWS })?;
    for row in (0..grid.height).step_by(if is_plain { 1 } else { 2 }) {
        for column in 0..grid.width {
            if is_plain {
                write!(screen, "{}", shade(grid.share(row, column)))?;
            } else {
                let upper = colour(grid.share(row, column), screen.colours);
                let lower = (row + 1 < grid.height).then(|| grid.share(row + 1, column));
                let style = Style::new().fg_color(Some(upper));
                let style = style.bg_color(lower.map(|share| colour(share, screen.colours)));
                write!(screen, "{}", screen.paint(style, '▀'))?;
            }
        }
        writeln!(screen)?;
    }
    if grid.low > grid.high {
        return Ok(writeln!(screen, "no finite number")?);
    }
    let [low, high] = [grid.low, grid.high].map(|end| short(Number::F64(end)));
    let scale: String = (0..16).map(|place| sample(f64::from(place) / 15.0, screen)).collect();
    Ok(writeln!(screen, "{low} {scale} {high}")?)
}

fn sample(share: f64, screen: &Screen) -> String {
    match screen.colours {
        Colours::Absent => shade(Some(share)).to_string(),
        colours => screen.paint(Style::new().fg_color(Some(colour(Some(share), colours))), '█'),
    }
}

/// A character as dark as the number is large.
#[expect(clippy::cast_sign_loss, reason = "the share is 0 to 1")]
fn shade(share: Option<f64>) -> char {
    share.map_or('×', |share| RAMP[(share * (RAMP.len() - 1) as f64) as usize])
}

fn colour(share: Option<f64>, colours: Colours) -> Color {
    let rgb: Rgb = share.map_or(colour::ABSENT, colour::of);
    match colours {
        Colours::True => RgbColor(rgb[0], rgb[1], rgb[2]).into(),
        _ => Ansi256Color(colour::palette(rgb)).into(),
    }
}
