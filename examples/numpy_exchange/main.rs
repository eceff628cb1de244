//! A file of NumPy's in, a file for NumPy out.
//!
//! ```sh
//! python3 examples/numpy_exchange/write.py given.npz
//! cargo run --release --example numpy_exchange -- given.npz answer.npz
//! python3 examples/numpy_exchange/check.py given.npz answer.npz
//! ```

use std::collections::BTreeMap;
use std::process::exit;

use ndarray::{Array0, Array1, Array2, Axis};
use serde_shm::{Deserialize, Npz, Serialize, from_npz, to_npz};

/// What `write.py` saved: each field is the array of its name, or a group of them.
#[derive(Deserialize)]
struct Given {
    name: String,
    samples: Array2<f32>,
    columns: Vec<String>,
    #[shm_array]
    valid: Vec<bool>,
    settings: Settings,
    layers: Vec<Layer>,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Deserialize)]
struct Settings {
    rate: f64,
    rounds: u32,
}

#[derive(Deserialize)]
struct Layer {
    weight: Array2<f64>,
    bias: Array1<f64>,
}

/// What `check.py` finds: `predictions`, `used`, and `means.NAME` for each column.
#[derive(Serialize)]
struct Answer {
    predictions: Array1<f64>,
    #[shm_array]
    used: Vec<bool>,
    means: BTreeMap<String, Array0<f32>>,
}

fn answer(given: Given) -> Answer {
    let mut values = given.samples.mapv(f64::from);
    let last = given.layers.len() - 1;
    for (number, layer) in given.layers.iter().enumerate() {
        values = values.dot(&layer.weight) + &layer.bias;
        if number < last {
            values.mapv_inplace(f64::tanh);
        }
    }
    let rows: Vec<usize> = (0..given.valid.len()).filter(|&row| given.valid[row]).collect();
    let means = given.samples.select(Axis(0), &rows).mean_axis(Axis(0)).unwrap_or_default();
    Answer {
        predictions: values.index_axis_move(Axis(1), 0),
        used: given.valid,
        means: given
            .columns
            .into_iter()
            .zip(means.iter().map(|&mean| Array0::from_elem((), mean)))
            .collect(),
    }
}

fn run(given: &str, out: &str) -> serde_shm::Result<()> {
    for array in Npz::open(given)?.arrays()? {
        println!("{:18} {:6} {:?}", array.path(), array.dtype().to_string(), array.shape());
    }
    let given: Given = from_npz(given)?;
    println!(
        "{}: rate {}, {} rounds, comment {:?}",
        given.name, given.settings.rate, given.settings.rounds, given.comment
    );
    to_npz(out, &answer(given))
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [given, out] = &args[..] else {
        eprintln!(
            "numpy_exchange: expected two paths, of the file to read and of the one to write"
        );
        exit(2);
    };
    if let Err(error) = run(given, out) {
        eprintln!("numpy_exchange: {error:#}");
        exit(1);
    }
}
