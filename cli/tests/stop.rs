//! Ctrl-C in the middle of long work.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_shm::{Compression, NpzOptions, Segment, ShmArray1};

use crate::support::{Folder, Removed, Running, name, ok};

/// An array that takes long to compress and to decompress.
fn slow() -> ShmArray1<u32> {
    let mut state = 1_u32;
    let next = |at: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        at / 16 + (state >> 26)
    };
    (0..24 << 20).map(next).collect::<Vec<u32>>().into()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs the tool until it handles Ctrl-C and `is_amid` holds, and interrupts it there. What it said, and its exit code.
fn stopped(args: &[&str], is_amid: impl Fn() -> bool) -> (String, Option<i32>) {
    let mut tool = Running::new(args);
    let began = Instant::now();
    while !(tool.listens() && is_amid()) {
        assert!(began.elapsed() < Duration::from_secs(60), "{args:?} does not come to it");
        std::thread::sleep(Duration::from_millis(1));
    }
    tool.interrupt();
    let asked = Instant::now();
    let end = tool.end();
    assert!(asked.elapsed() < Duration::from_secs(20), "{args:?} goes on");
    end
}

#[test]
fn a_copy_that_is_stopped_leaves_what_was_there() {
    let folder = Folder::new();
    let (source, copy) = (folder.text("a.npz"), folder.text("b.npz"));
    NpzOptions::new().fsync(false).save(&source, &slow()).unwrap();
    serde_shm::to_npz(&copy, "old").unwrap();
    let is_amid = || names(folder.path("a.npz").parent().unwrap()).len() > 2;
    let (said, code) = stopped(&["cp", &source, &copy, "--compress=9"], is_amid);
    assert_eq!(code, Some(130), "{said}");
    assert_eq!(serde_shm::from_npz::<String>(&copy).unwrap(), "old");
    assert_eq!(names(folder.path("a.npz").parent().unwrap()), ["a.npz", "b.npz"]);
}

#[test]
fn a_copy_into_a_segment_that_is_stopped_makes_none() {
    let folder = Folder::new();
    let source = folder.text("a.npz");
    let compression = Compression::Deflate(1);
    NpzOptions::new().fsync(false).compression(compression).save(&source, &slow()).unwrap();
    let segment = Removed(name("stopped"));
    let (said, code) = stopped(&["cp", &source, &segment.0], || true);
    assert_eq!(code, Some(130), "{said}");
    assert!(Segment::open(&segment.0).is_err());
    ok(["cp", &source, &segment.0]);
    assert!(Segment::open(&segment.0).unwrap().get::<ShmArray1<u32>>().unwrap() == slow());
}

#[test]
fn a_verification_that_is_stopped_says_nothing_of_damage() {
    let folder = Folder::new();
    let source = folder.text("a.npz");
    let compression = Compression::Deflate(1);
    NpzOptions::new().fsync(false).compression(compression).save(&source, &slow()).unwrap();
    let (said, code) = stopped(&["verify", &source], || true);
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains("damaged") && !said.contains("whole"), "{said}");
}

/// A tensor that must be copied into another order is written in pieces.
#[test]
fn a_conversion_is_stopped_within_a_tensor() {
    let folder = Folder::new();
    let (source, made) = (folder.text("f.block"), folder.text("m.safetensors"));
    let columns = ndarray::Array2::<u32>::from_shape_fn((1 << 12, 1 << 13), |(row, column)| {
        (row ^ column) as u32
    });
    let array = serde_shm::ShmArray2::from(columns.reversed_axes());
    std::fs::write(&source, serde_shm::to_bytes(&[array]).unwrap()).unwrap();
    std::fs::write(&made, "old").unwrap();
    let (said, code) = stopped(&["convert", &source, &made], || true);
    assert_eq!((code, said.as_str()), (Some(130), ""));
    assert_eq!(std::fs::read_to_string(&made).unwrap(), "old");
    assert_eq!(names(folder.path("f.block").parent().unwrap()), ["f.block", "m.safetensors"]);
    // Whole, it has the elements row by row.
    ok(["convert", &source, &made]);
    let bytes = std::fs::read(&made).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = file.tensor("0").unwrap();
    assert_eq!(tensor.shape(), [1 << 13, 1 << 12]);
    let numbers =
        tensor.data().chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()));
    assert!(
        numbers
            .enumerate()
            .all(|(place, number)| number as usize == (place >> 12) ^ (place & 0xfff))
    );
}
