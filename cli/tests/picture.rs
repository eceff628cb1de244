//! The picture of `inspect` in the READMEs is what the tool writes. `SERDE_SHM_PICTURES=write` draws it anew.

use std::collections::BTreeMap;

use anstyle_svg::Term;
use ndarray::{Array1, Array2};
use serde::Serialize;
use serde_shm::{ShmArray1, ShmArray2};

use crate::support::{Folder, tool};

#[derive(Serialize)]
struct Checkpoint {
    epoch: u32,
    optimizer: Option<String>,
    layers: BTreeMap<String, Layer>,
    losses: ShmArray1<f64>,
}

#[derive(Serialize)]
struct Layer {
    weight: ShmArray2<f32>,
    bias: ShmArray1<f32>,
}

/// Numbers that are spread as a bell is, the same each time: sums of digits of a sequence without a pattern.
fn bell(seed: u32) -> impl FnMut() -> f32 {
    let mut state = seed;
    move || {
        let mut sum = 0.0;
        for _ in 0..6 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sum += (state >> 8) as f32 / (1 << 24) as f32 - 0.5;
        }
        sum / 4.0
    }
}

fn checkpoint() -> Checkpoint {
    let layer = |seed, rows, columns| {
        let mut bell = bell(seed);
        let weight = Array2::from_shape_simple_fn((rows, columns), &mut bell).into();
        Layer { weight, bias: Array1::from_elem(columns, 0.0).into() }
    };
    let mut losses = Array1::from_iter((0..200_u32).map(|step| (-f64::from(step) / 50.0).exp()));
    losses[17] = f64::NAN;
    Checkpoint {
        epoch: 12,
        optimizer: Some("adam".to_owned()),
        layers: [("in", layer(1, 784, 128)), ("out", layer(2, 128, 10))]
            .map(|(name, layer)| (name.to_owned(), layer))
            .into(),
        losses: losses.into(),
    }
}

#[test]
fn the_picture_of_inspect_is_what_the_tool_writes() {
    let folder = Folder::new();
    serde_shm::to_npz(folder.path("checkpoint.npz"), &checkpoint()).unwrap();
    let mut command = tool();
    command.args(["inspect", "checkpoint.npz", "--color", "always", "--width", "96"]);
    let output = command.current_dir(folder.path("")).output().unwrap();
    assert!(output.status.success());
    let screen = format!(
        "$ serde-shm inspect checkpoint.npz\n{}",
        String::from_utf8(output.stdout).unwrap()
    );
    for (theme, ink, paper) in
        [("light", (36, 41, 47), (255, 255, 255)), ("dark", (230, 237, 243), (13, 17, 23))]
    {
        let color = |(red, green, blue)| anstyle::RgbColor(red, green, blue).into();
        let drawn = Term::new().fg_color(color(ink)).bg_color(color(paper)).render_svg(&screen);
        let path = format!("{}/../docs/pictures/inspect-{theme}.svg", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("SERDE_SHM_PICTURES").is_some() {
            std::fs::write(&path, &drawn).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            there == drawn,
            "the tool writes something else than {path} shows: SERDE_SHM_PICTURES=write cargo test -p serde-shm-cli picture"
        );
    }
}
