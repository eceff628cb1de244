//! What lies where in the file: members named by the arrays' places, at aligned offsets, zip64 where numbers need it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ndarray::{Array1, Ix1};
use serde_json::json;
use serde_shm::{ErrorKind, NpzOptions, ShmArray1, from_npz, to_npz};

use crate::npz::support::{WAYS, folder, opened, python, read};

type Map = BTreeMap<String, ShmArray1<u16>>;

/// A map with an array for each key: its number.
fn map<I: IntoIterator<Item = String>>(keys: I) -> Map {
    let numbered = keys.into_iter().zip(0_u16..);
    numbered.map(|(key, number)| (key, ShmArray1::from(vec![number]))).collect()
}

/// NumPy finds the arrays of a map under the paths that we say, aligned to so many bytes, and no others.
fn numpy_finds(path: &Path, map: &Map, align: usize) {
    let arrays = opened("open", path).unwrap().arrays().unwrap();
    assert_eq!(arrays.len(), map.len());
    let manifest: serde_json::Map<String, serde_json::Value> = arrays
        .iter()
        .zip(map.values())
        .map(|(info, array)| {
            let bytes: Vec<u8> = array.iter().flat_map(|item| item.to_le_bytes()).collect();
            let entry =
                json!({"dtype": "<u2", "shape": array.shape(), "fortran": false, "bytes": bytes});
            (info.path().to_owned(), entry)
        })
        .collect();
    assert_eq!(manifest.len(), map.len(), "two arrays have one path");
    let list = path.with_extension("json");
    fs::write(&list, serde_json::to_vec(&manifest).unwrap()).unwrap();
    python("check.py", &[&path, &list, &align.to_string()]);
}

#[test]
fn any_key_is_a_name_that_numpy_and_we_read_back() {
    let long = "x".repeat(100_000);
    let keys = [
        "",
        ".",
        "..",
        "...",
        "/",
        "a",
        "a.b",
        "a/b",
        "a\\b",
        "a%2Eb",
        "%",
        "%2E",
        "a~1",
        "~",
        "#0",
        ":",
        "C:",
        "con",
        "a.npy",
        ".npy",
        "__serde_shm__",
        "__serde_shm__.npy",
        "arr_0",
        "0",
        "00",
        " ",
        "a b\tc\nd\re\0f\u{7f}\u{85}\u{1b}[31m",
        "größe",
        "長さ",
        "🦀",
        "e\u{301}",
        "é",
        "\u{202e}abc",
        "\u{feff}",
        &long,
    ];
    let mut keys: BTreeSet<String> = keys.iter().map(|key| (*key).to_owned()).collect();
    // Long keys that begin alike, up to where names are cut.
    for end in ["1", "2", "~1", "ü"] {
        keys.insert(format!("{long}{end}"));
    }
    keys.insert("ü".repeat(50_000));
    keys.insert("長".repeat(40_000));
    let folder = folder();
    let path = folder.path().join("names.npz");
    let map = map(keys);
    to_npz(&path, &map).unwrap();
    assert_eq!(read::<Map>(&path).unwrap(), map);
    numpy_finds(&path, &map, 64);
    // Each array is found by the path that is said, and by no other array's.
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        for (info, expected) in file.arrays().unwrap().iter().zip(map.values()) {
            let name = info.path();
            assert!(!name.contains(['/', '\\', '\0', '\n', '\u{1b}']), "{name:?}");
            assert!(!name.contains(".."), "{name:?}");
            assert_eq!(file.array::<u16, Ix1>(name).unwrap(), expected.view(), "{name:?}");
        }
    }
}

#[test]
fn equal_paths_get_names_of_their_own() {
    // `1` and `"1"` are two keys and one path.
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
    #[serde(untagged)]
    enum Key {
        Number(u8),
        Text(String),
    }
    let map: BTreeMap<Key, ShmArray1<u8>> = [Key::Number(1), Key::Text("1".to_owned())]
        .into_iter()
        .zip([vec![1], vec![2]])
        .map(|(key, items)| (key, ShmArray1::from(items)))
        .collect();
    let folder = folder();
    let path = folder.path().join("equal.npz");
    to_npz(&path, &map).unwrap();
    assert_eq!(read::<BTreeMap<Key, ShmArray1<u8>>>(&path).unwrap(), map);
    let file = opened("open", &path).unwrap();
    let names: Vec<String> =
        file.arrays().unwrap().iter().map(|info| info.path().to_owned()).collect();
    assert_eq!(names, ["1", "1~1"]);
    assert_eq!(file.array::<u8, Ix1>("1~1").unwrap()[0], 2);
}

#[test]
fn stored_arrays_are_aligned_as_the_option_says() {
    let folder = folder();
    for align in [64, 256, 4096] {
        let path = folder.path().join(format!("{align}.npz"));
        let lens = [1, 0, 7, 31, 2000, 3, 70_000];
        let map: Map = lens
            .iter()
            .map(|&len| (format!("{}{len}", "k".repeat(len % 41)), vec![7; len].into()))
            .collect();
        NpzOptions::new().align(align).save(&path, &map).unwrap();
        assert_eq!(read::<Map>(&path).unwrap(), map);
        numpy_finds(&path, &map, align);
        // The elements lie so in the file: a mapping starts at a page.
        let file = opened("map", &path).unwrap();
        for info in file.arrays().unwrap() {
            let view = file.array::<u16, Ix1>(info.path()).unwrap();
            assert!(info.is_zero_copy());
            assert!(view.is_empty() || view.as_ptr().addr().is_multiple_of(align), "{align}");
        }
    }
    for align in [0, 1, 32, 100, 128, 8192, 1 << 20] {
        let path = folder.path().join("none.npz");
        let error = NpzOptions::new().align(align).save(&path, &1_u8).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&align.to_string()), "{error}");
        assert!(!path.exists());
    }
}

/// The zip64 records' magics, and the version that reading them takes.
fn has_zip64(bytes: &[u8]) -> bool {
    let magics = [b"PK\x06\x06", b"PK\x06\x07"];
    let version = |entry: &[u8]| entry.starts_with(b"PK\x01\x02") && entry[6] >= 45;
    bytes.windows(8).any(|at| magics.iter().any(|magic| at.starts_with(*magic)) || version(at))
}

#[test]
fn a_file_that_does_not_need_zip64_has_none() {
    let folder = folder();
    let path = folder.path().join("small.npz");
    to_npz(&path, &map(["a".to_owned(), "b".to_owned()])).unwrap();
    assert!(!has_zip64(&fs::read(&path).unwrap()));
    to_npz(&path, &Vec::<ShmArray1<u8>>::new()).unwrap();
    assert!(!has_zip64(&fs::read(&path).unwrap()));
}

#[test]
fn seventy_thousand_arrays() {
    let folder = folder();
    let path = folder.path().join("many.npz");
    // With the rest 65,534 members fit the old record, 65,535 are its mark for zip64, and more need it.
    let all: Vec<Array1<u32>> = (0..70_000_u32).map(|number| Array1::from(vec![number])).collect();
    for (count, zip64) in [(65_533, false), (65_534, true), (70_000, true)] {
        NpzOptions::new().fsync(false).save(&path, &all[..count]).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(has_zip64(&bytes[bytes.len() - 1024..]), zip64, "{count}");
    }
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        assert_eq!(file.array::<u32, Ix1>("69999").unwrap()[0], 69_999);
        assert_eq!(file.arrays().unwrap().len(), 70_000);
    }
    let back: Vec<Array1<u32>> = from_npz(&path).unwrap();
    assert_eq!(back, all);
    python("many.py", &[&path, &"70000"]);
}
