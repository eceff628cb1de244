//! Files that were damaged: each byte altered, each length cut.

use std::fs;

use serde_shm::{ErrorKind, Npz, from_npz, to_npz};
use tempfile::TempDir;

use crate::npz::foreign::{npy, write_zip};
use crate::npz::support::{Pair, folder, pair};

#[cfg(unix)]
#[test]
fn no_cut_and_no_altered_bit_gives_another_value() {
    use std::os::unix::fs::FileExt;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npz");
    to_npz(&path, &pair()).unwrap();
    let good = fs::read(&path).unwrap();
    // One byte is written in place: file systems flush a file that is cut to nothing and written anew.
    let file = fs::File::options().write(true).open(&path).unwrap();
    let mut unnoticed = 0;
    for at in 0..good.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            file.write_all_at(&[good[at] ^ mask], at as u64).unwrap();
            if let Ok(value) = from_npz::<Pair>(&path) {
                assert_eq!(value, pair(), "byte {at} with {mask:#04x}");
                unnoticed += 1;
            }
        }
        file.write_all_at(&good[at..=at], at as u64).unwrap();
    }
    // Dates, attributes and the like may change; they carry nothing.
    assert!(unnoticed * 5 < good.len() * 9, "{unnoticed} of {} are not noticed", good.len() * 9);
    for len in (0..good.len()).rev() {
        file.set_len(len as u64).unwrap();
        let error = from_npz::<Pair>(&path).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported),
            "{len}: {error}"
        );
    }
}

/// A small file of NumPy's or of the crate `zip`, whose headers and streams are others than ours.
#[test]
fn no_cut_and_no_altered_bit_of_a_foreign_file_gives_another_value() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let numbers: Vec<u8> = (0..100_i32).flat_map(i32::to_le_bytes).collect();
    let text: Vec<u8> = "two".chars().flat_map(|char| u32::from(char).to_le_bytes()).collect();
    write_zip(
        &path,
        &[("a.npy", &npy("<i4", "(100,)", &numbers)), ("text.npy", &npy("<U3", "()", &text))],
    );
    let good = fs::read(&path).unwrap();
    let read = |bytes: &[u8]| Npz::from_bytes(bytes).and_then(|file| file.get::<Pair>());
    let expected = read(&good).unwrap();
    assert_eq!((expected.a.len(), &*expected.text), (100, "two"));
    let mut unnoticed = 0;
    for at in 0..good.len() {
        for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut bad = good.clone();
            bad[at] ^= mask;
            if let Ok(value) = read(&bad) {
                assert_eq!(value, expected, "byte {at} with {mask:#04x}");
                unnoticed += 1;
            }
        }
    }
    assert!(unnoticed * 5 < good.len() * 9, "{unnoticed} of {} are not noticed", good.len() * 9);
    for len in 0..good.len() {
        let kind = read(&good[..len]).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::Corrupt, "{len}");
    }
}
