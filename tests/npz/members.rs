//! Archives that hold more than arrays, or arrays of odd names: what can be read is read, and the rest is told of.

use std::collections::{BTreeMap, HashMap};
use std::fs;

use ndarray::{Array1, Ix1, IxDyn};
use serde::Deserialize;
use serde_shm::{Compression, ErrorKind, Npz, NpzOptions, ShmArray1, from_npz, to_bytes, to_npz};

use crate::npz::support::{WAYS, folder, opened, python, read};

#[derive(Deserialize, Debug, PartialEq)]
struct Other {
    other: Vec<f64>,
}

/// Names that NumPy writes and reads, `/group/data` and `../up` among them, made a whole file unreadable, also for who wanted
/// another array.
#[test]
fn names_that_numpy_writes_are_read_as_numpy_gives_them() {
    let folder = folder();
    if !python("members.py", &[&folder.path()]) {
        return;
    }
    let listing = fs::read(folder.path().join("names.json")).unwrap();
    let listing: Vec<(String, Vec<String>)> = serde_json::from_slice(&listing).unwrap();
    assert!(listing.len() > 40);
    for (name, files) in listing {
        let path = folder.path().join(&name);
        let odd = &files[0];
        assert_eq!(read::<Other>(&path).unwrap(), Other { other: vec![0.0, 1.0] }, "{odd:?}");
        for way in WAYS {
            let file = opened(way, &path).unwrap();
            let arrays = file.arrays().unwrap();
            assert_eq!(arrays.iter().map(serde_shm::ArrayInfo::path).collect::<Vec<_>>(), files);
            assert_eq!(file.others().unwrap(), []);
            file.verify().unwrap();
            assert_eq!(file.array::<f64, Ix1>(odd).unwrap().to_vec(), [0.0, 1.0, 2.0], "{odd:?}");
            assert_eq!(file.array::<f64, Ix1>("other").unwrap().to_vec(), [0.0, 1.0]);
        }
        // A name that is no path is a key as it stands; others nest.
        let map: BTreeMap<String, serde::de::IgnoredAny> = from_npz(&path).unwrap();
        assert_eq!(map.len(), 2, "{odd:?}");
        if odd.split(['.', '/']).any(str::is_empty) {
            let map: HashMap<String, Array1<f64>> = from_npz(&path).unwrap();
            assert_eq!(map[odd].len(), 3);
        }
        // To save over it keeps nothing of it.
        to_npz(&path, &BTreeMap::from([("other", ShmArray1::from(vec![5.0]))])).unwrap();
        assert_eq!(from_npz::<Other>(&path).unwrap().other, [5.0]);
        assert_eq!(Npz::open(&path).unwrap().arrays().unwrap().len(), 1);
    }
}

/// `arrays` listed nothing where one member was a pickle, a long double or a resource fork of macOS.
#[test]
fn what_can_be_read_is_listed_and_the_rest_is_told_of() {
    let folder = folder();
    if !python("members.py", &[&folder.path()]) {
        return;
    }
    for way in WAYS {
        let file = opened(way, &folder.path().join("mixed.npz")).unwrap();
        let arrays = file.arrays().unwrap();
        let names: Vec<&str> = arrays.iter().map(serde_shm::ArrayInfo::path).collect();
        assert_eq!(names, ["a", "no_suffix", "group/b", "twice"]);
        for info in &arrays {
            assert_eq!(file.array_dyn(info.path()).unwrap().shape(), info.shape());
        }
        // As Python has it, of two with one name the last counts.
        assert_eq!(file.array::<f64, Ix1>("twice").unwrap().len(), 4);
        let others = file.others().unwrap();
        let told: Vec<_> =
            others.iter().map(|other| (other.name(), other.byte_len(), other.kind())).collect();
        use ErrorKind::{Corrupt, Unsupported};
        assert_eq!(
            told[..4],
            [
                ("__MACOSX/._a.npy", 124, Corrupt),
                ("README.txt", 13, Corrupt),
                ("pickle.npy", told[2].1, Unsupported),
                ("long.npy", 160, Unsupported),
            ]
        );
        for (name, why) in [
            ("__MACOSX/._a.npy", "found a macOS resource fork"),
            ("README.txt", "found text: `What this is`"),
            ("pickle.npy", "never read"),
            ("long.npy", "long double"),
            ("empty.npy", "found an empty file"),
            ("cut.npy", "expected 32 bytes"),
            ("bzip2.npy", "compressed by method 12"),
            ("page.html.npy", "found an HTML page"),
            ("x.pkl", "found a pickle"),
            ("inner.npz", "found a zip archive"),
            ("twice.npy", "another of that name"),
        ] {
            let other = others.iter().find(|other| other.name() == name).unwrap();
            assert!(other.why().contains(why), "{name}: {}", other.why());
            assert!(other.why().contains(name), "{}", other.why());
            // To ask for it is the same error.
            if name != "twice.npy" {
                let asked = file
                    .array::<f64, IxDyn>(name.strip_suffix(".npy").unwrap_or(name))
                    .unwrap_err();
                assert!(asked.to_string().contains(why), "{asked}");
                assert_eq!(asked.kind(), other.kind());
            }
        }
        assert_eq!(others.len(), 11);
        // What is no array is not asked for, and what is asked for is read.
        #[derive(Deserialize)]
        struct Some {
            a: Vec<i32>,
            group: HashMap<String, Array1<f64>>,
        }
        let some: Some = file.get().unwrap();
        assert_eq!((some.a, some.group["b"].len()), (vec![0, 1, 2], 4));
    }
    let pickle = Npz::open(folder.path().join("only_pickle.npz")).unwrap();
    assert_eq!(pickle.arrays().unwrap(), []);
    assert_eq!(pickle.others().unwrap()[0].name(), "obj.npy");
}

/// What another program put into an archive of ours is listed behind the object's arrays.
/// Two members gave one path, `x` and `x.npy` both, and only one of them could be had by it.
#[test]
fn names_that_differ_in_their_suffix_are_those_of_numpy() {
    let folder = folder();
    if !python("members.py", &[&folder.path()]) {
        return;
    }
    for way in WAYS {
        let file = opened(way, &folder.path().join("suffix.npz")).unwrap();
        let arrays = file.arrays().unwrap();
        let told: Vec<_> = arrays.iter().map(|info| (info.path(), info.shape()[0])).collect();
        let expected =
            [("x.npy", 3), ("x", 4), ("y", 3), ("y.npy.npy", 4), ("z", 3), ("z.npy", 4), ("t", 3)];
        assert_eq!(told, expected);
        for (path, len) in told.into_iter().chain([("y.npy", 3), ("t.npy", 3)]) {
            assert_eq!(file.array_dyn(path).unwrap().shape(), [len], "{path}");
        }
    }
    // In a file of ours, where the object says what its arrays are called, nobody adds another by that name.
    let path = folder.path().join("ours.npz");
    to_npz(&path, &BTreeMap::from([("x", ShmArray1::from(vec![5.0]))])).unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut archive = zip::ZipWriter::new_append(file).unwrap();
    archive.start_file("x", zip::write::SimpleFileOptions::default()).unwrap();
    let content = crate::npz::foreign::npy("<i4", "(1,)", &[7, 0, 0, 0]);
    std::io::Write::write_all(&mut archive, &content).unwrap();
    archive.finish().unwrap();
    let error = Npz::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("`x` and `x.npy` are both the array `x`"), "{error}");
}

#[test]
fn what_was_added_to_a_file_of_ours_is_listed() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    to_npz(&path, &BTreeMap::from([("x", ShmArray1::from(vec![1_u8, 2]))])).unwrap();
    let file = fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
    let mut archive = zip::ZipWriter::new_append(file).unwrap();
    let options = zip::write::SimpleFileOptions::default();
    for (name, content) in [
        ("../more.npy", crate::npz::foreign::npy("<i4", "(1,)", &[7, 0, 0, 0])),
        ("note.md", b"# a note".to_vec()),
    ] {
        archive.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut archive, &content).unwrap();
    }
    archive.finish().unwrap();
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        let arrays = file.arrays().unwrap();
        assert_eq!(
            arrays.iter().map(serde_shm::ArrayInfo::path).collect::<Vec<_>>(),
            ["x", "../more"]
        );
        assert_eq!(file.array::<i32, Ix1>("../more").unwrap().to_vec(), [7]);
        assert_eq!(file.others().unwrap()[0].name(), "note.md");
        assert_eq!(file.get::<BTreeMap<String, Vec<u8>>>().unwrap()["x"], [1, 2]);
    }
}

/// A file of another kind was told only of zip's magic, and a PyTorch file of a missing field.
#[test]
fn a_file_of_another_kind_is_named_with_what_to_do() {
    let folder = folder();
    let path = folder.path().join("file");
    let block = to_bytes(&1_u8).unwrap();
    let mut tar = vec![0; 1024];
    tar[..5].copy_from_slice(b"a.npy");
    tar[257..262].copy_from_slice(b"ustar");
    for (content, said) in [
        (&b"\x1f\x8b\x08\0\0\0\0\0"[..], "found a gzip file (decompress it first)"),
        (b"\x80\x04\x95\x10\0\0\0\0\0\0\0", "found a pickle (pickles run any code"),
        (b"\x89HDF\r\n\x1a\n\0\0", "found an HDF5 file (read it with its own library"),
        (b"\x10\0\0\0\0\0\0\0{\"a\":{\"dtype\":1}}", "found a safetensors file ("),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n",
            "found a Git LFS pointer and not its file (fetch the file: `git lfs pull`)",
        ),
        (b"<!doctype html>\n<html>", "found an HTML page ("),
        (&block, "found a block of this crate (read it with `from_bytes`"),
        (&tar, "found a tar archive (unpack it first)"),
        (b"", "found an empty file ("),
        (&[0; 4096], "found zeros ("),
        (b"1,2\n3,4\n", "found text: `1,2`"),
    ] {
        fs::write(&path, content).unwrap();
        for way in WAYS {
            if way == "map" && content.is_empty() {
                continue;
            }
            let error = opened(way, &path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            let text = error.to_string();
            assert!(text.contains(said), "{text}");
            assert!(
                text.contains("PK\\x03\\x04") && text.contains("\\x93NUMPY of a .npy file"),
                "{text}"
            );
        }
        if !content.starts_with(b"\x89SHM") {
            let error = serde_shm::from_bytes::<u8>(content).unwrap_err().to_string();
            // A block's own reader looks at fewer bytes, and finds no tar there.
            assert!(error.contains(said) || said.contains("tar"), "{error}");
        }
    }
    // The other way round.
    to_npz(&path, &vec![1_u8]).unwrap();
    let error =
        serde_shm::from_bytes::<Vec<u8>>(&fs::read(&path).unwrap()).unwrap_err().to_string();
    assert!(
        error.contains("found a zip archive (if it is an .npz file, read it with `from_npz`"),
        "{error}"
    );
    fs::write(&path, crate::npz::foreign::npy("|u1", "(1,)", &[1])).unwrap();
    let error =
        serde_shm::from_bytes::<Vec<u8>>(&fs::read(&path).unwrap()).unwrap_err().to_string();
    assert!(error.contains("found a .npy file (read it with `from_npz`"), "{error}");
    #[cfg(target_os = "linux")]
    {
        let error = serde_shm::Segment::open(path.to_str().unwrap())
            .and_then(|segment| segment.get::<Vec<u8>>().map(drop))
            .unwrap_err()
            .to_string();
        assert!(error.contains("found a .npy file (read it with `from_npz`"), "{error}");
    }
    let error = from_npz::<u8>(folder.path()).unwrap_err();
    assert!(error.to_string().contains("found a folder"), "{error}");
    if !python("members.py", &[&folder.path()]) {
        return;
    }
    for (name, said) in [
        (
            "torch.pt",
            "there is no array in this archive: found a PyTorch file (load it with `torch.load`",
        ),
        ("document.docx", "found an office document ("),
        ("texts.zip", "found a zip archive of other files: `a.txt`, `b/c.csv`"),
    ] {
        for way in WAYS {
            let file = opened(way, &folder.path().join(name)).unwrap();
            for error in [
                file.get::<Other>().unwrap_err(),
                file.get::<HashMap<String, Array1<f32>>>().unwrap_err(),
                file.array::<f32, Ix1>("data").unwrap_err(),
            ] {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                assert!(error.to_string().contains(said), "{error}");
            }
            assert_eq!(file.arrays().unwrap(), []);
            assert!(!file.others().unwrap().is_empty());
        }
    }
}

#[test]
fn what_is_compressed_lies_nowhere() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays = BTreeMap::from([("zeros", ShmArray1::from(vec![0_u32; 5000]))]);
    NpzOptions::new().compression(Compression::Deflate(6)).save(&path, &arrays).unwrap();
    for way in WAYS {
        let infos = opened(way, &path).unwrap().arrays().unwrap();
        assert_eq!((infos[0].range(), infos[0].byte_len()), (None, 20_000), "{way}");
    }
}
