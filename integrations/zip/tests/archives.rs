//! Objects in archives that hold other files, too: every way in and out, and what is refused.
#![allow(missing_docs)]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use std::io::{Cursor, Read, Write};
use std::process::Command;

use ndarray::{Array2, Ix1, Ix2, ShapeBuilder};
use serde_shm::{Compression, Deserialize, ErrorKind, NpzOptions, Serialize, ShmArray1, ShmArray2};
use serde_shm_zip::{block, open, read, write, write_block};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Model {
    name: String,
    rows: ShmArray2<f32>,
    columns: Array2<i64>,
    #[shm_array]
    mask: Vec<bool>,
    layers: Vec<ShmArray1<u16>>,
}

fn model(len: usize) -> Model {
    Model {
        name: format!("of {len}"),
        rows: Array2::from_shape_fn((len, 3), |(i, j)| (3 * i + j) as f32).into(),
        columns: Array2::from_shape_fn((len, 2).f(), |(i, j)| (2 * i + j) as i64),
        mask: (0..len).map(|n| n % 3 == 0).collect(),
        layers: vec![vec![7; len].into(), vec![8; 2 * len].into()],
    }
}

type Zip = ZipWriter<Cursor<Vec<u8>>>;

fn add(zip: &mut Zip, name: &str, text: &str) {
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    zip.write_all(text.as_bytes()).unwrap();
}

fn text(zip: &mut ZipArchive<Cursor<Vec<u8>>>, name: &str) -> String {
    let mut text = String::new();
    zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
    text
}

#[test]
fn objects_come_back_beside_other_files() {
    let deflate = NpzOptions::new().compression(Compression::Deflate(6));
    for options in [NpzOptions::new(), deflate] {
        for len in [0, 1, 20_000] {
            let mut zip = Zip::new(Cursor::new(Vec::new()));
            add(&mut zip, "README.txt", "first");
            for folder in ["one", "two/deep", "two/deep/", ""] {
                if folder != "two/deep/" {
                    write(&mut zip, folder, &model(len), &options).unwrap();
                }
                add(&mut zip, &format!("{len}{}.txt", folder.len()), folder);
            }
            write_block(&mut zip, "model.block", &model(len)).unwrap();
            add(&mut zip, "last.txt", "last");

            let mut zip = ZipArchive::new(zip.finish().unwrap()).unwrap();
            for folder in ["one", "one/", "two/deep"] {
                assert_eq!(read::<_, Model>(&mut zip, folder).unwrap(), model(len));
                let handle = open(&mut zip, folder).unwrap();
                assert_eq!(handle.array::<i64, Ix2>("columns").unwrap(), model(len).columns);
                assert_eq!(handle.array::<u16, Ix1>("layers.1").unwrap().len(), 2 * len);
                assert_eq!(handle.others().unwrap().len(), 0);
            }
            // The root has all files, of which those of its own object come first by their names.
            assert_eq!(read::<_, Model>(&mut zip, "").unwrap(), model(len));
            let block = block(&mut zip, "model.block").unwrap();
            let found: Model = block.get().unwrap();
            assert_eq!(found, model(len));
            let within = block.as_ref().as_ptr_range();
            assert!(
                len == 0 || within.contains(&found.rows.as_ptr().cast()),
                "no copy of the block"
            );
            assert_eq!(
                (text(&mut zip, "README.txt"), text(&mut zip, "last.txt")),
                ("first".into(), "last".into())
            );
        }
    }
}

/// What is stored can be seen in a mapped file, in this archive and in the folder that is taken out of it.
#[test]
fn stored_arrays_lie_aligned_and_compressed_ones_stay_compressed() {
    let mut zip = Zip::new(Cursor::new(Vec::new()));
    add(&mut zip, "odd", "abc");
    write(&mut zip, "m", &model(1000), &NpzOptions::new()).unwrap();
    let small = NpzOptions::new().compression(Compression::Deflate(6));
    write(&mut zip, "small", &model(1000), &small).unwrap();
    write_block(&mut zip, "model.block", &model(1000)).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let mut zip = ZipArchive::new(Cursor::new(bytes.clone())).unwrap();
    for name in ["m/rows.npy", "m/layers.1.npy", "model.block"] {
        let file = zip.by_name(name).unwrap();
        assert_eq!(
            (file.compression(), file.data_start().unwrap() % 64),
            (CompressionMethod::Stored, 0)
        );
    }
    let file = zip.by_name("small/rows.npy").unwrap();
    assert!(
        file.compression() == CompressionMethod::Deflated
            && file.compressed_size() < file.size() / 2
    );
    drop(file);
    assert!(
        open(&mut zip, "m")
            .unwrap()
            .arrays()
            .unwrap()
            .iter()
            .all(serde_shm::ArrayInfo::is_zero_copy)
    );

    // The block is there, where it lies in the archive.
    let start = zip.by_name("model.block").unwrap().data_start().unwrap() as usize;
    let len = zip.by_name("model.block").unwrap().size() as usize;
    let found = serde_shm::from_bytes::<Model>(&bytes[start..start + len]).unwrap();
    assert_eq!(found, model(1000));
}

#[test]
fn numpy_reads_the_arrays_and_its_own_are_read() {
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        eprintln!("SKIPPED: SERDE_SHM_PYTHON, the path of a Python with NumPy, is not set");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours.zip", "theirs.zip"].map(|name| folder.path().join(name));
    let mut zip = Zip::new(Cursor::new(Vec::new()));
    write(&mut zip, "model", &model(10), &NpzOptions::new()).unwrap();
    std::fs::write(&ours, zip.finish().unwrap().into_inner()).unwrap();
    let script = "
import sys, zipfile, numpy as np
found = np.load(sys.argv[1])
assert found['model/rows'].sum() == 435 and found['model/columns'].flags.f_contiguous
with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.writestr('notes.txt', 'a note')
    for name in ['name', 'rows', 'columns', 'mask', 'layers.0', 'layers.1']:
        with archive.open('theirs/' + name + '.npy', 'w') as file:
            np.save(file, 'of 10' if name == 'name' else found['model/' + name])
";
    let output = Command::new(python).args(["-c", script]).args([&ours, &theirs]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut zip = ZipArchive::new(std::fs::File::open(theirs).unwrap()).unwrap();
    assert_eq!(read::<_, Model>(&mut zip, "theirs").unwrap(), model(10));
}

#[test]
fn what_is_not_there_or_no_name_is_said() {
    let mut zip = Zip::new(Cursor::new(Vec::new()));
    for folder in ["/a", "a//b", "../a", "a/./b", "a\\b", "a\0"] {
        let error = write(&mut zip, folder, &1, &NpzOptions::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{folder}");
        assert!(error.to_string().contains("like `models/7`"), "{error}");
    }
    write(&mut zip, "a", &model(1), &NpzOptions::new()).unwrap();
    let error = write(&mut zip, "a", &model(1), &NpzOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    add(&mut zip, "empty/", "");
    add(&mut zip, "no.block", "not a block");
    let mut zip = ZipArchive::new(zip.finish().unwrap()).unwrap();
    for folder in ["b", "empty", "a/rows"] {
        let error = open(&mut zip, folder).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{folder}");
        assert!(error.to_string().contains("it has `a/"), "{error}");
    }
    let error = block(&mut zip, "model.block").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert_eq!(block(&mut zip, "no.block").unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(read::<_, Vec<u8>>(&mut zip, "a").unwrap_err().kind(), ErrorKind::Mismatch);
}

/// Each byte of a small archive is altered, and what comes of it is an error or the object.
#[test]
fn altered_archives_are_refused() {
    let mut zip = Zip::new(Cursor::new(Vec::new()));
    write(&mut zip, "m", &model(2), &NpzOptions::new()).unwrap();
    write_block(&mut zip, "b", &model(2)).unwrap();
    let bytes = zip.finish().unwrap().into_inner();
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x41;
        let Ok(mut zip) = ZipArchive::new(Cursor::new(bytes)) else { continue };
        for found in
            [read::<_, Model>(&mut zip, "m"), block(&mut zip, "b").and_then(|block| block.get())]
        {
            match found {
                Ok(found) => assert_eq!(found, model(2), "{at}"),
                Err(_) => refused += 1,
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
