//! What it costs to read a file: bytes that are read, pages that are touched, memory that is taken.

use std::collections::BTreeMap;
use std::fs;
#[cfg(target_os = "linux")]
use std::fs::File;
#[cfg(target_os = "linux")]
use std::io::Read;

#[cfg(target_os = "linux")]
use ndarray::Ix1;
use ndarray::{Array1, Array2, Ix2};
use serde_shm::{ErrorKind, Npz, from_npz, to_npz};
#[cfg(target_os = "linux")]
use serde_shm::{NpzOptions, ShmArray1};

use crate::npz::support::{folder, read};
#[cfg(target_os = "linux")]
use crate::npz::support::{opened, python};
use crate::support::memory;

/// The bytes that this thread read by system calls.
#[cfg(target_os = "linux")]
fn read_so_far() -> u64 {
    let mut text = String::new();
    File::open("/proc/thread-self/io").unwrap().read_to_string(&mut text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap();
    line.parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn to_list_arrays_or_read_one_reads_no_more_of_a_large_file() {
    const LARGE: usize = 8 << 20;
    let folder = folder();
    let path = folder.path().join("large.npz");
    let large = ShmArray1::from(vec![1_u64; LARGE / 8]);
    let mut arrays: BTreeMap<String, ShmArray1<u64>> =
        (0..8).map(|number| (format!("large{number}"), large.clone())).collect();
    arrays.insert("small".to_owned(), vec![7; 1000].into());
    NpzOptions::new().fsync(false).save(&path, &arrays).unwrap();
    let foreign = folder.path().join("foreign.npz");
    let mut paths = vec![path.clone()];
    if python("rewrite.py", &[&path, &foreign, &"stored"]) {
        paths.push(foreign);
    }
    let cost = |act: &mut dyn FnMut()| {
        let before = read_so_far();
        act();
        // What it takes to look is counted with it.
        read_so_far() - before
    };
    for path in paths {
        let mut file = None;
        assert!(cost(&mut || file = Some(Npz::open(&path).unwrap())) < 32 << 10);
        let file = file.unwrap();
        assert!(cost(&mut || assert!(file.arrays().unwrap().len() >= 9)) < 64 << 10);
        let small = || file.array::<u64, Ix1>("small").unwrap().len();
        assert!(cost(&mut || assert_eq!(small(), 1000)) < 32 << 10);
        let one = || file.array::<u64, Ix1>("large3").unwrap().len();
        let read = cost(&mut || assert_eq!(one(), LARGE / 8));
        assert!((LARGE as u64..LARGE as u64 + (32 << 10)).contains(&read), "{read}");
        assert!(cost(&mut || assert_eq!(one(), LARGE / 8)) < 4096, "it is kept");
    }
}

/// In a file that this crate wrote, nothing but the elements that are asked for is looked at in the mapping.
#[cfg(target_os = "linux")]
#[test]
fn no_page_of_a_mapped_file_is_touched_until_its_elements_are() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays: BTreeMap<String, ShmArray1<f32>> =
        (0..16).map(|number| (format!("a{number}"), vec![1.5; 1 << 16].into())).collect();
    to_npz(&path, &arrays).unwrap();
    let resident = || {
        let maps = fs::read_to_string("/proc/self/smaps").unwrap();
        let (_, ours) = maps.split_once(path.to_str().unwrap()).expect("it is mapped");
        let line = ours.lines().find_map(|line| line.strip_prefix("Rss:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    let file = opened("map", &path).unwrap();
    let views: BTreeMap<String, ShmArray1<f32>> = file.get().unwrap();
    assert!(file.arrays().unwrap().iter().all(serde_shm::ArrayInfo::is_zero_copy));
    let one = file.array::<f32, Ix1>("a3").unwrap();
    assert_eq!((resident(), views.len(), one.len()), (0, 16, 1 << 16));
    assert_eq!(one[0] + views["a15"][5], 3.0);
    assert!(resident() > 0);
}

/// A checkpoint is resumed with room for the model, and not for two of them.
#[test]
fn owned_arrays_are_read_to_where_they_stay() {
    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Owned {
        weights: Array2<f32>,
        columns: Array2<f64>,
        #[shm_array]
        ids: Vec<[u16; 4]>,
        flags: Array1<bool>,
        small: Array1<i64>,
        empty: Array2<u8>,
    }
    let value = Owned {
        weights: Array2::from_shape_fn((1000, 1001), |(row, column)| (row * column) as f32),
        columns: Array2::from_shape_fn((700, 500), |(row, column)| (row ^ column) as f64)
            .reversed_axes(),
        ids: (0..60_000).map(|id| [7, id, 0, 1]).collect(),
        flags: (0..400_000).map(|bit| bit % 3 == 0).collect(),
        small: (0..10).collect(),
        empty: Array2::zeros((0, 5)),
    };
    let folder = folder();
    let path = folder.path().join("a.npz");
    to_npz(&path, &value).unwrap();
    let size = fs::metadata(&path).unwrap().len() as usize;
    assert_eq!(read::<Owned>(&path).unwrap(), value);
    let (found, peak) = memory::peak(|| from_npz::<Owned>(&path).unwrap());
    assert_eq!(found, value);
    // The bools are loaded and then copied.
    assert!(peak < size + (2 << 20), "{peak} for {size} bytes");
    let file = Npz::open(&path).unwrap();
    assert_eq!(file.get::<Owned>().unwrap(), value);
    assert_eq!(file.get::<Owned>().unwrap(), value);
    assert_eq!(file.array::<f32, Ix2>("weights").unwrap(), value.weights);
    assert_eq!(file.get::<Owned>().unwrap(), value);
    // A type that does not fit is an error as ever, and a wider one gets what it asks for.
    #[derive(serde_shm::Deserialize, Debug)]
    struct Other {
        #[allow(dead_code)]
        weights: Array2<f64>,
    }
    let error = from_npz::<Other>(&path).unwrap_err().to_string();
    assert!(error.contains("weights: expected f64, found f32 (shape [1000, 1001])"), "{error}");
    // Any byte that was altered is seen.
    let good = fs::read(&path).unwrap();
    let place = good.windows(8).position(|bytes| bytes == [0, 0, 0, 0, 0, 0, 0x80, 0x3f]).unwrap();
    for at in [place, place + 3_000_000, place + 3_900_000] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let error = from_npz::<Owned>(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("checksum"), "{error}");
    }
    fs::write(&path, &good[..3_000_000]).unwrap();
    assert_eq!(from_npz::<Owned>(&path).unwrap_err().kind(), ErrorKind::Corrupt);
}
