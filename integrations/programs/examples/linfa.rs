//! Models of linfa on shared data: `cargo run -p serde_shm_programs --example linfa`.
//!
//! linfa 0.8 has ndarray 0.16, and this crate 0.17. A slice belongs to neither: a view of one version becomes a view of the other without
//! a copy. The model itself goes into a file as it is, by serde: its arrays are found in ndarray's own form and placed. Another
//! process reads it, sees the same flowers in shared memory, and puts each into the same cluster.

use std::error::Error;
use std::path::Path;
use std::process::Command;

use linfa::DatasetBase;
use linfa::traits::{Fit, Predict};
use linfa_clustering::KMeans;
use linfa_nn::distance::L2Dist;
use ndarray::{Array2, ArrayView2};
use serde_shm::{Segment, ShmArray2};

type Model = KMeans<f64, L2Dist>;

/// The same elements as a view of ndarray 0.16. Those of a view that is not in row-major order would have to be copied.
fn view16<'a>(
    view: &ArrayView2<'a, f64>,
) -> Result<ndarray16::ArrayView2<'a, f64>, Box<dyn Error>> {
    let items = view.to_slice().ok_or("not in row-major order: copy it by `as_standard_layout`")?;
    Ok(ndarray16::ArrayView2::from_shape(view.dim(), items)?)
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [id, file] = &args[..] {
        let (flowers, model): (ShmArray2<f64>, Model) =
            (Segment::open(id)?.get()?, serde_shm::from_npz(file)?);
        print!("{}", sizes(&flowers, &model)?);
        return Ok(());
    }
    let segment = serde_shm::to_shared(&ShmArray2::from(iris()?))?;
    let flowers: ShmArray2<f64> = segment.get()?;
    let view = view16(&flowers.view())?;
    assert_eq!(view.as_ptr(), flowers.as_ptr(), "nothing was copied");
    let model = KMeans::params(3).n_runs(10).fit(&DatasetBase::from(view))?;

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("clusters.npz");
    serde_shm::to_npz(&file, &model)?; // np.load(file)["centroids"]
    let output = Command::new(std::env::current_exe()?).arg(segment.id()).arg(&file).output()?;
    let found = String::from_utf8(output.stdout)?;
    if !output.status.success() || found != sizes(&flowers, &model)? {
        return Err(format!(
            "the other process: {found}{}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    print!("{} flowers, seen by two processes\n{found}", flowers.nrows());
    Ok(())
}

/// How many flowers each cluster has.
fn sizes(flowers: &ShmArray2<f64>, model: &Model) -> Result<String, Box<dyn Error>> {
    let clusters = model.predict(&view16(&flowers.view())?);
    let mut counts = [0; 3];
    clusters.iter().for_each(|cluster| counts[*cluster] += 1);
    counts.sort_unstable();
    Ok(format!("clusters of {counts:?}\n"))
}

/// The measures of `examples/data/iris.csv`, without the species.
fn iris() -> Result<Array2<f64>, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let numbers: Vec<f64> =
        lines.flat_map(|line| line.split(',').take(4)).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Array2::from_shape_vec((numbers.len() / 4, 4), numbers)?)
}
