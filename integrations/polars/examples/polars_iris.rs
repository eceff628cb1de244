//! A frame of polars in shared memory: `cargo run -p serde_shm_polars --example polars_iris`.
//!
//! The iris data become a frame, and the frame a segment. A second process opens it, and computes on columns that lie in the segment.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use polars_core::prelude::*;
use serde_shm::Segment;
use serde_shm_polars::Columns;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(id) = std::env::args().nth(1) {
        let columns: Columns = Segment::open(&id)?.get()?;
        print!("{}", means(&columns.frame()?)?);
        return Ok(());
    }
    let frame = iris()?;
    let segment = serde_shm::to_shared(&Columns::of(&frame)?)?;
    let output = Command::new(std::env::current_exe()?).arg(segment.id()).output()?;
    let found = String::from_utf8(output.stdout)?;
    if !output.status.success() || found != means(&frame)? {
        return Err(format!(
            "the other process: {found}{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    print!("{} rows of {} columns, seen by two processes\n{found}", frame.height(), frame.width());
    Ok(())
}

/// The frame of `examples/data/iris.csv`.
fn iris() -> Result<DataFrame, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next().ok_or("no names")?.split(',').collect();
    let rows: Vec<Vec<f64>> = lines
        .map(|line| line.split(',').map(str::parse).collect::<Result<_, _>>())
        .collect::<Result<_, _>>()?;
    let column = |at: usize, name: &str| {
        let numbers: Vec<f64> = rows.iter().map(|row| row[at]).collect();
        Column::from(Series::new(name.into(), numbers))
    };
    Ok(DataFrame::new_infer_height(
        names.iter().enumerate().map(|(at, name)| column(at, name)).collect(),
    )?)
}

/// The mean length of the petals of each species.
fn means(frame: &DataFrame) -> Result<String, Box<dyn Error>> {
    let (lengths, species) =
        (frame.column("petal_length")?.f64()?, frame.column("species")?.f64()?);
    let mut text = String::new();
    for wanted in 0..3 {
        let mask = species.equal(f64::from(wanted));
        let mean = lengths.filter(&mask)?.mean().ok_or("no flowers")?;
        writeln!(text, "species {wanted}: {mean:.3} cm")?;
    }
    Ok(text)
}
