//! Structs of arrays come back through every container and every format, under our derives and under serde's.

use std::fmt::Debug;

use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_shm::{from_bytes, from_reader, to_bytes, to_writer};

use crate::roundtrip::cases::cases;
use crate::roundtrip::model::{ours, parts, theirs};

#[track_caller]
fn same<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let bytes = to_bytes(value).unwrap();
    assert_eq!(&from_bytes::<T>(&bytes).unwrap(), value, "through bytes");
    assert_eq!(*to_bytes(value).unwrap(), *bytes, "the same value gives the same bytes");
    let mut written = Vec::new();
    to_writer(&mut written, value).unwrap();
    assert_eq!(written, *bytes, "a writer gets what `to_bytes` gives");
    assert_eq!(&from_reader::<_, T>(&written[..]).unwrap(), value, "through a reader");
    let json = serde_json::to_string(value).unwrap();
    let from_json: T = serde_json::from_str(&json).unwrap();
    assert_eq!(&from_json, value, "through JSON");
    let again = to_bytes(&from_json).unwrap();
    assert_eq!(&from_bytes::<T>(&again).unwrap(), value, "through JSON and bytes");
}

#[cfg(target_os = "linux")]
#[track_caller]
fn same_in_segments<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    use std::sync::atomic::{AtomicU32, Ordering};

    use serde_shm::{Segment, SegmentOptions, from_shared, to_shared};

    static NEXT: AtomicU32 = AtomicU32::new(0);
    let segment = to_shared(value).unwrap();
    assert_eq!(&segment.get::<T>().unwrap(), value, "from the maker's own handle");
    assert_eq!(&from_shared::<T>(segment.id()).unwrap(), value, "by id");
    let name = format!("roundtrip-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let named = SegmentOptions::new().name(&name).create(value).unwrap();
    assert_eq!(&from_shared::<T>(&name).unwrap(), value, "by name");
    let opened = Segment::open(&name).unwrap();
    drop(named);
    assert_eq!(&opened.get::<T>().unwrap(), value, "after the maker's handle has gone");
    assert_eq!(opened.arrays().unwrap(), segment.arrays().unwrap());
}

#[cfg(feature = "npz")]
#[track_caller]
fn same_in_npz<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("object.npz");
    serde_shm::to_npz(&path, value).unwrap();
    assert_eq!(&serde_shm::from_npz::<T>(&path).unwrap(), value, "through an .npz file");
    let first = std::fs::read(&path).unwrap();
    serde_shm::to_npz(&path, value).unwrap();
    assert!(std::fs::read(&path).unwrap() == first, "the same value gives the same file");
}

proptest! {
    #![proptest_config(cases(32))]

    #[test]
    fn under_our_derives(parts in parts()) {
        same(&ours::model(parts));
    }

    #[test]
    fn under_serdes_derives(parts in parts()) {
        same(&theirs::model(parts));
    }

    #[test]
    fn each_reads_what_the_other_wrote(parts in parts()) {
        let (ours, theirs) = (ours::model(parts.clone()), theirs::model(parts));
        let bytes = to_bytes(&ours).unwrap();
        prop_assert_eq!(&from_bytes::<theirs::Model>(&bytes).unwrap(), &theirs);
        let bytes = to_bytes(&theirs).unwrap();
        prop_assert_eq!(&from_bytes::<ours::Model>(&bytes).unwrap(), &ours);
    }
}

#[cfg(target_os = "linux")]
proptest! {
    #![proptest_config(cases(16))]

    #[test]
    fn in_segments(parts in parts()) {
        same_in_segments(&ours::model(parts.clone()));
        same_in_segments(&theirs::model(parts));
    }
}

#[cfg(feature = "npz")]
proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn in_npz_files(parts in parts()) {
        same_in_npz(&ours::model(parts.clone()));
        same_in_npz(&theirs::model(parts));
    }
}

#[test]
fn bits_of_floats_are_kept() {
    use ndarray::Array1;
    use serde_shm::{ShmArray1, array};

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Floats {
        placed: Array1<f32>,
        handle: ShmArray1<f64>,
        #[serde(with = "array")]
        marked: Vec<f64>,
        inline: Vec<f64>,
    }
    let singles = [0x7fc0_0001, 0xff80_0001, 0x7f80_0001, 0x8000_0000, 1_u32];
    let doubles = [0x7ff8_dead_beef_0001, 0x7ff0_0000_0000_0001, 1 << 63, 1_u64];
    let wide: Vec<f64> = doubles.iter().map(|bits| f64::from_bits(*bits)).collect();
    let floats = Floats {
        placed: singles.iter().map(|bits| f32::from_bits(*bits)).collect(),
        handle: wide.clone().into(),
        marked: wide.clone(),
        inline: wide,
    };
    let back: Floats = from_bytes(&to_bytes(&floats).unwrap()).unwrap();
    assert_eq!(back.placed.iter().map(|n| n.to_bits()).collect::<Vec<_>>(), singles);
    for found in [&back.handle.to_vec(), &back.marked, &back.inline] {
        assert_eq!(found.iter().map(|n| n.to_bits()).collect::<Vec<_>>(), doubles);
    }
}

#[test]
fn an_array_is_read_as_a_vec_of_newtypes_or_options() {
    #[derive(serde::Deserialize, PartialEq, Debug)]
    struct Meters(f64);

    let array = |numbers: &[f64]| ndarray::Array1::from_vec(numbers.to_vec());
    let bytes = to_bytes(&[("data", array(&[1.0, 2.0]))]).unwrap();
    let newtypes: [(String, Vec<Meters>); 1] = from_bytes(&bytes).unwrap();
    assert_eq!(newtypes[0].1, [Meters(1.0), Meters(2.0)]);
    let options: [(String, Vec<Option<f64>>); 1] = from_bytes(&bytes).unwrap();
    assert_eq!(options[0].1, [Some(1.0), Some(2.0)]);
}

#[test]
fn rows_without_elements_come_back() {
    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Rows {
        #[shm_array]
        rows: Vec<[u8; 0]>,
    }
    let rows = Rows { rows: vec![[], [], []] };
    assert_eq!(from_bytes::<Rows>(&to_bytes(&rows).unwrap()).unwrap(), rows);
}

#[test]
fn an_array_without_rows_reads_back_from_json_with_its_shape() {
    // `[]` does not tell the axes after the first: they are read as zero, and written in the form that has them.

    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Empty {
        table: ndarray::Array2<f32>,
    }
    let empty = Empty { table: ndarray::Array2::zeros((0, 3)) };
    let json = serde_json::to_string(&empty).unwrap();
    assert_eq!(serde_json::from_str::<Empty>(&json).unwrap(), empty, "{json}");
    let bare = serde_json::from_str::<Empty>(r#"{"table":[]}"#).unwrap();
    assert_eq!(bare.table.dim(), (0, 0));
}
