//! A model of candle's that is trained, saved, resumed and shared: `cargo run -p serde_shm_candle --example train`.
//!
//! A network learns to tell the three species of the iris data apart. After half of the steps its variables are saved as an `.npz` file,
//! which NumPy opens, too. A second network resumes there and ends with the same weights as the first. Then the weights are
//! published in shared memory, and another process makes a model of them and classifies all flowers.
#![cfg_attr(not(target_os = "linux"), allow(unused))]

use std::error::Error;
use std::path::Path;
use std::process::Command;

use candle_core::{D, DType, Device, Tensor};
use candle_nn::{Linear, Module, Optimizer, SGD, VarBuilder, VarMap, loss};
use serde_shm::Segment;
use serde_shm_candle::{Tensors, VarMapRef};

const STEPS: usize = 200;

struct Model {
    first: Linear,
    second: Linear,
}

impl Model {
    fn new(vars: &VarBuilder<'_>) -> candle_core::Result<Self> {
        let first = candle_nn::linear(4, 16, vars.pp("first"))?;
        Ok(Model { first, second: candle_nn::linear(16, 3, vars.pp("second"))? })
    }

    fn forward(&self, input: &Tensor) -> candle_core::Result<Tensor> {
        self.second.forward(&self.first.forward(input)?.relu()?)
    }

    fn train(
        &self,
        vars: &VarMap,
        steps: usize,
        (flowers, species): &(Tensor, Tensor),
    ) -> candle_core::Result<()> {
        let mut optimizer = SGD::new(vars.all_vars(), 0.1)?;
        for _ in 0..steps {
            optimizer.backward_step(&loss::cross_entropy(&self.forward(flowers)?, species)?)?;
        }
        Ok(())
    }

    fn correct(&self, (flowers, species): &(Tensor, Tensor)) -> candle_core::Result<u32> {
        let found = self.forward(flowers)?.argmax(D::Minus1)?;
        found.eq(species)?.to_dtype(DType::U32)?.sum_all()?.to_scalar()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (cpu, data) = (Device::Cpu, iris()?);
    if let Some(id) = std::env::args().nth(1) {
        let tensors: Tensors = Segment::open(&id)?.get()?;
        let model = Model::new(&tensors.var_builder(DType::F32, &cpu))?;
        println!("{}", model.correct(&data)?);
        return Ok(());
    }
    let vars = VarMap::new();
    let model = Model::new(&VarBuilder::from_varmap(&vars, DType::F32, &cpu))?;
    model.train(&vars, STEPS / 2, &data)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("checkpoint.npz");
    serde_shm::to_npz(&file, &VarMapRef(&vars))?;
    model.train(&vars, STEPS / 2, &data)?;

    let resumed = VarMap::new();
    let again = Model::new(&VarBuilder::from_varmap(&resumed, DType::F32, &cpu))?;
    serde_shm::from_npz::<Tensors>(&file)?.fill(&resumed)?;
    again.train(&resumed, STEPS / 2, &data)?;
    if serde_shm::to_bytes(&VarMapRef(&vars))? != serde_shm::to_bytes(&VarMapRef(&resumed))? {
        return Err("the network that was resumed has other weights".into());
    }
    println!("resumed   after {} of {STEPS} steps: the same weights", STEPS / 2);

    let segment = serde_shm::to_shared(&VarMapRef(&vars))?;
    let output = Command::new(std::env::current_exe()?).arg(segment.id()).output()?;
    let found = String::from_utf8(output.stdout)?;
    if !output.status.success() || found.trim() != model.correct(&data)?.to_string() {
        return Err(format!(
            "the other process: {found}{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    println!("shared    another process classified {} of 150 flowers right", found.trim());
    Ok(())
}

/// The flowers of `examples/data/iris.csv`, and their species.
fn iris() -> Result<(Tensor, Tensor), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let text = std::fs::read_to_string(path)?;
    let (mut flowers, mut species) = (Vec::<f32>::new(), Vec::new());
    for line in text.lines().filter(|line| !line.starts_with('#')).skip(1) {
        let (measures, number) = line.rsplit_once(',').ok_or("no species")?;
        for measure in measures.split(',') {
            flowers.push(measure.parse()?);
        }
        species.push(number.parse::<u32>()?);
    }
    let flowers = Tensor::from_vec(flowers, (species.len(), 4), &Device::Cpu)?;
    let mean = flowers.mean_keepdim(0)?;
    Ok((flowers.broadcast_sub(&mean)?, Tensor::new(species, &Device::Cpu)?))
}
