//! Whatever lies about as a container, in tests/data and in the seeds of the fuzzer, is a value or an error; what is one is
//! copied to every other container, and typed readers see no difference.

use std::fs;
use std::path::{Path, PathBuf};

use serde_shm::{
    AlignedBytes, Block, Compression, ErrorKind, Npz, NpzOptions, Segment, Value, from_bytes,
    to_bytes, to_shared,
};

use crate::value::any::paths_lead_to_arrays;
use crate::value::rebuilt::{Rebuilt, same};

/// The files of a folder of this checkout, with their contents.
fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = crate::support::root().join(folder);
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.is_file()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The bytes of a copy, which is the same out of every container.
#[track_caller]
fn copied(value: &Value, what: &str) -> AlignedBytes {
    let bytes = to_bytes(value).unwrap();
    let block = Block::new(bytes.clone()).unwrap();
    let back = block.value().unwrap();
    assert!(same(&back, value), "{what}: {back:#} of {value:#}");
    assert!(to_bytes(&back).unwrap() == bytes, "{what}");
    assert!(same(&Rebuilt::of(|walk| block.walk(walk)), value), "{what}");
    paths_lead_to_arrays(value, &block.arrays().unwrap());

    let segment = to_shared(value).unwrap();
    let opened = Segment::open(segment.id()).unwrap();
    assert!(same(&opened.value().unwrap(), value), "{what}");

    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Deflate(6)] {
        let path = folder.path().join("a.npz");
        let options = NpzOptions::new().compression(compression).fsync(false);
        options.save(&path, &opened.value().unwrap()).unwrap();
        let back = Npz::open(&path).unwrap().value().unwrap();
        assert!(same(&back, value), "{what}: {back:#} of {value:#}");
        assert!(to_bytes(&back).unwrap() == bytes, "{what}");
    }
    bytes
}

/// Whether the header has the version that is written now, or none of the tables of an older one.
fn is_current(bytes: &[u8]) -> bool {
    bytes[8..10] == [3, 0]
}

fn block(path: &Path, content: &[u8]) -> Option<(Value, AlignedBytes)> {
    let name = path.display().to_string();
    let block = match Block::new(AlignedBytes::copy_from(content)) {
        Ok(block) => block,
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Version), "{error}");
            return None;
        }
    };
    match block.value() {
        Ok(value) => {
            paths_lead_to_arrays(&value, &block.arrays().unwrap());
            let bytes = copied(&value, &name);
            Some((value, bytes))
        }
        Err(error) => {
            assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Limit), "{error}");
            None
        }
    }
}

#[test]
fn blocks_and_archives_that_are_kept_for_ever() {
    let mut found = 0;
    for (path, content) in files("tests/data") {
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.extension().is_some_and(|end| end == "block") {
            let (value, bytes) = block(&path, &content).unwrap();
            if is_current(&content) {
                assert!(*bytes == *content, "{name} is {value:#}");
            }
        } else if path.extension().is_some_and(|end| end == "npz") {
            let value = Npz::open(&path).unwrap().value().unwrap();
            copied(&value, name);
        } else {
            continue;
        }
        found += 1;
    }
    assert!(found >= 11, "{found}");
    // One object by six ways.
    let values = [
        "evolution1.block",
        "evolution2.block",
        "evolution3.block",
        "evolution1.npz",
        "evolution2.npz",
        "evolution3.npz",
    ];
    let values = values.map(|name| {
        let path = crate::support::root().join("tests/data").join(name);
        if name.ends_with("npz") {
            return Npz::open(&path).unwrap().value().unwrap();
        }
        from_bytes(&AlignedBytes::copy_from(&fs::read(&path).unwrap())).unwrap()
    });
    for value in &values {
        assert!(same(value, &values[0]), "{value:#} is not {:#}", values[0]);
    }
}

#[test]
fn seeds_that_are_blocks() {
    let mut found = 0;
    for (path, content) in files("fuzz/seeds/from_bytes") {
        let Some((value, bytes)) = block(&path, &content) else { continue };
        found += 1;
        // An address in it has schemas of another form.
        if is_current(&content) && !value.to_string().contains("address") {
            assert!(*bytes == *content, "{} is {value:#}", path.display());
        }
    }
    assert!(found >= 6, "{found}");
    // Behind the block stand bytes that are put into live memory.
    for (path, content) in files("fuzz/seeds/segment") {
        let count = usize::from(content[content.len() - 1]);
        let content = &content[..content.len() - 1 - 4 * count];
        let value = Block::new(AlignedBytes::copy_from(content)).and_then(|block| block.value());
        // Without its memory a live array is none.
        match value {
            Ok(value) => drop(copied(&value, &path.display().to_string())),
            Err(error) => assert!(error.to_string().contains("not here"), "{error}"),
        }
    }
    // Seeds of other things are none.
    for target in ["round_trip", "foreign", "names", "npy_header", "numpy_differential", "npz"] {
        for (path, content) in files(&format!("fuzz/seeds/{target}")) {
            assert!(block(&path, &content).is_none(), "{}", path.display());
        }
    }
}

#[test]
fn seeds_that_are_archives() {
    for (path, content) in files("fuzz/seeds/npz") {
        let file = Npz::from_bytes(content).unwrap();
        match file.value() {
            Ok(value) => {
                assert!(same(&Rebuilt::of(|walk| file.walk(walk)), &value));
                copied(&value, &path.display().to_string());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
        }
    }
}

/// What may be anything is read by the fuzzer's types.
#[cfg(all(feature = "half", feature = "complex"))]
#[test]
fn types_of_seeds_see_no_difference() {
    use crate::anything::{Arrays, Rich};
    use serde::de::DeserializeOwned;

    #[track_caller]
    fn check<T: serde::Serialize + DeserializeOwned>(name: &str) {
        let path = crate::support::root().join("fuzz/seeds/from_bytes").join(name);
        let block = Block::new(AlignedBytes::copy_from(&fs::read(path).unwrap())).unwrap();
        let typed: T = block.get().unwrap();
        let again: T = from_bytes(&to_bytes(&block.value().unwrap()).unwrap()).unwrap();
        assert!(to_bytes(&again).unwrap() == to_bytes(&typed).unwrap());
    }
    check::<Rich>("rich");
    check::<Arrays>("arrays");
}
