//! Segments in files: what stays, how it is read, and what is refused.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ndarray::Ix2;
use serde_shm::{ErrorKind, Segment, SegmentOptions, ShmArray1, from_shared, segments, to_bytes};

use crate::child::Child;
use crate::model::{Model, ModelView, mapping_of};

fn options(dir: &Path) -> SegmentOptions {
    SegmentOptions::new().name("model").persist(true).dir(dir)
}

#[test]
fn a_persistent_segment_outlives_its_maker() {
    Child::run_alone("persistent", &["make-and-open"]);
}

pub(crate) fn run(what: &str) {
    let persist = SegmentOptions::new().name("kept").persist(true);
    match what {
        "make" => drop(persist.create(&Model::new(5)).unwrap()),
        "make-and-open" => {
            Child::start("persistent", &["make"]).finish();
            assert_eq!(from_shared::<Model>("kept").unwrap(), Model::new(5));
            let seen = Segment::open("kept").unwrap();
            assert_eq!(seen.name(), Some("kept"));
            assert_eq!(from_shared::<Model>(seen.id()).unwrap(), Model::new(5));
            let error = persist.create(&1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert!(error.to_string().contains("persistent segment"), "{error}");
            let error = SegmentOptions::new().name("kept").create(&1).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            // One name, of one kind or the other.
            let memory = SegmentOptions::new().name("kept").replace(true).create(&7).unwrap();
            assert_eq!(from_shared::<u8>("kept").unwrap(), 7);
            assert_eq!(persist.create(&1).unwrap_err().kind(), ErrorKind::AlreadyExists);
            drop(persist.clone().replace(true).create(&8).unwrap());
            drop(memory);
            assert_eq!(from_shared::<u8>("kept").unwrap(), 8);
            assert_eq!(seen.get::<Model>().unwrap(), Model::new(5));
            assert_eq!(segments::reap().unwrap(), 0);
            assert!(segments::remove("kept").unwrap());
            assert_eq!(Segment::open("kept").unwrap_err().kind(), ErrorKind::NotFound);
            // A name whose maker died is free for a file, too.
            let mut child = Child::start("hold", &["kept", "false"]);
            child.line();
            child.kill();
            let made = persist.create(&9).unwrap();
            assert_eq!(made.get::<u8>().unwrap(), 9);
            assert!(made.unlink().unwrap() && !made.unlink().unwrap());
            assert_eq!(made.get::<u8>().unwrap(), 9);
        }
        other => panic!("no such role: {other}"),
    }
}

#[test]
fn open_copies_and_map_maps() {
    for base in ["/dev/shm", "."] {
        let dir = tempfile::tempdir_in(base).unwrap();
        let model = Model::new(3);
        let made = options(dir.path()).create(&model).unwrap();
        assert_eq!(
            made.id(),
            std::path::absolute(dir.path()).unwrap().join("model").to_str().unwrap()
        );
        assert_eq!(made.name(), Some("model"));
        let read = Segment::open(made.id()).unwrap();
        #[allow(unsafe_code)]
        // SAFETY: nobody else knows of the directory.
        let mapped = unsafe { Segment::map(made.id()) }.unwrap();
        for (segment, is_mapped) in [(&made, false), (&read, false), (&mapped, true)] {
            let view: ModelView<'_> = segment.get().unwrap();
            assert_eq!((view.name, view.weights), ("model-3", model.weights.view()));
            assert_eq!(view.bias.as_ptr().addr() % 64, 0);
            let mapping = mapping_of(view.bias.as_ptr().addr());
            assert_eq!(mapping.ends_with("/model"), is_mapped, "{mapping}");
            assert_eq!(segment.arrays().unwrap().len(), 3);
            assert_eq!(segment.array::<f32, Ix2>("weights").unwrap(), model.weights);
            assert_eq!(segment.len() as u64, std::fs::metadata(made.id()).unwrap().len());
        }
        // The file is replaced and removed under the mapping; who has the old one keeps it.
        let handle = mapped.get::<Model>().unwrap().layers["a"].clone();
        drop(options(dir.path()).replace(true).create(&Model::new(4)).unwrap());
        assert_eq!(mapped.get::<Model>().unwrap(), model);
        assert_eq!(from_shared::<Model>(made.id()).unwrap(), Model::new(4));
        assert!(!made.unlink().unwrap(), "it has the name no more");
        let newest = Segment::open(made.id()).unwrap();
        assert!(newest.unlink().unwrap());
        drop((newest, read, mapped, made));
        assert_eq!(handle.sum(), 3500);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_handle_follows_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let made = options(dir.path()).create(&1_u8).unwrap();
    let mut seen = Segment::open(made.id()).unwrap();
    assert!(!seen.refresh().unwrap());
    drop(options(dir.path()).replace(true).create(&2_u8).unwrap());
    assert!(seen.refresh().unwrap() && !seen.refresh().unwrap());
    assert_eq!(seen.get::<u8>().unwrap(), 2);
    std::fs::remove_file(made.id()).unwrap();
    assert!(!seen.refresh().unwrap());
}

#[test]
fn the_mode_is_what_was_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for (mode, found) in [(None, 0o600), (Some(0o640), 0o640), (Some(0o444), 0o444)] {
        let mut options = options(dir.path()).replace(true);
        if let Some(mode) = mode {
            options = options.mode(mode);
        }
        let made = options.create(&Model::new(1)).unwrap();
        let metadata = std::fs::metadata(made.id()).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.nlink()), (found, 1));
        assert_eq!(from_shared::<Model>(made.id()).unwrap(), Model::new(1));
    }
    for mode in [0o666, 0o620, 0o700, 0o040, 0o4600, 0] {
        let error = options(dir.path()).mode(mode).create(&1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(&format!("mode {mode:04o} is refused")), "{error}");
    }
}

#[test]
fn options_that_contradict_each_other_are_refused() {
    let plain = SegmentOptions::new;
    for (options, what) in [
        (plain().persist(true), "needs a name"),
        (plain().name("a").mode(0o600), "`mode` is for persistent segments"),
        (plain().name("a").dir("/tmp"), "`dir` is for persistent segments"),
        (plain().dir("/tmp"), "`dir` is for persistent segments"),
    ] {
        let error = options.create(&1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(what), "{error}");
    }
    let error = options(Path::new("/nonexistent")).create(&1).unwrap_err();
    assert_eq!((error.kind(), error.container()), (ErrorKind::NotFound, Some("model")));
    assert!(error.to_string().contains("/nonexistent"), "{error}");
}

/// The kinds of the errors of opening and of mapping a file.
fn refused(path: &Path) -> [ErrorKind; 2] {
    let path = path.to_str().unwrap();
    #[allow(unsafe_code)]
    // SAFETY: nothing writes to these files while they are mapped.
    let mapped = unsafe { Segment::map(path) };
    [Segment::open(path), mapped].map(|result| {
        let error = result.unwrap_err();
        assert_eq!(error.container(), Some(path));
        error.kind()
    })
}

#[test]
fn files_that_are_no_whole_segments_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("file");
    let block = to_bytes(&("text", ndarray::arr1(&[1.0_f32, 2.0, 3.0]))).unwrap();
    for len in 0..block.len() {
        std::fs::write(&path, &block[..len]).unwrap();
        assert_eq!(refused(&path), [ErrorKind::Corrupt; 2], "{len}");
    }
    // A sparse file that claims more than there is memory.
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(1 << 42).unwrap();
    assert_eq!(refused(&path), [ErrorKind::Corrupt; 2]);
    for at in (0..64).chain(80..block.len()) {
        let mut altered = block.to_vec();
        altered[at] ^= 0x10;
        std::fs::write(&path, &altered).unwrap();
        let nonce_is_nobodys = refused(&path);
        assert!(nonce_is_nobodys.iter().all(|kind| *kind != ErrorKind::NotFound), "{at}");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(refused(&path), [ErrorKind::NotFound; 2]);
    std::fs::create_dir(&path).unwrap();
    assert_eq!(refused(&path), [ErrorKind::Corrupt; 2]);
    let target = dir.path().join("target");
    std::fs::write(&target, &block).unwrap();
    symlink(&target, dir.path().join("link")).unwrap();
    assert_eq!(refused(&dir.path().join("link")), [ErrorKind::Io; 2]);
    assert!(Segment::open(target.to_str().unwrap()).is_ok());
    assert_eq!(refused(Path::new("/dev/null")), [ErrorKind::Corrupt; 2]);
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&target, mode).unwrap();
}

#[test]
fn what_a_dead_maker_left_half_done_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".model.new"), "half").unwrap();
    let array = ShmArray1::from(vec![1_u8; 100_000]);
    drop(options(dir.path()).create(&array).unwrap());
    std::fs::write(dir.path().join(".model.new"), "half").unwrap();
    let made = options(dir.path()).replace(true).create(&array).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    assert!(made.unlink().unwrap());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
