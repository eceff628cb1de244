//! A model of burn's in a file and in shared memory: `cargo run -p serde_shm_burn --example burn_iris`.
//!
//! The model puts a flower to the species whose mean is nearest, by one matrix product. Its record is saved with the recorder, loaded
//! again, and published in shared memory, where another process makes the model of it.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

use std::error::Error;
use std::path::Path;
use std::process::Command;

use burn_core as burn;
use burn_core::module::{Module, Param};
use burn_core::record::{FullPrecisionSettings, Record};
use burn_core::tensor::{Tensor, TensorData, backend::Backend};
use burn_ndarray::{NdArray, NdArrayDevice};
use serde_shm::Segment;
use serde_shm_burn::{NpzRecorder, from_arrays, to_arrays};

type Cpu = NdArray<f32>;
type Settings = FullPrecisionSettings;

#[derive(Module, Debug)]
struct Nearest<B: Backend> {
    /// The means of the species, one a column.
    means: Param<Tensor<B, 2>>,
    /// Half of the square of each mean's length.
    squares: Param<Tensor<B, 2>>,
}

impl Nearest<Cpu> {
    fn new(means: &[f32]) -> Self {
        let device = NdArrayDevice::default();
        let means = Tensor::<Cpu, 2>::from_data(TensorData::new(means.to_vec(), [3, 4]), &device);
        let squares = means.clone().powi_scalar(2).sum_dim(1).div_scalar(2.0).transpose();
        Nearest {
            means: Param::from_tensor(means.transpose()),
            squares: Param::from_tensor(squares),
        }
    }

    fn right(&self, flowers: &[f32], species: &[usize]) -> usize {
        let device = NdArrayDevice::default();
        let data = TensorData::new(flowers.to_vec(), [species.len(), 4]);
        let scores = Tensor::<Cpu, 2>::from_data(data, &device).matmul(self.means.val());
        let found = scores.sub(self.squares.val()).argmax(1).into_data();
        found
            .iter::<i64>()
            .zip(species)
            .filter(|(found, species)| usize::try_from(*found) == Ok(**species))
            .count()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let device = NdArrayDevice::default();
    let (flowers, species) = iris()?;
    if let Some(id) = std::env::args().nth(1) {
        let item = from_arrays(Segment::open(&id)?.value()?)?;
        let record = Record::<Cpu>::from_item::<Settings>(item, &device);
        println!("{}", Nearest::new(&[0.0; 12]).load_record(record).right(&flowers, &species));
        return Ok(());
    }
    let mut means = [0.0; 12];
    for (flower, species) in flowers.chunks(4).zip(&species) {
        for (mean, measure) in means[4 * species..].iter_mut().zip(flower) {
            *mean += measure / 50.0;
        }
    }
    let model = Nearest::new(&means);
    let folder = tempfile::tempdir()?;
    let (file, recorder) = (folder.path().join("nearest.npz"), NpzRecorder::<Settings>::default());
    model.clone().save_file(&file, &recorder)?;
    let again = Nearest::new(&[0.0; 12]).load_file(&file, &recorder, &device)?;
    let right = again.right(&flowers, &species);

    let item = again.into_record().into_item::<Settings>();
    let segment = serde_shm::to_shared(&to_arrays(&item)?)?;
    let output = Command::new(std::env::current_exe()?).arg(segment.id()).output()?;
    let found = String::from_utf8(output.stdout)?;
    if !output.status.success() || found.trim() != right.to_string() {
        return Err(format!(
            "the other process: {found}{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    println!("two processes put {right} of {} flowers to their species", species.len());
    Ok(())
}

/// The flowers of `examples/data/iris.csv`, and their species.
fn iris() -> Result<(Vec<f32>, Vec<usize>), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let text = std::fs::read_to_string(path)?;
    let (mut flowers, mut species) = (Vec::<f32>::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let (measures, number) = line.rsplit_once(',').ok_or("no species")?;
        for measure in measures.split(',') {
            flowers.push(measure.parse()?);
        }
        species.push(number.parse()?);
    }
    Ok((flowers, species))
}
