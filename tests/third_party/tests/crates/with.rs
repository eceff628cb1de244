//! `serde_with`, around arrays and for the rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_shm::AsArray;
use serde_with::{DisplayFromStr, DurationSeconds, serde_as};

use crate::support::check;

#[serde_as]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Signals {
    #[serde_as(as = "Vec<AsArray>")]
    channels: Vec<Vec<f32>>,
    #[serde_as(as = "Option<AsArray>")]
    window: Option<[f64; 4]>,
    #[serde_as(as = "BTreeMap<_, AsArray>")]
    by_name: BTreeMap<String, Vec<[u8; 3]>>,
    #[serde_as(as = "(DisplayFromStr, AsArray)")]
    pair: (u32, Box<[i16]>),
    #[serde_as(as = "DurationSeconds<u64>")]
    took: std::time::Duration,
}

#[test]
fn as_array() {
    let signals = Signals {
        channels: vec![vec![1.0, 2.0], vec![]],
        window: Some([1.0; 4]),
        by_name: [("k".to_owned(), vec![[1, 2, 3]])].into(),
        pair: (7, [1, -1].into()),
        took: std::time::Duration::from_secs(9),
    };
    check(
        &signals,
        &[
            ("channels.0", &[2]),
            ("channels.1", &[0]),
            ("window", &[4]),
            ("by_name.k", &[1, 3]),
            ("pair.1", &[2]),
        ],
    );
}
