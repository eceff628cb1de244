//! Operations on names against a model, with system calls that fail.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::faults;
use crate::scratch::folder;
use arbitrary::{Result, Unstructured};
use serde_shm::{Error, ErrorKind, NpzOptions, Segment, SegmentOptions, from_npz, segments};

const NAMES: [&str; 3] = ["a", "b", "c.d"];
const ERRORS: [i32; 6] =
    [libc::ENOSPC, libc::EIO, libc::EINTR, libc::EMFILE, libc::ENOMEM, libc::EACCES];

/// A publication under a name.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Entry {
    version: u32,
    persistent: bool,
}

struct Handle {
    segment: Segment,
    name: &'static str,
    /// The publication that it shows, which is also the value in it.
    version: u32,
    /// Whether the name of a segment of memory goes with it.
    maker: bool,
}

/// What there should be: a map, and the handles that are held.
struct Model {
    names: BTreeMap<&'static str, Entry>,
    handles: [Option<Handle>; 4],
    /// The value of the `.npz` file, if there is one.
    saved: Option<u32>,
    next: u32,
}

/// A system call that is to fail during an operation.
type Fault = Option<(u8, i32)>;

fn value(version: u32) -> Vec<u32> {
    vec![version; 40]
}

fn shows(segment: &Segment) -> u32 {
    let found: Vec<u32> = segment.get().expect("a segment that is held can be read");
    assert_eq!(found, value(found[0]));
    found[0]
}

/// Runs an operation, and says whether one of its system calls failed.
fn with<R>(fault: Fault, call: impl FnOnce() -> R) -> (R, bool) {
    match fault {
        Some((nth, errno)) => faults::failing(nth, errno, call),
        None => (call(), false),
    }
}

/// The error of an operation of which a call failed: one that says so.
fn is_of_the_system(error: &Error) {
    let kinds =
        [ErrorKind::Io, ErrorKind::Unsupported, ErrorKind::NotFound, ErrorKind::AlreadyExists];
    assert!(kinds.contains(&error.kind()), "{error}");
}

impl Model {
    /// What stands under a name, as another process would find it.
    fn found(name: &str) -> Option<u32> {
        match Segment::open(name) {
            Ok(segment) => Some(shows(&segment)),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{name}: {error}");
                None
            }
        }
    }

    fn create(
        &mut self,
        name: &'static str,
        persist: bool,
        replace: bool,
        slot: usize,
        fault: Fault,
    ) {
        self.drop_handle(slot, None);
        self.next += 1;
        let version = self.next;
        let options = SegmentOptions::new().name(name).persist(persist).replace(replace);
        let old = self.names.get(name).copied();
        let (made, failed) = with(fault, || options.create(&value(version)));
        let entry = Entry { version, persistent: persist };
        match made {
            Ok(segment) => {
                assert!(replace || old.is_none(), "{name} was in use");
                self.names.insert(name, entry);
                self.handles[slot] = Some(Handle { segment, name, version, maker: !persist });
            }
            Err(error) if failed => {
                is_of_the_system(&error);
                let found = Model::found(name);
                // Only the last flush of a directory fails behind the deed.
                if error.to_string().contains("the segment is in place") {
                    assert_eq!(found, Some(version), "{error}");
                    self.names.insert(name, entry);
                } else {
                    assert_eq!(found, old.map(|entry| entry.version), "{error}");
                }
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
                assert!(!replace && old.is_some(), "{error}");
            }
        }
    }

    fn open(&mut self, name: &'static str, slot: usize, fault: Fault) {
        self.drop_handle(slot, None);
        let there = self.names.get(name).map(|entry| entry.version);
        let (opened, failed) = with(fault, || Segment::open(name));
        match opened {
            Ok(segment) => {
                assert_eq!(Some(shows(&segment)), there);
                let version = there.expect("it was just compared");
                self.handles[slot] = Some(Handle { segment, name, version, maker: false });
            }
            Err(error) if failed => is_of_the_system(&error),
            Err(error) => {
                assert_eq!((error.kind(), there), (ErrorKind::NotFound, None), "{error}");
            }
        }
    }

    fn drop_handle(&mut self, slot: usize, fault: Fault) {
        let Some(Handle { segment, name, version, maker }) = self.handles[slot].take() else {
            return;
        };
        let ((), failed) = with(fault, || drop(segment));
        if maker && self.names.get(name).is_some_and(|entry| entry.version == version) {
            self.names.remove(name);
            if failed {
                // Its entry may stay, and is a dead maker's.
                segments::reap().expect("nothing fails");
            }
        }
    }

    fn unlink(&mut self, slot: usize, fault: Fault) {
        let Some(Handle { segment, name, version, .. }) = &self.handles[slot] else { return };
        let theirs = self.names.get(name).is_some_and(|entry| entry.version == *version);
        let (removed, failed) = with(fault, || segment.unlink());
        match removed {
            Ok(removed) => assert_eq!(removed, theirs, "{name}"),
            Err(error) => {
                assert!(failed, "{error}");
                is_of_the_system(&error);
                return;
            }
        }
        if theirs {
            self.names.remove(name);
        }
    }

    fn refresh(&mut self, slot: usize, fault: Fault) {
        let Some(handle) = self.handles[slot].as_mut().filter(|handle| !handle.maker) else {
            return;
        };
        let there = self.names.get(handle.name).map(|entry| entry.version);
        let (moved, failed) = with(fault, || handle.segment.refresh());
        match moved {
            Ok(moved) => {
                assert_eq!(moved, there.is_some_and(|version| version != handle.version));
                handle.version = if moved { there.unwrap() } else { handle.version };
            }
            Err(error) => {
                assert!(failed, "{error}");
                is_of_the_system(&error);
            }
        }
    }

    fn remove(&mut self, name: &'static str, fault: Fault) {
        let (removed, failed) = with(fault, || segments::remove(name));
        match removed {
            Ok(removed) => assert_eq!(removed, self.names.remove(name).is_some(), "{name}"),
            Err(error) => {
                assert!(failed, "{error}");
                is_of_the_system(&error);
            }
        }
    }

    fn remove_all(&mut self, session: bool, fault: Fault) {
        let call = if session { segments::remove_session } else { segments::free_memory };
        let (removed, failed) = with(fault, call);
        match removed {
            Ok(removed) => {
                assert_eq!(removed, self.names.len());
                self.names.clear();
            }
            Err(error) => {
                assert!(failed, "{error}");
                is_of_the_system(&error);
                // Some may be gone, and those that are not are what they were.
                self.names.retain(|name, entry| {
                    let found = Model::found(name);
                    assert!(found.is_none_or(|version| version == entry.version));
                    found.is_some()
                });
            }
        }
    }

    fn reap(&self, fault: Fault) {
        let (reaped, failed) = with(fault, segments::reap);
        match reaped {
            Ok(reaped) => assert_eq!(reaped, 0),
            Err(error) => {
                assert!(failed, "{error}");
                is_of_the_system(&error);
            }
        }
    }

    fn save(&mut self, fault: Fault) {
        self.next += 1;
        let path = npz();
        let options = NpzOptions::new().fsync(self.next.is_multiple_of(2));
        let (saved, failed) = with(fault, || options.save(&path, &value(self.next)));
        match saved {
            Ok(()) => self.saved = Some(self.next),
            Err(error) => {
                assert!(failed, "{error}");
                is_of_the_system(&error);
                if error.to_string().contains("the new file is in place") {
                    self.saved = Some(self.next);
                }
            }
        }
        let found = path.exists().then(|| from_npz::<Vec<u32>>(&path).expect("a whole file"));
        assert_eq!(found, self.saved.map(value));
    }

    /// What is there is what should be, and nothing else.
    fn check(&self) {
        let list = segments::list().expect("nothing fails");
        let found: Vec<_> = list.iter().map(|info| (info.name(), info.is_persistent())).collect();
        let expected: Vec<_> =
            self.names.iter().map(|(name, entry)| (*name, entry.persistent)).collect();
        assert_eq!(found, expected);
        assert!(list.iter().all(segments::SegmentInfo::is_alive));
        assert_eq!(
            files(),
            expected.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>()
        );
        for handle in self.handles.iter().flatten() {
            assert_eq!(shows(&handle.segment), handle.version);
        }
        for (name, entry) in &self.names {
            assert_eq!(Model::found(name), Some(entry.version));
        }
    }
}

fn npz() -> PathBuf {
    folder().join("files").join("a.npz")
}

/// The names in the folder of names, drafts included.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    for base in fs::read_dir(folder().join("names")).expect("the folder was made") {
        for file in fs::read_dir(base.unwrap().path()).expect("a folder of this user") {
            files.push(file.unwrap().file_name().into_string().unwrap());
        }
    }
    files.sort();
    files
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn step(model: &mut Model, u: &mut Unstructured<'_>) -> Result<()> {
    let op = u.int_in_range(0..=13)?;
    let (name, slot) = (*u.choose(&NAMES)?, u.int_in_range(0..=3)?);
    let flags: u8 = u.arbitrary()?;
    let fault = if flags & 4 == 0 { None } else { Some((u.arbitrary()?, *u.choose(&ERRORS)?)) };
    // Most operations take some forty calls.
    let fault = fault.map(|(nth, errno): (u8, i32)| (nth % 64, errno));
    match op {
        0..=2 => model.create(name, flags & 1 == 1, flags & 2 == 2, slot, fault),
        3 => model.create(name, true, flags & 2 == 2, slot, fault),
        4..=5 => model.open(name, slot, fault),
        6 => model.drop_handle(slot, fault),
        7 => model.unlink(slot, fault),
        8 => model.refresh(slot, fault),
        9 => model.remove(name, fault),
        10 => model.remove_all(flags & 1 == 1, fault),
        11 => model.reap(fault),
        _ => model.save(fault),
    }
    model.check();
    Ok(())
}

/// Operations on named and persistent segments and on a saved file, against a map; some with a system call that fails.
pub fn run(data: &[u8]) {
    let base = folder().join("names");
    fs::create_dir_all(&base).unwrap();
    fs::create_dir_all(folder().join("files")).unwrap();
    if std::env::var_os("SERDE_SHM_DIR").is_none_or(|dir| dir != base) {
        // SAFETY: the fuzzer has one thread, and the first input is not read yet.
        unsafe { std::env::set_var("SERDE_SHM_DIR", &base) };
    }
    segments::free_memory().expect("nothing fails");
    let mut model =
        Model { names: BTreeMap::new(), handles: Default::default(), saved: None, next: 0 };
    let before = descriptors();
    let u = &mut Unstructured::new(data);
    for _ in 0..24 {
        if u.is_empty() || step(&mut model, u).is_err() {
            break;
        }
    }
    for slot in 0..model.handles.len() {
        model.drop_handle(slot, None);
    }
    model.check();
    segments::free_memory().expect("nothing fails");
    assert_eq!(files(), Vec::<String>::new());
    let left: Vec<_> = fs::read_dir(folder().join("files")).unwrap().flatten().collect();
    assert!(left.iter().all(|file| file.path() == npz()), "{left:?}");
    let _ = fs::remove_file(npz());
    // What is kept of the last opened names is not given back at once.
    let after = descriptors();
    assert!(after <= before + 8, "{before} descriptors became {after}");
}
