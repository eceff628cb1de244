//! One file with everything of a run: `cargo run -p serde_shm_zip --example report [FILE]`.
//!
//! The archive has the table as it came, a text, and the run's arrays. Any zip program opens it, NumPy reads the arrays, and this
//! program reads the object back.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_shm::{Deserialize, NpzOptions, Serialize};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Run {
    names: Vec<String>,
    table: Array2<f64>,
    #[shm_array]
    means: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).map(PathBuf::from);
    let path = path.unwrap_or_else(|| std::env::temp_dir().join("serde_shm_report.zip"));
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let csv = std::fs::read_to_string(csv)?;
    let run = run(&csv)?;

    let mut zip = ZipWriter::new(File::create(&path)?);
    zip.start_file("iris.csv", SimpleFileOptions::default())?;
    zip.write_all(csv.as_bytes())?;
    serde_shm_zip::write(&mut zip, "run", &run, &NpzOptions::new())?;
    zip.start_file("README.txt", SimpleFileOptions::default())?;
    zip.write_all(b"np.load of this file has run/table and run/means")?;
    zip.finish()?;

    let mut zip = ZipArchive::new(File::open(&path)?)?;
    let again: Run = serde_shm_zip::read(&mut zip, "run")?;
    let mut text = String::new();
    zip.by_name("iris.csv")?.read_to_string(&mut text)?;
    if again != run || text != csv {
        return Err("the archive has something else".into());
    }
    println!("{} files, {} rows, means {:.3?}", zip.len(), run.table.nrows(), run.means);
    Ok(())
}

fn run(csv: &str) -> Result<Run, Box<dyn Error>> {
    let mut lines = csv.lines().filter(|line| !line.starts_with('#'));
    let names: Vec<String> =
        lines.next().ok_or("no names")?.split(',').map(str::to_owned).collect();
    let numbers: Vec<f64> =
        lines.flat_map(|line| line.split(',')).map(str::parse).collect::<Result<_, _>>()?;
    let table = Array2::from_shape_vec((numbers.len() / names.len(), names.len()), numbers)?;
    let means =
        table.columns().into_iter().map(|column| column.sum() / table.nrows() as f64).collect();
    Ok(Run { names, table, means })
}
