//! `show --png`.

use std::io::Write;

use png::{BitDepth, ColorType, Encoder};
use serde_shm::UntypedArray;

use super::chart::{Histogram, Line};
use super::colour::{self, Rgb};
use super::grid::{Grid, share};
use crate::fault::{Fault, Result};

/// The longest side of an image of two axes, and the least to which a small one is enlarged.
const MOST: usize = 4096;
const LEAST: usize = 256;

const CHART: (usize, usize) = (800, 400);
const BINS: usize = 100;
const INK: Rgb = [49, 104, 142];
const PAPER: Rgb = [255, 255, 255];

pub(super) fn write(array: &UntypedArray, is_histogram: bool, out: &mut dyn Write) -> Result<()> {
    let picture = match array.ndim() {
        0 | 1 if is_histogram => histogram(&Histogram::new(array, BINS)?),
        0 | 1 => line(&Line::new(array, CHART.0)?),
        _ if is_histogram => histogram(&Histogram::new(array, BINS)?),
        _ => map(&Grid::new(array, MOST, MOST)?),
    };
    picture.write(out)
}

struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    fn blank(width: usize, height: usize) -> Self {
        Picture { width, height, pixels: PAPER.repeat(width * height) }
    }

    fn set(&mut self, column: usize, row: usize, colour: Rgb) {
        let start = (row * self.width + column) * 3;
        if let Some(pixel) = self.pixels.get_mut(start..start + 3) {
            pixel.copy_from_slice(&colour);
        }
    }

    fn write(&self, out: &mut dyn Write) -> Result<()> {
        let fault = |error: png::EncodingError| match error {
            png::EncodingError::IoError(error) => Fault::from(error),
            other => Fault::new(format_args!("cannot write the image: {other}")),
        };
        // An image has at most `MOST` pixels in each direction.
        let mut encoder = Encoder::new(out, self.width as u32, self.height as u32);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header().map_err(fault)?;
        writer.write_image_data(&self.pixels).map_err(fault)?;
        writer.finish().map_err(fault)
    }
}

/// One square of pixels for each place of the grid.
fn map(grid: &Grid) -> Picture {
    let scale = LEAST.div_ceil(grid.width.max(grid.height));
    let mut picture = Picture::blank(grid.width * scale, grid.height * scale);
    for row in 0..picture.height {
        for column in 0..picture.width {
            let colour = grid.share(row / scale, column / scale).map_or(colour::ABSENT, colour::of);
            picture.set(column, row, colour);
        }
    }
    picture
}

/// The row of pixels for a share of the height; 0 is at the bottom.
#[expect(clippy::cast_sign_loss, reason = "the share is 0 to 1")]
fn row_of(share: f64, height: usize) -> usize {
    ((1.0 - share) * (height - 1) as f64).round() as usize
}

fn line(line: &Line) -> Picture {
    let (width, height) = CHART;
    let mut picture = Picture::blank(width, height);
    let count = line.columns.len();
    let mut last: Option<(usize, usize)> = None;
    for column in 0..width {
        let Some((least, most)) = line.columns[column * count / width] else {
            last = None;
            continue;
        };
        let rows = [most, least].map(|value| row_of(share(value, line.low, line.high), height));
        // From the column before to this one, without a gap.
        let (top, bottom) = match last {
            Some((top, bottom)) => (rows[0].min(bottom), rows[1].max(top)),
            None => (rows[0], rows[1]),
        };
        (top..=bottom).for_each(|row| picture.set(column, row, INK));
        last = Some((rows[0], rows[1]));
    }
    picture
}

fn histogram(histogram: &Histogram) -> Picture {
    let (width, height) = CHART;
    let mut picture = Picture::blank(width, height);
    let most = histogram.bins.iter().copied().max().unwrap_or(1).max(1);
    for column in 0..width {
        let count = histogram.bins[column * histogram.bins.len() / width];
        if count > 0 {
            let top = row_of(count as f64 / most as f64, height);
            (top..height).for_each(|row| picture.set(column, row, INK));
        }
    }
    picture
}
