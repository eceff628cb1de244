//! Nothing leaks, and a limit is an error and no signal. In processes of their own, since others count as well.

use std::io::Write;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_shm::{
    Error, ErrorKind, LockedArray, MemoryWriter, Segment, SegmentOptions, ShmArray1, from_shared,
    to_shared,
};

use crate::child::{Child, say};
use crate::model::{Model, ModelView};

#[test]
fn a_thousand_lives_leave_nothing() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut child = Child::start_in("leak", &[], base.path());
    assert_eq!(child.line(), "done");
    child.finish();
    assert_eq!(count(base.path()), 0);
}

fn count(dir: impl AsRef<Path>) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().matches("serde_shm (deleted)").count()
}

pub(crate) fn leak() {
    let model = Model::new(1);
    let step = |n: u32| {
        let made =
            SegmentOptions::new().name("leak").replace(n.is_multiple_of(2)).create(&model).unwrap();
        assert_eq!(Segment::open("leak").unwrap().get::<ModelView<'_>>().unwrap().name, "model-1");
        assert_eq!(from_shared::<Model>(made.id()).unwrap().epoch, 1);
        assert!(Segment::open("missing").is_err());
        assert!(Segment::open(&made.id().replace(':', ":1")).is_err());
        assert!(made.get::<u32>().is_err());
    };
    step(0);
    let before = count("/proc/self/fd");
    assert_eq!(mappings(), 0);
    (0..1000).for_each(step);
    assert_eq!(count("/proc/self/fd"), before);
    assert_eq!(mappings(), 0);
    assert_eq!(count(std::env::var_os("SERDE_SHM_DIR").unwrap()), 0);
    say("done");
}

#[test]
fn a_hundred_thousand_attaches_leave_nothing() {
    Child::run_alone("cycles", &[]);
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

pub(crate) fn cycles() {
    let made = SegmentOptions::new().name("cycles").create(&Model::new(1)).unwrap();
    let cycle = |n: u32| {
        let by = if n.is_multiple_of(2) { made.id() } else { "cycles" };
        let segment = Segment::open(by).unwrap();
        let view: ModelView<'_> = segment.get().unwrap();
        assert_eq!((view.name, view.bias[999]), ("model-1", 999.0));
    };
    (0..1000).for_each(cycle);
    let before = (count("/proc/self/fd"), mappings(), resident());
    (0..100_000).for_each(cycle);
    assert_eq!((count("/proc/self/fd"), mappings()), (before.0, before.1));
    let grown = resident().saturating_sub(before.2);
    println!("resident memory grew by {grown} KiB");
    assert!(grown < 1024, "{grown} KiB");
}

#[test]
fn limits_are_errors() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut child = Child::start_in("limits", &[], base.path());
    assert_eq!(child.line(), "done");
    child.finish();
    assert_eq!(count(base.path()), 0);
}

/// Runs `what` under a lower limit.
fn under(resource: Resource, limit: u64, what: impl FnOnce()) {
    let before = getrlimit(resource);
    setrlimit(resource, Rlimit { current: Some(limit), ..before }).unwrap();
    what();
    setrlimit(resource, before).unwrap();
}

pub(crate) fn limits() {
    let large = ShmArray1::from(vec![1_u8; 8 << 20]);
    let options = SegmentOptions::new().name("limits");
    let held = to_shared(&large).unwrap();

    // The kernel would answer the write with SIGXFSZ.
    under(Resource::Fsize, 1 << 20, || {
        for error in [to_shared(&large).unwrap_err(), options.create(&large).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().contains("RLIMIT_FSIZE"), "{error}");
        }
        to_shared(&1_u8).unwrap();
        let mut memory = MemoryWriter::new().unwrap();
        memory.write_all(&vec![0; 1 << 20]).unwrap();
        let error = memory.write_all(&[0]).unwrap_err();
        assert!(error.to_string().contains("RLIMIT_FSIZE"), "{error}");
    });
    // Every file that is written, at every size: memory, the entry of a name, a persistent segment, live memory.
    let small = ShmArray1::from(vec![1_u32; 3000]);
    let live = LockedArray::from(vec![1_u32; 3000]);
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let persistent = SegmentOptions::new().name("kept").persist(true);
    for limit in [0, 1, 63, 64, 100, 4096, 12_000, 12_100] {
        let refused = |error: Error| {
            assert_eq!(error.kind(), ErrorKind::Io, "{limit}: {error}");
            let text = error.to_string();
            assert!(
                text.contains("RLIMIT_FSIZE") && text.contains(&format!("is {limit}; raise it")),
                "{text}"
            );
        };
        under(Resource::Fsize, limit, || {
            for options in [
                &SegmentOptions::new(),
                &options,
                &persistent,
                &persistent.clone().dir(folder.path()),
            ] {
                refused(options.create(&small).unwrap_err());
            }
            refused(to_shared(&live).unwrap_err());
        });
        assert_eq!(count(folder.path()), 0);
        assert_eq!(count(std::env::var_os("SERDE_SHM_DIR").unwrap()), 0);
    }
    // A limit between a tiny segment and the entry of its name.
    let tiny = to_shared(&()).unwrap().len() as u64;
    for limit in tiny..tiny + 200 {
        under(Resource::Fsize, limit, || match options.create(&()) {
            Ok(segment) => drop(segment),
            Err(error) => assert!(error.to_string().contains("RLIMIT_FSIZE"), "{error}"),
        });
        assert_eq!(count(std::env::var_os("SERDE_SHM_DIR").unwrap()), 0);
    }
    let descriptors = count("/proc/self/fd") as u64 - 1;
    for more in 0..4 {
        under(Resource::Nofile, descriptors + more, || {
            for result in [options.create(&1_u8), Segment::open(held.id()), to_shared(&1_u8)] {
                if let Err(error) = result {
                    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
                    let limit = format!("(RLIMIT_NOFILE, `ulimit -n`) is {}", descriptors + more);
                    assert!(error.to_string().contains(&limit), "{error}");
                }
            }
        });
    }
    let mapped: u64 = std::fs::read_to_string("/proc/self/statm")
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    under(Resource::As, mapped * 4096 + (4 << 20), || {
        for error in [to_shared(&large).unwrap_err(), Segment::open(held.id()).unwrap_err()] {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.to_string().contains("cannot map the segment"), "{error}");
        }
    });
    drop(options.create(&large).unwrap());
    say("done");
}
