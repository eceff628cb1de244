//! What is listed, removed and reaped, each in a process and a folder of its own.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::SystemTime;

use serde_shm::{ErrorKind, Segment, SegmentOptions, from_shared, segments};

use crate::child::Child;
use crate::model::Model;

macro_rules! alone {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            Child::run_alone("housekeeping", &[stringify!($name)]);
        })*

        pub(crate) fn run(what: &str) {
            match what {
                $(stringify!($name) => role::$name(),)*
                other => panic!("no such role: {other}"),
            }
        }
    };
}

alone! {
    names_are_listed_with_what_is_known_of_them
    one_name_is_removed
    a_session_is_removed_and_nobody_elses
    free_memory_touches_nothing_else
    the_dead_are_reaped_and_nobody_else
    many_reapers_do_no_harm
    a_handle_moves_to_the_newest
    a_name_is_taken_away_by_any_handle
}

fn folder() -> PathBuf {
    let base = PathBuf::from(std::env::var_os("SERDE_SHM_DIR").unwrap());
    base.join(format!("serde_shm-{}", rustix::process::geteuid().as_raw()))
}

fn create(name: &str, value: u32) -> Segment {
    SegmentOptions::new().name(name).replace(true).create(&value).unwrap()
}

fn names() -> Vec<String> {
    segments::list().unwrap().iter().map(|info| info.name().to_owned()).collect()
}

/// A process that held these names and was killed.
fn dead(names: &[&str]) {
    let children: Vec<Child> = names
        .iter()
        .map(|name| {
            let mut child = Child::start("hold", &[name, "true"]);
            child.line();
            child
        })
        .collect();
    children.into_iter().for_each(Child::kill);
}

mod role {
    use super::*;

    pub(super) fn names_are_listed_with_what_is_known_of_them() {
        assert!(segments::list().unwrap().is_empty());
        let before = SystemTime::now() - std::time::Duration::from_secs(1);
        let memory = SegmentOptions::new().name("memory").create(&Model::new(1)).unwrap();
        let file = SegmentOptions::new().name("file").persist(true).create(&Model::new(2)).unwrap();
        let mut child = Child::start("hold", &["held", "false"]);
        child.line();
        dead(&["dead"]);
        let list = segments::list().unwrap();
        let known: Vec<_> = list
            .iter()
            .map(|info| (info.name(), info.pid(), info.is_alive(), info.is_persistent()))
            .collect();
        let dead = list[0].pid();
        assert_ne!(dead, Some(std::process::id()));
        assert_eq!(
            known,
            [
                ("dead", dead, false, false),
                ("file", None, true, true),
                ("held", Some(child.pid()), true, false),
                ("memory", Some(std::process::id()), true, false),
            ]
        );
        assert_eq!(
            (list[1].byte_len(), list[3].byte_len()),
            (file.len() as u64, memory.len() as u64)
        );
        for info in &list {
            assert!(info.created() >= before && info.created() <= SystemTime::now(), "{info:?}");
            assert_eq!(info.live_arrays(), 0);
        }
        child.finish();
        assert_eq!(names(), ["dead", "file", "memory"]);
        drop(memory);
        assert_eq!(segments::free_memory().unwrap(), 2);
        assert!(names().is_empty());
    }

    pub(super) fn one_name_is_removed() {
        assert!(!segments::remove("none").unwrap());
        let held = create("one", 1);
        assert!(segments::remove("one").unwrap());
        assert!(!segments::remove("one").unwrap());
        assert_eq!(Segment::open("one").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(held.get::<u32>().unwrap(), 1);
        let newer = create("one", 2);
        drop(held);
        assert_eq!(from_shared::<u32>("one").unwrap(), 2);
        for bad in ["", "..", "a/b", "/x"] {
            assert_eq!(segments::remove(bad).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
        std::fs::write(folder().join("foreign"), "text").unwrap();
        let error = segments::remove("foreign").unwrap_err();
        assert_eq!((error.kind(), error.container()), (ErrorKind::Corrupt, Some("foreign")));
        std::fs::remove_file(folder().join("foreign")).unwrap();
        drop(newer);
    }

    pub(super) fn a_session_is_removed_and_nobody_elses() {
        let elsewhere = tempfile::tempdir().unwrap();
        let mut child = Child::start("hold", &["theirs", "false"]);
        child.line();
        let mine = create("mine", 1);
        let lost = create("lost", 2);
        let mut thief = Child::start("hold", &["lost", "true"]);
        thief.line();
        let options = SegmentOptions::new().persist(true);
        drop(options.clone().name("kept").create(&3).unwrap());
        let out = options.clone().name("out").dir(elsewhere.path()).create(&4).unwrap();
        let path = out.id().to_owned();
        drop(out);
        let taken = options.clone().name("taken").dir(elsewhere.path()).create(&4).unwrap();
        // Somebody else's by now: a file of that name which this process did not make.
        std::fs::remove_file(taken.id()).unwrap();
        std::fs::write(taken.id(), "somebody's").unwrap();
        drop(create("dropped", 5));
        assert_eq!(segments::remove_session().unwrap(), 3);
        assert_eq!(names(), ["lost", "theirs"]);
        assert!(!std::fs::exists(path).unwrap());
        assert_eq!(std::fs::read(taken.id()).unwrap(), b"somebody's");
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        assert_eq!(segments::remove_session().unwrap(), 0);
        assert_eq!(mine.get::<u32>().unwrap(), 1);
        drop((mine, lost));
        assert_eq!(from_shared::<u32>("lost").unwrap(), thief.pid());
        let again = create("again", 6);
        assert_eq!(segments::remove_session().unwrap(), 1);
        drop(again);
        child.finish();
        thief.finish();
    }

    pub(super) fn free_memory_touches_nothing_else() {
        assert_eq!(segments::free_memory().unwrap(), 0);
        let held = create("mine", 1);
        let mut child = Child::start("hold", &["theirs", "false"]);
        child.line();
        dead(&["dead"]);
        drop(SegmentOptions::new().name("file").persist(true).create(&3).unwrap());
        let id = "7:8:00112233445566778899aabbccddeeff";
        let outside = tempfile::NamedTempFile::new().unwrap();
        let at = |name: &str| folder().join(name);
        std::fs::write(at("later"), format!("serde_shm-entry 2 {id} new\n")).unwrap();
        std::fs::write(at(".new"), "half of a draft").unwrap();
        std::fs::write(at(".file.new"), "half of another").unwrap();
        let foreign =
            ["text", "empty", "almost", ".profile", "name with blanks", "serde_shm-entry"];
        let almost = format!("serde_shm-entri 1 {id}\n");
        for (name, text) in foreign.iter().zip(["text", "", &*almost, "x", "x", "serde_shm-entry"])
        {
            std::fs::write(at(name), text).unwrap();
        }
        // An entry that others can write is not taken for one.
        let loose = at("loose");
        std::fs::write(&loose, format!("serde_shm-entry 1 {id}\n")).unwrap();
        std::fs::set_permissions(&loose, std::fs::Permissions::from_mode(0o666)).unwrap();
        std::fs::create_dir(at("directory")).unwrap();
        symlink(outside.path(), at("link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RWXU,
            0,
        )
        .unwrap();
        assert_eq!(names(), ["dead", "file", "mine", "theirs"]);
        assert_eq!(segments::free_memory().unwrap(), 5);
        assert!(names().is_empty() && outside.path().exists());
        let mut left: Vec<String> = std::fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut kept = [&foreign[..], &["loose", "directory", "link", "pipe"]].concat();
        kept.sort_unstable();
        assert_eq!(left, kept);
        assert_eq!(held.get::<u32>().unwrap(), 1);
        child.finish();
        drop(held);
        std::fs::remove_dir_all(folder()).unwrap();
    }

    pub(super) fn the_dead_are_reaped_and_nobody_else() {
        assert_eq!(segments::reap().unwrap(), 0);
        let held = create("mine", 1);
        drop(SegmentOptions::new().name("file").persist(true).create(&3).unwrap());
        let mut child = Child::start("hold", &["theirs", "false"]);
        child.line();
        dead(&["dead-1", "dead-2", "dead-3"]);
        std::fs::write(folder().join(".new"), "half of a draft").unwrap();
        assert_eq!(names().len(), 6);
        assert_eq!(segments::reap().unwrap(), 3);
        assert_eq!(segments::reap().unwrap(), 0);
        assert_eq!(names(), ["file", "mine", "theirs"]);
        assert_eq!(std::fs::read_dir(folder()).unwrap().count(), 3);
        child.finish();
        assert!(segments::remove("file").unwrap());
        drop(held);
    }

    pub(super) fn many_reapers_do_no_harm() {
        let names: Vec<String> = (0..20).map(|n| format!("dead-{n}")).collect();
        let refs: Vec<&str> = names.iter().map(String::as_str).collect();
        let held: Vec<Segment> = (0..20).map(|n| create(&format!("held-{n}"), n)).collect();
        dead(&refs);
        let reaped: usize = std::thread::scope(|scope| {
            let reapers: Vec<_> = (0..8).map(|_| scope.spawn(segments::reap)).collect();
            // Names that come and go meanwhile are neither reaped nor in the way.
            for n in 0..50 {
                let made = create("busy", n);
                assert_eq!(from_shared::<u32>("busy").unwrap(), n);
                drop(made);
            }
            reapers.into_iter().map(|reaper| reaper.join().unwrap().unwrap()).sum()
        });
        assert_eq!(reaped, 20);
        for (n, segment) in held.iter().enumerate() {
            assert_eq!(from_shared::<usize>(&format!("held-{n}")).unwrap(), n);
            assert_eq!(segment.get::<usize>().unwrap(), n);
        }
    }

    pub(super) fn a_handle_moves_to_the_newest() {
        let first = create("news", 1);
        let mut seen = Segment::open("news").unwrap();
        assert!(!seen.refresh().unwrap());
        let mut second = create("news", 2);
        let id = seen.id().to_owned();
        assert!(seen.refresh().unwrap());
        assert_ne!(seen.id(), id);
        assert!(!seen.refresh().unwrap());
        assert_eq!((seen.get::<u32>().unwrap(), seen.name()), (2, Some("news")));
        drop(first);
        // The entry's dates change, the segment does not.
        let mode = std::fs::Permissions::from_mode(0o400);
        std::fs::set_permissions(folder().join("news"), mode).unwrap();
        assert!(!seen.refresh().unwrap());
        // A maker's handle follows its name, too, and then takes nothing away.
        let mut child = Child::start("hold", &["news", "true"]);
        child.line();
        assert!(second.refresh().unwrap() && seen.refresh().unwrap());
        assert_eq!(second.get::<u32>().unwrap(), child.pid());
        drop(second);
        assert_eq!(from_shared::<u32>("news").unwrap(), child.pid());
        child.kill();
        // Nothing newer: neither behind a dead maker's entry nor behind none.
        assert!(!seen.refresh().unwrap());
        assert_eq!(segments::reap().unwrap(), 1);
        assert!(!seen.refresh().unwrap());
        let last = create("news", 3);
        assert!(seen.refresh().unwrap());
        // From memory to a file and from one file to the next.
        let options = SegmentOptions::new().name("news").replace(true).persist(true);
        for n in [10, 11] {
            let file = options.create(&n).unwrap();
            assert!(seen.refresh().unwrap() && !seen.refresh().unwrap());
            assert_eq!(seen.get::<u32>().unwrap(), n);
            assert_eq!(seen.id(), file.id());
        }
        drop(last);
        assert!(seen.unlink().unwrap());
        let mut unnamed = serde_shm::to_shared(&1).unwrap();
        let error = unnamed.refresh().unwrap_err();
        assert_eq!(
            (error.kind(), error.container()),
            (ErrorKind::InvalidInput, Some(unnamed.id()))
        );
    }

    pub(super) fn a_name_is_taken_away_by_any_handle() {
        let made = create("name", 1);
        let seen = Segment::open("name").unwrap();
        assert!(seen.unlink().unwrap());
        assert!(!made.unlink().unwrap() && !seen.unlink().unwrap());
        let newer = create("name", 2);
        // It is not theirs any more.
        assert!(!made.unlink().unwrap() && !seen.unlink().unwrap());
        drop((made, seen));
        assert_eq!(from_shared::<u32>("name").unwrap(), 2);
        assert!(newer.unlink().unwrap());
        assert_eq!(newer.get::<u32>().unwrap(), 2);
        assert!(!Segment::open(newer.id()).unwrap().unlink().unwrap());
    }
}
