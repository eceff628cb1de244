//! What holds whatever the container is.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use ndarray::{Array1, Ix1};
use serde_shm::{
    BlockOptions, Compression, ErrorKind, LockedArray, Npz, NpzOptions, OpenOptions,
    SegmentOptions, Serialize, ShmArray1, to_npz, to_writer,
};

use crate::scene::turn;

/// The lengths of the writes that come.
#[derive(Default)]
struct Writes(Vec<usize>);

impl Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_array_goes_out_in_one_write_where_nobody_watches() {
    let large = ShmArray1::from(vec![0_u8; 40 << 20]);
    let mut writes = Writes::default();
    to_writer(&mut writes, &large).unwrap();
    assert!(writes.0.contains(&large.len()), "{:?}", writes.0);
    let mut writes = Writes::default();
    BlockOptions::new().to_writer(&mut writes, &large).unwrap();
    assert!(writes.0.contains(&large.len()), "{:?}", writes.0);
    let mut writes = Writes::default();
    BlockOptions::new().progress(|_, _| ()).to_writer(&mut writes, &large).unwrap();
    assert!(writes.0.iter().all(|len| *len <= 8 << 20), "{:?}", writes.0);
    assert!(writes.0.len() < 12, "{:?}", writes.0);
}

#[test]
fn the_value_is_asked_once_more_and_only_where_somebody_watches() {
    struct Asked(AtomicUsize);
    impl Serialize for Asked {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.fetch_add(1, Relaxed);
            serializer.serialize_u8(1)
        }
    }
    let asked = |options: SegmentOptions| {
        let value = Asked(AtomicUsize::new(0));
        options.create(&value).unwrap();
        value.0.into_inner()
    };
    let _turn = turn();
    assert_eq!(asked(SegmentOptions::new()), 1);
    assert_eq!(asked(SegmentOptions::new().progress(|_, _| ())), 2);
}

/// The function may take the lock of an array that is being written.
#[test]
fn no_lock_is_held_while_it_is_called() {
    let _turn = turn();
    let locked = LockedArray::from(vec![1_u8; 20 << 20]);
    let rest = ShmArray1::from(vec![2_u8; 20 << 20]);
    let (handle, is_refused) = (locked.clone(), Arc::new(AtomicBool::new(false)));
    let refused = Arc::clone(&is_refused);
    let taken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&taken);
    let report = move |_: u64, _: u64| {
        count.fetch_add(1, Relaxed);
        refused.fetch_or(handle.write().is_err(), Relaxed);
    };
    let folder = tempfile::tempdir().unwrap();
    let object = (&locked, &rest, &locked);
    SegmentOptions::new().progress(report.clone()).create(&object).unwrap();
    let before = taken.load(Relaxed);
    assert!(before >= 2, "{before}");
    let options = NpzOptions::new().fsync(false).progress(report.clone());
    options.save(folder.path().join("a.npz"), &object).unwrap();
    options
        .compression(Compression::Deflate(1))
        .save(folder.path().join("a.npz"), &object)
        .unwrap();
    BlockOptions::new().progress(report).to_bytes(&object).unwrap();
    assert!(!is_refused.load(Relaxed));
}

/// A type may drop an error of a part of it.
#[test]
fn what_was_cancelled_is_an_error_whatever_a_type_makes_of_it() {
    struct Drops<'a>(&'a ShmArray1<u8>);
    impl Serialize for Drops<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let text = match serde_shm::to_bytes(self.0) {
                Ok(_) => "whole",
                Err(_) => "not",
            };
            (self.0, text).serialize(serializer).map_err(|error| {
                <S::Error as serde::ser::Error>::custom(format!("another text: {error}"))
            })
        }
    }
    let _turn = turn();
    let array = ShmArray1::from(vec![7_u8; 20 << 20]);
    let options = SegmentOptions::new().progress(|_, _| ControlFlow::Break(()));
    let error = options.create(&vec![Drops(&array)]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(
        error.to_string(),
        "making the segment was cancelled by its progress function after 8388608 of 20971520 bytes; nothing of it is left, and \
         its name is what it was"
    );
}

#[test]
fn a_handle_goes_on_after_it_was_cancelled() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let arrays = [1_u8, 2, 3].map(|fill| ShmArray1::from(vec![fill; 9 << 20]));
    to_npz(&path, &arrays).unwrap();
    let (is_stopped, calls) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Vec::new())));
    let (stopped, told) = (Arc::clone(&is_stopped), Arc::clone(&calls));
    let file = Npz::open(&path).unwrap().progress(move |done, all| {
        told.lock().unwrap().push((done, all));
        if stopped.load(Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let error = file.get::<[ShmArray1<u8>; 3]>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.to_string().contains("a.npz: reading the arrays was cancelled"), "{error}");
    assert_eq!(file.verify().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(file.array::<u8, Ix1>("1").unwrap_err().kind(), ErrorKind::Cancelled);
    is_stopped.store(false, Relaxed);
    assert!(file.get::<[ShmArray1<u8>; 3]>().unwrap() == arrays);
    assert!(file.get::<Vec<Array1<u8>>>().unwrap()[2][0] == 3);
    // An array that is there is not read again.
    calls.lock().unwrap().clear();
    assert_eq!(file.array::<u8, Ix1>("1").unwrap()[0], 2);
    assert_eq!(*calls.lock().unwrap(), [(0, 0)]);
}

/// Another program compresses a member in one stream, which cannot be parted.
#[test]
fn a_stream_of_another_program_can_be_left_in_the_middle() {
    let _turn = turn();
    const LEN: usize = 24 << 20;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    archive.start_file("x.npy", zip::write::SimpleFileOptions::default()).unwrap();
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({LEN},), }}");
    archive.write_all(b"\x93NUMPY\x01\0\x76\0").unwrap();
    archive.write_all(format!("{header:117}\n").as_bytes()).unwrap();
    archive.write_all(&vec![7; LEN]).unwrap();
    archive.finish().unwrap();
    let calls = Mutex::new(Vec::new());
    let told = NpzOptions::new().progress(|done, all| calls.lock().unwrap().push((done, all)));
    let read = |options: &NpzOptions<'_>| options.load::<BTreeMap<String, ShmArray1<u8>>>(&path);
    assert!(read(&told).unwrap()["x"].iter().all(|byte| *byte == 7));
    let calls = calls.lock().unwrap();
    assert!(calls.len() > 2 && calls.is_sorted(), "{calls:?}");
    let error = read(&NpzOptions::new().progress(|_, _| ControlFlow::Break(()))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(!error.to_string().contains(&format!("after {LEN} of")), "{error}");
}

/// A program may save something else meanwhile.
#[test]
fn the_function_may_use_the_crate() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let other = folder.path().join("other.npz");
    let count = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&count);
    let report = move |_: u64, _: u64| {
        told.fetch_add(1, Relaxed);
        let small = (Array1::from(vec![1_u16, 2]), "text".to_owned());
        NpzOptions::new().fsync(false).save(&other, &small).unwrap();
        let back: (Array1<u16>, String) = serde_shm::from_npz(&other).unwrap();
        assert_eq!(back, small);
        let segment = serde_shm::to_shared(&ShmArray1::from(vec![3_u8; 300_000])).unwrap();
        assert_eq!(segment.get::<Array1<u8>>().unwrap().len(), 300_000);
    };
    let arrays: Vec<Array1<u32>> = (0..3).map(|fill| Array1::from_elem(3 << 20, fill)).collect();
    let marked: Vec<ShmArray1<u32>> = arrays.iter().cloned().map(ShmArray1::from).collect();
    for compression in [Compression::None, Compression::Deflate(1)] {
        let options = NpzOptions::new().fsync(false).compression(compression);
        let options = options.progress(report.clone());
        options.save(&path, &marked).unwrap();
        assert!(options.load::<Vec<Array1<u32>>>(&path).unwrap() == arrays);
        options.save(&path, &arrays).unwrap();
        assert!(options.load::<Vec<ShmArray1<u32>>>(&path).unwrap() == marked);
    }
    let segment = SegmentOptions::new().progress(report.clone()).create(&marked).unwrap();
    assert!(segment.progress(report).get::<Vec<Array1<u32>>>().unwrap() == arrays);
    assert!(count.load(Relaxed) > 20);
}

#[test]
fn options_are_equal_if_their_function_is_the_same() {
    let watched = SegmentOptions::new().progress(|_, _| ());
    assert_eq!(watched, watched.clone());
    assert_ne!(watched, SegmentOptions::new());
    assert_ne!(watched, SegmentOptions::new().progress(|_, _| ()));
    let opened = OpenOptions::new().progress(|_, _| ControlFlow::Continue(()));
    assert_eq!(opened, opened.clone());
    assert_ne!(opened, OpenOptions::new());
    assert!(format!("{watched:?} {opened:?}").contains("Progress"));
}
