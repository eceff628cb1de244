//! Linear algebra on shared memory: `cargo run -p serde_shm_programs --example nalgebra`.
//!
//! A matrix of nalgebra's lies in a segment, in its own order, column by column. Another process borrows it as a view and computes the
//! principal axes of the iris data where the matrix lies. A row-major array is the same memory read as its transpose.

use std::error::Error;
use std::path::Path;

use nalgebra::{DMatrix, DMatrixView, SymmetricEigen};
use ndarray::Array2;
use serde_shm::{Deserialize, Segment, Serialize, ShmArray2};

#[derive(Serialize)]
struct Flowers {
    #[shm_array]
    columns: DMatrix<f64>,
    rows: Array2<f64>,
}

#[derive(Deserialize)]
struct FlowersView<'a> {
    #[shm_array]
    columns: DMatrixView<'a, f64>,
    rows: ShmArray2<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let rows = iris()?;
    let columns = DMatrix::from_row_iterator(rows.nrows(), 4, rows.iter().copied());
    let segment = serde_shm::to_shared(&Flowers { columns, rows })?;

    let shared = Segment::open(segment.id())?; // in another process, by the id that it was told
    let flowers: FlowersView<'_> = shared.get()?;
    let first = axes(&flowers.columns);
    // ndarray's rows are nalgebra's columns: the slice is the transpose, and `tr_mul` and the like need no other.
    let items = flowers.rows.as_slice().ok_or("not contiguous")?;
    let transposed = DMatrixView::from_slice(items, 4, flowers.rows.nrows());
    assert_eq!(transposed.as_ptr(), flowers.rows.as_ptr(), "nothing was copied");
    let second = axes(&transposed.transpose().as_view());
    if (&first - &second).amax() > 1e-12 {
        return Err("the two forms have other axes".into());
    }
    println!("{} flowers, shares of their axes {:.3?}", flowers.columns.nrows(), first.as_slice());
    Ok(())
}

/// Which share of the variance each principal axis has, the largest first.
fn axes(table: &DMatrixView<'_, f64>) -> DMatrix<f64> {
    let mut centred = table.clone_owned();
    for mut column in centred.column_iter_mut() {
        let mean = column.mean();
        column.add_scalar_mut(-mean);
    }
    let mut values = SymmetricEigen::new(centred.tr_mul(&centred)).eigenvalues;
    values.as_mut_slice().sort_by(|a, b| b.total_cmp(a));
    let sum = values.sum();
    DMatrix::from_iterator(values.len(), 1, values.iter().map(|value| value / sum))
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
