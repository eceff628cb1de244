//! A file that `npyz` writes becomes shared memory: `cargo run -p serde_shm_npyz --example table`.
//!
//! The iris data are written as an `.npy` file by `npyz`, number by number. Read in bulk, the array goes into a segment, where any number
//! of processes see it; here its columns' means are taken there. Then the array goes back to an `.npy` file, byte by byte the same.

use std::error::Error;
use std::path::Path;

use npyz::{NpyFile, WriterBuilder};
use serde_shm::{Segment, ShmArray2};

fn main() -> Result<(), Box<dyn Error>> {
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let csv = std::fs::read_to_string(csv)?;
    let lines: Vec<&str> = csv.lines().filter(|line| !line.starts_with('#')).skip(1).collect();
    let mut file = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&[lines.len() as u64, 5]);
    let mut writer = options.writer(&mut file).begin_nd()?;
    for cell in lines.iter().flat_map(|line| line.split(',')) {
        writer.push(&cell.parse::<f64>()?)?;
    }
    writer.finish()?;

    let table = serde_shm_npyz::read(NpyFile::new(&file[..])?)?;
    let segment = serde_shm::to_shared(&table)?;
    let shared: ShmArray2<f64> = Segment::open(segment.id())?.get()?;
    let means: Vec<f64> =
        shared.columns().into_iter().map(|column| column.sum() / shared.nrows() as f64).collect();
    if serde_shm_npyz::write(&shared.clone().into(), Vec::new())? != file {
        return Err("the file has other bytes".into());
    }
    println!("{} rows, means {means:.3?}", shared.nrows());
    Ok(())
}
