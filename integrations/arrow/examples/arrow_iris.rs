//! A table of Arrow's in shared memory: `cargo run -p serde_shm_arrow --example arrow_iris`.
//!
//! The iris data become a table, and the table a segment. A second process opens it, computes on Arrow's columns where they lie in the
//! segment, and gets the same means as the first.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type};
use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt8Array};
use serde_shm::Segment;
use serde_shm_arrow::Columns;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(id) = std::env::args().nth(1) {
        let columns: Columns = Segment::open(&id)?.get()?;
        print!("{}", means(&columns.batch()?)?);
        return Ok(());
    }
    let table = iris()?;
    let segment = serde_shm::to_shared(&Columns::of(&table)?)?;
    let output = Command::new(std::env::current_exe()?).arg(segment.id()).output()?;
    let found = String::from_utf8(output.stdout)?;
    if !output.status.success() || found != means(&table)? {
        return Err(format!(
            "the other process found {found:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    print!(
        "{} rows of {} columns, seen by two processes\n{found}",
        table.num_rows(),
        table.num_columns()
    );
    Ok(())
}

/// The table of `examples/data/iris.csv`.
fn iris() -> Result<RecordBatch, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<&str> = lines.next().ok_or("no names")?.split(',').collect();
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let columns = names.iter().enumerate().map(|(at, name)| {
        let cells = rows.iter().map(|row| row[at]);
        let column: ArrayRef = match *name {
            "species" => {
                Arc::new(UInt8Array::from(cells.map(str::parse).collect::<Result<Vec<u8>, _>>()?))
            }
            _ => Arc::new(Float64Array::from(
                cells.map(str::parse).collect::<Result<Vec<f64>, _>>()?,
            )),
        };
        Ok((name.to_string(), column))
    });
    let columns = columns.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    Ok(RecordBatch::try_from_iter(columns)?)
}

/// The mean length of the petals of each species.
fn means(table: &RecordBatch) -> Result<String, Box<dyn Error>> {
    let column = |name| table.column_by_name(name).ok_or_else(|| format!("no column {name}"));
    let lengths = column("petal_length")?.as_primitive::<Float64Type>().values();
    let species = column("species")?.as_primitive::<UInt8Type>().values();
    let mut text = String::new();
    for wanted in 0..3 {
        let of: Vec<f64> = (lengths.iter().zip(species))
            .filter(|(_, species)| **species == wanted)
            .map(|(length, _)| *length)
            .collect();
        writeln!(text, "species {wanted}: {:.3} cm", of.iter().sum::<f64>() / of.len() as f64)?;
    }
    Ok(text)
}
