//! The table of errors in docs/GUIDE.md: each sentence there is one that code gives. (`docs.rs` sees that no kind of error is
//! missing.)
#![cfg(all(
    target_os = "linux",
    feature = "derive",
    feature = "ndarray",
    feature = "npz",
    feature = "workers"
))]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ndarray::Ix1;
use serde_shm::workers::{self, Outcome, Pool, Task};
use serde_shm::{
    Error, LockedArray, Npz, NpzOptions, Segment, SegmentOptions, ShmArray1, Value, from_bytes,
    to_bytes, to_npz, to_shared, to_writer,
};

const GUIDE: &str = include_str!("../docs/GUIDE.md");

const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
const PARSE: Task<(), String, u32> = Task::new("parse", |(), text| Ok(text.parse()?));

/// A sentence without what differs from run to run: numbers, and the folder of names. Markdown's backslashes go, too.
fn plain(sentence: &str) -> String {
    let mut text = String::new();
    for word in sentence.replace('\\', "").split_inclusive(' ') {
        if word.contains("/serde_shm-") {
            text.push_str("FOLDER ");
            continue;
        }
        for char in word.chars() {
            match char.is_ascii_digit() {
                true if text.ends_with('#') => {}
                true => text.push('#'),
                false => text.push(char),
            }
        }
    }
    text.trim_end().to_owned()
}

/// The rows of the table: kind and sentence.
fn rows() -> Vec<(String, String)> {
    let (_, table) = GUIDE.split_once("| kind | the error says |").unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split(" | ");
        let kind = cells.next()?.strip_suffix('`')?;
        let sentence = cells.next()?.strip_prefix('"')?.strip_suffix('"')?;
        Some((kind.to_owned(), plain(sentence)))
    };
    table.lines().filter_map(row).collect()
}

fn errors_of_segments(name: &str) -> Vec<Error> {
    let missing = Segment::open(name).unwrap_err();
    let made = SegmentOptions::new().name(name).create(&1).unwrap();
    let in_use = SegmentOptions::new().name(name).create(&2).unwrap_err();
    let id = made.id().to_owned();
    drop(made);
    let gone = Segment::open(&id).unwrap_err();
    let cancelled = SegmentOptions::new().progress(|_, _| ControlFlow::Break(()));
    let layers = to_shared(&BTreeMap::from([("weight", ShmArray1::from(vec![0.5_f32]))])).unwrap();
    vec![
        missing,
        in_use,
        gone,
        layers.array::<f32, Ix1>("weihgt").unwrap_err(),
        layers.array::<f64, Ix1>("weight").unwrap_err(),
        Segment::open("the index").unwrap_err(),
        cancelled.create(&1).unwrap_err(),
    ]
}

fn errors_of_bytes_and_files() -> Vec<Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    to_npz(&path, &[ShmArray1::from(vec![0.5_f32])]).unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let block = to_bytes("text").unwrap().to_vec();
    let later = [&block[..8], &[9], &block[9..]].concat();
    let pair = to_bytes(&("a", -1)).unwrap();
    let json = br#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let tensors = [&(json.len() as u64).to_le_bytes()[..], json, &[0; 4]].concat();
    let pickle =
        b"\x93NUMPY\x01\0\x39\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), } \n";
    let pickle = Npz::from_bytes(&pickle[..]);
    vec![
        to_writer(full, &vec![0_u8; 100_000]).unwrap_err(),
        from_bytes::<&str>(&block[..100]).unwrap_err(),
        from_bytes::<&str>(&later).unwrap_err(),
        from_bytes::<(String, u8)>(&pair).unwrap_err(),
        Npz::from_bytes(tensors).unwrap_err(),
        NpzOptions::new().limit(3).load::<Value>(&path).unwrap_err(),
        pickle.and_then(|file| file.get::<Vec<String>>()).unwrap_err(),
        to_bytes(Path::new(OsStr::from_bytes(b"\xff"))).unwrap_err(),
    ]
}

fn errors_of_locks() -> Vec<Error> {
    let segment = to_shared(&LockedArray::from(vec![0_u8; 4])).unwrap();
    let seen: LockedArray<u8, Ix1> = Segment::open_read_only(segment.id()).unwrap().get().unwrap();
    let read_only = seen.write().unwrap_err();
    let array: LockedArray<u8, Ix1> = segment.get().unwrap();
    let guard = array.write().unwrap();
    let deadlock = array.write().unwrap_err();
    drop(guard);
    let writer = || {
        let _guard = array.write().unwrap();
        std::panic::resume_unwind(Box::new(()));
    };
    assert!(thread::scope(|scope| scope.spawn(writer).join()).is_err());
    vec![read_only, deadlock, array.read().unwrap_err()]
}

fn errors_of_workers() -> Vec<Error> {
    let segment = to_shared(&()).unwrap();
    let command = workers::test_command("guide::every_sentence_is_one_that_code_gives").unwrap();
    let mut pool = Pool::new(&segment).unwrap().processes(1).command(command);
    let died = pool.for_each(&EXIT, [3]).unwrap_err();
    vec![died, pool.map(&PARSE, ["seven".to_owned()]).next().unwrap().unwrap_err()]
}

/// What a maker that fails gets, and what a process or thread gets that waited for it.
fn errors_of_makers(name: &str) -> Vec<Error> {
    loop {
        let (begun, begins) = mpsc::channel();
        let fails = || -> Outcome<u8> {
            begun.send(()).unwrap();
            thread::sleep(Duration::from_millis(300));
            Err("no such disk".into())
        };
        let (maker, waiter) = thread::scope(|scope| {
            let maker = scope.spawn(|| Segment::open_or_create(name, fails).unwrap_err());
            begins.recv().unwrap();
            let waiter = Segment::open_or_create(name, || Ok(1_u8)).err();
            (maker.join().unwrap(), waiter)
        });
        // On a busy machine, this thread may come only when the maker has failed.
        if let Some(waiter) = waiter {
            return vec![maker, waiter];
        }
    }
}

#[test]
fn every_sentence_is_one_that_code_gives() {
    workers::serve(&[&EXIT, &PARSE]);
    let name = format!("guide-{}", std::process::id());
    let mut errors = errors_of_segments(&name);
    errors.extend(errors_of_bytes_and_files());
    errors.extend(errors_of_locks());
    errors.extend(errors_of_workers());
    errors.extend(errors_of_makers(&name));
    let said = |error: Error| {
        let text = format!("{error:#}");
        let container = error.container().map(|name| format!("{name}: ")).unwrap_or_default();
        let text = text.strip_prefix(&container).unwrap().replace(&name, "index");
        (format!("{:?}", error.kind()), plain(&text))
    };
    let mut found: Vec<_> = errors.into_iter().map(said).collect();
    let mut written = rows();
    found.sort();
    written.sort();
    assert_eq!(written, found, "the sentences of docs/GUIDE.md, and those that code gives");
}

#[test]
fn numbers_and_folders_do_not_count() {
    let text = r"process 42 of jobs\[7\], in /tmp/serde_shm-1000 for x93";
    assert_eq!(plain(text), "process # of jobs[#], in FOLDER for x#");
    assert!(rows().len() > 20);
}
