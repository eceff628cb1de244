//! Training that is stopped and resumed: a network learns the iris data and saves a checkpoint at each epoch. It is
//! killed midway, started again on the file that it left, and ends with the weights of a run that nobody stopped.
//!
//! ```sh
//! cargo run --release --example checkpoint                          # the whole story
//! cargo run --release --example checkpoint -- model.npz 300         # train up to 300 epochs, or go on from the file
//! python3 -c 'import numpy; print(numpy.load("model.npz")["hidden.weight"])'
//! ```

use std::error::Error;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, exit};
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, Axis};
use serde_shm::{Deserialize, ErrorKind, NpzOptions, Serialize, from_npz};

const EPOCHS: u32 = 300;
/// The epoch after which the run is killed.
const KILLED_AFTER: u32 = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Layer {
    weight: Array2<f64>,
    bias: Array1<f64>,
    weight_velocity: Array2<f64>,
    bias_velocity: Array1<f64>,
}

/// All that training needs to go on: a checkpoint is this value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Training {
    epoch: u32,
    loss: f64,
    hidden: Layer,
    output: Layer,
}

struct Iris {
    features: Array2<f64>,
    /// A row for each flower with a 1 for its species.
    species: Array2<f64>,
}

fn iris() -> Result<Iris, Box<dyn Error>> {
    let (mut values, mut kinds) = (Vec::new(), Vec::new());
    // Behind a comment and the names of the columns.
    for line in include_str!("data/iris.csv").lines().skip(2) {
        let (sizes, kind) = line.rsplit_once(',').ok_or("a flower without a species")?;
        for size in sizes.split(',') {
            values.push(size.parse::<f64>()?);
        }
        kinds.push(kind.parse::<usize>()?);
    }
    let mut features = Array2::from_shape_vec((kinds.len(), 4), values)?;
    for mut column in features.columns_mut() {
        let (mean, deviation) = (column.mean().unwrap_or(0.0), column.std(0.0));
        column.mapv_inplace(|value| (value - mean) / deviation);
    }
    let mut species = Array2::zeros((kinds.len(), 3));
    for (row, kind) in kinds.into_iter().enumerate() {
        species[[row, kind]] = 1.0;
    }
    Ok(Iris { features, species })
}

impl Layer {
    /// Small weights that are the same in each run.
    fn new(inputs: usize, outputs: usize, seed: u32) -> Self {
        let mut state = seed;
        let weight = Array2::from_shape_simple_fn((inputs, outputs), || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state) / f64::from(u32::MAX) - 0.5
        });
        Layer {
            weight_velocity: Array2::zeros(weight.dim()),
            bias: Array1::zeros(outputs),
            bias_velocity: Array1::zeros(outputs),
            weight,
        }
    }

    fn forward(&self, input: &Array2<f64>) -> Array2<f64> {
        input.dot(&self.weight) + &self.bias
    }

    /// Gradient descent with momentum.
    fn step(&mut self, input: &Array2<f64>, gradient: &Array2<f64>) {
        const RATE: f64 = 0.1;
        const MOMENTUM: f64 = 0.9;
        self.weight_velocity = &self.weight_velocity * MOMENTUM - input.t().dot(gradient) * RATE;
        self.bias_velocity = &self.bias_velocity * MOMENTUM - gradient.sum_axis(Axis(0)) * RATE;
        self.weight += &self.weight_velocity;
        self.bias += &self.bias_velocity;
    }
}

impl Training {
    fn new() -> Self {
        Training {
            epoch: 0,
            loss: f64::INFINITY,
            hidden: Layer::new(4, 8, 1),
            output: Layer::new(8, 3, 2),
        }
    }

    /// The hidden values, and how likely each species is.
    fn predict(&self, features: &Array2<f64>) -> (Array2<f64>, Array2<f64>) {
        let hidden = self.hidden.forward(features).mapv_into(f64::tanh);
        let mut likely = self.output.forward(&hidden);
        for mut row in likely.rows_mut() {
            let most = row.fold(f64::NEG_INFINITY, |most, &value| most.max(value));
            row.mapv_inplace(|value| (value - most).exp());
            let sum = row.sum();
            row /= sum;
        }
        (hidden, likely)
    }

    fn epoch(&mut self, data: &Iris) {
        let flowers = data.features.nrows() as f64;
        let (hidden, likely) = self.predict(&data.features);
        self.loss = -(&data.species * &likely.mapv(f64::ln)).sum() / flowers;
        let error = (likely - &data.species) / flowers;
        let hidden_error = error.dot(&self.output.weight.t()) * hidden.mapv(|h| 1.0 - h * h);
        self.output.step(&hidden, &error);
        self.hidden.step(&data.features, &hidden_error);
        self.epoch += 1;
    }

    fn right(&self, data: &Iris) -> usize {
        let best = |row: ndarray::ArrayView1<'_, f64>| {
            (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]))
        };
        let (_, likely) = self.predict(&data.features);
        let pairs = likely.rows().into_iter().zip(data.species.rows());
        pairs.filter(|(guess, truth)| best(guess.view()) == best(truth.view())).count()
    }
}

/// One line of a terminal that says how far a save is. An `Fn(u64, u64)` that returns `ControlFlow` could also stop it.
fn show(done: u64, all: u64) {
    eprint!("\r  saved {done} of {all} bytes\x1b[K{}", if done == all { "\r\x1b[K" } else { "" });
}

/// Goes on from the checkpoint, or starts if there is none, and saves each epoch.
fn train(file: &Path, epochs: u32) -> Result<Training, Box<dyn Error>> {
    let data = iris()?;
    let mut training = match from_npz::<Training>(file) {
        Ok(training) => {
            println!("  goes on from epoch {}", training.epoch);
            training
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Training::new(),
        Err(error) => return Err(error.into()),
    };
    // The file is replaced in one step at each save: who reads it, or starts after a kill, finds a whole epoch.
    let mut options = NpzOptions::new().fsync(false);
    if std::io::stderr().is_terminal() {
        options = options.progress(show);
    }
    while training.epoch < epochs {
        training.epoch(&data);
        options.save(file, &training)?;
    }
    Ok(training)
}

/// Starts a run in another process and kills it once it is past `KILLED_AFTER`; gives the epoch that it left.
fn killed_run(file: &Path) -> Result<u32, Box<dyn Error>> {
    let mut child =
        Command::new(std::env::current_exe()?).arg(file).arg(u32::MAX.to_string()).spawn()?;
    let start = Instant::now();
    // The file is read while the other process replaces it, time and again.
    while !matches!(from_npz::<Training>(file), Ok(seen) if seen.epoch >= KILLED_AFTER) {
        if child.try_wait()?.is_some() || start.elapsed() > Duration::from_secs(60) {
            child.kill()?;
            return Err("the run that was to be killed made no progress".into());
        }
    }
    child.kill()?;
    child.wait()?;
    Ok(from_npz::<Training>(file)?.epoch)
}

fn story() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("serde_shm-checkpoint-{}", std::process::id()));
    std::fs::create_dir(&folder)?;
    let file = folder.join("iris.npz");
    println!("a run that is killed");
    let left = killed_run(&file)?;
    println!("  left epoch {left}");
    let epochs = EPOCHS.max(left + 50);
    println!("a run that resumes it, up to epoch {epochs}");
    let resumed = train(&file, epochs)?;
    println!("a run that nobody stops");
    let whole = train(&folder.join("whole.npz"), epochs)?;
    let data = iris()?;
    println!(
        "loss {:.4}, {} of {} flowers right, {} bytes in the file",
        resumed.loss,
        resumed.right(&data),
        data.features.nrows(),
        std::fs::metadata(&file)?.len()
    );
    let mut left: Vec<_> = std::fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<_, _>>()?;
    left.sort();
    std::fs::remove_dir_all(&folder)?;
    if resumed != whole {
        return Err("the resumed run ends with other weights".into());
    }
    if left != ["iris.npz", "whole.npz"] {
        return Err(format!("the killed run left a file: {left:?}").into());
    }
    println!("the weights are the same, bit for bit");
    Ok(())
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match &args[..] {
        [] => story(),
        [file, epochs] => epochs
            .parse()
            .map_err(Into::into)
            .and_then(|epochs| train(Path::new(file), epochs))
            .map(|training| println!("epoch {}: loss {:.4}", training.epoch, training.loss)),
        _ => Err("expected no arguments, or FILE EPOCHS".into()),
    };
    if let Err(error) = result {
        eprintln!("checkpoint: {error:#}");
        exit(1);
    }
}
