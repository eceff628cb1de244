//! Saving is all or nothing: the file that was there stays until the new one is whole.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Array1, Array2, ArrayView2};
use serde::Serialize;
use serde_shm::{Compression, ErrorKind, NpzOptions, ShmArray1, from_npz, to_npz};
use tempfile::TempDir;

use crate::npz::support::{Pair, names, pair};

/// An array, then an error.
struct Fails;

impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeTuple};
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&ShmArray1::from(vec![7_u8; 1_000_000]))?;
        Err(S::Error::custom("out of luck"))
    }
}

#[test]
fn a_save_that_fails_leaves_the_old_file_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npz");
    to_npz(&path, &pair()).unwrap();
    let before = fs::read(&path).unwrap();
    let error = to_npz(&path, &Fails).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Message);
    assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(&folder), ["a.npz"]);

    let kind = |path: &Path| to_npz(path, &pair()).unwrap_err().kind();
    assert_eq!(kind(&folder.path().join("none").join("b.npz")), ErrorKind::NotFound);
    assert_eq!(kind(folder.path()), ErrorKind::InvalidInput);
    assert_eq!(kind(Path::new("/dev/null")), ErrorKind::InvalidInput);
    assert_eq!(kind(Path::new("/")), ErrorKind::InvalidInput);
    assert_eq!(from_npz::<Pair>(folder.path().join("c")).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(names(&folder), ["a.npz"]);
}

/// An object of several arrays.
fn several() -> (String, Array2<f32>, Vec<ShmArray1<u8>>) {
    ("several".to_owned(), Array2::ones((100, 3)), vec![ShmArray1::from(vec![7; 100]); 3])
}

#[test]
fn the_same_object_gives_the_same_file_and_any_name_will_do() {
    let folder = TempDir::new().unwrap();
    let (first, second) = (folder.path().join("a"), folder.path().join("ü".repeat(127)));
    to_npz(&first, &several()).unwrap();
    to_npz(&second, &several()).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
}

#[cfg(unix)]
#[test]
fn the_mode_is_kept_and_a_new_file_follows_the_umask() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mode = |name: &str| fs::metadata(at(name)).unwrap().permissions().mode() & 0o7777;
    fs::write(at("plain"), b"").unwrap();
    to_npz(at("a.npz"), &pair()).unwrap();
    assert_eq!(mode("a.npz"), mode("plain"));
    for kept in [0o640, 0o600, 0o666, 0o444] {
        fs::set_permissions(at("a.npz"), fs::Permissions::from_mode(kept)).unwrap();
        to_npz(at("a.npz"), &pair()).unwrap();
        assert_eq!(mode("a.npz"), kept);
    }
    // A link is replaced, as `rename` does it, and what it points at is not touched.
    fs::write(at("target"), b"kept").unwrap();
    symlink("target", at("link")).unwrap();
    to_npz(at("link"), &pair()).unwrap();
    assert_eq!(fs::read(at("target")).unwrap(), b"kept");
    assert!(fs::symlink_metadata(at("link")).unwrap().is_file());
    assert_eq!(from_npz::<Pair>(at("link")).unwrap(), pair());
}

#[test]
fn a_loaded_object_outlives_its_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npz");
    to_npz(&path, &ShmArray1::from(vec![1_u64; 100_000])).unwrap();
    let old: ShmArray1<u64> = from_npz(&path).unwrap();
    assert_eq!(old.as_ptr().addr() % 64, 0);
    to_npz(&path, &ShmArray1::from(vec![2_u64; 100_000])).unwrap();
    let new: ShmArray1<u64> = from_npz(&path).unwrap();
    to_npz(&path, &new).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(old.iter().all(|&item| item == 1) && new.iter().all(|&item| item == 2));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_replaced() {
    use std::os::unix::fs::{FileTypeExt, symlink};
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let pipe = at("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    for (link, target) in [("to-pipe", "pipe"), ("to-folder", "folder"), ("to-null", "/dev/null")] {
        symlink(target, at(link)).unwrap();
    }
    let before = names(&folder);
    for name in &before {
        let error = to_npz(at(name), &pair()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
        assert!(error.to_string().contains(name.as_str()), "{error}");
    }
    assert_eq!(names(&folder), before);
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    // A link to nothing is replaced like any other.
    symlink("nothing", at("dangling")).unwrap();
    to_npz(at("dangling"), &pair()).unwrap();
    assert_eq!(from_npz::<Pair>(at("dangling")).unwrap(), pair());
    assert!(!at("nothing").exists());
    for bad in ["", ".", "..", "a/..", "none/a.npz"] {
        let kind = to_npz(at(bad), &pair()).unwrap_err().kind();
        assert!(matches!(kind, ErrorKind::InvalidInput | ErrorKind::NotFound), "{bad}: {kind:?}");
    }
    let long = at(&"n".repeat(256));
    assert!(to_npz(&long, &pair()).is_err());
    let longest = at(&"n".repeat(255));
    to_npz(&longest, &pair()).unwrap();
    assert_eq!(from_npz::<Pair>(&longest).unwrap(), pair());
    assert!(names(&folder).iter().all(|name| !name.contains(".tmp")));
}

/// What progress says of a save, each call.
fn progress<T: Serialize + ?Sized>(
    path: &Path,
    compression: Compression,
    value: &T,
) -> Vec<(u64, u64)> {
    let calls = Mutex::new(Vec::new());
    NpzOptions::new()
        .compression(compression)
        .fsync(false)
        .progress(|done, all| calls.lock().unwrap().push((done, all)))
        .save(path, value)
        .unwrap();
    let calls = calls.into_inner().unwrap();
    let (done, all) = *calls.last().expect("it was not called");
    assert_eq!(done, all);
    assert!(calls.is_sorted(), "{calls:?}");
    assert!(calls.iter().all(|call| call.1 == all), "{calls:?}");
    calls
}

/// An element that serde writes as a number or as text.
#[derive(Clone)]
enum Mixed {
    Number(f64),
    Text,
}

impl Serialize for Mixed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Mixed::Number(number) => serializer.serialize_f64(*number),
            Mixed::Text => serializer.serialize_str("none"),
        }
    }
}

#[test]
fn progress_counts_each_byte_of_arrays_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npz");
    let none = Compression::None;
    let square = Array2::from_shape_fn((3000, 1000), |(row, column)| (row ^ column) as f64);
    #[derive(Serialize)]
    struct Plain<'a> {
        // Serde's own derive: element by element.
        whole: &'a Array2<f64>,
        #[serde(with = "serde_shm::array")]
        strided: ArrayView2<'a, f64>,
        #[serde(with = "serde_shm::array")]
        small: Vec<u8>,
        text: &'a str,
    }
    let value = Plain {
        whole: &square,
        strided: square.slice(ndarray::s![..;2, ..;3]),
        small: vec![1; 10],
        text: "not counted",
    };
    let all = (square.len() * 8 + value.strided.len() * 8 + 10) as u64;
    for compression in [Compression::None, Compression::Deflate(1)] {
        let calls = progress(&path, compression, &value);
        assert_eq!(calls[0].1, all);
        assert!(calls.len() > 2 && calls[0].0 < all, "{calls:?}");
    }
    // One array that is compressed in pieces moves the bar, too.
    let large = ShmArray1::from((0..8 << 20).map(|item: i32| item / 1000).collect::<Vec<_>>());
    let calls = progress(&path, Compression::Deflate(1), &large);
    assert!(calls.len() >= 4 && calls.iter().all(|call| call.1 == 32 << 20), "{calls:?}");
    // No arrays at all, and only empty ones.
    assert_eq!(progress(&path, none, "text").last(), Some(&(0, 0)));
    assert_eq!(progress(&path, none, &ShmArray1::from(Vec::<f32>::new())).last(), Some(&(0, 0)));
    // What was begun as an array and turned out to be none is not counted: the bar does not stand full and wait.
    let mut mixed = vec![Mixed::Number(1.0); 500_000];
    mixed.push(Mixed::Text);
    let rest = ShmArray1::from(vec![0_u8; 40 << 20]);
    let calls = progress(&path, none, &(Array1::from(mixed), &rest));
    assert_eq!(calls[0].1, 40 << 20);
    let full = calls.iter().filter(|call| call.0 == call.1).count();
    assert_eq!(full, 1, "{calls:?}");
    let steps: Vec<u64> = calls.iter().map(|call| call.0).collect();
    assert!(
        steps.contains(&(16 << 20)) || steps.contains(&(20 << 20)) || steps.len() > 3,
        "{steps:?}"
    );
}

#[test]
fn a_save_that_fails_says_so_to_no_progress_bar() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npz");
    let is_called = AtomicBool::new(false);
    let options = NpzOptions::new().progress(|_, _| is_called.store(true, Relaxed));
    let error = options.save(&path, &Fails).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Message);
    assert!(!is_called.load(Relaxed), "it fails when it is counted");
    assert_eq!(names(&folder), [""; 0]);
}

/// A value whose `Serialize` panics after an array.
struct Panics;

impl Serialize for Panics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element(&ShmArray1::from(vec![7_u8; 1_000_000]))?;
        panic!("a bug of the value's")
    }
}

#[test]
fn a_value_that_panics_leaves_the_old_file_and_nothing_else() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.npz");
    to_npz(&path, &pair()).unwrap();
    let caught = std::panic::catch_unwind(|| to_npz(&path, &Panics));
    assert!(caught.is_err());
    assert_eq!(from_npz::<Pair>(&path).unwrap(), pair());
    assert_eq!(names(&folder), ["a.npz"]);
}
