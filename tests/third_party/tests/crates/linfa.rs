//! Models that were trained on real data predict the same when they have been through a container.

use linfa::DatasetBase;
use linfa::prelude::*;
use linfa_clustering::{GaussianMixtureModel, KMeans};
use linfa_linear::{FittedLinearRegression, LinearRegression};
use linfa_svm::Svm;

use crate::support::{arrays, through_all};

#[test]
fn k_means() {
    let data = DatasetBase::from(linfa_datasets::iris().records);
    let model = KMeans::params(3).fit(&data).unwrap();
    let expected = model.predict(&data.records);
    assert!(expected.iter().any(|class| *class != expected[0]));
    for back in through_all(&model) {
        assert_eq!(back.centroids(), model.centroids());
        assert_eq!(back.predict(&data.records), expected);
    }
    let placed = arrays(&model);
    assert!(placed.contains(&("centroids".to_owned(), vec![3, 4])), "{placed:?}");
}

#[test]
fn gaussian_mixture() {
    let data = DatasetBase::from(linfa_datasets::iris().records);
    let model = GaussianMixtureModel::params(3).fit(&data).unwrap();
    let expected = model.predict(&data.records);
    for back in through_all(&model) {
        assert_eq!(back, model);
        assert_eq!(back.predict(&data.records), expected);
    }
    let placed = arrays(&model);
    let covariances = ("covariances".to_owned(), vec![3, 4, 4]);
    assert!(placed.len() >= 4 && placed.contains(&covariances), "{placed:?}");
}

#[test]
fn linear_regression() {
    let data = linfa_datasets::diabetes();
    let model: FittedLinearRegression<f64> = LinearRegression::default().fit(&data).unwrap();
    let expected = model.predict(&data);
    for back in through_all(&model) {
        assert_eq!(back, model);
        assert_eq!(back.predict(&data), expected);
    }
    assert_eq!(arrays(&model), [("params".to_owned(), vec![10])]);
}

#[test]
fn support_vector_machine() {
    let data = linfa_datasets::iris().map_targets(|class| *class == 0);
    let model = Svm::<f64, bool>::params().gaussian_kernel(2.0).fit(&data).unwrap();
    let expected = model.predict(data.records());
    assert!(expected.iter().any(|class| *class) && expected.iter().any(|class| !class));
    for back in through_all(&model) {
        assert_eq!(back.predict(data.records()), expected);
        assert_eq!((back.alpha, back.rho), (model.alpha.clone(), model.rho));
    }
    assert!(!arrays(&model).is_empty());
}
