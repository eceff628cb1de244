//! Matrices: placed where they are marked, inline where they are not.

use nalgebra::{DMatrix, DMatrixView, DVector, Matrix3xX, Matrix4x2, RowDVector, SMatrix, Vector3};
use serde_shm::{Deserialize, Serialize};

use crate::support::check;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Marked {
    #[shm_array]
    matrix: DMatrix<f64>,
    #[shm_array]
    vector: DVector<f32>,
    #[shm_array]
    row: RowDVector<i32>,
    #[shm_array]
    fixed: SMatrix<u8, 2, 3>,
    #[shm_array]
    point: Vector3<f32>,
    #[shm_array]
    points: Matrix3xX<f32>,
    #[shm_array]
    many: Vec<Option<DMatrix<i16>>>,
}

fn marked() -> Marked {
    Marked {
        matrix: DMatrix::from_fn(3, 2, |i, j| (10 * i + j) as f64),
        vector: DVector::from_vec(vec![1.0, 2.0]),
        row: RowDVector::from_vec(vec![3, 4, 5]),
        fixed: SMatrix::from_fn(|i, j| (10 * i + j) as u8),
        point: Vector3::new(1.0, 2.0, 3.0),
        points: Matrix3xX::from_fn(4, |i, j| (10 * i + j) as f32),
        many: vec![None, Some(DMatrix::zeros(0, 3)), Some(DMatrix::from_element(2, 2, 7))],
    }
}

#[test]
fn marked_matrices_are_placed() {
    check(
        &marked(),
        &[
            ("matrix", &[3, 2]),
            ("vector", &[2]),
            ("row", &[1, 3]),
            ("fixed", &[2, 3]),
            ("point", &[3]),
            ("points", &[3, 4]),
            ("many.1", &[0, 3]),
            ("many.2", &[2, 2]),
        ],
    );
    let json = serde_json::to_string(&marked()).unwrap();
    assert!(
        json.starts_with(r#"{"matrix":[[0.0,1.0],[10.0,11.0],[20.0,21.0]],"vector":[1.0,2.0]"#),
        "{json}"
    );
    assert_eq!(serde_json::from_str::<Marked>(&json).unwrap().matrix, marked().matrix);
}

#[test]
fn views_of_matrices() {
    #[derive(Deserialize)]
    struct View<'a> {
        #[serde(borrow)]
        #[shm_array]
        matrix: DMatrixView<'a, f64>,
        #[shm_array]
        fixed: ndarray::ArrayView2<'a, u8>,
    }
    let block = serde_shm::to_bytes(&marked()).unwrap();
    let view: View<'_> = serde_shm::from_bytes(&block).unwrap();
    assert_eq!(view.matrix, marked().matrix);
    assert!(block.as_ptr_range().contains(&view.matrix.as_ptr().cast()));
    assert_eq!(view.fixed, ndarray::array![[0, 1, 2], [10, 11, 12]]);
    // A part of a matrix is packed as it is written; C order is turned when a matrix is read, and is no view.
    #[derive(Serialize)]
    struct Part<'a> {
        #[shm_array]
        matrix: nalgebra::MatrixView<
            'a,
            f64,
            nalgebra::Dyn,
            nalgebra::Dyn,
            nalgebra::U1,
            nalgebra::Dyn,
        >,
    }
    #[derive(Serialize, Deserialize, Debug)]
    struct Whole {
        #[shm_array]
        matrix: DMatrix<f64>,
    }
    let large = DMatrix::from_fn(700, 300, |i, j| (1000 * i + j) as f64);
    let part = large.view((5, 7), (600, 200));
    let block = serde_shm::to_bytes(&Part { matrix: part }).unwrap();
    assert_eq!(serde_shm::from_bytes::<Whole>(&block).unwrap().matrix, part);
    #[derive(Serialize)]
    struct Rows {
        matrix: ndarray::Array2<f64>,
    }
    let block =
        serde_shm::to_bytes(&Rows { matrix: ndarray::array![[1.0, 2.0], [3.0, 4.0]] }).unwrap();
    let whole: Whole = serde_shm::from_bytes(&block).unwrap();
    assert_eq!(whole.matrix, DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 3.0, 4.0]));
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        #[serde(borrow)]
        #[shm_array]
        #[allow(dead_code)]
        matrix: DMatrixView<'a, f64>,
    }
    let error = serde_shm::from_bytes::<Borrowed<'_>>(&block).map(drop).unwrap_err();
    assert!(error.to_string().contains("it is in C order"), "{error}");
    #[derive(Deserialize)]
    struct Fixed {
        #[shm_array]
        #[allow(dead_code)]
        matrix: Matrix4x2<f64>,
    }
    let error = serde_shm::from_bytes::<Fixed>(&block).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "matrix: expected an array of shape [4, 2], found shape [2, 2]");
}

#[test]
fn unmarked_matrices_are_inline() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Unmarked {
        matrix: DMatrix<f64>,
        fixed: Matrix4x2<u8>,
        turn: nalgebra::UnitQuaternion<f32>,
        place: nalgebra::Isometry3<f64>,
    }
    let place = nalgebra::Isometry3::translation(1.0, 2.0, 3.0);
    let turn = nalgebra::UnitQuaternion::identity();
    check(
        &Unmarked {
            matrix: marked().matrix,
            fixed: Matrix4x2::from_fn(|i, j| (i + j) as u8),
            turn,
            place,
        },
        &[],
    );
}
