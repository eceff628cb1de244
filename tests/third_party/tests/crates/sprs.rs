//! Sparse matrices: their parts are plain `Vec`s, which stay inline.

use sprs::{CsMat, CsVec, TriMat};

use crate::support::check;

#[test]
fn sparse_matrices_and_vectors() {
    let mut triplets = TriMat::new((100, 80));
    for n in 0..60 {
        triplets.add_triplet(n, (7 * n) % 80, n as f64 / 3.0);
    }
    let rows: CsMat<f64> = triplets.to_csr();
    check(&rows, &[]);
    check(&rows.to_csc(), &[]);
    check(&CsVec::new(10, vec![1, 5], vec![0.5_f32, 1.5]), &[]);
}
